"""What the runtime asks of an executor; `exec/interp/wasm_engine.py` is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.runtime.instance import Instance
    from plumbob.runtime.references import FuncRef


class Executor(Protocol):
    """Runs the functions of one store.

    Values are as in the runtime: numbers and vectors as unsigned bits, references as
    objects.
    """

    def link(self, instance: Instance) -> None:
        """Make the instance's own functions callable: set their `call` and `tail`."""

    def link_host(self, function: FuncRef) -> None:
        """Make a function of the host callable from guests."""

    def invoke(self, function: FuncRef, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Call a function and return its results.

        Raises `GuestTrap` with its whole stack, and what travels where the guest throws an
        exception that nobody catches. The next call works whatever this one ended in.
        """
