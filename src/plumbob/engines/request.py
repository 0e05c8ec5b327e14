"""What an engine is asked, and what it answers: plain data, the same for every engine.

Numbers travel as bits: an i32 is 0 to 2^32-1, a float its IEEE encoding as an integer.
References travel as `null` or as "some reference"; whoever wants more adds exported shims
to the module. What an engine cannot express (v128 across JavaScript's border) is
`unsupported`, never a wrong value.

**Stand-ins** describe imports by kind, so that every engine builds the same: a function
that returns listed values in turn and whose calls are logged, a global with a value, a
memory or a table with limits, a tag. All state is the request's: nothing random, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

NUMBERS: Final = {"i32": 32, "i64": 64, "f32": 32, "f64": 64}
"""Value types that travel as bits, with their widths."""

COLLECTING: Final = (("plumbob", "gc"), ("wasmtime", "gc"))
"""Imported functions that run an engine's collector, by module and name."""

NULL: Final = "null"
SOME: Final = "some"


class Value(NamedTuple):
    """A value of a type: bits of a number, or None (null) and SOME for a reference."""

    type: str
    bits: int | str | None

    def wire(self) -> str:
        """Return the value as the harnesses read it: `i32:2a`, `externref:null`."""
        if isinstance(self.bits, int):
            return f"{self.type}:{self.bits:x}"
        return f"{self.type}:{NULL if self.bits is None else self.bits}"

    @staticmethod
    def from_wire(text: str) -> Value:
        """Return the value that a harness wrote. Raises `ValueError` for anything else."""
        kind, _, rest = text.partition(":")
        if kind in NUMBERS:
            bits = int(rest, 16)
            if bits >> NUMBERS[kind]:
                raise ValueError(text)
            return Value(kind, bits)
        if rest not in (NULL, SOME):
            raise ValueError(text)
        return Value(kind, None if rest == NULL else rest)


class CallBack(NamedTuple):
    """A call of an export that an imported function makes, and notes what it returns."""

    turn: int
    """In which of the function's own calls in the instance, from 0."""
    export: str
    args: tuple[Value, ...]
    results: tuple[str, ...]


@dataclass(frozen=True)
class FunctionImport:
    """A function that logs its calls and returns `returns` in turn, then from the start.

    Between the two it makes the calls of `callbacks`, once the instance is there. What ends
    such a call otherwise than with values goes on through the function to its caller.
    """

    module: str
    name: str
    params: tuple[str, ...]
    results: tuple[str, ...]
    returns: tuple[tuple[Value, ...], ...] = ()
    """Without any it returns zeros and nulls."""
    logged: bool = True
    """Whether its calls are noted."""
    callbacks: tuple[CallBack, ...] = ()
    collecting: bool = False
    """Whether it runs the collector whatever it is called."""

    @property
    def collects(self) -> bool:
        """Whether an engine that has a collector runs it in each call."""
        return self.collecting or (self.module, self.name) in COLLECTING

    def wire(self) -> dict[str, Any]:
        """Return the description that harnesses read."""
        rounds = self.returns or (tuple(zero(kind) for kind in self.results),)
        return {
            "kind": "func",
            "module": self.module,
            "name": self.name,
            "params": list(self.params),
            "results": list(self.results),
            "returns": [[value.wire() for value in values] for values in rounds],
            "logged": self.logged,
            "collects": self.collects,
            "callbacks": [
                [one.turn, one.export, [value.wire() for value in one.args], list(one.results)]
                for one in self.callbacks
            ],
        }


@dataclass(frozen=True)
class GlobalImport:
    """A global with its first value."""

    module: str
    name: str
    value: Value
    mutable: bool = False

    def wire(self) -> dict[str, Any]:
        """Return the description that harnesses read."""
        return {
            "kind": "global",
            "module": self.module,
            "name": self.name,
            "type": self.value.type,
            "mutable": self.mutable,
            "value": self.value.wire(),
        }


@dataclass(frozen=True)
class MemoryImport:
    """A memory of `minimum` to `maximum` pages of 64 KiB."""

    module: str
    name: str
    minimum: int
    maximum: int | None = None
    shared: bool = False
    address: str = "i32"

    def wire(self) -> dict[str, Any]:
        """Return the description that harnesses read."""
        return {"kind": "memory", **self.__dict__}


@dataclass(frozen=True)
class TableImport:
    """A table of nulls."""

    module: str
    name: str
    element: str
    minimum: int
    maximum: int | None = None
    address: str = "i32"

    def wire(self) -> dict[str, Any]:
        """Return the description that harnesses read."""
        return {"kind": "table", **self.__dict__}


@dataclass(frozen=True)
class TagImport:
    """An exception tag."""

    module: str
    name: str
    params: tuple[str, ...]

    def wire(self) -> dict[str, Any]:
        """Return the description that harnesses read."""
        return {**self.__dict__, "kind": "tag", "params": list(self.params)}


Import = FunctionImport | GlobalImport | MemoryImport | TableImport | TagImport


@dataclass(frozen=True)
class Call:
    """A call of an export; the types of results say how to read what comes back."""

    export: str
    args: tuple[Value, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A module, in the binary format, and what to do with it in turn, in one instance."""

    module: bytes
    calls: tuple[Call, ...] = ()
    imports: tuple[Import, ...] = ()
    fuel: int | None = None
    """Of engines that count, for each step; others are bounded by time alone."""
    patience: float = 0.0
    """Seconds that a step may take beyond the limit, since the guest waits so long."""

    def wire(self, *, stream: bool, paced: bool = False) -> dict[str, Any]:
        """Return the request as harnesses read it; the module travels beside it.

        With `stream` each step is reported when it is done, else all at the end; with `paced`
        it waits after each for an empty request.
        """
        return {
            "stream": stream,
            "paced": paced,
            "calls": [
                [call.export, [value.wire() for value in call.args], list(call.results)]
                for call in self.calls
            ],
            "imports": [item.wire() for item in self.imports],
            "fuel": self.fuel,
        }


def zero(kind: str) -> Value:
    """Return the default value of a type."""
    return Value(kind, 0 if kind in NUMBERS else None)


class OutcomeKind:
    """What became of a step. Faults of the process have the names of `FaultKind`."""

    OK: Final = "ok"
    """Compiled, or instantiated."""
    VALUES: Final = "values"
    TRAP: Final = "trap"
    EXCEPTION: Final = "exception"
    """An exception of the guest left the step uncaught."""
    FUEL: Final = "fuel"
    UNSUPPORTED: Final = "unsupported"
    """The engine lacks a feature, or its interface cannot express a value."""
    REJECTED: Final = "rejected"
    """The engine calls the module invalid."""
    LINK: Final = "link"
    """The imports do not fit."""
    SKIPPED: Final = "skipped"
    """An earlier step left nothing to do this one with."""


class HostCall(NamedTuple):
    """A call of an imported function that the guest made."""

    place: int
    """Index into the request's imports."""
    args: tuple[Value, ...]
    returned: str = ""
    """The export that the imported function called back; `args` are what that returned."""


@dataclass(frozen=True)
class Outcome:
    """What became of one step."""

    kind: str
    values: tuple[Value, ...] = ()
    trap: str | None = None
    """The kind of trap in the specification's words, or a class of `traps.py`; None where
    the engine's own words tell nothing."""
    message: str = ""
    """The engine's own words."""
    calls: tuple[HostCall, ...] = ()
    """Imported functions that the guest called in this step."""
    signal: str | None = None
    status: int | None = None
    tail: str = ""
    """The last that the engine printed before it failed."""
    waited: float = 0.0
    """Seconds that the guest waited for others, where that passed on a clock of its own."""


@dataclass(frozen=True)
class Answer:
    """What became of a request, step by step."""

    compiled: Outcome
    instantiated: Outcome
    results: tuple[Outcome, ...]
    """One for each call asked for."""
    retried: Outcome | None = None
    """The fault of a first attempt, in a worker that had served others; the steps above
    are those of a second one, alone in a fresh worker."""

    @property
    def steps(self) -> tuple[Outcome, ...]:
        """Every step in order."""
        return (self.compiled, self.instantiated, *self.results)
