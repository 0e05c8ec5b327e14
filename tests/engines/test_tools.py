"""Validators, and any command as an optimiser."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.engines import programs

from plumbob.engines.errors import StartError
from plumbob.engines.opening import open_engine, open_optimiser
from plumbob.engines.process import Limits
from plumbob.engines.program import run_program
from plumbob.engines.request import Answer, Request
from plumbob.engines.spec import parse_spec
from plumbob.engines.tool import Tool, command_words
from plumbob.errors import InputError, UsageError
from plumbob.triage.bisect.releases import read_commands
from plumbob.triage.check.check import Job, check
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.subject import Subject

if TYPE_CHECKING:
    from pathlib import Path

ONE = programs.assemble('(module (func (export "f") (result i32) (i32.const 1)))')
TWO = programs.assemble('(module (func (export "f") (result i32) (i32.const 2)))')
LIMITS = Limits(seconds=5.0, memory=256 << 20)


def _tool(script: str, path: Path, *words: str) -> Tool:
    program = path / "tool.py"
    program.write_text(f"import os, sys, time\nsource, target, *rest = sys.argv[1:]\n{script}\n")
    command = " ".join((sys.executable, str(program), "{in}", "{out}", *words))
    return Tool(parse_spec(f"tool:cmd={command}"), LIMITS)


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ("open(target, 'wb').write(open(source, 'rb').read())", "ok", ""),
        ("pass", "garbage", "left no module"),
        ("sys.exit(3)", "crash", "exited with status 3"),
        ("os.kill(os.getpid(), 11)", "crash", "was ended by SIGSEGV"),
        ("time.sleep(99)", "timeout", "did not end in time"),
        ("x = b'x' * (600 << 20); time.sleep(9)", "memory", "MiB of memory"),
        ("print('Unknown option --x'); sys.exit(1)", "unsupported", "Unknown option --x"),
    ],
)
def test_whatever_a_command_does_is_a_result(
    script: str, kind: str, message: str, tmp_path: Path
) -> None:
    tool = _tool(script, tmp_path)
    tool.limits = tool.limits._replace(seconds=1.0 if kind == "timeout" else 5.0)
    made = tool.optimise(ONE)
    assert made.kind == kind
    assert message in made.message
    assert made.module == (ONE if kind == "ok" else b"")


def test_a_command_is_judged_by_what_it_makes(tmp_path: Path) -> None:
    (tmp_path / "two.wasm").write_bytes(TWO)
    names = [f"tool:cmd=cp {file} {{out}}" for file in ("{in}", f"{{in}} {tmp_path}/two.wasm")]
    names[1] = f"tool:cmd=sh -c 'cat {tmp_path}/two.wasm > {{out}}; cat {{in}} > /dev/null'"
    with Pool() as pool:
        result = check([Job(Subject.prepare(ONE), "one.wat")], names, pool)
    assert result.wrong == (names[1],)


def test_flags_of_a_command_are_assumptions_too(tmp_path: Path) -> None:
    trap = programs.assemble('(module (func (export "f") (unreachable)))')
    none = programs.assemble('(module (func (export "f")))')
    (tmp_path / "none.wasm").write_bytes(none)
    copies = f"tool:cmd=sh -c 'cat {tmp_path}/none.wasm > {{out}}' {{in}}"
    with Pool() as pool:
        jobs = [Job(Subject.prepare(trap), "one.wat")]
        result = check(jobs, [copies, f"{copies} -tnh"], pool)
    assert result.wrong == (copies,)


@pytest.mark.parametrize("command", ["", "cp {in}", "cp a {out}", "cp '{in} {out}"])
def test_a_command_must_name_its_files(command: str) -> None:
    with pytest.raises(UsageError, match="command"):
        command_words(command)


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(StartError, match="no-such-program"):
        Tool(parse_spec("tool:cmd=no-such-program {in} {out}"), LIMITS)


def test_a_tool_is_no_release() -> None:
    with pytest.raises(UsageError, match="no release"):
        open_optimiser("tool:cmd=cp {in} {out}")
    with pytest.raises(UsageError, match="a validator"):
        open_engine("wasm-tools")


def test_releases_of_a_command() -> None:
    text = "# mine\n1: a {in} {out}\n\n 2.0-rc : b --x=1:2 {in} {out}\n"
    assert read_commands(text, "f") == {"1": "a {in} {out}", "2.0-rc": "b --x=1:2 {in} {out}"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no release"),
        ("a {in} {out}", "line 1"),
        ("1: a {in} {out}\n1: b {in} {out}", "line 2: 1 is named twice"),
        ("1: a {in}", "names no files"),
    ],
)
def test_releases_that_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        read_commands(text, "f")
    assert says in str(raised.value)


def test_a_program_has_a_folder_of_its_own() -> None:
    script = 'test "$(pwd -P)" = "$(cd "$HOME" && pwd -P)" && cp {in} {out}'
    ran = run_program(("/bin/sh", "-c", script), b"\0asm", LIMITS)
    assert ran.module == b"\0asm"


INVALID = b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\n\6\1\4\0\x6a\x1a\x0b"
"""`i32.add` without operands."""
OBJECT = programs.assemble(
    "(module (type (struct (field i32))) (func (drop (struct.new 0 (i32.const 1)))))"
)


@pytest.mark.registry
@pytest.mark.parametrize(
    ("name", "objects"),
    [("wasm-tools==1.262.0.0", "ok"), ("wabt==1.0.42.0", "unsupported"),
     ("wasm-tools==1.262.0.0:features=mvp", "unsupported")],
)  # fmt: skip
def test_validators(name: str, objects: str) -> None:
    def kinds(answer: Answer) -> list[str]:
        return [step.kind for step in answer.steps]

    with Pool() as pool:
        engine = pool.engine(name)
        assert kinds(engine.answers(Request(ONE))[0]) == ["ok", "skipped"]
        assert kinds(engine.answers(Request(INVALID))[0]) == ["rejected", "skipped"]
        assert kinds(engine.answers(Request(OBJECT))[0]) == [objects, "skipped"]
        jobs = [Job(Subject.prepare(module), "one.wat") for module in (ONE, INVALID)]
        assert check(jobs, [name, "wasm-tools"], pool).verdict == "agree"


@pytest.mark.registry
def test_a_flag_that_only_the_command_line_knows() -> None:
    with open_optimiser("binaryen==130.0.0") as binaryen:
        assert binaryen.optimise(ONE, ["--partial-inlining-ifs=4", "-O3"]).kind == "ok"
        assert binaryen.optimise(ONE, ["--no-such-pass"]).kind == "unsupported"
