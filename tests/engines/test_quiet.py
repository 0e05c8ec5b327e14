"""An answer counts when the engine is quiet: threads that die later die of what was asked."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plumbob.engines.engine import Engine
from plumbob.engines.process import Command, Limits
from plumbob.engines.request import Answer, Call, Request
from plumbob.engines.spec import parse_spec
from plumbob.engines.traps import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

HARNESS = Path(__file__).with_name("harness.py")

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="the system does not tell what threads do"
)


def _open(kind: str, tmp_path: Path) -> Engine:
    command = Command(
        (sys.executable, "-I", "-S", str(HARNESS), "{in}", "{out}"),
        {"TICKETS": str(tmp_path / "tickets")},
    )
    limits = Limits(seconds=5.0, start=10.0)
    return Engine(parse_spec(f"{kind}==1.2.3"), "1.2.3", command, limits, partial(judge, kind))


@pytest.fixture
def bun(tmp_path: Path) -> Iterator[Engine]:
    """A kind of engine that has threads of its own."""
    with _open("bun", tmp_path) as engine:
        yield engine


def _ask(*exports: str) -> Request:
    return Request(b"", tuple(Call(name, (), ("i32",)) for name in exports))


def _kinds(answer: Answer) -> list[str]:
    return [step.kind for step in answer.steps]


def test_the_call_that_a_thread_dies_of_is_blamed(bun: Engine) -> None:
    answer = bun.run(_ask("fine", "late", "fine"))
    assert _kinds(answer) == ["ok", "ok", "values", "crash", "skipped"]
    assert answer.results[1].signal == "SIGSEGV"
    assert answer.retried is None
    assert _kinds(bun.run(_ask("fine"))) == ["ok", "ok", "values"]


def test_so_is_the_last_call(bun: Engine) -> None:
    assert _kinds(bun.run(_ask("fine", "late"))) == ["ok", "ok", "values", "crash"]


def test_so_it_is_in_a_worker_that_has_served_others(bun: Engine) -> None:
    bun.run(_ask("fine"))
    answer = bun.run(_ask("late", "fine", "fine"))
    assert _kinds(answer) == ["ok", "ok", "crash", "skipped", "skipped"]
    assert answer.retried is not None
    assert answer.retried.kind == "crash"


def test_threads_that_only_work_are_waited_for(bun: Engine) -> None:
    answer = bun.run(_ask("work", "fine"))
    assert _kinds(answer) == ["ok", "ok", "values", "values"]


def test_engines_without_threads_are_not_waited_for(tmp_path: Path) -> None:
    with _open("wasmtime", tmp_path) as engine:
        assert _kinds(engine.run(_ask("late"))) == ["ok", "ok", "values"]


def test_what_ends_now_so_now_so_is_asked_again(tmp_path: Path) -> None:
    for _ in range(4):
        with _open("bun", tmp_path) as engine:
            kinds = [_kinds(answer) for answer in engine.answers(_ask("lottery"))]
        assert kinds[-1] == ["ok", "ok", "crash"]
        assert len(kinds) <= 2, "answers that are alike are one"


def test_what_always_ends_alike_has_one_answer(bun: Engine) -> None:
    answers = bun.answers(_ask("fine"))
    assert [_kinds(answer) for answer in answers] == [["ok", "ok", "values"]]
    assert bun.restarts == 3, "each time alone in a fresh worker"


def test_an_engine_that_decides_is_asked_once(tmp_path: Path) -> None:
    with _open("wasmtime", tmp_path) as engine:
        assert len(engine.answers(_ask("fine"))) == 1
        assert engine.restarts == 0
