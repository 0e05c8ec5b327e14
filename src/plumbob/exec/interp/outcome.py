"""What a run ends in: results, a trap, or an exception that no handler took.

All three are values. `GuestTrap` and `GuestException` are how they travel through Python
frames inside the executor; `Machine.call` turns the first into a `Trap` and an exception
that nobody handles into `Thrown`. A host function raises either to trap or to throw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from plumbob.errors import InputError, InternalError
from plumbob.runtime import traps

if TYPE_CHECKING:
    from plumbob.ir.entities import Signature

# Kinds of traps besides CLIF's trap codes (`entities.RESERVED_TRAP_CODES`, `userN`).
STACK_OVERFLOW: Final = "stk_ovf"
"""The guest's call depth reached its limit (one of CLIF's codes)."""
OUT_OF_FUEL: Final = traps.OUT_OF_FUEL
INTERRUPTED: Final = traps.INTERRUPTED
MEMORY_LIMIT: Final = traps.MEMORY_LIMIT
"""Live objects exceed the limit of bytes, an object exceeds the largest offset, or no
object id is left."""
HOST_DEPTH: Final = traps.HOST_DEPTH
"""Too many host functions that call back into the guest are on the stack."""
NOTRAP_FAULT: Final = "notrap_fault"
"""An access that promised by `notrap` not to fault did."""
USE_AFTER_RETURN: Final = "use_after_return"
"""An access through the address of a slot whose frame has returned."""
MISALIGNED: Final = "misaligned"
"""An atomic access, or one flagged `aligned`, at an address that is not a multiple of its size."""
BAD_SIGNATURE: Final = "bad_signature"
"""A call whose signature is not the callee's."""
NOT_A_FUNCTION: Final = "not_a_function"
"""An indirect call of an address that is no function's."""
DEBUG: Final = "debugtrap"


class Frame(NamedTuple):
    """A place in a guest: a function by its printed name, and an instruction of it."""

    function: str
    instruction: int

    def __str__(self) -> str:
        return f"{self.function} inst{self.instruction}"


class Trap(NamedTuple):
    """The guest trapped.

    `kind` is CLIF's trap code or one of this module's; `message` is for people; `stack` is
    the guest's call stack, innermost first. Where a limit was reached on entering a
    function or loop, the instruction is the first of that block.
    """

    kind: str
    message: str
    stack: tuple[Frame, ...]

    @property
    def function(self) -> str:
        """The printed name of the function that trapped."""
        return self.stack[0].function

    @property
    def instruction(self) -> int:
        """The instruction of that function."""
        return self.stack[0].instruction

    def __str__(self) -> str:
        place = f" at {self.stack[0]}" if self.stack else ""
        return f"trap {self.kind}{place}" + (f": {self.message}" if self.message else "")


class Returned(NamedTuple):
    """The guest returned: the results' bits, unsigned, in the signature's order."""

    values: tuple[int, ...]


class Thrown(NamedTuple):
    """An exception left the outermost function. `payload` as the thrower gave it."""

    tag: int
    payload: tuple[int, ...]
    context: int | None

    def __str__(self) -> str:
        return f"exception tag{self.tag} {self.payload}"


Outcome: TypeAlias = Returned | Trap | Thrown


GuestTrap = traps.GuestTrap
"""A trap on its way up."""


class GuestException(Exception):  # noqa: N818  # it is the guest's exception
    """A guest's exception on its way to a handler.

    `tag` is matched with the handlers' tags; `payload` are the bits of the values that a
    handler gets as `exn0`, `exn1`, …; `context` is the value that a handler's
    `context vN` is compared with (None matches every context).
    """

    def __init__(self, tag: int, payload: tuple[int, ...] = (), context: int | None = None) -> None:
        super().__init__(tag, payload)
        self.tag = tag
        self.payload = payload
        self.context = context


class UnsupportedOperationError(InputError):
    """An instruction that means nothing to an interpreter was executed, or its type does."""


class LinkError(InputError):
    """A guest refers to a function that nobody defines."""


def result_tuple(signature: Signature, result: Any) -> tuple[int, ...]:
    """Return what a function returned as a tuple; InternalError if it does not fit."""
    count = len(signature.returns)
    values = () if result is None else result if isinstance(result, tuple) else (result,)
    if len(values) != count:
        raise InternalError("a function returned", expected=f"{count} values", found=str(values))
    return values
