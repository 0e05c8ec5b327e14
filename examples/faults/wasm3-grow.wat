;; wasm3 0.4.8 to 0.5.0 take memory.grow by 2^32 - 1 pages for a success, and lose the memory.
;;
;; A memory may always fail to grow, so that an engine need not return what the reference
;; does; but no memory has so many pages, and this one has a maximum of five.
;;
;; Reported: https://github.com/wasm3/wasm3/issues/442.
;;
;;   plumbob check examples/faults/wasm3-grow.wat --engine wasm3==0.5.0 --engine wasmtime
(module
  (memory 1 5)
  (func (export "test") (result i32) (memory.grow (i32.const -1)))
  (func (export "size") (result i32) (memory.size)))
