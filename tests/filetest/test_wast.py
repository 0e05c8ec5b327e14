"""The runner of scripts at the stage `validate`: what counts, verdicts, features, shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from plumbob.errors import UsageError
from plumbob.filetest.wast import (
    STAGES,
    FileResult,
    Options,
    features_of,
    report,
    run_file,
    run_files,
)
from plumbob.filetest.wast_stage import Skipped
from plumbob.filetest.wast_validate import ValidateStage
from plumbob.wasm import features as f

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.wasm.text.script import Command

EVERYTHING = """
(module)
(module quote "(memory 1)")
(module binary "\\00asm\\01\\00\\00\\00")
(module definition $D (func))
(module instance $I $D)
(register "x")
(invoke "f")
(get "g")
(assert_return (invoke "f"))
(assert_trap (invoke "f") "trap")
(assert_exhaustion (invoke "f") "stack")
(assert_exception (invoke "f"))
(assert_malformed (module quote "(") "unexpected")
(assert_malformed (module binary "") "unexpected end")
(assert_invalid (module (func (result i32))) "type mismatch")
(assert_malformed_custom (module quote "(@custom)") "missing")
(assert_invalid_custom
  (module (func nop (@metadata.code.branch_hint "\\00") nop)) "target")
(assert_unlinkable (module (import "a" "b" (func))) "unknown import")
(assert_trap (module (func $f unreachable) (start $f)) "unreachable")
"""


def judge(text: str, path: str = "a.wast", **options: object) -> FileResult:
    return run_file(path, text.encode(), Options(**options))  # type: ignore[arg-type]


def test_what_is_counted() -> None:
    result = judge(EVERYTHING)
    assert result.failures == ()
    assert result.kinds == {
        "assert_invalid": (1, 0, 0),
        "assert_invalid_custom": (1, 0, 0),
        "assert_malformed": (2, 0, 0),
        "assert_malformed_custom": (1, 0, 0),
        "assert_trap": (1, 0, 0),
        "assert_unlinkable": (1, 0, 0),
        "module": (4, 0, 0),
    }
    assert result.counts == (11, 0, 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(module (func (result i32)))", "expected valid, found invalid"),
        ('(module quote "(")', "expected valid, found malformed"),
        ('(assert_invalid (module quote "(") "why")', "expected invalid (why), found malformed"),
        ('(assert_invalid (module) "why")', "expected invalid (why), found valid"),
        (
            '(assert_malformed (module (func (result i32))) "why")',
            "expected malformed (why), found invalid",
        ),
        ('(assert_unlinkable (module (func (result i32))) "why")', "expected valid, found invalid"),
        ('(assert_trap (module (func (result i32))) "why")', "expected valid, found invalid"),
        (
            '(assert_malformed_custom (module (@custom "x")) "why")',
            "expected malformed (why), found valid",
        ),
        ('(assert_invalid_custom (module) "why")', "expected invalid (why), found valid"),
        ('(module binary "\\00asm\\0d\\00\\01\\00")', "expected valid, found malformed"),
    ],
)
def test_wrong_verdicts_fail(text: str, reason: str) -> None:
    result = judge("\n" + text)
    assert result.counts == (0, 1, 0)
    (failure,) = result.failures
    assert failure.line == 2
    assert failure.reason.startswith(reason)


def test_a_broken_script_is_a_failure() -> None:
    result = judge("(module)\n(module (func)")
    assert result.kinds == {"script": (0, 1, 0)}
    assert [failure.line for failure in result.failures] == [2]


@pytest.mark.parametrize(
    ("path", "on", "off"),
    [
        ("a.wast", 0, f.THREADS | f.LEGACY_EXCEPTIONS),
        ("proposals/threads/a.wast", f.THREADS, f.MULTI_MEMORY | f.REFERENCE_TYPES | f.GC),
        ("/x/proposals/wide-arithmetic/a.wast", f.WIDE_ARITHMETIC | f.GC, f.THREADS),
        ("proposals/custom-page-sizes/a.wast", f.CUSTOM_PAGE_SIZES, 0),
        ("legacy/a.wast", f.LEGACY_EXCEPTIONS | f.EXCEPTIONS, 0),
        ("legacy.wast", 0, f.LEGACY_EXCEPTIONS),
    ],
)
def test_features_by_folder(path: str, on: int, off: int) -> None:
    features, skip = features_of(path)
    assert features & on == on
    assert not features & off
    assert skip is None


@pytest.mark.parametrize("name", ["custom-descriptors", "stack-switching"])
def test_proposals_that_are_skipped(name: str) -> None:
    result = judge('(module) (invoke "f") (module)', f"proposals/{name}/a.wast")
    assert result.counts == (0, 0, 2)
    assert all(name in skip.reason for skip in result.skips)
    broken = judge("(module", f"proposals/{name}/a.wast")
    assert broken.kinds == {"script": (0, 0, 1)}


def test_given_features_override_the_folder() -> None:
    text = "(module (memory 1 1 shared))"
    assert judge(text, "proposals/threads/a.wast").counts == (1, 0, 0)
    assert judge(text, "proposals/threads/a.wast", features=f.WASM3).counts == (0, 1, 0)
    assert judge(text, features=f.ALL).counts == (1, 0, 0)


def test_dead_code_policies() -> None:
    text = "(module (func (result i32) unreachable (i64.const 0) i32.eqz))"
    assert judge(text).counts == (0, 1, 0)
    assert judge(text, dead_code="relaxed").counts == (1, 0, 0)
    typed = "(module (func $die (result unreachable) unreachable))"
    assert judge(typed).counts == (0, 1, 0)
    assert judge(typed, dead_code="typed").counts == (1, 0, 0)
    assert judge("(module (func unreachable nop))", dead_code="forbidden").counts == (0, 1, 0)


@pytest.mark.parametrize("options", [{"stage": "fly"}, {"dead_code": "undead"}])
def test_unknown_options(options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        judge("(module)", **options)


def test_our_own_bugs_fail_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ValidateStage):
        def judge(self, command: Command) -> str | None:
            if command.line == 2:
                raise KeyError("oops")
            return super().judge(command)

    monkeypatch.setitem(STAGES, "validate", Broken)
    result = judge("(module)\n(module)\n(module)")
    assert result.counts == (2, 1, 0)
    assert result.failures[0].reason == "internal error: KeyError: 'oops'"


def test_a_stage_may_skip_and_sees_what_it_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    class Picky(ValidateStage):
        def judge(self, command: Command) -> str | None:
            seen.append(type(command).__name__)
            return Skipped("too hard") if command.line == 2 else super().judge(command)

    monkeypatch.setitem(STAGES, "validate", Picky)
    result = judge('(module)\n(module)\n(invoke "f")')
    assert result.counts == (1, 0, 1)
    assert [skip.reason for skip in result.skips] == ["too hard"]
    assert seen == ["ModuleCommand", "ModuleCommand", "Invoke"]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "legacy").mkdir()
    texts = {
        "a.wast": EVERYTHING,
        "b.wast": "(module)\n(module (func $f) (func $f))",
        "legacy/c.wast": "(module (func (try (do))))",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in texts]


@pytest.mark.parametrize("jobs", [1, 2])
def test_report(files: list[str], jobs: int) -> None:
    data = report(run_files(files, Options(), jobs=jobs))
    assert data["total"] == {"passed": 13, "failed": 1, "skipped": 0}
    assert data["kinds"]["module"] == {"passed": 6, "failed": 1, "skipped": 0}
    assert list(data["kinds"]) == sorted(data["kinds"])
    assert [item["file"] for item in data["files"]] == files
    assert data["files"][1] == {
        "file": files[1],
        "passed": 1,
        "failed": 1,
        "skipped": 0,
        "failures": [
            {
                "line": 2,
                "reason": f"expected valid, found malformed: {files[1]}:2:25: duplicate func: "
                "expected an identifier that no other function has, found `$f`",
            }
        ],
        "skips": [],
    }
    assert json.loads(json.dumps(data)) == data


def test_the_official_suite(suites: Path) -> None:
    paths = sorted(map(str, (suites / "spec").rglob("*.wast")))
    data = report(run_files(paths))
    failures = [item for item in data["files"] if item["failed"]]
    assert failures == []
    assert data["total"]["passed"] > 7600
    assert all("custom-descriptors" in item["file"] for item in data["files"] if item["skipped"])


@pytest.mark.parametrize(
    ("policy", "flips"), [("relaxed-block", 53), ("relaxed", 63), ("typed", 63)]
)
def test_flips_of_the_dead_code_policies(suites: Path, policy: str, flips: int) -> None:
    options = Options(dead_code=policy)
    invalid, valid = run_files(
        [str(suites / "spec" / f"unreached-{kind}.wast") for kind in ("invalid", "valid")], options
    )
    assert invalid.kinds["assert_invalid"] == (121 - flips, flips, 0)
    assert all("found valid" in failure.reason for failure in invalid.failures)
    assert valid.counts[1] == 0
