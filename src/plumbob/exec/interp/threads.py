"""Guests run on threads of their own, with a C stack of declared size and a deep Python stack.

Generated code calls generated code directly, and since CPython 3.11 such a call takes no C
stack; only Python's recursion limit counts it. What the versions share and where they
differ:

- 3.11: one counter bounds Python frames and C recursion alike, `sys.setrecursionlimit`
  moves both. Raised for deep guests it no longer guards C, so C recursion must be bounded
  by us: that is `Limits.host_depth`, and this thread's stack is large enough for it.
- 3.12, 3.13: `setrecursionlimit` counts Python frames alone; C recursion has a fixed limit
  of its own.
- 3.14 and later: the C limit watches the stack pointer itself, so the declared stack counts.

The recursion limit belongs to the interpreter, not to a thread. It is raised while any
guest runs and put back when the last one ends.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MARGIN: Final = 4_000
"""Python frames beyond the guest's: the host's own, and a lazy compilation at the deepest."""

_local = threading.local()


def on_guest_thread() -> bool:
    """Whether the caller runs on a guest's thread already."""
    return getattr(_local, "worker", None) is not None


class _RecursionLimit:
    """Keeps Python's recursion limit high enough while guests run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = 0
        self._raised = 0

    def acquire(self, frames: int) -> None:
        with self._lock:
            current = sys.getrecursionlimit()
            if self._users == 0:
                self._before = self._raised = current
            self._users += 1
            if frames > current:
                sys.setrecursionlimit(frames)
                self._raised = frames

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            # Somebody else's change meanwhile is not ours to undo.
            if self._users == 0 and sys.getrecursionlimit() == self._raised:
                sys.setrecursionlimit(self._before)


class _Worker:
    """A thread that runs one job at a time."""

    def __init__(self, stack_bytes: int) -> None:
        self.stack_bytes = stack_bytes
        self.wake = threading.Lock()
        self.done = threading.Lock()
        self.wake.acquire()
        self.done.acquire()
        self.job: Callable[[], Any] | None = None
        self.idle = True
        self.abandoned = False
        self.result: Any = None
        self.error: BaseException | None = None
        with _stack_size_lock:
            before = threading.stack_size(stack_bytes)
            try:
                threading.Thread(target=self._loop, name="plumbob-guest", daemon=True).start()
            finally:
                threading.stack_size(before)

    def _loop(self) -> None:
        _local.worker = self
        while True:
            self.wake.acquire()
            job = self.job
            if job is None:
                return
            try:
                self.result = job()
            except BaseException as error:  # noqa: BLE001  # the waiting thread raises it
                self.error = error
            del job
            self.job = None
            self.done.release()
            if self.abandoned:
                return

    def run(self, job: Callable[[], Any], interrupt: Callable[[], None]) -> Any:
        """Run the job and wait. Ctrl-C in the waiting thread calls `interrupt` and waits on.

        A second Ctrl-C waits no longer, say for a host function that never returns: the
        worker is abandoned to its job and no longer `idle`.
        """
        self.job = job
        self.idle = False
        self.wake.release()
        try:
            self.done.acquire()
        except BaseException:
            interrupt()
            try:
                self.done.acquire()
            except BaseException:
                self.abandoned = True
                raise
            self.result = self.error = None
            self.idle = True
            raise
        self.idle = True
        result, error = self.result, self.error
        self.result = self.error = None
        if error is not None:
            try:
                raise error
            finally:
                del error
        return result


_stack_size_lock = threading.Lock()
_idle: dict[int, list[_Worker]] = {}
_recursion = _RecursionLimit()


def run_on_guest_thread(
    job: Callable[[], Any], frames: int, stack_bytes: int, interrupt: Callable[[], None]
) -> Any:
    """Run `job` on a guest thread and return what it returns, or raise what it raises.

    `frames` is how deep its Python frames may go. `interrupt` must make the job end soon;
    it is called where the waiting thread is interrupted.
    """
    pool = _idle.setdefault(stack_bytes, [])
    try:
        worker = pool.pop()
    except IndexError:
        worker = _Worker(stack_bytes)
    _recursion.acquire(frames + MARGIN)
    try:
        return worker.run(job, interrupt)
    finally:
        _recursion.release()
        if worker.idle:
            pool.append(worker)


def _after_fork() -> None:
    """Forget the threads of the parent: they do not run in the child."""
    global _stack_size_lock  # noqa: PLW0603  # somebody may have held it
    _stack_size_lock = threading.Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
