"""WASI preview 1 for an instance: the imports of `runtime.wasi`, bound to its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from plumbob.api.checks import Unique, require
from plumbob.api.externs import Func, Memory
from plumbob.api.instance import Instance
from plumbob.api.store import Store
from plumbob.errors import UsageError
from plumbob.ir.entities import HEAP_OOB
from plumbob.runtime.traps import GuestTrap
from plumbob.wasi.config import Config
from plumbob.wasi.host import Wasi
from plumbob.wasi.memory import ByteMemory, GuestMemoryFault
from plumbob.wasi.table import PREVIEW_0, PREVIEW_1
from plumbob.wasm.types import FuncType

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.wasi.host import HostFunction

MEMORY: Final = "memory"
"""The export that the interface reads and writes (legacy/application-abi.md)."""


class WasiImports(Unique):
    """The interface for one instance: give `imports` to it, then `attach` it.

    A context manager that closes what the guest has open.
    """

    def __init__(self, store: Store, config: Config) -> None:
        """Open what the configuration gives away.

        Raises UsageError if a directory cannot be opened, and for arguments of other classes.
        """
        require(store, Store, "the store of a guest of WASI", "a Store")
        require(config, Config, "the configuration of a guest of WASI", "a Config")
        self.store = store
        self._memory = ByteMemory(0)
        self._wasi = Wasi(config)
        self.imports: dict[str, dict[str, Func]] = {
            module: {
                name: self._function(row) for name, row in self._wasi.functions(module).items()
            }
            for module in (PREVIEW_1, PREVIEW_0)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wasi.close()

    def attach(self, instance: Instance) -> None:
        """Let the interface reach the instance's memory.

        Raises UsageError if the instance exports none named `memory`, or is another store's.
        """
        require(instance, Instance, "what WASI is attached to", "an Instance")
        memory = instance.exports.get(MEMORY)
        if not isinstance(memory, Memory):
            raise UsageError(
                f"{instance.module.name} cannot use WASI",
                expected=f"an exported memory named {MEMORY!r}",
                found=f"{memory!r}" if memory is not None else "no export of that name",
            )
        memory.require_store(self.store, "the memory of a guest of WASI")
        self._memory.data = memory.runtime.data

    def _function(self, row: HostFunction) -> Func:
        type_ = FuncType(row.parameters, row.results)
        made = self.store.runtime.host_function(type_, self._bound(row), row.name)
        return Func(self.store, made)

    def _bound(self, row: HostFunction) -> Callable[..., Any]:
        has_result = bool(row.results)

        def call(*arguments: int) -> int | None:
            try:
                # Waiting may end in a trap (`Config.on_wait`).
                errno = self.store.hosted(lambda: row.call(self._memory, *arguments))
            except GuestMemoryFault as fault:
                raise GuestTrap(HEAP_OOB, f"{row.name}: {fault.message}") from fault
            return int(errno) if has_result else None

        return call
