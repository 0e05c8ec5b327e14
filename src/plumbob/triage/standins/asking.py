"""What a module asks for, and which of it a host gives.

A host gives what every engine's border carries unharmed: integers, floats that are no
NaN, memories, tables of functions or host references. The rest is defined in the module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.request import (
    CallBack,
    FunctionImport,
    GlobalImport,
    MemoryImport,
    TableImport,
    Value,
)
from plumbob.triage.standins import callbacks as cb
from plumbob.triage.standins import spectest, wasi
from plumbob.triage.standins.values import ROUNDS, Chance, spell_function
from plumbob.wasm import types as t
from plumbob.wasm.module import KIND_NAMES

if TYPE_CHECKING:
    from plumbob.engines import request
    from plumbob.wasm.module import ExternType, Import, Module
    from plumbob.wasm.types import FuncType, SubType

INTEGERS = frozenset((t.I32, t.I64))
NUMBERS = frozenset((t.I32, t.I64, t.F32, t.F64))

MAX_HOST_RESULTS = 1
"""Engines before multi-value, and their packages, know functions of one result."""

OBJECT_PROPERTIES = frozenset(("__proto__", "constructor"))
"""Names that a JavaScript host cannot give to a plain object as it gives others."""


class Asked(NamedTuple):
    """An import, and what stands in for it: `host` None for a definition in the module."""

    item: Import
    place: int
    """Among the imports of its kind: its old index."""
    host: request.Import | None
    type: ExternType
    """What the import asks for now: a host may give more than it asked for."""
    wasi: str | None = None
    """The export of the WASI library that it becomes."""


class Inquiry:
    """Finds out what stands in for each import of a module."""

    def __init__(
        self,
        module: Module,
        seed: int,
        callbacks: cb.Callbacks = cb.NONE,
        *,
        in_host: bool = False,
    ) -> None:
        """Take who calls back, and whether that is the host's to do where it can."""
        self.module = module
        self.seed = seed
        self.callbacks = callbacks
        self.in_host = in_host
        self.types: list[SubType] = module.types

    def ask(self) -> list[Asked]:
        """Return the module's imports in order, with what stands in for each."""
        counts = [0] * len(KIND_NAMES)
        taken: set[tuple[str, str]] = set()
        out = []
        for item in self.module.imports:
            name = _fresh(taken, _harmless(item.module), item.name)
            export = self._wasi_export(item)
            host, type_ = (None, item.type) if export else self._host(item, name)
            out.append(Asked(item, counts[item.kind], host, type_, export))
            counts[item.kind] += 1
        return out

    def _wasi_export(self, item: Import) -> str | None:
        if not isinstance(item.type, int):
            return None
        return wasi.export_of(item.module, item.name, self.func_type(item.type))

    def chance(self, item: Import, type_: str) -> Chance:
        """Return the values of a stand-in: they depend on the seed, its names and its type."""
        return Chance(self.seed, item.module, item.name, type_)

    def function_chance(self, item: Import, type_: FuncType) -> Chance:
        """Return the values that a function returns: `part(call).bits(type, place)`."""
        return self.chance(item, spell_function(type_, self.module))

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
        made = self._callbacks(item)
        if made is None:
            return None
        chance = self.function_chance(item, type_)
        returns = tuple(
            tuple(
                Value(str(result), chance.part(turn).bits(result, place))
                for place, result in enumerate(type_.results)
            )
            for turn in range(ROUNDS)
        )
        params, results = tuple(map(str, type_.params)), tuple(map(str, type_.results))
        return FunctionImport(
            _harmless(item.module),
            name,
            params,
            results,
            returns if results else (),
            callbacks=made,
        )

    def _callbacks(self, item: Import) -> tuple[CallBack, ...] | None:
        """Return what a host's function calls back; None where a host had better not do it.

        The values are those that `calling.Caller` takes.
        """
        turns = self.callbacks.of(item, self.module)
        if not turns:
            return ()
        if not self.in_host:
            return None
        made = []
        for turn in turns:
            for action in turn.actions:
                called = action.type
                assert called is not None  # noqa: S101  # it crosses
                source = item.module, item.name
                bits = cb.arguments(self.seed, source, turn.number, action.label, called)
                args = tuple(map(Value, map(str, called.params), bits))
                results = tuple(map(str, called.results))
                made.append(CallBack(turn.number, action.name, args, results))
        return tuple(made)

    def global_bits(self, item: Import, type_: t.GlobalType) -> int:
        """Return the bits of a number's or vector's first value.

        Immutable integers are small: programs place segments by them.
        """
        known = spectest.global_bits(item.module, item.name, type_)
        if known is not None:
            return known
        chance = self.chance(item, str(type_.type))
        if type_.type in INTEGERS and not type_.mutable:
            return chance.small(0)
        return chance.bits(type_.type, 0)

    def _host_global(self, item: Import, name: str, type_: t.GlobalType) -> GlobalImport | None:
        if type_.type not in NUMBERS:
            return None
        value = Value(str(type_.type), self.global_bits(item, type_))
        return GlobalImport(_harmless(item.module), name, value, type_.mutable)


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
    return MemoryImport(
        _harmless(item.module), name, size.minimum, size.maximum, type_.shared, address
    ), type_


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
    return TableImport(
        _harmless(item.module), name, element, size.minimum, size.maximum, address
    ), type_


def _harmless(module: str) -> str:
    """Return a module's name that is no property of every JavaScript object."""
    return f"{module}:" if module in OBJECT_PROPERTIES else module.replace("\0", "\ufffd")


def _fresh(taken: set[tuple[str, str]], module: str, name: str) -> str:
    """Return a name that no earlier import of the module has, and C strings can hold."""
    wanted = name = name.replace("\0", "\ufffd")
    number = 1
    while (module, name) in taken:
        number += 1
        name = f"{wanted}:{number}"
    taken.add((module, name))
    return name
