"""LEB128: writers and readers against each other and against a model of the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.leb import signed_fits, unsigned_fits, write_s32, write_sized, write_u32
from plumbob.wasm.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, tuple[int, bool, Callable[[Reader], int]]] = {
    "u32": (32, False, Reader.u32),
    "u64": (64, False, Reader.u64),
    "s32": (32, True, Reader.s32),
    "s33": (33, True, Reader.s33),
    "s64": (64, True, Reader.s64),
}


def model(data: bytes, bits: int, *, signed: bool) -> tuple[str, int, int]:
    """Read an integer as the grammar says; return (code or "", value, bytes read)."""
    value = 0
    most = -(-bits // 7)
    for place, byte in enumerate(data[:most]):
        value |= (byte & 0x7F) << 7 * place
        if byte & 0x80:
            continue
        if signed and byte & 0x40:
            value -= 1 << 7 * (place + 1)
        fits = signed_fits(value, bits) if signed else unsigned_fits(value, bits)
        return ("" if fits else "E0103"), value, place + 1
    return ("E0101" if len(data) < most else "E0102"), 0, 0


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_writers_and_readers_agree(kind: str, data: st.DataObject) -> None:
    bits, signed, read = KINDS[kind]
    low, high = (-1 << bits - 1, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    edges = [low, low + 1, -1, 0, 1, 63, 64, 127, 128, high - 1, high]
    value = data.draw(
        st.one_of(
            st.sampled_from([edge for edge in edges if low <= edge <= high]),
            st.integers(low, high),
            st.integers(0, bits).map(lambda shift: min(max((1 << shift) - 1, low), high)),
            st.integers(0, bits).map(lambda shift: min(max(-1 << shift, low), high)),
        )
    )
    out = bytearray()
    (write_s32 if signed else write_u32)(out, value)
    reader = Reader(bytes(out))
    assert read(reader) == value
    assert reader.at_end
    assert model(bytes(out), bits, signed=signed) == ("", value, len(out))
    # The shortest: its last byte is not the mere repetition of the sign.
    if len(out) > 1:
        rest = model(bytes([*out[:-2], out[-2] & 0x7F]), bits, signed=signed)
        assert rest[1] != value


@pytest.mark.parametrize("kind", KINDS)
@given(
    data=st.lists(
        st.one_of(st.sampled_from([0x80, 0xFF, 0xC0]), st.integers(0, 255)), max_size=12
    ).map(bytes)
)
@example(data=b"\x80" * 4 + b"\x10")
@example(data=b"\xff" * 4 + b"\x0f")
@example(data=b"\xff" * 4 + b"\x4f")
@example(data=b"\x80" * 4 + b"\x70")
@example(data=b"\x80" * 9 + b"\x7e")
@example(data=b"\xff" * 9 + b"\x01")
@example(data=b"\x80" * 9 + b"\x02")
@example(data=b"\x80" * 10 + b"\x00")
def test_readers_follow_the_grammar(kind: str, data: bytes) -> None:
    bits, signed, read = KINDS[kind]
    code, value, length = model(data, bits, signed=signed)
    reader = Reader(data)
    if code:
        with pytest.raises(MalformedError) as error:
            read(reader)
        assert error.value.code == code
        assert reader.offset == 0
    else:
        assert read(reader) == value
        assert reader.offset == length


@given(st.binary(max_size=300), st.binary(max_size=5))
def test_sized(data: bytes, rest: bytes) -> None:
    out = bytearray()
    write_sized(out, data)
    reader = Reader(bytes(out) + rest)
    assert reader.bytes(reader.length()) == data
    assert reader.remaining == len(rest)


@given(st.binary(max_size=20), st.integers(0, 25), st.integers(0, 25))
def test_no_read_leaves_the_range(data: bytes, start: int, end: int) -> None:
    if not start <= end <= len(data):
        with pytest.raises(ValueError, match="range"):
            Reader(data, start, end)
        return
    reader = Reader(data, start, end, base=100, section="s")
    assert reader.offset == 100 + start
    read = []
    while not reader.at_end:
        read.append(reader.u8())
    assert bytes(read) == data[start:end]
    with pytest.raises(MalformedError) as error:
        reader.u8("a flag")
    assert (error.value.offset, error.value.section) == (100 + end, "s")
    assert error.value.expected == "a flag"


def test_ranges_nest() -> None:
    reader = Reader(b"\1\2\3\4")
    end = reader.enter(2)
    assert reader.remaining == 2
    reader.u8()
    with pytest.raises(MalformedError, match="part size mismatch"):
        reader.leave(end, "E0114", "part")
    reader.u8()
    reader.leave(end, "E0114", "part")
    assert reader.remaining == 2
    with pytest.raises(MalformedError):
        reader.enter(3)


def test_names_are_strict_utf8() -> None:
    assert Reader("\5aé€".encode()).length() == 5
    assert Reader(b"\6a\xc3\xa9\xe2\x82\xac").name() == "aé€"
    for bad in (b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
        with pytest.raises(MalformedError) as error:
            Reader(bytes([len(bad) + 1]) + b"a" + bad).name()
        assert (error.value.code, error.value.offset) == ("E0104", 2)
