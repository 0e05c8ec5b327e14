"""Stand-ins: every type, whatever the order of imports, on the reference."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.triage.standins.programs import (
    KINDS,
    RESULTS,
    Import,
    logs,
    module_of,
    random_import,
    request_of,
)

from plumbob.engines.request import (
    Call,
    FunctionImport,
    GlobalImport,
    HostCall,
    MemoryImport,
    OutcomeKind,
    Request,
    TableImport,
    Value,
)
from plumbob.errors import InputError
from plumbob.triage.check.reference import Reference
from plumbob.triage.standins import LoggedCall, LogReader, functions, stand_in, telling
from plumbob.triage.standins.log import PARAMS, Record
from plumbob.triage.standins.values import ROUNDS, Chance
from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.edit.renumber import Renumbering
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.types import F32, F64, I32, I64, V128
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from plumbob.engines.request import Answer
    from plumbob.wasm.module import Module


def run(
    module: Module, *exports: str, seed: int = 0
) -> tuple[Answer, list[tuple[LoggedCall, ...]]]:
    stood_in = stand_in(module, seed)
    assert_valid(stood_in.module)
    answer = Reference().run(request_of(stood_in, *exports))
    return answer, logs(stood_in, answer)


def assert_valid(module: Module) -> None:
    found = validate(decode(encode(module), features=features.ALL), features=features.ALL)
    assert found.verdict == "valid", found.diagnostics


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.text + kind.value)
@pytest.mark.parametrize("count", [1, 8, 9])
def test_every_type_is_logged_as_it_is(kind: object, count: int) -> None:
    item = Import("f", (kind,) * count, ())  # type: ignore[arg-type]
    answer, found = run(module_of([item], [item]), "go")
    assert answer.results[0].kind == OutcomeKind.VALUES
    assert found[2] == (item.logged,)


@pytest.mark.parametrize("result", RESULTS)
def test_every_type_is_returned(result: str) -> None:
    item = Import("f", (), (result, result))
    answer, found = run(module_of([item], [item] * (ROUNDS + 1)), "go")
    assert answer.results[0].kind == OutcomeKind.VALUES, answer.results[0]
    assert found[2] == (item.logged,) * (ROUNDS + 1)


@pytest.mark.parametrize("result", ["(ref none)", "(ref nofunc)", "(ref $endless)"])
def test_what_has_no_values_is_logged_and_traps(result: str) -> None:
    item = Import("f", (), (result,))
    answer, found = run(module_of([item], [item]), "go")
    assert (answer.results[0].kind, answer.results[0].trap) == (OutcomeKind.TRAP, "unreachable")
    assert found[2] == (item.logged,)


@settings(max_examples=60)
@given(st.integers(0, 1 << 32), st.data())
def test_the_order_of_imports_does_not_matter(number: int, data: st.DataObject) -> None:
    rng = Random(number)  # noqa: S311  # repeatable
    imports = [
        random_import(rng, place, plain=rng.random() < 0.4) for place in range(rng.randrange(1, 7))
    ]
    order = [rng.choice(imports) for _ in range(rng.randrange(1, 12))]
    others = data.draw(st.permutations(imports))
    used = [item for item in others if item in order]
    answer, found = run(module_of(imports, order), "go", seed=number)
    again, found_again = run(module_of(used, order), "go", seed=number)
    assert answer.results[0].kind == again.results[0].kind == OutcomeKind.VALUES
    assert found[2] == found_again[2] == tuple(item.logged for item in order)


RETURNS = """
  (import "host" "a" (func $a (param f32) (result i32)))
  (import "host" "b" (func $b (result i32)))
  {extra}
  (func (export "a") (result i32) (call $a (f32.const 0)))
  (func (export "b") (result i32) (call $b))
"""


def returned(text: str, seed: int) -> list[list[int | str | None]]:
    """What two functions return, call by call: one defined inside, one of the host's."""
    stood_in = stand_in(parse_text(text), seed)
    calls = [Call(name, (), ("i32",)) for name in "ab" for _ in range(2 * ROUNDS)]
    request = Request(encode(stood_in.module), tuple(calls), stood_in.imports)
    values = [outcome.values[0].bits for outcome in Reference().run(request).results]
    return [values[: 2 * ROUNDS], values[2 * ROUNDS :]]


def test_values_depend_on_seed_and_names_alone() -> None:
    first = returned(RETURNS.format(extra=""), 3)
    moved = RETURNS.format(extra="").splitlines()
    moved[1], moved[2] = moved[2], moved[1]
    assert returned("\n".join(['(import "x" "y" (func (param v128)))', *moved]), 3) == first
    assert returned(RETURNS.format(extra=""), 4) != first
    for values in first:
        assert values[:ROUNDS] == values[ROUNDS:], "they come in turn"
        assert len(set(values)) > 2
    assert first[0] != first[1]
    chance = Chance(3, "host", "b", " -> i32")
    assert first[1][:ROUNDS] == [chance.part(turn).bits(I32, 0) for turn in range(ROUNDS)]


@given(st.integers(), st.text(), st.integers(0, 50))
def test_values_fit_their_types_and_are_no_nan(seed: int, name: str, place: int) -> None:
    chance = Chance(seed, "m", name, "t").part(place)
    for type_, width in ((I32, 32), (I64, 64), (F32, 32), (F64, 64), (V128, 128)):
        assert 0 <= chance.bits(type_, 0) < 1 << width
    assert chance.bits(F32, 0) & 0x7FFF_FFFF <= 0x7F80_0000
    assert chance.bits(F64, 0) & ~(1 << 63) <= 0x7FF0_0000_0000_0000
    assert chance.small(1) < 4


def test_most_values_are_small_and_others_are_not() -> None:
    values = [Chance(seed, "m", "n", "t").bits(I32, 0) for seed in range(400)]
    assert 200 < sum(value < 17 for value in values) < 350
    assert {0x8000_0000, 0x7FFF_FFFF, 0xFFFF_FFFF} <= set(values)


# What is no function.

STATE = """
  (module
    (import "env" "memory" (memory 1 3))
    (import "env" "big" (memory i64 2))
    (import "env" "table" (table 4 9 funcref))
    (import "env" "objects" (table i64 1 externref))
    (import "env" "i31s" (table 2 i31ref))
    (import "env" "count" (global $count (mut i64)))
    (import "env" "base" (global $base i32))
    (import "env" "vector" (global $vector v128))
    (import "env" "object" (global $object (mut anyref)))
    (import "env" "error" (tag $error (param i32)))
    (import "env" "some" (global $some (ref i31)))
    (global $copy v128 (global.get $vector))
    (data (global.get $base) "x")
    (elem (global.get $base) func)
    (table $from 1 (ref i31) (global.get $some))
    (func (export "go")
      (global.set $object (ref.i31 (i32.const 3)))
      (block $caught (result i32)
        (try_table (catch $error $caught) (throw $error (i32.const 7)))
        (i32.const 0))
      (i32.add (i64x2.all_true (global.get $copy)))
      (drop (i32.add (i31.get_s (table.get $from (i32.const 0)))))))
"""


def test_memories_tables_globals_and_tags() -> None:
    stood_in = stand_in(parse_text(STATE), 5)
    assert_valid(stood_in.module)
    base, count = stood_in.imports[-1], stood_in.imports[-2]
    assert isinstance(base, GlobalImport)
    assert isinstance(count, GlobalImport)
    assert stood_in.imports[:4] == (
        TableImport("env", "table", "funcref", 4, 9),
        TableImport("env", "objects", "externref", 1, None, "i64"),
        MemoryImport("env", "memory", 1, 3),
        MemoryImport("env", "big", 2, None, address="i64"),
    )
    assert (base.name, base.mutable, count.name, count.mutable) == ("base", False, "count", True)
    assert isinstance(base.value.bits, int)
    assert base.value.bits < 4, "programs place segments by it"
    answer, _ = run(parse_text(STATE), "go")
    assert answer.results[0].kind == OutcomeKind.VALUES, answer


SPECTEST = """
  (module
    (import "spectest" "global_i32" (global i32)) (import "spectest" "global_i64" (global i64))
    (import "spectest" "global_f32" (global f32)) (import "spectest" "global_f64" (global f64))
    (import "spectest" "memory" (memory 1)) (import "spectest" "table" (table 0 funcref))
    (import "spectest" "table64" (table i64 10 funcref))
    (import "spectest" "print_i32" (func (param i32)))
    (import "spectest" "print_f64_f64" (func $print (param f64 f64)))
    (func (export "go") (call $print (f64.const 1) (f64.const nan))))
"""


def test_spectest_has_its_values() -> None:
    stood_in = stand_in(parse_text(SPECTEST), 1)
    found = {item.name: item for item in stood_in.imports}
    values = [item.value.wire() for item in stood_in.imports if isinstance(item, GlobalImport)]
    assert values == ["i32:29a", "i64:29a", "f32:4426a666", "f64:4084d4cccccccccd"]
    assert found["memory"] == MemoryImport("spectest", "memory", 1, 2)
    assert found["table"] == TableImport("spectest", "table", "funcref", 10, 20)
    assert found["table64"] == TableImport("spectest", "table64", "funcref", 10, 20, "i64")
    _, log = run(parse_text(SPECTEST), "go")
    one, nan = Value("f64", 0x3FF0_0000_0000_0000), Value("f64", 0x7FF8_0000_0000_0000)
    assert log[2] == (LoggedCall("spectest", "print_f64_f64", (one, nan)),)
    # The module asks for what it gets, since some engines build what the module asks for.
    again = decode(encode(stood_in.module))
    assert "Limits(minimum=1, maximum=2" in str(again.imports)


TWICE = """
  (module
    (import "env" "f" (func $f1 (result i32))) (import "env" "f" (func $f2 (result i32)))
    (import "env" "v" (func $v1 (param f32))) (import "env" "v" (func $v2 (param f32)))
    (import "env" "f" (func $other (param i64)))
    (import "env" "g" (global $g1 (mut i32))) (import "env" "g" (global $g2 (mut i32)))
    (import "env" "m" (memory $m1 1)) (import "env" "m" (memory $m2 1))
    (import "env" "e" (tag $e1)) (import "env" "e" (tag $e2))
    (export "f2" (func $f2))
    (func (export "go")
      (call $v2 (f32.const 1)) (call $v1 (f32.const 2)) (call $other (i64.const 3))
      (i32.store $m1 (i32.const 8) (call $f1))
      (i32.store $m1 (i32.const 4) (call $f2))
      (global.set $g2 (i32.load $m2 (i32.const 8)))
      (block $caught (try_table (catch $e1 $caught) (throw $e2)))
      (if (i32.ne (global.get $g1) (i32.load $m1 (i32.const 8))) (then unreachable))))
"""


def test_what_is_imported_twice_is_one() -> None:
    stood_in = stand_in(parse_text(TWICE), 0)
    names = [(item.module, item.name) for item in stood_in.imports]
    assert len(set(names)) == len(names)
    answer, log = run(parse_text(TWICE), "go")
    assert answer.results[0].kind == OutcomeKind.VALUES, answer.results
    called = [(call.name, [value.bits for value in call.args]) for call in log[2]]
    assert called == [("v", [0x3F80_0000]), ("v", [0x4000_0000]), ("f", [3]), ("f", []), ("f", [])]


HOSTILE = (
    "",
    "__proto__",
    "constructor",
    "log",
    "a\\00b",
    "\\u{10ffff}",
    "\\e2\\80\\ae",
    "x" * 9,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str) -> None:
    text = f"""(module
      (import "{name}" "{name}" (func $a (param f32)))
      (import "plumbob" "log" (func $b (param v128)))
      (import "{name}" "b" (func $c (param i32) (result i32)))
      (func (export "go") (call $a (f32.const 0)) (call $b (v128.const i64x2 0 1))
        (drop (call $c (i32.const 1)))))"""
    answer, log = run(parse_text(text), "go")
    assert answer.results[0].kind == OutcomeKind.VALUES
    assert [len(call.args) for call in log[2]] == [1, 1, 1]
    module = parse_text(text)
    assert [call.module for call in log[2]] == [item.module for item in module.imports]
    assert [call.name for call in log[2]] == [item.name for item in module.imports]


def test_nothing_happens_to_a_module_without_imports() -> None:
    module = parse_text('(module (func (export "go")))')
    stood_in = stand_in(module, 0)
    assert encode(stood_in.module) == encode(module)
    assert (stood_in.imports, stood_in.wasi) == ((), False)


def test_the_module_given_stays_as_it_is() -> None:
    for text in (STATE, TWICE, SPECTEST):
        module = parse_text(text)
        before = encode(module)
        stand_in(module, 0)
        assert encode(module) == before


def test_indices_stay_where_they_can() -> None:
    text = """(module
      (import "h" "a" (func $a (param i32))) (import "h" "b" (func $b (param f32)))
      (import "h" "c" (func $c (param f32)))
      (func $d (call $e) (call $a (i32.const 1)) (call $c (f32.const 1)))
      (func $e (call $d)) (func $f (call $b (f32.const 1))))"""
    module = decode(encode(parse_text(text)))
    stood_in = stand_in(module, 0)
    assert len(stood_in.imports) == 2
    bodies = [item.body for item in stood_in.module.code]
    # $c is defined where it was; $b made room for the log.
    assert bodies[1:3] == [item.body for item in module.code[:2]]
    assert bodies[3] != module.code[2].body


def test_a_type_without_constants_is_refused() -> None:
    with pytest.raises(InputError, match="exn"):
        stand_in(parse_text('(module (import "m" "g" (global (ref exn))))'), 0)


# The log by itself.


def test_a_broken_record_has_what_came() -> None:
    reader = LogReader({}, 0, [Record("m", "f", ("i32",) * 10)])
    words = [Value("i64", word) for word in (0x88, *range(8))]
    (call,) = reader.read([HostCall(0, tuple(words))])
    assert call == LoggedCall("m", "f", tuple(Value("i32", word) for word in range(8)))


@pytest.mark.parametrize(
    "call",
    [
        HostCall(1, ()),
        HostCall(0, (Value("i64", 5 << 8), *[Value("i64", 0)] * 8)),
        HostCall(0, (Value("externref", None),)),
    ],
)
def test_what_stand_ins_do_not_log_is_refused(call: HostCall) -> None:
    with pytest.raises(ValueError, match=r"."):
        LogReader({}, 0, [Record("m", "f", ())]).read([call])


def test_host_functions_have_plain_types() -> None:
    rng = Random(1)  # noqa: S311  # repeatable
    imports = [random_import(rng, place) for place in range(40)]
    for item in stand_in(module_of(imports, imports), 0).imports:
        assert isinstance(item, FunctionImport)
        assert set(item.params) <= {"i32", "i64"}
        assert len(item.results) <= 1
        if item.module == "plumbob":
            assert item.params == PARAMS


# Planted faults.


def test_a_swapped_argument_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = telling.words_of

    def swapped(local: int, type_: object, types: object) -> object:
        return right(local, type_, types)[::-1]  # type: ignore[arg-type]

    monkeypatch.setattr(functions, "words_of", swapped)
    kind = next(kind for kind in KINDS if kind.text == "v128")
    with pytest.raises(AssertionError):
        test_every_type_is_logged_as_it_is(kind, 1)


def test_arguments_in_the_wrong_order_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = telling.write_log
    monkeypatch.setattr(
        functions, "write_log", lambda out, log, record, words: right(out, log, record, words[::-1])
    )
    with pytest.raises(AssertionError):
        test_the_order_of_imports_does_not_matter()


def test_an_import_that_does_not_move_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Renumbering, "index", lambda _, __, index: index)
    with pytest.raises(AssertionError):
        test_the_order_of_imports_does_not_matter()
