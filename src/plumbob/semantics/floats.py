"""Floating-point arithmetic, comparison, signs, minimum and maximum, rounding to integral.

Values are bit patterns. Which NaN an operation returns is decided here, from the
operands' bits alone (`quieted_nan`): the first operand that is a NaN, quieted, with its
sign and payload; the positive canonical NaN where no operand is one. x86-64 and AArch64
propagate so; WebAssembly allows it (4.3.3, NaN propagation: a canonical NaN when every
NaN operand is canonical, else an arithmetic one), and CLIF leaves it open. A domain may ask
for one of the other rules that WebAssembly allows (`NanRule`). The sign operations and
bitcast are pure bit operations and touch no NaN.

Comparison, minimum and maximum need no arithmetic: the encoding is ordered as
sign-and-magnitude.
"""

# ruff: noqa: D401 - a definition's docstring says what its result is
from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import UsageError
from plumbob.semantics.integer import is_zero, truth_result
from plumbob.semantics.operation import Definitions, Outcome, lanewise

if TYPE_CHECKING:
    from plumbob.semantics.domain import B, Domain, RoundingMode, V
    from plumbob.semantics.operation import Site
    from plumbob.semantics.types import FloatFormat

define = Definitions()

FLOAT_CONDITIONS = (
    *("ord", "uno", "eq", "ne", "one", "ueq"),
    *("lt", "le", "gt", "ge", "ult", "ule", "ugt", "uge"),
)


def magnitude(d: Domain[V, B], f: FloatFormat, x: V) -> V:
    """Return `x` without its sign."""
    return d.and_(f.bits, x, d.const(f.bits, f.sign_mask - 1))


def is_nan(d: Domain[V, B], f: FloatFormat, x: V) -> B:
    """Say whether `x` is a NaN, quiet or signalling."""
    return d.ult(f.bits, d.const(f.bits, f.infinity), magnitude(d, f, x))


def quiet(d: Domain[V, B], f: FloatFormat, x: V) -> V:
    """Return the NaN `x` quieted: sign and payload stay."""
    return d.or_(f.bits, x, d.const(f.bits, f.quiet_bit))


def negative_nan(d: Domain[V, B], f: FloatFormat) -> V:
    """Return the negative canonical NaN."""
    return d.const(f.bits, f.default_nan | f.sign_mask)


def is_noncanonical_nan(d: Domain[V, B], f: FloatFormat, x: V) -> B:
    """Say whether `x` is a NaN other than the two canonical ones."""
    canonical = d.eq(f.bits, magnitude(d, f, x), d.const(f.bits, f.default_nan))
    return d.both(is_nan(d, f, x), d.negate(canonical))


def quieted_nan(d: Domain[V, B], f: FloatFormat, *operands: V) -> V:
    """Return the NaN that an operation on `operands` results in, if it does in one.

    By the domain's rule that is

    - `first`: the first operand that is a NaN, quieted; the positive canonical NaN where none is;
    - `last`: the same with the last operand;
    - `negative`: as `first`, with the negative canonical NaN (x86-64);
    - `canonical`: always the positive canonical NaN (RISC-V, the deterministic profile);
    - `ones`: all bits set where an operand is a NaN that is not canonical, else the negative
      canonical NaN: as far from `first` as the specification allows.
    """
    if d.nan_rule == "canonical":
        return d.const(f.bits, f.default_nan)
    if d.nan_rule == "ones":
        result = negative_nan(d, f)
        for x in operands:
            ones = d.const(f.bits, 2 * f.sign_mask - 1)
            result = d.select(f.bits, is_noncanonical_nan(d, f, x), ones, result)
        return result
    is_negative = d.nan_rule == "negative"
    result = negative_nan(d, f) if is_negative else d.const(f.bits, f.default_nan)
    for x in operands if d.nan_rule == "last" else reversed(operands):
        result = d.select(f.bits, is_nan(d, f, x), quiet(d, f, x), result)
    return result


def with_nan(d: Domain[V, B], f: FloatFormat, result: V, *operands: V) -> V:
    """Return `result`, or the right NaN where it is any NaN.

    An IEEE operation results in a NaN exactly where an operand is one or the operation
    is invalid, so the primitive's result says whether, and the operands say which.
    """
    return d.select(f.bits, is_nan(d, f, result), quieted_nan(d, f, *operands), result)


# Arithmetic.


@define.floating("fadd")
def fadd(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> V:
    """The sum."""
    return with_nan(d, f, d.float_add(f, x, y), x, y)


@define.floating("fsub")
def fsub(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> V:
    """The difference."""
    return with_nan(d, f, d.float_sub(f, x, y), x, y)


@define.floating("fmul")
def fmul(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> V:
    """The product."""
    return with_nan(d, f, d.float_mul(f, x, y), x, y)


@define.floating("fdiv")
def fdiv(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> V:
    """The quotient; never a trap."""
    return with_nan(d, f, d.float_div(f, x, y), x, y)


@define.floating("sqrt")
def sqrt(d: Domain[V, B], f: FloatFormat, x: V) -> V:
    """The square root; that of -0.0 is -0.0, that of a lesser number a NaN."""
    return with_nan(d, f, d.float_sqrt(f, x), x)


@define.floating("fma")
def fma(d: Domain[V, B], f: FloatFormat, x: V, y: V, z: V) -> V:
    """`x * y + z`, rounded once."""
    return with_nan(d, f, d.float_fma(f, x, y, z), x, y, z)


# Signs.


@define.floating("fneg")
def fneg(d: Domain[V, B], f: FloatFormat, x: V) -> V:
    """The sign bit inverted, of NaNs too."""
    return d.xor(f.bits, x, d.const(f.bits, f.sign_mask))


@define.floating("fabs")
def fabs(d: Domain[V, B], f: FloatFormat, x: V) -> V:
    """The sign bit cleared, of NaNs too."""
    return magnitude(d, f, x)


@define.floating("fcopysign")
def fcopysign(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> V:
    """`x` with the sign bit of `y`."""
    sign = d.and_(f.bits, y, d.const(f.bits, f.sign_mask))
    return d.or_(f.bits, magnitude(d, f, x), sign)


# Comparison.


def float_eq(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> B:
    """Say whether two numbers, neither a NaN, are equal; the zeros are."""
    w = f.bits
    zeros = is_zero(d, w, magnitude(d, f, d.or_(w, x, y)))
    return d.either(d.eq(w, x, y), zeros)


def float_lt(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> B:
    """Say whether `x < y` for two numbers, neither a NaN; -0.0 is not less than 0.0."""
    w = f.bits
    return d.slt(w, _ordered(d, f, x), _ordered(d, f, y))


def float_le(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> B:
    """Say whether `x <= y` for two numbers, neither a NaN; the zeros are equal."""
    w = f.bits
    return d.sle(w, _ordered(d, f, x), _ordered(d, f, y))


def _ordered(d: Domain[V, B], f: FloatFormat, x: V) -> V:
    """Return a signed integer in the order of the numbers, with both zeros at 0."""
    w = f.bits
    negated = d.sub(w, d.const(w, 0), magnitude(d, f, x))
    return d.select(w, d.slt(w, x, d.const(w, 0)), negated, x)


def compare(d: Domain[V, B], f: FloatFormat, condition: str, x: V, y: V) -> B:
    """Say whether `x condition y` holds; `condition` is one of `FLOAT_CONDITIONS`.

    The relations less, equal, greater and unordered exclude each other; a condition is
    a set of them.
    """
    unordered = d.either(is_nan(d, f, x), is_nan(d, f, y))
    match condition:
        case "ord":
            return d.negate(unordered)
        case "uno":
            return unordered
        case "eq":
            return d.both(d.negate(unordered), float_eq(d, f, x, y))
        case "ne":
            return d.either(unordered, d.negate(float_eq(d, f, x, y)))
        case "one":
            return d.negate(d.either(unordered, float_eq(d, f, x, y)))
        case "ueq":
            return d.either(unordered, float_eq(d, f, x, y))
        case "lt":
            return d.both(d.negate(unordered), float_lt(d, f, x, y))
        case "le":
            return d.both(d.negate(unordered), float_le(d, f, x, y))
        case "gt":
            return d.both(d.negate(unordered), float_lt(d, f, y, x))
        case "ge":
            return d.both(d.negate(unordered), float_le(d, f, y, x))
        case "ult":
            return d.either(unordered, float_lt(d, f, x, y))
        case "ule":
            return d.either(unordered, float_le(d, f, x, y))
        case "ugt":
            return d.either(unordered, float_lt(d, f, y, x))
        case "uge":
            return d.either(unordered, float_le(d, f, y, x))
    raise UsageError(
        "unknown floating-point condition",
        expected=", ".join(FLOAT_CONDITIONS),
        found=condition,
    )


@define.general("fcmp", "floatcc")
def fcmp(d: Domain[V, B], site: Site, x: V, y: V) -> Outcome[V, B]:
    """Compare: 1 or 0 for scalars (an i8), -1 or 0 in each lane of a vector."""
    operand, result, condition = site.operands[0], site.results[0], str(site.immediates[0])

    def lane(a: V, b: V) -> V:
        return truth_result(d, operand, result, compare(d, operand.format, condition, a, b))

    return Outcome((lanewise(d, site.operands, result, lane, (x, y)),))


@define.floating("fmin")
def fmin(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> V:
    """The lesser number, -0.0 being less than 0.0; a NaN if either is (WebAssembly's rule)."""
    w = f.bits
    # Equal numbers differ in no bit but a zero's sign: `or` keeps the minus.
    equal = d.select(w, float_eq(d, f, x, y), d.or_(w, x, y), y)
    number = d.select(w, float_lt(d, f, x, y), x, equal)
    unordered = d.either(is_nan(d, f, x), is_nan(d, f, y))
    return d.select(w, unordered, quieted_nan(d, f, x, y), number)


@define.floating("fmax")
def fmax(d: Domain[V, B], f: FloatFormat, x: V, y: V) -> V:
    """The greater number, 0.0 being greater than -0.0; a NaN if either is."""
    w = f.bits
    # Equal numbers differ in no bit but a zero's sign: `and` drops a lone minus.
    equal = d.select(w, float_eq(d, f, x, y), d.and_(w, x, y), y)
    number = d.select(w, float_lt(d, f, y, x), x, equal)
    unordered = d.either(is_nan(d, f, x), is_nan(d, f, y))
    return d.select(w, unordered, quieted_nan(d, f, x, y), number)


# Rounding to an integral number.


def round_integral(d: Domain[V, B], f: FloatFormat, mode: RoundingMode, x: V) -> V:
    """Return `x` rounded to an integral number in the direction `mode`."""
    return with_nan(d, f, d.float_round(f, mode, x), x)


def _rounding(mode: RoundingMode) -> None:
    @define.floating(mode)
    def definition(d: Domain[V, B], f: FloatFormat, x: V) -> V:
        return round_integral(d, f, mode, x)


for _mode in ("ceil", "floor", "trunc", "nearest"):
    _rounding(_mode)
