"""What is seen from outside: exported functions and state, through shims, as plain data.

**Words.** Everything crosses an engine's border as i32 and i64, the only types that all of
them carry whole. A number is one word, a float's by its bits; a v128 is two i64, the low half
first. A reference is one i64: its kind in the low four bits, and above them the number of an
i31 or a digest of the shape. Null is 0. The same words go in, where the kind says what the
shim builds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.request import Call, OutcomeKind, Value
from plumbob.errors import UsageError
from plumbob.wasm.types import F32, I32, I64, UNREACHABLE, V128

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.request import Outcome
    from plumbob.triage.check.arguments import Argument
    from plumbob.wasm.types import ValType

KINDS: Final = ("null", "i31", "struct", "array", "func", "extern", "exn")
"""Shapes of references; a kind's number is its place. `extern` is what the host made."""

KIND_BITS: Final = 4
SOME: Final = KINDS.index("struct")
"""The kind that asks a shim to build whatever it can."""

_MASK64: Final = (1 << 64) - 1


class Seen(NamedTuple):
    """A value as seen from outside."""

    type: str
    """As the text format spells it; a type index is that of the module shimmed."""
    bits: int | None
    """A number's or vector's bits; of a reference None for null, the 31 bits of an i31, else
    a digest of the shape, which is 0 where there is nothing to tell."""
    shape: str = ""
    """Of a reference: one of `KINDS`."""


@dataclass(frozen=True)
class Observation:
    """What a call did."""

    kind: str
    """`values` or `exception`."""
    values: tuple[Seen, ...]
    """The results, or what the exception carries."""
    tag: str | None = None
    """Of an exception: the tag's export or import name, or `tag 3`; None for one whose tag
    the module does not have."""
    named: bool = False
    """Whether `tag` is such a name, which an optimiser keeps; indices of tags it may change."""


class TagSeen(NamedTuple):
    """A tag as a shim reports it."""

    name: str
    named: bool
    types: tuple[ValType, ...]
    """The payload; its last values are left out where there are more than fit."""


def words_of(type_: ValType) -> tuple[str, ...]:
    """Return the types of the words that a value travels as."""
    if type_ in (I32, F32):
        return ("i32",)
    return ("i64", "i64") if type_ == V128 else ("i64",)


def read_words(types: Sequence[ValType], words: Sequence[int]) -> tuple[Seen, ...]:
    """Return the values that words stand for; words beyond them are ignored."""
    seen = []
    place = 0
    for type_ in types:
        width = len(words_of(type_))
        seen.append(_read(type_, words[place : place + width]))
        place += width
    return tuple(seen)


def _read(type_: ValType, words: Sequence[int]) -> Seen:
    if type_.is_ref:
        kind = KINDS[words[0] & (1 << KIND_BITS) - 1]
        return Seen(str(type_), None if kind == "null" else words[0] >> KIND_BITS, kind)
    if type_ == V128:
        return Seen("v128", words[0] | words[1] << 64)
    return Seen(str(type_), words[0] & 0xFFFFFFFF if type_ in (I32, F32) else words[0])


@dataclass(frozen=True)
class Entry:
    """An exported function of the original module, and how it is called."""

    name: str
    params: tuple[ValType, ...]
    results: tuple[ValType, ...]
    export: str
    """What is called: a shim, or the function itself."""
    shapes: tuple[tuple[str, ...], ...]
    """For each parameter the shapes that a reference may be given; empty for the others."""
    tags: tuple[TagSeen, ...] | None = None
    """What the shim's first word tells apart, from 1; None where nothing is caught."""
    slots: int = 0
    """Where exceptions are caught: how many words follow the first."""
    uncallable: str = ""
    """Why the function cannot be called, or empty."""

    def call(self, args: Sequence[Argument]) -> Call:
        """Return the call. Raises `UsageError` for arguments that do not fit."""
        if self.uncallable:
            raise UsageError(f"{self.name!r} cannot be called", found=self.uncallable)
        if len(args) != len(self.params):
            raise UsageError(
                f"{self.name!r} takes {len(self.params)} arguments", found=str(len(args))
            )
        words: list[Value] = []
        for place, type_ in enumerate(self.params):
            words += _argument_words(self.name, type_, self.shapes[place], args[place])
        return Call(self.export, tuple(words), self._words())

    def _words(self) -> tuple[str, ...]:
        if self.tags is not None:
            return ("i32",) + ("i64",) * self.slots
        if self.results == (UNREACHABLE,):
            return ()
        return tuple(word for type_ in self.results for word in words_of(type_))

    def observe(self, outcome: Outcome) -> Observation | None:
        """Return what the call did; None unless it ended with values."""
        if outcome.kind != OutcomeKind.VALUES:
            return None
        words = [int(value.bits or 0) for value in outcome.values]
        if self.tags is None or words[0] == 0:
            start = 0 if self.tags is None else 1
            return Observation("values", read_words(self.results, words[start:]))
        if words[0] > len(self.tags):
            return Observation("exception", ())
        tag = self.tags[words[0] - 1]
        return Observation("exception", read_words(tag.types, words[1:]), tag.name, tag.named)


def _argument_words(
    name: str, type_: ValType, shapes: tuple[str, ...], given: Argument
) -> list[Value]:
    """Return the words that an argument travels as."""
    if type_.is_ref:
        if given.shape not in shapes:
            raise UsageError(
                f"a parameter {type_} of {name!r}",
                expected=" or ".join(shapes),
                found=given.shape or repr(given.bits),
            )
        kind = SOME if given.shape == "some" else KINDS.index(given.shape)
        number = (given.bits or 0) & 0x7FFFFFFF if given.shape == "i31" else 0
        return [Value("i64", number << KIND_BITS | kind)]
    if given.bits is None or given.shape:
        raise UsageError(f"a parameter {type_} of {name!r}", found=given.shape or "no bits")
    if type_ == V128:
        return [Value("i64", given.bits & _MASK64), Value("i64", given.bits >> 64 & _MASK64)]
    width = 32 if type_ in (I32, F32) else 64
    return [Value(f"i{width}", given.bits & (1 << width) - 1)]


@dataclass(frozen=True)
class Probe:
    """State to be digested once the calls are made, after a trap too."""

    what: str
    """Such as `memory 0 (exported as "mem")`."""
    exported: str | None
    """The export's name; None for internal state."""
    call: Call
    value: ValType | None = None
    """A global's type; None where a digest is seen."""
    ranged: bool = False
    """Whether it digests a range: of a memory's bytes, or a table's elements."""

    def between(self, start: int, stop: int) -> Call:
        """Return the call that digests a range; what is beyond the end is left out.

        Raises `UsageError` for a probe that is not `ranged`.
        """
        if not self.ranged:
            raise UsageError(f"{self.what} has no ranges")
        return Call(self.call.export, (Value("i64", start), Value("i64", stop)), ("i64",))

    def observe(self, outcome: Outcome) -> Seen | None:
        """Return what is seen; None unless the call ended with values."""
        if outcome.kind != OutcomeKind.VALUES:
            return None
        words = [int(value.bits or 0) for value in outcome.values]
        return Seen("i64", words[0]) if self.value is None else _read(self.value, words)


@dataclass(frozen=True)
class Shimmed:
    """A module with its shims: bytes, what can be called, what can be looked at."""

    module: bytes
    entries: tuple[Entry, ...]
    probes: tuple[Probe, ...]


PLAIN: Final = frozenset((I32, I64))
"""Types that cross every border as they are."""
