"""The frame of the binary format: header, section ids and their order (Binary / Modules)."""

from __future__ import annotations

from plumbob.wasm.features import BULK_MEMORY, EXCEPTIONS, LEGACY_EXCEPTIONS

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
