;; Bun up to 1.3.13 traps on a remainder that is defined, where it is known to the compiler.
;;
;; The quotient of the smallest integer and -1 does not exist, but the remainder is 0.
;; JavaScriptCore's BBQ tier took both for a trap when it folded constants.
;;
;; Fixed: https://github.com/WebKit/WebKit/pull/63266. Good: 1.3.14, and tier=omg.
;;
;;   plumbob bisect examples/faults/bun-remainder.wat --engine bun:tier=bbq --from 1.3
(module
  (func (export "test") (result i32)
    (i32.rem_s (i32.const 0x80000000) (i32.const -1))))
