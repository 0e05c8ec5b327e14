"""Control flow as Python source: structured where the graph allows, else one dispatch loop.

Structured: a `Loop` becomes `while True:`. A jump to the point that control falls to anyway
needs no statement; one to the head of the innermost Python loop is `continue`, one to the
point behind it `break`. A `Scope` needs a Python loop of its own (`while True: … break`)
only if some jump leaves it from the middle. A jump further out than the innermost Python
loop writes the number of its label to `x` and breaks; behind each loop that such a jump
leaves, `x` is tested. Python allows 20 nested blocks and 100 levels of indentation; deeper
functions and irreducible ones take the dispatch loop.

Dispatch: `pc` selects a block by binary search among those with several predecessors; the
others follow their one predecessor inline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from plumbob.exec.interp.structure import Branch, Code, Give, Jump, Loop, Node, Nodes, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.exec.interp.fuel import Flow
    from plumbob.ir.entities import Block, Inst
    from plumbob.ir.function import Function

MAX_LOOPS: Final = 16
"""Python loops in each other; CPython allows 20 blocks, the function's own `try` included."""
MAX_INDENT: Final = 80
MAX_INLINE: Final = 16
"""Blocks in a row that the dispatch loop's code places inline."""
NOWHERE: Final = -1
"""The label after a function's end: control never gets there."""


class TooDeepError(Exception):
    """The nesting is more than Python takes; caught by the caller, who dispatches instead."""


class Writer:
    """Lines of source with their indentation, and the instruction that each belongs to."""

    def __init__(self, indent: int) -> None:
        self.lines: list[str] = []
        self.insts: list[int] = []
        self.indent = indent
        self.inst: Inst = -1

    def line(self, text: str) -> None:
        """Append a line at the current indentation, for the current instruction."""
        if self.indent > MAX_INDENT:
            raise TooDeepError
        self.lines.append("    " * self.indent + text)
        self.insts.append(self.inst)


class BlockWriter(Protocol):
    """What writes the straight-line parts; see `source_function.FunctionSource`."""

    func: Function
    flow: Flow
    out: Writer

    def code(self, block: Block) -> None:
        """Write the block's instructions, its terminator too if it has no destinations."""

    def charge(self, block: Block) -> None:
        """Write what arriving at the block costs, if it costs anything."""

    def give(self, block: Block, index: int) -> None:
        """Write the assignments of arguments to parameters for one destination."""

    def selector(self, block: Block) -> str:
        """Write what precedes the branch and return the condition, or a number of an arm."""


class _PythonLoop:
    """An open `while`: where `continue` and `break` lead, and who breaks further out."""

    def __init__(self, on_continue: Block | None, on_break: Block) -> None:
        self.on_continue = on_continue
        self.on_break = on_break
        self.leaving: dict[Block, None] = {}


class StructuredControl:
    """Writes nodes of `structure` through a `BlockWriter`."""

    def __init__(self, blocks: BlockWriter) -> None:
        self.blocks = blocks
        self.loops: list[_PythonLoop] = []
        self.uses_flag = False

    def write(self, nodes: Nodes, follow: Block = NOWHERE) -> None:
        """Write nodes; control that falls off their end goes on at `follow`."""
        for node in nodes[:-1]:
            self._node(node, NOWHERE)
        if nodes:
            self._node(nodes[-1], follow)

    def _node(self, node: Node, follow: Block) -> None:
        match node:
            case Code(block):
                self.blocks.code(block)
            case Give(block, index):
                self.blocks.give(block, index)
            case Jump(block, index, target):
                self.blocks.give(block, index)
                self.go(target, follow)
            case Branch(block, arms):
                self._branch(block, arms, follow)
            case Loop(header, body):
                self._python_loop(body, header, header, follow)
            case Scope(label, body):
                if leaves_from_middle(body, label, label):
                    # Falling off its end reaches the `break` at the end of the Python loop.
                    self._python_loop(body, None, label, label)
                else:
                    self.write(body, label)

    def _branch(self, block: Block, arms: Sequence[Nodes], follow: Block) -> None:
        selector = self.blocks.selector(block)
        if len(arms) == 1:
            self.write(arms[0], follow)
            return
        writers = [lambda arm=arm: self.write(arm, follow) for arm in arms]
        write_choice(self.blocks, block, selector, writers)

    def _python_loop(
        self, body: Nodes, header: Block | None, inner_follow: Block, follow: Block
    ) -> None:
        if len(self.loops) >= MAX_LOOPS:
            raise TooDeepError
        out = self.blocks.out
        out.line("while True:")
        out.indent += 1
        loop = _PythonLoop(header, follow)
        self.loops.append(loop)
        if header is not None:
            self.blocks.charge(header)
        self.write(body, inner_follow)
        if header is None:
            out.line("break")
        self.loops.pop()
        out.indent -= 1
        for label in loop.leaving:
            self._pass_on(label, follow)

    def _pass_on(self, label: Block, follow: Block) -> None:
        """Behind a loop that a jump to `label` left: go on to the label from here."""
        out = self.blocks.out
        out.line(f"if x == {label + 1}:")
        out.indent += 1
        innermost = self.loops[-1] if self.loops else None
        if label == follow:
            out.line("x = 0")
        elif innermost and label in (innermost.on_continue, innermost.on_break):
            out.line("x = 0")
            self.go(label, follow)
        else:
            out.line("break")
        out.indent -= 1

    def go(self, label: Block, follow: Block) -> None:
        """Write a jump to a label from a place where control falls to `follow`."""
        if label == follow:
            return
        out = self.blocks.out
        for depth, loop in enumerate(reversed(self.loops)):
            if label not in (loop.on_continue, loop.on_break):
                continue
            if depth == 0:
                out.line("continue" if label == loop.on_continue else "break")
                return
            for inner in self.loops[-depth:]:
                inner.leaving[label] = None
            self.uses_flag = True
            out.line(f"x = {label + 1}")
            out.line("break")
            return
        raise TooDeepError


def leaves_from_middle(nodes: Nodes, label: Block, follow: Block) -> bool:
    """Whether a jump to `label` among the nodes needs a statement of its own to get there.

    It does not where control falls to the label anyway, nor inside a loop behind which
    control falls to it: there it is that loop's `break`.
    """
    for index, node in enumerate(nodes):
        here = follow if index == len(nodes) - 1 else NOWHERE
        match node:
            case Jump(_, _, target):
                needed = target == label != here
            case Branch(_, arms):
                needed = any(leaves_from_middle(arm, label, here) for arm in arms)
            case Loop(header, body):
                needed = here != label and leaves_from_middle(body, label, header)
            case Scope(inner, body):
                needed = leaves_from_middle(body, label, inner)
            case _:
                needed = False
        if needed:
            return True
    return False


def write_choice(
    blocks: BlockWriter, block: Block, selector: str, writers: Sequence[Callable[[], None]]
) -> None:
    """Write the arms of a branch under their conditions.

    Of a `brif` the selector is a condition, true for the first arm; else it is the number
    of the arm.
    """
    out = blocks.out
    terminator = blocks.func.block_insts[block][-1]
    if blocks.func.inst_op[terminator].name == "brif":
        _arm(out, f"if {selector}:", writers[0])
        _arm(out, "else:", writers[1])
        return
    _search(out, selector, 0, len(writers), writers)


def _arm(out: Writer, head: str, write: Callable[[], None]) -> None:
    out.line(head)
    out.indent += 1
    before = len(out.lines)
    write()
    if len(out.lines) == before:
        out.line("pass")
    out.indent -= 1


def _search(
    out: Writer, selector: str, low: int, high: int, writers: Sequence[Callable[[], None]]
) -> None:
    """Write a binary search for the number `selector` in `low … high - 1`."""
    if high - low == 1:
        writers[low]()
        return
    middle = (low + high) // 2
    test = f"if {selector} < {middle}:" if high - low > 2 else f"if {selector} == {low}:"
    _arm(out, test, lambda: _search(out, selector, low, middle, writers))
    _arm(out, "else:", lambda: _search(out, selector, middle, high, writers))


class DispatchControl:
    """Writes all reachable blocks in one loop around a program counter `pc`."""

    def __init__(self, blocks: BlockWriter, max_inline: int = MAX_INLINE) -> None:
        self.blocks = blocks
        self.max_inline = max_inline
        self.numbers: dict[Block, int] = {}
        self._depth: dict[Block, int] = {}

    def write(self) -> None:
        """Write the whole function."""
        flow, out = self.blocks.flow, self.blocks.out
        order = flow.cfg.reverse_postorder
        for block in order:
            self._number(block)
        out.line("pc = 0")
        out.line("while True:")
        out.indent += 1
        starts = list(self.numbers)
        writers = [lambda block=block: self._block(block) for block in starts]
        _search(out, "pc", 0, len(starts), writers)
        out.indent -= 1

    def _number(self, block: Block) -> None:
        """Give the block a number unless it follows its one predecessor inline."""
        flow = self.blocks.flow
        preds = [p for p in flow.cfg.predecessors[block] if flow.dominators.is_reachable(p)]
        if len(preds) == 1 and self._edges(preds[0], block) == 1 and block not in flow.charges:
            depth = self._depth.get(preds[0], self.max_inline) + 1
            if depth <= self.max_inline:
                self._depth[block] = depth
                return
        self._depth[block] = 0
        self.numbers[block] = len(self.numbers)

    def _edges(self, source: Block, target: Block) -> int:
        func = self.blocks.func
        targets = func.inst_targets[func.block_insts[source][-1]]
        return sum(t.block == target for t in targets)

    def _block(self, block: Block) -> None:
        blocks = self.blocks
        blocks.charge(block)
        blocks.code(block)
        func = blocks.func
        insts = func.block_insts[block]
        targets = func.inst_targets[insts[-1]] if insts else ()
        if not targets:
            return
        selector = blocks.selector(block)
        writers = [lambda i=i: self._go(block, i) for i in range(len(targets))]
        if len(writers) == 1:
            writers[0]()
        else:
            write_choice(blocks, block, selector, writers)

    def _go(self, block: Block, index: int) -> None:
        func = self.blocks.func
        target = func.inst_targets[func.block_insts[block][-1]][index].block
        self.blocks.give(block, index)
        if target in self.numbers:
            self.blocks.out.line(f"pc = {self.numbers[target]}")
        else:
            self._block(target)
