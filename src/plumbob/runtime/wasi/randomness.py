"""Random bytes: the system's, or a fixed sequence."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from plumbob.runtime.wasi.memory import Buffer
    from plumbob.runtime.wasi.state import State

CHUNK: Final = 1 << 16
"""Bytes made at once, so that a request for gigabytes needs no gigabytes here."""


class Randomness(Protocol):
    """A source of random bytes."""

    def take(self, count: int) -> bytes:
        """Return `count` bytes, at most `CHUNK`."""
        ...


class SystemRandomness:
    """The system's cryptographic source."""

    def take(self, count: int) -> bytes:
        """Return bytes that nobody can predict."""
        return os.urandom(count)


class FixedRandomness:
    """The same bytes for the same seed, and the same requests, in every run."""

    def __init__(self, seed: int) -> None:
        self._generator = random.Random(seed)  # noqa: S311 -- to be predictable is its purpose

    def take(self, count: int) -> bytes:
        """Return the next bytes of the sequence."""
        return self._generator.randbytes(count)


def random_get(state: State, buffer: Buffer) -> None:
    """Fill the buffer."""
    for done in range(0, buffer.length, CHUNK):
        buffer.write(state.randomness.take(min(CHUNK, buffer.length - done)), done)
