"""Random expression trees: every operation fused into the next, as the executor does.

A fused operand brings its interval, its unmasked form and its condition along, so this is
where a wrong simplification would show.
"""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.semantics.corpus import SITES, int_lanes, lanes_for

from plumbob.semantics import CONCRETE, OPERATIONS, ValueType
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from plumbob.semantics import Site
    from plumbob.semantics.expression import Expression

LIBRARY = SourceLibrary()
PARTIAL = {"udiv", "urem", "sdiv", "srem", "uadd_overflow_trap", "fcvt_to_uint", "fcvt_to_sint"}
SLOW = {"fma", "sqrt", "fadd", "fsub", "fmul", "fdiv"}


def producers() -> dict[ValueType, list[tuple[str, Site]]]:
    """Operations that cannot trap, on scalars and 128-bit vectors, by the type of their result."""
    found: dict[ValueType, list[tuple[str, Site]]] = {}
    for name, sites in SITES.items():
        for where in sites:
            small = all(kind.bits <= 128 for kind in where.operands + where.results)
            if small and name not in PARTIAL | SLOW and len(where.results) == 1:
                found.setdefault(where.results[0], []).append((name, where))
    return found


PRODUCERS = producers()
ROOTS = [kind for kind in PRODUCERS if not kind.is_float and kind.bits <= 128]


class Tree(NamedTuple):
    """What a tree is in source, and its value."""

    operand: str | Expression
    value: int


class Builder:
    """Builds one random tree: `lines` come first, `scope` has the variables."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - test inputs, the same in every run
        self.numbers = count()
        self.lines: list[str] = []
        self.scope: dict[str, int] = {}

    def fresh(self) -> str:
        return f"t{next(self.numbers)}"

    def leaf(self, kind: ValueType) -> Tree:
        pool = int_lanes(kind.bits) if kind.lanes > 1 or not kind.is_float else lanes_for(kind)
        value = self.rng.choice(pool)
        if self.rng.random() < 0.3:
            return Tree(hex(value), value)
        name = f"v{len(self.scope)}"
        self.scope[name] = value
        return Tree(name, value)

    def tree(self, kind: ValueType, depth: int) -> Tree:
        if depth == 0 or kind not in PRODUCERS:
            return self.leaf(kind)
        name, where = self.rng.choice(PRODUCERS[kind])
        operands = [self.tree(operand, depth - 1) for operand in where.operands]
        outcome = OPERATIONS[name].outcome(CONCRETE, where, [tree.value for tree in operands])
        written = LIBRARY.fragment(
            OPERATIONS[name], where, [tree.operand for tree in operands], self.fresh
        )
        assert written.traps == []
        self.lines += written.before + written.after
        (result,) = written.results
        return Tree(result, outcome.results[0])


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_fused_tree_computes_what_its_operations_do_one_by_one(depth: int) -> None:
    for seed in range(1200 // depth):
        builder = Builder(seed)
        tree = builder.tree(builder.rng.choice(ROOTS), depth)
        result = tree.operand
        if isinstance(result, str):
            continue
        source = "\n".join([*builder.lines, f"r = {result.text()}", f"c = {result.condition()}"])
        scope = dict(builder.scope)
        exec(compile(source, f"<tree {seed}>", "exec"), LIBRARY.namespace, scope)  # noqa: S102 - our own source
        assert scope["r"] == tree.value, f"{builder.scope}\n{source}"
        assert bool(scope["c"]) == (tree.value != 0), source
        assert result.low <= tree.value <= result.high, source
