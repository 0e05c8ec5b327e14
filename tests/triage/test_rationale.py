"""The sections behind the reference's value: of every operator, and of what a call executed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.triage.fakes import becomes, checked, dies, faithful, flip, on_call

from plumbob.engines import traps
from plumbob.engines.process import FaultKind
from plumbob.engines.request import Answer, Outcome, Request
from plumbob.engines.traps import T
from plumbob.triage.say.rationale import rationale
from plumbob.triage.say.sections import NONE, TRAPPING, kind_of, section_of
from plumbob.wasm.opcodes import BY_NAME, TABLE

if TYPE_CHECKING:
    from plumbob.wasm.operators import Operator

ONE = "wasmtime==1.0.0"
LIMITS = {T.STACK_OVERFLOW, T.OUT_OF_FUEL, T.DEADLINE, T.MEMORY_LIMIT}


@pytest.mark.parametrize("operator", TABLE, ids=lambda operator: operator.name)
def test_every_operator_has_a_section(operator: Operator) -> None:
    section = section_of(operator)
    assert section.url.startswith("https://")
    assert "." not in section.url.partition("#")[2]
    if "WebAssembly 3.0" in section.title:
        chapter = r"4\.(3\.[234]|6) (Integer|Floating-Point|Conversions|Instructions)"
        assert re.search(chapter, section.title)
    else:
        assert "proposal" in section.title


def test_operators_that_compute_have_a_kind() -> None:
    silent = {operator.mnemonic for operator in TABLE if kind_of(operator) == NONE}
    assert silent == {
        "nop", "block", "loop", "else", "end", "try", "catch", "delegate", "catch_all",
        "try_table", "drop", "local.get", "local.set", "local.tee", "i32.const", "i64.const",
        "f32.const", "f64.const", "v128.const",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("i32.add", "4.3.2 Integer Operations, iadd"),
        ("i64.extend8_s", "4.3.2 Integer Operations, iextend8_s"),
        ("f64.copysign", "4.3.3 Floating-Point Operations, fcopysign"),
        ("i32.trunc_sat_f32_u", "4.3.4 Conversions, i32.trunc_sat_f32_u"),
        ("i64.extend_i32_s", "4.3.4 Conversions, i64.extend_i32_s"),
        ("struct.get_s", "4.6 Instructions, struct.get_s"),
        ("f64.load", "4.6 Instructions, f64.load"),
        ("i32x4.add", "4.6 Instructions, i32x4.add"),
        ("call_indirect", "4.6 Instructions, call_indirect"),
    ],
)
def test_sections_of_operators(name: str, title: str) -> None:
    assert section_of(BY_NAME[name]).title == f"WebAssembly 3.0, {title}"


def test_every_kind_of_trap_is_some_operators() -> None:
    kinds = {value for name, value in vars(T).items() if name.isupper()} - LIMITS
    kinds |= set(traps.CLASSES) | {traps.ARRAY_OR_LENGTH}
    assert set(TRAPPING) == kinds
    for kind, wanted in TRAPPING.items():
        assert any(
            kind_of(operator) in wanted and "trap" in operator.effects for operator in TABLE
        ), kind


def _grounds(text: str, spoil: object, *calls: tuple[str, tuple[str, ...]]) -> list[str]:
    result = checked(text, {ONE: spoil}, *calls)
    assert result.wrong == (ONE,)
    return [ground.what for ground in rationale(result.parts[0])]


def test_a_value_rests_on_the_operators_that_its_call_executed() -> None:
    text = """(module (memory 1)
      (func (export "other") (result i32) (i32.clz (i32.const 1)))
      (func $g (param f32) (result f32) (f32.sqrt (local.get 0)))
      (func (export "go") (param f32) (result f32)
        (if (result f32) (i32.eqz (i32.const 0))
          (then (f32.abs (call $g (local.get 0))))
          (else (f32.ceil (local.get 0))))))"""
    grounds = _grounds(text, on_call(1, flip(3)), ("other", ()), ("go", ("4",)))
    assert grounds[0] == "call"
    assert grounds[1:] == ["f32.abs", "f32.sqrt"]


def test_operators_that_can_trap_so_come_first_where_an_engine_traps() -> None:
    text = """(module (memory 1) (func (export "go") (result f64)
      (f64.copysign (f64.load (i32.const 0)) (f64.const -1))))"""
    grounds = _grounds(text, on_call(0, becomes("trap", T.MEMORY_OUT_OF_BOUNDS)))
    assert grounds == ["f64.load", "f64.copysign"]


def test_operators_that_can_trap_so_come_first_where_the_reference_traps() -> None:
    text = """(module (memory 1) (func (export "go") (param i32) (result i32)
      (drop (i32.load (i32.const 0))) (i32.div_u (i32.const 1) (local.get 0))))"""
    grounds = _grounds(text, on_call(0, becomes("trap", T.UNREACHABLE)), ("go", ("0",)))
    assert grounds[-1] == "trap: integer divide by zero"
    assert "i32.load" in grounds


def test_shims_are_no_reason() -> None:
    text = '(module (func (export "id") (param v128) (result v128) local.get 0))'
    assert _grounds(text, on_call(0, flip(0)), ("id", ("1",))) == []


def test_a_wrong_state_rests_on_all_calls() -> None:
    text = """(module (memory (export "m") 1)
      (func (export "a") (i32.store8 (i32.const 0) (i32.const 1)))
      (func (export "b") (memory.fill (i32.const 9) (i32.const 1) (i32.const 1))))"""
    grounds = _grounds(text, on_call(2, flip(0)))
    assert set(grounds) == {"i32.store8", "memory.fill"}


def test_a_wrong_module_rests_on_validation() -> None:
    def accepts(_request: Request, _answer: Answer) -> Answer:
        return Answer(Outcome("ok"), Outcome("ok"), ())

    result = checked("(module (func (result i32)))", {ONE: accepts})
    (ground,) = rationale(result.parts[0])
    assert ground.section == "WebAssembly 3.0, 3 Validation"


def test_nobody_wrong_no_reason() -> None:
    text = '(module (func (export "f") (result i32) (i32.const 1)))'
    assert rationale(checked(text, {ONE: faithful}).parts[0]) == ()
    spin = '(module (func (export "f") (loop $l (br $l))))'
    ended = checked(spin, {ONE: on_call("f", becomes("values"))}, fuel=100)
    assert rationale(ended.parts[0]) == ()


def test_a_hang_is_explained_too() -> None:
    text = """(module (func (export "f") (result i32) (local i32)
      (loop $l (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get 0) (i32.const 9)))) (local.get 0)))"""
    assert _grounds(text, dies(0, FaultKind.TIMEOUT)) == ["i32.lt_u", "i32.add", "br_if"]
