"""Random operands against the oracles, and laws that no oracle states."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.semantics.corpus import RUNNERS, SITES, describe, int_lanes, site
from tests.semantics.oracles import ORACLES, WIDTHS, decode, vector_of

from plumbob.semantics import OPERATIONS, ValueType, value_type
from plumbob.semantics.source_library import SourceLibrary

LIBRARY = SourceLibrary()


def integers(w: int) -> st.SearchStrategy[int]:
    """Any integer, small distances from corners, and few bits set."""
    top = (1 << w) - 1
    near = st.builds(lambda x, d: (x + d) & top, st.sampled_from(int_lanes(w)), st.integers(-3, 3))
    sparse = st.lists(st.integers(0, w - 1), max_size=3).map(lambda b: sum({1 << i for i in b}))
    return st.one_of(st.integers(0, top), near, sparse)


def floats(bits: int) -> st.SearchStrategy[int]:
    """Exponents where things happen, fractions with long runs: ties, subnormals, specials."""
    exponent_bits, fraction_bits = WIDTHS[bits]
    most, bias = (1 << exponent_bits) - 1, (1 << exponent_bits - 1) - 1
    exponent = st.one_of(
        st.integers(max(bias - fraction_bits - 2, 0), min(bias + fraction_bits + 2, most)),
        st.sampled_from([0, 1, 2, most - 1, most]),
        st.integers(bias - 2, bias + 2),
        st.integers(bias // 2 - 2, bias // 2 + 2),
        st.integers(0, most),
    )
    return st.builds(
        lambda sign, e, fraction: sign << (bits - 1) | e << fraction_bits | fraction,
        st.integers(0, 1),
        exponent,
        integers(fraction_bits),
    )


def values(kind: ValueType) -> st.SearchStrategy[int]:
    lane = floats(kind.lane_bits) if kind.is_float else integers(kind.lane_bits)
    if kind.lanes == 1:
        return lane
    lanes = st.lists(lane, min_size=kind.lanes, max_size=kind.lanes)
    return lanes.map(lambda parts: vector_of(kind, parts))


@pytest.mark.parametrize("name", OPERATIONS)
def test_random_operands_agree_with_the_oracle(name: str) -> None:
    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(st.data())
    def agrees(data: st.DataObject) -> None:
        where = data.draw(st.sampled_from(SITES[name]))
        operands = tuple(data.draw(values(kind)) for kind in where.operands)
        expected = ORACLES[name](where, *operands)
        for runner in RUNNERS.values():
            found = runner(OPERATIONS[name], where)(*operands)
            assert found == expected, describe(name, where, operands, expected, found)

    agrees()


ROUNDED = ("fadd", "fsub", "fmul", "fdiv", "fma", "sqrt")


@pytest.mark.parametrize("kind", ["f16", "f32", "f64", "f128"])
@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_operations(name: str, kind: str) -> None:
    arity = OPERATIONS[name].arity
    where = site(" ".join([kind] * arity), kind)
    function = LIBRARY.function(OPERATIONS[name], where)

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(st.tuples(*[floats(value_type(kind).bits)] * arity))
    def is_rounded_once(operands: tuple[int, ...]) -> None:
        expected = ORACLES[name](where, *operands)
        assert (function(*operands),) == expected

    is_rounded_once()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(integers(64), integers(64))
def test_inverses(x: int, n: int) -> None:
    def apply(name: str, *operands: int, types: str = "i64 i64", result: str = "i64") -> int:
        value: int = LIBRARY.function(OPERATIONS[name], site(types, result))(*operands)
        return value

    one = {"types": "i64"}
    assert apply("bitrev", apply("bitrev", x, **one), **one) == x
    assert apply("bswap", apply("bswap", x, **one), **one) == x
    assert apply("bnot", apply("bnot", x, **one), **one) == x
    assert apply("rotr", apply("rotl", x, n), n) == x
    assert apply("isub", apply("iadd", x, n), n) == x
    whole = apply("iconcat", x, n, result="i128")
    halves = LIBRARY.function(OPERATIONS["isplit"], site("i128", "i64 i64"))(whole)
    assert halves == (x, n)
    assert apply("ctz", x, **one) == apply("clz", apply("bitrev", x, **one), **one)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(["f16", "f32", "f64", "f128"]), st.data())
def test_laws_of_floats(kind: str, data: st.DataObject) -> None:
    bits = value_type(kind).bits
    x, y = data.draw(floats(bits)), data.draw(floats(bits))

    def apply(name: str, *operands: int) -> int:
        where = site(" ".join([kind] * len(operands)), kind)
        value: int = LIBRARY.function(OPERATIONS[name], where)(*operands)
        return value

    quiet_bit = 1 << (WIDTHS[bits][1] - 1)
    for name in ("fadd", "fsub", "fmul", "fdiv", "fmin", "fmax"):
        result = apply(name, x, y)
        if decode(bits, result).kind == "nan":
            assert result & quiet_bit
        elif name in ("fadd", "fmul", "fmin", "fmax"):
            assert result == apply(name, y, x)
    assert apply("fneg", apply("fneg", x)) == x
    assert apply("fcopysign", x, x) == x
    if decode(bits, x).kind != "nan" and decode(bits, y).kind != "nan":
        assert sorted((apply("fmin", x, y), apply("fmax", x, y))) == sorted((x, y))
        # Rounding twice changes nothing, and subtraction is addition of the negated.
        assert apply("nearest", apply("nearest", x)) == apply("nearest", x)
        assert apply("fsub", x, y) == apply("fadd", x, apply("fneg", y))
