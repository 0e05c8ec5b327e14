"""Scripts: their assertions judge engines and the reference; linked instances are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.triage.fakes import checked_script, faithful, flip, on_call

from plumbob.engines.request import Answer, Outcome, Request, Value
from plumbob.engines.traps import T
from plumbob.errors import InputError
from plumbob.filetest.wast_run_values import lane_matches
from plumbob.triage.check.events import Event, Place
from plumbob.triage.check.script import Expectation, contradiction, matches, read_script
from plumbob.triage.say.sentence import sentence
from plumbob.triage.shims import Observation, Seen
from plumbob.wasm import types as t
from plumbob.wasm.text.script import Either, Number, Reference, Vector

if TYPE_CHECKING:
    from pathlib import Path

ONE = "wasmtime==1.0.0"
OTHER = "deno"

ADD = """(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (global (export "g") (mut i32) (i32.const 5)))
(assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const {sum}))
(assert_return (get "g") (i32.const 5))
"""


def test_who_contradicts_an_assertion_is_wrong() -> None:
    result = checked_script(ADD.format(sum=3), {ONE: on_call(0, flip(0)), OTHER: faithful})
    assert (result.verdict, result.wrong) == ("disagree", (ONE,))
    said = sentence(result.parts[0], "plumbob")
    assert said == f"{ONE} contradicts the script: add(1, 2) gives 2, where 3 is asserted."


def test_the_reference_is_judged_too() -> None:
    """4 is asserted where the reference has 3: one engine meets the assertion, one does not."""
    meets = on_call(0, lambda _: Outcome("values", (Value("i32", 4),)))
    result = checked_script(ADD.format(sum=4), {ONE: meets, OTHER: faithful})
    assert (result.verdict, result.wrong) == ("disagree", ("plumbob", OTHER))
    comparisons = result.parts[0].comparisons
    assert [each.good for each in comparisons] == [True, False]
    assert "plumbob and deno contradict the script" in sentence(result.parts[0], "plumbob")


def test_an_assertion_outweighs_two_kinds_of_engines() -> None:
    spoil = on_call(0, flip(0))
    result = checked_script(ADD.format(sum=3), {ONE: spoil, OTHER: spoil})
    assert (result.verdict, result.wrong) == ("disagree", (ONE, OTHER))


def test_globals_are_read_in_their_turn() -> None:
    result = checked_script(ADD.format(sum=3), {ONE: on_call(1, flip(2))})
    assert result.wrong == (ONE,)
    assert "global g gives 1, where 5 is asserted" in sentence(result.parts[0], "plumbob")


TRAPS = """(module (tag $e) (func (export "u") (unreachable))
  (func (export "t") (throw $e))
  (func $r (export "r") (call $r)))
(assert_trap (invoke "u") "unreachable")
(assert_exception (invoke "t"))
(assert_exhaustion (invoke "r") "call stack exhausted")
(assert_trap (invoke "u") "unreachable")
"""


def test_other_ends_are_asserted_as_well() -> None:
    assert checked_script(TRAPS, {ONE: faithful}).verdict == "agree"
    returns = on_call(0, lambda _: Outcome("values", (Value("i32", 0),)))
    assert checked_script(TRAPS, {ONE: returns}).wrong == (ONE,)
    deep = on_call(2, lambda _: Outcome("values", (Value("i32", 0),)))
    assert checked_script(TRAPS, {ONE: deep}).verdict == "agree"


LINKED = """(module $a (memory (export "m") 1)
  (func (export "load") (result i32) (i32.load (i32.const 0))))
(register "a" $a)
(assert_return (invoke $a "load") (i32.const 0))
(module $b (memory (import "a" "m") 1) (data (i32.const 0) "\\01")
  (func (export "load") (result i32) (i32.load (i32.const 0))))
(assert_return (invoke $b "load") (i32.const 1))
(assert_return (invoke $a "load") (i32.const 1))
"""


def test_linked_instances_are_only_compared() -> None:
    first, second = read_script(LINKED.encode(), "linked.wast")
    assert len(first.subject.invocations) == 2
    assert list(first.expected.calls) == [0]
    assert len(second.subject.invocations) == 1
    assert not second.expected.calls
    assert checked_script(LINKED, {ONE: faithful}).verdict == "agree"
    assert checked_script(LINKED, {ONE: on_call(0, flip(3))}).wrong == (ONE,)


FAULTY = """(assert_invalid (module (func (result i32))) "type mismatch")
(assert_malformed (module binary "\\00asm\\01\\00\\00\\00\\ff") "malformed section id")
(assert_malformed (module quote "(nonsense)") "unknown operator")
(assert_unlinkable (module (import "no" "where" (func))) "unknown import")
(assert_trap (module (func $f (unreachable)) (start $f)) "unreachable")
"""


def test_faulty_modules() -> None:
    subjects = read_script(FAULTY.encode(), "faulty.wast")
    assert [each.line for each in subjects] == [1, 2, 5]
    assert [each.subject.invalid is None for each in subjects] == [False, False, True]
    assert checked_script(FAULTY, {ONE: faithful}).verdict == "agree"

    def accepts(_request: Request, _answer: Answer) -> Answer:
        return Answer(Outcome("ok"), Outcome("ok"), ())

    result = checked_script(FAULTY, {ONE: accepts})
    assert [part.verdict.wrong for part in result.parts] == [(ONE,)] * 3


def test_several_instances_of_one_definition() -> None:
    text = """(module definition $d (global (export "g") i32 (i32.const 7)))
(module instance $x $d) (module instance $y $d)
(assert_return (get $x "g") (i32.const 7)) (assert_return (get $y "g") (i32.const 7))"""
    subjects = read_script(text.encode(), "instances.wast")
    assert [len(each.expected.calls) for each in subjects] == [1, 1]
    assert checked_script(text, {ONE: faithful}).verdict == "agree"


def test_what_the_host_gives_is_not_what_a_shim_builds() -> None:
    text = """(module (func (export "id") (param externref) (result externref) local.get 0))
(assert_return (invoke "id" (ref.null extern)) (ref.null extern))
(assert_return (invoke "id" (ref.extern 1)) (ref.extern 1))"""
    (found,) = read_script(text.encode(), "refs.wast")
    assert list(found.expected.calls) == [0]
    assert checked_script(text, {ONE: faithful}).verdict == "agree"


def test_a_thread_shares_what_is_then_only_compared() -> None:
    text = """(module $m (func (export "f") (result i32) (i32.const 1)))
(thread $t (shared (module $m)) (invoke $m "f"))
(wait $t)
(assert_return (invoke $m "f") (i32.const 1))"""
    (found,) = read_script(text.encode(), "threads.wast")
    assert not found.expected.calls


@pytest.mark.parametrize("text", ["(module", "(assert_return)", "(module (nonsense))"])
def test_scripts_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError):
        read_script(text.encode(), "broken.wast")


def test_proposals_that_are_not_known_are_refused() -> None:
    with pytest.raises(InputError, match="custom-descriptors"):
        read_script(b"", "proposals/custom-descriptors/x.wast")


@pytest.mark.parametrize(
    ("wanted", "fitting", "others"),
    [
        ("nan:canonical", (0x7FC00000, 0xFFC00000), (0x7FC00001, 0x7FA00000, 0x7F800000)),
        ("nan:arithmetic", (0x7FC00000, 0xFFC00001, 0x7FE00000), (0x7FA00000, 0x3F800000)),
        (0x7FA00000, (0x7FA00000,), (0x7FC00000,)),
    ],
)
def test_patterns_of_nans(
    wanted: int | str, fitting: tuple[int, ...], others: tuple[int, ...]
) -> None:
    assert all(lane_matches(bits, wanted, 32) for bits in fitting)
    assert not any(lane_matches(bits, wanted, 32) for bits in others)


def test_values_that_match() -> None:
    assert matches(Seen("i32", 5), Either((Number(t.I32, 4), Number(t.I32, 5))))
    assert not matches(Seen("i32", 6), Either((Number(t.I32, 4), Number(t.I32, 5))))
    lanes = Vector("i32x4", (1, 2, 3, 4))
    assert matches(Seen("v128", 1 | 2 << 32 | 3 << 64 | 4 << 96), lanes)
    assert not matches(Seen("v128", 1 | 2 << 32 | 3 << 64 | 5 << 96), lanes)
    assert matches(Seen("funcref", 1, "func"), Reference("func"))
    assert not matches(Seen("funcref", None, "null"), Reference("func"))
    assert matches(Seen("anyref", None, "null"), Reference("null", "any"))
    assert matches(Seen("anyref", 3, "i31"), Reference("i31"))
    assert not matches(Seen("anyref", 3, "i31"), Reference("struct"))
    assert matches(Seen("anyref", 3, "i31"), Reference("eq"))
    assert matches(Seen("externref", 0, "extern"), Reference("extern", None, 4))


def test_messages_of_traps() -> None:
    def trapped(kind: str | None) -> Event:
        return Event(Outcome("trap", trap=kind))

    wanted = Expectation("assert_trap", (), "uninitialized element 2")
    assert contradiction(wanted, trapped(T.UNINITIALIZED_ELEMENT)) == ""
    assert contradiction(wanted, trapped(None)) == ""
    assert contradiction(wanted, trapped(T.UNREACHABLE))
    wanted = Expectation("assert_trap", (), "null")
    assert contradiction(wanted, trapped(T.NULL_REFERENCE)) == ""
    wanted = Expectation("assert_return", (Number(t.I32, 1),))
    assert contradiction(wanted, trapped(T.UNREACHABLE)) == "where 1 is asserted"
    none = Event(Outcome("values"), Observation("values", ()))
    assert contradiction(wanted, none) == "where 1 is asserted"


def test_nothing_is_asserted_of_the_state() -> None:
    (found,) = read_script(ADD.format(sum=3).encode(), "add.wast")
    assert found.expected(Place("state", 0, "global 0"), Event(Outcome("values"))) is None


@pytest.mark.parametrize(
    "name", ["i32", "nop", "linking", "elem", "try_table", "struct", "simd_lane"]
)
def test_the_reference_meets_the_official_suite(suites: Path, name: str) -> None:
    path = suites / "spec" / f"{name}.wast"
    result = checked_script(path.read_text(), {ONE: faithful}, str(path))
    assert result.verdict == "agree"
    assert result.wrong == ()
