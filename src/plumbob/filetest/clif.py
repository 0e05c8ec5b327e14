"""Run Cranelift-style test files and say what held.

Each `test` command has a runner: a function from the file to verdicts, one for each
directive and at least one for each function that it judges. Runners of this module:
`verifier`, `cat`, `print-cfg`, `domtree`. `interpret` runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from plumbob.errors import InputError
from plumbob.filetest.clif_file import ClifFile, read_clif_file
from plumbob.filetest.clif_run import run_interpret
from plumbob.filetest.clif_static import STATIC_RUNNERS
from plumbob.filetest.verdict import FAILED, PASSED, SKIPPED, Verdict

if TYPE_CHECKING:
    from pathlib import Path

Runner: TypeAlias = Callable[[ClifFile], Iterable[Verdict]]

RUNNERS: Final[dict[str, Runner]] = {**STATIC_RUNNERS, "interpret": run_interpret}
"""What to do for each `test` command."""

IGNORED: Final = frozenset(
    "run optimize compile alias-analysis legalizer licm inline unwind safepoint".split()
)
"""Commands about Cranelift's own passes and code generators."""


class FileResult(NamedTuple):
    """Everything that was judged in one file."""

    file: str
    verdicts: tuple[Verdict, ...]


def run_file(path: Path) -> FileResult:
    """Run every command of a test file; a file that cannot be parsed is one failure."""
    try:
        return run_clif_file(read_clif_file(path), str(path))
    except InputError as error:
        line = error.span.source.location(error.span.start)[0] if error.span else 1
        return FileResult(str(path), (Verdict("parse", line, FAILED, str(error)),))


def run_clif_file(file: ClifFile, name: str) -> FileResult:
    """Run every command of a parsed test file."""
    verdicts: list[Verdict] = []
    for command in file.commands:
        runner = RUNNERS.get(command.name)
        if runner is not None:
            verdicts.extend(runner(file))
        elif command.name not in IGNORED:
            reason = f"unknown command `test {command.name}`"
            verdicts.append(Verdict(command.name, command.line, SKIPPED, reason))
    if not verdicts:
        named = ", ".join(command.name for command in file.commands) or "no command"
        verdicts.append(Verdict("file", 1, SKIPPED, f"nothing to judge here: {named}"))
    return FileResult(name, tuple(verdicts))


def summary(results: Iterable[FileResult]) -> dict[str, Any]:
    """Return the results as plain data, ready for JSON: `total`, `kinds`, `files`."""
    kinds: dict[str, dict[str, int]] = {}
    total = _counts()
    files = []
    for result in results:
        counts = _counts()
        for verdict in result.verdicts:
            for table in (counts, total, kinds.setdefault(verdict.kind, _counts())):
                table[verdict.status] += 1
        files.append(
            {
                "file": result.file,
                **counts,
                "failures": _listed(result.verdicts, FAILED),
                "skips": _listed(result.verdicts, SKIPPED),
            }
        )
    return {"total": total, "kinds": dict(sorted(kinds.items())), "files": files}


def _counts() -> dict[str, int]:
    return {PASSED: 0, FAILED: 0, SKIPPED: 0}


def _listed(verdicts: tuple[Verdict, ...], status: str) -> list[dict[str, Any]]:
    return [{"line": v.line, "reason": v.reason} for v in verdicts if v.status == status]
