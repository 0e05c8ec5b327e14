"""The text format: modules from text and back, `.wast` scripts.

`parser.py` and `printer.py` are the entry points; `plumbob.wasm` may import what this
module exports, and other packages nothing else of this folder.
"""

from plumbob.wasm.text.parser import parse_text

__all__ = ["parse_text"]
