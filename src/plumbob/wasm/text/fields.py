"""The fields of a module in text, first pass: what there is, and what it is called.

Identifiers may be used before they are bound, so all are bound first, in the order of the
text: each field that adds to an index space gets its index here. Inline imports, exports
and segments are spread out. Function bodies are skipped over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm import features as f
from plumbob.wasm.text.annotations import take_customs, take_data_count
from plumbob.wasm.text.types import at_reference_type

if TYPE_CHECKING:
    from plumbob.wasm.text.annotations import PlacedCustom
    from plumbob.wasm.text.context import Context
    from plumbob.wasm.text.cursor import Cursor


class Field(NamedTuple):
    """A field whose content is still to be read.

    `start` is the token behind its identifier and inline exports, `end` its closing
    parenthesis, `opening` its opening one. `entity` is its index, imports counted;
    `segment` is that of an inline segment. `names` are its inline import's, `exports` its
    inline exports.
    """

    kind: str
    opening: int
    start: int
    end: int
    entity: int = -1
    names: tuple[str, str] | None = None
    exports: tuple[str, ...] = ()
    segment: int | None = None


class TypeGroup(NamedTuple):
    """Type definitions: where the content of each begins, and the index of the first."""

    first: int
    definitions: list[int]
    openings: list[int]
    explicit: bool


class Fields(NamedTuple):
    """A module's fields in the order of the text."""

    groups: list[TypeGroup]
    fields: list[Field]
    customs: list[PlacedCustom]
    data_count: bool
    """Whether the module asks for a data count section."""


IMPORTABLE = {"func", "table", "memory", "global", "tag"}
"""Fields that may be imported and exported."""


class Collector:
    """Reads the fields of one module."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.cursor: Cursor = context.cursor
        self.found = Fields([], [], [], data_count=False)
        self.defined: str | None = None
        """The first kind of entity that the module defines: imports must come before."""
        self.data_count = False

    def run(self, end: int) -> Fields:
        """Read the fields up to token `end`."""
        cursor = self.cursor
        while True:
            self.found.customs.extend(take_customs(cursor))
            self.data_count |= take_data_count(cursor)
            if cursor.i >= end:
                return self.found._replace(data_count=self.data_count)
            opening = cursor.i
            cursor.expect("(", "a field of a module, which begins with `(`")
            keyword = cursor.texts[cursor.i]
            cursor.i += 1
            close = cursor.close_of(opening)
            if keyword == "type":
                first, start = self._bind_type()
                self.found.groups.append(TypeGroup(first, [start], [opening], explicit=False))
            elif keyword == "rec":
                self._rec(close)
            elif keyword in IMPORTABLE:
                self._entity(keyword, opening, close)
            elif keyword == "import":
                self._import(opening, close)
            elif keyword in {"elem", "data"}:
                index = self._bind(keyword)
                self._add(Field(keyword, opening, cursor.i, close, index))
            elif keyword in {"export", "start"}:
                self._add(Field(keyword, opening, cursor.i, close))
            else:
                cursor.fail(
                    "unknown field",
                    code="E0179",
                    expected="`type`, `rec`, `import`, `func`, `table`, `memory`, `global`, "
                    "`tag`, `export`, `start`, `elem` or `data`",
                    at=opening + 1,
                )
            cursor.i = close + 1

    def _add(self, field: Field) -> None:
        self.found.fields.append(field)

    def _bind(self, kind: str) -> int:
        """Read identifier and name of an entity and return its index."""
        cursor = self.cursor
        at = cursor.i
        identifier = cursor.identifier()
        index = self.context.bind(kind, identifier, at=at)
        name = cursor.take_name(identifier, self.context.spaces[kind].noun)
        if name is not None:
            self.context.names.direct[kind][index] = name
        return index

    def _bind_type(self) -> tuple[int, int]:
        index = self._bind("type")
        return index, self.cursor.i

    def _rec(self, close: int) -> None:
        cursor = self.cursor
        cursor.require(f.GC, "a rec group", at=cursor.i - 1)
        group = TypeGroup(self.context.spaces["type"].count, [], [], explicit=True)
        while cursor.i < close:
            opening = cursor.i
            cursor.expect("(", "a type definition")
            cursor.expect("type", "`type`")
            group.definitions.append(self._bind_type()[1])
            group.openings.append(opening)
            cursor.i = cursor.close_of(opening) + 1
        self.found.groups.append(group)

    def _require_tags(self, at: int) -> None:
        if not self.cursor.features & (f.EXCEPTIONS | f.LEGACY_EXCEPTIONS):
            self.cursor.require(f.EXCEPTIONS, "a tag", at=at)

    def _entity(self, kind: str, opening: int, close: int) -> None:
        cursor = self.cursor
        if kind == "tag":
            self._require_tags(opening + 1)
        index = self._bind(kind)
        exports = []
        while cursor.accept("(", "export"):
            exports.append(cursor.name())
            cursor.expect(")")
        names = None
        if cursor.at("(", "import"):
            self._check_import_order(cursor.i + 1)
            cursor.i += 2
            names = (cursor.name(), cursor.name())
            cursor.expect(")")
        elif self.defined is None:
            self.defined = kind
        segment = None
        if names is None and (inline := self._inline_segment(kind)) is not None:
            segment = self.context.bind(inline, None, at=cursor.i)
        self._add(Field(kind, opening, cursor.i, close, index, names, tuple(exports), segment))

    def _inline_segment(self, kind: str) -> str | None:
        """Return the kind of the segment that a table or memory brings with it."""
        cursor = self.cursor
        start = cursor.i
        if cursor.texts[cursor.i] in {"i32", "i64"}:
            cursor.i += 1
        inline = None
        if kind == "table" and at_reference_type(cursor):
            inline = "elem"
        elif kind == "memory":
            if cursor.at("(", "pagesize"):
                cursor.i = cursor.close_of(cursor.i) + 1
            inline = "data" if cursor.at("(", "data") else None
        cursor.i = start
        return inline

    def _check_import_order(self, at: int) -> None:
        if self.defined is not None:
            self.cursor.fail(
                f"import after {'function' if self.defined == 'func' else self.defined}",
                code="E0182",
                expected="imports before all definitions",
                at=at,
            )

    def _import(self, opening: int, close: int) -> None:
        cursor = self.cursor
        self._check_import_order(opening + 1)
        names = (cursor.name(), cursor.name())
        at = cursor.i
        cursor.expect("(", "what is imported: `(func`, `(table`, `(memory`, `(global` or `(tag`")
        kind = cursor.texts[cursor.i]
        if kind not in IMPORTABLE:
            cursor.unexpected("`func`, `table`, `memory`, `global` or `tag`")
        if kind == "tag":
            self._require_tags(cursor.i)
        cursor.i += 1
        index = self._bind(kind)
        inner = cursor.close_of(at)
        if inner + 1 != close:
            cursor.unexpected("`)`", at=inner + 1)
        self._add(Field(kind, opening, cursor.i, inner, index, names))
