;; Bun 1.3.12 to 1.3.14 make zeros of a shuffle of a shuffle.
;;
;; On x86-64, JavaScriptCore's OMG makes a swizzle of a shuffle that takes all lanes from its
;; second operand, with indices from 16 on; put together with another one, they are read as
;; out of range, which stands for zero.
;;
;; Fixed: https://github.com/WebKit/WebKit/pull/64235. Good: 1.3.11, 1.4.0, and tier=bbq.
;;
;;   plumbob bisect examples/faults/bun-shuffle.wat --engine bun --from 1.3
(module
  (func (export "test") (param $a v128) (param $b v128) (result v128)
    (i8x16.shuffle 24 25 26 27 28 29 30 31 16 17 18 19 20 21 22 23 (local.get $a)
      (i8x16.shuffle 24 25 26 27 28 29 30 31 16 17 18 19 20 21 22 23
        (local.get $a) (local.get $b)))))
