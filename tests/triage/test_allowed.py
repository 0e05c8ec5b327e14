"""The table of what may differ: every rule covers what it is for, and nothing next to it."""

from __future__ import annotations

import pytest
from tests.triage.fakes import binary, checked, on_call

from plumbob.engines.optimiser import Optimised
from plumbob.engines.process import FaultKind
from plumbob.engines.request import Outcome, OutcomeKind, Value
from plumbob.engines.traps import ARRAY_OR_LENGTH, T
from plumbob.triage.check.allowed import RULES, SECTIONS, Case, is_nan, permitting
from plumbob.triage.check.events import (
    CALL,
    COMPILE,
    FAULT,
    STATE,
    TRAP,
    VALIDITY,
    VALUES,
    Event,
    Place,
)
from plumbob.triage.check.executed import Executed
from plumbob.triage.shims import Observation, Seen
from plumbob.wasm.text.numbers import F32, F64, FloatFormat

ONE = "wasmtime==1.0.0"
CLOSED = "binaryen==130.0.0:passes=-all --closed-world -O3"
OPEN = "binaryen==130.0.0:passes=-all -O3"


def _event(kind: str, trap: str | None = None, message: str = "") -> Event:
    return Event(Outcome(kind, trap=trap, message=message))


def _case(what: str, expected: Event, found: Event, step: str = CALL) -> Case:
    return Case(
        Place(step), what, expected, found,
        across_optimiser=False, assumed=frozenset(), explain=lambda: (),
        growth_may_fail=lambda: True, executed=lambda: Executed({}, frozenset()),
    )  # fmt: skip


VALUE = Event(
    Outcome(OutcomeKind.VALUES, (Value("i32", 1),)), Observation("values", (Seen("i32", 1),))
)
TRAPPED = _event(OutcomeKind.TRAP, T.UNREACHABLE)


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        (_case(TRAP, VALUE, _event("trap", T.STACK_OVERFLOW)), "stack depth"),
        (_case(TRAP, _event("trap", T.STACK_OVERFLOW), VALUE), "stack depth"),
        (_case(TRAP, TRAPPED, _event("trap", T.STACK_OVERFLOW)), "stack depth"),
        (_case(VALUES, VALUE, _event(FaultKind.MEMORY)), "out of memory"),
        (_case(TRAP, VALUE, _event("trap", T.MEMORY_LIMIT)), "out of memory"),
        (_case(TRAP, VALUE, _event("trap", ARRAY_OR_LENGTH)), "out of memory"),
        (_case(TRAP, VALUE, TRAPPED), None),
        (_case(TRAP, VALUE, _event("trap")), None),
        (_case(FAULT, _event("trap", T.STACK_OVERFLOW), _event(FaultKind.CRASH)), None),
        (_case(FAULT, VALUE, _event(FaultKind.GARBAGE)), None),
    ],
)
def test_rules_on_ends(case: Case, rule: str | None) -> None:
    found = permitting(case)
    assert (None if found is None else found.name) == rule


@pytest.mark.parametrize(
    ("message", "covered"),
    [
        ("maximum memory size (4 pages) is larger than implementation limit (2 pages)", True),
        ("size 9 exceeds the maximum allowed by the implementation limit", True),
        ("function count of 1000001 exceeds limit of 1000000", True),
        ("too many locals: locals exceed maximum", True),
        ("type mismatch: expected i32, found i64", False),
        ("alignment must not be larger than natural", False),
        ("unknown function 4", False),
    ],
)
def test_limits_of_implementations(message: str, covered: bool) -> None:  # noqa: FBT001  # a column
    case = _case(VALIDITY, _event("ok"), _event("rejected", message=message), COMPILE)
    assert (permitting(case) is not None) == covered
    invalid = _case(VALIDITY, _event("rejected"), _event("ok", message=message), COMPILE)
    assert permitting(invalid) is None


@pytest.mark.parametrize(
    ("one", "other", "covered"),
    [
        (T.ARRAY_OUT_OF_BOUNDS, T.TABLE_OUT_OF_BOUNDS, True),
        (T.MEMORY_OUT_OF_BOUNDS, T.ARRAY_OUT_OF_BOUNDS, True),
        (T.MEMORY_OUT_OF_BOUNDS, T.TABLE_OUT_OF_BOUNDS, False),
        (T.ARRAY_OUT_OF_BOUNDS, T.NULL_REFERENCE, False),
    ],
)
def test_which_bound(one: str, other: str, covered: bool) -> None:  # noqa: FBT001  # a column
    case = _case(TRAP, _event("trap", one), _event("trap", other))
    assert (permitting(case) is not None) == covered


GROW = """(module (memory {limits})
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"""


def _succeeds(size: int) -> object:
    return on_call(0, lambda _: Outcome("values", (Value("i32", size),)))


def test_growth_that_only_the_references_limits_forbid() -> None:
    two = "(module (memory 1) (memory 1)" + GROW.format(limits="1").split("\n", 1)[1].replace(
        "memory.grow", "memory.grow 1"
    ).replace("(func", '(func (export "first") (drop (memory.grow 0 (i32.const 65000)))) (func', 1)
    both = (("first", ()), ("grow", ("65000",)))
    grows = on_call(1, lambda _: Outcome("values", (Value("i32", 1),)))
    result = checked(two, {ONE: grows}, *both)
    assert result.verdict == "agree"
    assert [each.rule for each in result.parts[0].comparisons[0].allowed] == ["failure of grow"]


def test_growth_beyond_the_declared_maximum_must_fail() -> None:
    result = checked(GROW.format(limits="1 2"), {ONE: _succeeds(1)}, ("grow", ("9",)))
    assert result.wrong == (ONE,)


OBJECT = """(module (type $s (struct (field i32) (field i32)))
  (func (export "any") (result anyref) (struct.new $s (i32.const {first}) (i32.const 2)))
  (func (export "own") (result (ref $s)) (struct.new $s (i32.const {second}) (i32.const 2)))
  (func (export "i31") (result anyref) (ref.i31 (i32.const {third}))))"""


@pytest.mark.parametrize(
    ("fields", "optimiser", "good"),
    [
        ((1, 1, 1), OPEN, True),
        ((9, 1, 1), CLOSED, True),
        ((9, 1, 1), OPEN, False),
        ((1, 9, 1), CLOSED, False),
        ((1, 1, 9), CLOSED, False),
    ],
)
def test_private_types_in_a_closed_world(
    fields: tuple[int, int, int],
    optimiser: str,
    good: bool,  # noqa: FBT001  # a column
) -> None:
    def text(first: int, second: int, third: int) -> str:
        return OBJECT.format(first=first, second=second, third=third)

    made = Optimised("ok", binary(text(*fields)))
    result = checked(text(1, 1, 1), {optimiser: lambda _module: made})
    assert result.parts[0].comparisons[0].good is good


def test_the_table_is_in_order() -> None:
    assert list(SECTIONS) == list(dict.fromkeys(rule.name for rule in RULES))
    for rule in RULES:
        assert rule.section.startswith(
            ("WebAssembly 3.0, ", "WebAssembly threads, ", "the optimiser's")
        )


def test_the_table_is_in_the_documents(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "docs" / "check.md").read_text()
    for name in SECTIONS:
        assert f"| {name}" in text


@pytest.mark.parametrize("form", [F32, F64], ids=["f32", "f64"])
def test_nans(form: FloatFormat) -> None:
    sign = 1 << form.bits - 1
    assert is_nan(form, form.infinity + 1)
    assert is_nan(form, form.infinity + 1 | sign)
    assert not is_nan(form, form.infinity)
    assert not is_nan(form, form.infinity | sign)
    assert not is_nan(form, 0)


def test_state_that_rests_on_no_choice_is_a_finding() -> None:
    case = _case(VALUES, VALUE, VALUE._replace(seen=Seen("i64", 2)), STATE)
    assert permitting(case) is None
