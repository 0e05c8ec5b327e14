"""The reference as an engine: what becomes of each step, and what it refuses to hide."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import plumbob
from plumbob.engines.process import FaultKind, resident
from plumbob.engines.request import (
    SOME,
    Answer,
    Call,
    FunctionImport,
    GlobalImport,
    HostCall,
    MemoryImport,
    Outcome,
    OutcomeKind,
    Request,
    TableImport,
    TagImport,
    Value,
)
from plumbob.engines.traps import T
from plumbob.errors import InternalError, UsageError
from plumbob.exec.interp.program import library_of
from plumbob.semantics import OPERATIONS, integer
from plumbob.semantics import Outcome as Meaning
from plumbob.triage.check.reference import Reference
from plumbob.wasm import features as f
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.engines.request import Import
    from plumbob.exec.interp.machine import Mode

MODES: tuple[Mode, ...] = ("source", "walk")


def binary(text: str) -> bytes:
    return encode(parse_text(text.encode(), "module", features=f.ALL))


def i32(value: int) -> Value:
    return Value("i32", value & 0xFFFF_FFFF)


def run(text: str, *calls: Call, imports: tuple[Import, ...] = (), **options: object) -> Answer:
    """Run calls in both modes of the interpreter, which must agree in all but details."""
    request = Request(binary(text), calls, imports)
    answers = [Reference(mode=mode, **options).run(request) for mode in MODES]  # type: ignore[arg-type]
    one, other = ([replace(step, message="") for step in answer.steps] for answer in answers)
    assert one == other
    return answers[0]


def only(text: str, *results: str, args: tuple[Value, ...] = ()) -> Outcome:
    """Return what becomes of the function `f`."""
    return run(text, Call("f", args, results)).results[0]


# Who it is


def test_it_has_the_face_of_an_engine() -> None:
    with Reference("plumbob:tier=interp") as reference:
        assert (reference.spec.text, reference.spec.kind) == ("plumbob:tier=interp", "plumbob")
        assert reference.version == reference.about["version"] == plumbob.__version__
        requests = [Request(binary(f'(module (func (export "f") (result i32) (i32.const {n})))'),
                            (Call("f", (), ("i32",)),)) for n in range(3)]  # fmt: skip
        answers = list(reference.run_many(requests))
        assert [answer.results[0].values for answer in answers] == [(i32(n),) for n in range(3)]


@pytest.mark.parametrize("name", ["plumbob:tier=lowered", "plumbob:gc-stress"])
def test_a_tier_that_is_not_built_says_so(name: str) -> None:
    with pytest.raises(UsageError, match="does not exist yet"):
        Reference(name)


def test_another_engine_is_not_the_reference() -> None:
    with pytest.raises(UsageError, match="not the reference"):
        Reference("wasm3")


# Compiling


def test_a_module_that_is_not_valid_is_rejected_by_the_diagnostic() -> None:
    answer = Reference().run(Request(binary("(module (func (result i32) nop))"), (Call("f"),)))
    assert answer.compiled.kind == OutcomeKind.REJECTED
    assert "must leave [i32]" in answer.compiled.message
    assert [step.kind for step in answer.steps[1:]] == [OutcomeKind.SKIPPED] * 2


@pytest.mark.parametrize("module", [b"", b"\0asm", b"\0asm\1\0\0\0\xff", bytes(100)])
def test_bytes_that_are_no_module_are_rejected(module: bytes) -> None:
    assert Reference().run(Request(module)).compiled.kind == OutcomeKind.REJECTED


def test_a_component_is_not_supported() -> None:
    answer = Reference().run(Request(b"\0asm\x0d\0\1\0"))
    assert answer.compiled.kind == OutcomeKind.UNSUPPORTED
    assert "component" in answer.compiled.message


# Calls


def test_values_are_bits() -> None:
    text = """(module (func (export "f") (param i32 i64 f32 f64 v128 externref)
                (result f64 externref v128 f32 i64 i32 funcref)
                (local.get 3) (local.get 5) (local.get 4) (local.get 2) (local.get 1)
                (local.get 0) (ref.func 0)))"""
    args = (
        i32(-1), Value("i64", 1 << 63), Value("f32", 0x7FA0_0001), Value("f64", (0x7FF << 52) + 1),
        Value("v128", 3 << 126), Value("externref", None),
    )  # fmt: skip
    results = ("f64", "externref", "v128", "f32", "i64", "i32", "funcref")
    outcome = run(text, Call("f", args, results)).results[0]
    assert outcome.kind == OutcomeKind.VALUES
    back = (*(args[place] for place in (3, 5, 4, 2, 1, 0)), Value("funcref", SOME))
    assert outcome.values == back


TRAPS = {
    T.UNREACHABLE: "unreachable",
    T.DIVIDE_BY_ZERO: "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
    T.INTEGER_OVERFLOW: "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
    T.BAD_CONVERSION: "(drop (i32.trunc_f32_s (f32.const nan)))",
    T.MEMORY_OUT_OF_BOUNDS: "(drop (i32.load (i32.const 65533)))",
    T.UNALIGNED_ATOMIC: "(drop (i32.atomic.load (i32.const 1)))",
    T.EXPECTED_SHARED:
        "(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))",
    T.TABLE_OUT_OF_BOUNDS: "(drop (table.get (i32.const 2)))",
    T.UNDEFINED_ELEMENT: "(call_indirect (i32.const 2))",
    T.UNINITIALIZED_ELEMENT: "(call_indirect (i32.const 0))",
    T.INDIRECT_CALL_MISMATCH: "(call_indirect (param i32) (i32.const 1) (i32.const 1))",
    T.NULL_REFERENCE: "(drop (ref.as_non_null (ref.null func)))",
    T.NULL_FUNCTION: "(call_ref $f (ref.null $f))",
    T.NULL_STRUCTURE: "(drop (struct.get $s 0 (ref.null $s)))",
    T.NULL_ARRAY: "(drop (array.len (ref.null array)))",
    T.NULL_I31: "(drop (i31.get_u (ref.null i31)))",
    T.NULL_EXCEPTION: "(throw_ref (ref.null exn))",
    T.CAST_FAILURE: "(drop (ref.cast (ref struct) (ref.i31 (i32.const 1))))",
    T.ARRAY_OUT_OF_BOUNDS:
        "(drop (array.get_u $a (array.new_default $a (i32.const 1)) (i32.const 1)))",
    T.STACK_OVERFLOW: "(call 0)",
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_has_the_specifications_name(trap: str) -> None:
    outcome = only(f"""(module (type $f (func)) (type $s (struct (field i32)))
        (type $a (array i8)) (memory 1 1) (table 2 funcref) (elem (i32.const 1) func 0)
        (func (export "f") {TRAPS[trap]}))""")
    assert (outcome.kind, outcome.trap) == (OutcomeKind.TRAP, trap)
    assert outcome.message.startswith(trap)


def test_every_trap_is_among_them() -> None:
    limits = {T.OUT_OF_FUEL, T.DEADLINE, T.MEMORY_LIMIT}
    named = {value for name, value in vars(T).items() if name.isupper()}
    assert named - limits == set(TRAPS)


def test_the_instance_lives_on_after_a_trap() -> None:
    text = """(module (global $g (mut i32) (i32.const 1))
        (func (export "f") (global.set $g (i32.const 2)) unreachable)
        (func (export "g") (result i32) (global.get $g)))"""
    answer = run(text, Call("f"), Call("g", (), ("i32",)))
    assert [step.kind for step in answer.results] == [OutcomeKind.TRAP, OutcomeKind.VALUES]
    assert answer.results[1].values == (i32(2),)


def test_an_exception_that_nobody_catches() -> None:
    text = '(module (tag $t (param i32)) (func (export "f") (throw $t (i32.const 1))))'
    assert only(text).kind == OutcomeKind.EXCEPTION


def test_what_no_export_has() -> None:
    answer = run('(module (global (export "g") i32 (i32.const 1)))', Call("f"), Call("g"))
    assert [step.kind for step in answer.results] == [OutcomeKind.UNSUPPORTED] * 2
    assert "no function 'f'" in answer.results[0].message


def test_references_that_the_border_does_not_carry() -> None:
    text = """(module (func (export "f") (param externref))
        (func (export "g") (param (ref func))))"""
    answer = run(
        text,
        Call("f", (Value("externref", SOME),)),
        Call("g", (Value("(ref func)", None),)),
        Call("f", (Value("externref", None),)),
    )
    kinds = [step.kind for step in answer.results]
    assert kinds == [OutcomeKind.UNSUPPORTED, OutcomeKind.UNSUPPORTED, OutcomeKind.VALUES]


@pytest.mark.parametrize(
    "call",
    [
        Call("f", (), ("i32",)),
        Call("f", (Value("i64", 1),), ("i32",)),
        Call("f", (Value("i32", 1),), ()),
        Call("f", (Value("i32", 1),), ("f32",)),
        Call("f", (Value("externref", None),), ("i32",)),
    ],
)
def test_a_call_with_wrong_types_is_the_callers_fault(call: Call) -> None:
    text = '(module (func (export "f") (param i32) (result i32) (local.get 0)))'
    with pytest.raises(UsageError, match="a call of 'f'"):
        Reference().run(Request(binary(text), (call,)))


# Imports


def test_functions_answer_in_turn_and_log() -> None:
    text = """(module (import "e" "a" (func $a (param i32 f32) (result i32)))
        (import "e" "b" (func $b (result i64 externref)))
        (func $start (call $b) drop drop) (start $start)
        (func (export "f") (param i32) (result i32)
          (i32.add (call $a (local.get 0) (f32.const -0)) (call $a (i32.const 2) (f32.const 1))))
        (func (export "g") (result i64 externref) (call $b)))"""
    imports = (
        FunctionImport("e", "a", ("i32", "f32"), ("i32",), ((i32(10),), (i32(20),), (i32(3),))),
        FunctionImport("e", "b", (), ("i64", "externref")),
    )
    call = Call("f", (i32(7),), ("i32",))
    answer = run(text, call, call, Call("g", (), ("i64", "externref")), imports=imports)
    assert answer.instantiated == Outcome(OutcomeKind.OK, calls=(HostCall(1, ()),))
    first, second, third = answer.results
    assert (first.values, second.values) == ((i32(30),), (i32(13),))
    assert first.calls == (
        HostCall(0, (i32(7), Value("f32", 0x8000_0000))),
        HostCall(0, (i32(2), Value("f32", 0x3F80_0000))),
    )
    assert third.values == (Value("i64", 0), Value("externref", None))


def test_calls_before_a_trap_are_logged() -> None:
    text = '(module (import "e" "a" (func $a)) (func (export "f") (call $a) unreachable))'
    outcome = run(text, Call("f"), imports=(FunctionImport("e", "a", (), ()),)).results[0]
    assert (outcome.kind, outcome.calls) == (OutcomeKind.TRAP, (HostCall(0, ()),))


def test_memories_tables_globals_and_tags() -> None:
    text = """(module
        (import "e" "g" (global $g (mut i64))) (import "e" "c" (global $c i32))
        (import "e" "m" (memory $m i64 1 4)) (import "e" "t" (table $t 2 5 funcref))
        (import "e" "x" (tag $x (param i32)))
        (func (export "f") (result i64 i64 i32 i32)
          (global.set $g (i64.add (global.get $g) (i64.const 1)))
          (i64.store8 (i64.const 1) (i64.const 9))
          (global.get $g) (i64.load (i64.const 0)) (table.size $t) (global.get $c))
        (func (export "g") (result i32)
          (block $h (result i32)
            (try_table (catch $x $h) (throw $x (i32.const 4))) unreachable)))"""
    imports = (
        GlobalImport("e", "g", Value("i64", (1 << 64) - 1), mutable=True),
        GlobalImport("e", "c", i32(-2)),
        MemoryImport("e", "m", 1, 3, address="i64"),
        TableImport("e", "t", "funcref", 3, 4),
        TagImport("e", "x", ("i32",)),
    )
    call = Call("f", (), ("i64", "i64", "i32", "i32"))
    answer = run(text, call, Call("g", (), ("i32",)), imports=imports)
    assert answer.results[0].values == (Value("i64", 0), Value("i64", 0x900), i32(3), i32(-2))
    assert answer.results[1].values == (i32(4),)


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("(memory 2)", MemoryImport("e", "x", 1)),
        ("(memory 1 2)", MemoryImport("e", "x", 1)),
        ("(memory 1)", TableImport("e", "x", "funcref", 1)),
        ("(table 1 funcref)", MemoryImport("e", "x", 1)),
        ("(table 2 funcref)", TableImport("e", "x", "funcref", 1)),
        ("(global (mut i32))", GlobalImport("e", "x", Value("i32", 1))),
        ("(global i32)", FunctionImport("e", "x", (), ())),
        ("(func)", GlobalImport("e", "x", Value("i32", 1))),
        ("(tag)", FunctionImport("e", "x", (), ())),
    ],
)  # fmt: skip
def test_imports_that_do_not_fit(text: str, described: Import) -> None:
    answer = run(f'(module (import "e" "x" {text}))', Call("f"), imports=(described,))
    assert (answer.instantiated.kind, answer.results[0].kind) == ("link", "skipped")


def test_imports_that_are_not_described() -> None:
    answer = run('(module (import "e" "x" (func)))')
    assert answer.instantiated.kind == OutcomeKind.LINK


# Instantiating


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ('(memory 1) (data (i32.const 65536) "x")', OutcomeKind.TRAP),
        ("(table 1 funcref) (elem (i32.const 1) func $s) (func $s)", OutcomeKind.TRAP),
        ("(func $s unreachable) (start $s)", OutcomeKind.TRAP),
        ("(tag $t) (func $s (throw $t)) (start $s)", OutcomeKind.EXCEPTION),
        ("(func $s (loop (br 0))) (start $s)", OutcomeKind.FUEL),
        ("(memory 65536)", FaultKind.MEMORY),
        ("(memory i64 0x1000000000000)", FaultKind.MEMORY),
        ("(table 0xffffffff funcref)", FaultKind.MEMORY),
    ],
)
def test_instantiating_ends_so(fields: str, kind: str) -> None:
    answer = run(f"(module {fields})", Call("f"), fuel=1000, memory=1 << 30)
    assert (answer.compiled.kind, answer.instantiated.kind) == (OutcomeKind.OK, kind)
    assert answer.results[0].kind == OutcomeKind.SKIPPED


# Limits

SPIN = '(module (func (export "f") (loop (br 0))) (func (export "g") (result i32) (i32.const 1)))'


def test_fuel_is_each_steps_own() -> None:
    text = """(module (func (export "f") (param i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""
    steps = [Call("f", (i32(n),)) for n in (300, 400, 300, 400, 330, 1)]
    kinds = [step.kind for step in run(text, *steps, fuel=1000).results]
    assert kinds == ["values", "fuel", "values", "fuel", "values", "values"]


def test_a_request_brings_its_own_fuel() -> None:
    request = Request(binary(SPIN), (Call("f"), Call("g", (), ("i32",))), fuel=50_000)
    answer = Reference(fuel=1 << 60, seconds=1e9).run(request)
    assert answer.results[0].kind == OutcomeKind.FUEL
    assert "50000" in answer.results[0].message
    assert answer.results[1].values == (i32(1),)


@pytest.mark.parametrize("mode", MODES)
def test_time_ends_a_step_and_what_follows(mode: Mode) -> None:
    reference = Reference(fuel=1 << 60, seconds=0.2, mode=mode)
    before = time.monotonic()
    answer = reference.run(Request(binary(SPIN), (Call("f"), Call("g", (), ("i32",)))))
    assert time.monotonic() - before < 5
    assert [step.kind for step in answer.results] == [FaultKind.TIMEOUT, OutcomeKind.SKIPPED]


def test_memory_ends_a_step_and_what_follows() -> None:
    text = """(module (type $l (struct (field (ref null $l)) (field i64)))
        (global $g (mut (ref null $l)) (ref.null $l))
        (func (export "f")
          (loop (global.set $g (struct.new $l (global.get $g) (i64.const 5))) (br 0)))
        (func (export "g")))"""
    reference = Reference(memory=64 << 20)
    answer = reference.run(Request(binary(text), (Call("f"), Call("g"))))
    assert [step.kind for step in answer.results] == [FaultKind.MEMORY, OutcomeKind.SKIPPED]


def test_memory_is_given_back() -> None:
    text = '(module (memory 3000) (func (export "f") (result i32) (memory.size)))'
    request = Request(binary(text), (Call("f", (), ("i32",)),))
    gc.disable()  # the collector of cycles does not know how large they are
    try:
        before = resident(os.getpid())
        for _ in range(5):  # 190 MiB each
            answer = Reference(memory=256 << 20).run(request)
            assert answer.results[0].values == (i32(3000),)
        assert resident(os.getpid()) - before < 300 << 20
    finally:
        gc.enable()


# Faults of our own


@pytest.fixture
def fresh_libraries() -> Iterator[None]:
    """Code of the semantics is compiled anew, for a planted fault and after it."""
    library_of.cache_clear()
    yield
    library_of.cache_clear()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("fresh_libraries")
def test_a_planted_fault_changes_the_answer(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remainder takes the divisor's sign, as a compiler once had it."""
    text = """(module (func (export "f") (param i32 i32) (result i32)
        (i32.rem_s (local.get 0) (local.get 1))))"""
    request = Request(binary(text), (Call("f", (i32(-7), i32(3)), ("i32",)),))
    assert Reference(mode=mode).run(request).results[0].values == (i32(-1),)

    def wrong(d, site, x, y):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - a definition's
        w = site.operands[0].bits
        (rest,), traps = integer.srem(d, site, x, y)
        return Meaning((d.add(w, rest, y),), traps)

    monkeypatch.setitem(OPERATIONS, "srem", OPERATIONS["srem"]._replace(define=wrong))
    library_of.cache_clear()
    assert Reference(mode=mode).run(request).results[0].values == (i32(2),)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("fresh_libraries")
def test_an_error_of_our_own_is_no_result(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Meaning[int, bool]:
        raise InternalError("a planted fault")

    monkeypatch.setitem(OPERATIONS, "iadd", OPERATIONS["iadd"]._replace(define=broken))
    text = """(module (func (export "f") (param i32) (result i32)
        (i32.add (local.get 0) (local.get 0))))"""
    request = Request(binary(text), (Call("f", (i32(1),), ("i32",)),))
    with pytest.raises(InternalError, match="a planted fault"):
        Reference(mode=mode).run(request)


def test_the_last_module_is_kept_and_no_state() -> None:
    text = """(module (global $g (mut i32) (i32.const 0)) (func (export "f") (result i32)
        (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))"""
    request = Request(binary(text), (Call("f", (), ("i32",)),) * 2)
    with Reference() as reference:
        first = reference.run(request)
        assert first == reference.run(request)
        assert [step.values for step in first.results] == [(i32(1),), (i32(2),)]
