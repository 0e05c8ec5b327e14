;; wasmtime 2.0.0 to 6.0.0 take zeros for lanes of the second operand of a shuffle, where both
;; operands are one value.
;;
;; On x86-64, Cranelift then makes one pshufb of it, and left the lanes from 17 on as they are
;; where it had to subtract 16: such an index stands for zero.
;;
;; Reported: https://github.com/advisories/GHSA-xm67-587q-r2vw (CVE-2023-27477).
;; Good: 0.40.0 and before, 7.0.0 and later. Bad at every setting of opt. 1.0.0 and 1.0.1 are
;; not in the report: they give other wrong lanes, for some operands alone.
;;
;;   plumbob bisect examples/faults/wasmtime-shuffle.wat --engine wasmtime
(module
  (func (export "test") (param $v v128) (result v128)
    (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 31 30 29 28 (local.get $v) (local.get $v))))
