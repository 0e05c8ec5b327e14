"""What a guest may take of the host, and the account of what it has taken."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.errors import ExitCode, PlumbobError

if TYPE_CHECKING:
    from collections.abc import Callable


class LimitError(PlumbobError):
    """Instantiating would take more than the store's limits leave."""

    exit_code = ExitCode.FOUND


class StoreLimits(NamedTuple):
    """Limits of a store.

    `memory` counts bytes of all linear memories and GC objects together, objects by the most
    that they can take (`object_memory.py` says how far they may exceed it); `table_elements`
    elements of all tables; `fuel` instructions of the translated code, each executed one
    costing one to two units (`exec/interp/fuel.py`; None: no limit); `deadline` seconds of
    wall-clock time for one call from outside (None: no limit); `call_depth` guest frames;
    `host_depth` crossings from guest to host and back that may be nested. `growth` is the most
    pages or elements to which a memory or table grows: beyond it `grow` fails, and with 0 it
    always does (None: no limit of its own). `trap_on_grow_failure` makes a trap of a growth that
    fails, where the guest would be given -1. `nobody_wakes` says that no other thread can
    notify a guest that waits: the time that it waits then passes on a clock of its own
    (`Budget.waited`) and not on ours, and a wait without end is a trap, the deadline's.
    """

    memory: int = 4 << 30
    table_elements: int = 10_000_000
    fuel: int | None = None
    deadline: float | None = None
    call_depth: int = 10_000
    host_depth: int = 32
    growth: int | None = None
    trap_on_grow_failure: bool = False
    nobody_wakes: bool = False


DEFAULT_LIMITS: Final = StoreLimits()


def host_is_short(subject: str, found: str) -> LimitError:
    """Return the error for what the limits allow and the host has no memory for."""
    return LimitError(
        f"{subject} does not fit the host's memory",
        expected="what the host can allocate",
        found=found,
    )


def _nothing_to_reclaim(size: int, *, for_host: bool = False) -> None:
    """Give nothing back: there are no objects."""


class Budget:
    """What is left of a store's limits on memory and tables.

    `reclaim(size)` is asked to give back what is no longer used, where `size` bytes are short,
    with `for_host=True` if it is not a guest that asks; whoever counts objects sets it.
    """

    __slots__ = ("limits", "memory", "reclaim", "table_elements", "waited")

    def __init__(self, limits: StoreLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.memory = limits.memory
        self.table_elements = limits.table_elements
        self.reclaim: Callable[..., None] = _nothing_to_reclaim
        self.waited = 0
        """Nanoseconds that guests have waited on a clock of their own."""

    def may_grow(self, size: int) -> bool:
        """Return whether a memory may grow to `size` pages, or a table to so many elements."""
        return self.limits.growth is None or size <= self.limits.growth

    def try_take_memory(self, size: int) -> bool:
        """Take bytes if they are there, perhaps once objects are given back that died."""
        if size > self.memory:
            self.reclaim(size)
            if size > self.memory:
                return False
        self.memory -= size
        return True

    def take_memory(self, size: int) -> None:
        """Take bytes for the host; raises `LimitError` if they are not there."""
        if size > self.memory:
            self.reclaim(size, for_host=True)
        if not self.try_take_memory(size):
            raise LimitError(
                "a memory does not fit the store's limit",
                expected=f"at most {max(0, self.memory)} bytes more",
                found=f"{size} bytes",
                hint="raise StoreLimits.memory (--max-memory)",
            )

    def give_memory(self, size: int) -> None:
        """Give bytes back."""
        self.memory += size

    def give_elements(self, count: int) -> None:
        """Give table elements back."""
        self.table_elements += count

    def try_take_elements(self, count: int) -> bool:
        """Take table elements if they are there."""
        if count > self.table_elements:
            return False
        self.table_elements -= count
        return True

    def take_elements(self, count: int) -> None:
        """Take table elements for the host; raises `LimitError` if they are not there."""
        if count > self.table_elements:
            gc.collect()  # tables of instances that are gone give theirs back
        if not self.try_take_elements(count):
            raise LimitError(
                "a table does not fit the store's limit",
                expected=f"at most {self.table_elements} elements more",
                found=f"{count} elements",
                hint="raise StoreLimits.table_elements",
            )
