"""The reference interpreter: generated Python source, and a tree walk beside it."""

from __future__ import annotations

from plumbob.exec.interp.limits import DEFAULT_LIMITS, Limits
from plumbob.exec.interp.machine import Host, HostFunction, Machine, Mode, Trace
from plumbob.exec.interp.outcome import (
    Frame,
    GuestException,
    GuestTrap,
    LinkError,
    Outcome,
    Returned,
    Thrown,
    Trap,
    UnsupportedOperationError,
)
from plumbob.exec.interp.program import Program

__all__ = [
    "DEFAULT_LIMITS",
    "Frame",
    "GuestException",
    "GuestTrap",
    "Host",
    "HostFunction",
    "Limits",
    "LinkError",
    "Machine",
    "Mode",
    "Outcome",
    "Program",
    "Returned",
    "Thrown",
    "Trace",
    "Trap",
    "UnsupportedOperationError",
]
