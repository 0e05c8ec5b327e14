"""From a module to text: `parse_text` gives the module back.

What the text format has no word for is lost: how integers and runs of locals were
encoded, where they are not the shortest. A module whose bodies are canonical comes back
equal, with its names as identifiers and its custom sections as annotations; one that is
not comes back with the same instructions. The module need not be valid, but its bodies
must be well-formed. Nesting is on an explicit stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.binary.branch_hints import SECTION as BRANCH_HINT_SECTION
from plumbob.wasm.binary.branch_hints import decode_branch_hints, encode_branch_hints
from plumbob.wasm.binary.instructions import Instruction, decode_body, instructions_of
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    FUNC,
    KIND_NAMES,
    CustomSection,
    Module,
)
from plumbob.wasm.names import NAME_SECTION, encode_names
from plumbob.wasm.sections import CODE, CUSTOM, DATA_COUNT, ORDER, PLACES
from plumbob.wasm.text.annotations import SECTIONS, last_section
from plumbob.wasm.text.identifiers import (
    Identifiers,
    Scope,
    quote_bytes,
    quote_name,
    readable_names,
)
from plumbob.wasm.text.lexer import PLUMBOB_DATA_COUNT, PLUMBOB_NAMES
from plumbob.wasm.text.print_code import CodePrinter
from plumbob.wasm.types import FuncType, GlobalType, MemoryType, TableType, TagType

if TYPE_CHECKING:
    from plumbob.wasm.module import DataSegment, ElementSegment, Import
    from plumbob.wasm.types import SubType


def print_text(module: Module) -> str:
    """Return a module in the text format.

    Raises `MalformedError` where a body or constant expression is malformed.
    """
    return _Printer(module).text()


def operator_text(module: Module, function: int, instruction: Instruction) -> str:
    """Return an operator with its immediates, as the text format has it.

    `function` is the index of the function it stands in, imports counted, for the names of
    locals. Labels are numbers, since what encloses the operator is not looked at.
    """
    printer = CodePrinter(Identifiers(readable_names(module)), module.types)
    printer.enter(function)
    return printer.operator(instruction)


_PLACES = {
    CUSTOM: "before first",
    **{section: f"after {name}" for section, name in zip(ORDER, SECTIONS, strict=True)},
    # Not every tool knows the name of the data count section.
    DATA_COUNT: "before code",
}
"""How the place behind a section is written."""


class _Printer:
    """Prints one module."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.identifiers = Identifiers(readable_names(module))
        self.subtypes = module.types
        self.code = CodePrinter(self.identifiers, self.subtypes)
        self.types = self.code.types
        self.lines: list[str] = []
        self.counts = [0] * len(KIND_NAMES)
        """How many entities of each kind have been printed."""
        self.hints: dict[int, dict[int, str]] = {}
        """Annotations by function and offset, where all hints can be written as such."""
        self.hinted: CustomSection | None = None

    def text(self) -> str:
        self._find_hints()
        self._types()
        for item in self.module.imports:
            self._import(item)
        self._definitions()
        for export in self.module.exports:
            kind = KIND_NAMES[export.kind]
            target = self.identifiers.refer(kind, export.index)
            self.lines.append(f"  (export {quote_name(export.name)} ({kind} {target}))")
        if self.module.start is not None:
            self.lines.append(f"  (start {self.identifiers.refer('func', self.module.start)})")
        for index, segment in enumerate(self.module.elements):
            self._element(index, segment)
        for own in range(len(self.module.functions)):
            self._function(own)
        for index, data in enumerate(self.module.datas):
            self._data(index, data)
        if self.module.data_count is not None and not self.code.names_data:
            self.lines.append(f"  (@{PLUMBOB_DATA_COUNT})")
        head = "(module"
        name = self.identifiers.names.module
        if name is not None:
            head += self._module_name(name)
        self._customs()
        return "\n".join([head, *self.lines]) + "\n)\n"

    def _module_name(self, name: str) -> str:
        self.identifiers.bound += 1
        return Scope({0: name}).bind(0)

    def _head(self, kind: str, index: int) -> str:
        return f"{kind}{self.identifiers.bind(kind, index)} (;{index};)"

    def _next(self, kind: int) -> str:
        index = self.counts[kind]
        self.counts[kind] += 1
        return self._head(KIND_NAMES[kind], index)

    def _types(self) -> None:
        index = 0
        for group in self.module.rec_groups:
            explicit = group.explicit or len(group.types) != 1
            if explicit:
                self.lines.append("  (rec")
            for subtype in group.types:
                margin = "    " if explicit else "  "
                definition = self.types.subtype(subtype, index)
                self.lines.append(f"{margin}({self._head('type', index)} {definition})")
                index += 1
            if explicit:
                self.lines.append("  )")

    def _import(self, item: Import) -> None:
        index = self.counts[item.kind]
        head = self._next(item.kind)
        match item.type:
            case TableType():
                type_ = " " + self.types.table(item.type)
            case MemoryType():
                type_ = " " + self.types.memory(item.type)
            case GlobalType():
                type_ = " " + self.types.global_(item.type)
            case TagType(type_index):
                type_ = self.code.type_use(type_index)
            case type_index:
                self.code.enter(index)
                type_ = self._function_type(type_index)
        names = f"{quote_name(item.module)} {quote_name(item.name)}"
        self.lines.append(f"  (import {names} ({head}{type_}))")

    def _function_type(self, type_index: int) -> str:
        """Return a function's type use, with the names of its parameters."""
        use = f" (type {self.identifiers.refer('type', type_index)})"
        function_type = self._func_type(type_index)
        if function_type is None:
            return use
        params = self.types.variables("param", function_type.params, self.code.locals, 0)
        results = self.types.values("result", function_type.results)
        return f"{use}{''.join(' ' + param for param in params)}{results}"

    def _func_type(self, type_index: int) -> FuncType | None:
        if type_index >= len(self.subtypes):
            return None
        subtype: SubType = self.subtypes[type_index]
        return subtype.composite if isinstance(subtype.composite, FuncType) else None

    def _definitions(self) -> None:
        lines = self.lines
        for table in self.module.tables:
            init = "" if table.init is None else " " + self._expression(table.init)
            lines.append(f"  ({self._next(1)} {self.types.table(table.type)}{init})")
        for memory in self.module.memories:
            lines.append(f"  ({self._next(2)} {self.types.memory(memory)})")
        for tag in self.module.tags:
            lines.append(f"  ({self._next(4)}{self.code.type_use(tag.type_index)})")
        for item in self.module.globals:
            type_ = self.types.global_(item.type)
            lines.append(f"  ({self._next(3)} {type_} {self._expression(item.init)})")

    def _expression(self, expression: bytes) -> str:
        return " ".join(self.code.expression(instructions_of(expression)))

    def _folded(self, expression: bytes, keyword: str) -> str:
        """Return an expression as one folded instruction, or else behind a keyword."""
        operators = self.code.expression(instructions_of(expression))
        text = " ".join(operators)
        return f"({text})" if len(operators) == 1 else f"({keyword} {text})"

    def _element(self, index: int, segment: ElementSegment) -> None:
        text = f"  ({self._head('elem', index)}"
        if segment.mode == DECLARATIVE:
            text += " declare"
        elif segment.mode == ACTIVE:
            if segment.table:
                text += f" (table {self.identifiers.refer('table', segment.table)})"
            text += f" {self._folded(segment.offset or b'', 'offset')}"
        if segment.functions is not None:
            references = self.identifiers.spaces["func"]
            text += " func" + "".join(f" {references.refer(i)}" for i in segment.functions)
        else:
            text += f" {self.types.value(segment.type)}"
            text += "".join(f" {self._folded(item, 'item')}" for item in segment.expressions)
        self.lines.append(text + ")")

    def _data(self, index: int, segment: DataSegment) -> None:
        text = f"  ({self._head('data', index)}"
        if segment.mode == ACTIVE:
            if segment.memory:
                text += f" (memory {self.identifiers.refer('memory', segment.memory)})"
            text += f" {self._folded(segment.offset or b'', 'offset')}"
        self.lines.append(f"{text} {quote_bytes(segment.data)})")

    def _function(self, own: int) -> None:
        index = self.counts[FUNC]
        head = self._next(FUNC)
        self.code.enter(index)
        type_index = self.module.functions[own]
        self.lines.append(f"  ({head}{self._function_type(type_index)}")
        body = decode_body(self.module.code[own].body)
        function_type = self._func_type(type_index)
        first = len(function_type.params) if function_type else 0
        types = [type_ for count, type_ in body.locals for _ in range(count)]
        declared = self.types.variables("local", types, self.code.locals, first)
        if declared:
            self.lines.append(f"    {' '.join(declared)}")
        self.code.body(body.instructions, self.lines, "    ", self.hints.get(index, {}))
        self.lines.append("  )")

    # Custom sections.

    def _find_hints(self) -> None:
        """Find whether annotations can stand for the section of branch hints."""
        module = self.module
        found = [custom for custom in module.customs if custom.name == BRANCH_HINT_SECTION]
        if len(found) != 1:
            return
        after = last_section(module, PLACES[CODE] - 1)
        neighbours = [custom for custom in module.customs if custom.after == after]
        if found[0].after != after or neighbours[-1] is not found[0]:
            return
        try:
            functions = decode_branch_hints(found[0].data)
        except MalformedError:
            return
        if encode_branch_hints(functions) != found[0].data:
            return
        hints = {}
        imported = len(module.imported(FUNC))
        for function, entries in functions:
            own = function - imported
            if not entries or not 0 <= own < len(module.code):
                return
            targets = {item.offset for item in decode_body(module.code[own].body).instructions[:-1]}
            if not targets.issuperset(hint.offset for hint in entries):
                return
            hints[function] = {
                hint.offset: f'(@{BRANCH_HINT_SECTION} "\\0{int(hint.likely)}") '
                for hint in entries
            }
        self.hints, self.hinted = hints, found[0]

    def _names_suffice(self, custom: CustomSection) -> bool:
        """Whether identifiers say all that this name section does."""
        return (
            sum(other.name == NAME_SECTION for other in self.module.customs) == 1
            and self.identifiers.bound == self.identifiers.total
            and encode_names(self.identifiers.names) == custom.data
        )

    def _customs(self) -> None:
        module = self.module
        for custom in module.customs:
            if custom is self.hinted:
                continue
            place = _PLACES[custom.after]
            if custom.name == NAME_SECTION and self._names_suffice(custom):
                usual = custom.after == last_section(module, len(ORDER))
                if not (usual and custom is module.customs[-1] and custom.data):
                    self.lines.append(f"  (@{PLUMBOB_NAMES} ({place}))")
                continue
            self.lines.append(
                f"  (@custom {quote_name(custom.name)} ({place}) {quote_bytes(custom.data)})"
            )
