"""`plumbob census`: how much dead code modules hold, and what each policy makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import common, features_option, json_option, settings
from plumbob.cli.progress import track
from plumbob.errors import ExitCode, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.wasm.valid.census import Census


@click.command(short_help="Count functions, operators and dead code; compare policies.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@features_option
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    help="How often each policy is timed; the fastest counts.",
)
@json_option
@common
def command(
    paths: tuple[str, ...], features: int | None, repeats: int, *, as_json: bool
) -> ExitCode:
    """Count functions, operators and dead code; compare the dead-code policies.

    For each module and in total: functions, operators and bytes of code, how many are dead
    and behind which operator, and for every policy how long validation takes and how many
    modules it accepts. PATH is as for validate. A module that is not valid is counted as
    far as it can be, and no reason for exit status 1.
    """
    from plumbob.wasm.valid.census import total

    unreadable = inputs.Unreadable()
    censuses = list(_take(inputs.find(paths), features, repeats, unreadable))
    if as_json:
        import json

        from plumbob.report.census import census_data

        data: dict[str, Any] = {
            "version": 1,
            "total": census_data(total(censuses)),
            "modules": [census_data(census) for census in censuses],
            "errors": unreadable.data(),
        }
        outputs.say(json.dumps(data, indent=2))
    elif censuses:
        from plumbob.report.census import render

        outputs.show(render(censuses, width=outputs.width()), settings())
    return unreadable.exit_code(found=False)


def _take(
    files: list[str], features: int | None, repeats: int, unreadable: inputs.Unreadable
) -> Iterator[Census]:
    from plumbob.wasm.features import RUNS
    from plumbob.wasm.valid.census import take_census

    for path in track(files, "counting"):
        name = inputs.display_name(path)
        try:
            binary = inputs.to_binary(inputs.read(path), name)
            census = take_census(
                binary, name, features=RUNS if features is None else features, repeats=repeats
            )
        except InputError as error:  # a component; or malformed text, which has no bytes to judge
            unreadable.add(path, error)
            continue
        yield census
