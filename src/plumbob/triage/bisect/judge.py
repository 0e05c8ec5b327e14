"""Who says what is good and bad: the face that searches see of a comparison.

A judge compares one program on a named engine with the reference. It is deterministic: the
same engine on the same machine gets the same verdict, which is what lets results be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plumbob.engines.optimiser import Optimised

GOOD: Final = "good"
BAD: Final = "bad"
UNSUPPORTED: Final = "unsupported"
"""The engine lacks what the program needs, or nothing of it could be compared."""
SKIPPED: Final = "skipped"
"""The release could not be tried: it cannot be installed, or does not start here."""

UNDER: Final = " with "
"""What stands in front of the setting under which a step went wrong."""

JUDGED: Final = (GOOD, BAD)


class Verdict(NamedTuple):
    """What a judge says of one engine."""

    result: str
    """GOOD, BAD or UNSUPPORTED."""
    where: str = ""
    """The step that the rest speaks of, in a phrase: `test(1)`."""
    gave: str = ""
    """What the engine gave there; why, where it is not supported or skipped."""
    expected: str = ""
    """What the reference gives there, where the result is BAD."""

    @property
    def setting(self) -> str:
        """The setting that alone shows that the result is BAD, told at the end of `where`."""
        _, mark, setting = self.where.rpartition(UNDER)
        return setting if mark and self.result == BAD and "=" in setting else ""


class Judge(Protocol):
    """Compares one program on engines with the reference.

    Different engines may `run` in threads; all else is one thread's.
    """

    @property
    def identity(self) -> Mapping[str, object]:
        """Whatever a verdict rests on beside the engine, as JSON: program, calls, machine."""
        ...

    def prepare(self) -> None:
        """Do what must be done before anything is run."""
        ...

    def run(self, engine: str) -> Any:
        """Return what an engine does. Raises `EngineError`, `UsageError`."""
        ...

    def compare(self, engine: str, ran: Any) -> Verdict:
        """Return the verdict on what an engine did."""
        ...

    def focus(self, engine: str) -> bytes:
        """Return the module, in the binary format, that a bad engine gets wrong."""
        ...

    def judge_optimised(self, engine: str, optimised: Optimised) -> Verdict:
        """Return the verdict on what some passes of an optimiser made of that module."""
        ...
