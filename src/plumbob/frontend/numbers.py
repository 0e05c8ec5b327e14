"""Numeric operators on scalars.

CLIF's operations mean what WebAssembly's do, traps, shift amounts and NaNs included
(`plumbob.semantics`); where a row needs more than one of them, its function says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.function import LITTLE
from plumbob.ir.operations import operation
from plumbob.ir.types import F32, F64, I8, I16, I32, I64, I128, Type

if TYPE_CHECKING:
    from plumbob.frontend.function import FunctionTranslator, Translation

ROWS: Final[dict[str, Translation]] = {}

_ICMP: Final = operation("icmp")
_BITCAST: Final = operation("bitcast")

INT_CONDITIONS: Final = {
    "eq": "eq",
    "ne": "ne",
    **{f"{name}_{sign}": sign + name for name in ("lt", "gt", "le", "ge") for sign in "su"},
}
"""WebAssembly's comparison to CLIF's condition."""

FLOAT_CONDITIONS: Final = ("eq", "ne", "lt", "gt", "le", "ge")
"""Comparisons that have one name in both; `ne` holds for unordered operands, the others not."""


def unary(name: str, result: Type | None = None) -> Translation:
    """Return the translation to one operation of one operand."""
    row = operation(name)

    def translate(f: FunctionTranslator) -> None:
        stack = f.stack
        stack.append(f.ins(row, stack.pop(), ctrl=result))

    return translate


def binary(name: str) -> Translation:
    """Return the translation to one operation of two operands."""
    row = operation(name)

    def translate(f: FunctionTranslator) -> None:
        stack = f.stack
        right = stack.pop()
        stack.append(f.ins(row, stack.pop(), right))

    return translate


def _compare(name: str, condition: str) -> Translation:
    row, imms = operation(name), (condition,)

    def translate(f: FunctionTranslator) -> None:
        stack = f.stack
        right = stack.pop()
        f.push_bool(f.ins(row, stack.pop(), right, imms=imms))

    return translate


def _eqz(ty: Type) -> Translation:
    def translate(f: FunctionTranslator) -> None:
        value = f.pop()
        f.push_bool(f.ins(_ICMP, value, f.builder.iconst(ty, 0), imms=("eq",)))

    return translate


def _extend_low(narrow: Type, wide: Type) -> Translation:
    """Sign-extend the low bits of an integer to the whole."""
    reduce, extend = operation("ireduce"), operation("sextend")

    def translate(f: FunctionTranslator) -> None:
        f.push(f.ins(extend, f.ins(reduce, f.pop(), ctrl=narrow), ctrl=wide))

    return translate


def _reinterpret(ty: Type) -> Translation:
    def translate(f: FunctionTranslator) -> None:
        f.push(f.ins(_BITCAST, f.pop(), ctrl=ty, imms=(_ANY_ORDER,)))

    return translate


_ANY_ORDER: Final = LITTLE._replace(endian=None)
"""The flags of a bitcast between scalars, which have one lane."""


def _wide_addition(name: str) -> Translation:
    """Add or subtract two integers of 128 bits, each given as its low and its high half."""

    def translate(f: FunctionTranslator) -> None:
        high_right, low_right, high_left, low_left = (f.pop() for _ in range(4))
        left = f.ins("iconcat", low_left, high_left)
        right = f.ins("iconcat", low_right, high_right)
        _push_halves(f, f.ins(name, left, right))

    return translate


def _wide_product(extend: str) -> Translation:
    def translate(f: FunctionTranslator) -> None:
        right, left = (f.ins(extend, f.pop(), ctrl=I128) for _ in range(2))
        _push_halves(f, f.ins("imul", left, right))

    return translate


def _push_halves(f: FunctionTranslator, wide: int) -> None:
    f.stack += f.func.inst_results[f.emit("isplit", (wide,))]


def _integer_constant(ty: Type) -> Translation:
    row, mask = operation("iconst"), ty.mask

    def translate(f: FunctionTranslator, value: int) -> None:
        f.stack.append(f.ins(row, ctrl=ty, imms=(value & mask,)))

    return translate


def _float_constant(name: str) -> Translation:
    row = operation(name)

    def translate(f: FunctionTranslator, bits: int) -> None:
        f.stack.append(f.ins(row, imms=(bits,)))

    return translate


def _integers(ty: Type) -> None:
    ROWS[f"{ty}.const"] = _integer_constant(ty)
    ROWS[f"{ty}.eqz"] = _eqz(ty)
    for name, condition in INT_CONDITIONS.items():
        ROWS[f"{ty}.{name}"] = _compare("icmp", condition)
    for name in ("clz", "ctz", "popcnt"):
        ROWS[f"{ty}.{name}"] = unary(name)
    for name in ("add", "sub", "mul"):
        ROWS[f"{ty}.{name}"] = binary(f"i{name}")
    for name in ("and", "or", "xor"):
        ROWS[f"{ty}.{name}"] = binary(f"b{name}")
    for sign in "su":
        for name in ("div", "rem", "shr"):
            ROWS[f"{ty}.{name}_{sign}"] = binary(sign + name)
    for name, row in (("shl", "ishl"), ("rotl", "rotl"), ("rotr", "rotr")):
        ROWS[f"{ty}.{name}"] = binary(row)
    for narrow in (I8, I16, I32):
        if narrow is not ty:
            ROWS[f"{ty}.extend{narrow.bits}_s"] = _extend_low(narrow, ty)


def _floats(ty: Type) -> None:
    ROWS[f"{ty}.const"] = _float_constant(f"{ty}const")
    for name in FLOAT_CONDITIONS:
        ROWS[f"{ty}.{name}"] = _compare("fcmp", name)
    for name in ("abs", "neg"):
        ROWS[f"{ty}.{name}"] = unary(f"f{name}")
    for name in ("ceil", "floor", "trunc", "nearest", "sqrt"):
        ROWS[f"{ty}.{name}"] = unary(name)
    for name in ("add", "sub", "mul", "div", "min", "max", "copysign"):
        ROWS[f"{ty}.{name}"] = binary(f"f{name}")


def _conversions() -> None:
    for integer in (I32, I64):
        for real in (F32, F64):
            for sign in "su":
                to_int, from_int = f"fcvt_to_{sign}int", f"fcvt_from_{sign}int"
                ROWS[f"{integer}.trunc_{real}_{sign}"] = unary(to_int, integer)
                ROWS[f"{integer}.trunc_sat_{real}_{sign}"] = unary(f"{to_int}_sat", integer)
                ROWS[f"{real}.convert_{integer}_{sign}"] = unary(from_int, real)
    for integer, real in ((I32, F32), (I64, F64)):
        ROWS[f"{integer}.reinterpret_{real}"] = _reinterpret(integer)
        ROWS[f"{real}.reinterpret_{integer}"] = _reinterpret(real)
    ROWS["i32.wrap_i64"] = unary("ireduce", I32)
    ROWS["i64.extend_i32_s"] = unary("sextend", I64)
    ROWS["i64.extend_i32_u"] = unary("uextend", I64)
    ROWS["f32.demote_f64"] = unary("fdemote", F32)
    ROWS["f64.promote_f32"] = unary("fpromote", F64)
    ROWS["i64.add128"] = _wide_addition("iadd")
    ROWS["i64.sub128"] = _wide_addition("isub")
    ROWS["i64.mul_wide_s"] = _wide_product("sextend")
    ROWS["i64.mul_wide_u"] = _wide_product("uextend")


for _type in (I32, I64):
    _integers(_type)
for _type in (F32, F64):
    _floats(_type)
_conversions()
