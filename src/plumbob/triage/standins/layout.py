"""Which imports keep their place when some of them become definitions.

In an index space imports come first. The entities that were imported keep their indices as
far as can be: those that become definitions stand in front of all others, so that nothing
behind them shifts. Only where an import that stays lies behind one that goes, and for the
log, which is an import more, do some change places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Layout(NamedTuple):
    """Where the imported entities of one kind go; their number does not change.

    `moved` maps old indices to new ones, those that stay left out. `imports` is the number
    of imports, `log` the index of the log. An index equal to the number of old imports and
    definitions is a definition behind all others.
    """

    moved: dict[int, int]
    imports: int
    log: int | None = None


def arrange(kept: Sequence[bool], end: int, *, log: bool = False) -> Layout:
    """Arrange imports, of which some are `kept` and the others become definitions.

    `end` is the number of entities, imports and definitions together. With a log there must
    be one that is not kept: it makes room.
    """
    count = len(kept)
    imports = sum(kept) + log
    if imports > count:
        raise ValueError("no room for the log")
    leaving = [index for index in range(imports) if not kept[index]]
    coming = [index for index in range(imports, count) if kept[index]]
    moved = dict(zip(coming, leaving, strict=False))
    free = [*coming, end]
    moved.update(zip(leaving, free, strict=False))
    return Layout(moved, imports, leaving[-1] if log else None)
