"""Dominators of blocks as they are begun."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plumbob.ir.ssa_order import Order


def begun(*blocks: tuple[int, list[int]], unsealed: frozenset[int] = frozenset()) -> Order:
    order = Order()
    for block, sources in blocks:
        order.begin(block, sources, sealed=block not in unsealed)
    return order


DIAMOND: tuple[tuple[int, list[int]], ...] = ((0, []), (1, [0]), (2, [0]), (3, [1, 2]))


def test_a_merge_looks_up_to_its_dominator() -> None:
    order = Order()
    order.begin(0, [], sealed=True)
    order.define(7)
    for block, sources in DIAMOND[1:]:
        order.begin(block, sources, sealed=True)
    # The definition stands in block 0, which is older: the walk ends right below it.
    assert order.topmost(7, 3) == 3
    assert order.topmost(8, 3) == 0


def test_a_definition_in_between_stops_it() -> None:
    order = Order()
    order.begin(0, [], sealed=True)
    order.begin(1, [0], sealed=True)
    order.define(7)
    order.begin(2, [0], sealed=True)
    order.begin(3, [1, 2], sealed=True)
    order.begin(4, [3], sealed=True)
    assert order.topmost(7, 4) == 3
    assert order.topmost(7, 2) == 2


def test_nothing_looks_past_a_block_that_is_not_sealed() -> None:
    order = begun((0, []), (1, [0]), (2, [1]), unsealed=frozenset({1}))
    assert order.topmost(7, 2) == 1
    order.seal(1)
    assert order.topmost(7, 2) == 0


def test_a_back_edge_is_in_order_and_another_entry_is_not() -> None:
    order = begun((0, []), (1, [0]), (2, [1]), unsealed=frozenset({1}))
    order.branch(1, 2)
    assert order.holds
    order = begun((0, []), (1, [0]), (2, [0]), unsealed=frozenset({1}))
    order.branch(1, 2)
    assert not order.holds
    assert order.topmost(7, 2) == 2


def test_a_block_begun_without_a_branch_to_it_ends_it() -> None:
    assert not begun((0, []), (1, [])).holds
    assert not begun((0, []), (1, [9])).holds


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=60))
def test_dominators_are_those_of_the_graph(choices: list[tuple[int, int]]) -> None:
    """Against the definition: what every path from the entry passes."""
    sources: list[list[int]] = [[]]
    for left, right in choices:
        count = len(sources)
        sources.append(sorted({left % count, right % count}))
    order = begun(*enumerate(sources))
    dominators: list[set[int]] = []
    for block, before in enumerate(sources):
        common = set.intersection(*(dominators[each] for each in before)) if before else set()
        dominators.append(common | {block})
    for below, above in enumerate(dominators):
        for block in range(len(sources)):
            assert order._dominates(block, below) == (block in above)


def test_a_definition_further_down_in_a_loop_comes_round() -> None:
    """Block 2 leaves the loop of block 1 before the definition in block 3, which reaches it."""
    order = begun((0, []), (1, [0]), (2, [1]), (3, [1]), unsealed=frozenset({1}))
    order.define(7)
    order.branch(1, 3)
    order.seal(1)
    order.begin(4, [2], sealed=True)
    assert order.topmost(7, 2) == 1
    assert order.topmost(8, 2) == 0
    assert order.topmost(8, 4) == 0
