"""Options that several commands take, each defined once."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

DEAD_CODE_POLICIES = ("polymorphic", "relaxed-block", "relaxed", "typed", "forbidden")


class Settings:
    """What the options that every command takes were set to."""

    __slots__ = ("color", "debug")

    def __init__(self) -> None:
        self.debug = os.environ.get("PLUMBOB_DEBUG", "") not in ("", "0")
        self.color = "auto"

    def colored(self, stream: Any) -> bool:
        """Return whether to write to `stream` in colour.

        `--color` decides; `auto` is a terminal whose user did not set NO_COLOR
        (https://no-color.org) or TERM=dumb.
        """
        if self.color != "auto":
            return self.color == "always"
        return (
            stream is not None
            and stream.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )


def settings() -> Settings:
    """Return the settings of the running command."""
    found = click.get_current_context().find_object(Settings)
    return Settings() if found is None else found


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
    if value:
        context.ensure_object(Settings).debug = True


def _set_color(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Settings).color = value


_COMMON = (
    click.option(
        "--color",
        type=click.Choice(("auto", "always", "never")),
        callback=_set_color,
        expose_value=False,
        is_eager=True,
        help="When to write in colour; auto: on a terminal, unless NO_COLOR is set.",
    ),
    click.option(
        "--debug",
        is_flag=True,
        callback=_set_debug,
        expose_value=False,
        is_eager=True,
        help="On a bug in Plumbob print the traceback (also PLUMBOB_DEBUG=1).",
    ),
)


def common(function: Decorated) -> Decorated:
    """Add the options that every command takes; `settings()` returns their values."""
    for option in reversed(_COMMON):
        function = option(function)
    return function


class FeatureSet(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """A list of features, read by `features.parse`."""

    name = "features"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the set of features as flags."""
        if isinstance(value, int):
            return value
        from plumbob.errors import UsageError
        from plumbob.wasm import features

        try:
            return features.parse(value)
        except UsageError as error:
            self.fail(f"{error.found!r} is not a feature: {error.expected}", param, ctx)


features_option = click.option(
    "-f",
    "--features",
    type=FeatureSet(),
    metavar="LIST",
    help="Features to switch on, or off with a minus: wasm2,threads,-simd. A group in first "
    "place (mvp, wasm1, wasm2, wasm3, all) replaces the default, wasm3.",
)

dead_code_option = click.option(
    "--dead-code",
    type=click.Choice(DEAD_CODE_POLICIES),
    default=DEAD_CODE_POLICIES[0],
    show_default=True,
    help="How code that cannot be reached is checked.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(allow_dash=True, dir_okay=True),
    default="-",
    help="File to write; by default standard output.",
)


def stdout_is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()
