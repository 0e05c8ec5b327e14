;; wasmtime 0.37.0 to 6.0.0 trap, out of bounds, on a load that is in bounds.
;;
;; On x86-64, Cranelift folded a left shift by up to three into the load's address, and shifted
;; 64 bits instead of 32: here the address is 2^32 instead of 0. With another shift it could
;; be any address up to 34 GB behind the memory.
;;
;; Reported: https://github.com/advisories/GHSA-ff4p-7xrq-q5r8 (CVE-2023-26489).
;; Good: 0.36.0 and before, 7.0.0 and later. Bad at every setting of opt.
;;
;;   plumbob bisect examples/faults/wasmtime-shl-address.wat --engine wasmtime
(module
  (memory 1)
  (data (i32.const 0) "\2a") ;; 42
  (global $eighth (mut i32) (i32.const 0x20000000))
  (func (export "test") (result i32)
    (i32.load (i32.shl (global.get $eighth) (i32.const 3)))))
