"""WebAssembly's numeric operators in terms of the semantics' operations.

An independent engine executes the same operators; `test_wasmtime` compares. An operator
is a function of bit patterns: i32, i64, f32, f64 and v128 alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.semantics.corpus import site

from plumbob.semantics import OPERATIONS, value_type
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.semantics import ValueType
    from plumbob.semantics.operation import Immediate

    Function = Callable[..., int | str]

LIBRARY = SourceLibrary()


class Operator(NamedTuple):
    """`operands` give the lanes that inputs are made of; `result` those of the result.

    `text` is the operator with its immediates as WebAssembly text; `makes_nans` says
    that the result may be a NaN of the engine's choice.
    """

    text: str
    operands: tuple[ValueType, ...]
    result: ValueType
    function: Function
    makes_nans: bool = False


OPERATORS: dict[str, Operator] = {}
SHAPES = ("i8x16", "i16x8", "i32x4", "i64x2")
FLOAT_SHAPES = ("f32x4", "f64x2")
HALF = {"i16x8": "i8x16", "i32x4": "i16x8", "i64x2": "i32x4"}
SIGNS = {"s": "s", "u": "u"}
NANS = ("fadd", "fsub", "fmul", "fdiv", "fmin", "fmax", "sqrt", "ceil", "floor", "trunc", "nearest")


def op(name: str, operands: str, results: str, *immediates: Immediate) -> Function:
    """The compiled operation at a site."""
    return LIBRARY.function(OPERATIONS[name], site(operands, results, *immediates))


def add(
    name: str,
    operands: str,
    result: str,
    function: Function,
    *,
    text: str | None = None,
    makes_nans: bool = False,
) -> None:
    kinds = tuple(value_type(kind) for kind in operands.split())
    OPERATORS[name] = Operator(text or name, kinds, value_type(result), function, makes_nans)


def same(name: str, kind: str, operation: str, operands: int = 2) -> None:
    """An operator that is one operation, all of one type."""
    types = " ".join([kind] * operands)
    add(f"{kind}.{name}", types, kind, op(operation, types, kind), makes_nans=operation in NANS)


def truth(kind: str) -> str:
    """The type of a comparison's result in CLIF."""
    return "i8" if value_type(kind).lanes == 1 else str(value_type(kind)._replace(is_float=False))


def comparison(name: str, kind: str, operation: str, condition: str) -> None:
    result = truth(kind)
    compare = op(operation, f"{kind} {kind}", result, condition)
    add(f"{kind}.{name}", f"{kind} {kind}", "i32" if result == "i8" else result, compare)


def _integers() -> None:
    for kind in ("i32", "i64"):
        for name in ("clz", "ctz", "popcnt"):
            same(name, kind, name, 1)
        for name in ("add", "sub", "mul"):
            same(name, kind, f"i{name}")
        for name in ("and", "or", "xor"):
            same(name, kind, f"b{name}")
        for sign in "su":
            same(f"div_{sign}", kind, f"{sign}div")
            same(f"rem_{sign}", kind, f"{sign}rem")
            same(f"shr_{sign}", kind, f"{sign}shr")
        same("shl", kind, "ishl")
        same("rotl", kind, "rotl")
        same("rotr", kind, "rotr")
        equal = op("icmp", f"{kind} {kind}", "i8", "eq")
        add(f"{kind}.eqz", kind, "i32", lambda x, equal=equal: equal(x, 0))
        for bits in (8, 16, 32):
            if bits < value_type(kind).bits:
                cut, widen = op("ireduce", kind, f"i{bits}"), op("sextend", f"i{bits}", kind)
                narrow = lambda x, cut=cut, widen=widen: widen(cut(x))  # noqa: E731 - bound here
                add(f"{kind}.extend{bits}_s", kind, kind, narrow)
    add("i32.wrap_i64", "i64", "i32", op("ireduce", "i64", "i32"))
    add("i64.extend_i32_s", "i32", "i64", op("sextend", "i32", "i64"))
    add("i64.extend_i32_u", "i32", "i64", op("uextend", "i32", "i64"))


def _comparisons() -> None:
    for kind in ("i32", "i64", *SHAPES):
        for condition in ("eq", "ne"):
            comparison(condition, kind, "icmp", condition)
        for condition in ("lt", "le", "gt", "ge"):
            for sign in "su":
                if (kind, sign) != ("i64x2", "u"):
                    comparison(f"{condition}_{sign}", kind, "icmp", sign + condition)
    for kind in ("f32", "f64", *FLOAT_SHAPES):
        for condition in ("eq", "ne", "lt", "le", "gt", "ge"):
            comparison(condition, kind, "fcmp", condition)


def _floats() -> None:
    for kind in ("f32", "f64", *FLOAT_SHAPES):
        for name in ("ceil", "floor", "trunc", "nearest", "sqrt"):
            same(name, kind, name, 1)
        same("abs", kind, "fabs", 1)
        same("neg", kind, "fneg", 1)
        for name in ("add", "sub", "mul", "div", "min", "max"):
            same(name, kind, f"f{name}")
        if value_type(kind).lanes == 1:
            same("copysign", kind, "fcopysign")
    for kind in FLOAT_SHAPES:
        less = op("fcmp", f"{kind} {kind}", truth(kind), "lt")
        choose = op("bitselect", f"{kind} {kind} {kind}", kind)
        types = f"{kind} {kind}"
        add(f"{kind}.pmin", types, kind, _pseudo(less, choose, swapped=True))
        add(f"{kind}.pmax", types, kind, _pseudo(less, choose, swapped=False))
    for f in ("f32", "f64"):
        for i in ("i32", "i64"):
            for sign in "su":
                to = op(f"fcvt_to_{sign}int", f, i)
                add(f"{i}.trunc_{f}_{sign}", f, i, to)
                clamped = op(f"fcvt_to_{sign}int_sat", f, i)
                add(f"{i}.trunc_sat_{f}_{sign}", f, i, clamped)
                add(f"{f}.convert_{i}_{sign}", i, f, op(f"fcvt_from_{sign}int", i, f))
    add("f32.demote_f64", "f64", "f32", op("fdemote", "f64", "f32"), makes_nans=True)
    add("f64.promote_f32", "f32", "f64", op("fpromote", "f32", "f64"), makes_nans=True)
    for a, b in (("i32", "f32"), ("i64", "f64")):
        add(f"{b}.reinterpret_{a}", a, b, op("bitcast", a, b, ""))
        add(f"{a}.reinterpret_{b}", b, a, op("bitcast", b, a, ""))


def _pseudo(less: Function, choose: Function, *, swapped: bool) -> Function:
    """`y < x ? y : x` for the pseudo-minimum, `x < y ? y : x` for the pseudo-maximum."""
    return lambda x, y: choose(less(y, x) if swapped else less(x, y), y, x)


def _lanes() -> None:
    for kind in SHAPES:
        same("add", kind, "iadd")
        same("sub", kind, "isub")
        same("neg", kind, "ineg", 1)
        same("abs", kind, "iabs", 1)
        if kind != "i8x16":
            same("mul", kind, "imul")
        for name, operation in (("shl", "ishl"), ("shr_s", "sshr"), ("shr_u", "ushr")):
            add(f"{kind}.{name}", f"{kind} i32", kind, op(operation, f"{kind} i32", kind))
        if kind != "i64x2":
            for name in ("min", "max"):
                for sign in "su":
                    same(f"{name}_{sign}", kind, sign + name)
        add(f"{kind}.all_true", kind, "i32", op("vall_true", kind, "i8"))
        add(f"{kind}.bitmask", kind, "i32", op("vhigh_bits", kind, "i32"))
    for kind in ("i8x16", "i16x8"):
        for name in ("add", "sub"):
            for sign in "su":
                same(f"{name}_sat_{sign}", kind, f"{sign}{name}_sat")
        same("avgr_u", kind, "avg_round")
    same("popcnt", "i8x16", "popcnt", 1)
    same("q15mulr_sat_s", "i16x8", "sqmul_round_sat")
    same("swizzle", "i8x16", "swizzle")
    for kind in ("i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2"):
        lane = str(value_type(kind).lane)
        wide = "i32" if lane in ("i8", "i16") else lane
        splat = op("splat", lane, kind)
        if wide == lane:
            add(f"{kind}.splat", lane, kind, splat)
        else:
            cut = op("ireduce", wide, lane)
            add(f"{kind}.splat", wide, kind, lambda x, cut=cut, splat=splat: splat(cut(x)))


def _logic() -> None:
    v = "i8x16"
    for name in ("and", "or", "xor"):
        add(f"v128.{name}", f"{v} {v}", v, op(f"b{name}", f"{v} {v}", v))
    complement, both = op("bnot", v, v), op("band", f"{v} {v}", v)
    add("v128.not", v, v, complement)
    add("v128.andnot", f"{v} {v}", v, lambda x, y: both(x, complement(y)))
    choose = op("bitselect", f"{v} {v} {v}", v)
    add("v128.bitselect", f"{v} {v} {v}", v, lambda x, y, c: choose(c, x, y))
    add("v128.any_true", v, "i32", op("vany_true", v, "i8"))
    mask = bytes.fromhex("0a 13 14 08 15 06 1b 05 1c 02 11 0e 0f 10 00 1f")
    picks = " ".join(map(str, mask))
    shuffle = op("shuffle", f"{v} {v}", v, mask)
    add("i8x16.shuffle", f"{v} {v}", v, shuffle, text=f"i8x16.shuffle {picks}")


def _lane_access() -> None:
    for kind, lane, index in (("i32x4", "i32", 2), ("i64x2", "i64", 1), ("f32x4", "f32", 3)):
        extract = op("extractlane", kind, lane, index)
        name = f"{kind}.extract_lane"
        add(name, kind, lane, extract, text=f"{name} {index}")
        replace = op("insertlane", f"{kind} {lane}", kind, index)
        name = f"{kind}.replace_lane"
        add(name, f"{kind} {lane}", kind, replace, text=f"{name} {index}")
    for kind, lane, index in (("i8x16", "i8", 9), ("i16x8", "i16", 5)):
        for sign, extend in (("s", "sextend"), ("u", "uextend")):
            extract, widen = op("extractlane", kind, lane, index), op(extend, lane, "i32")
            name = f"{kind}.extract_lane_{sign}"
            both = lambda x, extract=extract, widen=widen: widen(extract(x))  # noqa: E731 - bound here
            add(name, kind, "i32", both, text=f"{name} {index}")


def _widths() -> None:
    for whole, half in HALF.items():
        for sign in "su":
            low, high = op(f"{sign}widen_low", half, whole), op(f"{sign}widen_high", half, whole)
            add(f"{whole}.extend_low_{half}_{sign}", half, whole, low)
            add(f"{whole}.extend_high_{half}_{sign}", half, whole, high)
            times = op("imul", f"{whole} {whole}", whole)
            for name, part in (("low", low), ("high", high)):
                multiply = lambda x, y, part=part, times=times: times(part(x), part(y))  # noqa: E731 - bound here
                add(f"{whole}.extmul_{name}_{half}_{sign}", f"{half} {half}", whole, multiply)
            if whole != "i64x2":
                pairs = op("iadd_pairwise", f"{whole} {whole}", whole)
                total = lambda x, l=low, h=high, pairs=pairs: pairs(l(x), h(x))  # noqa: E731, E741 - bound here
                add(f"{whole}.extadd_pairwise_{half}_{sign}", half, whole, total)
        if whole != "i64x2":
            for sign, name in (("s", "snarrow"), ("u", "unarrow")):
                types = f"{whole} {whole}"
                add(f"{half}.narrow_{whole}_{sign}", types, half, op(name, types, half))
    low, high = op("swiden_low", "i16x8", "i32x4"), op("swiden_high", "i16x8", "i32x4")
    times, pairs = op("imul", "i32x4 i32x4", "i32x4"), op("iadd_pairwise", "i32x4 i32x4", "i32x4")
    add(
        "i32x4.dot_i16x8_s",
        "i16x8 i16x8",
        "i32x4",
        lambda x, y: pairs(times(low(x), low(y)), times(high(x), high(y))),
    )


def _vector_conversions() -> None:
    for sign in "su":
        clamp = op(f"fcvt_to_{sign}int_sat", "f32x4", "i32x4")
        add(f"i32x4.trunc_sat_f32x4_{sign}", "f32x4", "i32x4", clamp)
        wide = op(f"fcvt_to_{sign}int_sat", "f64x2", "i64x2")
        narrow = op("snarrow" if sign == "s" else "uunarrow", "i64x2 i64x2", "i32x4")
        zeroed = lambda x, wide=wide, narrow=narrow: narrow(wide(x), 0)  # noqa: E731 - bound here
        add(f"i32x4.trunc_sat_f64x2_{sign}_zero", "f64x2", "i32x4", zeroed)
        to_single = op(f"fcvt_from_{sign}int", "i32x4", "f32x4")
        add(f"f32x4.convert_i32x4_{sign}", "i32x4", "f32x4", to_single)
        widen = op(f"{sign}widen_low", "i32x4", "i64x2")
        convert = op("fcvt_from_sint", "i64x2", "f64x2")
        to_double = lambda x, widen=widen, convert=convert: convert(widen(x))  # noqa: E731 - bound here
        add(f"f64x2.convert_low_i32x4_{sign}", "i32x4", "f64x2", to_double)
    demote, promote = op("fvdemote", "f64x2", "f32x4"), op("fvpromote_low", "f32x4", "f64x2")
    add("f32x4.demote_f64x2_zero", "f64x2", "f32x4", demote, makes_nans=True)
    add("f64x2.promote_low_f32x4", "f32x4", "f64x2", promote, makes_nans=True)


for _part in (
    _integers,
    _comparisons,
    _floats,
    _lanes,
    _logic,
    _lane_access,
    _widths,
    _vector_conversions,
):
    _part()
