"""Timestamps to set, from flags.

The standard library cannot say "leave this one" (UTIME_OMIT), so a timestamp that stays is read
and written back. Another process that changes it in between loses its change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasi.constants import ClockId, FstFlags
from plumbob.wasi.errno import Errno, WasiError

if TYPE_CHECKING:
    import os

    from plumbob.wasi.state import State


def times_to_set(
    state: State, flags: FstFlags, accessed: int, modified: int, status: os.stat_result
) -> tuple[int, int]:
    """Return the access and modification times that a file with `status` shall have.

    Nanoseconds since 1970. Raises `INVAL` if a timestamp is to be both a value and now.
    """
    if FstFlags.ATIM | FstFlags.ATIM_NOW in flags or FstFlags.MTIM | FstFlags.MTIM_NOW in flags:
        raise WasiError(Errno.INVAL)
    now = 0
    if flags & (FstFlags.ATIM_NOW | FstFlags.MTIM_NOW):
        now = state.clocks.now(ClockId.REALTIME)
    new_access, new_modification = status.st_atime_ns, status.st_mtime_ns
    if flags & FstFlags.ATIM:
        new_access = accessed
    elif flags & FstFlags.ATIM_NOW:
        new_access = now
    if flags & FstFlags.MTIM:
        new_modification = modified
    elif flags & FstFlags.MTIM_NOW:
        new_modification = now
    return new_access, new_modification
