"""`plumbob parse` and `plumbob print`, and files that appear whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.cli.support import COMMAND, INVALID, MALFORMED, VALID, Run, environment

from plumbob.cli import outputs
from plumbob.cli.outputs import write_output
from plumbob.errors import InputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_there_and_back(plumbob: Run, modules: Path, tmp_path: Path) -> None:
    binary = (modules / "valid.wasm").read_bytes()
    text = tmp_path / "out.wat"
    assert plumbob("print", modules / "valid.wasm", "-o", text).returncode == 0
    told = plumbob("parse", text)
    assert (told.returncode, told.stdout, told.stderr) == (0, binary, b"")


def test_standard_streams(plumbob: Run, modules: Path) -> None:
    binary = (modules / "valid.wasm").read_bytes()
    assert plumbob("parse", stdin=VALID.encode()).stdout == binary
    assert plumbob("parse", "-", "-o", "-", stdin=VALID.encode()).stdout == binary
    told = plumbob("print", stdin=binary)
    assert told.stdout == plumbob("parse", "-t", stdin=VALID.encode()).stdout
    assert told.stdout.startswith(b"(module")


def test_either_format_is_taken(plumbob: Run, modules: Path) -> None:
    binary = (modules / "valid.wasm").read_bytes()
    assert plumbob("parse", modules / "valid.wasm").stdout == binary
    assert plumbob("print", modules / "valid.wat").stdout == plumbob("print", stdin=binary).stdout


def test_invalid_modules_are_converted(plumbob: Run) -> None:
    told = plumbob("parse", stdin=INVALID.encode())
    assert told.returncode == 0
    assert plumbob("print", stdin=told.stdout).returncode == 0


@pytest.mark.parametrize("command", ["parse", "print"])
def test_malformed_modules_are_explained(plumbob: Run, tmp_path: Path, command: str) -> None:
    target = tmp_path / "out"
    target.write_text("precious")
    told = plumbob(command, "-", "-o", target, stdin=MALFORMED.encode())
    assert told.returncode == 1
    assert b"i32.nonsense" in told.stderr
    assert told.stdout == b""
    assert target.read_text() == "precious"


def test_a_malformed_body_cannot_be_printed(plumbob: Run, modules: Path) -> None:
    binary = (modules / "valid.wasm").read_bytes()
    told = plumbob("print", stdin=binary.replace(b"\x20\x00", b"\xff\x00"))
    assert told.returncode == 1
    assert b"illegal opcode" in told.stderr


def test_what_cannot_be_read(plumbob: Run, tmp_path: Path) -> None:
    assert plumbob("parse", tmp_path / "missing.wat").returncode == 2
    assert plumbob("parse", tmp_path).returncode == 2


def test_what_cannot_be_written(plumbob: Run, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "no" / "such" / "folder.wasm"):
        told = plumbob("parse", "-", "-o", target, stdin=VALID.encode())
        assert told.returncode == 2
        assert told.stderr.decode().startswith("plumbob: cannot write ")


def test_a_binary_does_not_go_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    with pytest.raises(UsageError, match="terminal"):
        outputs.refuse_binary_on_terminal("-")
    outputs.refuse_binary_on_terminal("file.wasm")


# Whole files.


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_output(str(tmp_path / "new"), b"data")
    finally:
        os.umask(mask)
    assert (tmp_path / "new").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "old"
    target.write_bytes(b"before")
    target.chmod(0o604)
    write_output(str(target), b"after")
    assert target.read_bytes() == b"after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real").write_bytes(b"before")
    write_output(str(tmp_path / "link"), b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"after"


def test_a_device_is_written_in_place() -> None:
    write_output(os.devnull, b"data")
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)  # noqa: PTH116  # a path, as the rest


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["replace", "chmod"])
def test_a_failure_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, step: str
) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"before")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(os, step, fail)
    with pytest.raises((InputError, KeyboardInterrupt)):
        write_output(str(target), b"after")
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_ctrl_c_leaves_files_whole(tmp_path: Path) -> None:
    """Interrupt the command at many moments; the file is the old or the new one each time."""
    source = tmp_path / "big.wat"
    source.write_text("(module (func " + "i32.const 1 drop\n" * 20_000 + "))")
    target = tmp_path / "out.wasm"
    plain = subprocess.run(
        [*COMMAND, "parse", source], capture_output=True, check=True, env=environment()
    ).stdout
    statuses = set()
    for moment in range(12):
        target.write_bytes(b"before")
        with subprocess.Popen(
            [*COMMAND, "parse", source, "-o", target], stderr=subprocess.PIPE, env=environment()
        ) as process:
            time.sleep(0.06 * moment)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        statuses.add(process.returncode)
        assert target.read_bytes() in (b"before", plain)
        assert {path.name for path in tmp_path.iterdir()} == {"big.wat", "out.wasm"}
    assert statuses & {130, -signal.SIGINT, 1}
