"""What `parse` and `print` share: read a module in either format, write it in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import settings
from plumbob.errors import ExitCode

if TYPE_CHECKING:
    from plumbob.wasm.errors import MalformedError


def convert(path: str, output: str, *, to_text: bool) -> None:
    """Write the module in `path` to `output`, as text or as a binary.

    A malformed module ends the command with the status of a finding, and `output` stays
    as it was.
    """
    if not to_text:
        outputs.refuse_binary_on_terminal(output)
    data = inputs.read(path)
    name = inputs.display_name(path)
    from plumbob.wasm.errors import MalformedError

    try:
        module = inputs.load(data, name)
        result = print_module(module) if to_text else encode_module(module)
    except MalformedError as error:
        explain(error, data, name)
        click.get_current_context().exit(ExitCode.FOUND)
    outputs.write_output(output, result)
