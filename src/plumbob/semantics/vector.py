"""Operations on lanes: building vectors, taking them apart, permuting, narrowing, reducing.

Lane 0 is the least significant part of a vector's bit pattern.
"""

# ruff: noqa: D401 - a definition's docstring says what its result is
from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import UsageError
from plumbob.semantics.integer import (
    from_truth,
    is_negative,
    is_zero,
    saturate_signed,
    saturate_to_unsigned,
    saturate_unsigned,
)
from plumbob.semantics.operation import Definitions, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.semantics.domain import B, Domain, V
    from plumbob.semantics.operation import Site
    from plumbob.semantics.types import ValueType

define = Definitions()

# Building and taking apart.


@define.general("splat")
def splat(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """Every lane is `x`."""
    to = site.results[0]
    return Outcome((d.join(to.lane_bits, [x] * to.lanes),))


@define.general("scalar_to_vector")
def scalar_to_vector(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """Lane 0 is `x`; every other lane is zero."""
    return Outcome((d.zero_extend(site.operands[0].bits, x, site.results[0].bits),))


def _lane_index(site: Site) -> int:
    index, lanes = int(site.immediates[0]), site.operands[0].lanes
    if not 0 <= index < lanes:
        raise UsageError("lane index", expected=f"0 to {lanes - 1}", found=str(index))
    return index


@define.general("extractlane", "lane")
def extractlane(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The lane of the given index."""
    kind = site.operands[0]
    return Outcome((d.extract(kind.bits, x, _lane_index(site) * kind.lane_bits, kind.lane_bits),))


@define.general("insertlane", "lane")
def insertlane(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The vector with the lane of the given index replaced by `y`."""
    kind = site.operands[0]
    w, at = kind.bits, _lane_index(site) * kind.lane_bits
    hole = ((1 << w) - 1) ^ (((1 << kind.lane_bits) - 1) << at)
    moved = d.shl(w, d.zero_extend(kind.lane_bits, y, w), d.const(w, at))
    return Outcome((d.or_(w, d.and_(w, x, d.const(w, hole)), moved),))


# Permuting.


@define.general("shuffle", "mask")
def shuffle(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Lane `i` is the lane of `x` and `y`, counted through, that byte `i` of the mask names."""
    kind = site.operands[0]
    picks = site.immediates[0]
    if not isinstance(picks, bytes) or len(picks) != kind.lanes:
        raise UsageError("mask of a shuffle", expected=f"{kind.lanes} bytes", found=repr(picks))
    lanes = [*d.split(kind.bits, x, kind.lanes), *d.split(kind.bits, y, kind.lanes)]
    if max(picks) >= len(lanes):
        raise UsageError(
            "lane in a shuffle's mask", expected=f"below {len(lanes)}", found=str(max(picks))
        )
    return Outcome((d.join(kind.lane_bits, [lanes[pick] for pick in picks]),))


def _permute(
    d: Domain[V, B],
    kind: ValueType,
    x: V,
    y: V,
    zeroed: Callable[[V], B],
) -> V:
    """Return lanes of `x` picked by those of `y` modulo their number, or 0 where `zeroed`."""
    w, bits = kind.bits, kind.lane_bits
    picked = []
    for index in d.split(w, y, kind.lanes):
        wrapped = d.and_(bits, index, d.const(bits, kind.lanes - 1))
        distance = d.mul(w, d.zero_extend(bits, wrapped, w), d.const(w, bits))
        lane = d.extract(w, d.lshr(w, x, distance), 0, bits)
        picked.append(d.select(bits, zeroed(index), d.const(bits, 0), lane))
    return d.join(bits, picked)


@define.general("swizzle")
def swizzle(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Lane `i` is the lane of `x` that lane `i` of `y` names; 0 where there is none."""
    kind = site.operands[0]
    last = d.const(kind.lane_bits, kind.lanes - 1)
    return Outcome((_permute(d, kind, x, y, lambda i: d.ult(kind.lane_bits, last, i)),))


@define.general("x86_pshufb")
def x86_pshufb(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """As `swizzle`, but an index counts modulo 16 and only its top bit gives 0 (PSHUFB)."""
    kind = site.operands[0]
    return Outcome((_permute(d, kind, x, y, lambda i: is_negative(d, kind.lane_bits, i)),))


# Reducing. The truth of a lane is whether any of its bits is set, of a float lane too.


@define.general("vany_true")
def vany_true(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """1 where any lane is not zero, else 0."""
    zero = is_zero(d, site.operands[0].bits, x)
    return Outcome((from_truth(d, site.results[0].bits, d.negate(zero)),))


@define.general("vall_true")
def vall_true(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """1 where no lane is zero, else 0."""
    kind = site.operands[0]
    some_zero = d.truth(value=False)
    for lane in d.split(kind.bits, x, kind.lanes):
        some_zero = d.either(some_zero, is_zero(d, kind.lane_bits, lane))
    return Outcome((from_truth(d, site.results[0].bits, d.negate(some_zero)),))


@define.general("vhigh_bits")
def vhigh_bits(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """Bit `i` is the top bit of lane `i`; lanes beyond the result's width are left out."""
    kind, to = site.operands[0], site.results[0]
    tops = [
        d.extract(kind.lane_bits, lane, kind.lane_bits - 1, 1)
        for lane in d.split(kind.bits, x, kind.lanes)
    ][: to.bits]
    return Outcome((d.zero_extend(len(tops), d.join(1, tops), to.bits),))


# Narrowing, widening, pairs.


def _narrow(
    d: Domain[V, B],
    site: Site,
    x: V,
    y: V,
    saturate: Callable[[Domain[V, B], int, V, int], V],
) -> Outcome[V, B]:
    of, to = site.operands[0], site.results[0]
    lanes = [*d.split(of.bits, x, of.lanes), *d.split(of.bits, y, of.lanes)]
    narrowed = [saturate(d, of.lane_bits, lane, to.lane_bits) for lane in lanes]
    return Outcome((d.join(to.lane_bits, narrowed),))


@define.general("snarrow")
def snarrow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The signed lanes of `x`, then of `y`, clamped to signed lanes of half the width."""
    return _narrow(d, site, x, y, saturate_signed)


@define.general("unarrow")
def unarrow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The signed lanes of `x`, then of `y`, clamped to unsigned lanes of half the width."""
    return _narrow(d, site, x, y, saturate_to_unsigned)


@define.general("uunarrow")
def uunarrow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The unsigned lanes of `x`, then of `y`, clamped to unsigned lanes of half the width."""
    return _narrow(d, site, x, y, saturate_unsigned)


def _widen(d: Domain[V, B], site: Site, x: V, *, high: bool, signed: bool) -> Outcome[V, B]:
    of, to = site.operands[0], site.results[0]
    lanes = d.split(of.bits, x, of.lanes)
    half = lanes[to.lanes :] if high else lanes[: to.lanes]
    extend = d.sign_extend if signed else d.zero_extend
    return Outcome((d.join(to.lane_bits, [extend(of.lane_bits, a, to.lane_bits) for a in half]),))


@define.general("swiden_low")
def swiden_low(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The low half of the lanes, sign-extended to double width."""
    return _widen(d, site, x, high=False, signed=True)


@define.general("swiden_high")
def swiden_high(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The high half of the lanes, sign-extended to double width."""
    return _widen(d, site, x, high=True, signed=True)


@define.general("uwiden_low")
def uwiden_low(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The low half of the lanes, zero-extended to double width."""
    return _widen(d, site, x, high=False, signed=False)


@define.general("uwiden_high")
def uwiden_high(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The high half of the lanes, zero-extended to double width."""
    return _widen(d, site, x, high=True, signed=False)


@define.general("iadd_pairwise")
def iadd_pairwise(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The sums of neighbouring lanes of `x`, then those of `y`."""
    kind = site.operands[0]
    w = kind.lane_bits
    lanes = [*d.split(kind.bits, x, kind.lanes), *d.split(kind.bits, y, kind.lanes)]
    pairs = zip(lanes[::2], lanes[1::2], strict=True)
    return Outcome((d.join(w, [d.add(w, a, b) for a, b in pairs]),))


@define.general("x86_pmaddubsw")
def x86_pmaddubsw(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Signed lanes of `x` times unsigned lanes of `y`, neighbours added and clamped.

    CLIF's operands stand in the opposite order of the machine instruction's (PMADDUBSW).
    """
    of, to = site.operands[0], site.results[0]
    w, v = of.lane_bits, 2 * to.lane_bits
    products = [
        d.mul(v, d.sign_extend(w, a, v), d.zero_extend(w, b, v))
        for a, b in zip(d.split(of.bits, x, of.lanes), d.split(of.bits, y, of.lanes), strict=True)
    ]
    sums = [d.add(v, a, b) for a, b in zip(products[::2], products[1::2], strict=True)]
    return Outcome((d.join(to.lane_bits, [saturate_signed(d, v, s, to.lane_bits) for s in sums]),))
