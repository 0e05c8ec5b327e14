"""`plumbob bisect`: since which release an engine gets a program wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import common, json_option, settings
from plumbob.cli.progress import track
from plumbob.errors import ExitCode

if TYPE_CHECKING:
    from plumbob.engines.cache import Cache

CALLS = 4
"""Calls of each export, where none is named."""


class _Announcer:
    """Says once that engines get installed, since there may be dozens."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._said = False

    def __call__(self, text: str) -> None:
        if not self._said:
            self._said = True
            outputs.complain(f"{text}, and others as they are needed, into {self._cache.folder}")


@click.command(short_help="Find the releases of an engine that get a program wrong.")
@click.argument("path", metavar="FILE")
@click.argument("arguments", metavar="[ARG]...", nargs=-1)
@click.option("--engine", metavar="ENGINE", required=True, help="KIND or KIND==VERSION[:OPTIONS].")
@click.option("--from", "oldest", metavar="VERSION", help="The oldest release to try.")
@click.option("--to", "newest", metavar="VERSION", help="The newest release to try.")
@click.option("--all", "exhaustive", is_flag=True, help="Try every release of a large engine too.")
@click.option("--invoke", metavar="NAME", help="Call this export with the ARGs, and nothing else.")
@click.option("--seed", type=int, default=0, help="What chosen arguments and stand-ins depend on.")
@json_option
@common
def command(  # noqa: PLR0913  # one parameter an option
    *,
    path: str,
    arguments: tuple[str, ...],
    engine: str,
    oldest: str | None,
    newest: str | None,
    exhaustive: bool,
    invoke: str | None,
    seed: int,
    as_json: bool,
) -> ExitCode:
    """Find the releases of an engine that get a program wrong.

    FILE is a module in either format. Good is what agrees with the reference. Every
    release of wasmtime, binaryen, wasm3 and pywasm is tried; of deno, node and bun, which
    are large, a sample that closes in on the boundaries (--all: every one). Of a bad release
    it is told under which options it is bad; of binaryen, named with its flags as in
    binaryen:passes=-O2, by which pass and in which function.

    Results are kept: a second run, or one after Ctrl-C, goes on from there.

    Exit status: 1 where a bad release was found.
    """
    from plumbob.engines.cache import Cache
    from plumbob.report import bisect as report
    from plumbob.triage.bisect.checked import CheckedJudge
    from plumbob.triage.bisect.run import Bisection

    name = inputs.display_name(path)
    module = inputs.to_binary(inputs.read(path), name)
    if arguments and invoke is None:
        raise click.UsageError("ARGs need --invoke NAME")
    invocations = [] if invoke is None else [(invoke, arguments)]
    cache = Cache()
    announce = _Announcer(cache)
    with CheckedJudge(
        module, invocations=invocations, seed=seed, calls=CALLS, cache=cache, announce=announce
    ) as judge:
        bisection = Bisection(judge, cache, announce=announce, follow=track)
        try:
            found = bisection.run(
                engine, module, oldest=oldest, newest=newest, exhaustive=exhaustive
            )
        except KeyboardInterrupt:
            outputs.complain("what was tried is kept; the same command goes on from there")
            raise
    if as_json:
        import json

        outputs.say(json.dumps(report.data(found, name), indent=2))
    else:
        outputs.show(report.render(found, width=outputs.width()), settings())
    return ExitCode.FOUND if found.bad else ExitCode.OK
