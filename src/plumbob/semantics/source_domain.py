"""The source domain: running a definition over it yields Python source that computes it.

So the code that a generated-source executor runs is derived from the one definition of
each operation, masks and all. A value is an `Expression` that stands for a normalised
int (the representation of the concrete domain), a truth value is a `Truth`.

What makes the source fast: every expression knows an interval of its value, and a mask
is written only where the interval leaves the width; sums of masked sums are masked once;
signed comparison flips sign bits instead of converting; constants fold; flags that are
only tested stay truth values. What is not inlined, because Python has no expression for
it or it is too long, is a call of a function in `SourceLibrary.namespace`.

Division: Python raises on a zero divisor, where the protocol asks for any value. The
definitions report that case as a trap, and a `Fragment` puts the division after the
trap's test, so it is never reached.
"""

# ruff: noqa: D102 - the protocol documents each primitive
# ruff: noqa: ARG002 - a width bounds the operands, which the expressions know themselves
# ruff: noqa: FBT001 - truth values are this domain's data
from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import InternalError
from plumbob.semantics import expression as e
from plumbob.semantics.concrete import LANES
from plumbob.semantics.expression import Choice, Expression, Lane, Masked, Part, Split, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.semantics.domain import NanRule, RoundingMode
    from plumbob.semantics.types import FloatFormat


LE, BE = "'little'", "'big'"
OPPOSITE = {"==": "!=", "<": ">="}


def _mask(w: int) -> int:
    return (1 << w) - 1


class SourceDomain:
    """`Domain[Expression, Truth]`. One object serves one fragment: it shares expressions."""

    def __init__(self, nan_rule: NanRule = "first") -> None:
        self.nan_rule: NanRule = nan_rule
        self._made: dict[tuple[object, ...], Expression] = {}

    # Making expressions, each once.

    def leaf(self, name: str, w: int) -> Expression:
        """Return the variable `name`, which holds a value of width `w`."""
        return self._plain((name,), e.ATOM, 0, _mask(w))

    def _plain(self, parts: tuple[Part, ...], level: int, low: int, high: int) -> Expression:
        key = (Expression, parts, low, high)
        if key not in self._made:
            self._made[key] = Expression(parts, level, low, high)
        return self._made[key]

    def _number(self, value: int) -> Expression:
        level = e.NUMBER if value >= 0 else e.UNARY
        return self._plain((e.literal(value),), level, value, value)

    def _truth(
        self, parts: tuple[Part, ...], level: int, opposite: tuple[Part, ...] | None = None
    ) -> Truth:
        key = (Truth, parts)
        made = self._made.get(key)
        if not isinstance(made, Truth):
            made = self._made[key] = Truth(parts, level, opposite)
        return made

    def _call(self, function: str, w: int, *operands: Expression | int) -> Expression:
        """Return a call of a function of the library's namespace with a result of width `w`."""
        parts: list[Part] = [f"{function}("]
        for operand in operands:
            if len(parts) > 1:
                parts.append(", ")
            parts.append(str(operand) if isinstance(operand, int) else (operand, e.TERNARY))
        return self._plain((*parts, ")"), e.ATOM, 0, _mask(w))

    def call(self, source: str, w: int) -> Expression:
        """Return a call, given as source, with a result of width `w`; never shared."""
        return Expression((source,), e.ATOM, 0, _mask(w))

    def _normal(self, w: int, raw: Expression) -> Expression:
        """Return `raw` modulo `2**w`."""
        if raw.value is not None:
            return self._number(raw.value & _mask(w))
        if raw.low >= 0 and raw.high <= _mask(w):
            return raw
        key = (Masked, raw, w)
        if key not in self._made:
            self._made[key] = Masked(raw, w)
        return self._made[key]

    def _ring(self, w: int, x: Expression) -> Expression:
        """Return an expression equal to `x` modulo `2**w`, without a needless mask."""
        return x.raw if isinstance(x, Masked) and x.width >= w else x

    def _known_signed(self, w: int, x: Expression) -> Expression | None:
        """Return the signed number that `x` stands for if that takes no conversion."""
        half = 1 << (w - 1)
        if x.value is not None:
            return self._number((x.value ^ half) - half)
        if x.high < half:
            return x
        if isinstance(x, Masked) and x.width == w and -half <= x.raw.low <= x.raw.high < half:
            return x.raw
        return None

    def _flip(self, x: Expression, half: int) -> Expression:
        return self._bitwise(x, " ^ ", self._number(half), e.BIT_XOR, 2 * half - 1)

    def _signed(self, w: int, x: Expression) -> Expression:
        """Return the signed number that `x` stands for."""
        known = self._known_signed(w, x)
        half = 1 << (w - 1)
        return known or self._sum(self._flip(x, half), " - ", self._number(half))

    def _sum(self, x: Expression, operator: str, y: Expression) -> Expression:
        if operator == " + ":
            low, high = x.low + y.low, x.high + y.high
        else:
            low, high = x.low - y.high, x.high - y.low
        if low == high:
            return self._number(low)
        if y.value == 0:
            return x
        if x.value == 0 and operator == " + ":
            return y
        # A difference's right operand binds tighter: a - (b - c).
        return self._plain(((x, e.SUM), operator, (y, e.PRODUCT)), e.SUM, low, high)

    # Constants and truth values.

    def const(self, w: int, value: int) -> Expression:
        return self._number(value)

    def truth(self, value: bool) -> Truth:
        made = self._truth((str(value),), e.ATOM)
        made.value = int(value)
        return made

    def both(self, a: Truth, b: Truth) -> Truth:
        if a.value is not None:
            return b if a.value else a
        if b.value is not None:
            return a if b.value else b
        return self._truth(((a, e.AND), " and ", (b, e.AND)), e.AND)

    def either(self, a: Truth, b: Truth) -> Truth:
        if a.value is not None:
            return a if a.value else b
        if b.value is not None:
            return b if b.value else a
        return self._truth(((a, e.OR), " or ", (b, e.OR)), e.OR)

    def negate(self, a: Truth) -> Truth:
        if a.value is not None:
            return self.truth(not a.value)
        if a.opposite is not None:
            return self._truth(a.opposite, e.COMPARE, a.parts)
        return self._truth(("not ", (a, e.NOT)), e.NOT)

    def select(self, w: int, c: Truth, x: Expression, y: Expression) -> Expression:
        if c.value is not None:
            return x if c.value else y
        if x is y:
            return x
        key = (Choice, c, x, y)
        if key not in self._made:
            self._made[key] = Choice(c, x, y)
        return self._made[key]

    # Structure.

    def extract(self, w: int, x: Expression, low: int, n: int) -> Expression:
        raw = self._ring(low + n, x)
        return self._normal(n, self._right(raw, self._number(low)))

    def _right(self, x: Expression, n: Expression) -> Expression:
        """Return `x >> n`, in Python's meaning, for `n >= 0`."""
        if n.value == 0:
            return x
        if n.value is not None:
            low, high = x.low >> n.value, x.high >> n.value
            if low == high:
                return self._number(low)
        else:
            low, high = min(x.low, 0), max(x.high, 0)
        return self._plain(((x, e.SHIFT), " >> ", (n, e.SUM)), e.SHIFT, low, high)

    def zero_extend(self, w: int, x: Expression, to: int) -> Expression:
        return x

    def sign_extend(self, w: int, x: Expression, to: int) -> Expression:
        return self._normal(to, self._signed(w, x)) if to > w else x

    def split(self, w: int, x: Expression, lanes: int) -> Sequence[Expression]:
        n = w // lanes
        if (n, lanes) not in LANES or lanes <= 2 or x.value is not None:
            return [self.extract(w, x, i * n, n) for i in range(lanes)]
        parts: tuple[Part, ...] = (
            f"unpack_{lanes}x{n}(",
            (x, e.ATOM),
            f".to_bytes({w // 8}, {LE}))",
        )
        key = (Split, parts)
        made = self._made.get(key)
        if not isinstance(made, Split):
            made = self._made[key] = Split(parts, n, lanes)
        return [self._lane(made, i) for i in range(lanes)]

    def _lane(self, split: Split, index: int) -> Expression:
        key = (Lane, split, index)
        if key not in self._made:
            self._made[key] = Lane(split, index)
        return self._made[key]

    def join(self, w: int, parts: Sequence[Expression]) -> Expression:
        lanes = len(parts)
        if all(part is parts[0] for part in parts):
            ones = sum(1 << (i * w) for i in range(lanes))
            return self.mul(w * lanes, parts[0], self._number(ones))
        if (w, lanes) not in LANES or lanes <= 2 or all(p.value is not None for p in parts):
            joined = parts[0]
            for i, part in enumerate(parts[1:], 1):
                joined = self.or_(w * lanes, joined, self._left(part, i * w))
            return joined
        mentions: list[Part] = []
        for part in parts:
            mentions += [", ", (part, e.TERNARY)]
        source: tuple[Part, ...] = (f"from_bytes(pack_{lanes}x{w}(", *mentions[1:], f"), {LE})")
        return self._plain(source, e.ATOM, 0, _mask(w * lanes))

    def _left(self, x: Expression, n: int) -> Expression:
        if n == 0:
            return x
        if x.value is not None:
            return self._number(x.value << n)
        parts: tuple[Part, ...] = ((x, e.SHIFT), f" << {n}")
        return self._plain(parts, e.SHIFT, x.low << n, x.high << n)

    # Arithmetic modulo 2**w.

    def add(self, w: int, x: Expression, y: Expression) -> Expression:
        return self._normal(w, self._sum(self._ring(w, x), " + ", self._ring(w, y)))

    def sub(self, w: int, x: Expression, y: Expression) -> Expression:
        if x.value == 0:
            y = self._ring(w, y)
            minus = self._plain(("-", (y, e.UNARY)), e.UNARY, -y.high, -y.low)
            return self._normal(w, minus if y.value is None else self._number(-y.value))
        return self._normal(w, self._sum(self._ring(w, x), " - ", self._ring(w, y)))

    def mul(self, w: int, x: Expression, y: Expression) -> Expression:
        x, y = self._ring(w, x), self._ring(w, y)
        corners = [a * b for a in (x.low, x.high) for b in (y.low, y.high)]
        if min(corners) == max(corners):
            return self._normal(w, self._number(corners[0]))
        if x.value == 1 or y.value == 1:
            return self._normal(w, y if x.value == 1 else x)
        source: tuple[Part, ...] = ((x, e.PRODUCT), " * ", (y, e.UNARY))
        return self._normal(w, self._plain(source, e.PRODUCT, min(corners), max(corners)))

    def udiv(self, w: int, x: Expression, y: Expression) -> Expression:
        if x.value is not None and y.value:
            return self._number(x.value // y.value)
        return self._plain(((x, e.PRODUCT), " // ", (y, e.UNARY)), e.PRODUCT, 0, max(x.high, 1))

    def urem(self, w: int, x: Expression, y: Expression) -> Expression:
        if x.value is not None and y.value:
            return self._number(x.value % y.value)
        return self._plain(((x, e.PRODUCT), " % ", (y, e.UNARY)), e.PRODUCT, 0, max(x.high, 1))

    def sdiv(self, w: int, x: Expression, y: Expression) -> Expression:
        return self._signed_division(w, x, y, self.udiv(w, x, y), "divide")

    def srem(self, w: int, x: Expression, y: Expression) -> Expression:
        return self._signed_division(w, x, y, self.urem(w, x, y), "remainder")

    def _signed_division(
        self, w: int, x: Expression, y: Expression, unsigned: Expression, function: str
    ) -> Expression:
        """Return the unsigned division of two numbers that are not negative, else a call."""
        half = self._number(1 << (w - 1))
        plain = self.both(self._less(x, half), self._less(y, half))
        return self.select(w, plain, unsigned, self._call(function, w, w, x, y))

    # Bits.

    def and_(self, w: int, x: Expression, y: Expression) -> Expression:
        if x.value is not None and y.value is not None:
            return self._number(x.value & y.value)
        for a, b in ((x, y), (y, x)):
            if a.value == 0:
                return a
            if a.value is not None and a.value & (a.value + 1) == 0:
                return self._normal(a.value.bit_length(), self._ring(a.value.bit_length(), b))
        return self._bitwise(x, " & ", y, e.BIT_AND, min(x.high, y.high))

    def or_(self, w: int, x: Expression, y: Expression) -> Expression:
        if x.value is not None and y.value is not None:
            return self._number(x.value | y.value)
        if x.value == 0 or y.value == 0:
            return y if x.value == 0 else x
        return self._bitwise(x, " | ", y, e.BIT_OR, _mask((x.high | y.high).bit_length()))

    def xor(self, w: int, x: Expression, y: Expression) -> Expression:
        if x.value is not None and y.value is not None:
            return self._number(x.value ^ y.value)
        if x.value == 0 or y.value == 0:
            return y if x.value == 0 else x
        return self._bitwise(x, " ^ ", y, e.BIT_XOR, _mask((x.high | y.high).bit_length()))

    def _bitwise(
        self, x: Expression, operator: str, y: Expression, level: int, high: int
    ) -> Expression:
        if x.low < 0 or y.low < 0:
            raise InternalError("bitwise operation on a value that is not normalised")
        return self._plain(((x, level), operator, (y, level + 1)), level, 0, high)

    def not_(self, w: int, x: Expression) -> Expression:
        return self.xor(w, x, self._number(_mask(w)))

    def shl(self, w: int, x: Expression, n: Expression) -> Expression:
        x = self._ring(w, x)
        if n.value is not None:
            return self._normal(w, self._left(x, n.value))
        most = min(n.high, w - 1)
        source: tuple[Part, ...] = ((x, e.SHIFT), " << ", (n, e.SUM))
        raw = self._plain(source, e.SHIFT, min(x.low << most, x.low), max(x.high << most, x.high))
        return self._normal(w, raw)

    def lshr(self, w: int, x: Expression, n: Expression) -> Expression:
        return self._right(x, n)

    def ashr(self, w: int, x: Expression, n: Expression) -> Expression:
        return self._normal(w, self._right(self._signed(w, x), n))

    def popcount(self, w: int, x: Expression) -> Expression:
        if x.value is not None:
            return self._number(x.value.bit_count())
        return self._plain(((x, e.ATOM), ".bit_count()"), e.ATOM, 0, w)

    def _bit_length(self, w: int, x: Expression) -> Expression:
        if x.value is not None:
            return self._number(x.value.bit_length())
        return self._plain(((x, e.ATOM), ".bit_length()"), e.ATOM, 0, w)

    def leading_zeros(self, w: int, x: Expression) -> Expression:
        return self._sum(self._number(w), " - ", self._bit_length(w, x))

    def trailing_zeros(self, w: int, x: Expression) -> Expression:
        if x.value is not None:
            return self._number((x.value & -x.value).bit_length() - 1 if x.value else w)
        # The zeros below the lowest one are the ones of ~x & (x - 1), for zero all of them.
        below = self._sum(x, " - ", self._number(1))
        source: tuple[Part, ...] = ((self.not_(w, x), e.BIT_AND), " & ", (below, e.SHIFT))
        zeros = self._plain(source, e.BIT_AND, 0, _mask(w))
        return self._plain(((zeros, e.ATOM), ".bit_count()"), e.ATOM, 0, w)

    def reverse_bits(self, w: int, x: Expression) -> Expression:
        return self._call("reverse_bits", w, w, x)

    def reverse_bytes(self, w: int, x: Expression) -> Expression:
        if x.value is not None:
            return self._number(int.from_bytes(x.value.to_bytes(w // 8, "little"), "big"))
        source: tuple[Part, ...] = ("from_bytes(", (x, e.ATOM), f".to_bytes({w // 8}, {LE}), {BE})")
        return self._plain(source, e.ATOM, 0, _mask(w))

    # Comparison.

    def _compare(self, x: Expression, operator: str, y: Expression) -> Truth:
        parts: tuple[Part, ...] = ((x, e.BIT_OR), f" {operator} ", (y, e.BIT_OR))
        opposite: tuple[Part, ...] = ((x, e.BIT_OR), f" {OPPOSITE[operator]} ", (y, e.BIT_OR))
        return self._truth(parts, e.COMPARE, opposite)

    def eq(self, w: int, x: Expression, y: Expression) -> Truth:
        if x.value is not None and y.value is not None:
            return self.truth(x.value == y.value)
        if x.high < y.low or y.high < x.low:
            return self.truth(value=False)
        if isinstance(x, Choice) and x.is_flag and x.name is None and y.value in (0, 1):
            return x.test if y.value == 1 else self.negate(x.test)
        return self._compare(x, "==", y)

    def ult(self, w: int, x: Expression, y: Expression) -> Truth:
        return self._less(x, y)

    def ule(self, w: int, x: Expression, y: Expression) -> Truth:
        return self.negate(self._less(y, x))

    def _less(self, x: Expression, y: Expression) -> Truth:
        if x.high < y.low:
            return self.truth(value=True)
        if x.low >= y.high:
            return self.truth(value=False)
        return self._compare(x, "<", y)

    def slt(self, w: int, x: Expression, y: Expression) -> Truth:
        half = 1 << (w - 1)
        if y.value == 0:
            return self.negate(self._less(x, self._number(half)))
        if x.value == _mask(w):
            return self._less(y, self._number(half))
        a, b = self._known_signed(w, x), self._known_signed(w, y)
        if a is not None and b is not None:
            return self._less(a, b)
        return self._less(self._biased(x, a, half), self._biased(y, b, half))

    def _biased(self, x: Expression, number: Expression | None, half: int) -> Expression:
        """Return the signed number of `x` (which is `number` where known) plus `half`.

        Flipping the sign bit adds half: the order of the signed numbers, one step
        cheaper than the numbers.
        """
        bias = self._number(half)
        return self._flip(x, half) if number is None else self._sum(number, " + ", bias)

    def sle(self, w: int, x: Expression, y: Expression) -> Truth:
        return self.negate(self.slt(w, y, x))

    # Floating point: calls of the concrete domain's functions.

    def float_add(self, f: FloatFormat, x: Expression, y: Expression) -> Expression:
        return self._call(f"add_{f.name}", f.bits, x, y)

    def float_sub(self, f: FloatFormat, x: Expression, y: Expression) -> Expression:
        return self._call(f"sub_{f.name}", f.bits, x, y)

    def float_mul(self, f: FloatFormat, x: Expression, y: Expression) -> Expression:
        return self._call(f"mul_{f.name}", f.bits, x, y)

    def float_div(self, f: FloatFormat, x: Expression, y: Expression) -> Expression:
        return self._call(f"div_{f.name}", f.bits, x, y)

    def float_sqrt(self, f: FloatFormat, x: Expression) -> Expression:
        return self._call(f"sqrt_{f.name}", f.bits, x)

    def float_fma(self, f: FloatFormat, x: Expression, y: Expression, z: Expression) -> Expression:
        return self._call(f"fma_{f.name}", f.bits, x, y, z)

    def float_round(self, f: FloatFormat, mode: RoundingMode, x: Expression) -> Expression:
        return self._call(f"{mode}_{f.name}", f.bits, x)

    def float_convert(self, f: FloatFormat, to: FloatFormat, x: Expression) -> Expression:
        return self._call(f"convert_{f.name}_{to.name}", to.bits, x)

    def float_from_unsigned(self, w: int, to: FloatFormat, x: Expression) -> Expression:
        return self._call(f"from_integer_{to.name}", to.bits, x)

    def float_from_signed(self, w: int, to: FloatFormat, x: Expression) -> Expression:
        return self._call(f"from_integer_{to.name}", to.bits, self._signed(w, x))

    def float_to_unsigned(self, f: FloatFormat, w: int, x: Expression) -> Expression:
        return self._integer(f, w, x)

    def float_to_signed(self, f: FloatFormat, w: int, x: Expression) -> Expression:
        return self._integer(f, w, x)

    def _integer(self, f: FloatFormat, w: int, x: Expression) -> Expression:
        number = self._call(f"integral_{f.name}", w, x)
        # The number is signed and as large as the format's: nothing bounds it.
        unbounded = self._plain(number.parts, e.ATOM, -(1 << (f.emax + 1)), 1 << (f.emax + 1))
        return self._normal(w, unbounded)
