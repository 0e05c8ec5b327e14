"""Collections that are forced: the program stays what it is, and stale references show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.triage.fakes import binary, checked, flip, on_call

from plumbob.engines.kinds import KINDS
from plumbob.engines.request import Answer, Call, FunctionImport, Request, Value
from plumbob.engines.spec import parse_spec
from plumbob.report.check import check_data
from plumbob.triage.bisect.checked import CheckedJudge, Job
from plumbob.triage.bisect.judge import BAD, GOOD
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.reference import Reference
from plumbob.triage.check.stress import further_settings, operators_of, stressed
from plumbob.triage.check.subject import Subject
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.features import ALL
from plumbob.wasm.valid.validate import validate

STALE = """
(module (type $p (struct (field (mut i32))))
  (import "wasmtime" "gc" (func $gc))
  (func $churn (local $i i32) (call $gc) (local.set $i (i32.const 64))
    (loop $l (drop (struct.new $p (i32.const 0)))
      (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
  (func (export "test") (param $c i32) (result i32)
    (select (result (ref null $p)) (struct.new $p (i32.const 111)) (ref.null $p) (local.get $c))
    (call $churn)
    (struct.get $p 0)))
"""
"""A `select` of references that lives across a collection."""

QUIET = STALE.replace('(import "wasmtime" "gc" (func $gc))', "").replace("(call $gc)", "")
"""The same without an import that collects."""

PLACES = """
(module
  (type $t (func (param i32) (result i32)))
  (import "plumbob" "gc" (func $own))
  (import "env" "note" (func $note (param i32) (result i32)))
  (global $g (mut i32) (i32.const 0))
  (table funcref (elem $even $odd))
  (func $even (type $t)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
      (else (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))))
  (func $odd (type $t)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
  (func $start (global.set $g (i32.const 7)))
  (func (export "f") (param i32) (result i32 i32)
    (block $dead (br $dead) (loop (br 0)))
    (loop $l
      (global.set $g (i32.add (global.get $g) (call $note (local.get 0))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (global.get $g)
    (call_ref $t (i32.const 9) (ref.func $even)))
  (export "even" (func $even))
  (start $start))
"""


def _request(calls: int) -> Request:
    note = FunctionImport("env", "note", ("i32",), ("i32",), ((Value("i32", 5),),))
    gc = FunctionImport("plumbob", "gc", (), ())
    call = Call("f", (Value("i32", calls),), ("i32", "i32"))
    return Request(binary(PLACES), (call, Call("even", (Value("i32", 5),), ("i32",))), (gc, note))


def test_the_program_stays_what_it_is() -> None:
    request = _request(10)
    changed = stressed(request)
    assert validate(decode(changed.module, features=ALL), features=ALL).ok
    before, after = Reference().run(request), Reference().run(changed)
    assert before == after
    assert len(before.results[0].calls) == 10, "what the program calls is noted"
    assert changed.imports[-1].wire()["collects"]
    assert changed.imports[-1].wire()["name"] == "gc_", "its own import keeps its name"


@pytest.mark.parametrize(("rounds", "least", "most"), [(3, 22, 22), (20_000, 500, 900)])
def test_collections_become_seldom(rounds: int, least: int, most: int) -> None:
    request = stressed(_request(rounds))
    *others, collector = request.imports
    assert isinstance(collector, FunctionImport)
    counted = (*others, replace(collector, logged=True))
    answer = Reference(fuel=10_000_000).run(replace(request, imports=counted))
    collections = [call for call in answer.results[0].calls if call.place == 2]
    assert least <= len(collections) <= most


def test_objects_follow_a_collection_where_there_are_any() -> None:
    module = stressed(Request(binary(QUIET))).module
    assert "array.new" in operators_of(module)
    assert "array.new" not in operators_of(stressed(Request(binary(PLACES), ())).module)
    assert validate(decode(module, features=ALL), features=ALL).ok


@pytest.mark.parametrize(
    ("engine", "text", "settings"),
    [
        ("wasmtime==1.0.0", QUIET, ["gc=stress"]),
        ("wasmtime==1.0.0:gc=normal", QUIET, []),
        ("wasmtime==1.0.0:gc=stress", QUIET, []),
        ("wasmtime==1.0.0:opt=none", QUIET, ["gc=stress"]),
        ("wasm3==0.5.0", QUIET, []),
        ("wasmtime==1.0.0", "(module (func))", []),
        ("deno==2.0.0", "(module (func (drop (v128.const i64x2 1 2))))", ["cpu=baseline"]),
        ("bun==1.4.0", "(module (func (drop (v128.const i64x2 1 2))))", []),
    ],
)
def test_settings_that_are_tried_unasked(
    engine: str, text: str, settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    found = further_settings(parse_spec(engine), operators_of(binary(text)))
    assert [each.option for each in found] == settings
    for each in found:
        assert dict(parse_spec(each.engine).options).items() >= {tuple(each.option.split("="))}


def _stale(request: Request, answer: Answer) -> Answer:
    """Be wrong where the collector runs in the program's own functions."""
    collects = any(item.wire().get("collects") and not item.logged for item in request.imports)  # type: ignore[union-attr]
    return on_call("test", flip(3))(request, answer) if collects else answer


def test_a_fault_that_only_collections_show() -> None:
    fakes = {"wasmtime==1.0.0:gc=stress": _stale}
    result = checked(QUIET, fakes, ("test", ("1",)), others=("wasmtime==1.0.0", "deno==1.0.0"))
    assert result.wrong == ("wasmtime==1.0.0:gc=stress", "wasmtime==1.0.0")
    data = check_data(result)
    assert "wasmtime==1.0.0 with gc=stress differs" in data["sentence"]
    assert data["modules"][0]["settings"] == [
        {"engine": "wasmtime==1.0.0", "setting": "gc=stress", "good": False, "reason": ""},
        {"engine": "deno==1.0.0", "setting": "gc=stress", "good": True, "reason": ""},
    ]


def test_a_fault_that_only_another_processor_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    vector = """(module (func (export "f") (param i64) (result i64)
      (i64x2.extract_lane 1 (i64x2.shr_s (i64x2.splat (local.get 0)) (i32.const 40)))))"""
    fakes = {"wasmtime==1.0.0:cpu=baseline": on_call("f", flip(3))}
    result = checked(vector, fakes, ("f", ("1",)), others=("wasmtime==1.0.0", "deno==1.0.0"))
    assert result.wrong == ("wasmtime==1.0.0:cpu=baseline", "wasmtime==1.0.0")
    assert "wasmtime==1.0.0 with cpu=baseline differs" in check_data(result)["sentence"]


def test_what_shows_without_is_told_without() -> None:
    fakes = {"wasmtime==1.0.0": on_call("test", flip(0)), "wasmtime==1.0.0:gc=stress": _stale}
    result = checked(QUIET, fakes, ("test", ("1",)))
    assert "wasmtime==1.0.0 with" not in check_data(result)["sentence"]
    assert result.parts[0].comparisons[0].findings[0].setting == ""


@pytest.mark.registry
@pytest.mark.parametrize("text", [STALE, QUIET], ids=["import", "none"])
@pytest.mark.parametrize(
    ("engine", "result"),
    [("wasmtime==43.0.0", BAD), ("wasmtime==44.0.0", GOOD), ("deno", GOOD), ("bun==1.4.0", GOOD)],
)
def test_a_select_without_a_stack_map(text: str, engine: str, result: str) -> None:
    with Pool() as pool:
        judge = CheckedJudge([Job(Subject.prepare(binary(text)))], pool)
        judge.prepare()
        verdict = judge.compare(engine, judge.run(engine))
    assert verdict.result == result
    if result == BAD and text == QUIET:
        assert verdict.where.endswith(" with gc=stress")


def test_every_engine_with_a_collector_has_the_option() -> None:
    assert [name for name, kind in KINDS.items() if "gc" in kind.options] == [
        "wasmtime", "deno", "node", "bun", "spidermonkey",
    ]  # fmt: skip
    table = Path("docs/check.md").read_text()
    for kind in KINDS.values():
        for option in kind.options:
            if kind.registry is not None:
                assert f"`{option}=" in table, option
