"""What the tree walk does for operations on memories, tables, globals, and for calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.exec.interp.instructions import rmw_site
from plumbob.exec.interp.outcome import GuestTrap
from plumbob.exec.interp.walk import (
    _external_name,
    compute,
)
from plumbob.exec.interp.wasm_exceptions import throw
from plumbob.ir.trap_codes import (
    NULL_FUNCTION,
    SIGNATURE_MISMATCH,
    UNDEFINED_ELEMENT,
    UNINITIALIZED_ELEMENT,
)
from plumbob.semantics import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.wasm_walk import _InstanceActivation, _InstanceRun
    from plumbob.ir.entities import Inst
    from plumbob.runtime.instance import Instance
    from plumbob.runtime.memory import LinearMemory
    from plumbob.runtime.references import (
        FuncRef,
    )
    from plumbob.wasm.types import ValType


class At:
    """An instruction about to be executed: its immediates, its operands, its instance."""

    def __init__(self, run: _InstanceRun, activation: _InstanceActivation, inst: Inst) -> None:
        self.run = run
        self.activation = activation
        self.inst = inst
        self.func = activation.plan.func
        self.name = self.func.inst_op[inst].name

    @property
    def instance(self) -> Instance:
        """Return the instance whose function this is in."""
        return self.activation.machine.instance

    def imm(self, name: str) -> Any:
        """Return an immediate by name."""
        return self.func.imm(self.inst, name)

    def args(self) -> list[Any]:
        """Return the operands' values."""
        return self.activation.args(self.inst)

    def finish(self, *results: Any) -> None:
        """Give the instruction its results and go on."""
        self.run.finish(self.activation, self.inst, results)

    def result_mask(self) -> int:
        """Return the mask of the result's type."""
        return self.func.value_type(self.func.inst_results[self.inst][0]).mask

    def memory(self) -> LinearMemory:
        """Return the memory that the instruction names."""
        index: int = self.imm("memory")
        return self.instance.memories[index]

    def storage(self) -> ValType:
        """Return the storage type of the elements of the type that it names."""
        return self.instance.environment.element(self.imm("type"))


# Memories


def _size(at: At) -> int:
    kind = at.func.inst_type[at.inst]
    assert kind is not None  # noqa: S101  # accesses are polymorphic
    return kind.bits // 8


def _resolve(at: At, address: int) -> tuple[LinearMemory, int, int]:
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


def _load(at: At) -> None:
    at.finish(_bits(*_resolve(at, at.args()[0])))


def _store(at: At) -> None:
    value, base = at.args()
    memory, address, size = _resolve(at, base)
    memory.write(address, value.to_bytes(size, "little"))
    at.finish()


def _rmw(at: At) -> None:
    base, operand = at.args()
    memory, address, size = _resolve(at, base)
    with memory.lock:
        old = _bits(memory, address, size)
        site = rmw_site(at.func, at.inst)
        (new,) = compute(OPERATIONS["atomic_rmw"], site, (old, operand))
        memory.write(address, new.to_bytes(size, "little"))
    at.finish(old)


def _cas(at: At) -> None:
    base, expected, replacement = at.args()
    memory, address, size = _resolve(at, base)
    with memory.lock:
        old = _bits(memory, address, size)
        if old == expected:
            memory.write(address, replacement.to_bytes(size, "little"))
    at.finish(old)


def _wait(at: At) -> None:
    base, expected, timeout = at.args()
    size = at.func.value_type(at.func.inst_args[at.inst][1]).bytes
    address, poll = base + at.imm("offset"), at.activation.machine.engine.poll
    at.finish(at.memory().wait(address, size, expected, timeout, poll))


def _notify(at: At) -> None:
    base, count = at.args()
    at.finish(at.memory().notify(base + at.imm("offset"), count))


def _memory_size(at: At) -> None:
    at.finish(at.memory().pages)


def _memory_grow(at: At) -> None:
    at.finish(at.memory().guest_grow(at.args()[0]) & at.result_mask())


def _memory_fill(at: At) -> None:
    at.memory().fill(*at.args())
    at.finish()


def _memory_copy(at: At) -> None:
    memories = at.instance.memories
    memories[at.imm("to")].copy_from(memories[at.imm("from")], *at.args())
    at.finish()


def _memory_init(at: At) -> None:
    at.memory().init(at.instance.datas[at.imm("data")], *at.args())
    at.finish()


def _data_drop(at: At) -> None:
    at.instance.datas[at.imm("data")] = b""
    at.finish()


# Tables and globals


def _table_get(at: At) -> None:
    at.finish(at.instance.tables[at.imm("table")].get(*at.args()))


def _table_set(at: At) -> None:
    at.instance.tables[at.imm("table")].set(*at.args())
    at.finish()


def _table_size(at: At) -> None:
    at.finish(len(at.instance.tables[at.imm("table")].items))


def _table_grow(at: At) -> None:
    value, delta = at.args()
    at.finish(at.instance.tables[at.imm("table")].guest_grow(delta, value) & at.result_mask())


def _table_fill(at: At) -> None:
    at.instance.tables[at.imm("table")].fill(*at.args())
    at.finish()


def _table_copy(at: At) -> None:
    tables = at.instance.tables
    tables[at.imm("to")].copy_from(tables[at.imm("from")], *at.args())
    at.finish()


def _table_init(at: At) -> None:
    segment = at.instance.elements[at.imm("elem")]
    at.instance.tables[at.imm("table")].init(segment, *at.args())
    at.finish()


def _elem_drop(at: At) -> None:
    at.instance.elements[at.imm("elem")] = []
    at.finish()


def _global_get(at: At) -> None:
    at.finish(at.instance.globals[at.imm("global")].value)


def _global_set(at: At) -> None:
    at.instance.globals[at.imm("global")].value = at.args()[0]
    at.finish()


# Exceptions and calls


def _throw(at: At) -> None:
    throw(at.args()[0])


def _direct_callee(at: At) -> tuple[FuncRef, list[Any]]:
    symbol = _external_name(at.func, at.inst)
    return at.activation.machine.function_of(symbol), at.args()


def _table_callee(at: At) -> tuple[FuncRef, list[Any]]:
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


def _ref_callee(at: At) -> tuple[FuncRef, list[Any]]:
    function, *arguments = at.args()
    if function is None:
        raise GuestTrap(NULL_FUNCTION)
    return function, arguments


def _call(find: Callable[[At], tuple[FuncRef, list[Any]]]) -> Callable[[At], None]:
    return lambda at: at.run.call_function(*find(at))


def _tail_call(find: Callable[[At], tuple[FuncRef, list[Any]]]) -> Callable[[At], None]:
    return lambda at: at.run.tail_call_function(*find(at))


OPERATION_STEPS: dict[str, Callable[[At], None]] = {
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
"""What an operation does, by its name."""
