"""Guests whose waiting host is interrupted, and processes that fork: no result goes astray."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from plumbob.api import Instance, Module, Store, StoreLimits, Trap

TEXT = """(module
  (import "env" "slow" (func $slow (result i32)))
  (func (export "slow") (result i32) (call $slow))
  (func (export "spin") (loop $again (br $again)))
  (func (export "seven") (result i32) (i32.const 7)))"""

needs_posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and fork of POSIX")


def make(slow: Any = lambda: 5, limits: StoreLimits | None = None) -> Any:
    store = Store(limits or StoreLimits())
    return Instance(Module.from_text(TEXT), {"env": {"slow": slow}}, store).exports


def interrupt_after(*seconds: float) -> list[threading.Timer]:
    timers = [threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT)) for wait in seconds]
    for timer in timers:
        timer.start()
    return timers


@needs_posix
def test_an_interrupt_ends_a_guest_and_the_next_call_works() -> None:
    exports = make()
    (timer,) = interrupt_after(0.1)
    with pytest.raises(KeyboardInterrupt):
        exports["spin"]()
    timer.join()
    assert exports["seven"]() == 7


@needs_posix
def test_a_second_interrupt_does_not_hand_a_late_result_to_the_next_call() -> None:
    finish = threading.Event()

    def slow() -> int:
        finish.wait(10)
        return 5

    exports = make(slow)
    first, second = interrupt_after(0.1, 0.3)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        exports["slow"]()
    first.join()
    second.join()
    assert time.monotonic() - started < 5
    other = make()
    assert other["seven"]() == 7
    finish.set()
    assert [other["seven"](), other["seven"]()] == [7, 7]


@needs_posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_can_run_guests() -> None:
    exports = make()
    assert exports["seven"]() == 7
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os._exit(exports["seven"]())
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def test_another_thread_can_interrupt() -> None:
    exports = make(limits=StoreLimits(deadline=20))
    timer = threading.Timer(0.1, exports["spin"].store.interrupt)
    timer.start()
    with pytest.raises(Trap) as caught:
        exports["spin"]()
    timer.join()
    assert (caught.value.message, caught.value.code) == ("interrupted", "interrupted")
    assert exports["seven"]() == 7
