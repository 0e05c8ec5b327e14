"""The group of commands, and the one place where an exception becomes an exit status.

A command is imported when it is called or when the help lists it, and imports what it
needs when it runs: starting `plumbob` costs click and this package's few lines.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from plumbob.cli.options import Settings, common
from plumbob.cli.outputs import cannot_write, complain
from plumbob.errors import ExitCode, InternalError, PlumbobError

COMMANDS = (
    "check", "bisect", "reduce", "hunt", "validate", "census", "parse", "print", "run",
    "wast", "clif", "engines", "compile",
)  # fmt: skip
"""In the order of a newcomer's need; `plumbob.cli.<name>` holds `command`."""

EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 130, 141
"""128 + the signal (SIGINT, SIGPIPE), as a shell reports a program that it ended."""


class Commands(click.Group):
    """The group `plumbob`, with commands that are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the commands' names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"plumbob.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101  # the convention above
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Is it {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a closed pipe ends it, and click would call that a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _discard_output()
            raise click.exceptions.Exit(EXIT_BROKEN_PIPE) from None

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command line; exit with one of `ExitCode`, or 128 + a signal.

        Takes what `click.Command.main` takes. Without `standalone_mode` exceptions come out.
        """
        settings = Settings()
        extra = {"obj": settings, **extra, "standalone_mode": False}
        if not standalone_mode:
            return super().main(*args, **extra)
        try:
            status = super().main(*args, **extra)
            _flush()
        except click.exceptions.Abort as abort:
            if isinstance(abort.__cause__, EOFError):  # nothing here reads from a person
                _report_bug(abort.__cause__, settings)
                status = ExitCode.INTERNAL
            else:
                complain("interrupted")
                status = EXIT_INTERRUPTED
        except click.ClickException as error:
            error.show()
            status = ExitCode.USAGE
        except BrokenPipeError:
            _discard_output()
            status = EXIT_BROKEN_PIPE
        except PlumbobError as error:
            status = error.exit_code
            if isinstance(error, InternalError) or status == ExitCode.INTERNAL:
                _report_bug(error, settings)
            else:
                complain(str(error))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is our bug and is reported
            _report_bug(error, settings)
            status = ExitCode.INTERNAL
        sys.exit(int(status or ExitCode.OK))


def _flush() -> None:
    """Write out what is buffered, here where a failure can still be reported."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_output()
        raise cannot_write("standard output", error) from error


def _discard_output() -> None:
    """Point standard output at nothing, so that Python's own last flush cannot fail."""
    import os

    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError):  # closed, or not a file: then nothing is flushed to it
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def _report_bug(error: Exception, settings: Settings) -> None:
    import traceback

    if settings.debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno}, {frames[-1].name})" if frames else ""
    text = " ".join(str(error).split())
    complain(f"internal error: {type(error).__name__}{': ' + text if text else ''}{place}")
    click.echo(
        "This is a bug in Plumbob, whatever the input is. Please report it, with the command, "
        "the input\nand "
        + (
            "the traceback above."
            if settings.debug
            else "the traceback that `--debug` or PLUMBOB_DEBUG=1 prints."
        ),
        err=True,
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="plumbob", prog_name="plumbob")
@common
def plumbob() -> None:
    """Check WebAssembly with a compiler and engine in which miscompilations cannot hide.

    Exit status: 0 fine, 1 found something (an invalid module, a failing test),
    2 bad usage or unreadable input, 3 a bug in Plumbob.
    """


GARBAGE_THRESHOLD = 50_000
"""Objects made between two collections. Python's 700 costs a tenth of the start-up, which
makes tables and no garbage; a module's syntax is hundreds of thousands of objects."""


def main() -> NoReturn:
    """Run `plumbob` with the arguments of this process."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    plumbob.main(prog_name="plumbob")
    raise AssertionError("unreachable: the group's main exits")
