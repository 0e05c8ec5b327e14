"""The module-level decoder: what it builds, and how it says what is malformed."""

from __future__ import annotations

import gc
import mmap
from array import array
from typing import TYPE_CHECKING

import pytest

from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.module import ACTIVE, DECLARATIVE, PASSIVE, DataSegment, ElementSegment
from plumbob.wasm.types import (
    ANY,
    EXTERN,
    EXTERNREF,
    FUNC,
    FUNCREF,
    I8,
    I32,
    I64,
    UNREACHABLE,
    ArrayType,
    FieldType,
    FuncType,
    Limits,
    MemoryType,
    StructType,
    SubType,
    TableType,
    TagType,
    concrete,
    ref,
)
from plumbob.wasm.valid.codes import CATALOGUE

if TYPE_CHECKING:
    from pathlib import Path

HEADER = b"\0asm\1\0\0\0"


def module(*sections: tuple[int, str]) -> bytes:
    """Build a binary from (section id, contents in hexadecimal)."""
    out = bytearray(HEADER)
    for number, text in sections:
        content = bytes.fromhex(text)
        out += bytes([number, len(content)]) + content
    return bytes(out)


def fault(data: bytes, features: int = f.DEFAULT) -> MalformedError:
    with pytest.raises(MalformedError) as error:
        decode(data, features=features)
    assert error.value.code in CATALOGUE
    assert error.value.offset is not None
    assert 0 <= error.value.offset <= len(data)
    return error.value


def test_empty_module() -> None:
    found = decode(HEADER, "empty.wasm")
    assert found.name == "empty.wasm"
    assert encode(found) == HEADER
    assert len(found.offsets) == 0


def test_types() -> None:
    text = (
        "06"
        "60 02 7f 7e 01 70"  # func (i32 i64) -> funcref
        "5f 02 78 01 64 6e 00"  # struct (mut i8) (ref any)
        "50 00 5e 63 00 01"  # sub, open, array (mut (ref null 0))
        "4f 01 02 5e 63 00 01"  # sub final 2
        "4e 02 50 00 60 00 00 60 00 00"  # rec of two
        "4e 00"
    )
    found = decode(module((1, text)))
    assert [len(group.types) for group in found.rec_groups] == [1, 1, 1, 1, 2, 0]
    assert [group.explicit for group in found.rec_groups] == [False] * 4 + [True] * 2
    item = FieldType(ref(concrete(0), nullable=True), mutable=True)
    assert found.types[:5] == [
        SubType(FuncType((I32, I64), (FUNCREF,))),
        SubType(StructType((FieldType(I8, mutable=True), FieldType(ref(ANY), mutable=False)))),
        SubType(ArrayType(item), final=False),
        SubType(ArrayType(item), (2,)),
        SubType(FuncType((), ()), final=False),
    ]
    assert [found.offsets["type", index] for index in range(6)] == [11, 17, 24, 30, 39, 44]
    assert encode(found) == module((1, text))


def test_limits() -> None:
    memories = "06 00 01 | 01 01 02 | 04 01 | 05 01 02 | 03 01 02 | 0e 01 00"
    # The last has a page size but no maximum: 64-bit, shared, of pages of one byte.
    text = memories.replace("|", "")
    assert decode(module((5, text)), features=f.ALL).memories == [
        MemoryType(Limits(1)),
        MemoryType(Limits(1, 2)),
        MemoryType(Limits(1, is64=True)),
        MemoryType(Limits(1, 2, is64=True)),
        MemoryType(Limits(1, 2), shared=True),
        MemoryType(Limits(1, is64=True), shared=True, page_size_log2=0),
    ]
    data = module((5, text))
    assert encode(decode(data, features=f.ALL)) == data
    big = module((5, "01 04 ffffffffffffffffff01"))
    assert decode(big).memories[0].limits.minimum == (1 << 64) - 1


def test_tables() -> None:
    text = "04 70 00 0a | 6f 01 00 01 | 63 00 05 00 01 | 40 00 64 70 00 01 d2 00 0b"
    data = module((4, text.replace("|", "")))
    found = decode(data)
    assert [table.type for table in found.tables] == [
        TableType(FUNCREF, Limits(10)),
        TableType(EXTERNREF, Limits(0, 1)),
        TableType(ref(concrete(0), nullable=True), Limits(0, 1, is64=True)),
        TableType(ref(FUNC), Limits(1)),
    ]
    assert [table.init for table in found.tables] == [None, None, None, b"\xd2\0\x0b"]
    assert data[found.offsets["table", 3, "init"] :] == b"\xd2\0\x0b"
    assert encode(found) == data


def test_imports_and_tags() -> None:
    text = (
        "05 016d 0161 00 07 | 00 00 01 70 00 00 | 00 00 02 00 01 | 00 00 03 7f 01 | 00 00 04 00 03"
    )
    data = module((2, text.replace("|", "")), (13, "01 00 02"))
    found = decode(data)
    assert [(item.module, item.name, item.kind) for item in found.imports] == [
        ("m", "a", 0), ("", "", 1), ("", "", 2), ("", "", 3), ("", "", 4),
    ]  # fmt: skip
    assert found.imports[0].type == 7
    assert found.imports[4].type == TagType(3)
    assert found.tags == [TagType(2)]
    assert encode(found) == data


ELEMENTS = (
    ("00 41 00 0b 02 00 01", ElementSegment(ACTIVE, ref(FUNC), (0, 1), (), 0, b"\x41\0\x0b")),
    ("01 00 01 05", ElementSegment(PASSIVE, ref(FUNC), (5,))),
    ("02 01 41 00 0b 00 00", ElementSegment(ACTIVE, ref(FUNC), (), (), 1, b"\x41\0\x0b")),
    ("03 00 01 05", ElementSegment(DECLARATIVE, ref(FUNC), (5,))),
    ("04 41 00 0b 01 d0 70 0b",
     ElementSegment(ACTIVE, FUNCREF, None, (b"\xd0\x70\x0b",), 0, b"\x41\0\x0b")),
    ("05 6f 01 d0 6f 0b", ElementSegment(PASSIVE, EXTERNREF, None, (b"\xd0\x6f\x0b",))),
    ("06 02 23 00 0b 64 6f 00",
     ElementSegment(ACTIVE, ref(EXTERN), None, (), 2, b"\x23\0\x0b")),
    ("07 70 02 d2 03 0b fb 1c 0b",
     ElementSegment(DECLARATIVE, FUNCREF, None, (b"\xd2\3\x0b", b"\xfb\x1c\x0b"))),
)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ELEMENTS)
def test_element_segments(text: str, expected: ElementSegment) -> None:
    data = module((9, "01" + text))
    found = decode(data)
    (segment,) = found.elements
    assert [segment.mode, segment.type, segment.expressions, segment.table, segment.offset] == [
        expected.mode, expected.type, expected.expressions, expected.table, expected.offset,
    ]  # fmt: skip
    if expected.functions is None:
        assert segment.functions is None
    else:
        assert isinstance(segment.functions, array)
        assert tuple(segment.functions) == expected.functions
    for item, expression in enumerate(segment.expressions):
        assert data[found.offsets["elem", 0, item] :].startswith(expression)
    assert encode(found) == data


def test_data_segments_are_made_on_demand() -> None:
    text = "05 00 41 00 0b 01 61 | 00 41 05 0b 00 | 01 02 6263 | 02 01 42 00 0b 00 | 00 23 00 0b 00"
    data = module((5, "02 00 01 04 01"), (11, text.replace("|", "")))
    found = decode(data)
    expected = [
        DataSegment(ACTIVE, b"a", 0, b"\x41\0\x0b"),
        DataSegment(ACTIVE, b"", 0, b"\x41\5\x0b"),
        DataSegment(PASSIVE, b"bc"),
        DataSegment(ACTIVE, b"", 1, b"\x42\0\x0b"),
        DataSegment(ACTIVE, b"", 0, b"\x23\0\x0b"),
    ]
    assert found.datas == expected
    assert list(found.datas[1:3]) == expected[1:3]
    assert found.datas[-1] == expected[-1]
    # The second says nothing that the first does not say, but for its number and bytes.
    assert found.datas.distinct == [0, 2, 3, 4]  # type: ignore[attr-defined]  # a DataVector
    assert data[found.offsets["data", 3, "init"] :].startswith(b"\x42\0\x0b\0")
    assert encode(found) == data
    found.datas.append(DataSegment(PASSIVE, b"new"))
    del found.datas[0]
    assert list(found.datas) == [*expected[1:], DataSegment(PASSIVE, b"new")]
    assert not found.datas.pristine  # type: ignore[attr-defined]
    with pytest.raises(IndexError):
        found.datas[5]


def test_exports_are_made_on_demand() -> None:
    found = decode(module((7, "02 0161 00 05 0162 04 01")))
    first, second = found.exports
    assert (first.name, first.kind, first.index) == ("a", 0, 5)
    assert (second.name, second.kind, second.index) == ("b", 4, 1)
    assert found.exports.names == ["a", "b"]  # type: ignore[attr-defined]  # an ExportVector
    found.exports[0] = second
    assert list(found.exports) == [second, second]


def test_custom_sections_keep_their_place() -> None:
    data = module(
        (0, "0161 01"),
        (1, "01600000"),
        (0, "0162"),
        (0, "0163 02"),
        (6, "01 7f00 41000b"),
        (0, "046e616d65"),
    )
    found = decode(data)
    assert [(item.name, bytes(item.data), item.after) for item in found.customs] == [
        ("a", b"\1", 0), ("b", b"", 1), ("c", b"\2", 1), ("name", b"", 6),
    ]  # fmt: skip
    assert encode(found) == data


def test_bodies_are_cut_out_on_demand() -> None:
    data = module((1, "01600000"), (3, "020000"), (10, "02 02 00 0b 03 00 01 0b"))
    found = decode(data)
    assert [item.body for item in found.code] == [b"\0\x0b", b"\0\1\x0b"]
    assert found.offsets["func", 1] == len(data) - 3
    assert found.code == [*found.code]


BODY = module((1, "01600000"), (3, "0100"), (10, "01 02 00 0b"))

FAULTS = [
    (b"", "E0101", 0, None),
    (b"\0as", "E0101", 3, None),
    (b"\0asm\1\0", "E0101", 6, None),
    (b"(module)", "E0110", 0, None),
    (b"\0asm\2\0\0\0", "E0111", 4, None),
    (HEADER + b"\x0e\0", "E0112", 8, None),
    (HEADER + b"\x01", "E0101", 9, "type"),
    (HEADER + b"\x01\x05\0", "E0105", 9, "type"),
    (HEADER + b"\x01\x80\x80\x80\x80\x80\0", "E0102", 9, "type"),
    (HEADER + b"\x01\xff\xff\xff\xff\x7f", "E0103", 9, "type"),
    (module((0, "05 61")), "E0105", 10, "custom"),
    (module((0, "02 61 ff")), "E0104", 12, "custom"),
    (module((1, "00"), (1, "00")), "E0113", 11, "type"),
    (module((3, "00"), (2, "00")), "E0113", 11, "import"),
    (module((6, "00"), (13, "00")), "E0113", 11, "tag"),
    (module((10, "00"), (12, "00")), "E0113", 11, "data count"),
    (module((1, "00 00")), "E0114", 11, "type"),
    (module((1, "05 60 00 00")), "E0105", 10, "type"),
    (module((1, "01 61 00 00")), "E0120", 11, "type"),
    (module((1, "01 60 01 78 00")), "E0151", 13, "type"),
    (module((1, "01 60 01 40 00")), "E0151", 13, "type"),
    (module((1, "01 60 00 01 41")), "E0151", 14, "type"),
    (module((1, "01 60 01 64 40 00")), "E0158", 14, "type"),
    (module((1, "01 5e 7f 02")), "E0121", 13, "type"),
    (module((2, "01 00 00 05 00")), "E0123", 13, "import"),
    (module((3, "01 00")), "E0115", 12, None),
    (module((4, "01 7f 00 00")), "E0125", 11, "table"),
    (module((4, "01 70 02 00")), "E0122", 12, "table"),
    (module((4, "01 40 01 70 00 00 0b")), "E0154", 12, "table"),
    (module((5, "01 08 00 00")), "E0122", 11, "memory"),
    (module((5, "01 01 00")), "E0101", 13, "memory"),
    (module((6, "01 7f 00 41 00")), "E0101", 15, "global"),
    (module((6, "01 7f 00 ff 0b")), "E0150", 13, "global"),
    (module((6, "01 7f 00 fd ffff7f 0b")), "E0150", 13, "global"),
    (module((6, "01 7f 00 02 40 0b")), "E0101", 16, "global"),
    (module((7, "01 00 05 00")), "E0124", 12, "export"),
    (module((8, "00 00")), "E0114", 11, "start"),
    (module((9, "01 08")), "E0126", 11, "element"),
    (module((9, "01 01 01 00")), "E0126", 12, "element"),
    (module((9, "01 05 7f 00")), "E0125", 12, "element"),
    (module((11, "01 03 00")), "E0127", 11, "data"),
    (module((11, "01 01 05 00")), "E0105", 12, "data"),
    (module((12, "01")), "E0116", 11, None),
    (module((12, "02"), (11, "01 01 00")), "E0116", 13, "data"),
    (module((13, "01 01 00")), "E0129", 11, "tag"),
    (BODY[:-3] + b"\3\0\x0b", "E0105", len(BODY) - 2, "code"),
    (module((1, "01600000"), (3, "0100"), (10, "00")), "E0115", 20, "code"),
]


@pytest.mark.parametrize(("data", "code", "offset", "section"), FAULTS)
def test_malformed(data: bytes, code: str, offset: int, section: str | None) -> None:
    error = fault(data)
    assert (error.code, error.offset, error.section) == (code, offset, section)


def test_components_are_refused_by_name() -> None:
    with pytest.raises(ComponentError, match="component"):
        decode(b"\0asm\x0d\0\1\0")
    assert fault(b"\0asm\x0d\0\0\0").code == "E0111"


DISABLED = [
    (module((1, "01 5f 00")), f.GC),
    (module((1, "01 50 00 60 00 00")), f.GC),
    (module((1, "01 4e 00")), f.GC),
    (module((1, "01 60 01 7b 00")), f.SIMD),
    (module((1, "01 60 01 6f 00")), f.REFERENCE_TYPES),
    (module((1, "01 60 01 63 00 00")), f.FUNCTION_REFERENCES),
    (module((1, "01 60 01 69 00")), f.EXCEPTIONS),
    (module((5, "01 04 00")), f.MEMORY64),
    (module((5, "01 03 00 01")), f.THREADS),
    (module((4, "01 40 00 70 00 00 d0 70 0b")), f.FUNCTION_REFERENCES),
    (module((9, "01 05 70 00")), f.BULK_MEMORY | f.REFERENCE_TYPES),
    (module((11, "01 01 00")), f.BULK_MEMORY),
    (module((12, "00")), f.BULK_MEMORY),
    (module((13, "01 00 00")), f.EXCEPTIONS | f.LEGACY_EXCEPTIONS),
]


@pytest.mark.parametrize(("data", "needed"), DISABLED)
def test_forms_of_a_disabled_feature_name_it(data: bytes, needed: int) -> None:
    decode(data, features=f.ALL)
    error = fault(data, f.close(f.ALL & ~needed))
    assert error.code == "E0260"
    assert any(name in error.subject for name in f.describe(needed).split(","))
    assert error.hint is not None
    assert "--features=" in error.hint


def test_page_sizes_are_unknown_flags_without_their_feature() -> None:
    data = module((5, "01 08 00 00"))
    assert decode(data, features=f.ALL).memories[0].page_size_log2 == 0
    assert fault(data).code == "E0122"
    assert fault(module((5, "01 08 00 41")), f.ALL).code == "E0130"


def test_unreachable_is_a_result_where_it_is_allowed() -> None:
    data = module((1, "01 60 00 01 41"))
    found = decode(data, allow_unreachable_type=True)
    assert found.types[0].composite == FuncType((), (UNREACHABLE,))
    assert encode(found) == data
    parameter = module((1, "01 60 01 41 00"))
    with pytest.raises(MalformedError):
        decode(parameter, allow_unreachable_type=True)


def test_a_mapped_file_can_be_closed_once_the_module_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "m.wasm"
    payload = bytes(1 << 17)
    data = HEADER + b"\0\x85\x80\x08\4name" + payload + BODY[8:]
    path.write_bytes(data)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    found = decode(mapped)
    assert isinstance(found.customs[0].data, memoryview)
    assert found.customs[0].data == payload
    assert found.code[0].body == b"\0\x0b"
    assert type(found.code[0].body) is bytes
    assert encode(found) == data
    with pytest.raises(BufferError):
        mapped.close()
    # No cycle keeps the module alive, so that nobody has to wait for the collector.
    gc.disable()
    try:
        del found
        mapped.close()
    finally:
        gc.enable()


def test_large_payloads_are_not_copied() -> None:
    data = HEADER + b"\0\x85\x80\x08\4blob" + bytes(1 << 17)
    payload = decode(data).customs[0].data
    assert isinstance(payload, memoryview)
    assert payload.obj is data
    assert payload.readonly


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: type) -> None:
    data = module((1, "01600000"), (3, "0100"), (10, "01 02 00 0b"), (11, "01 01 01 61"))
    found = decode(kind(data))
    assert found == decode(data)
    assert type(found.code[0].body) is bytes
    assert encode(found) == data
    # Of a larger buffer, only the range.
    assert decode(memoryview(b"xx" + data + b"yy")[2:-2]) == found


def test_offsets_of_what_is_not_there() -> None:
    found = decode(module((9, "01 05 70 01 d0 70 0b"), (11, "01 01 00")))
    assert ("elem", 0, 0) not in dict(found.offsets)
    assert found.offsets["elem", 0, 0] == 14
    for key in (
        ("elem", 1),
        ("elem", -1),
        ("elem", 0, 1),
        ("elem", 1, 0),
        ("data", 1, "init"),
        ("global", 0, "init"),
        ("func", 0),
        ("nothing",),
    ):
        assert found.offsets.get(key) is None
        with pytest.raises(KeyError):
            found.offsets[key]
