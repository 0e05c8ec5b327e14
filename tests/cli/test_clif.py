"""The command clif on functions that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import Run

WRONG = """test interpret
function %a(i32) -> i8 {
block0(v0: i32):
    return v0
}
; run: %a(300) == 44
"""


def test_a_function_that_the_verifier_refuses_is_not_run(tmp_path: Path, plumbob: Run) -> None:
    path = tmp_path / "wrong.clif"
    path.write_text(WRONG)
    result = plumbob("clif", "run", str(path), "%a(300)")
    assert result.returncode == ExitCode.FOUND
    assert not result.stdout
    assert "must match function signature" in result.stderr.decode()
    judged = plumbob("clif", "test", str(path))
    assert judged.returncode == ExitCode.FOUND
    assert "expected" not in judged.stdout.decode()
