;; wasmtime 17.0.0 to 18.0.0 return the argument where all its bits were shifted out.
;;
;; A product of which only the low half is used can be computed in half the bits. Cranelift
;; did so, and took a multiplication by 2^32 (0 in half the bits) for one by 1.
;;
;; Reported: https://github.com/bytecodealliance/wasmtime/issues/7999. Good: 16.0.0, 18.0.2.
;; Bad only where Cranelift optimises: opt=none is good.
;;
;;   plumbob bisect examples/faults/wasmtime-multiply.wat --engine wasmtime
(module
  (func (export "test") (param $x i32) (result i32)
    (i32.wrap_i64 (i64.mul (i64.extend_i32_u (local.get $x)) (i64.const 0x100000000)))))
