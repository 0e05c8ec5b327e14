"""Tables and globals (Execution / Runtime Structure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.ir.trap_codes import TABLE_OOB
from plumbob.runtime.limits import host_is_short
from plumbob.runtime.traps import GROWTH, GuestTrap
from plumbob.wasm.types import Limits, TableType

if TYPE_CHECKING:
    from plumbob.runtime.limits import Budget
    from plumbob.wasm.types import GlobalType

GROW_FAILED = -1


class Table:
    """A table instance. `items` is one list that grows in place."""

    __slots__ = ("budget", "declared", "items", "taken")

    def __init__(self, declared: TableType, initial: Any, budget: Budget) -> None:
        """Make a table of its minimum size. Raises `LimitError` if budget or host lack room.

        `declared` has canonical ids in place of type indices.
        """
        self.declared = declared
        self.budget = budget
        self.taken = 0
        budget.take_elements(declared.limits.minimum)
        try:
            self.items: list[Any] = [initial] * declared.limits.minimum
        except (MemoryError, OverflowError):
            budget.give_elements(declared.limits.minimum)
            raise host_is_short("a table", f"{declared.limits.minimum} elements") from None
        self.taken = declared.limits.minimum

    def release(self) -> None:
        """Give the budget its elements back; nobody uses the table any more."""
        self.budget.give_elements(self.taken)
        self.taken = 0
        self.items.clear()

    def __del__(self) -> None:
        self.budget.give_elements(self.taken)

    @property
    def type(self) -> TableType:
        """The type, with the size of now as its minimum."""
        limits = self.declared.limits
        return self.declared._replace(limits=Limits(len(self.items), limits.maximum, limits.is64))

    def grow(self, delta: int, value: Any) -> int:
        """Add `delta` elements. Returns the size before, or GROW_FAILED."""
        limits = self.declared.limits
        size = len(self.items)
        most = (1 << (64 if limits.is64 else 32)) - 1
        if size + delta > (most if limits.maximum is None else limits.maximum):
            return GROW_FAILED
        if delta and not self.budget.may_grow(size + delta):
            return GROW_FAILED
        if not self.budget.try_take_elements(delta):
            return GROW_FAILED
        try:
            self.items.extend([value] * delta)
        except (MemoryError, OverflowError):
            self.budget.give_elements(delta)
            return GROW_FAILED
        self.taken += delta
        return size

    def guest_grow(self, delta: int, value: Any) -> int:
        """table.grow: as `grow`; traps where it fails, if the limits say so."""
        before = self.grow(delta, value)
        if before == GROW_FAILED and self.budget.limits.trap_on_grow_failure:
            size = len(self.items)
            raise GuestTrap(GROWTH, f"a table of {size} elements cannot grow by {delta}")
        return before

    def get(self, index: int) -> Any:
        """table.get; traps out of bounds."""
        self.require(index, 1)
        return self.items[index]

    def set(self, index: int, value: Any) -> None:
        """table.set; traps out of bounds."""
        self.require(index, 1)
        self.items[index] = value

    def require(self, index: int, count: int) -> None:
        """Trap unless the elements `[index, index + count)` are all there."""
        if index + count > len(self.items):
            raise GuestTrap(
                TABLE_OOB,
                f"{count} elements at {index}, in a table of {len(self.items)}",
            )

    def fill(self, index: int, value: Any, count: int) -> None:
        """table.fill."""
        self.require(index, count)
        self.items[index : index + count] = [value] * count

    def copy_from(self, source: Table, target: int, start: int, count: int) -> None:
        """table.copy: from `start` in a source, perhaps this table, to `target` here."""
        source.require(start, count)
        self.require(target, count)
        self.items[target : target + count] = source.items[start : start + count]

    def init(self, segment: list[Any], target: int, start: int, count: int) -> None:
        """table.init: `count` references of a segment; [] once it is dropped."""
        if start + count > len(segment):
            raise GuestTrap(
                TABLE_OOB,
                f"an element segment of {len(segment)} has no {count} at {start}",
            )
        self.require(target, count)
        self.items[target : target + count] = segment[start : start + count]


class Global:
    """A global instance: a cell. `type` has canonical ids in place of type indices."""

    __slots__ = ("type", "value")

    def __init__(self, type_: GlobalType, value: Any) -> None:
        self.type = type_
        self.value = value
