"""A compiled guest tries to leave its directory: `plumbob run`, from the text to the errno."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.cli.support import COMMAND, environment

from plumbob.wasi.errno import Errno

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="symbolic links of POSIX")

IMPORTS = """
  (import "wasi_snapshot_preview1" "path_open" (func $path_open
    (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file
    (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $path_create_directory
    (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get
    (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $path_rename
    (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $path_symlink
    (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write
    (param i32 i32 i32 i32) (result i32)))"""

BASE = 1024
"""Where the paths stand, from which on each has this many bytes."""
SLOT = 64
DIRECTORY = 3
CREATE = 1
FOLLOW = 1


class Attempt(NamedTuple):
    """One call; `{0}` and `{1}` become address and length of the paths."""

    call: str
    paths: tuple[str, ...]
    errno: Errno


def opening(path: str, errno: Errno, *, flags: int = 0, follow: int = FOLLOW) -> Attempt:
    call = (
        f"(call $path_open (i32.const {DIRECTORY}) (i32.const {follow}) {{0}} (i32.const {flags})"
        " (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 512))"
    )
    return Attempt(call, (path,), errno)


ATTEMPTS = (
    opening("inside.txt", Errno.SUCCESS),
    opening("../secret.txt", Errno.PERM),
    opening("deep/../../secret.txt", Errno.PERM),
    opening("deep/../inside.txt", Errno.SUCCESS),
    opening("..", Errno.PERM),
    opening("/etc/passwd", Errno.PERM),
    opening("//etc/passwd", Errno.PERM),
    opening("link", Errno.PERM),
    opening("link", Errno.LOOP, follow=0),
    opening("absolute", Errno.PERM),
    opening("up/secret.txt", Errno.PERM),
    opening("chain", Errno.PERM),
    opening("../made.txt", Errno.PERM, flags=CREATE),
    opening("dangling", Errno.PERM, flags=CREATE),
    opening("\\00../secret.txt", Errno.INVAL),
    Attempt("(call $path_unlink_file (i32.const 3) {0})", ("../secret.txt",), Errno.PERM),
    Attempt("(call $path_unlink_file (i32.const 3) {0})", ("up/secret.txt",), Errno.PERM),
    Attempt("(call $path_create_directory (i32.const 3) {0})", ("../made",), Errno.PERM),
    Attempt(
        "(call $path_filestat_get (i32.const 3) (i32.const 1) {0} (i32.const 512))",
        ("link",),
        Errno.PERM,
    ),
    Attempt(
        "(call $path_rename (i32.const 3) {0} (i32.const 3) {1})",
        ("inside.txt", "../moved.txt"),
        Errno.PERM,
    ),
    Attempt(
        "(call $path_rename (i32.const 3) {0} (i32.const 3) {1})",
        ("../secret.txt", "taken.txt"),
        Errno.PERM,
    ),
    Attempt("(call $path_symlink {0} (i32.const 3) {1})", ("/etc/passwd", "new"), Errno.PERM),
)


def size_of(path: str) -> int:
    return len(path.replace("\\00", "\0"))


def source(attempts: tuple[Attempt, ...]) -> str:
    """A program that makes all attempts, and writes the errnos, a byte each."""
    data: list[str] = []
    stores: list[str] = []
    for number, attempt in enumerate(attempts):
        places = []
        for path in attempt.paths:
            address = BASE + SLOT * len(data)
            data.append(f'(data (i32.const {address}) "{path}")')
            places.append(f"(i32.const {address}) (i32.const {size_of(path)})")
        stores.append(f"(i32.store8 (i32.const {number}) {attempt.call.format(*places)})")
    return f"""(module {IMPORTS}
      (memory (export "memory") 1)
      {" ".join(data)}
      (func (export "_start")
        {" ".join(stores)}
        (i32.store (i32.const 600) (i32.const 0))
        (i32.store (i32.const 604) (i32.const {len(attempts)}))
        (drop (call $fd_write (i32.const 1) (i32.const 600) (i32.const 1) (i32.const 608)))))"""


def test_nothing_leads_out_of_the_directory(tmp_path: Path) -> None:
    jail = tmp_path / "jail"
    (jail / "deep").mkdir(parents=True)
    (jail / "inside.txt").write_text("inside")
    (tmp_path / "secret.txt").write_text("secret")
    for name, target in (
        ("link", "../secret.txt"),
        ("absolute", str(tmp_path / "secret.txt")),
        ("up", ".."),
        ("chain", "link"),
        ("dangling", "../made.txt"),
    ):
        (jail / name).symlink_to(target)
    program = tmp_path / "escape.wat"
    program.write_text(source(ATTEMPTS))
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    ended = subprocess.run(
        [*COMMAND, "run", str(program), "--dir", f"{jail}::/"],
        capture_output=True, check=False, timeout=60, env=environment(),
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, b"")
    found = [Errno(errno) for errno in ended.stdout]
    told = list(zip([(a.call.split()[1], a.paths) for a in ATTEMPTS], found, strict=True))
    assert told == [((a.call.split()[1], a.paths), a.errno) for a in ATTEMPTS]
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
    assert (tmp_path / "secret.txt").read_text() == "secret"
