"""What stands in for each import, and the module that results.

Assumed: the module is valid. The result is valid too, and no index shifts but those of a
few imports (`layout`), so that most bodies keep their bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.request import (
    FunctionImport,
    GlobalImport,
    MemoryImport,
    TableImport,
    Value,
)
from plumbob.errors import InputError
from plumbob.triage.standins import spectest, wasi
from plumbob.triage.standins.functions import constant, write_stand_in
from plumbob.triage.standins.layout import Layout, arrange
from plumbob.triage.standins.log import LogReader, Record, log_import
from plumbob.triage.standins.model import StoodIn
from plumbob.triage.standins.references import References, number
from plumbob.triage.standins.values import ROUNDS, Chance, spell, spell_function
from plumbob.triage.standins.wasi import WasiInput
from plumbob.wasm import types as t
from plumbob.wasm.edit import Editor, FunctionWriter
from plumbob.wasm.module import (
    FUNC,
    GLOBAL,
    KIND_NAMES,
    TABLE,
    Code,
    Global,
    Import,
    Module,
    Table,
)
from plumbob.wasm.renumber import Renumbering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines import request
    from plumbob.wasm.module import ExternType
    from plumbob.wasm.types import FuncType, SubType

INTEGERS = frozenset((t.I32, t.I64))
NUMBERS = frozenset((t.I32, t.I64, t.F32, t.F64))

DEFAULT_INPUT = WasiInput()

MAX_HOST_RESULTS = 1
"""Engines before multi-value, and their packages, know functions of one result."""


class _Asked(NamedTuple):
    """An import, and what stands in for it: `host` None for a definition in the module."""

    item: Import
    place: int
    """Among the imports of its kind: its old index."""
    host: request.Import | None
    type: ExternType
    """What the import asks for now: a host may give more than it asked for."""
    wasi: str | None = None
    """The export of the WASI library that it becomes."""


def stand_in(module: Module, seed: int, given: WasiInput = DEFAULT_INPUT) -> StoodIn:
    """Return the module with deterministic imports; the module given stays as it is.

    `given` is what a WASI program is given. Raises `InputError` for an import for which
    nothing can stand in (a global or table of a type that has no constant value) and for
    WASI over a 64-bit memory, `UsageError` for what cannot be given to a WASI program.
    """
    return _Planner(module, seed, given).finish()


class _Planner:
    """The stand-ins of one module under construction."""

    def __init__(self, module: Module, seed: int, given: WasiInput) -> None:
        self.original = module
        self.seed = seed
        self.given = given
        self.types: list[SubType] = module.types
        self.asked = self._ask()
        self.records: list[Record] = []
        self.aliases: dict[str, dict[int, int]] = {name: {} for name in KIND_NAMES}
        """Imports of what another import has imported already, by kind: index to index."""
        self._find_aliases()
        self.needs_log = any(one.host is None and one.item.kind == FUNC for one in self.asked)
        self.layouts = [self._arrange(kind) for kind in range(len(KIND_NAMES))]
        self.log_import = log_import((one.item.module, one.item.name) for one in self.asked)

    # What is asked for.

    def _ask(self) -> list[_Asked]:
        counts = [0] * len(KIND_NAMES)
        taken: set[tuple[str, str]] = set()
        out = []
        for item in self.original.imports:
            name = _fresh(taken, item.module, item.name)
            export = self._wasi_export(item)
            host, type_ = (None, item.type) if export else self._host(item, name)
            out.append(_Asked(item, counts[item.kind], host, type_, export))
            counts[item.kind] += 1
        return out

    def _wasi_export(self, item: Import) -> str | None:
        if not isinstance(item.type, int):
            return None
        return wasi.export_of(item.module, item.name, self.func_type(item.type))

    def _chance(self, item: Import, type_: str) -> Chance:
        return Chance(self.seed, item.module, item.name, type_)

    def _host(self, item: Import, name: str) -> tuple[request.Import | None, ExternType]:
        """Return what a host gives for an import, None where it had better be defined."""
        type_ = item.type
        match type_:
            case t.GlobalType():
                return self._host_global(item, name, type_), type_
            case t.MemoryType():
                return _host_memory(item, name, type_)
            case t.TableType():
                return _host_table(item, name, type_)
            case t.TagType():
                # A tag that nobody else has might as well be the module's own, and not all
                # engines' packages can make one.
                return None, type_
            case int():
                return self._host_function(item, name, type_), type_

    def func_type(self, type_index: int) -> FuncType:
        """Return a function type by its index, which validation has seen to be one."""
        composite = self.types[type_index].composite
        if not isinstance(composite, t.FuncType):
            raise TypeError(f"type {type_index} is not a function type")
        return composite

    def _host_function(self, item: Import, name: str, type_index: int) -> FunctionImport | None:
        """Return a host's function where its values survive every engine's border.

        Floats do as results, since these are no NaNs; as parameters they may be.
        """
        type_ = self.func_type(type_index)
        if not (
            INTEGERS.issuperset(type_.params)
            and NUMBERS.issuperset(type_.results)
            and len(type_.results) <= MAX_HOST_RESULTS
        ):
            return None
        chance = self._chance(item, spell_function(type_, self.original))
        returns = tuple(
            tuple(
                Value(str(result), chance.part(turn).bits(result, place))
                for place, result in enumerate(type_.results)
            )
            for turn in range(ROUNDS)
        )
        params, results = tuple(map(str, type_.params)), tuple(map(str, type_.results))
        return FunctionImport(item.module, name, params, results, returns if results else ())

    def global_bits(self, item: Import, type_: t.GlobalType) -> int:
        """Return the bits of a number's or vector's first value.

        Immutable integers are small: programs place segments by them.
        """
        known = spectest.global_bits(item.module, item.name, type_)
        if known is not None:
            return known
        chance = self._chance(item, str(type_.type))
        if type_.type in INTEGERS and not type_.mutable:
            return chance.small(type_.type, 0)
        return chance.bits(type_.type, 0)

    def _host_global(self, item: Import, name: str, type_: t.GlobalType) -> GlobalImport | None:
        if type_.type not in NUMBERS:
            return None
        value = Value(str(type_.type), self.global_bits(item, type_))
        return GlobalImport(item.module, name, value, type_.mutable)

    # Where it stands.

    def _find_aliases(self) -> None:
        """Find imports that ask twice for the same: they are one, as a host has one."""
        first: dict[tuple[str, str, int, object], int] = {}
        for one in self.asked:
            key = (one.item.module, one.item.name, one.item.kind, self._identity(one.item))
            known = first.setdefault(key, one.place)
            if known != one.place:
                self.aliases[KIND_NAMES[one.item.kind]][one.place] = known

    def _identity(self, item: Import) -> object:
        if isinstance(item.type, int):
            return self.types[item.type]
        if isinstance(item.type, t.TagType):
            return self.types[item.type.type_index]
        return item.type

    def _arrange(self, kind: int) -> Layout:
        kept = [one.host is not None for one in self.asked if one.item.kind == kind]
        defined = (
            self.original.functions,
            self.original.tables,
            self.original.memories,
            self.original.globals,
            self.original.tags,
        )[kind]
        log = kind == FUNC and self.needs_log
        return arrange(kept, len(kept) + len(defined), log=log)

    def _new_index(self, one: _Asked) -> int:
        return self.layouts[one.item.kind].moved.get(one.place, one.place)

    def _maps(self) -> dict[str, dict[int, int]]:
        maps = {}
        for kind, space in enumerate(KIND_NAMES):
            moved = self.layouts[kind].moved
            maps[space] = dict(moved)
            for alias, known in self.aliases[space].items():
                maps[space][alias] = moved.get(known, known)
        return maps

    # The module.

    def finish(self) -> StoodIn:
        """Build the module."""
        module = Renumbering(self._maps()).module(self.original)
        module.imports, hosts = self._imports()
        definitions = sorted((one for one in self.asked if one.host is None), key=self._new_index)
        self._make_room(module, definitions)
        memory = wasi.guest_memory(module) if any(one.wasi for one in self.asked) else 0
        editor = Editor(module)
        references = References(editor, self.types, len(module.tags))
        bodies = self._bodies(editor, references, definitions)
        bodies |= self._wasi_bodies(editor, definitions, memory)
        globals_ = [
            self._initial_global(references, one) for one in definitions if one.item.kind == GLOBAL
        ]
        tables = [
            self._initial_table(references, one) for one in definitions if one.item.kind == TABLE
        ]
        log_type = (
            editor.func_type((t.I64,) * len(self.log_import.params), ()) if self.needs_log else 0
        )
        module = editor.finish()
        module.tags += references.tags
        code = list(module.code)
        for place, body in bodies.items():
            code[place] = Code(body)
        module.code = code
        module.globals[: len(globals_)] = globals_
        module.tables[: len(tables)] = tables
        log = self.layouts[FUNC].log
        if log is not None:
            module.imports[log] = module.imports[log]._replace(type=log_type)
        functions = {
            one_place: (source.module, source.name)
            for one_place, source in enumerate(self.sources)
            if source is not None and source.kind == FUNC
        }
        return StoodIn(
            module,
            tuple(hosts),
            LogReader(functions, log, self.records),
            any(one.wasi for one in self.asked),
        )

    def _imports(self) -> tuple[list[Import], list[request.Import]]:
        """Return the imports that stay, in an order that gives them their new indices."""
        imports: list[Import] = []
        hosts: list[request.Import] = []
        self.sources: list[Import | None] = []
        for kind in range(len(KIND_NAMES)):
            stay = [one for one in self.asked if one.host is not None and one.item.kind == kind]
            for one in sorted(stay, key=self._new_index):
                assert one.host is not None  # noqa: S101  # said above
                imports.append(Import(one.item.module, one.host.name, kind, one.type))
                hosts.append(one.host)
                self.sources.append(one.item)
            log = self.layouts[kind].log
            if log is not None:
                name = self.log_import
                imports.insert(log, Import(name.module, name.name, FUNC, 0))
                hosts.insert(log, name)
                self.sources.insert(log, None)
        return imports, hosts

    def _make_room(self, module: Module, definitions: Sequence[_Asked]) -> None:
        """Put what is defined now in front of the module's own, yet without its contents."""
        functions: list[int] = []
        last: list[int] = []
        count = len(self.original.imported(FUNC))
        tags: list[t.TagType] = []
        memories: list[t.MemoryType] = []
        globals_: list[Global] = []
        tables: list[Table] = []
        for one in definitions:
            match one.type:
                case int(type_index):
                    (functions if self._new_index(one) < count else last).append(type_index)
                case t.TagType():
                    tags.append(one.type)
                case t.MemoryType():
                    memories.append(one.type)
                case t.GlobalType():
                    globals_.append(Global(one.type, b""))
                case t.TableType():
                    tables.append(Table(one.type))
        if functions or last:
            empty = Code(b"")
            module.functions = [*functions, *module.functions, *last]
            module.code = [*(empty for _ in functions), *module.code, *(empty for _ in last)]
        module.tags = [*tags, *module.tags]
        module.memories = [*memories, *module.memories]
        module.globals = [*globals_, *module.globals]
        module.tables = [*tables, *module.tables]

    def _bodies(
        self, editor: Editor, references: References, definitions: Sequence[_Asked]
    ) -> dict[int, bytes]:
        """Return the bodies of functions that are defined now, by their place in the code."""
        layout = self.layouts[FUNC]
        out = {}
        for one in definitions:
            if not isinstance(one.type, int) or one.wasi:
                continue
            place = self._new_index(one) - layout.imports
            if one.place in self.aliases["func"]:
                out[place] = FunctionWriter().op("unreachable").body()  # nobody calls it
                continue
            assert layout.log is not None  # noqa: S101  # there are definitions
            type_ = self.func_type(one.type)
            spelled = tuple(spell(param, self.original) for param in type_.params)
            self.records.append(Record(one.item.module, one.item.name, spelled))
            chance = self._chance(one.item, spell_function(type_, self.original))
            record = len(self.records) - 1
            out[place] = write_stand_in(editor, references, type_, chance, layout.log, record)
        return out

    def _wasi_bodies(
        self, editor: Editor, definitions: Sequence[_Asked], memory: int
    ) -> dict[int, bytes]:
        """Return the bodies of WASI's functions, by their place in the code."""
        layout = self.layouts[FUNC]
        mine = [one for one in definitions if one.wasi]
        if not mine:
            return {}
        assert layout.log is not None  # noqa: S101  # there are definitions
        first = len(self.records)
        self.records += wasi.records(mine[0].item.module)
        bodies = wasi.add_wasi(
            editor,
            dict.fromkeys(one.wasi for one in mine if one.wasi),
            self.given,
            memory=memory,
            log=layout.log,
            first_record=first,
            seed=self.seed,
        )
        return {self._new_index(one) - layout.imports: bodies[one.wasi] for one in mine if one.wasi}

    def _initial_global(self, references: References, one: _Asked) -> Global:
        type_ = one.type
        assert isinstance(type_, t.GlobalType)  # noqa: S101  # of kind GLOBAL
        out = FunctionWriter()
        if not type_.type.is_ref:
            number(out, type_.type, self.global_bits(one.item, type_))
        elif not self._build(references, out, one, type_.type):
            raise _impossible(one.item, str(type_.type))
        return Global(type_, constant(out))

    def _initial_table(self, references: References, one: _Asked) -> Table:
        type_ = one.type
        assert isinstance(type_, t.TableType)  # noqa: S101  # of kind TABLE
        if type_.element.nullable:
            return Table(type_)
        out = FunctionWriter()
        if not self._build(references, out, one, type_.element):
            raise _impossible(one.item, str(type_.element))
        return Table(type_, constant(out))

    def _build(
        self, references: References, out: FunctionWriter, one: _Asked, type_: t.ValType
    ) -> bool:
        chance = self._chance(one.item, spell(type_, self.original))
        return references.emit(out, type_, chance, const=True)


def _host_memory(
    item: Import, name: str, type_: t.MemoryType
) -> tuple[MemoryImport | None, t.MemoryType]:
    limits = spectest.memory_limits(item.module, item.name, type_)
    if limits is not None:
        # Some engines build what the module asks for, others what the request says.
        type_ = type_._replace(limits=limits)
    if type_.page_size_log2 != t.DEFAULT_PAGE_SIZE_LOG2:
        return None, type_
    size = type_.limits
    address = str(size.address_type)
    return MemoryImport(item.module, name, size.minimum, size.maximum, type_.shared, address), type_


def _host_table(
    item: Import, name: str, type_: t.TableType
) -> tuple[TableImport | None, t.TableType]:
    limits = spectest.table_limits(item.module, item.name, type_)
    if limits is not None:
        type_ = type_._replace(limits=limits)
    if type_.element not in (t.FUNCREF, t.EXTERNREF):
        return None, type_
    size = type_.limits
    element, address = str(type_.element), str(size.address_type)
    return TableImport(item.module, name, element, size.minimum, size.maximum, address), type_


def _fresh(taken: set[tuple[str, str]], module: str, name: str) -> str:
    """Return a name that no earlier import of the module has, and C strings can hold."""
    wanted = name = name.replace("\0", "\ufffd")
    number = 1
    while (module, name) in taken:
        number += 1
        name = f"{wanted}:{number}"
    taken.add((module, name))
    return name


def _impossible(item: Import, type_: str) -> InputError:
    return InputError(
        f"nothing stands in for the import {item.module!r} {item.name!r}",
        expected="a type with a constant value",
        found=type_,
    )
