"""Folders that workers work in: temporary, and gone with their worker.

A folder is held by a lock on itself, which the system lets go of when this process dies,
however it dies. What a killed process has left is removed by the next one.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "plumbob-worker-"

SETTLED = 60.0
"""Seconds after which a folder that nobody holds is nobody's, rather than just made."""


class Folder:
    """A temporary folder until `close`."""

    def __init__(self) -> None:
        """Make it. Raises `OSError` where that cannot be."""
        _clear(tempfile.gettempdir())
        self.path = tempfile.mkdtemp(prefix=PREFIX)
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


@functools.cache
def _clear(parent: str) -> None:
    """Remove what killed processes have left in a folder; once in each process."""
    for path in Path(parent).glob(f"{PREFIX}*"):
        try:
            if time.time() - path.stat().st_mtime < SETTLED:
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue  # another process was faster, or it is another user's
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue  # its worker lives
        finally:
            os.close(descriptor)
