"""Numbers, against arbitrary precision: each float is rounded exactly once."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import gmpy2
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from plumbob.wasm.text.numbers import (
    F32,
    F64,
    FloatFormat,
    NumberError,
    float_text,
    parse_float,
    parse_integer,
    parse_unsigned,
)

FORMATS = st.sampled_from([F32, F64])


def value_of(bits: int, form: FloatFormat) -> Fraction:
    """Return the value of a finite float, by the definition of the format."""
    biased = bits >> form.mantissa
    fraction = bits & ((1 << form.mantissa) - 1)
    exponent = max(biased, 1) - form.bias - form.mantissa
    return Fraction(fraction + (bool(biased) << form.mantissa)) * Fraction(2) ** exponent


def nearest(value: Fraction, form: FloatFormat) -> int:
    """Return the float nearest to a value that is not negative, found by bisection."""
    low, high = 0, form.infinity
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if value_of(middle, form) <= value else (low, middle)
    # One beyond the largest float, were there no infinity.
    above = value_of(high, form) if high < form.infinity else Fraction(2) ** (form.bias + 1)
    below = value_of(low, form)
    if value - below == above - value:
        return low if low % 2 == 0 else high
    return low if value - below < above - value else high


def bits_or_infinity(word: str, form: FloatFormat) -> int:
    try:
        return parse_float(word, form)
    except NumberError:
        return form.infinity


def decimal(value: Fraction) -> str:
    """Return a numeral for exactly a value whose denominator is a power of two."""
    shift = value.denominator.bit_length() - 1
    return f"{value.numerator * 5**shift}e-{shift}"


@pytest.mark.parametrize(
    ("word", "bits", "value"),
    [
        ("0", 32, 0),
        ("-0", 32, 0),
        ("4294967295", 32, 0xFFFFFFFF),
        ("-2147483648", 32, 0x80000000),
        ("+0x7fff_ffff", 32, 0x7FFFFFFF),
        ("0xFFFF_FFFF", 32, 0xFFFFFFFF),
        ("-1", 64, (1 << 64) - 1),
        ("1_000", 8, None),
        ("1_0", 8, 10),
        ("255", 8, 255),
        ("-128", 8, 128),
        ("-129", 8, None),
        ("256", 8, None),
        ("0" * 5000 + "7", 32, 7),
        ("9" * 5000, 64, None),
        ("0x" + "f" * 5000, 64, None),
        ("1__0", 32, None),
        ("_1", 32, None),
        ("1_", 32, None),
        ("0x", 32, None),
        ("0x_1", 32, None),
        ("0X1", 32, None),
        ("1.0", 32, None),
        ("", 32, None),
        ("- 1", 32, None),
        ("--1", 32, None),
        ("\u0661", 32, None),
    ],
)
def test_integers(word: str, bits: int, value: int | None) -> None:
    if value is None:
        with pytest.raises(NumberError):
            parse_integer(word, bits)
    else:
        assert parse_integer(word, bits) == value


@pytest.mark.parametrize("word", ["-1", "+1", "4294967296", "0x1_0000_0000", "a", ""])
def test_not_unsigned(word: str) -> None:
    with pytest.raises(NumberError):
        parse_unsigned(word)


@given(st.integers(-(1 << 63), (1 << 64) - 1), st.sampled_from(["{}", "{:#x}"]))
def test_integers_of_64_bits(value: int, form: str) -> None:
    assert parse_integer(form.format(value), 64) == value % (1 << 64)


@pytest.mark.parametrize(
    ("word", "f32", "f64"),
    [
        ("0", 0, 0),
        ("-0", 1 << 31, 1 << 63),
        ("1", 0x3F800000, 0x3FF0000000000000),
        ("+1.", 0x3F800000, 0x3FF0000000000000),
        ("1_0.2_5e-0_1", 0x3F833333, 0x3FF0666666666666),
        ("0x1p0", 0x3F800000, 0x3FF0000000000000),
        ("0x.8p1", None, None),
        ("0x0.8p1", 0x3F800000, 0x3FF0000000000000),
        ("0x1_0.8P-4", 0x3F840000, 0x3FF0800000000000),
        ("inf", 0x7F800000, 0x7FF0000000000000),
        ("-inf", 0xFF800000, 0xFFF0000000000000),
        ("nan", 0x7FC00000, 0x7FF8000000000000),
        ("-nan", 0xFFC00000, 0xFFF8000000000000),
        ("nan:0x1", 0x7F800001, 0x7FF0000000000001),
        ("-nan:0x7f_ffff", 0xFFFFFFFF, 0xFFF00000007FFFFF),
        ("nan:0x800000", None, 0x7FF0000000800000),
        ("nan:0x0", None, None),
        ("nan:1", None, None),
        ("nan:canonical", None, None),
        ("1e39", None, 0x48078287F49C4A1D),
        ("0x1.fffffep127", 0x7F7FFFFF, 0x47EFFFFFE0000000),
        ("0x1.fffffeffffffp127", 0x7F7FFFFF, 0x47EFFFFFEFFFFFF0),
        ("0x1.ffffffp127", None, 0x47EFFFFFF0000000),
        ("1e400", None, None),
        ("1e99999999999999999999", None, None),
        ("0x1p99999999999999999999", None, None),
        ("1e-99999999999999999999", 0, 0),
        ("0x1p-99999999999999999999", 0, 0),
        ("0x1p-149", 1, 0x36A0000000000000),
        ("0x1p-150", 0, 0x3690000000000000),
        ("0x1.0000000000001p-150", 1, 0x3690000000000001),
        ("0x1p-1074", 0, 1),
        ("0x1p-1075", 0, 0),
        ("0x3p-1075", 0, 2),
        # Through an f64 these would round to the even neighbour, the wrong one.
        ("0x1.00000100000000000001p0", 0x3F800001, 0x3FF0000010000000),
        ("1.00000005960464477539062500001", 0x3F800001, 0x3FF0000010000000),
        ("1.00000005960464477539062499999", 0x3F800000, 0x3FF0000010000000),
        ("1.000000059604644775390625", 0x3F800000, 0x3FF0000010000000),
        (".5", None, None),
        ("1e", None, None),
        ("1e+", None, None),
        ("0x1p", None, None),
        ("1._0", None, None),
        ("1_.0", None, None),
        ("Inf", None, None),
        ("infinity", None, None),
        ("1f", None, None),
        ("", None, None),
    ],
)
def test_floats(word: str, f32: int | None, f64: int | None) -> None:
    for form, bits in ((F32, f32), (F64, f64)):
        if bits is None:
            with pytest.raises(NumberError):
                parse_float(word, form)
        else:
            assert parse_float(word, form) == bits, form


@given(st.integers(0, (1 << 63) - 1), FORMATS, st.integers(-2, 2))
@example(0x7FEFFFFFFFFFFFFF, F64, 1)
@example(0, F32, 1)
@example(0x00800000, F32, -1)
def test_decimals_beside_the_middle_of_two_floats(seed: int, form: FloatFormat, nudge: int) -> None:
    bits = seed % form.infinity
    next_value = (
        value_of(bits + 1, form) if bits + 1 < form.infinity else Fraction(2) ** (form.bias + 1)
    )
    value = (value_of(bits, form) + next_value) / 2 + nudge * Fraction(1, 1 << 1300)
    assert bits_or_infinity(decimal(value), form) == nearest(value, form)


@given(st.integers(0, 1 << 90), st.integers(-1250, 1050), FORMATS)
def test_hexadecimals(mantissa: int, exponent: int, form: FloatFormat) -> None:
    value = Fraction(mantissa) * Fraction(2) ** exponent
    assume(value < Fraction(2) ** (form.bias + 2))
    word = f"0x{mantissa:x}p{exponent}"
    expected = nearest(value, form) if value < Fraction(2) ** (form.bias + 1) else form.infinity
    assert bits_or_infinity(word, form) == expected


@given(st.from_regex(r"[0-9]{1,20}(\.[0-9]{0,30})?(e[+-]?[0-9]{1,3})?", fullmatch=True))
def test_f32_against_mpfr(word: str) -> None:
    with gmpy2.context(precision=24, emin=-148, emax=128, subnormalize=True):
        single = float(gmpy2.mpfr(word))
    expected = struct.unpack("<I", struct.pack("<f", single))[0] if single < math.inf else None
    assert bits_or_infinity(word, F32) == (expected if expected is not None else F32.infinity)


@given(st.integers(0, (1 << 64) - 1), FORMATS)
@example(1, F32)
@example(1, F64)
@example(0x7F7FFFFF, F32)
@example(0x7FA00000, F32)
@example(0x8000000000000000, F64)
def test_floats_survive_printing(bits: int, form: FloatFormat) -> None:
    bits %= 1 << form.bits
    assert parse_float(float_text(bits, form), form) == bits


@pytest.mark.parametrize(
    ("bits", "form", "text"),
    [
        (0x3DCCCCCD, F32, "0.1"),
        (0x3F800000, F32, "1"),
        (0xC2F60000, F32, "-123"),
        (0x60AD78EC, F32, "1e20"),
        (0x3FB999999999999A, F64, "0.1"),
        (0x7E37E43C8800759C, F64, "1e300"),
        (0x7FC00000, F32, "nan"),
        (0xFFC00001, F32, "-nan:0x400001"),
    ],
)
def test_floats_are_short(bits: int, form: FloatFormat, text: str) -> None:
    assert float_text(bits, form) == text
