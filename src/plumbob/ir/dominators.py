"""Dominator and post-dominator trees.

A block d dominates b if every path from the entry to b contains d. The immediate
dominators are found by Semi-NCA (Georgiadis 2005, "Linear-time algorithms for dominators
and related problems", section 2.2): semidominators by path compression over the
depth-first tree, then one walk up per block. Time is O(n log n) on any graph.

Post-dominators are the dominators of the reversed graph, from one virtual exit behind every
block without successors. A block from which no exit can be reached (it leads into an
endless loop) has no post-dominator: the answer to an unanswerable question is no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.ir.cfg import ControlFlowGraph, control_flow_graph, depth_first_postorder

if TYPE_CHECKING:
    from plumbob.ir.entities import Block
    from plumbob.ir.function import Function

NONE: Final = -1


class DominatorTree:
    """Which blocks dominate which.

    `idom[block]` is the immediate dominator, NONE for the entry and for blocks that it does
    not reach. `children[block]` are in reverse postorder of the graph.
    """

    __slots__ = ("_first", "_last", "children", "idom", "roots")

    def __init__(self, idom: list[int], order: list[int]) -> None:
        """Build the tree; `order` is the reverse postorder of the reachable nodes."""
        self.idom = idom
        self.children: list[list[int]] = [[] for _ in idom]
        self.roots = [node for node in order if idom[node] == NONE]
        for node in order:
            if idom[node] != NONE:
                self.children[idom[node]].append(node)
        # Nodes are numbered in preorder; a subtree is an interval of numbers.
        self._first = [NONE] * len(idom)
        self._last = [NONE] * len(idom)
        clock = 0
        preorder: list[int] = []
        stack = self.roots[::-1]
        while stack:
            node = stack.pop()
            self._first[node] = clock
            clock += 1
            preorder.append(node)
            stack.extend(reversed(self.children[node]))
        for node in reversed(preorder):
            children = self.children[node]
            self._last[node] = self._last[children[-1]] if children else self._first[node]

    def is_reachable(self, block: Block) -> bool:
        """Return whether the block takes part: the entry reaches it (or it reaches an exit)."""
        return self._first[block] != NONE

    def dominates(self, above: Block, below: Block) -> bool:
        """Return whether `above` dominates `below`; a reachable block dominates itself.

        False if either is unreachable. Constant time.
        """
        first = self._first[above]
        return first != NONE and first <= self._first[below] <= self._last[above]

    def preorder(self) -> list[Block]:
        """Return the reachable blocks, parents before children."""
        reachable = [node for node, first in enumerate(self._first) if first != NONE]
        return sorted(reachable, key=self._first.__getitem__)


def dominator_tree(func: Function, cfg: ControlFlowGraph | None = None) -> DominatorTree:
    """Return the dominator tree of a function."""
    cfg = cfg if cfg is not None else control_flow_graph(func)
    order = cfg.reverse_postorder
    idom = immediate_dominators(cfg.successors, cfg.predecessors, order[0] if order else NONE)
    return DominatorTree(idom, order)


def post_dominator_tree(func: Function, cfg: ControlFlowGraph | None = None) -> DominatorTree:
    """Return the post-dominator tree: `dominates(a, b)` says that a post-dominates b.

    The virtual exit is not part of it: a block whose only post-dominator is the exit is one
    of the `roots`.
    """
    cfg = cfg if cfg is not None else control_flow_graph(func)
    reachable = set(cfg.postorder)
    count = len(cfg.successors)
    exits = [b for b in cfg.postorder if not cfg.successors[b]]
    succs = [tuple(p for p in preds if p in reachable) for preds in cfg.predecessors]
    preds = [list(s) for s in cfg.successors]
    for block in exits:
        preds[block] = [count]
    succs.append(tuple(exits))
    preds.append([])
    idom = immediate_dominators(succs, preds, count)
    order = depth_first_postorder(succs, [count])[::-1][1:]  # without the exit itself
    return DominatorTree([NONE if d == count else d for d in idom[:count]], order)


def immediate_dominators(
    successors: list[tuple[int, ...]], predecessors: list[list[int]], root: int
) -> list[int]:
    """Return the immediate dominator of every node, NONE for the root and unreachable ones."""
    idom = [NONE] * len(successors)
    if root == NONE:
        return idom
    vertices, number, parent = _depth_first(successors, root)
    size = len(vertices)
    # From here on nodes are their depth-first numbers, so a smaller number is an ancestor
    # wherever the two are on one path.
    semi = list(range(size))
    label = list(range(size))
    ancestor = parent[:]
    for w in range(size - 1, 0, -1):
        best = w
        for pred in predecessors[vertices[w]]:
            v = number[pred]
            if v != NONE:
                best = min(best, semi[_lowest(v, w, ancestor, label, semi)])
        semi[w] = best
    dominator = parent[:]
    for w in range(1, size):
        d = dominator[w]
        while d > semi[w]:
            d = dominator[d]
        dominator[w] = d
        idom[vertices[w]] = vertices[d]
    return idom


def _depth_first(
    successors: list[tuple[int, ...]], root: int
) -> tuple[list[int], list[int], list[int]]:
    """Return the nodes in preorder, each node's number, and each number's tree parent."""
    number = [NONE] * len(successors)
    vertices: list[int] = []
    parent: list[int] = []
    stack = [(root, 0)]
    while stack:
        node, above = stack.pop()
        if number[node] != NONE:
            continue
        number[node] = len(vertices)
        parent.append(above)
        stack.extend((s, number[node]) for s in reversed(successors[node]) if number[s] == NONE)
        vertices.append(node)
    return vertices, number, parent


def _lowest(v: int, current: int, ancestor: list[int], label: list[int], semi: list[int]) -> int:
    """Return the node of least semidominator on v's path below the part already linked.

    Nodes numbered above `current` are linked to their tree parents; the path to the first
    that is not is compressed.
    """
    if v <= current:
        return v
    path = []
    while ancestor[v] > current:
        path.append(v)
        v = ancestor[v]
    # v's ancestor is not linked; compress downwards.
    top = v
    for node in reversed(path):
        if semi[label[top]] < semi[label[node]]:
            label[node] = label[top]
        ancestor[node] = ancestor[top]
        top = node
    return label[top]
