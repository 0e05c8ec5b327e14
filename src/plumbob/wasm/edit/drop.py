"""Dropping what nothing uses: entities and types that no export or start function reaches.

The result is a module of the same behaviour, its indices made dense again. Custom sections
go, since they may speak of what is no longer there; `names` are kept.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from plumbob.wasm.binary.instructions import decode_body, instructions_of
from plumbob.wasm.edit.renumber import Renumbering
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    FUNC,
    GLOBAL,
    KIND_NAMES,
    MEMORY,
    TABLE,
    TAG,
    Module,
    RecGroup,
)
from plumbob.wasm.types import (
    CONCRETE,
    INDEX_MASK,
    ArrayType,
    FuncType,
    GlobalType,
    StructType,
    TableType,
    TagType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plumbob.wasm.binary.instructions import Instruction
    from plumbob.wasm.types import SubType

_SPACES = ("func", "table", "memory", "global", "tag", "elem", "data", "type")


class _Reach:
    """What is reached so far, and what has yet to be looked at."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.types = module.types
        self.found: dict[str, set[int]] = {space: set() for space in _SPACES}
        self._todo: list[tuple[str, int]] = []
        self._imported = {name: module.imported(kind) for kind, name in enumerate(KIND_NAMES)}

    def mark(self, space: str, index: int) -> None:
        """Reach an entity."""
        if index not in self.found[space]:
            self.found[space].add(index)
            self._todo.append((space, index))

    def value_type(self, type_: int) -> None:
        """Reach what a value or heap type names."""
        if type_ & CONCRETE:
            self.mark("type", type_ & INDEX_MASK)

    def instructions(self, instructions: Iterable[Instruction]) -> None:
        """Reach what instructions name."""
        for operator, immediates, _ in instructions:
            for kind, value in zip(operator.immediates, immediates, strict=True):
                self._immediate(kind, value)

    def _immediate(self, kind: str, value: Any) -> None:
        if kind in self.found:
            self.mark(kind, value)
        elif kind == "memarg":
            self.mark("memory", value.memory)
        elif kind == "heaptype":
            self.value_type(value)
        elif kind == "valtypes":
            for type_ in value:
                self.value_type(type_)
        elif kind == "blocktype":
            if value.type_index is not None:
                self.mark("type", value.type_index)
            elif value.result is not None:
                self.value_type(value.result)
        elif kind == "catches":
            for clause in value:
                if clause.tag is not None:
                    self.mark("tag", clause.tag)

    def expression(self, code: bytes | None) -> None:
        """Reach what a constant expression names."""
        if code is not None:
            self.instructions(instructions_of(code))

    def follow(self) -> None:
        """Reach everything that what is reached names."""
        while self._todo:
            space, index = self._todo.pop()
            getattr(self, f"_{space}")(index)

    def _import_or(self, space: str, index: int) -> int | None:
        """Return the place among the module's own, or None for an import, whose type is reached."""
        imported = self._imported[space]
        if index >= len(imported):
            return index - len(imported)
        type_ = imported[index].type
        if isinstance(type_, TableType):
            self.value_type(type_.element)
        elif isinstance(type_, GlobalType):
            self.value_type(type_.type)
        elif isinstance(type_, TagType):
            self.mark("type", type_.type_index)
        elif isinstance(type_, int):
            self.mark("type", type_)
        return None

    def _func(self, index: int) -> None:
        place = self._import_or("func", index)
        if place is None:
            return
        self.mark("type", self.module.functions[place])
        body = decode_body(self.module.code[place].body)
        for _, type_ in body.locals:
            self.value_type(type_)
        self.instructions(body.instructions)

    def _table(self, index: int) -> None:
        place = self._import_or("table", index)
        if place is not None:
            self.value_type(self.module.tables[place].type.element)
            self.expression(self.module.tables[place].init)
        for number, segment in enumerate(self.module.elements):
            if segment.mode == ACTIVE and segment.table == index:
                self.mark("elem", number)

    def _memory(self, index: int) -> None:
        self._import_or("memory", index)
        for number, segment in enumerate(self.module.datas):
            if segment.mode == ACTIVE and segment.memory == index:
                self.mark("data", number)

    def _global(self, index: int) -> None:
        place = self._import_or("global", index)
        if place is not None:
            self.value_type(self.module.globals[place].type.type)
            self.expression(self.module.globals[place].init)

    def _tag(self, index: int) -> None:
        place = self._import_or("tag", index)
        if place is not None:
            self.mark("type", self.module.tags[place].type_index)

    def _elem(self, index: int) -> None:
        segment = self.module.elements[index]
        self.value_type(segment.type)
        for function in segment.functions or ():
            self.mark("func", function)
        for item in (*segment.expressions, segment.offset):
            self.expression(item)
        if segment.mode == ACTIVE:
            self.mark("table", segment.table)

    def _data(self, index: int) -> None:
        segment = self.module.datas[index]
        self.expression(segment.offset)
        if segment.mode == ACTIVE:
            self.mark("memory", segment.memory)

    def _type(self, index: int) -> None:
        self._subtype(self.types[index])
        # A type is its group's: all of it stays.
        first = 0
        for group in self.module.rec_groups:
            if first <= index < first + len(group.types):
                for other in range(first, first + len(group.types)):
                    self.mark("type", other)
            first += len(group.types)

    def _subtype(self, subtype: SubType) -> None:
        for above in subtype.supertypes:
            self.mark("type", above)
        match subtype.composite:
            case FuncType(params, results):
                for type_ in (*params, *results):
                    self.value_type(type_)
            case StructType(fields):
                for field in fields:
                    self.value_type(field.storage)
            case ArrayType(field):
                self.value_type(field.storage)


def drop_unused(module: Module) -> Module:
    """Return the module without what nothing uses; the same object where all is used.

    Imported entities that nothing uses go as well. Raises `MalformedError` for a module that
    is not well-formed.
    """
    reach = _Reach(module)
    for export in module.exports:
        reach.mark(KIND_NAMES[export.kind], export.index)
    if module.start is not None:
        reach.mark("func", module.start)
    reach.follow()
    _declared(reach)
    return _without(module, reach.found)


def _declared(reach: _Reach) -> None:
    """Keep what lets `ref.func` name a function: an export, or a segment that lists it."""
    module = reach.module
    for number, segment in enumerate(module.elements):
        used = reach.found["func"].intersection(segment.functions or ())
        if segment.mode == DECLARATIVE and used:
            reach.found["elem"].add(number)
            reach.value_type(segment.type)
    reach.follow()


def _without(module: Module, found: dict[str, set[int]]) -> Module:
    counts = {
        **{name: len(module.imported(kind)) for kind, name in enumerate(KIND_NAMES)},
        "elem": 0,
        "data": 0,
        "type": 0,
    }
    own: dict[str, int] = {
        "func": len(module.functions),
        "table": len(module.tables),
        "memory": len(module.memories),
        "global": len(module.globals),
        "tag": len(module.tags),
        "elem": len(module.elements),
        "data": len(module.datas),
        "type": len(module.types),
    }
    maps = {}
    for space in _SPACES:
        kept = sorted(found[space])
        maps[space] = {old: new for new, old in enumerate(kept)}
    if all(len(found[space]) == counts[space] + own[space] for space in _SPACES):
        return module

    trimmed = _trimmed(module, found)
    out = Renumbering(maps).module(trimmed)
    out.data_count = len(out.datas) if module.data_count is not None and out.datas else None
    return out


def _trimmed(module: Module, found: dict[str, set[int]]) -> Module:
    """Return a module whose lists have only what stays, indices as they were."""

    def kept(space: str, items: Any, first: int = 0) -> list[Any]:
        return [item for place, item in enumerate(items, first) if place in found[space]]

    out = copy.copy(module)
    out.customs = []
    out.offsets = {}
    out.source_map = None
    numbers = [0] * len(KIND_NAMES)
    imports = []
    for item in module.imports:
        if numbers[item.kind] in found[KIND_NAMES[item.kind]]:
            imports.append(item)
        numbers[item.kind] += 1
    out.imports = imports
    out.functions = kept("func", module.functions, numbers[FUNC])
    out.code = kept("func", module.code, numbers[FUNC])
    out.tables = kept("table", module.tables, numbers[TABLE])
    out.memories = kept("memory", module.memories, numbers[MEMORY])
    out.globals = kept("global", module.globals, numbers[GLOBAL])
    out.tags = kept("tag", module.tags, numbers[TAG])
    out.elements = [
        segment._replace(functions=tuple(f for f in segment.functions if f in found["func"]))
        if segment.functions is not None and segment.mode == DECLARATIVE
        else segment
        for number, segment in enumerate(module.elements)
        if number in found["elem"]
    ]
    out.datas = kept("data", module.datas)
    groups = []
    first = 0
    for group in module.rec_groups:
        if first in found["type"] or not group.types:
            groups.append(RecGroup(group.types, group.explicit))
        first += len(group.types)
    out.rec_groups = groups
    return out
