"""The frame of the binary format: header, section ids and their order (Binary / Modules)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.features import BULK_MEMORY, EXCEPTIONS, LEGACY_EXCEPTIONS

if TYPE_CHECKING:
    from plumbob.wasm.module import Module

MAGIC = b"\0asm"
VERSION = b"\1\0\0\0"
COMPONENT_VERSION = b"\x0d\0\1\0"
"""The version of the component model's binary format: 13 in layer 1."""

(
    CUSTOM,
    TYPE,
    IMPORT,
    FUNCTION,
    TABLE,
    MEMORY,
    GLOBAL,
    EXPORT,
    START,
    ELEMENT,
    CODE,
    DATA,
    DATA_COUNT,
    TAG,
) = range(14)
"""Section ids."""

SECTION_NAMES = (
    "custom",
    "type",
    "import",
    "function",
    "table",
    "memory",
    "global",
    "export",
    "start",
    "element",
    "code",
    "data",
    "data count",
    "tag",
)

ORDER = (
    TYPE,
    IMPORT,
    FUNCTION,
    TABLE,
    MEMORY,
    TAG,
    GLOBAL,
    EXPORT,
    START,
    ELEMENT,
    DATA_COUNT,
    CODE,
    DATA,
)
"""Section ids in the order that a module has them; custom sections stand anywhere."""

PLACES = {section: place for place, section in enumerate(ORDER, 1)}
"""Section id to its place in the order, from 1."""

SECTION_FEATURES = {DATA_COUNT: BULK_MEMORY, TAG: EXCEPTIONS | LEGACY_EXCEPTIONS}
"""Sections that came with a feature; any of the flags will do."""

SECTION_FIELDS = {
    TYPE: "rec_groups",
    IMPORT: "imports",
    FUNCTION: "functions",
    TABLE: "tables",
    MEMORY: "memories",
    TAG: "tags",
    GLOBAL: "globals",
    EXPORT: "exports",
    START: "start",
    ELEMENT: "elements",
    DATA_COUNT: "data_count",
    CODE: "code",
    DATA: "datas",
}
"""The module's attribute that a section encodes."""


def has_contents(module: Module, section: int) -> bool:
    """Return whether a module needs a section: an empty vector is as good as none."""
    found = getattr(module, SECTION_FIELDS[section])
    return found is not None if section in {START, DATA_COUNT} else len(found) > 0
