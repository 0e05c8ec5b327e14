;; Bun 1.2.3 to 1.3.11 lose a carry.
;;
;; JavaScriptCore's OMG turns (x + c) >> 12, of which the low half is used, into
;; (x >> 12) + (c >> 12). That holds only where the low 12 bits of c are zero.
;;
;; Fixed: https://github.com/WebKit/WebKit/pull/59492. Good: 1.2.2, 1.3.12, and tier=bbq.
;;
;;   plumbob bisect examples/faults/bun-carry.wat --engine bun --from 1.2 --to 1.3
(module
  (func (export "test") (param $x i64) (result i32)
    (i32.wrap_i64
      (i64.shr_s (i64.add (local.get $x) (i64.const 0x1fff)) (i64.const 12)))))
