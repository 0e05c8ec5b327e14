"""Random modules: encode and decode are each other's inverse, and no bytes break the decoder."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.errors import InputError, InternalError
from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import Layout, encode
from plumbob.wasm.binary.instructions import decode_body, instructions_of
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    PASSIVE,
    BodySequence,
    Code,
    CustomSection,
    DataSegment,
    ElementSegment,
    Export,
    Global,
    Import,
    Module,
    RecGroup,
    Table,
)
from plumbob.wasm.names import Names
from plumbob.wasm.sections import ORDER, has_contents
from plumbob.wasm.types import (
    EXTERNREF,
    FUNC,
    FUNCREF,
    HEAP_CODES,
    I8,
    I16,
    I32,
    V128,
    ArrayType,
    FieldType,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    StructType,
    SubType,
    TableType,
    TagType,
    concrete,
    ref,
)
from plumbob.wasm.valid.custom_sections import check_custom_sections

if TYPE_CHECKING:
    from plumbob.wasm.types import ValType

INDEX = st.one_of(st.integers(0, 5), st.integers(0, (1 << 32) - 1))
HEAPS = st.one_of(
    st.sampled_from(sorted(HEAP_CODES.values())), st.integers(0, 1 << 20).map(concrete)
)
REFS = st.builds(lambda heap, nullable: ref(heap, nullable=nullable), HEAPS, st.booleans())
VALUES: st.SearchStrategy[ValType] = st.one_of(st.sampled_from([I32, V128]), REFS)
NAMES = st.text(
    st.characters(exclude_categories=["Cs"]),  # surrogates are not in UTF-8
    max_size=6,
)
EXPRESSIONS = st.sampled_from(
    [
        bytes.fromhex(text)
        for text in (
            "0b",
            "41 00 0b",
            "41 ff ff ff ff 07 0b",
            "42 80 01 23 05 7c 0b",
            "d2 80 01 0b",
            "d0 70 0b",
            "d0 85 01 0b",
            "43 00 00 0b 00 0b",
            "44 00 00 00 0b 00 00 f0 3f 0b",
            "fb 1c 0b",
            "02 40 0b 0b",
            "02 7f 04 40 05 0b 41 00 0b 1a 0b",
            "fd 0c 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b 0b",
        )
    ]
)
FIELDS = st.builds(FieldType, st.one_of(VALUES, st.sampled_from([I8, I16])), st.booleans())
COMPOSITES = st.one_of(
    st.builds(
        FuncType, st.lists(VALUES, max_size=3).map(tuple), st.lists(VALUES, max_size=2).map(tuple)
    ),
    st.builds(StructType, st.lists(FIELDS, max_size=3).map(tuple)),
    st.builds(ArrayType, FIELDS),
)
SUBTYPES = st.builds(SubType, COMPOSITES, st.lists(INDEX, max_size=2).map(tuple), st.booleans())
GROUPS = st.one_of(
    SUBTYPES.map(lambda subtype: RecGroup((subtype,))),
    st.lists(SUBTYPES, max_size=3).map(lambda types: RecGroup(tuple(types), explicit=True)),
)
U64 = st.one_of(st.integers(0, 10), st.integers(0, (1 << 64) - 1))
LIMITS = st.builds(Limits, U64, st.one_of(st.none(), U64), st.booleans())
TABLES = st.builds(TableType, REFS, LIMITS)
MEMORIES = st.builds(MemoryType, LIMITS, st.booleans(), st.sampled_from([16, 0, 63]))
GLOBALS = st.builds(GlobalType, VALUES, st.booleans())
TAGS = st.builds(TagType, INDEX)


def imports() -> st.SearchStrategy[Import]:
    kinds = (INDEX, TABLES, MEMORIES, GLOBALS, TAGS)
    return st.one_of(
        *(st.builds(Import, NAMES, NAMES, st.just(kind), type_) for kind, type_ in enumerate(kinds))
    )


@st.composite
def elements(draw: st.DrawFn) -> ElementSegment:
    mode = draw(st.sampled_from([PASSIVE, ACTIVE, DECLARATIVE]))
    table = draw(st.integers(0, 2)) if mode == ACTIVE else 0
    offset = draw(EXPRESSIONS) if mode == ACTIVE else None
    if draw(st.booleans()):
        functions = array("I", draw(st.lists(INDEX, max_size=4)))
        return ElementSegment(mode, ref(FUNC), functions, (), table, offset)
    expressions = tuple(draw(st.lists(EXPRESSIONS, max_size=3)))
    return ElementSegment(mode, draw(REFS), None, expressions, table, offset)


@st.composite
def datas(draw: st.DrawFn) -> DataSegment:
    data = draw(st.binary(max_size=5))
    if draw(st.booleans()):
        return DataSegment(PASSIVE, data)
    return DataSegment(ACTIVE, data, draw(st.integers(0, 2)), draw(EXPRESSIONS))


BODIES = EXPRESSIONS.map(lambda expression: Code(b"\0" + expression))


@st.composite
def modules(draw: st.DrawFn) -> Module:
    """Draw a module that encodes; it need not be valid."""
    module = Module()
    module.rec_groups = draw(st.lists(GROUPS, max_size=3))
    module.imports = draw(st.lists(imports(), max_size=3))
    module.code = draw(st.lists(BODIES, max_size=3))
    module.functions = [draw(INDEX) for _ in module.code]
    inits = st.one_of(st.none(), EXPRESSIONS)
    module.tables = draw(st.lists(st.builds(Table, TABLES, inits), max_size=2))
    module.memories = draw(st.lists(MEMORIES, max_size=2))
    module.tags = draw(st.lists(TAGS, max_size=2))
    module.globals = draw(st.lists(st.builds(Global, GLOBALS, EXPRESSIONS), max_size=3))
    module.exports = draw(st.lists(st.builds(Export, NAMES, st.integers(0, 4), INDEX), max_size=3))
    module.start = draw(st.one_of(st.none(), INDEX))
    module.elements = draw(st.lists(elements(), max_size=3))
    module.datas = draw(st.lists(datas(), max_size=3))
    if draw(st.booleans()):
        module.data_count = len(module.datas)
    places = [0, *(section for section in ORDER if has_contents(module, section))]
    for place in places:
        for _ in range(draw(st.integers(0, 2)) if draw(st.booleans()) else 0):
            name = draw(st.one_of(NAMES, st.sampled_from(["name", "metadata.code.branch_hint"])))
            module.customs.append(CustomSection(name, draw(st.binary(max_size=4)), place))
    return module


@settings(max_examples=300, deadline=None)
@given(modules())
def test_modules_come_back(module: Module) -> None:
    layout: Layout = {}
    data = encode(module, layout)
    found = decode(data, features=features.ALL)
    assert found == module
    assert module == found
    assert encode(found) == data
    for key, offset in layout.items():
        assert found.offsets[key] == offset, key
    for key in found.offsets:
        assert key in layout
    # As a list in place of every vector that is made on demand.
    found.datas = list(found.datas)
    found.exports = list(found.exports)
    found.code = list(found.code)
    assert encode(found) == data


def exercise(data: bytes) -> None:
    """Decode everything there is; only the input may be at fault."""
    try:
        module = decode(data, features=features.ALL, allow_unreachable_type=True)
    except InputError:
        return
    assert decode(encode(module), features=features.ALL, allow_unreachable_type=True) == module
    check = [item.init for item in module.globals]
    for body in module.code:
        try:
            decode_body(body.body)
        except InputError:
            continue
    for expression in check:
        assert list(instructions_of(expression))
    try:
        check_custom_sections(module)
    except InputError:
        return


@settings(max_examples=300, deadline=None)
@given(modules(), st.data())
def test_mutated_bytes_break_nothing(module: Module, data: st.DataObject) -> None:
    binary = bytearray(encode(module))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(8, max(8, len(binary))))
        change = data.draw(st.integers(0, 3))
        if change == 0:
            del binary[place:]
        elif change == 1:
            binary[place : place + 1] = bytes([data.draw(st.integers(0, 255))])
        elif change == 2:
            other = data.draw(st.integers(8, max(8, len(binary))))
            binary[place:place] = binary[other : other + 6]
        else:
            del binary[place : place + data.draw(st.integers(1, 4))]
    exercise(bytes(binary))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_break_nothing(data: bytes) -> None:
    exercise(data)
    exercise(b"\0asm\1\0\0\0" + data)


def test_counts_do_not_allocate() -> None:
    # Four billion items in six bytes: refused before anything is made.
    for section in range(1, 14):
        content = b"\xff\xff\xff\xff\x0f\0"
        with pytest.raises(InputError):
            decode(b"\0asm\1\0\0\0" + bytes([section, len(content)]) + content)


def test_names_of_a_text_module_become_a_section() -> None:
    module = Module()
    assert encode(module) == b"\0asm\1\0\0\0"
    module.names = Names()
    assert encode(module) == b"\0asm\1\0\0\0"
    module.names.direct["func"][3] = "f"
    found = decode(encode(module))
    assert [item.name for item in found.customs] == ["name"]
    module.customs.append(CustomSection("name", b"", 0))
    assert decode(encode(module)).customs == module.customs


def test_bodies_need_not_be_one_file() -> None:
    module = Module()
    module.functions = [0, 0]
    data = b"..\0\x0b..\0\1\x0b"
    module.code = BodySequence(data, array("I", [2, 6]), array("I", [4, 9]))
    found = decode(encode(module))
    assert [item.body for item in found.code] == [b"\0\x0b", b"\0\1\x0b"]


def test_what_cannot_be_encoded_is_said() -> None:
    module = Module()
    module.datas = [DataSegment(ACTIVE, b"")]
    with pytest.raises(InternalError, match="offset"):
        encode(module)
    module = Module()
    module.elements = [ElementSegment(PASSIVE, EXTERNREF, (1,))]
    with pytest.raises(InternalError, match="indices"):
        encode(module)
    module.elements = [ElementSegment(PASSIVE, EXTERNREF, ())]
    assert decode(encode(module)).elements[0].type == EXTERNREF
    module.elements = [ElementSegment(ACTIVE, FUNCREF, (1,), (), 0, None)]
    with pytest.raises(InternalError, match="offset"):
        encode(module)
