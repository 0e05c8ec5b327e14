"""Exact IEEE 754 arithmetic on bit patterns, for the concrete domain.

Two engines. f32 and f64 use the host's doubles, where Python's operators are the
correctly rounded IEEE ones. f16, f128, and fused multiply-add in every format use MPFR
through gmpy2 with the format's precision and exponent range and with subnormals
emulated, so every operation rounds once.

f32 through doubles rounds twice, to 53 bits and then to 24, which gives the correctly
rounded result for + - * / and sqrt because 53 >= 2 * 24 + 2 (S. A. Figueroa, When is
double rounding innocuous?, SIGNUM Newsletter 30(3), 1995): a result of two 24-bit
operands that is not itself a 24-bit number or a midpoint of two is further away from
every midpoint than a double's rounding error. Sums and products that become subnormal
in f32 are exact in a double; a quotient has no near-midpoints there either, since a
midpoint with fewer bits is only further away. A fused multiply-add has three operands and
can come arbitrarily close to a midpoint, and an integer of 64 bits is no 24-bit operand:
those two take the other engine.

NaNs: an operation whose result is a NaN returns some NaN. Payloads are the definitions'
business (`floats.quieted_nan`), since packing an f32 quiets, and MPFR knows one NaN.
"""

from __future__ import annotations

import math
import operator as operators
from struct import Struct
from typing import TYPE_CHECKING

from plumbob.semantics import mpfr
from plumbob.semantics.encoding import (
    exact_bits,
    f32_bits,
    f32_value,
    f64_bits,
    f64_value,
    is_finite,
    parts,
)
from plumbob.semantics.types import F32, F64, FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.semantics.domain import RoundingMode
    from plumbob.semantics.types import FloatFormat

_II, _FF = Struct("<II"), Struct("<ff")
_QQ, _DD = Struct("<QQ"), Struct("<dd")
_U64, _F64 = Struct("<Q"), Struct("<d")


def float_divide(x: float, y: float) -> float:
    """Return the IEEE quotient; Python raises on a zero divisor."""
    if y == 0.0:
        if x == 0.0 or x != x:  # noqa: PLR0124 - a NaN differs from itself
            return math.nan
        return math.copysign(math.inf, x) * math.copysign(1.0, y)
    return x / y


def float_root(x: float) -> float:
    """Return the IEEE square root; Python raises on a negative number."""
    return math.nan if x < 0.0 else math.sqrt(x)


def integral_value(f: FloatFormat, x: int) -> int:
    """Return the integer that the finite number `x` is, cut towards zero; 0 for the others."""
    if not is_finite(f, x):
        return 0
    if f is F64:
        return int(f64_value(x))
    if f is F32:
        return int(f32_value(x))
    negative, significand, exponent = parts(f, x)
    value = significand << exponent if exponent >= 0 else significand >> -exponent
    return -value if negative else value


_TO_INTEGRAL: dict[str, Callable[[float], int]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "trunc": math.trunc,
    "nearest": round,  # ties to even
}


def round_integral(f: FloatFormat, mode: RoundingMode, x: int) -> int:
    """Return the bits of `x` rounded to an integral number, with the sign of `x`."""
    if not is_finite(f, x):
        return x
    if f is F64:
        value = f64_value(x)
        return f64_bits(math.copysign(_TO_INTEGRAL[mode](value), value))
    if f is F32:
        value = f32_value(x)
        return f32_bits(math.copysign(_TO_INTEGRAL[mode](value), value))
    return _round_parts(f, mode, x)


def _round_parts(f: FloatFormat, mode: RoundingMode, x: int) -> int:
    negative, significand, exponent = parts(f, x)
    if exponent >= 0:
        return x
    whole, rest = significand >> -exponent, significand & ((1 << -exponent) - 1)
    if mode == "nearest":
        half = 1 << (-exponent - 1)
        up = rest > half or (rest == half and whole & 1 == 1)
    else:
        up = rest != 0 and mode == ("floor" if negative else "ceil")
    return exact_bits(f, negative, whole + up, 0)


# Arithmetic: one function for each operator and format, the host's where it is exact.


def _f64(operator: Callable[[float, float], float]) -> Callable[[int, int], int]:
    unpack, pack, unpack_bits, pack_value = _DD.unpack, _QQ.pack, _U64.unpack, _F64.pack

    def apply(x: int, y: int) -> int:
        a, b = unpack(pack(x, y))
        bits: int = unpack_bits(pack_value(operator(a, b)))[0]
        return bits

    return apply


def _f32(operator: Callable[[float, float], float]) -> Callable[[int, int], int]:
    unpack, pack = _FF.unpack, _II.pack

    def apply(x: int, y: int) -> int:
        a, b = unpack(pack(x, y))
        return f32_bits(operator(a, b))

    return apply


def _mpfr(operator: str, f: FloatFormat) -> Callable[..., int]:
    def apply(*operands: int) -> int:
        return mpfr.engine().operation(f, operator, operands)

    return apply


ARITHMETIC: dict[tuple[str, str], Callable[..., int]] = {
    (operator, f.name): _mpfr(operator, f)
    for f in FORMATS.values()
    for operator in ("add", "sub", "mul", "div", "sqrt", "fma")
}
"""The rounded result of add, sub, mul, div, sqrt or fma of a format, by both names."""

for _name, _operator in {
    "add": operators.add,
    "sub": operators.sub,
    "mul": operators.mul,
    "div": float_divide,
}.items():
    ARITHMETIC[_name, "f64"] = _f64(_operator)
    ARITHMETIC[_name, "f32"] = _f32(_operator)
ARITHMETIC["sqrt", "f64"] = lambda x: f64_bits(float_root(f64_value(x)))
ARITHMETIC["sqrt", "f32"] = lambda x: f32_bits(float_root(f32_value(x)))


def convert(f: FloatFormat, to: FloatFormat, x: int) -> int:
    """Return the number `x` rounded to another format."""
    if f is F32 and to is F64:
        return f64_bits(f32_value(x))
    if f is F64 and to is F32:
        return f32_bits(f64_value(x))
    return mpfr.engine().convert(f, to, x)


def from_integer(to: FloatFormat, n: int) -> int:
    """Return the integer `n` (of at most 128 bits) rounded to a format."""
    if to is F64:
        return f64_bits(float(n))  # Python rounds an int correctly, ties to even
    if to is F32 and -(1 << 53) <= n <= 1 << 53:
        return f32_bits(float(n))  # exact in a double, so rounded once
    return mpfr.engine().from_integer(to, n)
