"""The test corpus: for every operation its sites, and for every site its inputs.

Inputs are deterministic: the corners of each type crossed with each other, and numbers
from a seeded generator. Vectors are packed from the same lanes, so that a vector
operation meets every pair that its scalar form meets.
"""

from __future__ import annotations

from functools import cache
from itertools import islice, pairwise, product
from math import prod
from random import Random
from typing import TYPE_CHECKING

from tests.semantics.oracles import ORACLES, WIDTHS, vector_of

from plumbob.semantics import CONCRETE, OPERATIONS, Site, ValueType, value_type
from plumbob.semantics.floats import FLOAT_CONDITIONS
from plumbob.semantics.integer import INT_CONDITIONS
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plumbob.semantics import Operation
    from plumbob.semantics.operation import Immediate

    Answer = tuple[int, ...] | str
    Runner = Callable[[Operation, Site], Callable[..., Answer]]

LIMIT = 1200
"""Inputs of a site, about; a vector's counts lanes' worth of them together."""

SCALAR_INTS = ("i8", "i16", "i32", "i64", "i128")
VECTOR_INTS = ("i8x8", "i8x16", "i16x8", "i32x2", "i32x4", "i64x2", "i16x32", "i64x8", "i128x2")
SCALAR_FLOATS = ("f16", "f32", "f64", "f128")
VECTOR_FLOATS = ("f16x8", "f32x2", "f32x4", "f64x2", "f32x16", "f128x2")
INTS, FLOATS = SCALAR_INTS + VECTOR_INTS, SCALAR_FLOATS + VECTOR_FLOATS
NARROWABLE = ("i16x4", "i16x8", "i32x4", "i64x2", "i32x16")
WIDENABLE = ("i8x8", "i8x16", "i16x8", "i32x4", "i8x64")
MASKS = (bytes(range(16)), bytes.fromhex("0a 13 14 08 15 06 1b 05 1c 02 11 0e 0f 10 00 1f"))
RMW = ("add", "sub", "and", "nand", "or", "xor", "xchg", "umin", "umax", "smin", "smax")


def site(operands: str, results: str, *immediates: Immediate) -> Site:
    return Site(
        tuple(map(value_type, operands.split())),
        tuple(map(value_type, results.split())),
        immediates,
    )


def _truthy(name: str) -> str:
    kind = value_type(name)
    return "i8" if kind.lanes == 1 else str(kind._replace(is_float=False))


def _same(operands: int, names: tuple[str, ...]) -> list[Site]:
    return [site(" ".join([name] * operands), name) for name in names]


def _integer_sites() -> Iterator[tuple[str, list[Site]]]:
    for name in ("ineg", "iabs", "popcnt"):
        yield name, _same(1, INTS)
    for name in ("clz", "ctz", "cls", "bitrev"):
        yield name, _same(1, SCALAR_INTS)
    yield "bswap", _same(1, SCALAR_INTS[1:])
    for name in ("iadd", "isub", "imul", "umulhi", "smulhi", "smin", "smax", "umin", "umax"):
        yield name, _same(2, INTS)
    for name in ("avg_round", "uadd_sat", "sadd_sat", "usub_sat", "ssub_sat"):
        yield name, _same(2, ("i8", *VECTOR_INTS))
    for name in ("sqmul_round_sat", "x86_pmulhrsw"):
        yield name, _same(2, ("i16x4", "i16x8", "i32x4", "i32x8"))
    for sign in "su":
        for name in ("add_overflow", "sub_overflow", "mul_overflow"):
            yield sign + name, [site(f"{n} {n}", f"{n} i8") for n in SCALAR_INTS]
        for name in ("add_overflow_cin", "sub_overflow_bin"):
            yield sign + name, [site(f"{n} {n} i8", f"{n} i8") for n in SCALAR_INTS]
        for name in ("div", "rem"):
            yield sign + name, _same(2, SCALAR_INTS)
    yield "uadd_overflow_trap", [site(f"{n} {n}", n, "user1") for n in ("i32", "i64")]
    yield "icmp", [site(f"{n} {n}", _truthy(n), c) for n in INTS for c in INT_CONDITIONS]
    for name in ("ishl", "ushr", "sshr", "rotl", "rotr"):
        amounts = [(n, a) for n in SCALAR_INTS for a in SCALAR_INTS]
        amounts += [(n, "i32") for n in VECTOR_INTS] + [("i8x16", "i8"), ("i32x4", "i64")]
        yield name, [site(f"{n} {a}", n) for n, a in amounts]


def _bit_sites() -> Iterator[tuple[str, list[Site]]]:
    anything = ("i8", "i64", "i128", "f16", "f32", "f128", "i8x16", "f32x4", "i64x8")
    for name in ("band", "bor", "bxor"):
        yield name, _same(2, anything)
    yield "bnot", _same(1, anything)
    yield "bitselect", _same(3, anything)
    yield "blendv", _same(3, ("i8x16", "i16x8", "f32x4", "f64x2"))
    for name in ("select", "select_spectre_guard"):
        yield name, [site(f"{c} {n} {n}", n) for c in ("i8", "i32", "i128") for n in anything]
    scalars = [(a, b) for a in SCALAR_INTS for b in SCALAR_INTS]
    yield "bmask", [site(a, b) for a, b in [*scalars, ("i32x4", "i32x4"), ("i8x16", "i8x16")]]
    narrower = [(a, b) for a, b in scalars if value_type(a).bits < value_type(b).bits]
    yield "ireduce", [site(b, a) for a, b in narrower]
    yield "uextend", [site(a, b) for a, b in narrower]
    yield "sextend", [site(a, b) for a, b in narrower]
    halves = list(pairwise(SCALAR_INTS))
    yield "iconcat", [site(f"{half} {half}", whole) for half, whole in halves]
    yield "isplit", [site(whole, f"{half} {half}") for half, whole in halves]
    casts = [
        ("i32", "f32", ""),
        ("f16", "i16", ""),
        ("i128", "f128", ""),
        ("i8x16", "i8x16", ""),
        ("f64x2", "i64x2", ""),
    ]
    for a, b in (("i8x16", "i32x4"), ("i64x2", "f32x4"), ("i128", "i16x8"), ("i8x8", "f64")):
        casts += [(x, y, order) for x, y in ((a, b), (b, a)) for order in ("little", "big")]
    yield "bitcast", [site(a, b, order) for a, b, order in casts]
    yield "atomic_rmw", [site(f"{n} {n}", n, op) for n in SCALAR_INTS[:4] for op in RMW]


def _float_sites() -> Iterator[tuple[str, list[Site]]]:
    for name in ("sqrt", "fneg", "fabs", "ceil", "floor", "trunc", "nearest"):
        yield name, _same(1, FLOATS)
    for name in ("fadd", "fsub", "fmul", "fdiv", "fcopysign", "fmin", "fmax"):
        yield name, _same(2, FLOATS)
    yield "fma", _same(3, FLOATS)
    yield "fcmp", [site(f"{n} {n}", _truthy(n), c) for n in FLOATS for c in FLOAT_CONDITIONS]
    shapes = [(f, i) for f in SCALAR_FLOATS for i in SCALAR_INTS]
    for name in ("fcvt_to_uint", "fcvt_to_sint"):
        yield name, [site(f, i) for f, i in shapes]
    vectors = [("f32x4", "i32x4"), ("f64x2", "i64x2"), ("f32x2", "i32x2")]
    for name in ("fcvt_to_uint_sat", "fcvt_to_sint_sat", "x86_cvtt2dq"):
        yield name, [site(f, i) for f, i in shapes + vectors]
    for name in ("fcvt_from_uint", "fcvt_from_sint"):
        yield name, [site(i, f) for f, i in shapes + vectors]
    widening = [(a, b) for i, a in enumerate(SCALAR_FLOATS) for b in SCALAR_FLOATS[i + 1 :]]
    yield "fpromote", [site(a, b) for a, b in widening]
    yield "fdemote", [site(b, a) for a, b in widening]
    yield "fvpromote_low", [site("f32x4", "f64x2")]
    yield "fvdemote", [site("f64x2", "f32x4")]


def _vector_sites() -> Iterator[tuple[str, list[Site]]]:
    vectors = ("i8x16", "i32x4", "f64x2", "i16x32", "f32x2", "i128x2")
    lanes = {name: str(value_type(name).lane) for name in vectors}
    yield "splat", [site(lanes[n], n) for n in vectors]
    yield "scalar_to_vector", [site(lanes[n], n) for n in vectors]
    picks = [(n, i) for n in vectors for i in (0, 1, value_type(n).lanes - 1)]
    yield "extractlane", [site(n, lanes[n], i) for n, i in picks]
    yield "insertlane", [site(f"{n} {lanes[n]}", n, i) for n, i in picks]
    yield "swizzle", [site("i8x16 i8x16", "i8x16")]
    yield "x86_pshufb", [site("i8x16 i8x16", "i8x16")]
    yield "shuffle", [site("i8x16 i8x16", "i8x16", mask) for mask in MASKS]
    for name in ("vany_true", "vall_true"):
        yield name, [site(n, "i8") for n in vectors]
    yield "vhigh_bits", [site(n, i) for n in (*vectors, "f32x4") for i in ("i8", "i32", "i64")]
    for name in ("snarrow", "unarrow", "uunarrow"):
        yield name, [site(f"{n} {n}", _reshaped(n, 2)) for n in NARROWABLE]
    for name in ("swiden_low", "swiden_high", "uwiden_low", "uwiden_high"):
        yield name, [site(n, _reshaped(n, -2)) for n in WIDENABLE]
    yield "iadd_pairwise", _same(2, WIDENABLE)
    yield "x86_pmaddubsw", [site("i8x16 i8x16", "i16x8")]


def _reshaped(name: str, factor: int) -> str:
    kind = value_type(name)
    if factor > 0:
        return str(ValueType(kind.is_float, kind.lane_bits // factor, kind.lanes * factor))
    return str(ValueType(kind.is_float, kind.lane_bits * -factor, kind.lanes // -factor))


SITES: dict[str, list[Site]] = {}
for _part in (_integer_sites, _bit_sites, _float_sites, _vector_sites):
    SITES.update(_part())


# Inputs.


def _generator(seed: int | str) -> Random:
    return Random(seed)  # noqa: S311 - test inputs, the same in every run


@cache
def int_lanes(w: int) -> list[int]:
    """Corners of a `w`-bit integer, and some other numbers."""
    top = 1 << (w - 1)
    corners = [0, 1, 2, 3, 7, w - 1, w, w + 1, top - 1, top, top + 1, 2 * top - 2, 2 * top - 1]
    corners += [(2 * top - 1) // 3, (2 * top - 1) // 3 * 2]
    half = 1 << w // 2 - 1  # bounds of a lane of half the width, signed and unsigned
    bounds = [half - 1, half, half + 1, 2 * half - 1, 2 * half, -half, -half - 1]
    corners += [bound % (2 * top) for bound in bounds]
    if w >= 64:
        # Just above a tie of f32 and of f64: rounded by way of a double, down to the tie.
        corners += [1 << (w - 2) | 1 << (w - 2 - precision) | 1 for precision in (24, 53)]
    rng = _generator(w)
    return list(dict.fromkeys([*corners, *(rng.getrandbits(w) for _ in range(6))]))


@cache
def float_lanes(bits: int) -> list[int]:
    """Corners of a format: zeros, subnormals, ties, bounds of integers, infinities, NaNs."""
    exponent_bits, fraction_bits = WIDTHS[bits]
    bias, one = (1 << exponent_bits - 1) - 1, 1 << fraction_bits
    most = (1 << exponent_bits) - 1
    infinity = most << fraction_bits

    def power(exponent: int) -> int:
        return min(exponent + bias, most) << fraction_bits

    positive = [0, 1, 2, one - 1, one, one + 1, infinity - 1, infinity - 2, infinity]
    positive += [power(e) for e in (-1, 0, 1, 2, -fraction_bits, -bias // 2)]
    positive += [
        power(0) | one >> 1,
        power(0) + 1,
        power(0) - 1,
        power(1) | one >> 2,
        power(-1) + 1,
    ]
    positive += [power(1) | one >> 1, power(2) | one >> 3, power(-1) - 1]
    positive += [power(fraction_bits), power(fraction_bits) - 1, power(fraction_bits - 1) + 1]
    for e in (7, 8, 15, 16, 31, 32, 63, 64, 127, 128):
        if e <= bias:
            positive += [power(e) - 1, power(e)]
    for _, narrower in WIDTHS.values():
        if narrower < fraction_bits:
            tie = power(0) | one >> (narrower + 1)
            positive += [tie - 1, tie, tie + 1]
    nans = [infinity | 1, infinity | one >> 1, infinity | one >> 1 | 5, infinity | one - 1]
    rng = _generator(bits)
    randoms = [rng.getrandbits(bits - 1) for _ in range(3)]
    randoms += [power(rng.randrange(-3, 4)) | rng.getrandbits(fraction_bits) for _ in range(4)]
    sign = 1 << (bits - 1)
    unsigned = dict.fromkeys([*positive, *nans, *randoms])
    return [x | s for x in unsigned for s in (0, sign)]


def lanes_for(kind: ValueType) -> list[int]:
    return float_lanes(kind.lane_bits) if kind.is_float else int_lanes(kind.lane_bits)


@cache
def core_lanes(kind: ValueType) -> list[int]:
    """The values whose every combination must be met: zeros, extremes, infinities, NaNs."""
    w, top = kind.lane_bits, 1 << (kind.lane_bits - 1)
    if not kind.is_float:
        return [0, 1, top - 1, top, 2 * top - 1]
    exponent_bits, fraction_bits = WIDTHS[w]
    one = ((1 << exponent_bits - 1) - 1) << fraction_bits
    infinity = ((1 << exponent_bits) - 1) << fraction_bits
    quiet, signalling = infinity | 1 << fraction_bits - 1 | 5, infinity | 1
    positive = [0, 1, one, infinity - 1, infinity, quiet, signalling]
    return [x | s for x in positive for s in (0, top)]


def inputs(where: Site, *, limit: int = LIMIT) -> Iterator[tuple[int, ...]]:
    """Give operand tuples for a site: the cross product of the corners.

    Where that is more than `limit`: the product of the core values, and a sample with a
    fixed seed.
    """
    width = max(kind.lanes for kind in where.operands)
    tuples = _crossed([kind.lane for kind in where.operands], limit)
    if width == 1:
        yield from tuples
        return
    if len(where.operands) == 1:
        yield from ((vector,) for vector in odd_ones_out(where.operands[0]))
    # Shuffled, so that neighbouring lanes differ and a wrong permutation shows.
    rows = list(tuples)
    _generator(len(rows)).shuffle(rows)
    tuples = iter(rows)
    while chunk := list(islice(tuples, width)):
        chunk += [chunk[0]] * (width - len(chunk))
        yield tuple(
            vector_of(kind, [row[i] for row in chunk[: kind.lanes]])
            for i, kind in enumerate(where.operands)
        )


def odd_ones_out(kind: ValueType) -> Iterator[int]:
    """Give vectors whose lanes are all the same, or all but one, as reductions need them."""
    zero, *others = core_lanes(kind.lane)
    for lane in others:
        yield vector_of(kind, [lane] * kind.lanes)
        for place in (0, kind.lanes // 2, kind.lanes - 1):
            lanes = [zero] * kind.lanes
            yield vector_of(kind, [*lanes[:place], lane, *lanes[place + 1 :]])
            lanes = [lane] * kind.lanes
            yield vector_of(kind, [*lanes[:place], zero, *lanes[place + 1 :]])
    yield 0


def _crossed(kinds: list[ValueType], limit: int) -> Iterator[tuple[int, ...]]:
    pools = [lanes_for(kind) for kind in kinds]
    if prod(map(len, pools)) <= limit:
        yield from product(*pools)
        return
    yield from product(*(core_lanes(kind) for kind in kinds))
    rng = _generator(repr(kinds))
    for _ in range(limit):
        yield tuple(rng.choice(pool) for pool in pools)


# Running.


def concrete_runner(operation: Operation, where: Site) -> Callable[..., Answer]:
    """Interpret the definition over the concrete domain."""

    def run(*values: int) -> Answer:
        outcome = operation.outcome(CONCRETE, where, values)
        for trap in outcome.traps:
            if trap.condition:
                return trap.code
        return outcome.results

    return run


def source_runner(operation: Operation, where: Site) -> Callable[..., Answer]:
    """Compile the definition with a library of its own, so that a mutant is seen."""
    function = SourceLibrary().function(operation, where)

    def run(*values: int) -> Answer:
        answer = function(*values)
        return (answer,) if isinstance(answer, int) else answer

    return run


RUNNERS: dict[str, Runner] = {"concrete": concrete_runner, "source": source_runner}


def first_failure(operation: Operation, runner: Runner) -> str | None:
    """Say where `operation` first differs from its oracle over all its sites, or None."""
    # A comparison has a site for every condition: each gets fewer inputs.
    limit = min(LIMIT, max(12 * LIMIT // len(SITES[operation.name]), LIMIT // 8))
    for where in SITES[operation.name]:
        run = runner(operation, where)
        for values in inputs(where, limit=limit):
            expected, found = ORACLES[operation.name](where, *values), run(*values)
            if expected != found:
                return describe(operation.name, where, values, expected, found)
    return None


def describe(
    name: str, where: Site, values: tuple[int, ...], expected: Answer, found: Answer
) -> str:
    types = " ".join(map(str, where.operands))
    operands = ", ".join(map(hex, values))
    return (
        f"{name} {where.immediates} {types} -> {' '.join(map(str, where.results))} "
        f"on {operands}: expected {_show(expected)}, found {_show(found)}"
    )


def _show(answer: Answer) -> str:
    return answer if isinstance(answer, str) else ", ".join(map(hex, answer))


assert set(SITES) == set(ORACLES) == set(OPERATIONS)
