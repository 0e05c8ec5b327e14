"""What a guest is given. Nothing else of the host is visible to it."""

from __future__ import annotations

import socket as host_socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOBase
from os import PathLike, fsencode, fspath
from typing import Any, BinaryIO, Final, NamedTuple

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
        _require_classes(self)
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
        for name, methods in STREAM_METHODS.items():
            value = getattr(self, name)
            if value not in (None, INHERIT) and not _is_stream(name, value, methods):
                raise UsageError(
                    f"bad {name}",
                    expected=f"a binary stream, None or {INHERIT!r}",
                    found=repr(value) if isinstance(value, str) else type(value).__name__,
                )
        for name in ("fds", "transfer", "file_size", "subscriptions"):
            value = getattr(self.limits, name)
            if not isinstance(value, int) or value < 1:
                found = type(value).__name__ if not isinstance(value, int) else str(value)
                raise UsageError(f"bad limit {name}", expected="a positive number", found=found)


def _is_stream(name: str, value: object, methods: tuple[str, ...]) -> bool:
    if name == "stdin" and isinstance(value, bytes):
        return True
    has_all = all(callable(getattr(value, method, None)) for method in methods)
    return has_all and not isinstance(value, (TextIOBase, type))


def _require_classes(config: Any) -> None:
    """Raise `UsageError` where a part of the configuration is of another class."""
    fine = {
        "args": _are(config.args, str),
        "env": isinstance(config.env, Mapping) and _are([*config.env, *config.env.values()], str),
        "preopens": _are(config.preopens, Preopen)
        and all(
            isinstance(host, (str, PathLike))
            and isinstance(guest, str)
            and "\0" not in fspath(host)
            for host, guest, _ in config.preopens
        ),
        "sockets": _are(config.sockets, host_socket.socket),
        "deterministic": isinstance(config.deterministic, (Deterministic, type(None))),
        "limits": isinstance(config.limits, Limits),
        "on_wait": config.on_wait is None or callable(config.on_wait),
    }
    for name, is_fine in fine.items():
        if not is_fine:
            raise UsageError(
                f"bad {name} of a guest's configuration",
                expected=EXPECTED[name],
                found=type(getattr(config, name)).__name__,
            )


def _are(values: object, kind: type) -> bool:
    # A string is a sequence of strings, and never what was meant.
    sequence = isinstance(values, Sequence) and not isinstance(values, str)
    return sequence and all(isinstance(value, kind) for value in values)  # type: ignore[attr-defined]  # a sequence


EXPECTED: Final = {
    "args": "a sequence of strings",
    "env": "a mapping from strings to strings",
    "preopens": "a sequence of Preopen, their paths strings without NUL",
    "sockets": "a sequence of sockets",
    "deterministic": "a Deterministic or None",
    "limits": "a Limits",
    "on_wait": "a callable or None",
}

STREAM_METHODS: Final = {
    "stdin": ("read", "isatty"),
    "stdout": ("write", "flush", "isatty"),
    "stderr": ("write", "flush", "isatty"),
}
"""What is asked of each of the streams."""


def encode(text: str) -> bytes:
    """Return a host's string as the guest sees it: UTF-8, undecodable bytes as they came."""
    return text.encode("utf-8", "surrogateescape")


def host_path(path: str | PathLike[str]) -> bytes:
    """Return a path of the host's as bytes."""
    return fsencode(path)
