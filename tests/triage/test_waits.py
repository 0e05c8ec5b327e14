"""Guests that wait, and nobody who could wake them."""

from __future__ import annotations

import pytest
from tests.triage.fakes import binary, checked, dies

from plumbob.engines.process import FaultKind, Limits
from plumbob.engines.request import Answer, Call, Request, Value
from plumbob.triage.check.check import Job, check
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.reference import Reference
from plumbob.triage.check.subject import Subject

WAITS = """(module (memory 1 1 shared)
  (func (export "wait") (param i64) (result i32)
    (memory.atomic.wait32 (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "other") (result i32)
    (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1)))
  (func (export "plain") (result i32) (i32.const 4)))
"""
SECOND = 10**9


def _run(*timeouts: int) -> Answer:
    calls = [Call("wait", (Value("i64", each & (1 << 64) - 1),), ("i32",)) for each in timeouts]
    request = Request(binary(WAITS), (*calls, Call("other", (), ("i32",))))
    return Reference(seconds=5.0).run(request)


def test_time_passes_on_a_clock_of_the_guest_s_own() -> None:
    answer = _run(0, 5 * SECOND, 3 * 10**18)
    assert [one.values[0].bits for one in answer.results] == [2, 2, 2, 1]
    assert [one.waited for one in answer.results] == [0.0, 5.0, 3e9, 0.0]


def test_a_wait_without_end_has_none() -> None:
    assert _run(-1).results[0].kind == FaultKind.TIMEOUT


@pytest.mark.parametrize(("export", "wrong"), [("wait", False), ("plain", True)])
def test_an_engine_that_waits_is_not_blamed(export: str, wrong: bool) -> None:  # noqa: FBT001  # a column
    arguments = (str(20 * SECOND),) if export == "wait" else ()
    fakes = {"deno==2.0.0": dies(export, FaultKind.TIMEOUT)}
    result = checked(WAITS, fakes, (export, arguments))
    assert bool(result.wrong) == wrong
    if not wrong:
        assert [one.rule for one in result.parts[0].comparisons[0].allowed] == ["waiting"]


def test_nobody_ends_a_wait_without_end() -> None:
    result = checked(WAITS, {"deno==2.0.0": dies("wait", FaultKind.TIMEOUT)}, ("wait", ("-1",)))
    assert result.verdict == "agree"
    assert not result.parts[0].comparisons[0].allowed


@pytest.mark.registry
@pytest.mark.parametrize(("seconds", "rules"), [(20, ["waiting"]), (2, [])])
def test_deno_waits(seconds: int, rules: list[str]) -> None:
    with Pool(limits=Limits(seconds=1.5)) as pool:
        calls = [("wait", (str(seconds * SECOND),)), ("plain", ())]
        jobs = [Job(Subject.prepare(binary(WAITS), invocations=calls), "wait.wat")]
        result = check(jobs, ["deno"], pool)
    assert result.verdict == "agree"
    assert [one.rule for one in result.parts[0].comparisons[0].allowed] == rules
