"""Generated programs are valid, end, are the same on every way of running them, and replay."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.engines.request import OutcomeKind
from plumbob.errors import UsageError
from plumbob.hunt.choices import Choices, Weighted
from plumbob.hunt.generator.generate import COST, Generated, generate
from plumbob.hunt.generator.strategies import NAMES
from plumbob.hunt.trial import request_of
from plumbob.triage.check.reference import Reference
from plumbob.triage.reduce.reducer import is_valid
from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.opcodes import TABLE

SEEDS = 400


def program(seed: int, size: int = 100) -> Generated:
    return generate(Choices(seed), size=size)


def test_programs_are_valid() -> None:
    assert [seed for seed in range(SEEDS) if not is_valid(program(seed).module)] == []


def test_large_and_small_programs_are_valid() -> None:
    sizes = {
        size: sum(len(program(seed, size=size).module) for seed in range(40))
        for size in (5, 60, 1000)
    }
    assert sizes[5] < sizes[60] < sizes[1000]
    assert all(is_valid(program(seed, size=size).module) for size in sizes for seed in range(8))


def test_the_same_seed_makes_the_same_program() -> None:
    first, second = program(3), program(3)
    assert first == second
    assert first.module != program(4).module


@pytest.mark.parametrize("seed", range(20))
def test_recorded_choices_make_the_program_again(seed: int) -> None:
    made = program(seed)
    again = generate(Choices(given=made.choices))
    assert (again.module, again.arguments) == (made.module, made.arguments)


@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=300), st.booleans())
def test_any_choices_make_a_valid_program(given_: list[int], more: bool) -> None:  # noqa: FBT001
    assert is_valid(generate(Choices(1 if more else None, given_), size=40).module)


@given(st.integers(0, 300), st.data())
def test_mutated_choices_make_a_valid_program(seed: int, data: st.DataObject) -> None:
    choices = list(program(seed, size=40).choices)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(choices) - 1))
        choices[at] = data.draw(st.integers(0, (1 << 64) - 1))
    assert is_valid(generate(Choices(seed, choices), size=40).module)


def test_without_choices_there_is_the_simplest_program() -> None:
    simple = generate(Choices())
    assert is_valid(simple.module)
    assert len(simple.module) < 300


def test_programs_end_and_every_way_of_running_them_agrees() -> None:
    source, walk = Reference(fuel=40 * COST), Reference(mode="walk", fuel=40 * COST)
    ends: Counter[str] = Counter()
    for seed in range(60):
        request = request_of(program(seed, size=60))
        one, other = source.run(request), walk.run(request)
        assert [(s.kind, s.values, s.trap) for s in one.steps] == [
            (s.kind, s.values, s.trap) for s in other.steps
        ], seed
        ends.update(step.kind for step in one.results)
    assert ends[OutcomeKind.FUEL] == 0
    assert ends[OutcomeKind.VALUES] > 0.8 * ends.total()


def test_a_strategy_can_be_switched_off() -> None:
    usual = {name for seed in range(150) for name in program(seed).strategies}
    assert {"across-loop", "throw"} <= usual
    without = {
        name
        for seed in range(150)
        for name in generate(Choices(seed), {"across-loop": 0, "throw": 0}).strategies
    }
    assert not {"across-loop", "throw"} & without


def test_every_strategy_is_taken() -> None:
    taken = {name for seed in range(SEEDS) for name in program(seed).strategies}
    assert set(NAMES) - taken == set()


def test_nearly_all_operators_are_written() -> None:
    wanted = {
        row.name for row in TABLE
        if (not row.feature or row.feature & f.WASM3) and row.rule not in ("else", "end")
        and not row.feature & f.LEGACY_EXCEPTIONS
    }  # fmt: skip
    found: set[str] = set()
    for seed in range(3000):
        module = decode(program(seed, size=60).module)
        for code in module.code:
            found.update(each.operator.name for each in decode_body(code.body).instructions)
    missing = wanted - found
    assert len(missing) <= 0.02 * len(wanted), sorted(missing)


def test_choices_need_an_alternative() -> None:
    with pytest.raises(UsageError, match="needs an alternative"):
        Choices(1).below(0)


def test_weights_decide_how_often() -> None:
    choices = Choices(1)
    items = Weighted([(0, "never"), (1, "seldom"), (9, "often")])
    counts = Counter(choices.weighted(items) for _ in range(2000))
    assert counts["never"] == 0
    assert 5 < counts["often"] / counts["seldom"] < 15
