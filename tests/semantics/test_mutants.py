"""Planted faults: every one must be caught by the corpus, in the interpreter and in source.

A mutant replaces one definition, or one function that definitions share, by a wrong one
of the kind that compilers have really had. The corpus then has to find a difference for
each operation named. A mutant that survives means that the corpus has a hole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.semantics.corpus import RUNNERS, first_failure

from plumbob.semantics import (
    CONCRETE,
    OPERATIONS,
    Outcome,
    conversions,
    floats,
    ieee,
    integer,
    mpfr,
    vector,
)
from plumbob.semantics import bits as bits_module
from plumbob.semantics.encoding import exact_bits, f32_bits, is_finite, parts
from plumbob.semantics.operation import Definitions, lanewise
from plumbob.semantics.types import F32

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from tests.semantics.corpus import Runner

    from plumbob.semantics import Domain, FloatFormat, Operation, Site, ValueType

    AnyDomain = Domain[Any, Any]
    Result = Outcome[Any, Any]

rows = Definitions()
MUTANTS: dict[str, Operation] = rows.rows
"""Operations with a wrong definition, by the operation's name."""


class SharedMutant(NamedTuple):
    """A wrong function in place of one that several definitions use."""

    module: ModuleType
    attribute: str
    replacement: Callable[..., Any]
    operations: tuple[str, ...]


# Wrong definitions.


@rows.general("uadd_overflow_trap", "trap")
def _missing_overflow_trap(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    return Outcome((d.add(site.operands[0].bits, x, y),))


@rows.general("sdiv")
def _missing_quotient_overflow(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    outcome = integer.sdiv(d, site, x, y)
    return Outcome(outcome.results, outcome.traps[:1])


@rows.general("udiv")
def _missing_zero_divisor(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    one = d.const(site.operands[0].bits, 1)
    divisor = d.select(site.operands[0].bits, integer.is_zero(d, site.operands[0].bits, y), one, y)
    return Outcome((d.udiv(site.operands[0].bits, x, divisor),))


@rows.general("srem")
def _remainder_of_the_divisors_sign(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    w = site.operands[0].bits
    (rest,), traps = integer.srem(d, site, x, y)
    differ = d.negate(d.eq(1, d.extract(w, rest, w - 1, 1), d.extract(w, y, w - 1, 1)))
    moved = d.both(differ, d.negate(integer.is_zero(d, w, rest)))
    return Outcome((d.select(w, moved, d.add(w, rest, y), rest),), traps)


@rows.general("icmp", "intcc")
def _signs_swapped(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    condition = str(site.immediates[0])
    swapped = {"s": "u", "u": "s"}.get(condition[0], condition[0]) + condition[1:]
    return integer.icmp(d, site._replace(immediates=(swapped,)), x, y)


@rows.integer("smulhi")
def _unsigned_high_product(d: AnyDomain, w: int, x: Any, y: Any) -> Any:
    return integer.umulhi(d, w, x, y)


@rows.integer("avg_round")
def _average_loses_its_carry(d: AnyDomain, w: int, x: Any, y: Any) -> Any:
    one = d.const(w, 1)
    return d.lshr(w, d.add(w, d.add(w, x, y), one), one)


@rows.integer("sqmul_round_sat")
def _product_not_clamped(d: AnyDomain, w: int, x: Any, y: Any) -> Any:
    return integer.x86_pmulhrsw(d, w, x, y)


@rows.integer("popcnt")
def _popcnt_of_the_low_half(d: AnyDomain, w: int, x: Any) -> Any:
    return d.zero_extend(w // 2, d.popcount(w // 2, d.extract(w, x, 0, w // 2)), w)


@rows.integer("cls")
def _sign_bit_counted(d: AnyDomain, w: int, x: Any) -> Any:
    return d.add(w, integer.cls(d, w, x), d.const(w, 1))


@rows.integer("ctz")
def _zero_has_no_trailing_zeros(d: AnyDomain, w: int, x: Any) -> Any:
    zero = d.const(w, 0)
    return d.select(w, d.eq(w, x, zero), zero, d.trailing_zeros(w, x))


@rows.integer("iabs")
def _smallest_number_clamped(d: AnyDomain, w: int, x: Any) -> Any:
    smallest, greatest = d.const(w, 1 << (w - 1)), d.const(w, (1 << (w - 1)) - 1)
    return d.select(w, d.eq(w, x, smallest), greatest, integer.iabs(d, w, x))


@rows.general("rotl")
def _rotation_unmasked(d: AnyDomain, site: Site, x: Any, n: Any) -> Result:
    """Rotate by the amount modulo twice the width, as if it were a double-width shift."""
    kind, amount = site.operands
    w = kind.lane_bits
    masked = integer.shift_amount(d, amount, 2 * w, n)

    def lane(a: Any) -> Any:
        shifted = d.shl(2 * w, d.zero_extend(w, a, 2 * w), masked)
        return d.or_(w, d.extract(2 * w, shifted, 0, w), d.extract(2 * w, shifted, w, w))

    return Outcome((lanewise(d, (kind,), site.results[0], lane, (x,)),))


@rows.general("bitselect")
def _arms_swapped(d: AnyDomain, site: Site, c: Any, x: Any, y: Any) -> Result:
    return bits_module.bitselect(d, site, c, y, x)


@rows.general("bitcast", "byte_order")
def _byte_order_ignored(_d: AnyDomain, _site: Site, x: Any) -> Result:
    return Outcome((x,))


@rows.converting("sextend")
def _zero_extended(d: AnyDomain, of: ValueType, to: ValueType, x: Any) -> Any:
    return d.zero_extend(of.bits, x, to.bits)


@rows.general("swizzle")
def _index_wraps(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    return vector.x86_pshufb(d, site, x, y)


@rows.general("snarrow")
def _narrowing_truncates(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    of, to = site.operands[0], site.results[0]
    lanes = [*d.split(of.bits, x, of.lanes), *d.split(of.bits, y, of.lanes)]
    cut = [d.extract(of.lane_bits, lane, 0, to.lane_bits) for lane in lanes]
    return Outcome((d.join(to.lane_bits, cut),))


@rows.general("unarrow")
def _narrowing_of_unsigned_lanes(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    return vector.uunarrow(d, site, x, y)


@rows.general("iadd_pairwise")
def _pairs_interleaved(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    kind = site.operands[0]
    sums = vector.iadd_pairwise(d, site, x, y).results[0]
    lanes = d.split(kind.bits, sums, kind.lanes)
    half = kind.lanes // 2
    mixed = [lane for pair in zip(lanes[:half], lanes[half:], strict=True) for lane in pair]
    return Outcome((d.join(kind.lane_bits, mixed),))


@rows.general("x86_pmaddubsw")
def _signs_of_the_other_operand(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    return vector.x86_pmaddubsw(d, site, y, x)


@rows.general("vhigh_bits")
def _lanes_from_the_top(d: AnyDomain, site: Site, x: Any) -> Result:
    kind = site.operands[0]
    lanes = d.split(kind.bits, x, kind.lanes)
    return vector.vhigh_bits(d, site, d.join(kind.lane_bits, lanes[::-1]))


@rows.general("vall_true")
def _any_lane_will_do(d: AnyDomain, site: Site, x: Any) -> Result:
    return vector.vany_true(d, site, x)


@rows.floating("fmin")
def _minimum_ignores_the_sign_of_zero(d: AnyDomain, f: FloatFormat, x: Any, y: Any) -> Any:
    zeros = integer.is_zero(d, f.bits, floats.magnitude(d, f, d.or_(f.bits, x, y)))
    return d.select(f.bits, zeros, y, floats.fmin(d, f, x, y))


@rows.floating("fmax")
def _maximum_prefers_the_number(d: AnyDomain, f: FloatFormat, x: Any, y: Any) -> Any:
    """As IEEE 754-2008's maxNum: a NaN loses against a number."""
    w, nan = f.bits, floats.is_nan(d, f, y)
    return d.select(w, d.both(nan, d.negate(floats.is_nan(d, f, x))), x, floats.fmax(d, f, x, y))


@rows.floating("fma")
def _multiplied_then_added(d: AnyDomain, f: FloatFormat, x: Any, y: Any, z: Any) -> Any:
    return floats.with_nan(d, f, d.float_add(f, d.float_mul(f, x, y), z), x, y, z)


@rows.floating("fneg")
def _subtracted_from_zero(d: AnyDomain, f: FloatFormat, x: Any) -> Any:
    return floats.fsub(d, f, d.const(f.bits, 0), x)


@rows.general("fcmp", "floatcc")
def _unordered_forgotten(d: AnyDomain, site: Site, x: Any, y: Any) -> Result:
    ordered = {"ueq": "eq", "ult": "lt", "ule": "le", "ugt": "gt", "uge": "ge", "ne": "one"}
    condition = str(site.immediates[0])
    return floats.fcmp(d, site._replace(immediates=(ordered.get(condition, condition),)), x, y)


@rows.general("fcvt_to_sint")
def _nan_becomes_an_overflow(d: AnyDomain, site: Site, x: Any) -> Result:
    outcome = conversions.fcvt_to_sint(d, site, x)
    return Outcome(outcome.results, tuple(trap._replace(code="int_ovf") for trap in outcome.traps))


@rows.converting("fdemote")
def _demoted_in_two_steps(d: AnyDomain, of: ValueType, to: ValueType, x: Any) -> Any:
    if of.bits <= 32 or to.bits == 32:
        return conversions.fdemote(d, of, to, x)
    middle = of._replace(lane_bits=of.bits // 2)
    return conversions.fdemote(d, middle, to, conversions.fdemote(d, of, middle, x))


@rows.converting("fcvt_from_uint")
def _integer_taken_as_signed(d: AnyDomain, of: ValueType, to: ValueType, x: Any) -> Any:
    return conversions.fcvt_from_sint(d, of, to, x)


@rows.converting("fpromote")
def _payload_not_aligned(d: AnyDomain, of: ValueType, to: ValueType, x: Any) -> Any:
    f, g = of.format, to.format
    nan = d.const(g.bits, g.default_nan)
    return d.select(g.bits, floats.is_nan(d, f, x), nan, conversions.fpromote(d, of, to, x))


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=list(RUNNERS))
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_definition_is_caught(name: str, runner: Runner) -> None:
    assert MUTANTS[name].immediates == OPERATIONS[name].immediates
    assert first_failure(MUTANTS[name], runner) is not None


# Wrong shared functions.


def _wide_shift_mask(d: AnyDomain, amount: ValueType, w: int, n: Any) -> Any:
    """Masks to twice the width, as a narrow shift done in a wider register would."""
    low = d.extract(amount.bits, n, 0, min(w, amount.bits))
    low = d.zero_extend(min(w, amount.bits), low, w)
    return d.and_(w, low, d.const(w, 2 * w - 1))


def _payload_dropped(d: AnyDomain, f: FloatFormat, *_operands: Any) -> Any:
    return d.const(f.bits, f.default_nan)


def _last_nan_wins(d: AnyDomain, f: FloatFormat, *operands: Any) -> Any:
    result = d.const(f.bits, f.default_nan)
    for x in operands:
        result = d.select(f.bits, floats.is_nan(d, f, x), floats.quiet(d, f, x), result)
    return result


def _half_away_from_zero(f: FloatFormat, mode: Any, x: int) -> int:
    if mode != "nearest" or not is_finite(f, x):
        return _round_integral(f, mode, x)
    negative, significand, exponent = parts(f, x)
    if exponent >= 0:
        return x
    return exact_bits(f, negative, (significand + (1 << (-exponent - 1))) >> -exponent, 0)


def _positive_zero(f: FloatFormat, mode: Any, x: int) -> int:
    rounded = _round_integral(f, mode, x)
    return 0 if rounded == f.sign_mask else rounded


def _bounds_off_by_one(w: int, *, signed: bool) -> tuple[int, int]:
    low, high = _integer_bounds(w, signed=signed)
    return low, high - 1


def _rounded_twice(to: FloatFormat, n: int) -> int:
    return f32_bits(float(n)) if to is F32 else _from_integer(to, n)


def _flushed(f: FloatFormat, negative: bool, significand: int, exponent: int) -> int:  # noqa: FBT001 - as in `encoding`
    exact = exact_bits(f, negative, significand, exponent)
    return exact if exact & f.infinity else exact & f.sign_mask


_round_integral, _integer_bounds = ieee.round_integral, conversions.integer_bounds
_from_integer = ieee.from_integer

SHARED = {
    "shift mask of twice the width": SharedMutant(
        integer, "shift_amount", _wide_shift_mask, ("ishl", "ushr", "sshr", "rotr")
    ),
    "payload of a NaN dropped": SharedMutant(
        floats, "quieted_nan", _payload_dropped, ("fadd", "fdiv", "sqrt", "fma", "fmin", "ceil")
    ),
    "last NaN operand instead of the first": SharedMutant(
        floats, "quieted_nan", _last_nan_wins, ("fadd", "fsub", "fmul", "fma", "fmax")
    ),
    "signalling NaN not quieted": SharedMutant(
        floats, "quiet", lambda _d, _f, x: x, ("fadd", "fmin", "nearest", "sqrt")
    ),
    "infinity taken for a NaN": SharedMutant(
        floats,
        "is_nan",
        lambda d, f, x: d.ule(f.bits, d.const(f.bits, f.infinity), floats.magnitude(d, f, x)),
        ("fadd", "fcmp", "fmin"),
    ),
    "ties away from zero": SharedMutant(ieee, "round_integral", _half_away_from_zero, ("nearest",)),
    "sign of a rounded zero lost": SharedMutant(
        ieee, "round_integral", _positive_zero, ("ceil", "trunc", "nearest")
    ),
    "saturation one below the bound": SharedMutant(
        conversions, "integer_bounds", _bounds_off_by_one, ("fcvt_to_sint_sat", "fcvt_to_uint_sat")
    ),
    "range check that lets the bound through": SharedMutant(
        conversions,
        "above_range",
        lambda d, f, w, x, *, signed: floats.float_lt(
            d, f, d.const(f.bits, conversions.power_of_two(f, w - signed)), x
        ),
        ("fcvt_to_sint", "fcvt_to_uint", "fcvt_to_sint_sat"),
    ),
    "integer rounded twice on its way to f32": SharedMutant(
        ieee, "from_integer", _rounded_twice, ("fcvt_from_uint", "fcvt_from_sint")
    ),
    "subnormal f128 products flushed": SharedMutant(mpfr, "exact_bits", _flushed, ("fmul",)),
    "unsigned saturation of a signed lane": SharedMutant(
        integer, "saturate_signed", integer.saturate_unsigned, ("sadd_sat", "ssub_sat")
    ),
    "bytes of lanes not swapped": SharedMutant(
        bits_module, "swap_lane_bytes", lambda _d, _kind, x: x, ("bitcast",)
    ),
    "half of the carry": SharedMutant(
        integer, "_carry", lambda d, v, c: d.zero_extend(8, c, v), ("uadd_overflow_cin",)
    ),
}


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=list(RUNNERS))
@pytest.mark.parametrize(
    ("mutant", "name"),
    [(mutant, name) for mutant, shared in SHARED.items() for name in shared.operations],
)
def test_a_wrong_shared_function_is_caught(
    mutant: str, name: str, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SHARED[mutant]
    monkeypatch.setattr(shared.module, shared.attribute, shared.replacement)
    assert first_failure(OPERATIONS[name], runner) is not None


# Wrong primitives of the concrete domain.

PRIMITIVES: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "leading_zeros": (lambda w, x: max(w - x.bit_length(), 0) if x else 0, ("clz", "cls")),
    "ashr": (lambda _w, x, n: x >> n, ("sshr", "sqmul_round_sat")),
    "slt": (lambda _w, x, y: x < y, ("smin", "iabs", "fcmp", "snarrow")),
    "sdiv": (lambda w, x, y: x // y & ((1 << w) - 1) if y else 0, ("sdiv",)),
    "reverse_bytes": (lambda _w, x: x, ("bswap", "bitcast")),
    "not_": (lambda _w, x: x, ("bnot", "bitselect")),
}


@pytest.mark.parametrize(
    ("primitive", "name"),
    [(primitive, name) for primitive, (_, names) in PRIMITIVES.items() for name in names],
)
def test_a_wrong_primitive_is_caught(
    primitive: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CONCRETE, primitive, PRIMITIVES[primitive][0])
    assert first_failure(OPERATIONS[name], RUNNERS["concrete"]) is not None
