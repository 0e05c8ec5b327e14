"""What execution costs: the same points and amounts for every way of executing.

Fuel is charged on entering a function and on each arrival at the header of a loop, before
the block's first instruction. A header costs as many units as there are instructions in the
blocks whose innermost loop is its own; the entry costs the instructions outside of loops.
Between two charges no block is executed twice, so what is charged is an upper bound of the
instructions executed: branches not taken are paid too, which makes a charge one subtraction.

A cycle that is no natural loop (irreducible) is charged at the target of every edge that
closes it, the whole function's instructions each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.ir.cfg import control_flow_graph
from plumbob.ir.dominators import dominator_tree
from plumbob.ir.loops import NO_LOOP, loop_forest

if TYPE_CHECKING:
    from plumbob.ir.cfg import ControlFlowGraph
    from plumbob.ir.dominators import DominatorTree
    from plumbob.ir.entities import Block
    from plumbob.ir.function import Function
    from plumbob.ir.loops import LoopForest


class Flow(NamedTuple):
    """A function's control flow, with the fuel that entering it and its loops costs.

    `charges` maps the blocks that charge on each arrival to units.
    """

    cfg: ControlFlowGraph
    dominators: DominatorTree
    loops: LoopForest
    entry_charge: int
    charges: dict[Block, int]


def flow_of(func: Function) -> Flow:
    """Return the control flow of a function with at least one block."""
    cfg = control_flow_graph(func)
    tree = dominator_tree(func, cfg)
    loops = loop_forest(func, cfg, tree)
    weights = [0] * len(loops.headers)
    entry = total = 0
    for block in cfg.reverse_postorder:
        count = len(func.block_insts[block])
        total += count
        if loops.innermost[block] == NO_LOOP:
            entry += count
        else:
            weights[loops.innermost[block]] += count
    charges = dict(zip(loops.headers, weights, strict=True))
    for _, header in loops.irreducible:
        charges[header] = total
    return Flow(cfg, tree, loops, entry, charges)
