"""What the guest's descriptors stand for, and the table of them.

A descriptor's number is the lowest free one, so that runs are alike. Rights only ever shrink:
`base` are the rights to the descriptor itself, `inheriting` bound those opened through it. Both
are plain integers, not `Rights`, whose complement leaves out the bits that have no name.

What comes from a read-only directory has its rights like everything else, since programs ask for
many that they do not use; using one that changes something is `ROFS`, as on a read-only file
system.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from plumbob.wasi.constants import (
    ALL_RIGHTS,
    CHANGING_RIGHTS,
    DIRECTORY_RIGHTS,
    FILE_RIGHTS,
    NO_RIGHTS,
    SOCKET_RIGHTS,
    STREAM_RIGHTS,
    FdFlags,
    FileType,
    Rights,
)
from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.layouts import filetype_of

if TYPE_CHECKING:
    import socket
    from typing import TypeVar

    T = TypeVar("T", bound="Descriptor")


class Descriptor:
    """Something open: its type, flags and rights."""

    def __init__(self, filetype: FileType, base: int, inheriting: int = NO_RIGHTS) -> None:
        self.filetype = filetype
        self.flags = FdFlags(0)
        self.base = int(base)
        self.inheriting = int(inheriting)
        self.read_only = False

    def require(self, rights: Rights) -> None:
        """Raise `NOTCAPABLE` unless the descriptor has all of these rights, `ROFS` if in vain."""
        if int(rights) & ~self.base:
            raise WasiError(Errno.NOTCAPABLE)
        if self.read_only and rights & CHANGING_RIGHTS:
            raise WasiError(Errno.ROFS)

    def close(self) -> None:
        """Give back what the host holds for it."""


class Stream(Descriptor):
    """A standard stream that is a Python stream, or none: reads end, writes vanish."""

    def __init__(self, stream: BinaryIO | None, rights: Rights) -> None:
        terminal = stream is not None and stream.isatty()
        filetype = FileType.CHARACTER_DEVICE if terminal else FileType.UNKNOWN
        super().__init__(filetype, STREAM_RIGHTS & ~(Rights.FD_READ | Rights.FD_WRITE) | rights)
        self.stream = stream

    def read(self, length: int) -> bytes:
        """Return up to `length` bytes, those that are there; empty at the end."""
        if self.stream is None or not length:
            return b""
        read = getattr(self.stream, "read1", self.stream.read)
        data: bytes | None = read(length)
        if data is None:
            raise WasiError(Errno.AGAIN)
        return data

    def write(self, data: bytes) -> int:
        """Pass on `data`; return how many bytes were taken."""
        if self.stream is None:
            return len(data)
        count: int | None = self.stream.write(data)
        self.flush()
        if count is None:
            raise WasiError(Errno.AGAIN)
        return count

    def flush(self) -> None:
        """Push out what the stream has buffered."""
        if self.stream is not None:
            self.stream.flush()


class HostFile(Descriptor):
    """A descriptor of the host's: a file or device, or an inherited standard stream.

    A stream (`stream=True`) has no position, and belongs to the host: it is not closed here, and
    its flags are kept here alone, since they would change the stream for all who share it.
    """

    def __init__(
        self, host: int, base: int, filetype: FileType | None = None, *, stream: bool = False
    ) -> None:
        if filetype is None:
            filetype = filetype_of(os.fstat(host).st_mode)
        terminal = filetype is FileType.CHARACTER_DEVICE and os.isatty(host)
        super().__init__(filetype, base & (STREAM_RIGHTS if stream or terminal else FILE_RIGHTS))
        self.host = host
        self.stream = stream

    def close(self) -> None:
        """Close the host's descriptor, unless it is inherited."""
        if not self.stream:
            os.close(self.host)


class Socket(HostFile):
    """A socket; closed with its descriptor if the guest accepted it."""

    def __init__(self, sock: socket.socket, base: int, *, owned: bool) -> None:
        streaming = sock.type == _stream_type()
        filetype = FileType.SOCKET_STREAM if streaming else FileType.SOCKET_DGRAM
        super().__init__(sock.fileno(), NO_RIGHTS, filetype)
        self.base = int(base & SOCKET_RIGHTS)
        self.inheriting = self.base
        self.socket = sock
        self.owned = owned

    def close(self) -> None:
        """Close an accepted socket; a given one stays the caller's."""
        if self.owned:
            self.socket.close()


def _stream_type() -> int:
    import socket  # noqa: PLC0415 -- costs a millisecond, and few guests have sockets

    return socket.SOCK_STREAM


class Directory(Descriptor):
    """A directory; `name` is what the guest knows it by if it was opened beforehand."""

    def __init__(
        self,
        host: int,
        base: int = ALL_RIGHTS,
        inheriting: int = ALL_RIGHTS,
        name: bytes | None = None,
    ) -> None:
        super().__init__(FileType.DIRECTORY, base & DIRECTORY_RIGHTS, inheriting & ALL_RIGHTS)
        self.host = host
        self.name = name
        self.listing: list[tuple[bytes, int, FileType]] | None = None

    def close(self) -> None:
        """Close the host's descriptor."""
        os.close(self.host)


def adopt(host: int, base: int, inheriting: int) -> HostFile | Directory:
    """Return the descriptor for a file or directory of the host's that was just opened.

    Rights that do not apply to what it is are dropped.
    """
    if stat.S_ISDIR(os.fstat(host).st_mode):
        return Directory(host, base, inheriting)
    return HostFile(host, base)


class Descriptors:
    """The guest's table: number to descriptor, at most `limit` of them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open: dict[int, Descriptor] = {}

    def require_room(self) -> None:
        """Raise `MFILE` if the table is full."""
        if len(self.open) >= self.limit:
            raise WasiError(Errno.MFILE)

    def insert(self, descriptor: Descriptor) -> int:
        """Return the number, the lowest free one, that `descriptor` now has."""
        self.require_room()
        number = next(number for number in range(self.limit) if number not in self.open)
        self.open[number] = descriptor
        return number

    def get(self, number: int) -> Descriptor:
        """Return an open descriptor; raise `BADF` if there is none."""
        descriptor = self.open.get(number)
        if descriptor is None:
            raise WasiError(Errno.BADF)
        return descriptor

    def find(self, number: int, kind: type[T], rights: Rights, otherwise: Errno) -> T:
        """Return a descriptor of this kind that has `rights`.

        Raises `BADF`, `otherwise` if it is of another kind, or `NOTCAPABLE`.
        """
        descriptor = self.get(number)
        if not isinstance(descriptor, kind):
            raise WasiError(otherwise)
        descriptor.require(rights)
        return descriptor

    def directory(self, number: int, rights: Rights) -> Directory:
        """Return a directory that has `rights`; raise `NOTDIR` if it is something else."""
        return self.find(number, Directory, rights, Errno.NOTDIR)

    def close(self, number: int) -> None:
        """Close one descriptor."""
        descriptor = self.get(number)
        del self.open[number]
        descriptor.close()

    def renumber(self, number: int, to: int) -> None:
        """Move a descriptor to the number of another, which is closed."""
        descriptor = self.get(number)
        replaced = self.get(to)
        if number == to:
            return
        self.open[to] = descriptor
        del self.open[number]
        replaced.close()

    def close_all(self) -> None:
        """Close every descriptor; the table is empty then."""
        while self.open:
            self.open.popitem()[1].close()
