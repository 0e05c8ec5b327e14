"""What an operator is: the row of the operator table, and the words its columns use.

`opcodes.py` holds the rows. Decoder, encoder, text format, validation kernel,
diagnostics, census and translator read them; none of them knows an opcode of its own.

Immediates, in the order of the binary format:

========== ==============================================================
blocktype  empty, a value type, or a type index (s33)
label      label index            labels     vector of labels and a default
func type table memory global local tag elem data field      an index
           (data needs the data count section)
memarg     alignment, memory index, offset; `align` is the natural log2
lane       one byte below `lanes` lanes     16 bytes, each below `lanes`
v128       16 bytes               f32 f64    bits, little-endian
s32 s64    signed LEB128          count      u32
heaptype   s33                    valtypes   vector of value types
castflags  one byte: bit 0 the source, bit 1 the target is nullable
catches    vector of catch clauses
zero       a byte that must be 0
========== ==============================================================

Operands, from the deepest to the top of the stack. A type stands for itself (`i32`,
`funcref`, `ref:i31` for `(ref i31)`); the others depend on immediates:

=========== =============================================================
addr addr2  address type of the first, second memory or table
addrmin     the smaller of the two
local global elem            type of the local, global, table's elements
ref:type refnull:type        reference to the type immediate
refnull:type2                nullable reference to the second type immediate
ref:func    reference to the type of the function immediate
heap heapnull                `(ref ht)`, `(ref null ht)` of the heap type immediate
top         nullable top of the hierarchy of the heap type immediate
field item  unpacked field of the structure, element of the array
fields      all fields            items      `count` elements
params results               of the function (type) immediate, or of the tag's type
t           the one value type of a `valtypes` immediate
=========== =============================================================

Checks are the conditions of a rule that no operand expresses:

============== ==========================================================
struct array function       the type immediate is of this kind
field_mutable field_packed field_unpacked fields_defaultable
item_mutable item_packed item_unpacked item_defaultable
item_numeric   the elements are numbers or vectors
item_elem      the elements' type includes the element segment's
items_match    the second array's elements match the first's
global_mutable the global is mutable
declared       the function is declared as referencable
table_func     the table holds function references
elem_table     the table's elements include the element segment's
tables_match   the first table's elements include the second's
tail           the callee's results match the function's
natural        the alignment equals the natural one
cast           the target type matches the source type
single         exactly one value type
fixed_limit    the count is within the implementation limit
============== ==========================================================
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

NO_CONST, CONST = 0, -1

DEAD = "dead"
"""As the last word of a signature: the code that follows is dead."""


class Operator(NamedTuple):
    """One row of the operator table."""

    name: str
    """Unique; where one mnemonic has two opcodes, a second word tells them apart."""
    code: int
    """The opcode; for a prefixed one `prefix << 16 | number`."""
    immediates: tuple[str, ...]
    pops: tuple[str, ...]
    pushes: tuple[str, ...]
    feature: int
    """The flag of the feature that brings the operator; 0 for WebAssembly 1.0."""
    effects: tuple[str, ...]
    """What the operator does beside its operands: trap, throw, branch, call, alloc, and
    read or write followed by `.memory`, `.table`, `.global`, `.heap`, `.local`."""
    checks: tuple[str, ...]
    const: int
    """NO_CONST, CONST, or the feature that makes the operator a constant one."""
    align: int
    """log2 of the natural alignment of a `memarg`."""
    lanes: int
    """How many lanes `lane` and `lanes` choose from."""
    rule: str
    """The rule of the validation algorithm where the signature does not say it all."""

    @property
    def mnemonic(self) -> str:
        """The keyword of the text format."""
        return self.name.partition(" ")[0]

    @property
    def prefix(self) -> int:
        """The prefix byte, 0 for an operator of one byte."""
        return self.code >> 16

    @property
    def number(self) -> int:
        """The opcode behind the prefix, or the only one."""
        return self.code & 0xFFFF

    @property
    def ends_in_dead_code(self) -> bool:
        """Whether what follows is dead."""
        return DEAD in self.pushes


@cache
def words(text: str) -> tuple[str, ...]:
    """Split a column into its words."""
    return tuple(text.split())


@cache
def signature(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split `pops -> pushes`."""
    pops, _, pushes = text.partition("->")
    return words(pops), words(pushes)
