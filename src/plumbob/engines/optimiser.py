"""An optimiser that turns modules into others: before and after, for a trusted engine.

Binaryen runs as a library in a Node process that takes modules in turn. Its command-line
build, which newer releases publish beside the library, runs where a flag has no place in
the library's interface, and tells the passes that a level stands for.
"""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plumbob.engines import workers
from plumbob.engines.engine import Served
from plumbob.engines.errors import EngineError
from plumbob.engines.process import TAIL, Command, Fault, FaultKind, bare_environment
from plumbob.engines.request import OutcomeKind
from plumbob.engines.spawning import bounded, kill_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.process import Limits
    from plumbob.engines.spec import EngineSpec

INVALID = "invalid"
"""The optimiser itself finds its output invalid."""

NO_API = re.compile(r"-O4|--converge|-c|--fuzz-.*|--translate-.*|--generate-global-effects=.*")
"""Flags that the library has no place for, or (-O4) takes otherwise than the command line."""

_LOGGED = re.compile(
    r"running pass: (?P<name>[^\s.]+)\.\.\."
    r"|running (?P<enter>nested) passes|(?P<leave>nested) passes took"
)


@dataclass(frozen=True)
class Optimised:
    """What an optimiser made of a module."""

    kind: str
    """`ok`, `rejected` (it calls the input invalid), `invalid` (its own output),
    `unsupported`, or one of `FaultKind`."""
    module: bytes = b""
    message: str = ""
    signal: str | None = None
    status: int | None = None
    tail: str = ""
    retried: str | None = None
    """The fault of a first attempt, in a worker that had served others."""


class Optimiser(Served):
    """Binaryen in a Node process."""

    def __init__(
        self, spec: EngineSpec, version: str, node: str, folder: Path, limits: Limits
    ) -> None:
        harness = str(Path(workers.__file__).parent / "binaryen.mjs")
        flags = tuple(spec.option("passes").split())
        command = Command((node, harness, "{in}", "{out}", str(folder)), {}, flags=flags)
        super().__init__(spec, version, command, limits)
        self._node = node
        self._folder = folder

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that the specification names, in order."""
        return tuple(self.spec.option("passes").split())

    def optimise(
        self,
        module: bytes,
        flags: Sequence[str] | None = None,
        function: str | None = None,
        *,
        last: bool = False,
    ) -> Optimised:
        """Return the module that `flags` (by default the specification's) make of `module`.

        With `function`, the internal name of one, passes run on that function alone; with
        `last` only the last of them does, behind the others on the whole module.
        Raises `StartError` where the optimiser died and does not start again.
        """
        flags = self.flags if flags is None else tuple(flags)
        if function is None and any(NO_API.fullmatch(flag) for flag in flags):
            return self._by_command(module, flags)
        worker = self._ready()
        fresh = worker.served == 0
        answer = self._attempt(module, flags, function, last=last)
        if answer.kind not in _FAULTS or fresh:
            return answer
        second = self._attempt(module, flags, function, last=last)
        return Optimised(**{**second.__dict__, "retried": answer.kind})

    def _attempt(
        self, module: bytes, flags: Sequence[str], function: str | None, *, last: bool
    ) -> Optimised:
        worker = self._ready()
        request = {"op": "optimise", "flags": list(flags), "function": function, "last": last}
        try:
            fault = worker.send([(request, module)], self.limits.seconds)
            frame = fault if fault is not None else worker.receive(self.limits.seconds)
        except BaseException:  # Ctrl-C: the answer must not meet the next request
            self._drop()
            raise
        if isinstance(frame, Fault):
            self._drop()
            return Optimised(frame.kind, b"", frame.message, frame.signal, frame.status, frame.tail)
        data, blob = frame
        kind, message = data.get("kind"), data.get("message", "")
        if kind not in _KINDS or not isinstance(message, str):
            self._drop()
            return Optimised(FaultKind.GARBAGE, message=f"answered with {data!r:.200}")
        if kind == FaultKind.CRASH:
            self._drop()
        return Optimised(kind, blob, message)

    def expanded_passes(self, module: bytes, flags: Sequence[str] | None = None) -> list[str]:
        """Return the passes that the flags run on a module, in order, nested ones aside.

        Told by the command-line build. Raises `EngineError` where the release has none, or
        it fails on the module.
        """
        flags = self.flags if flags is None else tuple(flags)
        # Releases up to 101 take the argument behind a bare `--debug` for its own.
        answer, said = self._command_line(module, [*flags, "--debug=pass"])
        if answer.kind != OutcomeKind.OK:
            raise EngineError(f"{self.spec.text} does not list its passes", found=answer.message)
        return top_level_passes(said)

    def _by_command(self, module: bytes, flags: Sequence[str]) -> Optimised:
        try:
            return self._command_line(module, flags)[0]
        except EngineError as error:
            return Optimised(OutcomeKind.UNSUPPORTED, message=error.message)

    def _command_line(self, module: bytes, flags: Sequence[str]) -> tuple[Optimised, str]:
        """Run the command-line build; return the outcome, and all that it printed."""
        program = self._folder / "package" / "bin" / "wasm-opt"
        if not program.is_file():
            raise EngineError(f"binaryen=={self.version} publishes no command-line build")
        with tempfile.TemporaryDirectory(prefix="plumbob-") as name:
            source, target, log = (Path(name) / file for file in ("in.wasm", "out.wasm", "log"))
            source.write_bytes(module)
            command = [
                *bounded(0), self._node, str(program), str(source), *flags, "-o", str(target),
            ]  # fmt: skip
            with log.open("wb") as printed:
                process = subprocess.Popen(  # noqa: S603  # an optimiser that Plumbob installed
                    command,
                    env=bare_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    start_new_session=True,
                )
            try:
                status = process.wait(self.limits.seconds)
            except subprocess.TimeoutExpired:
                return Optimised(FaultKind.TIMEOUT, message="did not end in time"), ""
            finally:
                kill_group(process)
            said = log.read_text(errors="replace")
            if status == 0 and target.is_file():
                return Optimised(OutcomeKind.OK, target.read_bytes()), said
        tail = said[-TAIL:]
        ended = signal.Signals(-status).name if status < 0 else None
        message = f"was ended by {ended}" if ended else f"exited with status {status}"
        return Optimised(FaultKind.CRASH, b"", message, ended, max(status, 0), tail), said


def top_level_passes(log: str) -> list[str]:
    """Return the passes that a log of `--debug=pass` names, those aside that a pass runs."""
    passes, depth = [], 0
    for match in _LOGGED.finditer(log):
        depth += (match["enter"] is not None) - (match["leave"] is not None)
        if match["name"] and depth == 0:
            passes.append(match["name"])
    return passes


_FAULTS = (FaultKind.CRASH, FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.GARBAGE)
_KINDS = (
    OutcomeKind.OK, OutcomeKind.REJECTED, INVALID, OutcomeKind.UNSUPPORTED, FaultKind.CRASH,
)  # fmt: skip
