"""Rules for NaNs: each gives results that the specification allows, and none another number."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, get_args

import pytest
from tests.semantics.corpus import inputs, site
from tests.semantics.oracles import allowed_nan, decode, is_canonical, nan_of

from plumbob.semantics import OPERATIONS, ConcreteDomain
from plumbob.semantics.domain import NanRule
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from plumbob.semantics import Site

RULES: tuple[NanRule, ...] = get_args(NanRule)
UNARY = ("sqrt", "ceil", "floor", "trunc", "nearest")
BINARY = ("fadd", "fsub", "fmul", "fdiv", "fmin", "fmax")
SITES = [
    *((name, site(kind, kind)) for name in UNARY for kind in ("f32", "f64")),
    *((name, site(f"{kind} {kind}", kind)) for name in BINARY for kind in ("f32", "f64")),
    *(("fma", site(f"{kind} {kind} {kind}", kind)) for kind in ("f32", "f64")),
]
CONVERSIONS = [("fdemote", site("f64", "f32")), ("fpromote", site("f32", "f64"))]


@cache
def library(rule: NanRule) -> SourceLibrary:
    return SourceLibrary(rule)


def results(name: str, where: Site, rule: NanRule, row: tuple[int, ...]) -> int:
    """The result on the concrete domain, which is that of the source."""
    operation = OPERATIONS[name]
    result: int = operation.outcome(ConcreteDomain(rule), where, row).results[0]
    assert library(rule).function(operation, where)(*row) == result
    return result


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("name", "where"), SITES, ids=lambda x: x if isinstance(x, str) else "")
def test_every_nan_is_allowed_and_every_number_the_same(
    name: str, where: Site, rule: NanRule
) -> None:
    bits = where.results[0].bits
    nans = 0
    for row in inputs(where, limit=400):
        found = results(name, where, rule, row)
        usual = results(name, where, "first", row)
        if decode(bits, usual).kind != "nan":
            assert found == usual, tuple(map(hex, row))
            continue
        nans += 1
        assert decode(bits, found).kind == "nan", tuple(map(hex, row))
        assert allowed_nan(bits, found, list(row)), (tuple(map(hex, row)), hex(found))
    assert nans


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("name", "where"), CONVERSIONS)
def test_conversions_too(name: str, where: Site, rule: NanRule) -> None:
    of, to = where.operands[0].bits, where.results[0].bits
    for (x,) in inputs(where):
        found = results(name, where, rule, (x,))
        if decode(of, x).kind != "nan":
            assert found == results(name, where, "first", (x,))
        elif is_canonical(of, x):
            assert is_canonical(to, found), hex(x)
        else:
            assert found & nan_of(to) == nan_of(to), hex(x)


CANONICAL, ONES, SIGN = 0x7FC0_0000, 0xFFFF_FFFF, 0x8000_0000
ONE_NAN, OTHER_NAN, NUMBER = 0xFFA0_0001, 0x7FC0_0777, 0x3F80_0000
INFINITY = 0x7F80_0000

EXPECTED: dict[NanRule, tuple[int, int, int, int]] = {
    "first": (CANONICAL, 0xFFE0_0001, OTHER_NAN, CANONICAL),
    "last": (CANONICAL, OTHER_NAN, OTHER_NAN, CANONICAL),
    "negative": (CANONICAL | SIGN, 0xFFE0_0001, OTHER_NAN, CANONICAL),
    "canonical": (CANONICAL, CANONICAL, CANONICAL, CANONICAL),
    "ones": (CANONICAL | SIGN, ONES, ONES, CANONICAL | SIGN),
}
"""By rule: of an invalid operation, of two NaNs, of a number and a NaN, of a canonical NaN."""


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_what_it_says(rule: NanRule) -> None:
    where = site("f32 f32", "f32")
    rows = [
        (INFINITY, INFINITY),
        (ONE_NAN, OTHER_NAN),
        (NUMBER, OTHER_NAN),
        (CANONICAL, NUMBER),
    ]
    assert tuple(results("fsub", where, rule, row) for row in rows) == EXPECTED[rule]


def test_vectors_choose_lane_by_lane() -> None:
    where = site("f32x4 f32x4", "f32x4")
    left = CANONICAL | ONE_NAN << 32 | NUMBER << 64 | INFINITY << 96
    right = NUMBER | NUMBER << 32 | NUMBER << 64 | INFINITY << 96
    found = results("fsub", where, "ones", (left, right))
    lanes = [found >> 32 * lane & ONES for lane in range(4)]
    assert lanes == [CANONICAL | SIGN, ONES, 0, CANONICAL | SIGN]


@pytest.mark.parametrize("rule", RULES)
def test_bit_operations_leave_nans_alone(rule: NanRule) -> None:
    for name, operands in (("fneg", 1), ("fabs", 1), ("fcopysign", 2)):
        where = site(" ".join(["f32"] * operands), "f32")
        for row in inputs(where, limit=200):
            assert results(name, where, rule, row) == results(name, where, "first", row)
