"""Standard streams, given or inherited, terminals and devices, and waits that can be ended."""

from __future__ import annotations

import io
import os
import struct
from typing import TYPE_CHECKING

import pytest
from tests.wasi.guest import NONBLOCK, Guest

from plumbob.wasi.config import INHERIT, Config, Preopen
from plumbob.wasi.constants import Rights
from plumbob.wasi.errno import Errno

if TYPE_CHECKING:
    from tests.wasi.world import World

OK = Errno.SUCCESS


def fdstat(guest: Guest, fd: int) -> tuple[int, int]:
    """Type and rights."""
    guest.ask("fd_fdstat_get", fd)
    filetype, base = struct.unpack_from("<BxxxxxxxQ", guest.results[0])
    return filetype, base


def test_streams() -> None:
    out, err = io.BytesIO(), io.BytesIO()
    with Guest(Config(stdin=b"some input", stdout=out, stderr=err)) as guest:
        assert guest.receive(0, 4) == b"some"
        assert guest.receive(0, 100) == b" input"
        assert guest.receive(0, 100) == b""
        assert guest.send(1, b"out") == OK
        assert guest.send(2, b"err") == OK
        assert (out.getvalue(), err.getvalue()) == (b"out", b"err")
        assert fdstat(guest, 0)[1] & int(Rights.FD_READ | Rights.FD_WRITE) == Rights.FD_READ
        assert fdstat(guest, 1)[1] & int(Rights.FD_READ | Rights.FD_WRITE) == Rights.FD_WRITE
        assert guest.call("fd_close", 1) == OK
        assert guest.send(1, b"x") == Errno.BADF
    assert not out.closed


def test_streams_that_are_not_there() -> None:
    with Guest(Config()) as guest:
        assert guest.receive(0, 4) == b""
        assert guest.send(1, b"gone") == OK
        assert guest.fd == 4


def test_a_stream_that_fails() -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "no space")

    with Guest(Config(stdout=Full())) as guest:
        assert guest.send(1, b"x") == Errno.NOSPC


def test_inherited_streams(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    del world
    with Guest(Config(stdout=INHERIT, stderr=INHERIT)) as guest:
        assert guest.send(1, b"to stdout\n") == OK
        assert guest.send(2, b"to stderr\n") == OK
        assert guest.call("fd_seek", 1, 0, 0) == Errno.SPIPE
        assert guest.call("fd_close", 1) == OK
        assert guest.call("fd_filestat_get", 2) == OK
        assert guest.results[0][:16] == bytes(16)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("to stdout\n", "to stderr\n")
    os.write(1, b"still open")
    assert capfd.readouterr().out == "still open"


def test_inherited_input_and_its_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag to not wait is the guest's own: the host's stream stays as it is."""
    reader, writer = os.pipe()
    saved = os.dup(0)
    try:
        os.dup2(reader, 0)
        with Guest(Config(stdin=INHERIT)) as guest:
            array = guest.put(guest.vectors((4096, 8)))
            assert guest.call("fd_fdstat_set_flags", 0, NONBLOCK) == OK
            assert guest.call("fd_read", 0, array, 1) == Errno.AGAIN
            assert os.get_blocking(0)
            os.write(writer, b"late")
            assert guest.receive(0, 100) == b"late"
            os.close(writer)
            writer = -1
            assert guest.receive(0, 100) == b""
    finally:
        os.dup2(saved, 0)
        for descriptor in (saved, reader, writer):
            if descriptor >= 0:
                os.close(descriptor)
    monkeypatch.undo()


def test_a_wait_can_be_ended(world: World) -> None:
    class Deadline(Exception):  # noqa: N818 -- as a runtime's trap would be
        pass

    def stop() -> None:
        raise Deadline

    os.mkfifo(world.root / "fifo")
    with Guest.of(world.root, on_wait=stop) as guest:
        fd = guest.opened(b"fifo")
        other = os.open(world.root / "fifo", os.O_WRONLY)
        try:
            with pytest.raises(Deadline):
                guest.receive(fd, 8)
            os.write(other, b"data")
            assert guest.receive(fd, 8) == b"data"
        finally:
            os.close(other)


def test_a_terminal_is_a_character_device() -> None:
    leader, follower = os.openpty()
    try:
        with (
            open(follower, "r+b", buffering=0, closefd=False) as terminal,
            Guest(Config(stdin=terminal)) as guest,
        ):
            filetype, base = fdstat(guest, 0)
        assert filetype == 2
        assert not base & int(Rights.FD_SEEK | Rights.FD_TELL)
    finally:
        os.close(leader)
        os.close(follower)


@pytest.mark.skipif(not os.access("/dev/zero", os.R_OK), reason="needs devices")
def test_devices() -> None:
    with Guest.of(Preopen("/dev", "/dev")) as guest:
        fd = guest.opened(b"zero", 0, int(Rights.FD_READ | Rights.FD_SEEK | Rights.FD_FILESTAT_GET))
        assert fdstat(guest, fd)[0] == 2
        assert guest.receive(fd, 4) == bytes(4)
        guest.ask("fd_filestat_get", fd)
        assert guest.results[0][16] == 2
