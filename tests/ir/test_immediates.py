from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.errors import InternalError
from plumbob.ir import types
from plumbob.ir.immediates import (
    format_bytes,
    format_float,
    format_integer,
    format_offset,
    lane_values,
    parse_bytes,
    parse_float,
    parse_integer,
    parse_signed,
    vector_bytes,
)

WIDTHS = st.sampled_from((16, 32, 64, 128))


@given(WIDTHS.flatmap(lambda w: st.tuples(st.just(w), st.integers(0, (1 << w) - 1))))
def test_floats_read_back_bit_for_bit(case: tuple[int, int]) -> None:
    width, bits = case
    assert parse_float(format_float(bits, width), width) == bits


@given(st.floats(allow_nan=False))
def test_f64_means_what_python_says(value: float) -> None:
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    text = format_float(bits, 64)
    if math.isfinite(value):
        assert float.fromhex(text) == value
        assert parse_float(value.hex().replace("0x0.0p+0", "0x0.0"), 64) == bits


@pytest.mark.parametrize(
    ("text", "width", "bits"),
    [
        ("0x34.0p0", 32, 0x42500000),
        ("0x4.0p0", 64, 0x4010000000000000),
        ("0x0.1", 64, 0x3FB0000000000000),
        ("0xf.f", 32, 0x417F0000),
        ("-0x1.0p-149", 32, 0x80000001),
        ("0x1p-149", 32, 1),
        ("0x.8", 32, 0x3F000000),
        ("-0.0", 16, 0x8000),
        ("0x0.0p99999", 64, 0),
        ("Inf", 32, 0x7F800000),
        ("-Inf", 16, 0xFC00),
        ("+NaN", 32, 0x7FC00000),
        ("-NaN:0x1", 64, 0xFFF8000000000001),
        ("+NaN:0x0", 32, 0x7FC00000),
        ("+sNaN:0x1", 32, 0x7F800001),
        ("-sNaN:0x1ff", 16, 0xFDFF),
        ("0x1.ffffffffffffffffffffffffffffp16383", 128, 0x7FFEFFFFFFFFFFFFFFFFFFFFFFFFFFFF),
    ],
)
def test_float_texts(text: str, width: int, bits: int) -> None:
    assert parse_float(text, width) == bits


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("1.5", 32),
        ("0x", 32),
        ("0x.", 32),
        ("0x_", 32),
        ("", 32),
        ("+", 32),
        ("0x1.0p128", 32),
        ("0x1.0p-150", 32),
        ("0x1.0000001", 32),
        ("0x1.0p999999999999", 64),
        ("+sNaN", 32),
        ("+sNaN:0x0", 32),
        ("NaN:0x400000", 32),
        ("0x1.001", 16),
    ],
)
def test_floats_that_are_not_exact_are_refused(text: str, width: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_float(text, width)


def test_float_forms() -> None:
    assert format_float(0x4010000000000000, 64) == "0x1.0000000000000p2"
    assert format_float(0x80000001, 32) == "-0x0.000002p-126"
    assert format_float(0, 16) == "0.0"
    assert format_float(0x7FC00000, 32) == "+NaN"
    assert format_float(0x7F800001, 32) == "+sNaN:0x1"


@given(WIDTHS.flatmap(lambda w: st.tuples(st.just(w), st.integers(0, (1 << w) - 1))))
def test_integers_read_back(case: tuple[int, int]) -> None:
    width, bits = case
    assert parse_integer(format_integer(bits, width), width) == bits


@pytest.mark.parametrize(
    ("text", "width", "value"),
    [
        ("-128", 8, 0x80),
        ("255", 8, 0xFF),
        ("0xffff_ffff", 32, 0xFFFFFFFF),
        ("-0x1", 64, (1 << 64) - 1),
        ("+7", 16, 7),
        ("00012", 8, 12),
    ],
)
def test_integer_texts(text: str, width: int, value: int) -> None:
    assert parse_integer(text, width) == value


@pytest.mark.parametrize(
    "text", ["256", "-129", "0x", "0x_", "_1", "", "1.0", "ten", "9" * 10_000, "0x" + "f" * 10_000]
)
def test_integers_that_do_not_fit(text: str) -> None:
    with pytest.raises(ValueError, match="integer"):
        parse_integer(text, 8)


def test_signed_numbers_keep_their_sign() -> None:
    assert parse_signed("-12", 32) == -12
    assert parse_signed("0x7fff_ffff", 32) == 0x7FFFFFFF
    for text in ("0x8000_0000", "-0x8000_0001"):
        with pytest.raises(ValueError, match="32 bits"):
            parse_signed(text, 32)


def test_integer_forms() -> None:
    assert format_integer(0xFFFFFFF4, 32) == "-12"
    assert format_integer(10_000, 32) == "0x2710"
    assert format_integer(0x10000, 64) == "0x0001_0000"
    assert format_integer(0xDEE8DEDE, 32) == "0xdee8_dede"
    assert [format_offset(n) for n in (0, 8, -72, 0x10000)] == ["", "+8", "-72", "+0x0001_0000"]


@given(st.binary(min_size=1, max_size=64))
def test_constants_read_back(data: bytes) -> None:
    assert parse_bytes(format_bytes(data)) == data


def test_constants_are_written_last_byte_first() -> None:
    assert parse_bytes("0x0102030405") == bytes((5, 4, 3, 2, 1))
    assert parse_bytes("0x123") == bytes((0x23, 1))
    for text in ("12", "0x", "0xg"):
        with pytest.raises(ValueError, match="hexadecimal"):
            parse_bytes(text)


def test_vector_literals() -> None:
    data = vector_bytes(["-1", "0", "1", "0x7fff_ffff"], types.I32X4)
    assert lane_values(data, types.I32X4) == (0xFFFFFFFF, 0, 1, 0x7FFFFFFF)
    floats = vector_bytes(["+NaN", "-0.0"], types.F64X2)
    assert lane_values(floats, types.F64X2) == (0x7FF8 << 48, 1 << 63)
    with pytest.raises(ValueError, match="4 lanes"):
        vector_bytes(["1"], types.I32X4)
    with pytest.raises(InternalError):
        lane_values(b"123", types.I32X4)
