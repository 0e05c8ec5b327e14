"""What the tree walk does for operations on references, structures, arrays, exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.exec.interp.instructions import semantic_type
from plumbob.exec.interp.outcome import GuestTrap
from plumbob.ir.high_level import heap_of_name
from plumbob.ir.trap_codes import (
    ARRAY_OOB,
    CAST_FAILURE,
    NULL_ARRAY,
    NULL_I31,
    NULL_REFERENCE,
    NULL_STRUCTURE,
)
from plumbob.runtime import heap
from plumbob.runtime.references import I31_MASK, has_heap_type, to_any, to_extern
from plumbob.semantics import CONCRETE, OPERATIONS, Site
from plumbob.wasm.types import CONCRETE as CONCRETE_HEAP

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.wasm_steps import At
    from plumbob.runtime.references import ArrayRef, StructRef
    from plumbob.wasm.types import ValType


# References


def _null(at: At) -> None:
    at.finish(None)


def _func(at: At) -> None:
    at.finish(at.instance.functions[at.imm("function")])


def _is_null(at: At) -> None:
    at.finish(int(at.args()[0] is None))


def _eq(at: At) -> None:
    left, right = at.args()
    same_i31 = isinstance(left, int) and isinstance(right, int) and left == right
    at.finish(int(left is right or same_i31))


def _as_non_null(at: At) -> None:
    (value,) = at.args()
    if value is None:
        raise GuestTrap(NULL_REFERENCE)
    at.finish(value)


def _fits(at: At, value: Any) -> bool:
    if value is None:
        return at.name.endswith("_null")
    kind = heap_of_name(at.imm("heap"))
    number = CONCRETE_HEAP | at.instance.types[kind.index] if kind.is_concrete else int(kind)
    return has_heap_type(value, number, at.instance.store.registry)


def _test(at: At) -> None:
    at.finish(int(_fits(at, at.args()[0])))


def _cast(at: At) -> None:
    (value,) = at.args()
    if not _fits(at, value):
        raise GuestTrap(CAST_FAILURE, f"expected {at.imm('heap')}")
    at.finish(value)


def _i31(at: At) -> None:
    at.finish(at.args()[0] & I31_MASK)


def _i31_get(at: At) -> None:
    (value,) = at.args()
    if value is None:
        raise GuestTrap(NULL_I31)
    at.finish(value if at.name == "i31.get_u" else _signed(value, 31))


def _signed(value: int, bits: int) -> int:
    """Extend by the sign to 32 bits."""
    return value | (0xFFFF_FFFF >> bits << bits) if value >> (bits - 1) else value


def _to_any(at: At) -> None:
    at.finish(to_any(at.args()[0]))


def _to_extern(at: At) -> None:
    at.finish(to_extern(at.args()[0]))


def _select(at: At) -> None:
    condition, yes, no = at.args()
    kind = at.func.value_type(at.func.inst_args[at.inst][1])
    if kind.is_ref:
        at.finish(yes if condition else no)
        return
    types = [semantic_type(at.func.value_type(v)) for v in at.func.inst_args[at.inst]]
    site = Site(tuple(types), (semantic_type(kind),))
    at.finish(*OPERATIONS["select"].outcome(CONCRETE, site, (condition, yes, no)).results)


# Structures and arrays


def _packed(storage: ValType, value: Any) -> Any:
    mask = heap.mask_of(storage)
    return value if mask is None else value & mask


def _fetched(at: At, storage: ValType, value: Any) -> Any:
    return _signed(value, 8 * heap.BYTES[storage]) if at.name.endswith("_s") else value


def _struct_storage(at: At, field: int) -> ValType:
    return at.instance.environment.field(at.imm("type"), field)


def _struct_new(at: At) -> None:
    values = [_packed(_struct_storage(at, i), value) for i, value in enumerate(at.args())]
    type_ = at.instance.types[at.imm("type")]
    at.finish(heap.new_structure(type_, values, at.instance.store.objects))


def _struct_new_default(at: At) -> None:
    count = at.instance.environment.field_count(at.imm("type"))
    values = [heap.default_of(_struct_storage(at, i)) for i in range(count)]
    type_ = at.instance.types[at.imm("type")]
    at.finish(heap.new_structure(type_, values, at.instance.store.objects))


def _structure(value: StructRef | None) -> StructRef:
    if value is None:
        raise GuestTrap(NULL_STRUCTURE)
    return value


def _struct_get(at: At) -> None:
    field = at.imm("field")
    value = _structure(at.args()[0]).fields[field]
    at.finish(_fetched(at, _struct_storage(at, field), value))


def _struct_set(at: At) -> None:
    target, value = at.args()
    field = at.imm("field")
    _structure(target).fields[field] = _packed(_struct_storage(at, field), value)
    at.finish()


def _array_new(at: At) -> None:
    value, length = at.args()
    _finish_array(at, _packed(at.storage(), value), length)


def _array_new_default(at: At) -> None:
    _finish_array(at, heap.default_of(at.storage()), at.args()[0])


def _finish_array(at: At, value: Any, length: int) -> None:
    type_ = at.instance.types[at.imm("type")]
    at.finish(heap.new_array(type_, value, length, at.instance.store.objects))


def _array_new_fixed(at: At) -> None:
    storage = at.storage()
    items = [_packed(storage, value) for value in at.args()]
    _finish_items(at, items)


def _array_new_data(at: At) -> None:
    start, length = at.args()
    segment = at.instance.datas[at.imm("data")]
    _finish_items(at, list(heap.decode_items(at.storage(), segment, start, length)))


def _finish_items(at: At, items: list[Any]) -> None:
    type_ = at.instance.types[at.imm("type")]
    at.finish(heap.array_of(type_, items, at.instance.store.objects))


def _array_new_elem(at: At) -> None:
    _finish_items(at, heap.segment_items(at.instance.elements[at.imm("elem")], *at.args()))


def _item(array: ArrayRef | None, index: int) -> list[Any]:
    if array is None:
        raise GuestTrap(NULL_ARRAY)
    if index >= len(array.items):
        raise GuestTrap(ARRAY_OOB, f"element {index}, in an array of {len(array.items)}")
    return array.items


def _array_get(at: At) -> None:
    array, index = at.args()
    at.finish(_fetched(at, at.storage(), _item(array, index)[index]))


def _array_set(at: At) -> None:
    array, index, value = at.args()
    _item(array, index)[index] = _packed(at.storage(), value)
    at.finish()


def _array_len(at: At) -> None:
    at.finish(len(heap.not_null(at.args()[0]).items))


def _array_fill(at: At) -> None:
    array, index, value, size = at.args()
    heap.fill(array, index, _packed(at.storage(), value), size)
    at.finish()


def _array_copy(at: At) -> None:
    heap.copy(*at.args())
    at.finish()


def _array_init_data(at: At) -> None:
    heap.init_data(at.storage(), at.instance.datas[at.imm("data")], *at.args())
    at.finish()


def _array_init_elem(at: At) -> None:
    heap.init_elem(at.instance.elements[at.imm("elem")], *at.args())
    at.finish()


def _exn_new(at: At) -> None:
    tag = at.instance.tags[at.imm("tag")]
    at.finish(heap.new_exception(tag, tuple(at.args()), at.instance.store.objects))


def _exn_get(at: At) -> None:
    at.finish(at.args()[0].values[at.imm("field")])


HEAP_STEPS: dict[str, Callable[[At], None]] = {
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
    "any.convert_extern": _to_any,
    "extern.convert_any": _to_extern,
    "struct.new": _struct_new,
    "struct.new_default": _struct_new_default,
    **dict.fromkeys(("struct.get", "struct.get_s", "struct.get_u"), _struct_get),
    "struct.set": _struct_set,
    "array.new": _array_new,
    "array.new_default": _array_new_default,
    "array.new_fixed": _array_new_fixed,
    "array.new_data": _array_new_data,
    "array.new_elem": _array_new_elem,
    **dict.fromkeys(("array.get", "array.get_s", "array.get_u"), _array_get),
    "array.set": _array_set,
    "array.len": _array_len,
    "array.fill": _array_fill,
    "array.copy": _array_copy,
    "array.init_data": _array_init_data,
    "array.init_elem": _array_init_elem,
    "exn.new": _exn_new,
    "exn.get": _exn_get,
}
"""What an operation does, by its name."""
