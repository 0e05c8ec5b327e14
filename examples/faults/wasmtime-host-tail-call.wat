;; wasmtime 19.0.0 to 25.0.0 abort where an imported function is tail-called, calls an export
;; back, and that traps.
;;
;; The frame of the host then stands where the caller's was, so that this activation has no
;; frame of WebAssembly at all, and the walk for the backtrace does not expect that.
;;
;; Reported: CVE-2024-47763, https://github.com/bytecodealliance/wasmtime/pull/9418.
;; Good: 27.0.1 and later; before 19 there are no tail calls.
;;
;;   plumbob bisect examples/faults/wasmtime-host-tail-call.wat --engine wasmtime
(module
  (import "env" "poke" (func $poke (param i32) (result i32)))
  (func (export "trap") (result i32) (unreachable))
  (func (export "poke") (param i32) (result i32) (return_call $poke (local.get 0))))
