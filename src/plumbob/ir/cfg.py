"""The control-flow graph of a function, frozen.

An edge leads from a block to a destination of its last instruction; only blocks of the
layout take part. A destination that is named twice (both arms of a brif) is one edge here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from plumbob.ir.entities import Block, Inst
    from plumbob.ir.function import Function


class ControlFlowGraph(NamedTuple):
    """Successors and predecessors by block, and the order of a depth-first search.

    `successors[block]` are in the order of the branch's destinations, `predecessors[block]`
    in layout order; both are indexed by Block and empty for blocks outside the layout.
    `postorder` holds the blocks that the entry reaches, each after the successors that a
    depth-first search, which tries destinations in order, visits from it first.
    """

    successors: list[tuple[Block, ...]]
    predecessors: list[list[Block]]
    postorder: list[Block]

    @property
    def reverse_postorder(self) -> list[Block]:
        """The reachable blocks, each before its successors except along back edges."""
        return self.postorder[::-1]


def branch_of(func: Function, block: Block) -> Inst | None:
    """Return the block's last instruction if it has destinations, else None."""
    insts = func.block_insts[block]
    return insts[-1] if insts and func.inst_targets[insts[-1]] else None


def control_flow_graph(func: Function) -> ControlFlowGraph:
    """Return the function's control-flow graph; linear time."""
    count = len(func.block_params)
    in_layout = bytearray(count)
    for block in func.layout:
        in_layout[block] = 1
    successors: list[tuple[Block, ...]] = [()] * count
    predecessors: list[list[Block]] = [[] for _ in range(count)]
    for block in func.layout:
        insts = func.block_insts[block]
        targets = func.inst_targets[insts[-1]] if insts else ()
        if targets:
            known = (t.block for t in targets if t.block < count and in_layout[t.block])
            successors[block] = tuple(dict.fromkeys(known))
            for successor in successors[block]:
                predecessors[successor].append(block)
    roots = func.layout[:1]
    return ControlFlowGraph(successors, predecessors, depth_first_postorder(successors, roots))


def depth_first_postorder(successors: list[tuple[int, ...]], roots: list[int]) -> list[int]:
    """Return the nodes reachable from the roots in postorder, without recursion."""
    seen = bytearray(len(successors))
    order: list[int] = []
    for root in roots:
        if seen[root]:
            continue
        seen[root] = 1
        stack = [(root, iter(successors[root]))]
        while stack:
            node, rest = stack[-1]
            for successor in rest:
                if not seen[successor]:
                    seen[successor] = 1
                    stack.append((successor, iter(successors[successor])))
                    break
            else:
                order.append(node)
                stack.pop()
    return order
