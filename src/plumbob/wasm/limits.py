"""Implementation limits: how large a module may be, though the format allows more.

The engines agreed on most of them in the WebAssembly JavaScript API (Implementation-
defined Limits), so that what one browser loads the others load too; the rest are those
that wasmparser's validator, and so wasmtime and wasm-tools, hold to. A module beyond one
is well-formed and breaks no rule of the specification; its diagnostic is E0301.

All count items, except sizes (bytes), memories (pages) and the depth of subtyping (steps
from a type to the root of its hierarchy). The decoder holds to those that bound what it
builds, so that a small input cannot ask for much memory; the validator to the others.
"""

from __future__ import annotations

MAX_MODULE_SIZE = 1 << 30

MAX_TYPES = 1_000_000
"""Types in all rec groups together, and in one."""
MAX_PARAMS = 1_000
MAX_RESULTS = 1_000
MAX_STRUCT_FIELDS = 10_000
MAX_SUPERTYPES = 1
MAX_SUBTYPING_DEPTH = 63

MAX_IMPORTS = 1_000_000
MAX_EXPORTS = 1_000_000
MAX_STRING_SIZE = 100_000
"""Bytes of UTF-8 in a name: of an import, an export, a custom section."""

MAX_FUNCTIONS = 1_000_000
"""Of this and the index spaces below: imported and defined ones together."""
MAX_GLOBALS = 1_000_000
MAX_TAGS = 1_000_000
MAX_TABLES = 100
MAX_MEMORIES = 100

MAX_ELEMENT_SEGMENTS = 100_000
MAX_DATA_SEGMENTS = 100_000
MAX_TABLE_ENTRIES = 10_000_000
"""Items of an element segment."""
MAX_MEMORY32_BYTES = 1 << 32
MAX_MEMORY64_BYTES = 1 << 64

MAX_FUNCTION_SIZE = 7_654_321
"""Bytes of a function's body, locals included."""
MAX_LOCALS = 50_000
"""Of a function, parameters included."""
MAX_OPERANDS = 1 << 20
"""Values on the operand stack of a function, beyond one a byte of its body. Plumbob's own:
a call of two bytes may push a thousand values, and memory must stay proportional to the
input."""
MAX_BR_TABLE_TARGETS = MAX_FUNCTION_SIZE
"""Labels of a br_table; each takes a byte of the body."""
MAX_CATCHES = 10_000
"""Clauses of a try_table."""
MAX_ARRAY_NEW_FIXED = 10_000
MAX_NESTING = MAX_FUNCTION_SIZE
"""Blocks in one another; each takes a byte of the body."""
