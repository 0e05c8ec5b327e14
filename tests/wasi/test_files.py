"""Open files: reading, writing, positions, sizes, times, flags, rights, numbers."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from typing import TYPE_CHECKING

import pytest
from tests.wasi.guest import (
    ALL,
    APPEND,
    CREAT,
    DIR,
    DIRECTORY,
    DSYNC,
    EXCL,
    NONBLOCK,
    READ,
    READ_WRITE,
    ROOT,
    RSYNC,
    SYNC,
    TRUNC,
    Guest,
)

from plumbob.wasi.config import Deterministic, Limits
from plumbob.wasi.constants import Rights
from plumbob.wasi.descriptors import HostFile
from plumbob.wasi.errno import Errno

if TYPE_CHECKING:
    from tests.wasi.world import World

OK = Errno.SUCCESS
SET, CUR, END = 0, 1, 2


def test_read_write_seek_tell(world: World, guest: Guest) -> None:
    fd = guest.opened(b"new", CREAT | EXCL, READ_WRITE)
    assert guest.send(fd, b"hello, world") == OK
    assert guest.fd == 12  # the count lies where a descriptor would
    assert guest.ask("fd_tell", fd) == 12
    assert guest.ask("fd_seek", fd, -5, END) == 7
    assert guest.receive(fd, 3) == b"wor"
    assert guest.ask("fd_seek", fd, -3, CUR) == 7
    assert guest.receive(fd, 100) == b"world"
    assert guest.receive(fd, 100) == b""
    assert guest.ask("fd_seek", fd, 2, SET) == 2
    assert guest.send(fd, b"LL") == OK
    assert guest.receive(fd, 4, offset=1) == b"eLLo"
    assert guest.ask("fd_tell", fd) == 4
    assert guest.send(fd, b"W", offset=7) == OK
    assert guest.ask("fd_tell", fd) == 4
    assert (world.root / "new").read_bytes() == b"heLLo, World"
    assert guest.open(b"new", CREAT | EXCL, READ_WRITE) == Errno.EXIST


def test_scattered_reads_and_gathered_writes(world: World, guest: Guest) -> None:
    fd = guest.opened(b"new", CREAT, READ_WRITE)
    guest.write(4096, b"abcdefgh")
    array = guest.put(guest.vectors((4096, 3), (5000, 0), (4100, 4), (4096, 1)))
    assert guest.ask("fd_write", fd, array, 4) == 8
    assert (world.root / "new").read_bytes() == b"abcefgha"
    array = guest.put(guest.vectors((8192, 2), (8200, 0), (8208, 5), (8216, 50)))
    assert guest.ask("fd_pread", fd, array, 4, 0) == 8
    assert guest.read(8192, 3) == b"ab\0"
    assert guest.read(8208, 6) == b"cefgh\0"
    assert guest.read(8216, 2) == b"a\0"
    assert guest.ask("fd_read", fd, array, 0) == 0
    assert guest.call("fd_write", fd, 4096, 1025) == Errno.INVAL
    assert guest.call("fd_read", fd, 4096, 1025) == Errno.INVAL


@pytest.mark.parametrize(
    ("offset", "whence", "errno"),
    [
        (-1, SET, Errno.INVAL),
        (-9, CUR, Errno.INVAL),
        (-9, END, Errno.INVAL),
        (-(2**63), SET, Errno.INVAL),
        (-(2**63), END, Errno.INVAL),
        (0, 3, Errno.INVAL),
        (0, 2**32 - 1, Errno.INVAL),
        (1 << 40, SET, OK),
    ],
)
def test_seeks_that_go_too_far(guest: Guest, offset: int, whence: int, errno: Errno) -> None:
    fd = guest.opened(b"file")
    assert guest.call("fd_seek", fd, offset, whence) == errno
    assert guest.ask("fd_tell", fd) == (offset if errno == OK else 0)


def test_a_seek_that_overflows_moves_nothing(guest: Guest) -> None:
    fd = guest.opened(b"file")
    guest.ask("fd_seek", fd, 5, SET)
    assert guest.call("fd_seek", fd, 2**63 - 1, CUR) in (Errno.INVAL, Errno.OVERFLOW)
    assert guest.ask("fd_tell", fd) == 5


def test_offsets_beyond_the_hosts(guest: Guest) -> None:
    fd = guest.opened(b"file", 0, READ_WRITE)
    array = guest.put(guest.vectors((4096, 8)))
    huge = 1 << 63
    assert guest.call("fd_pread", fd, array, 1, huge) == Errno.INVAL
    assert guest.send(fd, b"x", offset=huge) == Errno.INVAL
    assert guest.call("fd_filestat_set_size", fd, huge) == Errno.INVAL
    assert guest.call("fd_allocate", fd, huge, 1) == Errno.INVAL
    assert guest.call("fd_allocate", fd, 0, huge) == Errno.INVAL
    assert guest.call("fd_advise", fd, huge, 0, 0) == Errno.INVAL
    assert guest.call("fd_advise", fd, 0, huge, 0) == Errno.INVAL
    assert guest.contents(b"file") == b"contents"


def test_append_mode(world: World, guest: Guest) -> None:
    fd = guest.opened(b"file", 0, READ_WRITE, fdflags=APPEND)
    assert guest.send(fd, b"+1") == OK
    guest.ask("fd_seek", fd, 0, SET)
    assert guest.send(fd, b"+2") == OK
    assert guest.ask("fd_tell", fd) == 12
    assert guest.call("fd_fdstat_set_flags", fd, 0) == OK
    guest.ask("fd_seek", fd, 0, SET)
    assert guest.send(fd, b"C") == OK
    assert guest.call("fd_fdstat_set_flags", fd, APPEND) == OK
    assert guest.send(fd, b"+3") == OK
    assert (world.root / "file").read_bytes() == b"Contents+1+2+3"
    reader = guest.opened(b"file", fdflags=APPEND)
    assert fcntl.fcntl(host_of(guest, reader), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY


def host_of(guest: Guest, fd: int) -> int:
    descriptor = guest.wasi.state.descriptors.get(fd)
    assert isinstance(descriptor, HostFile)
    return descriptor.host


@pytest.mark.parametrize(
    ("rights", "oflags", "mode"),
    [
        (0, 0, os.O_RDONLY),
        (READ, 0, os.O_RDONLY),
        (Rights.FD_WRITE, 0, os.O_WRONLY),
        (READ_WRITE, 0, os.O_RDWR),
        (Rights.FD_ALLOCATE, 0, os.O_WRONLY),
        (Rights.FD_FILESTAT_SET_SIZE | Rights.FD_READ, 0, os.O_RDWR),
        (Rights.FD_DATASYNC | Rights.FD_READ, 0, os.O_RDONLY),
        (READ, TRUNC, os.O_RDWR),
        (0, TRUNC, os.O_WRONLY),
        (READ, CREAT, os.O_RDONLY),
    ],
)
def test_the_host_opens_for_no_more_than_the_rights(
    guest: Guest, rights: int, oflags: int, mode: int
) -> None:
    fd = guest.opened(b"file", oflags, int(rights))
    flags = fcntl.fcntl(host_of(guest, fd), fcntl.F_GETFL)
    assert flags & os.O_ACCMODE == mode
    assert fcntl.fcntl(host_of(guest, fd), fcntl.F_GETFD) & fcntl.FD_CLOEXEC


@pytest.mark.skipif(sys.platform != "linux", reason="other systems obey the offset")
def test_pwrite_in_append_mode_appends_as_on_linux(world: World, guest: Guest) -> None:
    fd = guest.opened(b"file", 0, READ_WRITE, fdflags=APPEND)
    assert guest.send(fd, b"!", offset=0) == OK
    assert (world.root / "file").read_bytes() == b"contents!"


def test_truncate_and_resize(world: World, guest: Guest) -> None:
    fd = guest.opened(b"file", 0, READ_WRITE)
    assert guest.call("fd_filestat_set_size", fd, 3) == OK
    assert (world.root / "file").read_bytes() == b"con"
    assert guest.call("fd_filestat_set_size", fd, 5) == OK
    assert (world.root / "file").read_bytes() == b"con\0\0"
    assert guest.call("fd_close", guest.opened(b"file", TRUNC, READ_WRITE)) == OK
    assert (world.root / "file").read_bytes() == b""
    assert guest.open(b"dir", TRUNC, READ_WRITE) == Errno.ISDIR


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the host cannot")
def test_allocate(world: World, guest: Guest) -> None:
    fd = guest.opened(b"file", 0, READ_WRITE)
    assert guest.call("fd_allocate", fd, 0, 4) == OK
    assert (world.root / "file").read_bytes() == b"contents"
    assert guest.call("fd_allocate", fd, 6, 4) == OK
    assert (world.root / "file").read_bytes() == b"contents\0\0"
    assert guest.call("fd_allocate", fd, 0, 0) == Errno.INVAL
    assert guest.call("fd_allocate", guest.opened(b"file"), 0, 1) == Errno.NOTCAPABLE
    assert guest.call("fd_allocate", ROOT, 0, 1) == Errno.BADF


def test_advice_and_sync(guest: Guest) -> None:
    fd = guest.opened(b"file", 0, READ_WRITE)
    for advice in range(6):
        assert guest.call("fd_advise", fd, 0, 0, advice) == OK
    assert guest.call("fd_advise", fd, 0, 0, 6) == Errno.INVAL
    assert guest.call("fd_advise", ROOT, 0, 0, 0) == Errno.BADF
    assert guest.call("fd_sync", fd) == OK
    assert guest.call("fd_datasync", fd) == OK
    assert guest.call("fd_sync", ROOT) == OK
    assert guest.call("fd_datasync", ROOT) == OK
    assert guest.call("fd_sync", 99) == Errno.BADF


def test_filestat(world: World, guest: Guest) -> None:
    path = world.root / "file"
    os.utime(path, ns=(1_000_000_001, 2_000_000_002))
    os.link(path, world.root / "second")
    status = path.stat()
    expected = struct.pack(
        "<QQB7xQQQQQ",
        status.st_dev,
        status.st_ino,
        4,
        2,
        8,
        1_000_000_001,
        2_000_000_002,
        status.st_ctime_ns,
    )
    guest.ask("fd_filestat_get", guest.opened(b"file"))
    assert guest.results == [expected]
    guest.ask("path_filestat_get", ROOT, 0, b"dir/../file")
    assert guest.results == [expected]
    guest.ask("fd_filestat_get", ROOT)
    assert guest.results[0][16] == 3


def test_times_before_1970_are_0(world: World, guest: Guest) -> None:
    os.utime(world.root / "file", ns=(-5_000_000_000, -1))
    guest.ask("path_filestat_get", ROOT, 0, b"file")
    assert struct.unpack_from("<QQ", guest.results[0], 40) == (0, 0)


ATIM, ATIM_NOW, MTIM, MTIM_NOW = 1, 2, 4, 8
EPOCH = Deterministic().epoch


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0, (111, 222)),
        (ATIM, (333, 222)),
        (MTIM, (111, 444)),
        (ATIM | MTIM, (333, 444)),
        (ATIM_NOW, (EPOCH, 222)),
        (MTIM_NOW, (111, EPOCH)),
        (ATIM_NOW | MTIM_NOW, (EPOCH, EPOCH)),
        (ATIM | MTIM_NOW, (333, EPOCH)),
        (ATIM | ATIM_NOW, None),
        (MTIM | MTIM_NOW, None),
        (15, None),
        (16, None),
    ],
)
@pytest.mark.parametrize("way", ["fd", "path", "directory"])
def test_times_to_set(world: World, way: str, flags: int, expected: tuple[int, int] | None) -> None:
    path = world.root / ("dir" if way == "directory" else "file")
    os.utime(path, ns=(111, 222))
    with Guest.of(world.root, deterministic=Deterministic()) as guest:
        if way == "path":
            errno = guest.call("path_filestat_set_times", ROOT, 1, b"file", 333, 444, flags)
        else:
            oflags = DIRECTORY if way == "directory" else 0
            rights = DIR if oflags else READ
            fd = guest.opened(path.name.encode(), oflags, rights)
            errno = guest.call("fd_filestat_set_times", fd, 333, 444, flags)
        guest.ask("path_filestat_get", ROOT, 0, path.name.encode())
        assert errno == (Errno.INVAL if expected is None else OK)
        assert struct.unpack_from("<QQ", guest.results[0], 40) == (expected or (111, 222))


def test_times_of_a_link_or_its_target(world: World, guest: Guest) -> None:
    link = world.root / "link"
    link.symlink_to("file")
    assert guest.call("path_filestat_set_times", ROOT, 0, b"link", 1, 2, 5) == OK
    assert link.lstat().st_mtime_ns == 2
    assert link.stat().st_mtime_ns != 2
    assert guest.call("path_filestat_set_times", ROOT, 1, b"link", 3, 4, 5) == OK
    assert link.lstat().st_mtime_ns == 2
    assert link.stat().st_mtime_ns == 4
    assert guest.call("path_filestat_set_times", ROOT, 0, b"link/", 3, 4, 5) == Errno.NOTDIR
    assert guest.call("path_filestat_set_times", ROOT, 0, b"missing", 3, 4, 0) == Errno.NOENT


def test_now_is_now(world: World, guest: Guest) -> None:
    os.utime(world.root / "file", ns=(1, 1))
    before = guest.ask("clock_time_get", 0, 0)
    assert guest.call("path_filestat_set_times", ROOT, 0, b"file", 0, 0, 10) == OK
    status = (world.root / "file").stat()
    assert before <= status.st_mtime_ns <= guest.ask("clock_time_get", 0, 0)
    assert status.st_atime_ns == status.st_mtime_ns


def fdstat(guest: Guest, fd: int) -> tuple[int, int, int, int]:
    guest.ask("fd_fdstat_get", fd)
    filetype, flags, base, inheriting = struct.unpack("<BxHxxxxQQ", guest.results[0])
    return filetype, flags, base, inheriting


def test_fdstat(guest: Guest) -> None:
    assert fdstat(guest, ROOT) == (3, 0, DIR, ALL)
    fd = guest.opened(b"file", 0, READ_WRITE, fdflags=APPEND | DSYNC | RSYNC | SYNC | NONBLOCK)
    assert fdstat(guest, fd) == (4, 31, READ_WRITE, 0)
    assert guest.call("fd_fdstat_set_flags", fd, DSYNC | RSYNC | SYNC) == OK
    assert fdstat(guest, fd)[1] == DSYNC | RSYNC | SYNC
    assert guest.call("fd_fdstat_set_flags", fd, APPEND) == Errno.INVAL
    assert guest.call("fd_fdstat_set_flags", fd, 32) == Errno.INVAL
    assert guest.call("fd_fdstat_set_flags", ROOT, NONBLOCK) == Errno.BADF
    assert fdstat(guest, fd)[1] == DSYNC | RSYNC | SYNC
    assert fdstat(guest, 0)[0] == 0


def test_rights_only_shrink(guest: Guest) -> None:
    fd = guest.opened(b"dir", DIRECTORY, DIR, inheriting=READ)
    assert fdstat(guest, fd)[2:] == (DIR, READ)
    for base, inheriting in [(ALL, READ), (DIR, READ_WRITE), (DIR | 1 << 40, 0), (DIR, 1 << 63)]:
        assert guest.call("fd_fdstat_set_rights", fd, base, inheriting) == Errno.NOTCAPABLE
    assert fdstat(guest, fd)[2:] == (DIR, READ)
    assert guest.open(b"inner", 0, READ_WRITE, at=fd) == Errno.NOTCAPABLE
    assert guest.open(b"inner", 0, 0, at=fd, inheriting=ALL) == Errno.NOTCAPABLE
    assert guest.open(b"inner", 0, READ, at=fd) == OK
    smaller = int(Rights.PATH_OPEN | Rights.PATH_FILESTAT_GET)
    assert guest.call("fd_fdstat_set_rights", fd, smaller, 0) == OK
    assert guest.call("fd_fdstat_set_rights", fd, DIR, 0) == Errno.NOTCAPABLE
    assert guest.open(b"inner", 0, READ, at=fd) == Errno.NOTCAPABLE
    assert guest.open(b"inner", 0, 0, at=fd) == OK
    assert guest.call("path_filestat_get", fd, 0, b"inner") == OK
    for name, arguments in [
        ("path_create_directory", (fd, b"x")),
        ("path_remove_directory", (fd, b"deep")),
        ("path_unlink_file", (fd, b"inner")),
        ("path_symlink", (b"x", fd, b"y")),
        ("path_readlink", (fd, b"inner", 4096, 10)),
        ("path_rename", (fd, b"inner", ROOT, b"x")),
        ("path_rename", (ROOT, b"file", fd, b"x")),
        ("path_link", (fd, 0, b"inner", ROOT, b"x")),
        ("path_link", (ROOT, 0, b"file", fd, b"x")),
        ("path_filestat_set_times", (fd, 0, b"inner", 1, 1, 5)),
        ("fd_readdir", (fd, 4096, 100, 0)),
        ("fd_filestat_get", (fd,)),
        ("fd_filestat_set_times", (fd, 1, 1, 5)),
        ("fd_sync", (fd,)),
        ("fd_datasync", (fd,)),
        ("fd_fdstat_set_flags", (fd, 0)),
    ]:
        assert guest.call(name, *arguments) == Errno.NOTCAPABLE, name


def test_rights_that_nobody_has(guest: Guest) -> None:
    for unknown in (1 << 30, 1 << 31, 1 << 63):
        assert guest.open(b"file", 0, READ | unknown) == Errno.NOTCAPABLE
        assert guest.open(b"file", 0, READ, inheriting=unknown) == Errno.NOTCAPABLE


@pytest.mark.parametrize(
    ("right", "use"),
    [
        (Rights.FD_READ, lambda guest, fd: guest.call("fd_read", fd, 4096, 0)),
        (Rights.FD_READ, lambda guest, fd: guest.call("fd_pread", fd, 4096, 0, 0)),
        (Rights.FD_SEEK, lambda guest, fd: guest.call("fd_pread", fd, 4096, 0, 0)),
        (Rights.FD_WRITE, lambda guest, fd: guest.send(fd, b"x")),
        (Rights.FD_WRITE, lambda guest, fd: guest.send(fd, b"x", 0)),
        (Rights.FD_SEEK, lambda guest, fd: guest.send(fd, b"x", 0)),
        (Rights.FD_SEEK, lambda guest, fd: guest.call("fd_seek", fd, 1, SET)),
        (Rights.FD_SEEK | Rights.FD_TELL, lambda guest, fd: guest.call("fd_tell", fd)),
        (Rights.FD_SYNC, lambda guest, fd: guest.call("fd_sync", fd)),
        (Rights.FD_DATASYNC, lambda guest, fd: guest.call("fd_datasync", fd)),
        (Rights.FD_ADVISE, lambda guest, fd: guest.call("fd_advise", fd, 0, 0, 0)),
        (Rights.FD_ALLOCATE, lambda guest, fd: guest.call("fd_allocate", fd, 0, 1)),
        (Rights.FD_FILESTAT_GET, lambda guest, fd: guest.call("fd_filestat_get", fd)),
        (Rights.FD_FILESTAT_SET_SIZE, lambda guest, fd: guest.call("fd_filestat_set_size", fd, 1)),
        (
            Rights.FD_FILESTAT_SET_TIMES,
            lambda guest, fd: guest.call("fd_filestat_set_times", fd, 1, 1, 5),
        ),
        (Rights.FD_FDSTAT_SET_FLAGS, lambda guest, fd: guest.call("fd_fdstat_set_flags", fd, 0)),
    ],
)
def test_each_right_is_needed_and_enough(
    world: World, guest: Guest, right: Rights, use: object
) -> None:
    assert callable(use)
    fd = guest.opened(b"file", 0, READ_WRITE)
    assert guest.call("fd_fdstat_set_rights", fd, READ_WRITE & ~int(right), 0) == OK
    assert use(guest, fd) == Errno.NOTCAPABLE
    assert (world.root / "file").read_bytes() == b"contents"
    fd = guest.opened(b"file", 0, READ_WRITE)
    needed = int(right | Rights.FD_SEEK | Rights.FD_READ | Rights.FD_WRITE)
    assert guest.call("fd_fdstat_set_rights", fd, needed, 0) == OK
    assert use(guest, fd) == OK


def test_telling_needs_no_right_to_seek(guest: Guest) -> None:
    fd = guest.opened(b"file", 0, int(Rights.FD_TELL))
    assert guest.ask("fd_tell", fd) == 0
    assert guest.ask("fd_seek", fd, 0, CUR) == 0
    assert guest.call("fd_seek", fd, 0, SET) == Errno.NOTCAPABLE
    assert guest.call("fd_seek", fd, 1, CUR) == Errno.NOTCAPABLE


def test_opening_needs_rights(guest: Guest) -> None:
    fd = guest.opened(b"dir", DIRECTORY, int(Rights.PATH_OPEN), inheriting=ALL)
    assert guest.open(b"new", CREAT, READ, at=fd) == Errno.NOTCAPABLE
    assert guest.open(b"inner", TRUNC, READ, at=fd) == Errno.NOTCAPABLE
    assert guest.open(b"inner", 0, READ, at=fd) == OK
    fd = guest.opened(b"dir", DIRECTORY, int(Rights.FD_READDIR), inheriting=ALL)
    assert guest.open(b"inner", 0, READ, at=fd) == Errno.NOTCAPABLE
    fd = guest.opened(b"dir", DIRECTORY, int(Rights.PATH_OPEN), inheriting=int(Rights.FD_READ))
    for flag in (DSYNC, RSYNC, SYNC):
        assert guest.open(b"inner", 0, 2, at=fd, fdflags=flag) == Errno.NOTCAPABLE


def test_rights_that_do_not_apply_are_dropped(guest: Guest) -> None:
    fd = guest.opened(
        b"dir", DIRECTORY, DIR | int(Rights.FD_READ | Rights.FD_SEEK | Rights.FD_ALLOCATE)
    )
    assert fdstat(guest, fd)[2] == DIR
    fd = guest.opened(b"file", 0, READ | int(Rights.FD_READDIR | Rights.PATH_OPEN), inheriting=ALL)
    assert fdstat(guest, fd)[2:] == (READ, 0)
    assert guest.open(b"dir", 0, READ_WRITE) == Errno.ISDIR
    assert guest.open(b"dir", DIRECTORY, READ_WRITE) == Errno.ISDIR


def test_open_flags(world: World, guest: Guest) -> None:
    assert guest.open(b"missing") == Errno.NOENT
    assert guest.open(b"file", DIRECTORY, READ) == Errno.NOTDIR
    assert guest.open(b"new", CREAT | DIRECTORY, READ) == Errno.INVAL
    assert guest.open(b"new", TRUNC | DIRECTORY, READ) == Errno.INVAL
    assert guest.open(b"file", 16, READ) == Errno.INVAL
    assert guest.open(b"file", 0, READ, lookup=2) == Errno.INVAL
    assert guest.open(b"file", 0, READ, fdflags=32) == Errno.INVAL
    assert not (world.root / "new").exists()
    assert guest.open(b"dir", CREAT, READ) == Errno.ISDIR
    assert guest.open(b"new/", CREAT, READ_WRITE) == Errno.ISDIR
    assert guest.open(b"dir/.", DIRECTORY, READ) == OK
    assert guest.open(b".", DIRECTORY, READ) == OK


def test_files_are_made_with_the_hosts_mask(world: World, guest: Guest) -> None:
    previous = os.umask(0o027)
    try:
        guest.opened(b"new", CREAT, READ_WRITE)
        assert guest.call("path_create_directory", ROOT, b"newdir") == OK
    finally:
        os.umask(previous)
    assert (world.root / "new").stat().st_mode & 0o7777 == 0o640
    assert (world.root / "newdir").stat().st_mode & 0o7777 == 0o750


def test_numbers_are_the_lowest_free(guest: Guest) -> None:
    assert [guest.opened(b"file") for _ in range(4)] == [5, 6, 7, 8]
    assert guest.call("fd_close", 6) == OK
    assert guest.call("fd_close", 6) == Errno.BADF
    assert guest.opened(b"file") == 6
    assert guest.opened(b"file") == 9


def test_renumber(world: World, guest: Guest) -> None:
    first = guest.opened(b"file")
    second = guest.opened(b"dir/inner")
    guest.ask("fd_seek", first, 3, SET)
    assert guest.call("fd_renumber", first, second) == OK
    assert guest.call("fd_tell", first) == Errno.BADF
    assert guest.ask("fd_tell", second) == 3
    assert guest.receive(second, 10) == b"tents"
    assert guest.call("fd_renumber", second, second) == OK
    assert guest.ask("fd_tell", second) == 8
    for fd, to in [(first, second), (second, first), (second, 99), (99, second)]:
        assert guest.call("fd_renumber", fd, to) == Errno.BADF
    # Even a pre-opened directory's number: then it is one no more.
    assert guest.call("fd_renumber", second, ROOT) == OK
    assert guest.call("fd_prestat_get", ROOT) == Errno.BADF
    assert guest.call("fd_prestat_dir_name", ROOT, 4096, 100) == Errno.NOTDIR
    assert (world.root / "file").exists()


def test_kinds_of_descriptor(guest: Guest) -> None:
    array = guest.put(guest.vectors((4096, 8)))
    for fd in (0, 1, 2):
        assert guest.call("fd_seek", fd, 0, SET) == Errno.SPIPE
        assert guest.call("fd_tell", fd) == Errno.SPIPE
        assert guest.call("fd_pread", fd, array, 1, 0) == Errno.SPIPE
        assert guest.call("fd_pwrite", fd, array, 1, 0) == Errno.SPIPE
        assert guest.call("fd_advise", fd, 0, 0, 0) == Errno.SPIPE
        assert guest.call("fd_filestat_set_size", fd, 0) == Errno.SPIPE
        assert guest.call("fd_filestat_set_times", fd, 0, 0, 0) == Errno.NOTCAPABLE
        assert guest.call("fd_readdir", fd, 4096, 10, 0) == Errno.NOTDIR
        assert guest.call("path_open", fd, 0, b"x", 0, 0, 0, 0) == Errno.NOTDIR
        assert guest.call("fd_filestat_get", fd) == OK
        assert guest.results == [bytes(64)]
        assert guest.call("fd_sync", fd) == OK
    assert guest.call("fd_read", ROOT, array, 1) == Errno.ISDIR
    assert guest.call("fd_pread", ROOT, array, 1, 0) == Errno.ISDIR
    assert guest.call("fd_write", ROOT, array, 1) == Errno.BADF
    assert guest.call("fd_pwrite", ROOT, array, 1, 0) == Errno.BADF
    assert guest.call("fd_seek", ROOT, 0, SET) == Errno.BADF
    assert guest.call("fd_filestat_set_size", ROOT, 0) == Errno.BADF
    assert guest.call("fd_read", 1, array, 1) == Errno.NOTCAPABLE
    assert guest.call("fd_write", 0, array, 1) == Errno.NOTCAPABLE


# Limits.


def test_the_limit_of_descriptors(world: World) -> None:
    with Guest.of(world.root, limits=Limits(fds=6)) as guest:
        guest.opened(b"file")
        guest.opened(b"file")
        assert guest.open(b"file") == Errno.MFILE
        assert guest.open(b"new", CREAT, READ_WRITE) == Errno.MFILE
        assert not (world.root / "new").exists()
        assert guest.open(b"file", TRUNC, READ_WRITE) == Errno.MFILE
        assert (world.root / "file").read_bytes() == b"contents"
        assert guest.call("fd_close", 4) == OK
        assert guest.opened(b"file") == 4


def test_the_limit_of_a_transfer(world: World) -> None:
    with Guest.of(world.root, limits=Limits(transfer=5)) as guest:
        fd = guest.opened(b"new", CREAT, READ_WRITE)
        assert guest.send(fd, b"123456789") == OK
        assert guest.fd == 5
        assert guest.send(fd, b"6789", offset=5) == OK
        guest.ask("fd_seek", fd, 0, SET)
        assert guest.receive(fd, 9) == b"12345"
        assert guest.receive(fd, 9) == b"6789"


def test_the_limit_of_a_files_size(world: World) -> None:
    with Guest.of(world.root, limits=Limits(file_size=10)) as guest:
        fd = guest.opened(b"new", CREAT, READ_WRITE)
        assert guest.send(fd, b"12345678") == OK
        assert guest.send(fd, b"12345678") == OK
        assert guest.fd == 2
        assert guest.send(fd, b"1") == Errno.FBIG
        assert guest.send(fd, b"") == OK
        assert guest.send(fd, b"1", offset=10) == Errno.FBIG
        assert guest.send(fd, b"1", offset=1 << 40) == Errno.FBIG
        assert guest.send(fd, b"xyz", offset=8) == OK
        assert guest.fd == 2
        assert guest.call("fd_filestat_set_size", fd, 11) == Errno.FBIG
        assert guest.call("fd_allocate", fd, 5, 6) == Errno.FBIG
        append = guest.opened(b"new", 0, READ_WRITE, fdflags=APPEND)
        assert guest.send(append, b"1") == Errno.FBIG
        assert (world.root / "new").read_bytes() == b"12345678xy"
