"""Every function of WASI preview 1, declared once: names, parameters, results.

From a row follow the WebAssembly type, how arguments are decoded and checked, and where results
are stored. The rows are those of `wasi_snapshot_preview1.witx` (WebAssembly/WASI, legacy); the
calling convention is that of `legacy/application-abi.md` and `tools/witx-docs.md`: a string or
list is a pointer and a length, each result is a pointer after the parameters, the only
WebAssembly result is the errno.

A parameter's kind says all about it (`KINDS`). Preview 0, the module `wasi_unstable`, is the
same table with three other kinds and without `sock_accept` (`PREVIEW_0`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from plumbob.wasi import constants, layouts
from plumbob.wasi.errno import Errno, WasiError
from plumbob.wasi.memory import Memory, Pointer, Vectors, check
from plumbob.wasm.types import I32, I64, ValType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from enum import IntEnum, IntFlag

MAX_PATH: Final = 4096
"""A path that has this many bytes or more is too long (Linux's PATH_MAX, which counts a NUL)."""

PREVIEW_1: Final = "wasi_snapshot_preview1"
PREVIEW_0: Final = "wasi_unstable"


class Kind(NamedTuple):
    """How a parameter is passed, and the value that a function gets from it.

    `decode` takes the memory and as many unsigned values as `types` has.
    """

    types: tuple[ValType, ...]
    decode: Callable[..., Any]


class Result(NamedTuple):
    """A value stored through a pointer: size and alignment in bytes, and its encoding."""

    size: int
    alignment: int
    pack: Callable[[Any], bytes]


class Function(NamedTuple):
    """A row: parameters as (name, kind), results as kinds. `returns` is false of `proc_exit`."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    results: tuple[tuple[str, str], ...]
    returns: bool = True

    @property
    def parameter_types(self) -> tuple[ValType, ...]:
        """The WebAssembly parameter types: those of the kinds, and a pointer for each result."""
        own = [kind for _, name in self.parameters for kind in KINDS[name].types]
        return (*own, *(I32 for _ in self.results))

    @property
    def result_types(self) -> tuple[ValType, ...]:
        """The WebAssembly result types: the errno, or nothing."""
        return (I32,) if self.returns else ()


def _value(_: Memory, value: int) -> int:
    return value


def _signed(_: Memory, value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _flags(flags: type[IntFlag]) -> Callable[[Memory, int], IntFlag]:
    known = sum(flags)

    def decode(_: Memory, value: int) -> IntFlag:
        if value & ~known:
            raise WasiError(Errno.INVAL)
        return flags(value)

    return decode


def _enum(values: type[IntEnum]) -> Callable[[Memory, int], IntEnum]:
    def decode(_: Memory, value: int) -> IntEnum:
        if value >= len(values):
            raise WasiError(Errno.INVAL)
        return values(value)

    return decode


def _below(limit: int) -> Callable[[Memory, int], int]:
    def decode(_: Memory, value: int) -> int:
        if value >= limit:
            raise WasiError(Errno.INVAL)
        return value

    return decode


def _whence_0(_: Memory, value: int) -> constants.Whence:
    whence = constants.Whence
    order = (whence.CUR, whence.END, whence.SET)
    if value >= len(order):
        raise WasiError(Errno.INVAL)
    return order[value]


def _pointer(alignment: int) -> Callable[[Memory, int], Pointer]:
    def decode(memory: Memory, address: int) -> Pointer:
        return Pointer(memory, address, alignment)

    return decode


def _buffer(memory: Memory, address: int, length: int) -> Any:
    return Pointer(memory, address).span(length)


def _path(memory: Memory, address: int, length: int) -> bytes:
    """Return a path; of one that is too long only enough bytes to show that it is."""
    check(memory, address, length)
    return memory.read(address, min(length, MAX_PATH))


class Records(NamedTuple):
    """An array of subscriptions whose length is another parameter."""

    start: Pointer
    stride: int


def _records(stride: int) -> Callable[[Memory, int], Records]:
    def decode(memory: Memory, address: int) -> Records:
        return Records(Pointer(memory, address, 8), stride)

    return decode


_PAIR = (I32, I32)

KINDS: Final[Mapping[str, Kind]] = {
    "fd": Kind((I32,), _value),
    "size": Kind((I32,), _value),
    "exitcode": Kind((I32,), _value),
    "filesize": Kind((I64,), _value),
    "filedelta": Kind((I64,), _signed),
    "timestamp": Kind((I64,), _value),
    "dircookie": Kind((I64,), _value),
    "clockid": Kind((I32,), _enum(constants.ClockId)),
    "advice": Kind((I32,), _enum(constants.Advice)),
    "whence": Kind((I32,), _enum(constants.Whence)),
    "whence_0": Kind((I32,), _whence_0),
    "signal": Kind((I32,), _below(len(constants.SIGNALS))),
    "rights": Kind((I64,), _value),
    "fdflags": Kind((I32,), _flags(constants.FdFlags)),
    "oflags": Kind((I32,), _flags(constants.OpenFlags)),
    "lookupflags": Kind((I32,), _flags(constants.LookupFlags)),
    "fstflags": Kind((I32,), _flags(constants.FstFlags)),
    "riflags": Kind((I32,), _flags(constants.RiFlags)),
    "siflags": Kind((I32,), _below(1)),
    "sdflags": Kind((I32,), _flags(constants.SdFlags)),
    "pointers": Kind((I32,), _pointer(4)),
    "bytes": Kind((I32,), _pointer(1)),
    "events": Kind((I32,), _pointer(8)),
    "subscriptions": Kind((I32,), _records(layouts.SUBSCRIPTION_SIZE)),
    "subscriptions_0": Kind((I32,), _records(layouts.SUBSCRIPTION_0_SIZE)),
    "buffer": Kind(_PAIR, _buffer),
    "path": Kind(_PAIR, _path),
    "vectors": Kind(_PAIR, Vectors),
}


def _integer(size: int) -> Result:
    return Result(size, size, lambda value: int(value).to_bytes(size, "little"))


RESULTS: Final[Mapping[str, Result]] = {
    "size": _integer(4),
    "fd": _integer(4),
    "roflags": _integer(2),
    "filesize": _integer(8),
    "timestamp": _integer(8),
    "fdstat": Result(layouts.FDSTAT_SIZE, 8, layouts.pack_fdstat),
    "filestat": Result(layouts.FILESTAT_SIZE, 8, layouts.pack_filestat),
    "filestat_0": Result(layouts.FILESTAT_0_SIZE, 8, layouts.pack_filestat_0),
    "prestat": Result(layouts.PRESTAT_SIZE, 4, layouts.pack_prestat),
}


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in text.split():
        name, _, kind = item.partition(":")
        pairs.append((name, kind or name))
    return tuple(pairs)


def _row(name: str, parameters: str = "", results: str = "", *, returns: bool = True) -> Function:
    return Function(name, _pairs(parameters), _pairs(results), returns)


FUNCTIONS: Final = (
    _row("args_get", "argv:pointers argv_buf:bytes"),
    _row("args_sizes_get", "", "count:size length:size"),
    _row("environ_get", "environ:pointers environ_buf:bytes"),
    _row("environ_sizes_get", "", "count:size length:size"),
    _row("clock_res_get", "id:clockid", "timestamp"),
    _row("clock_time_get", "id:clockid precision:timestamp", "timestamp"),
    _row("fd_advise", "fd offset:filesize len:filesize advice"),
    _row("fd_allocate", "fd offset:filesize len:filesize"),
    _row("fd_close", "fd"),
    _row("fd_datasync", "fd"),
    _row("fd_fdstat_get", "fd", "fdstat"),
    _row("fd_fdstat_set_flags", "fd flags:fdflags"),
    _row("fd_fdstat_set_rights", "fd base:rights inheriting:rights"),
    _row("fd_filestat_get", "fd", "filestat"),
    _row("fd_filestat_set_size", "fd size:filesize"),
    _row("fd_filestat_set_times", "fd atim:timestamp mtim:timestamp fst_flags:fstflags"),
    _row("fd_pread", "fd iovs:vectors offset:filesize", "size"),
    _row("fd_prestat_get", "fd", "prestat"),
    _row("fd_prestat_dir_name", "fd path:buffer"),
    _row("fd_pwrite", "fd iovs:vectors offset:filesize", "size"),
    _row("fd_read", "fd iovs:vectors", "size"),
    _row("fd_readdir", "fd buf:buffer cookie:dircookie", "size"),
    _row("fd_renumber", "fd to:fd"),
    _row("fd_seek", "fd offset:filedelta whence", "filesize"),
    _row("fd_sync", "fd"),
    _row("fd_tell", "fd", "filesize"),
    _row("fd_write", "fd iovs:vectors", "size"),
    _row("path_create_directory", "fd path"),
    _row("path_filestat_get", "fd flags:lookupflags path", "filestat"),
    _row(
        "path_filestat_set_times",
        "fd flags:lookupflags path atim:timestamp mtim:timestamp fst_flags:fstflags",
    ),
    _row("path_link", "old_fd:fd old_flags:lookupflags old_path:path new_fd:fd new_path:path"),
    _row(
        "path_open",
        "fd dirflags:lookupflags path oflags base:rights inheriting:rights fdflags",
        "fd",
    ),
    _row("path_readlink", "fd path buf:buffer", "size"),
    _row("path_remove_directory", "fd path"),
    _row("path_rename", "fd old_path:path new_fd:fd new_path:path"),
    _row("path_symlink", "old_path:path fd new_path:path"),
    _row("path_unlink_file", "fd path"),
    _row("poll_oneoff", "in:subscriptions out:events nsubscriptions:size", "size"),
    _row("proc_exit", "rval:exitcode", returns=False),
    _row("proc_raise", "sig:signal"),
    _row("random_get", "buf:buffer"),
    _row("sched_yield"),
    _row("sock_accept", "fd flags:fdflags", "fd"),
    _row("sock_recv", "fd ri_data:vectors ri_flags:riflags", "size roflags"),
    _row("sock_send", "fd si_data:vectors si_flags:siflags", "size"),
    _row("sock_shutdown", "fd how:sdflags"),
)
"""The functions of `wasi_snapshot_preview1`, in the order of its description."""

_KINDS_0 = {
    "whence": "whence_0",
    "filestat": "filestat_0",
    "subscriptions": "subscriptions_0",
}


def functions_of(module: str) -> Iterator[Function]:
    """Yield the functions of the module with this name, `PREVIEW_1` or `PREVIEW_0`."""
    if module not in (PREVIEW_1, PREVIEW_0):
        raise KeyError(module)
    for row in FUNCTIONS:
        if module == PREVIEW_1:
            yield row
        elif row.name != "sock_accept":
            yield row._replace(
                parameters=tuple((name, _KINDS_0.get(kind, kind)) for name, kind in row.parameters),
                results=tuple((name, _KINDS_0.get(kind, kind)) for name, kind in row.results),
            )
