"""`plumbob compile`: which functions it prints, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cli.support import INVALID, MALFORMED, VALID

from plumbob.ir.parser import parse_clif

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import Run

MODULE = """(module
  (import "host" "log" (func $log (param i32)))
  (func $add (export "sum") (export "plus") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func $main (call $log (call $add (i32.const 1) (i32.const 2)))))"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "m.wat"
    file.write_text(MODULE)
    return str(file)


def test_prints_every_function_with_a_body(plumbob: Run, path: str) -> None:
    done = plumbob("compile", path, "--emit", "clif")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert [str(func.name.number) for func in parse_clif(text)] == ["1", "2"]  # type: ignore[union-attr]
    assert text.startswith("; $add\n; sum\n; plus\nfunction u0:1(i32, i32) -> i32 tail {\n")
    assert "iadd v0, v1" in text


@pytest.mark.parametrize("name", ["1", "sum", "plus", "$add"])
def test_a_function_has_several_names(plumbob: Run, path: str, name: str) -> None:
    done = plumbob("compile", path, "--emit", "clif", "--stage", "translated", "--func", name)
    (function,) = parse_clif(done.stdout.decode())
    assert str(function.name.number) == "1"  # type: ignore[union-attr]


def test_functions_come_in_the_order_of_the_options(plumbob: Run, path: str) -> None:
    done = plumbob("compile", path, "--emit", "clif", "--func", "2", "--func", "sum")
    numbers = [func.name.number for func in parse_clif(done.stdout.decode())]  # type: ignore[union-attr]
    assert numbers == [2, 1]


@pytest.mark.parametrize(
    ("name", "words"),
    [("0", "imported"), ("$log", "imported"), ("3", "below 3"), ("$ad", "is it '$add'?")],
)
def test_what_has_no_body_is_refused(plumbob: Run, path: str, name: str, words: str) -> None:
    done = plumbob("compile", path, "--emit", "clif", "--func", name)
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_writes_a_file(plumbob: Run, path: str, tmp_path: Path) -> None:
    target = tmp_path / "out.clif"
    done = plumbob("compile", path, "--emit", "clif", "-o", str(target))
    assert (done.returncode, done.stdout) == (0, b"")
    assert len(parse_clif(target.read_text())) == 2


@pytest.mark.parametrize("text", [INVALID, MALFORMED])
def test_an_invalid_module_is_explained(plumbob: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.wat"
    file.write_text(text)
    done = plumbob("compile", str(file), "--emit", "clif")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"error" in done.stderr


def test_features_decide_what_is_valid(plumbob: Run, tmp_path: Path) -> None:
    file = tmp_path / "ok.wat"
    file.write_text(VALID)
    assert plumbob("compile", str(file), "--emit", "clif", "-f", "mvp").returncode == 0
    assert plumbob("compile", str(file)).returncode == 2  # --emit is missing


def test_an_export_is_found_by_its_very_name(plumbob: Run, tmp_path: Path) -> None:
    file = tmp_path / "names.wat"
    file.write_text('(module (func) (func (export "a  b\\n;")) (func (export "")))')
    for name, index in (("a  b\n;", 1), ("a b ;", 1), ("", 2)):
        done = plumbob("compile", str(file), "--emit", "clif", "--func", name)
        assert f"function u0:{index}()" in done.stdout.decode(), done.stderr


def test_a_module_without_functions_is_told_so(plumbob: Run, tmp_path: Path) -> None:
    file = tmp_path / "none.wat"
    file.write_text("(module)")
    assert plumbob("compile", str(file), "--emit", "clif").stdout == b""
    done = plumbob("compile", str(file), "--emit", "clif", "--func", "0")
    assert done.returncode == 2
    assert b"expected a module with functions" in done.stderr
