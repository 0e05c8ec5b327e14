;; wasmtime 45.0.0 returns 48 where 210 is right.
;;
;; The reference in $ref lives across calls and across the allocation in the loop, so it is
;; spilled to a stack slot of the safepoint's stack map. In this release the slots of values
;; that live at the same time could coincide: $ref's slot is overwritten, and later rounds
;; read the structure made last instead of the one that holds 42.
;;
;; Reported and fixed: https://github.com/bytecodealliance/wasmtime/pull/13461 and its
;; neighbours. Good: 44.0.0 and before (from 27, which first has GC); 46.0.1 and later.
;;
;;   plumbob bisect examples/faults/wasmtime-45-gc.wat --engine wasmtime
(module
  (type $s (struct (field i32)))
  (func $read (param (ref null $s)) (result i32)
    (struct.get $s 0 (local.get 0)))
  (func $keep (param (ref null $s)) nop)
  (func (export "test") (result i32)
    (local $ref (ref null $s)) (local $tmp (ref null $s)) (local $i i32) (local $sum i32)
    (local.set $ref (struct.new $s (i32.const 42)))
    (loop $loop
      (local.set $sum (i32.add (local.get $sum) (call $read (local.get $ref))))
      (local.set $tmp (struct.new $s (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $loop (i32.lt_u (local.get $i) (i32.const 5))))
    (call $keep (local.get $tmp))
    (call $keep (local.get $tmp))
    (local.get $sum)))
