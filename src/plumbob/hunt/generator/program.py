"""The entities of a generated module that function bodies refer to, and how it is put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator.universe import wire
from plumbob.wasm import module as m
from plumbob.wasm import types as t
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.types import GlobalType, Limits, MemoryType, TableType, TagType, ValType

if TYPE_CHECKING:
    from plumbob.hunt.choices import Choices
    from plumbob.hunt.generator.universe import Universe

CHECKSUM: Final = 0
"""The global that results are gathered in, an i64."""

PAGE: Final = 1 << 16

COLLECT: Final = ("plumbob", "gc")
"""The import that asks an engine for a collection."""


@dataclass(frozen=True)
class Function:
    """A function that others may call."""

    index: int
    type_index: int
    params: tuple[ValType, ...]
    results: tuple[ValType, ...]
    cost: int
    """How many operators a call executes at most."""
    throws: bool = False
    """Whether an exception may leave it."""


@dataclass(frozen=True)
class Variable:
    """A global, beside the checksum."""

    index: int
    type: ValType
    mutable: bool


@dataclass(frozen=True)
class Memory:
    """A memory: `pages` to begin with, and what its addresses are."""

    index: int
    pages: int
    address: ValType


@dataclass(frozen=True)
class Table:
    """A table; `size` elements to begin with."""

    index: int
    element: ValType
    size: int
    address: ValType
    functions: tuple[Function, ...] = ()
    """What it holds by index, where its elements never change."""


@dataclass(frozen=True)
class Tag:
    """An exception tag."""

    index: int
    params: tuple[ValType, ...]


@dataclass(frozen=True)
class Segment:
    """A data segment (`type` None) or an element segment, of so many bytes or elements."""

    index: int
    size: int
    passive: bool
    type: ValType | None = None


@dataclass
class Program:
    """A module in the making."""

    choices: Choices
    universe: Universe
    vectors: bool
    relaxed: bool
    module: m.Module = field(default_factory=lambda: m.Module("generated"))
    functions: list[Function] = field(default_factory=list)
    """Those that are finished, and imported ones: what the next one may call."""
    variables: list[Variable] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    collect: int | None = None
    """The index of the function that collects."""
    used: set[str] = field(default_factory=set)
    """Names of the strategies that were taken."""
    referred: set[int] = field(default_factory=set)
    """Functions that `ref.func` names, which a declarative segment has to list."""

    def imported(self, kind: int) -> int:
        """Return how many entities of a kind are imported."""
        return sum(item.kind == kind for item in self.module.imports)

    def add_function(
        self,
        type_index: int,
        params: tuple[ValType, ...],
        results: tuple[ValType, ...],
        body: bytes,
        cost: int,
        *,
        throws: bool = False,
    ) -> Function:
        """Append a function with its body; those that come later may call it."""
        functions = self.module.functions
        assert isinstance(functions, list)  # noqa: S101  # a fresh module has lists
        index = self.imported(m.FUNC) + len(functions)
        functions.append(type_index)
        self.module.code = [*self.module.code, m.Code(body)]
        made = Function(index, type_index, params, results, cost, throws)
        self.functions.append(made)
        return made

    def add_global(self, type_: ValType, init: bytes, *, mutable: bool = True) -> Variable:
        """Append a global with its constant expression, the closing `end` included."""
        self.module.globals.append(m.Global(GlobalType(wire(type_), mutable), init))
        return Variable(len(self.module.globals) - 1, type_, mutable)

    def add_memory(self, pages: int, maximum: int, *, is64: bool = False) -> Memory:
        """Append a memory."""
        self.module.memories.append(MemoryType(Limits(pages, maximum, is64)))
        made = Memory(
            self.imported(m.MEMORY) + len(self.module.memories) - 1, pages, t.I64 if is64 else t.I32
        )
        self.memories.append(made)
        return made

    def add_table(self, element: ValType, size: int, *, is64: bool = False) -> Table:
        """Append a table of nulls."""
        self.module.tables.append(m.Table(TableType(element, Limits(size, size + 8, is64))))
        made = Table(len(self.module.tables) - 1, element, size, t.I64 if is64 else t.I32)
        self.tables.append(made)
        return made

    def add_tag(self, params: tuple[ValType, ...]) -> Tag:
        """Append a tag."""
        self.module.tags.append(TagType(self.universe.function(params, ())))
        made = Tag(len(self.module.tags) - 1, params)
        self.tags.append(made)
        return made

    def finish(self) -> bytes:
        """Return the module in the binary format."""
        if self.referred:
            self.module.elements.append(
                m.ElementSegment(m.DECLARATIVE, t.FUNCREF, tuple(sorted(self.referred)))
            )
        if self.module.datas:
            self.module.data_count = len(self.module.datas)
        self.module.rec_groups = self.universe.groups
        return encode(self.module)
