"""What the kernel's error numbers mean in words: message, expected, found, what to do.

Each function explains one number or a family of them. What `expected` and `found` of the
kernel hold depends on the number; where the kernel's .pxi files call `fail`, they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm import features as wasm_features
from plumbob.wasm.types import I8, I16, NULL, REF
from plumbob.wasm.valid.codes import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.wasm.operators import Operator
    from plumbob.wasm.valid.explain import Explainer


class Facts(NamedTuple):
    """What is known about a failure. Types are the kernel's; `explainer.show` names them."""

    explainer: Explainer
    error: int
    operator: Operator | None
    row: Operator
    expected: int
    found: int
    wants: list[int] | None
    stack: list[tuple[int, int]]
    frames: list[tuple[str, int, int, int, list[int], list[int]]]

    @property
    def subject(self) -> str:
        """The operator at fault, in backquotes."""
        return f"`{self.operator.mnemonic}`" if self.operator else "the operator"

    @property
    def block(self) -> str:
        """What the innermost block is called."""
        if not self.frames or self.frames[-1][0] == "function":
            return self.explainer.place
        return f"the `{self.frames[-1][0]}`"

    @property
    def height(self) -> int:
        """How many operands the innermost block has."""
        return len(self.stack) - (self.frames[-1][2] if self.frames else 0)

    def show(self, type_: int) -> str:
        """Return a type as in the text format."""
        return self.explainer.show(type_)

    def show_all(self, types: list[int]) -> str:
        """Return a list of types as the specification writes a stack type."""
        return f"[{' '.join(map(self.show, types))}]"


class Said(NamedTuple):
    """A diagnostic's sentences."""

    message: str
    expected: str | None = None
    found: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()


def count_of(count: int, what: str) -> str:
    """Return a count with its noun: `1 value`, `2 values`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _title(facts: Facts) -> str:
    return CATALOGUE[f"E{facts.error:04d}"].title


def _mismatch(facts: Facts) -> Said:
    expected, found = facts.show(facts.expected), facts.show(facts.found)
    hint = _CONVERSIONS.get((expected, found)) or _reference_hint(facts)
    if facts.operator is not None and facts.operator.mnemonic in ("end", "else"):
        return Said(
            f"{facts.block} must leave {facts.show_all(facts.wants or [])}, "
            f"but leaves a value of type {found}",
            expected,
            found,
            hint,
        )
    return Said(
        f"{facts.subject} takes a value of type {expected}, not {found}",
        expected,
        found,
        hint,
    )


_CONVERSIONS = {
    ("i32", "i64"): "`i32.wrap_i64` keeps its low 32 bits",
    ("i64", "i32"): "`i64.extend_i32_s` or `i64.extend_i32_u` widens it",
    ("f32", "f64"): "`f32.demote_f64` rounds it",
    ("f64", "f32"): "`f64.promote_f32` widens it",
    ("i32", "f32"): "`i32.trunc_f32_s` converts it, `i32.reinterpret_f32` takes its bits",
    ("i32", "f64"): "`i32.trunc_f64_s` converts it",
    ("i64", "f32"): "`i64.trunc_f32_s` converts it",
    ("i64", "f64"): "`i64.trunc_f64_s` converts it, `i64.reinterpret_f64` takes its bits",
    ("f32", "i32"): "`f32.convert_i32_s` converts it, `f32.reinterpret_i32` takes its bits",
    ("f32", "i64"): "`f32.convert_i64_s` converts it",
    ("f64", "i32"): "`f64.convert_i32_s` converts it",
    ("f64", "i64"): "`f64.convert_i64_s` converts it, `f64.reinterpret_i64` takes its bits",
}
"""What turns a value of the second type into one of the first."""


def _reference_hint(facts: Facts) -> str | None:
    """Say how a nullable reference, or one to a supertype, becomes what is wanted."""
    matches = facts.explainer.bodies.context.matches
    if not (facts.expected & REF and facts.found & REF):
        return None
    if matches(facts.found & ~NULL, facts.expected):
        return "`ref.as_non_null` traps where it is null"
    if matches(facts.expected, facts.found):
        return f"`ref.cast {facts.show(facts.expected)}` traps where it is something else"
    return None


def _missing(facts: Facts) -> Said:
    available = count_of(facts.height, "value")
    if facts.operator is not None and facts.operator.mnemonic in ("end", "else"):
        wants = facts.wants or []
        return Said(
            f"{facts.block} must leave {facts.show_all(wants)}, but its stack holds {available}",
            count_of(len(wants), "value"),
            available,
        )
    operands = facts.wants
    takes = "one value more" if operands is None else count_of(len(operands), "operand")
    kinds = "types" if operands and len(operands) > 1 else "type"
    types = f" of {kinds} {facts.show_all(operands)}" if operands else ""
    hint = None
    if facts.frames and facts.frames[-1][2]:
        hint = (
            f"{facts.block} cannot reach the {count_of(facts.frames[-1][2], 'value')} below it; "
            "give it parameters"
        )
    elif operands is not None:
        hint = "push what is missing before it"
    return Said(
        f"{facts.subject} takes {takes}{types}, but the stack of {facts.block} holds {available}",
        takes,
        available,
        hint,
    )


def _left(facts: Facts) -> Said:
    wants = facts.wants or []
    extra = facts.height - len(wants)
    return Said(
        f"{count_of(extra, 'value')} too many left on the stack at the end of {facts.block}",
        facts.show_all(wants),
        facts.show_all([entry[0] for entry in facts.stack[len(facts.stack) - facts.height :]]),
        f"drop what is not needed, or declare it as a result of {facts.block}",
    )


def _unknown(facts: Facts) -> Said:
    what = _title(facts).removeprefix("unknown ")
    known = f"an index below {facts.expected}" if facts.expected else f"a {what}: there is none"
    return Said(f"{facts.subject} names the unknown {what} {facts.found}", known, str(facts.found))


def _alignment(facts: Facts) -> Said:
    return Said(
        f"the alignment of {facts.subject} is wrong",
        f"{'at most ' if facts.error == _ALIGN else ''}2**{facts.expected} bytes",
        f"2**{facts.found} bytes",
    )


def _kind(facts: Facts) -> Said:
    kinds = {1: "a function type", 8: "a structure type", 9: "an array type"}
    return Said(
        f"{facts.subject} needs {kinds[facts.expected]}",
        kinds[facts.expected],
        facts.show(0x80000000 | facts.found),
    )


def _packed(facts: Facts) -> Said:
    base = facts.row.mnemonic.removesuffix("_s").removesuffix("_u")
    if facts.expected:
        return Said(
            f"{facts.subject} reads packed fields alone",
            f"{I8} or {I16}",
            facts.show(facts.found),
            f"read it with `{base}`",
        )
    return Said(
        f"{facts.subject} does not say how to extend the packed field",
        "a type that is not packed",
        facts.show(facts.found),
        f"read it with `{base}_s` or `{base}_u`",
    )


def _types_differ(facts: Facts) -> Said:
    return Said(
        f"{facts.subject}: {_title(facts)}", facts.show(facts.expected), facts.show(facts.found)
    )


def _select(facts: Facts) -> Said:
    found = facts.show(facts.found)
    return Said(
        f"{facts.subject} without a type chooses between numbers or vectors, not {found}",
        "numbers or vectors",
        found,
        f"write `select (result {found})`",
    )


def _table_func(facts: Facts) -> Said:
    found = facts.show(facts.found)
    return Said(
        f"{facts.subject} goes through a table of functions, not of {found}",
        facts.show(facts.expected),
        found,
    )


def _arity(facts: Facts) -> Said:
    return Said(
        f"the labels of {facts.subject} take different numbers of operands",
        count_of(facts.expected, "operand"),
        count_of(facts.found, "operand"),
    )


def _if(facts: Facts) -> Said:
    results = facts.frames[-1][5] if facts.frames else []
    return Said(
        f"an `if` with the results {facts.show_all(results)} needs an `else`",
        hint="without `else` the parameters pass through as the results",
    )


def _const(facts: Facts) -> Said:
    feature = _feature_names(facts.expected)
    hint = f"the feature {feature} makes it one" if feature else None
    return Said(f"{facts.subject} is not a constant operator", hint=hint)


def _const_global(facts: Facts) -> Said:
    if facts.expected:
        return Said(
            f"global {facts.explainer.entity('global', facts.found)} is mutable, so a constant "
            "expression cannot read it",
            "an immutable global",
            "a mutable one",
        )
    return Said(
        f"global {facts.found} is not known yet where this constant expression is computed",
        "an imported global or one defined before",
        f"global {facts.found}",
    )


def _opcode(facts: Facts) -> Said:
    feature = _feature_names(facts.expected)
    if feature:
        return Said(
            f"`{facts.row.mnemonic}` belongs to the feature {feature}, which is off",
            hint=f"enable it with --features={feature}",
        )
    prefix, number = facts.found >> 32, facts.found & 0xFFFFFFFF
    opcode = f"0x{prefix:02x} {number:#x}" if prefix else f"0x{number:02x}"
    return Said(f"no operator has the opcode {opcode}", "an operator", opcode)


def _feature(facts: Facts) -> Said:
    feature = _feature_names(facts.expected)
    return Said(
        f"{facts.subject} uses a type of the feature {feature}, which is off",
        hint=f"enable it with --features={feature}",
    )


def _feature_names(flags: int) -> str:
    known = flags & wasm_features.ALL if 0 < flags <= wasm_features.ALL else 0
    return wasm_features.describe(known)


def _limit(facts: Facts) -> Said:
    if facts.expected == 0:
        return Said("not enough memory to check this function")
    return Said(_title(facts), f"at most {facts.expected}", str(facts.found))


def _byte(facts: Facts) -> Said:
    return Said(_title(facts), found=f"0x{facts.found & 0xFF:02x}")


def _end(facts: Facts) -> Said:
    if facts.frames and facts.operator is None and facts.frames[-1][0]:
        return Said(
            f"the code ends before {facts.block} does",
            "`end`" if not facts.expected else f"{count_of(facts.expected, 'byte')} more",
            "the end of the code",
        )
    return Said("the code ends in the middle of an operator", found="the end of the code")


def _index_only(message: str) -> Callable[[Facts], Said]:
    def said(facts: Facts) -> Said:
        return Said(message.format(op=facts.subject, found=facts.found, expected=facts.expected))

    return said


def _named(space: str, message: str) -> Callable[[Facts], Said]:
    def said(facts: Facts) -> Said:
        entity = facts.explainer.entity(space, facts.found)
        return Said(message.format(op=facts.subject, found=entity))

    return said


def _reference(facts: Facts) -> Said:
    found = facts.show(facts.found)
    return Said(f"{facts.subject} takes a reference, not {found}", "a reference", found)


def _branch_label(facts: Facts) -> Said:
    last = facts.show(facts.expected) if facts.expected else "nothing"
    return Said(
        f"the label of {facts.subject} does not take the reference that the branch passes",
        f"a label that takes {facts.show(facts.found)} last",
        last,
    )


def _uninitialised(facts: Facts) -> Said:
    return Said(
        f"local {facts.explainer.entity('local', facts.expected)} is read before it is set",
        hint=f"its type {facts.show(facts.found)} has no default value: set it first, in this "
        "block or one around it",
    )


_ALIGN = 215

_SENTENCES: dict[int, Callable[[Facts], Said]] = {
    101: _end,
    150: _opcode,
    151: _byte,
    154: _byte,
    156: _index_only("{op} names a data segment, but there is no data count section"),
    157: _index_only("{found} bytes stand behind the end of the function"),
    161: _index_only("{op} has no block to continue here"),
    201: _mismatch,
    202: _missing,
    203: _left,
    215: _alignment,
    216: _alignment,
    217: _index_only("the offset {found} of {op} is beyond the 32-bit addresses of its memory"),
    218: _index_only("{op} names lane {found}, expected one below {expected}"),
    219: _named("global", "{op} sets global {found}, which is immutable"),
    220: _uninitialised,
    221: _named("func", "function {found} is not declared as referencable"),
    222: _kind,
    223: _packed,
    224: _index_only("{op} writes field {found}, which is immutable"),
    225: _types_differ,
    226: _types_differ,
    227: _types_differ,
    228: _table_func,
    229: _arity,
    230: _index_only("the results of {op}'s callee are not those of this function"),
    231: _types_differ,
    232: _index_only("{op} declares {found} types, expected 1"),
    233: _select,
    234: _if,
    235: _index_only("{op} can never be reached"),
    236: _index_only("control reaches {op}, where `(result unreachable)` says it does not"),
    237: _const,
    238: _const_global,
    239: _index_only("a catch clause of {op} does not match label {found}"),
    240: _index_only("label {found} of {op} is not that of a catch clause"),
    241: _reference,
    242: _branch_label,
    260: _feature,
    301: _limit,
    **dict.fromkeys(range(204, 215), _unknown),
}


def sentence(facts: Facts) -> Said:
    """Return the sentences for a failure; those without one of their own get the title."""
    explain = _SENTENCES.get(facts.error)
    return explain(facts) if explain else Said(f"{facts.subject}: {_title(facts)}")
