"""The official suite as an oracle: numeric functions, translated and run.

Of every script of the suite, the assertions whose function (and whatever it calls) the
interpreter can run on CLIF's own operations alone: no memory, table, global or reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.frontend.support import parse_source

from plumbob.exec.interp import (
    LinkError,
    Machine,
    Outcome,
    Program,
    Returned,
    Trap,
    UnsupportedOperationError,
)
from plumbob.filetest.wast import features_of
from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.ir.printer import print_name
from plumbob.ir.trap_codes import TRAP_MESSAGES
from plumbob.wasm import module as m
from plumbob.wasm import types as t
from plumbob.wasm.text.immediates import SHAPES
from plumbob.wasm.text.script import (
    AssertAction,
    AssertReturn,
    Either,
    Invoke,
    ModuleCommand,
    Number,
    Result,
    Value,
    Vector,
    parse_script,
)

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.ir.function import Function
    from plumbob.wasm.module import Module

# Enough to notice that this test no longer reaches the suite.
FEWEST_ASSERTIONS = 39_000

WIDTHS = {t.I32: 32, t.I64: 64, t.F32: 32, t.F64: 64}
QUIET_NANS = {32: 0x7FC0_0000, 64: 0x7FF8_0000_0000_0000}


class Subject(NamedTuple):
    machine: Machine
    exports: dict[str, int]


def subject_of(module: Module) -> Subject:
    environment = ModuleEnvironment(module)
    program = Program()
    for index in environment.defined:

        def make(index: int = index) -> Function:
            return translate_function(environment, index)

        name = print_name(environment.function_name(index))
        program.define_lazily(name, environment.function_signature(index), make)
    exports = {
        item.name: item.index
        for item in module.exports
        if item.kind == m.FUNC and item.index in environment.defined
    }
    return Subject(Machine(program), exports)


def bits_of(value: Value) -> int | None:
    """An argument's bits; None for a reference."""
    if isinstance(value, Number):
        assert isinstance(value.bits, int)
        return value.bits
    return int.from_bytes(value.data, "little") if isinstance(value, Vector) else None


def lane_matches(width: int, want: int | str, found: int) -> bool:
    nan = QUIET_NANS[width] if want in ("nan:canonical", "nan:arithmetic") else 0
    if want == "nan:canonical":
        return found & ~(1 << (width - 1)) == nan
    return found & nan == nan if nan else found == want


def matches(want: Result, found: int) -> bool:
    if isinstance(want, Number):
        return lane_matches(WIDTHS[want.type], want.bits, found)
    if isinstance(want, Vector):
        width = SHAPES[want.shape][1]
        mask = (1 << width) - 1
        return all(
            lane == found >> place * width & mask
            if isinstance(lane, int)
            else lane_matches(width, lane, found >> place * width & mask)
            for place, lane in enumerate(want.lanes)
        )
    return isinstance(want, Either) and any(matches(one, found) for one in want.alternatives)


def is_as_asserted(command: AssertReturn | AssertAction, outcome: Outcome) -> bool:
    if isinstance(command, AssertReturn):
        return (
            isinstance(outcome, Returned)
            and len(outcome.values) == len(command.results)
            and all(map(matches, command.results, outcome.values))
        )
    return isinstance(outcome, Trap) and TRAP_MESSAGES[outcome.kind].startswith(command.message)


def judge(path: Path) -> tuple[int, list[str]]:
    """Return how many assertions of a script hold, and a sentence for each that does not."""
    passed, failed = 0, []
    subjects: dict[str | None, Subject] = {}
    for command in parse_script(path.read_bytes(), path.name).commands:
        if isinstance(command, ModuleCommand):
            module = parse_source(command.source, features_of(str(path))[0])
            subjects[None] = subjects[command.identifier] = subject_of(module)
        if not isinstance(command, AssertReturn | AssertAction):
            continue
        action = command.action
        subject = subjects.get(action.module)
        if not isinstance(action, Invoke) or subject is None or action.name not in subject.exports:
            continue
        arguments = [bits for bits in map(bits_of, action.arguments) if bits is not None]
        if len(arguments) < len(action.arguments):
            continue
        symbol = f"u0:{subject.exports[action.name]}"
        try:
            outcome = subject.machine.call(symbol, arguments)
        except (UnsupportedOperationError, LinkError):
            continue
        if is_as_asserted(command, outcome):
            passed += 1
        else:
            failed.append(f"{path.name}:{command.line}: {action.name}{arguments} gave {outcome}")
    return passed, failed


def test_numeric_functions_do_what_the_suite_says(suites: Path) -> None:
    total = 0
    wrong: list[str] = []
    scripts = [
        *(suites / "spec").glob("*.wast"),
        *(suites / "spec").rglob("wide-arithmetic/*.wast"),
    ]
    for path in sorted(scripts):
        passed, failed = judge(path)
        total += passed
        wrong += failed
    assert not wrong, "\n".join(wrong[:20])
    assert total >= FEWEST_ASSERTIONS
