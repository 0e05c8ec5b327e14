"""Arguments for exported functions: read from words, or chosen from the parameters' types.

An argument is plain data, told so that it can be typed again: `write` is the inverse of
`read_arguments`. Chosen ones depend on the seed, the export's name, the types and the numbers
that the program brings up (`hints.py`), before any optimiser has seen it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.errors import UsageError
from plumbob.semantics.concrete import signed
from plumbob.wasm import types as t
from plumbob.wasm.text.numbers import (
    F32,
    F64,
    NumberError,
    float_text,
    parse_float,
    parse_integer,
    parse_unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.triage.check.hints import Hints
    from plumbob.wasm.types import ValType

NULL: Final = "null"
I31: Final = "i31"
FUNC: Final = "func"
SOME: Final = "some"


class Argument(NamedTuple):
    """A number's or vector's bits, or a shape of reference for a shim to build."""

    type: str
    """As the text format spells it."""
    bits: int | None
    shape: str = ""
    """Of a reference: `null`, `i31` (its number in `bits`), `func`, or `some`."""


INTERESTING_INTEGERS: Final = {
    width: (
        0, 1, (1 << width) - 1, 2, 7, 1 << width - 1, (1 << width - 1) - 1, 0x80, 0xFF, 0xFFFF,
        0x10000, (1 << width) - 8, 31, 32, 63, 64, 1 << width - 2, 0x12345678, 0xAAAAAAAA, 10,
    )
    for width in (32, 64)
}  # fmt: skip
"""Where arithmetic changes its mind, and numbers so small that loops over them end."""

INTERESTING_FLOATS: Final = {
    32: (
        0, 0x3F800000, 0xBF800000, 0x80000000, 0x3F000000, 0x40490FDB, 0x7F800000, 0xFF800000,
        0x7FC00000, 0xFFC00000, 0x7FA00000, 0x00000001, 0x807FFFFF, 0x00800000, 0x7F7FFFFF,
        0x4F000000, 0xCF000000, 0x4F7FFFFF, 0x4B000001, 0xBF7FFFFF,
    ),
    64: (
        0, 0x3FF0000000000000, 0xBFF0000000000000, 1 << 63, 0x3FE0000000000000,
        0x400921FB54442D18, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000000,
        0xFFF8000000000000, 0x7FF4000000000000, 1, 0x800FFFFFFFFFFFFF, 0x0010000000000000,
        0x7FEFFFFFFFFFFFFF, 0x41E0000000000000, 0xC1E0000000200000, 0x43E0000000000000,
        0x4330000000000001, 0xBFEFFFFFFFFFFFFF,
    ),
}  # fmt: skip
"""Zeros, ones, 1/2, pi, infinities, NaNs (one of them signalling), the smallest and largest
subnormal, normal and finite numbers, the bounds of integers, the first odd number beyond
which halves are lost, and the largest number above -1."""

_WIDTHS: Final = {t.I32: 32, t.I64: 64, t.F32: 32, t.F64: 64}


def read_arguments(
    types: Sequence[ValType], words: Sequence[str], export: str
) -> tuple[Argument, ...]:
    """Return the arguments that `words` stand for.

    Integers and floats are as in the text format (`-1`, `0xff`, `nan:0x200000`, `-inf`), a
    v128 is one unsigned integer of 128 bits; a reference is `null`, `func`, `some`, or
    `i31:5`. Raises `UsageError` for words that do not fit the types.
    """
    if len(types) != len(words):
        raise UsageError(
            f"the function {export!r} takes {len(types)} arguments",
            expected=f"({', '.join(map(str, types))})",
            found=" ".join(words) or "none",
        )
    return tuple(_read(type_, word, export) for type_, word in zip(types, words, strict=True))


def _read(type_: ValType, word: str, export: str) -> Argument:
    if type_.is_ref:
        return _read_reference(type_, word, export)
    try:
        if type_ == t.V128:
            bits = parse_unsigned(word, 128)
        elif type_ in (t.F32, t.F64):
            bits = parse_float(word, F32 if type_ == t.F32 else F64)
        else:
            bits = parse_integer(word, _WIDTHS[type_])
    except NumberError as error:
        raise UsageError(
            f"an argument of {export!r}", expected=f"{error.expected} ({type_})", found=repr(word)
        ) from None
    return Argument(str(type_), bits)


def _read_reference(type_: ValType, word: str, export: str) -> Argument:
    shape, colon, number = word.partition(":")
    if shape == I31 and colon:
        try:
            return Argument(str(type_), parse_integer(number, 31), I31)
        except NumberError:
            shape = ""
    if colon or shape not in (NULL, FUNC, SOME):
        raise UsageError(
            f"an argument of {export!r}",
            expected=f"null, i31:NUMBER, func or some ({type_})",
            found=repr(word),
        )
    return Argument(str(type_), None, shape)


def write(argument: Argument) -> str:
    """Return the word from which `read_arguments` makes this argument."""
    return written(argument.type, argument.bits, argument.shape)


def written(type_: str, bits: int | None, shape: str = "") -> str:
    """Return a value in one word: a number in the text format, or a reference's shape."""
    if shape:
        return f"{shape}:{bits}" if shape == I31 and bits is not None else shape
    if bits is None:
        return NULL
    if type_ == "v128":
        return f"0x{bits:032x}"
    if type_ in ("f32", "f64"):
        return float_text(bits, F32 if type_ == "f32" else F64)
    return str(signed(64 if type_ == "i64" else 32, bits))


def choose(
    export: str,
    types: Sequence[ValType],
    shapes: Sequence[Sequence[str]],
    seed: int,
    count: int,
) -> list[tuple[Argument, ...]]:
    """Return up to `count` lists of arguments, without repetitions.

    The first is all zeros and nulls, or as near to it as the types permit. `shapes` says
    what each parameter's shim can build; of numbers it is empty. A function without
    parameters is called once.
    """
    if not types:
        return [()]
    chosen: dict[tuple[Argument, ...], None] = {}
    for row in range(4 * count):
        chosen[_row(export, types, shapes, seed, row)] = None
        if len(chosen) == count:
            break
    return list(chosen)


def choose_hinted(
    export: str,
    types: Sequence[ValType],
    shapes: Sequence[Sequence[str]],
    seed: int,
    count: int,
    hints: Hints,
) -> list[tuple[Argument, ...]]:
    """Return up to `count` lists of arguments of which one or more are the program's numbers.

    Each hint in turn goes to each parameter that can take it, so that the first hints of
    `Hints` are tried before the others; what the other parameters get is drawn: another hint
    as often as not.
    """
    numbers = [hints.numbers(type_) for type_ in types]
    longest = max(map(len, numbers), default=0)
    turns = [
        (place, turn)
        for turn in range(longest)
        for place, own in enumerate(numbers)
        if turn < len(own)
    ]
    chosen: dict[tuple[Argument, ...], None] = {}
    for row, (place, turn) in enumerate(turns[:count], _FIRST_HINTED):
        arguments = list(_row(export, types, shapes, seed, row))
        for other, own in enumerate(numbers):
            dice = _dice(seed, export, row, len(types) + other)
            if other == place:
                arguments[other] = Argument(str(types[other]), own[turn])
            elif own and dice & 1:
                arguments[other] = Argument(str(types[other]), own[(dice >> 1) % len(own)])
        chosen[tuple(arguments)] = None
    return list(chosen)


_FIRST_HINTED: Final = 1 << 20
"""The row of the first list with hints: others are far below."""


def ending(arguments: Sequence[Argument], attempt: int) -> tuple[Argument, ...]:
    """Return arguments in place of those with which a call does not end: smaller ones.

    Integers that may count the turns of a loop become small and positive, or, at a second
    attempt, one; at a third zero. References and floats stay.
    """
    return tuple(
        argument._replace(bits=(argument.bits % 16 + 1, 1, 0)[attempt])
        if argument.type in ("i32", "i64") and argument.bits is not None
        else argument
        for argument in arguments
    )


ATTEMPTS: Final = 3
"""Of `ending`."""


def _row(
    export: str, types: Sequence[ValType], shapes: Sequence[Sequence[str]], seed: int, row: int
) -> tuple[Argument, ...]:
    return tuple(
        _choose(type_, tuple(shapes[place]) if shapes else (), _dice(seed, export, row, place), row)
        for place, type_ in enumerate(types)
    )


def _dice(seed: int, export: str, row: int, place: int) -> int:
    """Return a number that depends on what is given, and looks random."""
    text = f"{seed & (1 << 64) - 1}:{row}:{place}:".encode() + export.encode(
        "utf-8", "surrogatepass"
    )
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "little")


def _choose(type_: ValType, shapes: tuple[str, ...], dice: int, row: int) -> Argument:
    name = str(type_)
    if type_.is_ref:
        shape = shapes[0 if row == 0 else dice % len(shapes)]
        return Argument(name, _integer(32, dice >> 8) & 0x7FFFFFFF if shape == I31 else None, shape)
    if row == 0:
        return Argument(name, 0)
    if type_ == t.V128:
        return Argument(name, _vector(dice))
    width = _WIDTHS[type_]
    if type_ in (t.F32, t.F64):
        return Argument(name, INTERESTING_FLOATS[width][dice % len(INTERESTING_FLOATS[width])])
    return Argument(name, _integer(width, dice))


def _integer(width: int, dice: int) -> int:
    """Return mostly a small or an interesting integer, now and then any bits at all."""
    kind, dice = dice & 7, dice >> 3
    if kind < 3:
        return dice % 17
    if kind < 7:
        values = INTERESTING_INTEGERS[width]
        return values[dice % len(values)]
    return dice & (1 << width) - 1


def _vector(dice: int) -> int:
    """Return lanes of one interesting number, or of two kinds, or any bits at all."""
    kind, dice = dice & 3, dice >> 2
    if kind == 0:
        return dice & (1 << 128) - 1
    width = 32 if kind == 1 else 64
    values = (INTERESTING_FLOATS if kind == 2 else INTERESTING_INTEGERS)[width]
    lanes = 128 // width
    return sum(values[(dice >> 8 * lane) % len(values)] << width * lane for lane in range(lanes))
