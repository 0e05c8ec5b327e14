"""From a reducible control-flow graph to nested loops and conditionals.

After Ramsey, "Beyond Relooper" (2022): the dominator tree gives the nesting. A block with
one incoming edge is placed where that edge is; a block with several (a *merge*) is placed
behind a `Scope` that every jump to it leaves; a loop header opens a `Loop`. Python has no
labels, so unlike there a block outside a loop that only the loop leads to is placed behind
the loop, not within it: leaving is then a plain `break`.

The result is a list of nodes. Where control falls off the end of a list, it goes on at the
label that the list's context gives: after a `Scope` at the scope's label, at the end of a
`Loop` at its header. `source_control.py` decides which jumps need a statement.

Assumes a verified function without irreducible cycles; the caller asks `Flow.loops`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from plumbob.ir.loops import NO_LOOP

if TYPE_CHECKING:
    from plumbob.exec.interp.fuel import Flow
    from plumbob.ir.entities import Block
    from plumbob.ir.function import Function


class Code(NamedTuple):
    """The block's instructions before its terminator; of a block without destinations, all."""

    block: Block


class Branch(NamedTuple):
    """The block's terminator, with what happens at each of its destinations, in their order."""

    block: Block
    arms: tuple[Nodes, ...]


class Jump(NamedTuple):
    """Give the arguments of destination `arm` of the block's terminator, and go to `target`."""

    block: Block
    arm: int
    target: Block


class Give(NamedTuple):
    """As `Jump`, but the destination's code follows right here."""

    block: Block
    arm: int


class Loop(NamedTuple):
    """Repeat; jumps to `header` within go on with the next round."""

    header: Block
    body: Nodes


class Scope(NamedTuple):
    """Jumps to `label` within leave the body; the label's code follows the scope."""

    label: Block
    body: Nodes


Node: TypeAlias = "Code | Branch | Jump | Give | Loop | Scope"
Nodes: TypeAlias = "list[Node]"

SMALL_EXIT = 8
"""Instructions up to which a block that leaves the function stays inside of a loop."""


class _Structurer:
    def __init__(self, func: Function, flow: Flow) -> None:
        self.func = func
        self.flow = flow
        self.loop_of_header = {h: loop for loop, h in enumerate(flow.loops.headers)}
        self.position = {b: i for i, b in enumerate(flow.cfg.reverse_postorder)}
        self.edges = dict.fromkeys(self.position, 0)
        for block in self.position:
            insts = func.block_insts[block]
            for target in func.inst_targets[insts[-1]] if insts else ():
                if self.position[target.block] > self.position[block]:
                    self.edges[target.block] += 1
        self.merges: dict[Block, list[Block]] = {}
        self.after: dict[Block, list[Block]] = {}
        self.inline: set[Block] = set()
        for block in flow.cfg.reverse_postorder[1:]:
            self._place(block)

    def _place(self, block: Block) -> None:
        """Decide where the block's code goes: behind a loop, behind a merge, or inline."""
        loops = self.flow.loops
        above = self.flow.dominators.idom[block]
        left = NO_LOOP
        loop = loops.innermost[above]
        while loop != NO_LOOP and not loops.contains(loop, block):
            left = loop
            loop = loops.parents[loop]
        single = self.edges[block] == 1
        if left != NO_LOOP and not (single and self._is_small_exit(block)):
            self.after.setdefault(loops.headers[left], []).append(block)
        elif single:
            self.inline.add(block)
        else:
            self.merges.setdefault(above, []).append(block)

    def _is_small_exit(self, block: Block) -> bool:
        insts = self.func.block_insts[block]
        return not self.flow.cfg.successors[block] and len(insts) <= SMALL_EXIT

    def nodes(self, block: Block) -> Nodes:
        """Return the code of the block and of all that it dominates."""
        nodes: Nodes = [Code(block)]
        insts = self.func.block_insts[block]
        if insts and self.func.inst_targets[insts[-1]]:
            targets = self.func.inst_targets[insts[-1]]
            arms = tuple(self._arm(block, i, t.block) for i, t in enumerate(targets))
            nodes.append(Branch(block, arms))
        nodes = self._followed_by(nodes, self.merges.get(block, []))
        if block in self.loop_of_header:
            nodes = self._followed_by([Loop(block, nodes)], self.after.get(block, []))
        return nodes

    def _arm(self, block: Block, index: int, target: Block) -> Nodes:
        is_forward = self.position[target] > self.position[block]
        if is_forward and target in self.inline:
            return [Give(block, index), *self.nodes(target)]
        return [Jump(block, index, target)]

    def _followed_by(self, nodes: Nodes, labels: list[Block]) -> Nodes:
        # In reverse postorder: a later label may be jumped to from an earlier one's code.
        for label in labels:
            nodes = [Scope(label, nodes), *self.nodes(label)]
        return nodes


def dominator_depth(flow: Flow) -> int:
    """Return the height of the dominator tree, which bounds the recursion here."""
    depth: dict[Block, int] = {}
    for block in flow.cfg.reverse_postorder:
        above = flow.dominators.idom[block]
        depth[block] = depth.get(above, 0) + 1
    return max(depth.values(), default=0)


def structure(func: Function, flow: Flow) -> Nodes:
    """Return the function's code as nested nodes."""
    return _Structurer(func, flow).nodes(func.entry)
