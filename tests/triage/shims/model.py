"""What shims and probes must tell, computed from the runtime's own objects, in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.runtime.references import (
    ArrayRef,
    ExnRef,
    Externalized,
    FuncRef,
    StructRef,
)
from plumbob.triage.shims import Probe, Seen
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.runtime.instance import Instance
    from plumbob.runtime.store import Store

MASK = (1 << 64) - 1
KINDS = ("null", "i31", "struct", "array", "func", "extern", "exn")
DEPTH, NODES, TABLE_NODES, FIELDS, ELEMENTS, BLOCK = 4, 200, 800, 200, 64, 256


class Digest:
    """The running digest."""

    def __init__(self) -> None:
        self.value = 0

    def mix(self, number: int) -> None:
        turned = (self.value ^ number) & MASK
        turned = (turned << 29 | turned >> 35) & MASK
        self.value = turned * 0x9E3779B97F4A7C15 & MASK

    @property
    def finished(self) -> int:
        return self.value ^ self.value >> 32


def calm(bits: int, width: int) -> int:
    """A float's bits, the canonical NaN for every NaN."""
    exponent, nan = (0x7F800000, 0x7FC00000) if width == 32 else (0x7FF << 52, 0x7FF8 << 48)
    return nan if bits & ((1 << width - 1) - 1) > exponent else bits


def calm_lane(bits: int) -> int:
    bits = calm(bits, 64)
    return calm(bits >> 32, 32) << 32 | calm(bits & 0xFFFFFFFF, 32)


class Model:
    """Looks at values as digests do."""

    def __init__(self, store: Store, *, gc: bool) -> None:
        self.types = store.registry.types
        self.gc = gc
        self.budget = NODES

    def look(self, value: Any, type_: t.ValType, depth: int = DEPTH) -> int:
        """The word of a reference."""
        if value is None:
            return 0
        if isinstance(value, FuncRef):
            return KINDS.index("func")
        if isinstance(value, ExnRef):
            return KINDS.index("exn")
        if type_.heap in (t.EXTERN, t.NOEXTERN) and not self.gc:
            return KINDS.index("extern")
        if isinstance(value, Externalized):
            value = value.value
        if isinstance(value, int):
            return value << 4 | KINDS.index("i31")
        if not isinstance(value, (StructRef, ArrayRef)):
            return KINDS.index("extern")
        kind = KINDS.index("struct" if isinstance(value, StructRef) else "array")
        if depth == 0 or self.budget == 0:
            return kind
        self.budget -= 1
        digest = Digest()
        composite = self.types[value.type].composite
        if isinstance(value, StructRef):
            assert isinstance(composite, t.StructType)
            fields = [
                (field.storage, item)
                for field, item in zip(composite.fields, value.fields, strict=True)
            ]
            digest.mix(len(fields))
        else:
            assert isinstance(composite, t.ArrayType)
            fields = [(composite.field.storage, item) for item in value.items[:ELEMENTS]]
            digest.mix(len(value.items))
        for storage, item in fields[:FIELDS]:
            self.mix(digest, item, storage, depth - 1)
        return (digest.finished << 4 | kind) & MASK

    def mix(self, digest: Digest, value: Any, type_: t.ValType, depth: int = DEPTH) -> None:
        if type_.is_ref:
            digest.mix(self.look(value, type_, depth))
        elif type_ == t.V128:
            digest.mix(calm_lane(value & MASK))
            digest.mix(calm_lane(value >> 64))
        elif type_ in (t.F32, t.F64):
            digest.mix(calm(value, 32 if type_ == t.F32 else 64))
        else:
            digest.mix(value)

    def seen(self, value: Any, type_: t.ValType) -> Seen:
        """A result as a shim tells it."""
        if not type_.is_ref:
            return Seen(str(type_), value)
        self.budget = NODES
        word = self.look(value, type_)
        return Seen(str(type_), word >> 4 if word else None, KINDS[word & 15])

    def all_seen(self, values: Sequence[Any], types: Sequence[t.ValType]) -> tuple[Seen, ...]:
        return tuple(map(self.seen, values, types))

    def table(self, items: Sequence[Any], type_: t.ValType) -> int:
        digest = Digest()
        digest.mix(len(items))
        self.budget = TABLE_NODES
        for item in items[: 1 << 16]:
            digest.mix(self.look(item, type_))
        return digest.finished


def memory_digest(data: bytes | bytearray, start: int = 0, stop: int = 32 << 20) -> int:
    digest = Digest()
    digest.mix(len(data))
    stop = min(stop, len(data))
    while start < stop and stop - start >= BLOCK:
        block = bytes(data[start : start + BLOCK])
        if any(block):
            digest.mix(start)
            for place in range(0, BLOCK, 8):
                digest.mix(int.from_bytes(block[place : place + 8], "little"))
        start += BLOCK
    for place in range(start, stop):
        if data[place]:
            digest.mix(place)
            digest.mix(data[place])
    return digest.finished


def state(model: Model, instance: Instance, probe: Probe) -> Seen | int:
    """What a probe must tell of an instance."""
    kind, number = probe.what.split()[:2]
    index = int(number)
    if kind == "memory":
        return memory_digest(bytes(instance.memories[index].data))
    if kind == "table":
        return model.table(instance.tables[index].items, instance.tables[index].declared.element)
    # The runtime has canonical ids in place of type indices.
    assert probe.value is not None
    return model.seen(instance.globals[index].value, probe.value)
