"""Numbers and vectors: every operator without immediates but a lane, from the operator table.

A vector operator's name says whether its operands and its result are vectors of floats,
whose NaNs have any bits (`FLOAT4`, `FLOAT2`), or bits (`v128`). Where a float becomes bits
(reinterpretation, a comparison is none), its NaN is made canonical first; so is the second
operand of `copysign`, whose sign would show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.hunt.choices import Weighted
from plumbob.hunt.generator.universe import FLOAT2, FLOAT4
from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.opcodes import TABLE

if TYPE_CHECKING:
    from plumbob.hunt.generator.body import Body
    from plumbob.hunt.generator.expressions import Expressions
    from plumbob.wasm.operators import Operator
    from plumbob.wasm.types import ValType

TYPES: Final = {"i32": t.I32, "i64": t.I64, "f32": t.F32, "f64": t.F64, "v128": t.V128}
FLOATS: Final = {"f32x4": FLOAT4, "f64x2": FLOAT2}

COMPARISONS: Final = frozenset("eq ne lt gt le ge".split())

EDGES: Final = {
    t.I32: (0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF, 2, 31, 32, 0xFF, 0x80, 0xFFFF, 0x8000),
    t.I64: (
        0, 1, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 2, 63, 64, 0xFFFF_FFFF, 1 << 31, 1 << 32,
        (1 << 64) - (1 << 31), 0x8000, 0x80,
    ),
    t.F32: (
        0, 0x3F80_0000, 0x8000_0000, 0xBF80_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 1,
        0x7F7F_FFFF, 0x0080_0000, 0x4F00_0000, 0xCF00_0000, 0x4F80_0000, 0x5F00_0000, 0x3F00_0000,
        0x3FC0_0000, 0x4B00_0001,
    ),
    t.F64: (
        0, 0x3FF << 52, 1 << 63, 0xBFF << 52, 0x7FF << 52, 0xFFF << 52, 0x7FF8 << 48, 1,
        (0x7FF << 52) - 1, 1 << 52, 0x41E << 52, 0xC1E << 52, 0x43E << 52, 0xC3E << 52,
        0x3FE << 52, 0x3FF8 << 48, 0x4330_0000_0000_0001,
    ),
}  # fmt: skip
"""Values at the edges of each type, as bits; the simplest first."""

WIDTHS: Final = {t.I32: 32, t.I64: 64, t.F32: 32, t.F64: 64}


class Simple(NamedTuple):
    """An operator that computes one value from values."""

    name: str
    operands: tuple[ValType, ...]
    traps: bool
    lanes: int
    relaxed: bool


def _vector(row: Operator, word: str) -> ValType:
    """Return what a `v128` operand of an operator is, by the operator's name."""
    shape, _, rest = row.name.partition(".")
    if "trunc_sat" in rest or "relaxed_trunc" in rest:
        return FLOAT4 if "f32x4" in rest else FLOAT2
    if rest == "demote_f64x2_zero":
        return FLOAT2
    if rest == "promote_low_f32x4":
        return FLOAT4
    if "convert" in rest:
        return t.V128
    return FLOATS.get(shape, TYPES[word])


def _operand(row: Operator, word: str) -> ValType:
    return _vector(row, word) if word == "v128" else TYPES[word]


def _result(row: Operator) -> ValType:
    (word,) = row.pushes
    if word != "v128":
        return TYPES[word]
    shape, _, rest = row.name.partition(".")
    return t.V128 if rest in COMPARISONS else FLOATS.get(shape, t.V128)


def _simple() -> dict[ValType, list[Simple]]:
    found: dict[ValType, list[Simple]] = {}
    for row in TABLE:
        plain = row.immediates in ((), ("lane",)) and not row.rule and len(row.pushes) == 1
        if not plain or not {*row.pops, *row.pushes} <= set(TYPES) or not row.pops:
            continue
        if row.feature and not row.feature & f.WASM3:
            continue
        simple = Simple(
            row.name,
            tuple(_operand(row, word) for word in row.pops),
            "trap" in row.effects,
            row.lanes if row.immediates else 0,
            bool(row.feature & f.RELAXED_SIMD),
        )
        found.setdefault(_result(row), []).append(simple)
    return found


SIMPLE: Final = _simple()
"""By result: the operators that compute it."""

_VECTORS: Final = frozenset((t.V128, FLOAT4, FLOAT2))


def operators(result: ValType, *, vectors: bool) -> list[Simple]:
    """Return the operators that compute a type, relaxed ones left out."""
    return [
        each
        for each in SIMPLE.get(result, [])
        if not each.relaxed and (vectors or not _VECTORS & {*each.operands})
    ]


RELAXED: Final = [each for rows in SIMPLE.values() for each in rows if each.relaxed]


SCALARS: Final = {
    (result, vectors): Weighted(
        [
            (1 if _VECTORS & {*each.operands} else 3, each)
            for each in operators(result, vectors=vectors)
        ]
    )
    for result in SIMPLE
    for vectors in (False, True)
}


def constant(body: Body, type_: ValType) -> None:
    """Write a constant: often one at an edge, else any bits. NaNs are canonical."""
    choices = body.choices
    if type_ in (t.V128, FLOAT4, FLOAT2):
        body.vector(_lanes(body, type_))
        return
    kind = choices.below(4)
    if kind < 3:
        bits = choices.pick(EDGES[type_])
        if kind == 2 and type_ in (t.I32, t.I64):
            bits += choices.between(0, 8) - 4
    else:
        bits = choices.bits(WIDTHS[type_])
    if type_ in (t.I32, t.I64):
        body.integer(type_, bits)
    else:
        body.floating(type_, _number(type_, bits))


def _number(type_: ValType, bits: int) -> int:
    """Return the bits of a float, the canonical NaN's for any NaN."""
    exponent, size = (0x7F80_0000, 0x7FFF_FFFF) if type_ == t.F32 else (0x7FF << 52, (1 << 63) - 1)
    if bits & size > exponent:
        return 0x7FC0_0000 if type_ == t.F32 else 0x7FF8 << 48
    return bits


def _lanes(body: Body, type_: ValType) -> bytes:
    choices = body.choices
    if type_ == t.V128:
        type_ = choices.pick((t.I32, t.I64, FLOAT4))
    lane = {FLOAT4: t.F32, FLOAT2: t.F64}.get(type_, type_)
    width = WIDTHS[lane] // 8
    values = [choices.pick(EDGES[lane]) for _ in range(choices.pick((1, 16 // width)))]
    data = b"".join(value.to_bytes(width, "little") for value in values)
    return (data * (16 // len(data)))[:16]


def simple(expressions: Expressions, type_: ValType) -> None:
    """Write an operator that computes a value of a type, with its operands."""
    body = expressions.body
    row = body.choices.weighted(SCALARS[type_, body.program.vectors])
    apply(expressions, row)


def apply(expressions: Expressions, row: Simple) -> None:
    """Write an operator with its operands; one that may trap is mostly kept from it."""
    body, choices = expressions.body, expressions.body.choices
    guarded = row.traps and not choices.chance(4)
    for place, operand in enumerate(row.operands):
        expressions.value(operand)
        if _shows_bits(row, place, operand):
            body.canonical(operand)
        if guarded:
            _guard(body, row, place, operand)
    if row.lanes:
        body.op(row.name)
        body.out.append(choices.below(row.lanes))
    else:
        body.op(row.name)


def _shows_bits(row: Simple, place: int, operand: ValType) -> bool:
    if operand not in (t.F32, t.F64):
        return operand in (FLOAT4, FLOAT2) and row.name.endswith("bitmask")
    return "reinterpret" in row.name or (row.name.endswith("copysign") and place == 1)


def _guard(body: Body, row: Simple, place: int, operand: ValType) -> None:
    """Change the operand on top of the stack so that the operator does not trap."""
    if operand in (t.I32, t.I64):
        if place == 1:  # a divisor: odd and not -1
            body.integer(operand, 0xFFFF)
            body.op(f"{operand}.and")
            body.integer(operand, 1)
            body.op(f"{operand}.or")
        return
    # A truncation: the number nearest to it between 0 and 1e9, zero for a NaN.
    del row
    body.floating(operand, 0)
    body.op(f"{operand}.max")
    body.floating(operand, 0x4E6E_6B28 if operand == t.F32 else 0x41CD_CD65_0000_0000)
    body.op(f"{operand}.min")
    place = body.temporary(operand)
    body.tee(place)
    body.floating(operand, 0)
    body.get(place)
    body.get(place)
    body.op(f"{operand}.eq")
    body.op("select")
