;; wasmtime 27.0.1 to 30.0.0 die of an illegal instruction where a global of a reference type
;; gets an i31 that looks like the address of an object.
;;
;; Reported: https://github.com/bytecodealliance/wasmtime/issues/10407.
;; Good: 31.0.0 and later; before 27 there is no garbage collection.
;;
;;   plumbob bisect examples/faults/wasmtime-i31-global.wat --engine wasmtime
(module
  (global $any (mut anyref) (ref.i31 (i32.const 262136)))
  (func (export "test")
    (global.set $any (ref.i31 (i32.const 262136)))))
