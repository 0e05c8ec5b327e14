"""`plumbob check`: run a program on several engines, and say who is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.invoke import call_options
from plumbob.cli.options import common, json_option, settings
from plumbob.cli.program import Given, ProgramCommand, program_options
from plumbob.cli.progress import track
from plumbob.errors import ExitCode, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.engines.cache import Cache
    from plumbob.triage.check.check import Job

DEFAULT_KINDS = ("wasmtime", "deno")
"""Whose newest releases are asked where no engine is named."""

SCRIPT = ".wast"

FUEL = 20_000_000


@click.command(cls=ProgramCommand, short_help="Run a program on several engines; say who is wrong.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "-e",
    "--engine",
    "engines",
    metavar="ENGINE",
    multiple=True,
    help="An engine or optimiser, as KIND==VERSION[:OPTION=VALUE,...]; may be repeated. "
    "Without it: the newest wasmtime and deno.",
)
@call_options
@program_options
@click.option(
    "--fuel",
    type=click.IntRange(1),
    default=FUEL,
    show_default=True,
    metavar="N",
    help="How many instructions of the IR the reference runs in one call, within a factor of "
    "two; ten times as many where that is not enough.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Begin no further call with chosen arguments when the reference has run a module for so "
    "long; those are left out. Without it there is no such limit.",
)
@json_option
@common
def command(  # noqa: PLR0913  # one parameter an option
    *,
    paths: tuple[str, ...],
    engines: tuple[str, ...],
    invocations: tuple[tuple[str, tuple[str, ...]], ...],
    calls: int,
    seed: int,
    timeout: float,
    fuel: int,
    budget: float | None,
    given: Given,
    as_json: bool,
) -> ExitCode:
    """Run a program on several engines and optimisers, and say who is wrong.

    FILE is a module in either format or a .wast script, whose assertions count too; - is
    standard input. Plumbob's own reference is always asked. Engines are installed when they
    are missing.

    Exit status 1: somebody is wrong, or the reference stands alone.
    """
    from plumbob.engines.cache import Cache
    from plumbob.engines.process import Limits
    from plumbob.triage.check.check import check
    from plumbob.triage.check.pool import Pool, with_reference

    cache = Cache()
    unreadable = inputs.Unreadable()
    jobs = list(_jobs(paths, invocations, unreadable, given, calls=calls, seed=seed))
    if not jobs:
        return unreadable.exit_code(found=False)
    reference, names = with_reference(engines)
    if not engines:
        names = _newest(cache)
    pool = Pool(
        cache=cache, limits=Limits(seconds=timeout), fuel=fuel, reference=reference, budget=budget,
        announce=lambda text: click.echo(f"plumbob: {text}", err=True),
    )  # fmt: skip
    with pool:
        result = check(track(jobs, "checking", len(jobs)), names, pool, seed=seed)
    if as_json:
        import json

        from plumbob.report.check import check_data

        outputs.say(json.dumps({**check_data(result), "errors": unreadable.data()}, indent=2))
    else:
        from plumbob.report.check import render

        outputs.show(render(result, width=outputs.width()), settings())
    return unreadable.exit_code(found=result.verdict != "agree")


def _newest(cache: Cache) -> list[str]:
    """Return the newest releases of the kinds that are asked by default."""
    from plumbob.engines.install import newest

    return [f"{kind}=={newest(kind, cache)}" for kind in DEFAULT_KINDS]


def _jobs(
    paths: tuple[str, ...],
    invocations: tuple[tuple[str, tuple[str, ...]], ...],
    unreadable: inputs.Unreadable,
    given: Given,
    *,
    calls: int,
    seed: int,
) -> Iterator[Job]:
    """Yield what there is to check, and note what cannot be read."""
    from plumbob.triage.check.check import Job
    from plumbob.triage.check.subject import Subject

    for path in inputs.find(paths, (".wasm", ".wat", SCRIPT)):
        name = inputs.display_name(path)
        try:
            data = inputs.read(path)
            if name.endswith(SCRIPT) or _is_script(data, name):
                _refuse(given, name)
                yield from _script_jobs(data, name, seed, invocations)
                continue
            binary = inputs.to_binary(data, name)
            subject = Subject.prepare(
                binary, invocations=invocations, seed=seed, calls=calls, given=given.of(name)
            )
        except InputError as error:
            unreadable.add(path, error)
        else:
            yield Job(subject, name)


def _refuse(given: Given, name: str) -> None:
    if given:
        raise UsageError(f"{name} is a script, and no program that takes arguments or input")


def _script_jobs(
    data: bytes, name: str, seed: int, invocations: tuple[tuple[str, tuple[str, ...]], ...]
) -> list[Job]:
    from plumbob.triage.check.check import Job
    from plumbob.triage.check.script import read_script

    if invocations:
        raise UsageError(f"{name} is a script and makes its own calls: no --invoke")
    found = read_script(data, name, seed=seed)
    return [Job(each.subject, name, each.line, each.expected) for each in found]


def _is_script(data: bytes, name: str) -> bool:
    """Return whether standard input is a script: text with commands behind a module."""
    if name != inputs.STDIN_NAME or inputs.is_binary(data, name):
        return False
    from plumbob.wasm.text.script import ModuleCommand, parse_script

    try:
        commands = parse_script(data, name).commands
    except InputError:
        return False
    return len(commands) != 1 or not isinstance(commands[0], ModuleCommand)
