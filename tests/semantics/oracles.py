"""Independent statements of what operations mean, to hold the definitions against.

Nothing here uses `plumbob.semantics` beyond the types: integers are plain numbers with
signs, floats exact rationals (`fractions`) rounded here, vectors lists of lanes. An
oracle takes a site and values and gives the results, or the code of a trap.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, isqrt, trunc
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.semantics import Site, ValueType

    Oracle = Callable[..., "tuple[int, ...] | str"]
    LaneOracle = Callable[..., int]

ORACLES: dict[str, Oracle] = {}


def oracle(name: str) -> Callable[[Oracle], Oracle]:
    def decorate(function: Oracle) -> Oracle:
        ORACLES[name] = function
        return function

    return decorate


def lanes_of(kind: ValueType, x: int) -> list[int]:
    return [x >> (i * kind.lane_bits) & ((1 << kind.lane_bits) - 1) for i in range(kind.lanes)]


def vector_of(kind: ValueType, lanes: list[int]) -> int:
    assert len(lanes) == kind.lanes
    assert all(0 <= lane < 1 << kind.lane_bits for lane in lanes)
    return sum(lane << (i * kind.lane_bits) for i, lane in enumerate(lanes))


def by_lanes(name: str, function: LaneOracle, *, scalars: int = 0) -> None:
    """Register `function(from lane, to lane, *lanes)`; the last `scalars` values stay whole."""

    def apply(site: Site, *values: int) -> tuple[int, ...]:
        vectors = len(values) - scalars
        split = [lanes_of(k, v) for k, v in zip(site.operands[:vectors], values, strict=False)]
        of, to = site.operands[0].lane, site.results[0].lane
        results = [function(of, to, *lane, *values[vectors:]) for lane in zip(*split, strict=True)]
        return (vector_of(site.results[0], results),)

    ORACLES[name] = apply


def signed(w: int, x: int) -> int:
    return x - (1 << w) if x >> (w - 1) else x


def wrap(w: int, n: int) -> int:
    return n % (1 << w)


def clamp(n: int, low: int, high: int) -> int:
    return min(max(n, low), high)


def clamp_signed(w: int, n: int) -> int:
    return wrap(w, clamp(n, -(2 ** (w - 1)), 2 ** (w - 1) - 1))


def clamp_unsigned(w: int, n: int) -> int:
    return clamp(n, 0, 2**w - 1)


# Integers.


def _unsigned(name: str, function: Callable[[int, int, int], int]) -> None:
    by_lanes(name, lambda of, _to, x, y: function(of.bits, x, y))


def _signed(name: str, function: Callable[[int, int, int], int]) -> None:
    by_lanes(name, lambda of, _to, x, y: function(of.bits, signed(of.bits, x), signed(of.bits, y)))


def _unary(name: str, function: Callable[[int, int], int]) -> None:
    by_lanes(name, lambda of, _to, x: function(of.bits, x))


_unsigned("iadd", lambda w, x, y: (x + y) % 2**w)
_unsigned("isub", lambda w, x, y: (x - y) % 2**w)
_unsigned("imul", lambda w, x, y: (x * y) % 2**w)
_unsigned("umulhi", lambda w, x, y: x * y // 2**w)
_signed("smulhi", lambda w, x, y: (x * y // 2**w) % 2**w)
_unsigned("umin", lambda _w, x, y: min(x, y))
_unsigned("umax", lambda _w, x, y: max(x, y))
_signed("smin", lambda w, x, y: wrap(w, min(x, y)))
_signed("smax", lambda w, x, y: wrap(w, max(x, y)))
_unsigned("avg_round", lambda _w, x, y: (x + y + 1) // 2)
_unsigned("uadd_sat", lambda w, x, y: clamp_unsigned(w, x + y))
_unsigned("usub_sat", lambda w, x, y: clamp_unsigned(w, x - y))
_signed("sadd_sat", lambda w, x, y: clamp_signed(w, x + y))
_signed("ssub_sat", lambda w, x, y: clamp_signed(w, x - y))
_signed("sqmul_round_sat", lambda w, x, y: clamp_signed(w, (x * y + 2 ** (w - 2)) // 2 ** (w - 1)))
_signed("x86_pmulhrsw", lambda w, x, y: wrap(w, (x * y + 2 ** (w - 2)) // 2 ** (w - 1)))
_unary("ineg", lambda w, x: wrap(w, -x))
_unary("iabs", lambda w, x: wrap(w, abs(signed(w, x))))


def _bits(w: int, x: int) -> str:
    return f"{x:0{w}b}"


_unary("clz", lambda w, x: len(_bits(w, x)) - len(_bits(w, x).lstrip("0")))
_unary("ctz", lambda w, x: len(_bits(w, x)) - len(_bits(w, x).rstrip("0")))
_unary("cls", lambda w, x: w - len(_bits(w, x).lstrip(_bits(w, x)[0])) - 1)
_unary("popcnt", lambda w, x: _bits(w, x).count("1"))
_unary("bitrev", lambda w, x: int(_bits(w, x)[::-1], 2))
_unary("bswap", lambda w, x: int.from_bytes(bytes(reversed(x.to_bytes(w // 8, "big"))), "big"))


def _flagged(name: str, *, is_signed: bool, function: Callable[..., int]) -> None:
    @oracle(name)
    def apply(site: Site, *values: int) -> tuple[int, ...]:
        w = site.operands[0].bits
        numbers = [signed(w, v) if is_signed else v for v in values[:2]]
        total = function(*numbers, *(int(c != 0) for c in values[2:]))
        low, high = (-(2 ** (w - 1)), 2 ** (w - 1) - 1) if is_signed else (0, 2**w - 1)
        return wrap(w, total), int(not low <= total <= high)


for _sign in (False, True):
    _s = "s" if _sign else "u"
    _flagged(f"{_s}add_overflow", is_signed=_sign, function=lambda x, y: x + y)
    _flagged(f"{_s}sub_overflow", is_signed=_sign, function=lambda x, y: x - y)
    _flagged(f"{_s}mul_overflow", is_signed=_sign, function=lambda x, y: x * y)
    _flagged(f"{_s}add_overflow_cin", is_signed=_sign, function=lambda x, y, c: x + y + c)
    _flagged(f"{_s}sub_overflow_bin", is_signed=_sign, function=lambda x, y, b: x - (y + b))


@oracle("uadd_overflow_trap")
def _uadd_overflow_trap(site: Site, x: int, y: int) -> tuple[int, ...] | str:
    return (x + y,) if x + y < 2 ** site.operands[0].bits else str(site.immediates[0])


def _divide(name: str, *, is_signed: bool, remainder: bool) -> None:
    @oracle(name)
    def apply(site: Site, x: int, y: int) -> tuple[int, ...] | str:
        w = site.operands[0].bits
        a, b = (signed(w, x), signed(w, y)) if is_signed else (x, y)
        if b == 0:
            return "int_divz"
        quotient = trunc(Fraction(a, b))
        if remainder:
            return (wrap(w, a - b * quotient),)
        return "int_ovf" if quotient == 2 ** (w - 1) and is_signed else (wrap(w, quotient),)


for _sign in (False, True):
    _s = "s" if _sign else "u"
    _divide(f"{_s}div", is_signed=_sign, remainder=False)
    _divide(f"{_s}rem", is_signed=_sign, remainder=True)

INTEGER_CONDITIONS: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
}


def comparison(site: Site, holds: Callable[[int, int], bool], x: int, y: int) -> tuple[int, ...]:
    operand, result = site.operands[0], site.results[0]
    true = 1 if operand.lanes == 1 else 2**result.lane_bits - 1
    pairs = zip(lanes_of(operand, x), lanes_of(operand, y), strict=True)
    return (vector_of(result, [true if holds(a, b) else 0 for a, b in pairs]),)


@oracle("icmp")
def _icmp(site: Site, x: int, y: int) -> tuple[int, ...]:
    w, name = site.operands[0].lane_bits, str(site.immediates[0])
    holds = INTEGER_CONDITIONS[name[-2:]]
    if name[0] == "s":
        return comparison(site, lambda a, b: holds(signed(w, a), signed(w, b)), x, y)
    return comparison(site, holds, x, y)


def _shift(name: str, function: Callable[[int, int, int], int]) -> None:
    by_lanes(name, lambda of, _to, x, n: function(of.bits, x, n % of.bits), scalars=1)


def _rotate(w: int, x: int, n: int) -> int:
    text = _bits(w, x)
    return int(text[n:] + text[:n], 2)


_shift("ishl", lambda w, x, n: wrap(w, x * 2**n))
_shift("ushr", lambda _w, x, n: x // 2**n)
_shift("sshr", lambda w, x, n: wrap(w, signed(w, x) // 2**n))
_shift("rotl", _rotate)
_shift("rotr", lambda w, x, n: _rotate(w, x, -n % w))

# Bits: digit by digit.


def _digits(name: str, function: Callable[..., bool]) -> None:
    @oracle(name)
    def apply(site: Site, *values: int) -> tuple[int, ...]:
        w = site.results[0].bits
        columns = zip(*(_bits(w, v) for v in values), strict=True)
        digits = (function(*(d == "1" for d in column)) for column in columns)
        return (int("".join("1" if d else "0" for d in digits), 2),)


_digits("band", lambda a, b: a and b)
_digits("bor", lambda a, b: a or b)
_digits("bxor", lambda a, b: a != b)
_digits("bnot", lambda a: not a)
_digits("bitselect", lambda c, a, b: a if c else b)
by_lanes("blendv", lambda of, _to, c, x, y: x if c >= 2 ** (of.bits - 1) else y)


@oracle("select")
def _select(_site: Site, c: int, x: int, y: int) -> tuple[int, ...]:
    return (x if c else y,)


ORACLES["select_spectre_guard"] = ORACLES["select"]
by_lanes("bmask", lambda _of, to, x: 2**to.bits - 1 if x else 0)
by_lanes("ireduce", lambda _of, to, x: x % 2**to.bits)
by_lanes("uextend", lambda _of, _to, x: x)
by_lanes("sextend", lambda of, to, x: wrap(to.bits, signed(of.bits, x)))
by_lanes("iconcat", lambda of, _to, low, high: low + high * 2**of.bits)


@oracle("isplit")
def _isplit(site: Site, x: int) -> tuple[int, ...]:
    high, low = divmod(x, 2 ** (site.operands[0].bits // 2))
    return low, high


@oracle("bitcast")
def _bitcast(site: Site, x: int) -> tuple[int, ...]:
    order: Literal["little", "big"] = "big" if site.immediates[0] == "big" else "little"
    of, to = site.operands[0], site.results[0]
    memory = b"".join(lane.to_bytes(of.lane_bits // 8, order) for lane in lanes_of(of, x))
    step = to.lane_bits // 8
    chunks = [memory[i : i + step] for i in range(0, len(memory), step)]
    return (vector_of(to, [int.from_bytes(chunk, order) for chunk in chunks]),)


@oracle("atomic_rmw")
def _atomic_rmw(site: Site, old: int, x: int) -> tuple[int, ...]:
    w = site.results[0].bits
    a, b = signed(w, old), signed(w, x)
    return (
        {
            "add": wrap(w, old + x),
            "sub": wrap(w, old - x),
            "and": old & x,
            "nand": 2**w - 1 - (old & x),
            "or": old | x,
            "xor": old ^ x,
            "xchg": x,
            "umin": min(old, x),
            "umax": max(old, x),
            "smin": wrap(w, min(a, b)),
            "smax": wrap(w, max(a, b)),
        }[str(site.immediates[0])],
    )


# Vectors: lists of lanes.


def _on_lists(name: str, function: Callable[..., list[int]]) -> None:
    @oracle(name)
    def apply(site: Site, *values: int) -> tuple[int, ...]:
        lists = [lanes_of(k, v) for k, v in zip(site.operands, values, strict=True)]
        return (vector_of(site.results[0], function(site, *lists)),)


def _replaced(lanes: list[int], at: int, lane: int) -> list[int]:
    return [*lanes[:at], lane, *lanes[at + 1 :]]


def _sum_pairs(w: int, lanes: list[int]) -> list[int]:
    return [wrap(w, lanes[i] + lanes[i + 1]) for i in range(0, len(lanes), 2)]


def _pick(lanes: list[int], index: int) -> int:
    return lanes[index] if index < len(lanes) else 0


_on_lists("splat", lambda site, x: x * site.results[0].lanes)
_on_lists("scalar_to_vector", lambda site, x: x + [0] * (site.results[0].lanes - 1))
_on_lists("extractlane", lambda site, x: [x[site.immediates[0]]])
_on_lists("insertlane", lambda site, x, y: _replaced(x, site.immediates[0], y[0]))
_on_lists("swizzle", lambda _site, x, y: [_pick(x, i) for i in y])
_on_lists("x86_pshufb", lambda _site, x, y: [0 if i > 127 else x[i % 16] for i in y])
_on_lists(
    "shuffle",
    lambda site, x, y: [(x + y)[i] for i in site.immediates[0]],
)
_on_lists("vany_true", lambda _site, x: [int(any(x))])
_on_lists("vall_true", lambda _site, x: [int(all(x))])
_on_lists("iadd_pairwise", lambda s, x, y: _sum_pairs(s.operands[0].lane_bits, x + y))


@oracle("vhigh_bits")
def _vhigh_bits(site: Site, x: int) -> tuple[int, ...]:
    kind = site.operands[0]
    tops = [_bits(kind.lane_bits, lane)[0] for lane in lanes_of(kind, x)]
    return (int("".join(reversed(tops)), 2) % 2 ** site.results[0].bits,)


def _narrowing(name: str, *, from_signed: bool, clamped: Callable[[int, int], int]) -> None:
    def narrow(site: Site, x: list[int], y: list[int]) -> list[int]:
        of, to = site.operands[0].lane_bits, site.results[0].lane_bits
        return [clamped(to, signed(of, n) if from_signed else n) for n in x + y]

    _on_lists(name, narrow)


_narrowing("snarrow", from_signed=True, clamped=clamp_signed)
_narrowing("unarrow", from_signed=True, clamped=clamp_unsigned)
_narrowing("uunarrow", from_signed=False, clamped=clamp_unsigned)


def _widening(name: str, *, high: bool, from_signed: bool) -> None:
    def widen(site: Site, x: list[int]) -> list[int]:
        of, to = site.operands[0].lane_bits, site.results[0].lane_bits
        half = x[len(x) // 2 :] if high else x[: len(x) // 2]
        return [wrap(to, signed(of, n)) if from_signed else n for n in half]

    _on_lists(name, widen)


for _sign in (False, True):
    for _high in (False, True):
        _widening(
            f"{'s' if _sign else 'u'}widen_{'high' if _high else 'low'}",
            high=_high,
            from_signed=_sign,
        )


@oracle("x86_pmaddubsw")
def _x86_pmaddubsw(site: Site, x: int, y: int) -> tuple[int, ...]:
    of = site.operands[0]
    products = [signed(8, a) * b for a, b in zip(lanes_of(of, x), lanes_of(of, y), strict=True)]
    sums = [products[i] + products[i + 1] for i in range(0, len(products), 2)]
    return (vector_of(site.results[0], [clamp_signed(16, n) for n in sums]),)


# Floats: exact rationals, rounded here. Widths of exponent and fraction by format.

WIDTHS = {16: (5, 10), 32: (8, 23), 64: (11, 52), 128: (15, 112)}


class Number(NamedTuple):
    """`kind` is "nan", "inf" or "finite"; `value` counts for finite ones alone."""

    kind: str
    negative: bool
    value: Fraction


def decode(bits: int, x: int) -> Number:
    exponent_bits, fraction_bits = WIDTHS[bits]
    negative = x >> (bits - 1) == 1
    field = x >> fraction_bits & (2**exponent_bits - 1)
    fraction = x % 2**fraction_bits
    if field == 2**exponent_bits - 1:
        return Number("nan" if fraction else "inf", negative, Fraction(0))
    bias = (1 << exponent_bits - 1) - 1
    if field == 0:
        value = Fraction(fraction) * Fraction(2) ** (1 - bias - fraction_bits)
    else:
        value = (1 + Fraction(fraction, 2**fraction_bits)) * Fraction(2) ** (field - bias)
    return Number("finite", negative, -value if negative else value)


def infinity(bits: int, *, negative: bool) -> int:
    exponent_bits, fraction_bits = WIDTHS[bits]
    return (((1 << exponent_bits) - 1) << fraction_bits) + (negative << (bits - 1))


def zero(bits: int, *, negative: bool) -> int:
    return negative << (bits - 1)


def _binade(bits: int, value: Fraction) -> int:
    """The exponent of the last place of a positive number in the format."""
    exponent_bits, fraction_bits = WIDTHS[bits]
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    exponent = guess if Fraction(2) ** guess <= value else guess - 1
    return max(exponent, 2 - (1 << exponent_bits - 1)) - fraction_bits


def _assemble(bits: int, significand: int, place: int, *, negative: bool) -> int:
    """Encode `significand * 2**place`, at most one place beyond its binade."""
    exponent_bits, fraction_bits = WIDTHS[bits]
    if significand == 2 ** (fraction_bits + 1):
        significand, place = significand // 2, place + 1
    bias = (1 << exponent_bits - 1) - 1
    if place + fraction_bits > bias:
        return infinity(bits, negative=negative)
    field = place + fraction_bits + bias if significand >= 2**fraction_bits else 0
    return (
        (negative << (bits - 1))
        + (field << fraction_bits)
        + (significand & (1 << fraction_bits) - 1)
    )


def encode(bits: int, value: Fraction, *, negative_zero: bool = False) -> int:
    """Round to nearest, ties to even."""
    if value == 0:
        return zero(bits, negative=negative_zero)
    place = _binade(bits, abs(value))
    significand = _nearest(abs(value) / Fraction(2) ** place)
    return _assemble(bits, significand, place, negative=value < 0)


def quieted(bits: int, x: int) -> int:
    return x | 1 << (WIDTHS[bits][1] - 1)


def default_nan(bits: int) -> int:
    return quieted(bits, infinity(bits, negative=False))


def nan_of(bits: int, *operands: int) -> int:
    for x in operands:
        if decode(bits, x).kind == "nan":
            return quieted(bits, x)
    return default_nan(bits)


def is_canonical(bits: int, x: int) -> bool:
    return x % (1 << (bits - 1)) == nan_of(bits)


def allowed_nan(bits: int, x: int, operands: list[int]) -> bool:
    """Whether the specification lets an operation on `operands` result in the NaN `x`."""
    nans = [y for y in operands if decode(bits, y).kind == "nan"]
    if all(is_canonical(bits, y) for y in nans):
        return is_canonical(bits, x)
    return x & nan_of(bits) == nan_of(bits)


def _has_nan(bits: int, *operands: int) -> bool:
    return any(decode(bits, x).kind == "nan" for x in operands)


def _sum(bits: int, x: Number, y: Number) -> int | None:
    """The rounded sum of two numbers, neither a NaN; None where it is invalid."""
    if x.kind == "inf" or y.kind == "inf":
        if x.kind == y.kind and x.negative != y.negative:
            return None
        return infinity(bits, negative=x.negative if x.kind == "inf" else y.negative)
    return encode(bits, x.value + y.value, negative_zero=x.negative and y.negative)


def _product(x: Number, y: Number) -> Number | None:
    """The exact product; None where it is invalid."""
    negative = x.negative != y.negative
    if x.kind == "inf" or y.kind == "inf":
        other = y if x.kind == "inf" else x
        if other.kind == "finite" and other.value == 0:
            return None
        return Number("inf", negative, Fraction(0))
    return Number("finite", negative, x.value * y.value)


def _fadd(bits: int, x: int, y: int) -> int | None:
    return _sum(bits, decode(bits, x), decode(bits, y))


def _fsub(bits: int, x: int, y: int) -> int | None:
    a, b = decode(bits, x), decode(bits, y)
    return _sum(bits, a, Number(b.kind, not b.negative, -b.value))


def _fmul(bits: int, x: int, y: int) -> int | None:
    product = _product(decode(bits, x), decode(bits, y))
    if product is None:
        return None
    if product.kind == "inf":
        return infinity(bits, negative=product.negative)
    return encode(bits, product.value, negative_zero=product.negative)


def _fdiv(bits: int, x: int, y: int) -> int | None:
    a, b = decode(bits, x), decode(bits, y)
    negative = a.negative != b.negative
    if a.kind == "inf":
        return None if b.kind == "inf" else infinity(bits, negative=negative)
    if b.kind == "inf":
        return zero(bits, negative=negative)
    if b.value == 0:
        return None if a.value == 0 else infinity(bits, negative=negative)
    return encode(bits, a.value / b.value, negative_zero=negative)


def _fma(bits: int, x: int, y: int, z: int) -> int | None:
    product = _product(decode(bits, x), decode(bits, y))
    return None if product is None else _sum(bits, product, decode(bits, z))


def _sqrt(bits: int, x: int) -> int | None:
    a = decode(bits, x)
    if a.kind == "finite" and a.value == 0:
        return x
    if a.negative:
        return None
    if a.kind == "inf":
        return x
    # The root's binade: bracket it, then decide by comparing squares.
    scale = {16: 20, 32: 100, 64: 600, 128: 8300}[bits]  # beyond the least root's exponent
    root = isqrt(floor(a.value * 4**scale))
    place = _binade(bits, Fraction(root, 2**scale))
    scaled = a.value / Fraction(4) ** place
    below = isqrt(floor(scaled))
    up = (2 * below + 1) ** 2 < 4 * scaled or ((2 * below + 1) ** 2 == 4 * scaled and below % 2)
    return _assemble(bits, below + bool(up), place, negative=False)


def _arithmetic(name: str, function: Callable[..., int | None]) -> None:
    def apply(of: ValueType, _to: ValueType, *operands: int) -> int:
        result = None if _has_nan(of.bits, *operands) else function(of.bits, *operands)
        return nan_of(of.bits, *operands) if result is None else result

    by_lanes(name, apply)


_arithmetic("fadd", _fadd)
_arithmetic("fsub", _fsub)
_arithmetic("fmul", _fmul)
_arithmetic("fdiv", _fdiv)
_arithmetic("fma", _fma)
_arithmetic("sqrt", _sqrt)


def _rounding(name: str, integral: Callable[[Fraction], int]) -> None:
    def apply(bits: int, x: int) -> int | None:
        a = decode(bits, x)
        if a.kind == "inf":
            return x
        return encode(bits, Fraction(integral(a.value)), negative_zero=a.negative)

    _arithmetic(name, apply)


def _nearest(value: Fraction) -> int:
    return round(value)  # takes ties to even


_rounding("ceil", ceil)
_rounding("floor", floor)
_rounding("trunc", trunc)
_rounding("nearest", _nearest)

by_lanes("fneg", lambda of, _to, x: x ^ 1 << (of.bits - 1))
by_lanes("fabs", lambda of, _to, x: x % 2 ** (of.bits - 1))
by_lanes(
    "fcopysign",
    lambda of, _to, x, y: x % 2 ** (of.bits - 1) + (y >> (of.bits - 1) << (of.bits - 1)),
)


def _order(x: Number) -> tuple[int, Fraction]:
    if x.kind == "inf":
        return (-1 if x.negative else 1), Fraction(0)
    return 0, x.value


def _least(bits: int, x: int, y: int) -> int:
    a, b = decode(bits, x), decode(bits, y)
    if _order(a) == _order(b):
        return x if a.negative else y
    return x if _order(a) < _order(b) else y


def _greatest(bits: int, x: int, y: int) -> int:
    return y if _least(bits, x, y) == x else x


_arithmetic("fmin", _least)
_arithmetic("fmax", _greatest)

FLOAT_RELATIONS = {
    "ord": "<=>",
    "uno": "?",
    "eq": "=",
    "ne": "<>?",
    "one": "<>",
    "ueq": "=?",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "ult": "<?",
    "ule": "<=?",
    "ugt": ">?",
    "uge": ">=?",
}


def relation(bits: int, x: int, y: int) -> str:
    if _has_nan(bits, x, y):
        return "?"
    a, b = _order(decode(bits, x)), _order(decode(bits, y))
    return "=" if a == b else "<" if a < b else ">"


@oracle("fcmp")
def _fcmp(site: Site, x: int, y: int) -> tuple[int, ...]:
    bits, relations = site.operands[0].lane_bits, FLOAT_RELATIONS[str(site.immediates[0])]
    return comparison(site, lambda a, b: relation(bits, a, b) in relations, x, y)


# Conversions.


def _integer_range(w: int, *, is_signed: bool) -> tuple[int, int]:
    """The bounds of a conversion's result; at 128 bits the signed ones (Cranelift's rule)."""
    if is_signed:
        return -(2 ** (w - 1)), 2 ** (w - 1) - 1
    return 0, 2**127 - 1 if w == 128 else 2**w - 1


BEYOND = 1 << 20000
"""Further out than any finite number."""


def _trapping(name: str, *, is_signed: bool) -> None:
    @oracle(name)
    def apply(site: Site, x: int) -> tuple[int, ...] | str:
        w = site.results[0].bits
        a = decode(site.operands[0].bits, x)
        if a.kind == "nan":
            return "bad_toint"
        low, high = _integer_range(w, is_signed=is_signed)
        n = trunc(a.value) if a.kind == "finite" else -BEYOND if a.negative else BEYOND
        if not low <= n <= high and (w < 128 or (n < 0 and not is_signed)):
            return "int_ovf"
        return (wrap(w, clamp(n, low, high)),)


def _saturating(name: str, *, is_signed: bool) -> None:
    def apply(of: ValueType, to: ValueType, x: int) -> int:
        a = decode(of.bits, x)
        low, high = _integer_range(to.bits, is_signed=is_signed)
        if a.kind == "nan":
            return 0
        if a.kind == "inf":
            return wrap(to.bits, low if a.negative else high)
        return wrap(to.bits, clamp(trunc(a.value), low, high))

    by_lanes(name, apply)


def _cvtt(of: ValueType, to: ValueType, x: int) -> int:
    a = decode(of.bits, x)
    low, high = _integer_range(to.bits, is_signed=True)
    inside = a.kind == "finite" and low <= trunc(a.value) <= high
    return wrap(to.bits, trunc(a.value) if inside else low)


_trapping("fcvt_to_uint", is_signed=False)
_trapping("fcvt_to_sint", is_signed=True)
_saturating("fcvt_to_uint_sat", is_signed=False)
_saturating("fcvt_to_sint_sat", is_signed=True)
by_lanes("x86_cvtt2dq", _cvtt)
by_lanes("fcvt_from_uint", lambda _of, to, x: encode(to.bits, Fraction(x)))
by_lanes("fcvt_from_sint", lambda of, to, x: encode(to.bits, Fraction(signed(of.bits, x))))


def convert(of: ValueType, to: ValueType, x: int) -> int:
    a = decode(of.bits, x)
    if a.kind == "inf":
        return infinity(to.bits, negative=a.negative)
    if a.kind == "finite":
        return encode(to.bits, a.value, negative_zero=a.negative)
    of_bits, to_bits = WIDTHS[of.bits][1], WIDTHS[to.bits][1]
    payload = Fraction(x % 2**of_bits, 2**of_bits)  # as a fraction it keeps its top bits
    nan = infinity(to.bits, negative=a.negative) + floor(payload * 2**to_bits)
    return quieted(to.bits, nan)


by_lanes("fpromote", convert)
by_lanes("fdemote", convert)


@oracle("fvpromote_low")
def _fvpromote_low(site: Site, x: int) -> tuple[int, ...]:
    of, to = site.operands[0], site.results[0]
    low = lanes_of(of, x)[: to.lanes]
    return (vector_of(to, [convert(of.lane, to.lane, a) for a in low]),)


@oracle("fvdemote")
def _fvdemote(site: Site, x: int) -> tuple[int, ...]:
    of, to = site.operands[0], site.results[0]
    lanes = [convert(of.lane, to.lane, a) for a in lanes_of(of, x)]
    return (vector_of(to, lanes + [0] * (to.lanes - of.lanes)),)
