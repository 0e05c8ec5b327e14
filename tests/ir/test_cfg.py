"""Graphs against plain definitions, on random graphs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.ir.cfg import branch_of, control_flow_graph
from plumbob.ir.cfg_printer import print_cfg
from plumbob.ir.dominators import NONE, dominator_tree, post_dominator_tree
from plumbob.ir.entities import BlockCall, SymbolName
from plumbob.ir.function import Function
from plumbob.ir.loops import NO_LOOP, loop_forest
from plumbob.ir.operations import operation
from plumbob.ir.parser import parse_clif

Graph = list[list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 10))
    node = st.integers(0, count - 1)
    return [draw(st.lists(node, max_size=3)) for _ in range(count)]


def function(graph: Graph) -> Function:
    """Return a function of that shape; the verifier would not like its operands."""
    func = Function()
    for _ in graph:
        func.append_block()
    for block, successors in enumerate(graph):
        targets = tuple(BlockCall(s) for s in successors)
        if targets:
            inst = func.new_inst(operation("br_table"), targets=targets)
        else:
            inst = func.new_inst(operation("trap"), imms=("user1",))
        func.append_inst(block, inst)
    return func


def reachable(graph: Graph, roots: list[int], without: int = -1) -> set[int]:
    seen: set[int] = set()
    todo = [r for r in roots if r != without]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(s for s in graph[node] if s != without)
    return seen


@settings(max_examples=400, deadline=None)
@given(graphs())
def test_dominators_are_what_every_path_passes(graph: Graph) -> None:
    tree = dominator_tree(function(graph))
    alive = reachable(graph, [0])
    for below in range(len(graph)):
        assert tree.is_reachable(below) == (below in alive)
        above = {a for a in alive if below in alive and below not in reachable(graph, [0], a)}
        assert {a for a in range(len(graph)) if tree.dominates(a, below)} == above
        strict = above - {below}
        # The immediate one is the strict dominator that all others dominate.
        if strict:
            assert tree.idom[below] in strict
            assert all(tree.dominates(a, tree.idom[below]) for a in strict)
        else:
            assert tree.idom[below] == NONE
    assert sorted(tree.preorder()) == sorted(alive)


@settings(max_examples=400, deadline=None)
@given(graphs())
def test_post_dominators_are_what_every_path_out_passes(graph: Graph) -> None:
    tree = post_dominator_tree(function(graph))
    alive = reachable(graph, [0])
    exits = {b for b in alive if not graph[b]}
    reversed_graph: Graph = [[] for _ in graph]
    for block in alive:
        for successor in graph[block]:
            reversed_graph[successor].append(block)
    leaving = reachable(reversed_graph, sorted(exits))
    for below in range(len(graph)):
        assert tree.is_reachable(below) == (below in leaving)
        above = {
            a
            for a in leaving
            if below in leaving and below not in reachable(reversed_graph, sorted(exits), a)
        }
        assert {a for a in range(len(graph)) if tree.dominates(a, below)} == above


@settings(max_examples=400, deadline=None)
@given(graphs())
def test_loops_are_what_reaches_a_back_edge_without_the_header(graph: Graph) -> None:
    func = function(graph)
    forest = loop_forest(func)
    tree = dominator_tree(func)
    alive = reachable(graph, [0])
    reversed_graph: Graph = [[] for _ in graph]
    for block in alive:
        for successor in graph[block]:
            reversed_graph[successor].append(block)
    headers = {h for h in alive for b in alive if h in graph[b] and tree.dominates(h, b)}
    assert set(forest.headers) == headers
    for loop, header in enumerate(forest.headers):
        latches = [b for b in reversed_graph[header] if tree.dominates(header, b)]
        inside = reachable(reversed_graph, latches, header) | {header}
        assert {b for b in range(len(graph)) if forest.contains(loop, b)} == inside
        parent = forest.parents[loop]
        assert parent == NO_LOOP or forest.contains(parent, header)
    for block in range(len(graph)):
        holding = [n for n in range(len(forest.headers)) if forest.contains(n, block)]
        assert forest.depth(block) == len(holding)
    assert all(not tree.dominates(t, f) for f, t in forest.irreducible)


@given(graphs())
def test_edges_go_both_ways(graph: Graph) -> None:
    func = function(graph)
    cfg = control_flow_graph(func)
    for block, successors in enumerate(graph):
        assert cfg.successors[block] == tuple(dict.fromkeys(successors))
        assert (branch_of(func, block) is None) == (not successors)
        for successor in successors:
            assert block in cfg.predecessors[successor]
    assert sorted(cfg.postorder) == sorted(reachable(graph, [0]))
    assert cfg.reverse_postorder[0] == 0


def test_deep_graphs_take_no_recursion_and_little_time() -> None:
    count = 50_000
    func = function([[i + 1, i // 2] if i + 1 < count else [] for i in range(count)])
    tree = dominator_tree(func)
    assert tree.dominates(0, count - 1)
    assert tree.idom[count - 1] == count - 2
    assert post_dominator_tree(func).dominates(count - 1, 0)
    assert loop_forest(func).depth(count - 1) == 0


def test_blocks_outside_the_layout_take_no_part() -> None:
    func = function([[1, 7], []])
    for _ in range(8):
        func.new_block()
    cfg = control_flow_graph(func)
    assert cfg.successors[0] == (1,)
    assert cfg.predecessors[7] == []
    assert not dominator_tree(func).is_reachable(7)


def test_a_function_without_blocks_has_an_empty_graph() -> None:
    func = Function()
    assert control_flow_graph(func).postorder == []
    assert dominator_tree(func).preorder() == []
    assert post_dominator_tree(func).preorder() == []
    assert loop_forest(func).headers == []


def test_irreducible_cycles_are_named() -> None:
    forest = loop_forest(function([[1, 2], [2], [1, 3], []]))
    assert forest.headers == []
    assert len(forest.irreducible) == 1


def test_names_are_quoted_for_graphviz() -> None:
    text = print_cfg(Function(SymbolName('a "b"')))
    assert text.startswith(r'digraph "%\"a \\\"b\\\"\"" {')


def test_the_graph_prints_for_graphviz() -> None:
    (func,) = parse_clif("""
        function %g(i32) {
        block0(v0: i32):
            brif v0, block1, block2(v0)
        block1:
            jump block2(v0)
        block2(v1: i32) cold:
            return
        }""")
    assert print_cfg(func).splitlines() == [
        'digraph "%g" {',
        "    {rank=min; block0}",
        '    block0 [shape=record, label="{block0(v0: i32):',
        " | <inst0>brif v0, block1, block2(v0)",
        '}"]',
        '    block1 [shape=record, label="{block1:',
        " | <inst1>jump block2(v0)",
        '}"]',
        '    block2 [shape=record, label="{block2(v1: i32) cold:',
        " | <inst2>return",
        '}"]',
        "    block0:inst0 -> block1",
        "    block0:inst0 -> block2",
        "    block1:inst1 -> block2",
        "}",
    ]
