"""Directory entries by path: make, look at, rename, remove.

Each function resolves its paths (`paths`) and ends in one call of the host's that takes a
directory's descriptor and a single name, and follows no link. What the host's system would say
of a trailing slash or of `.` is said here, since it never sees them.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from plumbob.wasi.constants import LookupFlags, Rights
from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.layouts import FileStat, filestat_of
from plumbob.wasi.paths import Place, check_path, resolve_entry, resolve_object, stat_object
from plumbob.wasi.times import times_to_set

if TYPE_CHECKING:
    from plumbob.wasi.constants import FstFlags
    from plumbob.wasi.memory import Buffer
    from plumbob.wasi.state import State


def path_create_directory(state: State, fd: int, path: bytes) -> None:
    """Make a directory."""
    directory = state.descriptors.directory(fd, Rights.PATH_CREATE_DIRECTORY)
    with resolve_entry(directory.host, path) as place:
        os.mkdir(place.name, dir_fd=place.directory)


def path_filestat_get(state: State, fd: int, lookup: LookupFlags, path: bytes) -> FileStat:
    """Return the attributes of a file, directory or link."""
    directory = state.descriptors.directory(fd, Rights.PATH_FILESTAT_GET)
    return filestat_of(stat_object(directory.host, path, follow=_follows(lookup)))


def path_filestat_set_times(
    state: State,
    fd: int,
    lookup: LookupFlags,
    path: bytes,
    accessed: int,
    modified: int,
    flags: FstFlags,
) -> None:
    """Set the timestamps of a file, directory or link."""
    directory = state.descriptors.directory(fd, Rights.PATH_FILESTAT_SET_TIMES)
    with resolve_object(directory.host, path, follow=_follows(lookup)) as place:
        times = times_to_set(state, flags, accessed, modified, _status(place))
        os.utime(place.name, ns=times, dir_fd=place.directory, follow_symlinks=False)


def path_link(
    state: State, old_fd: int, lookup: LookupFlags, old_path: bytes, new_fd: int, new_path: bytes
) -> None:
    """Make another name for a file, or for a link, unless it is to be followed."""
    source = state.descriptors.directory(old_fd, Rights.PATH_LINK_SOURCE)
    target = state.descriptors.directory(new_fd, Rights.PATH_LINK_TARGET)
    with resolve_object(source.host, old_path, follow=_follows(lookup)) as old:
        if stat.S_ISDIR(_status(old).st_mode):
            raise WasiError(Errno.PERM)
        with resolve_entry(target.host, new_path) as new:
            _refuse_slash(new)
            os.link(
                old.name,
                new.name,
                src_dir_fd=old.directory,
                dst_dir_fd=new.directory,
                follow_symlinks=False,
            )


def path_readlink(state: State, fd: int, path: bytes, buffer: Buffer) -> int:
    """Store a link's target, cut to the buffer, without a NUL; return the bytes stored.

    An absolute target says where things lie on the host, and is none of the guest's: `PERM`.
    """
    directory = state.descriptors.directory(fd, Rights.PATH_READLINK)
    with resolve_object(directory.host, path, follow=False) as place:
        if place.slash:
            _status(place)
        target = os.readlink(place.name, dir_fd=place.directory)
    if target.startswith(b"/"):
        raise WasiError(Errno.PERM)
    target = target[: buffer.length]
    buffer.write(target)
    return len(target)


def path_remove_directory(state: State, fd: int, path: bytes) -> None:
    """Remove an empty directory."""
    directory = state.descriptors.directory(fd, Rights.PATH_REMOVE_DIRECTORY)
    with resolve_entry(directory.host, path) as place:
        if place.name == b".":
            raise WasiError(Errno.NOTEMPTY if place.last == b".." else Errno.INVAL)
        os.rmdir(place.name, dir_fd=place.directory)


def path_rename(state: State, fd: int, old_path: bytes, new_fd: int, new_path: bytes) -> None:
    """Rename a file or directory, replacing what has the new name as POSIX allows."""
    source = state.descriptors.directory(fd, Rights.PATH_RENAME_SOURCE)
    target = state.descriptors.directory(new_fd, Rights.PATH_RENAME_TARGET)
    with (
        resolve_entry(source.host, old_path) as old,
        resolve_entry(target.host, new_path) as new,
    ):
        if b"." in (old.name, new.name):
            raise WasiError(Errno.BUSY)
        if (old.slash or new.slash) and not _is_directory(old):
            raise WasiError(Errno.NOTDIR)
        os.rename(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory)


def path_symlink(state: State, target: bytes, fd: int, path: bytes) -> None:
    """Make a symbolic link. What it says is not resolved now, but an absolute target is refused.

    A relative one may point outside. It leads nowhere for a guest; other programs of the host's
    had better not follow links in a directory that they give away.
    """
    directory = state.descriptors.directory(fd, Rights.PATH_SYMLINK)
    check_path(target)
    with resolve_entry(directory.host, path) as place:
        _refuse_slash(place)
        os.symlink(target, place.name, dir_fd=place.directory)


def path_unlink_file(state: State, fd: int, path: bytes) -> None:
    """Remove a name that is not a directory's."""
    directory = state.descriptors.directory(fd, Rights.PATH_UNLINK_FILE)
    with resolve_entry(directory.host, path) as place:
        if place.slash and not _is_directory(place):
            raise WasiError(Errno.NOTDIR)
        if place.name == b"." or place.slash:
            raise WasiError(Errno.ISDIR)
        try:
            os.unlink(place.name, dir_fd=place.directory)
        except OSError as error:
            # Some systems say EPERM of a directory, as POSIX does.
            if error.errno == errno.EPERM and _is_directory(place):
                raise WasiError(Errno.ISDIR) from None
            raise


def _follows(lookup: LookupFlags) -> bool:
    return bool(lookup & LookupFlags.SYMLINK_FOLLOW)


def _status(place: Place) -> os.stat_result:
    """Return the attributes of what is at a place; `NOTDIR` if a slash demands a directory."""
    status = os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    if place.slash and not stat.S_ISDIR(status.st_mode):
        raise WasiError(Errno.NOTDIR)
    return status


def _is_directory(place: Place) -> bool:
    status = os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    return stat.S_ISDIR(status.st_mode)


def _refuse_slash(place: Place) -> None:
    """Raise what Linux says of a slash after the name of something new that is no directory."""
    if place.slash:
        os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
        raise WasiError(Errno.EXIST)
