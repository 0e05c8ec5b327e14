"""A judge with planted verdicts, a cache with releases that nobody could run."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from plumbob.engines.spec import parse_spec
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plumbob.engines.cache import Cache
    from plumbob.engines.optimiser import Optimised

LETTERS = {"g": GOOD, "b": BAD, "u": UNSUPPORTED}
"""How patterns of results are written."""


def _nothing(engine: str) -> None:
    assert engine


class FakeJudge:
    """Looks verdicts up by release; remembers what it was asked."""

    def __init__(self, results: Mapping[str, str], program: str = "p") -> None:
        self.results = dict(results)
        self.program = program
        self.asked: list[str] = []
        self.prepared = False
        self.before = self.after = _nothing

    @property
    def identity(self) -> Mapping[str, object]:
        return {"program": self.program}

    def prepare(self) -> None:
        self.prepared = True

    def run(self, engine: str) -> str:
        assert self.prepared
        self.before(engine)
        return f"{engine} ran"

    def compare(self, engine: str, ran: str) -> Verdict:
        assert ran == f"{engine} ran"
        self.after(engine)
        self.asked.append(engine)
        spec = parse_spec(engine)
        result = LETTERS[self.results[engine if engine in self.results else spec.version or ""]]
        return Verdict(result, "test()", f"gave {result}", "210" if result == BAD else "")

    def focus(self, engine: str) -> bytes:
        raise NotImplementedError(engine)

    def judge_optimised(self, engine: str, optimised: Optimised) -> Verdict:
        raise NotImplementedError(engine, optimised)


def publish(cache: Cache, kind: str, versions: Sequence[str]) -> None:
    """Let the registry's answer be remembered, as if it had been asked just now."""
    cache.releases_folder.mkdir(parents=True, exist_ok=True)
    answer = {"asked": time.time(), "releases": list(versions)}
    (cache.releases_folder / f"{kind}.json").write_text(json.dumps(answer))
