"""Who says what is good and bad: the face that searches see of a comparison.

A judge compares one program on a named engine with the reference. It is deterministic: the
same engine on the same machine gets the same verdict, which is what lets results be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD: Final = "good"
BAD: Final = "bad"
UNSUPPORTED: Final = "unsupported"
"""The engine lacks what the program needs, or nothing of it could be compared."""
SKIPPED: Final = "skipped"
"""The release could not be tried: it cannot be installed, or does not start here."""

JUDGED: Final = (GOOD, BAD)


class Verdict(NamedTuple):
    """What a judge says of one engine."""

    result: str
    """GOOD, BAD or UNSUPPORTED."""
    gave: str = ""
    """What the engine gave, in a phrase; why, where it is unsupported."""
    expected: str = ""
    """What the reference gives in that place, where the result is BAD."""


class Judge(Protocol):
    """Compares one program on engines with the reference."""

    @property
    def identity(self) -> Mapping[str, object]:
        """Whatever else a verdict rests on, as JSON: program, calls, seed, limits, machine."""
        ...

    def judge(self, engine: str) -> Verdict:
        """Return the verdict on an engine by its name. Raises `EngineError`, `UsageError`."""
        ...

    def judge_optimised(self, module: bytes) -> Verdict:
        """Return the verdict on what an optimiser made of the program."""
        ...
