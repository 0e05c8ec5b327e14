"""An optimiser that turns modules into others: before and after, for a trusted engine.

Binaryen runs as a library in a Node process that takes modules in turn. Its command-line
build, which newer releases publish beside the library, runs where a flag has no place in
the library's interface, and tells the passes that a level stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plumbob.engines import workers
from plumbob.engines.command_line import FEATURES, STANDARD, CommandLine
from plumbob.engines.engine import Served
from plumbob.engines.errors import EngineError
from plumbob.engines.process import Command, Fault, FaultKind
from plumbob.engines.request import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plumbob.engines.process import Limits
    from plumbob.engines.spec import EngineSpec

INVALID = "invalid"
"""The optimiser itself finds its output invalid."""

NO_PLACE = "no-place"
"""The harness's word for a flag that the library's interface has no place for."""

NO_API = re.compile(r"-O4|--converge|-c|--fuzz-.*|--translate-.*|--generate-global-effects=.*")
"""Flags that the library has no place for, or (-O4) takes otherwise than the command line."""

CLOSED_WORLD: Final = "closed world"
NEVER_TRAPS: Final = "traps never happen"
NO_IMPLICIT_TRAPS: Final = "implicit traps never happen"
FAST_MATH: Final = "fast math"
LOW_UNUSED: Final = "low memory unused"
ZERO_FILLED: Final = "zero-filled memory"

_ASSUMPTIONS: Final = {
    "--closed-world": CLOSED_WORLD,
    "-cw": CLOSED_WORLD,
    "--traps-never-happen": NEVER_TRAPS,
    "-tnh": NEVER_TRAPS,
    "--ignore-implicit-traps": NO_IMPLICIT_TRAPS,
    "-iit": NO_IMPLICIT_TRAPS,
    "--fast-math": FAST_MATH,
    "-ffm": FAST_MATH,
    "--low-memory-unused": LOW_UNUSED,
    "-lmu": LOW_UNUSED,
    "--zero-filled-memory": ZERO_FILLED,
    "-uim": ZERO_FILLED,
}
"""Flags of wasm-opt that let it believe of the program what need not be so."""


def assumptions(flags: Iterable[str]) -> frozenset[str]:
    """Return what an optimiser is told by its flags to believe of the program."""
    return frozenset(_ASSUMPTIONS[flag] for flag in flags if flag in _ASSUMPTIONS)


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
        self._command_line = CommandLine(f"binaryen=={version}", node, folder, limits)

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
        unknown = answer.kind == OutcomeKind.UNSUPPORTED and _NO_PASS.search(answer.message)
        if answer.kind == NO_PLACE or unknown:
            if function is None and self._command_line.published():
                return self._by_command(module, flags)
            return replace(answer, kind=OutcomeKind.UNSUPPORTED)
        if answer.kind not in _FAULTS or fresh:
            return answer
        second = self._attempt(module, flags, function, last=last)
        return replace(second, retried=answer.kind)

    def _attempt(
        self, module: bytes, flags: Sequence[str], function: str | None, *, last: bool
    ) -> Optimised:
        worker = self._ready()
        request = {
            "flags": list(flags),
            "function": function,
            "last": last,
            "standard": [] if any(map(FEATURES.fullmatch, flags)) else STANDARD,
        }
        try:
            fault = worker.send([(request, module)], self.limits.seconds)
            frame = fault if fault is not None else worker.receive(self.limits.seconds)
        except BaseException:  # Ctrl-C: the answer must not meet the next request
            self._drop()
            raise
        if isinstance(frame, Fault):
            self._drop()
            ended = Optimised(
                frame.kind, b"", frame.message, frame.signal, frame.status, frame.tail
            )
            return told(ended, frame.tail)
        data, blob = frame
        kind, message = data.get("kind"), data.get("message", "")
        if kind not in _KINDS or not isinstance(message, str):
            self._drop()
            return Optimised(FaultKind.GARBAGE, message=f"answered with {data!r:.200}")
        if kind == FaultKind.CRASH:
            self._drop()
        said = f"{data.get('said', '')}\n{message}"
        return told(Optimised(kind, blob, message), said)

    def expanded_passes(self, module: bytes, flags: Sequence[str] | None = None) -> list[str]:
        """Return the passes that the flags run on a module, in order, nested ones aside.

        Told by the command-line build. Where it fails on the module, it tells what it runs
        on an empty one. Raises `EngineError` where the release has none, or fails on both.
        """
        flags = self.flags if flags is None else tuple(flags)
        # Releases up to 101 take the argument behind a bare `--debug` for its own.
        ran = self._command_line.optimise(module, [*flags, "--debug=pass"])
        if ran.fault is not None:
            ran = self._command_line.optimise(_EMPTY_MODULE, [*flags, "--debug=pass"])
        if ran.fault is not None:
            raise EngineError(f"{self.spec.text} does not list its passes", found=ran.message)
        return top_level_passes(ran.said)

    def _by_command(self, module: bytes, flags: Sequence[str]) -> Optimised:
        try:
            ran = self._command_line.optimise(module, flags)
        except EngineError as error:
            return Optimised(OutcomeKind.UNSUPPORTED, message=error.message)
        if ran.fault is None:
            if not ran.module:
                return Optimised(FaultKind.GARBAGE, message="left no module", tail=ran.tail)
            return Optimised(OutcomeKind.OK, ran.module)
        return told(
            Optimised(ran.fault, b"", ran.message, ran.signal, ran.status, ran.tail), ran.tail
        )


def told(answer: Optimised, said: str) -> Optimised:
    """Return an outcome for which the library's own words give the reason.

    It ends its process on whatever it does not like, in most releases with status 1; what
    it printed before tells an option that it has not from a fault.
    """
    if answer.signal is not None or answer.kind not in (FaultKind.CRASH, OutcomeKind.REJECTED):
        return answer
    for words, kind in _WORDS:
        found = words.search(said)
        if found is not None:
            line = said[said.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0].strip()
            return Optimised(kind, message=line, tail=answer.tail)
    reason = _REASON.search(said)
    return replace(answer, message=reason[0].strip()) if reason else answer


_NO_PASS = re.compile(r"[Cc]ould not find pass")
"""What the library says of a flag that may be one of the command line's alone."""

_WORDS = (
    (re.compile(r"Unknown option|[Cc]ould not find pass"), OutcomeKind.UNSUPPORTED),
    (re.compile(r"parse exception|error in parsing|error parsing wasm"), OutcomeKind.UNSUPPORTED),
    (re.compile(r"\[--enable-|requires? .* to be enabled|all used features"),
     OutcomeKind.UNSUPPORTED),
    (re.compile(r"\bunimplemented\b"), OutcomeKind.UNSUPPORTED),
    (re.compile(r"error validating input"), OutcomeKind.REJECTED),
    (re.compile(r"error after opts|error in optimized"), INVALID),
)  # fmt: skip
"""What the library says, and what that means. A module that it cannot read uses a feature
that the release does not know: who asks has found the module valid."""


_REASON = re.compile(r"^.*(?:UNREACHABLE executed|Assertion failed|Fatal: ).*$", re.MULTILINE)
"""A line that says more of a crash than the last one."""


def top_level_passes(log: str) -> list[str]:
    """Return the passes that a log of `--debug=pass` names, those aside that a pass runs."""
    passes, depth = [], 0
    for match in _LOGGED.finditer(log):
        depth += (match["enter"] is not None) - (match["leave"] is not None)
        if match["name"] and depth == 0:
            passes.append(match["name"])
    return passes


_EMPTY_MODULE = b"\0asm\1\0\0\0"
_FAULTS = (FaultKind.CRASH, FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.GARBAGE)
_KINDS = (OutcomeKind.OK, OutcomeKind.REJECTED, INVALID, NO_PLACE, FaultKind.CRASH)
