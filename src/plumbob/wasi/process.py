"""The guest as a process: it can end, raise signals at itself, and yield."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plumbob.wasi.constants import IGNORED_SIGNALS, SIGNALS, STOPPING_SIGNALS
from plumbob.wasi.errno import Errno, ProcExit, WasiError

if TYPE_CHECKING:
    from plumbob.wasi.state import State


def proc_exit(state: State, code: int) -> None:  # noqa: ARG001 -- every function takes the state
    """End the guest with `code`, an unsigned 32-bit number."""
    raise ProcExit(code)


def proc_raise(state: State, signal: int) -> None:  # noqa: ARG001
    """Do to the guest, never to the host, what the signal's description says is its action.

    A signal that terminates ends the guest with the exit code that a shell would report, 128 and
    the signal's number. A guest cannot be stopped: `NOTSUP`.
    """
    if signal in IGNORED_SIGNALS or SIGNALS[signal] == "cont":
        return
    if signal in STOPPING_SIGNALS:
        raise WasiError(Errno.NOTSUP)
    raise ProcExit(128 + signal)


def sched_yield(state: State) -> None:  # noqa: ARG001
    """Let the host's other threads run."""
    time.sleep(0)
