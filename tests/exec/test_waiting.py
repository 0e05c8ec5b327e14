"""A guest that waits for a notify ends when its caller wants it to."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, Module, Store, Trap
from plumbob.wasm import features

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode

TEXT = """(module (memory 1 1 shared)
  (func (export "wait") (param $nanoseconds i64) (result i32)
    (memory.atomic.wait32 (i32.const 0) (i32.const 0) (local.get $nanoseconds)))
  (func (export "notify") (result i32) (memory.atomic.notify (i32.const 0) (i32.const 9))))"""
FOREVER = -1
SOON = 10.0
"""Seconds that nothing here takes, on a busy machine either."""


def guest(mode: Mode) -> tuple[Any, Store]:
    store = Store(mode=mode)
    module = Module.from_text(TEXT, features=features.DEFAULT | features.THREADS)
    return Instance(module, None, store).exports, store


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_an_interrupt_from_the_keyboard_ends_it(mode: Mode) -> None:
    exports, _ = guest(mode)
    for _ in range(2):
        began = time.monotonic()
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            exports["wait"](FOREVER)
        timer.join()
        assert time.monotonic() - began < SOON
    # Nobody is left waiting, and the next call works.
    assert exports["notify"]() == 0
    assert exports["wait"](1_000_000) == 2


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_an_interrupt_of_the_store_ends_it(mode: Mode) -> None:
    exports, store = guest(mode)
    timer = threading.Timer(0.2, store.interrupt)
    timer.start()
    with pytest.raises(Trap, match="interrupted"):
        exports["wait"](FOREVER)
    timer.join()
    assert exports["notify"]() == 0
    assert exports["wait"](0) == 2
