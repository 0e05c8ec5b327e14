"""`plumbob run`: run a WebAssembly program, or call one function of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import common, features_option, json_option
from plumbob.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from plumbob.api import Instance, Module, Store, Trap
    from plumbob.runtime.wasi.config import Config, Preopen
    from plumbob.wasm.types import ValType

SHOWN_FRAMES = 20
"""Frames of a guest's call stack that are shown; JSON has all of them."""

START, INITIALIZE = "_start", "_initialize"
"""What a WASI command, and a WASI library, exports to begin with."""


@click.command(short_help="Run a WebAssembly program, or call one of its functions.")
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
@click.option("--fuel", type=click.IntRange(0), metavar="N", help="Stop after about N operators.")
@click.option(
    "--max-memory",
    type=click.IntRange(0),
    metavar="BYTES",
    help="What all memories together may take.",
)
@click.option(
    "--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Stop after this time."
)
@click.option(
    "--unknown-imports",
    type=click.Choice(("error", "trap", "default")),
    default="error",
    show_default=True,
    help="What to do about functions that nobody provides: refuse the program, trap when one "
    "is called, or let them return zero.",
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
    arguments: tuple[str, ...],
    invoke: str | None,
    directories: tuple[str, ...],
    environment: tuple[str, ...],
    fuel: int | None,
    max_memory: int | None,
    timeout: float | None,
    unknown_imports: str,
    tier: str,  # noqa: ARG001  # there is one
    features: int | None,
    deterministic: bool,
    as_json: bool,
) -> int:
    """Run a WebAssembly program, or call one of its functions.

    FILE is a module in either format. Without --invoke it is a WASI program: its `_start`
    is called, and the ARGs are its arguments (put -- before those that begin with a dash).
    It sees the directories that --dir gives, and no others.

    Exit status: the program's own; 1 where it traps.
    """
    from plumbob.api import Module, Store, StoreLimits, ThrownError, Trap
    from plumbob.runtime.limits import DEFAULT_LIMITS
    from plumbob.runtime.wasi.config import INHERIT, Config, Deterministic
    from plumbob.runtime.wasi.errno import ProcExit
    from plumbob.wasm.features import DEFAULT

    name = inputs.display_name(path)
    module = Module(
        inputs.read(path), name=name, features=DEFAULT if features is None else features
    )
    limits = StoreLimits(
        memory=DEFAULT_LIMITS.memory if max_memory is None else max_memory,
        fuel=fuel,
        deadline=timeout,
    )
    store = Store(limits)
    config = Config(
        args=[name, *(() if invoke is not None else arguments)],
        env=dict(map(_variable, environment)),
        preopens=list(map(_preopen, directories)),
        stdin=INHERIT,
        stdout=INHERIT,
        stderr=INHERIT,
        deterministic=Deterministic() if deterministic else None,
        on_wait=store.poll,
    )
    try:
        results = _run(module, store, config, invoke, arguments, unknown_imports)
    except ProcExit as end:
        return int(end.code)
    except Trap as trap:
        _show_trap(trap, as_json=as_json)
        return ExitCode.FOUND
    except ThrownError as thrown:
        outputs.complain(thrown.message)
        return ExitCode.FOUND
    _show(results, as_json=as_json)
    return ExitCode.OK


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("an environment variable", expected="NAME=VALUE", found=repr(text))
    return name, value


def _preopen(text: str) -> Preopen:
    from plumbob.runtime.wasi.config import Preopen

    host, _, guest = text.partition("::")
    return Preopen(host, guest or host)


def _run(
    module: Module, store: Store, config: Config, invoke: str | None,
    arguments: tuple[str, ...], unknown_imports: str,
) -> tuple[Any, ...] | None:  # fmt: skip
    """Run the program or call the function; returns its results, None of a program."""
    from plumbob.api import Instance
    from plumbob.api.wasi import WasiImports
    from plumbob.runtime.wasi.table import PREVIEW_0, PREVIEW_1

    with WasiImports(store, config) as wasi:
        imports: dict[str, dict[str, Any]] = {name: {**w} for name, w in wasi.imports.items()}
        if unknown_imports != "error":
            _fill_in(module, store, imports, trapping=unknown_imports == "trap")
        attach = any(item.module in (PREVIEW_1, PREVIEW_0) for item in module.imports)
        instance = Instance(module, imports, store, before_start=wasi.attach if attach else None)
        if invoke is None:
            _function(instance, START, "pass --invoke NAME to call another function")()
            return None
        if INITIALIZE in instance.exports:
            instance.exports[INITIALIZE]()
        function = _function(instance, invoke, "")
        types = function.type.params
        if len(types) != len(arguments):
            raise UsageError(
                f"the function {invoke!r} takes {len(types)} arguments",
                expected=f"({', '.join(map(str, types))})",
                found=" ".join(arguments) or "none",
            )
        values = [_parse(text, type_) for text, type_ in zip(arguments, types, strict=True)]
        result = function(*values)
        count = len(function.type.results)
        return (result,) if count == 1 else tuple(result or ())


def _function(instance: Instance, name: str, hint: str) -> Any:
    from plumbob.api import Func

    found = instance.exports.get(name)
    if not isinstance(found, Func):
        known = [key for key, item in instance.exports.items() if isinstance(item, Func)]
        raise UsageError(
            f"{instance.module.name} exports no function {name!r}",
            expected=f"one of {', '.join(known)}" if known else None,
            hint=hint or None,
        )
    return found


def _parse(text: str, type_: ValType) -> Any:
    """Return an argument of the command line as a value of the type."""
    from plumbob.wasm import types as t

    try:
        if type_ in (t.I32, t.I64):
            return int(text, 0)
        if type_ in (t.F32, t.F64):
            return float(text)
        if type_ == t.V128:
            return int(text, 0).to_bytes(16, "little")
    except (ValueError, OverflowError):
        raise UsageError("an argument", expected=f"a value of {type_}", found=repr(text)) from None
    if text != "null":
        raise UsageError("an argument", expected=f"null (a {type_})", found=repr(text))
    return None


def _fill_in(
    module: Module, store: Store, imports: dict[str, dict[str, Any]], *, trapping: bool
) -> None:
    """Provide the functions that nobody else does."""
    from plumbob.api import Trap
    from plumbob.wasm.types import FuncType

    def absent(label: str, type_: FuncType) -> Any:
        def function(*_: Any) -> Any:
            if trapping:
                raise Trap(f"unknown import: {label} was called")
            zeros = tuple(_zero(kind) for kind in type_.results)
            return zeros[0] if len(zeros) == 1 else zeros

        return function

    store.require_open()
    for item in module.imports:
        given = imports.setdefault(item.module, {})
        if isinstance(item.type, FuncType) and item.kind == "func" and item.name not in given:
            given[item.name] = absent(f"`{item.module}` `{item.name}`", item.type)


def _zero(type_: ValType) -> Any:
    from plumbob.wasm import types as t

    return None if type_.is_ref else bytes(16) if type_ == t.V128 else 0


def _show(results: tuple[Any, ...] | None, *, as_json: bool) -> None:
    if as_json:
        import json

        shown = [_plain(value) for value in results or ()]
        outputs.say(json.dumps({"results": shown}, indent=2))
    elif results:
        for value in results:
            plain = _plain(value)
            outputs.say("null" if plain is None else str(plain))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, (int, float, str)) else repr(value)


def _show_trap(trap: Trap, *, as_json: bool) -> None:
    if as_json:
        import json

        frames = [frame._asdict() for frame in trap.frames]
        data = {"trap": {"kind": trap.kind, "message": trap.message, "frames": frames}}
        outputs.say(json.dumps(data, indent=2))
        return
    outputs.complain(f"trap: {trap.message}")
    for frame in trap.frames[:SHOWN_FRAMES]:
        click.echo(f"    at {frame}", err=True)
    if len(trap.frames) > SHOWN_FRAMES:
        click.echo(f"    and {len(trap.frames) - SHOWN_FRAMES} more", err=True)
