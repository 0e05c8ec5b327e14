;; wasmtime 7.0.0 to 41.0.0 trap, out of bounds, on a load that is in bounds.
;;
;; On x86-64 with AVX, f64.copysign is made of 16-byte bit operations. Cranelift merged the
;; 8-byte load into one of them as its memory operand, so that 16 bytes are read: the last 8
;; of them lie behind the memory, where guard pages are. The load must be the last 8 bytes of
;; a page, and its only use in the same block; a plain end of the function puts the use into
;; a block of its own when Cranelift optimises, hence the explicit return.
;;
;; Reported and fixed: https://github.com/bytecodealliance/wasmtime/pull/12435.
;; Good: 6.0.0 and before, 42.0.0 and later. Bad at every setting of opt.
;;
;;   plumbob bisect examples/faults/wasmtime-copysign.wat --engine wasmtime
(module
  (memory 1 1)
  (data (i32.const 65528) "\00\00\00\00\00\00\f8\3f") ;; 1.5
  (func (export "test") (result f64)
    (return
      (f64.copysign (f64.load (i32.const 65528)) (f64.const -1)))))
