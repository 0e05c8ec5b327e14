"""What stands in for each import, and the module that results.

Assumed: the module is valid. The result is valid too, and no index shifts but those of a
few imports (`layout`), so that most bodies keep their bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import InputError
from plumbob.triage.standins import callbacks as cb
from plumbob.triage.standins import wasi
from plumbob.triage.standins.asking import Asked, Inquiry
from plumbob.triage.standins.calling import Caller
from plumbob.triage.standins.constants import inline_globals
from plumbob.triage.standins.functions import Spec, constant, write_stand_in
from plumbob.triage.standins.layout import Layout, arrange
from plumbob.triage.standins.log import LogReader, Record, log_import
from plumbob.triage.standins.model import StoodIn
from plumbob.triage.standins.references import References, number
from plumbob.triage.standins.values import spell
from plumbob.triage.standins.wasi import WasiInput
from plumbob.wasm import types as t
from plumbob.wasm.edit.append import Editor, FunctionWriter
from plumbob.wasm.edit.renumber import Renumbering
from plumbob.wasm.module import FUNC, GLOBAL, KIND_NAMES, TABLE, Code, Global, Import, Module, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines import request
    from plumbob.wasm.types import SubType

DEFAULT_INPUT = WasiInput()


def stand_in(
    module: Module,
    seed: int,
    given: WasiInput = DEFAULT_INPUT,
    *,
    world: int = cb.PLAIN,
    callbacks: cb.Callbacks = cb.NONE,
) -> StoodIn:
    """Return the module with deterministic imports; the module given stays as it is.

    `given` is what a WASI program is given; `callbacks` are made in worlds other than the
    plain one. Raises `InputError` for an import for which
    nothing can stand in (a global or table of a type that has no constant value) and for
    WASI over a 64-bit memory, `UsageError` for what cannot be given to a WASI program.
    """
    if not module.imports:
        return StoodIn(module, (), LogReader({}, None, ()), wasi=False)
    return _Planner(module, seed, given, world, callbacks).finish()


class _Planner:
    """The stand-ins of one module under construction."""

    def __init__(
        self, module: Module, seed: int, given: WasiInput, world: int, callbacks: cb.Callbacks
    ) -> None:
        self.original = module
        self.seed = seed
        self.given = given
        self.callbacks = {cb.PLAIN: cb.NONE, cb.CALLING: callbacks, cb.HOST: callbacks.crossing()}[
            world
        ]
        self.inquiry = Inquiry(module, seed, self.callbacks, in_host=world == cb.HOST)
        self.types: list[SubType] = self.inquiry.types
        self.asked = self.inquiry.ask()
        self.records: list[Record] = []
        self.aliases: dict[str, dict[int, int]] = {name: {} for name in KIND_NAMES}
        """Imports of what another import has imported already, by kind: index to index."""
        self._find_aliases()
        self.needs_log = any(one.host is None and one.item.kind == FUNC for one in self.asked)
        self.layouts = [self._arrange(kind) for kind in range(len(KIND_NAMES))]
        self.log_import = log_import((one.item.module, one.item.name) for one in self.asked)

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

    def _new_index(self, one: Asked) -> int:
        return self.layouts[one.item.kind].moved.get(one.place, one.place)

    def _maps(self) -> dict[str, dict[int, int]]:
        maps = {}
        for kind, space in enumerate(KIND_NAMES):
            moved = self.layouts[kind].moved
            maps[space] = dict(moved)
            for alias, known in self.aliases[space].items():
                maps[space][alias] = moved.get(known, known)
        return maps

    def finish(self) -> StoodIn:
        """Build the module."""
        module = Renumbering(self._maps()).module(self.original)
        module.imports, hosts = self._imports()
        definitions = sorted((one for one in self.asked if one.host is None), key=self._new_index)
        self._make_room(module, definitions)
        memory = wasi.guest_memory(module) if any(one.wasi for one in self.asked) else 0
        editor = Editor(module)
        references = References(editor, self.types, len(module.tags))
        caller = Caller(editor, self.callbacks, self.seed, self.records, self._imported_tables())
        bodies = self._bodies(editor, references, definitions, caller)
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
        module.tables += caller.tables
        code = list(module.code)
        for place, body in bodies.items():
            code[place] = Code(body)
        module.code = code
        module.globals[: len(globals_)] = globals_
        module.tables[: len(tables)] = tables
        first_global = self.layouts[GLOBAL].imports
        values = {
            first_global + place: item.init
            for place, item in enumerate(globals_)
            if not item.type.mutable
        }
        inline_globals(module, values)
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
                imports.append(Import(one.host.module, one.host.name, kind, one.type))
                hosts.append(one.host)
                self.sources.append(one.item)
            log = self.layouts[kind].log
            if log is not None:
                name = self.log_import
                imports.insert(log, Import(name.module, name.name, FUNC, 0))
                hosts.insert(log, name)
                self.sources.insert(log, None)
        return imports, hosts

    def _make_room(self, module: Module, definitions: Sequence[Asked]) -> None:
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
        self,
        editor: Editor,
        references: References,
        definitions: Sequence[Asked],
        caller: Caller,
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
            type_ = self.inquiry.func_type(one.type)
            spelled = tuple(spell(param, self.original) for param in type_.params)
            self.records.append(Record(one.item.module, one.item.name, spelled))
            spec = Spec(
                type_,
                self.inquiry.function_chance(one.item, type_),
                len(self.records) - 1,
                (one.item.module, one.item.name),
                self.callbacks.of(one.item, self.original),
            )
            out[place] = write_stand_in(editor, references, spec, layout.log, caller)
        return out

    def _imported_tables(self) -> dict[str, int]:
        """Return where the tables are now that were imported, by `module.name`."""
        return {
            f"{one.item.module}.{one.item.name}": self._new_index(one)
            for one in self.asked
            if one.item.kind == TABLE
        }

    def _wasi_bodies(
        self, editor: Editor, definitions: Sequence[Asked], memory: int
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

    def _initial_global(self, references: References, one: Asked) -> Global:
        type_ = one.type
        assert isinstance(type_, t.GlobalType)  # noqa: S101  # of kind GLOBAL
        out = FunctionWriter()
        if not type_.type.is_ref:
            number(out, type_.type, self.inquiry.global_bits(one.item, type_))
        elif not self._build(references, out, one, type_.type):
            raise _impossible(one.item, str(type_.type))
        return Global(type_, constant(out))

    def _initial_table(self, references: References, one: Asked) -> Table:
        type_ = one.type
        assert isinstance(type_, t.TableType)  # noqa: S101  # of kind TABLE
        if type_.element.nullable:
            return Table(type_)
        out = FunctionWriter()
        if not self._build(references, out, one, type_.element):
            raise _impossible(one.item, str(type_.element))
        return Table(type_, constant(out))

    def _build(
        self, references: References, out: FunctionWriter, one: Asked, type_: t.ValType
    ) -> bool:
        chance = self.inquiry.chance(one.item, spell(type_, self.original))
        return references.emit(out, type_, chance, const=True)


def _impossible(item: Import, type_: str) -> InputError:
    return InputError(
        f"nothing stands in for the import {item.module!r} {item.name!r}",
        expected="a type with a constant value",
        found=type_,
    )
