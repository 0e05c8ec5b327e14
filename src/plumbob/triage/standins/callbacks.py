"""Which stand-ins call back, when, and whom: drawn once from a seed and the original module.

A real host calls what it is given: function references among the arguments, functions in the
tables and globals that it sees, exports. Who takes such a function for dead, or thinks that
nothing changes while an import runs, is right until somebody does it. So there are *worlds*
beside the plain one, in which stand-ins only return: in CALLING they are WebAssembly and call
back; in HOST those that a host's border permits are functions of the engine's own host, by
the same model, so that traps pass through frames of the host.

**Bounds.** A stand-in calls back in `TURNS` of its calls in an instance's life, never in two
that follow each other; `CALLERS` stand-ins do, and those that are given functions. So there is
an end however deep exports and imports call one another.

**The same everywhere.** A plan names exports and tables by their names and types by their
structure, so it holds for what an optimiser made of the module.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.triage.standins import wasi
from plumbob.triage.standins.values import Chance, spell_function
from plumbob.wasm import types as t
from plumbob.wasm.binary.instructions import decode_body, instructions_of
from plumbob.wasm.module import FUNC, GLOBAL, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plumbob.wasm.module import Import, Module

PLAIN, CALLING, HOST = range(3)
"""The worlds: stand-ins only return; they call back as WebAssembly; as the engine's host."""

WORLD_NAMES: Final = ("", "imports call back", "imports of the host's call back")

TURNS: Final = 6
EXPORTS: Final = 2
"""How many exports are called in a turn; one after the other they all have theirs."""
CALLERS: Final = 16
GIVEN_CALLERS: Final = 48
SLOTS: Final = 64
"""How many elements of tables may be called."""
MOST_PARAMS: Final = 16

NUMBERS: Final = frozenset((t.I32, t.I64, t.F32, t.F64))
INTEGERS: Final = frozenset((t.I32, t.I64))


class Action(NamedTuple):
    """A function to be called that stands somewhere in sight."""

    kind: str
    """`export`, `slot` of a table, or `global`."""
    name: str
    """The export's; of an imported table `module.name`."""
    type: t.FuncType | None
    """None of a global, whose own type tells."""
    slot: int = 0
    imported: bool = False

    @property
    def label(self) -> str:
        """What a log calls it."""
        return f"{self.name}[{self.slot}]" if self.kind == "slot" else self.name

    @property
    def crosses(self) -> bool:
        """Whether the engine's own host can make this call, and read what it returns."""
        return (
            self.kind == "export"
            and self.type is not None
            and INTEGERS.issuperset(self.type.params + self.type.results)
            and len(self.type.results) <= 1
        )


class Turn(NamedTuple):
    """A call of a stand-in in which it calls back: the arguments' functions, then these."""

    number: int
    """Among the stand-in's calls in one instance, from 0."""
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Callbacks:
    """Who calls back, and when."""

    turns: Mapping[tuple[str, str, str], tuple[Turn, ...]] = field(default_factory=dict)
    """By module, name and type of an import."""
    signature: t.FuncType | None = None
    """With which type a plain `funcref` is called; None where none is known."""
    tells_types: bool = False
    """Whether the module uses operators that tell a function's type: then one of another type
    is not called, where it would trap."""

    def of(self, item: Import, module: Module) -> tuple[Turn, ...]:
        """Return the turns of an import."""
        return self.turns.get(key(item, module), ())

    def crossing(self) -> Callbacks:
        """Return what of it the engine's own host can do; references in arguments aside."""
        turns = {}
        for name, own in self.turns.items():
            kept = [
                turn._replace(actions=tuple(action for action in turn.actions if action.crosses))
                for turn in own
            ]
            turns[name] = tuple(turn for turn in kept if turn.actions)
        return replace(self, turns=turns)


NONE: Final = Callbacks()


def key(item: Import, module: Module) -> tuple[str, str, str]:
    """Return what an import of a function is known by, before and after an optimiser."""
    assert isinstance(item.type, int)  # noqa: S101  # of a function
    type_ = module.types[item.type].composite
    assert isinstance(type_, t.FuncType)  # noqa: S101  # validation has seen to it
    return item.module, item.name, spell_function(type_, module)


def draw(module: Module, seed: int, *, tells_types: bool) -> Callbacks:
    """Return who calls back in a valid module, before any optimiser has seen it."""
    return _Drawer(module, seed).draw(tells_types=tells_types)


class _Drawer:
    def __init__(self, module: Module, seed: int) -> None:
        self.module = module
        self.seed = seed
        self.first = len(module.imported(FUNC))
        self.plain_types = all(
            len(group.types) == 1 and group.types[0].final and not group.types[0].supertypes
            for group in module.rec_groups
        )

    def draw(self, *, tells_types: bool) -> Callbacks:
        exports = list(self._exports())
        seen = [*self._slots(), *self._globals()]
        turns: dict[tuple[str, str, str], tuple[Turn, ...]] = {}
        for item in self.module.imported(FUNC):
            name = key(item, self.module)
            given = any(self._is_function(param) for param in self._type(item).params)
            if name in turns or item.module in wasi.MODULES:
                continue
            if len(turns) >= (GIVEN_CALLERS if given else CALLERS):
                continue
            if given or exports or seen:
                chance = Chance(self.seed, "callbacks", *name)
                turns[name] = tuple(self._turns(chance, exports, seen))
        return Callbacks(turns, self._signature(), tells_types)

    def _turns(
        self, chance: Chance, exports: Sequence[Action], seen: Sequence[Action]
    ) -> Iterator[Turn]:
        mixed = sorted(range(len(exports)), key=lambda place: chance.draw(place, 1 << 62))
        ranked = sorted((exports[place] for place in mixed), key=lambda one: not one.crosses)
        first = sorted(range(len(seen)), key=lambda place: chance.draw(place, 1 << 61))
        number = 0
        for turn in range(TURNS):
            one = chance.part(turn)
            places = range(EXPORTS * turn, EXPORTS * (turn + 1))
            once = range(min(len(ranked), EXPORTS)) if turn == 0 else places
            actions = [ranked[place % len(ranked)] for place in once] if ranked else []
            if seen:
                actions.append(seen[first[turn % len(seen)]])
            yield Turn(number, tuple(actions))
            number += 2 + one.draw(0, 3)

    def _type(self, item: Import) -> t.FuncType:
        assert isinstance(item.type, int)  # noqa: S101  # of a function
        type_ = self.module.types[item.type].composite
        assert isinstance(type_, t.FuncType)  # noqa: S101  # validation has seen to it
        return type_

    def _is_function(self, type_: t.ValType) -> bool:
        return type_.is_ref and is_function(type_, self.module.types)

    def _defined(self, function: int) -> t.FuncType:
        return self.module.func_type(function)

    def _exports(self) -> Iterator[Action]:
        for item in self.module.exports:
            if item.kind == FUNC and item.index >= self.first:
                type_ = self._defined(item.index)
                if can_be_called(type_):
                    yield Action("export", item.name, type_)

    def _globals(self) -> Iterator[Action]:
        imported = [item.type for item in self.module.imported(GLOBAL)]
        types = [*imported, *(item.type for item in self.module.globals)]
        for item in self.module.exports:
            if item.kind == GLOBAL:
                type_ = types[item.index]
                assert isinstance(type_, t.GlobalType)  # noqa: S101  # the index space says so
                if type_.type.is_ref and self._is_function(type_.type):
                    yield Action("global", item.name, None)

    def _slots(self) -> Iterator[Action]:
        """Yield elements of tables in sight that an active segment fills, as far as is known."""
        if not self.plain_types:  # an optimiser may give functions other types than these
            return
        names: dict[int, tuple[str, bool]] = {}
        for index, source in enumerate(self.module.imported(TABLE)):
            names[index] = f"{source.module}.{source.name}", True
        for item in self.module.exports:
            if item.kind == TABLE:
                names[item.index] = item.name, False
        left = SLOTS
        for segment in self.module.elements:
            offset = None if segment.offset is None else constant_of(segment.offset)
            if segment.table not in names or offset is None:
                continue
            name, imported = names[segment.table]
            for place, function in enumerate(functions_of(segment)):
                if function is None or left == 0:
                    continue
                type_ = self._defined(function)
                if NUMBERS.issuperset(type_.params + type_.results):
                    left -= 1
                    yield Action("slot", name, type_, offset + place, imported)

    def _signature(self) -> t.FuncType | None:
        """Return the type of the functions whose references are likely to leave the module."""
        taken: dict[t.FuncType, None] = {}
        for code in self.module.code[:GIVEN_BODIES]:
            for operator, immediates, _ in decode_body(code.body).instructions:
                if operator.name == "ref.func":
                    taken[self._defined(immediates[0])] = None
        for segment in self.module.elements if not taken else ():
            for function in functions_of(segment):
                if function is not None:
                    taken[self._defined(function)] = None
        usable = [one for one in taken if NUMBERS.issuperset(one.params + one.results)]
        if not usable:
            return None
        return usable[Chance(self.seed, "signature").draw(0, len(usable))]


GIVEN_BODIES: Final = 2000
"""In how many bodies references to functions are looked for."""


def is_function(type_: t.ValType, types: Sequence[t.SubType]) -> bool:
    """Return whether a reference type is one of functions that can be called."""
    heap = type_.heap
    if heap.is_concrete:
        composite = types[heap.index].composite
        return isinstance(composite, t.FuncType) and can_be_called(composite)
    return heap == t.FUNC


def can_be_called(type_: t.FuncType) -> bool:
    """Return whether a stand-in has arguments for a function: numbers, vectors and nulls."""
    return (
        len(type_.params) <= MOST_PARAMS
        and t.UNREACHABLE not in type_.results
        and all(param.defaultable for param in type_.params)
    )


def functions_of(segment: object) -> Iterator[int | None]:
    """Yield the functions of an element segment; None for what is not known to be one."""
    functions = getattr(segment, "functions", None)
    if functions is not None:
        yield from functions
        return
    for expression in getattr(segment, "expressions", ()):
        first = next(iter(instructions_of(expression)))
        yield first.immediates[0] if first.operator.name == "ref.func" else None


def constant_of(expression: bytes) -> int | None:
    """Return the number that a constant expression is, where it is but one."""
    first, *rest = instructions_of(expression)
    if first.operator.name not in ("i32.const", "i64.const"):
        return None
    number = int(first.immediates[0])
    return number if number >= 0 and all(one.operator.name == "end" for one in rest) else None


def arguments(
    seed: int, source: tuple[str, str], turn: int, label: str, type_: t.FuncType
) -> tuple[int, ...]:
    """Return the bits of the numbers that a function is called with; of references 0.

    `source` is the import that calls, in its call `turn`. Zeros are frequent: they trap in
    divisions, and end loops.
    """
    chance = Chance(seed, "callback", *source, label).part(turn)
    return tuple(
        0 if param.is_ref or chance.part(place).draw(0, 3) == 0 else chance.bits(param, place)
        for place, param in enumerate(type_.params)
    )
