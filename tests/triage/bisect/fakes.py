"""A judge with planted verdicts, a cache with releases that nobody could run."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from plumbob.engines.spec import parse_spec
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from plumbob.engines.cache import Cache

LETTERS = {"g": GOOD, "b": BAD, "u": UNSUPPORTED}
"""How patterns of results are written."""


class FakeJudge:
    """Looks verdicts up by release; remembers what it was asked."""

    def __init__(self, results: Mapping[str, str], program: str = "p") -> None:
        self.results = dict(results)
        self.program = program
        self.asked: list[str] = []
        self.before: Callable[[str], None] = lambda engine: None  # noqa: ARG005  # does nothing

    @property
    def identity(self) -> Mapping[str, object]:
        return {"program": self.program}

    def judge(self, engine: str) -> Verdict:
        self.before(engine)
        self.asked.append(engine)
        spec = parse_spec(engine)
        result = LETTERS[self.results[engine if engine in self.results else spec.version or ""]]
        return Verdict(result, f"{engine} gave {result}", "210" if result == BAD else "")

    def judge_optimised(self, module: bytes) -> Verdict:
        raise NotImplementedError(len(module))


def publish(cache: Cache, kind: str, versions: Sequence[str]) -> None:
    """Let the registry's answer be remembered, as if it had been asked just now."""
    cache.releases_folder.mkdir(parents=True, exist_ok=True)
    answer = {"asked": time.time(), "releases": list(versions)}
    (cache.releases_folder / f"{kind}.json").write_text(json.dumps(answer))


def fill(folder: Path) -> None:
    (folder / "engine").write_bytes(b"x" * 4096)
