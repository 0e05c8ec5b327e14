"""`plumbob parse`: text in, binary out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli.convert import convert
from plumbob.cli.options import common, output_option

if TYPE_CHECKING:
    from plumbob.errors import ExitCode


@click.command(short_help="Turn a module in the text format into a binary.")
@click.argument("path", metavar="[FILE]", default="-")
@output_option
@click.option("-t", "--wat", is_flag=True, help="Write text instead: the module printed anew.")
@common
def command(path: str, output: str, *, wat: bool) -> ExitCode:
    """Turn a module in the text format into a binary.

    FILE, or standard input, is WebAssembly text; a binary is accepted too and written
    anew. The module is not validated: `plumbob validate` does that.
    """
    return convert(path, output, to_text=wat)
