"""Parts of a module that is WebAssembly already, merged into another.

A library is a module in the text format beside this file. What it imports is given when it
is merged: functions and a memory of the guest's by their index, globals as constants. Only
functions that are reached from the exports asked for are taken, and the globals they use.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from plumbob.triage.standins.functions import constant
from plumbob.triage.standins.references import number
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.edit.append import FunctionWriter
from plumbob.wasm.edit.renumber import Renumbering
from plumbob.wasm.module import FUNC, GLOBAL, Module
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.types import GlobalType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plumbob.wasm.edit.append import Editor


class Library(NamedTuple):
    """A module to merge from, and what each of its defined functions uses."""

    module: Module
    exports: dict[str, int]
    """Functions by name."""
    calls: dict[int, tuple[int, ...]]
    """Function to the functions that it calls, imports among them."""
    globals: dict[int, tuple[int, ...]]
    """Function to the globals that it reads or writes."""


@cache
def load(name: str) -> Library:
    """Return a library of this package by its file's name. It must not be changed."""
    source = files(__package__).joinpath(name)
    return prepare(parse_text(source.read_text(encoding="utf-8"), name, features=0))


def prepare(module: Module) -> Library:
    """Return a module as a library."""
    first = len(module.imported(FUNC))
    calls, globals_ = {}, {}
    for place, item in enumerate(module.code):
        used: dict[str, dict[int, None]] = {"func": {}, "global": {}}
        for operator, immediates, _ in decode_body(item.body).instructions:
            for kind, value in zip(operator.immediates, immediates, strict=True):
                if kind in used:
                    used[kind][value] = None
        calls[first + place] = tuple(used["func"])
        globals_[first + place] = tuple(used["global"])
    exports = {item.name: item.index for item in module.exports if item.kind == FUNC}
    return Library(module, exports, calls, globals_)


class Given(NamedTuple):
    """What a library imports, by name: functions and the memory by the guest's index."""

    functions: Mapping[str, int]
    memory: int
    constants: Mapping[str, int]
    """Bits of globals."""


def merge(
    editor: Editor, library: Library, wanted: Iterable[str], given: Given
) -> dict[str, bytes]:
    """Append what the wanted exports need to a module; return their bodies by name.

    They themselves are not appended: the caller has functions for them, with their types.
    """
    module = library.module
    imported = module.imported(FUNC)
    entries = {name: library.exports[name] for name in wanted}
    inner, used = _reached(library, entries.values())
    functions = {place: given.functions[item.name] for place, item in enumerate(imported)}
    for index in inner:
        type_ = module.func_type(index)
        functions[index] = editor.declare_function(editor.func_type(*type_))
    globals_ = {index: _global(editor, module, index, given) for index in used}
    renumbering = Renumbering({"func": functions, "global": globals_, "memory": {0: given.memory}})

    def body(index: int) -> bytes:
        return renumbering.body(module.code[index - len(imported)].body).code

    for index in inner:
        editor.define(functions[index], body(index))
    return {name: body(index) for name, index in entries.items()}


def _reached(library: Library, entries: Iterable[int]) -> tuple[list[int], list[int]]:
    """Return the functions that entries reach, without those and imports, and all globals."""
    first = len(library.module.imported(FUNC))
    starts = list(entries)
    seen = dict.fromkeys(starts)
    left = list(seen)
    while left:
        for callee in library.calls[left.pop()]:
            if callee >= first and callee not in seen:
                seen[callee] = None
                left.append(callee)
    used = {index for function in seen for index in library.globals[function]}
    return sorted(set(seen).difference(starts)), sorted(used)


def _global(editor: Editor, module: Module, index: int, given: Given) -> int:
    imported = module.imported(GLOBAL)
    if index >= len(imported):
        own = module.globals[index - len(imported)]
        return editor.add_global(own.type.type, own.init, mutable=own.type.mutable)
    type_ = imported[index].type
    assert isinstance(type_, GlobalType)  # noqa: S101  # kind GLOBAL says so
    out = FunctionWriter()
    number(out, type_.type, given.constants[imported[index].name])
    return editor.add_global(type_.type, constant(out))
