"""Single faults planted into well-typed uses, and what three judges make of each.

The judges: the kernel with its fast loop, the kernel without it, and wasmtime. The first
two must agree in everything, error number and offsets included; wasmtime judges valid or
not. A difference is returned as a sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.wasm.support.environment import Case, Environment
from tests.wasm.support.oracle import complaint
from tests.wasm.support.uses import uses_of

from plumbob.wasm import features

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.wasm.support.uses import Use

    from plumbob.wasm.operators import Operator
    from plumbob.wasm.types import ValType


class Variant(NamedTuple):
    """A use, perhaps with one fault; `label` says which."""

    use: Use
    label: str
    case: Case


def _replaced(types: tuple[ValType, ...], place: int, type_: ValType) -> tuple[ValType, ...]:
    return (*types[:place], type_, *types[place + 1 :])


def variants(use: Use) -> Iterator[Variant]:
    """Yield the use itself and its neighbours: other types, operands too few, results off."""
    yield Variant(use, "as it is", use.case())
    body = use.body()
    for place in range(len(use.operands)):
        for type_ in use.pool:
            operands = _replaced(use.operands, place, type_)
            yield Variant(use, f"operand {place}: {type_}", Case(operands, use.results, body))
    if use.operands:
        yield Variant(use, "operand missing", use.case(use.body(skip=1)))
    for place in range(len(use.results)):
        for type_ in use.pool:
            results = _replaced(use.results, place, type_)
            yield Variant(use, f"result {place}: {type_}", Case(use.operands, results, body))
    for label, immediates in _other_immediates(use):
        other = use._replace(immediates=immediates)
        yield Variant(use, label, other.case())
    if use.results:
        yield Variant(use, "result left", Case(use.operands, use.results[1:], body))
    for type_ in use.pool[:2]:
        results = (*use.results, type_)
        yield Variant(use, f"result {type_} more", Case(use.operands, results, body))


LANES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 255)
ALIGNMENTS = range(6)


def _other_immediates(use: Use) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield lanes and alignments on both sides of every bound that any operator has.

    The operator table's own bounds are not asked: they may be wrong.
    """
    for place, kind in enumerate(use.operator.immediates):
        values: list[Any] = []
        if kind == "lane":
            values += LANES
        elif kind == "lanes":
            values += [bytes(15) + bytes((lane,)) for lane in LANES]
        elif kind == "memarg":
            values += [use.immediates[place]._replace(align=align) for align in ALIGNMENTS]
        for value in values:
            changed = (*use.immediates[:place], value, *use.immediates[place + 1 :])
            yield f"{kind} {value}", changed


def oracle_knows(operator: Operator) -> bool:
    """Return whether wasmtime has the operator."""
    return not operator.feature & features.LEGACY_EXCEPTIONS


def differences(operators: Iterable[Operator]) -> tuple[int, list[str]]:
    """Judge all variants of some operators: how many there were, and where judges differ."""
    environment = Environment()
    cases = [
        variant for operator in operators for use in uses_of(operator) for variant in variants(use)
    ]
    found = []
    plain = [variant.case for variant in cases]
    fast = environment.outcomes(plain)
    slow = environment.outcomes(plain, accelerate=False)
    for variant, left, right in zip(cases, fast, slow, strict=True):
        what = f"{variant.use.name} {variant.use.immediates}, {variant.label}"
        if left != right:
            found.append(f"{what}: {left} with the fast loop, {right} without it")
        elif oracle_knows(variant.use.operator):
            said = complaint(environment.binary(variant.case))
            if (said is None) != (left.error == 0):
                found.append(f"{what}: {left}, but wasmtime says {said or 'valid'}")
    return len(cases), found
