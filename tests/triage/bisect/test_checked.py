"""The judge of bisections: comparisons told as verdicts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plumbob.engines.optimiser import Optimised
from plumbob.engines.request import Answer, Outcome, Request, Value
from plumbob.errors import InputError
from plumbob.triage.bisect.checked import CheckedJudge, Job, script_jobs
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED, Verdict
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.reference import Reference
from plumbob.triage.check.subject import Subject
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Spoil = Callable[[Answer], Answer]

DOUBLE = '(module (func $double (export "f") (param i32) (result i32) {}))'
RIGHT = DOUBLE.format("(i32.add (local.get 0) (local.get 0))")
WRONG = DOUBLE.format("(i32.mul (local.get 0) (local.get 0))")

ENGINE = "wasmtime==45.0.0"


def binary(text: str) -> bytes:
    return encode(parse_text(text))


def subject(text: str = RIGHT, **extra: Any) -> Subject:
    return Subject.prepare(binary(text), **{"invocations": [("f", ["21"])], **extra})


class SpoiltPool(Pool):
    """A pool whose engines are the reference, with answers changed on the way."""

    spoil: Spoil = staticmethod(lambda answer: answer)

    def engine(self, name: str) -> Any:
        pool = self

        class Spoilt(Reference):
            def run(self, request: Request) -> Answer:
                return pool.spoil(super().run(request))

        assert name
        return Spoilt("plumbob")


def judge(spoil: Spoil, *jobs: Job) -> Verdict:
    pool = SpoiltPool()
    pool.spoil = spoil
    made = CheckedJudge(jobs or [Job(subject())], pool)
    made.prepare()
    return made.compare(ENGINE, made.run(ENGINE))


def with_result(outcome: Outcome) -> Spoil:
    return lambda answer: replace(answer, results=(outcome, *answer.results[1:]))


def test_verdicts() -> None:
    assert judge(lambda answer: answer) == (GOOD, "f(21)", "42", "")
    wrong = with_result(Outcome("values", (Value("i32", 7),)))
    assert judge(wrong) == (BAD, "f(21)", "7", "42")
    crash = with_result(Outcome("crash", signal="SIGSEGV"))
    assert judge(crash) == (BAD, "f(21)", "crash: SIGSEGV", "42")
    missing = with_result(Outcome("unsupported", message="no such thing"))
    assert judge(missing) == (UNSUPPORTED, "f(21)", "no such thing", "")


def test_what_cannot_be_compiled_is_not_supported() -> None:
    skipped = Outcome("skipped")

    def refuse(answer: Answer) -> Answer:
        compiled = Outcome("unsupported", message="no garbage collection")
        return Answer(compiled, skipped, (skipped,) * len(answer.results))

    assert judge(refuse) == (UNSUPPORTED, "compile", "no garbage collection", "")


def test_a_program_that_is_right_in_a_part_is_not_good() -> None:
    jobs = [Job(subject(), line=1), Job(subject(), line=7)]
    seen: list[int] = []

    def second_missing(answer: Answer) -> Answer:
        seen.append(1)
        if len(seen) == 2:
            return with_result(Outcome("unsupported", message="half"))(answer)
        return answer

    verdict = judge(second_missing, *jobs)
    assert verdict == (UNSUPPORTED, "module of line 7, f(21)", "half", "")
    wrong = with_result(Outcome("values", (Value("i32", 7),)))
    assert judge(wrong, *jobs).where == "module of line 1, f(21)"


def test_an_optimiser_s_modules() -> None:
    made = CheckedJudge([Job(subject())], Pool())
    engine = "binaryen==130.0.0:passes=-O2"
    assert made.judge_optimised(engine, Optimised("ok", binary(RIGHT))).result == GOOD
    wrong = made.judge_optimised(engine, Optimised("ok", binary(WRONG)))
    assert wrong == (BAD, "f(21)", "441", "42")
    missing = made.judge_optimised(engine, Optimised("unsupported", message="no such pass"))
    assert (missing.result, missing.gave) == (UNSUPPORTED, "no such pass")
    refused = made.judge_optimised(engine, Optimised("rejected", message="words"))
    assert (refused.result, refused.gave) == (UNSUPPORTED, "words")
    for kind in ("crash", "invalid"):
        verdict = made.judge_optimised(engine, Optimised(kind, message="words"))
        assert verdict.result == BAD
        assert "words" in verdict.gave
    assert made.judge_optimised(engine, Optimised("ok", b"\0asm")).result == BAD
    assert made.judge_optimised(engine, Optimised("ok", binary("(module)"))).result == BAD


def test_the_module_that_is_wrong_is_in_focus() -> None:
    class OptimiserPool(Pool):
        def optimiser(self, name: str) -> Any:
            class Always:
                flags = ("-O2",)

                def optimise(self, module: bytes) -> Optimised:
                    return Optimised("ok", binary(WRONG) if module == right else module)

            assert name
            return Always()

    fine = subject('(module (func (export "f") (param i32) (result i32) (local.get 0)))')
    right = subject().module
    made = CheckedJudge([Job(fine, line=1), Job(subject(), line=2)], OptimiserPool())
    assert made.focus("binaryen:passes=-O2") == right
    assert made.judge_optimised("binaryen:passes=-O2", Optimised("ok", right)).result == GOOD
    alone = CheckedJudge([Job(fine)], Pool())
    assert alone.focus("binaryen:passes=-O2") == fine.module


def test_an_optimiser_is_not_asked_about_invalid_modules() -> None:
    invalid = subject("(module (func (result i32)))")
    assert invalid.invalid is not None
    asked = []

    class OptimiserPool(SpoiltPool):
        def optimiser(self, name: str) -> Any:
            class Same:
                flags = ("-O2",)

                def optimise(self, module: bytes) -> Optimised:
                    asked.append(module)
                    return Optimised("ok", module)

            assert name
            return Same()

    made = CheckedJudge([Job(invalid, line=1), Job(subject(), line=2)], OptimiserPool())
    engine = "binaryen:passes=-O2"
    made.prepare()
    assert made.compare(engine, made.run(engine)).result == GOOD
    assert asked == [subject().module]
    assert len(made.run(ENGINE)) == 2
    alone = CheckedJudge([Job(invalid)], OptimiserPool())
    alone.prepare()
    assert alone.compare(engine, alone.run(engine)).result == UNSUPPORTED


def test_what_a_verdict_rests_on() -> None:
    def identity(*jobs: Job, **limits: Any) -> str:
        return json.dumps(CheckedJudge(jobs, Pool(**limits)).identity)

    base = identity(Job(subject()))
    assert base == identity(Job(subject()))
    others = {
        identity(Job(subject(WRONG))),
        identity(Job(subject(seed=1))),
        identity(Job(subject(invocations=[("f", ["22"])]))),
        identity(Job(subject(invocations=()))),
        identity(Job(subject()), Job(subject())),
        identity(Job(subject(), script="a script's hash")),
        identity(Job(subject()), fuel=5),
        identity(Job(subject()), seconds=5.0),
    }
    assert len(others) == 8
    assert base not in others


def test_scripts() -> None:
    text = b"""(module (func (export "f") (result i32) (i32.const 3)))
      (assert_return (invoke "f") (i32.const 4))"""
    (job,) = script_jobs(text, "x.wast", seed=0)
    assert (job.line, job.subject.invocations[0].export) == (1, "f")
    verdict = judge(lambda answer: answer, job)
    assert (verdict.result, verdict.gave) == (BAD, "3")
    assert "4" in verdict.expected
    with pytest.raises(InputError, match="no module"):
        script_jobs(b";; nothing", "x.wast", seed=0)
