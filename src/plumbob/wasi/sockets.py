"""Sockets that the guest was given, and connections that it accepts on them."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

from plumbob.wasi.constants import RECV_DATA_TRUNCATED, FdFlags, RiFlags, Rights, SdFlags
from plumbob.wasi.descriptors import Socket
from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.waiting import before_transfer

if TYPE_CHECKING:
    from plumbob.wasi.memory import Vectors
    from plumbob.wasi.state import State

_HOW = {
    SdFlags.RD: socket.SHUT_RD,
    SdFlags.WR: socket.SHUT_WR,
    SdFlags.RD | SdFlags.WR: socket.SHUT_RDWR,
}


def sock_accept(state: State, fd: int, flags: FdFlags) -> int:
    """Accept a connection; return its descriptor. Only `NONBLOCK` may be asked for."""
    listener = _socket(state, fd, Rights.SOCK_ACCEPT)
    if flags & ~FdFlags.NONBLOCK:
        raise WasiError(Errno.INVAL)
    state.descriptors.require_room()
    before_transfer(state, listener, select.POLLIN)
    connection, _ = listener.socket.accept()
    connection.setblocking(not flags)
    accepted = Socket(connection, listener.inheriting & ~Rights.SOCK_ACCEPT, owned=True)
    accepted.flags = flags
    return state.descriptors.insert(accepted)


def sock_recv(state: State, fd: int, vectors: Vectors, flags: RiFlags) -> tuple[int, int]:
    """Receive; return the bytes stored, and whether a message was longer than the buffers."""
    source = _socket(state, fd, Rights.FD_READ)
    host_flags = socket.MSG_PEEK if flags & RiFlags.PEEK else 0
    host_flags |= socket.MSG_WAITALL if flags & RiFlags.WAITALL else 0
    before_transfer(state, source, select.POLLIN)
    length = min(vectors.total, state.config.limits.transfer)
    data, _, result_flags, _ = source.socket.recvmsg(length, 0, host_flags)
    truncated = RECV_DATA_TRUNCATED if result_flags & socket.MSG_TRUNC else 0
    return vectors.scatter(data), truncated


def sock_send(state: State, fd: int, vectors: Vectors, flags: int) -> int:  # noqa: ARG001
    """Send; return the bytes that went. No flags are defined, and the table admits none."""
    target = _socket(state, fd, Rights.FD_WRITE)
    before_transfer(state, target, select.POLLOUT)
    return target.socket.send(vectors.gather(state.config.limits.transfer))


def sock_shutdown(state: State, fd: int, how: SdFlags) -> None:
    """End receiving, sending or both."""
    target = _socket(state, fd, Rights.SOCK_SHUTDOWN)
    if how not in _HOW:
        raise WasiError(Errno.INVAL)
    target.socket.shutdown(_HOW[how])


def _socket(state: State, fd: int, rights: Rights) -> Socket:
    return state.descriptors.find(fd, Socket, rights, Errno.NOTSOCK)
