"""`path_open`: the one way to a new file descriptor."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from plumbob.wasi.constants import (
    WRITING_RIGHTS,
    FdFlags,
    FileType,
    LookupFlags,
    OpenFlags,
    Rights,
)
from plumbob.wasi.descriptors import adopt
from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.paths import open_object

if TYPE_CHECKING:
    from plumbob.wasi.state import State

_HOST_FD_FLAGS = {
    FdFlags.APPEND: os.O_APPEND,
    FdFlags.DSYNC: os.O_DSYNC,
    FdFlags.RSYNC: getattr(os, "O_RSYNC", os.O_SYNC),
    FdFlags.SYNC: os.O_SYNC,
}
_HOST_OPEN_FLAGS = {
    OpenFlags.CREAT: os.O_CREAT,
    OpenFlags.DIRECTORY: os.O_DIRECTORY,
    OpenFlags.EXCL: os.O_EXCL,
    OpenFlags.TRUNC: os.O_TRUNC,
}


def path_open(
    state: State,
    fd: int,
    lookup: LookupFlags,
    path: bytes,
    flags: OpenFlags,
    base: int,
    inheriting: int,
    fdflags: FdFlags,
) -> int:
    """Open a file or directory; return its descriptor.

    The rights asked for must all be among the directory's inheriting rights; those that do not
    apply to what is opened are dropped. A file is open for reading and writing at the host's as
    the rights demand.
    """
    directory = state.descriptors.directory(fd, _needed(flags))
    wanted = base | inheriting | int(_needed_inheriting(fdflags))
    if wanted & ~directory.inheriting:
        raise WasiError(Errno.NOTCAPABLE)
    if directory.read_only and base & WRITING_RIGHTS:
        raise WasiError(Errno.ROFS)
    if flags & OpenFlags.DIRECTORY and flags & (OpenFlags.CREAT | OpenFlags.TRUNC):
        raise WasiError(Errno.INVAL)
    state.descriptors.require_room()
    host = _open(
        directory.host, path, _host_flags(flags, fdflags), base, follow=_follows(lookup, flags)
    )
    try:
        opened = adopt(host, base, inheriting)
        if opened.filetype is not FileType.REGULAR_FILE:
            os.set_blocking(host, not fdflags & FdFlags.NONBLOCK)
        opened.flags = fdflags
        opened.read_only = directory.read_only
        return state.descriptors.insert(opened)
    except BaseException:
        os.close(host)
        raise


def _open(root: int, path: bytes, flags: int, base: int, *, follow: bool) -> int:
    """Open at the host; of a directory, rights to write that are not `FD_WRITE` are dropped."""
    writes = base & WRITING_RIGHTS or flags & os.O_TRUNC
    reads = base & (Rights.FD_READ | Rights.FD_READDIR)
    if not writes:
        return open_object(root, path, flags | os.O_RDONLY, follow=follow)
    mode = os.O_RDWR if reads else os.O_WRONLY
    try:
        return open_object(root, path, flags | mode, follow=follow)
    except OSError as error:
        drop = not base & Rights.FD_WRITE and not flags & (os.O_CREAT | os.O_TRUNC)
        if error.errno != errno.EISDIR or not drop:
            raise
    return open_object(root, path, flags | os.O_RDONLY | os.O_DIRECTORY, follow=follow)


def _needed(flags: OpenFlags) -> Rights:
    needed = Rights.PATH_OPEN
    if flags & OpenFlags.CREAT:
        needed |= Rights.PATH_CREATE_FILE
    if flags & OpenFlags.TRUNC:
        needed |= Rights.PATH_FILESTAT_SET_SIZE
    return needed


def _needed_inheriting(fdflags: FdFlags) -> Rights:
    needed = Rights(0)
    if fdflags & FdFlags.DSYNC:
        needed |= Rights.FD_DATASYNC
    if fdflags & (FdFlags.RSYNC | FdFlags.SYNC):
        needed |= Rights.FD_SYNC
    return needed


def _host_flags(flags: OpenFlags, fdflags: FdFlags) -> int:
    host = 0
    for flag, bits in _HOST_OPEN_FLAGS.items():
        host |= bits if flags & flag else 0
    for fdflag, bits in _HOST_FD_FLAGS.items():
        host |= bits if fdflags & fdflag else 0
    return host


def _follows(lookup: LookupFlags, flags: OpenFlags) -> bool:
    """Whether a link at the path's end is followed: never when a new file is insisted on."""
    return bool(lookup & LookupFlags.SYMLINK_FOLLOW) and OpenFlags.CREAT | OpenFlags.EXCL not in (
        flags
    )
