"""Arguments, environment, clocks, random numbers, the process, sockets, preview 0."""

from __future__ import annotations

import hashlib
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.wasi.guest import ALL, NONBLOCK, ROOT, Guest

from plumbob.errors import UsageError
from plumbob.wasi.config import Config, Deterministic, Limits, Preopen
from plumbob.wasi.constants import SIGNALS
from plumbob.wasi.errno import Errno, ProcExit
from plumbob.wasi.table import PREVIEW_0

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wasi.world import World

OK = Errno.SUCCESS


@pytest.mark.parametrize(
    ("get", "sizes", "settings", "texts"),
    [
        ("args_get", "args_sizes_get", {}, []),
        ("args_get", "args_sizes_get", {"args": ["prog", "", "ü x"]}, ["prog", "", "ü x"]),
        ("environ_get", "environ_sizes_get", {}, []),
        (
            "environ_get",
            "environ_sizes_get",
            {"env": {"A": "1", "B": "", "C": "x=y"}},
            ["A=1", "B=", "C=x=y"],
        ),
    ],
)
def test_strings(get: str, sizes: str, settings: dict[str, Any], texts: list[str]) -> None:
    data = b"".join(text.encode() + b"\0" for text in texts)
    with Guest(Config(**settings)) as guest:
        guest.ask(sizes)
        assert guest.results == [struct.pack("<I", len(texts)), struct.pack("<I", len(data))]
        assert guest.call(get, 4096, 8193) == OK
        places = struct.unpack(f"<{len(texts)}I", guest.read(4096, 4 * len(texts)))
        assert guest.read(8193, len(data) + 1) == data + b"\0"
        for place, text in zip(places, texts, strict=True):
            encoded = text.encode() + b"\0"
            assert guest.read(place, len(encoded)) == encoded


def test_undecodable_arguments_pass_as_they_came() -> None:
    with Guest(Config(args=[b"\xff\xfe".decode("utf-8", "surrogateescape")])) as guest:
        assert guest.call("args_get", 4096, 8192) == OK
        assert guest.read(8192, 3) == b"\xff\xfe\0"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"args": ["a\0b"]}, "argument with a NUL"),
        ({"env": {"A": "\0"}}, "environment variable with a NUL"),
        ({"env": {"A=B": "x"}}, "no '='.*A=B"),
        ({"env": {"": "x"}}, "not empty"),
        ({"preopens": [Preopen("/tmp", "\0")]}, "guest directory with a NUL"),  # noqa: S108
        ({"stdout": "nowhere"}, "bad stdout.*inherit.*nowhere"),
        ({"limits": Limits(fds=0)}, "bad limit fds"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config(**settings)


# Clocks.


def test_real_clocks() -> None:
    before = time.time_ns()
    with Guest(Config()) as guest:
        for clock in range(4):
            assert guest.ask("clock_res_get", clock) > 0
            first = guest.ask("clock_time_get", clock, 0)
            assert guest.ask("clock_time_get", clock, 10**9) >= first
        assert before <= guest.ask("clock_time_get", 0, 0) <= time.time_ns()
        # The others start with the guest, and do not tell how long the host is up.
        for clock in (1, 2, 3):
            assert guest.ask("clock_time_get", clock, 0) < 10**10
        for clock in (4, 2**32 - 1):
            assert guest.call("clock_time_get", clock, 0) == Errno.INVAL
            assert guest.call("clock_res_get", clock) == Errno.INVAL


def test_fixed_clocks() -> None:
    fixed = Deterministic(epoch=1_000, step=7)
    with Guest(Config(deterministic=fixed)) as guest:
        assert [guest.ask("clock_time_get", 0, 0) for _ in range(3)] == [1000, 1007, 1014]
        assert [guest.ask("clock_time_get", 1, 0) for _ in range(3)] == [0, 7, 14]
        assert [guest.ask("clock_time_get", 2, 0) for _ in range(2)] == [0, 7]
        assert guest.ask("clock_res_get", 3) == 7


# Random numbers.


def random_bytes(guest: Guest, length: int) -> bytes:
    assert guest.call("random_get", 4096, length) == OK
    return guest.read(4096, length)


def test_random_numbers() -> None:
    with Guest(Config()) as guest:
        assert random_bytes(guest, 32) != random_bytes(guest, 32)
        guest.write(4096, bytes(8))
        assert guest.call("random_get", 4096, 0) == OK
        assert guest.read(4096, 8) == bytes(8)
        # More than one chunk: no zeros are left behind.
        data = random_bytes(guest, 100_000)
        assert bytes(16) not in data
        assert guest.read(104_096, 8) == bytes(8)


def test_fixed_random_numbers() -> None:
    def run(seed: int) -> list[bytes]:
        with Guest(Config(deterministic=Deterministic(seed=seed))) as guest:
            return [random_bytes(guest, length) for length in (5, 0, 70_000, 1)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert b"".join(run(3)).startswith(hashlib.blake2b(bytes(8), key=b"\3" + bytes(7)).digest())


def test_fixed_random_numbers_do_not_depend_on_the_requests() -> None:
    def run(*lengths: int) -> bytes:
        with Guest(Config(deterministic=Deterministic())) as guest:
            return b"".join(random_bytes(guest, length) for length in lengths)

    assert run(1, 63, 1, 64, 65, 0, 6) == run(200) == run(*[1] * 200)


# The process.


@pytest.mark.parametrize("code", [0, 1, 125, 126, 255, 2**31, 2**32 - 1])
def test_exit(code: int) -> None:
    with Guest(Config()) as guest:
        assert guest.functions["proc_exit"].results == ()
        with pytest.raises(ProcExit) as caught:
            guest.invoke("proc_exit", [code])
        assert caught.value.code == code


@pytest.mark.parametrize("signal", range(32))
def test_signals(signal: int) -> None:
    ignored = ("none", "pipe", "chld", "cont", "urg", "winch")
    stopping = ("stop", "tstp", "ttin", "ttou")
    with Guest(Config()) as guest:
        if signal == len(SIGNALS):
            assert guest.call("proc_raise", signal) == Errno.INVAL
        elif SIGNALS[signal] in ignored:
            assert guest.call("proc_raise", signal) == OK
        elif SIGNALS[signal] in stopping:
            assert guest.call("proc_raise", signal) == Errno.NOTSUP
        else:
            with pytest.raises(ProcExit) as caught:
                guest.call("proc_raise", signal)
            assert caught.value.code == 128 + signal


def test_yield() -> None:
    with Guest(Config()) as guest:
        assert guest.call("sched_yield") == OK


def test_a_closed_interface_has_nothing_open(world: World) -> None:
    guest = Guest.of(world.root)
    guest.opened(b"file")
    guest.close()
    for fd in range(6):
        assert guest.call("fd_fdstat_get", fd) == Errno.BADF
    guest.close()


def test_guests_share_nothing(world: World) -> None:
    with Guest.of(world.root) as first, Guest.of(world.other) as second:
        fd = first.opened(b"file")
        assert second.call("fd_tell", fd) == Errno.BADF
        assert second.open(b"file") == Errno.NOENT
        assert first.call("fd_close", ROOT) == OK
        assert second.open(b"theirs") == OK


# Sockets.


@pytest.fixture
def listening() -> Iterator[tuple[Guest, socket.socket, Any]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        with (
            Guest(Config(sockets=[server])) as guest,
            socket.create_connection(server.getsockname()) as client,
        ):
            yield guest, server, client


def test_sockets(listening: tuple[Guest, socket.socket, Any]) -> None:
    guest, server, client = listening
    fd = guest.ask("sock_accept", 3, 0)
    assert fd == 4
    assert guest.call("sock_accept", 3, 0) == Errno.AGAIN
    assert guest.call("sock_accept", 3, 1) == Errno.INVAL
    assert guest.call("sock_accept", fd, 0) == Errno.NOTCAPABLE
    guest.ask("fd_fdstat_get", fd)
    assert guest.results[0][0] == 6

    guest.write(4096, b"hello world")
    array = guest.put(guest.vectors((4096, 5), (4102, 5)))
    assert guest.ask("sock_send", fd, array, 2, 0) == 10
    assert client.recv(100) == b"helloworld"
    assert guest.call("sock_send", fd, array, 2, 1) == Errno.INVAL

    client.sendall(b"answer")
    array = guest.put(guest.vectors((8192, 2), (8200, 10)))
    assert guest.ask("sock_recv", fd, array, 2, 1) == 6
    assert guest.ask("sock_recv", fd, array, 2, 0) == 6
    assert guest.results[1] == bytes(2)
    assert guest.read(8192, 2) + guest.read(8200, 4) == b"answer"
    assert guest.call("sock_recv", fd, array, 2, 4) == Errno.INVAL
    client.sendall(b"by read")
    assert guest.receive(fd, 100) == b"by read"
    assert guest.send(fd, b"by write") == OK
    assert client.recv(100) == b"by write"
    assert guest.call("fd_seek", fd, 1, 0) == Errno.NOTCAPABLE

    assert guest.call("sock_shutdown", fd, 0) == Errno.INVAL
    assert guest.call("sock_shutdown", fd, 4) == Errno.INVAL
    assert guest.call("sock_shutdown", fd, 2) == OK
    assert client.recv(100) == b""
    assert guest.call("fd_close", fd) == OK
    assert guest.call("fd_close", 3) == OK
    assert server.fileno() >= 0


def test_sockets_that_do_not_wait(listening: tuple[Guest, socket.socket, Any]) -> None:
    guest, _, _ = listening
    fd = guest.ask("sock_accept", 3, NONBLOCK)
    array = guest.put(guest.vectors((4096, 8)))
    assert guest.call("sock_recv", fd, array, 1, 0) == Errno.AGAIN
    assert guest.call("fd_read", fd, array, 1) == Errno.AGAIN
    guest.ask("fd_fdstat_get", fd)
    assert guest.results[0][2] == NONBLOCK


def test_messages_that_are_too_long() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs, Guest(Config(sockets=[ours])) as guest:
        guest.ask("fd_fdstat_get", 3)
        assert guest.results[0][0] == 5
        theirs.send(b"too long")
        array = guest.put(guest.vectors((4096, 3)))
        assert guest.ask("sock_recv", 3, array, 1, 0) == 3
        assert guest.results[1] == b"\1\0"


def test_what_is_no_socket(world: World) -> None:
    with Guest.of(world.root) as guest:
        for fd, errno in [(0, Errno.NOTSOCK), (ROOT, Errno.NOTSOCK), (99, Errno.BADF)]:
            assert guest.call("sock_accept", fd, 0) == errno
            assert guest.call("sock_recv", fd, 4096, 0, 0) == errno
            assert guest.call("sock_send", fd, 4096, 0, 0) == errno
            assert guest.call("sock_shutdown", fd, 1) == errno


# Preview 0: three layouts differ.


def test_preview_0(world: World) -> None:
    with Guest(Config(preopens=[Preopen(world.root, "/")]), PREVIEW_0) as guest:
        fd = guest.opened(b"file")
        assert guest.ask("fd_seek", fd, 3, 2) == 3  # set
        assert guest.ask("fd_seek", fd, 1, 0) == 4  # cur
        assert guest.ask("fd_seek", fd, -1, 1) == 7  # end
        assert guest.call("fd_seek", fd, 0, 3) == Errno.INVAL
        guest.ask("fd_filestat_get", fd)
        new = (world.root / "file").stat()
        assert guest.results[0][:32] == struct.pack("<QQBxxxIQ", new.st_dev, new.st_ino, 4, 1, 8)
        assert len(guest.results[0]) == 56
        clock = struct.pack("<QBxxxxxxxQIxxxxQQHxxxxxx", 77, 0, 5, 1, 1, 0, 0)
        assert guest.ask("poll_oneoff", guest.put(clock), 8192, 1) == 1
        assert guest.read(8192, 11) == struct.pack("<QHB", 77, 0, 0)
        assert guest.ask("poll_oneoff", guest.put(clock * 2), 8192, 2) == 2
        assert guest.call("path_create_directory", ROOT, b"../x") == Errno.PERM
        assert guest.opened(b"dir", 2, ALL & 1 << 14) == 5
