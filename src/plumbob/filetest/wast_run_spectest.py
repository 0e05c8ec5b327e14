"""The host module `spectest` that the official suite's scripts import.

Source: the test suite's own description of its host module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.runtime.memory import LinearMemory
from plumbob.runtime.table import Global, Table
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from plumbob.runtime.linking import Extern
    from plumbob.runtime.store import Store

_GLOBALS = {
    "global_i32": (t.I32, 666),
    "global_i64": (t.I64, 666),
    "global_f32": (t.F32, 0x4426_A666),  # 666.6
    "global_f64": (t.F64, 0x4084_D4CC_CCCC_CCCD),  # 666.6
}
_PRINTS = {
    "print": (),
    "print_i32": (t.I32,),
    "print_i64": (t.I64,),
    "print_f32": (t.F32,),
    "print_f64": (t.F64,),
    "print_i32_f32": (t.I32, t.F32),
    "print_f64_f64": (t.F64, t.F64),
}


def spectest(store: Store) -> dict[str, Extern]:
    """Return the exports of `spectest` in a store. What is printed goes nowhere."""
    exports: dict[str, Extern] = {
        name: store.host_function(t.FuncType(parameters, ()), _ignore, name)
        for name, parameters in _PRINTS.items()
    }
    for name, (type_, bits) in _GLOBALS.items():
        exports[name] = Global(t.GlobalType(type_, mutable=False), bits)
    for name, is64 in (("table", False), ("table64", True)):
        declared = t.TableType(t.FUNCREF, t.Limits(10, 20, is64))
        exports[name] = Table(declared, None, store.budget)
    for name, shared in (("memory", False), ("shared_memory", True)):
        exports[name] = LinearMemory(t.MemoryType(t.Limits(1, 2), shared), store.budget)
    return exports


def _ignore(*_values: Any) -> None:
    return None
