"""The rules of a module's fields (Validation / Modules), in the order they depend on.

Collects diagnostics instead of stopping at the first; what rests on something broken is
not judged. The kernel's `Context` is filled on the way, since constant expressions may use
only what stands before them.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from plumbob.wasm import features as wasm_features
from plumbob.wasm import limits
from plumbob.wasm import module as wasm_module
from plumbob.wasm.binary.lazy import DataVector, ExportVector
from plumbob.wasm.module import ACTIVE, FUNC, GLOBAL, KIND_NAMES, MEMORY, TABLE, TAG, Module
from plumbob.wasm.type_space import TypeSpace
from plumbob.wasm.types import (
    CONCRETE,
    DEFAULT_PAGE_SIZE_LOG2,
    HEAP_MASK,
    INDEX_MASK,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    StructType,
    TableType,
    TagType,
    ValType,
)
from plumbob.wasm.valid.bodies import BodyChecker
from plumbob.wasm.valid.diagnostics import Diagnostic
from plumbob.wasm.valid.kernel._kernel import Checker, Context
from plumbob.wasm.valid.policy import TYPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasm.module import ElementSegment
    from plumbob.wasm.type_space import TypeFault

MAX_FAULTS = 100
"""How many faults of fields are explained; the others are counted."""

_UNKNOWN_CODES = {FUNC: "E0207", TABLE: "E0209", MEMORY: "E0210", GLOBAL: "E0206", TAG: "E0211"}


class ModuleChecker:
    """Checks one module; `run` once, then read `diagnostics`."""

    def __init__(self, module: Module, features: int, policy: int) -> None:
        self.module = module
        self.features = features
        self.diagnostics: list[Diagnostic] = []
        self.uncounted = 0
        """Faults of fields beyond MAX_FAULTS, which are counted and no more."""
        self.space = TypeSpace(module.rec_groups, allow_unreachable=policy == TYPED)
        self.context = Context(features, policy)
        self.checker = Checker(self.context)
        self.bodies = BodyChecker(self.context, self.checker, self.space, module)
        self.tables: list[TableType] = []
        self.memories: list[MemoryType] = []
        self.globals: list[GlobalType] = []
        self.tags: list[int] = []

    def run(self, threads: int = 1) -> None:
        """Check everything; with more than one thread, function bodies in parallel."""
        module = self.module
        # Whether bodies are malformed depends on the data count, whatever else is broken.
        self.context.set_segments([], len(module.datas), module.data_count is not None)
        if self._check_types() and self._fill_spaces():
            self._check_tables()
            self._check_globals()
            self._check_exports()
            self._check_start()
            self._check_elements()
            self._check_datas()
            self._note_uncounted()
            self.diagnostics.extend(self.bodies.check(threads))
        else:
            self._note_uncounted()
            # Without index spaces bodies cannot be judged, but they may be malformed.
            self.diagnostics.extend(self.bodies.find_malformed())

    def _note_uncounted(self) -> None:
        if self.uncounted:
            last = self.diagnostics.pop()
            more = f"{self.uncounted} more fields are at fault too"
            self.diagnostics.append(last._replace(notes=(*last.notes, more)))

    def fault(self, code: str, message: str, field: str, index: int, **details: str) -> None:
        """Record a fault of a field; `field` and `index` are keys of `SourceMap.fields`."""
        if self._is_full():
            return
        source_map = self.module.source_map
        self.diagnostics.append(
            Diagnostic(
                code,
                message,
                section=field,
                offset=self.module.offsets.get((field, index)),
                span=source_map.fields.get((field, index)) if source_map else None,
                **details,  # type: ignore[arg-type]  # expected, found, hint
            )
        )

    def _check_limit(self, count: int, most: int, what: str, field: str, index: int) -> None:
        if count > most:
            self.fault(
                "E0301", f"too many {what}", field, index,
                expected=f"at most {most}", found=str(count),
            )  # fmt: skip

    def _is_full(self) -> bool:
        """Count a fault that comes after MAX_FAULTS others."""
        full = len(self.diagnostics) >= MAX_FAULTS
        self.uncounted += full
        return full

    # Types and index spaces.

    def _check_types(self) -> bool:
        if self._record_types(self.space.faults):
            return False
        self.context.set_types(self.space.canonical, self.space.descriptions())
        self._check_limit(
            len(self.space.types), limits.MAX_TYPES, "types", "type", limits.MAX_TYPES
        )
        several = self.features & wasm_features.MULTI_VALUE
        for index, subtype in enumerate(self.space.types):
            match subtype.composite:
                case FuncType(params, results):
                    self._check_limit(len(params), limits.MAX_PARAMS, "parameters", "type", index)
                    self._check_limit(len(results), limits.MAX_RESULTS, "results", "type", index)
                    if len(results) > 1 and not several:
                        self.fault(
                            "E0260", f"type {index} has several results", "type", index,
                            expected="at most one without the feature multi-value",
                        )  # fmt: skip
                case StructType(fields):
                    self._check_limit(
                        len(fields), limits.MAX_STRUCT_FIELDS, "fields", "type", index
                    )
        return not self._record_types(self.space.subtype_faults(self.context.matches))

    def _record_types(self, faults: Sequence[TypeFault]) -> bool:
        for fault in faults:
            self.fault(fault.code, fault.message, "type", fault.type_index)
        return bool(faults)

    def _fill_spaces(self) -> bool:
        """Fill the kernel's index spaces. Returns whether all of them could be."""
        before = len(self.diagnostics)
        functions = array("I")
        for index, item in enumerate(self.module.imports):
            self._check_extern(item.kind, item.type, "import", index)
            if isinstance(item.type, GlobalType):
                self._check_shared_global(item.type, "import", index)
            match item.kind:
                case wasm_module.FUNC:
                    functions.append(item.type)  # type: ignore[arg-type]  # the kind says so
                case wasm_module.TABLE:
                    self.tables.append(item.type)  # type: ignore[arg-type]
                case wasm_module.MEMORY:
                    self.memories.append(item.type)  # type: ignore[arg-type]
                case wasm_module.GLOBAL:
                    self.globals.append(item.type)  # type: ignore[arg-type]
                case wasm_module.TAG:
                    self.tags.append(item.type.type_index)  # type: ignore[union-attr]
        self.bodies.imported = len(functions)
        self.imported_globals = len(self.globals)
        self.imported_tables = len(self.tables)
        functions.extend(self.module.functions)
        self._add_defined()
        self._check_counts()
        if len(self.diagnostics) > before:
            return False
        wrong = self.context.set_functions(functions)
        if wrong >= 0:
            self._wrong_function_type(wrong, functions[wrong])
            return False
        self._set_spaces()
        return True

    def _add_defined(self) -> None:
        for index, table in enumerate(self.module.tables):
            self._check_extern(TABLE, table.type, "table", index)
            self.tables.append(table.type)
        for index, memory in enumerate(self.module.memories):
            self._check_extern(MEMORY, memory, "memory", index)
            self.memories.append(memory)
        for index, item in enumerate(self.module.globals):
            self._check_value_type(item.type.type, "global", index)
        self.globals.extend(item.type for item in self.module.globals)
        for index, tag in enumerate(self.module.tags):
            self._check_extern(TAG, tag, "tag", index)
            self.tags.append(tag.type_index)
        for index, segment in enumerate(self.module.elements):
            self._check_value_type(segment.type, "elem", index)

    def _set_spaces(self) -> None:
        context = self.context
        context.set_tables(
            [(self.canonical(item.element), item.limits.address_type) for item in self.tables]
        )
        context.set_memories([item.limits.address_type for item in self.memories])
        context.set_globals([(self.canonical(item.type), item.mutable) for item in self.globals])
        context.set_tags([self.space.canonical[index] for index in self.tags])
        context.set_segments(
            [self.canonical(segment.type) for segment in self.module.elements],
            len(self.module.datas),
            self.module.data_count is not None,
        )

    def canonical(self, value: ValType) -> int:
        """Return a type with the canonical id in place of its index."""
        if not value & CONCRETE:
            return value
        return value & ~HEAP_MASK | CONCRETE | self.space.canonical[value & INDEX_MASK]

    def _wrong_function_type(self, function: int, type_index: int) -> None:
        known = type_index < len(self.space.types)
        imports = [place for place, item in enumerate(self.module.imports) if item.kind == FUNC]
        field, index = (
            ("import", imports[function])
            if function < len(imports)
            else ("func", function - len(imports))
        )
        self.fault(
            "E0222" if known else "E0208",
            f"function {function} has type {type_index}",
            field,
            index,
            expected="a function type",
            found="a type of another kind" if known else "no type of this index",
        )

    def _check_counts(self) -> None:
        module = self.module
        for field, count, most in (
            ("import", len(module.imports), limits.MAX_IMPORTS),
            ("func", self.bodies.imported + len(module.functions), limits.MAX_FUNCTIONS),
            ("table", len(self.tables), limits.MAX_TABLES),
            ("memory", len(self.memories), limits.MAX_MEMORIES),
            ("global", len(self.globals), limits.MAX_GLOBALS),
            ("tag", len(self.tags), limits.MAX_TAGS),
            ("export", len(module.exports), limits.MAX_EXPORTS),
            ("elem", len(module.elements), limits.MAX_ELEMENT_SEGMENTS),
            ("data", len(module.datas), limits.MAX_DATA_SEGMENTS),
        ):
            self._check_limit(count, most, f"of kind {field}", field, most)
        several = (
            ("memory", len(self.memories), wasm_features.MULTI_MEMORY, "multi-memory"),
            ("table", len(self.tables), wasm_features.REFERENCE_TYPES, "reference-types"),
        )
        for field, count, feature, name in several:
            if count > 1 and not self.features & feature:
                self.fault(
                    "E0255", f"the module has {count} of kind {field}", field, 0,
                    expected=f"one, or the feature {name}",
                )  # fmt: skip

    # External types.

    def _check_extern(self, kind: int, type_: object, field: str, index: int) -> None:
        match type_:
            case int():
                self._check_function_type(type_, field, index)
            case TableType(element, range_):
                self._check_value_type(element, field, index)
                self._check_limits(range_, 64 if range_.is64 else 32, "elements", field, index)
            case MemoryType():
                self._check_memory(type_, field, index)
            case GlobalType(value):
                self._check_value_type(value, field, index)
            case TagType(type_index):
                if self._check_function_type(type_index, field, index):
                    composite = self.space.types[type_index].composite
                    if isinstance(composite, FuncType) and composite.results:
                        self.fault(
                            "E0256", f"the type of {KIND_NAMES[kind]} has results", field, index,
                            expected="none", found=str(composite),
                        )  # fmt: skip

    def _check_function_type(self, type_index: int, field: str, index: int) -> bool:
        if type_index >= len(self.space.types):
            self.fault("E0208", f"unknown type {type_index}", field, index)
            return False
        if not isinstance(self.space.types[type_index].composite, FuncType):
            self.fault(
                "E0222", f"type {type_index} is used as a function type", field, index,
                expected="a function type", found=str(self.space.types[type_index].composite),
            )  # fmt: skip
            return False
        return True

    def _check_value_type(self, value: ValType, field: str, index: int) -> None:
        if value & CONCRETE and value.heap.index >= len(self.space.types):
            self.fault("E0208", f"unknown type {value.heap.index}", field, index)

    def _check_memory(self, memory: MemoryType, field: str, index: int) -> None:
        page = memory.page_size_log2
        if page not in (0, DEFAULT_PAGE_SIZE_LOG2):
            self.fault(
                "E0259", "invalid page size", field, index,
                expected="1 or 65536 bytes", found=f"2**{page} bytes",
            )  # fmt: skip
            return
        # A 64-bit memory of one-byte pages may be as large as u64 says.
        bits = (64 if memory.limits.is64 else 32) - page
        self._check_limits(memory.limits, bits, "pages", field, index)
        if memory.shared and memory.limits.maximum is None:
            self.fault("E0258", "a shared memory needs a maximum", field, index)

    def _check_shared_global(self, type_: GlobalType, field: str, index: int) -> None:
        if type_.mutable and not self.features & wasm_features.MUTABLE_GLOBAL:
            self.fault(
                "E0260", f"the {field} of a mutable global", field, index,
                expected="an immutable one, or the feature mutable-global",
            )  # fmt: skip

    def _check_limits(self, range_: Limits, bits: int, unit: str, field: str, index: int) -> None:
        most = (1 << bits) - (unit == "elements" or bits in (32, 64))
        for what, size in (("minimum", range_.minimum), ("maximum", range_.maximum)):
            if size is not None and size > most:
                self.fault(
                    "E0252", f"the {what} size is out of range", field, index,
                    expected=f"at most {most} {unit}", found=str(size),
                )  # fmt: skip
        if range_.maximum is not None and range_.minimum > range_.maximum:
            self.fault(
                "E0252", "the minimum size is greater than the maximum", field, index,
                expected=f"at most {range_.maximum} {unit}", found=str(range_.minimum),
            )  # fmt: skip

    # Fields with constant expressions, exports, start.

    def _const(
        self, expression: bytes, expected: int, field: str, index: int, item: int | None = None
    ) -> None:
        if not self.checker.check_const(expression, expected) and not self._is_full():
            key = (field, index) if item is None else (field, index, item)
            self.diagnostics.extend(self.bodies.explain_const(expression, expected, key))

    def _check_tables(self) -> None:
        # Initialisers of tables see imported globals alone.
        self.context.set_const_globals(self.imported_globals)
        for index, table in enumerate(self.module.tables):
            if table.init is not None:
                self._const(table.init, self.canonical(table.type.element), "table", index)
            elif not table.type.element.defaultable:
                self.fault(
                    "E0257", f"the elements of the table have no default: {table.type.element}",
                    "table", index,
                )  # fmt: skip

    def _check_globals(self) -> None:
        visible = self.imported_globals
        for index, item in enumerate(self.module.globals):
            self.context.set_const_globals(visible)
            self._const(item.init, self.canonical(item.type.type), "global", index)
            visible += bool(self.features & wasm_features.GC)
        self.context.set_const_globals(visible)

    def _check_exports(self) -> None:
        exports = self.module.exports
        if isinstance(exports, ExportVector) and exports.pristine:
            names, kinds, indices = exports.names, exports.kinds, exports.indices
        else:
            names = [item.name for item in exports]
            kinds = bytes(item.kind for item in exports)
            indices = array("I", (item.index for item in exports))
        wrong = self.context.declare_exports(kinds, indices)
        if wrong >= 0:
            what = KIND_NAMES[kinds[wrong]]
            self.fault(
                _UNKNOWN_CODES[kinds[wrong]],
                f"export {names[wrong]!r} names the unknown {what} {indices[wrong]}",
                "export", wrong,
            )  # fmt: skip
        if not self.features & wasm_features.MUTABLE_GLOBAL:
            for place, kind in enumerate(kinds):
                if kind == GLOBAL and indices[place] < len(self.globals):
                    self._check_shared_global(self.globals[indices[place]], "export", place)
        if len(set(names)) < len(names):
            seen: set[str] = set()
            for index, name in enumerate(names):
                if name in seen:
                    self.fault("E0253", f"duplicate export name {name!r}", "export", index)
                seen.add(name)

    def _check_start(self) -> None:
        start = self.module.start
        if start is None:
            return
        if start >= self.bodies.imported + len(self.module.functions):
            self.fault("E0207", f"the start function {start} is unknown", "start", 0)
        elif (type_ := self.module.func_type(start)) != FuncType((), ()):
            self.fault(
                "E0254", f"the start function {start} has a wrong type", "start", 0,
                expected=str(FuncType((), ())), found=str(type_),
            )  # fmt: skip

    def _check_elements(self) -> None:
        for index, segment in enumerate(self.module.elements):
            wanted = self.canonical(segment.type)
            if segment.mode == ACTIVE:
                self._check_active_elements(segment, wanted, index)
            if segment.functions is not None:
                functions = _as_array(segment.functions)
                wrong = self.context.declare(functions, wanted)
                if wrong >= 0:
                    self.fault(
                        "E0207", f"element {wrong} names the unknown function {functions[wrong]}",
                        "elem", index,
                    )  # fmt: skip
            for item, expression in enumerate(segment.expressions):
                self._const(expression, wanted, "elem", index, item)

    def _check_active_elements(self, segment: ElementSegment, wanted: int, index: int) -> None:
        if segment.table >= len(self.tables):
            self.fault("E0209", f"unknown table {segment.table}", "elem", index)
            return
        table = self.tables[segment.table]
        if not self.context.matches(wanted, self.canonical(table.element)):
            self.fault(
                "E0227", "the elements do not match the table", "elem", index,
                expected=str(table.element), found=str(segment.type),
            )  # fmt: skip
        if segment.offset is not None:
            self._const(segment.offset, table.limits.address_type, "elem", index)

    def _check_datas(self) -> None:
        datas = self.module.datas
        indices = datas.representatives() if isinstance(datas, DataVector) else range(len(datas))
        for index in indices:
            segment = datas[index]
            if segment.mode != ACTIVE:
                continue
            if segment.memory >= len(self.memories):
                self.fault("E0210", f"unknown memory {segment.memory}", "data", index)
            elif segment.offset is not None:
                address = self.memories[segment.memory].limits.address_type
                self._const(segment.offset, address, "data", index)


def _as_array(functions: Sequence[int]) -> array[int]:
    return functions if isinstance(functions, array) else array("I", functions)
