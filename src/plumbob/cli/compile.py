"""`plumbob compile`: a module's functions as the compiler sees them at some stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import (
    common,
    dead_code_option,
    features_option,
    output_option,
    settings,
)
from plumbob.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plumbob.frontend import ModuleEnvironment
    from plumbob.wasm.module import Module

STAGES = ("translated",)
"""In the order in which a function goes through them."""


@click.command(short_help="Print a module's functions as the compiler's IR.")
@click.argument("path", metavar="FILE")
@click.option(
    "--emit",
    type=click.Choice(("clif",)),
    required=True,
    help="What to print: clif is the text of the IR.",
)
@click.option(
    "--stage",
    type=click.Choice(STAGES),
    default=STAGES[0],
    show_default=True,
    help="How far to compile.",
)
@click.option(
    "--func",
    "wanted",
    multiple=True,
    metavar="NAME",
    help="A function by its index, the name of an export, or its own name with a dollar "
    "sign; may be repeated. By default all functions that have a body.",
)
@features_option
@dead_code_option
@output_option
@common
def command(
    path: str,
    emit: str,  # noqa: ARG001  # clif is the only choice so far
    stage: str,  # noqa: ARG001  # translated is the only choice so far
    wanted: tuple[str, ...],
    features: int | None,
    dead_code: str,
    output: str,
) -> ExitCode:
    """Print a module's functions as the compiler's IR: plumbob compile app.wasm --emit clif.

    FILE is a module, binary or text, or - for standard input. It is validated first; exit
    status 1: it is not valid. A comment before each function gives its names.
    """
    data = inputs.read(path)
    name = inputs.display_name(path)
    report = inputs.check(data, name, features=features, dead_code=dead_code)
    if not report.ok:
        from plumbob.report.text import render

        outputs.show(render(report, width=outputs.width(), data=data), settings(), err=True)
        return ExitCode.FOUND
    module = inputs.load(data, name, features=features)
    from plumbob.frontend import ModuleEnvironment

    environment = ModuleEnvironment(module)
    indices = _indices(environment, wanted)
    outputs.write_output(output, _clif(environment, indices).encode())
    return ExitCode.OK


def _clif(environment: ModuleEnvironment, indices: Iterable[int]) -> str:
    from plumbob.frontend import translate_function
    from plumbob.ir.printer import print_function

    labels = _labels(environment.module)
    return "\n".join(
        "".join(f"; {label}\n" for label in labels.get(index, ()))
        + print_function(translate_function(environment, index))
        for index in indices
    )


def _labels(module: Module) -> dict[int, list[str]]:
    """Return what people call functions: their own names with a dollar sign, then exports."""
    from plumbob.wasm.module import FUNC
    from plumbob.wasm.text.identifiers import readable_names

    labels = {index: [f"${name}"] for index, name in readable_names(module).direct["func"].items()}
    for item in module.exports:
        if item.kind == FUNC:
            labels.setdefault(item.index, []).append(item.name)
    return {index: [" ".join(name.split()) for name in names] for index, names in labels.items()}


def _indices(environment: ModuleEnvironment, wanted: Sequence[str]) -> Sequence[int]:
    """Return the functions of these names; raises UsageError for one that has no body."""
    from plumbob.wasm.module import FUNC

    if not wanted:
        return environment.defined
    named = {item.name: item.index for item in environment.module.exports if item.kind == FUNC}
    for index, labels in _labels(environment.module).items():
        for label in labels:
            named.setdefault(label, index)
    return [_index(environment, named, name) for name in wanted]


def _index(environment: ModuleEnvironment, named: dict[str, int], name: str) -> int:
    defined = environment.defined
    digits = name.isascii() and name.isdigit()
    index = int(name) if digits and name not in named else named.get(name)
    if index is None or index >= len(environment.functions):
        from difflib import get_close_matches

        near = get_close_matches(name, named, 1)
        raise UsageError(
            "no such function",
            expected=f"an index below {len(environment.functions)}, an export or a $name"
            if environment.functions
            else "a module with functions",
            found=repr(name),
            hint=f"is it {near[0]!r}?" if near else None,
        )
    if index not in defined:
        raise UsageError(f"function {name} is imported", hint="it has no body to compile")
    return index
