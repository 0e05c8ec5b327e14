"""Which operators of the program the reference executes in a call.

The call is made once more, on the reference, and what it executes is noted. That shims and
stand-ins were executed too is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.module import FUNC

if TYPE_CHECKING:
    from plumbob.triage.check.plan import Run
    from plumbob.triage.check.reference import Reference
    from plumbob.wasm.operators import Operator

TRACED_FUEL: Final = 1_000_000
"""Operators after which the noting of operators ends; it costs a call each."""

_SILENT: Final = frozenset({"call", "throw", "branch"})
"""Effects of operators whose results, if any, come from elsewhere."""

LOW: Final = 1024
"""Addresses that an optimiser may be told nobody uses lie below this."""


class Executed(NamedTuple):
    """What calls executed."""

    operators: dict[Operator, int]
    """The operators of the program, with when each ran last."""
    low: frozenset[str]
    """The names of those that had a first result below `LOW`."""


def executed(module: bytes, run: Run, call: int | None, *, whole: bool = False) -> Executed:
    """Return the operators of the program's own functions that a call executes.

    `module` is the program as it was given, `run` a session of it. `whole`, or no call: those
    of all calls of the session. An operator without results, and one that calls
    or branches, is taken to run where the one before it does, in the order of the body.
    """
    reference = run.reference.deciding(run.reference.choices)
    reference.fuel = min(reference.fuel, TRACED_FUEL)
    whole = whole or call is None
    count = len(run.session.steps) if whole else 1 + run.session.places.index(call)
    before = 0 if whole else _trace(reference, run, count - 1, {}, set())
    seen: dict[tuple[int, int], int] = {}
    low: set[tuple[int, int]] = set()
    _trace(reference, run, count, seen, low, before)
    operators = _operators(module, run, seen)
    small = _operators(module, run, dict.fromkeys(low, 1))
    return Executed(operators, frozenset(operator.name for operator in small))


def _trace(
    reference: Reference,
    run: Run,
    calls: int,
    seen: dict[tuple[int, int], int],
    low: set[tuple[int, int]],
    skip: int = 0,
) -> int:
    """Run the first calls of a session; return how many results there were.

    Notes by function and instruction of its translation when there was one last, and which
    were below `LOW`, those of the first `skip` left out.
    """
    count = 0

    def note(symbol: str, inst: int, values: tuple[int, ...]) -> None:
        nonlocal count
        count += 1
        if count > skip:
            place = int(symbol.rpartition(":")[2]), inst
            seen[place] = count
            if values and type(values[0]) is int and 0 <= values[0] < LOW:  # else a reference
                low.add(place)

    reference.trace = note
    reference.run(replace(run.session.request, calls=run.session.request.calls[:calls]))
    return count


def _operators(module: bytes, run: Run, seen: dict[tuple[int, int], int]) -> dict[Operator, int]:
    """Return the operators of the program's own functions among what was noted."""
    original = decode(module, features=wasm_features.ALL)
    imported = len(original.imported(FUNC))
    own = range(imported, imported + len(original.functions))
    environment = ModuleEnvironment(decode(run.session.request.module, features=wasm_features.ALL))
    by_function: dict[int, dict[int, int]] = {}
    for (index, inst), when in seen.items():
        if index in own:
            by_function.setdefault(index, {})[inst] = when
    found: dict[Operator, int] = {}
    for index, instructions in by_function.items():
        locations = translate_function(environment, index).inst_location
        times: dict[int, int] = {}
        for inst, when in instructions.items():
            times[locations[inst]] = max(when, times.get(locations[inst], 0))
        body = environment.body(index)
        latest = 0
        for instruction in decode_body(body.code, body.base).instructions:
            latest = times.get(instruction.offset, latest)
            operator = instruction.operator
            silent = not operator.pushes or not _SILENT.isdisjoint(operator.effects)
            if latest and (silent or instruction.offset in times):
                found[operator] = max(latest, found.get(operator, 0))
    return found
