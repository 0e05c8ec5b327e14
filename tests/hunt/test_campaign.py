"""Campaigns: what a job finds, what the store keeps, interrupts and resuming."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select
from tests.triage.fakes import FakePool

from plumbob.engines.process import FaultKind
from plumbob.engines.request import Answer, Outcome, OutcomeKind, Request, Value
from plumbob.errors import ExitCode, InputError, InternalError, UsageError
from plumbob.hunt.campaign import Hunt, Settings
from plumbob.hunt.causes import cause_of
from plumbob.hunt.choices import Choices
from plumbob.hunt.generator.generate import generate
from plumbob.hunt.judge import ProgramJudge
from plumbob.hunt.store import Finding, Store
from plumbob.hunt.trial import differ, request_of
from plumbob.hunt.worker import INTERNAL, Order, _Job, program_of
from plumbob.triage.check.reference import Reference
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.instructions import decode_body

if TYPE_CHECKING:
    from pathlib import Path

FAKE = "wasmtime==1.0.0"


def wrong_rem(request: Request, answer: Answer) -> Answer:
    """An engine whose results are off by one where a module has an i32.rotl in code."""
    module = decode(request.module)
    if not any(
        each.operator.name == "i32.rotl"
        for code in module.code
        for each in decode_body(code.body).instructions
    ):
        return answer

    def spoilt(value: Value) -> Value:
        return Value(value.type, value.bits ^ 1) if isinstance(value.bits, int) else value

    results = tuple(
        replace(each, values=tuple(map(spoilt, each.values))) for each in answer.results
    )
    return replace(answer, results=results)


def order(**changes: Any) -> Order:
    given: dict[str, Any] = {
        "job": 0,
        "jobs": 1,
        "seed": 1,
        "first": 0,
        "count": 30,
        "until": None,
        "start": time.monotonic(),
        "engines": (FAKE,),
        "weights": {},
        "size": 20,
        "timeout": 5.0,
        "reduce_seconds": 20.0,
    }
    return Order(**{**given, **changes})


def run_job(pool: FakePool, **changes: Any) -> list[tuple[Any, ...]]:
    answers: queue.Queue[tuple[Any, ...]] = queue.Queue()
    _Job(order(**changes), answers, pool).run()  # type: ignore[arg-type]  # only `put` is used
    found = []
    while not answers.empty():
        found.append(answers.get())
    return found


def test_a_job_finds_and_reduces_what_is_wrong() -> None:
    answers: queue.Queue[tuple[Any, ...]] = queue.Queue()
    told: list[tuple[Any, ...]] = []
    with FakePool({FAKE: wrong_rem}, fuel=2_000_000) as pool:
        asked = order(reduce_seconds=1.0)  # what it comes to is the reducer's to show
        job = _Job(asked, answers, pool)  # type: ignore[arg-type]  # only `put` is used
        for number in range(300):
            job.one(number)
            while not answers.empty():
                told.append(answers.get())
            if told and told[-1][0] == "reduced":
                break
    (_, _, found), (_, _, number, engine, reduced) = told[-2:]
    assert (found["number"], found["engine"]) == (number, engine) == (number, FAKE)
    assert reduced["instructions"] > 0
    assert reduced["shape"]
    assert "i32.rotl" in reduced["text"]


def test_a_job_that_finds_nothing() -> None:
    with FakePool(fuel=2_000_000) as pool:
        told = run_job(pool)
    assert [word for word, *_ in told] == ["done"] * 30


def test_a_fault_of_ours_is_a_finding_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise InternalError("planted")

    monkeypatch.setattr(ProgramJudge, "judge", broken)
    with FakePool() as pool:
        told = run_job(pool, count=3)
    assert [word for word, *_ in told] == ["finding", "done"] * 3
    assert told[0][2]["kind"] == INTERNAL
    assert "planted" in told[0][2]["found"]


def test_programs_are_the_same_whatever_job_makes_them() -> None:
    assert program_of(1, 5, {}, 30).module == program_of(1, 5, {}, 30).module
    assert program_of(1, 5, {}, 30).module != program_of(2, 5, {}, 30).module


def test_engines_of_two_kinds_that_agree_spare_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FakePool(fuel=2_000_000) as pool:
        asked: list[Request] = []
        judge = ProgramJudge((FAKE, "deno==1.0.0"), pool)
        run = Reference.run

        def counted(self: Reference, request: Request) -> Answer:
            asked.append(request)
            return run(self, request)

        monkeypatch.setattr(Reference, "run", counted)
        for number in range(1, 16):
            before = len(asked)
            assert judge.judge(generate(Choices(number), size=20), number) == []
            # The fakes are the reference themselves, and each asks once.
            assert len(asked) == before + 2


def test_answers_are_compared_as_far_as_both_go() -> None:
    request = request_of(generate(Choices(1), size=20))

    def answer(*results: Outcome) -> Answer:
        fine = Outcome(OutcomeKind.OK)
        return Answer(fine, fine, results)

    one = Outcome(OutcomeKind.VALUES, (Value("i64", 1),))
    two = Outcome(OutcomeKind.VALUES, (Value("i64", 2),))
    lacks = Outcome(OutcomeKind.UNSUPPORTED)
    crash = Outcome(FaultKind.CRASH)
    assert len(request.calls) == 4
    assert not differ(answer(one), answer(one))
    assert differ(answer(one), answer(two))
    assert differ(answer(one), answer(crash))
    assert not differ(answer(lacks, one), answer(one, two))
    assert differ(
        answer(Outcome(OutcomeKind.TRAP, trap="integer divide by zero")),
        answer(Outcome(OutcomeKind.TRAP, trap="integer overflow")),
    )


# The store.


def finding(campaign: int, number: int, **more: Any) -> Finding:
    fields: dict[str, Any] = {
        "engine": FAKE, "kind": "values", "expected": "1", "found": "2", "seconds": 0.5,
        "module": b"m", "choices": b"", "calls": [], "versions": {},
    }  # fmt: skip
    return Finding(campaign_id=campaign, number=number, **{**fields, **more})


def test_a_finding_is_kept_once(tmp_path: Path) -> None:
    with Store.in_folder(tmp_path) as store:
        campaign = store.begin(1, {}, datetime.now(UTC))
        assert store.add(finding(campaign.id, 3))
        assert not store.add(finding(campaign.id, 3))
        assert store.add(finding(campaign.id, 3, engine="deno"))
    with Store.in_folder(tmp_path) as store:
        assert store.session.scalar(select(func.count()).select_from(Finding)) == 2


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "findings.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError, match="cannot be opened"):
        Store.in_folder(tmp_path)


def test_a_store_of_an_unknown_kind() -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        Store("nothing://here")


def test_findings_of_one_release_and_pass_have_one_cause() -> None:
    ranges = [{"first_bad": "45.0.0", "last_bad": "45.0.0"}]
    one = finding(1, 1, ranges=ranges, shape="a", guilty=None)
    other = finding(1, 2, ranges=ranges, shape="b", guilty=None)
    assert cause_of(one) == cause_of(other) == "45.0.0"
    assert cause_of(finding(1, 3, ranges=None, shape="c", guilty=None)) == "c"


def test_a_campaign_goes_on_with_its_own_settings_alone(tmp_path: Path) -> None:
    with Store.in_folder(tmp_path) as store:
        with pytest.raises(UsageError, match="no campaign"):
            Hunt(Settings((FAKE,)), store).resume()
        Hunt(Settings((FAKE,), seed=3), store).begin()
        with pytest.raises(UsageError, match="another seed"):
            Hunt(Settings((FAKE,), seed=4), store).resume()
        with pytest.raises(UsageError, match="other engines"):
            Hunt(Settings(("deno",), seed=3), store).resume()
        Hunt(Settings((FAKE,), seed=3), store).resume()


# The command, with the reference as the engine, which agrees with itself.


def hunt(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plumbob", "hunt", "-e", "plumbob", *words],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_the_command_counts(tmp_path: Path) -> None:
    done = hunt("--count", "7", "--jobs", "2", "--size", "20", "--json", cwd=tmp_path)
    assert done.returncode == ExitCode.OK, done.stderr
    data = json.loads(done.stdout)
    assert (data["modules"], data["invalid"], data["findings"]) == (7, 0, [])
    again = hunt("--count", "9", "--jobs", "2", "--size", "20", "--json", "--resume", cwd=tmp_path)
    assert json.loads(again.stdout)["modules"] == 9


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--time", "soon"], "is no time"),
        (["--strategies", "no-such=1"], "there is no strategy"),
        (["--strategies", "loop=x"], "the weight of loop"),
        (["--resume"], "no campaign"),
        (["-e", "wasmtim"], "wasmtim"),
    ],
)
def test_bad_usage(tmp_path: Path, words: list[str], says: str) -> None:
    done = hunt(*words, cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert says in done.stderr


def test_strategies_are_listed(tmp_path: Path) -> None:
    done = hunt("--strategies", "help", cwd=tmp_path)
    assert "across-loop=" in done.stdout


def test_a_killed_campaign_goes_on(tmp_path: Path) -> None:
    words = ["--time", "60s", "--size", "20", "--seed", "5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "plumbob", "hunt", "-e", "plumbob", *words],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    done = 0
    for _ in range(600):
        time.sleep(0.1)
        if (tmp_path / "hunt" / "findings.sqlite").exists():
            with Store.in_folder(tmp_path / "hunt") as store:
                campaign = store.last()
                if campaign is not None:
                    done = sum(each.done for each in store.all_progress(campaign))
        if done >= 3:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert done >= 3
    again = hunt(
        "--count", str(done + 5), "--size", "20", "--seed", "5", "--resume", "--json", cwd=tmp_path
    )
    assert again.returncode == ExitCode.OK, again.stderr
    assert json.loads(again.stdout)["modules"] >= done + 5
