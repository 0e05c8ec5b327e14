"""Values in run lines: `%f(1, -0x1.0p3, [1 2 3 4]) == [1, 2]`, by the types of a signature."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.errors import InputError
from plumbob.ir.immediates import (
    format_float,
    format_integer,
    lane_values,
    parse_bytes,
    parse_float,
    parse_integer,
    vector_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.ir.types import Type

_INVOCATION: Final = re.compile(r"\s*(%[\w.$]*|u\d+:\d+)\((.*?)\)\s*(?:(==|!=)\s*(.+?)\s*)?")


class Invocation(NamedTuple):
    """A call as text: the function, its arguments, and what is expected.

    `comparison` is "==", "!=" or None where nothing is expected.
    """

    symbol: str
    arguments: tuple[str, ...]
    comparison: str | None
    expected: str


def parse_invocation(text: str) -> Invocation:
    """Return a call, with or without a comparison; raises InputError."""
    match = _INVOCATION.fullmatch(text)
    if match is None:
        expected = "such as `%f(1, 2)` or `%f(1, 2) == 3`"
        raise InputError("malformed call of a function", expected=expected, found=f"`{text}`")
    symbol, arguments, comparison, expected = match.groups()
    return Invocation(symbol, split_values(arguments), comparison, expected or "")


def split_values(text: str) -> tuple[str, ...]:
    """Return the values between commas; commas within brackets do not count."""
    values, depth, start = [], 0, 0
    for position, char in enumerate(text):
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            values.append(text[start:position].strip())
            start = position + 1
    last = text[start:].strip()
    return (*values, last) if last or values else ()


def split_results(text: str, count: int) -> tuple[str, ...]:
    """Return the values of an expectation: one as it is, several as `[a, b]`."""
    if count == 1:
        return (text,)
    if text.startswith("[") and text.endswith("]"):
        return split_values(text[1:-1])
    return split_values(text)


def parse_value(text: str, ty: Type) -> int:
    """Return the bits of a value of a type; raises InputError."""
    try:
        if ty.is_vector:
            return int.from_bytes(_vector(text, ty), "little")
        if ty.is_float:
            return parse_float(text, ty.bits)
        return parse_integer(text, ty.bits)
    except ValueError as error:
        found = f"`{text}`"
        raise InputError(f"malformed {ty} value", expected=str(error), found=found) from None


def _vector(text: str, ty: Type) -> bytes:
    if text.startswith("["):
        if not text.endswith("]"):
            raise ValueError("a closing bracket")
        data = vector_bytes(text[1:-1].replace(",", " ").split(), ty)
    else:
        data = parse_bytes(text)
        data = data + bytes(max(0, ty.bytes - len(data)))
    if len(data) != ty.bytes:
        raise ValueError(f"{ty.lanes} lanes")
    return data


def parse_values(texts: Sequence[str], types: Sequence[Type], subject: str) -> tuple[int, ...]:
    """Return the bits of values of these types; raises InputError."""
    if len(texts) != len(types):
        found = str(len(texts))
        raise InputError(subject, expected=f"{len(types)} values", found=found)
    return tuple(parse_value(text, ty) for text, ty in zip(texts, types, strict=True))


def format_value(bits: int, ty: Type) -> str:
    """Return a value as run lines write it."""
    if ty.is_vector:
        lanes = lane_values(bits.to_bytes(ty.bytes, "little"), ty)
        return f"[{' '.join(_format_scalar(lane, ty.lane) for lane in lanes)}]"
    return _format_scalar(bits, ty)


def _format_scalar(bits: int, ty: Type) -> str:
    return format_float(bits, ty.bits) if ty.is_float else format_integer(bits, ty.bits)


def format_values(values: Sequence[int], types: Sequence[Type]) -> str:
    """Return results as an expectation writes them: one as it is, several as `[a, b]`."""
    texts = [format_value(bits, ty) for bits, ty in zip(values, types, strict=True)]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
