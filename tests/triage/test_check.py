"""Planted faults of engines and optimisers are found and named; what may differ is not."""

from __future__ import annotations

import threading
import time

import pytest
from tests.triage.fakes import (
    FakePool,
    becomes,
    binary,
    checked,
    compiling,
    dies,
    faithful,
    flip,
    on_call,
    subject,
)

from plumbob.engines.optimiser import Optimised
from plumbob.engines.process import FaultKind
from plumbob.engines.request import Answer, HostCall, Outcome, OutcomeKind, Request, Value
from plumbob.engines.traps import BAD_INDIRECT, T
from plumbob.triage.check.check import Checker, Job, check
from plumbob.triage.check.events import (
    CALL,
    COMPILE,
    EXCEPTION,
    FAULT,
    LOG,
    STATE,
    TERMINATION,
    TRAP,
    VALIDITY,
    VALUES,
    Place,
)
from plumbob.triage.say.sentence import sentence

ONE = "wasmtime==1.0.0"
TWO = "wasmtime==2.0.0"
OTHER = "deno"
OPTIMISER = "binaryen==130.0.0:passes=-O2"

MODULE = """(module
  (import "env" "tell" (func $tell (param i32) (result i32)))
  (memory (export "mem") 1)
  (global $count (mut i32) (i32.const 0))
  (table (export "tab") 2 funcref)
  (func (export "add") (param i32 i32) (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 8) (local.get 0))
    (i32.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "tell") (param i32) (result i32) (call $tell (local.get 0)))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  (func (drop (table.get 0 (i32.const 0)))))"""

CALLS = (
    ("add", ("3", "4")),
    ("half", ("5",)),
    ("tell", ("9",)),
    ("divide", ("1", "0")),
)
STATE_AT = len(CALLS)
"""The first look at the state in an answer's results."""


def test_faithful_engines_agree() -> None:
    result = checked(MODULE, {ONE: faithful, OTHER: faithful}, *CALLS)
    assert (result.verdict, result.wrong) == ("agree", ())
    (part,) = result.parts
    assert sentence(part, "plumbob") == (f"{ONE} and {OTHER} agree with the reference on 4 calls.")


FAULTS = {
    "a bit of a value": (on_call(0, flip(17)), VALUES, "add(3, 4)"),
    "a bit of a float": (on_call(1, flip(52)), VALUES, "half(5)"),
    "a trap is lost": (
        on_call(3, lambda _: Outcome("values", (Value("i32", 0),))), TRAP, "divide(1, 0)",
    ),
    "a trap from nowhere": (on_call(0, becomes("trap", T.UNREACHABLE)), TRAP, "add(3, 4)"),
    "another kind of trap": (on_call(3, becomes("trap", T.INTEGER_OVERFLOW)), TRAP, "divide(1, 0)"),
    "an exception from nowhere": (on_call(0, becomes("exception")), EXCEPTION, "add(3, 4)"),
    "a hang": (dies(1, FaultKind.TIMEOUT), TERMINATION, "half(5)"),
    "a crash": (dies(1, FaultKind.CRASH, signal="SIGSEGV"), FAULT, "half(5)"),
    "garbage": (dies(1, FaultKind.GARBAGE), FAULT, "half(5)"),
    "a crash instead of a trap": (dies(3, FaultKind.CRASH), FAULT, "divide(1, 0)"),
    "a valid module refused": (compiling("rejected", "type mismatch"), VALIDITY, "compile"),
    "a crash of the compiler": (compiling("crash"), FAULT, "compile"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_named(name: str) -> None:
    spoil, what, where = FAULTS[name]
    result = checked(MODULE, {TWO: faithful, ONE: spoil, OTHER: faithful}, *CALLS)
    assert (result.verdict, result.wrong) == ("disagree", (ONE,))
    finding = result.parts[0].verdict.decided[ONE]
    assert finding.what == what
    said = sentence(result.parts[0], "plumbob")
    assert said.startswith(f"{ONE} differs from the reference and from the majority")
    assert where in said or finding.place.step == COMPILE


def test_an_engine_alone_beside_the_reference_is_wrong_by_it() -> None:
    result = checked(MODULE, {ONE: on_call(0, flip(0))}, *CALLS)
    assert (result.verdict, result.wrong) == ("disagree", (ONE,))
    assert sentence(result.parts[0], "plumbob") == (
        f"{ONE} differs from the reference: add(3, 4) gives 6 instead of 7."
    )


@pytest.mark.parametrize("look", range(3))
def test_a_bit_of_the_state_is_found(look: int) -> None:
    program = subject(MODULE, *CALLS)
    probes = program.shimmed.probes
    assert [probe.what.split()[0] for probe in probes] == ["memory", "global", "table"]
    result = checked(MODULE, {ONE: on_call(STATE_AT + look, flip(3))}, *CALLS)
    assert result.wrong == (ONE,)
    finding = result.parts[0].verdict.decided[ONE]
    assert finding.place.step == STATE
    assert finding.place.subject == probes[look].what


def _logs(change: str) -> object:
    def spoil(_request: Request, answer: Answer) -> Answer:
        results = list(answer.results)
        told = results[2]
        assert len(told.calls) == 1
        call = told.calls[0]
        calls = {
            "dropped": (),
            "doubled": (call, call),
            "another argument": (HostCall(call.place, (Value("i32", 8),)),),
        }[change]
        results[2] = Outcome(told.kind, told.values, calls=calls)
        return Answer(answer.compiled, answer.instantiated, tuple(results))

    return spoil


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("dropped", "calls 0 imports instead of calls env.tell(9)"),
        ("doubled", "calls env.tell(9) instead of calls 1 imports"),
        ("another argument", "calls env.tell(8) instead of calls env.tell(9)"),
    ],
)
def test_a_spoilt_log_is_found(change: str, said: str) -> None:
    result = checked(MODULE, {ONE: _logs(change)}, *CALLS)
    assert result.wrong == (ONE,)
    assert result.parts[0].verdict.decided[ONE].what == LOG
    assert said in sentence(result.parts[0], "plumbob")


def test_merged_kinds_of_traps_are_the_same() -> None:
    text = """(module (table 1 funcref) (type $f (func))
      (func (export "go") (call_indirect (type $f) (i32.const 0))))"""
    result = checked(text, {OTHER: on_call(0, becomes("trap", BAD_INDIRECT))})
    assert result.verdict == "agree"
    result = checked(text, {OTHER: on_call(0, becomes("trap", None))})
    assert result.verdict == "agree"


THROWS = """(module (tag $t (export "t") (param i32)) (tag $u (export "u") (param i32))
  (func (export "go") (param i32) (result i32) (throw $t (local.get 0))))"""


def test_exceptions_are_compared_with_tag_and_payload() -> None:
    assert checked(THROWS, {ONE: faithful}, ("go", ("5",))).verdict == "agree"
    for bit, value in ((0, 0), (1, 1)):
        result = checked(THROWS, {ONE: on_call(0, flip(bit, value))}, ("go", ("5",)))
        assert result.wrong == (ONE,)
        assert result.parts[0].verdict.decided[ONE].what == EXCEPTION


# What may differ

NAN = """(module (func (export "nan") (param f32 f32) (result f32)
  (f32.div (local.get 0) (local.get 1))))"""


def _bits(bits: int) -> object:
    return on_call(0, lambda outcome: Outcome(outcome.kind, (Value("i32", bits),)))


@pytest.mark.parametrize("bits", [0xFFC00000, 0x7FC00001, 0xFFFFFFFF])
def test_bits_of_a_nan_may_differ(bits: int) -> None:
    result = checked(NAN, {ONE: _bits(bits)}, ("nan", ("nan:0x200000", "1")))
    assert result.verdict == "agree"
    (allowed,) = result.parts[0].comparisons[0].allowed
    assert allowed.rule == "NaN bits"


@pytest.mark.parametrize("bits", [0x3F800000, 0x7F800000, 0, 0x7FA00000])
def test_a_nan_that_is_none_or_signals_is_a_finding(bits: int) -> None:
    result = checked(NAN, {ONE: _bits(bits)}, ("nan", ("0", "0")))
    assert result.wrong == (ONE,)


def test_bits_of_a_nan_that_no_operator_made_must_stay() -> None:
    text = '(module (func (export "same") (param f32) (result f32) local.get 0))'
    result = checked(text, {ONE: _bits(0x7FE00000)}, ("same", ("nan:0x200000",)))
    assert result.wrong == (ONE,)


def test_growth_may_fail() -> None:
    text = '(module (memory 1) (func (export "grow") (result i32) (memory.grow (i32.const 1))))'
    failing = on_call(0, lambda _: Outcome("values", (Value("i32", 0xFFFFFFFF),)))
    result = checked(text, {ONE: failing})
    assert result.verdict == "agree"
    assert [each.rule for each in result.parts[0].comparisons[0].allowed] == ["failure of grow"]


RUNAWAY = """(module (global $g (mut i32) (i32.const 0))
  (func $f (export "down") (call $f))
  (func (export "next") (result i32)
    (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))"""


def test_stack_depth_may_differ_and_the_other_calls_go_on() -> None:
    endless = on_call("down", becomes("trap", T.UNREACHABLE))
    result = checked(RUNAWAY, {ONE: faithful, OTHER: endless}, ("down", ()), ("next", ()))
    assert result.verdict == "agree"
    (part,) = result.parts
    assert [run.session.places.count(None) for run in part.plan.runs] == [1, 1]
    assert [run.last for run in part.plan.runs] == [0, None]
    assert [each.rule for each in part.comparisons[0].allowed] == []
    assert [each.rule for each in part.comparisons[1].allowed] == ["stack depth"]
    nexts = [event for place, event in part.comparisons[1].events if place == Place(CALL, 1)]
    assert [event.end for event in nexts] == ["values"]


def test_an_exhausted_stack_of_an_engine_alone_is_allowed_and_ends_the_session() -> None:
    spoil = on_call(0, becomes("trap", T.STACK_OVERFLOW))
    result = checked(MODULE, {ONE: spoil}, *CALLS)
    assert result.verdict == "agree"
    (comparison,) = result.parts[0].comparisons
    assert [each.rule for each in comparison.allowed] == ["stack depth"]
    assert [place.call for place, _ in comparison.events if place.call is not None] == [0]


def test_out_of_memory_is_allowed() -> None:
    result = checked(MODULE, {ONE: dies(2, FaultKind.MEMORY)}, *CALLS)
    assert result.verdict == "agree"
    assert result.parts[0].comparisons[0].allowed[0].rule == "out of memory"


def test_a_missing_feature_is_not_a_finding() -> None:
    result = checked(MODULE, {ONE: compiling("unsupported", "SIMD is off"), TWO: faithful}, *CALLS)
    assert result.verdict == "agree"
    comparison = result.parts[0].comparisons[0]
    assert comparison.good is None
    assert [each.message for each in comparison.unsupported] == ["SIMD is off"]


@pytest.mark.parametrize("name", [ONE, OPTIMISER])
def test_a_large_module_may_take_long_to_compile(name: str) -> None:
    data = f'(module (memory 2) (data (i32.const 0) "{"x" * 70_000}") (func (export "f")))'
    hangs = {ONE: compiling("timeout"), OPTIMISER: lambda _module: Optimised("timeout")}
    assert checked(data, {name: hangs[name]}).verdict == "agree"
    assert checked(MODULE, {name: hangs[name]}).wrong == (name,)


def test_a_proposal_that_an_engine_does_not_know_is_not_a_finding() -> None:
    refuses = {ONE: compiling("rejected", "invalid memory limits flags 0x8")}
    beyond = '(module (memory 1 (pagesize 1)) (func (export "f")))'
    result = checked(beyond, refuses)
    assert result.verdict == "agree"
    assert result.parts[0].comparisons[0].good is None
    assert checked('(module (memory 1) (func (export "f")))', refuses).wrong == (ONE,)


def test_a_module_too_large_for_an_engine_is_allowed() -> None:
    said = "maximum memory size (9 pages) is larger than implementation limit (8 pages)"
    result = checked(MODULE, {ONE: compiling("rejected", said)}, *CALLS)
    assert result.verdict == "agree"
    assert result.parts[0].comparisons[0].allowed[0].rule == "implementation limit"


# Who is wrong


def test_engines_of_two_kinds_against_the_reference_leave_it_undecided() -> None:
    spoil = on_call(0, flip(0))
    result = checked(MODULE, {ONE: spoil, OTHER: spoil}, *CALLS)
    assert (result.verdict, result.wrong) == ("undecided", ())
    said = sentence(result.parts[0], "plumbob")
    assert said.startswith(f"The reference (plumbob) stands alone: {ONE} and {OTHER} agree that")


def test_engines_of_one_kind_never_outvote_the_reference() -> None:
    spoil = on_call(0, flip(0))
    result = checked(MODULE, {ONE: spoil, TWO: spoil}, *CALLS)
    assert (result.verdict, result.wrong) == ("disagree", (ONE, TWO))


def test_one_engine_that_agrees_with_the_reference_decides() -> None:
    spoil = on_call(0, flip(0))
    result = checked(MODULE, {ONE: spoil, OTHER: spoil, "bun": faithful}, *CALLS)
    assert (result.verdict, result.wrong) == ("disagree", (ONE, OTHER))


def test_engines_that_differ_from_each_other_too_are_wrong() -> None:
    result = checked(MODULE, {ONE: on_call(0, flip(0)), OTHER: on_call(0, flip(1))}, *CALLS)
    assert (result.verdict, result.wrong) == ("disagree", (ONE, OTHER))


def test_an_engine_at_odds_with_all_is_wrong_where_the_reference_stands_alone() -> None:
    spoil = on_call(0, flip(0))
    result = checked(MODULE, {ONE: spoil, OTHER: spoil, "bun": on_call(0, flip(5))}, *CALLS)
    assert (result.verdict, result.wrong) == ("disagree", ("bun",))
    assert "stands alone" in sentence(result.parts[0], "plumbob")


# Termination

SPIN = """(module (func (export "spin") (param i32) (result i32)
    (loop $l (br_if $l (local.get 0))) (i32.const 7))
  (func (export "ok") (result i32) (i32.const 1)))"""


def test_ending_where_the_reference_has_no_fuel_is_a_difference_and_nobodys_fault() -> None:
    ends = on_call("spin", lambda _: Outcome("values", (Value("i32", 7),)))
    result = checked(SPIN, {ONE: ends}, ("spin", ("1",)), fuel=1000)
    assert (result.verdict, result.wrong) == ("undecided", ())
    assert result.parts[0].comparisons[0].findings[0].what == TERMINATION
    assert "does not end on the reference" in sentence(result.parts[0], "plumbob")


def test_time_and_fuel_that_run_out_are_the_same() -> None:
    calls = (("spin", ("1",)), ("ok", ()))
    result = checked(SPIN, {ONE: dies("spin", FaultKind.TIMEOUT)}, *calls, fuel=1000)
    assert result.verdict == "agree"


def test_the_reference_tries_again_with_ten_times_the_fuel() -> None:
    text = """(module (func (export "count") (result i32) (local i32)
      (loop $l (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get 0) (i32.const 500)))) (local.get 0)))"""
    result = checked(text, {ONE: faithful}, fuel=1000)
    assert result.verdict == "agree"
    (run,) = result.parts[0].plan.runs
    assert run.reference.fuel == 10_000
    assert run.events[2].end == OutcomeKind.VALUES


def test_calls_with_chosen_arguments_that_do_not_end_get_others() -> None:
    result = checked(SPIN, {ONE: faithful}, fuel=1000)
    (part,) = result.parts
    assert not part.plan.left_out
    spins = [call for call in part.subject.invocations if call.export == "spin"]
    assert [call.args[0].bits for call in spins] == [0] * len(spins)


# Modules that are not valid

INVALID = "(module (func (result i32) (i64.const 1)))"


def test_who_accepts_an_invalid_module_is_wrong() -> None:
    def accepts(_request: Request, answer: Answer) -> Answer:
        return Answer(Outcome("ok"), Outcome("ok"), answer.results)

    result = checked(INVALID, {ONE: accepts, TWO: faithful, OTHER: compiling("unsupported")})
    assert (result.verdict, result.wrong) == ("disagree", (ONE,))
    assert result.parts[0].verdict.decided[ONE].what == VALIDITY
    assert "it accepts a module that is not valid" in sentence(result.parts[0], "plumbob")
    both = checked(INVALID, {ONE: accepts, TWO: accepts, OTHER: faithful})
    assert "they accept a module that is not valid" in sentence(both.parts[0], "plumbob")


# Optimisers


def _makes(text: str) -> object:
    return lambda _module: Optimised("ok", binary(text))


SWAPPED = MODULE.replace(
    "(i32.add (local.get 0) (local.get 1)))", "(i32.add (local.get 1) (local.get 0)))"
)


def test_an_optimiser_that_keeps_the_meaning_agrees() -> None:
    result = checked(MODULE, {OPTIMISER: _makes(SWAPPED)}, *CALLS)
    assert result.verdict == "agree"


def test_internal_state_may_change_across_an_optimiser() -> None:
    text = MODULE.replace("(global.get $count) (i32.const 1)", "(global.get $count) (i32.const 2)")
    result = checked(MODULE, {OPTIMISER: _makes(text)}, *CALLS)
    assert result.verdict == "agree"


def test_exported_state_may_not_change_across_an_optimiser() -> None:
    text = MODULE.replace("(i32.store (i32.const 8)", "(i32.store (i32.const 12)")
    result = checked(MODULE, {OPTIMISER: _makes(text)}, *CALLS)
    assert result.wrong == (OPTIMISER,)
    assert result.parts[0].verdict.decided[OPTIMISER].place.subject.startswith("memory 0")


def test_kinds_of_traps_may_change_across_an_optimiser() -> None:
    text = MODULE.replace("(i32.div_s (local.get 0) (local.get 1))", "(unreachable)")
    result = checked(MODULE, {OPTIMISER: _makes(text)}, CALLS[3])
    assert result.verdict == "agree"
    text = MODULE.replace("(i32.div_s (local.get 0) (local.get 1))", "(i32.const 0)")
    result = checked(MODULE, {OPTIMISER: _makes(text)}, CALLS[3])
    assert result.wrong == (OPTIMISER,)


def test_an_optimiser_may_drop_imports_but_not_calls_of_them() -> None:
    text = MODULE.replace("(call $tell (local.get 0))", "(i32.const 1)")
    result = checked(MODULE, {OPTIMISER: _makes(text)}, CALLS[2])
    assert result.wrong == (OPTIMISER,)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (Optimised(FaultKind.CRASH, signal="SIGABRT"), FAULT),
        (Optimised(FaultKind.TIMEOUT), FAULT),
        (Optimised("invalid", message="its own output"), VALIDITY),
        (Optimised("ok", binary(INVALID)), VALIDITY),
        (Optimised("ok", b"\0asm\1\0\0\0\xff"), VALIDITY),
        (Optimised("ok", binary("(module)")), VALIDITY),
    ],
)
def test_an_optimiser_that_fails_is_found(made: Optimised, what: str) -> None:
    result = checked(MODULE, {OPTIMISER: lambda _module: made}, *CALLS)
    assert (result.verdict, result.wrong) == ("disagree", (OPTIMISER,))
    assert result.parts[0].verdict.decided[OPTIMISER].what == what
    assert sentence(result.parts[0], "plumbob").startswith(OPTIMISER)


@pytest.mark.parametrize("kind", ["unsupported", "rejected"])
def test_an_optimiser_that_refuses_is_not_a_finding(kind: str) -> None:
    made = Optimised(kind, message="no such pass")
    result = checked(MODULE, {OPTIMISER: lambda _module: made}, *CALLS)
    assert result.verdict == "agree"
    assert result.parts[0].comparisons[0].good is None


def test_an_optimiser_may_not_end_a_loop_that_has_no_end() -> None:
    ended = SPIN.replace("(loop $l (br_if $l (local.get 0)))", "")
    result = checked(SPIN, {OPTIMISER: _makes(ended)}, ("spin", ("1",)), fuel=1000)
    assert (result.verdict, result.wrong) == ("disagree", (OPTIMISER,))
    assert result.parts[0].verdict.decided[OPTIMISER].what == TERMINATION


def test_an_optimiser_may_be_as_fast_as_it_likes_within_reason() -> None:
    long = """(module (func (export "count") (result i32) (local i32)
      (loop $l {body}
        (br_if $l (i32.lt_u (local.get 0) (i32.const 900)))) (local.get 0)))"""
    step = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))"
    slow, fast = long.format(body=f"(nop){step}" + "(drop (local.get 0))" * 4), long
    result = checked(slow, {OPTIMISER: _makes(fast.format(body=step))}, fuel=1000)
    assert result.verdict == "agree"


# The checker itself


def test_judge_is_what_others_build_on() -> None:
    with FakePool({ONE: on_call(0, flip(0))}) as pool:
        checker = Checker(subject(MODULE, *CALLS), pool)
        assert checker.judge(ONE).good is False
        assert checker.judge(TWO).good is True
        assert checker.judge_optimised("somebody", binary(SWAPPED)).good is True
        checker.close()
    assert [engine.closed for engine in pool.opened] == [True, True]


def test_engines_are_asked_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=20)

    def meets(_request: Request, answer: Answer) -> Answer:
        both.wait()
        return answer

    result = checked(MODULE, {ONE: meets, OTHER: meets}, *CALLS)
    assert result.verdict == "agree"


def test_an_error_ends_what_other_threads_wait_for() -> None:
    class Stopped(FakePool):
        stops = 0

        def stop(self) -> None:
            super().stop()
            self.stops += 1

    def waits(_request: Request, answer: Answer) -> Answer:
        while not pool.stopping:
            time.sleep(0.01)
        return answer

    def fails(_request: Request, _answer: Answer) -> Answer:
        raise KeyboardInterrupt

    pool = Stopped({ONE: waits, OTHER: fails})
    jobs = [Job(subject(MODULE, *CALLS), "test.wat")]
    with pytest.raises(KeyboardInterrupt), pool:
        check(jobs, [OTHER, ONE], pool)
    assert pool.stops
    assert all(engine.closed for engine in pool.opened)


def test_the_same_check_gives_the_same_result() -> None:
    first, second = (checked(MODULE, {ONE: on_call(0, flip(0)), OTHER: faithful}) for _ in range(2))
    assert [part.comparisons for part in first.parts] == [part.comparisons for part in second.parts]
    assert [part.verdict for part in first.parts] == [part.verdict for part in second.parts]


def test_without_engines_only_the_reference_runs() -> None:
    result = checked(MODULE, {}, *CALLS)
    assert result.verdict == "agree"
    assert "nothing was compared" in sentence(result.parts[0], "plumbob")
