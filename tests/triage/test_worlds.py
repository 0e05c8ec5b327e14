"""Stand-ins that call back, as WebAssembly and as the engine's host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.triage.fakes import FakePool, binary, checked, faithful
from tests.triage.standins.test_engines import importing_modules

from plumbob.engines.opening import open_engine
from plumbob.engines.optimiser import Optimised
from plumbob.engines.request import Answer, FunctionImport, Outcome, Request, Value
from plumbob.triage.check.check import Checker, Job, check
from plumbob.triage.check.plan import plan
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.reference import Reference
from plumbob.triage.check.subject import Invocation, Subject
from plumbob.triage.say.sentence import sentence
from plumbob.triage.say.wording import logged_text
from plumbob.triage.standins import CALLING, HOST, PLAIN, draw, stand_in
from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from pathlib import Path

ONE = "wasmtime==1.0.0"
OPTIMISER = "binaryen==130.0.0:passes=-O2"

ARGUMENT = """(module
  (import "env" "take" (func $take (param funcref)))
  (elem declare func $secret)
  (func $secret (param i32) (result i32) (i32.add (local.get 0) (i32.const 5)))
  (func (export "go") (call $take (ref.func $secret))))"""

TYPED = """(module
  (type $f (func (param i64) (result i64)))
  (import "env" "take" (func $take (param (ref null $f)) (result i32)))
  (elem declare func $secret)
  (func $secret (type $f) (i64.mul (local.get 0) (i64.const 5)))
  (func (export "go") (result i32) (call $take (ref.func $secret))))"""

SLOT = """(module
  (import "env" "poke" (func $poke))
  (table (export "t") 3 funcref)
  (elem (i32.const 1) $secret)
  (func $secret (param f64) (result f64) (f64.add (local.get 0) (f64.const 5)))
  (func (export "go") (call $poke)))"""

IMPORTED = """(module
  (import "env" "t" (table 3 funcref))
  (import "env" "poke" (func $poke (param i32) (result i32)))
  (elem (i32.const 1) $secret)
  (func $secret (result i64) (i64.const 5))
  (func (export "go") (result i32) (call $poke (i32.const 1))))"""

GLOBAL = """(module
  (type $f (func (result i32)))
  (import "env" "poke" (func $poke))
  (global (export "g") (ref $f) (ref.func $secret))
  (func $secret (type $f) (i32.const 5))
  (func (export "go") (call $poke)))"""

AGAIN = """(module
  (import "env" "poke" (func $poke (param i32)))
  (global $g (mut i32) (i32.const 0))
  (func (export "bump") (result i32)
    (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g))
  (func (export "go") (result i32) (local i32)
    (local.set 0 (global.get $g))
    (call $poke (i32.const 5))
    (i32.sub (global.get $g) (local.get 0))))"""

WRONG = {
    "an argument": (ARGUMENT, "(i32.add (local.get 0) (i32.const 5))", "(unreachable)"),
    "a typed argument": (TYPED, "(i64.mul (local.get 0) (i64.const 5))", "(unreachable)"),
    "an element of a table": (SLOT, "(f64.add (local.get 0) (f64.const 5))", "(unreachable)"),
    "an element of an imported table": (IMPORTED, "(i64.const 5)", "(unreachable)"),
    "a global": (GLOBAL, "(i32.const 5)", "(i32.const 6)"),
    "an export": (AGAIN, "(i32.sub (global.get $g) (local.get 0))", "(i32.const 0)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_optimiser_that_takes_what_is_called_back_for_dead_is_found(name: str) -> None:
    text, right, wrong = WRONG[name]
    assert right in text

    def make(_module: bytes) -> Optimised:
        return Optimised("ok", binary(text.replace(right, wrong)))

    job = Job(Subject.prepare(binary(text), calls=2), "test.wat")
    plain = Job(job.subject.calling([i for i in job.subject.invocations if i.world == PLAIN]), "")
    with FakePool({OPTIMISER: make}) as pool:
        assert check([plain], [OPTIMISER], pool).wrong == ()  # only calling back shows it
        result = check([job], [OPTIMISER], pool)
        assert result.wrong == (OPTIMISER,)
        assert "back" in sentence(result.parts[0], "plumbob")


@pytest.mark.parametrize("name", WRONG)
def test_faithful_engines_agree(name: str) -> None:
    assert checked(WRONG[name][0], {ONE: faithful}, worlds=True).verdict == "agree"


def test_a_fault_that_only_a_host_that_calls_back_shows_is_found() -> None:
    def spoil(request: Request, answer: Answer) -> Answer:
        if not any(isinstance(one, FunctionImport) and one.callbacks for one in request.imports):
            return answer
        results = list(answer.results)
        place = next(i for i, call in enumerate(request.calls) if call.export == "go")
        results[place] = Outcome("values", (Value("i32", 77),), calls=results[place].calls)
        return replace(answer, results=tuple(results))

    result = checked(AGAIN, {ONE: spoil}, worlds=True)
    assert result.wrong == (ONE,)
    assert "go(), imports of the host's call back" in sentence(result.parts[0], "plumbob")


THROUGH = """(module
  (import "env" "poke" (func $poke (param i32) (result i32)))
  (global $g (mut i32) (i32.const 3))
  (func (export "inner") (param i32) (result i32)
    (global.set $g (i32.add (global.get $g) (i32.const 1)))
    (i32.div_u (i32.const 100) (i32.and (local.get 0) (i32.const 3))))
  (func (export "go") (param i32) (result i32)
    (i32.add (call $poke (local.get 0)) (global.get $g)))
  (func (export "tail") (param i32) (result i32) (return_call $poke (local.get 0))))"""
"""A call back traps or not, through frames of the host, tail-called ones among them."""


def _stories(text: str, seed: int, run: object) -> list[object]:
    """Return what a module's calls come to, the same model in WebAssembly and in the host."""
    module = decode(binary(text), features=features.ALL)
    callbacks = draw(module, seed, tells_types=False)
    subject = Subject.bare(binary(text), seed)
    calls = [
        Invocation(entry.name, args, world=world)
        for world in (CALLING, HOST)
        for entry in subject.shimmed.entries
        for args in [each.args for each in subject.chosen(4) if each.export == entry.name]
    ]
    half = len(calls) // 2
    stories: list[object] = []
    for world, own in ((CALLING, callbacks.crossing()), (HOST, callbacks)):
        prepared = replace(subject.calling(calls), callbacks=own)
        places = range(half) if world == CALLING else range(half, 2 * half)
        session = prepared.session(places)
        assert world == CALLING or any(
            isinstance(one, FunctionImport) and one.callbacks for one in session.request.imports
        )
        events = session.read(run(session.request))  # type: ignore[operator]
        seen = events[: 2 + half]  # the state behind has counters of the stand-ins' own
        stories.append([(event.end, event.seen, event.log) for event in seen])
    return stories


@pytest.mark.parametrize("text", [AGAIN, THROUGH], ids=["again", "through"])
@pytest.mark.parametrize("seed", range(6))
def test_the_host_does_what_the_stand_ins_in_webassembly_do(text: str, seed: int) -> None:
    inside, outside = _stories(text, seed, Reference(fuel=1_000_000).run)
    assert inside == outside


def test_traps_go_through_frames_of_the_host() -> None:
    ends = set()
    for seed in range(6):
        _, outside = _stories(THROUGH, seed, Reference(fuel=1_000_000).run)
        assert isinstance(outside, list)
        for end, _, log in outside:
            ends.add((end, any(call.returned for call in log)))
    assert {("values", True), ("trap", False)} <= ends


THROWING = """(module
  (import "env" "poke" (func $poke (result i32)))
  (tag $e (export "e") (param i32))
  (func (export "throws") (result i32) (throw $e (i32.const 3)))
  (func (export "go") (result i32)
    (block $h (result i32)
      (try_table (catch $e $h) (drop (call $poke)))
      (i32.const 99))))"""
"""A call back throws, and its caller's caller catches."""


@pytest.mark.parametrize("seed", range(3))
def test_exceptions_go_through_frames_of_the_host(seed: int) -> None:
    inside, outside = _stories(THROWING, seed, Reference(fuel=1_000_000).run)
    assert inside == outside
    assert isinstance(outside, list)
    assert any(seen is not None and seen.values[0].bits == 3 for _, seen, _ in outside)


@pytest.mark.registry
def test_exceptions_through_hosts_of_engines() -> None:
    subject = Subject.prepare(binary(THROWING), calls=2)
    with Pool() as pool:
        result = check([Job(subject, "test.wat")], ["wasmtime", "deno", "bun", "node"], pool)
    assert result.verdict == "agree"
    wasmtime, *others = result.parts[0].comparisons
    assert [lack.border for lack in wasmtime.unsupported] == [True]
    assert wasmtime.good
    assert not any(each.unsupported for each in others)


@pytest.mark.registry
@pytest.mark.parametrize("engine", ["wasm3", "pywasm"])
def test_hosts_that_cannot_call_back_say_so_and_are_good(engine: str) -> None:
    with Pool() as pool:
        checker = Checker(Subject.prepare(binary(AGAIN), calls=2), pool)
        told = checker.judge(engine)
    assert told.good
    assert [lack.border for lack in told.unsupported] == [True]


@pytest.mark.registry
@pytest.mark.parametrize("engine", ["wasmtime", "deno", "bun", "node"])
@pytest.mark.parametrize("text", [AGAIN, THROUGH], ids=["again", "through"])
def test_hosts_of_engines_do_what_the_reference_does(engine: str, text: str) -> None:
    with open_engine(engine) as opened:
        for seed in range(4):
            expected = _stories(text, seed, Reference(fuel=1_000_000).run)
            assert _stories(text, seed, opened.run) == expected


def test_calls_back_are_told_in_words() -> None:
    subject = Subject.prepare(binary(ARGUMENT), calls=2)
    found = plan(subject, Reference(fuel=100_000))
    logs = [log for run in found.runs for event in run.events for log in event.log]
    words = [logged_text(log) for log in logs if log.returned is not None]
    assert words
    assert any(one.startswith("env.take, which calls argument 0 back and gets") for one in words)


ENDLESS = """(module
  (import "env" "poke" (func $poke))
  (func (export "go") (call $poke) (call $poke) (call $poke))
  (func (export "more") (local i32)
    (loop (call $poke) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
      (i32.const 50))))))"""


def test_exports_and_imports_that_call_one_another_end() -> None:
    subject = Subject.prepare(binary(ENDLESS), calls=2)
    found = plan(subject, Reference(fuel=1_000_000))
    assert {each.world for each in subject.invocations} == {PLAIN, CALLING, HOST}
    assert not found.left_out
    assert {event.end for run in found.runs for event in run.events} <= {"ok", "values"}


def test_modules_of_the_suite_stay_valid_in_every_world(suites: Path) -> None:
    count = 0
    for module in importing_modules(suites):
        callbacks = draw(module, count, tells_types=count % 2 == 0)
        for world in (CALLING, HOST):
            stood_in = stand_in(module, count, world=world, callbacks=callbacks)
            again = decode(encode(stood_in.module), features=features.ALL)
            found = validate(again, features=features.ALL)
            assert found.verdict == "valid", (module.name, found.diagnostics)
        count += bool(callbacks.turns)
    assert count > 50
