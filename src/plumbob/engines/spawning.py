"""Processes that end with this one, started from a thread that lives as long as this process does.

Linux sends the parent-death signal, which keeps a worker from outliving us, when the thread
that started the worker ends. An engine that is opened in a thread of a pool would die with
that thread, although we live on. Elsewhere there is no such signal, and no harm in it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plumbob.engines.workers import launch

if TYPE_CHECKING:
    from collections.abc import Sequence

    _Order = tuple[Sequence[str], dict[str, Any], Future[subprocess.Popen[Any]]]


def bounded(space: int) -> list[str]:
    """Return the command before a command that has it end with this process.

    `space` bounds its address space in bytes; 0 does not.
    """
    launcher = [sys.executable, "-I", "-S", str(Path(launch.__file__))]
    return [*launcher, str(os.getpid()), str(space)]


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that has a group of its own, and all that is in it, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def spawn(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a process that may live until this one ends; takes and raises what Popen does."""
    if threading.current_thread() is threading.main_thread():
        return subprocess.Popen(arguments, **options)  # noqa: S603  # an engine that we installed
    started: Future[subprocess.Popen[Any]] = Future()
    _orders().put((arguments, options, started))
    return started.result()


_lock = threading.Lock()
_queues: dict[int, queue.SimpleQueue[_Order]] = {}
"""By process: a fork takes the queue along, and not the thread."""


def _orders() -> queue.SimpleQueue[_Order]:
    with _lock:
        found = _queues.get(os.getpid())
        if found is None:
            found = queue.SimpleQueue()
            _queues.clear()
            _queues[os.getpid()] = found
            threading.Thread(
                target=_serve, args=(found,), name="plumbob-spawn", daemon=True
            ).start()
        return found


def _serve(orders: queue.SimpleQueue[_Order]) -> None:
    while True:
        arguments, options, started = orders.get()
        try:
            started.set_result(subprocess.Popen(arguments, **options))  # noqa: S603  # as above
        except BaseException as error:  # noqa: BLE001  # it is raised where the order came from
            started.set_exception(error)
