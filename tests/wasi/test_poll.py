"""`poll_oneoff`: clocks, descriptors, both; what is malformed and what is an event."""

from __future__ import annotations

import io
import os
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Self

import pytest
from tests.wasi.guest import DIR, DIRECTORY, FILLER, READ_WRITE, ROOT, Guest

from plumbob.wasi.config import INHERIT, Config, Deterministic, Limits
from plumbob.wasi.errno import Errno

if TYPE_CHECKING:
    from tests.wasi.world import World

OK = Errno.SUCCESS
CLOCK, READ, WRITE = 0, 1, 2
REALTIME, MONOTONIC = 0, 1
MILLISECOND = 1_000_000
OUT = 65536


class Event(NamedTuple):
    userdata: int
    error: int
    kind: int
    nbytes: int
    flags: int


def clock(
    userdata: int, timeout: int, *, absolute: bool = False, which: int = MONOTONIC, flags: int = 0
) -> bytes:
    return struct.pack("<QB7xI4xQQH6x", userdata, CLOCK, which, timeout, 0, flags | int(absolute))


def descriptor(userdata: int, kind: int, fd: int) -> bytes:
    return struct.pack("<QB7xI28x", userdata, kind, fd)


def poll(guest: Guest, *subscriptions: bytes) -> list[Event]:
    guest.write(OUT, bytes([FILLER]) * 32 * (len(subscriptions) + 1))
    place = guest.put(b"".join(subscriptions))
    count = guest.ask("poll_oneoff", place, OUT, len(subscriptions))
    assert 1 <= count <= len(subscriptions)
    # Nothing is written beyond the events that there are.
    assert guest.read(OUT + 32 * count, 32) == bytes([FILLER]) * 32
    return [
        Event(*struct.unpack("<QHB5xQH6x", guest.read(OUT + 32 * index, 32)))
        for index in range(count)
    ]


@pytest.mark.parametrize("which", [REALTIME, MONOTONIC])
@pytest.mark.parametrize("absolute", [False, True])
def test_a_clock(which: int, absolute: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    with Guest(Config()) as guest:
        start = guest.ask("clock_time_get", which, 0) if absolute else 0
        before = time.monotonic_ns()
        timeout = start + 30 * MILLISECOND
        assert poll(guest, clock(7, timeout, absolute=absolute, which=which)) == [
            Event(7, 0, CLOCK, 0, 0)
        ]
        passed = time.monotonic_ns() - before
        assert 25 * MILLISECOND <= passed < 2_000 * MILLISECOND


def test_what_is_past_does_not_wait() -> None:
    with Guest(Config()) as guest:
        before = time.monotonic_ns()
        for which in (REALTIME, MONOTONIC):
            assert len(poll(guest, clock(1, 0, absolute=True, which=which))) == 1
            assert len(poll(guest, clock(1, 0, which=which))) == 1
        assert time.monotonic_ns() - before < 1_000 * MILLISECOND


def test_the_first_clock_alone() -> None:
    with Guest(Config()) as guest:
        found = poll(
            guest,
            clock(1, 2**64 - 1),
            clock(2, 10 * MILLISECOND),
            clock(3, 2**64 - 1, absolute=True, which=REALTIME),
            clock(4, 10 * MILLISECOND),
        )
        assert [event.userdata for event in found] == [2, 4]


def test_a_fixed_clock_does_not_wait() -> None:
    hour = 3600 * 10**9
    with Guest(Config(deterministic=Deterministic(epoch=0, step=1))) as guest:
        before = time.monotonic()
        assert [event.userdata for event in poll(guest, clock(1, hour), clock(2, 2 * hour))] == [1]
        assert guest.ask("clock_time_get", MONOTONIC, 0) == hour
        assert guest.ask("clock_time_get", REALTIME, 0) == hour
        assert poll(guest, clock(3, 5 * hour, absolute=True))[0].userdata == 3
        assert guest.ask("clock_time_get", MONOTONIC, 0) >= 5 * hour
        assert time.monotonic() - before < 5


def test_files_are_always_ready(guest: Guest) -> None:
    fd = guest.opened(b"file", 0, READ_WRITE)
    guest.ask("fd_seek", fd, 3, 0)
    found = poll(guest, descriptor(1, READ, fd), clock(2, 10**12), descriptor(3, WRITE, fd))
    assert found[0] == Event(1, 0, READ, 5, 0)
    assert found[1] == Event(3, 0, WRITE, Limits().transfer, 0)
    assert len(found) == 2
    guest.ask("fd_seek", fd, 100, 0)
    assert poll(guest, descriptor(1, READ, fd)) == [Event(1, 0, READ, 0, 0)]


def test_a_clock_that_is_due_comes_with_what_is_ready(guest: Guest) -> None:
    fd = guest.opened(b"file")
    found = poll(guest, clock(1, 0), descriptor(2, READ, fd), clock(3, 10**12))
    assert [event.userdata for event in found] == [1, 2]


def test_errors_are_events(guest: Guest) -> None:
    directory = guest.opened(b"dir", DIRECTORY, DIR)
    blind = guest.opened(b"file", 0, 1 << 1)
    write_only = guest.opened(b"file", 0, 1 << 6 | 1 << 27)
    found = poll(
        guest,
        descriptor(1, READ, 99),
        descriptor(2, WRITE, 2**32 - 1),
        descriptor(3, READ, directory),
        descriptor(4, READ, blind),
        descriptor(5, READ, write_only),
        descriptor(6, WRITE, write_only),
        clock(7, 1, which=2),
        clock(8, 1, which=3),
    )
    assert [(event.userdata, event.error) for event in found] == [
        (1, Errno.BADF),
        (2, Errno.BADF),
        (3, Errno.BADF),
        (4, Errno.NOTCAPABLE),
        (5, Errno.NOTCAPABLE),
        (6, OK),
        (7, Errno.INVAL),
        (8, Errno.INVAL),
    ]


@pytest.mark.parametrize(
    "subscription",
    [
        descriptor(1, 3, 0),
        descriptor(1, 255, 0),
        clock(1, 1, which=4),
        clock(1, 1, which=2**32 - 1),
        clock(1, 1, flags=2),
        clock(1, 1, flags=0x8001),
    ],
)
def test_what_is_malformed_fails_as_a_whole(guest: Guest, subscription: bytes) -> None:
    place = guest.put(clock(1, 0) + subscription)
    guest.write(OUT, bytes(64))
    assert guest.call("poll_oneoff", place, OUT, 2) == Errno.INVAL
    assert guest.read(OUT, 64) == bytes(64)


def test_how_many(world: World) -> None:
    with Guest.of(world.root, limits=Limits(subscriptions=3)) as guest:
        place = guest.put(clock(1, 0) * 4)
        assert guest.call("poll_oneoff", place, OUT, 0) == Errno.INVAL
        assert guest.call("poll_oneoff", place, OUT, 3) == OK
        assert guest.call("poll_oneoff", place, OUT, 4) == Errno.INVAL


def test_streams_are_always_ready() -> None:
    with Guest(Config(stdin=b"x", stdout=io.BytesIO())) as guest:
        found = poll(guest, descriptor(1, READ, 0), descriptor(2, WRITE, 1))
        assert [(event.userdata, event.error) for event in found] == [(1, OK), (2, OK)]
        found = poll(guest, descriptor(1, WRITE, 0), descriptor(2, READ, 1))
        assert [event.error for event in found] == [Errno.NOTCAPABLE] * 2


class Pipe:
    """The host's standard input, replaced by a pipe for a while."""

    def __enter__(self) -> Self:
        self.saved = os.dup(0)
        self.reader, self.writer = os.pipe()
        os.dup2(self.reader, 0)
        return self

    def __exit__(self, *_: object) -> None:
        os.dup2(self.saved, 0)
        for descriptor in (self.saved, self.reader, self.writer):
            if descriptor >= 0:
                os.close(descriptor)

    def end(self) -> None:
        os.close(self.writer)
        self.writer = -1


@pytest.mark.parametrize("fixed", [None, Deterministic()])
def test_a_pipe(fixed: Deterministic | None) -> None:
    with Pipe() as pipe, Guest(Config(stdin=INHERIT, deterministic=fixed)) as guest:
        timer = clock(9, 20 * MILLISECOND)
        assert poll(guest, descriptor(1, READ, 0), timer) == [Event(9, 0, CLOCK, 0, 0)]
        os.write(pipe.writer, b"four")
        assert poll(guest, descriptor(1, READ, 0), timer) == [Event(1, 0, READ, 4, 0)]
        assert guest.receive(0, 100) == b"four"
        pipe.end()
        assert poll(guest, descriptor(1, READ, 0), timer) == [Event(1, 0, READ, 0, 1)]


@pytest.mark.parametrize("fixed", [None, Deterministic()])
def test_waiting_for_a_pipe_alone(fixed: Deterministic | None) -> None:
    with Pipe() as pipe, Guest(Config(stdin=INHERIT, deterministic=fixed)) as guest:
        late = threading.Timer(0.05, os.write, (pipe.writer, b"late"))
        late.start()
        assert poll(guest, descriptor(1, READ, 0)) == [Event(1, 0, READ, 4, 0)]
        late.join()


def test_sockets() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Guest(Config(sockets=[ours])) as guest:
        both = (descriptor(1, READ, 3), descriptor(2, WRITE, 3))
        assert [event.userdata for event in poll(guest, *both)] == [2]
        theirs.sendall(b"12345")
        found = poll(guest, *both)
        assert [event.userdata for event in found] == [1, 2]
        assert found[0].nbytes == 5
        theirs.close()
        assert all(event.flags == 1 for event in poll(guest, *both))


def test_a_wait_calls_the_hook() -> None:
    calls = []

    def hook() -> None:
        calls.append(time.monotonic())
        if len(calls) == 3:
            raise KeyError("deadline")

    with Guest(Config(on_wait=hook)) as guest:
        with pytest.raises(KeyError, match="deadline"):
            poll(guest, clock(1, 3600 * 10**9))
        assert len(calls) == 3
        assert calls[2] - calls[0] < 5


def test_a_closed_descriptor_is_an_event(guest: Guest) -> None:
    fd = guest.opened(b"file")
    assert guest.call("fd_close", fd) == OK
    assert poll(guest, descriptor(1, READ, fd), clock(2, 10**12))[0].error == Errno.BADF
    assert guest.call("fd_tell", ROOT) == Errno.BADF
