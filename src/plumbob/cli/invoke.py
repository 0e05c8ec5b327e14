"""`--invoke NAME ARG...`: calls on the command line, of several commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")

CALLS = 6
SECONDS = 10.0

OPTION = "--invoke"
PARAMETER = "invocations"

_NUMBER = re.compile(r"-(\d|\.\d|inf|nan)")
"""What begins with a dash and is no option."""


class InvokingCommand(click.Command):
    """A command that takes `--invoke NAME ARG...`, as often as one likes.

    Arguments go on to the next option; a number may begin with a dash. The command's
    parameter `invocations` is a tuple of (name, arguments). Declared with `invoke_option`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the calls out of the arguments, then let click do the rest."""
        rest, calls = split(args)
        if any(not name for name, _ in calls):
            raise click.BadOptionUsage(OPTION, f"Option '{OPTION}' needs the name of an export.")
        ctx.meta[PARAMETER] = calls
        return super().parse_args(ctx, rest)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command with the calls."""
        ctx.params[PARAMETER] = ctx.meta[PARAMETER]
        return super().invoke(ctx)


invoke_option = click.option(
    OPTION,
    "ignored_invocations",
    metavar="NAME [ARG]...",
    multiple=True,
    expose_value=False,
    help="Call this export with these arguments (numbers as in the text format, null, i31:5, "
    "func, some); may be repeated, in one instance. Without it every export is called with "
    "arguments that are chosen from their types.",
)


_call_options = (
    invoke_option,
    click.option(
        "--calls",
        type=click.IntRange(1, 1000),
        default=CALLS,
        show_default=True,
        help="How often each export is called with arguments that are chosen.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, (1 << 64) - 1),
        default=0,
        show_default=True,
        help="What chosen arguments and imports' values depend on.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        default=SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="How long an engine may take for one call.",
    ),
)


def call_options(function: Function) -> Function:
    """Add the options that say what is called, and how long a call may take."""
    for option in reversed(_call_options):
        function = option(function)
    return function


def split(args: list[str]) -> tuple[list[str], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the arguments without calls, and the calls. A name that is missing is empty."""
    rest: list[str] = []
    calls: list[tuple[str, list[str]]] = []
    place = 0
    while place < len(args):
        word = args[place]
        place += 1
        if word == "--":
            rest += ["--", *args[place:]]
            break
        name = word.removeprefix(f"{OPTION}=") if word.startswith(f"{OPTION}=") else None
        if word != OPTION and name is None:
            rest.append(word)
            continue
        if name is None:
            name = args[place] if place < len(args) else ""
            place += 1
        values: list[str] = []
        while place < len(args) and _is_value(args[place]):
            values.append(args[place])
            place += 1
        calls.append((name, values))
    return rest, tuple((name, tuple(values)) for name, values in calls)


def _is_value(word: str) -> bool:
    return not word.startswith("-") or _NUMBER.match(word) is not None
