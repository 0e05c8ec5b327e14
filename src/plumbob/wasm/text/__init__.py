"""The text format: modules from text and back, `.wast` scripts.

`parser.py` and `printer.py` are the entry points; `plumbob.wasm` may import what this
module exports, and other packages nothing else of this folder.
"""

from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.text.printer import operator_text, print_text

__all__ = ["operator_text", "parse_text", "print_text"]
