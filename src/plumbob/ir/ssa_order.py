"""Dominators of blocks as they are begun, for SSA construction in order.

A merge that does not change a variable needs no value for it: the variable is what it was
at the merge's dominator, as long as nothing between the two defines it. "Between" is a
matter of time where blocks are begun in order, each behind a branch to it: whatever a block
strictly dominates is begun after that block has its terminator. So if a variable's last
definition is older than a block, its value there is that at the topmost dominator which is
younger than the definition, wherever control went in between.

Assumed: a block is begun once, and is ended before another begins (`builder`). Checked, and
given up for the function where it does not hold: a block other than the first is begun with
at least one predecessor; a predecessor that comes after a block was begun is dominated by
the block (the back edge of a loop). Until a block is sealed more may come, so nothing looks
past one that is not; and what is defined further down in a loop comes round by its back edge,
so nothing looks past the head of a loop that has such a definition.

Cost: a block's dominator and the topmost one take logarithmic time in the depth of the tree,
by jump pointers (Myers, "An Applicative Random-Access Stack", 1983).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plumbob.ir.entities import Block


class Order:
    """When blocks were begun and variables defined, and who dominates whom."""

    def __init__(self) -> None:
        self.holds = True
        """Whether blocks were begun in order so far."""
        self.clock = 0
        self._begun: dict[Block, int] = {}
        self._last: Block | None = None
        self._after: dict[Block, int] = {}
        """When the block behind each was begun; the current one has none yet."""
        self._parent: dict[Block, Block] = {}
        self._jump: dict[Block, Block] = {}
        self._depth: dict[Block, int] = {}
        self._unsealed: list[Block] = []
        """The blocks that were begun and are not sealed, oldest first."""
        self._around: dict[Block, Block | None] = {}
        """The youngest block that was not sealed when a block was begun: the loop around it."""
        self._sealed: dict[Block, int] = {}
        """When blocks were sealed that had been begun before."""
        self._defined: dict[int, list[int]] = {}
        """Of each variable, when it was defined, oldest first."""

    def define(self, var: int) -> None:
        """Note a definition, now."""
        self.clock += 1
        self._defined.setdefault(var, []).append(self.clock)

    def begin(self, block: Block, predecessors: Iterable[Block], *, sealed: bool) -> None:
        """Note that a block is begun, behind these predecessors."""
        self.clock += 1
        if self._last is not None:
            self._after[self._last] = self.clock
        parent = self._common(predecessors)
        if parent is None:
            self.holds = self.holds and self._last is None
            self._parent[block] = self._jump[block] = block
            self._depth[block] = 0
        else:
            self._enter(block, parent)
        self._begun[block] = self.clock
        self._last = block
        self._around[block] = self._unsealed[-1] if self._unsealed else None
        if not sealed:
            self._unsealed.append(block)

    def _enter(self, block: Block, parent: Block) -> None:
        depth, jump = self._depth, self._jump
        over = jump[parent]
        far = depth[parent] - depth[over] == depth[over] - depth[jump[over]]
        self._parent[block] = parent
        jump[block] = jump[over] if far else parent
        depth[block] = depth[parent] + 1

    def branch(self, block: Block, predecessor: Block) -> None:
        """Note a branch to a block, which may be begun already."""
        if block in self._begun and not self._dominates(block, predecessor):
            self.holds = False

    def seal(self, block: Block) -> None:
        """Note that a block has all its predecessors."""
        if block in self._begun and block in self._unsealed:
            self._unsealed.remove(block)
            self._sealed[block] = self.clock

    # Questions.

    def _common(self, blocks: Iterable[Block]) -> Block | None:
        """Return the closest block that dominates all of these; None of none, or unknown."""
        common: Block | None = None
        for block in blocks:
            if block not in self._begun:
                self.holds = False
                return None
            common = block if common is None else self._meet(common, block)
        return common

    def _meet(self, left: Block, right: Block) -> Block:
        depth, jump, parent = self._depth, self._jump, self._parent
        if depth[left] < depth[right]:
            left, right = right, left
        while depth[left] > depth[right]:
            left = jump[left] if depth[jump[left]] >= depth[right] else parent[left]
        while left != right:
            if jump[left] != jump[right]:
                left, right = jump[left], jump[right]
            else:
                left, right = parent[left], parent[right]
            if depth[left] == 0 and left != right:
                self.holds = False  # two roots: code that no path reaches
                return left
        return left

    def _dominates(self, above: Block, below: Block) -> bool:
        if below not in self._begun:
            return False
        depth, jump, parent = self._depth, self._jump, self._parent
        while depth[below] > depth[above]:
            below = jump[below] if depth[jump[below]] >= depth[above] else parent[below]
        return below == above

    def topmost(self, var: int, block: Block) -> Block:
        """Return the topmost dominator of a block at which a variable is what it is there.

        The block itself where it is not known to be any other. `var` has no definition in
        the block.
        """
        begun = self._begun
        if not self.holds or block not in begun:
            return block
        end = self._after.get(block, self.clock)
        times = self._defined.get(var, ())
        place = bisect_right(times, end)
        # Younger than the last definition, and no older than a block that it may not pass.
        least = times[place - 1] + 1 if place else 0
        limit = self._limit(block, times[place] if place < len(times) else None)
        if limit is not None:
            least = max(least, begun[limit])
        if begun[block] < least:
            return block
        jump, parent = self._jump, self._parent
        while begun[parent[block]] >= least and parent[block] != block:
            block = jump[block] if begun[jump[block]] >= least else parent[block]
        return block

    def _limit(self, block: Block, following: int | None) -> Block | None:
        """Return the youngest block that a question at a block may not pass, or None.

        It is one that is not sealed yet, or the head of a loop around the block in which the
        next definition stands (`following` is its time): that comes round by the back edge.
        """
        around: Block | None = block
        while around is not None:
            sealed = self._sealed.get(around)
            if sealed is None:
                if around in self._unsealed:
                    return around
            elif following is not None and following <= sealed:
                return around
            around = self._around[around]
        return None
