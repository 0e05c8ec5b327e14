;; Binaryen 116 to 120 take a function for dead whose reference goes to an import, which may
;; call it.
;;
;; The pass knew the world as closed, whatever it was told.
;;
;; Reported: https://github.com/WebAssembly/binaryen/issues/5751. Fixed in 121.
;;
;;   plumbob bisect examples/faults/binaryen-gufa-escape.wat --engine "binaryen:passes=-all --gufa"
(module
  (type $handler (func (param i32) (result i32)))
  (import "env" "listen" (func $listen (param (ref $handler))))
  (elem declare func $handle)
  (func $handle (type $handler) (i32.add (local.get 0) (i32.const 1)))
  (func (export "main") (call $listen (ref.func $handle))))
