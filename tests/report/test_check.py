"""The result of a check, for people and as data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.triage.fakes import (
    becomes,
    binary,
    checked,
    checked_script,
    compiling,
    dies,
    faithful,
    flip,
    on_call,
)

from plumbob.engines.optimiser import Optimised
from plumbob.engines.process import FaultKind
from plumbob.engines.request import Outcome, Value
from plumbob.engines.traps import T
from plumbob.report.check import SHOWN_CALLS, SHOWN_PARTS, check_data, render
from plumbob.report.document import cells

ONE = "wasmtime==1.0.0"
OTHER = "deno"
LONG = "binaryen==130.0.0:passes=-all --closed-world -O3 --gufa -O3"

MODULE = """(module (memory (export "m") 1)
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "v") (result v128) (v128.const i64x2 1 2))
  (func (export "u") (unreachable)))"""
CALLS = (("add", ("3", "4")), ("v", ()), ("u", ()))


def _text(fakes: dict[str, Any], *calls: tuple[str, tuple[str, ...]], width: int = 100) -> str:
    return render(checked(MODULE, fakes, *(calls or CALLS)), width=width).plain()


def test_only_what_differs_is_shown_with_a_count_of_the_rest() -> None:
    text = _text({ONE: on_call(0, flip(0)), OTHER: faithful})
    assert text.splitlines()[:6] == [
        "call       plumbob  wasmtime==1.0.0  deno",
        "add(3, 4)  7        ✗ 6              7",
        "2 more on which all agree",
        "",
        f"disagree: {ONE}",
        f"{ONE} differs from the reference and from the majority (deno): add(3, 4) gives 6 instead",
    ]
    assert "  i32.add: WebAssembly 3.0, 4.3.2 Integer Operations, iadd" in text


def test_everything_is_shown_where_all_agree() -> None:
    text = _text({ONE: faithful})
    assert "u()        trap: unreachable" in text
    assert "0x00000000000000020000000000000001" in text
    assert f"{ONE} agrees with the reference on 3 calls." in text


def test_many_calls_are_counted() -> None:
    exports = "".join(
        f'(func (export "f{place}") (result i32) (i32.const {place}))' for place in range(30)
    )
    text = render(checked(f"(module {exports})", {ONE: faithful})).plain()
    assert text.count("\nf") == SHOWN_CALLS
    assert f"{30 - SHOWN_CALLS} more on which all agree" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_that_is_too_wide_becomes_a_list(width: int) -> None:
    fakes = {
        LONG: lambda module: Optimised("ok", module),
        ONE: on_call(1, flip(5)),
        OTHER: dies(0, FaultKind.CRASH, message="word " * 60),
    }
    text = _text(fakes, width=width)
    assert max(cells(line) for line in text.splitlines()) <= max(width, len(LONG) + 8)
    assert "✗ crash: word" in text
    assert "…" in text


def test_what_may_differ_and_what_is_missing_is_listed() -> None:
    text = _text(
        {
            ONE: compiling("unsupported", "SIMD is off\nand more"),
            OTHER: on_call(0, becomes("trap", T.STACK_OVERFLOW)),
        }
    )
    assert "~ stack exhausted" in text
    assert "allowed to differ:\n  deno, stack depth (WebAssembly 3.0, A.3 Imp" in text
    assert f"not supported:\n  {ONE}: SIMD is off\n" in text


def test_no_name_obeys_a_terminal() -> None:
    text = render(
        checked('(module (func (export "\\1b[31m\\u{202e}x\\n") (result i32) (i32.const 1)))', {})
    ).plain()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "'\\x1b[31m\\u202ex\\n'()" in text


def test_scripts_show_where_their_modules_stand() -> None:
    script = "\n".join(
        f'(module (func (export "f{place}") (result i32) (i32.const 2)))\n'
        f'(assert_return (invoke "f{place}") (i32.const 2))'
        for place in range(SHOWN_PARTS + 2)
    )
    text = render(checked_script(script, {ONE: on_call(0, flip(0))})).plain()
    assert "test.wast:1\n" in text
    assert "2 more modules differ" in text
    assert f"test.wast:3: {ONE} contradicts the script" in text
    fine = render(checked_script(script, {ONE: faithful})).plain()
    assert f"{ONE} agrees with the reference on 8 modules and 8 calls." in fine


def _data(fakes: dict[str, Any]) -> dict[str, Any]:
    data = check_data(checked(MODULE, fakes, *CALLS))
    assert json.loads(json.dumps(data)) == data
    return data


def test_data_has_every_call_on_every_engine() -> None:
    data = _data({ONE: on_call(0, flip(0)), OTHER: compiling("unsupported", "no")})
    assert (data["verdict"], data["wrong"]) == ("disagree", [ONE])
    assert data["sentence"] == f"{ONE} differs from the reference: add(3, 4) gives 6 instead of 7."
    assert data["rationale"][0]["what"] == "i32.add"
    assert [call["export"] for call in data["calls"]] == ["add", "v", "u"]
    first = data["calls"][0]
    assert first["args"] == ["3", "4"]
    assert {name: result and result["values"] for name, result in first["results"].items()} == {
        "plumbob": ["7"],
        ONE: ["6"],
        OTHER: None,
    }
    last = data["calls"][2]["results"]
    assert last[ONE] == {
        "end": "trap", "values": [], "types": [], "trap": "unreachable", "tag": None, "log": [],
        "message": last[ONE]["message"], "text": "trap: unreachable",
    }  # fmt: skip
    assert [state["what"] for state in data["state"]] == ['memory 0 (exported as "m")']
    (missing,) = data["unsupported"]
    assert (missing["engine"], missing["step"], missing["message"]) == (OTHER, "compile", "no")


def test_data_has_what_may_differ_with_its_section() -> None:
    data = _data({ONE: on_call(1, becomes("trap", T.STACK_OVERFLOW))})
    (allowed,) = data["allowed"]
    assert allowed["engine"] == ONE
    assert allowed["rule"] == "stack depth"
    assert allowed["section"].startswith("WebAssembly 3.0, A.3")
    assert (allowed["subject"], allowed["found"]) == ("v()", "stack exhausted")


def test_data_names_engines_machine_and_seed() -> None:
    data = _data({LONG: lambda module: Optimised("ok", module)})
    assert [(each["name"], each["kind"]) for each in data["engines"]] == [
        ("plumbob", "plumbob"),
        (LONG, "binaryen"),
    ]
    assert data["engines"][1]["options"] == {"passes": LONG.partition("passes=")[2]}
    assert set(data["machine"]) == {"cpu", "architecture", "flags", "os", "release", "python"}
    assert data["seed"] == 0


def test_data_of_exceptions_and_logs() -> None:
    text = """(module (import "env" "tell" (func $tell (param i32 f64)))
      (tag $t (export "t") (param i64))
      (func (export "go") (call $tell (i32.const -1) (f64.const 0.5)) (throw $t (i64.const 3))))"""
    data = check_data(checked(text, {ONE: faithful}))
    result = data["calls"][0]["results"][ONE]
    assert (result["end"], result["tag"], result["values"]) == ("exception", "t", ["3"])
    assert result["log"] == ["env.tell(-1, 0.5)"]
    assert result["text"] == "exception t(3)"


def test_data_of_references() -> None:
    text = """(module (type $s (struct (field i32)))
      (func (export "s") (result (ref $s)) (struct.new $s (i32.const 3)))
      (func (export "i") (result i31ref) (ref.i31 (i32.const 5)))
      (func (export "n") (result externref) (ref.null extern)))"""
    data = check_data(checked(text, {ONE: faithful}))
    values = [call["results"][ONE]["values"][0] for call in data["calls"]]
    assert values[0].startswith("struct#")
    assert values[1:] == ["i31:5", "null"]


def test_an_optimiser_that_made_another_module() -> None:
    other = binary(MODULE.replace("(i32.add", "(i32.sub"))
    data = _data({LONG: lambda _module: Optimised("ok", other)})
    assert data["wrong"] == [LONG]
    assert data["calls"][0]["results"][LONG]["values"] == ["-1"]


def test_the_reference_may_be_wrong() -> None:
    script = """(module (func (export "f") (result i32) (i32.const 2)))
(assert_return (invoke "f") (i32.const 3))"""
    meets = on_call(0, lambda _: Outcome("values", (Value("i32", 3),)))
    data = check_data(checked_script(script, {ONE: meets}))
    assert data["wrong"] == ["plumbob"]
    text = render(checked_script(script, {ONE: meets})).plain()
    assert "disagree: plumbob" in text
