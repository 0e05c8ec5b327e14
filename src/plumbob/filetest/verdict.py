"""One judged assertion of a script file."""

from __future__ import annotations

from typing import Final, NamedTuple

PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"


class Verdict(NamedTuple):
    """`kind` is the directive or command; `line` where it stands, from 1.

    `status` is PASSED, FAILED or SKIPPED; `reason` says why, and is empty for PASSED.
    """

    kind: str
    line: int
    status: str = PASSED
    reason: str = ""
