"""Flags that permit a change excuse it, and no other."""

from __future__ import annotations

import pytest
from tests.triage.fakes import binary, checked

from plumbob.engines.optimiser import Optimised, assumptions
from plumbob.triage.check.check import Checked, Checker, Job, check
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.subject import Subject

DIVIDE = """(module (memory (export "m") 1)
  (func (export "f") (param i32) (i32.store8 (i32.const 5) (i32.const {stored})) {body})
  (func (export "g") (result i32) (i32.const {value})))"""
DROP = "(drop (i32.div_u (i32.const 1) (local.get 0)))"
CALLS = (("f", ("0",)), ("g", ()))


def _divide(body: str = DROP, value: int = 3, stored: int = 9) -> str:
    return DIVIDE.format(body=body, value=value, stored=stored)


FLOAT = """(module (func (export "f") (param f64) (result i32 f64)
  {first} (f64.{add} (local.get 0) (f64.const {zero}))))"""


def _float(add: str, zero: str = "0", first: str = "(i32.const 1)") -> str:
    return FLOAT.format(add=add, zero=zero, first=first)


WRAP = """(module (memory 1) (func (export "f") (param i32) (result i32)
  (i32.load {offset} {address})))"""
ADDED = WRAP.format(offset="", address="(i32.add (local.get 0) (i32.const 8))")
OFFSET = WRAP.format(offset="offset=8", address="(local.get 0)")

FILLED = """(module (import "env" "m" (memory $m 1)) {data}
  (func (export "f") (result i32) (i32.load (i32.const 16)))
  (func (export "g") (result i32) (i32.const {value})))"""


@pytest.mark.parametrize(
    ("flag", "before", "after", "calls", "rule"),
    [
        ("-tnh", _divide(), _divide(""), CALLS, "traps never happen"),
        ("--traps-never-happen", _divide(), _divide(""), CALLS, "traps never happen"),
        ("-iit", _divide(), _divide(""), CALLS, "traps never happen"),
        ("-iit", _divide("(unreachable)"), _divide(""), CALLS, None),
        ("-tnh", _divide("(unreachable)"), _divide(""), CALLS, "traps never happen"),
        ("-O2", _divide(), _divide(""), CALLS, None),
        ("-ffm", _divide(), _divide(""), CALLS, None),
        ("-tnh", _divide(), _divide("(unreachable)"), (("f", ("1",)),), None),
        ("-tnh", _divide(""), _divide("", 4), CALLS, None),
        ("-ffm", _float("add", "-0"), _float("add"), (("f", ("-0",)),), "fast math"),
        ("-O2", _float("add", "-0"), _float("add"), (("f", ("-0",)),), None),
        ("-tnh", _float("add", "-0"), _float("add"), (("f", ("-0",)),), None),
        ("-ffm", _divide("", 3), _divide("", 4), CALLS, None),
        ("-lmu", ADDED, OFFSET, (("f", ("-4",)),), "low memory unused"),
        ("-O2", ADDED, OFFSET, (("f", ("-4",)),), None),
        ("-lmu", ADDED, ADDED.replace("8", "9"), (("f", ("65524",)),), None),
        ("-lmu", OFFSET, ADDED.replace("8", "99999"), (("f", ("2000",)),), None),
    ],
)
def test_what_a_flag_permits(
    flag: str, before: str, after: str, calls: tuple[tuple[str, tuple[str, ...]], ...],
    rule: str | None,
) -> None:  # fmt: skip
    name = f"binaryen==130.0.0:passes={flag}"
    made = Optimised("ok", binary(after))
    comparison = checked(before, {name: lambda _module: made}, *calls).parts[0].comparisons[0]
    assert [each.rule for each in comparison.allowed] == ([] if rule is None else [rule])
    assert bool(comparison.findings) == (rule is None)


def test_nothing_is_compared_behind_a_trap_that_never_happens() -> None:
    """Both trap, and what was stored before is dead to who knows that nobody gets there."""
    name = "binaryen==130.0.0:passes=-tnh"
    before, after = _divide("(unreachable)"), _divide("(unreachable)", 4, 0)
    made = Optimised("ok", binary(after))
    result = checked(before, {name: lambda _module: made}, *CALLS)
    assert result.verdict == "agree"
    result = checked(before, {name.replace("-tnh", "-O1"): lambda _module: made}, *CALLS)
    assert result.verdict == "disagree"


def _filled(data: str, value: int = 1) -> Subject:
    return Subject.prepare(binary(FILLED.format(data=data, value=value)))


@pytest.mark.parametrize(
    ("flag", "value", "good"), [("-uim", 1, True), ("-O2", 1, False), ("-uim", 2, False)]
)
def test_memory_that_was_said_to_be_zero(flag: str, value: int, good: bool) -> None:  # noqa: FBT001  # a column
    with Pool() as pool:
        checker = Checker(_filled('(data (i32.const 16) "\\01\\00\\00\\00")'), pool)
        made = binary(FILLED.format(data='(data (i32.const 16) "\\02")', value=value))
        told = checker.judge_optimised("somebody", made, assumed=assumptions([flag]))
    assert told.good is good


def test_memory_of_its_own_is_what_it_is() -> None:
    text = '(module (memory 1) (data (i32.const 0) "{}") (func (export "f") (result i32) {}))'
    body = "(i32.load (i32.const 0))"
    with Pool() as pool:
        checker = Checker(Subject.prepare(binary(text.format("1", body))), pool)
        told = checker.judge_optimised(
            "somebody", binary(text.format("2", body)), assumed=assumptions(["-uim"])
        )
    assert told.good is False


def test_flags_have_two_names() -> None:
    assert assumptions(["-O2", "-tnh"]) == assumptions(["--traps-never-happen", "--vacuum"])
    assert assumptions(["-cw"]) == assumptions(["--closed-world"]) == {"closed world"}
    assert not assumptions(["-O4", "--gufa"])


def _rules(checked_: Checked) -> list[str]:
    return [each.rule for each in checked_.comparisons[0].allowed]


@pytest.mark.registry
@pytest.mark.parametrize(
    ("flags", "text", "calls", "rules"),
    [
        ("-tnh --vacuum", _divide(), CALLS, ["traps never happen"]),
        ("--vacuum", _divide(), CALLS, []),
    ],
)
def test_binaryen_itself(
    flags: str, text: str, calls: tuple[tuple[str, tuple[str, ...]], ...], rules: list[str]
) -> None:
    with Pool() as pool:
        subject = Subject.prepare(binary(text), invocations=calls)
        result = check([Job(subject, "a.wat")], [f"binaryen==130.0.0:passes={flags}"], pool)
    assert result.verdict == "agree"
    assert _rules(result.parts[0]) == rules
