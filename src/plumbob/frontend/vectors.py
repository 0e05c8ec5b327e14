"""Vector operators.

A v128 has no lanes until an operator gives it some: here a value keeps those of the operation
that made it, a `bitcast` changes them where an operation wants others, and where values meet
(locals, branches, calls, returns) a vector is i8x16. Cranelift's frontend does the same.
Relaxed operators are in `relaxed.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.numbers import FLOAT_CONDITIONS, INT_CONDITIONS
from plumbob.ir.operations import operation
from plumbob.ir.types import (
    F32X4,
    F64X2,
    I8X16,
    I16X8,
    I32,
    I32X4,
    I64X2,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.frontend.function import FunctionTranslator, Translation
    from plumbob.ir.entities import Value

ROWS: Final[dict[str, Translation]] = {}

INTEGERS: Final = (I8X16, I16X8, I32X4, I64X2)
FLOATS: Final = (F32X4, F64X2)
_HALF: Final = {I16X8: I8X16, I32X4: I16X8, I64X2: I32X4}
"""Shapes to those whose lanes are half as wide."""


def _lanewise(name: str, shape: Type, operands: int, result: Type | None = None) -> Translation:
    """Return the translation to one operation whose operands all have that shape."""
    row = operation(name)

    def translate(f: FunctionTranslator) -> None:
        values = [f.vector(f.pop(), shape) for _ in range(operands)]
        f.push(f.ins(row, *reversed(values), ctrl=result))

    return translate


def _compare(name: str, shape: Type, condition: str) -> Translation:
    row, imms = operation(name), (condition,)

    def translate(f: FunctionTranslator) -> None:
        right, left = (f.vector(f.pop(), shape) for _ in range(2))
        f.push(f.ins(row, left, right, imms=imms))

    return translate


def _built(shape: Type, operands: int, build: Callable[..., Value]) -> Translation:
    """Return the translation to what `build` makes of a translator and operands of that shape."""

    def translate(f: FunctionTranslator) -> None:
        values = [f.vector(f.pop(), shape) for _ in range(operands)]
        f.push(build(f, *reversed(values)))

    return translate


# Lanes


def _narrow_lane(f: FunctionTranslator, value: Value, lane: Type) -> Value:
    """Return an i32 or another scalar as a lane: narrow lanes are the low bits of an i32."""
    return f.ins("ireduce", value, ctrl=lane) if lane.bits < I32.bits else value


def _splat(shape: Type) -> Translation:
    row = operation("splat")

    def translate(f: FunctionTranslator) -> None:
        f.push(f.ins(row, _narrow_lane(f, f.pop(), shape.lane), ctrl=shape))

    return translate


def _extract(shape: Type, extension: str | None) -> Translation:
    row = operation("extractlane")

    def translate(f: FunctionTranslator, lane: int) -> None:
        value = f.ins(row, f.vector(f.pop(), shape), imms=(lane,))
        f.push(value if extension is None else f.ins(extension, value, ctrl=I32))

    return translate


def _replace(shape: Type) -> Translation:
    row = operation("insertlane")

    def translate(f: FunctionTranslator, lane: int) -> None:
        value = _narrow_lane(f, f.pop(), shape.lane)
        f.push(f.ins(row, f.vector(f.pop(), shape), value, imms=(lane,)))

    return translate


def _constant(f: FunctionTranslator, data: bytes) -> None:
    f.push(f.ins("vconst", ctrl=I8X16, imms=(f.func.add_constant(bytes(data)),)))


def _shuffle(f: FunctionTranslator, lanes: bytes) -> None:
    right, left = (f.vector(f.pop(), I8X16) for _ in range(2))
    f.push(f.ins("shuffle", left, right, imms=(bytes(lanes),)))


def _shift(name: str, shape: Type) -> Translation:
    row = operation(name)

    def translate(f: FunctionTranslator) -> None:
        amount = f.pop()
        f.push(f.ins(row, f.vector(f.pop(), shape), amount))

    return translate


def _test(name: str, shape: Type) -> Translation:
    row = operation(name)

    def translate(f: FunctionTranslator) -> None:
        f.push_bool(f.ins(row, f.vector(f.pop(), shape)))

    return translate


def _define_lanes() -> None:
    for shape in (*INTEGERS, *FLOATS):
        ROWS[f"{shape}.splat"] = _splat(shape)
        ROWS[f"{shape}.replace_lane"] = _replace(shape)
        if shape.lane_bits < I32.bits:
            ROWS[f"{shape}.extract_lane_s"] = _extract(shape, "sextend")
            ROWS[f"{shape}.extract_lane_u"] = _extract(shape, "uextend")
        else:
            ROWS[f"{shape}.extract_lane"] = _extract(shape, None)
    ROWS["v128.const"] = _constant
    ROWS["i8x16.shuffle"] = _shuffle
    ROWS["i8x16.swizzle"] = _lanewise("swizzle", I8X16, 2)


# Bits


def _define_bits() -> None:
    ROWS["v128.not"] = _lanewise("bnot", I8X16, 1)
    for name in ("and", "or", "xor"):
        ROWS[f"v128.{name}"] = _lanewise(f"b{name}", I8X16, 2)
    ROWS["v128.andnot"] = _built(I8X16, 2, lambda f, x, y: f.ins("band", x, f.ins("bnot", y)))
    ROWS["v128.bitselect"] = _built(I8X16, 3, lambda f, x, y, mask: f.ins("bitselect", mask, x, y))
    ROWS["v128.any_true"] = _test("vany_true", I8X16)
    for shape in INTEGERS:
        ROWS[f"{shape}.all_true"] = _test("vall_true", shape)
        ROWS[f"{shape}.bitmask"] = _lanewise("vhigh_bits", shape, 1, I32)


# Integers


def _define_integers() -> None:
    for shape in INTEGERS:
        for name in ("abs", "neg"):
            ROWS[f"{shape}.{name}"] = _lanewise(f"i{name}", shape, 1)
        for name in ("add", "sub", *(("mul",) if shape is not I8X16 else ())):
            ROWS[f"{shape}.{name}"] = _lanewise(f"i{name}", shape, 2)
        for name, row in (("shl", "ishl"), ("shr_s", "sshr"), ("shr_u", "ushr")):
            ROWS[f"{shape}.{name}"] = _shift(row, shape)
        for name, condition in INT_CONDITIONS.items():
            if shape is not I64X2 or not name.endswith("_u"):
                ROWS[f"{shape}.{name}"] = _compare("icmp", shape, condition)
        for sign in "su":
            if shape is not I64X2:
                for name in ("min", "max"):
                    ROWS[f"{shape}.{name}_{sign}"] = _lanewise(sign + name, shape, 2)
    for shape in (I8X16, I16X8):
        ROWS[f"{shape}.avgr_u"] = _lanewise("avg_round", shape, 2)
        for sign in "su":
            for name in ("add", "sub"):
                ROWS[f"{shape}.{name}_sat_{sign}"] = _lanewise(f"{sign}{name}_sat", shape, 2)
    ROWS["i8x16.popcnt"] = _lanewise("popcnt", I8X16, 1)
    ROWS["i16x8.q15mulr_sat_s"] = _lanewise("sqmul_round_sat", I16X8, 2)


def pair_sums(f: FunctionTranslator, left: Value, right: Value) -> Value:
    """Multiply lanes, signed, and add neighbouring products: lanes twice as wide."""
    products = [
        f.ins("imul", f.ins(widen, left), f.ins(widen, right))
        for widen in ("swiden_low", "swiden_high")
    ]
    return f.ins("iadd_pairwise", *products)


def _define_widening() -> None:
    for wide, narrow in _HALF.items():
        for sign in "su":
            low, high = f"{sign}widen_low", f"{sign}widen_high"
            for part, row in (("low", low), ("high", high)):
                ROWS[f"{wide}.extend_{part}_{narrow}_{sign}"] = _lanewise(row, narrow, 1)
                ROWS[f"{wide}.extmul_{part}_{narrow}_{sign}"] = _built(
                    narrow,
                    2,
                    lambda f, x, y, row=row: f.ins("imul", f.ins(row, x), f.ins(row, y)),
                )
            if wide is not I64X2:
                ROWS[f"{wide}.extadd_pairwise_{narrow}_{sign}"] = _built(
                    narrow,
                    1,
                    lambda f, x, low=low, high=high: f.ins(
                        "iadd_pairwise", f.ins(low, x), f.ins(high, x)
                    ),
                )
                row = "snarrow" if sign == "s" else "unarrow"
                ROWS[f"{narrow}.narrow_{wide}_{sign}"] = _lanewise(row, wide, 2)
    ROWS["i32x4.dot_i16x8_s"] = _built(I16X8, 2, pair_sums)


# Floats


def _pseudo(shape: Type, *, least: bool) -> Translation:
    """`y < x ? y : x` for the pseudo-minimum, `x < y ? y : x` for the pseudo-maximum."""

    def build(f: FunctionTranslator, left: Value, right: Value) -> Value:
        operands = (right, left) if least else (left, right)
        less = f.vector(f.ins("fcmp", *operands, imms=("lt",)), shape)
        return f.ins("bitselect", less, right, left)

    return _built(shape, 2, build)


def _define_floats() -> None:
    for shape in FLOATS:
        for name in FLOAT_CONDITIONS:
            ROWS[f"{shape}.{name}"] = _compare("fcmp", shape, name)
        for name in ("abs", "neg"):
            ROWS[f"{shape}.{name}"] = _lanewise(f"f{name}", shape, 1)
        for name in ("ceil", "floor", "trunc", "nearest", "sqrt"):
            ROWS[f"{shape}.{name}"] = _lanewise(name, shape, 1)
        for name in ("add", "sub", "mul", "div", "min", "max"):
            ROWS[f"{shape}.{name}"] = _lanewise(f"f{name}", shape, 2)
        ROWS[f"{shape}.pmin"] = _pseudo(shape, least=True)
        ROWS[f"{shape}.pmax"] = _pseudo(shape, least=False)


def _truncate_doubles(sign: str) -> Translation:
    """Two doubles to two i32, above them zeros: saturate to 64 bits, then to 32."""

    def build(f: FunctionTranslator, value: Value) -> Value:
        wide = f.ins(f"fcvt_to_{sign}int_sat", value, ctrl=I64X2)
        return f.ins("snarrow" if sign == "s" else "uunarrow", wide, f.zero(I64X2))

    return _built(F64X2, 1, build)


def _define_conversions() -> None:
    for sign in "su":
        truncate = _lanewise(f"fcvt_to_{sign}int_sat", F32X4, 1, I32X4)
        ROWS[f"i32x4.trunc_sat_f32x4_{sign}"] = truncate
        ROWS[f"i32x4.trunc_sat_f64x2_{sign}_zero"] = _truncate_doubles(sign)
        ROWS[f"f32x4.convert_i32x4_{sign}"] = _lanewise(f"fcvt_from_{sign}int", I32X4, 1, F32X4)
        ROWS[f"f64x2.convert_low_i32x4_{sign}"] = _built(
            I32X4,
            1,
            # Widened, either kind of integer is a signed one.
            lambda f, x, widen=f"{sign}widen_low": f.ins(
                "fcvt_from_sint", f.ins(widen, x), ctrl=F64X2
            ),
        )
    ROWS["f32x4.demote_f64x2_zero"] = _lanewise("fvdemote", F64X2, 1)
    ROWS["f64x2.promote_low_f32x4"] = _lanewise("fvpromote_low", F32X4, 1)


for _define in (
    _define_lanes,
    _define_bits,
    _define_integers,
    _define_widening,
    _define_floats,
    _define_conversions,
):
    _define()
