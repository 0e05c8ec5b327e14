"""Functions on open files, and what all descriptors have in common.

A file's position is the host's. Offsets and sizes that do not fit the host's signed 64 bits are
`INVAL`, as negative ones are in POSIX. On a directory, reading is `ISDIR`, and what else files
alone can do is `BADF`; on a stream, what needs a position is `SPIPE`.
"""

from __future__ import annotations

import fcntl
import os
import select
from typing import TYPE_CHECKING, Final

from plumbob.wasi.constants import Advice, FdFlags, FileType, Rights, Whence
from plumbob.wasi.descriptors import Descriptor, Directory, HostFile, Stream
from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.layouts import FdStat, FileStat, filestat_of
from plumbob.wasi.times import times_to_set
from plumbob.wasi.waiting import before_transfer

if TYPE_CHECKING:
    from plumbob.wasi.constants import FstFlags
    from plumbob.wasi.memory import Vectors
    from plumbob.wasi.state import State

OFFSET_LIMIT: Final = 1 << 63
"""The host's offsets are below."""

_SYNC_FLAGS = FdFlags.DSYNC | FdFlags.RSYNC | FdFlags.SYNC
_WHENCE = {Whence.SET: os.SEEK_SET, Whence.CUR: os.SEEK_CUR, Whence.END: os.SEEK_END}
_ADVICE = {
    Advice.NORMAL: "POSIX_FADV_NORMAL",
    Advice.SEQUENTIAL: "POSIX_FADV_SEQUENTIAL",
    Advice.RANDOM: "POSIX_FADV_RANDOM",
    Advice.WILLNEED: "POSIX_FADV_WILLNEED",
    Advice.DONTNEED: "POSIX_FADV_DONTNEED",
    Advice.NOREUSE: "POSIX_FADV_NOREUSE",
}


def fd_read(state: State, fd: int, vectors: Vectors) -> int:
    """Read at the file's position; return how many bytes came, 0 at the end."""
    source = _transferable(state, fd, Rights.FD_READ, Errno.ISDIR)
    length = min(vectors.total, state.config.limits.transfer)
    if isinstance(source, Stream):
        return vectors.scatter(source.read(length))
    if length:
        before_transfer(state, source, select.POLLIN)
    return vectors.scatter(os.read(source.host, length))


def fd_pread(state: State, fd: int, vectors: Vectors, offset: int) -> int:
    """Read at `offset`; the file's position stays."""
    file = _positioned(state, fd, Rights.FD_READ | Rights.FD_SEEK, Errno.ISDIR)
    length = min(vectors.total, state.config.limits.transfer)
    return vectors.scatter(os.pread(file.host, length, _offset(offset)))


def fd_write(state: State, fd: int, vectors: Vectors) -> int:
    """Write at the file's position, or its end in append mode; return how many bytes went."""
    target = _transferable(state, fd, Rights.FD_WRITE, Errno.BADF)
    length = min(vectors.total, state.config.limits.transfer)
    if isinstance(target, Stream):
        return target.write(vectors.gather(length))
    if target.filetype is FileType.REGULAR_FILE and not target.stream:
        length = _room(state, target, None, length)
    elif length:
        before_transfer(state, target, select.POLLOUT)
    return os.write(target.host, vectors.gather(length))


def fd_pwrite(state: State, fd: int, vectors: Vectors, offset: int) -> int:
    """Write at `offset`; the file's position stays. In append mode Linux writes at the end."""
    file = _positioned(state, fd, Rights.FD_WRITE | Rights.FD_SEEK, Errno.BADF)
    length = min(vectors.total, state.config.limits.transfer)
    length = _room(state, file, _offset(offset), length)
    return os.pwrite(file.host, vectors.gather(length), offset)


def fd_seek(state: State, fd: int, offset: int, whence: Whence) -> int:
    """Move the position; return it. Asking where it is needs the right to tell alone."""
    tells = whence is Whence.CUR and not offset
    file = _positioned(state, fd, Rights(0), Errno.BADF)
    if not (tells and file.base & Rights.FD_TELL):
        file.require(Rights.FD_SEEK)
    return os.lseek(file.host, offset, _WHENCE[whence])


def fd_tell(state: State, fd: int) -> int:
    """Return the file's position."""
    return fd_seek(state, fd, 0, Whence.CUR)


def fd_sync(state: State, fd: int) -> None:
    """Have data and attributes written to disk."""
    _synchronize(state, fd, Rights.FD_SYNC)


def fd_datasync(state: State, fd: int) -> None:
    """Have data written to disk."""
    _synchronize(state, fd, Rights.FD_DATASYNC)


def fd_advise(state: State, fd: int, offset: int, length: int, advice: Advice) -> None:
    """Tell the host how the file is about to be used, where it wants to know."""
    file = _positioned(state, fd, Rights.FD_ADVISE, Errno.BADF)
    _offset(offset)
    _offset(length)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.host, offset, length, getattr(os, _ADVICE[advice]))


def fd_allocate(state: State, fd: int, offset: int, length: int) -> None:
    """Reserve space, growing the file if need be; `NOTSUP` where the host cannot."""
    file = _positioned(state, fd, Rights.FD_ALLOCATE, Errno.BADF)
    if not length:
        raise WasiError(Errno.INVAL)
    if _offset(offset) + _offset(length) > state.config.limits.file_size:
        raise WasiError(Errno.FBIG)
    if not hasattr(os, "posix_fallocate"):
        raise WasiError(Errno.NOTSUP)
    os.posix_fallocate(file.host, offset, length)


def fd_filestat_set_size(state: State, fd: int, size: int) -> None:
    """Cut or extend the file, with zeros, to `size` bytes."""
    file = _positioned(state, fd, Rights.FD_FILESTAT_SET_SIZE, Errno.BADF)
    if _offset(size) > state.config.limits.file_size:
        raise WasiError(Errno.FBIG)
    os.ftruncate(file.host, size)


def fd_filestat_get(state: State, fd: int) -> FileStat:
    """Return a file's attributes; of a stream its type alone."""
    descriptor = state.descriptors.get(fd)
    descriptor.require(Rights.FD_FILESTAT_GET)
    if isinstance(descriptor, Directory) or (
        isinstance(descriptor, HostFile) and not descriptor.stream
    ):
        status = filestat_of(os.fstat(descriptor.host))
        return status._replace(filetype=descriptor.filetype)
    return FileStat(0, 0, descriptor.filetype, 0, 0, 0, 0, 0)


def fd_filestat_set_times(
    state: State, fd: int, accessed: int, modified: int, flags: FstFlags
) -> None:
    """Set a file's or a directory's timestamps."""
    descriptor = state.descriptors.get(fd)
    descriptor.require(Rights.FD_FILESTAT_SET_TIMES)
    if not isinstance(descriptor, (Directory, HostFile)):
        raise WasiError(Errno.NOTSUP)
    times = times_to_set(state, flags, accessed, modified, os.fstat(descriptor.host))
    os.utime(descriptor.host, ns=times)


def fd_fdstat_get(state: State, fd: int) -> FdStat:
    """Return a descriptor's type, flags and rights."""
    descriptor = state.descriptors.get(fd)
    return FdStat(descriptor.filetype, descriptor.flags, descriptor.base, descriptor.inheriting)


def fd_fdstat_set_flags(state: State, fd: int, flags: FdFlags) -> None:
    """Change append and non-blocking mode; the others are fixed when the file is opened."""
    descriptor = state.descriptors.get(fd)
    descriptor.require(Rights.FD_FDSTAT_SET_FLAGS)
    if (flags ^ descriptor.flags) & _SYNC_FLAGS:
        raise WasiError(Errno.INVAL)
    if isinstance(descriptor, Directory):
        raise WasiError(Errno.BADF)
    if isinstance(descriptor, HostFile) and not descriptor.stream:
        host = fcntl.fcntl(descriptor.host, fcntl.F_GETFL) & ~(os.O_APPEND | os.O_NONBLOCK)
        host |= os.O_APPEND if flags & FdFlags.APPEND else 0
        host |= os.O_NONBLOCK if flags & FdFlags.NONBLOCK else 0
        fcntl.fcntl(descriptor.host, fcntl.F_SETFL, host)
    descriptor.flags = flags


def fd_fdstat_set_rights(state: State, fd: int, base: int, inheriting: int) -> None:
    """Give up rights; `NOTCAPABLE` if any would be gained."""
    descriptor = state.descriptors.get(fd)
    if base & ~descriptor.base or inheriting & ~descriptor.inheriting:
        raise WasiError(Errno.NOTCAPABLE)
    descriptor.base = base
    descriptor.inheriting = inheriting


def fd_close(state: State, fd: int) -> None:
    """Close a descriptor; its number is free again."""
    state.descriptors.close(fd)


def fd_renumber(state: State, fd: int, to: int) -> None:
    """Let `fd` take the number `to` of another open descriptor, which is closed."""
    state.descriptors.renumber(fd, to)


def _transferable(state: State, fd: int, rights: Rights, on_directory: Errno) -> HostFile | Stream:
    descriptor: Descriptor = state.descriptors.get(fd)
    if not isinstance(descriptor, (HostFile, Stream)):
        raise WasiError(on_directory)
    descriptor.require(rights)
    return descriptor


def _positioned(state: State, fd: int, rights: Rights, on_directory: Errno) -> HostFile:
    """Return a file that may have a position: one of the host's that is not inherited."""
    descriptor = state.descriptors.get(fd)
    if isinstance(descriptor, Directory):
        raise WasiError(on_directory)
    if not isinstance(descriptor, HostFile) or descriptor.stream:
        raise WasiError(Errno.SPIPE)
    descriptor.require(rights)
    return descriptor


def _synchronize(state: State, fd: int, right: Rights) -> None:
    descriptor = state.descriptors.get(fd)
    descriptor.require(right)
    if isinstance(descriptor, Stream):
        descriptor.flush()
    elif isinstance(descriptor, (Directory, HostFile)):
        whole = right is Rights.FD_SYNC or not hasattr(os, "fdatasync")
        (os.fsync if whole else os.fdatasync)(descriptor.host)


def _offset(value: int) -> int:
    if value >= OFFSET_LIMIT:
        raise WasiError(Errno.INVAL)
    return value


def _room(state: State, file: HostFile, offset: int | None, length: int) -> int:
    """Return how many of `length` bytes the file may take from `offset` (its position) on."""
    if not length:
        return 0
    if file.flags & FdFlags.APPEND:
        offset = os.fstat(file.host).st_size
    elif offset is None:
        offset = os.lseek(file.host, 0, os.SEEK_CUR)
    left = state.config.limits.file_size - offset
    if left <= 0:
        raise WasiError(Errno.FBIG)
    return min(length, left)
