"""Open directories: what is in them, and which of them the guest was given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from plumbob.wasi.constants import FileType, Rights
from plumbob.wasi.descriptors import Directory
from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.layouts import filetype_of, pack_dirent

if TYPE_CHECKING:
    from plumbob.wasi.memory import Buffer
    from plumbob.wasi.state import State


def fd_prestat_get(state: State, fd: int) -> int:
    """Return the length in bytes of a pre-opened directory's name; `BADF` if it is none."""
    return len(_name(state, fd, Errno.BADF))


def fd_prestat_dir_name(state: State, fd: int, buffer: Buffer) -> None:
    """Store a pre-opened directory's name, without a NUL."""
    name = _name(state, fd, Errno.NOTDIR)
    if len(name) > buffer.length:
        raise WasiError(Errno.NAMETOOLONG)
    buffer.write(name)


def fd_readdir(state: State, fd: int, buffer: Buffer, cookie: int) -> int:
    """Fill the buffer with entries from the one at `cookie` on; return the bytes used.

    The last entry may be cut. Cookie 0 takes the listing anew; the others index that listing, so
    that a guest which removes entries as it reads them misses none. Names come in the order of
    their bytes, in every run the same, and as they are, be they UTF-8 or not. `.` and `..` come
    first, both with this directory's inode: the parent may be outside.
    """
    directory = state.descriptors.directory(fd, Rights.FD_READDIR)
    if cookie == 0 or directory.listing is None:
        directory.listing = _listing(directory)
    parts = []
    room = buffer.length
    for index in range(cookie, len(directory.listing)):
        if room <= 0:
            break
        name, inode, filetype = directory.listing[index]
        parts.append(pack_dirent(index + 1, inode, len(name), filetype) + name)
        room -= len(parts[-1])
    data = b"".join(parts)[: buffer.length]
    buffer.write(data)
    return len(data)


def _listing(directory: Directory) -> list[tuple[bytes, int, FileType]]:
    # A descriptor of its own: reading moves a position that duplicates share.
    host = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory.host)
    try:
        own = os.fstat(host).st_ino
        with os.scandir(host) as entries:
            found = [
                (os.fsencode(entry.name), entry.inode(), _filetype(entry)) for entry in entries
            ]
    finally:
        os.close(host)
    head = [(name, own, FileType.DIRECTORY) for name in (b".", b"..")]
    return head + sorted(found)


def _filetype(entry: os.DirEntry[str]) -> FileType:
    if entry.is_symlink():
        return FileType.SYMBOLIC_LINK
    if entry.is_file(follow_symlinks=False):
        return FileType.REGULAR_FILE
    if entry.is_dir(follow_symlinks=False):
        return FileType.DIRECTORY
    try:
        return filetype_of(entry.stat(follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return FileType.UNKNOWN


def _name(state: State, fd: int, otherwise: Errno) -> bytes:
    directory = state.descriptors.get(fd)
    if not isinstance(directory, Directory) or directory.name is None:
        raise WasiError(otherwise)
    return directory.name
