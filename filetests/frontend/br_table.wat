;; A table's destinations carry the operands themselves; no blocks are split.
(module
  (func (param i32) (result i32)
    (block $a (result i32)
      (block $b (result i32)
        (br_table $a $b $a $b (i32.const 11) (local.get 0)))
      (i32.const 1)
      (i32.add))))
;; function u0:0(i32) -> i32 tail {
;;                                 block0(v0: i32):
;; @0005                               v4 = iconst.i32 11
;; @0009                               br_table v0, block3(v4), [block2(v4), block3(v4), block2(v4)]  ; v4 = 11, v4 = 11, v4 = 11, v4 = 11
;;
;;                                 block3(v3: i32):
;; @0010                               v5 = iconst.i32 1
;; @0012                               v6 = iadd v3, v5  ; v5 = 1
;; @0013                               jump block2(v6)
;;
;;                                 block2(v2: i32):
;; @0014                               jump block1(v2)
;;
;;                                 block1(v1: i32):
;; @0014                               return v1
;; }
