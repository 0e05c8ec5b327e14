"""Run `.wast` scripts: judge their commands, file by file, in one or several processes.

What judges is a *stage*. `validate` judges what can be told without running anything; a
stage that runs programs is one more entry of `STAGES`. A stage says which commands count;
the others are counted neither as passed nor as skipped.

Features follow a file's folder, as the official suite is laid out: `proposals/<name>/`
switches that proposal on, `legacy/` the legacy exceptions.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.errors import InputError, UsageError
from plumbob.filetest.wast_stage import Skipped
from plumbob.filetest.wast_validate import ValidateStage
from plumbob.source import read_all
from plumbob.wasm import features as f
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.text.script import (
    AssertAction,
    AssertInstance,
    AssertModule,
    Command,
    parse_script,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from plumbob.filetest.wast_stage import Stage

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class Options(NamedTuple):
    """How to run scripts; `features` None means by folder."""

    stage: str = "validate"
    features: int | None = None
    dead_code: str = "polymorphic"


class Remark(NamedTuple):
    """Why a command failed or was skipped."""

    line: int
    reason: str


class FileResult(NamedTuple):
    """What came of one script; `kinds` counts (passed, failed, skipped) by command."""

    file: str
    kinds: dict[str, tuple[int, int, int]]
    failures: tuple[Remark, ...]
    skips: tuple[Remark, ...]

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many commands passed, failed and were skipped."""
        passed, failed, skipped = (
            sum(column) for column in zip((0, 0, 0), *self.kinds.values(), strict=True)
        )
        return passed, failed, skipped


def _run_stage(features: int, dead_code: str) -> Stage:
    from plumbob.filetest.wast_run import RunStage  # noqa: PLC0415  # imports all that runs guests

    return RunStage(features, dead_code)


STAGES: dict[str, Callable[[int, str], Stage]] = {"validate": ValidateStage, "run": _run_stage}
"""Stage by name: what makes one for a script from its features and the dead-code policy."""

_THREADS_BASE = f.MULTI_MEMORY | f.REFERENCE_TYPES | f.MEMORY64
"""What the threads proposal was written without; its assertions contradict these."""

SKIPPED_PROPOSALS = {
    "custom-descriptors": "the proposal custom-descriptors is not implemented",
}


def features_of(path: str) -> tuple[int, str | None]:
    """Return the features that a script's folder asks for, and why to skip it, if so."""
    folders = PurePath(path).parts[:-1]
    features = f.WASM3
    skip = None
    if "legacy" in folders:
        features |= f.LEGACY_EXCEPTIONS
    if "proposals" in folders[:-1]:
        name = folders[folders.index("proposals") + 1]
        if name in SKIPPED_PROPOSALS:
            skip = SKIPPED_PROPOSALS[name]
        elif name in f.NAMES:
            features |= f.NAMES[name]
        else:
            skip = f"the proposal {name} is not known"
        if name == "threads":
            features = f.close(features & ~_THREADS_BASE)
    return features, skip


def kind_of(command: Command) -> str:
    """Return the keyword of a command that a stage judges."""
    if isinstance(command, (AssertModule, AssertInstance, AssertAction)):
        return command.kind
    return _KINDS[type(command).__name__]


_KINDS = {
    "ModuleCommand": "module",
    "InstanceCommand": "module instance",
    "Register": "register",
    "Invoke": "invoke",
    "Get": "get",
    "AssertReturn": "assert_return",
    "Thread": "thread",
    "Wait": "wait",
}


def run_file(path: str, data: bytes, options: Options) -> FileResult:
    """Judge the commands of one script.

    A script that cannot be read is one failure, of kind `script`. Raises `UsageError` for
    an unknown stage or dead-code policy.
    """
    make = STAGES.get(options.stage)
    if make is None:
        raise UsageError(
            "unknown stage", expected=f"one of {', '.join(STAGES)}", found=options.stage
        )
    features, skip = features_of(path)
    if options.features is not None:
        features = options.features
    stage = make(features, options.dead_code)
    tally = _Tally(path)
    try:
        script = parse_script(data, path)
    except MalformedError as error:
        line = error.span.source.location(error.span.start)[0] if error.span else 1
        tally.add("script", line, SKIPPED if skip else FAILED, skip or str(error))
        return tally.result()
    for command in script.commands:
        counted = stage.counts(command)
        reason = _judge(stage, command) if skip is None else Skipped(skip)
        if counted:
            outcome = FAILED if reason is not None else PASSED
            outcome = SKIPPED if isinstance(reason, Skipped) else outcome
            tally.add(kind_of(command), command.line, outcome, reason or "")
    return tally.result()


def _judge(stage: Stage, command: Command) -> str | None:
    try:
        return stage.judge(command)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  # our bug fails its command, not the whole run
        return f"internal error: {type(error).__name__}: {error}"


class _Tally:
    """Counts the outcomes of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.kinds: dict[str, tuple[int, int, int]] = {}
        self.remarks: dict[str, list[Remark]] = {PASSED: [], FAILED: [], SKIPPED: []}

    def add(self, kind: str, line: int, outcome: str, reason: str) -> None:
        passed, failed, skipped = self.kinds.get(kind, (0, 0, 0))
        self.kinds[kind] = (
            passed + (outcome == PASSED),
            failed + (outcome == FAILED),
            skipped + (outcome == SKIPPED),
        )
        if outcome != PASSED:
            self.remarks[outcome].append(Remark(line, reason))

    def result(self) -> FileResult:
        kinds = dict(sorted(self.kinds.items()))
        return FileResult(
            self.path, kinds, tuple(self.remarks[FAILED]), tuple(self.remarks[SKIPPED])
        )


def _run_path(job: tuple[str, Options]) -> FileResult:
    path, options = job
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  # a path as the user gave it
            data = read_all(stream)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return run_file(path, data, options)


def run_files(
    paths: Sequence[str], options: Options | None = None, *, jobs: int = 1
) -> Iterator[FileResult]:
    """Yield the result of each script, in the order of the paths.

    With more than one job, files are shared among that many processes. Raises `InputError`
    for a file that cannot be read, `UsageError` as `run_file` does.
    """
    work = [(path, options or Options()) for path in paths]
    if jobs <= 1 or len(work) <= 1:
        yield from map(_run_path, work)
        return
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415  # slow to import
    from multiprocessing import get_all_start_methods, get_context  # noqa: PLC0415  # as above
    from threading import active_count  # noqa: PLC0415  # as above

    # Forking is quick, but not safe beside other threads.
    fork = active_count() == 1 and "fork" in get_all_start_methods()
    context = get_context("fork" if fork else "spawn")
    with ProcessPoolExecutor(min(jobs, len(work)), context) as pool:
        try:
            yield from pool.map(_run_path, work, chunksize=4)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _counts(passed: int, failed: int, skipped: int) -> dict[str, int]:
    return {PASSED: passed, FAILED: failed, SKIPPED: skipped}


def report(results: Iterable[FileResult]) -> dict[str, Any]:
    """Return results as plain data: totals, totals by kind of command, and each file."""
    total = (0, 0, 0)
    kinds: dict[str, tuple[int, int, int]] = {}
    files = []
    for result in results:
        for kind, counts in result.kinds.items():
            kinds[kind] = _plus(kinds.get(kind, (0, 0, 0)), counts)
        total = _plus(total, result.counts)
        files.append(
            {
                "file": result.file,
                **_counts(*result.counts),
                "failures": [remark._asdict() for remark in result.failures],
                "skips": [remark._asdict() for remark in result.skips],
            }
        )
    return {
        "total": _counts(*total),
        "kinds": {kind: _counts(*counts) for kind, counts in sorted(kinds.items())},
        "files": files,
    }


def _plus(left: tuple[int, int, int], right: tuple[int, int, int]) -> tuple[int, int, int]:
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]
