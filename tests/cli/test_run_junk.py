"""`plumbob run` and `plumbob compile` given words in any order: never an internal error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.cli.compile import command as compile_command
from plumbob.cli.run import command as run_command
from plumbob.errors import InternalError, PlumbobError

if TYPE_CHECKING:
    from pathlib import Path

FILES: dict[str, str | bytes] = {
    "numbers.wat": """(module
      (func (export "i32") (param i32) (result i32) (local.get 0))
      (func (export "f64") (param f64) (result f64) (local.get 0))
      (func (export "any") (param anyref) (result anyref) (local.get 0))
      (func $own (export "func") (param funcref) (result funcref) (local.get 0))
      (func (export "_start")) (func (export "") unreachable))""",
    "imports.wat": """(module (import "env" "f" (func $f (result (ref extern))))
      (import "env" "m" (memory 1)) (func (export "i32") (param i32) (drop (call $f))))""",
    "throws.wat": """(module (tag $t (param externref f32)) (func $s
      (throw $t (ref.null extern) (f32.const nan))) (start $s))""",
    "exits.wat": """(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $exit (i32.const 3)))
      (func (export "i32") (param i32) (call $exit (local.get 0))))""",
    "invalid.wat": '(module (func (export "_start") i32.add))',
    "garbage": b"\x00\xff\xfe\x01garbage",
    "empty": b"",
    "-5": "(module)",
}

RUN = (
    "--invoke", "i32", "f64", "any", "func", "_start", "", "1", "-5", "-inf", "nan:0x1", "null",
    "func:0", "func:-1", "--json", "--fuel", "0", "100", "--timeout", "1e-3", "nan", "inf",
    "--max-memory", "65536", "--unknown-imports", "trap", "default", "error", "--dir", ".::x",
    "::", "--env", "A=B", "=", "--deterministic", "--tier", "interp", "-f", "mvp", "wasm3", "--",
    "-h", "--color", "never", "-x", "ü", "missing",
)  # fmt: skip

COMPILE = (
    "--emit", "clif", "--func", "0", "1", "$own", "i32", "", "-1", "--stage", "translated", "-f",
    "mvp", "--dead-code", "typed", "forbidden", "--", "--color", "never", "-o", "-", "missing",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("junk")
    for name, content in FILES.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def judge(command: click.Command, folder: Path, words: list[str]) -> Any:
    """Run the command where the files are; the exception that it ends with, if any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(command, words, standalone_mode=False, input=b"(module)")
    error = result.exception
    expected = (click.exceptions.Exit, click.ClickException, PlumbobError)
    assert error is None or isinstance(error, expected), (words, error)
    assert not isinstance(error, InternalError), (words, error)
    if error is None:
        assert result.return_value in (None, *range(256))
    return error


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*FILES, "-", ".", "missing"]), st.lists(st.sampled_from(RUN), max_size=6))
def test_any_words_for_run(folder: Path, file: str, words: list[str]) -> None:
    judge(run_command, folder, [file, *words])
    judge(run_command, folder, [*words, file])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([*FILES, "-", ".", "missing"]), st.lists(st.sampled_from(COMPILE), max_size=5)
)
def test_any_words_for_compile(folder: Path, file: str, words: list[str]) -> None:
    judge(compile_command, folder, [file, "--emit", "clif", *words])
    judge(compile_command, folder, [*words, file])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["i32", "f64", "any", "func"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
)
def test_any_text_for_an_argument(folder: Path, name: str, text: str) -> None:
    judge(run_command, folder, ["numbers.wat", "--invoke", name, "--", text])
