"""A program that is started for one module: what goes in, what comes out, how it ends.

It gets a folder of its own, to work in and as its home, which goes with it, a process group,
which is killed whole, and limits of time and memory. Whatever it does is in the result.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.process import TAIL, WATCH_INTERVAL, FaultKind, bare_environment, resident
from plumbob.engines.spawning import bounded, kill_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.process import Limits

SOURCE, TARGET = "{in}", "{out}"
"""Words, or parts of words, that stand for the files of the module and of what is made of it."""


class Ran(NamedTuple):
    """How a process ended."""

    fault: str | None
    """One of `FaultKind`; None where all went well."""
    module: bytes
    """What it left in `TARGET`, empty where that is nothing."""
    said: str
    """All that it printed."""
    message: str = ""
    signal: str | None = None
    status: int | None = None

    @property
    def tail(self) -> str:
        """The last that it printed."""
        return self.said[-TAIL:]


def run_program(words: Sequence[str], module: bytes, limits: Limits) -> Ran:
    """Return what becomes of a module under a program, whose first word is a whole path.

    Raises `OSError` where the program cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="plumbob-") as name:
        source, target, log = (Path(name) / file for file in ("in.wasm", "out.wasm", "log"))
        source.write_bytes(module)
        program = [word.replace(SOURCE, str(source)).replace(TARGET, str(target)) for word in words]
        with log.open("wb") as printed:
            process = subprocess.Popen(  # noqa: S603  # what Plumbob installed, or its user named
                [*bounded(0), *program],
                env={**bare_environment(), "HOME": name, "TMPDIR": name},
                cwd=name,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        try:
            fault = _watch(process, limits)
        finally:
            kill_group(process)
        said = log.read_text(errors="replace")
        if fault is not None:
            return Ran(fault[0], b"", said, fault[1])
        status = process.returncode
        if status == 0:
            return Ran(None, target.read_bytes() if target.is_file() else b"", said)
    ended = signal.Signals(-status).name if status < 0 else None
    message = f"was ended by {ended}" if ended else f"exited with status {status}"
    return Ran(FaultKind.CRASH, b"", said, message, ended, None if ended else status)


def _watch(process: subprocess.Popen[bytes], limits: Limits) -> tuple[str, str] | None:
    """Wait for the end; return a fault where a limit is passed."""
    deadline = time.monotonic() + limits.seconds
    while time.monotonic() < deadline:
        used = resident(process.pid)
        if used > limits.memory:
            return FaultKind.MEMORY, f"used {used >> 20} MiB of memory"
        try:
            process.wait(WATCH_INTERVAL)
        except subprocess.TimeoutExpired:
            continue
        return None
    return FaultKind.TIMEOUT, "did not end in time"
