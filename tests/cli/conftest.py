"""Fixtures of the command line's tests."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.cli.support import COMMAND, INVALID, MALFORMED, VALID, Run, environment

from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def plumbob() -> Run:
    """Run `plumbob` in a process and return what it said; `env` adds to the environment."""

    def run(
        *arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            env=environment(**(env or {})),
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder with valid, invalid and malformed modules, as text and as binaries."""
    folder = tmp_path / "modules"
    (folder / "deeper").mkdir(parents=True)
    (folder / "valid.wat").write_text(VALID)
    (folder / "valid.wasm").write_bytes(encode(parse_text(VALID)))
    (folder / "deeper" / "invalid.wat").write_text(INVALID)
    (folder / "deeper" / "invalid.wasm").write_bytes(encode(parse_text(INVALID)))
    (folder / "malformed.wat").write_text(MALFORMED)
    (folder / "malformed.wasm").write_bytes(b"\0asm\2\0\0\0")
    (folder / "notes.txt").write_text("not a module")
    return folder
