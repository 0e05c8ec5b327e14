"""`plumbob wast`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.support import Run

GOOD = """(module (func (export "f") (result i32) i32.const 1))
(assert_return (invoke "f") (i32.const 1))
(assert_invalid (module (func (result i32))) "type mismatch")
(assert_malformed (module quote "(func i32.nonsense)") "unknown operator")
"""
BAD = '(module)\n(assert_invalid (module (func)) "type mismatch")\n'


def test_a_script_that_holds(plumbob: Run) -> None:
    told = plumbob("wast", "-", "--stage", "validate", stdin=GOOD.encode())
    assert told.returncode == 0
    assert told.stdout.decode().split()[-4:] == ["total", "3", "0", "0"]


def test_a_script_that_fails(plumbob: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.wast"
    path.write_text(BAD)
    told = plumbob("wast", path)
    assert told.returncode == 1
    assert f"{path}:2: expected invalid" in told.stdout.decode().replace("\n", " ")


def test_the_shape_of_the_json(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "good.wast").write_text(GOOD)
    (tmp_path / "bad.wast").write_text(BAD)
    (tmp_path / "proposals" / "custom-descriptors").mkdir(parents=True)
    (tmp_path / "proposals" / "custom-descriptors" / "x.wast").write_text("(module)")
    told = plumbob("wast", tmp_path, "--json")
    data = json.loads(told.stdout)
    assert told.returncode == 1
    assert data["total"] == {"passed": 4, "failed": 1, "skipped": 1}
    assert data["kinds"]["assert_invalid"] == {"passed": 1, "failed": 1, "skipped": 0}
    bad, good, skipped = data["files"]
    assert Path(bad["file"]).name == "bad.wast"
    assert (bad["passed"], bad["failed"], bad["skipped"]) == (1, 1, 0)
    assert [failure["line"] for failure in bad["failures"]] == [2]
    assert (good["failures"], good["skips"]) == ([], [])
    assert [skip["line"] for skip in skipped["skips"]] == [1]
    assert skipped["skips"][0]["reason"]


def test_processes_change_nothing(plumbob: Run, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.wast").write_text(GOOD if number % 2 else BAD)
    one = plumbob("wast", tmp_path, "--json")
    two = plumbob("wast", tmp_path, "--json", "-n", "2")
    assert one.stdout == two.stdout


def test_policies_and_features(plumbob: Run) -> None:
    script = b'(assert_invalid (module (func unreachable i32.const 1 i64.eqz drop)) "")'
    assert plumbob("wast", "-", stdin=script).returncode == 0
    assert plumbob("wast", "-", "--dead-code", "relaxed", stdin=script).returncode == 1
    script = b"(module (memory 1) (memory 1))"
    assert plumbob("wast", "-", stdin=script).returncode == 0
    assert plumbob("wast", "-", "--features=-multi-memory", stdin=script).returncode == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_a_missing_script_hides_nothing(plumbob: Run, tmp_path: Path, processes: int) -> None:
    (tmp_path / "good.wast").write_text(GOOD)
    told = plumbob(
        "wast", tmp_path / "missing.wast", tmp_path / "good.wast", "--json", "-n", processes
    )
    data = json.loads(told.stdout)
    assert told.returncode == 2
    assert data["total"]["passed"] == 3
    assert [Path(item["file"]).name for item in data["errors"]] == ["missing.wast"]


def test_a_script_that_cannot_be_parsed_fails(plumbob: Run) -> None:
    assert plumbob("wast", "-", stdin=b"(module").returncode == 1


def test_a_folder_without_scripts(plumbob: Run, tmp_path: Path) -> None:
    assert plumbob("wast", tmp_path).returncode == 2


@pytest.mark.parametrize("arguments", [["--stage", "dream"], ["--dead-code", "x"], ["-n", "0"]])
def test_bad_wishes(plumbob: Run, arguments: list[str]) -> None:
    assert plumbob("wast", "-", *arguments, stdin=b"").returncode == 2


def test_the_official_suite(plumbob: Run, suites: Path) -> None:
    told = plumbob("wast", suites / "spec" / "i32.wast", "--json")
    assert json.loads(told.stdout)["total"] == {"passed": 86, "failed": 0, "skipped": 0}


def test_a_place_is_said_once(plumbob: Run) -> None:
    told = plumbob("wast", "-", stdin=b"(module (func)")
    assert told.stdout.decode().startswith("<stdin>:1:1: unclosed parenthesis")
    told = plumbob("wast", "-", "--stage", "run", stdin=b"(module)\n(module\n (func i32.foo))")
    assert told.stdout.decode().startswith("<stdin>:3:8: unknown operator")
