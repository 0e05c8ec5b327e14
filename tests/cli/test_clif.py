"""The command clif on functions that are wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

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


DEEP = """function %down(i32) -> i32 {
    fn0 = %down(i32) -> i32
block0(v0: i32):
    v1 = call fn0(v0)
    return v1
}
function %start(i32) -> i32 {
    fn0 = %down(i32) -> i32
block0(v0: i32):
    v1 = call fn0(v0)
    return v1
}
"""


@pytest.mark.parametrize(("depth", "omitted"), [(10_001, 9_961), (41, 1), (40, 0), (3, 0)])
def test_a_deep_stack_is_told_by_its_ends(
    tmp_path: Path, plumbob: Run, depth: int, omitted: int
) -> None:
    path = tmp_path / "deep.clif"
    path.write_text(DEEP)
    # The innermost frame is the one that no longer fits.
    told = plumbob("clif", "run", path, "%start(1)", "--json", f"--call-depth={depth - 1}")
    assert told.returncode == ExitCode.FOUND
    data = json.loads(told.stdout)
    assert (data["kind"], data["depth"], data["omitted"]) == ("stk_ovf", depth, omitted)
    functions = [frame["function"] for frame in data["stack"]]
    assert functions == ["%down"] * (depth - omitted - 1) + ["%start"]


def test_a_place_is_said_once(tmp_path: Path, plumbob: Run) -> None:
    path = tmp_path / "bad.clif"
    path.write_text("test verifier\nfunction %f() {\nblock0:\n    v0 = iadd v9, v9\n}\n")
    told = plumbob("clif", "test", path)
    assert told.returncode == ExitCode.FOUND
    assert told.stdout.decode().split(" `")[0] == f"{path}:4:10:"
