"""The text format: modules from text and back, `.wast` scripts.

Import from here or from `script`; the rest is this folder's own business. What is not
used is not loaded: a command that only parses does without the printer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plumbob.wasm.text.parser import parse_text
    from plumbob.wasm.text.printer import operator_text, print_text

__all__ = ["operator_text", "parse_text", "print_text"]

_HOMES = {"operator_text": "printer", "parse_text": "parser", "print_text": "printer"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
