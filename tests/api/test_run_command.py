"""`plumbob run`: functions, programs, limits, exit statuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from plumbob.cli.run import command

if TYPE_CHECKING:
    from click.testing import Result

LIBRARY = """(module
  (import "env" "missing" (func $missing (result i64)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "call") (result i64) (call $missing))
  (func (export "null") (param externref) (result externref) (local.get 0))
  (func (export "spin") (loop (br 0)))
  (func $inner unreachable)
  (func (export "boom") (call $inner))
  (memory (export "memory") 1))"""

PROGRAM = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $exit (i32.const 42))
    unreachable))"""


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.wat"
    path.write_text(LIBRARY)
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def call(library: str, name: str, *arguments: str) -> Result:
    return run(library, "--unknown-imports", "default", "--invoke", name, *arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("add", ("2", "0x10"), "18\n"),
        ("add", ("--", "-5", "1"), "-4\n"),
        ("add", ("-5", "1"), "-4\n"),
        ("half", ("3",), "1.5\n"),
        ("call", (), "0\n"),
        ("null", ("null",), "null\n"),
    ],
)
def test_a_function_is_called(
    library: str, name: str, arguments: tuple[str, ...], expected: str
) -> None:
    assert call(library, name, *arguments).output == expected


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("add", ("1",), "expected 2 arguments (i32, i32), found 1 argument"),
        ("add", ("1", "x"), "a value of i32"),
        ("null", ("x",), "a value of externref: null, an integer (an i31), or func:INDEX"),
        ("memory", (), "exports no function 'memory'"),
    ],
)
def test_bad_use_is_named(
    library: str, name: str, arguments: tuple[str, ...], message: str
) -> None:
    assert message in str(call(library, name, *arguments).exception)


def test_a_module_without_start_says_what_to_do(library: str) -> None:
    error = run(library, "--unknown-imports", "trap").exception
    assert "pass --invoke" in str(error)
    assert "add" in str(error)


def test_missing_imports_are_refused_unless_asked_for(library: str) -> None:
    assert "unknown import" in str(run(library, "--invoke", "add", "1", "2").exception)
    result = run(library, "--unknown-imports", "trap", "--invoke", "call")
    assert result.return_value == 1
    assert "`env` `missing` was called" in result.output


def test_a_trap_shows_where_it_happened(library: str) -> None:
    result = call(library, "boom")
    assert result.return_value == 1
    assert [line.replace(library, "LIB") for line in result.output.splitlines()] == [
        "plumbob: trap: unreachable",
        "    at LIB!$inner at 8:16",
        "    at LIB!func 7 at 9:26",
    ]


def test_json_has_results_or_the_trap(library: str) -> None:
    assert json.loads(call(library, "add", "1", "2", "--json").output) == {
        "version": 1,
        "status": 0,
        "results": [3],
        "trap": None,
        "exception": None,
    }
    data = json.loads(call(library, "boom", "--json").output)
    trap = data["trap"]
    assert (data["status"], data["results"], trap["kind"]) == (1, None, "unreachable")
    assert trap["frames"][0] == {
        "module": library,
        "func_index": 6,
        "name": "inner",
        "offset": None,
        "line": 8,
        "column": 16,
    }
    assert [frame["func_index"] for frame in trap["frames"]] == [6, 7]


@pytest.mark.parametrize(
    ("option", "message"),
    [(("--fuel", "1000"), "all fuel consumed"), (("--timeout", "0.1"), "deadline reached")],
)
def test_limits_end_a_program(library: str, option: tuple[str, str], message: str) -> None:
    result = call(library, "spin", *option)
    assert result.return_value == 1
    assert message in result.output


def test_a_limit_on_memory_refuses_a_module(library: str) -> None:
    result = call(library, "add", "1", "2", "--max-memory", "1000")
    assert "at most 1000 bytes" in str(result.exception)


def test_a_program_writes_and_ends_with_its_status(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "program.wat"
    path.write_text(PROGRAM)
    with capfd.disabled():
        sys.stdout.flush()
    assert command.main([str(path)], standalone_mode=False) == 42
    assert capfd.readouterr().out == "hello\n"


def test_json_has_the_status_of_a_program(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "program.wat"
    path.write_text(PROGRAM)
    assert command.main([str(path), "--json"], standalone_mode=False) == 42
    text, brace, data = capfd.readouterr().out.partition("{")
    assert text == "hello\n"
    assert json.loads(brace + data) == {
        "version": 1,
        "status": 42,
        "results": None,
        "trap": None,
        "exception": None,
    }


def test_every_key_of_the_json_is_documented() -> None:
    document = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    _, _, rest = document.partition("## run\n")
    section, _, _ = rest.partition("\n## ")
    for key in ("version", "status", "results", "trap", "exception", "kind", "message", "frames",
                "module", "func_index", "name", "offset", "line", "column", "tag", "types",
                "values"):  # fmt: skip
        assert f"`{key}`" in section, key


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'(module (func (export "_start") i32.add))', "error[E0202]"),
        (b"(module (func", "error["),
        (b"\0asm\2\0\0\0", "error["),
        (b"\x00\x01\xff\xfe\x80" * 20, "magic header not detected"),
        (b"(module) ;; \xff", "malformed UTF-8 encoding"),
    ],
)
def test_a_module_that_is_not_valid_is_explained(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(data)
    result = run(str(path))
    assert result.return_value == 1
    assert message in result.stderr
    assert result.stdout == ""


HOSTILE = r"""(module
  (import "\1b[31m" "\n" (func $imported))
  (func $"a\1b]0;b" (export "\1b[2J\n") unreachable)
  (tag $t (export "\1b[3m"))
  (func (export "throw") (throw $t)))"""


@pytest.mark.parametrize(
    ("policy", "name", "shown"),
    [
        ("default", "\x1b[2J\n", r'!$"a\u{1b}]0;b" at 3:'),
        ("default", "throw", "uncaught exception: 't'"),
        ("default", "none", r"one of '\x1b[2J\n', 'throw'"),
        ("default", "\x1b", r"exports no function '\x1b'"),
        ("error", "throw", r"`\u{1b}[31m` `\n`"),
    ],
)
def test_no_name_of_a_module_reaches_the_terminal_raw(
    tmp_path: Path, policy: str, name: str, shown: str
) -> None:
    path = tmp_path / "names.wat"
    path.write_text(HOSTILE)
    result = run(str(path), "--unknown-imports", policy, "--invoke", name)
    text = result.output + str(result.exception)
    assert "\x1b" not in text
    assert shown in text


def test_a_few_exports_are_suggested_of_many(tmp_path: Path) -> None:
    path = tmp_path / "many.wat"
    functions = "".join(f'(func (export "f{number}"))' for number in range(500))
    path.write_text(f"(module {functions})")
    error = str(run(str(path), "--invoke", "f77x").exception)
    assert "'f77'" in error
    assert error.count("'f") == 11
