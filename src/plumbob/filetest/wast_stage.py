"""What a stage of the script runner is, and how it says that it skips a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from plumbob.wasm.text.script import Command


class Skipped(str):
    """The reason why a stage judges a command it counts neither right nor wrong."""

    __slots__ = ()


class Stage(Protocol):
    """Judges the commands of one script, in order; one is made for each script."""

    def counts(self, command: Command) -> bool:
        """Return whether the command is one that this stage judges."""

    def judge(self, command: Command) -> str | None:
        """Return None where the command passed, else the reason why it did not.

        A reason that is `Skipped` means that the command could not be judged. Commands that
        are not counted come too, for the sake of what they do; their answer is dropped.
        """
