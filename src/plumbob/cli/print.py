"""`plumbob print`: binary in, text out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli.convert import convert
from plumbob.cli.options import common, output_option

if TYPE_CHECKING:
    from plumbob.errors import ExitCode


@click.command(short_help="Turn a binary module into the text format.")
@click.argument("path", metavar="[FILE]", default="-")
@output_option
@common
def command(path: str, output: str) -> ExitCode:
    """Turn a binary module into the text format.

    FILE, or standard input, is a binary module; text is accepted too and printed anew.
    The module is not validated: `plumbob validate` does that.
    """
    return convert(path, output, to_text=True)
