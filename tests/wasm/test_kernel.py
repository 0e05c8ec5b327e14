"""The kernel beside its rules: two speeds, scratch memory used again, threads' checkers."""

from __future__ import annotations

from array import array
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.mutate import mutate_body
from tests.fuzz.programs import program
from tests.fuzz.seeds import of_script
from tests.wasm.support.corpus import variants
from tests.wasm.support.environment import FUNCTION_COUNT, Case, Environment, nothing
from tests.wasm.support.uses import all_uses

from plumbob.errors import InputError, InternalError
from plumbob.wasm import features as f
from plumbob.wasm import operators
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.types import SHORT_NAMES
from plumbob.wasm.valid.bodies import BodyChecker
from plumbob.wasm.valid.kernel._kernel import CHECKS, IMMEDIATES, OPERANDS, RULES, Checker, Context
from plumbob.wasm.valid.module_rules import ModuleChecker
from plumbob.wasm.valid.policy import POLICIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plumbob.wasm.valid.diagnostics import Diagnostic


TYPES = {"f32", "i64", "f64", "v128", "dead", *SHORT_NAMES.values(), "ref:i31"}
"""Words of the table that name types, beside those that its documentation mentions."""


def judged(data: bytes, policy: int, *, accelerate: bool) -> tuple[object, ...]:
    """Return all that the kernel says of a module: faults with their places, and counts."""
    module = decode(data, features=f.ALL, allow_unreachable_type=policy == POLICIES["typed"])
    checker = ModuleChecker(module, f.ALL, policy)
    checker.context = Context(f.ALL, policy, accelerate)
    checker.checker = Checker(checker.context)
    checker.checker.count()
    checker.bodies = BodyChecker(checker.context, checker.checker, checker.space, module)
    checker.run()
    return essence(checker.diagnostics), checker.checker.counts()


def essence(diagnostics: list[Diagnostic]) -> list[tuple[object, ...]]:
    """Return what diagnostics say, without what is only how they say it."""
    return [
        (item.code, item.offset, item.function, item.message, item.stack, item.frames)
        for item in diagnostics
    ]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_two_speeds_agree_on_random_programs(policy: int) -> None:
    environment = Environment()
    for number in range(150):
        data = program(Random(number), environment)  # noqa: S311  # repeatable
        assert judged(data, policy, accelerate=True) == judged(data, policy, accelerate=False)


def suite_modules(suites: Path) -> Iterator[bytes]:
    """Yield the modules of the official suite that decode, and real ones."""
    files = sorted((suites / "spec").rglob("*.wast"))
    for path in files[::4]:
        yield from of_script(path)
    for name in ("noop", "quicksort", "kotlin-richards"):
        for path in sorted((suites / "programs" / name).glob("*.wasm")):
            yield path.read_bytes()


def test_two_speeds_agree_on_the_suite_and_real_modules(suites: Path) -> None:
    judged_modules = 0
    for data in suite_modules(suites):
        try:
            decode(data, features=f.ALL)
        except InputError:  # malformed, or a component
            continue
        judged_modules += 1
        for policy in (POLICIES["polymorphic"], POLICIES["relaxed-block"]):
            assert judged(data, policy, accelerate=True) == judged(data, policy, accelerate=False)
    assert judged_modules > 500


def test_scratch_memory_used_again_changes_nothing() -> None:
    """A checker that has seen other bodies, failed ones included, says what a new one says."""
    environment = Environment()
    rng = Random(3)  # noqa: S311  # repeatable
    cases = [variant.case for use in all_uses() for variant in variants(use)]
    cases = rng.sample(cases, 1_500)
    cases += [
        Case(case.params, case.results, mutate_body(rng, case.body)) for case in cases[:1_000]
    ]
    fresh = environment.outcomes(cases)
    module = environment.module(cases)
    checker = ModuleChecker(module, f.ALL, 0)
    bodies = checker.bodies
    bodies.check = nothing  # type: ignore[method-assign]  # the module's fields alone
    checker.run()
    used = Checker(checker.context)
    order = list(range(len(cases)))
    rng.shuffle(order)
    for place in order:
        at = FUNCTION_COUNT - 1 + place
        failed = used.check(bodies.data, bodies.starts, bodies.ends, at, at + 1, 1)
        error, start, position, *_ = used.failure() if failed else (0, 0, 0)
        expected = fresh[place]
        assert (error, start, position) == expected[:3], cases[place]
    # All at once: the places of all that fail, in order.
    failed = used.check(bodies.data, bodies.starts, bodies.ends, FUNCTION_COUNT - 1,
                        FUNCTION_COUNT - 1 + len(cases), 1)  # fmt: skip
    assert failed == [
        FUNCTION_COUNT - 1 + place for place, outcome in enumerate(fresh) if outcome.error
    ]


def test_bodies_outside_of_their_file_are_refused() -> None:
    checker = Checker(Context(f.ALL, 0))
    for starts, ends in (([0], [5]), ([3], [2])):
        with pytest.raises(InternalError):
            checker.check(b"\0\x0b", array("I", starts), array("I", ends), 0, 1, 0)
    with pytest.raises(InternalError):
        checker.check(b"\0\x0b", array("I", [0]), array("I", [2]), 0, 2, 0)


def test_words_of_the_table_are_those_the_kernel_and_the_documentation_know() -> None:
    for operator in TABLE:
        assert operator.rule in RULES
        assert set(operator.immediates) <= set(IMMEDIATES)
        assert set(operator.checks) <= set(CHECKS)
    used = {word for operator in TABLE for word in operator.immediates}
    assert used == set(IMMEDIATES)
    assert {word for operator in TABLE for word in operator.checks} == set(CHECKS)
    assert {operator.rule for operator in TABLE} == set(RULES)
    text = operators.__doc__ or ""
    for word in (*IMMEDIATES, *CHECKS):
        assert word in text, f"operators.py does not explain {word}"
    for operator in TABLE:
        for word in (*operator.pops, *operator.pushes):
            assert word in OPERANDS or word in text or word in TYPES, operator.name
