"""Integer operations: arithmetic, saturation, overflow, division, comparison, shifts, counts.

Every lane is a bit vector of its width; signedness belongs to the operation. Results
that could leave the width are computed in a wider one and then cut, clamped or tested,
so that a definition reads like the sentence in CLIF's reference. Domains get rid of the
extra width where it costs.
"""

# ruff: noqa: D401 - a definition's docstring says what its result is
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.errors import UsageError
from plumbob.semantics.operation import Definitions, Outcome, Trap, lanewise

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.semantics.domain import B, Domain, V
    from plumbob.semantics.operation import Site
    from plumbob.semantics.types import ValueType

define = Definitions()

INT_CONDITIONS = ("eq", "ne", "slt", "sge", "sgt", "sle", "ult", "uge", "ugt", "ule")


# Helpers shared with the vector operations.


def all_ones(d: Domain[V, B], w: int) -> V:
    """Return -1."""
    return d.const(w, (1 << w) - 1)


def is_zero(d: Domain[V, B], w: int, x: V) -> B:
    """Say whether no bit is set."""
    return d.eq(w, x, d.const(w, 0))


def is_negative(d: Domain[V, B], w: int, x: V) -> B:
    """Say whether the sign bit is set."""
    return d.slt(w, x, d.const(w, 0))


def from_truth(d: Domain[V, B], w: int, c: B) -> V:
    """Return 1 where `c` holds and 0 elsewhere."""
    return d.select(w, c, d.const(w, 1), d.const(w, 0))


def mask_of(d: Domain[V, B], w: int, c: B) -> V:
    """Return -1 where `c` holds and 0 elsewhere."""
    return d.select(w, c, all_ones(d, w), d.const(w, 0))


def saturate_signed(d: Domain[V, B], w: int, x: V, to: int) -> V:
    """Clamp the signed number `x` of width `w` into the signed range of width `to < w`."""
    low, high = -(1 << (to - 1)) & ((1 << w) - 1), (1 << (to - 1)) - 1
    below = d.slt(w, x, d.const(w, low))
    above = d.slt(w, d.const(w, high), x)
    clamped = d.select(w, below, d.const(w, low), d.select(w, above, d.const(w, high), x))
    return d.extract(w, clamped, 0, to)


def saturate_to_unsigned(d: Domain[V, B], w: int, x: V, to: int) -> V:
    """Clamp the signed number `x` of width `w` into the unsigned range of width `to < w`."""
    zero, high = d.const(w, 0), d.const(w, (1 << to) - 1)
    above = d.slt(w, high, x)
    clamped = d.select(w, d.slt(w, x, zero), zero, d.select(w, above, high, x))
    return d.extract(w, clamped, 0, to)


def saturate_unsigned(d: Domain[V, B], w: int, x: V, to: int) -> V:
    """Clamp the unsigned number `x` of width `w` into the unsigned range of width `to < w`."""
    high = d.const(w, (1 << to) - 1)
    return d.extract(w, d.select(w, d.ult(w, high, x), high, x), 0, to)


# Arithmetic.


@define.integer("iadd")
def iadd(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """`x + y` modulo `2**w`."""
    return d.add(w, x, y)


@define.integer("isub")
def isub(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """`x - y` modulo `2**w`."""
    return d.sub(w, x, y)


@define.integer("ineg")
def ineg(d: Domain[V, B], w: int, x: V) -> V:
    """`-x` modulo `2**w`."""
    return d.sub(w, d.const(w, 0), x)


@define.integer("iabs")
def iabs(d: Domain[V, B], w: int, x: V) -> V:
    """`|x|` of a signed number; the smallest number is its own."""
    return d.select(w, is_negative(d, w, x), ineg(d, w, x), x)


@define.integer("imul")
def imul(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """`x * y` modulo `2**w`."""
    return d.mul(w, x, y)


@define.integer("umulhi")
def umulhi(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The high half of the unsigned product of double width."""
    return d.extract(2 * w, _wide_product(d, w, x, y, signed=False), w, w)


@define.integer("smulhi")
def smulhi(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The high half of the signed product of double width."""
    return d.extract(2 * w, _wide_product(d, w, x, y, signed=True), w, w)


def _wide_product(d: Domain[V, B], w: int, x: V, y: V, *, signed: bool) -> V:
    extend = d.sign_extend if signed else d.zero_extend
    return d.mul(2 * w, extend(w, x, 2 * w), extend(w, y, 2 * w))


@define.integer("smin")
def smin(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The lesser of two signed numbers."""
    return d.select(w, d.slt(w, x, y), x, y)


@define.integer("smax")
def smax(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The greater of two signed numbers."""
    return d.select(w, d.slt(w, x, y), y, x)


@define.integer("umin")
def umin(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The lesser of two unsigned numbers."""
    return d.select(w, d.ult(w, x, y), x, y)


@define.integer("umax")
def umax(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The greater of two unsigned numbers."""
    return d.select(w, d.ult(w, x, y), y, x)


@define.integer("avg_round")
def avg_round(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """`(x + y + 1) // 2` of unsigned numbers, without loss in between."""
    v = w + 1
    total = d.add(v, d.add(v, d.zero_extend(w, x, v), d.zero_extend(w, y, v)), d.const(v, 1))
    return d.extract(v, total, 1, w)


@define.integer("uadd_sat")
def uadd_sat(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The unsigned sum, clamped."""
    v = w + 1
    total = d.add(v, d.zero_extend(w, x, v), d.zero_extend(w, y, v))
    return saturate_unsigned(d, v, total, w)


@define.integer("sadd_sat")
def sadd_sat(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The signed sum, clamped."""
    v = w + 1
    total = d.add(v, d.sign_extend(w, x, v), d.sign_extend(w, y, v))
    return saturate_signed(d, v, total, w)


@define.integer("usub_sat")
def usub_sat(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The unsigned difference, clamped at zero."""
    return d.select(w, d.ult(w, x, y), d.const(w, 0), d.sub(w, x, y))


@define.integer("ssub_sat")
def ssub_sat(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The signed difference, clamped."""
    v = w + 1
    total = d.sub(v, d.sign_extend(w, x, v), d.sign_extend(w, y, v))
    return saturate_signed(d, v, total, w)


def _rounded_product(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """`(x * y + 2**(w-2)) >> (w-1)` of signed numbers, in width `2 * w`."""
    v = 2 * w
    product = _wide_product(d, w, x, y, signed=True)
    rounded = d.add(v, product, d.const(v, 1 << (w - 2)))
    return d.ashr(v, rounded, d.const(v, w - 1))


@define.integer("sqmul_round_sat")
def sqmul_round_sat(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """The rounded fixed-point product with `w - 1` fraction bits, clamped."""
    return saturate_signed(d, 2 * w, _rounded_product(d, w, x, y), w)


@define.integer("x86_pmulhrsw")
def x86_pmulhrsw(d: Domain[V, B], w: int, x: V, y: V) -> V:
    """As `sqmul_round_sat`, but the one product that overflows wraps (x86 PMULHRSW)."""
    return d.extract(2 * w, _rounded_product(d, w, x, y), 0, w)


# Overflow. The flag is an i8, 0 or 1.

FLAG = 8


def _with_flag(d: Domain[V, B], a: V, overflow: B) -> Outcome[V, B]:
    return Outcome((a, from_truth(d, FLAG, overflow)))


def _carry(d: Domain[V, B], v: int, c: V) -> V:
    """A carry or borrow operand, an i8 that counts as 1 unless it is 0, in width `v`."""
    return from_truth(d, v, d.negate(is_zero(d, FLAG, c)))


def _signed_cut(d: Domain[V, B], v: int, total: V, w: int) -> Outcome[V, B]:
    low = d.extract(v, total, 0, w)
    return _with_flag(d, low, d.negate(d.eq(v, d.sign_extend(w, low, v), total)))


def _unsigned_cut(d: Domain[V, B], v: int, total: V, w: int) -> Outcome[V, B]:
    high = d.extract(v, total, w, v - w)
    return _with_flag(d, d.extract(v, total, 0, w), d.negate(is_zero(d, v - w, high)))


@define.general("uadd_overflow")
def uadd_overflow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The sum, and whether the unsigned one left the width."""
    w = site.operands[0].bits
    total = d.add(w + 1, d.zero_extend(w, x, w + 1), d.zero_extend(w, y, w + 1))
    return _unsigned_cut(d, w + 1, total, w)


@define.general("sadd_overflow")
def sadd_overflow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The sum, and whether the signed one left the width."""
    w = site.operands[0].bits
    total = d.add(w + 1, d.sign_extend(w, x, w + 1), d.sign_extend(w, y, w + 1))
    return _signed_cut(d, w + 1, total, w)


@define.general("usub_overflow")
def usub_overflow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The difference, and whether the unsigned one is negative."""
    w = site.operands[0].bits
    return _with_flag(d, d.sub(w, x, y), d.ult(w, x, y))


@define.general("ssub_overflow")
def ssub_overflow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The difference, and whether the signed one left the width."""
    w = site.operands[0].bits
    total = d.sub(w + 1, d.sign_extend(w, x, w + 1), d.sign_extend(w, y, w + 1))
    return _signed_cut(d, w + 1, total, w)


@define.general("umul_overflow")
def umul_overflow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The product, and whether the unsigned one left the width."""
    w = site.operands[0].bits
    return _unsigned_cut(d, 2 * w, _wide_product(d, w, x, y, signed=False), w)


@define.general("smul_overflow")
def smul_overflow(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The product, and whether the signed one left the width."""
    w = site.operands[0].bits
    return _signed_cut(d, 2 * w, _wide_product(d, w, x, y, signed=True), w)


# With a carry in, one bit more than the operands' still holds every sum: the extremes
# are 2 * (2**w - 1) + 1 unsigned, -2**w and 2**w - 1 signed.


@define.general("uadd_overflow_cin")
def uadd_overflow_cin(d: Domain[V, B], site: Site, x: V, y: V, c: V) -> Outcome[V, B]:
    """`x + y + (c != 0)`, and whether the unsigned sum left the width."""
    w, v = site.operands[0].bits, site.operands[0].bits + 1
    total = d.add(v, d.zero_extend(w, x, v), d.zero_extend(w, y, v))
    return _unsigned_cut(d, v, d.add(v, total, _carry(d, v, c)), w)


@define.general("sadd_overflow_cin")
def sadd_overflow_cin(d: Domain[V, B], site: Site, x: V, y: V, c: V) -> Outcome[V, B]:
    """`x + y + (c != 0)`, and whether the signed sum left the width."""
    w, v = site.operands[0].bits, site.operands[0].bits + 1
    total = d.add(v, d.sign_extend(w, x, v), d.sign_extend(w, y, v))
    return _signed_cut(d, v, d.add(v, total, _carry(d, v, c)), w)


@define.general("usub_overflow_bin")
def usub_overflow_bin(d: Domain[V, B], site: Site, x: V, y: V, b: V) -> Outcome[V, B]:
    """`x - (y + (b != 0))`, and whether the unsigned difference is negative."""
    w, v = site.operands[0].bits, site.operands[0].bits + 1
    subtrahend = d.add(v, d.zero_extend(w, y, v), _carry(d, v, b))
    return _unsigned_cut(d, v, d.sub(v, d.zero_extend(w, x, v), subtrahend), w)


@define.general("ssub_overflow_bin")
def ssub_overflow_bin(d: Domain[V, B], site: Site, x: V, y: V, b: V) -> Outcome[V, B]:
    """`x - (y + (b != 0))`, and whether the signed difference left the width."""
    w, v = site.operands[0].bits, site.operands[0].bits + 1
    subtrahend = d.add(v, d.sign_extend(w, y, v), _carry(d, v, b))
    return _signed_cut(d, v, d.sub(v, d.sign_extend(w, x, v), subtrahend), w)


@define.general("uadd_overflow_trap", "trap")
def uadd_overflow_trap(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The sum; traps with the given code where the unsigned one leaves the width."""
    w, v = site.operands[0].bits, site.operands[0].bits + 1
    total = d.add(v, d.zero_extend(w, x, v), d.zero_extend(w, y, v))
    overflow = d.negate(is_zero(d, 1, d.extract(v, total, w, 1)))
    return Outcome((d.extract(v, total, 0, w),), (Trap(overflow, str(site.immediates[0])),))


# Division.


def _zero_divisor(d: Domain[V, B], w: int, y: V) -> Trap[B]:
    return Trap(is_zero(d, w, y), "int_divz")


@define.general("udiv")
def udiv(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The unsigned quotient; traps on a zero divisor."""
    w = site.operands[0].bits
    return Outcome((d.udiv(w, x, y),), (_zero_divisor(d, w, y),))


@define.general("sdiv")
def sdiv(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The signed quotient towards zero; traps on a zero divisor and on the one overflow."""
    w = site.operands[0].bits
    smallest, minus_one = d.const(w, 1 << (w - 1)), all_ones(d, w)
    overflow = d.both(d.eq(w, x, smallest), d.eq(w, y, minus_one))
    return Outcome((d.sdiv(w, x, y),), (_zero_divisor(d, w, y), Trap(overflow, "int_ovf")))


@define.general("urem")
def urem(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The unsigned remainder; traps on a zero divisor."""
    w = site.operands[0].bits
    return Outcome((d.urem(w, x, y),), (_zero_divisor(d, w, y),))


@define.general("srem")
def srem(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """The remainder with the dividend's sign; traps on a zero divisor, never on overflow."""
    w = site.operands[0].bits
    return Outcome((d.srem(w, x, y),), (_zero_divisor(d, w, y),))


# Comparison.


def compare(d: Domain[V, B], w: int, condition: str, x: V, y: V) -> B:
    """Say whether `x condition y` holds; `condition` is one of `INT_CONDITIONS`."""
    match condition:
        case "eq":
            return d.eq(w, x, y)
        case "ne":
            return d.negate(d.eq(w, x, y))
        case "slt":
            return d.slt(w, x, y)
        case "sge":
            return d.sle(w, y, x)
        case "sgt":
            return d.slt(w, y, x)
        case "sle":
            return d.sle(w, x, y)
        case "ult":
            return d.ult(w, x, y)
        case "uge":
            return d.ule(w, y, x)
        case "ugt":
            return d.ult(w, y, x)
        case "ule":
            return d.ule(w, x, y)
    raise UsageError(
        "unknown integer condition", expected=", ".join(INT_CONDITIONS), found=condition
    )


def truth_result(d: Domain[V, B], operand: ValueType, result: ValueType, c: B) -> V:
    """Return a comparison's result lane: 1 or 0 for scalars, -1 or 0 in a vector's lane."""
    width = result.lane_bits
    return from_truth(d, width, c) if operand.lanes == 1 else mask_of(d, width, c)


@define.general("icmp", "intcc")
def icmp(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Compare: 1 or 0 for scalars (an i8), -1 or 0 in each lane of a vector."""
    operand, result, condition = site.operands[0], site.results[0], str(site.immediates[0])

    def lane(a: V, b: V) -> V:
        return truth_result(d, operand, result, compare(d, operand.lane_bits, condition, a, b))

    return Outcome((lanewise(d, site.operands, result, lane, (x, y)),))


# Shifts and rotations. The amount is one scalar of any integer type for all lanes and
# counts modulo the width of a lane.


def shift_amount(d: Domain[V, B], amount: ValueType, w: int, n: V) -> V:
    """Return a shift's amount modulo the lane width `w`, as a number of width `w`."""
    wide = amount.bits
    low = d.extract(wide, n, 0, w) if wide >= w else d.zero_extend(wide, n, w)
    return d.and_(w, low, d.const(w, w - 1))


def _shift(name: str, shift: Callable[[Domain[Any, Any], int, Any, Any], Any]) -> None:
    @define.general(name)
    def definition(d: Domain[V, B], site: Site, x: V, n: V) -> Outcome[V, B]:
        vector, amount = site.operands
        w = vector.lane_bits
        masked = shift_amount(d, amount, w, n)
        lanes = lanewise(d, (vector,), site.results[0], lambda a: shift(d, w, a, masked), (x,))
        return Outcome((lanes,))


def rotl(d: Domain[V, B], w: int, x: V, n: V) -> V:
    """Rotate left by `n < w`."""
    back = d.and_(w, d.sub(w, d.const(w, 0), n), d.const(w, w - 1))
    return d.or_(w, d.shl(w, x, n), d.lshr(w, x, back))


def rotr(d: Domain[V, B], w: int, x: V, n: V) -> V:
    """Rotate right by `n < w`."""
    back = d.and_(w, d.sub(w, d.const(w, 0), n), d.const(w, w - 1))
    return d.or_(w, d.lshr(w, x, n), d.shl(w, x, back))


_shift("ishl", lambda d, w, x, n: d.shl(w, x, n))
_shift("ushr", lambda d, w, x, n: d.lshr(w, x, n))
_shift("sshr", lambda d, w, x, n: d.ashr(w, x, n))
_shift("rotl", rotl)
_shift("rotr", rotr)


# Counts and orders.


@define.integer("clz")
def clz(d: Domain[V, B], w: int, x: V) -> V:
    """The number of leading zeros; `w` for zero."""
    return d.leading_zeros(w, x)


@define.integer("ctz")
def ctz(d: Domain[V, B], w: int, x: V) -> V:
    """The number of trailing zeros; `w` for zero."""
    return d.trailing_zeros(w, x)


@define.integer("cls")
def cls(d: Domain[V, B], w: int, x: V) -> V:
    """How many bits below the sign bit repeat it."""
    differing = d.xor(w, x, d.ashr(w, x, d.const(w, 1)))
    return d.sub(w, d.leading_zeros(w, differing), d.const(w, 1))


@define.integer("popcnt")
def popcnt(d: Domain[V, B], w: int, x: V) -> V:
    """The number of ones."""
    return d.popcount(w, x)


@define.integer("bitrev")
def bitrev(d: Domain[V, B], w: int, x: V) -> V:
    """The bits in opposite order."""
    return d.reverse_bits(w, x)


@define.integer("bswap")
def bswap(d: Domain[V, B], w: int, x: V) -> V:
    """The bytes in opposite order."""
    return d.reverse_bytes(w, x)
