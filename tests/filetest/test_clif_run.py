"""The official runtests of CLIF: every `; run:` line, bit for bit, in both ways of executing.

The number of lines is counted as text as well, and pinned as a minimum, so that a parser
that loses comments cannot pass by judging less.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.conftest import SUITES

from plumbob.filetest.clif_file import parse_clif_file, read_clif_file
from plumbob.filetest.clif_run import FileRunner
from plumbob.filetest.clif_run_values import parse_invocation
from plumbob.filetest.verdict import FAILED, PASSED
from plumbob.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.exec.interp import Mode
    from plumbob.filetest.clif_file import ClifFile

MINIMUM_FILES = 208
MINIMUM_LINES = 8_644
MINIMUM_WITH_SLOTS = 4
SEEDS = range(1, 6)
MODES: tuple[Mode, ...] = ("source", "walk")

_RUN_LINE = re.compile(r"^\s*;+\s*run:([^;\n]*)", re.MULTILINE)
# Parameters are made before fixtures: without the suites there are none.
_RUNTESTS = SUITES / "clif" / "runtests"
FILES = sorted(str(path.relative_to(_RUNTESTS)) for path in _RUNTESTS.rglob("*.clif"))


def run_lines(file: ClifFile) -> list[str]:
    return [match.strip() for match in _RUN_LINE.findall(file.source.text or "")]


def slots(file: ClifFile) -> int:
    """How many slots the file's functions have together."""
    functions = [parsed.function for parsed in file.functions]
    return sum(len(f.stack_slots) + len(f.dynamic_slots) for f in functions)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FILES)
def test_every_run_line_holds(suites: Path, name: str, mode: Mode) -> None:
    file = read_clif_file(suites / "clif" / "runtests" / name)
    verdicts = list(FileRunner(file, mode=mode).judge())
    assert [v for v in verdicts if v.status != PASSED] == []
    assert len([v for v in verdicts if v.kind == "run"]) == len(run_lines(file))


def test_the_suite_is_whole(suites: Path) -> None:
    paths = sorted((suites / "clif" / "runtests").rglob("*.clif"))
    assert len(paths) >= MINIMUM_FILES
    judged = [
        verdict.kind for path in paths for verdict in FileRunner(read_clif_file(path)).judge()
    ]
    assert judged.count("run") >= MINIMUM_LINES


def test_the_order_of_slots_changes_no_result(suites: Path) -> None:
    paths = sorted((suites / "clif" / "runtests").rglob("*.clif"))
    files = [file for file in map(read_clif_file, paths) if slots(file) > 1]
    assert len(files) >= MINIMUM_WITH_SLOTS
    for file in files:
        calls = [parse_invocation(line) for line in run_lines(file)]
        assert calls, file.source.name
        expected = [FileRunner(file).run(call) for call in calls]
        for mode in MODES:
            for seed in SEEDS:
                runner = FileRunner(file, mode=mode, seed=seed)
                assert [runner.run(call) for call in calls] == expected, (file.source.name, seed)


EXAMPLE = """
test interpret
function %add(i8, i8) -> i8 {
block0(v0: i8, v1: i8):
    v2 = iadd v0, v1
    return v2
}
; run: %add(127, 1) == -128
; run: %add(127, 1) != 127
; run: %add(1, 2) == 4 ; a remark
; run: %add(1) == 1
; run: %sub(1, 1) == 0
; run: %add(1, 2)
; print: %add(1, 2)

function %nan() -> f32 {
block0:
    v0 = f32const +sNaN:0x1
    return v0
}
; run: %nan() == +sNaN:0x1
; run: %nan() == +NaN

function %trap(i32) -> i32 {
block0(v0: i32):
    v1 = sdiv v0, v0
    return v1
}
; run: %trap(1) == 1
; run: %trap(0) == 0
"""


@pytest.mark.parametrize("mode", MODES)
def test_a_line_that_does_not_hold_fails_and_says_why(mode: Mode) -> None:
    verdicts = list(FileRunner(parse_clif_file(Source("t", EXAMPLE)), mode=mode).judge())
    assert [v.status == PASSED for v in verdicts] == [
        True, True, False, False, False, False, True, True, False, True, False,
    ]  # fmt: skip
    reasons = [v.reason for v in verdicts if v.status == FAILED]
    assert "expected == 4, found 3" in reasons[0]
    assert "expected 2 values" in reasons[1]
    assert "no such function" in reasons[2]
    assert "nothing to compare with" in reasons[3]
    assert "expected == +NaN" in reasons[4]
    assert "trap int_divz at %trap inst0" in reasons[5]


def test_a_file_whose_functions_are_wrong_runs_nothing() -> None:
    wrong = EXAMPLE.replace("v2 = iadd v0, v1", "v2 = iadd v0, v3", 1).replace(
        "block0(v0: i8, v1: i8):", "block0(v0: i8, v1: i8):\n    v3 = iconst.i16 0", 1
    )
    verdicts = list(FileRunner(parse_clif_file(Source("t", wrong))).judge())
    assert verdicts
    assert {(v.kind, v.status) for v in verdicts} == {("verifier", FAILED)}
