"""The Domain protocol: what the definitions of operations may do to a value.

A definition sees two opaque kinds of things: `V`, a bit vector, and `B`, a truth value.
It never looks inside; it only calls the primitives below, each of which z3's bit-vector
and floating-point theories provide as well. That is what lets one definition serve the
interpreter, the constant folder, generated source and proofs.

Conventions, kept by every definition and checked in the tests by a domain that carries
widths:

- A `V` has a width that both sides know; the definition passes it, the domain need not
  store it. Concretely a value is an int `0 <= x < 2**width`.
- Parameters of type int are literal: widths, offsets, constants. They never depend on
  a `V`.
- Arithmetic wraps modulo `2**width`.
- A shift amount has the width of the shifted value and is less than that width: the
  definition masks, so that Python, z3 and machines, which disagree beyond, never meet
  the case.
- A division's value is unspecified for a zero divisor, and `sdiv`'s for the overflow of
  the smallest number by minus one; a domain must not fail there. The definition reports
  the trap.
- Floating-point values are their bit patterns. Where a float primitive's mathematical
  result is a NaN, it returns *some* NaN: which one is decided by the definition from the
  operands' bits, because neither Python nor MPFR nor z3 carries payloads faithfully.
  Rounding is to nearest, ties to even, everywhere (the only mode of CLIF and
  WebAssembly), subnormals are never flushed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.semantics.types import FloatFormat

V = TypeVar("V")
B = TypeVar("B")

RoundingMode = Literal["ceil", "floor", "trunc", "nearest"]

NanRule = Literal["first", "canonical", "negative", "last", "ones"]
"""How the NaN that an operation results in is chosen; `floats.quieted_nan` says what each is."""


class Domain(Protocol[V, B]):
    """The primitives. `w` is always the width of the operands, in bits.

    `nan_rule` is how the definitions, not the primitives, choose NaNs in this domain.
    """

    nan_rule: NanRule

    # Constants and truth values.
    def const(self, w: int, value: int) -> V:
        """Return the constant `value`, which satisfies `0 <= value < 2**w`."""

    def truth(self, value: bool) -> B:  # noqa: FBT001 - the literal truth values are its domain
        """Return the constant truth value."""

    def both(self, a: B, b: B) -> B:
        """Return the conjunction."""

    def either(self, a: B, b: B) -> B:
        """Return the disjunction."""

    def negate(self, a: B) -> B:
        """Return the negation."""

    def select(self, w: int, c: B, x: V, y: V) -> V:
        """Return `x` where `c` holds and `y` elsewhere."""

    # Structure.
    def extract(self, w: int, x: V, low: int, n: int) -> V:
        """Return bits `low` to `low + n - 1` of `x`, a value of width `n`."""

    def zero_extend(self, w: int, x: V, to: int) -> V:
        """Return the unsigned number `x` in the wider (or same) width `to`."""

    def sign_extend(self, w: int, x: V, to: int) -> V:
        """Return the signed number `x` in the wider (or same) width `to`."""

    def split(self, w: int, x: V, lanes: int) -> Sequence[V]:
        """Return the `lanes` equal parts of `x`, the least significant first."""

    def join(self, w: int, parts: Sequence[V]) -> V:
        """Return parts of width `w` each as one value, the first least significant."""

    # Arithmetic modulo 2**w.
    def add(self, w: int, x: V, y: V) -> V:
        """Return the sum."""

    def sub(self, w: int, x: V, y: V) -> V:
        """Return the difference."""

    def mul(self, w: int, x: V, y: V) -> V:
        """Return the product."""

    def udiv(self, w: int, x: V, y: V) -> V:
        """Return the unsigned quotient, rounded down."""

    def urem(self, w: int, x: V, y: V) -> V:
        """Return the unsigned remainder."""

    def sdiv(self, w: int, x: V, y: V) -> V:
        """Return the signed quotient, rounded towards zero."""

    def srem(self, w: int, x: V, y: V) -> V:
        """Return the signed remainder, with the sign of the dividend."""

    # Bits.
    def and_(self, w: int, x: V, y: V) -> V:
        """Return the bitwise and."""

    def or_(self, w: int, x: V, y: V) -> V:
        """Return the bitwise or."""

    def xor(self, w: int, x: V, y: V) -> V:
        """Return the bitwise exclusive or."""

    def not_(self, w: int, x: V) -> V:
        """Return the bitwise complement."""

    def shl(self, w: int, x: V, n: V) -> V:
        """Return `x` shifted left by `n < w`."""

    def lshr(self, w: int, x: V, n: V) -> V:
        """Return `x` shifted right by `n < w`, filled with zeros."""

    def ashr(self, w: int, x: V, n: V) -> V:
        """Return `x` shifted right by `n < w`, filled with its sign."""

    def popcount(self, w: int, x: V) -> V:
        """Return the number of ones."""

    def leading_zeros(self, w: int, x: V) -> V:
        """Return the number of zeros above the highest one; `w` for zero."""

    def trailing_zeros(self, w: int, x: V) -> V:
        """Return the number of zeros below the lowest one; `w` for zero."""

    def reverse_bits(self, w: int, x: V) -> V:
        """Return the bits in opposite order."""

    def reverse_bytes(self, w: int, x: V) -> V:
        """Return the bytes in opposite order; `w` is a multiple of 8."""

    # Comparison.
    def eq(self, w: int, x: V, y: V) -> B:
        """Say whether all bits agree."""

    def ult(self, w: int, x: V, y: V) -> B:
        """Say whether `x < y`, unsigned."""

    def ule(self, w: int, x: V, y: V) -> B:
        """Say whether `x <= y`, unsigned."""

    def slt(self, w: int, x: V, y: V) -> B:
        """Say whether `x < y`, signed."""

    def sle(self, w: int, x: V, y: V) -> B:
        """Say whether `x <= y`, signed."""

    # Floating point.
    def float_add(self, f: FloatFormat, x: V, y: V) -> V:
        """Return the correctly rounded sum."""

    def float_sub(self, f: FloatFormat, x: V, y: V) -> V:
        """Return the correctly rounded difference."""

    def float_mul(self, f: FloatFormat, x: V, y: V) -> V:
        """Return the correctly rounded product."""

    def float_div(self, f: FloatFormat, x: V, y: V) -> V:
        """Return the correctly rounded quotient; a non-zero number by zero is infinite."""

    def float_sqrt(self, f: FloatFormat, x: V) -> V:
        """Return the correctly rounded square root; that of -0.0 is -0.0."""

    def float_fma(self, f: FloatFormat, x: V, y: V, z: V) -> V:
        """Return `x * y + z`, rounded once."""

    def float_round(self, f: FloatFormat, mode: RoundingMode, x: V) -> V:
        """Return the integral number next to `x` in direction `mode`, with the sign of `x`.

        `nearest` takes the even one of two equally near. Infinities stay.
        """

    def float_convert(self, f: FloatFormat, to: FloatFormat, x: V) -> V:
        """Return the number `x` correctly rounded to another format."""

    def float_from_unsigned(self, w: int, to: FloatFormat, x: V) -> V:
        """Return the unsigned number `x` correctly rounded."""

    def float_from_signed(self, w: int, to: FloatFormat, x: V) -> V:
        """Return the signed number `x` correctly rounded."""

    def float_to_unsigned(self, f: FloatFormat, w: int, x: V) -> V:
        """Return `x`, an integral number in `0 <= x < 2**w`, as an integer.

        Unspecified, but no failure, for every other `x`.
        """

    def float_to_signed(self, f: FloatFormat, w: int, x: V) -> V:
        """Return `x`, an integral number in `-2**(w-1) <= x < 2**(w-1)`, as an integer.

        Unspecified, but no failure, for every other `x`.
        """
