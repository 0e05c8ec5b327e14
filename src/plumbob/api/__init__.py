"""Plumbob as a library, in the manner of the WebAssembly JavaScript API and wasmtime-py.

    module = Module("add.wasm")
    instance = Instance(module, {"env": {"log": print}})
    instance.exports["add"](1, 2)

`values` says which Python values stand for WebAssembly's, `runtime.limits.StoreLimits` what a
store may take, `wasi` how a program gets the system interface. Every error is a
`PlumbobError`: `Trap` and `ThrownError` are how guests end, `InvalidModuleError`, `LinkError`
and `LimitError` why there is no module or instance, and UsageError is an argument that is
wrong. What a host function raises comes out as it is.

May import everything below in the layout.
"""

from __future__ import annotations

from plumbob.api.errors import InvalidModuleError, ThrownError, Trap
from plumbob.api.externs import Func, Global, Memory, Table, Tag, function_type
from plumbob.api.instance import Exports, Instance
from plumbob.api.module import ExportType, ImportType, Module
from plumbob.api.objects import Array, ExnRef, Struct
from plumbob.api.store import Store
from plumbob.runtime.limits import LimitError, StoreLimits
from plumbob.runtime.linking import LinkError
from plumbob.runtime.traps import WasmFrame

__all__ = [
    "Array",
    "ExnRef",
    "ExportType",
    "Exports",
    "Func",
    "Global",
    "ImportType",
    "Instance",
    "InvalidModuleError",
    "LimitError",
    "LinkError",
    "Memory",
    "Module",
    "Store",
    "StoreLimits",
    "Struct",
    "Table",
    "Tag",
    "ThrownError",
    "Trap",
    "WasmFrame",
    "function_type",
]
