"""Arithmetic that rounds once, by MPFR: f16, f128, and fused multiply-add in every format.

gmpy2 is imported when the first such operation is computed: most programs have none,
and the import takes as long as starting the command line.

MPFR knows one NaN. Its results' NaNs are some NaN here, as the Domain protocol allows.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from plumbob.semantics.encoding import (
    bits_of_double,
    double_of,
    exact_bits,
    is_finite,
    parts,
)
from plumbob.semantics.signals import kept_handlers
from plumbob.semantics.types import F64, F128

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.semantics.types import FloatFormat


class Engine:
    """gmpy2, and one context for each format."""

    def __init__(self) -> None:
        with kept_handlers():
            import gmpy2  # noqa: PLC0415 - see above

        self.gmpy2 = gmpy2
        # Holds every significand of a format and every integer of 128 bits.
        self.exact = gmpy2.context(precision=128)
        self.contexts: dict[str, Any] = {}

    def context(self, f: FloatFormat) -> Any:
        """Return the context that rounds to `f`.

        MPFR's significands are in [1/2, 1), so its exponents are greater by one; the
        least one is that of the least subnormal number.
        """
        if f.name not in self.contexts:
            self.contexts[f.name] = self.gmpy2.context(
                precision=f.precision,
                emax=f.emax + 1,
                emin=3 - f.emax - f.precision,
                subnormalize=True,
                round=self.gmpy2.RoundToNearest,
            )
        return self.contexts[f.name]

    def value(self, f: FloatFormat, x: int) -> Any:
        """Return the number with the bits `x`."""
        if f is not F128:
            return self.gmpy2.mpfr(double_of(f, x), F64.precision)
        negative, significand, exponent = parts(f, x)
        if not is_finite(f, x):
            nan = significand != 1 << f.fraction_bits
            return self.gmpy2.mpfr("nan" if nan else ("-inf" if negative else "inf"))
        if significand == 0:
            return self.gmpy2.mpfr("-0" if negative else "0")
        return self.scaled(-significand if negative else significand, exponent)

    def scaled(self, significand: int, exponent: int) -> Any:
        """Return `significand * 2**exponent` exactly; the significand is not zero."""
        whole = self.gmpy2.mpfr(significand, max(significand.bit_length(), 2))
        return self.exact.mul_2exp(whole, exponent) if exponent else whole

    def bits(self, f: FloatFormat, value: Any) -> int:
        """Return the bits of a number that was rounded in `context(f)`."""
        if value.is_nan():
            return f.default_nan
        if f is not F128:
            return bits_of_double(f, float(value))
        negative = bool(value.is_signed())
        if value.is_infinite():
            return f.infinity | (f.sign_mask if negative else 0)
        if value.is_zero():
            return f.sign_mask if negative else 0
        significand, exponent = value.as_mantissa_exp()
        return exact_bits(f, negative, abs(int(significand)), int(exponent))

    def operation(self, f: FloatFormat, name: str, operands: Sequence[int]) -> int:
        """Return the result of `name` (add, sub, mul, div, sqrt, fma) rounded once to `f`."""
        result = getattr(self.context(f), name)(*[self.value(f, x) for x in operands])
        return self.bits(f, result)

    def from_integer(self, f: FloatFormat, n: int) -> int:
        """Return the integer `n`, of at most 128 bits, rounded once to `f`."""
        return self.bits(f, self.context(f).plus(self.scaled(n, 0))) if n else 0

    def convert(self, f: FloatFormat, to: FloatFormat, x: int) -> int:
        """Return the number `x` of format `f` rounded once to `to`."""
        return self.bits(to, self.context(to).plus(self.value(f, x)))


@cache
def engine() -> Engine:
    """Return the one engine."""
    return Engine()
