"""What `parse` and `print` share: read a module in either format, write it in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.cli import inputs, outputs
from plumbob.cli.options import settings
from plumbob.errors import ExitCode

if TYPE_CHECKING:
    from plumbob.wasm.module import Module


def convert(path: str, output: str, *, to_text: bool) -> ExitCode:
    """Write the module in `path` to `output`, as text or as a binary.

    A malformed module is explained on standard error, and `output` stays as it was.
    """
    if not to_text:
        outputs.refuse_binary_on_terminal(output)
    data = inputs.read(path)
    name = inputs.display_name(path)
    from plumbob.wasm.errors import MalformedError

    try:
        module = inputs.load(data, name)
        result = _printed(module) if to_text else _encoded(module)
    except MalformedError as error:
        from plumbob.report.text import render
        from plumbob.wasm.valid.diagnostics import MALFORMED, Report
        from plumbob.wasm.valid.validate import malformed

        report = Report(name, MALFORMED, [malformed(error)])
        outputs.show(render(report, width=outputs.width(), data=data), settings(), err=True)
        outputs.complain("nothing was written")
        return ExitCode.FOUND
    outputs.write_output(output, result)
    return ExitCode.OK


def _printed(module: Module) -> bytes:
    from plumbob.wasm.text.printer import print_text

    return print_text(module).encode()


def _encoded(module: Module) -> bytes:
    from plumbob.wasm.binary.encode import encode

    return encode(module)
