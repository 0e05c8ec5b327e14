"""Modules: read, checked, ready to be instantiated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from plumbob.api.errors import InvalidModuleError
from plumbob.errors import InputError
from plumbob.frontend import ModuleEnvironment
from plumbob.wasm import features as wasm_features
from plumbob.wasm.decode import decode
from plumbob.wasm.diagnostics import MALFORMED, Report
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import FUNC, GLOBAL, KIND_NAMES, MEMORY, TABLE
from plumbob.wasm.text import parse_text
from plumbob.wasm.types import FuncType, GlobalType, MemoryType, TableType
from plumbob.wasm.validate import malformed, validate

if TYPE_CHECKING:
    from os import PathLike

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
    """A valid module. Its functions are translated when they are first called."""

    def __init__(
        self,
        source: bytes | bytearray | str | PathLike[str],
        *,
        name: str | None = None,
        features: int = wasm_features.DEFAULT,
    ) -> None:
        """Read a module: `source` is its bytes, or the path of a file.

        Binary and text format are told apart by content. Raises `InvalidModuleError`, and
        `InputError` for a file that cannot be read.
        """
        if isinstance(source, (bytes, bytearray)):
            data, called = bytes(source), name or "module"
        else:
            data, called = _read(Path(source)), name or str(source)
        try:
            module = (
                decode(data, called, features=features)
                if data.startswith(_MAGIC) or not data
                else parse_text(data, called, features=features)
            )
        except MalformedError as error:
            raise InvalidModuleError(Report(called, MALFORMED, [malformed(error)])) from error
        report = validate(module, name=called, features=features)
        if not report.ok:
            raise InvalidModuleError(report)
        self.environment = ModuleEnvironment(module)

    @classmethod
    def from_text(cls, text: str, *, features: int = wasm_features.DEFAULT) -> Module:
        """Return a module written in the text format. Raises `InvalidModuleError`."""
        return cls(text.encode() or b" ", features=features)

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


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}", found=error.strerror or str(error)) from error
