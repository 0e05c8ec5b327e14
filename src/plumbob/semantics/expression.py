"""Python expressions as a graph: what the source domain's values are made of.

An `Expression` denotes a Python expression without side effects. It knows an interval
that its value lies in, so that a mask that changes nothing is never written. A `Masked`
expression keeps what it masks: arithmetic modulo a power of two may go on from the
unmasked number, and a signed number that fits needs no sign conversion.

Invariant: every expression handed to the definitions of operations stands for a
normalised value, `0 <= value < 2**width`; only the source domain's inner steps leave
that range. Expressions are shared where equal (`Graph` makes each once), so an
expression used twice is seen to be and gets a variable of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# Python's precedence levels, from the grammar; a greater one binds tighter.
TERNARY: Final = 0
OR: Final = 1
AND: Final = 2
NOT: Final = 3
COMPARE: Final = 4
BIT_OR: Final = 5
BIT_XOR: Final = 6
BIT_AND: Final = 7
SHIFT: Final = 8
SUM: Final = 9
PRODUCT: Final = 10
UNARY: Final = 11
NUMBER: Final = 12
"""A literal: as tight as a name, but a method's receiver only in parentheses."""
ATOM: Final = 13

Part: TypeAlias = "str | tuple[Expression, int]"
"""Literal text, or an operand with the least precedence that needs no parentheses there."""


class Expression:
    """A Python expression; make it with a `Graph`.

    `low` and `high` bound its value, both included. `value` is the constant it is, or
    None. `name` is the variable that holds it, once it has one.
    """

    __slots__ = ("high", "level", "low", "name", "parts", "value")

    def __init__(self, parts: tuple[Part, ...], level: int, low: int, high: int) -> None:
        self.parts = parts
        self.level = level
        self.low = low
        self.high = high
        self.value = low if low == high else None
        self.name: str | None = None

    def text(self, level: int = TERNARY) -> str:
        """Return the source, in parentheses where its precedence is below `level`."""
        if self.name is not None:
            return self.name
        source = "".join(
            part if isinstance(part, str) else part[0].text(part[1]) for part in self.parts
        )
        return f"({source})" if self.level < level else source

    def condition(self, level: int = TERNARY) -> str:
        """Return source that is true where the value is not zero."""
        return self.text(level)

    def operands(self) -> Iterator[Expression]:
        """Give the expressions that this one is made of, one for each mention."""
        for part in self.parts:
            if not isinstance(part, str):
                yield part[0]

    @property
    def is_leaf(self) -> bool:
        """Whether writing it twice costs nothing: a name or a constant."""
        return self.name is not None or all(isinstance(part, str) for part in self.parts)


class Masked(Expression):
    """`raw & (2**width - 1)`."""

    __slots__ = ("raw", "width")

    def __init__(self, raw: Expression, width: int) -> None:
        mask = (1 << width) - 1
        super().__init__(((raw, BIT_AND), f" & {literal(mask)}"), BIT_AND, 0, mask)
        self.raw = raw
        self.width = width


class Truth(Expression):
    """A truth value; `opposite` is the source of its negation where that is simple."""

    __slots__ = ("opposite",)

    def __init__(
        self, parts: tuple[Part, ...], level: int, opposite: tuple[Part, ...] | None = None
    ) -> None:
        super().__init__(parts, level, 0, 1)
        self.opposite = opposite


class Choice(Expression):
    """`yes if test else no`."""

    __slots__ = ("no", "test", "yes")

    def __init__(self, test: Truth, yes: Expression, no: Expression) -> None:
        parts: tuple[Part, ...] = ((yes, OR), " if ", (test, OR), " else ", (no, TERNARY))
        super().__init__(parts, TERNARY, min(yes.low, no.low), max(yes.high, no.high))
        self.test = test
        self.yes = yes
        self.no = no

    @property
    def is_flag(self) -> bool:
        """Whether it is 1 where the test holds and 0 elsewhere."""
        return self.yes.value == 1 and self.no.value == 0

    def condition(self, level: int = TERNARY) -> str:
        """Return source that is true where the value is not zero."""
        if self.name is None and self.is_flag:
            return self.test.text(level)
        return self.text(level)


class Split(Expression):
    """The lanes of a vector as a tuple; `lane_of` makes its parts."""

    __slots__ = ("lane_bits", "lanes")

    def __init__(self, parts: tuple[Part, ...], lane_bits: int, lanes: int) -> None:
        super().__init__(parts, ATOM, 0, 1)
        self.value = None
        self.lane_bits = lane_bits
        self.lanes = lanes


class Lane(Expression):
    """One lane of a split vector. It gets its name when the split is written."""

    __slots__ = ("index", "split")

    def __init__(self, split: Split, index: int) -> None:
        super().__init__(((split, ATOM), f"[{index}]"), ATOM, 0, (1 << split.lane_bits) - 1)
        self.split = split
        self.index = index


def literal(value: int) -> str:
    """Return the source of a constant: large ones in hexadecimal, to read as masks."""
    return str(value) if -256 < value < 256 else hex(value)


def statements(groups: Sequence[Sequence[Expression]], fresh: Callable[[], str]) -> list[list[str]]:
    """Return, for each group of roots, the assignments that its texts need besides earlier ones.

    An expression that is mentioned more than once, in whatever group, gets a variable in
    the first group that needs it. Afterwards the roots' texts refer to the variables.
    """
    uses: dict[Expression, int] = {}
    orders: list[list[Expression]] = []
    for roots in groups:
        order: list[Expression] = []
        for root in roots:
            _visit(root, uses, order)
        orders.append(order)
    return [_assignments(order, uses, fresh) for order in orders]


def _assignments(
    order: list[Expression], uses: dict[Expression, int], fresh: Callable[[], str]
) -> list[str]:
    lines = []
    for node in order:
        if isinstance(node, Split):
            lines.append(_unpack(node, uses, fresh))
        elif uses[node] > 1 and not node.is_leaf and not isinstance(node, Lane):
            source = node.text()
            node.name = fresh()
            lines.append(f"{node.name} = {source}")
    return lines


def _visit(root: Expression, uses: dict[Expression, int], order: list[Expression]) -> None:
    """Count mentions of each expression below `root` and append them in post-order."""
    uses[root] = uses.get(root, 0) + 1
    if uses[root] > 1 or root.name is not None:
        return
    for operand in root.operands():
        _visit(operand, uses, order)
    order.append(root)


def _unpack(split: Split, uses: dict[Expression, int], fresh: Callable[[], str]) -> str:
    """Return the statement that names every used lane of `split`."""
    source = split.text()
    names = ["_"] * split.lanes
    for node in uses:
        if isinstance(node, Lane) and node.split is split:
            node.name = names[node.index] = fresh()
    return f"{', '.join(names)} = {source}"


def size(roots: Iterable[Expression]) -> int:
    """Return how many operations the roots stand for, shared ones counted once."""
    order: list[Expression] = []
    uses: dict[Expression, int] = {}
    for root in roots:
        _visit(root, uses, order)
    return sum(not node.is_leaf for node in order)
