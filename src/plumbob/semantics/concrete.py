"""The concrete domain: values are ints, truth values are bools.

A value of width `w` is an int `0 <= x < 2**w`: integers as unsigned numbers, floats as
their bit patterns, vectors as one int of the full width with lane 0 lowest. Every
primitive takes such values and returns such values; nothing checks it, for speed.

Why vectors are whole ints and not tuples of lanes: docs/decisions/031-vectors-as-integers.md.
"""

# ruff: noqa: D102 - the protocol documents each primitive
# ruff: noqa: ARG002 - a concrete value needs no width for many primitives
# ruff: noqa: FBT001 - truth values are this domain's data
from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from plumbob.semantics import ieee

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.semantics.domain import NanRule, RoundingMode
    from plumbob.semantics.types import FloatFormat

_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}
LANES = {
    (bits, lanes): Struct(f"<{lanes}{code}")
    for bits, code in _CODES.items()
    for lanes in (1, 2, 4, 8, 16, 32, 64)
    if bits * lanes <= 1024
}
"""Packers of `(lane_bits, lanes)`; 1024 bits hold both operands of a 512-bit operation."""

_REVERSED_BYTE = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def signed(w: int, x: int) -> int:
    """Return the signed number that the `w` bits of `x` stand for."""
    half = 1 << (w - 1)
    return (x ^ half) - half


def divide(w: int, x: int, y: int) -> int:
    """Return the signed quotient towards zero; all ones for a zero divisor, as in SMT-LIB."""
    a, b = signed(w, x), signed(w, y)
    if b == 0:
        return 1 if a < 0 else (1 << w) - 1
    quotient = abs(a) // abs(b)
    return (quotient if (a < 0) == (b < 0) else -quotient) & ((1 << w) - 1)


def remainder(w: int, x: int, y: int) -> int:
    """Return the signed remainder; the dividend for a zero divisor, as in SMT-LIB."""
    a, b = signed(w, x), signed(w, y)
    if b == 0:
        return x
    rest = abs(a) % abs(b)
    return (-rest if a < 0 else rest) & ((1 << w) - 1)


def reverse_bits(w: int, x: int) -> int:
    """Return the bits in opposite order; `w` is a multiple of 8."""
    return int.from_bytes(x.to_bytes(w // 8, "little").translate(_REVERSED_BYTE), "big")


def trailing_zeros(w: int, x: int) -> int:
    """Return the number of zeros below the lowest one; `w` for zero."""
    return (x & -x).bit_length() - 1 if x else w


def split(w: int, x: int, lanes: int) -> Sequence[int]:
    """Return the equal parts of `x`, the least significant first."""
    packer = LANES.get((w // lanes, lanes))
    if packer is not None:
        return packer.unpack(x.to_bytes(w // 8, "little"))
    n = w // lanes
    mask = (1 << n) - 1
    return tuple(x >> (i * n) & mask for i in range(lanes))


def join(w: int, parts: Sequence[int]) -> int:
    """Return parts of width `w` each as one value, the first least significant."""
    packer = LANES.get((w, len(parts)))
    if packer is not None:
        return int.from_bytes(packer.pack(*parts), "little")
    value = 0
    for part in reversed(parts):
        value = value << w | part
    return value


class ConcreteDomain:
    """`Domain[int, bool]`: the plain meaning of every primitive."""

    def __init__(self, nan_rule: NanRule = "first") -> None:
        self.nan_rule: NanRule = nan_rule

    def const(self, w: int, value: int) -> int:
        return value

    def truth(self, value: bool) -> bool:
        return value

    def both(self, a: bool, b: bool) -> bool:
        return a and b

    def either(self, a: bool, b: bool) -> bool:
        return a or b

    def negate(self, a: bool) -> bool:
        return not a

    def select(self, w: int, c: bool, x: int, y: int) -> int:
        return x if c else y

    def extract(self, w: int, x: int, low: int, n: int) -> int:
        return x >> low & ((1 << n) - 1)

    def zero_extend(self, w: int, x: int, to: int) -> int:
        return x

    def sign_extend(self, w: int, x: int, to: int) -> int:
        return signed(w, x) & ((1 << to) - 1)

    def split(self, w: int, x: int, lanes: int) -> Sequence[int]:
        return split(w, x, lanes)

    def join(self, w: int, parts: Sequence[int]) -> int:
        return join(w, parts)

    def add(self, w: int, x: int, y: int) -> int:
        return x + y & ((1 << w) - 1)

    def sub(self, w: int, x: int, y: int) -> int:
        return x - y & ((1 << w) - 1)

    def mul(self, w: int, x: int, y: int) -> int:
        return x * y & ((1 << w) - 1)

    def udiv(self, w: int, x: int, y: int) -> int:
        return x // y if y else (1 << w) - 1

    def urem(self, w: int, x: int, y: int) -> int:
        return x % y if y else x

    def sdiv(self, w: int, x: int, y: int) -> int:
        return divide(w, x, y)

    def srem(self, w: int, x: int, y: int) -> int:
        return remainder(w, x, y)

    def and_(self, w: int, x: int, y: int) -> int:
        return x & y

    def or_(self, w: int, x: int, y: int) -> int:
        return x | y

    def xor(self, w: int, x: int, y: int) -> int:
        return x ^ y

    def not_(self, w: int, x: int) -> int:
        return x ^ ((1 << w) - 1)

    def shl(self, w: int, x: int, n: int) -> int:
        return x << n & ((1 << w) - 1)

    def lshr(self, w: int, x: int, n: int) -> int:
        return x >> n

    def ashr(self, w: int, x: int, n: int) -> int:
        return signed(w, x) >> n & ((1 << w) - 1)

    def popcount(self, w: int, x: int) -> int:
        return x.bit_count()

    def leading_zeros(self, w: int, x: int) -> int:
        return w - x.bit_length()

    def trailing_zeros(self, w: int, x: int) -> int:
        return trailing_zeros(w, x)

    def reverse_bits(self, w: int, x: int) -> int:
        return reverse_bits(w, x)

    def reverse_bytes(self, w: int, x: int) -> int:
        return int.from_bytes(x.to_bytes(w // 8, "little"), "big")

    def eq(self, w: int, x: int, y: int) -> bool:
        return x == y

    def ult(self, w: int, x: int, y: int) -> bool:
        return x < y

    def ule(self, w: int, x: int, y: int) -> bool:
        return x <= y

    def slt(self, w: int, x: int, y: int) -> bool:
        return signed(w, x) < signed(w, y)

    def sle(self, w: int, x: int, y: int) -> bool:
        return signed(w, x) <= signed(w, y)

    def float_add(self, f: FloatFormat, x: int, y: int) -> int:
        return ieee.ARITHMETIC["add", f.name](x, y)

    def float_sub(self, f: FloatFormat, x: int, y: int) -> int:
        return ieee.ARITHMETIC["sub", f.name](x, y)

    def float_mul(self, f: FloatFormat, x: int, y: int) -> int:
        return ieee.ARITHMETIC["mul", f.name](x, y)

    def float_div(self, f: FloatFormat, x: int, y: int) -> int:
        return ieee.ARITHMETIC["div", f.name](x, y)

    def float_sqrt(self, f: FloatFormat, x: int) -> int:
        return ieee.ARITHMETIC["sqrt", f.name](x)

    def float_fma(self, f: FloatFormat, x: int, y: int, z: int) -> int:
        return ieee.ARITHMETIC["fma", f.name](x, y, z)

    def float_round(self, f: FloatFormat, mode: RoundingMode, x: int) -> int:
        return ieee.round_integral(f, mode, x)

    def float_convert(self, f: FloatFormat, to: FloatFormat, x: int) -> int:
        return ieee.convert(f, to, x)

    def float_from_unsigned(self, w: int, to: FloatFormat, x: int) -> int:
        return ieee.from_integer(to, x)

    def float_from_signed(self, w: int, to: FloatFormat, x: int) -> int:
        return ieee.from_integer(to, signed(w, x))

    def float_to_unsigned(self, f: FloatFormat, w: int, x: int) -> int:
        return ieee.integral_value(f, x) & ((1 << w) - 1)

    def float_to_signed(self, f: FloatFormat, w: int, x: int) -> int:
        return ieee.integral_value(f, x) & ((1 << w) - 1)


CONCRETE = ConcreteDomain()
