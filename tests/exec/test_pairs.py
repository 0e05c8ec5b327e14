"""Every operator that makes a number inside every place that takes one, source against walk.

Generated source fuses what is used once into its use; so an operation whose source is more
than a plain expression must be right inside whatever takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.engines.request import Call, Request, Value
from plumbob.hunt.generator.numeric import SIMPLE, Simple
from plumbob.triage.check.reference import Reference
from plumbob.wasm import types as t
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from plumbob.wasm.types import ValType

NUMBERS = (t.I32, t.I64, t.F32, t.F64)

PLACES = {
    t.I32: (
        "(if (result i32) {} (then (i32.const 1)) (else (i32.const 2)))",
        "(select (i32.const 3) (i32.const 4) {})",
        "(ref.is_null (select (result externref) (ref.null extern) (ref.null extern) {}))",
        "(block (result i32) (br_if 0 (i32.const 5) {}))",
        "(block (result i32) (block (block (br_table 0 1 {})) (br 1 (i32.const 6))) (i32.const 7))",
        "(i32.load8_u (i32.and {} (i32.const 15)))",
        "(i31.get_s (ref.i31 {}))",
        "(array.len (array.new $a (i32.const 1) (i32.and {} (i32.const 3))))",
        "(struct.get_u $s 0 (struct.new $s {} (i64.const 1) (f32.const 1) (f64.const 1)))",
        "(ref.is_null (table.get 0 (i32.and {} (i32.const 1))))",
        "(local.tee $x {})",
        "(call $i32 {})",
        "(i32.eqz {})",
        "(i32.rem_u {} (i32.const 7))",
        "(i32.shr_s (i32.const -9) {})",
        "(i32.lt_s {} (i32.const 3))",
        "(i32.wrap_i64 (i64.extend_i32_s {}))",
    ),
    t.I64: (
        "(i32.wrap_i64 {})",
        "(i64.eqz {})",
        "(i64.lt_s {} (i64.const 3))",
        "(i32.wrap_i64 (i64.shr_u {} (i64.const 33)))",
        "(i32.wrap_i64 (i64.rem_s {} (i64.const 9)))",
        "(call $i64 {})",
        "(i32.wrap_i64 (select {} (i64.const 4) (i32.const 1)))",
        (
            "(i32.wrap_i64 (struct.get $s 1 "
            "(struct.new $s (i32.const 1) {} (f32.const 1) (f64.const 1))))"
        ),
    ),
    t.F32: (
        "(f32.lt {} (f32.const 1))",
        "(i32.trunc_sat_f32_s {})",
        "(i32.trunc_sat_f32_u (f32.neg {}))",
        "(i32.trunc_sat_f32_s (f32.min {} (f32.const 9)))",
        "(call $f32 {})",
        "(i32.trunc_sat_f64_s (f64.promote_f32 {}))",
    ),
    t.F64: (
        "(f64.ge {} (f64.const 1))",
        "(i32.trunc_sat_f64_s {})",
        "(i32.trunc_sat_f64_u (f64.abs {}))",
        "(i32.trunc_sat_f64_s (f64.max {} (f64.const -9)))",
        "(call $f64 {})",
        "(i32.trunc_sat_f32_s (f32.demote_f64 {}))",
    ),
}
"""By the type of the number: code that takes one in the place of `{}` and leaves an i32."""

HEAD = """(module (memory 1) (table 2 funcref) (type $a (array i32))
  (type $s (struct (field i8) (field i64) (field f32) (field f64)))
  (func $i32 (param i32) (result i32) (local.get 0))
  (func $i64 (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
  (func $f32 (param f32) (result i32) (i32.trunc_sat_f32_s (local.get 0)))
  (func $f64 (param f64) (result i32) (i32.trunc_sat_f64_s (local.get 0)))"""

ARGUMENTS = (
    (3, 5, 0x3FC0_0000, 0x4000 << 48),
    (0xFFFF_FFF9, (1 << 64) - 2, 0xC059_999A, 0xC00B << 48),
    (0, 0, 0, 0),
)


def producers(type_: ValType) -> list[Simple]:
    """The operators on numbers alone that make a number of a type."""
    return [row for row in SIMPLE[type_] if not row.lanes and set(row.operands) <= set(NUMBERS)]


def produced(row: Simple) -> str:
    """The operator on parameters, the second operand another than the first."""
    operands = [f"(local.get ${operand})" for operand in row.operands]
    if len(operands) == 2 and "rem" not in row.name and "div" not in row.name:
        type_ = row.operands[1]
        operands[1] = f"({type_}.add (local.get ${type_}) ({type_}.const 1))"
    return f"({row.name} {' '.join(operands)})"


@pytest.mark.parametrize("type_", NUMBERS, ids=str)
def test_source_and_walk_agree_on_all_pairs(type_: ValType) -> None:
    source, walk = Reference(), Reference(mode="walk")
    for row in producers(type_):
        functions = "\n".join(
            f'(func (export "{place}") (param $i32 i32) (param $i64 i64) (param $f32 f32)'
            f" (param $f64 f64) (result i32) (local $x i32) {code.format(produced(row))})"
            for place, code in enumerate(PLACES[type_])
        )
        module = encode(parse_text(f"{HEAD}\n{functions})"))
        calls = tuple(
            Call(
                str(place),
                tuple(Value(str(n), bits) for n, bits in zip(NUMBERS, given, strict=True)),
                ("i32",),
            )
            for place in range(len(PLACES[type_]))
            for given in ARGUMENTS
        )
        request = Request(module, calls)
        left, right = source.run(request), walk.run(request)
        assert left.compiled.kind == "ok", left.compiled.message
        for call, one, other in zip(calls, left.results, right.results, strict=True):
            seen = (one.kind, one.values, one.trap)
            assert seen == (other.kind, other.values, other.trap), (row.name, call)


def test_enough_is_tried() -> None:
    counts = {str(type_): len(producers(type_)) for type_ in NUMBERS}
    assert counts == {"i32": 64, "i64": 32, "f32": 20, "f64": 20}
