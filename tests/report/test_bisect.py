"""What people and programs are told of a bisection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plumbob.report.bisect import data, render, sentences
from plumbob.report.document import cells
from plumbob.triage.bisect.judge import BAD, GOOD, SKIPPED, UNSUPPORTED, Verdict
from plumbob.triage.bisect.passes import BEFORE, ORIGINAL, Flip, FunctionName, PassSearch
from plumbob.triage.bisect.ranges import ranges_of
from plumbob.triage.bisect.run import Found, Setting, Tried
from plumbob.triage.check.machine import machine

VERDICTS = {
    "g": Verdict(GOOD, "test()", "210"),
    "b": Verdict(BAD, "test()", "48", "210"),
    "c": Verdict(BAD, "test()", "crash: SIGSEGV", "210"),
    "u": Verdict(UNSUPPORTED, "compile", "cannot compile\n\nCaused by:\n    no garbage collection"),
    "s": Verdict(SKIPPED, gave="the registry has no wasmtime==2.0.0"),
}

PASSES = PassSearch(
    "5.0.0",
    ("tidy", "fold", "sweep"),
    (Flip(2, "fold", BAD), Flip(3, "sweep", GOOD)),
    ("--optimize-level=2", "--shrink-level=0", "--tidy", "--fold"),
    "fold",
    None,
    ORIGINAL,
    FunctionName(3, "third"),
    "test()",
    "-1",
    "1",
)


def found(pattern: str, **extra: Any) -> Found:
    tried = tuple(
        Tried(f"{place}.0.0", VERDICTS[letter]) for place, letter in enumerate(pattern, 1)
    )
    ranges = tuple(ranges_of((one.version, one.verdict.result) for one in tried))
    base = Found("wasmtime:opt=none", "wasmtime", tried, (), ranges)
    return base._replace(**extra)


def text(result: Found, width: int = 80) -> str:
    return render(result, width=width).plain()


def test_runs_of_releases_and_a_sentence_for_each_range() -> None:
    shown = text(found("usggbbcgb"))
    assert shown.splitlines() == [
        "not supported  1.0.0           1  compile: no garbage collection",
        "skipped        2.0.0           1  the registry has no wasmtime==2.0.0",
        "good           3.0.0 to 4.0.0  2  test(): 210",
        "bad            5.0.0 to 6.0.0  2  test(): 48, expected 210",
        "bad            7.0.0           1  test(): crash: SIGSEGV, expected 210",
        "good           8.0.0           1  test(): 210",
        "bad            9.0.0           1  test(): 48, expected 210",
        "",
        "wasmtime 5.0.0 to 7.0.0 are bad; the last good release before them is 4.0.0, the",
        "first good one after them 8.0.0.",
        "wasmtime 9.0.0 is bad; the last good release before it is 8.0.0, no newer one",
        "was tried.",
    ]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        (
            "gbg",
            (
                "wasmtime 2.0.0 is bad; the last good release before it is 1.0.0, "
                "the first good one after it 3.0.0."
            ),
        ),
        (
            "ubu",
            (
                "wasmtime 2.0.0 is bad; no release tried before it is good, "
                "none tried after it is good."
            ),
        ),
        (
            "bb",
            "wasmtime 1.0.0 to 2.0.0 are bad; no older release was tried, no newer one was tried.",
        ),
        ("b", "wasmtime 1.0.0 is bad; no other release was tried."),
    ],
)
def test_sentences(pattern: str, sentence: str) -> None:
    assert sentences(found(pattern)) == [sentence]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("ugg", "None of the 2 releases of wasmtime that support this program is bad."),
        ("ug", "wasmtime 2.0.0 is good; no other release that was tried supports this."),
        ("us", "No release of wasmtime that was tried could be judged on this program."),
    ],
)
def test_nothing_bad(pattern: str, sentence: str) -> None:
    assert text(found(pattern)).splitlines()[-1] == sentence


def test_settings_notes_and_what_was_not_tried() -> None:
    result = found(
        "gb",
        settings=(
            Setting("2.0.0", "opt", "none", VERDICTS["b"]),
            Setting("2.0.0", "opt", "speed", VERDICTS["g"]),
            Setting("2.0.0", "opt", "speed_and_size", VERDICTS["g"]),
        ),
        not_tried=tuple(f"3.{n}.0" for n in range(12)),
        notes=("passed over: 2 pre-releases",),
    )
    shown = " ".join(text(result).split())
    assert "2.0.0: bad with opt=none; good with opt=speed and opt=speed_and_size." in shown
    assert "note: passed over: 2 pre-releases" in shown
    assert "Not tried: 12 of 14 releases (3.0.0, 3.1.0," in shown
    assert "3.7.0 and others). --all tries them too." in shown


def test_passes() -> None:
    shown = " ".join(text(found("gb", passes=PASSES)).split())
    assert (
        "In 5.0.0 the pass that turns the result is fold in the function third (pass 2 of 3). "
        "That pass alone turns it, run on the program as it is. "
        "flags: --optimize-level=2 --shrink-level=0 --tidy --fold "
        "prefixes: bad from 2 (fold) and good from 3 (sweep)."
    ) in shown
    inner = PASSES._replace(
        name="dce", within="fold", alone_on=BEFORE, function=FunctionName(2, None)
    )
    shown = " ".join(text(found("gb", passes=inner)).split())
    assert "is dce, run by fold, in function 2 (pass 2 of 3)" in shown
    assert "on the module that the passes before it make" in shown
    shown = " ".join(text(found("gb", passes=inner._replace(function=None))).split())
    assert "is dce, run by fold (pass 2 of 3)" in shown
    silent = PassSearch("5.0.0", notes=("lists no passes",))
    assert "note: lists no passes" in text(found("gb", passes=silent))


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("pattern", ["g", "usggbbcgb", "u" * 40 + "b" * 30])
def test_lines_fit(width: int, pattern: str) -> None:
    long = Verdict(UNSUPPORTED, "compile", "the reason " * 40)
    result = found(pattern, passes=PASSES, notes=("a note " * 30,))
    result = result._replace(releases=(*result.releases, Tried("99.0.0", long)))
    # A name that is longer than the line cannot be broken; releases and counts keep 20 cells.
    room = max(width, 64)
    assert all(cells(line) <= room for line in text(result, width).splitlines())


def test_hostile_words_reach_no_terminal() -> None:
    evil = Verdict(BAD, "\x1b[31m()", "\x1b]0;x\x07", "\u202e")
    result = found("g")._replace(releases=(Tried("1.0.0", evil),))
    assert "\x1b" not in text(result)
    assert "\u202e" not in text(result)


def test_data() -> None:
    result = found(
        "usgbg",
        settings=(Setting("4.0.0", "opt", "none", VERDICTS["b"]),),
        passes=PASSES,
        not_tried=("3.5.0",),
        notes=("a note",),
    )
    told = json.loads(json.dumps(data(result, "x.wat")))
    here = told.pop("machine")
    assert here["cpu"] == machine().cpu
    assert here["flags"] == list(machine().flags)
    bad = {"result": "bad", "where": "test()", "gave": "48", "expected": "210"}
    good = {"result": "good", "where": "test()", "gave": "210", "expected": None}
    assert told == {
        "version": 1,
        "file": "x.wat",
        "engine": "wasmtime:opt=none",
        "ranges": [
            {
                "last_good_before": "3.0.0",
                "first_bad": "4.0.0",
                "last_bad": "4.0.0",
                "first_good_after": "5.0.0",
            }
        ],
        "pass": "fold",
        "function": {"index": 3, "name": "third"},
        "releases": [
            {
                "version": "1.0.0",
                "result": "unsupported",
                "where": "compile",
                "gave": VERDICTS["u"].gave,
                "expected": None,
            },
            {"version": "3.0.0", **good},
            {"version": "4.0.0", **bad},
            {"version": "5.0.0", **good},
        ],
        "skipped": [{"version": "2.0.0", "reason": "the registry has no wasmtime==2.0.0"}],
        "not_tried": ["3.5.0"],
        "options": [{"version": "4.0.0", "option": "opt", "value": "none", **bad}],
        "prefix": {
            "version": "5.0.0",
            "passes": ["tidy", "fold", "sweep"],
            "flips": [
                {"length": 2, "pass": "fold", "result": "bad"},
                {"length": 3, "pass": "sweep", "result": "good"},
            ],
            "length": 2,
            "flags": ["--optimize-level=2", "--shrink-level=0", "--tidy", "--fold"],
            "within": None,
            "alone_on": "original",
            "where": "test()",
            "gave": "-1",
            "expected": "1",
            "notes": [],
        },
        "notes": ["a note"],
        "sentences": [
            (
                "wasmtime 4.0.0 is bad; the last good release before it is 3.0.0, "
                "the first good one after it 5.0.0."
            )
        ],
    }


def test_data_without_anything() -> None:
    told = data(found("g"), "x.wat")
    assert (told["ranges"], told["pass"], told["function"], told["prefix"]) == (
        [],
        None,
        None,
        None,
    )
