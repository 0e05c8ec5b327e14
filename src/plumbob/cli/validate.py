"""`plumbob validate`: whether a module is valid, and if not, why.

The path on which every module is valid prints one line and imports no more than
validation needs: its process budget is 1.5 times that of `import click, rich`.
"""

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
from plumbob.errors import ExitCode, InputError, UsageError

if TYPE_CHECKING:
    from plumbob.report.document import Document
    from plumbob.wasm.valid.diagnostics import Report


@click.command(short_help="Say whether modules are valid and, where not, why.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@features_option
@dead_code_option
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Threads that share the function bodies of a module.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "json", "sarif")),
    default=None,
    help="How to print the result; text by default.",
)
@json_option
@common
def command(
    paths: tuple[str, ...],
    features: int | None,
    dead_code: str,
    threads: int,
    output_format: str | None,
    *,
    as_json: bool,
) -> ExitCode:
    """Say whether modules are valid and, where not, why.

    PATH is a file, a folder (its .wasm and .wat files) or - for standard input. Whether an
    input is binary or text is told from its content. Exit status 1: a module is not valid.
    """
    if as_json and output_format not in (None, "json"):
        raise UsageError(f"--json and --format {output_format} contradict each other")
    output_format = "json" if as_json else output_format or "text"
    unreadable = inputs.Unreadable()
    reports = []
    for path in track(inputs.find(paths), "validating"):
        name = inputs.display_name(path)
        try:
            data = inputs.read(path)
            report = inputs.check(
                data, name, features=features, dead_code=dead_code, threads=threads
            )
        except InputError as error:
            unreadable.add(path, error)
            continue
        reports.append(report)
        if report.diagnostics and output_format == "text":
            outputs.show(_page(report, data), settings())
            outputs.say()
    if output_format == "text":
        if reports:
            outputs.say(summary(reports))
    else:
        _print_data(reports, unreadable, output_format)
    return unreadable.exit_code(found=not all(report.ok for report in reports))


def _page(report: Report, data: bytes) -> Document:
    from plumbob.report.text import render

    if not inputs.is_binary(data, report.name):
        return render(report, width=outputs.width())
    from plumbob.report.body import Bodies

    return render(report, width=outputs.width(), data=data, bodies=Bodies(data))


def summary(reports: list[Report]) -> str:
    """Return the last line: how many modules, and their verdicts."""
    warned = sum(report.ok and bool(report.diagnostics) for report in reports)
    if len(reports) == 1:
        return f"{reports[0].name}: {reports[0].verdict}{', with warnings' if warned else ''}"
    counts: dict[str, int] = {}
    for report in reports:
        counts[report.verdict] = counts.get(report.verdict, 0) + 1
    parts = ", ".join(
        f"{counts[verdict]} {verdict}"
        for verdict in ("valid", "invalid", "malformed")
        if verdict in counts
    )
    return f"{len(reports)} modules: {parts}{f' ({warned} with warnings)' if warned else ''}"


def _print_data(reports: list[Report], unreadable: inputs.Unreadable, output_format: str) -> None:
    import json

    if output_format == "sarif":
        from plumbob.report.sarif import log

        document = log(reports, unreadable.errors)
    else:
        from plumbob.report.data import reports_data

        document = {**reports_data(reports), "errors": unreadable.data()}
    outputs.say(json.dumps(document, indent=2))
