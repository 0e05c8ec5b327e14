"""What bad arguments raise: one `UsageError` that names subject, expected and found.

Everything that a caller of the API hands over goes through here or through `values`, before
anything is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, SupportsIndex

from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN: Final = 80
"""Characters of a value that are shown."""

SHOWN_BITS: Final = 256
"""Bits of an integer that is shown whole; Python refuses to print very large ones."""


class Unique:
    """What there is one of: part of a store, which runs in this process."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn:
        """Refuse `copy` and `pickle`; raises UsageError."""
        name = type(self).__name__
        raise UsageError(
            f"{'an' if name[0] in 'AEI' else 'a'} {name} cannot be copied or pickled",
            hint="a Module and its Traps can; make an instance of it where it is to run",
        )


def brief(value: object) -> str:
    """Return a value as text, for whatever value."""
    try:
        number = integer(value)
        if number is not None and number.bit_length() > SHOWN_BITS:
            return f"a number of {number.bit_length()} bits"
        text = repr(value)
    except Exception:  # noqa: BLE001  # a fault of the value's own must not hide the one told
        return "an object without a representation"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def shown(value: object) -> str:
    """Return a value and its class as text, for whatever value."""
    return f"{brief(value)} ({type(value).__name__})"


def wrong(what: object, expected: str, value: object) -> UsageError:
    """Return the error of a value that is not what is expected."""
    return UsageError(str(what), expected=expected, found=shown(value))


def counted(count: int, noun: str) -> str:
    """Return a number of things: `1 value`, `2 values`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def require(value: object, kind: type | tuple[type, ...], what: object, expected: str) -> None:
    """Raise `UsageError` unless the value is of a class."""
    if not isinstance(value, kind):
        raise wrong(what, expected, value)


def integer(value: object) -> int | None:
    """Return an integer as a plain one, None for anything else.

    A class of the caller's may compare and convert as it likes; its number counts.
    """
    return int.__index__(value) if isinstance(value, int) else None


def require_integer(value: object, least: int, most: int, what: object) -> int:
    """Return an integer from `least` to `most`; raises `UsageError` for anything else."""
    number = integer(value)
    if number is None or not least <= number <= most:
        raise wrong(what, f"an integer from {least} to {most}", value)
    return number


def require_choice(value: object, choices: Iterable[str], what: object) -> None:
    """Raise `UsageError` unless the value is one of some words."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise wrong(what, " or ".join(map(repr, known)), value)


def buffer_bytes(data: object, what: object, expected: str = "bytes, or another buffer") -> bytes:
    """Return the bytes of any buffer, whatever its items are; raises `UsageError`."""
    try:
        return bytes(memoryview(data))  # type: ignore[arg-type]  # that is what is asked here
    except (TypeError, ValueError, BufferError):
        raise wrong(what, expected, data) from None


def require_slice(place: slice, length: int, what: object) -> range:
    """Return the indices that a slice takes, with Python's meaning; raises `UsageError`."""
    parts = (place.start, place.stop, place.step)
    numbers = tuple(map(integer, parts))
    if [*map(_is_none, parts)] != [*map(_is_none, numbers)] or numbers[2] == 0:
        raise wrong(what, "a slice of integers, its step not 0", place)
    return range(*slice(*numbers).indices(length))


def _is_none(value: object) -> bool:
    return value is None
