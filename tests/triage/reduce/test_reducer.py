"""The reducer's laws, its passes one by one, and a wrong engine reduced from end to end."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.triage.fakes import FakePool

from plumbob.engines.request import Answer, Request, Value
from plumbob.errors import UsageError
from plumbob.hunt.choices import Choices
from plumbob.hunt.generator.generate import PARAMS, RUN, generate
from plumbob.triage.check.arguments import Argument
from plumbob.triage.check.subject import Invocation, Subject
from plumbob.triage.reduce.command import CommandTest
from plumbob.triage.reduce.draft import Draft
from plumbob.triage.reduce.files import annotated, script
from plumbob.triage.reduce.passes import PASSES
from plumbob.triage.reduce.reducer import Reducer, is_valid
from plumbob.triage.reduce.reduction import draft_of, reduce, reduce_by
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.edit.drop import drop_unused
from plumbob.wasm.edit.spans import Scope, spans
from plumbob.wasm.module import KIND_NAMES
from plumbob.wasm.text.parser import parse_text

if TYPE_CHECKING:
    from collections.abc import Callable


def draft(text: str, *calls: str) -> Draft:
    module = parse_text(text)
    made = Draft(module, ())
    exports = {each.name: each.index - made.imported for each in module.exports}
    return made.calling(
        [
            Invocation(call, tuple(Argument(str(p), 3) for p in made.type(exports[call]).params))
            for call in calls
        ]
    )


def generated(seed: int, size: int = 60) -> Draft:
    made = generate(Choices(seed), size=size)
    arguments = tuple(
        Argument(str(type_), bits) for type_, bits in zip(PARAMS, made.arguments[0], strict=True)
    )
    return Draft(decode(made.module), (Invocation(RUN, arguments),))


def names(draft: Draft) -> list[str]:
    return [
        each.operator.name
        for place in range(len(draft.module.code))
        for each in draft.body(place).instructions
    ]


def has(*wanted: str) -> Callable[[Draft], bool]:
    """The predicate that operators stay in code that a call reaches, and arguments fit."""

    def holds(draft: Draft) -> bool:
        exports = {each.name: each.index - draft.imported for each in draft.module.exports}
        fits = all(
            len(each.args) == len(draft.type(exports[each.export]).params)
            for each in draft.invocations
        )
        return fits and set(wanted) <= set(names(draft.tidied()))

    return holds


# Spans.


def test_spans_of_operands_and_blocks() -> None:
    module = parse_text(
        """(module (func (param i32) (result i32)
          (i32.add (local.get 0) (block (result i32) (nop) (i32.const 7)))))"""
    )
    scope = Scope(module)
    made = Draft(module, ())
    found = spans(scope, scope.function(0), made.body(0))
    add = found[-1]
    assert (add.start, add.end) == (0, 5)
    assert [(start, end) for start, end, _ in add.operands] == [(0, 0), (1, 4)]
    block = found[-2]
    assert (block.start, block.end, block.opener) == (1, 4, 1)


@pytest.mark.parametrize("seed", range(40))
def test_every_span_is_a_piece_by_itself(seed: int) -> None:
    """Deleting a statement's span leaves a valid module; so does a value's, with a constant."""
    made = generated(seed)
    for place in range(len(made.module.code)):
        code = made.body(place).instructions
        for span in made.spans(place)[:: 1 + len(code) // 25]:
            if not span.results and not code[span.end].operator.ends_in_dead_code:
                cut = made.with_code(place, [*code[: span.start], *code[span.end + 1 :]])
                assert is_valid(cut.binary), (place, span)


# Dropping.


@pytest.mark.parametrize("seed", range(40))
def test_dropping_what_is_unused_keeps_the_rest_valid(seed: int) -> None:
    module = decode(generate(Choices(seed)).module)
    module.exports = [each for each in module.exports if each.name == RUN]
    less = drop_unused(module)
    assert is_valid(encode(less))
    assert len(encode(less)) <= len(encode(module))
    assert drop_unused(less) is less


def test_dropping_removes_each_kind() -> None:
    module = parse_text(
        """(module
          (import "a" "unused" (func)) (import "a" "used" (func $used))
          (type $t (struct)) (table 1 funcref) (memory 1) (global i32 (i32.const 1)) (tag)
          (data "x") (elem funcref (ref.func $used)) (func $unused)
          (func (export "f") call $used))"""
    )
    less = drop_unused(module)
    assert [item.name for item in less.imports] == ["used"]
    assert (less.tables, less.memories, less.globals, less.tags) == ([], [], [], [])
    assert (len(less.functions), len(less.datas), len(less.elements)) == (1, 0, 0)
    assert [KIND_NAMES[each.kind] for each in less.exports] == ["func"]
    assert is_valid(encode(less))


# Laws.


@settings(max_examples=25)
@given(st.integers(0, 500), st.sampled_from(["i32.add", "local.set", "loop", "call", "if"]))
def test_the_predicate_holds_and_the_size_falls(seed: int, wanted: str) -> None:
    made = generated(seed)
    if not has(wanted)(made):
        return
    keys = [made.key]
    reducer = Reducer(made, has(wanted), attempts=300, keep=lambda each: keys.append(each.key))
    best = reducer.run(PASSES)
    assert has(wanted)(best)
    assert is_valid(best.binary)
    assert all(left > right for left, right in itertools.pairwise(keys))


def test_progress_is_deterministic() -> None:
    made = generated(11)
    wanted = has("global.set", "i64.mul")
    first = Reducer(made, wanted).run(PASSES)
    second = Reducer(made, wanted).run(PASSES)
    assert first.binary == second.binary


def test_a_budget_ends_it() -> None:
    made = generated(11)
    asked: list[Draft] = []

    def always(each: Draft) -> bool:
        asked.append(each)
        return True

    reducer = Reducer(made, always, attempts=1)
    reducer.run(PASSES)
    assert len(asked) == reducer.tried == 1


def test_an_invalid_draft_is_never_asked_about() -> None:
    made = draft(
        '(module (func (export "f") (result i32) (i32.add (i32.const 1) (i32.const 2))))', "f"
    )
    reducer = Reducer(made, lambda _: True)
    code = made.body(0).instructions
    assert not reducer.attempt(made.with_code(0, [code[-1]]))
    assert (reducer.invalid, reducer.tried) == (1, 0)


# Passes, each by what it leaves.


@pytest.mark.parametrize(
    ("text", "keep", "left"),
    [
        # A statement among others.
        (
            (
                '(module (global $g (mut i32) (i32.const 0)) (func (export "f") nop '
                "(global.set $g (i32.const 1)) nop (drop (i32.const 9))))"
            ),
            "global.set",
            ["i32.const", "global.set", "end"],
        ),
        # An operand hoisted out of what takes it.
        (
            (
                '(module (func (export "f") (param i32) (result i32) '
                "(i32.add (i32.const 4) (i32.mul (i32.clz (local.get 0)) (i32.const 3)))))"
            ),
            "i32.clz",
            ["i32.const", "i32.clz", "end"],
        ),
        # A block, and an arm of an `if`.
        (
            (
                '(module (memory 1) (func (export "f") (param i32) (block (if (local.get 0) '
                "(then (loop (memory.fill (i32.const 1) (i32.const 2) (i32.const 3))))))))"
            ),
            "memory.fill",
            ["i32.const", "i32.const", "i32.const", "memory.fill", "end"],
        ),
        # A function that is called once is put in its caller's place.
        (
            (
                "(module (func $g (param i32) (result i32) (i32.popcnt (local.get 0))) "
                '(func (export "f") (result i32) (call $g (i32.const 5))))'
            ),
            "i32.popcnt",
            ["i32.const", "i32.popcnt", "end"],
        ),
        # Code behind an early return.
        (
            (
                '(module (func (export "f") (result i64) (local i64) (local.set 0 '
                "(i64.extend32_s (i64.const 3))) (i64.mul (local.get 0) (i64.const 3))))"
            ),
            "i64.extend32_s",
            ["i64.const", "i64.extend32_s", "end"],
        ),
    ],
)
def test_what_is_left(text: str, keep: str, left: list[str]) -> None:
    best = Reducer(draft(text, "f"), has(keep)).run(PASSES)
    assert names(best) == left


def test_parameters_fields_and_types_go() -> None:
    text = """(module (rec
        (type $s (sub (struct (field i32) (field (mut i64)) (field anyref))))
        (type $t (sub $s (struct (field i32) (field (mut i64)) (field anyref) (field f32)))))
      (func $f (param i32 i64 f32) (result i64) (local (ref null $t))
        (struct.get $t 1 (struct.new $t (local.get 0) (local.get 1) (ref.null any) (local.get 2))))
      (func (export "f") (param i32) (result i64)
        (call $f (local.get 0) (i64.const 4) (f32.const 1))
        (drop (call $f (local.get 0) (i64.const 5) (f32.const 1)))))"""
    best = Reducer(draft(text, "f"), has("struct.new", "struct.get")).run(PASSES)
    (struct,) = [each for each in best.module.types if "struct" in str(each.composite)]
    assert str(struct.composite) == "(struct (field i64))"
    assert (struct.supertypes, struct.final) == ((), True)
    assert all(not best.type(place).params for place in range(len(best.module.code)))


# An engine that is wrong.


def wrong_clz(request: Request, answer: Answer) -> Answer:
    """An engine that is wrong wherever a module has an i32.clz: integers are one more."""
    module = decode(request.module)
    if not any("i32.clz" in names_of(code.body) for code in module.code):
        return answer

    def spoilt(value: Value) -> Value:
        return Value(value.type, value.bits ^ 1) if isinstance(value.bits, int) else value

    results = tuple(
        replace(each, values=tuple(map(spoilt, each.values))) for each in answer.results
    )
    return replace(answer, results=results)


def names_of(code: bytes) -> list[str]:
    return [each.operator.name for each in decode_body(code).instructions]


def test_a_wrong_engine_is_reduced() -> None:
    text = """(module (global $g (mut i32) (i32.const 3)) (memory 1)
      (func $h (param i32) (result i32) (i32.clz (i32.mul (local.get 0) (i32.const 7))))
      (func (export "f") (param i32) (result i32) (local i32)
        (local.set 1 (i32.const 4))
        (loop (i32.store (i32.const 0) (call $h (local.get 1)))
          (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
        (i32.add (i32.load (i32.const 0)) (local.get 0))))"""
    subject = Subject.prepare(encode(parse_text(text)), invocations=[("f", ["5"])])
    with FakePool({"wasmtime==1.0.0": wrong_clz}) as pool:
        reduced = reduce(subject, "wasmtime==1.0.0", pool)
    assert reduced is not None
    assert "i32.clz" in names(reduced.draft)
    assert reduced.after <= 4 < reduced.before
    text = annotated(reduced, file="x.wat")
    assert ";; wasmtime==1.0.0 is wrong here." in text
    assert is_valid(encode(parse_text(text)))
    assert "(assert_return (invoke" in script(reduced)


def test_an_engine_that_agrees_is_not_reduced() -> None:
    subject = Subject.prepare(encode(parse_text('(module (func (export "f")))')))
    with FakePool() as pool:
        assert reduce(subject, "wasmtime==1.0.0", pool) is None


# A user's own test.


def test_a_command_decides() -> None:
    subject = Subject.prepare(
        encode(parse_text('(module (func (export "f") nop (drop (i32.const 77)) nop))'))
    )
    script = "import sys; sys.exit(b'A\\xcd' not in open(sys.argv[1], 'rb').read())"
    reduced = reduce_by(draft_of(subject), CommandTest(f'python3 -c "{script}" {{}}', 20))
    assert reduced is not None
    assert names(reduced.draft) == ["i32.const", "drop", "end"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("true", "names no file"),
        ("'", "No closing quotation"),
        ("no-such-command {}", "cannot be run"),
    ],
)
def test_a_bad_command(command: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        CommandTest(command, 1)(draft("(module)"))


def test_a_command_without_an_end_says_no() -> None:
    assert not CommandTest("sleep 5 {}", 0.2)(draft("(module)"))


def test_an_invalid_module_is_no_behaviour() -> None:
    subject = Subject.prepare(b"\0asm\1\0\0\0\x03\x02\x01\x07")
    with pytest.raises(UsageError, match="not valid"):
        draft_of(subject)
