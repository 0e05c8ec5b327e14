"""The table against the interface's description: types as imported by real programs."""

from __future__ import annotations

import pytest
from tests.wasi.guest import Guest, text_of_module

from plumbob.wasi import constants, layouts
from plumbob.wasi.config import Config
from plumbob.wasi.errno import FROM_HOST, Errno, of_os_error
from plumbob.wasi.host import ROOMS, Wasi, handler_of
from plumbob.wasi.table import FUNCTIONS, PREVIEW_0, PREVIEW_1, functions_of

SIGNATURES = """
args_get ii:i
args_sizes_get ii:i
environ_get ii:i
environ_sizes_get ii:i
clock_res_get ii:i
clock_time_get iIi:i
fd_advise iIIi:i
fd_allocate iII:i
fd_close i:i
fd_datasync i:i
fd_fdstat_get ii:i
fd_fdstat_set_flags ii:i
fd_fdstat_set_rights iII:i
fd_filestat_get ii:i
fd_filestat_set_size iI:i
fd_filestat_set_times iIIi:i
fd_pread iiiIi:i
fd_prestat_get ii:i
fd_prestat_dir_name iii:i
fd_pwrite iiiIi:i
fd_read iiii:i
fd_readdir iiiIi:i
fd_renumber ii:i
fd_seek iIii:i
fd_sync i:i
fd_tell ii:i
fd_write iiii:i
path_create_directory iii:i
path_filestat_get iiiii:i
path_filestat_set_times iiiiIIi:i
path_link iiiiiii:i
path_open iiiiiIIii:i
path_readlink iiiiii:i
path_remove_directory iii:i
path_rename iiiiii:i
path_symlink iiiii:i
path_unlink_file iii:i
poll_oneoff iiii:i
proc_exit i:
proc_raise i:i
random_get ii:i
sched_yield :i
sock_accept iii:i
sock_recv iiiiii:i
sock_send iiiii:i
sock_shutdown ii:i
""".split("\n")[1:-1]
"""As in wasi-libc's imports: i is i32, I is i64. Written by hand, apart from the table."""


def test_the_types_are_those_that_programs_import() -> None:
    letters = {"i32": "i", "i64": "I"}
    written = [
        f"{row.name} {''.join(letters[str(t)] for t in row.parameter_types)}"
        f":{''.join(letters[str(t)] for t in row.result_types)}"
        for row in FUNCTIONS
    ]
    assert written == SIGNATURES


def test_wasmtime_agrees_on_every_type() -> None:
    wasmtime = pytest.importorskip("wasmtime")
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    store.set_wasi(wasmtime.WasiConfig())
    linker.instantiate(store, wasmtime.Module(engine, text_of_module()))
    store.close()


def test_every_row_has_one_room_and_every_room_only_rows() -> None:
    names = {row.name for row in FUNCTIONS}
    for row in FUNCTIONS:
        assert handler_of(row.name).__module__.startswith("plumbob.wasi.")
    prefixes = {name.partition("_")[0] + "_" for name in names}
    for room in ROOMS:
        public = {
            name
            for name, value in vars(room).items()
            if callable(value) and any(name.startswith(prefix) for prefix in prefixes)
        }
        assert public <= names


def test_functions_carry_types_from_the_table() -> None:
    with Wasi(Config()) as wasi:
        functions = wasi.functions()
        assert list(functions) == [row.name for row in FUNCTIONS]
        assert len(functions) == 46
        for row in FUNCTIONS:
            assert functions[row.name].parameters == row.parameter_types
            assert functions[row.name].results == row.result_types


def test_preview_0_has_the_same_types_and_no_accept() -> None:
    old = {row.name: row for row in functions_of(PREVIEW_0)}
    new = {row.name: row for row in functions_of(PREVIEW_1)}
    assert set(new) - set(old) == {"sock_accept"}
    for name, row in old.items():
        assert row.parameter_types == new[name].parameter_types
        assert row.result_types == new[name].result_types
    changed = {name for name, row in old.items() if row != new[name]}
    assert changed == {"fd_seek", "fd_filestat_get", "path_filestat_get", "poll_oneoff"}


def test_other_modules_are_unknown() -> None:
    with Wasi(Config()) as wasi, pytest.raises(KeyError, match="wasi_snapshot_preview2"):
        wasi.functions("wasi_snapshot_preview2")


def test_arguments_may_be_signed_or_unsigned() -> None:
    with Guest(Config()) as guest:
        assert guest.invoke("fd_close", [-1]) == Errno.BADF
        assert guest.invoke("fd_close", [2**32 - 1]) == Errno.BADF
        with pytest.raises(ValueError, match="zip"):
            guest.invoke("fd_close", [1, 2])


def test_sizes_of_records() -> None:
    assert layouts.FDSTAT_SIZE == 24
    assert layouts.FILESTAT_SIZE == 64
    assert layouts.FILESTAT_0_SIZE == 56
    assert layouts.DIRENT_SIZE == 24
    assert layouts.PRESTAT_SIZE == 8
    assert layouts.SUBSCRIPTION_SIZE == 48
    assert layouts.SUBSCRIPTION_0_SIZE == 56
    assert layouts.EVENT_SIZE == 32


def test_records_byte_for_byte() -> None:
    assert layouts.pack_fdstat(
        layouts.FdStat(4, 0x0102, 0x1112131415161718, 0x21)
    ) == bytes.fromhex("04 00 0201 00000000 1817161514131211 2100000000000000")
    stat = layouts.FileStat(1, 2, 7, 3, 4, 5, 6, 7)
    assert layouts.pack_filestat(stat) == bytes.fromhex(
        "0100000000000000 0200000000000000 07 00000000000000 0300000000000000"
        "0400000000000000 0500000000000000 0600000000000000 0700000000000000"
    )
    assert layouts.pack_filestat_0(stat) == bytes.fromhex(
        "0100000000000000 0200000000000000 07 000000 03000000"
        "0400000000000000 0500000000000000 0600000000000000 0700000000000000"
    )
    assert layouts.pack_filestat_0(stat._replace(links=1 << 40))[20:24] == b"\xff" * 4
    assert layouts.pack_dirent(0x0102, 0x0304, 5, 6) == bytes.fromhex(
        "0201000000000000 0403000000000000 05000000 06 000000"
    )
    assert layouts.pack_prestat(0x0102) == bytes.fromhex("00 000000 02010000")
    event = layouts.Event(0x0102, Errno.BADF, constants.EventType.FD_WRITE, 0x0304, 1)
    assert layouts.pack_event(event) == bytes.fromhex(
        "0201000000000000 0800 02 0000000000 0403000000000000 0100 000000000000"
    )


def test_subscriptions_byte_for_byte() -> None:
    clock = "0201000000000000 00 00000000000000"
    rest = "01000000 00000000 0500000000000000 0600000000000000 0100 000000000000"
    expected = layouts.Subscription(
        0x0102, constants.EventType.CLOCK, constants.ClockId.MONOTONIC, 5, absolute=True, fd=0
    )
    new = layouts.unpack_subscription(bytes.fromhex(clock + rest))
    assert new._replace(fd=0) == expected
    old = layouts.unpack_subscription(bytes.fromhex(clock + "ffffffffffffffff" + rest))
    assert old._replace(fd=0) == expected
    read = bytes.fromhex("0201000000000000 01 00000000000000 07000000") + bytes(28)
    found = layouts.unpack_subscription(read)
    assert (found.userdata, found.kind, found.fd) == (0x0102, constants.EventType.FD_READ, 7)


def test_errors_of_the_host() -> None:
    import errno  # noqa: PLC0415 -- the host's, beside ours

    assert of_os_error(OSError(errno.ENOENT, "")) == Errno.NOENT
    assert of_os_error(OSError(errno.E2BIG, "")) == Errno.TOOBIG
    assert of_os_error(OSError(errno.EOPNOTSUPP, "")) == Errno.NOTSUP
    assert of_os_error(OSError(123456, "")) == Errno.IO
    assert of_os_error(OSError()) == Errno.IO
    # Every number that POSIX requires is known; only WASI's own has no counterpart.
    assert set(Errno) - set(FROM_HOST.values()) == {Errno.SUCCESS, Errno.NOTCAPABLE}
    assert [error.value for error in Errno] == list(range(77))


def test_rights_cover_each_other() -> None:
    assert sum(constants.Rights) == constants.ALL_RIGHTS
    assert len(constants.SIGNALS) == 31
    assert constants.DIRECTORY_RIGHTS | constants.FILE_RIGHTS | constants.SOCKET_RIGHTS == (
        constants.ALL_RIGHTS
    )
