"""`poll_oneoff`: wait for clocks and descriptors.

A subscription that cannot be waited for is an event with its error, as the interface's
description has it (`event.error`); the call as a whole fails only for what is malformed.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasi.constants import EVENT_HANGUP, ClockId, EventType, FileType, Rights
from plumbob.wasi.descriptors import Directory, HostFile, Stream
from plumbob.wasi.errno import Errno, WasiError, of_os_error
from plumbob.wasi.layouts import (
    EVENT_SIZE,
    Event,
    Subscription,
    pack_event,
    unpack_subscription,
)
from plumbob.wasi.waiting import wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasi.memory import Pointer
    from plumbob.wasi.state import State
    from plumbob.wasi.table import Records

_POLL_BITS = {EventType.FD_READ: select.POLLIN, EventType.FD_WRITE: select.POLLOUT}
_TRANSFER_RIGHTS = {EventType.FD_READ: Rights.FD_READ, EventType.FD_WRITE: Rights.FD_WRITE}


class _Plan(NamedTuple):
    """Subscriptions by their place in the list, each in one of three ways.

    `known`: what has happened already. `timers`: nanoseconds until it is due, not negative.
    `hosts`: descriptor of the host's.
    """

    known: dict[int, Event]
    timers: dict[int, int]
    hosts: dict[int, int]


def poll_oneoff(state: State, records: Records, out: Pointer, count: int) -> int:
    """Wait until something subscribed to has happened; store the events, return how many.

    Events come in the order of their subscriptions. `INVAL` if there are none, or too many.
    """
    source = records.start.span(count * records.stride)
    target = out.span(count * EVENT_SIZE)
    if not count or count > state.config.limits.subscriptions:
        raise WasiError(Errno.INVAL)
    data = source.read()
    subscriptions = [
        unpack_subscription(data[start : start + records.stride])
        for start in range(0, len(data), records.stride)
    ]
    events = _wait(state, subscriptions)
    target.write(b"".join(map(pack_event, events)))
    return len(events)


def _wait(state: State, subscriptions: Sequence[Subscription]) -> list[Event]:
    plan = _plan(state, subscriptions)
    interest: dict[int, int] = {}
    for index, host in plan.hosts.items():
        interest[host] = interest.get(host, 0) | _POLL_BITS[subscriptions[index].kind]
    first = min(plan.timers.values(), default=None)
    blocks = not plan.known and first != 0
    if blocks and not state.clocks.virtual:
        ready = wait(state, interest, first)
    else:
        ready = wait(state, interest, 0) if interest else {}
        if blocks and not ready:
            if first is None:
                ready = wait(state, interest, None)
            else:
                state.clocks.advance(first)
    events = dict(plan.known)
    for index, host in plan.hosts.items():
        event = _host_event(subscriptions[index], host, ready.get(host, 0))
        if event is not None:
            events[index] = event
    due = first if blocks and not ready and first is not None else 0
    for index, left in plan.timers.items():
        if left <= due:
            events[index] = _event(subscriptions[index])
    return [events[index] for index in sorted(events)]


def _plan(state: State, subscriptions: Sequence[Subscription]) -> _Plan:
    plan = _Plan({}, {}, {})
    now: dict[ClockId, int] = {}
    for index, subscription in enumerate(subscriptions):
        try:
            if subscription.kind is EventType.CLOCK:
                plan.timers[index] = _left(state, subscription, now)
            else:
                _plan_descriptor(state, plan, index, subscription)
        except WasiError as error:
            plan.known[index] = _event(subscription, error=error.errno)
        except OSError as error:
            plan.known[index] = _event(subscription, error=of_os_error(error))
    return plan


def _left(state: State, subscription: Subscription, now: dict[ClockId, int]) -> int:
    """Return the nanoseconds until a clock's subscription is due; `now` keeps clocks once read."""
    clock = subscription.clock
    if clock not in (ClockId.REALTIME, ClockId.MONOTONIC):
        # The time that the guest computes does not pass while it waits.
        raise WasiError(Errno.INVAL)
    if not subscription.absolute:
        return subscription.timeout
    if clock not in now:
        now[clock] = state.clocks.now(clock)
    return max(0, subscription.timeout - now[clock])


def _plan_descriptor(state: State, plan: _Plan, index: int, subscription: Subscription) -> None:
    descriptor = state.descriptors.get(subscription.fd)
    if isinstance(descriptor, Directory):
        raise WasiError(Errno.BADF)
    descriptor.require(Rights.POLL_FD_READWRITE | _TRANSFER_RIGHTS[subscription.kind])
    reads = subscription.kind is EventType.FD_READ
    if isinstance(descriptor, Stream):
        plan.known[index] = _event(subscription, nbytes=1)
    elif isinstance(descriptor, HostFile):
        if descriptor.filetype is not FileType.REGULAR_FILE:
            plan.hosts[index] = descriptor.host
            return
        nbytes = state.config.limits.transfer
        if reads:
            position = os.lseek(descriptor.host, 0, os.SEEK_CUR)
            nbytes = max(0, os.fstat(descriptor.host).st_size - position)
        plan.known[index] = _event(subscription, nbytes=nbytes)


def _host_event(subscription: Subscription, host: int, ready: int) -> Event | None:
    """Return what happened to a host descriptor, or None if nothing that was asked for."""
    if ready & select.POLLNVAL:
        return _event(subscription, error=Errno.BADF)
    hangup = ready & (select.POLLHUP | select.POLLERR)
    if not ready & _POLL_BITS[subscription.kind] and not hangup:
        return None
    nbytes = select.PIPE_BUF
    if subscription.kind is EventType.FD_READ:
        nbytes = _readable(host)
    return _event(subscription, nbytes=nbytes, flags=EVENT_HANGUP if hangup else 0)


def _readable(host: int) -> int:
    """Return how many bytes can be read without waiting; 1 where the host cannot say."""
    try:
        packed = fcntl.ioctl(host, termios.FIONREAD, bytes(4))
    except OSError:
        return 1
    count: int = struct.unpack("i", packed)[0]
    return max(0, count)


def _event(
    subscription: Subscription, error: Errno = Errno.SUCCESS, nbytes: int = 0, flags: int = 0
) -> Event:
    return Event(subscription.userdata, error, subscription.kind, nbytes, flags)
