"""Every high-level operation, in both ways of executing, against expected results.

The scripts are in the format of the official suite; each is run by generated source and by
the tree walk. Together they translate to every operation of `ir/high_level.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.api import Instance, Module, Store, Trap
from plumbob.exec.interp import (
    Machine,
    Program,
    wasm_emit,  # noqa: F401  # it registers the operations
)
from plumbob.exec.interp.source_function import EMITTERS, SELECTORS
from plumbob.exec.interp.wasm_walk import WASM_STEPS
from plumbob.filetest.wast_run import RunStage
from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.ir import high_level  # noqa: F401  # it defines them
from plumbob.ir.operations import CLIF_OPERATIONS, OPERATIONS
from plumbob.ir.parser import parse_clif
from plumbob.wasm import features as f
from plumbob.wasm.text.script import ModuleCommand, TextModule, parse_script

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode

HIGH_LEVEL = [name for name in OPERATIONS if name not in CLIF_OPERATIONS]

MEMORY = """
(module
  (memory $m 1 3)
  (memory $w i64 1 3)
  (data $d "\\01\\02\\83\\84")
  (func (export "store") (param i32 i64)
    (i64.store offset=1 (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i64) (i64.load offset=1 (local.get 0)))
  (func (export "load8") (param i32) (result i32) (i32.load8_s (local.get 0)))
  (func (export "load16") (param i32) (result i32) (i32.load16_u (local.get 0)))
  (func (export "wide") (param i64) (result i32)
    (i32.store $w (local.get 0) (i32.const 77)) (i32.load $w (local.get 0)))
  (func (export "vector") (param i32) (result v128)
    (v128.store (local.get 0) (v128.const i32x4 1 2 3 4)) (v128.load (local.get 0)))
  (func (export "float") (param f32) (result f32)
    (f32.store (i32.const 40) (local.get 0)) (f32.load (i32.const 40)))
  (func (export "size") (result i32) (memory.size $m))
  (func (export "size64") (result i64) (memory.size $w))
  (func (export "grow") (param i32) (result i32) (memory.grow $m (local.get 0)))
  (func (export "grow64") (param i64) (result i64) (memory.grow $w (local.get 0)))
  (func (export "fill") (param i32 i32 i32)
    (memory.fill $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32)
    (memory.copy $m $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy64") (param i32 i64 i32)
    (memory.copy $m $w (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32)
    (memory.init $m $d (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (data.drop $d)))
(invoke "store" (i32.const 7) (i64.const 0x1122334455667788))
(assert_return (invoke "load" (i32.const 7)) (i64.const 0x1122334455667788))
(assert_return (invoke "load" (i32.const 0xfff7)) (i64.const 0))
(assert_trap (invoke "load" (i32.const 0xfff8)) "out of bounds memory access")
(assert_trap (invoke "load" (i32.const -1)) "out of bounds memory access")
(assert_trap (invoke "store" (i32.const 0xfff8) (i64.const -1)) "out of bounds memory access")
(assert_return (invoke "load" (i32.const 0xfff7)) (i64.const 0))
(assert_trap (invoke "load8" (i32.const 0x10000)) "out of bounds memory access")
(assert_trap (invoke "load16" (i32.const 0xffff)) "out of bounds memory access")
(assert_return (invoke "wide" (i64.const 65532)) (i32.const 77))
(assert_trap (invoke "wide" (i64.const 65533)) "out of bounds memory access")
(assert_trap (invoke "wide" (i64.const -1)) "out of bounds memory access")
(assert_return (invoke "vector" (i32.const 16)) (v128.const i32x4 1 2 3 4))
(assert_trap (invoke "vector" (i32.const 65521)) "out of bounds memory access")
(assert_return (invoke "float" (f32.const nan:0x200001)) (f32.const nan:0x200001))
(assert_return (invoke "copy64" (i32.const 100) (i64.const 65532) (i32.const 4)))
(assert_return (invoke "load8" (i32.const 100)) (i32.const 77))
(assert_trap (invoke "copy64" (i32.const 0) (i64.const -1) (i32.const 2)) "out of bounds")
(assert_return (invoke "init" (i32.const 0) (i32.const 1) (i32.const 3)))
(assert_return (invoke "load8" (i32.const 1)) (i32.const -125))
(assert_return (invoke "load16" (i32.const 1)) (i32.const 0x8483))
(assert_trap (invoke "init" (i32.const 0) (i32.const 1) (i32.const 4)) "out of bounds")
(invoke "drop")
(assert_return (invoke "init" (i32.const 0) (i32.const 0) (i32.const 0)))
(assert_trap (invoke "init" (i32.const 0) (i32.const 0) (i32.const 1)) "out of bounds")
(assert_return (invoke "fill" (i32.const 10) (i32.const 0x1fe) (i32.const 3)))
(assert_return (invoke "load8" (i32.const 12)) (i32.const -2))
(assert_return (invoke "copy" (i32.const 11) (i32.const 9) (i32.const 4)))
(assert_return (invoke "load8" (i32.const 14)) (i32.const -2))
(assert_trap (invoke "fill" (i32.const 65535) (i32.const 1) (i32.const 2)) "out of bounds")
(assert_return (invoke "load8" (i32.const 65535)) (i32.const 0))
(assert_return (invoke "grow" (i32.const 1)) (i32.const 1))
(assert_return (invoke "load8" (i32.const 65536)) (i32.const 0))
(assert_return (invoke "grow" (i32.const 2)) (i32.const -1))
(assert_return (invoke "size") (i32.const 2))
(assert_return (invoke "grow64" (i64.const 3)) (i64.const -1))
(assert_return (invoke "grow64" (i64.const 2)) (i64.const 1))
(assert_return (invoke "size64") (i64.const 3))
"""

ATOMICS = """
(module
  (memory 1 1 shared)
  (func (export "load") (param i32) (result i32) (i32.atomic.load (local.get 0)))
  (func (export "store") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1)))
  (func (export "add") (param i32 i32) (result i32)
    (i32.atomic.rmw.add offset=4 (local.get 0) (local.get 1)))
  (func (export "xchg8") (param i32 i32) (result i32)
    (i32.atomic.rmw8.xchg_u (local.get 0) (local.get 1)))
  (func (export "cas") (param i32 i64 i64) (result i64)
    (i64.atomic.rmw.cmpxchg (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32)
    (memory.atomic.notify (local.get 0) (local.get 1))))
(invoke "store" (i32.const 8) (i32.const -1))
(assert_return (invoke "add" (i32.const 4) (i32.const 3)) (i32.const -1))
(assert_return (invoke "load" (i32.const 8)) (i32.const 2))
(assert_return (invoke "xchg8" (i32.const 8) (i32.const 0x1ff)) (i32.const 2))
(assert_return (invoke "load" (i32.const 8)) (i32.const 255))
(assert_return (invoke "cas" (i32.const 8) (i64.const 1) (i64.const 9)) (i64.const 255))
(assert_return (invoke "cas" (i32.const 8) (i64.const 255) (i64.const 9)) (i64.const 255))
(assert_return (invoke "load" (i32.const 8)) (i32.const 9))
(assert_return (invoke "wait" (i32.const 8) (i32.const 0) (i64.const -1)) (i32.const 1))
(assert_return (invoke "wait" (i32.const 8) (i32.const 9) (i64.const 1000)) (i32.const 2))
(assert_return (invoke "notify" (i32.const 8) (i32.const 1)) (i32.const 0))
(assert_trap (invoke "load" (i32.const 2)) "unaligned atomic")
(assert_trap (invoke "add" (i32.const 1) (i32.const 0)) "unaligned atomic")
(assert_trap (invoke "notify" (i32.const 2) (i32.const 0)) "unaligned atomic")
(assert_trap (invoke "cas" (i32.const 65536) (i64.const 0) (i64.const 0)) "out of bounds")
(module
  (memory 1)
  (func (export "wait") (result i32)
    (memory.atomic.wait64 (i32.const 0) (i64.const 0) (i64.const 0))))
(assert_trap (invoke "wait") "expected shared memory")
"""

TABLES = """
(module
  (type $n (func (result i32)))
  (type $other (func (result i64)))
  (table $t 3 5 funcref)
  (table $e 2 externref)
  (elem $s func $one $two)
  (elem (table $t) (i32.const 0) func $one $long)
  (global $g (mut i64) (i64.const 5))
  (global $c f64 (f64.const 2.5))
  (func $one (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func $long (result i64) (i64.const 3))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $n) (local.get 0)))
  (func (export "tail") (param i32) (result i32)
    (return_call_indirect $t (type $n) (local.get 0)))
  (func (export "ref") (param i32) (result i32)
    (call_ref $n (ref.cast (ref null $n) (table.get $t (local.get 0)))))
  (func (export "tail ref") (result i32) (return_call_ref $n (ref.func $two)))
  (func (export "null ref") (result i32) (call_ref $n (ref.null $n)))
  (func (export "set") (param i32 externref) (table.set $e (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result externref) (table.get $e (local.get 0)))
  (func (export "size") (result i32) (table.size $e))
  (func (export "grow") (param i32 externref) (result i32)
    (table.grow $e (local.get 1) (local.get 0)))
  (func (export "fill") (param i32 externref i32)
    (table.fill $e (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32)
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32)
    (table.init $t $s (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (elem.drop $s))
  (func (export "global") (result i64 f64)
    (global.set $g (i64.add (global.get $g) (i64.const 1)))
    (global.get $g) (global.get $c)))
(assert_return (invoke "call" (i32.const 0)) (i32.const 1))
(assert_return (invoke "tail" (i32.const 0)) (i32.const 1))
(assert_return (invoke "ref" (i32.const 0)) (i32.const 1))
(assert_return (invoke "tail ref") (i32.const 2))
(assert_trap (invoke "null ref") "null function reference")
(assert_trap (invoke "ref" (i32.const 1)) "cast failure")
(assert_trap (invoke "ref" (i32.const 2)) "null function reference")
(assert_trap (invoke "ref" (i32.const 3)) "out of bounds table access")
(assert_trap (invoke "call" (i32.const 1)) "indirect call type mismatch")
(assert_trap (invoke "call" (i32.const 2)) "uninitialized element 2")
(assert_trap (invoke "call" (i32.const 3)) "undefined element")
(assert_trap (invoke "tail" (i32.const -1)) "undefined element")
(assert_return (invoke "get" (i32.const 1)) (ref.null extern))
(assert_return (invoke "set" (i32.const 1) (ref.extern 4)))
(assert_return (invoke "get" (i32.const 1)) (ref.extern 4))
(assert_trap (invoke "get" (i32.const 2)) "out of bounds table access")
(assert_trap (invoke "set" (i32.const 2) (ref.null extern)) "out of bounds table access")
(assert_return (invoke "grow" (i32.const 2) (ref.extern 6)) (i32.const 2))
(assert_return (invoke "size") (i32.const 4))
(assert_return (invoke "get" (i32.const 3)) (ref.extern 6))
(assert_return (invoke "fill" (i32.const 2) (ref.extern 8) (i32.const 2)))
(assert_return (invoke "get" (i32.const 2)) (ref.extern 8))
(assert_trap (invoke "fill" (i32.const 3) (ref.null extern) (i32.const 2)) "out of bounds")
(assert_return (invoke "get" (i32.const 3)) (ref.extern 8))
(assert_return (invoke "init" (i32.const 1) (i32.const 0) (i32.const 2)))
(assert_return (invoke "call" (i32.const 2)) (i32.const 2))
(assert_return (invoke "copy" (i32.const 0) (i32.const 1) (i32.const 2)))
(assert_return (invoke "call" (i32.const 1)) (i32.const 2))
(assert_trap (invoke "copy" (i32.const 2) (i32.const 0) (i32.const 2)) "out of bounds")
(assert_return (invoke "drop"))
(assert_trap (invoke "init" (i32.const 0) (i32.const 0) (i32.const 1)) "out of bounds")
(assert_return (invoke "global") (i64.const 6) (f64.const 2.5))
"""

HEAP = """
(module
  (type $p (sub (struct (field (mut i8)) (field (mut i64)))))
  (type $q (sub $p (struct (field (mut i8)) (field (mut i64)) (field (ref null $p)))))
  (type $b (array (mut i8)))
  (type $s (array (mut i16)))
  (type $f (array (mut funcref)))
  (data $d "\\01\\82\\03\\84")
  (elem $e funcref (ref.func $id) (ref.null func))
  (func $id (param anyref) (result anyref) (local.get 0))
  (func (export "pack") (param i32) (result i32 i32)
    (local $x (ref $p))
    (local.set $x (struct.new $p (local.get 0) (i64.const 1)))
    (struct.get_s $p 0 (local.get $x)) (struct.get_u $p 0 (local.get $x)))
  (func (export "set") (param i32) (result i32 i64)
    (local $x (ref $p))
    (local.set $x (struct.new_default $p))
    (struct.set $p 0 (local.get $x) (local.get 0))
    (struct.set $p 1 (local.get $x) (i64.const -9))
    (struct.get_u $p 0 (local.get $x)) (struct.get $p 1 (local.get $x)))
  (func (export "null get") (result i64) (struct.get $p 1 (ref.null $p)))
  (func (export "null set") (struct.set $p 1 (ref.null $p) (i64.const 0)))
  (func $make (param i32) (result anyref)
    (block (block (block (block (block (br_table 0 1 2 3 4 (local.get 0)))
      (return (struct.new $p (i32.const 0) (i64.const 0))))
      (return (struct.new $q (i32.const 0) (i64.const 0) (ref.null $p))))
      (return (array.new $b (i32.const 7) (i32.const 3))))
      (return (ref.i31 (i32.const -1))))
    (ref.null any))
  (func (export "test") (param i32) (result i32)
    (local $x anyref)
    (local.set $x (call $make (local.get 0)))
    (i32.or (i32.or (i32.or (i32.or (i32.or (i32.or (i32.or
      (ref.test (ref $p) (local.get $x))
      (i32.shl (ref.test (ref $q) (local.get $x)) (i32.const 1)))
      (i32.shl (ref.test (ref null $b) (local.get $x)) (i32.const 2)))
      (i32.shl (ref.test (ref i31) (local.get $x)) (i32.const 3)))
      (i32.shl (ref.test (ref struct) (local.get $x)) (i32.const 4)))
      (i32.shl (ref.test (ref eq) (local.get $x)) (i32.const 5)))
      (i32.shl (ref.test (ref null none) (local.get $x)) (i32.const 6)))
      (i32.shl (ref.is_null (local.get $x)) (i32.const 7))))
  (func (export "cast") (param i32) (result i64)
    (struct.get $p 1 (ref.cast (ref $p) (call $make (local.get 0)))))
  (func (export "cast null") (param i32) (result i32)
    (ref.is_null (ref.cast (ref null $b) (call $make (local.get 0)))))
  (func (export "non null") (param i32) (drop (ref.as_non_null (call $make (local.get 0)))))
  (func (export "choose") (param i32) (result anyref)
    (select (result anyref) (ref.i31 (i32.const 5)) (ref.null any) (local.get 0)))
  (func (export "i31") (param i32) (result i32 i32)
    (i31.get_s (ref.i31 (local.get 0))) (i31.get_u (ref.i31 (local.get 0))))
  (func (export "null i31") (result i32) (i31.get_u (ref.null i31)))
  (func (export "eq") (result i32 i32 i32)
    (local $x eqref)
    (local.set $x (array.new_default $b (i32.const 1)))
    (ref.eq (local.get $x) (local.get $x))
    (ref.eq (local.get $x) (array.new_default $b (i32.const 1)))
    (ref.eq (ref.i31 (i32.const 3)) (ref.i31 (i32.const 0x80000003))))
  (func (export "outside") (param i32) (result externref)
    (extern.convert_any (call $make (local.get 0))))
  (func (export "inside") (param externref) (result i32)
    (ref.test (ref i31) (any.convert_extern (local.get 0))))
  (func (export "round trip") (result i32)
    (ref.test (ref i31) (any.convert_extern (extern.convert_any (ref.i31 (i32.const 1))))))
  (func (export "array") (param i32) (result i32 i32 i32)
    (local $x (ref $b))
    (local.set $x (array.new_fixed $b 3 (i32.const 1) (i32.const 0x182) (i32.const 3)))
    (array.set $b (local.get $x) (i32.const 0) (local.get 0))
    (array.get_s $b (local.get $x) (i32.const 1)) (array.get_u $b (local.get $x) (i32.const 0))
    (array.len (local.get $x)))
  (func (export "at") (param i32) (result i32)
    (array.get_u $b (array.new_default $b (i32.const 2)) (local.get 0)))
  (func (export "put") (param i32)
    (array.set $b (array.new_default $b (i32.const 2)) (local.get 0) (i32.const 1)))
  (func (export "null at") (result i32) (array.get_u $b (ref.null $b) (i32.const 0)))
  (func (export "null len") (result i32) (array.len (ref.null array)))
  (func (export "data") (param i32 i32) (result i32)
    (array.get_u $s (array.new_data $s $d (local.get 0) (local.get 1)) (i32.const 0)))
  (func (export "elem") (param i32 i32) (result i32)
    (ref.is_null (array.get $f (array.new_elem $f $e (local.get 0) (local.get 1))
      (i32.const 0))))
  (func (export "ranges") (param i32 i32) (result i32 i32)
    (local $x (ref $b)) (local $y (ref $b))
    (local.set $x (array.new_default $b (i32.const 4)))
    (local.set $y (array.new $b (i32.const 9) (i32.const 4)))
    (array.fill $b (local.get $x) (local.get 0) (i32.const 0x107) (i32.const 2))
    (array.copy $b $b (local.get $x) (i32.const 0) (local.get $y) (local.get 1) (i32.const 1))
    (array.init_data $b $d (local.get $y) (i32.const 0) (local.get 1) (i32.const 1))
    (array.get_u $b (local.get $x) (local.get 0)) (array.get_u $b (local.get $y) (i32.const 0)))
  (func (export "init elem") (param i32) (result i32)
    (local $x (ref $f))
    (local.set $x (array.new_default $f (i32.const 2)))
    (array.init_elem $f $e (local.get $x) (i32.const 0) (local.get 0) (i32.const 2))
    (ref.is_null (array.get $f (local.get $x) (i32.const 0))))
  (func (export "fill null") (array.fill $b (ref.null $b) (i32.const 9) (i32.const 0)
    (i32.const 0))))
(assert_return (invoke "pack" (i32.const 0x180)) (i32.const -128) (i32.const 128))
(assert_return (invoke "set" (i32.const -1)) (i32.const 255) (i64.const -9))
(assert_trap (invoke "null get") "null structure reference")
(assert_trap (invoke "null set") "null structure reference")
(assert_return (invoke "test" (i32.const 0)) (i32.const 0x31))
(assert_return (invoke "test" (i32.const 1)) (i32.const 0x33))
(assert_return (invoke "test" (i32.const 2)) (i32.const 0x24))
(assert_return (invoke "test" (i32.const 3)) (i32.const 0x28))
(assert_return (invoke "test" (i32.const 4)) (i32.const 0xc4))
(assert_return (invoke "cast" (i32.const 1)) (i64.const 0))
(assert_trap (invoke "cast" (i32.const 2)) "cast failure")
(assert_trap (invoke "cast" (i32.const 4)) "cast failure")
(assert_return (invoke "cast null" (i32.const 4)) (i32.const 1))
(assert_trap (invoke "cast null" (i32.const 3)) "cast failure")
(assert_return (invoke "non null" (i32.const 0)))
(assert_trap (invoke "non null" (i32.const 4)) "null reference")
(assert_return (invoke "choose" (i32.const 1)) (ref.i31))
(assert_return (invoke "choose" (i32.const 0)) (ref.null))
(assert_return (invoke "i31" (i32.const -2)) (i32.const -2) (i32.const 0x7ffffffe))
(assert_trap (invoke "null i31") "null i31 reference")
(assert_return (invoke "eq") (i32.const 1) (i32.const 0) (i32.const 1))
(assert_return (invoke "outside" (i32.const 4)) (ref.null extern))
(assert_return (invoke "outside" (i32.const 0)) (ref.extern))
(assert_return (invoke "inside" (ref.extern 1)) (i32.const 0))
(assert_return (invoke "round trip") (i32.const 1))
(assert_return (invoke "array" (i32.const -1))
  (i32.const -126) (i32.const 255) (i32.const 3))
(assert_return (invoke "at" (i32.const 1)) (i32.const 0))
(assert_trap (invoke "at" (i32.const 2)) "out of bounds array access")
(assert_trap (invoke "put" (i32.const -1)) "out of bounds array access")
(assert_trap (invoke "null at") "null array reference")
(assert_trap (invoke "null len") "null array reference")
(assert_return (invoke "data" (i32.const 1) (i32.const 1)) (i32.const 0x382))
(assert_trap (invoke "data" (i32.const 1) (i32.const 2)) "out of bounds memory access")
(assert_return (invoke "elem" (i32.const 1) (i32.const 1)) (i32.const 1))
(assert_trap (invoke "elem" (i32.const 1) (i32.const 2)) "out of bounds table access")
(assert_return (invoke "ranges" (i32.const 2) (i32.const 1)) (i32.const 7) (i32.const 0x82))
(assert_trap (invoke "ranges" (i32.const 3) (i32.const 1)) "out of bounds array access")
(assert_trap (invoke "ranges" (i32.const 2) (i32.const 4)) "out of bounds array access")
(assert_return (invoke "init elem" (i32.const 0)) (i32.const 0))
(assert_trap (invoke "init elem" (i32.const 1)) "out of bounds table access")
(assert_trap (invoke "fill null") "null array reference")
"""

EXCEPTIONS = """
(module $A
  (tag $t (export "t") (param i32))
  (tag $u)
  (type $v (func))
  (table 1 funcref)
  (elem (i32.const 0) func $throw9)
  (func $throw (export "throw") (param i32) (throw $t (local.get 0)))
  (func $throw9 (throw $t (i32.const 9)))
  (func (export "direct") (param i32) (result i32)
    (block $h (result i32) (try_table (catch $t $h) (call $throw (local.get 0)))
      (i32.const 0)))
  (func (export "table") (result i32)
    (block $h (result i32) (try_table (catch $t $h) (call_indirect (type $v) (i32.const 0)))
      (i32.const 0)))
  (func (export "reference") (result i32)
    (block $h (result i32) (try_table (catch $t $h) (call_ref $v (ref.func $throw9)))
      (i32.const 0)))
  (func (export "local") (param i32) (result i32)
    (block $h (result i32) (try_table (catch $t $h) (throw $t (local.get 0))) (unreachable)))
  (func (export "wrong tag") (param i32) (result i32)
    (block $h (try_table (catch $u $h) (call $throw (local.get 0)))) (i32.const 1))
  (func (export "all") (param i32) (result i32)
    (block $h (try_table (catch_all $h) (call $throw (local.get 0))) (return (i32.const 0)))
    (i32.const 1))
  (func (export "again") (param i32) (result i32)
    (block $outer (result i32)
      (try_table (catch $t $outer)
        (block $inner (result exnref)
          (try_table (catch_all_ref $inner) (call $throw (local.get 0))) (unreachable))
        (throw_ref))
      (unreachable)))
  (func (export "null") (throw_ref (ref.null exn)))
  (func (export "trap") (block $h (try_table (catch_all $h) (unreachable)))))
(register "A" $A)
(assert_return (invoke "direct" (i32.const 5)) (i32.const 5))
(assert_return (invoke "table") (i32.const 9))
(assert_return (invoke "reference") (i32.const 9))
(assert_return (invoke "local" (i32.const 6)) (i32.const 6))
(assert_exception (invoke "wrong tag" (i32.const 5)))
(assert_return (invoke "all" (i32.const 5)) (i32.const 1))
(assert_return (invoke "again" (i32.const 8)) (i32.const 8))
(assert_trap (invoke "null") "null exception reference")
(assert_trap (invoke "trap") "unreachable")
(module
  (import "A" "t" (tag $theirs (param i32)))
  (import "A" "throw" (func $throw (param i32)))
  (tag $mine (param i32))
  (func (export "across") (param i32) (result i32)
    (block $a (result i32)
      (block $b (result i32)
        (try_table (catch $mine $a) (catch $theirs $b) (call $throw (local.get 0)))
        (unreachable))
      (i32.add (i32.const 100)))))
(assert_return (invoke "across" (i32.const 7)) (i32.const 107))
"""

SCRIPTS = {
    "memory": MEMORY,
    "atomics": ATOMICS,
    "tables": TABLES,
    "heap": HEAP,
    "exceptions": EXCEPTIONS,
}


def test_both_ways_know_every_operation() -> None:
    assert HIGH_LEVEL
    assert [name for name in HIGH_LEVEL if name not in {**EMITTERS, **SELECTORS}] == []
    assert [name for name in HIGH_LEVEL if name not in WASM_STEPS] == []


@pytest.mark.parametrize("mode", ["source", "walk"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_results_are_as_expected(name: str, mode: Mode) -> None:
    stage = RunStage(f.DEFAULT | f.NAMES["threads"], "polymorphic", mode=mode)
    script = parse_script(SCRIPTS[name], name)
    assert [
        (command.line, reason)
        for command in script.commands
        if (reason := stage.judge(command)) is not None
    ] == []


def test_the_scripts_use_every_operation() -> None:
    used: set[str] = set()
    for name, text in SCRIPTS.items():
        for command in parse_script(text, name).commands:
            if isinstance(command, ModuleCommand) and isinstance(command.source, TextModule):
                environment = ModuleEnvironment(command.source.parse(f.ALL))
                for index in environment.defined:
                    function = translate_function(environment, index)
                    used.update(function.inst_op[inst].name for _, inst in function.insts())
    assert [name for name in HIGH_LEVEL if name not in used] == []


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_equal_functions_are_told_apart_in_a_stack(mode: Mode) -> None:
    program = Program(
        parse_clif("".join(f"function %{name}() {{ block0: trap user1 }}\n" for name in "fg"))
    )
    machine = Machine(program, mode=mode)
    found = [machine.call(symbol) for symbol in ("%f", "%g", "%f")]
    assert [getattr(outcome, "function", None) for outcome in found] == ["%f", "%g", "%f"]
    text = '(module (func (export "f") unreachable) (func (export "g") unreachable))'
    exports = Instance(Module.from_text(text), None, Store(mode=mode)).exports
    for name, index in (("f", 0), ("g", 1), ("f", 0)):
        with pytest.raises(Trap) as error:
            exports[name]()
        assert [frame.func_index for frame in error.value.frames] == [index]
