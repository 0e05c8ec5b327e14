"""The four clocks, real and fixed. Times are nanoseconds.

The guest's monotonic and CPU clocks start at 0, so that they say nothing of the host.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from plumbob.wasi.constants import ClockId

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.wasi.config import Deterministic
    from plumbob.wasi.state import State


class Clocks(Protocol):
    """Readings of all clocks, and the passing of time."""

    virtual: bool
    """Whether time passes by `advance` alone, so that nobody need wait for it."""

    def resolution(self, clock: ClockId) -> int:
        """Return the smallest difference between readings that differ; at least 1."""
        ...

    def now(self, clock: ClockId) -> int:
        """Return the time; never negative."""
        ...

    def advance(self, duration: int) -> None:
        """Let time pass on virtual clocks."""
        ...


_READERS: Final[dict[ClockId, Callable[[], int]]] = {
    ClockId.REALTIME: time.time_ns,
    ClockId.MONOTONIC: time.monotonic_ns,
    ClockId.PROCESS_CPUTIME_ID: time.process_time_ns,
    ClockId.THREAD_CPUTIME_ID: time.thread_time_ns,
}
_INFO: Final = {
    ClockId.REALTIME: time.get_clock_info("time"),
    ClockId.MONOTONIC: time.get_clock_info("monotonic"),
    ClockId.PROCESS_CPUTIME_ID: time.get_clock_info("process_time"),
    ClockId.THREAD_CPUTIME_ID: time.get_clock_info("thread_time"),
}


class SystemClocks:
    """The host's clocks."""

    virtual = False

    def __init__(self) -> None:
        self._start = {clock: read() for clock, read in _READERS.items()}
        self._start[ClockId.REALTIME] = 0

    def resolution(self, clock: ClockId) -> int:
        """Return what the host says of the clock."""
        return max(1, round(_INFO[clock].resolution * 1e9))

    def now(self, clock: ClockId) -> int:
        """Return the time since 1970, or since this object was made."""
        return max(0, _READERS[clock]() - self._start[clock])

    def advance(self, duration: int) -> None:
        """Do nothing: real time passes by itself."""


class FixedClocks:
    """Clocks that advance when they are read, by the same step every time."""

    virtual = True

    def __init__(self, settings: Deterministic) -> None:
        self._step = settings.step
        self._time = dict.fromkeys(ClockId, 0)
        self._time[ClockId.REALTIME] = settings.epoch

    def resolution(self, clock: ClockId) -> int:  # noqa: ARG002 -- it is the same for all
        """Return the step."""
        return max(1, self._step)

    def now(self, clock: ClockId) -> int:
        """Return the time, and let a step pass on this clock."""
        now = self._time[clock]
        self._time[clock] += self._step
        return now

    def advance(self, duration: int) -> None:
        """Let time pass on every clock."""
        for clock in self._time:
            self._time[clock] += duration


def clock_res_get(state: State, clock: ClockId) -> int:
    """Return a clock's resolution."""
    return state.clocks.resolution(clock)


def clock_time_get(state: State, clock: ClockId, precision: int) -> int:  # noqa: ARG001
    """Return a clock's time; it is always as precise as can be, whatever `precision` allows."""
    return state.clocks.now(clock) & ((1 << 64) - 1)
