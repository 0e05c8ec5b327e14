"""The sandbox: from a path of the guest's to a directory that is held open and one name in it.

What is promised: whatever the path says, and whatever other processes do to the tree meanwhile,
the returned directory was reached from `root` by opening one child after another. Hence it holds
that it is `root` or was, when it was opened, a directory below it.

How: a path is walked component by component with the host's `*at` calls.

- A child is opened relative to its parent's descriptor, with `O_NOFOLLOW | O_DIRECTORY`, so the
  system never follows a symbolic link for us, the magic links of `/proc` included. A link is
  read, and its target's components take its place in the walk.
- `..` returns to the parent's descriptor, which is still held. The system is never asked for
  `..`, so a directory that is moved away while we are in it leads nowhere else. Above `root`
  there is nothing: `PERM`. Absolute paths and targets: `PERM`.
- The last component is not opened here. Callers pass it to one `*at` call that does not follow
  links. If somebody puts a link there between our look and that call, the call fails or acts on
  the link itself, never on what it points to; `open_object` and `stat_object` then look again.

Bounds: `table.MAX_PATH` bytes of path, `MAX_LINKS` links, `RACES` attempts, `MAX_DEPTH` directories
held at once: a guest's path cannot use up the host's descriptors. The errnos are those of POSIX,
and for an escape `PERM`, as of wasmtime; decision 060 compares.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.table import MAX_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINKS: Final = 40
"""Symbolic links followed in one resolution (Linux's MAXSYMLINKS)."""
MAX_DEPTH: Final = 256
"""Directories below the root that one resolution passes through; beyond, `MFILE`."""
RACES: Final = 16
"""How often an operation is tried again after someone changed what was just looked at."""

_PASS_THROUGH: Final = (
    os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
)
"""For directories that are passed through: on Linux, permission to search them is enough."""

HOST_OPEN: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
"""What every descriptor for the guest is opened with: the host never waits for a FIFO's other
end, and no terminal becomes ours."""


class Place(NamedTuple):
    """Where a path leads: `name` in the directory held as `directory`.

    `name` is one component, never `..`; it is `.` if the path ends at the directory itself, and
    `last` is then the component that it ended with. `slash`: the path ends with one, so that it
    must name a directory.
    """

    directory: int
    name: bytes
    slash: bool
    last: bytes


class _Walk:
    """A resolution under way: the descriptors from `root` (borrowed) to where it is."""

    def __init__(self, root: int) -> None:
        self.held = [root]
        self.links = 0

    def close(self) -> None:
        while len(self.held) > 1:
            os.close(self.held.pop())

    def run(self, path: bytes, *, follow: bool, follow_slash: bool) -> Place:
        """Resolve; at the end follow a link if `follow`, or before a slash if `follow_slash`."""
        check_path(path)
        pending = _components(path)
        slash = path.endswith(b"/")
        last = b"."
        while pending:
            last = pending.pop()
            if last == b".":
                continue
            if last == b"..":
                if len(self.held) == 1:
                    raise WasiError(Errno.PERM)
                os.close(self.held.pop())
            elif pending:
                self._descend(last, pending)
            elif follow_slash if slash else follow:
                target = self._target(last)
                if target is None:
                    return Place(self.held[-1], last, slash, last)
                slash |= target.endswith(b"/")
                self._expand(target, pending)
            else:
                return Place(self.held[-1], last, slash, last)
        return Place(self.held[-1], b".", slash, last)

    def _descend(self, name: bytes, pending: list[bytes]) -> None:
        """Enter the directory `name`, or let a link's target take its place in the walk."""
        if len(self.held) > MAX_DEPTH:
            raise WasiError(Errno.MFILE)
        for _ in range(RACES):
            try:
                self.held.append(os.open(name, _PASS_THROUGH, dir_fd=self.held[-1]))
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
            else:
                return
            target = self._target(name)
            if target is not None:
                self._expand(target, pending)
                return
            if not self._is_directory(name):
                raise WasiError(Errno.NOTDIR)
        raise WasiError(Errno.LOOP)

    def _is_directory(self, name: bytes) -> bool:
        status = os.stat(name, dir_fd=self.held[-1], follow_symlinks=False)
        return stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)

    def _target(self, name: bytes) -> bytes | None:
        """Return what the link `name` says, or None if it is no link or is not there."""
        try:
            return os.readlink(name, dir_fd=self.held[-1])
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    def _expand(self, target: bytes, pending: list[bytes]) -> None:
        self.links += 1
        if self.links > MAX_LINKS:
            raise WasiError(Errno.LOOP)
        if target.startswith(b"/"):
            raise WasiError(Errno.PERM)
        pending.extend(_components(target))


def _components(path: bytes) -> list[bytes]:
    """Return the components of a path, the first one last."""
    return [component for component in reversed(path.split(b"/")) if component]


def check_path(path: bytes) -> None:
    """Refuse what can name nothing here: empty, too long, with a NUL, not UTF-8, absolute."""
    if not path:
        raise WasiError(Errno.NOENT)
    if len(path) >= MAX_PATH:
        raise WasiError(Errno.NAMETOOLONG)
    if b"\0" in path:
        raise WasiError(Errno.INVAL)
    try:
        path.decode()
    except UnicodeDecodeError:
        raise WasiError(Errno.ILSEQ) from None
    if path.startswith(b"/"):
        raise WasiError(Errno.PERM)


@contextmanager
def resolve_object(
    root: int, path: bytes, *, follow: bool, create: bool = False
) -> Iterator[Place]:
    """Resolve the path of something to use; a link before a final slash is followed always.

    But not of something to `create`, of which a final slash says what cannot be done anyway.

    The place's directory is held until the context ends. Raises `WasiError`, or the `OSError`
    of a component that cannot be passed.
    """
    walk = _Walk(root)
    try:
        yield walk.run(path, follow=follow, follow_slash=not create)
    finally:
        walk.close()


@contextmanager
def resolve_entry(root: int, path: bytes) -> Iterator[Place]:
    """Resolve the path of an entry to make, move or remove: its last name is taken as it is."""
    walk = _Walk(root)
    try:
        yield walk.run(path, follow=False, follow_slash=False)
    finally:
        walk.close()


def open_object(root: int, path: bytes, flags: int, *, follow: bool) -> int:
    """Return the host's descriptor of what `path` names, opened with `flags`."""
    create = bool(flags & os.O_CREAT)
    for _ in range(RACES):
        with resolve_object(root, path, follow=follow, create=create) as place:
            if place.slash and create and place.name != b".":
                raise WasiError(Errno.ISDIR)
            if place.slash and not create:
                flags |= os.O_DIRECTORY
            try:
                return os.open(place.name, flags | HOST_OPEN, 0o666, dir_fd=place.directory)
            except OSError as error:
                if error.errno != errno.ELOOP or not follow:
                    raise
    raise WasiError(Errno.LOOP)


def stat_object(root: int, path: bytes, *, follow: bool) -> os.stat_result:
    """Return the attributes of what `path` names, or of the link that it names."""
    for _ in range(RACES):
        with resolve_object(root, path, follow=follow) as place:
            status = os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
        if follow and stat.S_ISLNK(status.st_mode):
            continue
        if place.slash and not stat.S_ISDIR(status.st_mode):
            raise WasiError(Errno.NOTDIR)
        return status
    raise WasiError(Errno.LOOP)
