"""Plumbob as a library, in the manner of the WebAssembly JavaScript API and wasmtime-py.

    module = Module("add.wasm")
    instance = Instance(module, {"env": {"log": print}})
    instance.exports["add"](1, 2)

May import everything below in the layout. Values are described in `values`, limits in
`runtime.limits.StoreLimits`.
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
