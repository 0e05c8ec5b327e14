"""Every operator's translation: by name, as the tables beside this module give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend import (
    calls,
    control,
    exceptions,
    heap,
    memories,
    numbers,
    relaxed,
    tables,
    vectors,
)
from plumbob.wasm.opcodes import BY_NAME

if TYPE_CHECKING:
    from plumbob.frontend.function import Translation

TRANSLATIONS: Final[dict[str, Translation]] = {
    name: translation
    for part in (control, calls, exceptions, numbers, vectors, relaxed, memories, tables, heap)
    for name, translation in part.ROWS.items()
}
"""Name of an operator to what translates it: called with the translator and the immediates."""

BY_CODE: Final = {BY_NAME[name].code: translation for name, translation in TRANSLATIONS.items()}
"""The same by opcode."""
