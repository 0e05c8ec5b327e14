"""Signal handlers stay as they were found, whatever an import does to them.

Importing gmpy2 installs a handler of SIGFPE in C, behind Python's back. In a process that
also has an engine which turns that signal into a trap (wasmtime, for a division by zero),
the engine's handler is gone from then on, and the next such division ends the process. So
the handlers are read with sigaction(2) before such an import, and put back behind it.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM: Final = 1024
"""Bytes for a `struct sigaction`, more than any system's: it is read and written whole."""

FIXED: Final = frozenset({signal.SIGKILL, signal.SIGSTOP})
"""Signals whose handling cannot be changed."""


@contextlib.contextmanager
def kept_handlers() -> Iterator[None]:
    """Put the handlers of all signals back at the end, as C sees them.

    Raises `OSError` where the system refuses to say what they are.
    """
    sigaction = ctypes.CDLL(None, use_errno=True).sigaction
    before = {}
    for number in sorted(signal.valid_signals() - FIXED):
        held = ctypes.create_string_buffer(ROOM)
        if sigaction(int(number), None, held) == 0:
            before[number] = held
    if not before:
        raise OSError(ctypes.get_errno(), "sigaction")
    try:
        yield
    finally:
        for number, held in before.items():
            sigaction(int(number), held, None)
