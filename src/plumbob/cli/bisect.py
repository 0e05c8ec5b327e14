"""`plumbob bisect`: since which release an engine gets a program wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.check import FUEL
from plumbob.cli.invoke import call_options
from plumbob.cli.options import common, json_option, settings
from plumbob.cli.program import Given, ProgramCommand, program_options
from plumbob.cli.progress import track
from plumbob.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from plumbob.engines.cache import Cache
    from plumbob.triage.bisect.checked import Job


@click.command(
    cls=ProgramCommand, short_help="Find the releases of an engine that get a program wrong."
)
@click.argument("path", metavar="FILE")
@click.option(
    "-e",
    "--engine",
    metavar="ENGINE",
    required=True,
    help="The engine, as KIND[==VERSION][:OPTION=VALUE,...]; the version is looked at closely.",
)
@click.option(
    "--releases",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Of the engine `tool`: lines RELEASE: COMMAND with {in} and {out}, the oldest first.",
)
@click.option("--from", "oldest", metavar="VERSION", help="The oldest release to try.")
@click.option("--to", "newest", metavar="VERSION", help="The newest release to try.")
@click.option("--all", "exhaustive", is_flag=True, help="Try every release of a large engine too.")
@call_options
@program_options
@json_option
@common
def command(  # noqa: PLR0913  # one parameter an option
    *,
    path: str,
    engine: str,
    releases: Path | None,
    oldest: str | None,
    newest: str | None,
    exhaustive: bool,
    invocations: tuple[tuple[str, tuple[str, ...]], ...],
    calls: int,
    seed: int,
    timeout: float,
    given: Given,
    as_json: bool,
) -> ExitCode:
    """Find the releases of an engine that get a program wrong.

    FILE is a module in either format, or a .wast script with what it asserts. Good is what
    agrees with the reference. Every release of wasmtime, binaryen, wasm3 and pywasm is tried;
    of deno, node and bun, which are large, a sample that closes in on the boundaries (--all:
    every one). Of a bad release it is told under which options it is bad; of binaryen, named
    with its flags as in binaryen:passes=-O2, by which pass and in which function.

    Results are kept: a second run, or one after Ctrl-C, goes on from there.

    Exit status 1: a bad release was found.
    """
    from plumbob.engines.cache import Cache
    from plumbob.engines.process import Limits
    from plumbob.report import bisect as report
    from plumbob.triage.bisect.checked import CheckedJudge
    from plumbob.triage.bisect.releases import read_commands
    from plumbob.triage.bisect.run import Bisection
    from plumbob.triage.check.pool import Pool

    commands = None if releases is None else read_commands(releases.read_text(), str(releases))
    jobs = _jobs(path, invocations, given, calls=calls, seed=seed)
    cache = Cache()
    announce = _Announcer(cache)
    limits = Limits(seconds=timeout)
    with Pool(cache=cache, limits=limits, announce=announce, fuel=FUEL) as pool:
        judge = CheckedJudge(jobs, pool)
        bisection = Bisection(judge, cache, limits=limits, announce=announce, follow=track)
        try:
            found = bisection.run(
                engine, oldest=oldest, newest=newest, exhaustive=exhaustive, commands=commands
            )
        except KeyboardInterrupt:
            outputs.complain("what was tried is kept; the same command goes on from there")
            raise
    if as_json:
        import json

        outputs.say(json.dumps(report.data(found, inputs.display_name(path)), indent=2))
    else:
        outputs.show(report.render(found, width=outputs.width()), settings())
    return ExitCode.FOUND if found.bad else ExitCode.OK


def _jobs(
    path: str,
    invocations: tuple[tuple[str, tuple[str, ...]], ...],
    given: Given,
    *,
    calls: int,
    seed: int,
) -> list[Job]:
    """Return what to judge. Raises `InputError` for what cannot be read."""
    from plumbob.triage.bisect.checked import Job, script_jobs
    from plumbob.triage.check.subject import Subject

    name = inputs.display_name(path)
    data = inputs.read(path)
    if name.endswith(".wast"):
        if invocations:
            raise UsageError(f"{name} is a script and makes its own calls: no --invoke")
        if given:
            raise UsageError(f"{name} is a script, and no program that takes arguments or input")
        return script_jobs(data, name, seed=seed)
    module = inputs.to_binary(data, name)
    subject = Subject.prepare(
        module, invocations=invocations, seed=seed, calls=calls, given=given.of(name)
    )
    return [Job(subject)]


class _Announcer:
    """Says once that engines get installed, since there may be dozens."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._said = False

    def __call__(self, text: str) -> None:
        """Take `installing KIND==VERSION`."""
        if not self._said:
            self._said = True
            outputs.complain(f"{text}, and others as they are needed, into {self._cache.folder}")
