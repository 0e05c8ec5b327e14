"""Natural loops and how they nest.

A back edge leads to a block that dominates its source; that block is the header of a loop,
which holds every block that reaches a back edge's source without passing the header
(Aho, Lam, Sethi, Ullman, section 9.6). Loops with the same header are one. A cycle whose
entry does not dominate it has no header and is no loop here: `irreducible` lists the edges
that close such cycles, so that a caller can see that the answer is partial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.ir.cfg import ControlFlowGraph, control_flow_graph
from plumbob.ir.dominators import DominatorTree, dominator_tree

if TYPE_CHECKING:
    from plumbob.ir.entities import Block
    from plumbob.ir.function import Function

NO_LOOP: Final = -1


class LoopForest(NamedTuple):
    """The loops of a function; a loop is an index into `headers` and `parents`.

    `headers` are in reverse postorder, so an outer loop comes before its inner ones;
    `parents[loop]` is the loop directly around, or NO_LOOP; `innermost[block]` the innermost
    loop that holds the block, or NO_LOOP; `irreducible` the edges (from, to) that close a
    cycle without a header.
    """

    headers: list[Block]
    parents: list[int]
    innermost: list[int]
    irreducible: list[tuple[Block, Block]]

    def depth(self, block: Block) -> int:
        """Return how many loops hold the block."""
        depth, loop = 0, self.innermost[block]
        while loop != NO_LOOP:
            depth += 1
            loop = self.parents[loop]
        return depth

    def contains(self, loop: int, block: Block) -> bool:
        """Return whether the loop, or one within it, holds the block."""
        inner = self.innermost[block]
        while inner != NO_LOOP:
            if inner == loop:
                return True
            inner = self.parents[inner]
        return False


def loop_forest(
    func: Function, cfg: ControlFlowGraph | None = None, tree: DominatorTree | None = None
) -> LoopForest:
    """Return the function's loops; time is almost linear in the number of edges."""
    cfg = cfg if cfg is not None else control_flow_graph(func)
    tree = tree if tree is not None else dominator_tree(func, cfg)
    order = cfg.reverse_postorder
    position = {block: index for index, block in enumerate(order)}
    headers: list[Block] = []
    latches: list[list[Block]] = []
    irreducible: list[tuple[Block, Block]] = []
    for block in order:
        back = []
        for pred in cfg.predecessors[block]:
            if pred not in position or position[pred] < position[block]:
                continue
            if tree.dominates(block, pred):
                back.append(pred)
            else:
                irreducible.append((pred, block))
        if back:
            headers.append(block)
            latches.append(back)
    parents = [NO_LOOP] * len(headers)
    innermost = [NO_LOOP] * len(cfg.successors)
    claim = _Claim(headers, parents, innermost, cfg, tree)
    # Inner loops first: a block keeps the first loop that reaches it, and an outer loop
    # steps over a whole inner loop at once, from its header.
    for loop in range(len(headers) - 1, -1, -1):
        claim.run(loop, latches[loop])
    return LoopForest(headers, parents, innermost, irreducible)


class _Claim:
    """Gives each loop its blocks and the loops within.

    `outermost[loop]` leads towards the outermost loop found around `loop` so far, with path
    compression, so that deep nests are not climbed again and again.
    """

    def __init__(
        self,
        headers: list[Block],
        parents: list[int],
        innermost: list[int],
        cfg: ControlFlowGraph,
        tree: DominatorTree,
    ) -> None:
        self.headers = headers
        self.parents = parents
        self.innermost = innermost
        self.cfg = cfg
        self.tree = tree
        self.outermost = list(range(len(headers)))

    def run(self, loop: int, latches: list[Block]) -> None:
        todo = list(latches)
        while todo:
            block = todo.pop()
            inner = self.innermost[block]
            if inner == NO_LOOP:
                self.innermost[block] = loop
                entered = block
            else:
                inner = self.find(inner)
                if inner == loop:
                    continue
                self.parents[inner] = self.outermost[inner] = loop
                entered = self.headers[inner]
            if entered != self.headers[loop]:
                preds = self.cfg.predecessors[entered]
                todo.extend(p for p in preds if self.tree.is_reachable(p))

    def find(self, loop: int) -> int:
        outermost = self.outermost
        while outermost[loop] != loop:
            outermost[loop] = outermost[outermost[loop]]
            loop = outermost[loop]
        return loop
