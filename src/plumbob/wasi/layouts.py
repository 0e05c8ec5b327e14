"""Records in the guest's memory, byte for byte (`typenames.witx`), little-endian.

Preview 0 (`wasi_unstable`) differs in two of them: a link count has 32 bits, and a clock's
subscription begins with an identifier.
"""

from __future__ import annotations

import stat
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.wasi.constants import ClockId, EventType, FileType, SubclockFlags
from plumbob.wasi.errno import Errno, WasiError

if TYPE_CHECKING:
    import os

U64_MAX: Final = (1 << 64) - 1

_FDSTAT = struct.Struct("<BxHxxxxQQ")
_FILESTAT = struct.Struct("<QQBxxxxxxxQQQQQ")
_FILESTAT_0 = struct.Struct("<QQBxxxIQQQQ")
_DIRENT = struct.Struct("<QQIBxxx")
_PRESTAT = struct.Struct("<BxxxI")
_SUBSCRIPTION = struct.Struct("<QBxxxxxxxIxxxxQQHxxxxxx")
_SUBSCRIPTION_0 = struct.Struct("<QBxxxxxxxQIxxxxQQHxxxxxx")
_SUBSCRIPTION_FD = struct.Struct("<QBxxxxxxxI")
_EVENT = struct.Struct("<QHBxxxxxQHxxxxxx")

FDSTAT_SIZE: Final = _FDSTAT.size
FILESTAT_SIZE: Final = _FILESTAT.size
FILESTAT_0_SIZE: Final = _FILESTAT_0.size
DIRENT_SIZE: Final = _DIRENT.size
PRESTAT_SIZE: Final = _PRESTAT.size
SUBSCRIPTION_SIZE: Final = _SUBSCRIPTION.size
SUBSCRIPTION_0_SIZE: Final = _SUBSCRIPTION_0.size
EVENT_SIZE: Final = _EVENT.size


class FdStat(NamedTuple):
    """A descriptor's attributes."""

    filetype: int
    flags: int
    rights_base: int
    rights_inheriting: int


class FileStat(NamedTuple):
    """A file's attributes; times in nanoseconds since 1970."""

    device: int
    inode: int
    filetype: int
    links: int
    size: int
    accessed: int
    modified: int
    changed: int


class Subscription(NamedTuple):
    """What to wait for: a clock (`clock`, `timeout`, `absolute`) or a descriptor (`fd`)."""

    userdata: int
    kind: EventType
    clock: ClockId
    timeout: int
    absolute: bool
    fd: int


class Event(NamedTuple):
    """What happened to a subscription."""

    userdata: int
    error: Errno
    kind: EventType
    nbytes: int
    flags: int


def filetype_of(mode: int) -> FileType:
    """Return the type of a file from the host's `st_mode`; WASI has none for a FIFO."""
    return _FILETYPES.get(stat.S_IFMT(mode), FileType.UNKNOWN)


_FILETYPES = {
    stat.S_IFBLK: FileType.BLOCK_DEVICE,
    stat.S_IFCHR: FileType.CHARACTER_DEVICE,
    stat.S_IFDIR: FileType.DIRECTORY,
    stat.S_IFREG: FileType.REGULAR_FILE,
    stat.S_IFSOCK: FileType.SOCKET_STREAM,
    stat.S_IFLNK: FileType.SYMBOLIC_LINK,
}


def filestat_of(status: os.stat_result) -> FileStat:
    """Return what the host says of a file; times before 1970 become 0, as they are unsigned."""
    return FileStat(
        device=status.st_dev & U64_MAX,
        inode=status.st_ino & U64_MAX,
        filetype=filetype_of(status.st_mode),
        links=status.st_nlink,
        size=status.st_size,
        accessed=_unsigned(status.st_atime_ns),
        modified=_unsigned(status.st_mtime_ns),
        changed=_unsigned(status.st_ctime_ns),
    )


def _unsigned(nanoseconds: int) -> int:
    return min(max(nanoseconds, 0), U64_MAX)


def pack_fdstat(value: FdStat) -> bytes:
    """Return the 24 bytes of `fdstat`."""
    return _FDSTAT.pack(*value)


def pack_filestat(value: FileStat) -> bytes:
    """Return the 64 bytes of `filestat`."""
    return _FILESTAT.pack(*value)


def pack_filestat_0(value: FileStat) -> bytes:
    """Return the 56 bytes of preview 0's `filestat`."""
    return _FILESTAT_0.pack(*value._replace(links=min(value.links, 0xFFFF_FFFF)))


def pack_prestat(name_length: int) -> bytes:
    """Return the 8 bytes of `prestat`: a directory whose name has that many bytes."""
    return _PRESTAT.pack(0, name_length)


def pack_dirent(cookie: int, inode: int, name_length: int, filetype: int) -> bytes:
    """Return the 24 bytes of `dirent`; the name follows them."""
    return _DIRENT.pack(cookie, inode & U64_MAX, name_length, filetype)


def pack_event(event: Event) -> bytes:
    """Return the 32 bytes of `event`."""
    return _EVENT.pack(*event)


def unpack_subscription(record: bytes) -> Subscription:
    """Return what the 48 bytes, or 56 of preview 0, ask for; raise `INVAL` if no such thing."""
    userdata, tag, fd = _SUBSCRIPTION_FD.unpack_from(record)
    if tag > EventType.FD_WRITE:
        raise WasiError(Errno.INVAL)
    kind = EventType(tag)
    if kind is not EventType.CLOCK:
        return Subscription(userdata, kind, ClockId.REALTIME, 0, absolute=False, fd=fd)
    if len(record) == SUBSCRIPTION_SIZE:
        _, _, clock, timeout, _, flags = _SUBSCRIPTION.unpack(record)
    else:
        _, _, _, clock, timeout, _, flags = _SUBSCRIPTION_0.unpack(record)
    if clock > ClockId.THREAD_CPUTIME_ID or flags & ~int(SubclockFlags.ABSTIME):
        raise WasiError(Errno.INVAL)
    absolute = bool(flags & SubclockFlags.ABSTIME)
    return Subscription(userdata, kind, ClockId(clock), timeout, absolute=absolute, fd=0)
