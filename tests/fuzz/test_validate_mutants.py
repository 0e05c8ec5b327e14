"""A short campaign of mutants; `benchmarks/fuzz_validate.py` runs long ones."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.fuzz import campaign
from tests.fuzz.mutate import bodies_of, code_section, join, mutant, split
from tests.fuzz.programs import program
from tests.fuzz.seeds import collect, own, splinters
from tests.wasm.support.environment import TAIL, Environment
from tests.wasm.support.oracle import complaint
from tests.wasm.support.uses import use_of

from plumbob.wasm.binary.decode import decode
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from pathlib import Path

MUTANTS = 2_000


@pytest.mark.parametrize("seed", range(3))
def test_mutants_neither_crash_nor_hang_and_wasmtime_agrees(seed: int) -> None:
    tally = campaign.run(own(), range(MUTANTS), seed)
    assert not [(item.kind, item.detail, item.number) for item in tally.findings]
    assert set(tally.differences) <= campaign.KNOWN
    assert tally.compared > MUTANTS // 2
    assert tally.valid > MUTANTS // 50


def test_mutants_of_the_suite_and_real_modules(suites: Path) -> None:
    names = "gc proposals/threads proposals/wide-arithmetic try_table.wast br_table.wast".split()
    seeds = collect([*(suites / "spec" / name for name in names), suites / "programs" / "noop"])
    assert len(seeds) > 100
    tally = campaign.run(seeds, range(MUTANTS), 0)
    assert not [(item.kind, item.detail, item.number) for item in tally.findings]
    assert set(tally.differences) <= campaign.KNOWN


def test_random_programs_are_valid_under_every_policy_but_forbidden() -> None:
    environment = Environment()
    for number in range(300):
        data = program(Random(number), environment)  # noqa: S311  # repeatable
        for policy in ("polymorphic", "relaxed-block", "relaxed", "typed"):
            accepted, _, wrong, code = campaign.judge(data, policy)
            assert (accepted, wrong, code) == (True, [], "valid"), (number, policy)
        assert complaint(data) is None


def test_a_mutant_follows_from_seed_and_number_alone() -> None:
    seeds = own()
    assert campaign.make(seeds, 7, 42) == campaign.make(list(seeds), 7, 42)
    assert campaign.make(seeds, 7, 42) != campaign.make(seeds, 8, 42)


def test_mutants_differ_from_their_seeds() -> None:
    seeds = own()
    made = {mutant(Random(number), seeds) for number in range(500)}  # noqa: S311  # repeatable
    assert len(made) > 450
    assert len(made & set(seeds)) < 50


def test_splitting_and_joining_is_the_identity() -> None:
    binary = Environment().binary(use_of("i32.add").case())
    sections = split(binary)
    assert sections is not None
    assert join(sections) == binary
    contents = next(body for section, body in sections if section == 10)
    bodies = bodies_of(contents)
    assert bodies is not None
    assert code_section(bodies) == contents
    assert bodies[-1].endswith(TAIL)


def test_splinters_are_valid_where_their_module_is() -> None:
    binary = Environment().binary(use_of("call").case())
    assert validate(binary).ok
    made = list(splinters(binary, Random(0)))  # noqa: S311  # repeatable
    assert made
    for data in made:
        assert len(decode(data).code) == len(decode(binary).code)


def test_a_wrong_verdict_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign's own test: a validator that accepts everything, one that is slow."""

    def accepts(*args: object, **options: object) -> object:
        report = validate(*args, **options)  # type: ignore[arg-type]  # passed through
        report.verdict = "valid"
        return report

    monkeypatch.setattr(campaign, "validate", accepts)
    tally = campaign.run(own(), range(100), 0)
    assert tally.differences
    monkeypatch.setattr(campaign, "SECONDS", -1.0)
    assert "slow" in {item.kind for item in campaign.run(own(), range(5), 0).findings}
