;; Binaryen 100 to 117 catch an exception that passes by.
;;
;; return_call leaves its function before it calls: what the callee throws is not caught by
;; a try around it. Inlining made a plain call of it, which stays inside of the try.
;;
;; Fixed: https://github.com/WebAssembly/binaryen/pull/6448, in 118. Releases before 100 read
;; another proposal for exceptions.
;;
;;   plumbob bisect examples/faults/binaryen-tail-call.wat --engine 'binaryen:passes=-all -O3'
(module
  (tag $t)
  (func $throw (throw $t))
  (func $leave
    (try
      (do (return_call $throw))
      (catch $t)))
  (func (export "test") (result i32)
    (call $leave)
    (i32.const 7)))
