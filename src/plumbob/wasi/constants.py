"""Flags, rights and enumerations of WASI preview 1 (`typenames.witx`), as integers."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final


class Rights(IntFlag):
    """What may be done with a descriptor, and with those opened through it."""

    FD_DATASYNC = 1 << 0
    FD_READ = 1 << 1
    FD_SEEK = 1 << 2
    FD_FDSTAT_SET_FLAGS = 1 << 3
    FD_SYNC = 1 << 4
    FD_TELL = 1 << 5
    FD_WRITE = 1 << 6
    FD_ADVISE = 1 << 7
    FD_ALLOCATE = 1 << 8
    PATH_CREATE_DIRECTORY = 1 << 9
    PATH_CREATE_FILE = 1 << 10
    PATH_LINK_SOURCE = 1 << 11
    PATH_LINK_TARGET = 1 << 12
    PATH_OPEN = 1 << 13
    FD_READDIR = 1 << 14
    PATH_READLINK = 1 << 15
    PATH_RENAME_SOURCE = 1 << 16
    PATH_RENAME_TARGET = 1 << 17
    PATH_FILESTAT_GET = 1 << 18
    PATH_FILESTAT_SET_SIZE = 1 << 19
    PATH_FILESTAT_SET_TIMES = 1 << 20
    FD_FILESTAT_GET = 1 << 21
    FD_FILESTAT_SET_SIZE = 1 << 22
    FD_FILESTAT_SET_TIMES = 1 << 23
    PATH_SYMLINK = 1 << 24
    PATH_REMOVE_DIRECTORY = 1 << 25
    PATH_UNLINK_FILE = 1 << 26
    POLL_FD_READWRITE = 1 << 27
    SOCK_SHUTDOWN = 1 << 28
    SOCK_ACCEPT = 1 << 29


R = Rights
NO_RIGHTS: Final = Rights(0)
ALL_RIGHTS: Final = Rights((1 << 30) - 1)

STREAM_RIGHTS: Final = (
    R.FD_READ
    | R.FD_WRITE
    | R.FD_SYNC
    | R.FD_DATASYNC
    | R.FD_FDSTAT_SET_FLAGS
    | R.FD_FILESTAT_GET
    | R.POLL_FD_READWRITE
)
"""The most that a terminal or a pipe can have."""

FILE_RIGHTS: Final = (
    STREAM_RIGHTS
    | R.FD_SEEK
    | R.FD_TELL
    | R.FD_ADVISE
    | R.FD_ALLOCATE
    | R.FD_FILESTAT_SET_SIZE
    | R.FD_FILESTAT_SET_TIMES
)
"""The most that a file can have."""

DIRECTORY_RIGHTS: Final = (
    R.FD_DATASYNC
    | R.FD_SYNC
    | R.FD_FDSTAT_SET_FLAGS
    | R.FD_READDIR
    | R.FD_FILESTAT_GET
    | R.FD_FILESTAT_SET_TIMES
    | R.PATH_CREATE_DIRECTORY
    | R.PATH_CREATE_FILE
    | R.PATH_LINK_SOURCE
    | R.PATH_LINK_TARGET
    | R.PATH_OPEN
    | R.PATH_READLINK
    | R.PATH_RENAME_SOURCE
    | R.PATH_RENAME_TARGET
    | R.PATH_FILESTAT_GET
    | R.PATH_FILESTAT_SET_SIZE
    | R.PATH_FILESTAT_SET_TIMES
    | R.PATH_SYMLINK
    | R.PATH_REMOVE_DIRECTORY
    | R.PATH_UNLINK_FILE
)
"""The most that a directory can have itself; it can pass on all rights."""

SOCKET_RIGHTS: Final = (
    R.FD_READ
    | R.FD_WRITE
    | R.FD_FDSTAT_SET_FLAGS
    | R.FD_FILESTAT_GET
    | R.POLL_FD_READWRITE
    | R.SOCK_SHUTDOWN
    | R.SOCK_ACCEPT
)
"""The most that a socket can have."""

CHANGING_RIGHTS: Final = (
    R.FD_WRITE
    | R.FD_ALLOCATE
    | R.FD_FILESTAT_SET_SIZE
    | R.FD_FILESTAT_SET_TIMES
    | R.PATH_CREATE_DIRECTORY
    | R.PATH_CREATE_FILE
    | R.PATH_LINK_SOURCE
    | R.PATH_LINK_TARGET
    | R.PATH_RENAME_SOURCE
    | R.PATH_RENAME_TARGET
    | R.PATH_FILESTAT_SET_SIZE
    | R.PATH_FILESTAT_SET_TIMES
    | R.PATH_SYMLINK
    | R.PATH_REMOVE_DIRECTORY
    | R.PATH_UNLINK_FILE
)
"""What a read-only directory, and all that is opened through it, does not allow. A link to a file
elsewhere is among it, since it would be another way to the file."""

WRITING_RIGHTS: Final = R.FD_WRITE | R.FD_ALLOCATE | R.FD_FILESTAT_SET_SIZE
"""Rights that need the host's descriptor to be open for writing."""


class FdFlags(IntFlag):
    """Flags of an open descriptor."""

    APPEND = 1
    DSYNC = 2
    NONBLOCK = 4
    RSYNC = 8
    SYNC = 16


class OpenFlags(IntFlag):
    """Flags of `path_open`."""

    CREAT = 1
    DIRECTORY = 2
    EXCL = 4
    TRUNC = 8


class LookupFlags(IntFlag):
    """How a path is resolved."""

    SYMLINK_FOLLOW = 1


class FstFlags(IntFlag):
    """Which timestamps to set, and from what."""

    ATIM = 1
    ATIM_NOW = 2
    MTIM = 4
    MTIM_NOW = 8


class SubclockFlags(IntFlag):
    """How a subscription's timeout is to be read."""

    ABSTIME = 1


class RiFlags(IntFlag):
    """Flags of `sock_recv`."""

    PEEK = 1
    WAITALL = 2


class SdFlags(IntFlag):
    """Which ways of a socket to shut down."""

    RD = 1
    WR = 2


RECV_DATA_TRUNCATED: Final = 1
"""`roflags`: the message was longer than the buffers."""
EVENT_HANGUP: Final = 1
"""`eventrwflags`: the other side has closed."""


class FileType(IntEnum):
    """What a descriptor or a directory entry refers to."""

    UNKNOWN = 0
    BLOCK_DEVICE = 1
    CHARACTER_DEVICE = 2
    DIRECTORY = 3
    REGULAR_FILE = 4
    SOCKET_DGRAM = 5
    SOCKET_STREAM = 6
    SYMBOLIC_LINK = 7


class ClockId(IntEnum):
    """The four clocks."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS_CPUTIME_ID = 2
    THREAD_CPUTIME_ID = 3


class Whence(IntEnum):
    """What a seek is relative to (preview 1; preview 0 numbers them otherwise)."""

    SET = 0
    CUR = 1
    END = 2


class EventType(IntEnum):
    """Kind of a subscription."""

    CLOCK = 0
    FD_READ = 1
    FD_WRITE = 2


class Advice(IntEnum):
    """How a file is about to be used."""

    NORMAL = 0
    SEQUENTIAL = 1
    RANDOM = 2
    WILLNEED = 3
    DONTNEED = 4
    NOREUSE = 5


SIGNALS: Final = (
    "none hup int quit ill trap abrt bus fpe kill usr1 segv usr2 pipe alrm term chld cont "
    "stop tstp ttin ttou urg xcpu xfsz vtalrm prof winch poll pwr sys"
).split()
"""Names of the signals, by number."""
IGNORED_SIGNALS: Final = frozenset(map(SIGNALS.index, ("none", "pipe", "chld", "urg", "winch")))
"""Signals whose action is to do nothing, besides `cont` for a process that is not stopped."""
STOPPING_SIGNALS: Final = frozenset(map(SIGNALS.index, ("stop", "tstp", "ttin", "ttou")))
"""Signals whose action is to stop the process."""
