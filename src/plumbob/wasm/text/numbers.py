"""Numbers of the text format (Text Format / Values), exact to the bit.

Integers and floats are returned as their bits, unsigned. Floats are rounded once, to
nearest, ties to even, from the number as written: an f32 never goes through an f64
unless that provably changes nothing.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

_NUM = r"[0-9](?:_?[0-9])*+"
_HEX = r"[0-9A-Fa-f](?:_?[0-9A-Fa-f])*+"
_INTEGER = re.compile(rf"([+-]?)(?:0x({_HEX})|({_NUM}))")
_FLOAT = re.compile(
    rf"([+-]?)(?:(inf)|nan(?::0x({_HEX}))?()|0x({_HEX})(?:\.({_HEX})?)?(?:[pP]([+-]?{_NUM}))?"
    rf"|({_NUM}(?:\.(?:{_NUM})?)?(?:[eE][+-]?{_NUM})?))"
)
_UNSIGNED = re.compile(rf"0x({_HEX})|({_NUM})")


class FloatFormat(NamedTuple):
    """A binary interchange format of IEEE 754."""

    bits: int
    mantissa: int
    """Bits of the fraction field."""

    @property
    def bias(self) -> int:
        """The exponent's bias."""
        return (1 << (self.bits - self.mantissa - 2)) - 1

    @property
    def infinity(self) -> int:
        """The bits of positive infinity."""
        return ((1 << (self.bits - self.mantissa - 1)) - 1) << self.mantissa


F32 = FloatFormat(32, 23)
F64 = FloatFormat(64, 52)

_HUGE = 10**9
"""An exponent beyond any format: larger ones need not be told apart."""


class NumberError(ValueError):
    """A word is not a number of the kind asked for, or is out of its range."""

    def __init__(self, subject: str, expected: str) -> None:
        super().__init__(subject)
        self.subject = subject
        self.expected = expected


def _magnitude(digits: str, base: int, bits: int) -> int:
    """Return the value of a numeral, or 2^bits where it is larger than that.

    Python refuses to convert very long decimal numerals, so their length is looked at.
    """
    digits = digits.replace("_", "").lstrip("0")
    return int(digits or "0", base) if len(digits) <= bits else 1 << bits


def parse_unsigned(word: str, bits: int = 32) -> int:
    """Return the value of an unsigned integer of that many bits; raise `NumberError`."""
    match = _UNSIGNED.fullmatch(word)
    if match is None:
        raise NumberError("malformed integer", "an unsigned integer")
    hexadecimal, decimal = match.groups()
    value = _magnitude(hexadecimal or decimal, 16 if hexadecimal else 10, bits)
    if value >> bits:
        raise NumberError("integer out of range", f"an unsigned integer below 2^{bits}")
    return value


def parse_integer(word: str, bits: int) -> int:
    """Return the bits of a signed or unsigned integer; raise `NumberError`.

    A plus sign may precede any unsigned value, as in wasm-tools; the specification's sN
    would stop at 2^(N-1) - 1 there.
    """
    match = _INTEGER.fullmatch(word)
    if match is None:
        raise NumberError("malformed integer", f"an integer of {bits} bits")
    sign, hexadecimal, decimal = match.groups()
    value = _magnitude(hexadecimal or decimal, 16 if hexadecimal else 10, bits)
    if value >> bits or (sign == "-" and value > 1 << (bits - 1)):
        raise NumberError("integer out of range", f"a value from -2^{bits - 1} to 2^{bits} - 1")
    return -value & ((1 << bits) - 1) if sign == "-" else value


def parse_float(word: str, form: FloatFormat) -> int:
    """Return the bits of a float; raise `NumberError` where the word is none or too large."""
    match = _FLOAT.fullmatch(word)
    if match is None:
        raise NumberError("malformed float", f"a float of {form.bits} bits")
    sign, infinity, payload, nan, whole, fraction, exponent, decimal = match.groups()
    if infinity is not None:
        bits = form.infinity
    elif nan is not None:
        bits = form.infinity | _payload(payload, form)
    elif whole is not None:
        digits = (whole + (fraction or "")).replace("_", "")
        point = 4 * len((fraction or "").replace("_", ""))
        bits = _round(int(digits, 16), _exponent(exponent) - point, form)
    else:
        bits = _round_decimal(decimal.replace("_", ""), form)
    if bits == form.infinity and infinity is None:
        raise NumberError("float out of range", f"a value that {form.bits} bits can hold")
    return bits | (sign == "-") << (form.bits - 1)


def _payload(payload: str | None, form: FloatFormat) -> int:
    if payload is None:
        return 1 << (form.mantissa - 1)
    value = _magnitude(payload, 16, form.mantissa)
    if not value or value >> form.mantissa:
        raise NumberError("NaN payload out of range", f"a payload from 1 to 2^{form.mantissa} - 1")
    return value


def _exponent(text: str | None) -> int:
    if text is None:
        return 0
    magnitude = min(_magnitude(text.lstrip("+-"), 10, 64), _HUGE)
    return -magnitude if text.startswith("-") else magnitude


def _round(mantissa: int, exponent: int, form: FloatFormat) -> int:
    """Return the bits of the float nearest to `mantissa * 2^exponent`, which is not negative."""
    if not mantissa:
        return 0
    top = mantissa.bit_length() + exponent - 1
    if top > form.bias:
        return form.infinity
    smallest = 1 - form.bias - form.mantissa
    ulp = max(top - form.mantissa, smallest)
    shift = ulp - exponent
    if shift <= 0:
        significand = mantissa << -shift
    elif shift > mantissa.bit_length() + 1:
        significand = 0
    else:
        significand = mantissa >> shift
        rest = mantissa & ((1 << shift) - 1)
        half = 1 << (shift - 1)
        significand += rest > half or (rest == half and significand & 1)
    # A carry out of the significand moves into the exponent, where it belongs.
    return significand + ((ulp - smallest) << form.mantissa)


def _round_decimal(text: str, form: FloatFormat) -> int:
    """Return the bits of the float nearest to a decimal numeral without underscores."""
    double = float(text)
    (bits,) = struct.unpack("<Q", struct.pack("<d", double))
    if form is F64:
        return int(bits)
    mantissa, exponent = _significand(int(bits), F64)
    rounded = _round(mantissa, exponent, form) if bits < F64.infinity else form.infinity
    # Rounding twice differs from rounding once only where the double lies halfway between
    # two floats and the numeral does not: then which side it is on decides.
    for neighbour in (rounded - 1, rounded, rounded + 1):
        middle = _middle(neighbour, form)
        if middle == (mantissa, exponent):
            from decimal import Decimal  # noqa: PLC0415  # rarely needed, slow to load

            numeral, tie = Decimal(text), Decimal(double)
            if numeral != tie:
                return neighbour + (numeral > tie)
    return rounded


def _significand(bits: int, form: FloatFormat) -> tuple[int, int]:
    """Return an odd (or zero) m and e such that the float with these bits is m * 2^e."""
    fraction = bits & ((1 << form.mantissa) - 1)
    biased = bits >> form.mantissa
    mantissa = fraction | (bool(biased) << form.mantissa)
    exponent = max(biased, 1) - form.bias - form.mantissa
    return _odd(mantissa, exponent)


def _odd(mantissa: int, exponent: int) -> tuple[int, int]:
    if not mantissa:
        return 0, 0
    zeros = (mantissa & -mantissa).bit_length() - 1
    return mantissa >> zeros, exponent + zeros


def _middle(bits: int, form: FloatFormat) -> tuple[int, int] | None:
    """Return the number halfway between a finite float and the next, as `_significand`."""
    if not 0 <= bits < form.infinity:
        return None
    biased = bits >> form.mantissa
    mantissa = bits & ((1 << form.mantissa) - 1) | (bool(biased) << form.mantissa)
    exponent = max(biased, 1) - form.bias - form.mantissa
    return _odd(2 * mantissa + 1, exponent - 1)


def float_text(bits: int, form: FloatFormat) -> str:
    """Return the shortest decimal numeral that reads back as exactly these bits.

    Infinities are `inf`, NaNs `nan` or `nan:0x...` with their payload.
    """
    sign = "-" if bits >> (form.bits - 1) else ""
    magnitude = bits & ((1 << (form.bits - 1)) - 1)
    if magnitude == form.infinity:
        return f"{sign}inf"
    if magnitude > form.infinity:
        payload = magnitude - form.infinity
        return f"{sign}nan" if payload == 1 << (form.mantissa - 1) else f"{sign}nan:{payload:#x}"
    if form is F64:
        (value,) = struct.unpack("<d", struct.pack("<Q", magnitude))
        return sign + _plain(repr(value))
    (value,) = struct.unpack("<f", struct.pack("<I", magnitude))
    for digits in range(1, 10):
        text = f"{value:.{digits - 1}e}"
        if _round_decimal(text, form) == magnitude:
            return sign + _plain(repr(float(text)))
    raise AssertionError(f"nine digits identify every f32, but not {magnitude:#x}")


def _plain(text: str) -> str:
    """Drop what a numeral can do without: `.0`, and a plus sign or zeros in its exponent."""
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
