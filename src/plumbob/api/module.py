"""Modules: read, checked, ready to be instantiated."""

from __future__ import annotations

from functools import cached_property
from os import PathLike, fsdecode
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from plumbob.api.checks import buffer_bytes, require, require_integer, shown, wrong
from plumbob.api.errors import InvalidModuleError
from plumbob.errors import InputError, UsageError
from plumbob.frontend import ModuleEnvironment
from plumbob.source import read_all
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import FUNC, GLOBAL, KIND_NAMES, MEMORY, TABLE
from plumbob.wasm.text import parse_text
from plumbob.wasm.types import FuncType, GlobalType, MemoryType, TableType
from plumbob.wasm.valid.diagnostics import MALFORMED, Report
from plumbob.wasm.valid.validate import malformed, validate

if TYPE_CHECKING:
    from plumbob.wasm import module as m

_MAGIC = b"\0asm"

ExternType: TypeAlias = FuncType | TableType | MemoryType | GlobalType
"""Types as the module writes them; a tag's is that of its values, as parameters."""


class ImportType(NamedTuple):
    """An import: `kind` is func, table, memory, global or tag."""

    module: str
    name: str
    kind: str
    type: ExternType


class ExportType(NamedTuple):
    """An export; `kind` as in `ImportType`."""

    name: str
    kind: str
    type: ExternType


class Module:
    """A valid module. Its functions are translated when they are first called.

    It belongs to no store; any number of instances can be made of it, in any stores.
    """

    def __init__(
        self,
        source: bytes | bytearray | memoryview | str | PathLike[str],
        *,
        name: str | None = None,
        features: int = wasm_features.DEFAULT,
    ) -> None:
        """Read a module: `source` is its bytes, or the path of a file.

        Binary and text format are told apart by content: a binary begins with a zero byte and
        `asm`, and no bytes at all are a broken binary. `name` is what messages call the module, by
        default the path. `features` is a set of flags of `wasm.features`.

        Raises `InvalidModuleError` for a module that is malformed or not valid, `InputError`
        for a file that cannot be read and for a component, and UsageError for arguments of
        other types.
        """
        if isinstance(source, (bytes, bytearray, memoryview)):
            data, called = buffer_bytes(source, "the source of a module"), "module"
        elif isinstance(source, (str, PathLike)):
            called = fsdecode(source)
            data = _read(called)
        else:
            raise wrong("the source of a module", "its bytes or the path of a file", source)
        is_text = bool(data) and not data.startswith(_MAGIC)
        self.environment = _load(data, called if name is None else name, features, is_text=is_text)

    @classmethod
    def from_text(
        cls, text: str, *, name: str | None = None, features: int = wasm_features.DEFAULT
    ) -> Module:
        """Return a module written in the text format.

        Raises `InvalidModuleError` for a text that is malformed or no valid module, and
        UsageError for arguments of other types.
        """
        require(text, str, "the text of a module", "a string")
        module = cls.__new__(cls)
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            lone = f"a lone surrogate at {error.start}"
            raise UsageError(
                "the text of a module", expected="characters that UTF-8 has", found=lone
            ) from None
        called = "module" if name is None else name
        module.environment = _load(data, called, features, is_text=True)
        return module

    @cached_property
    def verified_environment(self) -> ModuleEnvironment:
        """The translator's view of the module, for stores whose translations are verified.

        Translations are kept by environment; those that were made without the verifier must
        not serve a store that asks for it.
        """
        return ModuleEnvironment(self.environment.module)

    @property
    def name(self) -> str:
        """What the module is called in messages."""
        return self.environment.module.name

    @property
    def imports(self) -> list[ImportType]:
        """What the module asks for, in its order."""
        return [
            ImportType(item.module, item.name, KIND_NAMES[item.kind], self._import_type(item))
            for item in self.environment.module.imports
        ]

    def _import_type(self, item: m.Import) -> ExternType:
        asked = item.type
        if isinstance(asked, int):
            return self.environment.function_type(asked)
        if isinstance(asked, (TableType, MemoryType, GlobalType)):
            return asked
        return self.environment.function_type(asked.type_index)

    @property
    def exports(self) -> list[ExportType]:
        """What the module's instances export, in its order."""
        return [
            ExportType(item.name, KIND_NAMES[item.kind], self._type(item.kind, item.index))
            for item in self.environment.module.exports
        ]

    def _type(self, kind: int, index: int) -> ExternType:
        environment = self.environment
        if kind == FUNC:
            return environment.function_type(environment.functions[index])
        if kind == TABLE:
            return environment.tables[index]
        if kind == MEMORY:
            return environment.memories[index]
        if kind == GLOBAL:
            return environment.globals[index]
        return environment.function_type(environment.tags[index])

    def __repr__(self) -> str:
        return f"Module({self.name!r})"


def _load(data: bytes, name: str, features: int, *, is_text: bool) -> ModuleEnvironment:
    """Return a module in the text format or the binary one, read and checked."""
    require(name, str, "the name of a module", "a string or None")
    flags = require_integer(features, 0, wasm_features.ALL, "the features of a module")
    read = parse_text if is_text else decode
    try:
        module = read(data, name, features=flags)
    except MalformedError as error:
        raise InvalidModuleError(Report(name, MALFORMED, [malformed(error)])) from error
    report = validate(module, name=name, features=flags)
    if not report.ok:
        raise InvalidModuleError(report)
    return ModuleEnvironment(module)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  # the path was made text before
            return read_all(stream)
    except (OSError, ValueError) as error:  # ValueError: a NUL, or what no file name can hold
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        hint = "Module.from_text reads a text itself" if "(" in path else None
        raise InputError(f"cannot read {shown(path)}", found=reason, hint=hint) from error
