"""References, structures, arrays and exceptions as Python source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from plumbob.exec.interp.wasm_emit_common import environment_of, local, place, result_name, texts
from plumbob.exec.interp.wasm_faults import ArrayPlace, NullPlace
from plumbob.ir.high_level import heap_of_name
from plumbob.ir.trap_codes import NULL_ARRAY, NULL_I31, NULL_REFERENCE, NULL_STRUCTURE
from plumbob.runtime.heap import default_of, mask_of
from plumbob.runtime.object_memory import OBJECT_BYTES, value_bytes, values_bytes
from plumbob.runtime.references import ABSTRACT, I31_MASK
from plumbob.semantics.expression import (
    AND,
    BIT_AND,
    COMPARE,
    NOT,
    OR,
    SUM,
    TERNARY,
    Expression,
    Truth,
)
from plumbob.wasm.types import ANY, EXN, EXTERN, FUNC, FuncType

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.source_function import FunctionSource
    from plumbob.ir.entities import Inst, Value
    from plumbob.wasm.types import ValType

    Emitter: TypeAlias = Callable[[FunctionSource, Inst], None]

_TIGHTER: Final = COMPARE + 1


def _define_truth(fs: FunctionSource, inst: Inst, text: str, level: int) -> None:
    fs.define(fs.func.inst_results[inst][0], Truth((text,), level))


def _alias(fs: FunctionSource, inst: Inst, name: str) -> None:
    """Make another name's value the result: values never change."""
    fs.names[fs.func.inst_results[inst][0]] = name


# References


def _null(fs: FunctionSource, inst: Inst) -> None:
    _alias(fs, inst, "None")


def _func(fs: FunctionSource, inst: Inst) -> None:
    _alias(fs, inst, f"func{fs.func.imm(inst, 'function')}")


def _is_null(fs: FunctionSource, inst: Inst) -> None:
    value = fs.text(fs.func.inst_args[inst][0], _TIGHTER)
    _define_truth(fs, inst, f"{value} is None", COMPARE)


def _eq(fs: FunctionSource, inst: Inst) -> None:
    left, right = (fs.text(value, _TIGHTER) for value in fs.func.inst_args[inst])
    _define_truth(fs, inst, f"{left} == {right}", COMPARE)


def _as_non_null(fs: FunctionSource, inst: Inst) -> None:
    name = fs.atom(fs.func.inst_args[inst][0])
    fs.out.line(f"if {name} is None: raise trap({NULL_REFERENCE!r})")
    _alias(fs, inst, name)


def _type_test(fs: FunctionSource, inst: Inst, name: str, *, with_null: bool) -> tuple[str, int]:
    """Return the test whether the value of a name has a heap type, and its precedence."""
    heap = heap_of_name(fs.func.imm(inst, "heap"))
    if heap in (ANY, FUNC, EXTERN, EXN):
        return ("True", TERNARY) if with_null else (f"{name} is not None", COMPARE)
    if heap.is_concrete:
        # Of what is no null, an i31 alone has no type.
        test, level = f"type({name}) is not int and below{heap.index}[{name}.type]", AND
    else:
        classes = [kind.__name__ for kind in ABSTRACT.get(heap, ())]
        if not classes:
            return (f"{name} is None", COMPARE) if with_null else ("False", TERNARY)
        test, level = f"isinstance({name}, ({', '.join(classes)},))", COMPARE
    if not with_null and heap.is_concrete:
        return f"{name} is not None and {test}", AND
    return (f"{name} is None or {test}", OR) if with_null else (test, level)


def _test(fs: FunctionSource, inst: Inst) -> None:
    with_null = fs.func.inst_op[inst].name.endswith("_null")
    name = fs.atom(fs.func.inst_args[inst][0])
    test, level = _type_test(fs, inst, name, with_null=with_null)
    _define_truth(fs, inst, test, level)


def _cast(fs: FunctionSource, inst: Inst) -> None:
    with_null = fs.func.inst_op[inst].name.endswith("_null")
    name = fs.atom(fs.func.inst_args[inst][0])
    test, level = _type_test(fs, inst, name, with_null=with_null)
    test = f"({test})" if level < NOT else test
    fs.out.line(f"if not {test}: raise cast_failure({name}, {fs.func.imm(inst, 'heap')!r})")
    _alias(fs, inst, name)


def _i31(fs: FunctionSource, inst: Inst) -> None:
    value = fs.text(fs.func.inst_args[inst][0], BIT_AND + 1)
    fs.out.line(f"{result_name(fs, inst)} = {value} & {I31_MASK:#x}")


def _i31_get(fs: FunctionSource, inst: Inst) -> None:
    name = fs.atom(fs.func.inst_args[inst][0])
    fs.out.line(f"if {name} is None: raise trap({NULL_I31!r})")
    text = name if fs.func.inst_op[inst].name == "i31.get_u" else _signed(name, 31)
    fs.out.line(f"{result_name(fs, inst)} = {text}")


def _signed(text: str, bits: int) -> str:
    """Return the source of a number of `bits` bits, extended by its sign to 32."""
    half = 1 << (bits - 1)
    return f"(({text} ^ {half:#x}) - {half:#x}) & 0xffffffff"


def _convert(fs: FunctionSource, inst: Inst) -> None:
    function = "to_any" if fs.func.inst_op[inst].name == "any.convert_extern" else "to_extern"
    fs.out.line(f"{result_name(fs, inst)} = {function}({texts(fs, inst)[0]})")


def _select(fs: FunctionSource, inst: Inst) -> None:
    condition, yes, no = fs.func.inst_args[inst]
    if not fs.func.value_type(yes).is_ref:
        fs._pure(inst)  # noqa: SLF001  # the numbers' own way
        return
    test = fs.condition(condition, OR)
    text = f"{fs.text(yes, OR)} if {test} else {fs.text(no)}"
    fs.out.line(f"{result_name(fs, inst)} = {text}")


# Structures


def _stored(fs: FunctionSource, value: Value, storage: ValType) -> str:
    """Return the source of a value as a field of the storage type holds it."""
    mask = mask_of(storage)
    if mask is None:
        return fs.text(value)
    return f"{fs.text(value, BIT_AND)} & {mask:#x}"


def _fetched(fs: FunctionSource, inst: Inst, text: str, storage: ValType) -> str:
    """Return the source of a field's content as the operation gives it."""
    mask = mask_of(storage)
    if mask is None or not fs.func.inst_op[inst].name.endswith("_s"):
        return text
    return _signed(text, mask.bit_length())


def _take_room(fs: FunctionSource, size: int | str) -> None:
    """Write what making an object of that many bytes costs; see `object_memory.py`."""
    fs.cells["room"] = None
    fs.out.line(f"room -= {size}")
    fs.out.line(f"if room < 0: room = more_room(room, {size})")


def _struct_new(fs: FunctionSource, inst: Inst) -> None:
    values = [
        _stored(fs, value, storage)
        for value, storage in zip(fs.func.inst_args[inst], _fields(fs, inst), strict=True)
    ]
    _make_structure(fs, inst, values)


def _struct_new_default(fs: FunctionSource, inst: Inst) -> None:
    _make_structure(fs, inst, [str(default_of(storage)) for storage in _fields(fs, inst)])


def _fields(fs: FunctionSource, inst: Inst) -> list[ValType]:
    environment, index = environment_of(fs), fs.func.imm(inst, "type")
    return [environment.field(index, field) for field in range(environment.field_count(index))]


def _make_structure(fs: FunctionSource, inst: Inst, values: list[str]) -> None:
    _take_room(fs, values_bytes(_fields(fs, inst)))
    type_ = f"type{fs.func.imm(inst, 'type')}"
    fs.out.line(f"{result_name(fs, inst)} = Structure({type_}, [{', '.join(values)}])")


def _struct_get(fs: FunctionSource, inst: Inst) -> None:
    index, field = fs.func.imm(inst, "type"), fs.func.imm(inst, "field")
    name = local(fs, fs.func.inst_args[inst][0])
    place(fs, inst, NullPlace(name, NULL_STRUCTURE))
    text = _fetched(fs, inst, f"{name}.fields[{field}]", environment_of(fs).field(index, field))
    fs.out.line(f"{result_name(fs, inst)} = {text}")


def _struct_set(fs: FunctionSource, inst: Inst) -> None:
    index, field = fs.func.imm(inst, "type"), fs.func.imm(inst, "field")
    structure, value = fs.func.inst_args[inst]
    name = local(fs, structure)
    place(fs, inst, NullPlace(name, NULL_STRUCTURE))
    text = _stored(fs, value, environment_of(fs).field(index, field))
    fs.out.line(f"{name}.fields[{field}] = {text}")


# Arrays


def _element(fs: FunctionSource, inst: Inst) -> ValType:
    return environment_of(fs).element(fs.func.imm(inst, "type"))


def _array_new(fs: FunctionSource, inst: Inst) -> None:
    value, length = fs.func.inst_args[inst]
    text = _stored(fs, value, _element(fs, inst))
    _new(fs, inst, text, length)


def _array_new_default(fs: FunctionSource, inst: Inst) -> None:
    _new(fs, inst, str(default_of(_element(fs, inst))), fs.func.inst_args[inst][0])


def _new(fs: FunctionSource, inst: Inst, value: str, length: Value) -> None:
    number = local(fs, length)
    _take_room(fs, f"{OBJECT_BYTES} + {value_bytes(_element(fs, inst))} * {number}")
    type_ = f"type{fs.func.imm(inst, 'type')}"
    fs.out.line(f"{result_name(fs, inst)} = Array({type_}, [{value}] * {number})")


def _array_new_fixed(fs: FunctionSource, inst: Inst) -> None:
    storage = _element(fs, inst)
    values = [_stored(fs, value, storage) for value in fs.func.inst_args[inst]]
    _take_room(fs, OBJECT_BYTES + len(values) * value_bytes(storage))
    type_ = f"type{fs.func.imm(inst, 'type')}"
    fs.out.line(f"{result_name(fs, inst)} = Array({type_}, [{', '.join(values)}])")


def _array_new_data(fs: FunctionSource, inst: Inst) -> None:
    name = _storage(fs, inst)
    segment = f"datas[{fs.func.imm(inst, 'data')}]"
    items = f"decode_items({name}, {segment}, {', '.join(texts(fs, inst))})"
    index = fs.func.imm(inst, "type")
    fs.out.line(f"{result_name(fs, inst)} = array_of(type{index}, {items}, objects)")


def _storage(fs: FunctionSource, inst: Inst) -> str:
    """Return a name of the element's storage type."""
    storage = _element(fs, inst)
    name = f"storage{int(storage)}"
    fs.extras[name] = storage
    return name


def _array_new_elem(fs: FunctionSource, inst: Inst) -> None:
    segment = f"elements[{fs.func.imm(inst, 'elem')}]"
    items = f"segment_items({segment}, {', '.join(texts(fs, inst))})"
    index = fs.func.imm(inst, "type")
    fs.out.line(f"{result_name(fs, inst)} = array_of(type{index}, {items}, objects)")


def _item(fs: FunctionSource, inst: Inst) -> str:
    array, index = fs.func.inst_args[inst][:2]
    array_name, index_name = local(fs, array), local(fs, index)
    place(fs, inst, ArrayPlace(array_name, index_name))
    return f"{array_name}.items[{index_name}]"


def _array_get(fs: FunctionSource, inst: Inst) -> None:
    text = _fetched(fs, inst, _item(fs, inst), _element(fs, inst))
    fs.out.line(f"{result_name(fs, inst)} = {text}")


def _array_set(fs: FunctionSource, inst: Inst) -> None:
    item = _item(fs, inst)
    fs.out.line(f"{item} = {_stored(fs, fs.func.inst_args[inst][2], _element(fs, inst))}")


def _array_len(fs: FunctionSource, inst: Inst) -> None:
    name = local(fs, fs.func.inst_args[inst][0])
    place(fs, inst, NullPlace(name, NULL_ARRAY))
    fs.out.line(f"{result_name(fs, inst)} = len({name}.items)")


def _array_fill(fs: FunctionSource, inst: Inst) -> None:
    array, index, value, size = fs.func.inst_args[inst]
    stored = _stored(fs, value, _element(fs, inst))
    fs.out.line(f"array_fill({fs.text(array)}, {fs.text(index)}, {stored}, {fs.text(size)})")


def _array_copy(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"array_copy({', '.join(texts(fs, inst))})")


def _array_init_data(fs: FunctionSource, inst: Inst) -> None:
    segment = f"datas[{fs.func.imm(inst, 'data')}]"
    arguments = ", ".join([_storage(fs, inst), segment, *texts(fs, inst)])
    fs.out.line(f"array_init_data({arguments})")


def _array_init_elem(fs: FunctionSource, inst: Inst) -> None:
    segment = f"elements[{fs.func.imm(inst, 'elem')}]"
    fs.out.line(f"array_init_elem({', '.join([segment, *texts(fs, inst)])})")


# Exceptions


def _exn_new(fs: FunctionSource, inst: Inst) -> None:
    values = "".join(f"{text}, " for text in texts(fs, inst))
    index, environment = fs.func.imm(inst, "tag"), environment_of(fs)
    signature = environment.types[environment.tags[index]].composite
    assert isinstance(signature, FuncType)  # noqa: S101  # the module is valid
    _take_room(fs, values_bytes(signature.params))
    fs.out.line(f"{result_name(fs, inst)} = Exception_(tag{index}, ({values}))")


def _exn_get(fs: FunctionSource, inst: Inst) -> None:
    exception = fs.text(fs.func.inst_args[inst][0], SUM)
    field = fs.func.imm(inst, "field")
    fs.define(
        fs.func.inst_results[inst][0],
        Expression((f"{exception}.values[{field}]",), BIT_AND, 0, (1 << 128) - 1),
    )


def _throw(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"raise throwing({texts(fs, inst)[0]})")


_FAULTING_EMITTERS: Final[dict[str, Emitter]] = {
    "struct.get": _struct_get,
    "struct.get_s": _struct_get,
    "struct.get_u": _struct_get,
    "struct.set": _struct_set,
    "array.get": _array_get,
    "array.get_s": _array_get,
    "array.get_u": _array_get,
    "array.set": _array_set,
    "array.len": _array_len,
}

HEAP_FAULTING: Final = tuple(_FAULTING_EMITTERS)

HEAP_EMITTERS: Final[dict[str, Emitter]] = {
    **_FAULTING_EMITTERS,
    "select": _select,
    "ref.null": _null,
    "ref.func": _func,
    "ref.is_null": _is_null,
    "ref.eq": _eq,
    "ref.as_non_null": _as_non_null,
    "ref.test": _test,
    "ref.test_null": _test,
    "ref.cast": _cast,
    "ref.cast_null": _cast,
    "ref.i31": _i31,
    "i31.get_s": _i31_get,
    "i31.get_u": _i31_get,
    "any.convert_extern": _convert,
    "extern.convert_any": _convert,
    "struct.new": _struct_new,
    "struct.new_default": _struct_new_default,
    "array.new": _array_new,
    "array.new_default": _array_new_default,
    "array.new_fixed": _array_new_fixed,
    "array.new_data": _array_new_data,
    "array.new_elem": _array_new_elem,
    "array.fill": _array_fill,
    "array.copy": _array_copy,
    "array.init_data": _array_init_data,
    "array.init_elem": _array_init_elem,
    "exn.new": _exn_new,
    "exn.get": _exn_get,
    "exn.throw": _throw,
}
