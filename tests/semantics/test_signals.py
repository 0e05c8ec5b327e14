"""Importing what changes signal handlers leaves them as they were, seen from C."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys

import pytest

from plumbob.semantics.signals import kept_handlers

DIVIDE = """
from wasmtime import Engine, Func, Instance, Module, Store, Trap
def divide():
    store = Store(Engine())
    module = Module(store.engine, '''(module (func (export "f") (param i32) (result i32)
      (i32.div_u (i32.const 1) (local.get 0))))''')
    function = Instance(store, module, []).exports(store)["f"]
    try:
        function(store, 0)
    except Trap as trap:
        assert "divide by zero" in str(trap)
    else:
        raise AssertionError("no trap")
"""

OURS = """
from plumbob import api
def fused():
    module = api.Module.from_text('''(module (func (export "f") (result v128) (f32x4.relaxed_madd
      (v128.const f32x4 1 2 3 4) (v128.const f32x4 5 6 7 8) (v128.const f32x4 9 10 11 12))))''')
    api.Instance(module).exports.f()
    import sys
    assert "gmpy2" in sys.modules
"""


@pytest.mark.parametrize("order", ["divide(); fused(); divide()", "fused(); divide(); fused()"])
def test_wasmtime_in_the_same_process_still_traps(order: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{DIVIDE}\n{OURS}\n{order}\ndivide()\nprint('fine')"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_a_handler_in_c_is_put_back() -> None:
    """A planted change, made with signal(2) as a library would make it."""
    libc = ctypes.CDLL(None)
    libc.signal.restype = ctypes.c_void_p
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    ignore = 1
    number = signal.SIGUSR2
    before = libc.signal(number, None)
    try:
        libc.signal(number, ignore)
        with kept_handlers():
            libc.signal(number, None)
        assert libc.signal(number, None) == ignore
    finally:
        libc.signal(number, before)
