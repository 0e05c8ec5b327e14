from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from plumbob.errors import InputError
from plumbob.filetest.clif import RUNNERS, FileResult, run_clif_file, run_file, summary
from plumbob.filetest.clif_file import parse_clif_file
from plumbob.filetest.verdict import FAILED, PASSED, SKIPPED, Verdict
from plumbob.source import Source

ROOT = Path(__file__).resolve().parents[2]


def run(text: str) -> list[tuple[str, int, str]]:
    file = parse_clif_file(Source("t.clif", dedent(text)))
    return [(v.kind, v.line, v.status) for v in run_clif_file(file, "t.clif").verdicts]


def test_heads_are_read() -> None:
    file = parse_clif_file(
        Source(
            "t",
            dedent("""\
                ; about this file
                test verifier
                test optimize precise-output ; with a comment
                set opt_level=speed enable_pinned_reg
                set enable_probestack=false
                target x86_64 has_avx
                target pulley32

                function %f() {}
                """),
        )
    )
    assert [(c.name, c.args, c.line) for c in file.commands] == [
        ("verifier", (), 2),
        ("optimize", ("precise-output",), 3),
    ]
    assert file.settings == {
        "opt_level": "speed",
        "enable_pinned_reg": "true",
        "enable_probestack": "false",
    }
    assert file.enabled("enable_pinned_reg")
    assert not file.enabled("enable_probestack")
    assert not file.enabled("unheard_of")
    assert file.targets == (("x86_64", "has_avx"), ("pulley32",))
    assert [c.text for c in file.comments] == ["; about this file", "; with a comment"]
    assert len(file.functions) == 1


@pytest.mark.parametrize(
    ("targets", "bits"),
    [("", 64), ("target x86_64", 64), ("target pulley32", 32), ("target pulley32be", 32),
     ("target pulley32\ntarget pulley32be", 32), ("target pulley32\ntarget s390x", 64)],
)  # fmt: skip
def test_the_target_gives_the_width_of_pointers(targets: str, bits: int) -> None:
    assert parse_clif_file(Source("t", f"test cat\n{targets}\n")).pointer_bits() == bits


@pytest.mark.parametrize("head", ["tst cat", "test", "function (", "set", "42"])
def test_malformed_heads(head: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_clif_file(Source("t", f"test cat\n{head}\n"))
    assert str(caught.value).startswith("t:2:")


VERIFIER = """\
    test verifier

    function %good() {
    block0:
        return
    }

    function %bad(i32, i64) { ; error: invalid extension
    block0(v0: i32, v1: i64):
        v2 = iadd v0, v1 ; error: arg 1 (v1) has type i64
        return
    }
    """


def test_errors_and_comments_match_one_to_one() -> None:
    assert run(VERIFIER) == [
        ("verifier", 3, PASSED),
        ("error", 8, FAILED),  # no such error
        ("error", 10, PASSED),
        ("verifier", 8, PASSED),
    ]
    assert run(VERIFIER.replace("; error: arg 1", "; fine: arg 1")) == [
        ("verifier", 3, PASSED),
        ("error", 8, FAILED),
        ("verifier", 10, FAILED),  # one error too many
    ]
    # The fragment alone is not enough: the error must be of the entity before the comment.
    elsewhere = VERIFIER.replace(
        " ; error: arg 1 (v1) has type i64\n        return",
        "\n        return ; error: arg 1 (v1) has type i64",
    )
    assert [s for *_, s in run(elsewhere)] == [PASSED, FAILED, FAILED, FAILED]


def test_one_error_satisfies_one_comment() -> None:
    twice = VERIFIER.replace("type i64\n", "type i64\n        ; error: has type i64\n")
    assert [s for *_, s in run(twice)] == [PASSED, FAILED, PASSED, FAILED, PASSED]


def test_cat_matches_directives_and_reads_back() -> None:
    text = """\
        test cat

        ; Of every function: regex: V=v\\d+
        function %f(i32) {
        block0(v0: i32):
            v1 = iadd v0, v0
            return
        }
        ; sameln: function %f(i32) fast {
        ; nextln: block0($(x=$V): i32)
        ; nextln: $V = iadd $x, $x
        ; not: isub
        function %g() {}
        ; check: %h
        ; check: %g
        """
    assert run(text) == [
        ("sameln", 9, PASSED),
        ("nextln", 10, PASSED),
        ("nextln", 11, PASSED),
        ("not", 12, PASSED),
        ("cat", 4, PASSED),
        ("check", 14, FAILED),
        ("check", 15, FAILED),
        ("cat", 13, PASSED),
    ]


DOMTREE = """\
    test domtree

    function %f(i32) {
    block0(v0: i32):
        brif v0, block1, block2 ; dominates: block1 block2 block3
    block1:
        jump block3
    block2:
        jump block3
    block3:
        return
    }
    ; check: cfg_postorder:
    ; sameln: block3 block1 block2 block0
    ; check: domtree_preorder {
    ; nextln: block0: block2 block1 block3
    ; nextln: block2:
    ; nextln: block1:
    ; nextln: block3:
    ; nextln: }
    """


def test_dominators() -> None:
    assert {s for *_, s in run(DOMTREE)} == {PASSED}
    assert ("dominates", 5, PASSED) in run(DOMTREE)
    missing = run(DOMTREE.replace("block1 block2 block3\n", "block1 block2\n"))
    assert ("domtree", 3, FAILED) in missing
    for wrong in ("block1 block2 block3 block9", "block1 block1 block2 block3", "x"):
        assert ("dominates", 5, FAILED) in run(
            DOMTREE.replace("dominates: block1 block2 block3", f"dominates: {wrong}")
        )
    misplaced = DOMTREE.replace("function %f(i32) {", "function %f(i32) { ; dominates: block0")
    assert ("dominates", 3, FAILED) in run(misplaced)
    jump = "block1:\n        jump block3"
    swapped = DOMTREE.replace(jump, jump + " ; dominates: block2")
    assert ("dominates", 7, FAILED) in run(swapped)


def test_commands_of_others_are_ignored_and_unknown_ones_skipped() -> None:
    assert run("test optimize precise-output\nfunction %f() {}") == [("file", 1, SKIPPED)]
    assert run("function %f() {}") == [("file", 1, SKIPPED)]
    assert run("test juggle\ntest cat\nfunction %f() {}")[0] == ("juggle", 1, SKIPPED)


def test_runners_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNNERS, "juggle", lambda file: [Verdict("juggle", len(file.functions))])
    assert run("test juggle\nfunction %f() {}\nfunction %g() {}") == [("juggle", 2, PASSED)]


def test_files_that_cannot_be_read_fail(tmp_path: Path) -> None:
    path = tmp_path / "bad.clif"
    path.write_text("test cat\nfunction %f( {}\n")
    assert [(v.kind, v.line, v.status) for v in run_file(path).verdicts] == [("parse", 2, FAILED)]
    path.write_bytes(b"\xff\xfe")
    assert run_file(path).verdicts[0].status == FAILED
    assert run_file(tmp_path / "missing.clif").verdicts[0].status == FAILED


def test_results_become_plain_data() -> None:
    results = [
        FileResult("a", (Verdict("error", 1), Verdict("check", 2, FAILED, "no"))),
        FileResult("b", (Verdict("run", 7, SKIPPED, "later"),)),
    ]
    data = summary(results)
    assert json.loads(json.dumps(data)) == {
        "total": {"passed": 1, "failed": 1, "skipped": 1},
        "kinds": {
            "check": {"passed": 0, "failed": 1, "skipped": 0},
            "error": {"passed": 1, "failed": 0, "skipped": 0},
            "run": {"passed": 0, "failed": 0, "skipped": 1},
        },
        "files": [
            {
                "file": "a",
                "passed": 1,
                "failed": 1,
                "skipped": 0,
                "failures": [{"line": 2, "reason": "no"}],
                "skips": [],
            },
            {
                "file": "b",
                "passed": 0,
                "failed": 0,
                "skipped": 1,
                "failures": [],
                "skips": [{"line": 7, "reason": "later"}],
            },
        ],
    }


def test_our_own_files() -> None:
    paths = sorted((ROOT / "filetests" / "ir").glob("*.clif"))
    assert paths
    for path in paths:
        result = run_file(path)
        assert [v for v in result.verdicts if v.status != PASSED] == [], path


def test_the_suites_hold(suites: Path) -> None:
    results = [
        run_file(path)
        for folder in ("verifier", "parser", "cfg", "domtree")
        for path in sorted((suites / "clif" / folder).glob("*.clif"))
    ]
    assert len(results) == 43
    data = summary(results)
    assert data["total"]["failed"] == data["total"]["skipped"] == 0, data["files"]
    assert data["total"]["passed"] > 700
