"""Binaryen's command-line build: one process for each module, with all of wasm-opt's flags.

It runs where the library's interface has no place for a flag, and lists the passes that a
level stands for. Where no flag speaks of features, those of `STANDARD` that the release
knows are switched on, as in the library's harness: wasm-opt itself would believe the target
features section, and refuse everything else.
"""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.errors import EngineError
from plumbob.engines.process import TAIL, WATCH_INTERVAL, FaultKind, bare_environment, resident
from plumbob.engines.spawning import bounded, kill_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.process import Limits

STANDARD: Final = tuple(
    """
    mutable-globals nontrapping-float-to-int sign-ext bulk-memory bulk-memory-opt simd
    multivalue reference-types call-indirect-overlong extended-const tail-call relaxed-simd
    exception-handling typed-function-references gc memory64 multimemory threads
    """.split()
)
"""WebAssembly 3 and threads, as wasm-opt spells features."""

FEATURES: Final = re.compile(
    r"-all|-mvp|--all-features|--mvp-features|--detect-features|--(enable|disable)-.+"
)
"""Flags that speak of features."""


class Ran(NamedTuple):
    """How a process ended."""

    fault: str | None
    """One of `FaultKind`; None where all went well."""
    module: bytes
    said: str
    """All that it printed."""
    message: str = ""
    signal: str | None = None
    status: int | None = None

    @property
    def tail(self) -> str:
        """The last that it printed."""
        return self.said[-TAIL:]


class CommandLine:
    """wasm-opt of one release."""

    def __init__(self, name: str, node: str, folder: Path, limits: Limits) -> None:
        self._name = name
        self._node = node
        self._program = folder / "package" / "bin" / "wasm-opt"
        self._limits = limits
        self._known: frozenset[str] | None = None

    def published(self) -> bool:
        """Return whether the release has a command-line build."""
        return self._program.is_file()

    def optimise(self, module: bytes, flags: Sequence[str]) -> Ran:
        """Return what the flags make of a module.

        Raises `EngineError` where the release has no command-line build.
        """
        given = any(FEATURES.fullmatch(flag) for flag in flags)
        features = [] if given else [f"--enable-{name}" for name in self._standard()]
        return self._run(module, [*features, *flags])

    def _standard(self) -> list[str]:
        """Return the features of `STANDARD` that the release knows."""
        if self._known is None:
            said = self._run(b"", ["--help"]).said
            self._known = frozenset(re.findall(r"--enable-([\w-]+)", said))
        return [name for name in STANDARD if name in self._known]

    def _run(self, module: bytes, flags: Sequence[str]) -> Ran:
        if not self.published():
            raise EngineError(f"{self._name} publishes no command-line build")
        with tempfile.TemporaryDirectory(prefix="plumbob-") as name:
            source, target, log = (Path(name) / file for file in ("in.wasm", "out.wasm", "log"))
            source.write_bytes(module)
            program = [self._node, str(self._program), str(source), *flags, "-o", str(target)]
            with log.open("wb") as printed:
                process = subprocess.Popen(  # noqa: S603  # an optimiser that Plumbob installed
                    [*bounded(0), *program],
                    env={**bare_environment(), "HOME": name, "TMPDIR": name},
                    cwd=name,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    start_new_session=True,
                )
            try:
                fault = self._watch(process)
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

    def _watch(self, process: subprocess.Popen[bytes]) -> tuple[str, str] | None:
        """Wait for the end; return a fault where a limit is passed."""
        deadline = time.monotonic() + self._limits.seconds
        while time.monotonic() < deadline:
            used = resident(process.pid)
            if used > self._limits.memory:
                return FaultKind.MEMORY, f"used {used >> 20} MiB of memory"
            try:
                process.wait(WATCH_INTERVAL)
            except subprocess.TimeoutExpired:
                continue
            return None
        return FaultKind.TIMEOUT, "did not end in time"
