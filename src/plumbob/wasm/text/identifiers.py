"""Names as identifiers, for printing: what binds an entity, and what refers to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plumbob.wasm.errors import MalformedError
from plumbob.wasm.names import DIRECT, Names, names_of
from plumbob.wasm.text.lexer import IDCHARS

if TYPE_CHECKING:
    from plumbob.wasm.module import Module

_PLAIN = re.compile(rf"[{IDCHARS}]+")
_HEX = {byte: f"\\{byte:02x}" for byte in (*range(0x20), *range(0x7F, 0x100))}
_BYTES = {**_HEX, 0x22: '\\"', 0x5C: "\\\\"}
_SHORT = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}


def quote_bytes(data: bytes | memoryview) -> str:
    """Return a string literal for any bytes: ASCII as it is, all else in hexadecimal."""
    return f'"{bytes(data).decode("latin-1").translate(_BYTES)}"'


def quote_name(name: str) -> str:
    """Return a string literal for a name: what can be seen as it is, all else by number."""
    if name.isascii() and name.isprintable() and '"' not in name and "\\" not in name:
        return f'"{name}"'
    return f'"{"".join(map(_quote_character, name))}"'


def _quote_character(character: str) -> str:
    code = ord(character)
    if code in _SHORT:
        return _SHORT[code]
    return character if character.isprintable() else f"\\u{{{code:x}}}"


def identifier(name: str) -> str:
    """Return the identifier that denotes a name, which is not empty."""
    return f"${name}" if _PLAIN.fullmatch(name) else f"${quote_name(name)}"


class Scope:
    """The names of one index space, or of one function's locals or labels.

    Labels may hide one another, so that several can have one identifier.
    """

    __slots__ = ("_binders", "references")

    def __init__(self, names: dict[int, str], *, hiding: bool = False) -> None:
        self.references: dict[int, str] = {}
        """Identifiers by index; an entity without one is referred to by its index."""
        self._binders: dict[int, str] = {}
        seen: set[str] = set()
        for index, name in names.items():
            if not name or (name in seen and not hiding):
                self._binders[index] = f" (@name {quote_name(name)})"
            else:
                seen.add(name)
                self.references[index] = identifier(name)
                self._binders[index] = f" {self.references[index]}"

    def refer(self, index: int) -> str:
        """Return what refers to the entity with this index."""
        return self.references.get(index) or str(index)

    def bind(self, index: int) -> str:
        """Return what names the entity where it is defined, with a space before; or nothing.

        Two entities of one name cannot both have the identifier: all but the first are
        named by an annotation. So is one whose name is empty.
        """
        return self._binders.get(index, "")

    def __contains__(self, index: int) -> bool:
        return index in self._binders


def readable_names(module: Module) -> Names:
    """Return the names of a module, none where its `name` section is malformed."""
    try:
        return names_of(module)
    except MalformedError:
        return Names()


class Identifiers:
    """The identifiers of a module."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.spaces = {kind: Scope(names.direct[kind]) for kind in DIRECT}
        self.bound = 0
        """How many names have been written; those of what does not exist never are."""
        self.total = (
            (names.module is not None)
            + sum(map(len, names.direct.values()))
            + sum(len(inner) for outer in names.indirect.values() for inner in outer.values())
        )

    def refer(self, kind: str, index: int) -> str:
        """Return what refers to an entity."""
        return self.spaces[kind].references.get(index) or str(index)

    def bind(self, kind: str, index: int) -> str:
        """Return what names an entity where it is defined, with a space before."""
        return self.bind_in(self.spaces[kind], index)

    def bind_in(self, scope: Scope, index: int) -> str:
        """Return what names an entity of a scope where it is defined, with a space before."""
        self.bound += index in scope
        return scope.bind(index)

    def scope(self, kind: str, outer: int) -> Scope:
        """Return the locals or labels of a function, or the fields of a type."""
        return Scope(self.names.indirect[kind].get(outer, {}), hiding=kind == "label")
