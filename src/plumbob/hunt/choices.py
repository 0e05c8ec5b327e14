"""Choices: the one source of randomness of a generator, recorded so that it can be replayed.

Everything that a generator decides it asks of `Choices`, as a number below a bound. The
numbers that were given make the same program again; a program is mutated by mutating them,
and shrunk by deleting them and making them smaller. A generator puts the simplest
alternative first, so that zero is the simplest choice (as in Hypothesis; MacIver and
Donaldson, "Test-Case Reduction via Test-Case Generation", ECOOP 2020).
"""

from __future__ import annotations

import random
from array import array
from typing import TYPE_CHECKING, Generic, TypeVar

from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")

WIDEST = 64
"""Bits of the largest choice."""


class Weighted(Generic[Item]):
    """Items with weights, whole numbers from 0; an item of weight 0 is never chosen."""

    __slots__ = ("items", "table")

    def __init__(self, items: Sequence[tuple[int, Item]]) -> None:
        """Take pairs of weight and item, the simplest first."""
        self.items = [item for weight, item in items if weight > 0]
        self.table = [
            place
            for place, weight in enumerate(weight for weight, _ in items if weight > 0)
            for _ in range(weight)
        ]

    def __bool__(self) -> bool:
        return bool(self.items)


class Choices:
    """A sequence of choices: `given` first, then random ones of `seed`.

    Without a seed, zeros follow. `made` records what was chosen; given values beyond a bound
    are taken modulo it, so that any sequence of numbers makes a program.
    """

    __slots__ = ("_given", "_next", "_random", "made")

    def __init__(self, seed: int | None = None, given: Sequence[int] = ()) -> None:
        self._given = given
        self._next = 0
        self._random = None if seed is None else random.Random(seed)  # noqa: S311  # no secret
        self.made: array[int] = array("Q")

    def below(self, bound: int) -> int:
        """Return a number from 0 to `bound` - 1; `bound` is 1 to 2^64. One is no choice."""
        if bound <= 1:
            if bound < 1:
                raise UsageError("a choice needs an alternative", expected="a bound from 1")
            return 0
        if self._next < len(self._given):
            value = self._given[self._next] % bound
            self._next += 1
        elif self._random is None:
            value = 0
        elif bound < 1 << 32:
            value = int(self._random.random() * bound)
        else:
            value = self._random.randrange(bound)
        self.made.append(value)
        return value

    def between(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return True in so many of a hundred cases; False is the simpler choice."""
        return self.below(100) >= 100 - percent

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items, the first being the simplest."""
        return items[self.below(len(items))]

    def weighted(self, items: Weighted[Item]) -> Item:
        """Return one of the items, by their weights."""
        return items.items[items.table[self.below(len(items.table))]]

    def bits(self, width: int) -> int:
        """Return so many random bits, 1 to 64."""
        return self.below(1 << width)
