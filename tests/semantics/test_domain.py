"""The definitions use values only through the protocol, and keep its conventions.

A domain whose values carry their widths and refuse every operator, comparison and truth
test stands in for a symbolic one: what runs over it treats values as opaque.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.semantics.corpus import SITES, inputs

from plumbob.semantics import CONCRETE, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.semantics import Domain, FloatFormat, Site
    from plumbob.semantics.domain import NanRule


class Opaque:
    """A value of a known width."""

    __slots__ = ("value", "width")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, width: int, value: int) -> None:
        assert 0 <= value < 1 << width, f"{value:#x} is not a value of width {width}"
        self.width = width
        self.value = value

    def __bool__(self) -> bool:
        raise AssertionError("a definition asked for the truth of a value")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a definition compared values itself")


class Condition:
    """A truth value that only the domain can look at."""

    __slots__ = ("holds",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, *, holds: bool) -> None:
        self.holds = holds

    def __bool__(self) -> bool:
        raise AssertionError("a definition branched on a condition")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a definition compared conditions itself")


def value(w: int, x: object) -> int:
    assert isinstance(x, Opaque)
    assert x.width == w, f"expected width {w}, found {x.width}"
    return x.value


def truth(c: object) -> bool:
    assert isinstance(c, Condition)
    return c.holds


BINARY = ("add", "sub", "mul", "udiv", "urem", "sdiv", "srem", "and_", "or_", "xor")
SHIFTS = ("shl", "lshr", "ashr")
UNARY = ("not_", "popcount", "leading_zeros", "trailing_zeros", "reverse_bits", "reverse_bytes")
COMPARISONS = ("eq", "ult", "ule", "slt", "sle")
FLOATS = {"add": 2, "sub": 2, "mul": 2, "div": 2, "sqrt": 1, "fma": 3}


class WidthCheckingDomain:
    """`Domain[Opaque, Condition]`, over the concrete domain."""

    nan_rule: NanRule = "first"

    def const(self, w: int, value: int) -> Opaque:
        return Opaque(w, value)

    def truth(self, value: bool) -> Condition:  # noqa: FBT001 - as in the protocol
        return Condition(holds=value)

    def both(self, a: Condition, b: Condition) -> Condition:
        return Condition(holds=truth(a) and truth(b))

    def either(self, a: Condition, b: Condition) -> Condition:
        return Condition(holds=truth(a) or truth(b))

    def negate(self, a: Condition) -> Condition:
        return Condition(holds=not truth(a))

    def select(self, w: int, c: Condition, x: Opaque, y: Opaque) -> Opaque:
        return Opaque(w, CONCRETE.select(w, truth(c), value(w, x), value(w, y)))

    def extract(self, w: int, x: Opaque, low: int, n: int) -> Opaque:
        assert 0 <= low < low + n <= w
        return Opaque(n, CONCRETE.extract(w, value(w, x), low, n))

    def zero_extend(self, w: int, x: Opaque, to: int) -> Opaque:
        assert to >= w
        return Opaque(to, CONCRETE.zero_extend(w, value(w, x), to))

    def sign_extend(self, w: int, x: Opaque, to: int) -> Opaque:
        assert to >= w
        return Opaque(to, CONCRETE.sign_extend(w, value(w, x), to))

    def split(self, w: int, x: Opaque, lanes: int) -> list[Opaque]:
        assert w % lanes == 0
        return [Opaque(w // lanes, part) for part in CONCRETE.split(w, value(w, x), lanes)]

    def join(self, w: int, parts: list[Opaque]) -> Opaque:
        return Opaque(w * len(parts), CONCRETE.join(w, [value(w, part) for part in parts]))

    def float_round(self, f: FloatFormat, mode: Any, x: Opaque) -> Opaque:
        return Opaque(f.bits, CONCRETE.float_round(f, mode, value(f.bits, x)))

    def float_convert(self, f: FloatFormat, to: FloatFormat, x: Opaque) -> Opaque:
        return Opaque(to.bits, CONCRETE.float_convert(f, to, value(f.bits, x)))

    def float_from_unsigned(self, w: int, to: FloatFormat, x: Opaque) -> Opaque:
        return Opaque(to.bits, CONCRETE.float_from_unsigned(w, to, value(w, x)))

    def float_from_signed(self, w: int, to: FloatFormat, x: Opaque) -> Opaque:
        return Opaque(to.bits, CONCRETE.float_from_signed(w, to, value(w, x)))

    def float_to_unsigned(self, f: FloatFormat, w: int, x: Opaque) -> Opaque:
        return Opaque(w, CONCRETE.float_to_unsigned(f, w, value(f.bits, x)))

    def float_to_signed(self, f: FloatFormat, w: int, x: Opaque) -> Opaque:
        return Opaque(w, CONCRETE.float_to_signed(f, w, value(f.bits, x)))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        primitive = getattr(CONCRETE, name)
        if name in UNARY or name in BINARY:
            return lambda w, *xs: Opaque(w, primitive(w, *(value(w, x) for x in xs)))
        if name in COMPARISONS:
            return lambda w, x, y: Condition(holds=primitive(w, value(w, x), value(w, y)))
        if name in SHIFTS:
            return lambda w, x, n: Opaque(w, primitive(w, value(w, x), below(w, value(w, n))))
        operator = name.removeprefix("float_")
        assert operator in FLOATS, f"no such primitive: {name}"

        def arithmetic(f: FloatFormat, *xs: Opaque) -> Opaque:
            assert len(xs) == FLOATS[operator]
            return Opaque(f.bits, primitive(f, *(value(f.bits, x) for x in xs)))

        return arithmetic


def below(w: int, n: int) -> int:
    assert n < w, f"a shift of width {w} by {n}"
    return n


def agrees(name: str, where: Site) -> bool:
    domain: Domain[Any, Any] = WidthCheckingDomain()  # type: ignore[assignment] # by __getattr__
    operation = OPERATIONS[name]
    for values in inputs(where, limit=40):
        opaque = [Opaque(k.bits, x) for k, x in zip(where.operands, values, strict=True)]
        outcome = operation.outcome(domain, where, opaque)
        plain = operation.outcome(CONCRETE, where, values)
        results = tuple(
            value(kind.bits, x) for kind, x in zip(where.results, outcome.results, strict=True)
        )
        traps = tuple((truth(t.condition), t.code) for t in outcome.traps)
        if results != plain.results or traps != plain.traps:
            return False
    return True


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_definition_keeps_widths_and_never_looks_into_values(name: str) -> None:
    assert all(agrees(name, where) for where in SITES[name])
