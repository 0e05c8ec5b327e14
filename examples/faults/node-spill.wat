;; Node 18.14.2 to 18.15.0 lose the upper half of an i64 that was loaded from 32 bits.
;;
;; TurboFan knows that the upper half of such a value is zero and spills it as 32 bits. When
;; registers were moved at the edges of a loop, it forgot that the spilled value is another
;; one by then: it has been shifted to the left.
;;
;; Reported: https://github.com/nodejs/node/pull/46446 (a fix of V8 that came without another
;; fix). Good: 18.14.1 and 18.16.0; also tier=liftoff.
;;
;;   plumbob bisect examples/faults/node-spill.wat --engine node --from 18 --to 18
(module
  (memory 1 1)
  (data (i32.const 0) "\78\56\34\12")
  (func $clobber)
  (func (export "test") (result i64) (local $v i64)
    (local.set $v (i64.load32_u (i32.const 0)))
    (call $clobber)
    (loop $again
      (if (i32.eqz (i32.load (i32.const 0))) ;; never
        (then (local.set $v (i64.and (local.get $v) (i64.const 1)))))
      (if (i64.eqz (i64.and (local.get $v) (i64.const 1))) ;; always
        (then (local.set $v (i64.shl (local.get $v) (i64.const 8)))))
      (i64.ne (i64.and (local.get $v) (i64.const 0xffffff)) (i64.const 0))
      (call $clobber)
      (br_if $again)
      (call $clobber))
    (local.get $v)))
