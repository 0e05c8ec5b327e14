;; Binaryen 89 to 98, and older ones, leave what a later segment overwrites with zeros.
;;
;; A memory is all zeros at first, so memory-packing left zeros in segments out; but here an
;; earlier segment was there. The result shows it, and so do the contents of the memory.
;;
;; Fixed in 99: segments that overlap are left as they are.
;;
;;   plumbob bisect examples/faults/binaryen-packing.wat --engine binaryen:passes=-O2
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\01\02\03\04")
  (data (i32.const 16) "\00\00\00\00\00\00\00\00")
  (func (export "test") (result i32) (i32.load (i32.const 16))))
