"""Progress on a terminal, for work that takes a while; silence in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Sized
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.progress import Progress

    Item = TypeVar("Item")

PATIENCE = 0.5
"""Seconds before a bar appears: what is done sooner needs none, and never imports rich."""


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items, with a bar on standard error where that is a terminal.

    `total` is how many there are, where `items` itself cannot say. The bar is gone when
    the last item is done. No result depends on the clock, only whether the bar is drawn.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield from items
        return
    if total is None and isinstance(items, Sized):
        total = len(items)
    start = time.monotonic()
    progress: Progress | None = None
    done = 0
    try:
        for item in items:
            if progress is None and time.monotonic() - start > PATIENCE:
                progress = _bar()
                task = progress.add_task(label, total=total, completed=done)
                progress.start()
            yield item
            done += 1
            if progress is not None:
                progress.advance(task)
    finally:
        if progress is not None:
            progress.stop()


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
