"""What `parse` and `print` share: read a module in either format, write it in one."""

from __future__ import annotations

from plumbob.cli import inputs, outputs
from plumbob.cli.options import settings
from plumbob.errors import ExitCode


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
    except MalformedError as error:
        from plumbob.report.text import render
        from plumbob.wasm.diagnostics import MALFORMED, Report
        from plumbob.wasm.validate import malformed

        report = Report(name, MALFORMED, [malformed(error)])
        outputs.show(render(report, width=outputs.width(), data=data), settings(), err=True)
        return ExitCode.FOUND
    if to_text:
        from plumbob.wasm.text import print_text

        result = print_text(module).encode()
    else:
        from plumbob.wasm.encode import encode

        result = encode(module)
    outputs.write_output(output, result)
    return ExitCode.OK
