"""Directories and their entries: listing, making, renaming, linking, removing."""

# Calls with bytes and descriptors are the subject here, and pathlib has none.
# ruff: noqa: PTH115

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
from tests.wasi.guest import ALL, DIR, DIRECTORY, FOLLOW, READ_WRITE, ROOT, Guest

from plumbob.errors import UsageError
from plumbob.wasi.config import Config, Limits, Preopen
from plumbob.wasi.errno import Errno
from plumbob.wasi.host import Wasi

if TYPE_CHECKING:
    from pathlib import Path

    from tests.wasi.world import World

OK = Errno.SUCCESS
OTHER = 4


def test_pre_opened_directories(world: World) -> None:
    with Guest.of(Preopen(world.root, "/"), Preopen(world.other, "data/ü")) as guest:
        guest.ask("fd_prestat_get", 3)
        assert guest.results == [struct.pack("<BxxxI", 0, 1)]
        guest.ask("fd_prestat_get", 4)
        name = "data/ü".encode()
        assert guest.results == [struct.pack("<BxxxI", 0, len(name))]
        assert guest.call("fd_prestat_dir_name", 4, 4096, len(name)) == OK
        assert guest.read(4096, len(name) + 1) == name + b"\0"
        assert guest.call("fd_prestat_dir_name", 4, 8192, 100) == OK
        assert guest.call("fd_prestat_dir_name", 4, 4096, len(name) - 1) == Errno.NAMETOOLONG
        assert guest.call("fd_prestat_get", 5) == Errno.BADF
        assert guest.call("fd_prestat_get", 0) == Errno.BADF
        assert guest.call("fd_prestat_dir_name", 0, 4096, 100) == Errno.NOTDIR
        assert guest.call("fd_prestat_dir_name", 9, 4096, 100) == Errno.BADF
        sub = guest.opened(b".", DIRECTORY, DIR)
        assert guest.call("fd_prestat_get", sub) == Errno.BADF


def test_directories_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("missing", "file"):
        with pytest.raises(UsageError, match=f"cannot open a directory.*{name}"):
            Wasi(Config(preopens=[Preopen(tmp_path, "/"), Preopen(tmp_path / name, "/x")]))
    with pytest.raises(UsageError, match="too many open descriptors"):
        Wasi(Config(preopens=[Preopen(tmp_path, "/")] * 5, limits=Limits(fds=7)))


def test_a_listing(world: World, guest: Guest) -> None:
    (world.root / "link").symlink_to("nowhere")
    os.mkfifo(world.root / "pipe")
    assert guest.listing(ROOT) == [
        (b".", 3),
        (b"..", 3),
        (b"dir", 3),
        (b"file", 4),
        (b"link", 7),
        (b"pipe", 0),
    ]


def test_a_listing_byte_for_byte(world: World, guest: Guest) -> None:
    fd = guest.opened(b"dir", DIRECTORY, DIR)
    own = (world.root / "dir").stat().st_ino
    deep = (world.root / "dir" / "deep").stat().st_ino
    inner = (world.root / "dir" / "inner").stat().st_ino
    whole = b"".join(
        struct.pack("<QQIBxxx", cookie, inode, len(name), filetype) + name
        for cookie, (inode, filetype, name) in enumerate(
            [(own, 3, b"."), (own, 3, b".."), (deep, 3, b"deep"), (inner, 4, b"inner")], 1
        )
    )
    assert guest.readdir(fd) == whole
    for length in range(len(whole) + 2):
        assert guest.readdir(fd, length) == whole[:length]
    assert guest.readdir(fd, cookie=1) == whole[25:]
    assert guest.readdir(fd, cookie=2) == whole[51:]
    assert guest.readdir(fd, cookie=3) == whole[79:]
    for cookie in (4, 5, 2**32, 2**63, 2**64 - 1):
        assert guest.readdir(fd, cookie=cookie) == b""


def test_cookies_survive_removal(world: World, guest: Guest) -> None:
    """A guest that removes what it reads, entry by entry, sees each entry once."""
    many = world.root / "many"
    many.mkdir()
    names = [f"{index:03}".encode() for index in range(50)]
    for name in names:
        (many / name.decode()).touch()
    fd = guest.opened(b"many", DIRECTORY, DIR)
    cookie, seen = 0, []
    while entry := guest.readdir(fd, 27, cookie):
        cookie, length = struct.unpack_from("<Q8xI", entry)
        name = entry[24 : 24 + length]
        seen.append(name)
        if length == 3:
            assert guest.call("path_unlink_file", fd, name) == OK
    assert seen == [b".", b"..", *names]
    assert guest.call("path_remove_directory", ROOT, b"many") == OK
    assert guest.listing(fd) == [(b".", 3), (b"..", 3)]


def test_cookie_0_looks_again(world: World, guest: Guest) -> None:
    fd = guest.opened(b"dir", DIRECTORY, DIR)
    assert (b"late", 4) not in guest.listing(fd)
    (world.root / "dir" / "late").touch()
    assert guest.readdir(fd, cookie=4) == b""
    assert (b"late", 4) in guest.listing(fd)


def test_names_that_are_not_utf_8(world: World, guest: Guest) -> None:
    """They are listed as they are; a path cannot name them."""
    strange = os.fsencode(world.root) + b"/\xff\xfe"
    try:
        os.close(os.open(strange, os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system has no such names")
    assert (b"\xff\xfe", 4) in guest.listing(ROOT)
    assert guest.open(b"\xff\xfe") == Errno.ILSEQ
    assert guest.call("path_unlink_file", ROOT, b"\xff\xfe") == Errno.ILSEQ
    (world.root / "link").symlink_to(strange.rpartition(b"/")[2].decode(errors="surrogateescape"))
    assert guest.open(b"link") == OK
    assert guest.ask("path_readlink", ROOT, b"link", 4096, 10) == 2
    assert guest.read(4096, 2) == b"\xff\xfe"


def test_names_in_other_scripts(world: World, guest: Guest) -> None:
    name = "файл-ファイル-🦀"
    fd = guest.opened(name.encode(), 1, READ_WRITE)
    assert guest.send(fd, b"x") == OK
    assert (world.root / name).read_bytes() == b"x"
    assert (name.encode(), 4) in guest.listing(ROOT)


def test_the_longest_name(guest: Guest) -> None:
    assert guest.call("path_create_directory", ROOT, b"n" * 255) == OK
    assert guest.call("path_create_directory", ROOT, b"n" * 256) == Errno.NAMETOOLONG
    path = b"/".join([b"."] * 1900 + [b"file"])
    assert guest.contents(path) == b"contents"
    assert guest.call("path_filestat_get", ROOT, 0, b"./" * 2045 + b"file") == OK
    assert guest.call("path_filestat_get", ROOT, 0, b"./" * 2046 + b"file") == Errno.NAMETOOLONG


def test_directories(world: World, guest: Guest) -> None:
    assert guest.call("path_create_directory", ROOT, b"new") == OK
    assert guest.call("path_create_directory", ROOT, b"new/sub/") == OK
    assert (world.root / "new" / "sub").is_dir()
    assert guest.call("path_create_directory", ROOT, b"new") == Errno.EXIST
    assert guest.call("path_create_directory", ROOT, b".") == Errno.EXIST
    assert guest.call("path_create_directory", ROOT, b"file/x") == Errno.NOTDIR
    assert guest.call("path_create_directory", ROOT, b"missing/x") == Errno.NOENT
    assert guest.call("path_remove_directory", ROOT, b"new") == Errno.NOTEMPTY
    assert guest.call("path_remove_directory", ROOT, b"new/sub/..") == Errno.NOTEMPTY
    assert guest.call("path_remove_directory", ROOT, b"new/sub/.") == Errno.INVAL
    assert guest.call("path_remove_directory", ROOT, b".") == Errno.INVAL
    assert guest.call("path_remove_directory", ROOT, b"new/sub/") == OK
    assert guest.call("path_remove_directory", ROOT, b"new") == OK
    assert guest.call("path_remove_directory", ROOT, b"new") == Errno.NOENT
    assert guest.call("path_remove_directory", ROOT, b"file") == Errno.NOTDIR


def test_unlink(world: World, guest: Guest) -> None:
    (world.root / "link").symlink_to("dir")
    for path, errno in [
        (b"dir", Errno.ISDIR),
        (b"dir/", Errno.ISDIR),
        (b".", Errno.ISDIR),
        (b"dir/deep/..", Errno.ISDIR),
        (b"file/", Errno.NOTDIR),
        (b"link/", Errno.NOTDIR),
        (b"missing", Errno.NOENT),
        (b"missing/", Errno.NOENT),
        (b"", Errno.NOENT),
        (b"link", OK),
        (b"file", OK),
        (b"file", Errno.NOENT),
    ]:
        assert guest.call("path_unlink_file", ROOT, path) == errno, path
    assert (world.root / "dir" / "inner").exists()


def test_an_open_file_that_is_removed_stays_open(guest: Guest) -> None:
    fd = guest.opened(b"file")
    assert guest.call("path_unlink_file", ROOT, b"file") == OK
    assert guest.receive(fd, 100) == b"contents"
    guest.ask("fd_filestat_get", fd)
    assert struct.unpack_from("<Q", guest.results[0], 24) == (0,)


def test_an_open_directory_that_is_removed(guest: Guest) -> None:
    fd = guest.opened(b"dir/deep", DIRECTORY, DIR, inheriting=ALL)
    assert guest.call("path_remove_directory", ROOT, b"dir/deep") == OK
    assert guest.call("path_create_directory", fd, b"x") == Errno.NOENT
    assert guest.open(b"x", 1, READ_WRITE, at=fd) == Errno.NOENT
    assert guest.listing(fd) == [(b".", 3), (b"..", 3)]


@pytest.mark.parametrize(
    ("old", "new", "errno"),
    [
        (b"file", b"moved", OK),
        (b"file", b"dir/moved", OK),
        (b"file", b"dir/inner", OK),
        (b"dir", b"moved", OK),
        (b"dir", b"moved/", OK),
        (b"dir/", b"moved", OK),
        (b"dir", b"empty", OK),
        (b"dir", b"empty/", OK),
        (b"link", b"moved", OK),
        (b"file", b"file", OK),
        (b"file", b"dir", Errno.ISDIR),
        (b"dir", b"file", Errno.NOTDIR),
        (b"dir", b"file/", Errno.NOTDIR),
        (b"empty", b"dir", Errno.NOTEMPTY),
        (b"file/", b"moved", Errno.NOTDIR),
        (b"file", b"moved/", Errno.NOTDIR),
        (b"link/", b"moved", Errno.NOTDIR),
        (b"dir", b"link/", Errno.NOTDIR),
        (b"dir", b"dir/deep/moved", Errno.INVAL),
        (b".", b"moved", Errno.BUSY),
        (b"dir/deep/..", b"moved", Errno.BUSY),
        (b"dir", b".", Errno.BUSY),
        (b"missing", b"moved", Errno.NOENT),
        (b"file", b"missing/moved", Errno.NOENT),
        (b"file", b"", Errno.NOENT),
    ],
)
def test_rename(world: World, guest: Guest, old: bytes, new: bytes, errno: Errno) -> None:
    (world.root / "link").symlink_to("empty")
    (world.root / "empty").mkdir()
    assert guest.call("path_rename", ROOT, old, ROOT, new) == errno
    source = world.root / old.decode()
    if errno == OK and old != new:
        assert not source.exists()
        assert os.path.lexists(world.root / new.decode())
    elif errno != Errno.NOENT:
        assert os.path.lexists(source)


def test_rename_between_directories(world: World, guest: Guest) -> None:
    assert guest.call("path_rename", ROOT, b"dir", OTHER, b"got") == OK
    assert (world.other / "got" / "inner").read_bytes() == b"inner"
    assert guest.call("path_rename", OTHER, b"got/inner", ROOT, b"file") == OK
    assert (world.root / "file").read_bytes() == b"inner"


def test_hard_links(world: World, guest: Guest) -> None:
    (world.root / "link").symlink_to("file")
    (world.root / "dangling").symlink_to("nothing")
    for old, lookup, new, errno in [
        (b"file", 0, b"a", OK),
        (b"file", 0, b"a", Errno.EXIST),
        (b"file", 0, b"file", Errno.EXIST),
        (b"file", 0, b"dangling", Errno.EXIST),
        (b"file", 0, b"dir", Errno.EXIST),
        (b"file", 0, b"dir/", Errno.EXIST),
        (b"file", 0, b".", Errno.EXIST),
        (b"file", 0, b"new/", Errno.NOENT),
        (b"file/", 0, b"b", Errno.NOTDIR),
        (b"link/", 0, b"b", Errno.NOTDIR),
        (b"dir", 0, b"b", Errno.PERM),
        (b".", 0, b"b", Errno.PERM),
        (b"missing", 0, b"b", Errno.NOENT),
        (b"link", 0, b"b", OK),
        (b"link", FOLLOW, b"c", OK),
        (b"dangling", 0, b"d", OK),
        (b"dangling", FOLLOW, b"e", Errno.NOENT),
        (b"file", 2, b"f", Errno.INVAL),
    ]:
        assert guest.call("path_link", ROOT, lookup, old, ROOT, new) == errno, (old, new)
    inode = (world.root / "file").stat().st_ino
    assert (world.root / "a").lstat().st_ino == inode
    assert (world.root / "b").is_symlink()
    assert (world.root / "c").lstat().st_ino == inode
    assert (world.root / "file").stat().st_nlink == 3


def test_symbolic_links(world: World, guest: Guest) -> None:
    for target, path, errno in [
        (b"file", b"a", OK),
        (b"file", b"a", Errno.EXIST),
        (b"dir/", b"b", OK),
        (b"nothing", b"dir/c", OK),
        (b"x", b"new/", Errno.NOENT),
        (b"x", b"dir/", Errno.EXIST),
        (b"x", b".", Errno.EXIST),
        (b"x", b"missing/a", Errno.NOENT),
        (b"", b"d", Errno.NOENT),
        (b"a\0b", b"d", Errno.INVAL),
        (b"\xff", b"d", Errno.ILSEQ),
        (b"/abs", b"d", Errno.PERM),
        (b"x" * 4096, b"d", Errno.NAMETOOLONG),
    ]:
        assert guest.call("path_symlink", target, ROOT, path) == errno, (target, path)
    assert os.readlink(world.root / "a") == "file"
    assert guest.contents(b"a") == b"contents"
    assert guest.contents(b"b/inner") == b"inner"
    assert guest.open(b"dir/c") == Errno.NOENT


def test_readlink(world: World, guest: Guest) -> None:
    (world.root / "link").symlink_to("dir/inner")
    (world.root / "dlink").symlink_to("dir")
    for length in (0, 1, 9, 10):
        guest.write(4096, b"#" * 16)
        assert guest.ask("path_readlink", ROOT, b"link", 4096, length) == min(9, length)
        assert guest.read(4096, 10) == b"dir/inner"[:length].ljust(10, b"#")
    for path, errno in [
        (b"file", Errno.INVAL),
        (b"dir", Errno.INVAL),
        (b".", Errno.INVAL),
        (b"dlink/", Errno.INVAL),
        (b"link/", Errno.NOTDIR),
        (b"missing", Errno.NOENT),
        (b"dlink/inner", Errno.INVAL),
    ]:
        assert guest.call("path_readlink", ROOT, path, 4096, 10) == errno, path


def test_stat_and_links(world: World, guest: Guest) -> None:
    (world.root / "link").symlink_to("file")
    (world.root / "dlink").symlink_to("dir/")
    (world.root / "loop").symlink_to("loop")
    for path, lookup, filetype in [
        (b"link", 0, 7),
        (b"link", FOLLOW, 4),
        (b"dlink", 0, 7),
        (b"dlink", FOLLOW, 3),
        (b"dlink/", 0, 3),
        (b"dlink/.", 0, 3),
        (b"dlink/deep/../inner", 0, 4),
        (b"loop", 0, 7),
        (b".", 0, 3),
        (b"dir/..", 0, 3),
    ]:
        guest.ask("path_filestat_get", ROOT, lookup, path)
        assert guest.results[0][16] == filetype, path
    for path, lookup, errno in [
        (b"link/", 0, Errno.NOTDIR),
        (b"file/", 0, Errno.NOTDIR),
        (b"file/.", 0, Errno.NOTDIR),
        (b"file/..", 0, Errno.NOTDIR),
        (b"link/.", 0, Errno.NOTDIR),
        (b"loop", FOLLOW, Errno.LOOP),
        (b"loop/", 0, Errno.LOOP),
        (b"missing/", 0, Errno.NOENT),
        (b"file", 2, Errno.INVAL),
    ]:
        assert guest.call("path_filestat_get", ROOT, lookup, path) == errno, path


def test_deep_paths_give_back_their_descriptors(world: World, guest: Guest) -> None:
    path = b"/".join([b"d"] * 60)
    here = world.root
    for _ in range(60):
        here /= "d"
        here.mkdir()
    for _ in range(20):
        assert guest.open(path + b"/missing") == Errno.NOENT
        assert guest.call("path_filestat_get", ROOT, 0, path + b"/" + b"../" * 60 + b"file") == OK
        assert guest.open(path + b"/" + b"../" * 61 + b"file") == Errno.PERM


def test_a_path_that_is_too_deep(guest: Guest) -> None:
    """A guest can build a deep tree step by step; one path through it stays within bounds."""
    here = ROOT
    for _ in range(257):
        assert guest.call("path_create_directory", here, b"d") == OK
        below = guest.opened(b"d", DIRECTORY, DIR, at=here, inheriting=ALL)
        if here != ROOT:
            assert guest.call("fd_close", here) == OK
        here = below
    assert guest.call("path_filestat_get", ROOT, 0, b"d/" * 256 + b"d") == OK
    assert guest.call("path_create_directory", here, b"d") == OK
    assert guest.call("path_filestat_get", ROOT, 0, b"d/" * 257 + b"d") == Errno.MFILE
    assert guest.call("path_filestat_get", here, 0, b"d") == OK
