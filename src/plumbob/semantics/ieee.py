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
from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.errors import InternalError
from plumbob.semantics.types import F32, F64

if TYPE_CHECKING:
    from plumbob.semantics.domain import RoundingMode
    from plumbob.semantics.types import FloatFormat

_U32, _F32, _U64, _F64 = Struct("<I"), Struct("<f"), Struct("<Q"), Struct("<d")
INFINITY = math.inf


def f64_value(x: int) -> float:
    """Return the double with the bits `x`."""
    value: float = _F64.unpack(_U64.pack(x))[0]
    return value


def f64_bits(x: float) -> int:
    """Return the bits of a double."""
    bits: int = _U64.unpack(_F64.pack(x))[0]
    return bits


def f32_value(x: int) -> float:
    """Return the number with the f32 bits `x`, exactly."""
    value: float = _F32.unpack(_U32.pack(x))[0]
    return value


def f32_bits(x: float) -> int:
    """Return the bits of a double rounded to f32."""
    try:
        packed = _F32.pack(x)
    except OverflowError:  # a finite double that rounds to an infinite f32
        return F32.infinity if x > 0 else F32.infinity | F32.sign_mask
    bits: int = _U32.unpack(packed)[0]
    return bits


def float_divide(x: float, y: float) -> float:
    """Return the IEEE quotient; Python raises on a zero divisor."""
    if y == 0.0:
        if x == 0.0 or x != x:  # noqa: PLR0124 - a NaN differs from itself
            return math.nan
        return math.copysign(INFINITY, x) * math.copysign(1.0, y)
    return x / y


def float_root(x: float) -> float:
    """Return the IEEE square root; Python raises on a negative number."""
    return math.nan if x < 0.0 else math.sqrt(x)


# Integers that a float holds, exactly, in any format.


class Parts(NamedTuple):
    """A finite number `(-1)**negative * significand * 2**exponent`."""

    negative: bool
    significand: int
    exponent: int


def parts(f: FloatFormat, x: int) -> Parts:
    """Take the finite number with the bits `x` apart."""
    field = (x & f.infinity) >> f.fraction_bits
    fraction = x & ((1 << f.fraction_bits) - 1)
    if field:
        fraction |= 1 << f.fraction_bits
    return Parts(bool(x & f.sign_mask), fraction, max(field, 1) - f.emax - f.fraction_bits)


def is_finite(f: FloatFormat, x: int) -> bool:
    """Say whether `x` is neither infinite nor a NaN."""
    return x & f.infinity != f.infinity


def integral_value(f: FloatFormat, x: int) -> int:
    """Return the integer that the finite number `x` is, cut towards zero; 0 for the others."""
    if not is_finite(f, x):
        return 0
    negative, significand, exponent = parts(f, x)
    value = significand << exponent if exponent >= 0 else significand >> -exponent
    return -value if negative else value


def round_integral(f: FloatFormat, mode: RoundingMode, x: int) -> int:
    """Return the bits of `x` rounded to an integral number, with the sign of `x`."""
    if not is_finite(f, x):
        return x
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


def exact_bits(f: FloatFormat, negative: bool, significand: int, exponent: int) -> int:  # noqa: FBT001 - the sign is data here
    """Return the bits of `(-1)**negative * significand * 2**exponent`, which `f` can hold."""
    sign = f.sign_mask if negative else 0
    if significand == 0:
        return sign
    lowest = 1 - f.emax - f.fraction_bits
    # The exponent of the last place, in the number's binade or in the subnormals.
    place = max(exponent + significand.bit_length() - f.precision, lowest)
    shift = exponent - place
    fraction = significand << shift if shift >= 0 else significand >> -shift
    if shift < 0 and fraction << -shift != significand:
        raise InternalError(f"not a number of {f.name}", found=f"{significand} * 2**{exponent}")
    # In a normal number the hidden bit of `fraction` adds one to the exponent field.
    return sign | (((place - lowest) << f.fraction_bits) + fraction)


# MPFR. It is imported when first needed: most programs use f32 and f64 alone, and the
# import takes as long as starting the command line.


class _Mpfr:
    """gmpy2, and one context for each format."""

    def __init__(self) -> None:
        import gmpy2  # noqa: PLC0415 - see above

        self.gmpy2 = gmpy2
        # Holds every significand of a format and every integer of 128 bits.
        self.exact = gmpy2.context(precision=128)
        self.contexts: dict[str, Any] = {}

    def context(self, f: FloatFormat) -> Any:
        """Return the context that rounds to `f`.

        MPFR's significands are in [1/2, 1), so its exponents are greater by one; the
        least one is that of the least subnormal number.
        """
        if f.name not in self.contexts:
            self.contexts[f.name] = self.gmpy2.context(
                precision=f.precision,
                emax=f.emax + 1,
                emin=3 - f.emax - f.precision,
                subnormalize=True,
                round=self.gmpy2.RoundToNearest,
            )
        return self.contexts[f.name]

    def value(self, f: FloatFormat, x: int) -> Any:
        """Return the number with the bits `x`."""
        if not is_finite(f, x):
            nan = x & ((1 << f.fraction_bits) - 1)
            return self.gmpy2.mpfr("nan" if nan else ("-inf" if x & f.sign_mask else "inf"))
        negative, significand, exponent = parts(f, x)
        if significand == 0:
            return self.gmpy2.mpfr("-0" if negative else "0")
        return self.scaled(-significand if negative else significand, exponent)

    def scaled(self, significand: int, exponent: int) -> Any:
        """Return `significand * 2**exponent` exactly; the significand is not zero."""
        whole = self.gmpy2.mpfr(significand, max(significand.bit_length(), 2))
        return self.exact.mul_2exp(whole, exponent) if exponent else whole

    def bits(self, f: FloatFormat, value: Any) -> int:
        """Return the bits of a number that was rounded in `context(f)`."""
        negative = bool(value.is_signed())
        if value.is_nan():
            return f.default_nan
        if value.is_infinite():
            return f.infinity | (f.sign_mask if negative else 0)
        if value.is_zero():
            return f.sign_mask if negative else 0
        significand, exponent = value.as_mantissa_exp()
        return exact_bits(f, negative, abs(int(significand)), int(exponent))


@cache
def _mpfr() -> _Mpfr:
    return _Mpfr()


def mpfr_operation(f: FloatFormat, name: str, *operands: int) -> int:
    """Return MPFR's result of `name` (add, sub, mul, div, sqrt, fma) rounded once to `f`."""
    engine = _mpfr()
    context = engine.context(f)
    result = getattr(context, name)(*(engine.value(f, x) for x in operands))
    return engine.bits(f, result)


def mpfr_from_integer(f: FloatFormat, n: int) -> int:
    """Return the bits of the integer `n` rounded once to `f`."""
    if n == 0:
        return 0
    engine = _mpfr()
    return engine.bits(f, engine.context(f).plus(engine.scaled(n, 0)))


def mpfr_convert(f: FloatFormat, to: FloatFormat, x: int) -> int:
    """Return the bits of the number `x` of format `f` rounded once to `to`."""
    engine = _mpfr()
    return engine.bits(to, engine.context(to).plus(engine.value(f, x)))


# One function for each operation and format: the host's where it is exact.


def add(f: FloatFormat, x: int, y: int) -> int:
    """Return the sum."""
    if f is F64:
        return f64_bits(f64_value(x) + f64_value(y))
    if f is F32:
        return f32_bits(f32_value(x) + f32_value(y))
    return mpfr_operation(f, "add", x, y)


def sub(f: FloatFormat, x: int, y: int) -> int:
    """Return the difference."""
    if f is F64:
        return f64_bits(f64_value(x) - f64_value(y))
    if f is F32:
        return f32_bits(f32_value(x) - f32_value(y))
    return mpfr_operation(f, "sub", x, y)


def mul(f: FloatFormat, x: int, y: int) -> int:
    """Return the product."""
    if f is F64:
        return f64_bits(f64_value(x) * f64_value(y))
    if f is F32:
        return f32_bits(f32_value(x) * f32_value(y))
    return mpfr_operation(f, "mul", x, y)


def div(f: FloatFormat, x: int, y: int) -> int:
    """Return the quotient."""
    if f is F64:
        return f64_bits(float_divide(f64_value(x), f64_value(y)))
    if f is F32:
        return f32_bits(float_divide(f32_value(x), f32_value(y)))
    return mpfr_operation(f, "div", x, y)


def sqrt(f: FloatFormat, x: int) -> int:
    """Return the square root."""
    if f is F64:
        return f64_bits(float_root(f64_value(x)))
    if f is F32:
        return f32_bits(float_root(f32_value(x)))
    return mpfr_operation(f, "sqrt", x)


def fma(f: FloatFormat, x: int, y: int, z: int) -> int:
    """Return `x * y + z`, rounded once."""
    return mpfr_operation(f, "fma", x, y, z)


def convert(f: FloatFormat, to: FloatFormat, x: int) -> int:
    """Return the number `x` rounded to another format."""
    if f is F32 and to is F64:
        return f64_bits(f32_value(x))
    if f is F64 and to is F32:
        return f32_bits(f64_value(x))
    return mpfr_convert(f, to, x)


def from_integer(to: FloatFormat, n: int) -> int:
    """Return the integer `n` (of at most 128 bits) rounded to a format."""
    if to is F64:
        return f64_bits(float(n))  # Python rounds an int correctly, ties to even
    if to is F32 and -(1 << 53) <= n <= 1 << 53:
        return f32_bits(float(n))  # exact in a double, so rounded once
    return mpfr_from_integer(to, n)
