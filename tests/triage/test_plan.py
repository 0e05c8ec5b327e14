"""What a check calls: arguments that the program brings up, ends of loops, who reads after whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.triage.fakes import FakePool, binary, checked, faithful

from plumbob.engines.optimiser import Optimised
from plumbob.engines.request import Answer, Outcome, Request, Value
from plumbob.triage.check.check import Job, check
from plumbob.triage.check.hints import Reader
from plumbob.triage.check.plan import plan
from plumbob.triage.check.reference import Reference
from plumbob.triage.check.sequences import Effects
from plumbob.triage.check.subject import Subject
from plumbob.wasm.text import parse_text

ONE = "wasmtime==1.0.0"
OPTIMISER = "binaryen==130.0.0:passes=-O2"

NUMBERS = """(module
  (memory 1)
  (memory $large i64 2)
  (table 7 funcref)
  (data $d "12345")
  (func $inner (param i32) (result i32) (i32.eq (local.get 0) (i32.const 123456)))
  (func (export "magic") (param i32) (result i32) (call $inner (local.get 0)))
  (func (export "float") (param f64) (result i32) (f64.lt (local.get 0) (f64.const 2.75)))
  (func (export "load") (param i32) (result i64) (i64.load offset=4 (local.get 0)))
  (func (export "byte") (param i64) (result i32) (i32.load8_u $large (local.get 0)))
  (func (export "vector") (param i32) (result v128) (v128.load (local.get 0)))
  (func (export "table") (param i32) (result i32) (ref.is_null (table.get 0 (local.get 0))))
  (func (export "segment") (param i32)
    (memory.init $d (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "array") (param i32) (result i32)
    (array.get $a (array.new_fixed $a 3 (i32.const 8) (i32.const 8) (i32.const 8)) (local.get 0)))
  (type $a (array i32)))"""


@pytest.mark.parametrize(
    ("export", "values"),
    [
        ("magic", (123455, 123456, 123457)),
        ("load", (65536 - 12, 65536 - 11)),
        ("byte", (131072 - 1, 131072)),
        ("vector", (65536 - 16, 65536 - 15)),
        ("table", (6, 7)),
        ("segment", (5, 6)),
        ("array", (2, 3)),
        ("float", (0x4006000000000000, 0x4006000000000001, 0x4005FFFFFFFFFFFF)),
    ],
)
def test_exports_are_called_with_the_programs_own_numbers(
    export: str, values: tuple[int, ...]
) -> None:
    called = Subject.prepare(binary(NUMBERS), calls=6).invocations
    given = {call.args[0].bits for call in called if call.export == export}
    assert given.issuperset(values)


def test_a_fault_at_one_of_the_programs_numbers_is_found() -> None:
    def spoil(request: Request, answer: Answer) -> Answer:
        results = list(answer.results)
        for place, call in enumerate(request.calls):
            if call.export == "magic" and call.args[0].bits == 123456:
                results[place] = Outcome("values", (Value("i32", 0),))
        return replace(answer, results=tuple(results))

    assert checked(NUMBERS, {ONE: spoil}).wrong == (ONE,)


def test_hints_of_a_recursive_function_end() -> None:
    module = parse_text(
        "(module (func $f (param i32) (i32.const 77) (call $g)) (func $g (param i32)"
        " (i32.const 78) (call $f)))", features=0,
    )  # fmt: skip
    assert Reader(module).of(0).integers[:2] == (77, 78)


PRIVATE = """(module
  (global $hidden (mut i32) (i32.const 0))
  (func (export "get") (result i32) (global.get $hidden))
  (func (export "set") (param i32) (global.set $hidden (local.get 0)))
  (func (export "pure") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3))))"""


def test_who_reads_is_called_after_who_writes() -> None:
    calls = Subject.prepare(binary(PRIVATE), calls=2).invocations
    names = [call.export for call in calls]
    sets = [place for place, name in enumerate(names) if name == "set"]
    assert names[sets[-1] + 1] == "get"
    assert calls[sets[-1]].args[0].bits != 0
    assert names.count("pure") == len({call.args for call in calls if call.export == "pure"})


def test_an_optimiser_that_loses_a_write_to_a_private_global_is_found() -> None:
    lost = PRIVATE.replace("(global.set $hidden (local.get 0))", "(drop (local.get 0))")

    def make(_module: bytes) -> Optimised:
        return Optimised("ok", binary(lost))

    job = Job(Subject.prepare(binary(PRIVATE), calls=2), "test.wat")
    with FakePool({OPTIMISER: make}) as pool:
        assert check([job], [OPTIMISER], pool).wrong == (OPTIMISER,)


def test_effects_of_callees_are_those_of_their_callers() -> None:
    module = parse_text(
        """(module (import "a" "b" (func)) (global $g (mut i32) (i32.const 0))
          (func $pure) (func $reads (drop (global.get $g))) (func $one (call $two) (call $reads))
          (func $two (call $one) (global.set $g (i32.const 1))) (func $host (call 0)))""",
        features=0,
    )
    effects = Effects(module)
    assert [sorted(effects.of(index)) for index in range(1, 6)] == [
        [], ["read"], ["read", "write"], ["read", "write"], ["import", "read", "write"],
    ]  # fmt: skip


COUNTING = """(module
  (func (export "count") (param i32) (result i32) (local i32)
    (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))
  (func (export "forever") (param i32) (result i32) (loop (br 0)) (unreachable))
  (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))"""


def test_arguments_with_which_a_loop_does_not_end_are_replaced() -> None:
    subject = Subject.prepare(binary(COUNTING), calls=6)
    found = plan(subject, Reference(fuel=1_000_000))
    before, after = subject.invocations, found.subject.invocations
    assert [call.export for call in before] == [call.export for call in after]
    endless = {call.export for call in (after[place] for place in found.left_out)}
    assert endless == {"forever"}
    replaced = [new.args for old, new in zip(before, after, strict=True) if old != new]
    assert replaced
    assert all(0 < (args[0].bits or 0) <= 16 for args in replaced)


def test_what_the_user_asked_for_is_never_replaced() -> None:
    subject = Subject.prepare(binary(COUNTING), invocations=[("count", ["100000"])])
    found = plan(subject, Reference(fuel=10_000))
    assert found.subject.invocations == subject.invocations


def test_without_time_chosen_calls_are_left_out_and_said() -> None:
    subject = Subject.prepare(binary(COUNTING), calls=2)
    found = plan(subject, Reference(fuel=10_000), budget=0.0)
    assert found.unasked == tuple(range(len(subject.invocations)))
    (run,) = found.runs
    assert run.session.places == ()


def test_faithful_engines_agree_on_all_of_it() -> None:
    for text in (NUMBERS, PRIVATE, COUNTING):
        assert checked(text, {ONE: faithful}).verdict == "agree"
