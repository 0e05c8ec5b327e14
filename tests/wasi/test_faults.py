"""Pointers: every pointer argument of every function, out of bounds and misaligned.

The guest traps, and nothing is changed: neither its memory, nor its descriptors, nor a file.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import pytest
from tests.wasi.guest import ALL, CREAT, READ_WRITE, ROOT, SIZE, Guest

from plumbob.wasi.config import Config, Preopen
from plumbob.wasi.errno import Errno
from plumbob.wasi.host import Wasi
from plumbob.wasi.memory import ByteMemory, GuestMemoryFault
from plumbob.wasi.table import FUNCTIONS, KINDS, PREVIEW_0, RESULTS, functions_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wasi.world import World

    from plumbob.wasi.table import Function

PLACE = 4096
"""Where good pointers point: zeros, but for the paths and arrays put there."""
PATH, NEW_PATH, VECTORS, BUFFER, OUT = (PLACE + 256 * index for index in range(5))

FILE = 4
"""The open file; it is at position 3 and has all rights."""

VALUES: dict[str, int] = {
    "fd": FILE,
    "size": 1,
    "exitcode": 0,
    "filesize": 2,
    "filedelta": 1,
    "timestamp": 5,
    "dircookie": 0,
    "rights": 2,
}
FDS = {"path": ROOT, "old_path": ROOT, "new_path": ROOT}


def good(row: Function) -> list[int]:
    """Arguments with which the function would do something."""
    on_directory = row.name.startswith("path_") or "readdir" in row.name or "prestat" in row.name
    values: list[int] = []
    for name, kind in row.parameters:
        match kind:
            case "path":
                values += [NEW_PATH, 3] if name == "new_path" or creates(row) else [PATH, 4]
            case "vectors":
                values += [VECTORS, 2]
            case "buffer":
                values += [BUFFER, 16]
            case "pointers" | "bytes" | "subscriptions" | "subscriptions_0" | "events":
                values.append({"events": OUT + 128}.get(kind, BUFFER))
            case "fd":
                values.append(ROOT if on_directory else FILE)
            case "oflags":
                values.append(CREAT)
            case "fstflags":
                values.append(5)
            case _:
                values.append(VALUES.get(kind, 0))
    for index, _ in enumerate(row.results):
        values.append(OUT + 128 * index)
    return values


def creates(row: Function) -> bool:
    return row.name in ("path_create_directory", "path_open")


def pointers(row: Function) -> Iterator[tuple[str, int, int, int]]:
    """The pointer parameters: name, place among the arguments, bytes there, alignment."""
    place = 0
    sizes = {"vectors": 16, "buffer": 16, "path": 3, "subscriptions_0": 56}
    aligned = {"pointers": (8, 4), "bytes": (4, 1), "subscriptions": (48, 8), "events": (32, 8)}
    for name, kind in row.parameters:
        if kind in sizes:
            yield name, place, sizes[kind], {"vectors": 4, "subscriptions_0": 8}.get(kind, 1)
        elif kind in aligned:
            yield name, place, *aligned[kind]
        place += len(KINDS[kind].types)
    for name, kind in row.results:
        yield f"result {name}", place, RESULTS[kind].size, RESULTS[kind].alignment
        place += 1


CASES = [
    pytest.param(row, place, size, alignment, module, id=f"{module}-{row.name}-{name}")
    for module in ("wasi_snapshot_preview1", PREVIEW_0)
    for row in (FUNCTIONS if module != PREVIEW_0 else functions_of(PREVIEW_0))
    for name, place, size, alignment in pointers(row)
    if module != PREVIEW_0 or row not in FUNCTIONS
]


class Scene:
    """A guest with an open file, and all that it could change."""

    def __init__(self, world: World, module: str) -> None:
        self.world = world
        config = Config(
            args=["program", "x"],
            env={"KEY": "value", "OTHER": ""},
            preopens=[Preopen(world.root, "/root")],
        )
        self.guest = Guest(config, module)
        fd = self.guest.opened(b"file", 0, READ_WRITE)
        assert fd == FILE
        os.lseek(self.descriptors[FILE].host, 3, os.SEEK_SET)
        self.guest.memory.data[:] = bytes(SIZE)
        self.guest.write(PATH, b"file")
        self.guest.write(NEW_PATH, b"new")
        self.guest.write(VECTORS, struct.pack("<IIII", BUFFER, 4, BUFFER + 8, 4))

    @property
    def descriptors(self) -> dict[int, Any]:
        return self.guest.wasi.state.descriptors.open

    def observe(self) -> object:
        files = {}
        for path in sorted(self.world.root.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            files[path] = (status.st_mode, status.st_nlink, status.st_mtime_ns, content)
        open_file = self.descriptors.get(FILE)
        return (
            bytes(self.guest.memory.data),
            files,
            {fd: (each.base, each.inheriting, each.flags) for fd, each in self.descriptors.items()},
            os.lseek(open_file.host, 0, os.SEEK_CUR) if open_file else None,
        )


@pytest.mark.parametrize(("row", "place", "size", "alignment", "module"), CASES)
def test_a_bad_pointer_traps_and_changes_nothing(
    world: World, row: Function, place: int, size: int, alignment: int, module: str
) -> None:
    scene = Scene(world, module)
    bad = [SIZE, SIZE + 1024, 2**32 - alignment, 2**31, SIZE - size + alignment]
    if size < 4096:
        bad.append((SIZE - size) // alignment * alignment + alignment)
    bad += [PLACE + 1] if alignment > 1 else []
    with scene.guest as guest:
        before = scene.observe()
        for address in bad:
            values = good(row)
            values[place] = address
            with pytest.raises(GuestMemoryFault):
                guest.invoke(row.name, values)
            assert scene.observe() == before


@pytest.mark.parametrize(
    "row", [row for row in FUNCTIONS if any(kind == "vectors" for _, kind in row.parameters)]
)
@pytest.mark.parametrize(
    "vector", [(SIZE, 1), (SIZE - 3, 4), (2**32 - 1, 2**32 - 1), (BUFFER, SIZE), (2**31, 8)]
)
def test_a_bad_buffer_in_an_array_traps_and_changes_nothing(
    world: World, row: Function, vector: tuple[int, int]
) -> None:
    scene = Scene(world, "wasi_snapshot_preview1")
    with scene.guest as guest:
        for array in [(vector, (BUFFER, 4)), ((BUFFER, 4), vector)]:
            guest.write(VECTORS, b"".join(struct.pack("<II", *each) for each in array))
            before = scene.observe()
            with pytest.raises(GuestMemoryFault):
                guest.invoke(row.name, good(row))
            assert scene.observe() == before


REFUSED = {
    "fd_fdstat_set_rights": Errno.NOTCAPABLE,
    "path_readlink": Errno.INVAL,
    "path_remove_directory": Errno.NOTDIR,
    "sock_accept": Errno.NOTSOCK,
    "sock_recv": Errno.NOTSOCK,
    "sock_send": Errno.NOTSOCK,
    "sock_shutdown": Errno.NOTSOCK,
}
"""What is said of a regular file `file` with rights of its own alone."""


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row.name)
def test_the_same_arguments_with_good_pointers_do_not_trap(world: World, row: Function) -> None:
    """So the traps above are the pointers' fault."""
    scene = Scene(world, "wasi_snapshot_preview1")
    with scene.guest as guest:
        if row.returns:
            assert guest.invoke(row.name, good(row)) == REFUSED.get(row.name, Errno.SUCCESS)


def test_pointers_are_checked_before_the_rest(world: World) -> None:
    """A bad pointer traps even where an errno would be due as well."""
    with Guest.of(world.root) as guest:
        for values in ([99, SIZE], [2, SIZE]):
            with pytest.raises(GuestMemoryFault):
                guest.invoke("fd_tell", values)
        with pytest.raises(GuestMemoryFault):
            guest.invoke("path_open", [99, 1 << 20, SIZE, 9, 1 << 20, ALL, ALL, 0, 16])


def test_lengths_that_overflow(world: World) -> None:
    with Guest.of(world.root) as guest:
        for address, length in [(1, 2**32 - 1), (2**32 - 1, 2**32 - 1), (16, 2**32 - 16)]:
            for name, values in [
                ("random_get", [address, length]),
                ("path_create_directory", [ROOT, address, length]),
                ("fd_prestat_dir_name", [ROOT, address, length]),
                ("fd_read", [0, address // 4 * 4, length // 8, 16]),
                ("poll_oneoff", [address // 8 * 8, 16, length, 16]),
                ("poll_oneoff", [16, address // 8 * 8, length, 16]),
            ]:
                with pytest.raises(GuestMemoryFault):
                    guest.invoke(name, values)


def test_the_last_byte_is_inside(world: World) -> None:
    with Guest.of(world.root, args=["ab"]) as guest:
        assert guest.invoke("args_sizes_get", [SIZE - 8, SIZE - 4]) == Errno.SUCCESS
        assert guest.read(SIZE - 8, 8) == struct.pack("<II", 1, 3)
        assert guest.invoke("args_get", [16, SIZE - 3]) == Errno.SUCCESS
        assert guest.read(SIZE - 3, 3) == b"ab\0"
        assert guest.invoke("random_get", [SIZE, 0]) == Errno.SUCCESS
        guest.write(SIZE - 4, b"file")
        assert guest.invoke("path_filestat_get", [ROOT, 0, SIZE - 4, 4, 64]) == Errno.SUCCESS


def test_a_fault_says_what_was_wrong() -> None:
    memory = ByteMemory(64)
    with Wasi(Config()) as wasi:
        call = wasi.functions()["args_sizes_get"].call
        with pytest.raises(GuestMemoryFault, match=r"4 bytes inside a memory of 64 bytes.*0x40"):
            call(memory, 64, 0)
        with pytest.raises(GuestMemoryFault, match=r"misaligned.*multiple of 4.*0x3"):
            call(memory, 3, 0)


def test_the_memory_checks_for_itself() -> None:
    memory = ByteMemory(16)
    memory.write(12, b"abcd")
    assert memory.read(12, 4) == b"abcd"
    assert memory.read(16, 0) == b""
    for address, length in [(13, 4), (17, 0), (-1, 1), (2**32, 1)]:
        with pytest.raises(GuestMemoryFault):
            memory.read(address, length)
        with pytest.raises(GuestMemoryFault):
            memory.write(address, bytes(length))
    assert memory.read(0, 16) == bytes(12) + b"abcd"
