"""Names of a module's parts: the identifiers of the text format, the `name` custom section.

Source: Appendix, Custom Sections / Name Section, and the extended-name-section proposal
for labels, types, tables, memories, globals, elements, data, fields and tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.leb import write_name, write_sized, write_u32

if TYPE_CHECKING:
    from plumbob.wasm.module import Module

NAME_SECTION = "name"
"""The name of the custom section."""

DIRECT = ("func", "type", "table", "memory", "global", "elem", "data", "tag")
"""Index spaces whose names are a map from index to name."""

INDIRECT = ("local", "label", "field")
"""Spaces within a function or type: maps from its index to such a map."""

SUBSECTIONS = (
    "module",
    "func",
    "local",
    "label",
    "type",
    "table",
    "memory",
    "global",
    "elem",
    "data",
    "field",
    "tag",
)
"""What each subsection names, by its id."""


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


def names_of(module: Module) -> Names:
    """Return the names of a module: its own, or those of its `name` section.

    The section is decoded anew each time. Raises `MalformedError` where it is malformed;
    the module is valid nevertheless.
    """
    if module.names is not None:
        return module.names
    for custom in module.customs:
        if custom.name == NAME_SECTION:
            return decode_names(custom.data)
    return Names()


def decode_names(data: bytes | memoryview, base: int = 0) -> Names:
    """Decode the contents of a `name` section; `base` is their offset in the binary.

    Subsections and indices must ascend, so that each occurs once. Subsections with an id
    that is not known are skipped. Raises `MalformedError`.
    """
    names = Names()
    reader = Reader(data, base=base, section="name")
    last = -1
    while not reader.at_end:
        at = reader.offset
        subsection = reader.u8("a subsection's id")
        if subsection <= last:
            reader.fail(
                "E0131", "subsections out of order", at, f"an id above {last}", str(subsection)
            )
        last = subsection
        size = reader.length("a subsection")
        if subsection >= len(SUBSECTIONS):
            reader.skip(size)
            continue
        end = reader.enter(size)
        _read_subsection(reader, SUBSECTIONS[subsection], names)
        reader.leave(end, "E0131", "subsection")
    return names


def _read_subsection(reader: Reader, space: str, names: Names) -> None:
    if space == "module":
        names.module = reader.name("the name of the module")
    elif space in names.direct:
        names.direct[space] = _read_map(reader)
    else:
        outer: dict[int, dict[int, str]] = {}
        last = -1
        for _ in range(reader.count("name maps")):
            last = _read_ascending(reader, last)
            outer[last] = _read_map(reader)
        names.indirect[space] = outer


def _read_ascending(reader: Reader, last: int) -> int:
    at = reader.offset
    index = reader.u32("an index")
    if index <= last:
        reader.fail("E0131", "indices out of order", at, f"an index above {last}", str(index))
    return index


def _read_map(reader: Reader) -> dict[int, str]:
    names: dict[int, str] = {}
    last = -1
    for _ in range(reader.count("names")):
        last = _read_ascending(reader, last)
        names[last] = reader.name()
    return names


def _write_map(out: bytearray, names: dict[int, str]) -> None:
    write_u32(out, len(names))
    for index, name in sorted(names.items()):
        write_u32(out, index)
        write_name(out, name)


def encode_names(names: Names) -> bytes:
    """Return the contents of a `name` section; spaces without names are left out."""
    out = bytearray()
    for number, space in enumerate(SUBSECTIONS):
        content = bytearray()
        if space == "module":
            if names.module is not None:
                write_name(content, names.module)
        elif space in names.direct:
            if names.direct[space]:
                _write_map(content, names.direct[space])
        elif outer := {index: inner for index, inner in names.indirect[space].items() if inner}:
            write_u32(content, len(outer))
            for index, inner in sorted(outer.items()):
                write_u32(content, index)
                _write_map(content, inner)
        if content:
            out.append(number)
            write_sized(out, content)
    return bytes(out)
