"""What rests on something that the specification leaves open, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.triage.test_reference import binary, i32

from plumbob.engines.process import FaultKind
from plumbob.engines.request import (
    Answer,
    Call,
    FunctionImport,
    Outcome,
    OutcomeKind,
    Request,
    Value,
)
from plumbob.exec.interp import wasm_engine
from plumbob.frontend.parameters import OPTIONS, RELAXED
from plumbob.triage.check.choices import (
    ALTERNATIVES,
    DEFAULT_CHOICES,
    FAILING_GROWTH,
    NAN_BITS,
    RELAXED_SIMD,
    RULES,
    Choices,
    OpenChoices,
    changed_values,
    rests_on_choice,
)
from plumbob.triage.check.reference import Reference

if TYPE_CHECKING:
    from plumbob.exec.interp.machine import Mode
    from plumbob.triage.check.choices import Explanation

MODES: tuple[Mode, ...] = ("source", "walk")
I32, BOTH = ("i32",), ("i32", "i32")


def explained(
    text: str, *calls: Call, imports: tuple[FunctionImport, ...] = (), mode: Mode = "source"
) -> list[tuple[Explanation, ...]]:
    """Return what each call rests on."""
    request = Request(binary(text), calls, imports)
    choices = OpenChoices(Reference(mode=mode), request)
    assert choices.explain(0) == choices.explain(1) == ()
    return [choices.explain(2 + place) for place in range(len(calls))]


# NaN bits

STORED = """(module (memory 1)
  (func (export "nan") (param f32 f32) (result i32 i32)
    (f32.store (i32.const 8) (f32.sub (local.get 0) (local.get 1)))
    (i32.const 5) (i32.load (i32.const 8)))
  (func (export "later") (result i32) (i32.load8_u (i32.const 11)))
  (func (export "class") (param f32) (result i32)
    (f32.ne (f32.mul (local.get 0) (local.get 0)) (f32.mul (local.get 0) (local.get 0))))
  (func (export "other") (result i32) (i32.load (i32.const 16))))"""
INFINITY, NAN, NUMBER = (Value("f32", bits) for bits in (0x7F80_0000, 0x7FE1_2345, 0x3F80_0000))


@pytest.mark.parametrize("mode", MODES)
def test_bits_of_a_nan_that_were_stored(mode: Mode) -> None:
    first, later, classified, other = explained(
        STORED,
        Call("nan", (INFINITY, INFINITY), BOTH),
        Call("later", (), I32),
        Call("class", (NAN,), I32),
        Call("other", (), I32),
        mode=mode,
    )
    (found,) = first
    assert (found.rule, found.places) == (NAN_BITS, frozenset({1}))
    assert found.covers(1)
    assert not found.covers(0)
    assert {choices.nan: outcome.values[1].bits for choices, outcome in found.outcomes} == {
        "negative": 0xFFC0_0000,
        "ones": 0xFFC0_0000,
    }
    assert [one.rule for one in later] == [NAN_BITS]
    assert classified == other == ()


def test_payloads_of_operands_rest_on_it_too() -> None:
    ((found,),) = explained(STORED, Call("nan", (NAN, NUMBER), BOTH))
    bits = {choices.nan: outcome.values[1].bits for choices, outcome in found.outcomes}
    assert bits == {"canonical": 0x7FC0_0000, "ones": 0xFFFF_FFFF}


def test_numbers_rest_on_nothing() -> None:
    assert explained(STORED, Call("nan", (NUMBER, INFINITY), BOTH)) == [()]


def test_a_trap_that_only_some_nans_cause() -> None:
    text = """(module (func (export "f") (result i32)
      (if (i32.lt_s (i32.reinterpret_f32 (f32.sqrt (f32.const -1))) (i32.const 0))
        (then unreachable))
      (i32.const 1)))"""
    ((found,),) = explained(text, Call("f", (), I32))
    assert (found.rule, found.places) == (NAN_BITS, None)
    assert found.covers(0)
    assert {outcome.kind for _, outcome in found.outcomes} == {OutcomeKind.TRAP}


def test_arguments_of_the_host_are_seen() -> None:
    text = """(module (import "e" "f" (func $f (param f64)))
      (func (export "f") (call $f (f64.div (f64.const 0) (f64.const 0)))))"""
    stand_in = FunctionImport("e", "f", ("f64",), ())
    ((found,),) = explained(text, Call("f"), imports=(stand_in,))
    assert (found.rule, found.places) == (NAN_BITS, None)


def test_bit_operations_on_a_nan_are_decided() -> None:
    text = """(module (func (export "f") (param f64) (result f64)
      (f64.copysign (f64.abs (f64.neg (local.get 0))) (f64.const -1))))"""
    assert explained(text, Call("f", (Value("f64", (0x7FF << 52) + 1),), ("f64",))) == [()]


# Relaxed SIMD

RELAXED_TEXT = """(module
  (func (export "f") (param i32) (result i32 i32)
    (i8x16.extract_lane_u 0 (i8x16.relaxed_swizzle (v128.const i32x4 3 4 5 6)
      (i8x16.splat (local.get 0))))
    (i8x16.extract_lane_u 0 (i8x16.swizzle (v128.const i32x4 3 4 5 6)
      (i8x16.splat (local.get 0))))))"""


@pytest.mark.parametrize("mode", MODES)
def test_relaxed_operators(mode: Mode) -> None:
    calls = [Call("f", (i32(index),), BOTH) for index in (3, 16, 200)]
    inside, beyond, negative = explained(RELAXED_TEXT, *calls, mode=mode)
    assert inside == negative == ()
    (found,) = beyond
    assert (found.rule, found.places) == (RELAXED_SIMD, frozenset({0}))
    assert {outcome.values for _, outcome in found.outcomes} == {(i32(3), i32(0))}


def test_every_value_of_every_parameter_is_in_some_run() -> None:
    runs = [RELAXED, *(choices.relaxed for choices in RELAXED_SIMD.alternatives)]
    for place, count in enumerate(OPTIONS):
        assert {run[place] for run in runs} == set(range(count))


# Growth

GROW = """(module (memory 1 3) (table $t 1 20 externref)
  (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "table") (result i32) (table.grow $t (ref.null extern) (i32.const 5)))
  (func (export "size") (result i32 i32) (memory.size) (table.size $t)))"""


@pytest.mark.parametrize("mode", MODES)
def test_growth_that_may_fail(mode: Mode) -> None:
    by_nothing, grown, must_fail, table, sizes = explained(
        GROW,
        Call("memory", (i32(0),), I32),
        Call("memory", (i32(1),), I32),
        Call("memory", (i32(5),), I32),
        Call("table", (), I32),
        Call("size", (), BOTH),
        mode=mode,
    )
    assert by_nothing == must_fail == ()
    for (found,) in (grown, table):
        assert (found.rule, found.places) == (FAILING_GROWTH, frozenset({0}))
        assert {outcome.values for _, outcome in found.outcomes} == {(i32(-1),)}
    assert sizes[0].places == frozenset({0, 1})


def test_growth_beyond_a_size() -> None:
    text = """(module (memory 1) (func (export "f") (param i32) (result i32)
      (memory.grow (local.get 0))))"""
    request = Request(binary(text), tuple(Call("f", (i32(n),), I32) for n in (1000, 23, 1, 0)))
    answer = Reference(choices=Choices(grow=1024)).run(request)
    assert [outcome.values for outcome in answer.results] == [
        (i32(1),), (i32(1001),), (i32(-1),), (i32(1024),),
    ]  # fmt: skip


# How it is asked


def test_one_step_by_itself() -> None:
    request = Request(binary(STORED), (Call("nan", (INFINITY, INFINITY), BOTH),))
    (found,) = rests_on_choice(Reference(), request, 2)
    assert found.rule is NAN_BITS


class CountingReference(Reference):
    """Counts runs, those that decide otherwise too."""

    runs = 0

    def run(self, request: Request) -> Answer:
        CountingReference.runs += 1
        return super().run(request)


def test_alternatives_are_run_once_and_only_for_rules_that_concern_the_module() -> None:
    calls = (Call("nan", (INFINITY, INFINITY), BOTH), Call("later", (), I32))
    reference = CountingReference()
    CountingReference.runs = 0
    choices = OpenChoices(reference, Request(binary(STORED), calls))
    assert CountingReference.runs == 1
    for step in (2, 3, 2):
        assert choices.explain(step)
    assert CountingReference.runs == 1 + len(NAN_BITS.alternatives)


class HurriedReference(Reference):
    """Has no time for what decides otherwise."""

    def run(self, request: Request) -> Answer:
        answer = super().run(request)
        if self.choices == DEFAULT_CHOICES:
            return answer
        late = (Outcome(FaultKind.TIMEOUT), Outcome(OutcomeKind.SKIPPED))
        return replace(answer, results=late)


def test_time_that_ran_out_explains_nothing() -> None:
    calls = (Call("nan", (INFINITY, INFINITY), BOTH), Call("later", (), I32))
    choices = OpenChoices(HurriedReference(), Request(binary(STORED), calls))
    assert choices.explain(2) == choices.explain(3) == ()


def test_a_module_that_is_not_valid_rests_on_nothing() -> None:
    request = Request(b"\0asm\1\0\0\0\xff", (Call("f"),))
    assert [OpenChoices(Reference(), request).explain(step) for step in range(3)] == [()] * 3


def test_the_table_of_rules() -> None:
    assert len(ALTERNATIVES) == len(set(ALTERNATIVES)) == sum(len(r.alternatives) for r in RULES)
    assert DEFAULT_CHOICES not in ALTERNATIVES
    assert all(rule.section.startswith("WebAssembly 3.0, 4.") for rule in RULES)
    assert Reference().choices == DEFAULT_CHOICES


def test_what_counts_as_a_change() -> None:
    text = '(module (func (export "f") (result i32 i32) (i32.const 1) (i32.const 2)))'
    (one,) = Reference().run(Request(binary(text), (Call("f", (), BOTH),))).results
    text = '(module (func (export "f") (result i32 i32) (i32.const 1) (i32.const 3)))'
    (other,) = Reference().run(Request(binary(text), (Call("f", (), BOTH),))).results
    (trap,) = (
        Reference()
        .run(Request(binary('(module (func (export "f") unreachable))'), (Call("f"),)))
        .results
    )
    assert changed_values(one, one) == frozenset()
    assert changed_values(one, other) == frozenset({1})
    assert changed_values(one, trap) is None


# What is decided is decided in every run

OPERATORS = ("add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl",
             "shr_s", "shr_u", "rotl", "rotr", "eq", "lt_s", "gt_u")  # fmt: skip
CONSTANTS = st.sampled_from([0, 1, 7, 31, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])

EXPRESSIONS: st.SearchStrategy[str] = st.recursive(
    st.one_of(
        CONSTANTS.map(lambda n: f"(i32.const {n:#x})"),
        st.sampled_from(["(local.get 0)", "(local.get 1)", "(global.get 0)", "(memory.size)"]),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(OPERATORS), inner, inner).map(
            lambda parts: f"(i32.{parts[0]} {parts[1]} {parts[2]})"
        ),
        inner.map(lambda e: f"(i32.load8_u (i32.and {e} (i32.const 0x1ffff)))"),
        st.tuples(inner, inner).map(lambda e: f"(select {e[0]} (local.tee 1 {e[1]}) {e[0]})"),
        inner.map(lambda e: f"(i8x16.bitmask (i8x16.shl (i8x16.splat {e}) {e}))"),
        inner.map(lambda e: f"(block (result i32) (global.set 0 {e}) (global.get 0))"),
        inner.map(lambda e: f"(i32.trunc_sat_f64_s (f64.convert_i32_u {e}))"),
    ),
    max_leaves=12,
)


@given(st.lists(EXPRESSIONS, min_size=1, max_size=3), st.lists(CONSTANTS, min_size=2, max_size=2))
@settings(max_examples=60)
def test_without_what_is_open_every_run_agrees(bodies: list[str], given_args: list[int]) -> None:
    functions = "".join(
        f'(func (export "f{place}") (param i32 i32) (result i32) {body})'
        for place, body in enumerate(bodies)
    )
    module = binary(f"(module (memory 1) (global (mut i32) (i32.const 3)) {functions})")
    args = tuple(map(i32, given_args))
    calls = tuple(Call(f"f{place}", args, I32) for place in range(len(bodies)))
    request = Request(module, calls)
    reference = Reference()
    answer = reference.run(request)
    assert answer.instantiated.kind == OutcomeKind.OK
    for choices in ALTERNATIVES:
        assert reference.deciding(choices).run(request) == answer


def test_a_choice_made_for_one_run_leaves_others_alone() -> None:
    request = Request(binary(STORED), (Call("nan", (INFINITY, INFINITY), BOTH),))
    reference = Reference()
    answers: list[Any] = [reference.run(request)]
    for choices in (*ALTERNATIVES, *ALTERNATIVES[::-1]):
        reference.deciding(choices).run(request)
        answers.append(reference.run(request))
    assert all(answer == answers[0] for answer in answers)


class SharedCode(dict[Any, Any]):
    """Keeps the code of a module without regard to the choices it was made under."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[0], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[0], value)


@pytest.mark.parametrize("mode", MODES)
def test_code_shared_among_choices_would_show(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were code kept by module alone, nothing in generated code would rest on any choice."""
    monkeypatch.setattr(wasm_engine, "_PROGRAMS", SharedCode())
    request = Request(binary(RELAXED_TEXT), (Call("f", (i32(16),), BOTH),))
    assert OpenChoices(Reference(mode=mode), request).explain(2) == ()
    request = Request(binary(STORED), (Call("nan", (INFINITY, INFINITY), BOTH),))
    found = OpenChoices(Reference(mode=mode), request).explain(2)
    # The walk asks its domain, and needs no code.
    assert bool(found) == (mode == "walk")
