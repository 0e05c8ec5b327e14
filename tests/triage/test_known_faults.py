"""Known faults of published releases: who is wrong, since when, until when; `-m registry`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from plumbob.engines.cache import Cache
from plumbob.triage.bisect.checked import CheckedJudge, Job
from plumbob.triage.bisect.judge import BAD
from plumbob.triage.bisect.ranges import Range
from plumbob.triage.bisect.run import Bisection, Found
from plumbob.triage.check.check import Checker
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.subject import Subject
from plumbob.wasm import features
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

FAULTS = Path(__file__).resolve().parents[2] / "examples" / "faults"

pytestmark = pytest.mark.registry


class Known(NamedTuple):
    """A fault, the releases it is looked for in, and where it is known to be."""

    program: str
    engine: str
    oldest: str | None
    newest: str | None
    range: Range
    gave: str
    settings: tuple[str, ...] = ()
    """Those under which the last bad release is bad."""


EVERY_OPT = ("none", "speed", "speed_and_size")
WASMTIME = [
    Known(
        "wasmtime-shl-address", "wasmtime", "0.36", "7.0.0",
        Range("0.36.0", "0.37.0", "6.0.0", "7.0.0"), "trap: out of bounds memory access", EVERY_OPT,
    ),
    Known(
        "wasmtime-shuffle", "wasmtime", "0.40.0", "7.0.0",
        Range("0.40.0", "1.0.0", "6.0.0", "7.0.0"), "0x", EVERY_OPT,
    ),
    Known(
        "wasmtime-multiply", "wasmtime", "16.0.0", "19.0.0",
        Range("16.0.0", "17.0.0", "18.0.0", "18.0.2"), "16", ("speed", "speed_and_size"),
    ),
    Known(
        "wasmtime-i31-global", "wasmtime", "25.0.0", "31.0.0",
        Range(None, "27.0.1", "30.0.0", "31.0.0"), "crash: SIGILL", EVERY_OPT,
    ),
]  # fmt: skip
JAVASCRIPT = [
    Known(
        "node-spill", "node", "18.14.1", "18.16.0",
        Range("18.14.1", "18.14.2", "18.15.0", "18.16.0"), "371380453376", ("turbofan",),
    ),
    Known(
        "bun-shuffle", "bun", "1.3.11", "1.4.0",
        Range("1.3.11", "1.3.12", "1.3.14", "1.4.0"), "0x0000", ("omg",),
    ),
    Known(
        "bun-carry", "bun", "1.3.11", "1.3.12",
        Range(None, "1.3.11", "1.3.11", "1.3.12"), "1", ("omg",),
    ),
    Known(
        "bun-remainder", "bun:tier=bbq", "1.3.13", "1.3.14",
        Range(None, "1.3.13", "1.3.13", "1.3.14"), "trap: integer overflow", ("bbq",),
    ),
]  # fmt: skip
BINARYEN = [
    (
        "binaryen-tail-call", "-all -O3", "98.0.0",
        Range(None, "100.0.0", "117.0.0", "118.0.0"), "inlining",
    ),
    (
        "binaryen-heap-store", "-all -O2", "110.0.0",
        Range(None, "116.0.0", "120.0.0", "121.0.0"), "heap-store-optimization",
    ),
    (
        "binaryen-gufa-escape", "-all --gufa", "114.0.0",
        Range(None, "116.0.0", "120.0.0", "121.0.0"), "gufa",
    ),
    (
        "binaryen-br-table", "-O1", "96.0.0",
        Range(None, "96.0.0", "97.0.0", "98.0.0"), "remove-unused-brs",
    ),
    (
        "binaryen-packing", "-O2", "97.0.0",
        Range(None, "97.0.0", "98.0.0", "99.0.0"), "memory-packing",
    ),
]  # fmt: skip


def subject(name: str) -> Subject:
    text = (FAULTS / f"{name}.wat").read_text()
    return Subject.prepare(encode(parse_text(text, features=features.ALL)))


def bisect(name: str, engine: str, oldest: str | None, newest: str | None) -> Found:
    cache = Cache()
    with Pool(cache=cache) as pool:
        judge = CheckedJudge([Job(subject(name))], pool)
        return Bisection(judge, cache).run(engine, oldest=oldest, newest=newest)


def find(known: Known) -> None:
    found = bisect(known.program, known.engine, known.oldest, known.newest)
    assert found.ranges == (known.range,)
    verdicts = {one.version: one.verdict for one in found.releases}
    assert verdicts[known.range.last_bad].gave.startswith(known.gave)
    bad = {
        one.value
        for one in found.settings
        if one.verdict.result == BAD and one.option in ("opt", "tier") and one.value != "natural"
    }
    assert bad == set(known.settings)


@pytest.mark.parametrize("known", WASMTIME, ids=lambda known: known.program)
def test_wasmtime(known: Known) -> None:
    find(known)


@pytest.mark.slow
@pytest.mark.parametrize("known", JAVASCRIPT, ids=lambda known: known.program)
def test_compilers_of_javascript_engines(known: Known) -> None:
    find(known)


@pytest.mark.parametrize(
    ("name", "passes", "oldest", "expected", "culprit"), BINARYEN, ids=[one[0] for one in BINARYEN]
)
def test_binaryen(name: str, passes: str, oldest: str, expected: Range, culprit: str) -> None:
    found = bisect(name, f"binaryen:passes={passes}", oldest, expected.first_good_after)
    assert found.ranges == (expected,)
    assert found.passes is not None
    assert (found.passes.version, found.passes.name) == (expected.last_bad, culprit)


@pytest.mark.slow
def test_a_tail_call_out_of_a_try() -> None:
    found = bisect("bun-tail-call-try", "bun", "1.3.6", "1.3.7")
    assert found.ranges == (Range("1.3.6", "1.3.7", "1.3.7", None),)
    bad = {
        one.value
        for one in found.settings
        if one.verdict.result == BAD and one.option in ("opt", "tier") and one.value != "natural"
    }
    assert "omg" in bad
    assert bad.isdisjoint(("bbq", "interpreter"))


def test_a_host_function_that_was_tail_called_and_calls_back() -> None:
    found = bisect("wasmtime-host-tail-call", "wasmtime", "18.0.0", "28.0.0")
    assert found.ranges == (Range(None, "19.0.0", "25.0.0", "27.0.1"),)
    verdicts = {one.version: one.verdict for one in found.releases}
    assert verdicts["25.0.0"].gave == "crash: SIGABRT"
    assert "imports of the host's call back" in verdicts["25.0.0"].where


def test_a_success_of_grow_that_cannot_be_is_no_matter_of_taste() -> None:
    with Pool() as pool:
        checker = Checker(subject("wasm3-grow"), pool)
        wrong, right = checker.judge("wasm3==0.5.0"), checker.judge("wasmtime==50.0.1")
    assert right.good
    assert wrong.findings[0].place.step == "call"
    assert not wrong.good
