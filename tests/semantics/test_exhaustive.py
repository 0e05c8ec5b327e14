"""Every i8 and every f16: no corner is missed where there are few enough values."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.semantics.corpus import SITES, concrete_runner, describe, site, source_runner
from tests.semantics.oracles import ORACLES

from plumbob.semantics import OPERATIONS
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.semantics.corpus import Runner

    from plumbob.semantics import Site

BYTES = range(256)


def is_all_i8(where: Site) -> bool:
    return all(str(kind) == "i8" for kind in where.operands) and len(where.operands) <= 2


I8_SITES = [(name, where) for name, sites in SITES.items() for where in sites if is_all_i8(where)]


def differences(
    name: str, where: Site, runner: Runner, tuples: Iterable[tuple[int, ...]]
) -> str | None:
    run, oracle = runner(OPERATIONS[name], where), ORACLES[name]
    for values in tuples:
        expected, found = oracle(where, *values), run(*values)
        if expected != found:
            return describe(name, where, values, expected, found)
    return None


@pytest.mark.parametrize(
    ("name", "where"),
    I8_SITES,
    ids=["-".join([n, *map(str, w.immediates), *map(str, w.results)]) for n, w in I8_SITES],
)
def test_all_i8(name: str, where: Site) -> None:
    tuples = list(product(BYTES, repeat=len(where.operands)))
    assert differences(name, where, source_runner, tuples) is None
    # The other runner on a sample: the two are compared everywhere else.
    assert differences(name, where, concrete_runner, tuples[::7]) is None


F16_UNARY = [
    ("sqrt", site("f16", "f16")),
    ("ceil", site("f16", "f16")),
    ("nearest", site("f16", "f16")),
    ("fpromote", site("f16", "f64")),
    ("fcvt_to_sint", site("f16", "i16")),
    ("fcvt_to_uint_sat", site("f16", "i8")),
]


@pytest.mark.parametrize(("name", "where"), F16_UNARY, ids=[name for name, _ in F16_UNARY])
def test_all_f16(name: str, where: Site) -> None:
    assert differences(name, where, source_runner, ((x,) for x in range(1 << 16))) is None


def test_demotion_to_every_f16_from_around_every_tie() -> None:
    promote = SourceLibrary().function(OPERATIONS["fpromote"], site("f16", "f32"))
    ties = []
    for x in range(0, 0x7C00, 3):
        low, high = promote(x), promote(x + 1)
        middle = (low + high) // 2  # of the encodings: the tie, but for some subnormals
        ties += [(middle + delta,) for delta in (-1, 0, 1)]
    assert differences("fdemote", site("f32", "f16"), source_runner, ties) is None


@pytest.mark.parametrize("name", ["fadd", "fmul", "fdiv", "fma"])
def test_many_f16(name: str) -> None:
    rng = Random(name)  # noqa: S311 - test inputs, the same in every run
    arity = OPERATIONS[name].arity
    where = site(" ".join(["f16"] * arity), "f16")
    tuples = (tuple(rng.getrandbits(16) for _ in range(arity)) for _ in range(20_000))
    assert differences(name, where, source_runner, tuples) is None
