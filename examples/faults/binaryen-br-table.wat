;; Binaryen 89 to 97, and older ones, take the value and the index of a br_table in the wrong
;; order.
;;
;; remove-unused-brs makes a plain br of a br_table whose targets are one, and put the index
;; in front of the value. Here the index sets the global that the value reads.
;;
;; Fixed in 98: https://github.com/WebAssembly/binaryen/pull/3220.
;;
;;   plumbob bisect examples/faults/binaryen-br-table.wat --engine binaryen:passes=-O1
(module
  (global $state (mut i32) (i32.const 0))
  (func $set (result i32) (global.set $state (i32.const 5)) (i32.const 0))
  (func $get (result i32) (global.get $state))
  (func $test (export "test") (result i32)
    (block $out (result i32)
      (br_table $out $out (call $get) (call $set)))))
