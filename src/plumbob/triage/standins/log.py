"""The log of stand-ins that are defined in the module, and how it is read back.

They all call one imported function of nine i64: a head, and eight words of a record. The
head is `place of the record's description << 8 | MORE | how many words count`; a record of
more words takes several calls, all but the last marked with MORE. An argument is one word,
a vector two, a reference one (`describe_reference`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.request import FunctionImport, Value
from plumbob.triage.standins.model import LoggedCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plumbob.engines.request import HostCall

WORDS: Final = 8
"""Words of a record in one call."""
MORE: Final = 0x80
"""Mark in a head: the record goes on with the next call."""
PARAMS: Final = ("i64",) * (1 + WORDS)

NULL, I31, STRUCT, ARRAY, FUNC, EXTERN, EXN, OTHER = range(8)
"""What a reference is: the low byte of its word. Above it stands the number of an i31, or
the length of an array."""

_SHAPES: Final = ("null", "i31", "struct", "array", "func", "extern", "exn", "any")


class Record(NamedTuple):
    """What the words of a record mean."""

    module: str
    name: str
    types: tuple[str, ...]
    """Of the arguments, as `LoggedCall.args` has them."""
    text: bool = False
    """Whether a length and as many bytes follow the arguments."""
    returned: str | None = None
    """As of `LoggedCall`."""


def log_import(taken: Iterable[tuple[str, str]]) -> FunctionImport:
    """Return the function that logs, under a name that no other import has."""
    names = set(taken)
    name = "log"
    while ("plumbob", name) in names:
        name += "_"
    return FunctionImport("plumbob", name, PARAMS, ())


def describe_reference(word: int) -> str:
    """Return what a reference's word says: `null`, `i31:2a`, `struct`, `array:3`, ..."""
    shape, detail = word & 0xFF, word >> 8
    if shape == I31:
        return f"i31:{detail:x}"
    if shape == ARRAY:
        return f"array:{detail}"
    return _SHAPES[shape] if shape < len(_SHAPES) else f"shape {shape}"


class LogReader:
    """Reads the log of one module's stand-ins."""

    def __init__(
        self,
        functions: Mapping[int, tuple[str, str]],
        log: int | None,
        records: Sequence[Record],
    ) -> None:
        """Take the functions that hosts provide, and which of them logs, by import's place."""
        self._functions = dict(functions)
        self._log = log
        self._records = tuple(records)

    def read(self, calls: Sequence[HostCall]) -> tuple[LoggedCall, ...]:
        """Return the calls that the guest made, in order; `calls` are those of one outcome.

        A record that was broken off (the guest ran out of fuel) has the arguments that came.
        Raises `ValueError` for calls that this module's stand-ins do not make.
        """
        out: list[LoggedCall] = []
        pending: list[int] = []
        place = -1
        for call in calls:
            if call.place != self._log:
                if call.place not in self._functions:
                    raise ValueError(f"import {call.place} is no function")
                module, name = self._functions[call.place]
                out.append(LoggedCall(module, name, call.args, returned=call.returned or None))
                continue
            head, *words = (_word(value) for value in call.args)
            if pending and place != head >> 8:
                out.append(self._logged(place, pending))
                pending = []
            place = head >> 8
            pending += words[: head & (MORE - 1)]
            if not head & MORE:
                out.append(self._logged(place, pending))
                pending = []
        if pending:
            out.append(self._logged(place, pending))
        return tuple(out)

    def _logged(self, place: int, words: list[int]) -> LoggedCall:
        if not 0 <= place < len(self._records):
            raise ValueError(f"no record {place} is described")
        record = self._records[place]
        left = iter(words)
        args = []
        for kind in record.types:
            word = next(left, None)
            if word is None:
                break
            args.append(_value(kind, word, left))
        text = None
        if record.text:
            length = next(left, 0)
            text = b"".join(word.to_bytes(8, "little") for word in left)[:length]
        return LoggedCall(record.module, record.name, tuple(args), text, record.returned)


def _word(value: Value) -> int:
    if not isinstance(value.bits, int):
        raise ValueError(f"{value.wire()} in the log")  # noqa: TRY004  # what an engine sent
    return value.bits


def _value(kind: str, word: int, more: Iterable[int]) -> Value:
    if kind in ("i32", "f32"):
        return Value(kind, word & 0xFFFF_FFFF)
    if kind in ("i64", "f64"):
        return Value(kind, word)
    if kind == "v128":
        return Value(kind, word | next(iter(more), 0) << 64)
    return Value(kind, None if word == NULL else describe_reference(word))
