;; Bun 1.3.7 to 1.4.5, the newest, and 1.2.0 to 1.2.21 catch an exception that passes by: the
;; callee of a tail call throws, and the caller, which is gone, catches.
;;
;; JavaScriptCore's OMG keeps the caller's handler, in the older form of exceptions; bbq and
;; the interpreter are right.
;;
;;   plumbob bisect examples/faults/bun-tail-call-try.wat --engine bun --from 1.2
(module
  (tag $e)
  (func $throws (throw $e))
  (func (export "test") (try (do (return_call $throws)) (catch $e))))
