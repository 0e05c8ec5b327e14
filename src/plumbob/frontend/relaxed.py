"""Relaxed vector operators: each is one of several strict ones.

The translator writes the strict operator that its parameters (`parameters.py`) choose, so that
no later stage knows of a choice. The builds of a row stand in the order of a parameter's numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.parameters import Relaxed
from plumbob.frontend.vectors import pair_sums
from plumbob.ir.operations import operation
from plumbob.ir.types import F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2, Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.frontend.function import FunctionTranslator, Translation
    from plumbob.ir.entities import Value

    Build = Callable[..., Value]


ROWS: Final[dict[str, Translation]] = {}

_LANES: Final = (I8X16, I16X8, I32X4, I64X2)


def _chosen(parameter: str, shape: Type, operands: int, *builds: Build) -> Translation:
    """Return the translation to the build that the translator's parameter picks."""
    place = Relaxed._fields.index(parameter)

    def translate(f: FunctionTranslator) -> None:
        values = [f.vector(f.pop(), shape) for _ in range(operands)]
        f.push(builds[f.relaxed[place]](f, *reversed(values)))

    return translate


def _operation(name: str) -> Build:
    """Return what builds one operation, whose result has the type of its operands."""
    row = operation(name)
    return lambda f, *values: f.ins(row, *values)


def _splat(f: FunctionTranslator, shape: Type, value: int) -> Value:
    """Append a constant with the same bits in every lane."""
    size = shape.lane_bits // 8
    data = (value & ((1 << shape.lane_bits) - 1)).to_bytes(size, "little")
    constant = f.func.add_constant(data * (shape.bytes // size))
    return f.ins("vconst", ctrl=shape, imms=(constant,))


def _compare(f: FunctionTranslator, condition: str, left: Value, right: Value) -> Value:
    return f.ins("fcmp", left, right, imms=(condition,))


# Integers


def _high_bit_mask(f: FunctionTranslator, shape: Type, mask: Value) -> Value:
    """Return a mask whose lanes are all copies of their highest bit."""
    amount = f.builder.iconst(I32, shape.lane_bits - 1)
    return f.ins("sshr", f.vector(mask, shape), amount)


def _laneselect(shape: Type) -> Translation:
    def by_high_bits(lanes: Type) -> Build:
        def build(f: FunctionTranslator, x: Value, y: Value, mask: Value) -> Value:
            chosen = f.vector(_high_bit_mask(f, lanes, mask), shape)
            return f.ins("bitselect", chosen, x, y)

        return build

    bitwise = lambda f, x, y, mask: f.ins("bitselect", mask, x, y)  # noqa: E731  # one of three
    by_bytes = by_high_bits(I8X16 if shape is I16X8 else shape)
    return _chosen("laneselect", shape, 3, bitwise, by_high_bits(shape), by_bytes)


def _clamped_pair_sums(f: FunctionTranslator, left: Value, right: Value) -> Value:
    """Do the same, but clamp: of the sums, only 2^15 wraps, and no other becomes -2^15."""
    sums = pair_sums(f, left, right)
    wrapped = f.ins("icmp", sums, _splat(f, I16X8, 1 << 15), imms=("eq",))
    return f.ins("iadd", sums, wrapped)


def _exact_quad_sums(f: FunctionTranslator, left: Value, right: Value, *, signed: bool) -> Value:
    """Multiply lanes and add four neighbouring products in 32 bits."""
    sums = []
    for part in ("low", "high"):
        a = f.ins(f"swiden_{part}", left)
        b = f.ins(f"{'s' if signed else 'u'}widen_{part}", right)
        products = f.ins("imul", a, b)  # of 16 bits: 8 by 8 bits fit, whatever the signs
        halves = (f.ins("swiden_low", products), f.ins("swiden_high", products))
        sums.append(f.ins("iadd_pairwise", *halves))
    return f.ins("iadd_pairwise", *sums)


def _dot_add() -> Translation:
    def by_pairs(sums: Build) -> Build:
        def build(f: FunctionTranslator, left: Value, right: Value) -> Value:
            pairs = sums(f, left, right)
            halves = (f.ins("swiden_low", pairs), f.ins("swiden_high", pairs))
            return f.ins("iadd_pairwise", *halves)

        return build

    builds = (
        by_pairs(_clamped_pair_sums),
        by_pairs(_operation("x86_pmaddubsw")),
        by_pairs(pair_sums),
        lambda f, x, y: _exact_quad_sums(f, x, y, signed=False),
        lambda f, x, y: _exact_quad_sums(f, x, y, signed=True),
    )
    place = Relaxed._fields.index("idot")

    def translate(f: FunctionTranslator) -> None:
        total = f.vector(f.pop(), I32X4)
        right, left = (f.vector(f.pop(), I8X16) for _ in range(2))
        f.push(f.ins("iadd", builds[f.relaxed[place]](f, left, right), total))

    return translate


def _define_integers() -> None:
    swizzles = (_operation("swizzle"), _operation("x86_pshufb"))
    ROWS["i8x16.relaxed_swizzle"] = _chosen("swizzle", I8X16, 2, *swizzles)
    products = (_operation("sqmul_round_sat"), _operation("x86_pmulhrsw"))
    ROWS["i16x8.relaxed_q15mulr_s"] = _chosen("iq15mulr", I16X8, 2, *products)
    for shape in _LANES:
        ROWS[f"{shape}.relaxed_laneselect"] = _laneselect(shape)
    unsigned = _operation("x86_pmaddubsw")
    dots = (_clamped_pair_sums, unsigned, pair_sums, unsigned, _clamped_pair_sums)
    ROWS["i16x8.relaxed_dot_i8x16_i7x16_s"] = _chosen("idot", I8X16, 2, *dots)
    ROWS["i32x4.relaxed_dot_i8x16_i7x16_add_s"] = _dot_add()


# Floats


def _extreme(shape: Type, name: str) -> Translation:
    """Return the translation of relaxed `min` or `max`."""
    better = "lt" if name == "min" else "gt"
    strict = _operation(f"f{name}")

    def first_unless(f: FunctionTranslator, left: Value, right: Value) -> Value:
        chosen = f.vector(_compare(f, better, right, left), shape)
        return f.ins("bitselect", chosen, right, left)

    def second_unless(f: FunctionTranslator, left: Value, right: Value) -> Value:
        chosen = f.vector(_compare(f, better, left, right), shape)
        return f.ins("bitselect", chosen, left, right)

    def number(f: FunctionTranslator, left: Value, right: Value) -> Value:
        result = strict(f, left, right)
        for operand, other in ((right, left), (left, right)):
            is_nan = f.vector(_compare(f, "uno", operand, operand), shape)
            result = f.ins("bitselect", is_nan, other, result)
        return result

    return _chosen(f"f{name}", shape, 2, strict, first_unless, second_unless, number)


def _madd(shape: Type, *, negated: bool) -> Translation:
    def factor(f: FunctionTranslator, x: Value) -> Value:
        return f.ins("fneg", x) if negated else x

    def twice(f: FunctionTranslator, x: Value, y: Value, z: Value) -> Value:
        return f.ins("fadd", f.ins("fmul", factor(f, x), y), z)

    def once(f: FunctionTranslator, x: Value, y: Value, z: Value) -> Value:
        return f.ins("fma", factor(f, x), y, z)

    return _chosen("fmadd", shape, 3, twice, once)


_BELOW: Final = {(32, "s"): 0xCF00_0001, (64, "s"): 0xC1E0_0000_0020_0000,
                 (32, "u"): 0xBF80_0000, (64, "u"): 0xBFF0_0000_0000_0000}  # fmt: skip
"""The greatest float that truncates to less than the range, by its width and the sign:
-2147483904 and -2147483649, -1."""
_ABOVE: Final = {(32, "s"): 0x4F00_0000, (64, "s"): 0x41E0_0000_0000_0000,
                 (32, "u"): 0x4F80_0000, (64, "u"): 0x41F0_0000_0000_0000}  # fmt: skip
"""The least float that truncates to more: 2^31, 2^32."""


def _truncation(shape: Type, sign: str, wrong: int | None) -> Build:
    """Return what truncates to lanes as wide as the float's; `wrong` is what else there is.

    Without it NaNs and what is beyond the range are as in the strict operator.
    """
    wide = shape.lane_bits
    integers = I32X4 if shape is F32X4 else I64X2

    def build(f: FunctionTranslator, value: Value) -> Value:
        saturated = f.ins(f"fcvt_to_{sign}int_sat", value, ctrl=integers)
        if wrong is None:
            return saturated
        above_low = _compare(f, "gt", value, _float(f, shape, _BELOW[wide, sign]))
        below_high = _compare(f, "lt", value, _float(f, shape, _ABOVE[wide, sign]))
        fits = f.ins("band", above_low, below_high)
        return f.ins("bitselect", fits, saturated, _splat(f, integers, wrong))

    return build


def _float(f: FunctionTranslator, shape: Type, bits: int) -> Value:
    return f.vector(_splat(f, I32X4 if shape is F32X4 else I64X2, bits), shape)


def _narrowed(sign: str, wide: Build) -> Build:
    """Return what makes two i32 of two i64, above them zeros, clamped."""
    row = operation("snarrow" if sign == "s" else "uunarrow")
    return lambda f, value: f.ins(row, wide(f, value), f.zero(I64X2))


def _define_floats() -> None:
    for shape in (F32X4, F64X2):
        for name in ("min", "max"):
            ROWS[f"{shape}.relaxed_{name}"] = _extreme(shape, name)
        ROWS[f"{shape}.relaxed_madd"] = _madd(shape, negated=False)
        ROWS[f"{shape}.relaxed_nmadd"] = _madd(shape, negated=True)
    wrongs = {"s": (None, -1 << 31), "u": (None, (1 << 32) - 1, (1 << 32) - 2, 1 << 31)}
    for sign, values in wrongs.items():
        builds = [_truncation(F32X4, sign, wrong) for wrong in values]
        ROWS[f"i32x4.relaxed_trunc_f32x4_{sign}"] = _chosen(f"trunc_{sign}", F32X4, 1, *builds)
        builds = [_narrowed(sign, _truncation(F64X2, sign, wrong)) for wrong in values]
        ROWS[f"i32x4.relaxed_trunc_f64x2_{sign}_zero"] = _chosen(f"trunc_{sign}", F64X2, 1, *builds)


_define_integers()
_define_floats()
