"""Instruction formats: which operands an instruction has and how they are written.

A format is one template. `{v}` is a value, `{vs}` a list of values, `{block}` a
destination with arguments, `{table}` and `{handlers}` the destinations of br_table and
try_call; every other field is an immediate, `{kind}`, or `{name:kind}` where one format has
two of a kind. Parser, printer and verifier walk the same
template, and an instruction's data follow its order:

- values go to `args`, those of a `{vs}` last;
- destinations go to `targets` (of br_table: the default first; of try_call: the normal
  return first);
- immediates go to `imms`, in the template's order.
"""

from __future__ import annotations

import re
from typing import Final

from plumbob.errors import InternalError

VALUE: Final = "v"
VALUES: Final = "vs"
BLOCK: Final = "block"
TABLE: Final = "table"
HANDLERS: Final = "handlers"

IMMEDIATES: Final = frozenset(
    (
        "flags",  # MemFlags
        "offset",  # int, a signed 32-bit number of bytes
        "intcc",  # str, one of entities.INT_CONDITIONS
        "floatcc",  # str, one of entities.FLOAT_CONDITIONS
        "rmw",  # str, one of entities.ATOMIC_RMW_OPS
        "trap",  # str, a trap code
        "imm64",  # int, the bits, unsigned, cut to the controlling type's width
        "index",  # int, signed 64 bits
        "lane",  # int, unsigned 8 bits
        "mask",  # bytes, 16 of them
        "f16",  # int, the bits
        "f32",
        "f64",
        "const",  # int, a Constant
        "gv",  # int, a GlobalValue
        "func",  # int, a FuncRef
        "sig",  # int, a SigRef
        "slot",  # int, a StackSlot
        "dslot",  # int, a DynamicStackSlot
        "blockref",  # int, a Block named without arguments
        HANDLERS,  # ExceptionTable; its destinations are among `targets`
        "name",  # str, a dotted name (high-level operations)
        "uint",  # int, unsigned 32 bits (high-level operations: module indices)
        "uoffset",  # int, an unsigned 64-bit number of bytes (high-level operations)
    )
)

_FIELD = re.compile(r"\{(\w+)(?::(\w+))?\}|([^{}]+)")


class Format:
    """One instruction format.

    `pieces` is the template as (kind, literal) pairs, one of the two being empty;
    `fixed_values` the number of `{v}`; `control` the index of the value whose type is
    the controlling type if the operation's signature allows it, or None; `imm_slots`
    maps an immediate's name (its kind, unless the template names it) to its index in `imms`,
    `imm_kinds` gives the kinds by that index.
    """

    __slots__ = (
        "control",
        "fixed_values",
        "has_targets",
        "has_values",
        "imm_kinds",
        "imm_slots",
        "name",
        "pieces",
        "template",
    )

    def __init__(self, name: str, template: str, control: int | None = 0) -> None:
        self.name = name
        self.template = template
        fields = _FIELD.findall(template)
        self.pieces: tuple[tuple[str, str], ...] = tuple(
            (kind or name, literal) for name, kind, literal in fields
        )
        kinds = [kind for kind, _ in self.pieces if kind]
        self.fixed_values = kinds.count(VALUE)
        self.control = control if self.fixed_values else None
        self.has_values = VALUES in kinds
        self.has_targets = any(kind in (BLOCK, TABLE, HANDLERS) for kind in kinds)
        named = [(name, kind or name) for name, kind, _ in fields if (kind or name) in IMMEDIATES]
        self.imm_kinds = tuple(kind for _, kind in named)
        self.imm_slots = {name: slot for slot, (name, _) in enumerate(named)}
        unknown = set(kinds) - IMMEDIATES - {VALUE, VALUES, BLOCK, TABLE}
        if unknown or len(self.imm_slots) != len(named) or kinds.count(VALUES) > 1:
            raise InternalError("malformed instruction format", found=repr(template))

    def __repr__(self) -> str:
        return f"Format({self.name!r}, {self.template!r})"


FORMATS: Final[dict[str, Format]] = {
    f.name: f
    for f in (
        Format("nullary", ""),
        Format("unary", " {v}"),
        Format("binary", " {v}, {v}"),
        Format("ternary", " {v}, {v}, {v}", 1),
        Format("multiary", "{vs}", None),
        Format("unary_imm", " {imm64}"),
        Format("unary_f16", " {f16}"),
        Format("unary_f32", " {f32}"),
        Format("unary_f64", " {f64}"),
        Format("unary_const", " {const}"),
        Format("unary_global_value", " {gv}"),
        Format("binary_imm8", " {v}, {lane}"),
        Format("ternary_imm8", " {v}, {v}, {lane}"),
        Format("shuffle", " {v}, {v}, {mask}"),
        Format("int_compare", " {intcc} {v}, {v}"),
        Format("float_compare", " {floatcc} {v}, {v}"),
        Format("int_add_trap", " {v}, {v}, {trap}"),
        Format("trap", " {trap}"),
        Format("cond_trap", " {v}, {trap}"),
        Format("load", "{flags} {v}{offset}"),
        Format("store", "{flags} {v}, {v}{offset}"),
        Format("load_no_offset", "{flags} {v}"),
        Format("store_no_offset", "{flags} {v}, {v}"),
        Format("atomic_rmw", "{flags} {rmw} {v}, {v}"),
        Format("atomic_cas", "{flags} {v}, {v}, {v}", 2),
        Format("stack_addr", " {slot}{offset}"),
        Format("dynamic_stack_addr", " {dslot}"),
        Format("func_addr", " {func}"),
        Format("jump", " {block}"),
        Format("brif", " {v}, {block}, {block}"),
        Format("br_table", " {v}, {table}"),
        Format("call", " {func}({vs})"),
        Format("call_indirect", " {sig}, {v}({vs})"),
        Format("try_call", " {func}({vs}), {handlers}"),
        Format("try_call_indirect", " {v}({vs}), {handlers}"),
        Format("exception_handler_address", " {blockref}, {index}"),
    )
}
