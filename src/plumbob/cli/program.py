"""What a WASI program is given by `check` and `bisect`: arguments, variables, input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plumbob.cli.invoke import InvokingCommand, split
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.triage.standins import WasiInput

Function = TypeVar("Function", bound="Callable[..., Any]")

PARAMETER = "given"


class ProgramCommand(InvokingCommand):
    """A command whose arguments behind `--` are the program's.

    The command's parameter `given` is a `Given`. Declared with `program_options`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the program's arguments away, then let the others be parsed."""
        rest, _ = split(args)
        own: list[str] = []
        if "--" in rest:
            own = rest[rest.index("--") + 1 :]
            args = args[: len(args) - len(own) - 1]
        ctx.meta[PARAMETER] = own
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command with what its program is given."""
        environment = ctx.params.pop("environment")
        stdin = ctx.params.pop("stdin_file")
        ctx.params[PARAMETER] = Given(ctx.meta[PARAMETER], environment, stdin)
        return super().invoke(ctx)


class Given:
    """What was asked for on the command line."""

    def __init__(
        self, arguments: list[str], environment: tuple[str, ...], stdin: Path | None
    ) -> None:
        self._arguments = arguments
        self._environment = environment
        self._stdin = stdin

    def __bool__(self) -> bool:
        """Whether anything was asked for."""
        return bool(self._arguments or self._environment or self._stdin)

    def of(self, name: str) -> WasiInput:
        """Return what the program of a file is given, whose name is its first argument.

        Where nothing was asked for it is called `program`. Raises `UsageError`.
        """
        from plumbob.triage.standins import WasiInput

        if not self:
            return WasiInput()
        stdin = b"" if self._stdin is None else self._stdin.read_bytes()
        variables = dict(map(variable, self._environment))
        given = WasiInput((Path(name).name, *self._arguments), variables, stdin)
        given.texts()  # which refuses what cannot be given
        return given


def variable(text: str) -> tuple[str, str]:
    """Return an environment variable's name and value. Raises `UsageError`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("an environment variable", expected="NAME=VALUE", found=repr(text))
    return name, value


_options = (
    click.option(
        "--env",
        "environment",
        metavar="NAME=VALUE",
        multiple=True,
        help="Set an environment variable of a WASI program. Its arguments follow --.",
    ),
    click.option(
        "--stdin",
        "stdin_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="What a WASI program reads from standard input.",
    ),
)


def program_options(function: Function) -> Function:
    """Add the options that say what a WASI program is given."""
    for option in reversed(_options):
        function = option(function)
    return function
