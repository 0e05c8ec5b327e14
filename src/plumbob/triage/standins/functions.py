"""Bodies of stand-ins that are defined in the module: they log, then return seeded values.

Such a body is the same bytes for every engine, so that nothing is lost on the way through
an engine's border: v128, references, the bits of a NaN. Results are those of `ROUNDS` calls
in turn, counted in a global of the stand-in's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.triage.standins.references import number
from plumbob.triage.standins.telling import words_of, write_log
from plumbob.triage.standins.values import ROUNDS
from plumbob.wasm import types as t
from plumbob.wasm.edit.append import FunctionWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.triage.standins.callbacks import Turn
    from plumbob.triage.standins.calling import Caller
    from plumbob.triage.standins.references import References
    from plumbob.triage.standins.values import Chance
    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.types import FuncType

    Emit = Callable[[FunctionWriter], object]


class Spec(NamedTuple):
    """What a stand-in is to do."""

    type: FuncType
    chance: Chance
    record: int
    """Of its calls."""
    source: tuple[str, str] = ("", "")
    """Module and name of the import."""
    turns: Sequence[Turn] = ()
    """When it calls back."""


def write_stand_in(
    editor: Editor, references: References, spec: Spec, log: int, caller: Caller | None = None
) -> bytes:
    """Return the body of a function that logs its arguments and returns seeded values.

    Between the two it calls back, if it is its turn and there is a caller. Where a result
    cannot be built, being of a type that has no values, the function traps at last.
    """
    type_ = spec.type
    out = FunctionWriter(type_.params)
    words = [
        emit
        for local, param in enumerate(type_.params)
        for emit in words_of(local, param, references.types)
    ]
    turns = spec.turns if caller is not None else ()
    rounds = [_results(references, type_, spec.chance.part(turn)) for turn in range(ROUNDS)]
    built = [emit for emit in rounds if emit is not None]
    counts = bool(turns) or (bool(type_.results) and len(built) == ROUNDS)
    last = out.local(t.I32) if counts else 0
    if counts:
        counter = editor.add_global(t.I32, _constant(0), mutable=True)
        out.op("global.get", counter).op("local.tee", last)
        out.i32(1).op("i32.add").op("global.set", counter)
    write_log(out, log, spec.record, words)
    for turn in turns:
        assert caller is not None  # noqa: S101  # said above
        out.get(last).i32(turn.number).op("i32.eq").block("if")
        caller.write(out, type_, turn, log, spec.source)
        out.op("end")
    if not type_.results:
        return out.body()
    if len(built) < ROUNDS:
        return out.op("unreachable").body()
    for number_, emit in enumerate(built[:-1]):
        out.get(last).i32(ROUNDS - 1).op("i32.and").i32(number_).op("i32.eq").block("if")
        emit(out)
        out.ops("return", "end")
    built[-1](out)
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
