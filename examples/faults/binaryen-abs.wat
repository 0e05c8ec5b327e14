;; Binaryen 118 to 130 (and some older releases) make -1 of a program that returns 1.
;;
;; optimize-instructions knows that the absolute value of x * x is x * x, and took two
;; expressions for the same value because they are written alike. These two are, and each
;; moves the global on: the product is (1) * (-1).
;;
;; Reported: https://github.com/WebAssembly/binaryen/issues/8808. Good: 117 and 131.
;;
;;   plumbob bisect examples/faults/binaryen-abs.wat --engine binaryen:passes=-O2
(module
  (global $state (mut f32) (f32.const -3))
  (func $test (export "test") (result f32)
    (f32.abs
      (f32.mul
        (f32.neg
          (block (result f32)
            (global.set $state (f32.add (global.get $state) (f32.const 2)))
            (global.get $state)))
        (f32.neg
          (block (result f32)
            (global.set $state (f32.add (global.get $state) (f32.const 2)))
            (global.get $state)))))))
