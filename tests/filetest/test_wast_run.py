"""The stage `run` of .wast scripts: what passes, and what a failure says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.filetest.wast import Options, run_file, run_files
from plumbob.filetest.wast_run import RunStage
from plumbob.filetest.wast_run_values import HostObjects, argument, matches
from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.text.script import Either, Number, Reference, Vector, parse_script

if TYPE_CHECKING:
    from pathlib import Path

RUN = Options(stage="run")

GOOD = b"""
(module $m
  (import "spectest" "global_i32" (global i32))
  (import "spectest" "print_i32" (func $print (param i32)))
  (memory (export "mem") 1)
  (global (export "g") i32 (global.get 0))
  (func (export "id") (param i32) (result i32) (call $print (local.get 0)) (local.get 0))
  (func (export "nan") (result f32) (f32.div (f32.const 0) (f32.const 0)))
  (func (export "div") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func $deep (export "deep") (call $deep)))
(register "m" $m)
(assert_return (invoke $m "id" (i32.const -1)) (i32.const 0xffffffff))
(assert_return (invoke "nan") (f32.const nan:canonical))
(assert_return (get "g") (i32.const 666))
(assert_trap (invoke "div" (i32.const 0)) "integer divide by zero")
(assert_exhaustion (invoke "deep") "call stack exhausted")
(module definition $d (import "m" "id" (func (param i32) (result i32))) (export "id" (func 0)))
(module instance $i $d)
(assert_return (invoke $i "id" (i32.const 3)) (i32.const 3))
(assert_unlinkable (module (import "m" "none" (func))) "unknown import")
(assert_unlinkable (module (import "m" "id" (func))) "incompatible import type")
(assert_unlinkable (module (import "m" "mem" (memory 2))) "incompatible import type")
(assert_trap (module (memory 0) (data (i32.const 0) "x")) "out of bounds memory access")
(assert_trap (module (func $f unreachable) (start $f)) "unreachable")
(assert_invalid (module (func (result i32))) "type mismatch")
(invoke "id" (i32.const 0))
"""


def test_every_kind_of_command_passes() -> None:
    result = run_file("good.wast", GOOD, RUN)
    assert result.failures == ()
    assert result.counts == (17, 0, 0)
    assert result.kinds["assert_unlinkable"] == (3, 0, 0)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ('(assert_return (invoke $m "id" (i32.const 1)) (i32.const 2))', "expected i32 0x2, found"),
        ('(assert_return (invoke $m "id" (i32.const 1)))', "expected 0 results, found 1"),
        (
            '(assert_return (invoke $m "div" (i32.const 0)) (i32.const 2))',
            "trap: integer divide by",
        ),
        ('(assert_return (invoke $m "no") (i32.const 2))', "there is no function 'no'"),
        ('(assert_return (get $m "id") (i32.const 2))', "there is no global 'id'"),
        ('(assert_return (invoke $x "id") (i32.const 2))', "there is no instance $x"),
        ('(assert_trap (invoke $m "id" (i32.const 1)) "unreachable")', "found results (1,)"),
        ('(assert_trap (invoke $m "div" (i32.const 0)) "unreachable")', "found 'integer divide"),
        ('(assert_exception (invoke $m "div" (i32.const 0)))', "expected an exception, found trap"),
        ('(assert_unlinkable (module) "unknown import")', "found 'an instance'"),
        ('(assert_invalid (module) "type mismatch")', "expected invalid"),
        ("(module instance $i $none)", "there is no module $none"),
        ("(module (func (result i32)))", "invalid"),
        ('(module (import "x" "y" (func)))', "unknown import"),
        ('(invoke $m "deep")', "call stack exhausted"),
        ('(invoke $m "id")', "'id' takes 1 argument"),
        ('(invoke $m "id" (i64.const 5))', "argument 1 of 'id' is not of type i32"),
        ('(invoke $m "id" (f32.const 5))', "argument 1 of 'id' is not of type i32"),
        ('(invoke $m "id" (ref.null func))', "argument 1 of 'id' is not of type i32"),
        ('(invoke $m "id" (v128.const i32x4 1 2 3 4))', "argument 1 of 'id' is not of type i32"),
        (
            '(assert_trap (invoke $m "div" (i64.const 0)) "integer")',
            "argument 1 of 'div' is not of",
        ),
        (
            '(assert_return (invoke $m "id" (i32.const 1)) (i64.const 1))',
            "expected i64 0x1, found a result of type i32",
        ),
        (
            '(assert_return (invoke $m "id" (i32.const 1)) (either (i64.const 1) (f32.const 0)))',
            "found a result of type i32",
        ),
        ('(assert_return (get $m "g") (i64.const 666))', "found a result of type i32"),
        ('(assert_return (get $m "g") (ref.null))', "found a result of type i32"),
        ("(module (memory i64 100000000))", "a memory does not fit the store's limit"),
        ("(module (table 100000000 funcref))", "a table does not fit the store's limit"),
    ],
)
def test_a_failure_says_why(command: str, reason: str) -> None:
    result = run_file("bad.wast", GOOD + command.encode(), RUN)
    assert result.counts == (17, 1, 0)
    (failure,) = result.failures
    assert reason in failure.reason


def test_threads_share_memories() -> None:
    text = """
    (module $m (memory (export "mem") 1 1 shared)
      (func (export "load") (result i32) (i32.load (i32.const 0))))
    (thread $t (shared (module $m))
      (register "m" $m)
      (module (memory (import "m" "mem") 1 1 shared)
        (func (export "wait") (result i32)
          (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
        (func (export "store") (i32.store (i32.const 0) (i32.const 7))))
      (assert_return (invoke "wait") (i32.const 0))
      (invoke "store")
      (assert_return (invoke "wait") (i32.const 5)))
    (module (memory (import "m" "mem") 1 1 shared)
      (func (export "wake") (result i32)
        (loop $again (br_if $again
          (i32.eqz (memory.atomic.notify (i32.const 0) (i32.const 1)))))
        (i32.const 1)))
    (assert_return (invoke "wake") (i32.const 1))
    (wait $t)
    (assert_return (invoke $m "load") (i32.const 7))
    (wait $t)"""
    stage = RunStage(f.DEFAULT | f.NAMES["threads"], "polymorphic")
    commands = list(parse_script(text, "threads").commands)
    stage.registered["m"] = {}
    reasons = []
    for command in commands:
        reasons.append(stage.judge(command))
        if len(reasons) == 1:
            stage.registered["m"] = stage.instances["$m"].exports
    assert reasons[:4] == [None] * 4
    assert reasons[4] == "line 12: expected i32 0x5, found 0x1"
    assert reasons[5:] == [None, "there is no thread $t"]


REFERENCES = b"""
(module
  (type $s (struct))
  (func (export "any") (param externref funcref anyref))
  (func (export "extern") (param (ref extern)) (result externref) (local.get 0))
  (func (export "struct") (param (ref null $s)))
  (func (export "i31") (param i31ref))
  (func (export "nothing") (param nullfuncref) (result funcref) (local.get 0)))
"""


@pytest.mark.parametrize(
    ("invocation", "refused"),
    [
        ('"any" (ref.extern 1) (ref.null func) (ref.host 2)', None),
        ('"any" (ref.null extern) (ref.null nofunc) (ref.null none)', None),
        ('"any" (ref.null func) (ref.null func) (ref.null any)', (1, "externref")),
        ('"any" (ref.null extern) (ref.extern 1) (ref.null any)', (2, "funcref")),
        ('"any" (ref.null extern) (ref.null func) (i32.const 1)', (3, "anyref")),
        ('"extern" (ref.extern 1)', None),
        ('"extern" (ref.null extern)', (1, "(ref extern)")),
        ('"struct" (ref.null any)', None),
        ('"struct" (ref.null exn)', (1, "(ref null ")),
        ('"struct" (ref.host 1)', (1, "(ref null ")),
        ('"i31" (ref.null eq)', None),
        ('"i31" (ref.host 1)', (1, "i31ref")),
        ('"nothing" (ref.null func)', None),
    ],
)
def test_references_as_arguments(invocation: str, refused: tuple[int, str] | None) -> None:
    result = run_file("a.wast", REFERENCES + f"(invoke {invocation})".encode(), RUN)
    reasons = [failure.reason for failure in result.failures]
    if refused is None:
        assert reasons == []
    else:
        place, type_ = refused
        (reason,) = reasons
        assert reason.startswith(f"argument {place} of ")
        assert f" is not of type {type_}" in reason


def test_what_ends_a_thread_is_told() -> None:
    text = "(thread $t (module (memory i64 100000000)))(wait $t)"
    stage = RunStage(f.DEFAULT | f.NAMES["threads"], "polymorphic")
    start, wait = parse_script(text, "threads").commands
    assert stage.judge(start) is None
    reason = stage.judge(wait)
    assert reason is not None
    assert reason.startswith("line 1: a memory does not fit the store's limit")


def test_a_bug_in_a_thread_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    stage = RunStage(f.DEFAULT | f.NAMES["threads"], "polymorphic")
    start, wait = parse_script("(thread $t (module))(wait $t)", "threads").commands
    monkeypatch.setattr(RunStage, "instantiate", fail)
    assert stage.judge(start) is None
    with pytest.raises(RuntimeError, match="a bug"):
        stage.judge(wait)


def test_values_match_patterns() -> None:
    canonical = Number(t.F32, "nan:canonical")
    arithmetic = Vector("f64x2", ("nan:arithmetic", 0))
    assert matches(0x7FC0_0000, canonical)
    assert matches(0xFFC0_0000, canonical)
    assert not matches(0x7FC0_0001, canonical)
    assert not matches(0x7FA0_0000, canonical)
    assert matches(0x7FF8_0000_0000_0001, arithmetic)
    assert not matches(0x7FF0_0000_0000_0001, arithmetic)
    assert not matches(1 << 64 | 0x7FF8_0000_0000_0000, arithmetic)
    assert matches(2, Either((Number(t.I32, 1), Number(t.I32, 2))))
    assert not matches(3, Either((Number(t.I32, 1), Number(t.I32, 2))))


def test_host_references_are_equal_by_number() -> None:
    objects = HostObjects()
    one = argument(Reference("extern", None, 1), objects)
    assert one is argument(Reference("extern", None, 1), objects)
    assert matches(one, Reference("extern", None, 1))
    assert not matches(one, Reference("extern", None, 2))
    assert matches(one, Reference("extern"))
    assert not matches(None, Reference("extern"))
    assert matches(argument(Reference("null", "func"), objects), Reference("null"))


def test_the_official_suite_runs(suites: Path) -> None:
    paths = sorted(map(str, (suites / "spec").rglob("*.wast")))
    results = list(run_files(paths, RUN, jobs=2))
    assert [(r.file, r.failures) for r in results if r.failures] == []
    assert {r.file.split("/")[-2] for r in results if r.skips} == {"custom-descriptors"}
    root = [r for r in results if r.file.split("/")[-2] == "spec"]
    assert sum(r.counts[0] for r in root) == 65_184
    assert sum(r.counts[2] for r in root) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["return_call", "return_call_ref"])
def test_the_tree_walk_makes_a_million_tail_calls(suites: Path, name: str) -> None:
    # A minute and a half each: they count down from a million three times.
    path = suites / "spec" / f"{name}.wast"
    stage = RunStage(f.DEFAULT, "polymorphic", mode="walk")
    reasons = map(stage.judge, parse_script(path.read_bytes(), str(path)).commands)
    assert [reason for reason in reasons if reason is not None] == []
