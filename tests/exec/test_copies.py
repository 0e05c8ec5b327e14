"""Parameters of a block are assigned as if at one moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plumbob.exec.interp.source_function import parallel_assignment

NAMES = [f"v{number}" for number in range(12)]
TEXTS = st.one_of(
    st.sampled_from(NAMES),
    st.integers(0, 9).map(str),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).map(" + ".join),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(NAMES)).map(
        lambda three: f"{three[0]} if {three[1]} & 0xff else {three[2]}"
    ),
)


@given(st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), unique_by=lambda copy: copy[0]))
def test_every_text_is_read_before_its_names_are_assigned(copies: list[tuple[str, str]]) -> None:
    before = {name: 1000 + 7 * index for index, name in enumerate(NAMES)}
    expected = before | {
        name: eval(text, {}, before)  # noqa: S307  # made up above
        for name, text in copies
    }
    after = dict(before)
    lines = parallel_assignment(copies)
    exec("\n".join(lines), {}, after)  # noqa: S102  # as above
    assert after == expected
    assert len(lines) <= len(copies)


def test_only_cycles_take_tuples() -> None:
    chain = [(f"v{n}", f"v{n + 1}") for n in range(2000)]
    assert parallel_assignment(chain) == [f"{name} = {text}" for name, text in chain]
    lines = parallel_assignment([("v1", "v2"), ("v2", "v1"), ("v3", "v1"), ("v10", "v1")])
    assert lines == ["v3 = v1", "v10 = v1", "v1, v2 = v2, v1"]
