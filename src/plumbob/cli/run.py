"""`plumbob run`: run a WebAssembly program, or call one function of it."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Final

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import (
    DEAD_CODE_POLICIES,
    common,
    features_option,
    json_option,
    settings,
)
from plumbob.cli.program import variable
from plumbob.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.api import Func, Instance, Module, Store, ThrownError, Trap
    from plumbob.api.wasi import WasiImports
    from plumbob.wasi.config import Config, Preopen

NEGATIVE: Final = re.compile(r"-(?:[0-9]|inf$|nan(?:$|:))")
"""How a negative number begins, in contrast to an option."""

VERSION: Final = 1
"""Of the JSON that is printed; docs/json.md describes it."""

MARK: Final = "\0"
MOST: Final = (1 << 63) - 1

SHOWN_NAMES = 10
"""Exports that are named where there is none of the name asked for."""

SHOWN_FRAMES = 20
"""Frames of a guest's call stack that are shown; JSON has all of them."""

START, INITIALIZE = "_start", "_initialize"
"""What a WASI command, and a WASI library, exports to begin with."""


class RunCommand(click.Command):
    """A command whose positional arguments may be negative numbers.

    To click, `-5` is an option. Such arguments are marked with what no argument of a process
    can hold; the command takes the marks off.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, negative numbers marked."""
        options = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        marked: list[str] = []
        is_value = only_arguments = False
        for arg in args:
            only_arguments |= arg == "--" and not is_value
            number = NEGATIVE.match(arg) and not is_value and not only_arguments
            marked.append(f"{MARK}{arg}" if number else arg)
            is_value = arg in options and not is_value and not only_arguments
        return super().parse_args(ctx, marked)


def _finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds.")
    return value


@click.command(
    cls=RunCommand, short_help="Run a WebAssembly program, or call one of its functions."
)
@click.argument("path", metavar="FILE")
@click.argument("arguments", metavar="[ARG]...", nargs=-1)
@click.option("--invoke", metavar="NAME", help="Call this export with the ARGs, print its results.")
@click.option(
    "--dir",
    "directories",
    metavar="HOST[::GUEST]",
    multiple=True,
    help="Let the program see a directory, under another name if given.",
)
@click.option(
    "--env",
    "environment",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set an environment variable of the program.",
)
@click.option(
    "--fuel",
    type=click.IntRange(0, MOST),
    metavar="N",
    help="Stop after N instructions of the IR that the program is translated to, within a "
    "factor of two.",
)
@click.option(
    "--max-memory",
    type=click.IntRange(0, MOST),
    metavar="BYTES",
    help="What all memories together may take.",
)
@click.option(
    "--trap-on-grow-failure",
    is_flag=True,
    help="Trap where a memory or table cannot grow, rather than give the program -1.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, MOST),
    callback=_finite,
    metavar="SECONDS",
    help="Stop after this time.",
)
@click.option(
    "--unknown-imports",
    type=click.Choice(("error", "trap", "default")),
    default="error",
    show_default=True,
    help="What to do about imports that nobody provides: refuse the program; or let functions "
    "trap when they are called, or return zeros. With both of these, globals are zero or null, "
    "memories and tables as small as can be, and tags new.",
)
@click.option("--deterministic", is_flag=True, help="Fix the program's clocks and random numbers.")
@click.option(
    "--tier",
    type=click.Choice(("interp",)),
    default="interp",
    show_default=True,
    help="How to run it.",
)
@features_option
@json_option
@common
def command(  # noqa: PLR0913  # one parameter an option
    *,
    path: str,
    arguments: Sequence[str],
    invoke: str | None,
    directories: tuple[str, ...],
    environment: tuple[str, ...],
    fuel: int | None,
    max_memory: int | None,
    trap_on_grow_failure: bool,
    timeout: float | None,
    unknown_imports: str,
    tier: str,  # noqa: ARG001  # there is one
    features: int | None,
    deterministic: bool,
    as_json: bool,
) -> int:
    """Run a WebAssembly program, or call one of its functions.

    FILE is a module in either format. Without --invoke it is a WASI program: its `_start`
    is called, and the ARGs are its arguments (put -- before those that begin with a dash and
    are no numbers). It sees the directories that --dir gives, and no others.

    With --invoke the ARGs are numbers as the text format writes them, a v128 an integer of
    128 bits, and for references null, an integer (an i31) or func:INDEX. Results are printed
    in the same way, a line each.

    Exit status: the program's own; 1 where it traps, or throws what it does not catch, or
    FILE is not valid; 2 for bad usage and imports that do not match.
    """
    _hold_closed_streams()
    from plumbob.api import InvalidModuleError, Module, Store, StoreLimits
    from plumbob.runtime.limits import DEFAULT_LIMITS
    from plumbob.wasi.config import INHERIT, Config, Deterministic
    from plumbob.wasm.errors import MalformedError
    from plumbob.wasm.features import RUNS

    path, *arguments = (word.removeprefix(MARK) for word in (path, *arguments))
    name = inputs.display_name(path)
    data = inputs.read(path)
    chosen = RUNS if features is None else features
    try:
        if inputs.is_binary(data, name):
            module = Module(data, name=name, features=chosen)
        else:
            text = inputs.decode_text(data, name)
            module = Module.from_text(text, name=name, features=chosen)
    except (InvalidModuleError, MalformedError):
        return _explain(data, name, features)
    limits = StoreLimits(
        memory=DEFAULT_LIMITS.memory if max_memory is None else max_memory,
        fuel=fuel,
        deadline=timeout,
        trap_on_grow_failure=trap_on_grow_failure,
    )
    store = Store(limits)
    config = Config(
        args=[name, *(() if invoke is not None else arguments)],
        env=dict(map(variable, environment)),
        preopens=list(map(_preopen, directories)),
        stdin=INHERIT,
        stdout=INHERIT,
        stderr=INHERIT,
        deterministic=Deterministic() if deterministic else None,
        on_wait=store.poll,
    )
    run = _Run(module, store, unknown_imports, as_json=as_json)
    return run.run(config, invoke, arguments)


def _explain(data: bytes, name: str, features: int | None) -> ExitCode:
    """Say why a module is not valid, as `plumbob validate` does; returns the status."""
    from plumbob.report.text import render

    report = inputs.check(data, name, features=features, dead_code=DEAD_CODE_POLICIES[0])
    outputs.show(render(report, width=outputs.width(), data=data), settings(), err=True)
    return ExitCode.FOUND


def _hold_closed_streams() -> None:
    """Keep the numbers of standard streams that are closed, before a file gets them.

    The guest then gets EBADF for them, as it should: what holds the number cannot be read,
    or written, respectively.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, so this one: those below are open by now.
            os.open(os.devnull, flags)


def _preopen(text: str) -> Preopen:
    from plumbob.wasi.config import Preopen

    host, _, guest = text.partition("::")
    return Preopen(host, guest or host)


class _Run:
    """A module that is run, and what there is to say about its end."""

    def __init__(
        self, module: Module, store: Store, unknown_imports: str, *, as_json: bool
    ) -> None:
        self.module = module
        self.store = store
        self.unknown_imports = unknown_imports
        self.as_json = as_json
        self.instance: Instance | None = None
        self.data: dict[str, object] = {"results": None, "trap": None, "exception": None}
        """What JSON says about the end."""

    def run(self, config: Config, invoke: str | None, arguments: Sequence[str]) -> int:
        """Run the program, or call the function and print its results; returns the status."""
        from plumbob.api import ThrownError, Trap
        from plumbob.api.wasi import WasiImports
        from plumbob.wasi.errno import ProcExit

        status = int(ExitCode.OK)
        with WasiImports(self.store, config) as wasi:
            try:
                instance = self._instantiate(wasi)
                if invoke is None:
                    _function(instance, START, "pass --invoke NAME to call another function")()
                    self.data["results"] = []
                else:
                    self._invoke(instance, invoke, arguments)
            except ProcExit as end:
                status = int(end.code)
            except Trap as trap:
                status = int(ExitCode.FOUND)
                self._show_trap(trap)
            except ThrownError as thrown:
                status = int(ExitCode.FOUND)
                self._show_exception(thrown)
        if self.as_json:
            import json

            data = {"version": VERSION, "status": status, **self.data}
            _say(json.dumps(data, indent=2, allow_nan=False))
        return status

    def _instantiate(self, wasi: WasiImports) -> Instance:
        from plumbob.api import Instance
        from plumbob.wasi.table import PREVIEW_0, PREVIEW_1

        attach = any(item.module in (PREVIEW_1, PREVIEW_0) for item in self.module.imports)

        def before_start(instance: Instance) -> None:
            self.instance = instance
            if attach:
                wasi.attach(instance)

        return Instance(
            self.module,
            wasi.imports,
            self.store,
            before_start=before_start,
            unknown_imports=self.unknown_imports,
        )

    def _invoke(self, instance: Instance, name: str, texts: Sequence[str]) -> None:
        from plumbob.cli.run_values import arguments, data_of, text_of

        function = _function(instance, name, "")
        values = arguments(function, texts, instance)
        if INITIALIZE in instance.exports and name != INITIALIZE:
            _function(instance, INITIALIZE, "")()
        results = list(zip(function.invoke(values), function.type.results, strict=True))
        if self.as_json:
            self.data["results"] = [data_of(*result, instance) for result in results]
        elif results:
            _say("\n".join(text_of(*result, instance) for result in results))

    def _show_trap(self, trap: Trap) -> None:
        if self.as_json:
            self.data["trap"] = {
                "kind": trap.kind,
                "message": trap.message,
                "frames": [
                    {
                        "module": frame.module,
                        "func_index": frame.func_index,
                        "name": frame.name,
                        "offset": frame.offset if frame.offset >= 0 else None,
                        "line": frame.line or None,
                        "column": frame.column or None,
                    }
                    for frame in trap.frames
                ],
            }
            return
        outputs.complain(f"trap: {trap.message}")
        for frame in trap.frames[:SHOWN_FRAMES]:
            click.echo(f"    at {frame}", err=True)
        if len(trap.frames) > SHOWN_FRAMES:
            click.echo(f"    and {len(trap.frames) - SHOWN_FRAMES} more", err=True)

    def _show_exception(self, thrown: ThrownError) -> None:
        from plumbob.api.values import to_guest_all
        from plumbob.cli.run_values import data_of, text_of

        # It was thrown from within the instance, which was there before anything ran.
        assert self.instance is not None  # noqa: S101  # as the comment says
        types = thrown.tag.type.params
        values = to_guest_all(thrown.values, types, self.store, "the exception")
        carried = list(zip(values, types, strict=True))
        if self.as_json:
            self.data["exception"] = {
                "tag": thrown.tag.name,
                "types": list(map(str, types)),
                "values": [data_of(*item, self.instance) for item in carried],
            }
            return
        name = "a tag without a name" if thrown.tag.name is None else repr(thrown.tag.name)
        payload = ", ".join(text_of(*item, self.instance) for item in carried)
        outputs.complain(f"uncaught exception: {name}{f' with {payload}' if payload else ''}")


def _function(instance: Instance, name: str, hint: str) -> Func:
    from plumbob.api import Func

    found = instance.exports.get(name)
    if isinstance(found, Func):
        return found
    known = [key for key, item in instance.exports.items() if isinstance(item, Func)]
    if len(known) > SHOWN_NAMES:
        from difflib import get_close_matches

        known = get_close_matches(name, known, SHOWN_NAMES, 0) or known[:SHOWN_NAMES]
    raise UsageError(
        f"{instance.module.name} exports no function {name!r}",
        expected=f"one of {', '.join(map(repr, known))}" if known else None,
        hint=hint or None,
    )


def _say(text: str) -> None:
    """Print a line of the result; unlike a notice it must not be lost."""
    outputs.write_output("-", f"{text}\n".encode())
