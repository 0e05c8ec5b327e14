"""Tools that only say whether a module is valid: who accepts it is a question of its own.

They have the face of an engine that is done when it has compiled: the steps behind that are
skipped, and nobody is compared on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from plumbob.engines.kinds import KINDS
from plumbob.engines.program import SOURCE, run_program
from plumbob.engines.request import Answer, Outcome, OutcomeKind
from plumbob.engines.traps import judge
from plumbob.runtime.closing import Closing

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.engines.cache import Held
    from plumbob.engines.process import Limits
    from plumbob.engines.program import Ran
    from plumbob.engines.request import Request
    from plumbob.engines.spec import EngineSpec

_WORDS: Final = {
    "wasm-tools": ("validate", SOURCE),
    "wabt": ("--enable-all", SOURCE),
}
"""Arguments of each kind's program. wasm-tools has on by default what is standard, and threads;
wabt has most of what is standard off."""


class Validator(Closing):
    """A validator, one process for each module."""

    def __init__(self, spec: EngineSpec, version: str, folder: Path, limits: Limits) -> None:
        self.spec = spec
        self.version = version
        self.limits = limits
        given = tuple(f"--{name}={value}" for name, value in spec.options)
        self._program = (str(folder / str(KINDS[spec.kind].binary)), *_WORDS[spec.kind], *given)
        self._held: list[Held] = []
        self.about: dict[str, Any] = {"version": version, "flags": list(given)}

    def keep(self, *held: Held) -> Self:
        """Keep folders of the cache from removal until `close`."""
        self._held.extend(held)
        return self

    def run(self, request: Request) -> Answer:
        """Return whether the module of a request is accepted; nothing else is done with it."""
        ran = run_program(self._program, request.module, self.limits)
        skipped = Outcome(OutcomeKind.SKIPPED)
        return Answer(self._outcome(ran), skipped, (skipped,) * len(request.calls))

    def _outcome(self, ran: Ran) -> Outcome:
        if ran.fault is None:
            return Outcome(OutcomeKind.OK)
        if ran.status == 1:
            kind, _ = judge(self.spec.kind, OutcomeKind.REJECTED, "", ran.said)
            return Outcome(kind, message=_reason(ran.said))
        return Outcome(
            ran.fault, message=ran.message, signal=ran.signal, status=ran.status, tail=ran.tail
        )

    def answers(self, request: Request) -> tuple[Answer, ...]:
        """Return the answer of `run`: there is never another."""
        return (self.run(request),)

    def close(self) -> None:
        """Let go of the cache's folders; further calls do nothing."""
        while self._held:
            self._held.pop().close()


def _reason(said: str) -> str:
    """Return the line that says what is wrong, the last of those that end a chain of causes."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("0: ")), lines[0] if lines else "")
