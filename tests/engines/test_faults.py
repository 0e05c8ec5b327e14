"""Whatever a worker does comes back as a result, and the next module is served."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plumbob.engines import folders
from plumbob.engines.engine import Engine
from plumbob.engines.errors import StartError
from plumbob.engines.process import Command, Limits, resident
from plumbob.engines.request import Call, Request, Value
from plumbob.engines.spec import parse_spec
from plumbob.engines.traps import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

HARNESS = Path(__file__).with_name("harness.py")
LIMITS = Limits(seconds=2.0, memory=128 << 20, start=10.0)


def open_fake(limits: Limits = LIMITS, **environment: str) -> Engine:
    command = Command((sys.executable, "-I", "-S", str(HARNESS), "{in}", "{out}"), environment)
    return Engine(
        parse_spec("wasmtime==1.2.3"), "1.2.3", command, limits, partial(judge, "wasmtime")
    )


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_fake() as opened:
        yield opened


def ask(*exports: str, word: str = "") -> Request:
    return Request(word.encode(), tuple(Call(name, (), ("i32",)) for name in exports))


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def children() -> list[str]:
    """The processes that this one has started and not waited for, those that ended too."""
    lists = (path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    return sorted(pid for pids in lists for pid in pids.split())


@pytest.mark.parametrize(
    ("word", "kind", "ended", "status", "says"),
    [
        ("crash", "crash", "SIGSEGV", None, "was ended by SIGSEGV"),
        ("abort", "crash", "SIGABRT", None, "was ended by SIGABRT"),
        ("exit", "crash", None, 7, "exited with status 7"),
        ("half", "crash", None, 0, "exited with status 0"),
        ("hang", "timeout", None, None, "did not answer in time"),
        ("garbage", "garbage", None, None, "wrote what is no answer"),
        ("text", "garbage", None, None, "wrote what is no answer"),
        ("deep", "garbage", None, None, "wrote what is no answer"),
        ("wrong", "garbage", None, None, "i32:123456789"),
        ("close", "garbage", None, None, "closed its pipe"),
        ("eat", "memory", None, None, "MiB of memory"),
    ],
)
def test_a_fault_is_a_result_and_the_next_module_is_served(
    engine: Engine, word: str, kind: str, ended: str | None, status: int | None, says: str
) -> None:
    answer = engine.run(ask("fine", word, "never"))
    assert [step.kind for step in answer.steps] == ["ok", "ok", "values", kind, "skipped"]
    fault = answer.results[1]
    assert (fault.signal, fault.status) == (ended, status)
    assert says in fault.message
    assert engine.run(ask("fine")).results[0].values == (Value("i32", 1),)
    assert engine.restarts == 1


def test_what_it_printed_is_kept(engine: Engine) -> None:
    assert "assertion failed: everything" in engine.run(ask("abort")).results[0].tail


def test_what_a_guest_prints_disturbs_nothing(engine: Engine) -> None:
    answer = engine.run(ask("chat", "fine", "chat"))
    assert [step.kind for step in answer.results] == ["values"] * 3


def test_a_spoilt_worker_is_not_believed(engine: Engine) -> None:
    assert engine.run(ask("fine")).retried is None
    answer = engine.run(ask("fine", word="second"))
    assert answer.results[0].kind == "values"
    assert answer.retried is not None
    assert answer.retried.signal == "SIGSEGV"


def test_a_fault_that_stays_is_the_answer_of_the_second_try(engine: Engine) -> None:
    engine.run(ask("fine"))
    answer = engine.run(ask("exit"))
    assert answer.results[0].status == 7
    assert answer.retried is not None
    assert answer.retried.status == 7
    fresh = engine.run(ask("exit"))
    assert fresh.retried is None, "a fresh worker's word stands"


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_that_died_while_idle_is_started_again(
    engine: Engine, signal_: signal.Signals
) -> None:
    engine.run(ask("fine"))
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal_)
    while resident(pid):
        time.sleep(0.01)
    assert engine.run(ask("fine")).results[0].values == (Value("i32", 1),)
    assert engine.pid != pid


def test_killed_in_the_middle_of_a_call(engine: Engine) -> None:
    pid = engine.pid
    assert pid is not None
    timer = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
    timer.start()
    step = engine.run(ask("hang")).results[0]
    timer.join()
    assert (step.kind, step.signal) == ("crash", "SIGKILL")


def test_a_large_module_does_not_block(engine: Engine) -> None:
    word = "x" * (4 << 20)
    assert engine.run(ask("fine", word=word)).results[0].kind == "values"


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors and children in /proc")
def test_nothing_is_left_behind() -> None:
    before = descriptors(), children()
    for _ in range(3):
        with open_fake() as engine:
            for word in ("fine", "crash", "garbage", "exit"):
                engine.run(ask(word))
    assert (descriptors(), children()) == before


def test_address_space_bounds_engines_that_tolerate_it() -> None:
    command = Command(
        (sys.executable, "-I", "-S", str(HARNESS), "{in}", "{out}"), {}, bounded_space=True
    )
    with Engine(parse_spec("wasm3"), "0", command, LIMITS, partial(judge, "wasm3")) as engine:
        step = engine.run(ask("eat")).results[0]
        assert (step.kind, step.status) == ("crash", 1)
        assert "MemoryError" in step.tail


@pytest.mark.parametrize("word", ["crash", "exit", "hang", "garbage"])
def test_an_engine_that_does_not_start_says_so(word: str) -> None:
    before = descriptors() if sys.platform == "linux" else []
    with pytest.raises(StartError, match=r"wasmtime==1\.2\.3 does not start"):
        open_fake(LIMITS._replace(start=0.5), START=word)
    assert before == (descriptors() if sys.platform == "linux" else [])


INTERRUPTED = """
import sys, pathlib
sys.path.insert(0, {tests!r})
import test_faults as t
engine = t.open_fake(t.LIMITS._replace(seconds=60.0))
print(engine.pid, flush=True)
try:
    engine.run(t.ask("hang"))
except KeyboardInterrupt:
    print(engine.pid, engine.run(t.ask("fine")).results[0].kind, flush=True)
{ending}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_and_the_death_of_the_parent(sent: signal.Signals) -> None:
    script = INTERRUPTED.format(tests=str(HARNESS.parent), ending="engine.close()")
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(sent)
        rest = parent.stdout.read()
        parent.wait(10)
    assert rest.strip() == ("None values" if sent == signal.SIGINT else "")
    deadline = time.monotonic() + 5
    while resident(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not resident(pid), "the worker outlived its parent"


@pytest.mark.parametrize("word", ["fine", "crash", "exit", "garbage", "wrong", "second"])
def test_many_requests_are_answered_as_one_by_one(engine: Engine, word: str) -> None:
    requests = [ask("fine")] * 70 + [ask(word, word=word)] + [ask("fine")] * 5
    answers = list(engine.run_many(requests))
    assert len(answers) == len(requests)
    kind = {"fine": "values", "exit": "crash", "wrong": "garbage", "second": "values"}
    assert [answer.results[0].kind for answer in answers[:70]] == ["values"] * 70
    assert [answer.results[0].kind for answer in answers[71:]] == ["values"] * 5
    found = answers[70].results[0]
    assert found.kind == kind.get(word, word)


def test_leaving_many_requests_early_spoils_nothing(engine: Engine) -> None:
    for answer in engine.run_many([ask("fine")] * 10):
        assert answer.results[0].kind == "values"
        break
    assert engine.run(ask("fine", "fine")).results[1].kind == "values"


def test_a_worker_outlives_the_thread_that_started_it() -> None:
    opened: list[Engine] = []
    thread = threading.Thread(target=lambda: opened.append(open_fake()))
    thread.start()
    thread.join()
    time.sleep(0.2)  # the signal would come when the thread is gone
    with opened[0] as engine:
        pid = engine.pid
        assert engine.run(ask("fine")).results[0].kind == "values"
        assert (engine.pid, engine.restarts) == (pid, 0)


def test_requests_in_between_those_sent_ahead(engine: Engine) -> None:
    answers = engine.run_many([ask("fine")] * 400)
    numbers = []
    for count, answer in enumerate(answers):
        numbers.append(answer.results[0].values[0].bits)
        if count in (0, 100, 350):
            assert engine.run(ask("fine", "fine")).results[1].kind == "values"
        if count == 200:
            assert engine.run(ask("fine", "exit")).results[1].kind == "crash"
    assert len(numbers) == 400
    assert engine.restarts == 2, "for the crash and what came after it alone"
    assert engine.run(ask("fine")).results[0].kind == "values"


def test_faults_among_many_requests_are_put_to_the_right_ones(engine: Engine) -> None:
    words = ["exit" if number in (3, 300, 301, 699) else "fine" for number in range(700)]
    answers = list(engine.run_many(ask(word) for word in words))
    kinds = {"exit": "crash", "fine": "values"}
    assert [answer.results[0].kind for answer in answers] == [kinds[word] for word in words]
    assert engine.restarts < 20


def alive(pid: int) -> bool:
    return resident(pid) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_children_of_an_engine_end_with_it(engine: Engine) -> None:
    answer = engine.run(ask("family"))
    assert answer.results[0].kind == "timeout"
    pids = [int(pid) for pid in re.findall(r"pid (\d+)", answer.results[0].tail)]
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(alive, pids))


@pytest.mark.parametrize("end", ["fine", "crash", "hang", "exit"])
def test_files_of_an_engine_go_with_it(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_fake() as engine:
        answer = engine.run(ask("litter", end))
        assert answer.results[0].kind == "values"
        assert len(list(tmp_path.iterdir())) == (1 if end == "fine" else 0)
    assert list(tmp_path.iterdir()) == []


def test_noise_on_standard_output_is_no_answer(engine: Engine) -> None:
    answer = engine.run(ask("noise", "fine", "abort"))
    assert [step.kind for step in answer.results] == ["values", "values", "crash"]
    assert "assertion failed" in answer.results[2].tail


def test_folders_of_killed_processes_are_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_fake() as engine:
        (lives,) = tmp_path.iterdir()
        left = tmp_path / f"{folders.PREFIX}left"
        fresh = tmp_path / f"{folders.PREFIX}fresh"
        for folder in (left, fresh):
            folder.mkdir()
            (folder / "file").write_text("x")
        for folder in (lives, left):
            os.utime(folder, (0, 0))
        folders._clear.cache_clear()
        with open_fake():
            assert {lives, fresh} < set(tmp_path.iterdir())
            assert not left.exists()
        assert engine.run(ask("fine")).results[0].kind == "values"
    assert list(tmp_path.iterdir()) == [fresh]
