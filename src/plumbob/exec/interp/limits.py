"""Bounds on everything that a guest could make run away."""

from __future__ import annotations

from typing import Final, NamedTuple


class Limits(NamedTuple):
    """Each has a default; reaching one is a trap of its own kind.

    `fuel` bounds the number of instructions of a `Machine` in all its calls together (see
    `fuel.py` for what is counted). `call_depth` is the number of guest frames at one time,
    host functions included. `host_depth` is the number of host functions on the stack that
    call back; each costs C stack. `memory` is the number of bytes of all live objects.
    `stack_bytes` is the C stack of the thread that guests run on.
    """

    fuel: int = 10_000_000_000
    call_depth: int = 10_000
    host_depth: int = 100
    memory: int = 1 << 30
    stack_bytes: int = 64 << 20


DEFAULT_LIMITS: Final = Limits()
