"""Verdicts of earlier runs, kept beside the engines so that a second bisection is instant.

One file holds the verdicts on one program, called in one way, of one engine with one set of
options, by release. Its name is a hash of all that verdicts rest on, Plumbob's own code
included. A file that is damaged, or is about something else, counts as none and is written
anew. Two processes may write at once: each adds to what is there, under a lock.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plumbob
from plumbob.engines.locks import FileLock
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = 1000
"""Files that are kept; those written least recently go. Some kilobytes each."""

_RESULTS = (GOOD, BAD, UNSUPPORTED)


class Store:
    """The verdicts of one program on the releases of one engine with its options."""

    def __init__(self, folder: Path, about: Mapping[str, object]) -> None:
        """`about` is all that a verdict rests on but the release, as JSON."""
        self._about = {**about, "plumbob": own_version()}
        text = json.dumps(self._about, sort_keys=True)
        self._about = json.loads(text)  # as it comes back from a file
        self._folder = folder
        self._file = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
        self._verdicts = self._read()

    def get(self, version: str) -> Verdict | None:
        """Return the verdict on a release, or None where none is known."""
        return self._verdicts.get(version)

    def put(self, version: str, verdict: Verdict) -> None:
        """Keep a verdict. A disk that is full, or not ours, costs the memory alone."""
        self._verdicts[version] = verdict
        beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with suppress(OSError), FileLock(self._folder / ".lock") as lock:
            lock.claim()
            self._verdicts = {**self._read(), **self._verdicts}
            data = {"about": self._about, "verdicts": self._verdicts}
            try:
                beside.write_text(json.dumps(data, indent=1))
                beside.replace(self._file)
            finally:  # Ctrl-C too
                beside.unlink(missing_ok=True)
            self._prune()

    def _read(self) -> dict[str, Verdict]:
        try:
            data = json.loads(self._file.read_text())
            if data["about"] != self._about:
                return {}
            return {str(version): _verdict(item) for version, item in data["verdicts"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}  # none yet, or damaged: everything is tried again

    def _prune(self) -> None:
        files = list(self._folder.glob("*.json"))
        if len(files) > KEPT:
            files.sort(key=lambda file: (file.stat().st_mtime, file.name))
            for file in files[:-KEPT]:
                file.unlink(missing_ok=True)


class Forgetful(Store):
    """Keeps nothing beyond this run: what a user's command is today says nothing of tomorrow."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._verdicts = {}

    def put(self, version: str, verdict: Verdict) -> None:
        """Remember a verdict."""
        self._verdicts[version] = verdict


def _verdict(item: Any) -> Verdict:
    result, *told = item
    if result not in _RESULTS or len(told) != 3 or not all(isinstance(one, str) for one in told):
        raise ValueError(item)
    return Verdict(result, *told)


@cache
def own_version() -> str:
    """Return Plumbob's version with a hash of its code: who changes that asks anew."""
    root = Path(plumbob.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".pyx", ".pxi", ".mjs"):
            digest.update(str(file.relative_to(root)).encode() + b"\0")
            digest.update(file.read_bytes())
    return f"{plumbob.__version__}+{digest.hexdigest()[:16]}"
