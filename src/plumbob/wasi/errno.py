"""Error numbers of WASI preview 1, and how a host's errors become them.

Numbers and names are those of `errno` in `typenames.witx` (WebAssembly/WASI, legacy/preview1).
"""

from __future__ import annotations

import errno as host
from enum import IntEnum
from typing import Final


class Errno(IntEnum):
    """What a WASI function returns: success, or why not."""

    SUCCESS = 0
    TOOBIG = 1
    ACCES = 2
    ADDRINUSE = 3
    ADDRNOTAVAIL = 4
    AFNOSUPPORT = 5
    AGAIN = 6
    ALREADY = 7
    BADF = 8
    BADMSG = 9
    BUSY = 10
    CANCELED = 11
    CHILD = 12
    CONNABORTED = 13
    CONNREFUSED = 14
    CONNRESET = 15
    DEADLK = 16
    DESTADDRREQ = 17
    DOM = 18
    DQUOT = 19
    EXIST = 20
    FAULT = 21
    FBIG = 22
    HOSTUNREACH = 23
    IDRM = 24
    ILSEQ = 25
    INPROGRESS = 26
    INTR = 27
    INVAL = 28
    IO = 29
    ISCONN = 30
    ISDIR = 31
    LOOP = 32
    MFILE = 33
    MLINK = 34
    MSGSIZE = 35
    MULTIHOP = 36
    NAMETOOLONG = 37
    NETDOWN = 38
    NETRESET = 39
    NETUNREACH = 40
    NFILE = 41
    NOBUFS = 42
    NODEV = 43
    NOENT = 44
    NOEXEC = 45
    NOLCK = 46
    NOLINK = 47
    NOMEM = 48
    NOMSG = 49
    NOPROTOOPT = 50
    NOSPC = 51
    NOSYS = 52
    NOTCONN = 53
    NOTDIR = 54
    NOTEMPTY = 55
    NOTRECOVERABLE = 56
    NOTSOCK = 57
    NOTSUP = 58
    NOTTY = 59
    NXIO = 60
    OVERFLOW = 61
    OWNERDEAD = 62
    PERM = 63
    PIPE = 64
    PROTO = 65
    PROTONOSUPPORT = 66
    PROTOTYPE = 67
    RANGE = 68
    ROFS = 69
    SPIPE = 70
    SRCH = 71
    STALE = 72
    TIMEDOUT = 73
    TXTBSY = 74
    XDEV = 75
    NOTCAPABLE = 76


class WasiError(Exception):
    """A WASI function fails with `errno`; never leaves the function's call."""

    def __init__(self, errno: Errno) -> None:
        super().__init__(errno.name)
        self.errno = errno


class ProcExit(Exception):  # noqa: N818 -- it is the guest's normal end, not an error
    """The guest ended itself with exit code `code` (unsigned, 32 bits)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def _from_host() -> dict[int, Errno]:
    """Return the WASI number of each number of the host that has the same POSIX name."""
    table = {}
    for error in Errno:
        name = "E2BIG" if error is Errno.TOOBIG else f"E{error.name}"
        number = getattr(host, name, None)
        if number is not None:
            table[number] = error
    table[host.EOPNOTSUPP] = Errno.NOTSUP
    table[host.EWOULDBLOCK] = Errno.AGAIN
    return table


FROM_HOST: Final = _from_host()
"""The host's errno: WASI's. What is not in it is reported as `IO`."""


def of_os_error(error: OSError) -> Errno:
    """Return the WASI number of an error that the host's system reported."""
    return FROM_HOST.get(error.errno or 0, Errno.IO)
