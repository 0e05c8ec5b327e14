"""What the parts of the module parser share: index spaces, the module so far, its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.binary.leb import write_u32
from plumbob.wasm.module import Module, RecGroup, SourceMap
from plumbob.wasm.names import Names
from plumbob.wasm.text.scopes import SPACES, Encodings, IndexSpace, TokenError
from plumbob.wasm.types import FuncType, SubType

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from plumbob.wasm.binary.branch_hints import FunctionHints
    from plumbob.wasm.text.cursor import Cursor


def _encoder(space: IndexSpace) -> Callable[[str], bytes]:
    def encode(word: str) -> bytes:
        out = bytearray()
        write_u32(out, space.index(word))
        return bytes(out)

    return encode


class Context:
    """The state of parsing one module."""

    __slots__ = (
        "allow_unreachable_type",
        "cursor",
        "encodings",
        "fields",
        "hints",
        "implicit",
        "module",
        "names",
        "source_map",
        "spaces",
        "types",
    )

    def __init__(self, cursor: Cursor, name: str, *, allow_unreachable_type: bool) -> None:
        self.cursor = cursor
        self.allow_unreachable_type = allow_unreachable_type
        self.module = Module(name)
        self.source_map = SourceMap(cursor.tokens.source)
        self.module.source_map = self.source_map
        self.names = Names()
        self.spaces = {kind: IndexSpace(kind) for kind in SPACES}
        self.encodings = {kind: Encodings(_encoder(space)) for kind, space in self.spaces.items()}
        self.fields: dict[int, IndexSpace] = {}
        """Identifiers of the fields of structure types, by type index."""
        self.types: list[SubType] = []
        """All types by index: the module's own, then those that type uses imply."""
        self.implicit: dict[FuncType, int] = {}
        """Function types that a type use without an index may mean: the first of each."""
        self.hints: list[FunctionHints] = []
        """Branch hints of the bodies read so far."""

    def report(self, error: TokenError, *, at: int | None = None) -> NoReturn:
        """Raise a token's error with its place, by default the next token's."""
        self.cursor.fail(error.subject, code=error.code, expected=error.expected, at=at)

    def index(self, kind: str) -> int:
        """Read an index or identifier of this space."""
        cursor = self.cursor
        try:
            index = self.spaces[kind].index(cursor.texts[cursor.i])
        except TokenError as error:
            self.report(error)
        cursor.i += 1
        return index

    def bind(self, kind: str, identifier: str | None, *, at: int) -> int:
        """Add an entity whose identifier stands at `at`, and return its index."""
        try:
            return self.spaces[kind].bind(identifier)
        except TokenError as error:
            self.report(error, at=at)

    def add_rec_group(self, group: RecGroup) -> None:
        """Add a group of types."""
        self.module.rec_groups.append(group)
        first = len(self.types)
        self.types += group.types
        if len(group.types) == 1:
            subtype = group.types[0]
            if subtype.final and not subtype.supertypes and isinstance(subtype.composite, FuncType):
                self.implicit.setdefault(subtype.composite, first)

    def type_index(self, function_type: FuncType) -> int:
        """Return the index of a function type, adding the type where there is none."""
        index = self.implicit.get(function_type)
        if index is None:
            index = len(self.types)
            self.add_rec_group(RecGroup((SubType(function_type),)))
        return index
