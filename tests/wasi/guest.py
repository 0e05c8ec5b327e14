"""A guest without a program: calls WASI functions by name, here or in wasmtime.

`Guest.call("path_open", 3, 0, b"name", ...)` puts each `bytes` into the guest's memory and passes
its pointer and length, appends pointers for the results that the table declares, and returns the
errno. The results' bytes are in `results`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Self

from plumbob.wasi.config import Config, Preopen
from plumbob.wasi.constants import ALL_RIGHTS, DIRECTORY_RIGHTS, FILE_RIGHTS
from plumbob.wasi.errno import Errno
from plumbob.wasi.host import Wasi
from plumbob.wasi.memory import ByteMemory
from plumbob.wasi.table import FUNCTIONS, PREVIEW_1, RESULTS, functions_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PAGES = 2
SIZE = PAGES * 65536
SCRATCH = 1024
"""Where the arguments of a call are put; results lie below."""
FILLER = 0xA5
"""What stands where results will be."""

FOLLOW = 1
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
APPEND, DSYNC, NONBLOCK, RSYNC, SYNC = 1, 2, 4, 8, 16
READ_WRITE = int(FILE_RIGHTS)
READ = READ_WRITE & ~(64 | 256 | 1 << 22)
DIR = int(DIRECTORY_RIGHTS)
ALL = int(ALL_RIGHTS)
ROOT = 3


class Guest:
    """Plumbob's own host."""

    def __init__(self, config: Config, module: str = PREVIEW_1) -> None:
        self.wasi = Wasi(config)
        self.memory: Any = ByteMemory(SIZE)
        self.functions = self.wasi.functions(module)
        self.rows = {row.name: row for row in functions_of(module)}
        self.results: list[bytes] = []
        self.scratch = SCRATCH
        self.filler = FILLER

    @classmethod
    def of(cls, *directories: Path | Preopen, **settings: Any) -> Guest:
        preopens = [
            each if isinstance(each, Preopen) else Preopen(each, f"/{each.name}")
            for each in directories
        ]
        return cls(Config(preopens=preopens, **settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.wasi.close()

    def invoke(self, name: str, values: Sequence[int]) -> int:
        return self.functions[name].call(self.memory, *values)

    def read(self, address: int, length: int) -> bytes:
        data: bytes = self.memory.read(address, length)
        return data

    def write(self, address: int, data: bytes) -> None:
        self.memory.write(address, data)

    def put(self, data: bytes) -> int:
        """Store data in the scratch area; return its address, a multiple of 8."""
        place = self.scratch
        self.write(place, data)
        self.scratch = (place + len(data) + 7) // 8 * 8
        return place

    def call(self, name: str, *arguments: int | bytes) -> Errno:
        values: list[int] = []
        for argument in arguments:
            if isinstance(argument, bytes):
                values += [self.put(argument), len(argument)]
            else:
                values.append(argument)
        places = []
        place = 16
        for _, kind in self.rows[name].results:
            self.write(place, bytes([self.filler]) * RESULTS[kind].size)
            places.append(place)
            place += 128
        errno = Errno(self.invoke(name, values + places))
        self.results = [
            self.read(place, RESULTS[kind].size)
            for place, (_, kind) in zip(places, self.rows[name].results, strict=True)
        ]
        self.scratch = SCRATCH
        return errno

    def ask(self, name: str, *arguments: int | bytes) -> int:
        """Call, require success, and return the first result as an unsigned integer."""
        errno = self.call(name, *arguments)
        assert errno == Errno.SUCCESS, (name, arguments, errno)
        return int.from_bytes(self.results[0], "little") if self.results else 0

    def open(
        self,
        path: bytes,
        oflags: int = 0,
        rights: int = READ,
        *,
        at: int = ROOT,
        lookup: int = FOLLOW,
        inheriting: int = 0,
        fdflags: int = 0,
    ) -> Errno:
        """`path_open`; the descriptor is `self.fd` if it succeeds."""
        return self.call("path_open", at, lookup, path, oflags, rights, inheriting, fdflags)

    @property
    def fd(self) -> int:
        return int.from_bytes(self.results[0], "little")

    def opened(self, path: bytes, oflags: int = 0, rights: int = READ, **more: Any) -> int:
        errno = self.open(path, oflags, rights, **more)
        assert errno == Errno.SUCCESS, (path, errno)
        return self.fd

    def vectors(self, *buffers: tuple[int, int]) -> bytes:
        return b"".join(struct.pack("<II", *buffer) for buffer in buffers)

    def send(self, fd: int, data: bytes, offset: int | None = None) -> Errno:
        """`fd_write` or `fd_pwrite` of one buffer."""
        array = self.put(self.vectors((self.put(data), len(data))))
        if offset is None:
            return self.call("fd_write", fd, array, 1)
        return self.call("fd_pwrite", fd, array, 1, offset)

    def receive(self, fd: int, length: int, offset: int | None = None) -> bytes:
        """The bytes of an `fd_read` or `fd_pread` that must succeed."""
        place = 32768
        array = self.put(self.vectors((place, length)))
        if offset is None:
            count = self.ask("fd_read", fd, array, 1)
        else:
            count = self.ask("fd_pread", fd, array, 1, offset)
        return self.read(place, count)

    def contents(self, path: bytes, **more: Any) -> bytes:
        fd = self.opened(path, **more)
        data = self.receive(fd, 4096)
        assert self.call("fd_close", fd) == Errno.SUCCESS
        return data

    def readdir(self, fd: int, length: int = 4096, cookie: int = 0) -> bytes:
        place = 32768
        count = self.ask("fd_readdir", fd, place, length, cookie)
        return self.read(place, count)

    def listing(self, fd: int) -> list[tuple[bytes, int]]:
        """Names and types of a directory's entries."""
        data = self.readdir(fd, 32768)
        found = []
        while data:
            length, filetype = struct.unpack_from("<IB", data, 16)
            found.append((data[24 : 24 + length], filetype))
            data = data[24 + length :]
        return found


def text_of_module() -> str:
    """A module that exports every function, each calling the import of the same name."""
    imports, functions = [], []
    for row in FUNCTIONS:
        parameters = " ".join(map(str, row.parameter_types))
        results = " ".join(map(str, row.result_types))
        signature = f"(param {parameters}) (result {results})"
        imports.append(f'(import "{PREVIEW_1}" "{row.name}" (func ${row.name} {signature}))')
        gets = " ".join(f"local.get {index}" for index in range(len(row.parameter_types)))
        functions.append(f'(func (export "{row.name}") {signature} {gets} call ${row.name})')
    return f'(module {" ".join(imports)} (memory (export "memory") {PAGES}) {" ".join(functions)})'


class Wasmtime(Guest):
    """The same guest in wasmtime, as the judge of errnos."""

    def __init__(self, config: Config) -> None:
        import wasmtime  # noqa: PLC0415 -- the tests that need it skip without it

        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        settings = wasmtime.WasiConfig()
        settings.argv = list(config.args)
        settings.env = list(config.env.items())
        for preopen in config.preopens:
            settings.preopen_dir(str(preopen.host), preopen.guest, not preopen.read_only)
        self.store.set_wasi(settings)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        module = wasmtime.Module(engine, text_of_module())
        self.instance = linker.instantiate(self.store, module)
        self.exports: Any = self.instance.exports(self.store)
        self.memory = self.exports["memory"]
        self.rows = {row.name: row for row in FUNCTIONS}
        self.results = []
        self.scratch = SCRATCH
        self.filler = FILLER

    def close(self) -> None:
        self.store.close()

    def invoke(self, name: str, values: Sequence[int]) -> int:
        types = self.rows[name].parameter_types
        wrapped = [
            int.from_bytes(
                (value & ((1 << bits) - 1)).to_bytes(bits // 8, "little"), "little", signed=True
            )
            for value, bits in zip(
                values, (64 if str(t) == "i64" else 32 for t in types), strict=True
            )
        ]
        errno: int = self.exports[name](self.store, *wrapped)
        return errno

    def read(self, address: int, length: int) -> bytes:
        return bytes(self.memory.read(self.store, address, address + length))

    def write(self, address: int, data: bytes) -> None:
        self.memory.write(self.store, data, address)
