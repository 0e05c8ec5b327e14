"""High-level operations as Python source: memories, tables, globals; the rest beside it.

An access is one `struct` call, or one subscription, on what the instance has; Python's own
bounds check is the check (`wasm_faults.py`). Whole ranges are the runtime's methods.
Importing this module adds the operations to the source generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from plumbob.exec.interp.fuel import BULK
from plumbob.exec.interp.instructions import semantic_type
from plumbob.exec.interp.source_frame import FAULTING
from plumbob.exec.interp.source_function import EMITTERS, SELECTORS
from plumbob.exec.interp.wasm_emit_calls import CALL_EMITTERS, CALL_FAULTING, CALL_SELECTORS
from plumbob.exec.interp.wasm_emit_common import (
    environment_of,
    local,
    place,
    result_name,
    texts,
)
from plumbob.exec.interp.wasm_emit_heap import HEAP_EMITTERS, HEAP_FAULTING
from plumbob.exec.interp.wasm_faults import MemoryPlace, TablePlace
from plumbob.semantics import OPERATIONS, Site
from plumbob.semantics.expression import SUM

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.source_function import FunctionSource
    from plumbob.ir.entities import Inst, Value
    from plumbob.semantics import ValueType

    Emitter: TypeAlias = Callable[[FunctionSource, Inst], None]

_STRUCT_SIZES: Final = (2, 4, 8)


# Memories


def _address(fs: FunctionSource, inst: Inst, address: Value, size: int, *, aligned: bool) -> str:
    """Write what the effective address needs, and return the variable that holds it."""
    offset = fs.func.imm(inst, "offset")
    if offset:
        variable = fs.fresh()
        fs.out.line(f"{variable} = {fs.text(address, SUM)} + {offset}")
    else:
        variable = local(fs, address)
    place(fs, inst, MemoryPlace(fs.func.imm(inst, "memory"), variable, size))
    if aligned and size > 1:
        fs.out.line(f"if {variable} & {size - 1}: raise unaligned({variable}, {size})")
    return variable


def _read(fs: FunctionSource, inst: Inst, size: int, address: str) -> str:
    data = f"mem{fs.func.imm(inst, 'memory')}"
    if size == 1:
        return f"{data}[{address}]"
    read = f"L{size}({data}, {address})[0]"
    return read if size in _STRUCT_SIZES else f"from_bytes({read}, 'little')"


def _write(fs: FunctionSource, inst: Inst, size: int, address: str, value: str) -> str:
    data = f"mem{fs.func.imm(inst, 'memory')}"
    if size == 1:
        return f"{data}[{address}] = {value}"
    if size not in _STRUCT_SIZES:
        value = f"({value}).to_bytes({size}, 'little')"
    return f"S{size}({data}, {address}, {value})"


def _access_type(fs: FunctionSource, inst: Inst) -> ValueType:
    kind = fs.func.inst_type[inst]
    assert kind is not None  # noqa: S101  # accesses are polymorphic
    return semantic_type(kind)


def _load(fs: FunctionSource, inst: Inst) -> None:
    size = _access_type(fs, inst).bits // 8
    aligned = "atomic" in fs.func.inst_op[inst].name
    address = _address(fs, inst, fs.func.inst_args[inst][0], size, aligned=aligned)
    fs.out.line(f"{result_name(fs, inst)} = {_read(fs, inst, size, address)}")


def _store(fs: FunctionSource, inst: Inst) -> None:
    value, base = fs.func.inst_args[inst]
    size = _access_type(fs, inst).bits // 8
    aligned = "atomic" in fs.func.inst_op[inst].name
    address = _address(fs, inst, base, size, aligned=aligned)
    fs.out.line(_write(fs, inst, size, address, fs.text(value)))


def _locked(fs: FunctionSource, inst: Inst) -> bool:
    """Begin the block that holds the memory's lock, where others may be at it too."""
    number = fs.func.imm(inst, "memory")
    if not environment_of(fs).memories[number].shared:
        return False
    fs.out.line(f"with lock{number}:")
    fs.out.indent += 1
    return True


def _rmw(fs: FunctionSource, inst: Inst) -> None:
    base, value = fs.func.inst_args[inst]
    kind = _access_type(fs, inst)
    size = kind.bits // 8
    operand = fs.atom(value)
    address = _address(fs, inst, base, size, aligned=True)
    locked = _locked(fs, inst)
    old = fs.fresh()
    fs.out.line(f"{old} = {_read(fs, inst, size, address)}")
    site = Site((kind, kind), (kind,), (str(fs.func.imm(inst, "rmw")),))
    fragment = fs.library.fragment(OPERATIONS["atomic_rmw"], site, [old, operand], fs.fresh)
    fs.write_fragment(fragment)
    fs.out.line(_write(fs, inst, size, address, fragment.results[0].text()))
    fs.out.indent -= locked
    fs.out.line(f"{result_name(fs, inst)} = {old}")


def _cas(fs: FunctionSource, inst: Inst) -> None:
    base, expected, replacement = fs.func.inst_args[inst]
    size = _access_type(fs, inst).bits // 8
    wanted, new = fs.atom(expected), fs.atom(replacement)
    address = _address(fs, inst, base, size, aligned=True)
    locked = _locked(fs, inst)
    old = fs.fresh()
    fs.out.line(f"{old} = {_read(fs, inst, size, address)}")
    fs.out.line(f"if {old} == {wanted}: {_write(fs, inst, size, address, new)}")
    fs.out.indent -= locked
    fs.out.line(f"{result_name(fs, inst)} = {old}")


def _effective(fs: FunctionSource, inst: Inst) -> str:
    offset = fs.func.imm(inst, "offset")
    text = fs.text(fs.func.inst_args[inst][0], SUM)
    return f"{text} + {offset}" if offset else text


def _wait(fs: FunctionSource, inst: Inst) -> None:
    _, expected, timeout = fs.func.inst_args[inst]
    size = fs.func.value_type(expected).bytes
    arguments = f"{_effective(fs, inst)}, {size}, {fs.text(expected)}, {fs.text(timeout)}, poll"
    memory = f"memory{fs.func.imm(inst, 'memory')}"
    fs.out.line(f"{result_name(fs, inst)} = {memory}.wait({arguments})")


def _notify(fs: FunctionSource, inst: Inst) -> None:
    count = fs.text(fs.func.inst_args[inst][1])
    memory = f"memory{fs.func.imm(inst, 'memory')}"
    call = f"{memory}.notify({_effective(fs, inst)}, {count})"
    fs.out.line(f"{result_name(fs, inst)} = {call}")


def _memory_size(fs: FunctionSource, inst: Inst) -> None:
    number = fs.func.imm(inst, "memory")
    shift = environment_of(fs).memories[number].page_size_log2
    fs.out.line(f"{result_name(fs, inst)} = len(mem{number}) >> {shift}")


def _result_mask(fs: FunctionSource, inst: Inst) -> str:
    return hex(fs.func.value_type(fs.func.inst_results[inst][0]).mask)


def _memory_grow(fs: FunctionSource, inst: Inst) -> None:
    call = f"memory{fs.func.imm(inst, 'memory')}.guest_grow({texts(fs, inst)[0]})"
    fs.out.line(f"{result_name(fs, inst)} = {call} & {_result_mask(fs, inst)}")


def _fill(fs: FunctionSource, inst: Inst) -> None:
    kind = fs.func.inst_op[inst].name.partition(".")[0]
    number = fs.func.imm(inst, kind)
    fs.out.line(f"{kind}{number}.fill({', '.join(texts(fs, inst))})")


def _copy(fs: FunctionSource, inst: Inst) -> None:
    kind = fs.func.inst_op[inst].name.partition(".")[0]
    to, source = fs.func.imm(inst, "to"), fs.func.imm(inst, "from")
    arguments = ", ".join([f"{kind}{source}", *texts(fs, inst)])
    fs.out.line(f"{kind}{to}.copy_from({arguments})")


def _init(fs: FunctionSource, inst: Inst) -> None:
    is_memory = fs.func.inst_op[inst].name == "memory.init"
    kind, segments, name = (
        ("memory", "datas", "data") if is_memory else ("table", "elements", "elem")
    )
    segment = f"{segments}[{fs.func.imm(inst, name)}]"
    arguments = ", ".join([segment, *texts(fs, inst)])
    fs.out.line(f"{kind}{fs.func.imm(inst, kind)}.init({arguments})")


def _data_drop(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"datas[{fs.func.imm(inst, 'data')}] = b''")


def _elem_drop(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"elements[{fs.func.imm(inst, 'elem')}] = []")


# Tables and globals


def _table_get(fs: FunctionSource, inst: Inst) -> None:
    number = fs.func.imm(inst, "table")
    index = local(fs, fs.func.inst_args[inst][0])
    place(fs, inst, TablePlace(number, index))
    fs.out.line(f"{result_name(fs, inst)} = items{number}[{index}]")


def _table_set(fs: FunctionSource, inst: Inst) -> None:
    number = fs.func.imm(inst, "table")
    index = local(fs, fs.func.inst_args[inst][0])
    place(fs, inst, TablePlace(number, index))
    fs.out.line(f"items{number}[{index}] = {fs.text(fs.func.inst_args[inst][1])}")


def _table_size(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"{result_name(fs, inst)} = len(items{fs.func.imm(inst, 'table')})")


def _table_grow(fs: FunctionSource, inst: Inst) -> None:
    value, delta = texts(fs, inst)
    call = f"table{fs.func.imm(inst, 'table')}.guest_grow({delta}, {value})"
    fs.out.line(f"{result_name(fs, inst)} = {call} & {_result_mask(fs, inst)}")


def _global_get(fs: FunctionSource, inst: Inst) -> None:
    number = fs.func.imm(inst, "global")
    if environment_of(fs).globals[number].mutable:
        fs.out.line(f"{result_name(fs, inst)} = cell{number}.value")
    else:
        fs.names[fs.func.inst_results[inst][0]] = f"const{number}"


def _global_set(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"cell{fs.func.imm(inst, 'global')}.value = {texts(fs, inst)[0]}")


def _bulk(emit: Emitter, shift: int) -> Emitter:
    """Return the emitter of an operation whose size, the last operand, costs fuel."""

    def emit_bulk(fs: FunctionSource, inst: Inst) -> None:
        value = fs.func.resolve(fs.func.inst_args[inst][-1])
        size = local(fs, value)
        if not size[0].isdecimal():
            fs.names[value] = size
        emit(fs, inst)
        cost = str(int(size, 0) >> shift) if size[0].isdecimal() else f"{size} >> {shift}"
        if cost != "0":
            fs.out.line(f"fuel -= {cost}")

    return emit_bulk


_ACCESSES: Final[dict[str, Emitter]] = {
    "memory.load": _load,
    "memory.store": _store,
    "memory.atomic_load": _load,
    "memory.atomic_store": _store,
    "memory.atomic_rmw": _rmw,
    "memory.atomic_cas": _cas,
    "table.get": _table_get,
    "table.set": _table_set,
}

EMITTERS.update(
    {
        **_ACCESSES,
        "memory.wait": _wait,
        "memory.notify": _notify,
        "memory.size": _memory_size,
        "memory.grow": _memory_grow,
        "memory.fill": _fill,
        "memory.copy": _copy,
        "memory.init": _init,
        "data.drop": _data_drop,
        "table.size": _table_size,
        "table.grow": _table_grow,
        "table.fill": _fill,
        "table.copy": _copy,
        "table.init": _init,
        "elem.drop": _elem_drop,
        "global.get": _global_get,
        "global.set": _global_set,
        **HEAP_EMITTERS,
        **CALL_EMITTERS,
    }
)
EMITTERS.update({name: _bulk(EMITTERS[name], shift) for name, shift in BULK.items()})
SELECTORS.update(CALL_SELECTORS)
FAULTING.update((*_ACCESSES, *HEAP_FAULTING, *CALL_FAULTING))
