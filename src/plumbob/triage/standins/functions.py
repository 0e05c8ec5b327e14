"""Bodies of stand-ins that are defined in the module: they log, then return seeded values.

Such a body is the same bytes for every engine, so that nothing is lost on the way through
an engine's border: v128, references, the bits of a NaN. Results are those of `ROUNDS` calls
in turn, counted in a global of the stand-in's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.triage.standins.log import MORE, WORDS
from plumbob.triage.standins.references import number, tell
from plumbob.triage.standins.values import ROUNDS
from plumbob.wasm import types as t
from plumbob.wasm.edit.append import FunctionWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.triage.standins.references import References
    from plumbob.triage.standins.values import Chance
    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.types import FuncType, SubType, ValType

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


def write_stand_in(
    editor: Editor,
    references: References,
    type_: FuncType,
    chance: Chance,
    log: int,
    record: int,
) -> bytes:
    """Return the body of a function that logs its arguments and returns seeded values.

    Where a result cannot be built, being of a type that has no values, the function logs
    and traps.
    """
    out = FunctionWriter(type_.params)
    words = [
        emit
        for local, param in enumerate(type_.params)
        for emit in words_of(local, param, references.types)
    ]
    write_log(out, log, record, words)
    if not type_.results:
        return out.body()
    rounds = [_results(references, type_, chance.part(turn)) for turn in range(ROUNDS)]
    if any(turn is None for turn in rounds):
        return out.op("unreachable").body()
    counter = editor.add_global(t.I32, _constant(0), mutable=True)
    out.op("global.get", counter)
    last = out.local(t.I32)
    out.set(last)
    out.get(last).i32(1).ops("i32.add").i32(ROUNDS - 1).op("i32.and").op("global.set", counter)
    for turn, emit in enumerate(rounds[:-1]):
        out.get(last).i32(turn).op("i32.eq").block("if")
        assert emit is not None  # noqa: S101  # said above
        emit(out)
        out.ops("return", "end")
    final = rounds[-1]
    assert final is not None  # noqa: S101  # said above
    final(out)
    return out.body()


def _results(references: References, type_: FuncType, chance: Chance) -> Emit | None:
    """Return what appends the results of one call, or None where one cannot be built."""
    trial = FunctionWriter(type_.params)
    if not _write_results(references, trial, type_, chance):
        return None
    return lambda out: _write_results(references, out, type_, chance)


def _write_results(
    references: References, out: FunctionWriter, type_: FuncType, chance: Chance
) -> bool:
    for place, result in enumerate(type_.results):
        if not result.is_ref:
            number(out, result, chance.bits(result, place))
        elif not references.emit(out, result, chance.part(place)):
            return False
    return True


def _constant(value: int) -> bytes:
    """Return the constant expression of an i32."""
    return constant(FunctionWriter().i32(value))


def constant(out: FunctionWriter) -> bytes:
    """Return what a writer holds as a constant expression, its `end` appended.

    A body without locals is a zero and then such an expression.
    """
    return out.body()[1:]
