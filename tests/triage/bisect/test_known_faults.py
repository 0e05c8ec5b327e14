"""The three known faults, on the published releases; `-m registry`."""

from __future__ import annotations

from pathlib import Path

import pytest

from plumbob.engines.cache import Cache
from plumbob.triage.bisect.checked import CheckedJudge, Job
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED
from plumbob.triage.bisect.passes import ORIGINAL, FunctionName
from plumbob.triage.bisect.ranges import Range
from plumbob.triage.bisect.run import Bisection, Found
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.subject import Subject
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

FAULTS = Path(__file__).resolve().parents[3] / "examples" / "faults"

pytestmark = pytest.mark.registry


def bisect(text: str, engine: str, oldest: str | None = None, newest: str | None = None) -> Found:
    module = encode(parse_text(text))
    cache = Cache()
    with Pool(cache=cache) as pool:
        judge = CheckedJudge([Job(Subject.prepare(module))], pool)
        return Bisection(judge, cache).run(engine, oldest=oldest, newest=newest)


def fault(name: str) -> str:
    return (FAULTS / f"{name}.wat").read_text()


def test_a_reference_s_slot_is_overwritten() -> None:
    found = bisect(fault("wasmtime-45-gc"), "wasmtime")
    assert found.ranges == (Range("44.0.0", "45.0.0", "45.0.0", "46.0.1"),)
    verdicts = {one.version: one.verdict for one in found.releases}
    assert verdicts["45.0.0"] == (BAD, "test()", "48", "210")
    assert verdicts["25.0.0"].result == UNSUPPORTED
    assert verdicts["30.0.0"] == (GOOD, "test()", "210", "")
    # From 31 on a stale reference shows once collections are forced: another fault.
    assert verdicts["44.0.0"] == (GOOD, "", "bad with gc=stress alone", "")
    levels = [one for one in found.settings if one.option == "opt"]
    assert [one.verdict.result for one in levels] == [BAD] * 3


def test_a_load_reads_too_much() -> None:
    found = bisect(fault("wasmtime-copysign"), "wasmtime")
    assert found.ranges == (Range("6.0.0", "7.0.0", "41.0.0", "42.0.0"),)
    assert "out of bounds" in found.settings[0].verdict.gave
    levels = [one for one in found.settings if one.option == "opt"]
    assert {one.verdict.result for one in levels} == {BAD}


def test_the_settings_that_make_the_difference() -> None:
    # Without `return` the use of the load is in a block of its own once there are no
    # redundant block parameters, which is what optimising removes.
    text = fault("wasmtime-copysign").replace("(return", "(block (result f64)")
    found = bisect(text, "wasmtime:opt=none", "41.0.0", "42.0.0")
    assert found.ranges == (Range(None, "41.0.0", "41.0.0", "42.0.0"),)
    told = {one.value: one.verdict.result for one in found.settings if one.option == "opt"}
    assert told == {"none": BAD, "speed": GOOD, "speed_and_size": GOOD}


def test_two_expressions_that_are_written_alike() -> None:
    found = bisect(fault("binaryen-abs"), "binaryen:passes=-O2")
    assert found.ranges == (
        Range("98.0.0", "99.0.0", "109.0.0", "110.0.0"),
        Range("117.0.0", "118.0.0", "130.0.0", "131.0.0"),
    )
    assert found.passes is not None
    assert found.passes.version == "130.0.0"
    assert found.passes.name == "optimize-instructions"
    assert found.passes.function == FunctionName(0, "test")
    assert found.passes.alone_on == ORIGINAL
    assert [flip.result for flip in found.passes.flips] == [BAD]


@pytest.mark.parametrize(
    ("version", "within"),
    [  # older releases took two calls for the same value, newer ones what is inlined of them
        ("99.0.0", None),
        ("102.0.0", None),
        ("118.0.0", "inlining-optimizing"),
        ("130.0.0", "inlining-optimizing"),
    ],
)
def test_a_pass_that_another_runs(version: str, within: str | None) -> None:
    text = """(module
      (global $state (mut f32) (f32.const -3))
      (func $next (result f32)
        (global.set $state (f32.add (global.get $state) (f32.const 2)))
        (global.get $state))
      (func $test (export "test") (result f32)
        (f32.abs (f32.mul (f32.neg (call $next)) (f32.neg (call $next))))))"""
    found = bisect(text, f"binaryen=={version}:passes=-O3", version, version)
    assert found.ranges == (Range(None, version, version, None),)
    assert found.passes is not None
    assert found.passes.within == within
    assert found.passes.name == "optimize-instructions"
    assert found.passes.function == FunctionName(1, "test")


def test_a_pass_named_by_hand_behind_a_level() -> None:
    found = bisect(
        fault("binaryen-abs"), "binaryen==130.0.0:passes=--vacuum --optimize-instructions -O1",
        "130.0.0", "130.0.0",
    )  # fmt: skip
    assert found.passes is not None
    assert found.passes.passes[:2] == ("vacuum", "optimize-instructions")
    assert (found.passes.name, found.passes.flips[0].length) == ("optimize-instructions", 2)
    assert found.passes.prefix[:2] == ("--optimize-level=1", "--shrink-level=0")
