"""The same calls in wasmtime: errnos agree, or the difference is one of those in decision 062."""

# Calls with bytes and descriptors are the subject here, and pathlib has none.
# ruff: noqa: PTH208

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.wasi.guest import (
    ALL,
    APPEND,
    CREAT,
    DIR,
    DIRECTORY,
    EXCL,
    FOLLOW,
    READ,
    READ_WRITE,
    ROOT,
    SIZE,
    SYNC,
    TRUNC,
    Guest,
    Wasmtime,
)

from plumbob.wasi.errno import Errno

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("wasmtime", reason="the independent engine is not installed")

DECISION = Path(__file__).resolve().parents[2] / "docs/decisions/062-where-errnos-differ.md"

TRAP = "trap"

Call = tuple[Any, ...]
"""A function's name and arguments; `open` abbreviates `path_open`. An argument that is a call
itself stands for the descriptor that it opens, `VECTORS` for an array of one buffer."""

VECTORS = "vectors"
FILE: Call = ("open", b"file")
FILE_RW: Call = ("open", b"file", 0, READ_WRITE)


def subscription(kind: int, fd: int) -> bytes:
    return struct.pack("<QB7xI28x", 1, kind, fd)


SAME: list[tuple[Call, Errno]] = [
    (("open", b"file", 0, 0), Errno.SUCCESS),
    (("open", b"/file"), Errno.PERM),
    (("open", b""), Errno.NOENT),
    (("open", b".."), Errno.PERM),
    (("open", b"../outside"), Errno.PERM),
    (("open", b"dir/../file"), Errno.SUCCESS),
    (("open", b"dir/../../outside"), Errno.PERM),
    (("open", b"missing/../file"), Errno.NOENT),
    (("open", b"file/../file"), Errno.NOTDIR),
    (("open", b"file/."), Errno.NOTDIR),
    (("open", b"file/"), Errno.NOTDIR),
    (("open", b"fi\0le"), Errno.INVAL),
    (("open", b"\xff"), Errno.ILSEQ),
    (("open", b"a" * 256), Errno.NAMETOOLONG),
    (("open", b"./" * 2048 + b"file"), Errno.NAMETOOLONG),
    (("open", b"up"), Errno.PERM),
    (("open", b"absolute"), Errno.PERM),
    (("open", b"updir/outside"), Errno.PERM),
    (("open", b"loop"), Errno.LOOP),
    (("open", b"link"), Errno.SUCCESS),
    (("open", b"link", 0, READ, 0), Errno.LOOP),
    (("open", b"dlink/", 0, READ, 0), Errno.SUCCESS),
    (("open", b"dangling"), Errno.NOENT),
    (("open", b"dangling", CREAT, READ_WRITE), Errno.SUCCESS),
    (("open", b"dangling", CREAT | EXCL, READ_WRITE), Errno.EXIST),
    (("open", b"up", CREAT, READ_WRITE), Errno.PERM),
    (("open", b"absolute", CREAT, READ_WRITE), Errno.PERM),
    (("open", b"new/", CREAT, READ_WRITE), Errno.ISDIR),
    (("open", b"dir", CREAT, READ_WRITE), Errno.ISDIR),
    (("open", b"new", CREAT | DIRECTORY, READ_WRITE), Errno.INVAL),
    (("open", b"dir", TRUNC | DIRECTORY, READ_WRITE), Errno.INVAL),
    (("open", b"file", DIRECTORY, READ), Errno.NOTDIR),
    (("open", b"dir", 0, READ_WRITE), Errno.ISDIR),
    (("open", b"dir", DIRECTORY, READ_WRITE), Errno.ISDIR),
    (("open", b"file", TRUNC, READ_WRITE), Errno.SUCCESS),
    (("path_open", FILE, 0, b"x", 0, 0, 0, 0), Errno.NOTDIR),
    (("path_open", 99, 0, b"x", 0, 0, 0, 0), Errno.BADF),
    (("path_create_directory", ROOT, b"dir"), Errno.EXIST),
    (("path_create_directory", ROOT, b"."), Errno.EXIST),
    (("path_create_directory", ROOT, b"new/"), Errno.SUCCESS),
    (("path_create_directory", ROOT, b"dangling"), Errno.EXIST),
    (("path_create_directory", ROOT, b"dangling/"), Errno.EXIST),
    (("path_create_directory", ROOT, b"../x"), Errno.PERM),
    (("path_create_directory", ROOT, b"dir/../.."), Errno.PERM),
    (("path_remove_directory", ROOT, b"."), Errno.INVAL),
    (("path_remove_directory", ROOT, b"dir/."), Errno.INVAL),
    (("path_remove_directory", ROOT, b".."), Errno.PERM),
    (("path_remove_directory", ROOT, b"dir"), Errno.NOTEMPTY),
    (("path_remove_directory", ROOT, b"empty"), Errno.SUCCESS),
    (("path_remove_directory", ROOT, b"file"), Errno.NOTDIR),
    (("path_remove_directory", ROOT, b"dlink"), Errno.NOTDIR),
    (("path_unlink_file", ROOT, b"dir"), Errno.ISDIR),
    (("path_unlink_file", ROOT, b"dir/"), Errno.ISDIR),
    (("path_unlink_file", ROOT, b"file/"), Errno.NOTDIR),
    (("path_unlink_file", ROOT, b"link"), Errno.SUCCESS),
    (("path_unlink_file", ROOT, b"."), Errno.ISDIR),
    (("path_unlink_file", ROOT, b"missing/"), Errno.NOENT),
    (("path_rename", ROOT, b"file/", ROOT, b"x"), Errno.NOTDIR),
    (("path_rename", ROOT, b"file", ROOT, b"x/"), Errno.NOTDIR),
    (("path_rename", ROOT, b"dir", ROOT, b"x/"), Errno.SUCCESS),
    (("path_rename", ROOT, b"dlink/", ROOT, b"x"), Errno.NOTDIR),
    (("path_rename", ROOT, b".", ROOT, b"x"), Errno.BUSY),
    (("path_rename", ROOT, b"dir", ROOT, b"."), Errno.BUSY),
    (("path_rename", ROOT, b"dir", ROOT, b"dir/x"), Errno.INVAL),
    (("path_rename", ROOT, b"file", ROOT, b"dir"), Errno.ISDIR),
    (("path_rename", ROOT, b"dir", ROOT, b"file"), Errno.NOTDIR),
    (("path_rename", ROOT, b"empty", ROOT, b"dir"), Errno.NOTEMPTY),
    (("path_rename", ROOT, b"missing", ROOT, b"x"), Errno.NOENT),
    (("path_rename", ROOT, b"file", ROOT, b"../x"), Errno.PERM),
    (("path_symlink", b"/etc", ROOT, b"x"), Errno.PERM),
    (("path_symlink", b"../..", ROOT, b"x"), Errno.SUCCESS),
    (("path_symlink", b"", ROOT, b"x"), Errno.NOENT),
    (("path_symlink", b"file", ROOT, b"x/"), Errno.NOENT),
    (("path_symlink", b"file", ROOT, b"dir/"), Errno.EXIST),
    (("path_symlink", b"file", ROOT, b"file"), Errno.EXIST),
    (("path_link", ROOT, 0, b"file", ROOT, b"x"), Errno.SUCCESS),
    (("path_link", ROOT, 0, b"dir", ROOT, b"x"), Errno.PERM),
    (("path_link", ROOT, 0, b"file", ROOT, b"x/"), Errno.NOENT),
    (("path_link", ROOT, 0, b"file/", ROOT, b"x"), Errno.NOTDIR),
    (("path_link", ROOT, 0, b"file", ROOT, b"dir/"), Errno.EXIST),
    (("path_link", ROOT, 0, b"absolute", ROOT, b"x"), Errno.SUCCESS),
    (("path_readlink", ROOT, b"link", 4096, 100), Errno.SUCCESS),
    (("path_readlink", ROOT, b"link", 4096, 2), Errno.SUCCESS),
    (("path_readlink", ROOT, b"absolute", 4096, 100), Errno.PERM),
    (("path_readlink", ROOT, b"file", 4096, 100), Errno.INVAL),
    (("path_readlink", ROOT, b".", 4096, 100), Errno.INVAL),
    (("path_readlink", ROOT, b"dlink/", 4096, 100), Errno.INVAL),
    (("path_filestat_get", ROOT, FOLLOW, b"file/"), Errno.NOTDIR),
    (("path_filestat_get", ROOT, 0, b"loop"), Errno.SUCCESS),
    (("path_filestat_get", ROOT, FOLLOW, b"loop"), Errno.LOOP),
    (("path_filestat_get", ROOT, 0, b"link/"), Errno.NOTDIR),
    (("path_filestat_get", ROOT, 0, b"dlink/"), Errno.SUCCESS),
    (("path_filestat_get", ROOT, 0, b"."), Errno.SUCCESS),
    (("path_filestat_set_times", ROOT, FOLLOW, b"file", 1, 1, 3), Errno.INVAL),
    (("path_filestat_set_times", ROOT, FOLLOW, b"file", 1, 1, 0), Errno.SUCCESS),
    (("path_filestat_set_times", ROOT, FOLLOW, b"up", 1, 1, 5), Errno.PERM),
    (("fd_seek", FILE, -1, 0), Errno.INVAL),
    (("fd_seek", ROOT, 0, 0), Errno.BADF),
    (("fd_seek", 0, 0, 0), Errno.SPIPE),
    (("fd_tell", 1), Errno.SPIPE),
    (("fd_tell", 99), Errno.BADF),
    (("fd_write", ROOT, VECTORS, 1), Errno.BADF),
    (("fd_pread", FILE, VECTORS, 1, 1 << 63), Errno.INVAL),
    (("fd_pwrite", FILE_RW, VECTORS, 1, 1 << 63), Errno.INVAL),
    (("fd_pread", 0, VECTORS, 1, 0), Errno.SPIPE),
    (("fd_read", FILE, VECTORS, 1), Errno.SUCCESS),
    (("fd_write", FILE_RW, VECTORS, 1), Errno.SUCCESS),
    (("fd_filestat_set_size", FILE_RW, 1 << 63), Errno.INVAL),
    (("fd_filestat_set_size", FILE_RW, 5), Errno.SUCCESS),
    (("fd_filestat_set_size", ROOT, 1), Errno.BADF),
    (("fd_advise", FILE, 0, 100, 0), Errno.SUCCESS),
    (("fd_advise", ROOT, 0, 100, 0), Errno.BADF),
    (("fd_close", 99), Errno.BADF),
    (("fd_close", ROOT), Errno.SUCCESS),
    (("fd_renumber", FILE, 50), Errno.BADF),
    (("fd_renumber", 50, FILE), Errno.BADF),
    (("fd_renumber", FILE, ROOT), Errno.SUCCESS),
    (("fd_fdstat_set_flags", FILE_RW, APPEND), Errno.SUCCESS),
    (("fd_fdstat_set_flags", FILE_RW, SYNC), Errno.INVAL),
    (("fd_fdstat_set_flags", ROOT, 4), Errno.BADF),
    (("fd_prestat_get", ROOT), Errno.SUCCESS),
    (("fd_prestat_get", 0), Errno.BADF),
    (("fd_prestat_get", 99), Errno.BADF),
    (("fd_prestat_dir_name", ROOT, 4096, 1), Errno.NAMETOOLONG),
    (("fd_prestat_dir_name", FILE, 4096, 100), Errno.NOTDIR),
    (("fd_readdir", ROOT, 4096, 100, 0), Errno.SUCCESS),
    (("fd_readdir", ROOT, 4096, 100, 1000), Errno.SUCCESS),
    (("fd_readdir", 99, 4096, 100, 0), Errno.BADF),
    (("clock_time_get", 0, 0), Errno.SUCCESS),
    (("clock_res_get", 1), Errno.SUCCESS),
    (("poll_oneoff", 4096, 8192, 0), Errno.INVAL),
    (("sched_yield",), Errno.SUCCESS),
    (("random_get", 4096, 100), Errno.SUCCESS),
    (("args_get", 4096, 8192), Errno.SUCCESS),
    (("sock_accept", ROOT, 0), Errno.NOTSOCK),
    (("sock_recv", ROOT, 4096, 0, 0), Errno.NOTSOCK),
    (("sock_send", 99, 4096, 0, 0), Errno.BADF),
    (("sock_shutdown", FILE, 1), Errno.NOTSOCK),
]

DIFFERENT: list[tuple[str, Call, Errno | str, Errno | str]] = [
    ("flags", ("path_filestat_set_times", ROOT, 0, b"file", 1, 1, 16), Errno.INVAL, TRAP),
    ("flags", ("fd_seek", FILE, 0, 3), Errno.INVAL, TRAP),
    ("flags", ("fd_advise", FILE, 0, 0, 6), Errno.INVAL, TRAP),
    ("flags", ("fd_fdstat_set_flags", FILE_RW, 32), Errno.INVAL, TRAP),
    ("flags", ("clock_res_get", 4), Errno.INVAL, TRAP),
    ("flags", ("proc_raise", 31), Errno.INVAL, TRAP),
    ("rights", ("open", b"file", 0, READ | 1 << 31), Errno.NOTCAPABLE, TRAP),
    ("rights", ("fd_write", FILE, VECTORS, 1), Errno.NOTCAPABLE, Errno.BADF),
    ("rights", ("fd_read", ("open", b"file", 0, 64), VECTORS, 1), Errno.NOTCAPABLE, Errno.BADF),
    ("rights", ("fd_read", 1, VECTORS, 1), Errno.NOTCAPABLE, Errno.BADF),
    ("rights", ("fd_write", 0, VECTORS, 1), Errno.NOTCAPABLE, Errno.BADF),
    ("rights", ("fd_filestat_set_size", FILE, 1), Errno.NOTCAPABLE, Errno.INVAL),
    ("rights", ("fd_fdstat_set_rights", FILE, 2, 0), Errno.SUCCESS, Errno.NOTSUP),
    ("rights", ("fd_fdstat_set_rights", FILE, ALL, 0), Errno.NOTCAPABLE, Errno.NOTSUP),
    ("kinds", ("path_open", 0, 0, b"x", 0, 0, 0, 0), Errno.NOTDIR, Errno.BADF),
    ("kinds", ("fd_readdir", FILE, 4096, 100, 0), Errno.NOTDIR, Errno.BADF),
    ("kinds", ("fd_read", ROOT, VECTORS, 1), Errno.ISDIR, Errno.BADF),
    ("kinds", ("fd_sync", ROOT), Errno.SUCCESS, Errno.BADF),
    ("kinds", ("fd_fdstat_set_flags", 1, 4), Errno.SUCCESS, Errno.BADF),
    ("slashes", ("path_remove_directory", ROOT, b"empty/"), Errno.SUCCESS, Errno.INVAL),
    ("slashes", ("path_remove_directory", ROOT, b"dlink/"), Errno.NOTDIR, Errno.INVAL),
    ("slashes", ("path_remove_directory", ROOT, b"dir/.."), Errno.NOTEMPTY, Errno.INVAL),
    ("slashes", ("path_unlink_file", ROOT, b"dlink/"), Errno.NOTDIR, Errno.ISDIR),
    ("slashes", ("path_symlink", b"file", ROOT, b"file/"), Errno.EXIST, Errno.NOTDIR),
    ("slashes", ("open", b"dlink", DIRECTORY, READ, 0), Errno.NOTDIR, Errno.LOOP),
    ("slashes", ("open", b"dir", DIRECTORY | EXCL, READ), Errno.SUCCESS, Errno.INVAL),
    ("offered", ("path_link", ROOT, FOLLOW, b"link", ROOT, b"x"), Errno.SUCCESS, Errno.INVAL),
    ("offered", ("fd_allocate", FILE_RW, 0, 100), Errno.SUCCESS, Errno.NOTSUP),
    ("offered", ("clock_time_get", 2, 0), Errno.SUCCESS, Errno.BADF),
    ("offered", ("proc_raise", 17), Errno.SUCCESS, Errno.NOTSUP),
    ("positions", ("fd_seek", FILE, 2**63 - 1, 0), Errno.INVAL, Errno.SUCCESS),
    ("positions", ("fd_advise", FILE, 1 << 63, 100, 0), Errno.INVAL, Errno.SUCCESS),
    ("events", ("poll_oneoff", subscription(1, 99), 8192, 1), Errno.SUCCESS, Errno.BADF),
    ("events", ("poll_oneoff", subscription(1, ROOT), 8192, 1), Errno.SUCCESS, Errno.BADF),
    ("pointers", ("fd_tell", 99, "bad"), TRAP, Errno.BADF),
]
"""Chapter of decision 062, call, what we say, what wasmtime says."""


@pytest.fixture(scope="module", autouse=True)
def wasmtime_is_running() -> None:
    """Let wasmtime open what it keeps for the whole process before descriptors are counted."""
    with Wasmtime.of() as guest:
        assert guest.call("random_get", 4096, 1) == Errno.SUCCESS
        timer = struct.pack("<QB7xI4xQQH6x", 0, 0, 1, 1, 0, 0)
        assert guest.call("poll_oneoff", guest.put(timer), 8192, 1) == Errno.SUCCESS


def make_tree(base: Path) -> Path:
    root = base / "root"
    (root / "dir").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "file").write_bytes(b"contents")
    (root / "dir" / "inner").write_bytes(b"inner")
    (base / "outside").write_bytes(b"secret")
    for name, target in [
        ("link", "file"),
        ("dlink", "dir"),
        ("dangling", "nothing"),
        ("loop", "loop"),
        ("up", "../outside"),
        ("updir", ".."),
        ("absolute", "/etc/passwd"),
    ]:
        (root / name).symlink_to(target)
    return root


def perform(guest: Guest, call: Call) -> Errno:
    name, *arguments = call
    if name == "open":
        return guest.open(*arguments[:3], lookup=arguments[3] if len(arguments) > 3 else FOLLOW)
    values: list[Any] = []
    for argument in arguments:
        if isinstance(argument, tuple):
            assert perform(guest, argument) == Errno.SUCCESS
            values.append(guest.fd)
        elif argument == VECTORS:
            values.append(guest.put(guest.vectors((4096, 4))))
        elif isinstance(argument, bytes) and name == "poll_oneoff":
            values.append(guest.put(argument))
        else:
            values.append(argument)
    if "bad" in values:
        return Errno(guest.invoke(name, [SIZE if value == "bad" else value for value in values]))
    return guest.call(name, *values)


def outcome(kind: type[Guest], base: Path, call: Call) -> Errno | str:
    base.mkdir()
    root = make_tree(base)
    with kind.of(root) as guest:
        try:
            return perform(guest, call)
        except AssertionError:
            raise
        except Exception:  # noqa: BLE001 -- the two have no exception of a trap in common
            return TRAP
        finally:
            assert (base / "outside").read_bytes() == b"secret"
            assert sorted(os.listdir(base)) == ["outside", "root"]


def describe(value: object) -> str:
    return repr(value)[:60] if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(("call", "errno"), SAME, ids=describe)
def test_both_say_the_same(tmp_path: Path, call: Call, errno: Errno) -> None:
    assert outcome(Guest, tmp_path / "ours", call) == errno
    assert outcome(Wasmtime, tmp_path / "theirs", call) == errno


@pytest.mark.parametrize(("chapter", "call", "ours", "theirs"), DIFFERENT, ids=describe)
def test_differences_are_known(
    tmp_path: Path, chapter: str, call: Call, ours: Errno | str, theirs: Errno | str
) -> None:
    assert outcome(Guest, tmp_path / "ours", call) == ours
    assert outcome(Wasmtime, tmp_path / "theirs", call) == theirs
    assert f"**{chapter}**" in DECISION.read_text()


BYTES: list[tuple[str, Callable[[Guest], bytes]]] = [
    ("prestat", lambda guest: result(guest, "fd_prestat_get", ROOT)),
    ("prestat name", lambda guest: memory(guest, "fd_prestat_dir_name", ROOT, 4096, 64)),
    ("arguments", lambda guest: memory(guest, "args_get", 4096, 4112)),
    ("environment", lambda guest: memory(guest, "environ_get", 4096, 4112)),
    ("readlink", lambda guest: memory(guest, "path_readlink", ROOT, b"link", 4096, 3)),
    ("size and links", lambda guest: result(guest, "path_filestat_get", ROOT, 1, b"link")[16:40]),
    ("times", lambda guest: result(guest, "path_filestat_get", ROOT, 0, b"file")[40:56]),
    ("seek", lambda guest: result(guest, "fd_seek", guest.opened(b"file"), -3, 2)),
    ("type of a file", lambda guest: result(guest, "fd_fdstat_get", guest.opened(b"file"))[:4]),
    ("type of a directory", lambda guest: result(guest, "fd_fdstat_get", ROOT)[:4]),
    ("names", lambda guest: repr(sorted(guest.listing(guest.opened(b".", 2, DIR)))).encode()),
]


def result(guest: Guest, name: str, *arguments: int | bytes) -> bytes:
    guest.ask(name, *arguments)
    return guest.results[0]


def memory(guest: Guest, name: str, *arguments: int | bytes) -> bytes:
    guest.write(4096, bytes(256))
    guest.ask(name, *arguments)
    return guest.read(4096, 256)


@pytest.mark.parametrize(("what", "observe"), BYTES, ids=lambda value: str(value)[:20])
def test_records_are_the_same_bytes(
    tmp_path: Path, what: str, observe: Callable[[Guest], bytes]
) -> None:
    del what
    root = make_tree(tmp_path)
    settings: dict[str, Any] = {"args": ["program", "x"], "env": {"KEY": "value"}}
    with Guest.of(root, **settings) as ours, Wasmtime.of(root, **settings) as theirs:
        ours.filler = theirs.filler = 0  # wasmtime leaves padding as it is
        assert observe(ours) == observe(theirs)
