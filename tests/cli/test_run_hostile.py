"""`plumbob run` in a process of its own: binary streams, interrupts, limits, broken pipes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.cli.support import COMMAND, environment

if TYPE_CHECKING:
    from pathlib import Path

CAT = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (func (export "_start") (loop $more
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 4096))
    (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $exit (i32.const 3))))
    (if (i32.eqz (i32.load (i32.const 8))) (then (call $exit (i32.const 9))))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $exit (i32.const 4))))
    (br $more))))"""

CHANCE = """(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $random (i32.const 64) (i32.const 32)))
    (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 96)))
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 104)))
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 48))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""

SPIN = """(module (func (export "_start") (loop $again (br $again)))
  (func $down (export "down") (call $down))
  (func (export "divide") (call $by_zero (i32.const 0)))
  (func $by_zero (param i32) (drop (i32.div_u (i32.const 1) (local.get 0)))))"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


def program(tmp_path: Path, text: str) -> str:
    path = tmp_path / "program.wat"
    path.write_text(text)
    return str(path)


def run(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, "run", *arguments],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
        env=environment(),
    )


def test_streams_are_binary_both_ways(tmp_path: Path) -> None:
    data = bytes(range(256)) * 100 + b"\r\n\0\xff\x1a"
    ended = run(program(tmp_path, CAT), data=data)
    assert (ended.returncode, ended.stdout, ended.stderr) == (9, data, b"")


def test_a_deterministic_program_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    path = program(tmp_path, CHANCE)
    first, second = (run(path, "--deterministic").stdout for _ in range(2))
    assert first == second
    assert len(first) == 48
    other, another = (run(path).stdout for _ in range(2))
    assert other != another


def test_the_same_depth_and_the_same_frames_at_every_run(tmp_path: Path) -> None:
    path = program(tmp_path, SPIN)
    first, second = (run(path, "--invoke", "down") for _ in range(2))
    assert first.stderr == second.stderr
    assert first.returncode == 1
    lines = first.stderr.decode().splitlines()
    assert lines[0] == "plumbob: trap: call stack exhausted: the limit is 10000 calls"
    assert lines[-1].strip() == "and 9981 more"


def test_frames_have_the_names_of_the_name_section(tmp_path: Path) -> None:
    ended = run(program(tmp_path, SPIN), "--invoke", "divide")
    lines = ended.stderr.decode().splitlines()
    assert lines[0] == "plumbob: trap: integer divide by zero"
    assert [line.partition("!")[2].partition(" at ")[0] for line in lines[1:]] == [
        "$by_zero",
        "func 2",
    ]


@pytest.mark.parametrize(
    "option",
    [("--timeout", "-1"), ("--fuel", "-1"), ("--env", "NAME"), ("--env", "=x"),
     ("--dir", "/nonexistent/place"), ("--unknown-imports", "perhaps")],
)  # fmt: skip
def test_bad_options_are_refused_before_anything_runs(
    tmp_path: Path, option: tuple[str, str]
) -> None:
    ended = run(program(tmp_path, CAT), *option, data=b"seen")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"Traceback" not in ended.stderr
    assert ended.stderr


@posix
def test_an_interrupt_ends_a_long_run_without_a_traceback(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "run", program(tmp_path, SPIN)], stderr=subprocess.PIPE, env=environment()
    ) as running:
        time.sleep(1.0)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
    assert running.returncode in (1, 130)
    assert errors.strip() == b"plumbob: interrupted"


@posix
def test_a_program_that_waits_for_input_keeps_its_deadline(tmp_path: Path) -> None:
    started = time.monotonic()
    with subprocess.Popen(
        [*COMMAND, "run", program(tmp_path, CAT), "--timeout", "0.3"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as running:  # fmt: skip
        running.wait(timeout=20)
        assert running.stderr is not None
        errors = running.stderr.read()
    assert time.monotonic() - started < 15
    assert running.returncode == 1
    assert b"deadline reached" in errors


@posix
def test_a_reader_that_leaves_is_an_errno_of_the_guests(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "run", program(tmp_path, CAT)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as running:  # fmt: skip
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        running.stdin.write(b"x" * 5000)
        running.stdin.close()
        errors = running.stderr.read()
        running.wait(timeout=20)
    assert (running.returncode, errors) == (4, b"")


STATUS = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 1))
    (call $exit (i32.add
      (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
      (i32.mul (i32.const 16)
        (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))))"""
"""Exits with the errno of a read plus sixteen times that of a write."""

BADF = 8


@posix
@pytest.mark.parametrize(
    ("closed", "status"),
    [
        ("", 0),
        ("<&-", BADF),
        (">&-", BADF * 16),
        ("<&- >&-", BADF * 17),
        ("<&- >&- 2>&-", BADF * 17),
    ],
)
def test_a_stream_that_was_closed_at_the_start_is_no_other_file(
    tmp_path: Path, closed: str, status: int
) -> None:
    path = program(tmp_path, STATUS)
    words = " ".join(map(shlex.quote, [*COMMAND, "run", path, "--dir", f"{tmp_path}::/"]))
    ended = subprocess.run(
        ["/bin/sh", "-c", f"exec {words} {closed}"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60, env=environment(),
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (status, b"")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["program.wat"]


@posix
@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_a_result_that_cannot_be_written_is_an_error(tmp_path: Path, where: str) -> None:
    path = program(tmp_path, '(module (func (export "f") (result i32) (i32.const 4)))')
    words = " ".join(map(shlex.quote, [*COMMAND, "run", path, "--invoke", "f"]))
    ended = subprocess.run(
        ["/bin/sh", "-c", f"exec {words} {where}"],
        capture_output=True, check=False, timeout=60, env=environment(),
    )  # fmt: skip
    assert ended.returncode == 2
    assert b"cannot write standard output" in ended.stderr
