"""`plumbob reduce`: the smallest program that still shows a disagreement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.invoke import InvokingCommand, call_options
from plumbob.cli.options import common, json_option
from plumbob.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.triage.check.subject import Subject
    from plumbob.triage.reduce.draft import Draft
    from plumbob.triage.reduce.reduction import Reduced

TIMEOUT = 3.0
"""Seconds for one call at most: what a reduction makes endless is no use."""


@click.command(
    cls=InvokingCommand, short_help="Make a program as small as it can be while it goes wrong."
)
@click.argument("path", metavar="FILE")
@click.option(
    "-e",
    "--engine",
    metavar="ENGINE",
    help="The engine or optimiser that is wrong, as KIND==VERSION[:OPTION=VALUE,...].",
)
@click.option(
    "--test",
    metavar="COMMAND",
    help="Instead of an engine: a command with {} for the module's file; it succeeds where "
    "the module is as it should be.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT.wat",
    help="Where to write the best so far, and OUT.wast beside it. Default: FILE with .reduced.wat.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to try.",
)
@click.option(
    "--attempts",
    type=click.IntRange(1),
    default=20_000,
    show_default=True,
    metavar="N",
    help="How many programs to try at most.",
)
@call_options
@json_option
@common
def command(  # noqa: PLR0913  # one parameter an option
    *,
    path: str,
    engine: str | None,
    test: str | None,
    output: str | None,
    budget: float,
    attempts: int,
    invocations: tuple[tuple[str, tuple[str, ...]], ...],
    calls: int,
    seed: int,
    timeout: float,
    as_json: bool,
) -> ExitCode:
    """Make a program as small as it can be while an engine still gets it wrong.

    FILE is a module in either format. What is kept is this disagreement: the same engine
    differs from the reference in the same way, and does so again. The result is written as
    text that says what is expected and what was found, and as a script that asserts it; the
    best so far is there at any moment.

    Exit status 1: the engine is wrong, and here is the program. 0: it agrees.
    """
    from plumbob.triage.check.subject import Subject
    from plumbob.triage.reduce.files import data

    if (engine is None) == (test is None):
        raise UsageError("what the program is reduced for", expected="either --engine or --test")
    name = inputs.display_name(path)
    output = _beside(path) if output is None else output
    module = inputs.to_binary(inputs.read(path), name)
    subject = Subject.prepare(module, invocations=invocations, seed=seed, calls=calls)
    keep = _Keeper(output)
    if test is not None:
        reduced = _by_test(subject, test, timeout, budget=budget, attempts=attempts, keep=keep)
    else:
        assert engine is not None  # noqa: S101  # one of the two is given
        reduced = _by_engine(subject, engine, timeout, budget=budget, attempts=attempts, keep=keep)
    if reduced is None:
        who = "the test fails on" if test is not None else f"{engine} agrees with the reference on"
        outputs.complain(f"{who} {name}: there is nothing to reduce")
        return ExitCode.OK
    _write(reduced, output)
    if as_json:
        import json

        outputs.say(json.dumps(data(reduced, output), indent=2))
    else:
        _tell(reduced, output)
    return ExitCode.FOUND


def _beside(path: str) -> str:
    """Return where the result goes by default."""
    if path == "-":
        return "reduced.wat"
    stem = path
    for suffix in (".wasm", ".wat"):
        stem = stem.removesuffix(suffix)
    return f"{stem}.reduced.wat"


class _Keeper:
    """Writes each better program, so that an interrupt loses nothing."""

    def __init__(self, output: str) -> None:
        self._output = output

    def __call__(self, draft: Draft) -> None:
        from plumbob.triage.reduce.files import module_text

        outputs.write_output(self._output, module_text(draft).encode())


def _by_engine(
    subject: Subject,
    engine: str,
    timeout: float,
    *,
    budget: float,
    attempts: int,
    keep: Callable[[Draft], None],
) -> Reduced | None:
    from plumbob.engines.cache import Cache
    from plumbob.engines.process import Limits
    from plumbob.triage.check.pool import Pool
    from plumbob.triage.reduce.reduction import reduce

    limits = Limits(seconds=min(timeout, TIMEOUT))
    pool = Pool(cache=Cache(), limits=limits, seconds=TIMEOUT, announce=outputs.complain)
    with pool:
        return reduce(subject, engine, pool, attempts=attempts, seconds=budget, keep=keep)


def _by_test(
    subject: Subject,
    test: str,
    timeout: float,
    *,
    budget: float,
    attempts: int,
    keep: Callable[[Draft], None],
) -> Reduced | None:
    from plumbob.triage.reduce.command import CommandTest
    from plumbob.triage.reduce.reduction import draft_of, reduce_by

    draft = draft_of(subject)
    # The test decides what matters, so every export stays until it says otherwise.
    return reduce_by(
        draft, CommandTest(test, timeout), attempts=attempts, seconds=budget, keep=keep
    )


def _write(reduced: Reduced, output: str) -> None:
    from plumbob.triage.reduce.files import annotated, script

    outputs.write_output(output, annotated(reduced, file=output).encode())
    if reduced.difference is not None:
        outputs.write_output(f"{output.removesuffix('.wat')}.wast", script(reduced).encode())


def _tell(reduced: Reduced, output: str) -> None:
    from plumbob.triage.reduce.files import command

    outputs.say(
        f"{output}: {reduced.after} instructions, from {reduced.before}, "
        f"after {reduced.tried} attempts."
    )
    if reduced.difference is not None:
        outputs.say(f"{reduced.where()}: expected {reduced.expected()}, found {reduced.found()}.")
        outputs.say(command(reduced, output))
