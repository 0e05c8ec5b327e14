"""Accesses of generated code to what an instance has, and the traps where they fail.

Python checks the bounds of an access anyway: `struct`, `list` and the buffers raise where
it does not lie within, and `None` has no attributes. Only then is a place asked what the
matter was. It looks again, and returns None where the access should have been fine: then
the error is a bug of ours and not the guest's trap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from plumbob.ir.trap_codes import ARRAY_OOB, NULL_ARRAY, TABLE_OOB, UNDEFINED_ELEMENT
from plumbob.runtime.memory import out_of_bounds
from plumbob.runtime.traps import GuestTrap

if TYPE_CHECKING:
    from plumbob.runtime.instance import Instance


def _number(text: str, variables: dict[str, Any]) -> int:
    """Return the value of an operand: a literal or a local variable."""
    return int(text, 0) if text[0].isdecimal() else int(variables[text])


class MemoryPlace(NamedTuple):
    """`size` bytes of a memory, at the address that `variable` holds."""

    memory: int
    variable: str
    size: int

    def trap(self, instance: Instance, variables: dict[str, Any]) -> GuestTrap | None:
        """Return the trap of a failed access, None if it should not have failed."""
        memory = instance.memories[self.memory]
        address = _number(self.variable, variables)
        if address + self.size <= len(memory.data):
            return None
        return out_of_bounds(memory, address, self.size)


class TablePlace(NamedTuple):
    """An element of a table; `code` is the trap of an index that is not within it."""

    table: int
    variable: str
    code: str = TABLE_OOB

    def trap(self, instance: Instance, variables: dict[str, Any]) -> GuestTrap | None:
        """Return the trap of a failed access, None if it should not have failed."""
        items = instance.tables[self.table].items
        index = _number(self.variable, variables)
        if index < len(items):
            return None
        number = index if self.code == UNDEFINED_ELEMENT else f"element {index}"
        return GuestTrap(self.code, f"{number}, in a table of {len(items)}")


class NullPlace(NamedTuple):
    """A part of an object that must not be null."""

    variable: str
    code: str

    def trap(self, instance: Instance, variables: dict[str, Any]) -> GuestTrap | None:  # noqa: ARG002  # all places have this signature
        """Return the trap of a failed access, None if it should not have failed."""
        return None if variables.get(self.variable) is not None else GuestTrap(self.code)


class ArrayPlace(NamedTuple):
    """An element of an array."""

    variable: str
    index_variable: str

    def trap(self, instance: Instance, variables: dict[str, Any]) -> GuestTrap | None:  # noqa: ARG002  # as above
        """Return the trap of a failed access, None if it should not have failed."""
        array = variables.get(self.variable)
        if array is None:
            return GuestTrap(NULL_ARRAY)
        index = _number(self.index_variable, variables)
        if index < len(array.items):
            return None
        return GuestTrap(ARRAY_OOB, f"element {index}, in an array of {len(array.items)}")


WasmPlace: TypeAlias = MemoryPlace | TablePlace | NullPlace | ArrayPlace
