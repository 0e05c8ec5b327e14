"""Appending to a module: types, functions, globals and exports, behind what is there.

Nothing is renumbered, so whatever refers to an index stays right: bodies, which stay the
bytes that they were, constant expressions, names, branch hints. The module given is never
changed; it and the edited one share what is immutable.

Imports cannot be appended so: they come first in every index space. That the result stays
within the limits of `limits.py` is the caller's to see to: `Editor.counts` tells.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

from plumbob.errors import InternalError
from plumbob.wasm.binary.instructions import BlockType, encode_operator, write_locals
from plumbob.wasm.binary.lazy import LazyVector
from plumbob.wasm.module import (
    FUNC,
    GLOBAL,
    Code,
    Export,
    Global,
    Module,
    RecGroup,
)
from plumbob.wasm.names import NAME_SECTION
from plumbob.wasm.opcodes import BY_NAME
from plumbob.wasm.sections import ORDER, PLACES, has_contents
from plumbob.wasm.types import FUNCREF, FuncType, GlobalType, SubType

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

    from plumbob.wasm.types import CompositeType, ValType

_END = bytes((BY_NAME["end"].code,))


class FunctionWriter:
    """Writes the body of a function, operator by operator; every method returns the writer.

    `params` are the types of its parameters, which are the first locals.
    """

    def __init__(self, params: Sequence[ValType] = ()) -> None:
        self._params = len(params)
        self._locals: list[ValType] = []
        self._out = bytearray()

    @property
    def size(self) -> int:
        """How many bytes of operators there are so far."""
        return len(self._out)

    def local(self, type_: ValType) -> int:
        """Add a local and return its index."""
        self._locals.append(type_)
        return self._params + len(self._locals) - 1

    def op(self, name: str, *immediates: Any) -> Self:
        """Append an operator by its name in the operator table, with its immediates."""
        encode_operator(self._out, BY_NAME[name], immediates)
        return self

    def ops(self, *names: str) -> Self:
        """Append operators without immediates."""
        for name in names:
            encode_operator(self._out, BY_NAME[name])
        return self

    def get(self, index: int) -> Self:
        """Append `local.get`."""
        return self.op("local.get", index)

    def set(self, index: int) -> Self:
        """Append `local.set`."""
        return self.op("local.set", index)

    def i32(self, value: int) -> Self:
        """Append `i32.const` of a number, signed or unsigned."""
        return self.op("i32.const", _signed(value, 32))

    def i64(self, value: int) -> Self:
        """Append `i64.const` of a number, signed or unsigned."""
        return self.op("i64.const", _signed(value, 64))

    def block(
        self, kind: str, result: ValType | None = None, type_index: int | None = None
    ) -> Self:
        """Append `block`, `loop`, `if` or `try` with its type."""
        return self.op(kind, BlockType(result, type_index))

    def body(self) -> bytes:
        """Return the body, its closing `end` appended."""
        out = bytearray()
        runs: list[tuple[int, ValType]] = []
        for type_ in self._locals:
            if runs and runs[-1][1] == type_:
                runs[-1] = (runs[-1][0] + 1, type_)
            else:
                runs.append((1, type_))
        write_locals(out, runs)
        return bytes(out + self._out + _END)


def _signed(value: int, bits: int) -> int:
    """Return the number between -2^(bits-1) and 2^(bits-1) that has the same bits."""
    value &= (1 << bits) - 1
    return value - (value >> (bits - 1) << bits)


class Editor:
    """Appends to a copy of a module; `finish` returns it."""

    def __init__(self, module: Module) -> None:
        self.original = module
        self._groups: list[RecGroup] = list(module.rec_groups)
        self._type_count = 0
        self._known: dict[CompositeType, int] = {}
        for group in module.rec_groups:
            self._note(group)
        self._functions: list[int] = []
        self._bodies: list[bytes | None] = []
        self._globals: list[Global] = []
        self._exports: list[Export] = []
        self._names = {item.name for item in module.exports}
        self._referenced: set[int] = set()
        self._first_function = len(module.imported(FUNC)) + len(module.functions)
        self._first_global = len(module.imported(GLOBAL)) + len(module.globals)

    def _note(self, group: RecGroup) -> None:
        """Remember a type that stands alone, is final and extends nothing: it may be reused."""
        if len(group.types) == 1:
            composite, supertypes, final = group.types[0]
            if final and not supertypes:
                self._known.setdefault(composite, self._type_count)
        self._type_count += len(group.types)

    @property
    def counts(self) -> dict[str, int]:
        """How many types, functions (imported ones too), globals and exports there are."""
        return {
            "type": self._type_count,
            "func": self._first_function + len(self._functions),
            "global": self._first_global + len(self._globals),
            "export": len(self._names),
        }

    def add_type(self, composite: CompositeType) -> int:
        """Return the index of a final type without supertypes: a known one, or a new one."""
        index = self._known.get(composite)
        if index is None:
            index = self._type_count
            group = RecGroup((SubType(composite),))
            self._groups.append(group)
            self._note(group)
        return index

    def func_type(self, params: Sequence[ValType], results: Sequence[ValType]) -> int:
        """Return the index of a function type, as `add_type` does."""
        return self.add_type(FuncType(tuple(params), tuple(results)))

    def declare_function(self, type_index: int) -> int:
        """Return the index of a function whose body `define` will bring."""
        self._functions.append(type_index)
        self._bodies.append(None)
        return self._first_function + len(self._functions) - 1

    def define(self, index: int, body: bytes) -> None:
        """Give a declared function its body: locals, operators and the closing `end`."""
        self._bodies[index - self._first_function] = body

    def add_function(self, type_index: int, body: bytes) -> int:
        """Append a function and return its index."""
        index = self.declare_function(type_index)
        self.define(index, body)
        return index

    def add_global(self, type_: ValType, init: bytes, *, mutable: bool = False) -> int:
        """Append a global with its constant expression and return its index."""
        self._globals.append(Global(GlobalType(type_, mutable), init))
        return self._first_global + len(self._globals) - 1

    def fresh_name(self, wanted: str) -> str:
        """Return a name that no export has: the one wanted, or one that begins with it."""
        name = wanted
        number = 1
        while name in self._names:
            number += 1
            name = f"{wanted}:{number}"
        return name

    def export(self, name: str, kind: int, index: int) -> None:
        """Export something under a name that no export has."""
        if name in self._names:
            raise InternalError(f"a second export named {name!r}")
        self._names.add(name)
        self._exports.append(Export(name, kind, index))

    def reference(self, function: int) -> None:
        """Make `ref.func` of a function valid, by a global that holds it.

        A declarative element segment would do as well, and would need `bulk-memory`.
        """
        if function not in self._referenced:
            self._referenced.add(function)
            held = bytearray()
            encode_operator(held, BY_NAME["ref.func"], (function,))
            self.add_global(FUNCREF, bytes(held + _END))

    def finish(self) -> Module:
        """Return the edited module. Raises `InternalError` for a function without a body."""
        old = self.original
        new = copy.copy(old)
        # The new module has lists of its own, so that editing one leaves the other alone.
        new.rec_groups = self._groups.copy()
        new.imports, new.tables = list(old.imports), list(old.tables)
        new.memories, new.tags = list(old.memories), list(old.tags)
        new.datas, new.customs = _copied(old.datas), list(old.customs)
        new.functions = [*old.functions, *self._functions]
        new.code = [*old.code, *map(Code, self._written())]
        new.globals = [*old.globals, *self._globals]
        new.exports = [*old.exports, *self._exports]
        new.elements = list(old.elements)
        new.offsets = {}
        _keep_names_last(old, new)
        return new

    def _written(self) -> list[bytes]:
        bodies = [body for body in self._bodies if body is not None]
        if len(bodies) < len(self._bodies):
            missing = self._bodies.index(None) + self._first_function
            raise InternalError(f"function {missing} was declared and never defined")
        return bodies


def _copied(items: MutableSequence[Any]) -> MutableSequence[Any]:
    """Return a copy that an edit of either leaves alone, without making a lazy one's items."""
    if isinstance(items, LazyVector) and items.pristine:
        return copy.copy(items)
    return list(items)


def _last_section(module: Module) -> int:
    return next((section for section in reversed(ORDER) if has_contents(module, section)), 0)


def _keep_names_last(old: Module, new: Module) -> None:
    """Leave a `name` section that was behind all others behind all others.

    It must follow the data (Appendix, Name Section); other custom sections keep the
    neighbour that they had.
    """
    before, now = _last_section(old), _last_section(new)
    for place, custom in enumerate(new.customs):
        if custom.name == NAME_SECTION and PLACES.get(custom.after, 0) >= PLACES.get(before, 0):
            new.customs[place] = custom._replace(after=now)
