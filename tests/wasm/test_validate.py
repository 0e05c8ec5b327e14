"""Modules as a whole: what is valid, threads, features, several faults, verdicts."""

from __future__ import annotations

from random import Random

import pytest
from tests.fuzz.mutate import mutate_code
from tests.fuzz.programs import program
from tests.wasm.support.environment import Environment
from tests.wasm.support.oracle import complaint

from plumbob.wasm import features as f
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.errors import ComponentError
from plumbob.wasm.module import Code, Module, RecGroup
from plumbob.wasm.text import parse_text
from plumbob.wasm.types import FuncType, SubType
from plumbob.wasm.valid.bodies import MAX_EXPLAINED
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, VALID, Diagnostic
from plumbob.wasm.valid.validate import validate

VOID = FuncType((), ())

GOOD = [
    "(module)",
    "(module (func))",
    "(module (start 0) (func))",
    '(module (import "m" "f" (func $f)) (start $f))',
    '(module (func) (export "a" (func 0)) (export "b" (func 0)))',
    '(module (memory 1) (export "" (memory 0)) (export "\\00" (memory 0)))',
    # Constant expressions and the globals they see.
    '(module (import "m" "g" (global $g i32)) (global i32 (global.get $g)))',
    "(module (global $a i32 (i32.const 1)) (global i32 (global.get $a)))",
    "(module (global i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3)))))",
    '(module (import "m" "g" (global i64)) (global i64 (i64.sub (global.get 0) (i64.const 1))))',
    '(module (global $a i32 (i32.const 0)) (memory 1) (data (global.get $a) ""))',
    "(module (global $a i32 (i32.const 0)) (table 1 funcref) (elem (global.get $a) func))",
    "(module (func $f) (global funcref (ref.func $f)) (func ref.func $f drop))",
    (
        "(module (type $s (struct (field i32 f32))) (global (ref $s)"
        " (struct.new $s (i32.const 0) (f32.const 1))))"
    ),
    (
        "(module (type $a (array i8)) (global (ref $a) (array.new_fixed $a 2 (i32.const 0)"
        " (i32.const 1))))"
    ),
    "(module (global (ref i31) (ref.i31 (i32.const 7))))",
    "(module (global anyref (any.convert_extern (ref.null extern))))",
    "(module (table 1 (ref func) (ref.func 0)) (func))",
    '(module (import "m" "g" (global (ref func))) (table 1 (ref func) (global.get 0)))',
    # What declares a function.
    '(module (func $f (export "f")) (func ref.func $f drop))',
    "(module (func $f) (elem declare func $f) (func ref.func $f drop))",
    "(module (func $f) (elem func $f) (func ref.func $f drop))",
    "(module (func $f) (elem funcref (ref.func $f)) (func ref.func $f drop))",
    # Segments.
    '(module (memory 1) (data "a") (func (data.drop 0)))',
    "(module (table 1 externref) (elem (i32.const 0) externref (ref.null extern)))",
    "(module (table i64 1 funcref) (elem (i64.const 0) func))",
    '(module (memory i64 1) (data (i64.const 0) "a"))',
    '(module (memory 1) (memory 1) (data (memory 1) (i32.const 0) "a"))',
    (
        "(module (type $f (func)) (table 1 funcref) (func $g (type $f))"
        " (elem (i32.const 0) (ref $f) (ref.func $g)))"
    ),
    # Limits at their bounds.
    "(module (memory 65536))",
    "(module (memory 0 65536))",
    "(module (memory i64 0 0x1_0000_0000_0000))",
    "(module (memory 1 1 shared))",
    "(module (memory 0 0xffff_ffff (pagesize 1)))",
    "(module (table 0 0xffff_ffff funcref))",
    "(module (table i64 0 0xffff_ffff_ffff_ffff funcref))",
    # Tags.
    "(module (tag (param i32)) (func (throw 0 (i32.const 0))))",
    # Locals without a default.
    (
        "(module (func (param (ref func)) (local (ref func)) (local.set 1 (local.get 0))"
        " (drop (local.get 1))))"
    ),
    (
        "(module (func (param (ref func)) (local (ref func)) (local.set 1 (local.get 0))"
        " (block (drop (local.get 1))) (loop (drop (local.get 1)))))"
    ),
    (
        "(module (func (param (ref func)) (local (ref func)) (drop (local.tee 1 (local.get 0)))"
        " (if (i32.const 0) (then (drop (local.get 1))) (else (drop (local.get 1))))))"
    ),
    # Rec groups and subtypes.
    "(module (rec (type $a (struct (field (ref null $b)))) (type $b (array (ref null $a)))))",
    (
        "(module (type $a (sub (func (param eqref) (result anyref))))"
        " (type (sub $a (func (param anyref) (result eqref)))))"
    ),
    (
        "(module (type $a (sub (struct (field anyref))))"
        " (type (sub $a (struct (field i31ref) (field i32)))))"
    ),
]

BAD = [
    (
        "(module (func (param (ref func)) (local (ref func)) (block (local.set 1 (local.get 0)))"
        " (drop (local.get 1))))"
    ),
    (
        "(module (func (param (ref func)) (local (ref func)) (if (i32.const 0)"
        " (then (local.set 1 (local.get 0))) (else (drop (local.get 1))))))"
    ),
    (
        "(module (func (param (ref func)) (local (ref func)) (if (i32.const 0)"
        " (then (local.set 1 (local.get 0))) (else (local.set 1 (local.get 0))))"
        " (drop (local.get 1))))"
    ),
    "(module (global i32 (global.get 1)) (global i32 (i32.const 0)))",
    '(module (global $m (mut i32) (i32.const 0)) (memory 1) (data (global.get $m) ""))',
    "(module (table 1 (ref func) (global.get 0)) (global (ref func) (ref.func 0)) (func))",
    '(module (memory i64 1) (data (i32.const 0) "a"))',
    "(module (table i64 1 funcref) (elem (i32.const 0) func))",
    "(module (memory 1) (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0))))",
    "(module (memory 0 0x1_0001))",
    "(module (memory i64 0 0x1_0000_0000_0001))",
    "(module (type $a (sub final (struct))) (type (sub $a (struct))))",
    "(module (type $a (sub (struct (field (mut i32))))) (type (sub $a (struct (field i32)))))",
    "(module (type $a (sub (struct (field i32 i32)))) (type (sub $a (struct (field i32)))))",
    "(module (type $a (sub (func (result eqref)))) (type (sub $a (func (result anyref)))))",
    "(module (type $a (sub (func (param i32)))) (type (sub $a (func))))",
    '(module (type $s (struct)) (import "" "" (tag (type $s))))',
    (
        "(module (type $f (func)) (table 1 (ref null $f)) (func (param i32)) (elem (i32.const 0)"
        " func 0))"
    ),
]


@pytest.mark.parametrize("text", GOOD)
def test_valid_modules(text: str) -> None:
    module = parse_text(text, features=f.ALL)
    assert validate(module, features=f.ALL).diagnostics == []
    binary = encode(module)
    assert validate(binary, features=f.ALL).verdict == VALID
    assert complaint(binary) is None


@pytest.mark.parametrize("text", BAD)
def test_invalid_modules(text: str) -> None:
    module = parse_text(text, features=f.ALL)
    assert validate(module, features=f.ALL).verdict == INVALID
    binary = encode(module)
    assert validate(binary, features=f.ALL).verdict == INVALID
    assert complaint(binary) is not None


def test_the_empty_module() -> None:
    assert validate(b"\0asm\1\0\0\0").verdict == VALID
    assert validate(b"").verdict == MALFORMED
    assert validate(b"\0asm").verdict == MALFORMED


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: type) -> None:
    assert validate(kind(encode(parse_text("(module (func))")))).ok


def test_a_component_is_refused() -> None:
    with pytest.raises(ComponentError, match="component"):
        validate(b"\0asm\x0d\0\1\0")


def functions(bodies: list[bytes]) -> Module:
    """Return a module of functions without parameters and results."""
    module = Module("many")
    module.rec_groups = [RecGroup((SubType(VOID),))]
    module.functions = [0] * len(bodies)
    module.code = [Code(body) for body in bodies]
    return module


RIGHT, WRONG, BROKEN = b"\0\x01\x0b", b"\0\x1a\x0b", b"\0\xff\x0b"
"""Bodies: valid, invalid (operand missing), malformed (no such opcode)."""


def test_one_root_fault_a_function_in_order() -> None:
    report = validate(functions([WRONG, RIGHT, WRONG, RIGHT, WRONG]))
    assert [item.function for item in report.diagnostics] == [0, 2, 4]
    assert {item.code for item in report.diagnostics} == {"E0202"}


def test_malformed_is_graver_than_invalid_wherever_it_stands() -> None:
    for bodies in ([WRONG, BROKEN], [BROKEN, WRONG], [b"\0\x1a\xff\x0b"]):
        assert validate(functions(bodies)).verdict == MALFORMED
    assert validate(functions([WRONG, WRONG])).verdict == INVALID
    # Also where the module's own fields are at fault and bodies cannot be judged.
    broken = functions([RIGHT, BROKEN])
    broken.functions = [9, 9]
    assert validate(broken).verdict == MALFORMED
    broken.code = [Code(RIGHT), Code(WRONG)]
    assert validate(broken).verdict == INVALID


def test_many_faults_are_counted_not_listed() -> None:
    report = validate(functions([WRONG] * (MAX_EXPLAINED + 50)))
    assert len(report.diagnostics) == MAX_EXPLAINED
    assert any("50 more" in note for item in report.diagnostics for note in item.notes)


def test_malformed_behind_many_invalid_functions() -> None:
    assert validate(functions([WRONG] * (MAX_EXPLAINED + 1) + [BROKEN])).verdict == MALFORMED


def essence(diagnostics: list[Diagnostic]) -> list[tuple[object, ...]]:
    """Return what matters of diagnostics."""
    return [(item.code, item.function, item.offset, item.message) for item in diagnostics]


@pytest.mark.parametrize("threads", [2, 3, 8, 1000])
def test_threads_change_nothing(threads: int) -> None:
    rng = Random(threads)  # noqa: S311  # repeatable
    bodies = [rng.choice((RIGHT, RIGHT, RIGHT, WRONG)) for _ in range(500)]
    # Chunks are cut by bytes: one body is as large as all others, and some are empty.
    bodies[17] = b"\0" + b"\x01" * 2000 + b"\x0b"
    module = functions(bodies)
    for data in (module, encode(module)):
        alone, together = validate(data), validate(data, threads=threads)
        assert essence(together.diagnostics) == essence(alone.diagnostics)
    large = functions([b"\0" + b"\x01" * 40_000 + b"\x0b"] * 60 + [WRONG] * 3)
    assert essence(validate(encode(large), threads=threads).diagnostics) == essence(
        validate(encode(large)).diagnostics
    )


def test_validation_is_deterministic() -> None:
    environment = Environment()
    rng = Random(5)  # noqa: S311  # repeatable
    for _ in range(50):
        data = mutate_code(rng, program(rng, environment), [b""])
        first, second = (validate(data, features=f.ALL) for _ in range(2))
        assert (first.verdict, essence(first.diagnostics)) == (
            second.verdict,
            essence(second.diagnostics),
        )


FEATURE_MODULES = {
    # Feature: a module that needs it (in the binary format), and nothing that brings others.
    "mutable-global": '(module (import "m" "g" (global (mut i32))))',
    "sign-extension": "(module (func (drop (i32.extend8_s (i32.const 0)))))",
    "saturating-float-to-int": "(module (func (drop (i32.trunc_sat_f32_s (f32.const 0)))))",
    "multi-value": "(module (func (result i32 i32) i32.const 0 i32.const 0))",
    "bulk-memory": "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0)"
    " (i32.const 0))))",
    "reference-types": "(module (func (param externref)))",
    "simd": "(module (func (param v128)))",
    "relaxed-simd": "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0)"
    " (local.get 0)))))",
    "tail-call": "(module (func return_call 0))",
    "extended-const": "(module (global i32 (i32.add (i32.const 0) (i32.const 0))))",
    "multi-memory": "(module (memory 1) (memory 1))",
    "memory64": "(module (memory i64 1))",
    "function-references": "(module (func (param (ref func))))",
    "gc": "(module (type (struct)))",
    "exceptions": "(module (func (param exnref)))",
    "threads": "(module (memory 1 1 shared))",
    "wide-arithmetic": "(module (func (param i64) (local.get 0) (local.get 0) i64.mul_wide_s drop"
    " drop))",
    "custom-page-sizes": "(module (memory 1 (pagesize 1)))",
    "legacy-exceptions": "(module (func try end))",
}


@pytest.mark.parametrize("name", f.NAMES)
def test_every_feature_has_a_switch(name: str) -> None:
    binary = encode(parse_text(FEATURE_MODULES[name], features=f.ALL))
    assert validate(binary, features=f.ALL).verdict == VALID
    assert not validate(binary, features=f.parse(f"all,-{name}")).ok
    needed = f.NAMES[name]
    for _ in range(5):
        for feature, needs in f.PREREQUISITES.items():
            if needed & feature:
                needed |= needs
    if name != "mutable-global":
        # With what it needs and nothing else it is enough.
        assert validate(binary, features=needed | f.MUTABLE_GLOBAL).ok


def test_features_without_what_they_need_are_off() -> None:
    binary = encode(parse_text(FEATURE_MODULES["relaxed-simd"], features=f.ALL))
    assert not validate(binary, features=f.parse("all,-simd")).ok


def test_a_student_is_told_what_is_wrong() -> None:
    text = "(module (func (param i32) (result i32) local.get 0 i32.add))"
    (found,) = validate(parse_text(text)).diagnostics
    assert found.code == "E0202"
    assert found.operator == "i32.add"
    assert found.expected_stack == ("i32", "i32")
    assert found.stack is not None
    assert [item.type for item in found.stack] == ["i32"]
    assert found.stack[0].operator == "local.get 0"
    assert found.span is not None
    assert text[found.span.start : found.span.end] == "i32.add"
    assert [frame.kind for frame in found.frames] == ["function"]
