"""What a guest is given. Nothing else of the host is visible to it."""

from __future__ import annotations

import socket as host_socket  # noqa: TC003 -- the annotations of a dataclass are read at run time
from collections.abc import Callable, Mapping, Sequence  # noqa: TC003 -- the same
from dataclasses import dataclass, field
from os import PathLike, fsencode
from typing import BinaryIO, Final, NamedTuple

from plumbob.errors import UsageError

INHERIT: Final = "inherit"
"""Standard stream: the host process's own."""


class Preopen(NamedTuple):
    """A directory of the host that the guest sees as `guest`.

    If it is `read_only`, what would change something below it fails with `ROFS`.
    """

    host: str | PathLike[str]
    guest: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets on what a guest can use up.

    `fds`: descriptors open at once, the standard streams and pre-opened directories included;
    one more fails with `MFILE`. `transfer`: bytes that one call reads or writes at most; more are
    left to the next call. `file_size`: bytes that a file may grow to; beyond fails with `FBIG`.
    `subscriptions`: of one `poll_oneoff`; more fail with `INVAL`.
    """

    fds: int = 256
    transfer: int = 1 << 24
    file_size: int = 1 << 32
    subscriptions: int = 4096


@dataclass(frozen=True, slots=True)
class Deterministic:
    """Clocks and random numbers that are the same in every run.

    The real-time clock starts at `epoch`, the others at 0, in nanoseconds; each reading advances
    the clock that is read by `step`, and waiting advances all to the end of the wait at once.
    """

    epoch: int = 946_684_800_000_000_000
    step: int = 1_000_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """Arguments, environment, directories and streams of a guest.

    `stdin` is bytes, a binary stream, `INHERIT`, or None for an empty one; `stdout` and `stderr`
    are binary streams, `INHERIT`, or None for one that takes everything and keeps nothing.
    Streams and sockets stay the caller's to close. `sockets` come after the pre-opened
    directories, which begin at descriptor 3. `on_wait` is called at least every 50 ms while a
    call waits, and may raise to end it (not an `OSError`, which would become an errno).
    """

    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    preopens: Sequence[Preopen] = ()
    stdin: bytes | BinaryIO | str | None = None
    stdout: BinaryIO | str | None = None
    stderr: BinaryIO | str | None = None
    sockets: Sequence[host_socket.socket] = ()
    deterministic: Deterministic | None = None
    limits: Limits = field(default_factory=Limits)
    on_wait: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        """Raise `UsageError` for what cannot be passed on to a guest."""
        texts = [("argument", value) for value in self.args]
        texts += [("environment variable", f"{key}={value}") for key, value in self.env.items()]
        texts += [("guest directory", preopen.guest) for preopen in self.preopens]
        for subject, text in texts:
            if "\0" in text:
                raise UsageError(f"{subject} with a NUL", found=repr(text))
        for key in self.env:
            if not key or "=" in key:
                raise UsageError(
                    "bad name of an environment variable",
                    expected="a name that is not empty and has no '='",
                    found=repr(key),
                )
        for name in ("stdin", "stdout", "stderr"):
            value = getattr(self, name)
            if isinstance(value, str) and value != INHERIT:
                raise UsageError(
                    f"bad {name}", expected=f"a stream, None or {INHERIT!r}", found=repr(value)
                )
        for name in ("fds", "transfer", "file_size", "subscriptions"):
            if getattr(self.limits, name) < 1:
                raise UsageError(f"bad limit {name}", expected="a positive number")


def encode(text: str) -> bytes:
    """Return a host's string as the guest sees it: UTF-8, undecodable bytes as they came."""
    return text.encode("utf-8", "surrogateescape")


def host_path(path: str | PathLike[str]) -> bytes:
    """Return a path of the host's as bytes."""
    return fsencode(path)
