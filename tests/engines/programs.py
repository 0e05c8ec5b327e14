"""Small programs that engines are asked to run."""

from __future__ import annotations

from plumbob.wasm.binary.encode import encode
from plumbob.wasm.features import ALL
from plumbob.wasm.text import parse_text


def assemble(text: str) -> bytes:
    return encode(parse_text(text, features=ALL))


STRUCT_IN_LOOP = """
(module (type $s (struct (field i32)))
  (func $read (param (ref null $s)) (result i32) (struct.get $s 0 (local.get 0)))
  (func $keep (param (ref null $s)) nop)
  (func (export "test") (result i32)
    (local $ref (ref null $s)) (local $tmp (ref null $s)) (local $i i32) (local $sum i32)
    (local.set $ref (struct.new $s (i32.const 42)))
    (loop $loop
      (local.set $sum (i32.add (local.get $sum) (call $read (local.get $ref))))
      (local.set $tmp (struct.new $s (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $loop (i32.lt_u (local.get $i) (i32.const 5))))
    (call $keep (local.get $tmp)) (call $keep (local.get $tmp))
    (local.get $sum)))
"""
"""Five times 42 is 210. The reference is live across an allocation in a loop."""

NEGATED_FACTORS = """
(module (global $g (mut f32) (f32.const -3))
  (func (export "test") (result f32)
    (f32.abs (f32.mul
      (f32.neg (block (result f32)
        (global.set $g (f32.add (global.get $g) (f32.const 2))) (global.get $g)))
      (f32.neg (block (result f32)
        (global.set $g (f32.add (global.get $g) (f32.const 2))) (global.get $g)))))))
"""
"""|1 * -1| is 1: the two factors differ though they look the same."""

NUMBERS = """
(module
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0)))
"""

PAIR = """
(module (func (export "pair") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0)))
"""

TRAPS = """
(module (memory 1) (table 4 funcref) (type $v (func)) (elem (i32.const 1) $h)
  (func $h (param i32))
  (func (export "unreachable") unreachable)
  (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0))))
  (func (export "overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
  (func (export "nan") (drop (i32.trunc_f32_s (f32.const nan))))
  (func (export "memory") (drop (i32.load (i32.const 70000))))
  (func (export "beyond") (call_indirect (type $v) (i32.const 9)))
  (func (export "null") (call_indirect (type $v) (i32.const 0)))
  (func (export "type") (call_indirect (type $v) (i32.const 1)))
  (func $deep (export "deep") (call $deep) (call $deep)))
"""

IMPORTS = """
(module
  (import "env" "next" (func $next (param i32 f64) (result i32)))
  (import "env" "note" (func $note (param i64)))
  (import "env" "base" (global $base i32))
  (import "env" "memory" (memory 1 2))
  (import "env" "table" (table 3 funcref))
  (func (export "test") (result i32)
    (call $note (i64.const -1))
    (i32.store (i32.const 8) (global.get $base))
    (i32.add (i32.load (i32.const 8))
      (i32.add (call $next (i32.const 7) (f64.const 0.5))
               (call $next (i32.const -7) (f64.const -0.0)))))
  (func (export "size") (result i32) (table.size 0)))
"""

START_TRAPS = "(module (func $s unreachable) (start $s))"

ENDLESS = '(module (func (export "test") (loop $again (br $again))))'

THROWS = '(module (tag $t) (func (export "test") (throw $t)))'

COPIED_SIGN = """
(module (memory 1) (global $last (mut i32) (i32.const 65528))
  (func (export "test") (result f64)
    (f64.copysign (f64.const 1) (f64.load (global.get $last)))))
"""
"""Loads the last eight bytes of a memory, which are nought: 1."""

HUNGRY = """
(module (memory 1) (func (export "test")
  (drop (memory.grow (i32.const 20000)))
  (memory.fill (i32.const 0) (i32.const 1) (i32.const 1300000000))))
"""
"""Asks for 1.3 GB and writes to all of it."""
