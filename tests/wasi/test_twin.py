"""The sandbox against the kernel's own path resolution.

Two equal trees: one is changed through WASI, the other by the host's calls with the whole path
and directory descriptors, as a program without a sandbox would. Errnos, contents and types must
agree after every step. Where WASI says that a path leads out, the host's call is left out, and
the tree must be as it was. So the kernel is the model, of links, dots and slashes alike.
"""

# Calls with bytes and descriptors are the subject here, and pathlib has none.
# ruff: noqa: PTH112, PTH115, PTH208, PTH211

from __future__ import annotations

import os
import shutil
import stat
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.wasi.guest import (
    ALL,
    CREAT,
    DIR,
    DIRECTORY,
    EXCL,
    READ,
    READ_WRITE,
    ROOT,
    TRUNC,
    Guest,
)

from plumbob.wasi.config import Limits
from plumbob.wasi.errno import Errno, of_os_error

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX alone")

NAMES = st.sampled_from([b"a", b"b", b"c", b"d"])
COMPONENTS = st.one_of(NAMES, NAMES, NAMES, st.sampled_from([b".", b"..", b""]))


@st.composite
def paths(draw: st.DrawFn) -> bytes:
    """Relative paths of a few components, some with dots, doubled or trailing slashes."""
    path = b"/".join(draw(st.lists(COMPONENTS, min_size=1, max_size=5)))
    return path.lstrip(b"/") + draw(st.sampled_from([b"", b"", b"", b"/", b"/.", b"/.."]))


DATA = st.binary(max_size=8)
FDS = st.integers(0, 3)
FOLLOWS = st.booleans()


class Twin(RuleBasedStateMachine):
    """`here` is the guest's tree, `there` the kernel's."""

    def __init__(self) -> None:
        super().__init__()
        self.before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        self.base = Path(tempfile.mkdtemp())
        # Deep down, so that a path of the twin's that leads out changes nothing of importance.
        self.here = self.base / "here" / "x" / "y" / "root"
        self.there = self.base / "there" / "x" / "y" / "root"
        for root in (self.here, self.there):
            root.mkdir(parents=True)
            (root.parent / "outside").write_bytes(b"outside")
        self.guest = Guest.of(self.here, limits=Limits(fds=32))
        self.directories = [(ROOT, os.open(self.there, os.O_RDONLY | os.O_DIRECTORY))]
        self.files: list[tuple[int, int]] = []

    def teardown(self) -> None:
        self.guest.close()
        for _, host in self.directories + self.files:
            os.close(host)
        shutil.rmtree(self.base)
        if self.before:
            assert len(os.listdir("/proc/self/fd")) == self.before

    def both(self, ours: Errno, theirs: Callable[[], Any]) -> Any:
        """Run the host's call unless WASI found an escape; the errnos must agree."""
        note(f"-> {ours.name}")
        if ours == Errno.PERM:
            return None
        result, errno = None, Errno.SUCCESS
        try:
            result = theirs()
        except OSError as error:
            errno = of_os_error(error)
        assert ours == errno
        return result

    def at(self, index: int) -> tuple[int, int]:
        return self.directories[index % len(self.directories)]

    @initialize(links=st.lists(st.tuples(NAMES, paths()), max_size=3))
    def some_links(self, links: list[tuple[bytes, bytes]]) -> None:
        for name, target in links:
            if target and not os.path.lexists(os.fsencode(self.here) + b"/" + name):
                for root in (self.here, self.there):
                    os.symlink(target, os.fsencode(root) + b"/" + name)

    @rule(at=FDS, path=paths())
    def mkdir(self, at: int, path: bytes) -> None:
        fd, host = self.at(at)
        ours = self.guest.call("path_create_directory", fd, path)
        self.both(ours, lambda: os.mkdir(path, dir_fd=host))

    @rule(at=FDS, path=paths())
    def rmdir(self, at: int, path: bytes) -> None:
        fd, host = self.at(at)
        ours = self.guest.call("path_remove_directory", fd, path)
        self.both(ours, lambda: os.rmdir(path, dir_fd=host))

    @rule(at=FDS, path=paths())
    def unlink(self, at: int, path: bytes) -> None:
        fd, host = self.at(at)
        ours = self.guest.call("path_unlink_file", fd, path)
        self.both(ours, lambda: os.unlink(path, dir_fd=host))

    @rule(at=FDS, to=FDS, old=paths(), new=paths())
    def rename(self, at: int, to: int, old: bytes, new: bytes) -> None:
        (fd, host), (new_fd, new_host) = self.at(at), self.at(to)
        ours = self.guest.call("path_rename", fd, old, new_fd, new)
        self.both(ours, lambda: os.rename(old, new, src_dir_fd=host, dst_dir_fd=new_host))

    @rule(at=FDS, to=FDS, old=paths(), new=paths(), follow=FOLLOWS)
    def link(self, at: int, to: int, old: bytes, new: bytes, follow: bool) -> None:  # noqa: FBT001
        (fd, host), (new_fd, new_host) = self.at(at), self.at(to)
        ours = self.guest.call("path_link", fd, int(follow), old, new_fd, new)

        def theirs() -> None:
            os.link(old, new, src_dir_fd=host, dst_dir_fd=new_host, follow_symlinks=follow)

        self.both(ours, theirs)

    @rule(at=FDS, says=paths(), path=paths())
    def symlink(self, at: int, says: bytes, path: bytes) -> None:
        fd, host = self.at(at)
        ours = self.guest.call("path_symlink", says, fd, path)
        self.both(ours, lambda: os.symlink(says, path, dir_fd=host))

    @rule(at=FDS, path=paths(), length=st.integers(0, 12))
    def readlink(self, at: int, path: bytes, length: int) -> None:
        fd, host = self.at(at)
        ours = self.guest.call("path_readlink", fd, path, 4096, length)
        target = self.both(ours, lambda: os.readlink(path, dir_fd=host))
        if target is not None:
            assert self.guest.read(4096, self.guest.fd) == target[:length]

    @rule(at=FDS, path=paths(), follow=FOLLOWS)
    def stat(self, at: int, path: bytes, follow: bool) -> None:  # noqa: FBT001
        fd, host = self.at(at)
        ours = self.guest.call("path_filestat_get", fd, int(follow), path)
        status = self.both(ours, lambda: os.stat(path, dir_fd=host, follow_symlinks=follow))
        if status is not None:
            filetype, links, size = struct.unpack_from("<16xB7xQQ", self.guest.results[0])
            assert filetype == {"d": 3, "-": 4, "l": 7}[stat.filemode(status.st_mode)[0]]
            assert links == status.st_nlink
            assert filetype == 3 or size == status.st_size

    @rule(at=FDS, path=paths(), follow=FOLLOWS, when=st.integers(0, 2**40))
    def times(self, at: int, path: bytes, follow: bool, when: int) -> None:  # noqa: FBT001
        fd, host = self.at(at)
        ours = self.guest.call("path_filestat_set_times", fd, int(follow), path, when, when, 5)

        def theirs() -> None:
            os.utime(path, ns=(when, when), dir_fd=host, follow_symlinks=follow)

        self.both(ours, theirs)

    @precondition(lambda self: len(self.files) < 4)
    @rule(
        at=FDS,
        path=paths(),
        follow=FOLLOWS,
        oflags=st.sampled_from([0, CREAT, CREAT | EXCL, TRUNC, CREAT | TRUNC]),
        write=st.booleans(),
    )
    def open(self, at: int, path: bytes, follow: bool, oflags: int, write: bool) -> None:  # noqa: FBT001
        fd, host = self.at(at)
        write = write or bool(oflags & TRUNC)
        rights = READ_WRITE if write else READ
        ours = self.guest.open(path, oflags, rights, at=fd, lookup=int(follow))
        number = self.guest.fd
        flags = os.O_RDWR if write else os.O_RDONLY
        for bit, flag in [(CREAT, os.O_CREAT), (EXCL, os.O_EXCL), (TRUNC, os.O_TRUNC)]:
            flags |= flag if oflags & bit else 0
        flags |= 0 if follow else os.O_NOFOLLOW
        opened = self.both(ours, lambda: os.open(path, flags, 0o666, dir_fd=host))
        if opened is not None:
            if stat.S_ISDIR(os.fstat(opened).st_mode):
                os.close(opened)
                self.guest.ask("fd_close", number)
            else:
                self.files.append((number, opened))

    @precondition(lambda self: len(self.directories) < 4)
    @rule(at=FDS, path=paths(), follow=FOLLOWS)
    def open_directory(self, at: int, path: bytes, follow: bool) -> None:  # noqa: FBT001
        fd, host = self.at(at)
        ours = self.guest.open(path, DIRECTORY, DIR, at=fd, lookup=int(follow), inheriting=ALL)
        number = self.guest.fd
        flags = os.O_RDONLY | os.O_DIRECTORY | (0 if follow else os.O_NOFOLLOW)
        opened = self.both(ours, lambda: os.open(path, flags, dir_fd=host))
        if opened is not None:
            self.directories.append((number, opened))

    @precondition(lambda self: self.files)
    @rule(which=FDS, data=DATA)
    def write(self, which: int, data: bytes) -> None:
        number, host = self.files[which % len(self.files)]
        ours = self.guest.send(number, data)
        if ours != Errno.NOTCAPABLE:  # the twin knows no rights: EBADF
            assert self.both(ours, lambda: os.write(host, data)) == self.guest.fd

    @precondition(lambda self: self.files)
    @rule(which=FDS, length=st.integers(0, 12))
    def read(self, which: int, length: int) -> None:
        number, host = self.files[which % len(self.files)]
        assert self.guest.receive(number, length) == os.read(host, length)

    @precondition(lambda self: self.files)
    @rule(which=FDS, offset=st.integers(-20, 20), whence=st.integers(0, 2))
    def seek(self, which: int, offset: int, whence: int) -> None:
        number, host = self.files[which % len(self.files)]
        ours = self.guest.call("fd_seek", number, offset, whence)
        assert self.both(ours, lambda: os.lseek(host, offset, whence)) in (None, self.guest.fd)

    @precondition(lambda self: self.files)
    @rule(which=FDS)
    def close(self, which: int) -> None:
        number, host = self.files.pop(which % len(self.files))
        self.guest.ask("fd_close", number)
        os.close(host)

    @rule(which=FDS)
    def listing(self, which: int) -> None:
        number, host = self.at(which)
        names = [name for name, _ in self.guest.listing(number)]
        assert names == [b".", b"..", *sorted(map(os.fsencode, os.listdir(host)))]

    @invariant()
    def trees_agree(self) -> None:
        assert observe(self.here) == observe(self.there)
        for root in (self.here, self.there):
            assert sorted(os.listdir(root.parent)) == ["outside", "root"]
            assert (root.parent / "outside").read_bytes() == b"outside"


def observe(root: Path) -> dict[str, object]:
    """All of a tree that programs can tell, but for times and inode numbers."""
    seen: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(folder, name)
            status = path.lstat()
            value: object = None
            if path.is_symlink():
                value = os.readlink(path)
            elif path.is_file():
                value = path.read_bytes()
            seen[str(path.relative_to(root))] = (status.st_mode, value)
    return seen


TwinTest = Twin.TestCase
TwinTest.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_planted_a_slash_that_is_forgotten_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine must notice a resolution that loses what a trailing slash means."""
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415 -- here alone

    from plumbob.wasi import paths as resolution  # noqa: PLC0415 -- here alone

    real = resolution._Walk.run

    def forgetful(self: Any, path: bytes, **how: bool) -> resolution.Place:
        return real(self, path, **how)._replace(slash=False)

    monkeypatch.setattr(resolution._Walk, "run", forgetful)
    quick = settings(
        TwinTest.settings,
        max_examples=200,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Twin, settings=quick)
