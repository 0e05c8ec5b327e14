"""Random bytes: the system's, or a fixed sequence."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from plumbob.wasi.memory import Buffer
    from plumbob.wasi.state import State

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
    """The same bytes for the same seed in every run, however the requests are cut.

    The sequence is BLAKE2b (RFC 7693) of 0, 1, 2, …, each as 8 bytes, keyed with the seed; a
    library's generator might change with its version.
    """

    def __init__(self, seed: int) -> None:
        """Start the sequence of `seed`, of which the low 64 bits count."""
        self._key = (seed & ((1 << 64) - 1)).to_bytes(8, "little")
        self._counter = 0
        self._left = b""

    def take(self, count: int) -> bytes:
        """Return the next bytes of the sequence."""
        parts = [self._left]
        missing = count - len(self._left)
        while missing > 0:
            block = blake2b(self._counter.to_bytes(8, "little"), key=self._key).digest()
            self._counter += 1
            missing -= len(block)
            parts.append(block)
        data = b"".join(parts)
        self._left = data[count:]
        return data[:count]


def random_get(state: State, buffer: Buffer) -> None:
    """Fill the buffer."""
    for done in range(0, buffer.length, CHUNK):
        buffer.write(state.randomness.take(min(CHUNK, buffer.length - done)), done)
