"""Another validator as judge: wasmtime with every proposal it knows switched on.

wasmtime's validator (wasmparser) shares no code and no table with Plumbob. It knows all
features of `features.py` but legacy exceptions, for which tests write expectations by hand.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wasmtime import Engine

PROPOSALS = (
    "threads tail_call reference_types simd relaxed_simd bulk_memory multi_value multi_memory "
    "memory64 function_references gc exceptions wide_arithmetic custom_page_sizes"
).split()
"""Setters `Config.wasm_*` of wasmtime's that the oracle switches on."""


@cache
def engine() -> Engine:
    """Return an engine that accepts every proposal; skips the test where wasmtime is absent."""
    wasmtime = pytest.importorskip("wasmtime")
    config = wasmtime.Config()
    for name in PROPOSALS:
        setattr(config, f"wasm_{name}", True)
    made: Engine = wasmtime.Engine(config)
    return made


def complaint(binary: bytes) -> str | None:
    """Return what wasmtime says against a binary module, None where it is valid."""
    import wasmtime  # noqa: PLC0415  # `engine` has looked whether it is there

    checked = engine()
    try:
        wasmtime.Module.validate(checked, binary)
    except wasmtime.WasmtimeError as error:
        return str(error)
    return None
