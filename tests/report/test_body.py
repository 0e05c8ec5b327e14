"""Operators around a fault in a binary."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.report.body import AFTER, BEFORE, Bodies
from plumbob.report.text import render
from plumbob.wasm import names
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text
from plumbob.wasm.valid.validate import validate


def binary(text: str) -> bytes:
    return encode(parse_text(text, "x.wat"))


def explain(data: bytes) -> str:
    return render(validate(data, name="x.wasm"), width=80, data=data, bodies=Bodies(data)).plain()


def test_the_operators_around_the_fault_are_shown() -> None:
    text = explain(binary("(module (func (param i32) (result i32) local.get 0 i32.add))"))
    assert "0x19 │ local.get 0  --- pushes i32" in text
    assert "0x1b │ i32.add      <-- takes [i32 i32]" in text


def test_only_the_neighbourhood_is_shown() -> None:
    data = binary(f"(module (func {'nop ' * 500} i32.add {'nop ' * 500}))")
    report = validate(data)
    offset = report.diagnostics[0].offset
    assert offset is not None
    lines = Bodies(data).around(offset)
    assert [line.text for line in lines] == ["nop"] * BEFORE + ["i32.add"] + ["nop"] * AFTER
    assert lines[BEFORE].offset == offset


def test_nesting_is_indented() -> None:
    data = binary("(module (func block loop i32.add end end))")
    offset = validate(data).diagnostics[0].offset
    assert offset is not None
    assert [line.depth for line in Bodies(data).around(offset)] == [0, 1, 2, 1, 0]


def test_an_operator_that_cannot_be_decoded_is_shown_as_bytes() -> None:
    data = binary("(module (func nop nop nop))")
    at = data.rindex(b"\x01\x01\x01") + 2
    data = data[:at] + b"\xff" + data[at + 1 :]
    text = explain(data)
    assert "malformed" in text
    assert "bytes ff" in text


@pytest.mark.parametrize("offset", [0, 8, 10_000])
def test_outside_of_functions_there_is_nothing(offset: int) -> None:
    assert Bodies(binary("(module (func nop))")).around(offset) == []


@pytest.mark.parametrize("data", [b"", b"\0asm", b"\0asm\x0d\0\1\0", b"garbage"])
def test_what_is_no_module_has_no_bodies(data: bytes) -> None:
    assert Bodies(data).around(0) == []


BASE = binary(
    """(module (type (func (param i32) (result i32))) (memory 1) (global (mut i64) (i64.const 3))
    (func $f (type 0) (block (result i32) (br_table 0 1 (i32.const 1) (local.get 0))))
    (func (export "g") (local f64) (if (call $f (i32.load (i32.const 0))) (then (return)))))"""
)


@given(st.integers(8, len(BASE) - 1), st.integers(0, 255))
@settings(max_examples=300)
def test_every_mutant_is_rendered(place: int, byte: int) -> None:
    data = BASE[:place] + bytes((byte,)) + BASE[place + 1 :]
    report = validate(data)
    text = render(report, width=80, data=data, bodies=Bodies(data)).plain()
    assert bool(text) != report.ok


def test_names_are_decoded_once_however_deep_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module may have a million names, and a fault a thousand operands to trace."""
    data = binary(f"(module (func $f {'i32.const 1 ' * 200} f64.const 1 i32.add))")
    calls = []
    plain = names.decode_names

    def counted(section: bytes, base: int = 0) -> names.Names:
        calls.append(len(section))
        return plain(section, base)

    monkeypatch.setattr(names, "decode_names", counted)
    assert "f64" in explain(data)
    assert 1 <= len(calls) <= 2  # for the diagnostic, and for the disassembly


def test_names_as_long_as_pages_are_cut() -> None:
    name = "std::" * 100
    text = explain(
        binary(f'(module (func $"{name}" (result i64) (call $"{name}") i32.eqz drop i64.const 0))')
    )
    assert all(len(line) <= 80 for line in text.split("\n"))
    assert text.count("…") >= 3
