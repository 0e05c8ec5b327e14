"""What the official suite's host module `spectest` exports, as its description has it."""

from __future__ import annotations

from typing import Final, NamedTuple

from plumbob.wasm import types as t

MODULE: Final = "spectest"

GLOBALS: Final[dict[str, tuple[t.ValType, int]]] = {
    "global_i32": (t.I32, 666),
    "global_i64": (t.I64, 666),
    "global_f32": (t.F32, 0x4426_A666),  # 666.6
    "global_f64": (t.F64, 0x4084_D4CC_CCCC_CCCD),  # 666.6
}
"""Immutable globals: type and bits."""


class _Size(NamedTuple):
    minimum: int
    maximum: int
    is64: bool = False
    shared: bool = False


TABLES: Final = {"table": _Size(10, 20), "table64": _Size(10, 20, is64=True)}
MEMORIES: Final = {"memory": _Size(1, 2), "shared_memory": _Size(1, 2, shared=True)}


def global_bits(module: str, name: str, type_: t.GlobalType) -> int | None:
    """Return the value of a global of `spectest`; None for any other."""
    found = GLOBALS.get(name) if module == MODULE else None
    return found[1] if found and type_ == t.GlobalType(found[0], mutable=False) else None


def _limits(known: _Size, asked: t.Limits) -> t.Limits | None:
    fits = (
        asked.is64 == known.is64
        and asked.minimum <= known.minimum
        and (asked.maximum is None or asked.maximum >= known.maximum)
    )
    return t.Limits(known.minimum, known.maximum, known.is64) if fits else None


def memory_limits(module: str, name: str, type_: t.MemoryType) -> t.Limits | None:
    """Return the limits of a memory of `spectest` that fits; None for any other."""
    known = MEMORIES.get(name) if module == MODULE else None
    if known is None or type_.shared != known.shared or type_.page_size_log2 != 16:
        return None
    return _limits(known, type_.limits)


def table_limits(module: str, name: str, type_: t.TableType) -> t.Limits | None:
    """Return the limits of a table of `spectest` that fits; None for any other."""
    known = TABLES.get(name) if module == MODULE else None
    return _limits(known, type_.limits) if known and type_.element == t.FUNCREF else None
