"""The fields of a module in text, second pass: from fields to the module.

All identifiers are bound. Types come first; the other fields follow in the order of the
text, function bodies among them, so that types which type uses imply are added in the
order of their first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm import features as f
from plumbob.wasm import module as m
from plumbob.wasm.binary.instructions import write_locals
from plumbob.wasm.module import Code, Export, Global, Import, Table
from plumbob.wasm.text.annotations import (
    hint_section,
    place_customs,
    take_hints,
)
from plumbob.wasm.text.assembler import Assembler
from plumbob.wasm.text.context import Context
from plumbob.wasm.text.cursor import Cursor
from plumbob.wasm.text.fields import Collector, Field, Fields
from plumbob.wasm.text.scopes import IndexSpace, TokenError
from plumbob.wasm.text.segments import Segments
from plumbob.wasm.text.types import (
    Parameter,
    address_type,
    at_reference_type,
    global_type,
    memory_type,
    page_size,
    parameters,
    read_type_use,
    rec_group,
    table_element,
    table_type,
    type_use,
)
from plumbob.wasm.types import Limits, MemoryType, TableType, TagType, ValType

if TYPE_CHECKING:
    from plumbob.wasm.text.lexer import Tokens

_KINDS = {name: kind for kind, name in enumerate(m.KIND_NAMES)}


class Builder:
    """Builds one module."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.cursor: Cursor = context.cursor
        self.module = context.module
        self.assembler = Assembler(context)
        self.segments = Segments(context, self.assembler)
        self.functions: list[int] = []
        self.code: list[Code] = []

    def run(self, fields: Fields) -> m.Module:
        """Read the contents of all fields."""
        self._types(fields)
        for field in fields.fields:
            self.cursor.i = field.start
            if field.names is not None:
                self._import(field)
            else:
                _READERS[field.kind](self, field)
            if self.cursor.i != field.end:
                self.cursor.unexpected("`)`")
            for name in field.exports:
                self._export(name, _KINDS[field.kind], field.entity, field)
        module = self.module
        module.functions, module.code = self.functions, self.code
        # As the reference interpreter: wherever an operator names a data segment, be it in
        # a constant expression, where none is valid.
        if self.context.encodings["data"] or fields.data_count:
            module.data_count = len(module.datas)
        placed = list(fields.customs)
        if self.context.hints:
            placed.append(hint_section(self.context.hints))
        if self.context.names:
            module.names = self.context.names
        module.customs = place_customs(module, placed)
        return module

    def _span(self, kind: str, index: int, field: Field) -> None:
        """Note where a field stands."""
        cursor = self.cursor
        after, cursor.i = cursor.i, field.end + 1
        self.context.source_map.fields[kind, index] = cursor.span_from(field.opening)
        cursor.i = after

    def _types(self, fields: Fields) -> None:
        context, cursor = self.context, self.cursor
        for group in fields.groups:
            context.add_rec_group(
                rec_group(context, group.first, group.definitions, explicit=group.explicit)
            )
            for position, opening in enumerate(group.openings):
                cursor.i = cursor.close_of(opening) + 1
                context.source_map.fields["type", group.first + position] = cursor.span_from(
                    opening
                )

    def _import(self, field: Field) -> None:
        module, name = field.names or ("", "")
        type_: m.ExternType
        match field.kind:
            case "func":
                type_ = self._function_use(field.entity)
            case "table":
                type_ = table_type(self.context)
            case "memory":
                type_ = memory_type(self.context)
            case "global":
                type_ = global_type(self.context)
            case _:
                type_ = TagType(type_use(self.context))
        self._span("import", len(self.module.imports), field)
        self.module.imports.append(Import(module, name, _KINDS[field.kind], type_))

    def _function_use(self, index: int) -> int:
        """Read the type use of an imported function, whose parameters may have names."""
        self._begin_locals()
        use = read_type_use(self.context, named=True)
        self._check_locals(use.parameters)
        self._name_locals(index, use.parameters, 0)
        if use.type_index is not None:
            return use.type_index
        return self.context.type_index(use.function_type)

    def _check_locals(self, found: list[Parameter]) -> None:
        """Bind the identifiers of parameters or locals."""
        space = self.context.spaces["local"]
        for parameter in found:
            try:
                space.bind(parameter.identifier)
            except TokenError as error:
                self.context.report(error, at=parameter.at)

    def _begin_locals(self) -> IndexSpace:
        """Return the space of locals, empty for another function."""
        space = self.context.spaces["local"]
        space.identifiers.clear()
        space.count = 0
        self.context.encodings["local"].clear()
        return space

    def _name_locals(self, function: int, found: list[Parameter], first: int) -> None:
        names = {
            place: item.name for place, item in enumerate(found, first) if item.name is not None
        }
        if names:
            self.context.names.indirect["local"].setdefault(function, {}).update(names)

    def function(self, field: Field) -> None:
        """Read a function with its body."""
        context = self.context
        space = self._begin_locals()
        use = read_type_use(context, named=True)
        index = use.type_index
        if index is None:
            index = context.type_index(use.function_type)
        found = use.parameters
        if not found:
            space.count = len(use.function_type.params)
        self._check_locals(found)
        first = space.count
        types: list[ValType] = []
        declared = parameters(context, "local", types)
        self._check_locals(declared)
        self._name_locals(field.entity, found, 0)
        self._name_locals(field.entity, declared, first)
        own = len(self.functions)
        self.functions.append(index)
        self._body(field, own, types)
        self._span("func", own, field)

    def _body(self, field: Field, own: int, types: list[ValType]) -> None:
        context, assembler = self.context, self.assembler
        prefix = bytearray()
        write_locals(prefix, _runs(types))
        assembler.begin(bytes(prefix))
        assembler.instructions()
        assembler.end()
        self.code.append(Code(bytes(assembler.out)))
        context.source_map.operators["func", own] = assembler.map()
        labels = {
            place: name for place, name in enumerate(assembler.label_names) if name is not None
        }
        if labels:
            context.names.indirect["label"][field.entity] = labels
        if context.cursor.tokens.annotations:
            end = self.cursor.i
            take_hints(context, field.entity, (field.start, end), assembler.marks, assembler.places)
            self.cursor.i = end

    def table(self, field: Field) -> None:
        """Read a table, and the segment it may bring."""
        context = self.context
        is64 = address_type(context)
        own = len(self.module.tables)
        self._span("table", own, field)
        if at_reference_type(self.cursor):
            element = table_element(context)
            index = field.segment or 0
            segment = self.segments.inline_elements(index, field.entity, element, is64=is64)
            limits = Limits(segment.size, segment.size, is64)
            self.module.tables.append(Table(TableType(element, limits)))
            self._span("elem", index, field)
            self.module.elements.append(segment)
            return
        type_ = table_type(context, is64=is64)
        init = None
        if self.cursor.i != field.end:
            self.cursor.require(f.FUNCTION_REFERENCES, "a table with an initialiser")
            init = self.assembler.expression(("table", own))
        self.module.tables.append(Table(type_, init))

    def memory(self, field: Field) -> None:
        """Read a memory, and the segment it may bring."""
        context = self.context
        own = len(self.module.memories)
        self._span("memory", own, field)
        is64 = address_type(context)
        if field.segment is None:
            self.module.memories.append(memory_type(context, is64=is64))
            return
        page = page_size(context)
        segment = self.segments.inline_data(field.entity, is64=is64)
        pages = len(segment.data) + (1 << page) - 1 >> page
        self.module.memories.append(
            MemoryType(Limits(pages, pages, is64), shared=False, page_size_log2=page)
        )
        self._span("data", field.segment, field)
        self.module.datas.append(segment)

    def global_(self, field: Field) -> None:
        """Read a global."""
        type_ = global_type(self.context)
        own = len(self.module.globals)
        self._span("global", own, field)
        self.module.globals.append(Global(type_, self.assembler.expression(("global", own))))

    def tag(self, field: Field) -> None:
        """Read a tag."""
        self._span("tag", len(self.module.tags), field)
        self.module.tags.append(TagType(type_use(self.context)))

    def _export(self, name: str, kind: int, index: int, field: Field) -> None:
        self._span("export", len(self.module.exports), field)
        self.module.exports.append(Export(name, kind, index))

    def export_field(self, field: Field) -> None:
        """Read an export."""
        cursor = self.cursor
        name = cursor.name()
        cursor.expect("(", "what is exported: `(func`, `(table`, `(memory`, `(global` or `(tag`")
        kind = cursor.texts[cursor.i]
        if kind not in _KINDS:
            cursor.unexpected("`func`, `table`, `memory`, `global` or `tag`")
        cursor.i += 1
        index = self.context.index(kind)
        cursor.expect(")")
        self._export(name, _KINDS[kind], index, field)

    def start(self, field: Field) -> None:
        """Read the start function."""
        if self.module.start is not None:
            self.cursor.fail(
                "multiple start sections",
                code="E0183",
                expected="at most one",
                at=field.opening + 1,
            )
        self.module.start = self.context.index("func")
        self._span("start", 0, field)

    def elem(self, field: Field) -> None:
        """Read an element segment."""
        self._span("elem", field.entity, field)
        self.module.elements.append(self.segments.element(field.entity, field.end))

    def data(self, field: Field) -> None:
        """Read a data segment."""
        self._span("data", field.entity, field)
        self.module.datas.append(self.segments.data(field.entity))


_READERS = {
    "func": Builder.function,
    "table": Builder.table,
    "memory": Builder.memory,
    "global": Builder.global_,
    "tag": Builder.tag,
    "export": Builder.export_field,
    "start": Builder.start,
    "elem": Builder.elem,
    "data": Builder.data,
}


def _runs(types: list[ValType]) -> list[tuple[int, ValType]]:
    """Return locals as runs of (how many, of what type)."""
    runs: list[tuple[int, ValType]] = []
    for type_ in types:
        if runs and runs[-1][1] == type_:
            runs[-1] = runs[-1][0] + 1, type_
        else:
            runs.append((1, type_))
    return runs


def build(
    tokens: Tokens, start: int, end: int, name: str, features: int, *, allow_unreachable_type: bool
) -> m.Module:
    """Parse the fields of a module, the tokens from `start` to `end`.

    An identifier or `(@name ...)` of the module itself may come before them.
    """
    cursor = Cursor(tokens, start, features)
    context = Context(cursor, name, allow_unreachable_type=allow_unreachable_type)
    identifier = cursor.identifier()
    context.names.module = cursor.take_name(identifier, "module")
    fields = Collector(context).run(end)
    module = Builder(context).run(fields)
    cursor.check_annotations(start, end)
    return module
