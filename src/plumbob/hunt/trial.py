"""One generated program put to engines: requests, and the same program as a subject of `check`.

Engines are asked without shims first, since all that a program computes leaves it as an
integer; only a program on which somebody differs goes through `check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.engines.request import (
    Call,
    FunctionImport,
    Import,
    MemoryImport,
    OutcomeKind,
    Request,
    Value,
)
from plumbob.engines.traps import same_class
from plumbob.hunt.generator.generate import PARAMS, RUN, STATE
from plumbob.hunt.generator.program import COLLECT
from plumbob.hunt.generator.setting import HOST
from plumbob.triage.check.arguments import Argument
from plumbob.triage.check.subject import Invocation, Subject

if TYPE_CHECKING:
    from plumbob.engines.request import Answer, Outcome
    from plumbob.hunt.generator.generate import Generated

IMPORTS: Final[dict[tuple[str, str], Import]] = {
    COLLECT: FunctionImport(*COLLECT, (), ()),
    HOST: FunctionImport(*HOST, ("i32",), ("i32",), ((Value("i32", 7),), (Value("i32", 0),))),
    ("env", "memory"): MemoryImport("env", "memory", 1, 4),
}
"""What the generator's imports are given."""

_RESULTS: Final = ("i64",)


def request_of(generated: Generated) -> Request:
    """Return what engines are asked: each call of `run`, and the state after it."""
    calls = []
    for arguments in generated.arguments:
        values = tuple(
            Value(str(type_), bits) for type_, bits in zip(PARAMS, arguments, strict=True)
        )
        calls += [Call(RUN, values, _RESULTS), Call(STATE, (), _RESULTS)]
    imports = tuple(IMPORTS[name] for name in generated.imports)
    return Request(generated.module, tuple(calls), imports)


def subject_of(generated: Generated, seed: int = 0) -> Subject:
    """Return the same program and calls as `check` sees them."""
    calls = []
    for arguments in generated.arguments:
        values = tuple(
            Argument(str(type_), bits) for type_, bits in zip(PARAMS, arguments, strict=True)
        )
        calls += [Invocation(RUN, values), Invocation(STATE)]
    return Subject.bare(generated.module, seed).calling(calls)


def differ(left: Answer, right: Answer) -> bool:
    """Return whether two answers differ where both engines could do what was asked.

    From a step on that one of them does not support, or that did not end within its limits,
    nothing is compared.
    """
    for one, other in zip(left.steps, right.steps, strict=True):
        if _OPEN & {one.kind, other.kind}:
            return False
        if _differ(one, other):
            return True
    return False


_OPEN: Final = frozenset((OutcomeKind.UNSUPPORTED, OutcomeKind.FUEL, OutcomeKind.SKIPPED))


def _differ(one: Outcome, other: Outcome) -> bool:
    if one.kind != other.kind or one.values != other.values:
        return True
    if one.kind == OutcomeKind.TRAP:
        return not same_class(one.trap, other.trap)
    return False
