;; Binaryen 116 to 120 move a branch in front of what is done before it.
;;
;; A struct.set of a new object was made part of its struct.new, its value with it. The value
;; branches away; the local, which is to hold the new object by then, still holds the old one.
;;
;; Fixed in 121: https://github.com/WebAssembly/binaryen/pull/7070. The pass is
;; heap-store-optimization, and in 116 and 117 a part of optimize-instructions.
;;
;;   plumbob bisect examples/faults/binaryen-heap-store.wat --engine 'binaryen:passes=-all -O2'
(module
  (type $box (struct (field (mut i32))))
  (global $leave (export "leave") (mut i32) (i32.const 1))
  (func $test (export "test") (result i32)
    (local $box (ref null $box))
    (local.set $box (struct.new $box (i32.const 7)))
    (block $out
      (struct.set $box 0
        (local.tee $box (struct.new $box (i32.const 1)))
        (if (result i32) (global.get $leave) (then (br $out)) (else (i32.const 5)))))
    (struct.get $box 0 (local.get $box))))
