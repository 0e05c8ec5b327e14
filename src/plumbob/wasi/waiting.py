"""Waiting for descriptors of the host's, in slices, so that a deadline can end it."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Final

from plumbob.wasi.constants import FdFlags, FileType
from plumbob.wasi.errno import Errno, WasiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plumbob.wasi.descriptors import HostFile
    from plumbob.wasi.state import State

SLICE: Final = 50_000_000
"""Nanoseconds between two calls of `Config.on_wait`."""
LONGEST: Final = 3_600_000_000_000
"""Nanoseconds that the host is asked to sleep at once: its functions have limits."""


def wait(state: State, interest: Mapping[int, int], timeout: int | None) -> dict[int, int]:
    """Wait until a host descriptor is ready, or `timeout` nanoseconds have passed.

    `interest` maps host descriptors to bits of `select.poll`; the result maps those that are
    ready to what they are ready for. With no timeout it waits for ever. Descriptors that are
    ready already are found with a timeout of 0.
    """
    poller = select.poll()
    for host, bits in interest.items():
        poller.register(host, bits)
    end = None if timeout is None else time.monotonic_ns() + timeout
    longest = LONGEST if state.config.on_wait is None else SLICE
    while True:
        left = longest if end is None else min(longest, max(0, end - time.monotonic_ns()))
        if interest:
            ready = dict(poller.poll(-(-left // 1_000_000)))
        else:
            ready = {}
            time.sleep(left / 1e9)
        if ready or (end is not None and time.monotonic_ns() >= end):
            return ready
        if state.config.on_wait is not None:
            state.config.on_wait()


def before_transfer(state: State, file: HostFile, bits: int) -> None:
    """Wait until reading or writing would not block; raise `AGAIN` if the guest wants no wait.

    Regular files never block. Others do so in the host's system unless a hook wants to be called
    meanwhile, or the descriptor is inherited, whose flags are not the guest's to change.
    """
    if file.filetype is FileType.REGULAR_FILE:
        return
    if file.flags & FdFlags.NONBLOCK:
        if file.stream and not wait(state, {file.host: bits}, 0):
            raise WasiError(Errno.AGAIN)
    elif state.config.on_wait is not None:
        wait(state, {file.host: bits}, None)
