"""Operators on linear memories, atomics among them.

One load and one store serve all: a narrow access is one of the narrow type and an extension
or a cut, a vector's parts are scalars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.ir.high_level import ATOMIC_TYPES
from plumbob.ir.operations import operation
from plumbob.ir.types import F32, F64, I8X16, I16X8, I32, I32X4, I64, I64X2, Type, vector

if TYPE_CHECKING:
    from plumbob.frontend.function import FunctionTranslator, Translation
    from plumbob.ir.entities import Value
    from plumbob.ir.operations import Operation
    from plumbob.wasm.binary.instructions import MemArg

ROWS: Final[dict[str, Translation]] = {}

_LOAD: Final = operation("memory.load")
_STORE: Final = operation("memory.store")
_VECTOR_BITS: Final = 128


def _address_type(f: FunctionTranslator, memory: int) -> Type:
    return f.address_type(is64=f.environment.memories[memory].limits.is64)


def load(f: FunctionTranslator, ty: Type, memarg: MemArg, row: Operation = _LOAD) -> Value:
    """Append a load from the address on the stack."""
    _, offset, memory = memarg
    return f.ins(row, f.stack.pop(), ctrl=ty, imms=(memory, offset))


def store(f: FunctionTranslator, value: Value, memarg: MemArg, row: Operation = _STORE) -> None:
    """Append a store to the address on the stack."""
    _, offset, memory = memarg
    f.emit(row, (value, f.stack.pop()), imms=(memory, offset))


# Scalars


def _load(ty: Type) -> Translation:
    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        f.stack.append(load(f, ty, memarg))

    return translate


def _load_narrow(
    narrow: Type, wide: Type, extension: str, name: str = "memory.load"
) -> Translation:
    row, extend = operation(name), operation(extension)

    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        f.push(f.ins(extend, load(f, narrow, memarg, row), ctrl=wide))

    return translate


def _store(f: FunctionTranslator, memarg: MemArg) -> None:
    store(f, f.pop(), memarg)


def _store_narrow(narrow: Type, name: str = "memory.store") -> Translation:
    row, reduce = operation(name), operation("ireduce")

    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        store(f, f.ins(reduce, f.pop(), ctrl=narrow), memarg, row)

    return translate


def _define_scalars() -> None:
    for ty in (I32, I64, F32, F64):
        ROWS[f"{ty}.load"] = _load(ty)
        ROWS[f"{ty}.store"] = _store
    for wide in (I32, I64):
        for bits, narrow in ATOMIC_TYPES.items():
            if bits < wide.bits:
                ROWS[f"{wide}.load{bits}_s"] = _load_narrow(narrow, wide, "sextend")
                ROWS[f"{wide}.load{bits}_u"] = _load_narrow(narrow, wide, "uextend")
                ROWS[f"{wide}.store{bits}"] = _store_narrow(narrow)


# Vectors


def _load_widened(narrow: Type, row: str) -> Translation:
    """Load 64 bits and widen their lanes."""

    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        low = f.ins("scalar_to_vector", load(f, I64, memarg), ctrl=I64X2)
        f.push(f.ins(row, f.vector(low, narrow)))

    return translate


def _load_lane_to(row: str, shape: Type) -> Translation:
    """Load one lane and make a vector of it."""

    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        f.push(f.ins(row, load(f, shape.lane, memarg), ctrl=shape))

    return translate


def _load_lane(shape: Type) -> Translation:
    def translate(f: FunctionTranslator, memarg: MemArg, lane: int) -> None:
        value = f.vector(f.pop(), shape)
        f.push(f.ins("insertlane", value, load(f, shape.lane, memarg), imms=(lane,)))

    return translate


def _store_lane(shape: Type) -> Translation:
    def translate(f: FunctionTranslator, memarg: MemArg, lane: int) -> None:
        store(f, f.ins("extractlane", f.vector(f.pop(), shape), imms=(lane,)), memarg)

    return translate


def _define_vectors() -> None:
    ROWS["v128.load"] = _load(I8X16)
    ROWS["v128.store"] = _store
    for narrow, count in ((I8X16, 8), (I16X8, 4), (I32X4, 2)):
        for sign in "su":
            name = f"v128.load{narrow.lane_bits}x{count}_{sign}"
            ROWS[name] = _load_widened(narrow, f"{sign}widen_low")
    for bits, lane in ATOMIC_TYPES.items():
        shape = vector(lane, _VECTOR_BITS // bits)
        ROWS[f"v128.load{bits}_splat"] = _load_lane_to("splat", shape)
        ROWS[f"v128.load{bits}_lane"] = _load_lane(shape)
        ROWS[f"v128.store{bits}_lane"] = _store_lane(shape)
    for shape in (I32X4, I64X2):
        name = f"v128.load{shape.lane_bits}_zero"
        ROWS[name] = _load_lane_to("scalar_to_vector", shape)


# Sizes and bulk operators


def _size(f: FunctionTranslator, memory: int) -> None:
    f.push(f.ins("memory.size", ctrl=_address_type(f, memory), imms=(memory,)))


def _grow(f: FunctionTranslator, memory: int) -> None:
    f.push(f.ins("memory.grow", f.pop(), imms=(memory,)))


def bulk(name: str) -> Translation:
    """Return the translation to one operation of three operands, with the same immediates.

    Some operators name the segment before the memory or table, CLIF text the other way round.
    """
    row = operation(name)
    swap = name.endswith(".init")

    def translate(f: FunctionTranslator, *immediates: int) -> None:
        imms = immediates[::-1] if swap else immediates
        f.emit(row, f.pop_many(3), imms=imms)

    return translate


def drop(name: str) -> Translation:
    """Return the translation to the operation that drops a segment."""

    def translate(f: FunctionTranslator, segment: int) -> None:
        f.emit(name, imms=(segment,))

    return translate


def _define_bulk() -> None:
    ROWS["memory.size"] = _size
    ROWS["memory.grow"] = _grow
    for name in ("memory.fill", "memory.copy", "memory.init"):
        ROWS[name] = bulk(name)
    ROWS["data.drop"] = drop("data.drop")


# Atomics


def _cut(f: FunctionTranslator, value: Value, ty: Type) -> Value:
    return value if f.func.value_type(value) is ty else f.ins("ireduce", value, ctrl=ty)


def _extended(f: FunctionTranslator, value: Value, wide: Type) -> Value:
    return value if f.func.value_type(value) is wide else f.ins("uextend", value, ctrl=wide)


_ATOMIC_LOAD: Final = operation("memory.atomic_load")
_ATOMIC_STORE: Final = operation("memory.atomic_store")


def _atomic_whole(ty: Type) -> Translation:
    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        f.push(load(f, ty, memarg, _ATOMIC_LOAD))

    return translate


def _atomic_store(f: FunctionTranslator, memarg: MemArg) -> None:
    store(f, f.pop(), memarg, _ATOMIC_STORE)


def _modify(name: str, narrow: Type, wide: Type) -> Translation:
    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        _, offset, memory = memarg
        value = _cut(f, f.pop(), narrow)
        old = f.ins("memory.atomic_rmw", f.pop(), value, imms=(memory, name, offset))
        f.push(_extended(f, old, wide))

    return translate


def _compare_exchange(narrow: Type, wide: Type) -> Translation:
    def translate(f: FunctionTranslator, memarg: MemArg) -> None:
        _, offset, memory = memarg
        replacement, expected = (_cut(f, f.pop(), narrow) for _ in range(2))
        imms = (memory, offset)
        old = f.ins("memory.atomic_cas", f.pop(), expected, replacement, imms=imms)
        f.push(_extended(f, old, wide))

    return translate


def _wait(f: FunctionTranslator, memarg: MemArg) -> None:
    _, offset, memory = memarg
    address, expected, timeout = f.pop_many(3)
    f.push(f.ins("memory.wait", address, expected, timeout, imms=(memory, offset)))


def _notify(f: FunctionTranslator, memarg: MemArg) -> None:
    _, offset, memory = memarg
    address, count = f.pop_many(2)
    f.push(f.ins("memory.notify", address, count, imms=(memory, offset)))


def _fence(f: FunctionTranslator, _zero: int) -> None:
    f.emit("fence")


def _define_atomics() -> None:
    for wide in (I32, I64):
        for bits, narrow in ATOMIC_TYPES.items():
            if bits > wide.bits:
                continue
            width, sign = ("", "") if narrow is wide else (str(bits), "_u")
            prefix = f"{wide}.atomic"
            if narrow is wide:
                ROWS[f"{prefix}.load"] = _atomic_whole(wide)
                ROWS[f"{prefix}.store"] = _atomic_store
            else:
                row = _load_narrow(narrow, wide, "uextend", "memory.atomic_load")
                ROWS[f"{prefix}.load{width}_u"] = row
                ROWS[f"{prefix}.store{width}"] = _store_narrow(narrow, "memory.atomic_store")
            for name in ("add", "sub", "and", "or", "xor", "xchg"):
                ROWS[f"{prefix}.rmw{width}.{name}{sign}"] = _modify(name, narrow, wide)
            ROWS[f"{prefix}.rmw{width}.cmpxchg{sign}"] = _compare_exchange(narrow, wide)
    ROWS["memory.atomic.wait32"] = ROWS["memory.atomic.wait64"] = _wait
    ROWS["memory.atomic.notify"] = _notify
    ROWS["atomic.fence"] = _fence


for _define in (_define_scalars, _define_vectors, _define_bulk, _define_atomics):
    _define()
