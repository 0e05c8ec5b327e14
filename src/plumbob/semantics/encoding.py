"""The encodings of IEEE 754 formats: bit patterns, Python's floats, exact parts.

Between bits and doubles only numbers and some NaN pass: packing an f32 quiets a
signalling NaN, so no payload is ever read from a double.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from plumbob.errors import InternalError
from plumbob.semantics.types import F32, F64

if TYPE_CHECKING:
    from plumbob.semantics.types import FloatFormat

_U16, _F16 = Struct("<H"), Struct("<e")
_U32, _F32 = Struct("<I"), Struct("<f")
_U64, _F64 = Struct("<Q"), Struct("<d")


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


def double_of(f: FloatFormat, x: int) -> float:
    """Return the double that equals the number `x` of f16, f32 or f64."""
    if f is F64:
        return f64_value(x)
    if f is F32:
        return f32_value(x)
    value: float = _F16.unpack(_U16.pack(x))[0]
    return value


def bits_of_double(f: FloatFormat, value: float) -> int:
    """Return the bits of a double, no NaN, that is a number of f16, f32 or f64."""
    if f is F64:
        return f64_bits(value)
    if f is F32:
        return f32_bits(value)
    bits: int = _U16.unpack(_F16.pack(value))[0]
    return bits


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
