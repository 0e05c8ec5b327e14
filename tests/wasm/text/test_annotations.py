"""Annotations: where custom sections go, what names name, what hints hint at."""

from __future__ import annotations

import pytest
import wasmtime

from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.module import CustomSection
from plumbob.wasm.sections import CODE, FUNCTION, GLOBAL, TABLE, TYPE
from plumbob.wasm.text import parse_text


@pytest.mark.parametrize(
    ("placement", "after"),
    [
        ("", CODE),
        ("(after last)", CODE),
        ("(before first)", 0),
        ("(before type)", 0),
        ("(after type)", TYPE),
        ("(before func)", TYPE),
        ("(after func)", FUNCTION),
        ("(before table)", FUNCTION),
        ("(after table)", TABLE),
        # There is no memory: before and after it are one place.
        ("(before memory)", TABLE),
        ("(after memory)", TABLE),
        ("(before global)", TABLE),
        ("(after datacount)", GLOBAL),
        ("(before code)", GLOBAL),
        ("(after code)", CODE),
        ("(before data)", CODE),
    ],
)
def test_places_of_custom_sections(placement: str, after: int) -> None:
    text = (
        f'(module (func) (@custom "x" {placement} "a" "b") (table 1 funcref)'
        " (global i32 (i32.const 0)))"
    )
    module = parse_text(text)
    assert module.customs == [CustomSection("x", b"ab", after)]
    assert decode(encode(module)) == module
    if "datacount" not in text:  # which wasmtime does not know
        assert encode(module) == bytes(wasmtime.wat2wasm(text))


def test_order_of_custom_sections() -> None:
    places = ["(before table)", "(after func)", "", "(before first)", "(after func)",
              "(before code)", "(after last)", "(before func)"]  # fmt: skip
    customs = [f'(@custom "{index}" {place})' for index, place in enumerate(places)]
    text = f"(module (func) (table 1 funcref) {' '.join(customs)})"
    module = parse_text(text)
    assert [custom.name for custom in module.customs] == list("37140526")
    assert encode(module) == bytes(wasmtime.wat2wasm(text))


def test_names_go_before_identifiers() -> None:
    module = parse_text(
        '(module $m (@name "M") (type $t (@name "T") (struct (field $x (@name "X") i32)))'
        ' (func (@name "F") (param $p (@name "P") i32) (local (@name "L") i32)'
        ' block $l (@name "B") br $l end)'
        ' (table (@name "Ta") 1 funcref) (memory (@name "Me") 1) (global (@name "G") i32'
        ' (i32.const 0)) (tag (@name "Tg")) (elem (@name "E") func) (data (@name "D") ""))'
    )
    names = module.names
    assert names is not None
    assert names.module == "M"
    assert names.direct == {
        "func": {0: "F"},
        "type": {0: "T"},
        "table": {0: "Ta"},
        "memory": {0: "Me"},
        "global": {0: "G"},
        "elem": {0: "E"},
        "data": {0: "D"},
        "tag": {0: "Tg"},
    }
    assert names.indirect == {
        "local": {0: {0: "P", 1: "L"}},
        "label": {0: {0: "B"}},
        "field": {0: {0: "X"}},
    }


@pytest.mark.parametrize(
    "body",
    [
        '(i32.const 0) (@metadata.code.branch_hint "\\00") if end',
        '(@metadata.code.branch_hint "\\01") (if (i32.const 0) (then))',
        (
            '(block (@metadata.code.branch_hint "\\01")(br_if 0 (i32.const 0))'
            ' (@metadata.code.branch_hint "\\00") (br_if 0 (i32.const 0)))'
        ),
        '(@unknown (if)) (@metadata.code.branch_hint "\\01") (@x) (if (i32.const 0) (then))',
    ],
)
def test_branch_hints_as_wasmtime_writes_them(body: str) -> None:
    text = f'(module (import "a" "b" (func)) (func (local i64) {body}) (func {body}))'
    assert encode(parse_text(text, features=f.ALL)) == bytes(wasmtime.wat2wasm(text))


def test_fields_without_a_module_around_them_take_annotations() -> None:
    module = parse_text('(@custom "x" "y") (func)')
    assert module.customs == [CustomSection("x", b"y", CODE)]
