"""In which order exports are called a second time: who writes, then who reads.

The first round calls export by export, so that one that reads what a later one writes has
seen nothing of it. In the second round each function that may change the instance's state is
followed by functions that may read it, those without parameters before the others, and all
in another order than before.

**Effects** are those of the operators in a function and its callees; a call through a table
or a reference, and one of an imported function, may do anything.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.module import FUNC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plumbob.triage.check.arguments import Argument
    from plumbob.wasm.module import Module

ROUND: Final = 400
"""How many calls the second round has at most."""
NULLARY: Final = 4
"""How many readers without parameters follow each writer, in turn."""
OTHERS: Final = 2
"""How many readers with parameters follow each writer, in turn."""

_ANYTHING: Final = frozenset(("read", "write", "import"))

Row = tuple[str, tuple["Argument", ...]]


class Effects:
    """What functions of a module may do to its state, by their index."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._imports = len(module.imported(FUNC))

    @cached_property
    def _own(self) -> list[tuple[frozenset[str], tuple[int, ...]]]:
        """What each body does by itself, and whom it calls."""
        return [_effects(code.body) for code in self._module.code]

    @cached_property
    def _all(self) -> list[frozenset[str]]:
        """What each defined function does, its callees' doing among it: a least fixed point.

        The sets have three elements, so each function changes three times at most.
        """
        found = [own for own, _ in self._own]
        callers: list[list[int]] = [[] for _ in found]
        for place, (_, callees) in enumerate(self._own):
            for callee in callees:
                if callee < self._imports:
                    found[place] = _ANYTHING
                else:
                    callers[callee - self._imports].append(place)
        waiting = list(range(len(found)))
        while waiting:
            place = waiting.pop()
            for caller in callers[place]:
                if not found[place] <= found[caller]:
                    found[caller] |= found[place]
                    waiting.append(caller)
        return found

    def imports(self, function: int) -> bool:
        """Return whether a function may call an import."""
        return "import" in self.of(function)

    def of(self, function: int) -> frozenset[str]:
        """Return which of `read`, `write` and `import` it may do."""
        return _ANYTHING if function < self._imports else self._all[function - self._imports]


def _effects(body: bytes) -> tuple[frozenset[str], tuple[int, ...]]:
    effects: set[str] = set()
    callees: dict[int, None] = {}
    for operator, immediates, _ in decode_body(body).instructions:
        if "call" in operator.effects:
            if operator.name in ("call", "return_call"):
                callees[immediates[0]] = None
            else:
                effects |= _ANYTHING
        for effect in operator.effects:
            doing, dot, where = effect.partition(".")
            if dot and where != "local":
                effects.add(doing)
    return frozenset(effects), tuple(callees)


def second_round(
    rows: Mapping[str, Sequence[tuple[Argument, ...]]],
    effects: Mapping[str, frozenset[str]],
    seed: int,
) -> list[Row]:
    """Return calls in an order of their own; none where nothing is written, or none reads it.

    `rows` are the arguments of each export in the first round, of which one is taken.
    """
    order = sorted(rows, key=lambda name: _dice(seed, name))
    writers = [name for name in order if "write" in effects[name]]
    readers = [name for name in order if "read" in effects[name]]
    if not writers or not readers or len(rows) == 1:
        return []
    nullary = [name for name in readers if rows[name] == [()]]
    others = [name for name in readers if rows[name] != [()]]
    out: list[Row] = []
    for turn, writer in enumerate(writers):
        args = rows[writer]
        out.append((writer, args[_dice(seed, f"row {writer}") % len(args)]))
        for group, width in ((nullary, NULLARY), (others, OTHERS)):
            for place in range(min(width, len(group))):
                reader = group[(turn * width + place) % len(group)]
                if reader != writer:
                    out.append((reader, rows[reader][0]))
        if len(out) >= ROUND:
            break
    return out[:ROUND]


def _dice(seed: int, text: str) -> int:
    data = f"{seed & (1 << 64) - 1}:".encode() + text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8, person=b"second round").digest(), "little")
