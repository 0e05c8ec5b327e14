"""All that the tests of operators hold against one operator, as sentences.

What `test_operators.py` asserts over the whole table, this returns for one row: so that a
fault planted there can be seen to be caught.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wasm.support.corpus import differences
from tests.wasm.support.environment import TAIL, Case, Environment, code
from tests.wasm.support.expectations import CONSTANT, EXTENDED, feature_of
from tests.wasm.support.faults import CHECK_FAULTS, faults
from tests.wasm.support.uses import uses_of

from plumbob.wasm import features
from plumbob.wasm.binary.instructions import encode_operator
from plumbob.wasm.opcodes import BY_NAME
from plumbob.wasm.valid.policy import RELAXED

if TYPE_CHECKING:
    from collections.abc import Iterator


def complaints_about(name: str) -> list[str]:
    """Return what is wrong with an operator."""
    return [*differences([BY_NAME[name]])[1], *_by_hand(name)]


def _by_hand(name: str) -> Iterator[str]:
    operator = BY_NAME[name]
    environment = Environment()
    uses = uses_of(operator)
    for use, found in zip(uses, environment.outcomes([use.case() for use in uses]), strict=True):
        if found.error:
            yield f"{name}: a well-typed use fails: {found}"
        for fault in faults(use):
            said = environment.outcomes([use.case(fault.body())])[0]
            if said.error != fault.error:
                yield f"{name}, {fault.label}: {said}"
    for other, immediates, error in CHECK_FAULTS:
        if other == name:
            out = bytearray(b"\0")
            encode_operator(out, operator, immediates)
            said = environment.outcomes([Case((), (), bytes(out) + TAIL)])[0]
            if said.error != error:
                yield f"{name} {immediates}: {said}"
    expected = feature_of(name, operator.prefix, operator.number)
    if operator.feature != expected:
        yield f"{name} belongs to the feature {features.describe(expected) or 'mvp'}"
    yield from _constness(name, environment)
    yield from _deadness(name, environment)


def _constness(name: str, environment: Environment) -> Iterator[str]:
    use = uses_of(BY_NAME[name])[0]
    said = environment.constant(use.encoded() + b"\x0b", 1)
    refused = said.error in (204, 205, 237)  # there are no labels and no locals either
    if refused == (name in CONSTANT | EXTENDED):
        yield f"{name}: constant or not: {said}"
    if name in EXTENDED:
        off = features.ALL & ~features.EXTENDED_CONST
        if environment.constant(use.encoded() + b"\x0b", 1, features=off).error != 237:
            yield f"{name} is constant without the feature extended-const"


def _deadness(name: str, environment: Environment) -> Iterator[str]:
    """Yield whether wrong code behind the operator goes unseen or is seen, unlike it should."""
    use = uses_of(BY_NAME[name])[0]
    if use.before or use.after:
        return
    wrong = code(("f32.const", 0), ("i32.eqz",), ("drop",)) + TAIL
    case = use.case(use.body()[: -len(TAIL)] + wrong)
    dead = environment.outcomes([case], policy=RELAXED)[0].error == 0
    ends = name in {"unreachable", "br", "br_table", "return", "throw", "throw_ref"}
    if dead != (ends or name.startswith("return_call")):
        yield f"{name}: code behind it is {'dead' if dead else 'alive'}"
