"""Code that tells values to the log: what `log.py` reads back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.triage.standins.log import MORE, WORDS
from plumbob.triage.standins.references import tell
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.wasm.edit.append import FunctionWriter
    from plumbob.wasm.types import SubType, ValType

    Emit = Callable[[FunctionWriter], object]


def words_of(local: int, type_: ValType, types: list[SubType]) -> list[Emit]:
    """Return what appends each i64 that a parameter is logged as."""
    if type_.is_ref:
        return [lambda out: tell(out, local, type_, types)]
    if type_ == t.V128:
        return [
            lambda out: out.get(local).op("i64x2.extract_lane", 0),
            lambda out: out.get(local).op("i64x2.extract_lane", 1),
        ]
    return [lambda out: out.get(local).ops(*_TO_I64[type_])]


_TO_I64: dict[int, tuple[str, ...]] = {
    t.I32: ("i64.extend_i32_u",),
    t.I64: (),
    t.F32: ("i32.reinterpret_f32", "i64.extend_i32_u"),
    t.F64: ("i64.reinterpret_f64",),
}


def write_log(out: FunctionWriter, log: int, record: int, words: Sequence[Emit]) -> None:
    """Append the calls of the function `log` that make up a record."""
    for start in range(0, max(len(words), 1), WORDS):
        chunk = words[start : start + WORDS]
        more = MORE if start + WORDS < len(words) else 0
        out.i64(record << 8 | more | len(chunk))
        for emit in chunk:
            emit(out)
        for _ in range(WORDS - len(chunk)):
            out.i64(0)
        out.op("call", log)
