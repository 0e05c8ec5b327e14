"""`Wasi`: one guest's system interface, as functions that a module can import."""

from __future__ import annotations

import os
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from plumbob.errors import UsageError
from plumbob.runtime.closing import Closing
from plumbob.wasi import (
    arguments,
    clocks,
    directories,
    entries,
    files,
    opening,
    poll,
    process,
    randomness,
    sockets,
)
from plumbob.wasi.config import INHERIT, encode, host_path
from plumbob.wasi.constants import ALL_RIGHTS, Rights
from plumbob.wasi.descriptors import (
    Descriptor,
    Descriptors,
    Directory,
    HostFile,
    Socket,
    Stream,
)
from plumbob.wasi.errno import Errno, WasiError, of_os_error
from plumbob.wasi.memory import Memory, check
from plumbob.wasi.state import State
from plumbob.wasi.table import KINDS, PREVIEW_1, RESULTS, Function, functions_of
from plumbob.wasm.types import I64

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.wasi.config import Config, Preopen
    from plumbob.wasm.types import ValType

ROOMS: Final = (
    arguments,
    clocks,
    directories,
    entries,
    files,
    opening,
    poll,
    process,
    randomness,
    sockets,
)
"""The modules whose functions are named as in the table."""


class HostFunction(NamedTuple):
    """A function to import: its WebAssembly type, and what to call.

    `call` takes the guest's memory and the arguments as integers, signed or not. It returns the
    errno, and raises `GuestMemoryFault`, before any effect, or `ProcExit`.
    """

    name: str
    parameters: tuple[ValType, ...]
    results: tuple[ValType, ...]
    call: Callable[..., int]


class Wasi(Closing):
    """The system interface of one guest; a context manager that closes what it opened."""

    def __init__(self, config: Config) -> None:
        """Open what `config` gives away; raise `UsageError` if a directory cannot be opened."""
        fixed = config.deterministic
        self.state = State(
            config=config,
            args=[encode(arg) for arg in config.args],
            env=[encode(f"{key}={value}") for key, value in config.env.items()],
            descriptors=Descriptors(config.limits.fds),
            clocks=clocks.SystemClocks() if fixed is None else clocks.FixedClocks(fixed),
            randomness=(
                randomness.SystemRandomness()
                if fixed is None
                else randomness.FixedRandomness(fixed.seed)
            ),
        )
        try:
            self._open_all()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every descriptor that the guest has; its functions then say `BADF`."""
        self.state.descriptors.close_all()

    def functions(self, module: str = PREVIEW_1) -> dict[str, HostFunction]:
        """Return every function of `table.PREVIEW_1` or `table.PREVIEW_0` by name.

        Raises `KeyError` for another module.
        """
        return {row.name: self._bind(row) for row in functions_of(module)}

    def _bind(self, row: Function) -> HostFunction:
        state = self.state
        handler = handler_of(row.name)
        masks = [(1 << (64 if type_ == I64 else 32)) - 1 for type_ in row.parameter_types]
        kinds = [(KINDS[kind].decode, len(KINDS[kind].types)) for _, kind in row.parameters]
        results = [RESULTS[kind] for _, kind in row.results]

        def call(memory: Memory, *arguments: int) -> int:
            values = [value & mask for value, mask in zip(arguments, masks, strict=True)]
            decoded: list[Any] = [state]
            refused = None
            place = 0
            for decode, width in kinds:
                try:
                    decoded.append(decode(memory, *values[place : place + width]))
                except WasiError as error:
                    # Go on: a pointer that is out of bounds is a fault whatever else is wrong.
                    refused = refused or error
                place += width
            for result, address in zip(results, values[place:], strict=True):
                check(memory, address, result.size, result.alignment)
            try:
                if refused:
                    raise refused
                value = handler(*decoded)
            except WasiError as error:
                return error.errno
            except OSError as error:
                return of_os_error(error)
            returned = value if len(results) > 1 else (value,)
            for result, address, item in zip(results, values[place:], returned, strict=False):
                memory.write(address, result.pack(item))
            return Errno.SUCCESS

        return HostFunction(row.name, row.parameter_types, row.result_types, call)

    def _open_all(self) -> None:
        config = self.state.config
        table = self.state.descriptors
        count = 3 + len(config.preopens) + len(config.sockets)
        if count > table.limit:
            raise UsageError(
                "too many open descriptors", expected=f"at most {table.limit}", found=str(count)
            )
        stdin = BytesIO(config.stdin) if isinstance(config.stdin, bytes) else config.stdin
        table.insert(_standard(stdin, 0, Rights.FD_READ))
        table.insert(_standard(config.stdout, 1, Rights.FD_WRITE))
        table.insert(_standard(config.stderr, 2, Rights.FD_WRITE))
        for preopen in config.preopens:
            table.insert(_preopened(preopen))
        for sock in config.sockets:
            table.insert(Socket(sock, ALL_RIGHTS, owned=False))


def handler_of(name: str) -> Callable[..., Any]:
    """Return the function that does the work of the row with this name."""
    found = [getattr(room, name) for room in ROOMS if hasattr(room, name)]
    (handler,) = found
    return handler  # type: ignore[no-any-return]


def _standard(stream: Any, host: int, right: Rights) -> Descriptor:
    if stream != INHERIT:
        return Stream(stream, right)
    for buffered in (sys.stdout, sys.stderr):
        if buffered is not None:
            buffered.flush()
    others = Rights.FD_READ | Rights.FD_WRITE
    try:
        return HostFile(host, ALL_RIGHTS & ~others | right, stream=True)
    except OSError:
        return Stream(None, right)


def _preopened(preopen: Preopen) -> Directory:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        host = os.open(host_path(preopen.host), flags)
    except OSError as error:
        raise UsageError(
            "cannot open a directory for the guest",
            expected="a directory that can be read",
            found=f"{os.fsdecode(preopen.host)}: {error.strerror}",
        ) from error
    directory = Directory(host, name=encode(preopen.guest))
    directory.read_only = preopen.read_only
    return directory
