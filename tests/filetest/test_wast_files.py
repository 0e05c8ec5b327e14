"""Scripts of our own: every one at every stage, the interpreter's two ways included."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plumbob.filetest.wast import features_of
from plumbob.filetest.wast_run import RunStage
from plumbob.wasm.text.script import parse_script

if TYPE_CHECKING:
    from plumbob.exec.interp.machine import Mode

FILES = sorted((Path(__file__).resolve().parents[2] / "filetests" / "wast").glob("*.wast"))


@pytest.mark.parametrize("mode", ["source", "walk"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_command_holds(path: Path, mode: Mode) -> None:
    features, skip = features_of(path.name)
    assert skip is None
    stage = RunStage(features, "polymorphic", mode=mode)
    commands = parse_script(path.read_bytes(), path.name).commands
    reasons = {command.line: stage.judge(command) for command in commands}
    assert {line: reason for line, reason in reasons.items() if reason is not None} == {}


def test_a_wrong_assertion_of_an_instance_is_told() -> None:
    text = b"""(module definition $M (func))
      (assert_unlinkable (module instance $I $M) "unknown import")
      (assert_trap (module instance $J $N) "unreachable")"""
    stage = RunStage(0, "polymorphic")
    reasons = [stage.judge(command) for command in parse_script(text, "x").commands]
    assert reasons[0] is None
    assert reasons[1] == "expected 'unknown import', found 'an instance'"
    assert reasons[2] == "there is no module $N"
