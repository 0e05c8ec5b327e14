"""Constant expressions (Validation / Instructions / Constant Expressions).

A small evaluator over the operators that may occur. Arithmetic comes from `semantics/`,
objects from `heap.py`: no operator has a second meaning here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from plumbob.errors import InternalError
from plumbob.runtime import heap
from plumbob.runtime.references import I31_MASK, to_any, to_extern
from plumbob.semantics import CONCRETE, OPERATIONS, Site, value_type
from plumbob.wasm.binary.instructions import instructions_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.runtime.instance import Instance
    from plumbob.wasm import types as t
    from plumbob.wasm.binary.instructions import Instruction

    _Step: TypeAlias = Callable[[Instance, list[Any], Instruction], None]


def evaluate(instance: Instance, expression: bytes) -> Any:
    """Return the value of a valid constant expression in an instance under construction."""
    stack: list[Any] = []
    for instruction in instructions_of(expression):
        name = instruction.operator.name
        if name == "end":
            break
        step = _STEPS.get(name)
        if step is None:
            raise InternalError("a constant expression", found=name)
        step(instance, stack, instruction)
    (value,) = stack
    return value


def _push(value: Callable[[Instance, Instruction], Any]) -> _Step:
    def step(instance: Instance, stack: list[Any], instruction: Instruction) -> None:
        stack.append(value(instance, instruction))

    return step


def _binary(operation: str, type_name: str) -> _Step:
    kind = value_type(type_name)
    site = Site((kind, kind), (kind,))

    def step(instance: Instance, stack: list[Any], instruction: Instruction) -> None:  # noqa: ARG001  # a step's signature
        right = stack.pop()
        outcome = OPERATIONS[operation].outcome(CONCRETE, site, (stack.pop(), right))
        stack.append(outcome.results[0])

    return step


def _unary(function: Callable[[Any], Any]) -> _Step:
    def step(instance: Instance, stack: list[Any], instruction: Instruction) -> None:  # noqa: ARG001  # a step's signature
        stack.append(function(stack.pop()))

    return step


def _take(stack: list[Any], count: int) -> list[Any]:
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return taken


def _packed(storage: t.ValType, value: Any) -> Any:
    mask = heap.mask_of(storage)
    return value if mask is None else value & mask


def _struct_new(instance: Instance, stack: list[Any], instruction: Instruction) -> None:
    index = instruction.immediates[0]
    fields = _struct_fields(instance, index)
    values = map(_packed, fields, _take(stack, len(fields)))
    objects = instance.store.objects
    stack.append(heap.new_structure(instance.types[index], list(values), objects))


def _struct_new_default(instance: Instance, stack: list[Any], instruction: Instruction) -> None:
    index = instruction.immediates[0]
    values = map(heap.default_of, _struct_fields(instance, index))
    objects = instance.store.objects
    stack.append(heap.new_structure(instance.types[index], list(values), objects))


def _struct_fields(instance: Instance, index: int) -> list[t.ValType]:
    environment = instance.environment
    return [environment.field(index, field) for field in range(environment.field_count(index))]


def _array_new(instance: Instance, stack: list[Any], instruction: Instruction) -> None:
    index = instruction.immediates[0]
    value, length = _take(stack, 2)
    _append_array(instance, stack, index, value, length)


def _array_new_default(instance: Instance, stack: list[Any], instruction: Instruction) -> None:
    index = instruction.immediates[0]
    value = heap.default_of(instance.environment.element(index))
    _append_array(instance, stack, index, value, stack.pop())


def _append_array(
    instance: Instance, stack: list[Any], index: int, value: Any, length: int
) -> None:
    item = _packed(instance.environment.element(index), value)
    stack.append(heap.new_array(instance.types[index], item, length, instance.store.objects))


def _array_new_fixed(instance: Instance, stack: list[Any], instruction: Instruction) -> None:
    index, length = instruction.immediates
    storage = instance.environment.element(index)
    items = [_packed(storage, value) for value in _take(stack, length)]
    stack.append(heap.array_of(instance.types[index], items, instance.store.objects))


_STEPS: dict[str, _Step] = {
    "i32.const": _push(lambda _, item: item.immediates[0] & 0xFFFF_FFFF),
    "i64.const": _push(lambda _, item: item.immediates[0] & 0xFFFF_FFFF_FFFF_FFFF),
    "f32.const": _push(lambda _, item: item.immediates[0]),
    "f64.const": _push(lambda _, item: item.immediates[0]),
    "v128.const": _push(lambda _, item: int.from_bytes(item.immediates[0], "little")),
    "ref.null": _push(lambda _, __: None),
    "ref.func": _push(lambda instance, item: instance.functions[item.immediates[0]]),
    "global.get": _push(lambda instance, item: instance.globals[item.immediates[0]].value),
    **{
        f"{kind}.{name}": _binary(f"i{operation}", kind)
        for kind in ("i32", "i64")
        for name, operation in (("add", "add"), ("sub", "sub"), ("mul", "mul"))
    },
    "ref.i31": _unary(lambda value: value & I31_MASK),
    "any.convert_extern": _unary(to_any),
    "extern.convert_any": _unary(to_extern),
    "struct.new": _struct_new,
    "struct.new_default": _struct_new_default,
    "array.new": _array_new,
    "array.new_default": _array_new_default,
    "array.new_fixed": _array_new_fixed,
}
"""What an operator does to the stack."""
