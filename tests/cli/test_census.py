"""`plumbob census`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.cli.support import COMPONENT, Run

from plumbob.cli.options import DEAD_CODE_POLICIES

DEAD = b"""(module
  (func (result i32) (return (i32.const 1)) i32.const 2 drop)
  (func unreachable nop nop)
  (func nop))"""


def census(plumbob: Run, *arguments: object, stdin: bytes = b"") -> dict[str, object]:
    told = plumbob("census", "--json", *arguments, stdin=stdin)
    assert told.returncode == 0, told.stderr
    data: dict[str, object] = json.loads(told.stdout)
    return data


def test_dead_code_is_counted(plumbob: Run) -> None:
    data = census(plumbob, "-", stdin=DEAD)
    total = data["total"]
    assert isinstance(total, dict)
    assert (total["modules"], total["functions"]) == (1, 3)
    assert total["dead"]["operators"] == 4
    assert {name: amount["operators"] for name, amount in total["dead_after"].items()} == {
        "return": 2,
        "unreachable": 2,
    }
    accepted = {policy: verdict["accepted"] for policy, verdict in total["policies"].items()}
    assert accepted == {policy: int(policy != "forbidden") for policy in DEAD_CODE_POLICIES}


def test_every_key_is_documented(plumbob: Run) -> None:
    document = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    total = census(plumbob, "-", stdin=DEAD)["total"]
    assert isinstance(total, dict)
    documented = set(re.findall(r'[`"](\w+)[`"]', document))
    assert set(total) | set(total["dead"]) | set(total["policies"]["typed"]) <= documented


def test_as_text(plumbob: Run, modules: Path) -> None:
    told = plumbob("census", modules / "valid.wasm", modules / "deeper")
    said = told.stdout.decode()
    assert told.returncode == 0
    assert re.search(r"^total +3 ", said, re.MULTILINE)
    for policy in DEAD_CODE_POLICIES:
        assert re.search(rf"^{policy} +1 of 3 ", said, re.MULTILINE)


def test_what_cannot_be_counted_is_named(plumbob: Run, modules: Path) -> None:
    (modules / "component.wasm").write_bytes(COMPONENT)
    told = plumbob("census", modules, "--json")
    assert told.returncode == 2
    data = json.loads(told.stdout)
    assert data["total"]["modules"] == 5
    names = [Path(item["file"]).name for item in data["errors"]]
    assert names == ["component.wasm", "malformed.wat"]


def test_counts_do_not_depend_on_repeats(plumbob: Run) -> None:
    once, twice = (census(plumbob, "-", "--repeats", n, stdin=DEAD)["total"] for n in (1, 2))
    assert isinstance(once, dict)
    assert isinstance(twice, dict)
    assert {k: v for k, v in once.items() if k != "policies"} == {
        k: v for k, v in twice.items() if k != "policies"
    }
