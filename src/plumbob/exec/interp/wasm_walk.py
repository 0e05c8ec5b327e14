"""The tree-walking mode for WebAssembly: what high-level operations do, stated plainly.

Activations of all instances of a store share one stack, so a call or tail call across
instances is as any other. What an instance has is reached through its activation's
machine; whole ranges are the runtime's methods, the checks of single accesses are written
here, apart from those that generated source relies on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from plumbob.exec.interp.instructions import rmw_site, semantic_type
from plumbob.exec.interp.outcome import GuestException, GuestTrap
from plumbob.exec.interp.walk import (
    STEPS,
    Walker,
    _Activation,
    _external_name,
    _Plan,
    _Run,
    compute,
    plan_for,
)
from plumbob.exec.interp.wasm_exceptions import catch_in, throw
from plumbob.ir.high_level import heap_of_name
from plumbob.ir.trap_codes import (
    ARRAY_OOB,
    CAST_FAILURE,
    NULL_ARRAY,
    NULL_FUNCTION,
    NULL_I31,
    NULL_REFERENCE,
    NULL_STRUCTURE,
    SIGNATURE_MISMATCH,
    UNDEFINED_ELEMENT,
    UNINITIALIZED_ELEMENT,
)
from plumbob.runtime import heap
from plumbob.runtime.references import (
    I31_MASK,
    ArrayRef,
    ExnRef,
    FuncRef,
    StructRef,
    has_heap_type,
    to_any,
    to_extern,
)
from plumbob.semantics import CONCRETE, OPERATIONS, Site
from plumbob.wasm.types import CONCRETE as CONCRETE_HEAP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.exec.interp.wasm_engine import Engine
    from plumbob.exec.interp.wasm_linker import InstanceMachine
    from plumbob.ir.entities import Inst
    from plumbob.runtime.instance import Instance
    from plumbob.runtime.memory import LinearMemory
    from plumbob.wasm.types import ValType


class InstanceWalker(Walker):
    """Executes functions of all instances of an engine's store."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(cast("InstanceMachine", engine))  # refuel, limits, memory: as a machine
        self.engine = engine
        self.machines: dict[FuncRef, InstanceMachine] = {}
        self._plans_of: dict[FuncRef, _Plan] = {}

    def plan_of(self, function: FuncRef) -> _Plan:
        """Return what is computed of a function once."""
        plan = self._plans_of.get(function)
        if plan is None:
            program = self.machines[function].program
            symbol = f"u0:{function.index}"
            plan = self._plans_of[function] = plan_for(program, symbol)
        return plan

    def run_function(
        self, function: FuncRef, arguments: Sequence[Any], depth: int
    ) -> tuple[Any, ...]:
        """Run a function to its end; raises GuestTrap and GuestException."""
        run = _InstanceRun(self)
        try:
            run.enter_function(function, arguments, depth)
            return run.to_the_end()
        except GuestTrap as trap:
            trap.stack = (*trap.stack, *run.places())
            raise
        finally:
            run.unwind()


class _InstanceActivation(_Activation):
    """A frame of a function of an instance."""

    __slots__ = ("function", "machine")

    def __init__(
        self, plan: _Plan, depth: int, function: FuncRef, machine: InstanceMachine
    ) -> None:
        super().__init__(plan, depth)
        self.function = function
        self.machine = machine


class _InstanceRun(_Run):
    """One run above a call from outside."""

    walker: InstanceWalker
    stack: list[_InstanceActivation]  # type: ignore[assignment]  # of this class alone

    def places(self) -> list[Any]:
        """Return where the activations stand, innermost first."""
        from plumbob.exec.interp.wasm_engine import frame_of  # noqa: PLC0415  # a cycle

        return [frame_of(a.machine, a.plan.symbol, a.inst) for a in reversed(self.stack)]

    def enter_function(self, function: FuncRef, arguments: Sequence[Any], depth: int) -> None:
        """Push an activation of a guest's function."""
        plan = self.walker.plan_of(function)
        machine = self.walker.machines[function]
        self.begin(_InstanceActivation(plan, depth, function, machine), arguments)

    def call_function(self, function: FuncRef, arguments: Sequence[Any]) -> None:
        """Call a function: a guest's is entered, one of the host returns."""
        depth = self.stack[-1].depth - 1
        if function.host is None:
            self.enter_function(function, arguments, depth)
        else:
            self.returned(unpacked(function, function.call(depth, *arguments)))

    def tail_call_function(self, function: FuncRef, arguments: Sequence[Any]) -> None:
        """Replace the activation by one of another function."""
        depth = self.stack[-1].depth
        self._pop()
        if function.host is None:
            self.enter_function(function, arguments, depth)
        else:
            self._leave(unpacked(function, function.call(depth, *arguments)))

    def _handle(self, thrown: GuestException) -> None:
        while self.stack:
            activation = self.stack[-1]
            func, inst = activation.plan.func, activation.inst
            if func.inst_op[inst].is_call and func.inst_op[inst].is_branch:
                find = catch_in(activation.machine.instance)
                target, payload = find(thrown, func.imm(inst, "handlers"), ())
                if target:
                    self.branch(activation, target, payload=payload)
                    return
            self._pop()
        raise thrown


def unpacked(function: FuncRef, result: Any) -> tuple[Any, ...]:
    """Return what a callable gave as a tuple of results."""
    if len(function.signature.results) == 1:
        return (result,)
    return () if result is None else tuple(result)


class _At:
    """An instruction about to be executed: its immediates, its operands, its instance."""

    def __init__(self, run: _InstanceRun, activation: _InstanceActivation, inst: Inst) -> None:
        self.run = run
        self.activation = activation
        self.inst = inst
        self.func = activation.plan.func
        self.name = self.func.inst_op[inst].name

    @property
    def instance(self) -> Instance:
        return self.activation.machine.instance

    def imm(self, name: str) -> Any:
        return self.func.imm(self.inst, name)

    def args(self) -> list[Any]:
        return self.activation.args(self.inst)

    def finish(self, *results: Any) -> None:
        self.run.finish(self.activation, self.inst, results)

    def result_mask(self) -> int:
        return self.func.value_type(self.func.inst_results[self.inst][0]).mask

    def memory(self) -> LinearMemory:
        index: int = self.imm("memory")
        return self.instance.memories[index]

    def storage(self) -> ValType:
        return self.instance.environment.element(self.imm("type"))


# Memories


def _size(at: _At) -> int:
    kind = at.func.inst_type[at.inst]
    assert kind is not None  # noqa: S101  # accesses are polymorphic
    return kind.bits // 8


def _resolve(at: _At, address: int) -> tuple[LinearMemory, int, int]:
    """Return memory, effective address and size of an access that is fine."""
    memory, size = at.memory(), _size(at)
    effective = address + at.imm("offset")
    if "atomic" in at.name:
        memory.require_atomic(effective, size)
    else:
        memory.require(effective, size)
    return memory, effective, size


def _bits(memory: LinearMemory, address: int, size: int) -> int:
    return int.from_bytes(memory.read(address, size), "little")


def _load(at: _At) -> None:
    at.finish(_bits(*_resolve(at, at.args()[0])))


def _store(at: _At) -> None:
    value, base = at.args()
    memory, address, size = _resolve(at, base)
    memory.write(address, value.to_bytes(size, "little"))
    at.finish()


def _rmw(at: _At) -> None:
    base, operand = at.args()
    memory, address, size = _resolve(at, base)
    with memory.lock:
        old = _bits(memory, address, size)
        site = rmw_site(at.func, at.inst)
        (new,) = compute(OPERATIONS["atomic_rmw"], site, (old, operand))
        memory.write(address, new.to_bytes(size, "little"))
    at.finish(old)


def _cas(at: _At) -> None:
    base, expected, replacement = at.args()
    memory, address, size = _resolve(at, base)
    with memory.lock:
        old = _bits(memory, address, size)
        if old == expected:
            memory.write(address, replacement.to_bytes(size, "little"))
    at.finish(old)


def _wait(at: _At) -> None:
    base, expected, timeout = at.args()
    size = at.func.value_type(at.func.inst_args[at.inst][1]).bytes
    at.finish(at.memory().wait(base + at.imm("offset"), size, expected, timeout))


def _notify(at: _At) -> None:
    base, count = at.args()
    at.finish(at.memory().notify(base + at.imm("offset"), count))


def _memory_size(at: _At) -> None:
    at.finish(at.memory().pages)


def _memory_grow(at: _At) -> None:
    at.finish(at.memory().grow(at.args()[0]) & at.result_mask())


def _memory_fill(at: _At) -> None:
    at.memory().fill(*at.args())
    at.finish()


def _memory_copy(at: _At) -> None:
    memories = at.instance.memories
    memories[at.imm("to")].copy_from(memories[at.imm("from")], *at.args())
    at.finish()


def _memory_init(at: _At) -> None:
    at.memory().init(at.instance.datas[at.imm("data")], *at.args())
    at.finish()


def _data_drop(at: _At) -> None:
    at.instance.datas[at.imm("data")] = b""
    at.finish()


# Tables and globals


def _table_get(at: _At) -> None:
    at.finish(at.instance.tables[at.imm("table")].get(*at.args()))


def _table_set(at: _At) -> None:
    at.instance.tables[at.imm("table")].set(*at.args())
    at.finish()


def _table_size(at: _At) -> None:
    at.finish(len(at.instance.tables[at.imm("table")].items))


def _table_grow(at: _At) -> None:
    value, delta = at.args()
    at.finish(at.instance.tables[at.imm("table")].grow(delta, value) & at.result_mask())


def _table_fill(at: _At) -> None:
    at.instance.tables[at.imm("table")].fill(*at.args())
    at.finish()


def _table_copy(at: _At) -> None:
    tables = at.instance.tables
    tables[at.imm("to")].copy_from(tables[at.imm("from")], *at.args())
    at.finish()


def _table_init(at: _At) -> None:
    segment = at.instance.elements[at.imm("elem")]
    at.instance.tables[at.imm("table")].init(segment, *at.args())
    at.finish()


def _elem_drop(at: _At) -> None:
    at.instance.elements[at.imm("elem")] = []
    at.finish()


def _global_get(at: _At) -> None:
    at.finish(at.instance.globals[at.imm("global")].value)


def _global_set(at: _At) -> None:
    at.instance.globals[at.imm("global")].value = at.args()[0]
    at.finish()


# References


def _null(at: _At) -> None:
    at.finish(None)


def _func(at: _At) -> None:
    at.finish(at.instance.functions[at.imm("function")])


def _is_null(at: _At) -> None:
    at.finish(int(at.args()[0] is None))


def _eq(at: _At) -> None:
    left, right = at.args()
    same_i31 = isinstance(left, int) and isinstance(right, int) and left == right
    at.finish(int(left is right or same_i31))


def _as_non_null(at: _At) -> None:
    (value,) = at.args()
    if value is None:
        raise GuestTrap(NULL_REFERENCE)
    at.finish(value)


def _fits(at: _At, value: Any) -> bool:
    if value is None:
        return at.name.endswith("_null")
    kind = heap_of_name(at.imm("heap"))
    number = CONCRETE_HEAP | at.instance.types[kind.index] if kind.is_concrete else int(kind)
    return has_heap_type(value, number, at.instance.store.registry)


def _test(at: _At) -> None:
    at.finish(int(_fits(at, at.args()[0])))


def _cast(at: _At) -> None:
    (value,) = at.args()
    if not _fits(at, value):
        raise GuestTrap(CAST_FAILURE, f"expected {at.imm('heap')}")
    at.finish(value)


def _i31(at: _At) -> None:
    at.finish(at.args()[0] & I31_MASK)


def _i31_get(at: _At) -> None:
    (value,) = at.args()
    if value is None:
        raise GuestTrap(NULL_I31)
    at.finish(value if at.name == "i31.get_u" else _signed(value, 31))


def _signed(value: int, bits: int) -> int:
    """Extend by the sign to 32 bits."""
    return value | (0xFFFF_FFFF >> bits << bits) if value >> (bits - 1) else value


def _to_any(at: _At) -> None:
    at.finish(to_any(at.args()[0]))


def _to_extern(at: _At) -> None:
    at.finish(to_extern(at.args()[0]))


def _select(at: _At) -> None:
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


def _fetched(at: _At, storage: ValType, value: Any) -> Any:
    return _signed(value, 8 * heap.BYTES[storage]) if at.name.endswith("_s") else value


def _struct_storage(at: _At, field: int) -> ValType:
    return at.instance.environment.field(at.imm("type"), field)


def _struct_new(at: _At) -> None:
    values = [_packed(_struct_storage(at, i), value) for i, value in enumerate(at.args())]
    at.finish(StructRef(at.instance.types[at.imm("type")], values))


def _struct_new_default(at: _At) -> None:
    count = at.instance.environment.field_count(at.imm("type"))
    values = [heap.default_of(_struct_storage(at, i)) for i in range(count)]
    at.finish(StructRef(at.instance.types[at.imm("type")], values))


def _structure(value: StructRef | None) -> StructRef:
    if value is None:
        raise GuestTrap(NULL_STRUCTURE)
    return value


def _struct_get(at: _At) -> None:
    field = at.imm("field")
    value = _structure(at.args()[0]).fields[field]
    at.finish(_fetched(at, _struct_storage(at, field), value))


def _struct_set(at: _At) -> None:
    target, value = at.args()
    field = at.imm("field")
    _structure(target).fields[field] = _packed(_struct_storage(at, field), value)
    at.finish()


def _array_new(at: _At) -> None:
    value, length = at.args()
    _finish_array(at, _packed(at.storage(), value), length)


def _array_new_default(at: _At) -> None:
    _finish_array(at, heap.default_of(at.storage()), at.args()[0])


def _finish_array(at: _At, value: Any, length: int) -> None:
    type_ = at.instance.types[at.imm("type")]
    at.finish(heap.new_array(type_, value, length, at.instance.store.budget))


def _array_new_fixed(at: _At) -> None:
    storage = at.storage()
    items = [_packed(storage, value) for value in at.args()]
    at.finish(ArrayRef(at.instance.types[at.imm("type")], items))


def _array_new_data(at: _At) -> None:
    start, length = at.args()
    segment = at.instance.datas[at.imm("data")]
    _finish_items(at, list(heap.decode_items(at.storage(), segment, start, length)))


def _finish_items(at: _At, items: list[Any]) -> None:
    type_ = at.instance.types[at.imm("type")]
    at.finish(heap.array_of(type_, items, at.instance.store.budget))


def _array_new_elem(at: _At) -> None:
    _finish_items(at, heap.segment_items(at.instance.elements[at.imm("elem")], *at.args()))


def _item(array: ArrayRef | None, index: int) -> list[Any]:
    if array is None:
        raise GuestTrap(NULL_ARRAY)
    if index >= len(array.items):
        raise GuestTrap(ARRAY_OOB, f"element {index}, in an array of {len(array.items)}")
    return array.items


def _array_get(at: _At) -> None:
    array, index = at.args()
    at.finish(_fetched(at, at.storage(), _item(array, index)[index]))


def _array_set(at: _At) -> None:
    array, index, value = at.args()
    _item(array, index)[index] = _packed(at.storage(), value)
    at.finish()


def _array_len(at: _At) -> None:
    at.finish(len(heap.not_null(at.args()[0]).items))


def _array_fill(at: _At) -> None:
    array, index, value, size = at.args()
    heap.fill(array, index, _packed(at.storage(), value), size)
    at.finish()


def _array_copy(at: _At) -> None:
    heap.copy(*at.args())
    at.finish()


def _array_init_data(at: _At) -> None:
    heap.init_data(at.storage(), at.instance.datas[at.imm("data")], *at.args())
    at.finish()


def _array_init_elem(at: _At) -> None:
    heap.init_elem(at.instance.elements[at.imm("elem")], *at.args())
    at.finish()


# Exceptions and calls


def _exn_new(at: _At) -> None:
    at.finish(ExnRef(at.instance.tags[at.imm("tag")], tuple(at.args())))


def _exn_get(at: _At) -> None:
    at.finish(at.args()[0].values[at.imm("field")])


def _throw(at: _At) -> None:
    throw(at.args()[0])


def _direct_callee(at: _At) -> tuple[FuncRef, list[Any]]:
    symbol = _external_name(at.func, at.inst)
    return at.activation.machine.function_of(symbol), at.args()


def _table_callee(at: _At) -> tuple[FuncRef, list[Any]]:
    index, *arguments = at.args()
    items = at.instance.tables[at.imm("table")].items
    if index >= len(items):
        raise GuestTrap(UNDEFINED_ELEMENT, f"{index}, in a table of {len(items)}")
    function = items[index]
    if function is None:
        raise GuestTrap(UNINITIALIZED_ELEMENT, str(index))
    registry = at.instance.store.registry
    wanted = at.instance.types[at.imm("type")]
    if not registry.is_subtype(function.type, wanted):
        expected = registry.types[wanted].composite
        raise GuestTrap(SIGNATURE_MISMATCH, f"expected {expected}, found {function.signature}")
    return function, arguments


def _ref_callee(at: _At) -> tuple[FuncRef, list[Any]]:
    function, *arguments = at.args()
    if function is None:
        raise GuestTrap(NULL_FUNCTION)
    return function, arguments


def _call(find: Callable[[_At], tuple[FuncRef, list[Any]]]) -> Callable[[_At], None]:
    return lambda at: at.run.call_function(*find(at))


def _tail_call(find: Callable[[_At], tuple[FuncRef, list[Any]]]) -> Callable[[_At], None]:
    return lambda at: at.run.tail_call_function(*find(at))


WASM_STEPS: dict[str, Callable[[_At], None]] = {
    "memory.load": _load,
    "memory.store": _store,
    "memory.atomic_load": _load,
    "memory.atomic_store": _store,
    "memory.atomic_rmw": _rmw,
    "memory.atomic_cas": _cas,
    "memory.wait": _wait,
    "memory.notify": _notify,
    "memory.size": _memory_size,
    "memory.grow": _memory_grow,
    "memory.fill": _memory_fill,
    "memory.copy": _memory_copy,
    "memory.init": _memory_init,
    "data.drop": _data_drop,
    "table.get": _table_get,
    "table.set": _table_set,
    "table.size": _table_size,
    "table.grow": _table_grow,
    "table.fill": _table_fill,
    "table.copy": _table_copy,
    "table.init": _table_init,
    "elem.drop": _elem_drop,
    "global.get": _global_get,
    "global.set": _global_set,
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
    "exn.throw": _throw,
    "exn.try_throw": _throw,
    "call": _call(_direct_callee),
    "try_call": _call(_direct_callee),
    "return_call": _tail_call(_direct_callee),
    "table.call": _call(_table_callee),
    "table.try_call": _call(_table_callee),
    "table.return_call": _tail_call(_table_callee),
    "ref.call": _call(_ref_callee),
    "ref.try_call": _call(_ref_callee),
    "ref.return_call": _tail_call(_ref_callee),
}
"""What a high-level operation does, by its name."""


def _step(do: Callable[[_At], None]) -> Callable[[Any, Any, Inst], None]:
    return lambda run, activation, inst: do(_At(run, activation, inst))


_InstanceRun.steps = {**STEPS, **{name: _step(do) for name, do in WASM_STEPS.items()}}
