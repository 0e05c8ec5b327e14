;; A parameter that a block would have for a local is an alias where the local does not change.
(module
  (func (param $n i32) (param $k i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (local.get $k)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (i32.add (local.get $sum) (local.get $k))))
;; function u0:0(i32, i32) -> i32 tail {
;;                                 block0(v0: i32, v1: i32):
;;                                     v5 -> v1
;; @0000                               v2 = iconst.i32 0
;; @0003                               jump block2(v2, v0)  ; v2 = 0
;;
;;                                 block2(v4: i32, v7: i32):
;; @0009                               v6 = iadd v4, v5
;; @000e                               v8 = iconst.i32 1
;; @0010                               v9 = isub v7, v8  ; v8 = 1
;; @0015                               brif v9, block2(v6, v9), block4
;;
;;                                 block4:
;; @0017                               jump block3
;;
;;                                 block3:
;; @001c                               v10 = iadd.i32 v6, v1
;; @001d                               jump block1(v10)
;;
;;                                 block1(v3: i32):
;; @001d                               return v3
;; }
