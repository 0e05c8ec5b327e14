"""Puts shims on a module: plans what each exported function needs, and writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.triage.shims.observed import PLAIN, Entry, Shimmed, words_of
from plumbob.wasm.edit import Editor, FunctionWriter
from plumbob.wasm.encode import encode
from plumbob.wasm.module import FUNC
from plumbob.wasm.types import F32, F64, I32, I64

if TYPE_CHECKING:
    from plumbob.wasm.module import Module


def add_shims(module: Module, *, probes: bool = True) -> Shimmed:
    """Return the module with shims, and what they show. The module given stays as it is."""
    del probes
    editor = Editor(module)
    entries = []
    for place, export in enumerate(module.exports):
        if export.kind != FUNC:
            continue
        params, results = module.func_type(export.index)
        if set(params + results) <= PLAIN:
            entries.append(Entry(export.name, params, results, export.name))
            continue
        if not set(params + results) <= PLAIN | {F32, F64}:
            entries.append(Entry(export.name, params, results, export.name, uncallable="later"))
            continue
        words = [I32 if words_of(p) == ("i32",) else I64 for p in params]
        back = [I32 if words_of(p) == ("i32",) else I64 for p in results]
        writer = FunctionWriter(words)
        for index, param in enumerate(params):
            writer.get(index)
            if param in (F32, F64):
                writer.op(f"{param}.reinterpret_i{str(param)[1:]}")
        writer.op("call", export.index)
        held = [writer.local(result) for result in results]
        for local in reversed(held):
            writer.set(local)
        for local, result in zip(held, results, strict=True):
            writer.get(local)
            if result in (F32, F64):
                writer.op(f"i{str(result)[1:]}.reinterpret_{result}")
        shim = editor.add_function(editor.func_type(words, back), writer.body())
        name = editor.fresh_name(f"plumbob:call:{place}")
        editor.export(name, FUNC, shim)
        entries.append(Entry(export.name, params, results, name))
    return Shimmed(encode(editor.finish()), tuple(entries), ())
