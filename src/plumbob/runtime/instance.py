"""Instances: a module with its imports, ready to run.

Source: Execution / Modules / Instantiation. The module must be valid. Where instantiation
traps, what it wrote into imported memories and tables stays written, as specified.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from plumbob.runtime.constant import evaluate
from plumbob.runtime.linking import Extern, Matcher, unknown_import
from plumbob.runtime.memory import LinearMemory
from plumbob.runtime.references import FuncRef, Tag
from plumbob.runtime.table import Global, Table
from plumbob.runtime.traps import WasmFrame
from plumbob.wasm import module as m
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.names import names_of
from plumbob.wasm.type_space import TypeSpace
from plumbob.wasm.types import CONCRETE, INDEX_MASK, FuncType, GlobalType, ValType

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.frontend.environment import ModuleEnvironment
    from plumbob.runtime.store import Store


class Instance:
    """A module instance. Index spaces are lists, imports first.

    `types[index]` is the canonical id of a type; `datas` and `elements` hold the passive
    segments' contents, empty once they are dropped.
    """

    def __init__(
        self,
        store: Store,
        environment: ModuleEnvironment,
        provide: Callable[[m.Import, Instance], object | None],
    ) -> None:
        """Allocate and link; `provide` gives what an import asks for, None if it has no such.

        `provide` also gets the instance, of which only the types are there by then.

        Raises `LinkError`, and `LimitError` for memories and tables beyond the store's
        limits. Segments are written and the start function is run by `start`.
        """
        module = environment.module
        self.store = store
        self.environment = environment
        self.module = module
        self.name = module.name
        space = TypeSpace(module.rec_groups, store.registry, allow_unreachable=True)
        self.types: list[int] = space.canonical
        self.functions: list[FuncRef] = []
        self.tables: list[Table] = []
        self.memories: list[LinearMemory] = []
        self.globals: list[Global] = []
        self.tags: list[Tag] = []
        self.datas: list[bytes | memoryview] = []
        self.elements: list[list[Any]] = []
        self._names: dict[int, str] | None = None
        matcher = Matcher(store, self.types, self.canonical)
        given = [(item, provide(item, self)) for item in module.imports]
        for item, extern in given:
            if extern is None:
                raise unknown_import(item)
            self._space(item.kind).append(matcher.require(item, extern))
        own = len(self.memories), len(self.tables)
        try:
            self._define()
        except BaseException:
            # Nobody but the initialisers has seen them.
            for memory in self.memories[own[0] :]:
                memory.release()
            for table in self.tables[own[1] :]:
                table.release()
            raise
        self.exports: dict[str, Extern] = {
            export.name: self._space(export.kind)[export.index] for export in module.exports
        }

    def _space(self, kind: int) -> list[Any]:
        spaces: tuple[list[Any], ...] = (
            self.functions,
            self.tables,
            self.memories,
            self.globals,
            self.tags,
        )
        return spaces[kind]

    def canonical(self, type_: ValType) -> ValType:
        """Return a value type of the module with the canonical id in place of a type index."""
        if not type_ & CONCRETE:
            return type_
        return ValType(type_ & ~INDEX_MASK | self.types[type_ & INDEX_MASK])

    def function_type(self, index: int) -> tuple[int, FuncType]:
        """Return the canonical id and the function type of a type index, in canonical form."""
        canonical = self.types[index]
        composite = self.store.registry.types[canonical].composite
        assert isinstance(composite, FuncType)  # noqa: S101  # the module is valid
        return canonical, composite

    def _define(self) -> None:
        """Allocate what the module defines, in the order in which initialisers may refer."""
        module = self.module
        for type_index in module.functions:
            canonical, signature = self.function_type(type_index)
            index = len(self.functions)
            self.functions.append(FuncRef(canonical, signature, instance=self, index=index))
        self.store.executor.link(self)
        budget = self.store.budget
        for memory in module.memories:
            self.memories.append(LinearMemory(memory, budget))
        self.tags += [Tag(*self.function_type(tag.type_index)) for tag in module.tags]
        for item in module.globals:
            type_ = GlobalType(self.canonical(item.type.type), item.type.mutable)
            self.globals.append(Global(type_, evaluate(self, item.init)))
        for table in module.tables:
            declared = table.type._replace(element=self.canonical(table.type.element))
            initial = None if table.init is None else evaluate(self, table.init)
            self.tables.append(Table(declared, initial, budget))
        for segment in module.elements:
            if segment.functions is not None:
                self.elements.append([self.functions[index] for index in segment.functions])
            else:
                self.elements.append([evaluate(self, item) for item in segment.expressions])
        self.datas += [segment.data for segment in module.datas]

    def start(self) -> None:
        """Write the active segments, then run the start function.

        Raises `GuestTrap`, and what travels where the start function throws.
        """
        module = self.module
        for index, segment in enumerate(module.elements):
            if segment.mode == m.ACTIVE:
                assert segment.offset is not None  # noqa: S101  # the mode says so
                to = evaluate(self, segment.offset)
                items = self.elements[index]
                self.tables[segment.table].init(items, to, 0, len(items))
            if segment.mode != m.PASSIVE:
                self.elements[index] = []
        for index, data in enumerate(module.datas):
            if data.mode == m.ACTIVE:
                assert data.offset is not None  # noqa: S101  # the mode says so
                to = evaluate(self, data.offset)
                self.memories[data.memory].init(data.data, to, 0, len(data.data))
                self.datas[index] = b""
        if module.start is not None:
            self.store.executor.invoke(self.functions[module.start], ())

    def function_name(self, index: int) -> str | None:
        """Return the name of a function from the module's names, None if it has none."""
        if self._names is None:
            try:
                self._names = names_of(self.module).direct["func"]
            except MalformedError:
                self._names = {}
        return self._names.get(index)

    def frame(self, index: int, offset: int) -> WasmFrame:
        """Return a place in a function for a backtrace.

        `offset` is that of its translation: of a module made from text, within the body
        (`frontend.environment.FunctionBody`). -1 where it is not known.
        """
        name = self.function_name(index)
        source_map = self.module.source_map
        if source_map is None or offset < 0:
            return WasmFrame(self.name, index, name, offset)
        key = ("func", index - self.environment.imported_functions)
        offsets, positions = source_map.operators.get(key, ((), ()))
        place = bisect_right(offsets, offset) - 1
        if place < 0:
            return WasmFrame(self.name, index, name, -1)
        line, column = source_map.source.location(positions[place])
        return WasmFrame(self.name, index, name, -1, line, column)
