"""Code with which a stand-in that is WebAssembly calls back: the model is `callbacks.py`'s."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from plumbob.triage.standins.callbacks import arguments, can_be_called
from plumbob.triage.standins.log import Record
from plumbob.triage.standins.references import default, number
from plumbob.triage.standins.telling import words_of, write_log
from plumbob.triage.standins.values import spell
from plumbob.wasm import types as t
from plumbob.wasm.module import FUNC, GLOBAL, TABLE, Module, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plumbob.triage.standins.callbacks import Action, Callbacks, Turn
    from plumbob.wasm.edit.append import Editor, FunctionWriter
    from plumbob.wasm.types import FuncType


class Caller:
    """Writes calls into stand-ins of one module; `tables` must be appended to it."""

    def __init__(
        self,
        editor: Editor,
        callbacks: Callbacks,
        seed: int,
        records: list[Record],
        tables: Mapping[str, int],
    ) -> None:
        """Take where imported tables are now, by `module.name`; records are appended."""
        self._editor = editor
        self._module: Module = editor.original
        self._callbacks = callbacks
        self._seed = seed
        self._records = records
        self._imported_tables = tables
        self._exports = {(item.kind, item.name): item.index for item in self._module.exports}
        self.tables: list[Table] = []
        self._turn = 0
        """The turn that is being written."""

    def write(
        self, out: FunctionWriter, type_: FuncType, turn: Turn, log: int, source: tuple[str, str]
    ) -> None:
        """Append what a stand-in of a type does in a turn; `source` is its import."""
        self._turn = turn.number
        for place, param in enumerate(type_.params):
            if param.is_ref:
                label = f"argument {place}"
                self._reference(out, partial(out.get, place), param, label, log, source)
        for action in turn.actions:
            self._action(out, action, log, source)

    def _action(
        self, out: FunctionWriter, action: Action, log: int, source: tuple[str, str]
    ) -> None:
        if action.kind == "export":
            index = self._exports.get((FUNC, action.name))
            if index is not None:
                called = self._module.func_type(index)
                self._call(out, called, lambda: out.op("call", index), action.label, log, source)
        elif action.kind == "global":
            index = self._exports.get((GLOBAL, action.name))
            if index is not None:
                type_ = self._global_type(index)
                self._reference(
                    out, lambda: out.op("global.get", index), type_, action.label, log, source
                )
        else:
            known = self._imported_tables.get(action.name) if action.imported else None
            table = known if action.imported else self._exports.get((TABLE, action.name))
            if table is not None and action.type is not None:
                self._slot(out, action, table, log, source)

    def _slot(
        self, out: FunctionWriter, action: Action, table: int, log: int, source: tuple[str, str]
    ) -> None:
        assert action.type is not None  # noqa: S101  # of a slot
        index = self._editor.func_type(*action.type)
        wide = self._table_type(table).limits.is64

        def call() -> object:
            (out.i64 if wide else out.i32)(action.slot)
            return out.op("call_indirect", index, table)

        self._call(out, action.type, call, action.label, log, source)

    def _reference(
        self,
        out: FunctionWriter,
        push: Callable[[], object],
        type_: t.ValType,
        label: str,
        log: int,
        source: tuple[str, str],
    ) -> None:
        """Append: the function that a reference is, if it is one, is called."""
        heap = type_.heap
        types = self._module.types
        if heap.is_concrete:
            composite = types[heap.index].composite
            if not isinstance(composite, t.FuncType) or not can_be_called(composite):
                return
            push()
            out.ops("ref.is_null", "i32.eqz").block("if")

            def by_reference() -> object:
                push()
                return out.op("call_ref", heap.index)

            self._call(out, composite, by_reference, label, log, source)
            out.op("end")
            return
        signature = self._callbacks.signature
        if heap != t.FUNC or signature is None:
            return
        index = self._editor.func_type(*signature)
        push()
        if self._callbacks.tells_types:
            out.op("ref.test", t.concrete(index)).block("if")
        else:
            out.ops("ref.is_null", "i32.eqz").block("if")

        def by_table() -> object:
            out.i32(0)
            return out.op("call_indirect", index, self._table())

        out.i32(0)
        push()
        out.op("table.set", self._table())
        self._call(out, signature, by_table, label, log, source)
        out.op("end")

    def _call(
        self,
        out: FunctionWriter,
        type_: FuncType,
        call: Callable[[], object],
        label: str,
        log: int,
        source: tuple[str, str],
    ) -> None:
        """Append: arguments, the call, and what it returned goes to the log."""
        given = arguments(self._seed, source, self._turn, label, type_)
        for param, bits in zip(type_.params, given, strict=True):
            if param.is_ref:
                default(out, param)
            else:
                number(out, param, bits)
        call()
        held = [out.local(result) for result in type_.results]
        for local in reversed(held):
            out.set(local)
        words = [
            emit
            for local, result in zip(held, type_.results, strict=True)
            for emit in words_of(local, result, self._module.types)
        ]
        spelled = tuple(spell(result, self._module) for result in type_.results)
        self._records.append(Record(*source, spelled, returned=label))
        write_log(out, log, len(self._records) - 1, words)

    def _table(self) -> int:
        """Return a table of one element, of the stand-ins' own."""
        if not self.tables:
            self.tables.append(Table(t.TableType(t.FUNCREF, t.Limits(1, 1))))
        return len(self._module.imported(TABLE)) + len(self._module.tables)

    def _table_type(self, index: int) -> t.TableType:
        imported = [item.type for item in self._module.imported(TABLE)]
        type_ = [*imported, *(table.type for table in self._module.tables)][index]
        assert isinstance(type_, t.TableType)  # noqa: S101  # the index space says so
        return type_

    def _global_type(self, index: int) -> t.ValType:
        imported = [item.type for item in self._module.imported(GLOBAL)]
        type_ = [*imported, *(item.type for item in self._module.globals)][index]
        assert isinstance(type_, t.GlobalType)  # noqa: S101  # the index space says so
        return type_.type
