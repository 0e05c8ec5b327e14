"""What the fixture `plumbob_check` does: checks as `plumbob check` makes them, in tests.

A check that finds something raises `CheckFailed`, an `AssertionError` whose text is the
command's report. Faults of the test itself (a module that cannot be read, an export that is
not there) and engines that cannot be had are failures with their own words.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from plumbob.cli import inputs
from plumbob.engines.cache import Cache
from plumbob.engines.install import newest
from plumbob.engines.optimiser import CLOSED_WORLD
from plumbob.engines.process import Limits
from plumbob.errors import InternalError, PlumbobError, UsageError
from plumbob.report.check import render
from plumbob.runtime.closing import Closing
from plumbob.triage.check.check import About, Checked, Checker, CheckResult, Job, check
from plumbob.triage.check.machine import machine
from plumbob.triage.check.pool import Pool, with_reference
from plumbob.triage.check.script import read_script
from plumbob.triage.check.subject import Subject
from plumbob.triage.check.verdict import AGREE, DISAGREE, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from plumbob.triage.check.events import Comparison

Module = bytes | str | os.PathLike[str]
"""A module in either format: its bytes, or the path of its file."""

Invocation = str | tuple[str | int | float, ...]
"""An export that takes nothing, or an export and its arguments."""

DEFAULT_KINDS = ("wasmtime", "deno")
"""Whose newest releases are asked where no engine is named, as by `plumbob check`."""

OPTIMISED = "the optimised module"
WIDTH = 96


class Settings(NamedTuple):
    """What the command line and the ini file say."""

    engines: tuple[str, ...]
    calls: int
    seed: int
    timeout: float
    fuel: int


class CheckFailed(AssertionError):  # noqa: N818  # a finding, no error of ours
    """A check found something; the text is its report."""

    def __init__(self, *results: CheckResult) -> None:
        self.results = results
        # From a line of its own, since a table comes first.
        super().__init__("\n" + "\n\n".join(_report(result) for result in results))


def _report(result: CheckResult) -> str:
    return render(result, width=WIDTH).plain().rstrip()


class PlumbobCheck(Closing):
    """Checks modules on engines that stay open from one test to the next."""

    def __init__(self, settings: Settings, announce: Callable[[str], None]) -> None:
        self._settings = settings
        self._cache = Cache()
        reference, self._engines = with_reference(settings.engines)
        self._pool = Pool(
            cache=self._cache,
            limits=Limits(seconds=settings.timeout),
            fuel=settings.fuel,
            reference=reference,
            announce=announce,
        )

    def __call__(
        self,
        module: Module,
        *,
        invoke: Iterable[Invocation] = (),
        engines: Sequence[str] | None = None,
        calls: int | None = None,
        seed: int | None = None,
    ) -> CheckResult:
        """Return the result of a check on the engines that were named, or on `engines`.

        A path that ends in `.wast` is a script, whose assertions count. Raises
        `CheckFailed` where an engine, or an optimiser among them, differs from the
        reference, where the reference stands alone, and where no engine could be compared.
        """
        __tracebackhide__ = True
        with _Told():
            jobs = self._jobs(module, invoke, calls, seed)
            wanted = self._wanted(engines)
            result = check(jobs, wanted, self._pool, seed=self._seed(seed))
        if result.verdict != AGREE or not _compared(result):
            raise CheckFailed(result)
        return result

    def optimised(
        self,
        before: Module,
        after: Module,
        *,
        invoke: Iterable[Invocation] = (),
        closed_world: bool = False,
        engines: Sequence[str] | None = None,
        calls: int | None = None,
        seed: int | None = None,
    ) -> tuple[CheckResult, ...]:
        """Return the results of comparing a module with what an optimiser made of it.

        Both run on the reference with the same calls and must do the same: values, traps,
        calls of imports, exported state. Where engines were named, or are given, both must
        besides do on each of them what they do on the reference. With `closed_world` types of
        references may differ where nobody outside can tell. Raises `CheckFailed`.
        """
        __tracebackhide__ = True
        with _Told():
            (job,) = self._jobs(before, invoke, calls, seed, scripts=False)
            subject = job.subject
            binary, name = _read(after)
            if subject.invalid is not None:
                raise UsageError("the module before is not valid", found=subject.invalid)
            checker = Checker(subject, self._pool)
            assumed = frozenset({CLOSED_WORLD} if closed_world else ())
            comparison = checker.judge_optimised(OPTIMISED, binary, assumed=assumed)
            found = self._result(checker, comparison, f"{job.file} and {name}", self._seed(seed))
            results = [found]
            named = self._engines if engines is None else self._wanted(engines)
            if named and not comparison.findings:
                both = [
                    Job(subject, f"before ({job.file})"),
                    Job(subject.over(binary), f"after ({name})"),
                ]
                results.append(check(both, named, self._pool, seed=self._seed(seed)))
        wrong = [result for result in results if result.verdict != AGREE or not _compared(result)]
        if wrong:
            raise CheckFailed(*wrong)
        return tuple(results)

    def _result(
        self, checker: Checker, comparison: Comparison, file: str, seed: int
    ) -> CheckResult:
        """Return the comparison of two modules on the reference as a check's result."""
        verdict = Verdict(AGREE)
        if comparison.findings:
            verdict = Verdict(DISAGREE, (OPTIMISED,), {OPTIMISED: comparison.findings[0]})
        part = Checked(checker.subject, checker.plan, (comparison,), verdict, file)
        reference = self._pool.reference
        engines = (
            About(reference.spec.text, reference.spec.kind, reference.version),
            About(OPTIMISED, "module", ""),
        )
        return CheckResult((part,), engines, machine(), seed)

    def _wanted(self, engines: Sequence[str] | None) -> list[str]:
        """Return the engines to ask; some are, or a check would say nothing."""
        names = self._engines if engines is None else with_reference(engines)[1]
        return names or [f"{kind}=={newest(kind, self._cache)}" for kind in DEFAULT_KINDS]

    def _seed(self, seed: int | None) -> int:
        return self._settings.seed if seed is None else seed

    def _jobs(
        self,
        module: Module,
        invoke: Iterable[Invocation],
        calls: int | None,
        seed: int | None,
        *,
        scripts: bool = True,
    ) -> list[Job]:
        invocations = [_words(each) for each in invoke]
        if scripts and not isinstance(module, bytes) and os.fspath(module).endswith(".wast"):
            if invocations:
                raise UsageError("a script makes its own calls: no `invoke`")
            name = os.fspath(module)
            read = read_script(_file(name), name, seed=self._seed(seed))
            return [Job(each.subject, name, each.line, each.expected) for each in read]
        binary, name = _read(module)
        subject = Subject.prepare(
            binary,
            invocations=invocations,
            seed=self._seed(seed),
            calls=self._settings.calls if calls is None else calls,
        )
        return [Job(subject, name)]

    def close(self) -> None:
        """End the engines."""
        self._pool.close()


class _Told:
    """Turns an error that says what to do about it into a failure with its words alone."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        if isinstance(error, PlumbobError) and not isinstance(error, InternalError):
            raise pytest.fail.Exception(f"plumbob: {error}") from None


def _compared(result: CheckResult) -> bool:
    """Return whether any engine was compared with the reference on every module."""
    return all(
        any(each.events and not _lacking(each) for each in part.comparisons)
        for part in result.parts
    )


def _lacking(comparison: Comparison) -> bool:
    """Return whether an engine could not even compile the module, for want of a feature."""
    return len(comparison.events) == 1 and bool(comparison.unsupported)


def _words(invocation: Invocation) -> tuple[str, tuple[str, ...]]:
    """Return an export's name, and arguments as the command line has them."""
    name, *arguments = (invocation,) if isinstance(invocation, str) else invocation
    return str(name), tuple(map(str, arguments))


def _read(module: Module) -> tuple[bytes, str]:
    """Return a module in the binary format, and what it is called."""
    if isinstance(module, bytes):
        return inputs.to_binary(module, "module"), "module"
    name = os.fspath(module)
    return inputs.to_binary(_file(name), name), name


def _file(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read", found=error.strerror) from error
