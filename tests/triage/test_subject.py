"""Subjects: what is called of a program, and how its calls share instances."""

from __future__ import annotations

import pytest
from tests.triage.fakes import binary, subject

from plumbob.errors import UsageError
from plumbob.triage.check.plan import plan
from plumbob.triage.check.reference import Reference
from plumbob.triage.check.subject import Invocation, Subject
from plumbob.wasm.errors import ComponentError


def _calls(program: Subject) -> list[str]:
    return [invocation.export for invocation in program.invocations]


def test_exports_are_called_in_their_order_with_chosen_arguments() -> None:
    text = """(module (func (export "b") (param i32)) (func (export "a"))
      (memory (export "m") 1) (func (export "c") (param f64 f64)))"""
    program = subject(text, calls=3)
    assert _calls(program) == ["b", "b", "b", "a", "c", "c", "c"]
    assert [each.chosen for each in program.invocations] == [True] * 3 + [False] + [True] * 3


def test_a_command_is_started_and_nothing_else() -> None:
    text = '(module (func (export "other")) (func (export "_start")))'
    assert _calls(subject(text)) == ["_start"]
    text = '(module (func (export "other")) (func (export "_start") (param i32)))'
    assert set(_calls(subject(text))) == {"other", "_start"}


def test_a_reactor_is_initialised_first() -> None:
    text = '(module (func (export "run")) (func (export "_initialize")))'
    assert _calls(subject(text)) == ["_initialize", "run"]


def test_what_is_invoked_is_what_was_asked() -> None:
    text = '(module (func (export "f") (param i64 f32) (result i32) (i32.const 1)))'
    program = subject(text, ("f", ("-1", "0.5")), ("f", ("2", "nan")))
    assert [[each.bits for each in call.args] for call in program.invocations] == [
        [(1 << 64) - 1, 0x3F000000],
        [2, 0x7FC00000],
    ]
    assert not any(each.chosen for each in program.invocations)


@pytest.mark.parametrize(
    ("export", "words"), [("g", ()), ("f", ()), ("f", ("1", "2")), ("f", ("x",)), ("m", ())]
)
def test_what_cannot_be_invoked(export: str, words: tuple[str, ...]) -> None:
    text = '(module (memory (export "m") 1) (func (export "f") (param i32)))'
    with pytest.raises(UsageError):
        subject(text, (export, words))


def test_a_module_that_is_not_valid_is_only_compiled() -> None:
    program = subject("(module (func (result i32)))")
    assert program.invalid is not None
    assert not program.malformed
    assert program.request.calls == ()
    assert program.request.module == program.module
    broken = Subject.prepare(b"\0asm\1\0\0\0\xff")
    assert broken.malformed
    with pytest.raises(ComponentError):
        Subject.prepare(bytes.fromhex("0061736d0d000100"))


def test_the_same_calls_are_made_over_another_module() -> None:
    program = subject('(module (func (export "f") (param i32)) (func (export "g")))')
    other = program.over(binary('(module (func (export "g")) (func (export "f") (param i32)))'))
    assert other.invocations == program.invocations
    assert other.missing() is None
    less = program.over(binary('(module (func (export "g")))'))
    assert less.missing() == "f"


def test_a_session_looks_at_the_state_before_a_last_call() -> None:
    program = subject('(module (global (mut i32) (i32.const 0)) (func (export "f")))')
    session = program.calling([Invocation("f"), Invocation("f")]).session([0], last=1)
    assert session.places == (0, None, 1)
    assert len(session.request.calls) == 3


def test_calls_that_do_not_end_have_sessions_of_their_own() -> None:
    text = """(module (global $g (export "g") (mut i32) (i32.const 0))
      (func $down (export "down") (call $down))
      (func (export "up") (result i32)
        (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))"""
    calls = [("up", ()), ("down", ()), ("up", ()), ("up", ()), ("down", ())]
    made = plan(subject(text, *calls), Reference(fuel=1_000_000))
    assert [[p for p in run.session.places if p is not None] for run in made.runs] == [
        [0, 1],
        [2, 3, 4],
    ]
    ends = [[event.end for event in run.events[2:]] for run in made.runs]
    assert ends == [["values", "values", "overflow"], ["values"] * 3 + ["overflow"]]


def test_a_module_without_calls_is_instantiated_and_looked_at() -> None:
    made = plan(subject('(module (memory 1) (data (i32.const 0) "x"))'), Reference())
    (run,) = made.runs
    assert [event.end for event in run.events] == ["ok", "ok", "values"]
