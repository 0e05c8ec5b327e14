"""A worker's process: started, spoken to within limits of time and memory, and buried.

Whatever the process does (dies, hangs, eats memory, writes what is no frame) comes back as
a `Fault`; nothing it does raises. It has a process group of its own, which is killed whole,
and a folder of its own, to work in and for its caches, which is removed.
Its standard output and error share a pipe whose last bytes are kept; it is emptied while
anybody waits, so that a chatty engine does not block, and never fills a disk.

Memory is bounded by a watchdog on the resident set where the engine reserves address space
far beyond its use (V8, JSC, wasmtime: guard regions), else by RLIMIT_AS.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from plumbob.engines import framing
from plumbob.engines.errors import StartError
from plumbob.engines.folders import Folder
from plumbob.engines.spawning import bounded, kill_group, spawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Frame = tuple[dict[str, Any], bytes]

WATCH_INTERVAL = 0.02
"""Seconds between two looks at a worker's memory: at 5 GB/s it gains 100 MB unseen."""

QUIET = 2.0
"""Seconds for which threads may be busy after an answer."""

IDLE_PAUSE = 0.0005
"""Seconds between two looks at a worker's threads."""

IDLE_LOOKS = 3
"""Looks in a row at which no thread may run: one may just wait for another's lock."""

TAIL = 4000
"""Bytes kept of what a worker printed last."""

PIPE = 1 << 20
"""Bytes that a pipe holds."""

PAGE = os.sysconf("SC_PAGE_SIZE")


class Limits(NamedTuple):
    """What one worker may take."""

    seconds: float = 10.0
    """For each step: compiling, instantiating, one call."""
    memory: int = 4 << 30
    """Bytes resident, or of address space where the engine tolerates that limit."""
    start: float = 60.0
    """Seconds until the worker answers for the first time."""


class FaultKind:
    """What can become of a worker."""

    CRASH: Final = "crash"
    TIMEOUT: Final = "timeout"
    MEMORY: Final = "memory"
    GARBAGE: Final = "garbage"


class Fault(NamedTuple):
    """The end of a worker."""

    kind: str
    """One of `FaultKind`."""
    message: str
    signal: str | None = None
    """The name of the signal that ended it: `SIGSEGV`."""
    status: int | None = None
    """Its exit status, where it ended by itself."""
    tail: str = ""
    """The last that it printed."""


class Command(NamedTuple):
    """How to start a worker."""

    arguments: tuple[str, ...]
    """`{in}` and `{out}` stand for the descriptors of its two pipes."""
    environment: Mapping[str, str]
    """Added to a bare environment: an engine's settings come from its name alone."""
    bounded_space: bool = False
    """Whether RLIMIT_AS bounds its memory."""
    flags: tuple[str, ...] = ()
    """Those of the engine's own arguments and settings that say how it compiles."""


class Worker:
    """One running worker process."""

    def __init__(self, command: Command, limits: Limits, subject: str) -> None:
        """Start it and wait until it is ready. Raises `StartError` where it does not come up."""
        self._limits = limits
        self._bounded = command.bounded_space
        self._buffer = bytearray()
        self._tail = bytearray()
        self._watched = 0.0
        self._fault: Fault | None = None
        self.served = 0
        """Requests sent so far."""
        self._start(command)
        try:
            ready = self.receive(limits.start)
        except BaseException:  # Ctrl-C: nobody else knows this process
            self.close()
            raise
        if isinstance(ready, Fault):
            raise StartError(
                f"{subject} does not start: it {ready.message}",
                hint=ready.tail[-500:].strip() or None,
            )
        self.about: dict[str, Any] = ready[0]
        """What the harness says of itself: the engine's own version."""

    def _start(self, command: Command) -> None:
        self._folder = Folder()
        there, self._requests = os.pipe()
        self._answers, back = os.pipe()
        self._printed, printing = os.pipe()
        own = dict.fromkeys(("HOME", "TMPDIR"), self._folder.path)
        names = {"{in}": str(there), "{out}": str(back)}
        arguments = [names.get(argument, argument) for argument in command.arguments]
        space = self._limits.memory if command.bounded_space else 0
        try:
            self._process = spawn(
                [*bounded(space), *arguments],
                env={**bare_environment(), **own, **command.environment},
                cwd=self._folder.path,
                stdin=subprocess.DEVNULL,
                stdout=printing,
                stderr=printing,
                pass_fds=(there, back),
                start_new_session=True,
            )
        except BaseException:
            for descriptor in (self._requests, self._answers, self._printed):
                os.close(descriptor)
            self._folder.close()
            raise
        finally:
            for descriptor in (there, back, printing):
                os.close(descriptor)
        for descriptor in (self._requests, self._answers, self._printed):
            os.set_blocking(descriptor, False)
        for descriptor in (self._requests, self._answers):
            _widen(descriptor)
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)
        self._poll.register(self._printed, select.POLLIN)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def alive(self) -> bool:
        """Return whether it can be sent a request: it has neither failed nor ended."""
        return self._fault is None and self._process.poll() is None

    def send(self, requests: Sequence[Frame], seconds: float) -> Fault | None:
        """Send requests; return a fault where the worker does not take them."""
        self.served += len(requests)
        frame = memoryview(b"".join(framing.encode(*request) for request in requests))
        deadline = time.monotonic() + seconds
        sent = 0
        while self._fault is None:
            try:
                sent += os.write(self._requests, frame[sent:])
            except BlockingIOError:
                self._poll.register(self._requests, select.POLLOUT)
                self._wait(deadline)
                self._poll.unregister(self._requests)
            except BrokenPipeError:
                return self._ended()
            if sent == len(frame):
                return None
        return self._fault

    def receive(self, seconds: float) -> Frame | Fault:
        """Return the next frame, or the fault that ends this worker."""
        deadline = time.monotonic() + seconds
        while self._fault is None:
            try:
                frame = framing.take(self._buffer)
            except (ValueError, RecursionError) as error:
                return self._fail(FaultKind.GARBAGE, f"wrote what is no answer: {error}")
            if frame is not None:
                return frame
            self._wait(deadline)
        return self._fault

    def proceed(self, seconds: float) -> Fault | None:
        """Let a paced worker take its next step; return a fault where it is not there."""
        fault = self.send([({}, b"")], seconds)
        self.served -= 1
        return fault

    def quiet(self) -> Fault | None:
        """Wait until none of the worker's threads runs, or it ends; return its fault then.

        A worker that has answered waits for the next request. What its other threads do
        meanwhile is still what the answered one brought: code that is compiled, objects that
        are collected. One that is busy for `QUIET` seconds is believed to be so for good.
        """
        deadline = time.monotonic() + QUIET
        idle = 0
        while self._fault is None and idle < IDLE_LOOKS:
            if self._process.poll() is not None:
                return self._ended()
            now = time.monotonic()
            if now >= deadline:
                break
            idle = 0 if busy_threads(self.pid) else idle + 1
            self._wait(min(deadline, now + IDLE_PAUSE), timeout=False)
        return self._fault

    def _wait(self, deadline: float, *, timeout: bool = True) -> None:
        """Read what there is, or notice what went wrong."""
        now = time.monotonic()
        if not self._bounded and now - self._watched >= WATCH_INTERVAL:
            self._watched = now
            used = resident(self.pid)
            if used > self._limits.memory:
                self._fail(FaultKind.MEMORY, f"used {used >> 20} MiB of memory")
                return
        if now >= deadline:
            if timeout:
                self._fail(FaultKind.TIMEOUT, "did not answer in time")
            return
        for descriptor, _ in self._poll.poll(min(deadline - now, WATCH_INTERVAL) * 1000):
            if descriptor == self._printed:
                self._drain()
            elif descriptor == self._answers:
                data = os.read(self._answers, 1 << 18)
                if not data:
                    self._ended()
                    return
                self._buffer += data

    def _drain(self) -> None:
        try:
            data = os.read(self._printed, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._printed)  # it closed them, and may live on
        self._tail += data
        del self._tail[:-TAIL]

    def _ended(self) -> Fault:
        """Return how the process ended; one that only closed its pipe is killed."""
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return self._fail(FaultKind.GARBAGE, "closed its pipe and went on")
        if status < 0:
            try:
                name = signal.Signals(-status).name
            except ValueError:
                name = f"signal {-status}"
            return self._fail(FaultKind.CRASH, f"was ended by {name}", name)
        return self._fail(FaultKind.CRASH, f"exited with status {status}", None, status)

    def _fail(
        self, kind: str, message: str, name: str | None = None, status: int | None = None
    ) -> Fault:
        self._bury()
        tail = self._tail.decode(errors="replace")
        self._fault = Fault(kind, message, name, status, tail)
        return self._fault

    def _bury(self) -> None:
        """Kill the whole group, reap the process, keep the last that it printed.

        What it wrote into its own folder goes too.
        """
        kill_group(self._process)
        for descriptor in (self._requests, self._answers):
            os.close(descriptor)
        for _ in range(16):  # what that pipe holds; a grandchild that escaped may still write
            before = len(self._tail)
            self._drain()
            if len(self._tail) == before:
                break
        os.close(self._printed)
        self._folder.close()

    def close(self) -> None:
        """End the worker; further calls do nothing."""
        if self._fault is None:
            self._fail(FaultKind.CRASH, "was closed")


def _widen(descriptor: int) -> None:
    """Let a pipe hold `PIPE` bytes, where the system can: neither side waits for the other."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # beyond what a user may have: it stays as it is
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)


def resident(pid: int) -> int:
    """Return the bytes of a process's resident set, 0 where it is gone."""
    if Path("/proc/self/statm").exists():
        return _resident_linux(pid)
    done = subprocess.run(  # noqa: S603  # macOS has no /proc
        ["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False
    )
    return int(done.stdout.strip() or b"0") << 10


def _resident_linux(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as stream:  # noqa: PTH123  # fifty times a second
            return int(stream.read().split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


def busy_threads(pid: int) -> bool:
    """Return whether a thread of a process runs, or is about to, where the system tells."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  # a thousand times a second
    except OSError:
        return False  # gone, or a system without /proc
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as stream:  # noqa: PTH123  # the same
                state = stream.read().rpartition(b")")[2].split(maxsplit=1)[0]
        except (OSError, IndexError):
            continue  # it has just ended
        if state in (b"R", b"D"):
            return True
    return False


def bare_environment() -> dict[str, str]:
    """Return what every worker gets of this process's environment."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")
    return {name: os.environ[name] for name in kept if name in os.environ}
