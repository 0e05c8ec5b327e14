"""What execution costs: the same points and amounts for every way of executing.

One unit of fuel is one instruction of the IR, a block's terminator included. It is charged
in advance: on entering a function, on each arrival at the header of a loop, and on edges.
Fuel is looked at on entry and at headers alone, so a branch within a loop costs nothing
where its ways cost about the same.

For a block b let w(b) be its instructions, and D(b) what has been paid by the time it is
entered for b and what follows, up to the next charge that starts anew: D = 0 at the end of
the function and, seen from outside, at a header. At a branch one amount m is paid for what
follows whichever way is taken:

    D(b) = w(b) + m,    and the edge to s costs D(s) - m, or what was paid too much is wasted.

Waste is allowed as long as no path loses more than it costs. With S(b) the least that cost
exceeds waste by on any path from b,

    S(b) = w(b) + min over s of (S(s) - waste(b, s)) >= 0.

An edge whose waste would break that gets the rest back: it costs a negative amount. m is
the D of a way that stays in the loop, so that what iterates pays at its header alone.

So whatever runs to its end is charged at least the instructions executed and at most twice
as many. At every check what was executed is paid; between two checks a guest executes at
most one path without repetition. What a trap or an exception leaves behind in a frame stays
paid: at most one such path for each frame. Every cycle costs at least its blocks, so with
fuel that is limited nothing runs for ever.

An operation on a whole range costs besides what `BULK` says, so that time per unit stays
bounded. An operator of WebAssembly takes none to a few instructions: of the kernels of
`benchmarks/interp.py`, 0.5 to 1.6.

A cycle that is no natural loop (irreducible) has its header at the target of every edge
that leads back in reverse postorder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.ir.cfg import control_flow_graph
from plumbob.ir.dominators import dominator_tree
from plumbob.ir.loops import loop_forest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.ir.cfg import ControlFlowGraph
    from plumbob.ir.dominators import DominatorTree
    from plumbob.ir.entities import Block
    from plumbob.ir.function import Function
    from plumbob.ir.loops import LoopForest


_BYTES_SHIFT: Final = 6
_ELEMENTS_SHIFT: Final = 3

BULK: Final = {
    **dict.fromkeys(("memory.fill", "memory.copy", "memory.init"), _BYTES_SHIFT),
    **dict.fromkeys(("table.fill", "table.copy", "table.init"), _ELEMENTS_SHIFT),
    **dict.fromkeys(("array.new", "array.new_default"), _ELEMENTS_SHIFT),
    **dict.fromkeys(("array.new_data", "array.new_elem"), _ELEMENTS_SHIFT),
    **dict.fromkeys(("array.fill", "array.copy"), _ELEMENTS_SHIFT),
    **dict.fromkeys(("array.init_data", "array.init_elem"), _ELEMENTS_SHIFT),
}
"""Operations whose last operand is a number of bytes or elements; once they are done, that
number costs a unit for each 64 bytes or 8 elements (the binary logarithms stand here)."""


class Flow(NamedTuple):
    """A function's control flow, with the fuel that entering it, its loops and edges costs.

    `charges` maps the blocks that charge on each arrival to units, all positive. `edges`
    maps a block and the number of one of its destinations to units, never 0, that going
    there costs besides; negative units are given back.
    """

    cfg: ControlFlowGraph
    dominators: DominatorTree
    loops: LoopForest
    entry_charge: int
    charges: dict[Block, int]
    edges: dict[tuple[Block, int], int]


def flow_of(func: Function) -> Flow:
    """Return the control flow of a function with at least one block."""
    cfg = control_flow_graph(func)
    tree = dominator_tree(func, cfg)
    loops = loop_forest(func, cfg, tree)
    charging = _Charging(func, cfg, loops)
    for block in cfg.postorder:
        charging.visit(block)
    charges = {block: charging.paid[block] for block in charging.headers}
    entry = 0 if func.entry in charges else charging.paid[func.entry]
    return Flow(cfg, tree, loops, entry, charges, charging.edges)


class _Way(NamedTuple):
    """A destination of a branch: what it needs paid, and how much waste it bears."""

    needed: int
    spare: int
    stays: bool


class _Charging:
    """The equations of the module's docstring, solved from the function's ends backwards."""

    def __init__(self, func: Function, cfg: ControlFlowGraph, loops: LoopForest) -> None:
        self.func = func
        self.loops = loops
        position = {block: index for index, block in enumerate(cfg.reverse_postorder)}
        self.headers = [
            block
            for block in cfg.reverse_postorder
            if any(position.get(pred, -1) >= position[block] for pred in cfg.predecessors[block])
        ]
        self._is_header = frozenset(self.headers)
        self.paid: dict[Block, int] = {}
        self._spare: dict[Block, int] = {}
        self.edges: dict[tuple[Block, int], int] = {}

    def visit(self, block: Block) -> None:
        """Decide what a block pays, its successors being decided."""
        insts = self.func.block_insts[block]
        targets = self.func.inst_targets[insts[-1]] if insts else ()
        ways = [self._way(block, target.block) for target in targets]
        ahead = _paid_ahead(ways, len(insts))
        spare = [self._go(block, index, way, ahead) for index, way in enumerate(ways)]
        self.paid[block] = len(insts) + ahead
        self._spare[block] = len(insts) + min(spare, default=0)

    def _way(self, block: Block, target: Block) -> _Way:
        loop = self.loops.innermost[block]
        stays = self.loops.contains(loop, target)
        if target in self._is_header:
            return _Way(0, 0, stays)
        return _Way(self.paid[target], self._spare[target], stays)

    def _go(self, block: Block, index: int, way: _Way, ahead: int) -> int:
        """Charge an edge what it owes; returns by how much cost exceeds waste from there on."""
        waste = ahead - way.needed
        if 0 <= waste <= way.spare + len(self.func.block_insts[block]):
            return way.spare - waste
        self.edges[block, index] = -waste
        return way.spare


def _paid_ahead(ways: Sequence[_Way], count: int) -> int:
    """Return what a block of `count` instructions pays for what follows, whichever way it is.

    The most for which no way that stays in the loop needs something back.
    """
    staying = [way for way in ways if way.stays] or ways
    bearable = min((way.needed + way.spare + count for way in staying), default=0)
    return max((way.needed for way in staying if way.needed <= bearable), default=0)
