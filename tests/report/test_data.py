"""Reports as data: the schema that docs/json.md promises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from plumbob.report.data import report_data, reports_data
from plumbob.wasm.text import parse_text
from plumbob.wasm.valid.diagnostics import Diagnostic, Report
from plumbob.wasm.valid.validate import validate

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "json.md").read_text()

TEXT = """(module
  (func $f (param i64) (result i32)
    unreachable
    block (result i32)
      local.get 0
      i32.const 7
      i32.add
    end))
"""


def data() -> dict[str, Any]:
    """The report on a module with one fault, through JSON and back."""
    found: dict[str, Any] = json.loads(json.dumps(report_data(validate(parse_text(TEXT, "x.wat")))))
    return found


def test_the_diagnostic_says_it_all() -> None:
    (diagnostic,) = data()["diagnostics"]
    assert diagnostic["code"] == "E0201"
    assert diagnostic["title"] == "type mismatch"
    assert (diagnostic["severity"], diagnostic["verdict"]) == ("error", "invalid")
    assert diagnostic["function"] == {"index": 0, "name": "f"}
    assert diagnostic["operator"] == "i32.add"
    assert (diagnostic["line"], diagnostic["column"]) == (7, 7)
    assert (diagnostic["end_line"], diagnostic["end_column"]) == (7, 14)
    assert diagnostic["expected_stack"] == ["i32", "i32"]
    assert [operand["type"] for operand in diagnostic["stack"]] == ["i64", "i32"]
    assert [operand["line"] for operand in diagnostic["stack"]] == [5, 6]
    function, block = diagnostic["frames"]
    assert (function["kind"], block["kind"]) == ("function", "block")
    assert function["dead"]["after"] == "unreachable"
    assert function["dead"]["line"] == 3
    assert block["dead"] is None
    assert block["label"] == block["results"] == ["i32"]


def test_offsets_are_those_of_the_operators() -> None:
    (diagnostic,) = data()["diagnostics"]
    offsets = [operand["offset"] for operand in diagnostic["stack"]]
    assert offsets == sorted(offsets)
    assert offsets[-1] + 2 == diagnostic["offset"]


def keys(item: Any) -> set[str]:
    """All keys anywhere in the data."""
    if isinstance(item, dict):
        return set(item).union(*map(keys, item.values()))
    return set().union(*map(keys, item)) if isinstance(item, list) else set()


def test_every_key_is_documented() -> None:
    found = keys(reports_data([validate(parse_text(TEXT, "x.wat"))]))
    documented = set(re.findall(r'[`"](\w+)[`"]', DOCUMENT))
    assert found <= documented, found - documented


def test_every_key_is_always_there() -> None:
    full = keys(data()["diagnostics"])
    bare = report_data(Report("x", "invalid", [Diagnostic("E0201", "m")]))["diagnostics"][0]
    (diagnostic,) = data()["diagnostics"]
    assert set(bare) == set(diagnostic)
    assert set(bare) <= full


def test_totals() -> None:
    reports = [Report(name, name) for name in ("valid", "invalid", "malformed", "valid")]
    found = reports_data(reports)
    assert found["total"] == {"modules": 4, "valid": 2, "invalid": 1, "malformed": 1}
    assert [module["file"] for module in found["modules"]] == [report.name for report in reports]
