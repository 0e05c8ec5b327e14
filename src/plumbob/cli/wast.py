"""`plumbob wast`: run the WebAssembly specification's scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import (
    common,
    dead_code_option,
    features_option,
    json_option,
    settings,
)
from plumbob.cli.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.errors import ExitCode
    from plumbob.filetest.wast import FileResult, Options

STAGES = ("validate", "run")


@click.command(short_help="Judge .wast scripts, the format of the official test suite.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--stage",
    type=click.Choice(STAGES),
    default=STAGES[0],
    show_default=True,
    help="How far to go; validate judges every command that needs nothing to be run, "
    "run executes every command with the interpreter.",
)
@features_option
@dead_code_option
@click.option(
    "-n",
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that share the scripts.",
)
@json_option
@common
def command(
    paths: tuple[str, ...],
    stage: str,
    features: int | None,
    dead_code: str,
    processes: int,
    *,
    as_json: bool,
) -> ExitCode:
    """Judge .wast scripts, the format of the official test suite.

    PATH is a file, a folder (its .wast files) or - for standard input. Features follow the
    folder: proposals/NAME/ switches a proposal on, legacy/ the legacy exceptions;
    --features overrides. Commands that the stage cannot judge are not counted.
    Exit status 1: a command failed.
    """
    from plumbob.filetest.wast import Options

    options = Options(stage=stage, features=features, dead_code=dead_code)
    files = inputs.find(paths, (".wast",))
    unreadable = inputs.Unreadable()
    results = list(track(_run(files, options, processes, unreadable), "judging", len(files)))
    if as_json:
        import json

        from plumbob.filetest.wast import report

        outputs.say(json.dumps({**report(results), "errors": unreadable.data()}, indent=2))
    elif results:
        from plumbob.report.wast import render

        outputs.show(render(results, width=outputs.width()), settings())
    return unreadable.exit_code(found=any(result.failures for result in results))


def _run(
    files: list[str], options: Options, processes: int, unreadable: inputs.Unreadable
) -> Iterator[FileResult]:
    from plumbob.filetest.wast import run_file, run_files

    readable = inputs.readable(files, unreadable)
    if inputs.STDIN in readable:
        for path in readable:
            yield run_file(inputs.display_name(path), inputs.read(path), options)
        return
    yield from run_files(readable, options, jobs=processes)
