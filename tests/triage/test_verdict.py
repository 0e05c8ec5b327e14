"""Who is wrong, from what everybody did in one step: laws of the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from plumbob.engines.request import Outcome, OutcomeKind, Value
from plumbob.triage.check.events import CALL, VALUES, Comparison, Difference, Event, Place
from plumbob.triage.check.verdict import AGREE, DISAGREE, UNDECIDED, Contradiction, decide
from plumbob.triage.shims import Observation, Seen

if TYPE_CHECKING:
    from random import Random

PLACE = Place(CALL, 0)
REFERENCE = 0
NAMES = ("wasmtime==1.0.0", "wasmtime==2.0.0", "deno", "node", "bun")


def _event(value: int) -> Event:
    return Event(
        Outcome(OutcomeKind.VALUES, (Value("i32", value),)),
        Observation("values", (Seen("i32", value),)),
    )


def _comparison(name: str, value: int | None) -> Comparison:
    """An engine that gave a value; None where it did not get there."""
    if value is None:
        return Comparison(name)
    difference = Difference(PLACE, VALUES, _event(REFERENCE), _event(value))
    findings = () if value == REFERENCE else (difference,)
    return Comparison(name, findings, events=((PLACE, _event(value)),))


def _kind(name: str) -> str:
    return name.partition("==")[0]


votes = st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(0, 2))


@given(votes)
def test_the_rule(given_: dict[str, int | None]) -> None:
    comparisons = [_comparison(name, value) for name, value in given_.items()]
    found = decide(comparisons, "plumbob")
    against = {name: value for name, value in given_.items() if value}
    somebody_agrees = REFERENCE in given_.values()
    stands_alone = not somebody_agrees and any(
        _kind(one) != _kind(other) and against[one] == against[other]
        for one in against
        for other in against
    )
    if not against:
        assert found.verdict == AGREE
    elif not stands_alone:
        assert found.verdict == DISAGREE
        assert set(found.wrong) == set(against)
    else:
        ((place, names),) = found.undecided
        assert place == PLACE
        assert len({against[name] for name in names}) == 1
        assert set(found.wrong) == set(against) - set(names)
        assert found.verdict == (DISAGREE if found.wrong else UNDECIDED)


@given(votes, st.randoms(use_true_random=False))
def test_the_order_of_engines_does_not_matter(
    given_: dict[str, int | None], random: Random
) -> None:
    comparisons = [_comparison(name, value) for name, value in given_.items()]
    shuffled = list(comparisons)
    random.shuffle(shuffled)
    one, other = decide(comparisons, "plumbob"), decide(shuffled, "plumbob")
    assert one.verdict == other.verdict
    if len({value for value in given_.values() if value}) < 2:  # with two camps either may stand
        assert set(one.wrong) == set(other.wrong)


def test_wrong_engines_come_in_their_order() -> None:
    comparisons = [_comparison(name, 1) for name in ("deno", "wasmtime==2.0.0", "bun")]
    comparisons.append(_comparison("node", REFERENCE))
    assert decide(comparisons, "plumbob").wrong == ("deno", "wasmtime==2.0.0", "bun")


def test_a_contradicted_reference_is_wrong_first() -> None:
    contradiction = Contradiction(PLACE, _event(REFERENCE), "where 5 is asserted")
    found = decide([_comparison("deno", 1)], "plumbob:tier=interp", [contradiction])
    assert found.wrong == ("plumbob:tier=interp", "deno")
    assert found.verdict == DISAGREE


def test_a_step_decides_for_itself() -> None:
    """Undecided in one step, wrong in another: who agrees elsewhere has no vote here."""
    later = Place(CALL, 1)
    two_kinds = [
        Comparison(
            name,
            (Difference(PLACE, VALUES, _event(0), _event(1)),),
            events=((PLACE, _event(1)), (later, _event(0))),
        )
        for name in ("deno", "bun")
    ]
    other = Comparison(
        "node",
        (Difference(later, VALUES, _event(0), _event(7)),),
        events=((later, _event(7)),),
    )
    found = decide([*two_kinds, other], "plumbob")
    assert found.wrong == ("node",)
    assert found.undecided == ((PLACE, ("deno", "bun")),)
    assert found.verdict == DISAGREE
