"""Probes: exported functions that digest memories, tables and globals.

**Memories.** A digest covers the size and every byte that is not zero, with its place. The
loop ors `BLOCK` bytes at a time, which is what a page of zeros costs, and mixes the words of
a block that has any; bytes behind the last block one by one. A probe asks for the first
`MEMORY_BYTES`; `Probe.between` asks for others. Memory is read by plain loads, of shared
memories too: nothing else runs then.

**Tables.** The length, and of each element whether it is null, or its shape where shapes are
told (`digests.py`), up to `TABLE_ELEMENTS`. Only where the module uses reference types: the
operators that read a table came with them.

**Globals.** One by one with their values, up to `EXPORTED_GLOBALS` exported ones and `GLOBALS`
internal ones, mutable ones first: compilers export addresses by the thousand. The others are
folded into digests of `FOLDED` at a time, with NaNs as one value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from plumbob.engines.request import Call, Value
from plumbob.triage.shims.calls import types_of_words
from plumbob.triage.shims.digests import NODES, finish, mix
from plumbob.triage.shims.observed import Probe, words_of
from plumbob.wasm.binary.instructions import MemArg
from plumbob.wasm.edit.append import FunctionWriter
from plumbob.wasm.module import FUNC, GLOBAL, KIND_NAMES, MEMORY, TABLE
from plumbob.wasm.types import F32, F64, I32, I64, V128, GlobalType, MemoryType, TableType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plumbob.triage.shims.digests import Digests
    from plumbob.triage.shims.uses import Uses
    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.module import Module
    from plumbob.wasm.types import ValType

BLOCK: Final = 256
"""Bytes that are tested for zeros at once."""
MEMORY_BYTES: Final = 32 << 20
"""Bytes of a memory that its probe looks at: half a second of the reference's if all are
zero, a few seconds if none is."""
TABLE_ELEMENTS: Final = 1 << 16
"""Elements of a table that its probe looks at."""
TABLE_NODES: Final = 4 * NODES
"""How many objects a table's digest looks at."""
EXPORTED_GLOBALS: Final = 100
GLOBALS: Final = 32
"""How many exported globals, and how many internal ones, are looked at one by one."""
FOLDED: Final = 500
"""How many of the others share a digest."""

_WORD: Final = 8
_DIGEST: Final = ("i64",)


class StateProbes:
    """Writes the probes of a module's state."""

    def __init__(self, editor: Editor, uses: Uses, digests: Digests) -> None:
        self._editor = editor
        self._module: Module = editor.original
        self._uses = uses
        self._digests = digests
        self._exported: dict[tuple[int, int], str] = {}
        for export in self._module.exports:
            self._exported.setdefault((export.kind, export.index), export.name)

    def write(self) -> Iterator[Probe]:
        """Append the probes and yield them: memories, globals, tables, each by index."""
        for index, (type_, name) in enumerate(self._all(MEMORY, self._module.memories)):
            assert isinstance(type_, MemoryType)  # noqa: S101  # the index space says so
            body = _memory(index, type_.page_size_log2, is64=type_.limits.is64)
            yield self._ranged(MEMORY, index, name, body, MEMORY_BYTES)
        yield from self._globals()
        tables = self._all(TABLE, [table.type for table in self._module.tables])
        if tables and self._uses.references:
            for index, (type_, name) in enumerate(tables):
                assert isinstance(type_, TableType)  # noqa: S101  # the same
                yield self._ranged(TABLE, index, name, self._table(index, type_), TABLE_ELEMENTS)

    def _all(self, kind: int, defined: Sequence[object]) -> list[tuple[object, str]]:
        """Return the types of an index space and where each is imported, or nothing."""
        imported: list[tuple[object, str]] = [
            (item.type, f' (imported as "{item.module}" "{item.name}")')
            for item in self._module.imported(kind)
        ]
        return imported + [(type_, "") for type_ in defined]

    def _what(self, kind: int, index: int, imported: str) -> str:
        exported = self._exported.get((kind, index))
        told = imported if exported is None else f' (exported as "{exported}")'
        return f"{KIND_NAMES[kind]} {index}{told}"

    def _export(self, stem: str, function: int) -> str:
        name = self._editor.fresh_name(f"plumbob:{stem}")
        self._editor.export(name, FUNC, function)
        return name

    # Memories and tables

    def _ranged(self, kind: int, index: int, imported: str, body: bytes, most: int) -> Probe:
        type_ = self._editor.func_type((I64, I64), (I64,))
        function = self._editor.add_function(type_, body)
        name = self._export(f"{KIND_NAMES[kind]}:{index}", function)
        call = Call(name, (Value("i64", 0), Value("i64", most)), _DIGEST)
        return Probe(
            self._what(kind, index, imported), self._exported.get((kind, index)), call, ranged=True
        )

    def _table(self, index: int, type_: TableType) -> bytes:
        """Return the body that digests a table's elements from local 0 up to local 1."""
        writer = FunctionWriter((I64, I64))
        size, digest = writer.local(I64), writer.local(I64)
        writer.op("table.size", index)
        if not type_.limits.is64:
            writer.op("i64.extend_i32_u")
        writer.op("local.tee", size)
        mix(writer, digest)
        _clamp(writer, size)
        if self._digests.is_walked(type_.element):
            writer.i32(TABLE_NODES).op("global.set", self._digests.budget)
        writer.block("block").block("loop").get(0).get(1).op("i64.ge_u").op("br_if", 1)
        writer.get(0)
        if not type_.limits.is64:
            writer.op("i32.wrap_i64")
        writer.op("table.get", index)
        self._digests.look(writer, type_.element)
        mix(writer, digest)
        writer.get(0).i64(1).op("i64.add").set(0).op("br", 0).ops("end", "end")
        finish(writer, digest)
        return writer.body()

    # Globals

    def _globals(self) -> Iterator[Probe]:
        spaces = self._all(GLOBAL, [item.type for item in self._module.globals])
        ranked = sorted(range(len(spaces)), key=lambda index: not _mutable(spaces[index][0]))
        exported = [index for index in ranked if (GLOBAL, index) in self._exported]
        internal = [index for index in ranked if (GLOBAL, index) not in self._exported]
        alone = {*exported[:EXPORTED_GLOBALS], *internal[:GLOBALS]}
        rest = [index for index in range(len(spaces)) if index not in alone]
        for index in sorted(alone):
            type_, imported = spaces[index]
            assert isinstance(type_, GlobalType)  # noqa: S101  # the index space says so
            yield self._global(index, type_.type, imported)
        for start in range(0, len(rest), FOLDED):
            yield self._fold(rest[start : start + FOLDED], [type_ for type_, _ in spaces])

    def _global(self, index: int, type_: ValType, imported: str) -> Probe:
        """Append a function that returns the words of a global."""
        writer = FunctionWriter()
        writer.op("global.get", index)
        if type_ == V128:
            writer.op("i64x2.extract_lane", 0)
            writer.op("global.get", index).op("i64x2.extract_lane", 1)
        elif type_ in (F32, F64):
            writer.op(f"i{str(type_)[1:]}.reinterpret_{type_}")
        elif type_.is_ref:
            self._digests.see(writer, type_)
        results = self._editor.func_type((), types_of_words((type_,)))
        name = self._export(f"global:{index}", self._editor.add_function(results, writer.body()))
        return Probe(
            self._what(GLOBAL, index, imported),
            self._exported.get((GLOBAL, index)),
            Call(name, (), words_of(type_)),
            type_,
        )

    def _fold(self, indices: Sequence[int], types: Sequence[object]) -> Probe:
        """Append a function that digests several globals."""
        writer = FunctionWriter()
        digest = writer.local(I64)
        budgeted = False
        for index in indices:
            type_ = types[index]
            assert isinstance(type_, GlobalType)  # noqa: S101  # the index space says so
            value = type_.type
            if value.is_ref and not budgeted and self._digests.is_walked(value):
                writer.i32(TABLE_NODES).op("global.set", self._digests.budget)
                budgeted = True

            def read(index: int = index) -> FunctionWriter:
                return writer.op("global.get", index)

            self._digests.value(writer, value, digest, read)
        finish(writer, digest)
        function = self._editor.add_function(self._editor.func_type((), (I64,)), writer.body())
        name = self._export(f"globals:{indices[0]}", function)
        what = f"globals {indices[0]} to {indices[-1]}, {len(indices)} of them"
        return Probe(what, None, Call(name, (), _DIGEST))


def _mutable(type_: object) -> bool:
    return isinstance(type_, GlobalType) and type_.mutable


def _clamp(writer: FunctionWriter, size: int) -> None:
    """Append: the range in locals 0 and 1 ends at the size, a local, or before."""
    for lower, upper in ((1, size), (0, 1)):
        writer.get(lower).get(upper).get(lower).get(upper).ops("i64.lt_u", "select").set(lower)


@lru_cache(maxsize=64)
def _memory(index: int, page_size_log2: int, *, is64: bool) -> bytes:
    """Return the body that digests a memory's bytes from local 0 up to local 1."""
    writer = FunctionWriter((I64, I64))
    size, digest = writer.local(I64), writer.local(I64)
    address = writer.local(I64 if is64 else I32)
    narrow = () if is64 else ("i32.wrap_i64",)

    def word(place: int) -> None:
        writer.get(address).op("i64.load", MemArg(3, place, index))

    writer.op("memory.size", index)
    if not is64:
        writer.op("i64.extend_i32_u")
    writer.i64(page_size_log2).op("i64.shl").op("local.tee", size)
    mix(writer, digest)
    _clamp(writer, size)
    writer.block("block").block("loop")
    writer.get(1).get(0).op("i64.sub").i64(BLOCK).op("i64.lt_u").op("br_if", 1)
    writer.get(0).ops(*narrow).set(address)
    word(0)
    for place in range(_WORD, BLOCK, _WORD):
        word(place)
        writer.op("i64.or")
    writer.ops("i64.eqz", "i32.eqz").block("if").get(0)
    mix(writer, digest)
    for place in range(0, BLOCK, _WORD):
        word(place)
        mix(writer, digest)
    writer.op("end").get(0).i64(BLOCK).op("i64.add").set(0).op("br", 0).ops("end", "end")
    byte = writer.local(I64)
    writer.block("block").block("loop").get(0).get(1).op("i64.ge_u").op("br_if", 1)
    writer.get(0).ops(*narrow).op("i64.load8_u", MemArg(0, 0, index))
    writer.op("local.tee", byte).ops("i64.eqz", "i32.eqz").block("if").get(0)
    mix(writer, digest)
    writer.get(byte)
    mix(writer, digest)
    writer.op("end").get(0).i64(1).op("i64.add").set(0).op("br", 0).ops("end", "end")
    finish(writer, digest)
    return writer.body()
