"""The reducer: attempts, and what is kept of them.

Laws, which the tests hold it to:

- What is kept passed the predicate, and is smaller (`Draft.key`) than what was kept before:
  so reduction ends, whatever a pass proposes.
- Progress is deterministic: passes run in a stated order, each proposes by the draft alone.
- A draft is tried once; a module that does not validate is never put to the predicate.
- The best so far is at hand at any moment, and given to `keep` whenever it changes.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Final

from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.triage.reduce.draft import Draft

    Pass = Callable[["Reducer"], None]

ATTEMPTS: Final = 20_000
"""How often the predicate is asked at most."""


class OutOfBudgetError(Exception):
    """Raised inside the reducer alone: no more attempts."""


class Reducer:
    """Makes a draft smaller while a predicate holds."""

    def __init__(
        self,
        draft: Draft,
        interesting: Callable[[Draft], bool],
        *,
        attempts: int = ATTEMPTS,
        seconds: float | None = None,
        keep: Callable[[Draft], None] | None = None,
    ) -> None:
        """Take a draft for which the predicate holds; `attempts` and `seconds` bound the work."""
        self.best = draft
        self.tried = 0
        """How often the predicate was asked."""
        self.invalid = 0
        """How many proposals did not validate."""
        self._interesting = interesting
        self._left = attempts
        self._until = None if seconds is None else time.monotonic() + seconds
        self._seen: set[bytes] = {self._digest(draft)}
        self._keep = keep

    @staticmethod
    def _digest(draft: Draft) -> bytes:
        calls = repr(draft.invocations).encode()
        return hashlib.blake2b(draft.binary + calls, digest_size=16).digest()

    def attempt(self, draft: Draft) -> bool:
        """Keep a draft if it is smaller, valid, and the predicate holds for it."""
        if self._left <= 0 or (self._until is not None and time.monotonic() > self._until):
            raise OutOfBudgetError
        if draft.key >= self.best.key:
            return False
        digest = self._digest(draft)
        if digest in self._seen:
            return False
        self._seen.add(digest)
        if not is_valid(draft.binary):
            self.invalid += 1
            return False
        self.tried += 1
        self._left -= 1
        if not self._interesting(draft):
            return False
        self.best = draft
        if self._keep is not None:
            self._keep(draft)
        return True

    def run(self, passes: Sequence[Pass]) -> Draft:
        """Run passes in order, again and again until none makes progress or the budget ends."""
        try:
            while True:
                before = self.best.key
                for each in passes:
                    each(self)
                if self.best.key == before:
                    break
        except OutOfBudgetError:
            pass
        return self.best


def is_valid(binary: bytes) -> bool:
    """Return whether a module decodes and validates."""
    try:
        return validate(decode(binary, features=features.ALL), features=features.ALL).ok
    except MalformedError:
        return False
