"""Conversions between integers and floats, and between floating-point formats.

To an integer: the number is rounded towards zero first; then the in-range test is exact,
because the bounds are powers of two (or zero), which a format holds exactly unless they
lie beyond its largest number, and then every finite number is within them.
"""

# ruff: noqa: D401 - a definition's docstring says what its result is
from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.semantics.floats import (
    float_le,
    float_lt,
    is_nan,
    is_noncanonical_nan,
    negative_nan,
)
from plumbob.semantics.operation import Definitions, Outcome, Trap

if TYPE_CHECKING:
    from plumbob.semantics.domain import B, Domain, V
    from plumbob.semantics.operation import Site
    from plumbob.semantics.types import FloatFormat, ValueType

define = Definitions()

CLAMPED = 128
"""The result width at which CLIF's conversions depart from their rule.

No machine backend converts a float to i128. Cranelift's interpreter does, by way of the
signed range, and its run tests (i128-conversion.clif) pin what follows: a number beyond
the signed range becomes that range's bound, whether the target is signed or not and
whether the operation traps or saturates. What still traps is a NaN, and a negative number
on its way to an unsigned integer. See docs/decisions/034-conversions-to-i128.md.
"""


def power_of_two(f: FloatFormat, exponent: int) -> int:
    """Return the encoding of `2**exponent` for `exponent >= 0`; infinity beyond the range."""
    return f.infinity if exponent > f.emax else (exponent + f.emax) << f.fraction_bits


def below_range(d: Domain[V, B], f: FloatFormat, w: int, x: V, *, signed: bool) -> B:
    """Say whether the integral number `x` is less than a `w`-bit integer's least value."""
    if not signed:
        return float_lt(d, f, x, d.const(f.bits, 0))
    low = d.const(f.bits, power_of_two(f, w - 1) | f.sign_mask)
    # Beyond the format's range `low` is -infinity, which itself is out of range.
    return float_le(d, f, x, low) if w - 1 > f.emax else float_lt(d, f, x, low)


def above_range(d: Domain[V, B], f: FloatFormat, w: int, x: V, *, signed: bool) -> B:
    """Say whether the integral number `x` is greater than a `w`-bit conversion's greatest."""
    exponent = w - 1 if signed or w == CLAMPED else w
    return float_le(d, f, d.const(f.bits, power_of_two(f, exponent)), x)


def integer_bounds(w: int, *, signed: bool) -> tuple[int, int]:
    """Return the encodings of a `w`-bit conversion's least and greatest integer."""
    if signed:
        return 1 << (w - 1), (1 << (w - 1)) - 1
    return 0, (1 << (w - 1 if w == CLAMPED else w)) - 1


def _to_integer(d: Domain[V, B], f: FloatFormat, w: int, x: V, *, signed: bool) -> V:
    return d.float_to_signed(f, w, x) if signed else d.float_to_unsigned(f, w, x)


def _saturating(d: Domain[V, B], f: FloatFormat, w: int, x: V, *, signed: bool) -> V:
    low, high = integer_bounds(w, signed=signed)
    integral = d.float_round(f, "trunc", x)
    number = _to_integer(d, f, w, integral, signed=signed)
    above = above_range(d, f, w, integral, signed=signed)
    below = below_range(d, f, w, integral, signed=signed)
    number = d.select(w, above, d.const(w, high), number)
    number = d.select(w, below, d.const(w, low), number)
    return d.select(w, is_nan(d, f, x), d.const(w, 0), number)


def _trapping(d: Domain[V, B], site: Site, x: V, *, signed: bool) -> Outcome[V, B]:
    f, w = site.operands[0].format, site.results[0].bits
    integral = d.float_round(f, "trunc", x)
    nan = Trap(is_nan(d, f, x), "bad_toint")
    below = below_range(d, f, w, integral, signed=signed)
    if w == CLAMPED:
        number = _saturating(d, f, w, x, signed=signed)
        return Outcome((number,), (nan,) if signed else (nan, Trap(below, "int_ovf")))
    above = above_range(d, f, w, integral, signed=signed)
    number = _to_integer(d, f, w, integral, signed=signed)
    return Outcome((number,), (nan, Trap(d.either(below, above), "int_ovf")))


@define.general("fcvt_to_uint")
def fcvt_to_uint(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The unsigned integer towards zero; traps on a NaN and beyond the range (but `CLAMPED`)."""
    return _trapping(d, site, x, signed=False)


@define.general("fcvt_to_sint")
def fcvt_to_sint(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The signed integer towards zero; traps on a NaN and beyond the range (but `CLAMPED`)."""
    return _trapping(d, site, x, signed=True)


@define.converting("fcvt_to_uint_sat")
def fcvt_to_uint_sat(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The unsigned integer towards zero, clamped; 0 for a NaN."""
    return _saturating(d, of.format, to.bits, x, signed=False)


@define.converting("fcvt_to_sint_sat")
def fcvt_to_sint_sat(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The signed integer towards zero, clamped; 0 for a NaN."""
    return _saturating(d, of.format, to.bits, x, signed=True)


@define.converting("x86_cvtt2dq")
def x86_cvtt2dq(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The signed integer towards zero; the least one for a NaN and beyond the range."""
    f, w = of.format, to.bits
    integral = d.float_round(f, "trunc", x)
    below = below_range(d, f, w, integral, signed=True)
    above = above_range(d, f, w, integral, signed=True)
    bad = d.either(is_nan(d, f, x), d.either(below, above))
    return d.select(w, bad, d.const(w, 1 << (w - 1)), d.float_to_signed(f, w, integral))


@define.converting("fcvt_from_uint")
def fcvt_from_uint(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The float nearest to the unsigned integer."""
    return d.float_from_unsigned(of.bits, to.format, x)


@define.converting("fcvt_from_sint")
def fcvt_from_sint(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The float nearest to the signed integer."""
    return d.float_from_signed(of.bits, to.format, x)


# Between formats.


def convert_nan(d: Domain[V, B], f: FloatFormat, to: FloatFormat, x: V) -> V:
    """Return the NaN `x` quieted in another format, its payload aligned at the top.

    A payload loses its low bits in a narrower format; the quiet bit keeps it a NaN. The
    domain's rules that drop payloads drop this one too.
    """
    w = to.bits
    if d.nan_rule == "canonical":
        return d.const(w, to.default_nan)
    if d.nan_rule == "ones":
        ones = d.const(w, 2 * to.sign_mask - 1)
        return d.select(w, is_noncanonical_nan(d, f, x), ones, negative_nan(d, to))
    if to.precision >= f.precision:
        fraction = d.zero_extend(f.fraction_bits, d.extract(f.bits, x, 0, f.fraction_bits), w)
        fraction = d.shl(w, fraction, d.const(w, to.precision - f.precision))
    else:
        cut = d.extract(f.bits, x, f.precision - to.precision, to.fraction_bits)
        fraction = d.zero_extend(to.fraction_bits, cut, w)
    sign = d.zero_extend(1, d.extract(f.bits, x, f.bits - 1, 1), w)
    sign = d.shl(w, sign, d.const(w, w - 1))
    return d.or_(w, d.or_(w, sign, fraction), d.const(w, to.default_nan))


def _convert(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    f, g = of.format, to.format
    number = d.float_convert(f, g, x)
    return d.select(g.bits, is_nan(d, f, x), convert_nan(d, f, g, x), number)


@define.converting("fpromote")
def fpromote(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The same number in a wider format; a NaN quieted."""
    return _convert(d, of, to, x)


@define.converting("fdemote")
def fdemote(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The nearest number of a narrower format; a NaN quieted."""
    return _convert(d, of, to, x)


@define.general("fvpromote_low")
def fvpromote_low(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The low half of the lanes, each in the format of double width."""
    of, to = site.operands[0], site.results[0]
    low = d.split(of.bits, x, of.lanes)[: to.lanes]
    return Outcome((d.join(to.lane_bits, [_convert(d, of.lane, to.lane, a) for a in low]),))


@define.general("fvdemote")
def fvdemote(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """Each lane in the format of half width, in the low half; zeros in the high half."""
    of, to = site.operands[0], site.results[0]
    low = [_convert(d, of.lane, to.lane, a) for a in d.split(of.bits, x, of.lanes)]
    high = [d.const(to.lane_bits, 0)] * (to.lanes - of.lanes)
    return Outcome((d.join(to.lane_bits, [*low, *high]),))
