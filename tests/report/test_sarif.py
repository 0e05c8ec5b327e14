"""SARIF 2.1.0: what the schema requires of the parts that we write.

The schema itself is not in the project; `check` holds what it asks of each object we use:
required properties, their types, and no properties that it does not know.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from plumbob.report.body import Bodies
from plumbob.report.sarif import log, uri
from plumbob.report.text import render
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text
from plumbob.wasm.valid.codes import CATALOGUE
from plumbob.wasm.valid.diagnostics import Diagnostic, Report
from plumbob.wasm.valid.validate import validate

TEXT = "(module (func $f (param i64) (result i32)\n  local.get 0\n  i32.const 7\n  i32.add))\n"

MESSAGE = {"text": str}
REGION = {
    "startLine": int,
    "startColumn": int,
    "endLine": int,
    "endColumn": int,
    "byteOffset": int,
    "byteLength": int,
    "snippet": {"text": str},
}
PHYSICAL = {"artifactLocation": {"uri": str, "index": int}, "region": REGION}
LOCATION = {
    "id": int,
    "message": MESSAGE,
    "physicalLocation": PHYSICAL,
    "logicalLocations": [{"name": str, "fullyQualifiedName": str, "kind": str}],
}
SHAPE = {
    "$schema": str,
    "version": str,
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": str,
                    "version": str,
                    "semanticVersion": str,
                    "rules": [
                        {
                            "id": str,
                            "name": str,
                            "shortDescription": MESSAGE,
                            "fullDescription": MESSAGE,
                            "help": {"text": str, "markdown": str},
                            "defaultConfiguration": {"level": str},
                        }
                    ],
                }
            },
            "columnKind": str,
            "invocations": [
                {
                    "executionSuccessful": bool,
                    "toolExecutionNotifications": [
                        {"level": str, "message": MESSAGE, "locations": [LOCATION]}
                    ],
                }
            ],
            "artifacts": [{"location": {"uri": str, "index": int}}],
            "results": [
                {
                    "ruleId": str,
                    "ruleIndex": int,
                    "level": str,
                    "message": MESSAGE,
                    "locations": [LOCATION],
                    "relatedLocations": [LOCATION],
                    "properties": dict,
                }
            ],
        }
    ],
}
"""Properties of the schema that are used, each with its type."""

REQUIRED = {
    "executionSuccessful",
    "version",
    "runs",
    "tool",
    "driver",
    "message",
    "text",
    "location",
}
"""Properties that the schema, or a consumer, does not do without, wherever they belong."""


def check(item: Any, shape: Any, where: str = "log") -> None:
    """Hold data against a shape."""
    if isinstance(shape, dict):
        assert isinstance(item, dict), where
        assert set(item) <= set(shape), f"{where}: {set(item) - set(shape)}"
        missing = (set(shape) & REQUIRED) - set(item)
        # Only a related location must carry a message.
        assert not (missing - {"message"} if "physicalLocation" in shape else missing), where
        for key, value in item.items():
            check(value, shape[key], f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(item, list), where
        for place, value in enumerate(item):
            check(value, shape[0], f"{where}[{place}]")
    else:
        assert type(item) is shape, where


def from_text() -> dict[str, Any]:
    found: dict[str, Any] = log([validate(parse_text(TEXT, "a dir/x.wat"))])
    return found


def from_binary() -> dict[str, Any]:
    data = encode(parse_text(TEXT, "x.wat"))
    found: dict[str, Any] = log([validate(data, name="x.wasm"), validate(data[:-3], name="y.wasm")])
    return found


@pytest.mark.parametrize(
    "make",
    [
        from_text,
        from_binary,
        lambda: log([], [("gone.wasm", "gone")]),
        lambda: log([Report("ok.wasm", "valid")]),
    ],
)
def test_shape(make: Any) -> None:
    document = json.loads(json.dumps(make()))
    check(document, SHAPE)
    assert document["version"] == "2.1.0"
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for place in [*result["locations"], *result.get("relatedLocations", [])]:
            artifact = place["physicalLocation"]["artifactLocation"]
            assert run["artifacts"][artifact["index"]]["location"]["uri"] == artifact["uri"]


def test_a_text_has_lines() -> None:
    run = from_text()["runs"][0]
    (result,) = run["results"]
    place = result["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "a%20dir/x.wat"
    region = place["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (4, 3)
    assert (region["endLine"], region["endColumn"]) == (4, 10)
    assert region["snippet"] == {"text": "  i32.add))"}
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "func[0]"
    pushers = [related["message"]["text"] for related in result["relatedLocations"]]
    assert pushers == ["local.get 0 pushes i64", "i32.const 7 pushes i32"]


def test_a_binary_has_offsets() -> None:
    invalid, malformed = from_binary()["runs"][0]["results"]
    for result in (invalid, malformed):
        region = result["locations"][0]["physicalLocation"]["region"]
        assert set(region) == {"byteOffset", "byteLength"}


def test_rules_come_from_the_catalogue() -> None:
    reports = [Report("x", "invalid", [Diagnostic(code, "m")]) for code in CATALOGUE]
    rules = log(reports)["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(CATALOGUE)
    for rule in rules:
        assert (
            rule["fullDescription"]["text"].rstrip(".").lower()
            == CATALOGUE[rule["id"]].help.rstrip(".").lower()
        )
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", rule["name"])
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")


def test_every_code_can_be_shown() -> None:
    for code in CATALOGUE:
        report = Report("x", "invalid", [Diagnostic(code, "m", offset=0)])
        assert code in render(report, data=b"", bodies=Bodies(b"")).plain()


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("a.wasm", "a.wasm"),
        ("a b/ü.wat", "a%20b/%C3%BC.wat"),
        ("/opt/a.wasm", "file:///opt/a.wasm"),
        ("<stdin>", "stdin"),
        ("c:d.wasm", "c%3Ad.wasm"),
    ],
)
def test_uris(name: str, reference: str) -> None:
    assert uri(name) == reference


def test_the_version_is_semantic() -> None:
    driver = log([])["runs"][0]["tool"]["driver"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", driver["semanticVersion"])
