"""`plumbob clif`: test files of the IR, calls of their functions, and their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plumbob.cli import inputs, outputs
from plumbob.cli.options import common, json_option, settings
from plumbob.cli.progress import track
from plumbob.errors import ExitCode, InputError

if TYPE_CHECKING:
    from plumbob.exec.interp import Machine, Outcome, Trace
    from plumbob.filetest.clif_file import ClifFile
    from plumbob.ir.entities import Signature
    from plumbob.report.document import Document

SUFFIXES = (".clif",)
MODES = ("source", "walk")
SHOWN_FRAMES = 20
"""Frames of a guest's call stack that text shows, the innermost; JSON has as many outermost."""


@click.group(short_help="Test, run and print functions of the IR, in CLIF text.")
@common
def command() -> None:
    """Test, run and print functions of the IR, in CLIF text."""


@command.command("test", short_help="Run Cranelift-style test files.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@json_option
@common
def test(paths: tuple[str, ...], *, as_json: bool) -> ExitCode:
    """Run Cranelift-style test files.

    PATH is a file or a folder (its .clif files). The commands `test interpret` (`; run:`
    and `; print:` lines), verifier (`; error:`), cat, print-cfg and domtree are judged;
    those about Cranelift's own compilers are left alone. Exit status 1: something failed.
    """
    from pathlib import Path

    from plumbob.filetest.clif import run_file, summary

    files = inputs.find(paths, SUFFIXES)
    unreadable = inputs.Unreadable()
    readable = inputs.readable(files, unreadable)
    results = [run_file(Path(path)) for path in track(readable, "testing", len(readable))]
    data = summary(results)
    if as_json:
        _print_json({**data, "errors": unreadable.data()})
    elif results:
        outputs.show(_summary_page(data), settings())
    return unreadable.exit_code(found=data["total"]["failed"] > 0)


def _print_json(data: dict[str, Any]) -> None:
    import json

    outputs.say(json.dumps(data, indent=2))


def _summary_page(data: dict[str, Any]) -> Document:
    from plumbob.report.document import Document, Piece

    document = Document(outputs.width())
    for file in data["files"]:
        for failure in file["failures"]:
            document.remark(file["file"], failure["line"], failure["reason"], "error")
        for skip in file["skips"]:
            document.remark(file["file"], skip["line"], f"skipped: {skip['reason']}", "warning")
    if document.lines:
        document.line()
    columns = ("passed", "failed", "skipped")
    rows = [[Piece(title, "dim") for title in ("directive", *columns)]]
    for kind, counts in [*data["kinds"].items(), ("total", data["total"])]:
        rows.append([Piece(kind), *(Piece(f"{counts[column]:,}") for column in columns)])
    document.table(rows, right=(1, 2, 3))
    return document


def _read(path: str) -> ClifFile:
    from plumbob.filetest.clif_file import parse_clif_file
    from plumbob.source import Source

    name = inputs.display_name(path)
    try:
        text = inputs.read(path).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not text in UTF-8", found=str(error)) from None
    return parse_clif_file(Source(name, text))


@command.command("run", short_help="Call a function of a CLIF file.")
@click.argument("path", metavar="FILE")
@click.argument("call", metavar="CALL")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default=MODES[0],
    show_default=True,
    help="Generated Python source, or the plain tree walk.",
)
@click.option("--fuel", type=click.IntRange(min=0), help="Instructions before it must end.")
@click.option("--call-depth", type=click.IntRange(min=1), help="Function calls in each other.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Order of slots in memory.")
@click.option("--trace", "traced", is_flag=True, help="Print every value that is computed.")
@json_option
@common
def run(
    path: str,
    call: str,
    mode: str,
    fuel: int | None,
    call_depth: int | None,
    seed: int,
    *,
    traced: bool,
    as_json: bool,
) -> ExitCode:
    """Call a function of a CLIF file: plumbob clif run add.clif '%add(1, 2)'.

    Arguments and results are written as in `; run:` lines; with `== VALUE` behind it the
    call is judged. Exit status 1: it trapped, threw, or is not what was expected.
    """
    from plumbob.exec.interp import DEFAULT_LIMITS, Machine, Program, Returned
    from plumbob.filetest import clif_run
    from plumbob.filetest.clif_run_values import parse_invocation

    file = _read(path)
    wrong = list(clif_run.refused(file))
    if wrong:
        for verdict in wrong:
            click.echo(f"{path}:{verdict.line}: {verdict.reason}", err=True)
        return ExitCode.FOUND
    invocation = parse_invocation(call.strip())
    changed = {"fuel": fuel, "call_depth": call_depth}
    limits = DEFAULT_LIMITS._replace(**{k: v for k, v in changed.items() if v is not None})
    program = Program((p.function for p in file.functions), file.pointer_bits())
    machine = Machine(
        program,
        limits=limits,
        mode="walk" if mode == "walk" else "source",
        trace=_tracer(program) if traced else None,
        seed=seed,
    )
    signature, outcome = clif_run.call(machine, invocation)
    reason = ""
    if invocation.comparison is not None:
        reason = clif_run.judge(invocation, signature, outcome)
    if as_json:
        _print_json(_outcome_data(outcome, signature, reason))
    else:
        _print_outcome(outcome, signature, reason, machine)
    return ExitCode.OK if isinstance(outcome, Returned) and not reason else ExitCode.FOUND


def _tracer(program: Any) -> Trace:
    from plumbob.filetest.clif_run_values import format_values
    from plumbob.ir.printer import print_instruction

    def trace(symbol: str, inst: int, values: tuple[int, ...]) -> None:
        func = program.function(symbol)
        types = [func.value_type(v) for v in func.inst_results[inst]]
        text = print_instruction(func, inst)
        click.echo(f"{symbol}: {text} ; {format_values(values, types)}", err=True)

    return trace


def _outcome_data(outcome: Outcome, signature: Signature, reason: str) -> dict[str, Any]:
    from plumbob.exec.interp import Returned, Trap
    from plumbob.filetest.clif_run_values import format_value

    data: dict[str, Any] = {"outcome": type(outcome).__name__.lower()}
    if isinstance(outcome, Returned):
        pairs = zip(outcome.values, signature.returns, strict=True)
        data["values"] = [format_value(bits, result.type) for bits, result in pairs]
    elif isinstance(outcome, Trap):
        data["kind"] = outcome.kind
        data["message"] = outcome.message
        frames = [frame._asdict() for frame in outcome.stack]
        data["depth"] = len(frames)
        # A stack that overflowed has thousands, and says nothing new in the middle.
        omitted = max(0, len(frames) - 2 * SHOWN_FRAMES)
        data["omitted"] = omitted
        data["stack"] = frames if not omitted else frames[:SHOWN_FRAMES] + frames[-SHOWN_FRAMES:]
    else:
        data["tag"] = outcome.tag
        data["payload"] = list(outcome.payload)
    if reason:
        data["reason"] = reason
    return data


def _print_outcome(outcome: Outcome, signature: Signature, reason: str, machine: Machine) -> None:
    from plumbob.exec.interp import Returned, Trap
    from plumbob.filetest.clif_run_values import format_values
    from plumbob.ir.printer import print_instruction

    if isinstance(outcome, Returned):
        types = [result.type for result in signature.returns]
        if outcome.values:
            outputs.say(format_values(outcome.values, types))
    elif isinstance(outcome, Trap):
        outputs.say(f"trap {outcome.kind}" + (f": {outcome.message}" if outcome.message else ""))
        for frame in outcome.stack[:SHOWN_FRAMES]:
            func = machine.program.function(frame.function)
            text = "" if func is None else print_instruction(func, frame.instruction)
            outputs.say(f"  at {frame.function}: {text}")
        if len(outcome.stack) > SHOWN_FRAMES:
            outputs.say(f"  and {len(outcome.stack) - SHOWN_FRAMES} more frames")
    else:
        outputs.say(f"exception tag{outcome.tag} {outcome.payload}")
    if reason:
        outputs.say(reason)


@command.command("print", short_help="Print a CLIF file anew.")
@click.argument("path", metavar="[FILE]", default="-")
@common
def print_(path: str) -> None:
    """Print a CLIF file anew: its functions, in Plumbob's form, without comments.

    FILE is CLIF text, by default standard input.
    """
    from plumbob.ir.printer import print_functions

    file = _read(path)
    text = print_functions([parsed.function for parsed in file.functions])
    outputs.write_output("-", text.encode())
