"""Random functions that are valid by construction, with everything in them.

A function grows by statements: a use of some operator whose operands are fetched before and
whose results go to a local or are dropped; blocks, loops and conditionals around such
statements; branches, and dead code behind them. What it does if run is of no interest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wasm.support.environment import Case, Environment, code, locals_header
from tests.wasm.support.uses import POOL, all_uses

from plumbob.wasm import features as f
from plumbob.wasm.binary.instructions import BlockType
from plumbob.wasm.types import I32, NULL, ValType

if TYPE_CHECKING:
    from random import Random

    from tests.wasm.support.uses import Use

LOCALS = tuple(dict.fromkeys(ValType(item | NULL) if item.is_ref else item for item in POOL))
"""One local of each type of the pool, made nullable: they all have a default."""
MAX_DEPTH = 6
CONTROL = {"label", "labels", "catches", "blocktype", "local"}


def _is_statement(use: Use) -> bool:
    """Whether a use can stand anywhere: it opens and closes nothing, and control goes on."""
    return not (
        use.before
        or use.after
        or use.locals
        or use.operator.ends_in_dead_code
        or CONTROL & set(use.operator.immediates)
        or use.operator.feature & f.LEGACY_EXCEPTIONS
        or use.name == "return"
        or "tail" in use.operator.checks
    )


STATEMENTS = [use for use in all_uses() if _is_statement(use)]
LIKELY = [use for use in STATEMENTS if not use.operator.prefix]
LOCAL_OF = {item: index for index, item in enumerate(LOCALS)}


def fetch(type_: ValType) -> bytes:
    """Return code that leaves a value of a type of the pool, or one that is nullable."""
    if type_ in LOCAL_OF:
        return code(("local.get", LOCAL_OF[type_]))
    return code(("local.get", LOCAL_OF[ValType(type_ | NULL)]), ("ref.as_non_null",))


def _can_fetch(use: Use) -> bool:
    return all(
        item in LOCAL_OF or (item.is_ref and ValType(item | NULL) in LOCAL_OF)
        for item in use.operands
    )


STATEMENTS = [use for use in STATEMENTS if _can_fetch(use)]
LIKELY = [use for use in LIKELY if _can_fetch(use)]


class Generator:
    """Writes one function."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.depth = 1
        self.out = bytearray()

    def statement(self) -> None:
        """Append an operator with its operands; its results go somewhere."""
        rng = self.rng
        use = rng.choice(LIKELY if rng.random() < 0.6 else STATEMENTS)
        for type_ in use.operands:
            self.out += fetch(type_)
        self.out += use.encoded()
        for type_ in reversed(use.results):
            index = LOCAL_OF.get(ValType(type_ | NULL) if type_.is_ref else type_)
            if index is None or rng.random() < 0.3:
                self.out += code(("drop",))
            elif rng.random() < 0.3:
                self.out += code(("local.tee", index), ("drop",))
            else:
                self.out += code(("local.set", index))

    def branch(self) -> None:
        """Append a branch, conditional or not, to a label that takes nothing."""
        label = self.rng.randrange(self.depth)
        match self.rng.randrange(5):
            case 0:
                self.out += code(("br", label))
            case 1:
                labels = tuple(self.rng.randrange(self.depth) for _ in range(3))
                self.out += fetch(I32) + code(("br_table", labels))
            case 2:
                self.out += code((self.rng.choice(("return", "unreachable")),))
            case _:
                self.out += fetch(I32) + code(("br_if", label))

    def dead(self) -> None:
        """Append operators without operands, which dead code may have, or nothing."""
        if self.rng.random() < 0.3:
            self.out += code(("unreachable",))
            for _ in range(self.rng.randrange(3)):
                use = self.rng.choice(LIKELY)
                self.out += use.encoded() + code(("drop",)) * len(use.results)

    def block(self) -> None:
        """Append a block of some kind, with or without a result, with code in it."""
        rng = self.rng
        kind = rng.choice(("block", "loop", "if", "if else", "result", "try_table"))
        self.depth += 1
        type_ = rng.choice(POOL)
        if kind == "result":
            # Its label takes a value, so nothing inside may branch to it.
            self.out += code(("block", BlockType(type_))) + fetch(type_) + code(("end",), ("drop",))
        else:
            word = kind.partition(" ")[0]
            if word == "if":
                self.out += fetch(I32)
            catches = ((),) if word == "try_table" else ()
            self.out += code((word, BlockType(), *catches))
            self.statements()
            if kind == "if else":
                self.out += code(("else",))
                self.statements()
            self.out += code(("end",))
        self.depth -= 1

    def statements(self) -> None:
        """Append some statements; the last may leave the code dead."""
        for _ in range(self.rng.randrange(1, 8)):
            if self.depth < MAX_DEPTH and self.rng.random() < 0.25:
                self.block()
            else:
                self.statement()
        if self.rng.random() < 0.3:
            self.branch()
        self.dead()


def program(rng: Random, environment: Environment) -> bytes:
    """Return a module that ends in a random function."""
    generator = Generator(rng)
    for _ in range(rng.randrange(1, 4)):
        generator.statements()
    body = locals_header(LOCALS) + bytes(generator.out) + code(("end",))
    return environment.binary(Case((), (), body))
