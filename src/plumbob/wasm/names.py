"""Names of a module's parts: the identifiers of the text format, the `name` custom section.

Source: Appendix, Custom Sections / Name Section, and the extended-name-section proposal
for labels, types, tables, memories, globals, elements, data, fields and tags.
"""

from __future__ import annotations

DIRECT = ("func", "type", "table", "memory", "global", "elem", "data", "tag")
"""Index spaces whose names are a map from index to name."""

INDIRECT = ("local", "label", "field")
"""Spaces within a function or type: maps from its index to such a map."""


class Names:
    """The names of a module.

    `direct[space][index]` is the name of an entity; `indirect[space][outer][inner]` that
    of a local or label of a function, or a field of a type.
    """

    __slots__ = ("direct", "indirect", "module")

    def __init__(self) -> None:
        self.module: str | None = None
        self.direct: dict[str, dict[int, str]] = {space: {} for space in DIRECT}
        self.indirect: dict[str, dict[int, dict[int, str]]] = {space: {} for space in INDIRECT}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Names):
            return NotImplemented
        return (self.module, self.direct, self.indirect) == (
            other.module,
            other.direct,
            other.indirect,
        )

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return (
            self.module is not None
            or any(self.direct.values())
            or any(any(inner.values()) for inner in self.indirect.values())
        )

    def name_of(self, space: str, index: int) -> str | None:
        """Return the name of an entity of a direct space, or None."""
        return self.direct[space].get(index)
