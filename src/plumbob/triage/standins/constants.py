"""Imported globals that are defined now, in the constant expressions that read them.

Such an expression may read imported globals, but not every engine lets it read defined
ones, and a table's may not at all: tables come before globals. So the value takes the
place of `global.get`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.binary.instructions import encode_operator, instructions_of
from plumbob.wasm.opcodes import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plumbob.wasm.module import Module

GLOBAL_GET = BY_NAME["global.get"].code
ALLOCATES = "alloc"
END = bytes((BY_NAME["end"].code,))


def has_identity(expression: bytes) -> bool:
    """Whether a constant expression makes an object anew each time."""
    return any(ALLOCATES in item.operator.effects for item in instructions_of(expression))


def inline(expression: bytes, values: Mapping[int, bytes]) -> bytes:
    """Return a constant expression in which globals are replaced by their values.

    `values` are constant expressions themselves.
    """
    if GLOBAL_GET not in expression:
        return expression
    out = bytearray()
    for operator, immediates, _ in instructions_of(expression):
        value = values.get(immediates[0]) if operator.code == GLOBAL_GET else None
        if value is None:
            encode_operator(out, operator, immediates)
        else:
            out += value.removesuffix(END)
    return bytes(out)


def inline_globals(module: Module, values: Mapping[int, bytes]) -> None:
    """Replace globals by their values in a module's constant expressions.

    An object is one, wherever it is read: a value that makes one takes the global's place
    in tables alone, which have no other way.
    """
    if not values:
        return
    plain = {index: value for index, value in values.items() if not has_identity(value)}

    def plainly(expression: bytes | None) -> bytes | None:
        return None if expression is None else inline(expression, plain)

    module.tables = [
        item if item.init is None else item._replace(init=inline(item.init, values))
        for item in module.tables
    ]
    if not plain:
        return
    module.globals = [item._replace(init=inline(item.init, plain)) for item in module.globals]
    module.elements = [
        item._replace(
            offset=plainly(item.offset),
            expressions=tuple(inline(one, plain) for one in item.expressions),
        )
        for item in module.elements
    ]
    module.datas = [item._replace(offset=plainly(item.offset)) for item in module.datas]
