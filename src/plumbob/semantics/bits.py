"""Operations on bits whatever they stand for: logic, selection, width changes, bitcast.

Logic and selection take values of any type, floats and vectors included, as one bit
vector of the whole width.
"""

# ruff: noqa: D401 - a definition's docstring says what its result is
from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import UsageError
from plumbob.semantics.integer import is_negative, is_zero, mask_of
from plumbob.semantics.operation import Definitions, Outcome, lanewise

if TYPE_CHECKING:
    from plumbob.semantics.domain import B, Domain, V
    from plumbob.semantics.operation import Site
    from plumbob.semantics.types import ValueType

define = Definitions()


@define.general("band")
def band(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Bitwise and."""
    return Outcome((d.and_(site.results[0].bits, x, y),))


@define.general("bor")
def bor(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Bitwise or."""
    return Outcome((d.or_(site.results[0].bits, x, y),))


@define.general("bxor")
def bxor(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Bitwise exclusive or."""
    return Outcome((d.xor(site.results[0].bits, x, y),))


@define.general("bnot")
def bnot(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """Bitwise complement."""
    return Outcome((d.not_(site.results[0].bits, x),))


@define.general("select")
def select(d: Domain[V, B], site: Site, c: V, x: V, y: V) -> Outcome[V, B]:
    """Return the whole of `x` where the scalar `c` is not zero, else the whole of `y`."""
    zero = is_zero(d, site.operands[0].bits, c)
    return Outcome((d.select(site.results[0].bits, zero, y, x),))


# The guard against speculation has no meaning of its own here: nothing speculates.
define.general("select_spectre_guard")(select)


@define.general("bitselect")
def bitselect(d: Domain[V, B], site: Site, c: V, x: V, y: V) -> Outcome[V, B]:
    """Return each bit of `x` where that of `c` is set, else that of `y`."""
    w = site.results[0].bits
    return Outcome((d.or_(w, d.and_(w, c, x), d.and_(w, d.not_(w, c), y)),))


@define.general("blendv")
def blendv(d: Domain[V, B], site: Site, c: V, x: V, y: V) -> Outcome[V, B]:
    """Return each lane of `x` where the top bit of that of `c` is set, else that of `y`."""
    w = site.results[0].lane_bits

    def lane(a: V, b: V, e: V) -> V:
        return d.select(w, is_negative(d, w, a), b, e)

    return Outcome((lanewise(d, site.operands, site.results[0], lane, (c, x, y)),))


# Widths.


@define.converting("bmask")
def bmask(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """-1 where the operand is not zero, 0 where it is."""
    return mask_of(d, to.bits, d.negate(is_zero(d, of.bits, x)))


@define.converting("ireduce")
def ireduce(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The low bits."""
    return d.extract(of.bits, x, 0, to.bits)


@define.converting("uextend")
def uextend(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The same unsigned number in a wider type."""
    return d.zero_extend(of.bits, x, to.bits)


@define.converting("sextend")
def sextend(d: Domain[V, B], of: ValueType, to: ValueType, x: V) -> V:
    """The same signed number in a wider type."""
    return d.sign_extend(of.bits, x, to.bits)


@define.general("isplit")
def isplit(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The low half and the high half."""
    low, high = d.split(site.operands[0].bits, x, 2)
    return Outcome((low, high))


@define.converting("iconcat")
def iconcat(d: Domain[V, B], of: ValueType, to: ValueType, low: V, high: V) -> V:  # noqa: ARG001 - the shape of all converting definitions
    """The value of double width made of two halves."""
    return d.join(of.bits, (low, high))


def swap_lane_bytes(d: Domain[V, B], kind: ValueType, x: V) -> V:
    """Reverse the bytes within each lane: between a value and its big-endian memory image.

    Lane 0 stays at the lowest address. In little-endian order the memory image of any
    value, read as one little-endian number, is the value itself.
    """
    w = kind.lane_bits
    if w == 8:
        return x
    return lanewise(d, (kind,), kind, lambda lane: d.reverse_bytes(w, lane), (x,))


@define.general("bitcast", "byte_order")
def bitcast(d: Domain[V, B], site: Site, x: V) -> Outcome[V, B]:
    """The same bits as another type: stored as the one and loaded as the other.

    The byte order ("little", "big" or "") matters only where the widths of lanes differ,
    and CLIF demands it there.
    """
    of, to = site.operands[0], site.results[0]
    order = site.immediates[0]
    if order not in ("", "little", "big"):
        raise UsageError("byte order of bitcast", expected="little, big or none", found=str(order))
    if of.lane_bits == to.lane_bits or order != "big":
        return Outcome((x,))
    return Outcome((swap_lane_bytes(d, to, swap_lane_bytes(d, of, x)),))
