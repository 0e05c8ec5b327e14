"""Encode a module (WebAssembly 3.0, Binary Format / Modules), canonically.

Integers take the fewest bytes, empty sections are left out, a segment takes the first
form that can say it. So what a canonical encoder wrote comes back byte for byte once it
has been decoded. (LLVM's linker pads sizes and some indices to five bytes; those come
back shorter.) The module need not be valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import InternalError
from plumbob.wasm.binary.encode_types import (
    write_global_type,
    write_memory_type,
    write_rec_head,
    write_subtype,
    write_table_type,
    write_tag_type,
    write_value_type,
)
from plumbob.wasm.binary.leb import write_name, write_sized, write_u32
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    PASSIVE,
    BodySequence,
)
from plumbob.wasm.sections import (
    CODE,
    CUSTOM,
    DATA,
    DATA_COUNT,
    ELEMENT,
    EXPORT,
    FUNCTION,
    GLOBAL,
    IMPORT,
    MAGIC,
    MEMORY,
    ORDER,
    START,
    TABLE,
    TAG,
    TYPE,
    VERSION,
    has_contents,
)
from plumbob.wasm.types import FUNC, FUNCREF, GlobalType, MemoryType, TableType, TagType, ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.wasm.module import CustomSection, ElementSegment, Import, Module

FUNC_REFERENCE = ref(FUNC)
"""The type of a segment that is written as function indices."""

Layout = dict[tuple[str | int, ...], int]
"""Where fields land: the keys are those of a decoded module's `offsets`."""


class _Encoder:
    """Encodes one module. `out` is the section at hand; `marks` notes places in it."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.out = bytearray()
        self.marks: list[tuple[tuple[str | int, ...], int]] = []

    def mark(self, *key: str | int) -> None:
        """Note that what the key names begins here."""
        self.marks.append((key, len(self.out)))

    def types(self) -> None:
        write_u32(self.out, len(self.module.rec_groups))
        index = 0
        for group in self.module.rec_groups:
            write_rec_head(self.out, group)
            for subtype in group.types:
                self.mark("type", index)
                write_subtype(self.out, subtype)
                index += 1

    def imports(self) -> None:
        write_u32(self.out, len(self.module.imports))
        for index, item in enumerate(self.module.imports):
            self.mark("import", index)
            write_name(self.out, item.module)
            write_name(self.out, item.name)
            self.out.append(item.kind)
            self.extern_type(item)

    def extern_type(self, item: Import) -> None:
        match item.type:
            case TableType():
                write_table_type(self.out, item.type)
            case MemoryType():
                write_memory_type(self.out, item.type)
            case GlobalType():
                write_global_type(self.out, item.type)
            case TagType():
                write_tag_type(self.out, item.type)
            case int():
                write_u32(self.out, item.type)

    def functions(self) -> None:
        write_u32(self.out, len(self.module.functions))
        for type_index in self.module.functions:
            write_u32(self.out, type_index)

    def tables(self) -> None:
        write_u32(self.out, len(self.module.tables))
        for index, table in enumerate(self.module.tables):
            self.mark("table", index)
            if table.init is None:
                write_table_type(self.out, table.type)
            else:
                self.out += b"\x40\x00"
                write_table_type(self.out, table.type)
                self.mark("table", index, "init")
                self.out += table.init

    def memories(self) -> None:
        write_u32(self.out, len(self.module.memories))
        for index, memory in enumerate(self.module.memories):
            self.mark("memory", index)
            write_memory_type(self.out, memory)

    def tags(self) -> None:
        write_u32(self.out, len(self.module.tags))
        for index, tag in enumerate(self.module.tags):
            self.mark("tag", index)
            write_tag_type(self.out, tag)

    def globals(self) -> None:
        write_u32(self.out, len(self.module.globals))
        for index, item in enumerate(self.module.globals):
            self.mark("global", index)
            write_global_type(self.out, item.type)
            self.mark("global", index, "init")
            self.out += item.init

    def exports(self) -> None:
        write_u32(self.out, len(self.module.exports))
        for index, export in enumerate(self.module.exports):
            self.mark("export", index)
            write_name(self.out, export.name)
            self.out.append(export.kind)
            write_u32(self.out, export.index)

    def start(self) -> None:
        if self.module.start is not None:
            self.mark("start", 0)
            write_u32(self.out, self.module.start)

    def elements(self) -> None:
        write_u32(self.out, len(self.module.elements))
        for index, segment in enumerate(self.module.elements):
            self.mark("elem", index)
            self.element(segment, index)

    def element(self, segment: ElementSegment, index: int) -> None:
        out = self.out
        functions = segment.functions
        if functions is not None and segment.type not in {FUNCREF, FUNC_REFERENCE}:
            if functions:
                raise InternalError(f"element segment {index} of {segment.type} holds indices")
            functions = None
        # The forms without a type stand for functions, or for expressions of funcref.
        short = segment.table == 0 and (functions is not None or segment.type == FUNCREF)
        flags = {
            ACTIVE: 0 if short else 2,
            PASSIVE: 1,
            DECLARATIVE: 3,
        }[segment.mode]
        out.append(flags | (4 if functions is None else 0))
        if segment.mode == ACTIVE:
            if flags:
                write_u32(out, segment.table)
            if segment.offset is None:
                raise InternalError(f"active element segment {index} has no offset")
            self.mark("elem", index, "init")
            out += segment.offset
        if functions is not None:
            if flags:
                out.append(0)
            write_u32(out, len(functions))
            for function in functions:
                write_u32(out, function)
            return
        if flags:
            write_value_type(out, segment.type)
        write_u32(out, len(segment.expressions))
        for item, expression in enumerate(segment.expressions):
            self.mark("elem", index, item)
            out += expression

    def data_count(self) -> None:
        if self.module.data_count is not None:
            write_u32(self.out, self.module.data_count)

    def code(self) -> None:
        code = self.module.code
        out = self.out
        write_u32(out, len(code))
        if isinstance(code, BodySequence):
            data = memoryview(code.data)
            for index, (start, end) in enumerate(zip(code.starts, code.ends, strict=True)):
                write_u32(out, end - start)
                self.mark("func", index)
                out += data[start:end]
        else:
            for index, item in enumerate(code):
                write_u32(out, len(item.body))
                self.mark("func", index)
                out += item.body

    def datas(self) -> None:
        out = self.out
        write_u32(out, len(self.module.datas))
        for index, segment in enumerate(self.module.datas):
            self.mark("data", index)
            if segment.mode == PASSIVE:
                out.append(1)
            else:
                if segment.memory:
                    out.append(2)
                    write_u32(out, segment.memory)
                else:
                    out.append(0)
                if segment.offset is None:
                    raise InternalError(f"active data segment {index} has no offset")
                self.mark("data", index, "init")
                out += segment.offset
            write_sized(out, segment.data)


_WRITERS: dict[int, Callable[[_Encoder], None]] = {
    TYPE: _Encoder.types,
    IMPORT: _Encoder.imports,
    FUNCTION: _Encoder.functions,
    TABLE: _Encoder.tables,
    MEMORY: _Encoder.memories,
    TAG: _Encoder.tags,
    GLOBAL: _Encoder.globals,
    EXPORT: _Encoder.exports,
    START: _Encoder.start,
    ELEMENT: _Encoder.elements,
    DATA_COUNT: _Encoder.data_count,
    CODE: _Encoder.code,
    DATA: _Encoder.datas,
}


def _write_customs(
    out: bytearray, customs: list[CustomSection], after: int, starts: list[int]
) -> None:
    """Append the custom sections whose place is behind a section; note where contents begin."""
    for custom in customs:
        if custom.after == after:
            content = bytearray()
            write_name(content, custom.name)
            content += custom.data
            out.append(CUSTOM)
            write_sized(out, content)
            starts.append(len(out) - len(custom.data))


def encode(module: Module, layout: Layout | None = None) -> bytes:
    """Return the module in the binary format.

    `layout`, if given, is filled with where each field, body and constant expression
    lands. The names of a module made from text become a `name` section at the end,
    unless the module has one. Raises `InternalError` for a module that cannot be
    encoded: an active segment without an offset, a type that has no encoding.
    """
    out = bytearray(MAGIC + VERSION)
    encoder = _Encoder(module)
    customs = module.custom_sections()
    starts: list[int] = []
    if customs:
        _write_customs(out, customs, CUSTOM, starts)
    for section in ORDER:
        if has_contents(module, section):
            _WRITERS[section](encoder)
            out.append(section)
            write_u32(out, len(encoder.out))
            if layout is not None:
                layout.update((key, len(out) + place) for key, place in encoder.marks)
            out += encoder.out
            encoder.out.clear()
            encoder.marks.clear()
        if customs:
            _write_customs(out, customs, section, starts)
    if layout is not None:
        layout.update((("custom", place), start) for place, start in enumerate(starts))
    return bytes(out)
