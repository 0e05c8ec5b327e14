"""The `name` custom section, both ways."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import PASSIVE, CustomSection, DataSegment, Module
from plumbob.wasm.names import (
    DIRECT,
    INDIRECT,
    SUBSECTIONS,
    Names,
    decode_names,
    encode_names,
    names_of,
)
from plumbob.wasm.valid.codes import CATALOGUE
from plumbob.wasm.valid.custom_sections import check_custom_sections
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, WARNING

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
MAPS = st.dictionaries(st.integers(0, (1 << 32) - 1), TEXT, max_size=4)
NESTED = st.dictionaries(st.integers(0, 1000), MAPS.filter(bool), max_size=3)


@st.composite
def all_names(draw: st.DrawFn) -> Names:
    names = Names()
    names.module = draw(st.one_of(st.none(), TEXT))
    for space in DIRECT:
        names.direct[space] = draw(MAPS)
    for space in INDIRECT:
        names.indirect[space] = draw(NESTED)
    return names


@given(all_names())
def test_names_come_back(names: Names) -> None:
    data = encode_names(names)
    assert decode_names(data) == names
    assert encode_names(decode_names(data)) == data
    assert bool(names) == bool(data)
    for length in range(len(data)):
        assert cut_is_fine_or_said(data[:length])


def cut_is_fine_or_said(data: bytes) -> bool:
    """Return whether a section cut short decodes to what it holds, or is malformed."""
    try:
        return encode_names(decode_names(data)) == data
    except MalformedError as error:
        return error.code in CATALOGUE and error.offset is not None and error.offset <= len(data)


def test_ids_of_subsections() -> None:
    assert {
        number: space for number, space in enumerate(SUBSECTIONS) if number in {0, 1, 2, 9}
    } == {
        0: "module",
        1: "func",
        2: "local",
        9: "data",
    }
    assert set(SUBSECTIONS) == {"module", *DIRECT, *INDIRECT}


def test_names_that_another_tool_wrote() -> None:
    module = decode(
        bytes(
            wasmtime.wat2wasm(
                """(module $m
                     (type $t (func (param i32)))
                     (type $s (struct (field $x i32) (field i32) (field $y i32)))
                     (table $tab 1 funcref) (memory $mem 1)
                     (global $g i32 (i32.const 0)) (tag $e)
                     (elem $el func $f) (data $d "x")
                     (func $f (type $t) (param $p i32) (local i32) (local $q i32)
                       (block $b (loop $l))))"""
            )
        )
    )
    names = names_of(module)
    assert names.module == "m"
    assert names.direct == {
        "func": {0: "f"},
        "type": {0: "t", 1: "s"},
        "table": {0: "tab"},
        "memory": {0: "mem"},
        "global": {0: "g"},
        "elem": {0: "el"},
        "data": {0: "d"},
        "tag": {0: "e"},
    }
    assert names.indirect == {
        "local": {0: {0: "p", 2: "q"}},
        "label": {0: {0: "b", 1: "l"}},
        "field": {1: {0: "x", 2: "y"}},
    }
    assert names.name_of("func", 0) == "f"
    assert names.name_of("func", 1) is None
    (section,) = module.customs
    assert encode_names(names) == section.data
    # A text module's own names make the same section.
    module.customs.clear()
    module.names = names
    assert decode(encode(module)).customs == [section]
    assert check_custom_sections(module) == []


FAULTS = [
    ("00 02 01", "E0105", 1),
    ("00 03 01 61 62", "E0131", 4),
    ("01 01 00 01 01 00", "E0131", 3),
    ("01 01 00 00 02 01 61", "E0131", 3),
    ("01 07 02 00 01 61 00 01 62", "E0131", 6),
    ("01 07 02 05 01 61 03 01 62", "E0131", 6),
    ("01 04 01 00 01 ff", "E0104", 5),
    ("01 02 05 00", "E0105", 2),
    ("02 03 02 00 00", "E0101", 5),
    ("0a", "E0101", 1),
]


@pytest.mark.parametrize(("text", "code", "offset"), FAULTS)
def test_malformed(text: str, code: str, offset: int) -> None:
    with pytest.raises(MalformedError) as error:
        decode_names(bytes.fromhex(text), base=50)
    assert (error.value.code, error.value.offset) == (code, 50 + offset)
    assert error.value.section == "name"
    module = Module()
    module.customs = [CustomSection("name", bytes.fromhex(text), 0)]
    (warning,) = check_custom_sections(module)
    assert (warning.code, warning.severity, warning.verdict) == ("W0101", WARNING, MALFORMED)
    with pytest.raises(MalformedError):
        names_of(module)


def test_unknown_subsections_are_skipped() -> None:
    names = decode_names(bytes.fromhex("00 02 01 61 20 02 ff ff"))
    assert names.module == "a"
    assert names


def test_a_module_without_names() -> None:
    assert not names_of(Module())
    assert names_of(Module()) == Names()


def test_place_and_number_of_name_sections() -> None:
    module = Module()
    module.datas = [DataSegment(PASSIVE, b"")]
    module.customs = [CustomSection("name", b"", 0), CustomSection("name", b"", 11)]
    found = check_custom_sections(module)
    assert [(item.code, item.verdict) for item in found] == [
        ("W0102", INVALID),
        ("W0101", MALFORMED),
    ]
