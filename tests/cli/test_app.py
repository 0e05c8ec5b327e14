"""The group of commands: help, names, exit statuses, bugs, interruption."""

from __future__ import annotations

import importlib
import os
import pty
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from tests.cli.support import COMMAND, COMPONENT, VALID, Run, environment

from plumbob.api import Module
from plumbob.cli import app, inputs
from plumbob.cli.app import COMMANDS
from plumbob.cli.options import DEAD_CODE_POLICIES
from plumbob.cli.wast import STAGES
from plumbob.errors import InputError, InternalError, UsageError
from plumbob.filetest import wast
from plumbob.wasm.valid.policy import POLICIES


def test_the_help_lists_every_command(plumbob: Run) -> None:
    told = plumbob("--help")
    assert told.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in told.stdout.decode()


@pytest.mark.parametrize("command", ["run", "check"])
def test_what_fuel_counts_is_said(plumbob: Run, command: str) -> None:
    told = " ".join(plumbob(command, "--help").stdout.decode().split())
    fuel = told[told.index("--fuel N ") :][:220]
    assert "instructions of the IR" in fuel
    assert "within a factor of two" in fuel


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = importlib.import_module(f"plumbob.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.help
    assert command.short_help
    told = CliRunner().invoke(app.plumbob, [name, "--help"])
    assert told.exit_code == 0
    assert "--color" in told.output
    assert "--debug" in told.output


def test_the_version(plumbob: Run) -> None:
    assert plumbob("--version").stdout.decode().strip().endswith(version("plumbob"))


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["validate"]])
def test_bad_usage(plumbob: Run, arguments: list[str]) -> None:
    told = plumbob(*arguments)
    assert told.returncode == 2
    assert b"Usage: plumbob" in told.stderr


def test_choices_are_those_of_the_library() -> None:
    assert tuple(POLICIES) == DEAD_CODE_POLICIES
    assert tuple(wast.STAGES) == STAGES


def test_nothing_heavy_is_imported_for_a_valid_module(modules: Path) -> None:
    script = (
        "import sys; from plumbob.cli.app import plumbob\n"
        "try: plumbob.main(['validate', sys.argv[1]])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, modules / "valid.wasm"], capture_output=True, check=True
    )
    loaded = set(told.stderr.decode().split())
    assert "plumbob.wasm.valid.validate" in loaded
    heavy = {"rich", "json", "gmpy2", "logging", "concurrent.futures", "pathlib", "tempfile"}
    assert not loaded & heavy
    assert not [name for name in loaded if name.startswith(("plumbob.report", "plumbob.ir"))]
    assert "plumbob.wasm.valid.explain" not in loaded


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make `plumbob validate` raise an exception and return what came of it."""

    def run(error: BaseException, *arguments: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(inputs, "find", fail)
        return CliRunner().invoke(app.plumbob, [*arguments, "validate", "x"])

    return run


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("odd input"), 2),
        (UsageError("odd wish"), 2),
        (InternalError("broken"), 3),
        (ZeroDivisionError("broken"), 3),
        (RecursionError("broken"), 3),
        (MemoryError(), 3),
        (EOFError("broken"), 3),
        (OSError(5, "broken"), 3),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_exceptions_become_exit_statuses(fault: Any, error: BaseException, status: int) -> None:
    told = fault(error)
    assert told.exit_code == status
    assert ("This is a bug in Plumbob" in told.stderr) == (status == 3)
    assert "Traceback" not in told.stderr


def test_a_bug_is_reported_with_its_place(fault: Any) -> None:
    told = fault(ZeroDivisionError("by\nzero"))
    first = told.stderr.split("\n")[0]
    assert first.startswith("plumbob: internal error: ZeroDivisionError: by zero (")
    assert "test_app.py" in first


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_traceback_is_there_for_the_asking(
    fault: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBOB_DEBUG", "1" if how == "environment" else "0")
    told = fault(ZeroDivisionError("broken"), *(["--debug"] if how == "option" else []))
    assert told.exit_code == 3
    assert "Traceback (most recent call last)" in told.stderr


def test_a_closed_pipe_is_no_bug(modules: Path) -> None:
    many = [str(modules / "deeper" / "invalid.wat")] * 400
    with subprocess.Popen(
        [*COMMAND, "validate", *many],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.parametrize(
    "command", ["validate", "validate --json", "print", "census", "clif print", "clif test --json"]
)
def test_no_result_is_lost_where_standard_output_is_closed(modules: Path, command: str) -> None:
    (modules / "f.clif").write_text("test verifier\nfunction %f() {\nblock0:\n    return\n}\n")
    given = modules / ("f.clif" if "clif" in command else "valid.wat")
    line = f'exec "$0" -m plumbob {command} "$1" >&-'
    told = subprocess.run(
        ["/bin/sh", "-c", line, sys.executable, given],
        capture_output=True,
        env=environment(),
        check=False,
    )
    assert told.returncode == 2
    assert told.stderr == b"plumbob: cannot write standard output: it is closed\n"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
@pytest.mark.parametrize(
    "command",
    [
        "validate", "run", "print", "wast", "clif test", "clif print",
        "validate -", "wast -", "clif print -",
    ],
)  # fmt: skip
def test_what_has_no_end_is_refused(command: str) -> None:
    words = command.split()
    # In this much memory: what cannot be an input must not be read until there is none left.
    line = 'ulimit -v 2500000 && exec "$0" -m plumbob "$@" </dev/zero'
    with_file = words if words[-1] == "-" else [*words, "/dev/zero"]
    told = subprocess.run(
        ["/bin/sh", "-c", line, sys.executable, *with_file],
        capture_output=True, env=environment(), check=False, timeout=120,
    )  # fmt: skip
    text = (told.stdout + told.stderr).decode()
    assert "it has more than 1,073,741,824 bytes" in " ".join(text.split())
    assert "internal error" not in text
    assert told.returncode == (1 if command == "clif test" else 2)


def test_a_file_that_is_too_large_is_not_read(plumbob: Run, tmp_path: Path) -> None:
    path = tmp_path / "large.wasm"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # without taking room on the disk
    told = plumbob("validate", path)
    assert told.returncode == 2
    assert told.stderr.decode().strip() == (
        f"plumbob: cannot read {path}: it has more than 1,073,741,824 bytes"
    )
    with pytest.raises(InputError, match="it has more than 1,073,741,824 bytes"):
        Module(str(path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["validate"], ["validate", "--json"], ["print"], ["parse"]])
def test_a_full_disk_is_said(modules: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(
            [*COMMAND, *arguments, modules / "valid.wat"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert told.returncode == 2
    assert told.stderr.decode().startswith("plumbob: cannot write standard output")


def test_ctrl_c_is_quiet() -> None:
    with subprocess.Popen(
        [*COMMAND, "validate", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        time.sleep(1)  # until it waits for its input
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode().strip() == "plumbob: interrupted"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_another_encoding(plumbob: Run, modules: Path, encoding: str) -> None:
    told = plumbob(
        "validate", modules / "deeper" / "invalid.wat", env={"PYTHONIOENCODING": encoding}
    )
    assert told.returncode == 1
    assert "1 | (module" in told.stdout.decode(encoding)


def colored(told: subprocess.CompletedProcess[bytes]) -> bool:
    return b"\x1b[" in told.stdout


def test_colour_is_for_terminals_unless_asked(plumbob: Run, modules: Path) -> None:
    path = modules / "deeper" / "invalid.wat"
    assert not colored(plumbob("validate", path))
    assert colored(plumbob("validate", path, "--color", "always"))
    assert colored(plumbob("--color", "always", "validate", path))
    assert not colored(plumbob("validate", path, "--color", "never"))


@pytest.mark.parametrize(
    ("extra", "arguments", "wanted"),
    [
        ({"TERM": "xterm"}, [], True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, [], False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, ["--color", "always"], True),
        ({"TERM": "dumb"}, [], False),
        ({"TERM": "xterm"}, ["--color", "never"], False),
    ],
)
def test_colour_on_a_terminal(
    modules: Path, extra: dict[str, str], arguments: list[str], *, wanted: bool
) -> None:
    control, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "validate", modules / "deeper" / "invalid.wat", *arguments],
        stdout=terminal,
        env=environment(**extra),
    )
    os.close(terminal)
    said = b""
    while True:
        try:
            part = os.read(control, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not part:
            break
        said += part
    os.close(control)
    assert process.wait(60) == 1
    assert (b"\x1b[" in said) == wanted
    assert b"E0202" in said


def test_the_module_is_the_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "plumbob", "validate", "-"],
        input=VALID.encode(),
        capture_output=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, b"<stdin>: valid\n")


def test_a_component_is_recognised(plumbob: Run) -> None:
    told = plumbob("validate", "-", stdin=COMPONENT)
    assert told.returncode == 2
    assert b"component" in told.stderr
    assert told.stdout == b""


def test_a_misspelt_command_is_guessed(plumbob: Run) -> None:
    assert b"Is it 'validate'?" in plumbob("validat", "x").stderr
    assert b"Is it" not in plumbob("frobnicate").stderr
