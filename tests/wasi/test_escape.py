"""Attempts to get out. Each says what the guest is told, and nothing outside is read or changed."""

# Calls with bytes and descriptors are the subject here, and pathlib has none.
# ruff: noqa: PTH102, PTH104, PTH106, PTH108, PTH112, PTH113, PTH114, PTH123, PTH208, PTH211

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

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
    TRUNC,
    Guest,
)
from tests.wasi.world import SECRET

from plumbob.wasi.config import Preopen
from plumbob.wasi.errno import Errno

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.wasi.world import World

OTHER = 4
PERM, NOENT, LOOP, NOTDIR = Errno.PERM, Errno.NOENT, Errno.LOOP, Errno.NOTDIR


@pytest.fixture(autouse=True)
def nothing_gets_out(world: World, guest: Guest) -> Iterator[None]:
    yield
    world.assert_untouched()
    assert SECRET not in guest.read(0, SIZE)


def plant(world: World) -> None:
    """Links that another program, or the guest's author, could have left in the directory."""
    root = world.root
    (root / "to_file").symlink_to("../outside/secret")
    (root / "to_dir").symlink_to("../outside/dir")
    (root / "to_dir_slash").symlink_to("../outside/dir/")
    (root / "absolute").symlink_to(world.outside / "secret")
    (root / "absolute_dir").symlink_to(world.outside)
    (root / "slash").symlink_to("/")
    (root / "to_new").symlink_to("../outside/new")
    (root / "absolute_new").symlink_to(world.outside / "new")
    (root / "up").symlink_to("..")
    (root / "here").symlink_to(".")
    (root / "dir" / "up").symlink_to("..")
    (root / "chain").symlink_to("dir/link1")
    (root / "dir" / "link1").symlink_to("link2")
    (root / "dir" / "link2").symlink_to("../../outside/secret")
    (root / "through").symlink_to("here/dir/up/up/outside/secret")
    (root / "proc_root").symlink_to("/proc/self/root")
    (root / "proc_cwd").symlink_to("/proc/self/cwd")
    (root / "nested_up").symlink_to("dir/deep/../../..")
    (root / "other_link").symlink_to("../other/theirs")


PATHS = [
    (b"..", PERM),
    (b"../", PERM),
    (b"../outside/secret", PERM),
    (b"../root/file", PERM),
    (b"../other/theirs", PERM),
    (b"dir/../../outside/secret", PERM),
    (b"dir/deep/../../../outside/secret", PERM),
    (b"./.././outside/secret", PERM),
    (b"dir//..//..//outside//secret", PERM),
    (b"missing/../../outside/secret", NOENT),
    (b"file/../../outside/secret", NOTDIR),
    (b"/", PERM),
    (b"//", PERM),
    (b"/etc/passwd", PERM),
    (b"//etc/passwd", PERM),
    (b"/..", PERM),
    (b"/root/file", PERM),
    (b"/proc/self/root/etc/passwd", PERM),
    (b"/proc/self/fd/0", PERM),
    (b"/dev/fd/0", PERM),
    (b"to_file", PERM),
    (b"to_dir/secret", PERM),
    (b"to_dir_slash/secret", PERM),
    (b"absolute", PERM),
    (b"absolute_dir/secret", PERM),
    (b"slash/etc/passwd", PERM),
    (b"to_new", PERM),
    (b"absolute_new", PERM),
    (b"up/outside/secret", PERM),
    (b"here/../outside/secret", PERM),
    (b"dir/up/../outside/secret", PERM),
    (b"chain", PERM),
    (b"through", PERM),
    (b"nested_up/outside/secret", PERM),
    (b"other_link", PERM),
    (b"proc_root/etc/passwd", PERM),
    (b"proc_cwd/pyproject.toml", PERM),
    (b"to_file/", PERM),
    (b"..\0/outside/secret", Errno.INVAL),
    (b"file\0/../../outside/secret", Errno.INVAL),
    (b"..\\outside\\secret", NOENT),
    (b".../outside/secret", NOENT),
    (b"\xc0\xae\xc0\xae/outside/secret", Errno.ILSEQ),
    (b"..%2foutside%2fsecret", NOENT),
    ("\uff0e\uff0e/outside/secret".encode(), NOENT),
    (b"../" * 1000 + b"etc/passwd", PERM),
    (b"dir/../" * 200 + b"../outside/secret", PERM),
    (b"../" * 2000, Errno.NAMETOOLONG),
    (b"x" * 256, Errno.NAMETOOLONG),
    (b"./" * 2048 + b"../outside/secret", Errno.NAMETOOLONG),
]

USES: dict[str, Callable[[Guest, bytes], Errno]] = {
    "open": lambda guest, path: guest.open(path),
    "open_directory": lambda guest, path: guest.open(path, DIRECTORY, READ),
    "open_write": lambda guest, path: guest.open(path, 0, READ_WRITE),
    "create": lambda guest, path: guest.open(path, CREAT, READ_WRITE),
    "truncate": lambda guest, path: guest.open(path, TRUNC, READ_WRITE),
    "append": lambda guest, path: guest.open(path, 0, READ_WRITE, fdflags=APPEND),
    "stat": lambda guest, path: guest.call("path_filestat_get", ROOT, FOLLOW, path),
    "times": lambda guest, path: guest.call("path_filestat_set_times", ROOT, FOLLOW, path, 1, 1, 5),
    "link_from": lambda guest, path: guest.call("path_link", ROOT, FOLLOW, path, ROOT, b"got"),
}


def id_of(value: object) -> str:
    if isinstance(value, bytes):
        return ascii(value[:40].decode(errors="backslashreplace"))
    return str(value)


@pytest.mark.parametrize(("path", "errno"), PATHS, ids=id_of)
@pytest.mark.parametrize("use", USES)
def test_no_path_leads_out(world: World, guest: Guest, use: str, path: bytes, errno: Errno) -> None:
    plant(world)
    found = USES[use](guest, path)
    if errno == NOENT and use == "create" and b"/" not in path:
        assert found == Errno.SUCCESS  # a backslash is a letter: a file of that name, inside
        assert os.fsencode(path.decode()) in os.listdir(os.fsencode(world.root))
        assert guest.call("fd_close", guest.fd) == Errno.SUCCESS
    elif use == "create" and path.endswith(b"/") and path == b"to_file/":
        assert found in (PERM, Errno.ISDIR)
    else:
        assert found == errno
    assert not (world.root / "got").exists()


ENTRY_USES: dict[str, Callable[[Guest, bytes], Errno]] = {
    "mkdir": lambda guest, path: guest.call("path_create_directory", ROOT, path),
    "rmdir": lambda guest, path: guest.call("path_remove_directory", ROOT, path),
    "unlink": lambda guest, path: guest.call("path_unlink_file", ROOT, path),
    "rename_from": lambda guest, path: guest.call("path_rename", ROOT, path, ROOT, b"got"),
    "rename_to": lambda guest, path: guest.call("path_rename", ROOT, b"file", ROOT, path),
    "link_to": lambda guest, path: guest.call("path_link", ROOT, 0, b"file", ROOT, path),
    "symlink_at": lambda guest, path: guest.call("path_symlink", b"file", ROOT, path),
    "readlink": lambda guest, path: guest.call("path_readlink", ROOT, path, 65536, 100),
}


@pytest.mark.parametrize(
    "path",
    [
        b"../outside/new",
        b"../outside/secret",
        b"../outside/dir",
        b"to_dir/new",
        b"to_dir/secret",
        b"absolute_dir/new",
        b"absolute_dir/secret",
        b"up/outside/new",
        b"dir/up/up/outside/secret",
        b"/tmp/new",
        b"..",
        b"dir/../..",
    ],
    ids=id_of,
)
@pytest.mark.parametrize("use", ENTRY_USES)
def test_no_entry_outside_is_made_moved_or_removed(
    world: World, guest: Guest, use: str, path: bytes
) -> None:
    plant(world)
    assert ENTRY_USES[use](guest, path) == PERM
    assert (world.root / "file").read_bytes() == b"contents"


def test_links_themselves_can_be_moved_and_removed(world: World, guest: Guest) -> None:
    plant(world)
    assert guest.call("path_rename", ROOT, b"to_file", ROOT, b"moved") == Errno.SUCCESS
    assert guest.open(b"moved") == PERM
    assert guest.call("path_link", ROOT, 0, b"moved", OTHER, b"shared") == Errno.SUCCESS
    assert guest.open(b"shared", at=OTHER) == PERM
    assert guest.call("path_unlink_file", ROOT, b"to_dir") == Errno.SUCCESS
    assert guest.call("path_remove_directory", ROOT, b"up") == NOTDIR
    assert guest.call("path_unlink_file", ROOT, b"up/") == NOTDIR


def test_targets_that_say_where_things_lie_are_not_shown(world: World, guest: Guest) -> None:
    plant(world)
    assert guest.call("path_readlink", ROOT, b"absolute", 65536, 1000) == PERM
    assert bytes(world.base) not in guest.read(0, SIZE)
    assert guest.call("path_readlink", ROOT, b"to_file", 65536, 1000) == Errno.SUCCESS


@pytest.mark.parametrize("flags", [CREAT, CREAT | TRUNC])
def test_nothing_is_created_through_a_dangling_link_to_outside(
    world: World, guest: Guest, flags: int
) -> None:
    plant(world)
    assert guest.open(b"to_new", flags, READ_WRITE) == PERM
    assert guest.open(b"absolute_new", flags, READ_WRITE) == PERM
    assert guest.open(b"to_new", flags, READ_WRITE, lookup=0) == LOOP
    assert guest.open(b"to_new", flags | EXCL, READ_WRITE) == Errno.EXIST
    assert guest.call("path_create_directory", ROOT, b"to_new") == Errno.EXIST
    assert guest.call("path_symlink", b"file", ROOT, b"to_new") == Errno.EXIST
    assert guest.call("path_link", ROOT, 0, b"file", ROOT, b"to_new") == Errno.EXIST


def test_a_dangling_link_inside_is_created_through(world: World, guest: Guest) -> None:
    (world.root / "dangling").symlink_to("dir/deep/../made")
    fd = guest.opened(b"dangling", CREAT, READ_WRITE)
    assert guest.send(fd, b"inside") == Errno.SUCCESS
    assert (world.root / "dir" / "made").read_bytes() == b"inside"


@pytest.mark.parametrize("lookup", [0, FOLLOW])
def test_a_link_of_the_guests_own_making(guest: Guest, lookup: int) -> None:
    assert guest.call("path_symlink", b"/etc/passwd", ROOT, b"own") == PERM
    assert guest.call("path_symlink", b"//", ROOT, b"own") == PERM
    assert guest.call("path_symlink", b"../outside", ROOT, b"own") == Errno.SUCCESS
    assert guest.open(b"own", lookup=lookup) == (PERM if lookup else LOOP)
    assert guest.open(b"own/secret", lookup=lookup) == PERM
    assert guest.open(b"own/", DIRECTORY, READ, lookup=lookup) == PERM
    assert guest.call("path_symlink", b"own/secret", ROOT, b"indirect") == Errno.SUCCESS
    assert guest.open(b"indirect") == PERM


def test_loops_end(world: World, guest: Guest) -> None:
    (world.root / "loop").symlink_to("loop")
    (world.root / "ping").symlink_to("pong")
    (world.root / "pong").symlink_to("ping")
    for index in range(41):
        (world.root / f"l{index}").symlink_to(f"l{index + 1}")
    (world.root / "l41").symlink_to("file")
    (world.root / "wide").symlink_to("wide/" * 500)
    for path in (b"loop", b"loop/x", b"ping", b"ping/..", b"l0", b"l1", b"wide"):
        assert guest.open(path) == LOOP, path
    assert guest.open(b"l2") == Errno.SUCCESS  # 40 links, as many as Linux follows


def test_subdirectories_are_roots_of_their_own(guest: Guest) -> None:
    sub = guest.opened(b"dir", DIRECTORY, DIR, inheriting=ALL)
    assert guest.open(b"..", at=sub) == PERM
    assert guest.open(b"../file", at=sub) == PERM
    assert guest.open(b"deep/../inner", at=sub) == Errno.SUCCESS
    assert guest.open(b"deep/../../file", at=sub) == PERM


def test_a_directory_that_was_moved_has_no_way_up(world: World, guest: Guest) -> None:
    deep = guest.opened(b"dir/deep", DIRECTORY, DIR, inheriting=ALL)
    assert guest.call("path_rename", ROOT, b"dir/deep", OTHER, b"deep") == Errno.SUCCESS
    assert guest.open(b"..", at=deep) == PERM
    assert guest.open(b"../theirs", at=deep) == PERM
    (world.other / "deep").rename(world.outside / "dir" / "moved")
    assert guest.open(b"../secret", at=deep) == PERM
    assert guest.open(b"mine", CREAT, READ_WRITE, at=deep) == Errno.SUCCESS
    (world.outside / "dir" / "moved" / "mine").unlink()
    (world.outside / "dir" / "moved").rmdir()
    world.before = world.observe()  # the host moved it out and back, which touched its parent


def test_pre_opened_directories_do_not_see_each_other(world: World, guest: Guest) -> None:
    assert guest.call("path_rename", ROOT, b"../other/theirs", ROOT, b"got") == PERM
    assert guest.call("path_rename", ROOT, b"file", OTHER, b"../root/moved") == PERM
    assert guest.call("path_link", ROOT, 0, b"../other/theirs", ROOT, b"got") == PERM
    assert guest.call("path_rename", ROOT, b"file", OTHER, b"moved") == Errno.SUCCESS
    assert (world.other / "moved").read_bytes() == b"contents"


def test_read_only_directories_stay_as_they_are(world: World) -> None:
    with Guest.of(Preopen(world.root, "/root", read_only=True), world.other) as guest:
        file = guest.opened(b"file", 0, READ)
        sub = guest.opened(b"dir", DIRECTORY, DIR, inheriting=ALL)
        refused = [
            guest.open(b"file", 0, READ_WRITE),
            guest.open(b"file", 0, READ | 1 << 8),
            guest.open(b"file", 0, READ | 1 << 22),
            guest.open(b"new", CREAT, READ),
            guest.open(b"file", TRUNC, READ),
            guest.call("path_create_directory", ROOT, b"new"),
            guest.call("path_remove_directory", ROOT, b"dir/deep"),
            guest.call("path_unlink_file", ROOT, b"file"),
            guest.call("path_rename", ROOT, b"file", OTHER, b"new"),
            guest.call("path_rename", OTHER, b"theirs", ROOT, b"new"),
            guest.call("path_link", ROOT, 0, b"file", OTHER, b"new"),
            guest.call("path_link", OTHER, 0, b"theirs", ROOT, b"new"),
            guest.call("path_symlink", b"file", ROOT, b"new"),
            guest.call("path_filestat_set_times", ROOT, 0, b"file", 1, 1, 5),
            guest.call("fd_filestat_set_times", ROOT, 1, 1, 5),
            guest.call("fd_filestat_set_times", file, 1, 1, 5),
            guest.open(b"inner", 0, READ_WRITE, at=sub),
            guest.open(b"new", CREAT, READ, at=sub),
            guest.call("path_unlink_file", sub, b"inner"),
            guest.call("path_rename", sub, b"inner", OTHER, b"new"),
            guest.call("path_link", sub, 0, b"inner", OTHER, b"new"),
        ]
        assert refused == [Errno.ROFS] * len(refused)
        assert guest.send(file, b"x") == Errno.NOTCAPABLE
        assert guest.call("fd_filestat_set_size", file, 0) == Errno.NOTCAPABLE
        assert guest.call("fd_fdstat_set_rights", file, ALL, 0) == Errno.NOTCAPABLE
        assert guest.call("fd_fdstat_set_flags", file, APPEND) == Errno.SUCCESS
        assert guest.receive(file, 100) == b"contents"
        assert guest.call("fd_renumber", file, sub) == Errno.SUCCESS
        assert guest.call("fd_filestat_set_times", sub, 1, 1, 5) == Errno.ROFS
        assert guest.open(b"theirs", 0, READ_WRITE, at=OTHER) == Errno.SUCCESS
    assert (world.root / "file").read_bytes() == b"contents"
    assert sorted(os.listdir(world.root)) == ["dir", "file"]
    assert sorted(os.listdir(world.other)) == ["theirs"]


def test_hard_links_stay_inside(world: World, guest: Guest) -> None:
    plant(world)
    assert guest.call("path_link", ROOT, 0, b"../outside/secret", ROOT, b"got") == PERM
    assert guest.call("path_link", ROOT, 0, b"to_dir/secret", ROOT, b"got") == PERM
    assert guest.call("path_link", ROOT, 0, b"absolute", ROOT, b"got") == Errno.SUCCESS
    assert (world.root / "got").is_symlink()
    assert guest.open(b"got") == PERM
    assert guest.call("path_link", ROOT, 0, b"file", ROOT, b"../outside/got") == PERM
    assert guest.call("path_link", ROOT, 0, b"dir", ROOT, b"dir2") == PERM
    assert guest.call("path_link", ROOT, 0, b"up/", ROOT, b"dir2") == PERM


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_magic_links_of_proc_are_not_followed(world: World) -> None:
    """Even where /proc itself was given away, its links lead nowhere."""
    reader, writer = os.pipe()
    held = os.open(world.outside / "secret", os.O_RDONLY)
    here = os.open(world.outside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with Guest.of(Preopen(f"/proc/{os.getpid()}", "/proc")) as guest:
            for path, errno in [
                (b"root", PERM),
                (b"root/etc/passwd", PERM),
                (b"cwd/pyproject.toml", PERM),
                (b"exe", PERM),
                (b"fd/%d" % held, PERM),
                (b"fd/%d/secret" % here, PERM),
                (b"fd/%d" % reader, NOENT),
                (b"task/../../1/root", PERM),
            ]:
                assert guest.open(path) == errno, path
                assert guest.open(path, 0, READ_WRITE) == errno, path
                assert guest.call("path_filestat_get", ROOT, FOLLOW, path) == errno, path
            assert guest.open(b"root", lookup=0) == LOOP
            assert guest.call("path_readlink", ROOT, b"root", 65536, 99) == PERM
            assert SECRET not in guest.read(0, SIZE)
    finally:
        for descriptor in (reader, writer, held, here):
            os.close(descriptor)


def test_closed_and_reused_descriptors_open_nothing_else(world: World, guest: Guest) -> None:
    assert guest.call("fd_close", ROOT) == Errno.SUCCESS
    assert guest.open(b"file") == Errno.BADF
    # The host now gives the number to something else of its own; the guest must not get it.
    host = os.open(world.outside / "secret", os.O_RDONLY)
    try:
        for fd in [*range(5, 64), 2**31, 2**32 - 1]:
            for name in ("fd_tell", "fd_filestat_get", "fd_close", "fd_fdstat_get", "fd_sync"):
                assert guest.call(name, fd) == Errno.BADF
        assert os.read(host, 100) == SECRET
    finally:
        os.close(host)
    assert guest.opened(b"theirs", at=OTHER) == ROOT


def test_a_device_number_or_fifo_does_not_hang(world: World, guest: Guest) -> None:
    os.mkfifo(world.root / "fifo")
    started = time.monotonic()
    assert guest.open(b"fifo", fdflags=4) == Errno.SUCCESS
    assert guest.open(b"fifo", 0, 1 << 6) == Errno.SUCCESS  # there is a reader now
    assert time.monotonic() - started < 5
    with Guest.of(world.root) as alone:
        os.unlink(world.root / "fifo")
        os.mkfifo(world.root / "fifo")
        assert alone.open(b"fifo", 0, 1 << 6) == Errno.NXIO


# Races: a thread of the host's swaps what a name stands for while the guest uses it.

SECONDS = 0.4
"""How long at least a race runs."""
PATIENCE = 20.0
"""How long at most, until an attempt has succeeded."""


def race(swap: Callable[[], None], attempt: Callable[[], Errno]) -> set[Errno]:
    """Attempt while `swap` runs over and over, for a bounded time; return what came."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            swap()

    thread = threading.Thread(target=work)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread.start()
    seen = set()
    try:
        start = time.monotonic()
        while (passed := time.monotonic() - start) < SECONDS or (
            Errno.SUCCESS not in seen and passed < PATIENCE
        ):
            seen.add(attempt())
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
    return seen


def swapper(world: World, inside: Callable[[str], None], target: str) -> Callable[[], None]:
    """A function that replaces `root/swap` by what `inside` makes, and by a link to `target`."""
    root = world.root

    def swap() -> None:
        inside(str(root / "tmp1"))
        os.rename(root / "tmp1", root / "swap")
        os.symlink(target, root / "tmp2")
        if os.path.isdir(root / "swap") and not os.path.islink(root / "swap"):
            os.rename(root / "swap", root / "old")
            os.rename(root / "tmp2", root / "swap")
            os.unlink(root / "old" / "secret")
            os.rmdir(root / "old")
            os.unlink(root / "swap")
        else:
            os.rename(root / "tmp2", root / "swap")

    return swap


def make_file(path: str) -> None:
    with open(path, "wb") as file:
        file.write(b"inside")


def make_directory(path: str) -> None:
    os.mkdir(path)
    make_file(f"{path}/secret")


def read_all(guest: Guest, path: bytes, lookup: int = FOLLOW) -> Errno:
    errno = guest.open(path, lookup=lookup)
    if errno == Errno.SUCCESS:
        fd = guest.fd
        assert guest.receive(fd, 100) in (b"inside", b"")
        assert guest.call("fd_close", fd) == Errno.SUCCESS
    return errno


@pytest.mark.parametrize("target", ["../outside/secret", "OUTSIDE/secret"])
@pytest.mark.parametrize("lookup", [0, FOLLOW])
def test_a_file_swapped_for_a_link(world: World, guest: Guest, target: str, lookup: int) -> None:
    swap = swapper(world, make_file, target.replace("OUTSIDE", str(world.outside)))
    seen = race(swap, lambda: read_all(guest, b"swap", lookup))
    assert Errno.SUCCESS in seen
    assert seen <= {Errno.SUCCESS, PERM, LOOP, NOENT}


@pytest.mark.parametrize("target", ["../outside/dir", "OUTSIDE/dir", ".."])
def test_a_directory_swapped_for_a_link(world: World, guest: Guest, target: str) -> None:
    swap = swapper(world, make_directory, target.replace("OUTSIDE", str(world.outside)))
    seen = race(swap, lambda: read_all(guest, b"swap/secret"))
    assert seen <= {Errno.SUCCESS, PERM, LOOP, NOENT, NOTDIR}
    assert Errno.SUCCESS in seen


@pytest.mark.parametrize(
    "use", ["create", "truncate", "times", "mkdir", "unlink", "rename", "link", "symlink"]
)
def test_changes_under_a_directory_swapped_for_a_link(world: World, guest: Guest, use: str) -> None:
    """None of them reaches `outside/dir`, whose secret has the same name as the file inside."""
    path = b"swap/secret"
    actions: dict[str, Callable[[], Errno]] = {
        "create": lambda: guest.open(b"swap/new", CREAT | EXCL, READ_WRITE),
        "truncate": lambda: guest.open(path, TRUNC, READ_WRITE),
        "times": lambda: guest.call("path_filestat_set_times", ROOT, FOLLOW, path, 1, 1, 5),
        "mkdir": lambda: guest.call("path_create_directory", ROOT, b"swap/new"),
        "unlink": lambda: guest.call("path_unlink_file", ROOT, path),
        "rename": lambda: guest.call("path_rename", ROOT, path, OTHER, b"got"),
        "link": lambda: guest.call("path_link", ROOT, 0, path, OTHER, b"got"),
        "symlink": lambda: guest.call("path_symlink", b"x", ROOT, b"swap/new"),
    }

    def attempt() -> Errno:
        errno = actions[use]()
        if use in ("create", "truncate") and errno == Errno.SUCCESS:
            assert guest.call("fd_close", guest.fd) == Errno.SUCCESS
        if use == "link":
            guest.call("path_unlink_file", OTHER, b"got")
        return errno

    def swap() -> None:
        root = world.root
        if not os.path.lexists(root / "real"):
            os.mkdir(root / "real")
        make_file(str(root / "real" / "secret"))
        for name in ("real/new", "swap"):
            if os.path.islink(root / name) or os.path.isfile(root / name):
                os.unlink(root / name)
            elif os.path.isdir(root / name):
                os.rmdir(root / name)
        os.rename(root / "real", root / "swap")
        os.rename(root / "swap", root / "real")
        os.symlink("../outside/dir", root / "swap")

    (world.root / "real").mkdir()
    seen = race(swap, attempt)
    world.assert_untouched()
    assert Errno.SUCCESS in seen
    assert seen <= {Errno.SUCCESS, PERM, LOOP, NOENT, NOTDIR, Errno.EXIST}
    if (world.other / "got").exists():
        assert (world.other / "got").read_bytes() in (b"inside", b"")


def test_a_directory_moved_away_during_the_walk(world: World, guest: Guest) -> None:
    """`..` after a directory that was moved out must not lead to its new parent's files."""
    (world.root / "a" / "b").mkdir(parents=True)
    (world.root / "a" / "secret").write_bytes(b"inside")
    away = world.base / "away"
    away.mkdir()
    (away / "secret").write_bytes(SECRET)

    def swap() -> None:
        os.rename(world.root / "a" / "b", away / "b")
        os.rename(away / "b", world.root / "a" / "b")

    seen = race(swap, lambda: read_all(guest, b"a/b/../secret"))
    assert Errno.SUCCESS in seen
    assert seen <= {Errno.SUCCESS, NOENT}
    world.before = world.observe()
