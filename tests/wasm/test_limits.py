"""The implementation limits are those that wasmtime's validator holds to."""

from __future__ import annotations

import pytest
import wasmtime

from plumbob.wasm import limits
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import write_locals
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import (
    PASSIVE,
    Code,
    CustomSection,
    DataSegment,
    ElementSegment,
    Export,
    Module,
    RecGroup,
    Table,
)
from plumbob.wasm.types import (
    FUNC,
    FUNCREF,
    I32,
    FieldType,
    FuncType,
    Limits,
    MemoryType,
    StructType,
    SubType,
    TableType,
    ref,
)


def accepts(module: Module) -> bool:
    config = wasmtime.Config()
    config.wasm_gc = True
    config.wasm_function_references = True
    engine = wasmtime.Engine(config)
    try:
        wasmtime.Module.validate(engine, encode(module))
    except wasmtime.WasmtimeError:
        return False
    return True


def with_types(*subtypes: SubType) -> Module:
    module = Module()
    module.rec_groups = [RecGroup((subtype,)) for subtype in subtypes]
    return module


def params(count: int) -> Module:
    return with_types(SubType(FuncType((I32,) * count, ())))


def results(count: int) -> Module:
    return with_types(SubType(FuncType((), (I32,) * count)))


def fields(count: int) -> Module:
    return with_types(SubType(StructType((FieldType(I32, mutable=False),) * count)))


def subtyping(depth: int) -> Module:
    struct = StructType(())
    return with_types(
        SubType(struct, (), final=False),
        *(SubType(struct, (index,), final=False) for index in range(depth)),
    )


def local_variables(count: int) -> Module:
    module = params(0)
    module.functions = [0]
    out = bytearray()
    write_locals(out, [(count, I32)])
    module.code = [Code(bytes(out) + b"\x0b")]
    return module


def function_size(size: int) -> Module:
    module = params(0)
    module.functions = [0]
    module.code = [Code(b"\0" + b"\1" * (size - 2) + b"\x0b")]
    return module


def memories(count: int) -> Module:
    module = Module()
    module.memories = [MemoryType(Limits(0))] * count
    return module


def tables(count: int) -> Module:
    module = Module()
    module.tables = [Table(TableType(FUNCREF, Limits(0)))] * count
    return module


def strings(size: int) -> Module:
    module = Module()
    module.memories = [MemoryType(Limits(0))]
    module.exports = [Export("x" * size, 2, 0)]
    return module


def data_segments(count: int) -> Module:
    module = Module()
    module.datas = [DataSegment(PASSIVE, b"")] * count
    return module


def element_segments(count: int) -> Module:
    module = Module()
    module.elements = [ElementSegment(PASSIVE, ref(FUNC), ())] * count
    return module


CASES = [
    (params, limits.MAX_PARAMS),
    (results, limits.MAX_RESULTS),
    (fields, limits.MAX_STRUCT_FIELDS),
    (subtyping, limits.MAX_SUBTYPING_DEPTH),
    (local_variables, limits.MAX_LOCALS),
    (function_size, limits.MAX_FUNCTION_SIZE),
    (memories, limits.MAX_MEMORIES),
    (tables, limits.MAX_TABLES),
    (strings, limits.MAX_STRING_SIZE),
    (data_segments, limits.MAX_DATA_SEGMENTS),
    (element_segments, limits.MAX_ELEMENT_SEGMENTS),
]


@pytest.mark.parametrize(("make", "limit"), CASES)
def test_wasmtime_draws_the_line_at_the_same_place(make, limit: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # functions of one shape
    assert accepts(make(limit))
    assert not accepts(make(limit + 1))


@pytest.mark.parametrize(
    ("make", "limit"), [case for case in CASES if case[0] not in {subtyping, local_variables}]
)
def test_the_decoder_holds_to_what_bounds_its_memory(make, limit: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # functions of one shape
    module = make(limit)
    assert decode(encode(module)) == module
    with pytest.raises(MalformedError) as error:
        decode(encode(make(limit + 1)))
    assert error.value.code == "E0301"
    assert error.value.expected == f"at most {limit}"
    assert error.value.found == str(limit + 1)


def test_rec_groups_share_the_limit_of_types() -> None:
    group = RecGroup((SubType(FuncType((), ())),) * (limits.MAX_TYPES // 2), explicit=True)
    module = Module()
    module.rec_groups = [group, group, RecGroup(group.types[:1])]
    with pytest.raises(MalformedError) as error:
        decode(encode(module))
    assert error.value.code == "E0301"


def test_names_of_custom_sections_are_strings_too() -> None:
    module = Module()
    module.customs = [CustomSection("x" * (limits.MAX_STRING_SIZE + 1), b"", 0)]
    assert not accepts(module)
