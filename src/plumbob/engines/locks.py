"""Locks between processes, on files; the system lets go of them when their holder dies.

POSIX advisory locks (flock). A lock's file stays when the lock is gone: deleting it could
part two holders who each believe that theirs is the file.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from plumbob.runtime.closing import Closing

if TYPE_CHECKING:
    from pathlib import Path


class FileLock(Closing):
    """A lock on a file: shared by those who use a thing, exclusive for who changes it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def share(self) -> None:
        """Wait until nobody changes the thing, and use it."""
        fcntl.flock(self._held, fcntl.LOCK_SH)

    def claim(self) -> None:
        """Wait until nobody else uses the thing. A shared lock is given up first."""
        fcntl.flock(self._held, fcntl.LOCK_UN)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def try_claim(self) -> bool:
        """Return whether nobody else used the thing, and it is ours now."""
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go; further calls do nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def _held(self) -> int:
        if self._descriptor is None:
            raise ValueError("the lock is closed")
        return self._descriptor
