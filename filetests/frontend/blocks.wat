;; Blocks with parameters and several results; an `if` without and with an `else`.
(module
  (func (param i32 i64) (result i64 i32)
    (local.get 0)
    (local.get 1)
    (block (param i32 i64) (result i64 i32)
      (br_if 0 (i64.const 7) (i32.const 8) (local.get 0))
      (drop) (drop) (drop) (drop)
      (i64.const 9)
      (i32.const 10)))
  (func (param i32) (result i32)
    (if (local.get 0) (then (local.set 0 (i32.const 5))))
    (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2))))
  (func (param i32 i32) (result i32)
    (local.get 0)
    (if (param i32) (result i32) (local.get 1) (then (i32.const 3) (i32.mul)))))
;; function u0:0(i32, i64) -> i64, i32 tail {
;;                                 block0(v0: i32, v1: i64):
;; @0007                               v6 = iconst.i64 7
;; @0009                               v7 = iconst.i32 8
;; @000d                               brif v0, block2(v6, v7), block3  ; v6 = 7, v7 = 8
;;
;;                                 block3:
;; @0013                               v8 = iconst.i64 9
;; @0015                               v9 = iconst.i32 10
;; @0017                               jump block2(v8, v9)  ; v8 = 9, v9 = 10
;;
;;                                 block2(v4: i64, v5: i32):
;; @0018                               jump block1(v4, v5)
;;
;;                                 block1(v2: i64, v3: i32):
;; @0018                               return v2, v3
;; }
;;
;; function u0:1(i32) -> i32 tail {
;;                                 block0(v0: i32):
;; @0003                               brif v0, block2, block3(v0)
;;
;;                                 block2:
;; @0005                               v2 = iconst.i32 5
;; @0009                               jump block3(v2)  ; v2 = 5
;;
;;                                 block3(v3: i32):
;; @000c                               brif v3, block4, block6
;;
;;                                 block4:
;; @000e                               v5 = iconst.i32 1
;; @0010                               jump block5(v5)  ; v5 = 1
;;
;;                                 block6:
;; @0011                               v6 = iconst.i32 2
;; @0013                               jump block5(v6)  ; v6 = 2
;;
;;                                 block5(v4: i32):
;; @0014                               jump block1(v4)
;;
;;                                 block1(v1: i32):
;; @0014                               return v1
;; }
;;
;; function u0:2(i32, i32) -> i32 tail {
;;                                 block0(v0: i32, v1: i32):
;; @0005                               brif v1, block2, block3(v0)
;;
;;                                 block2:
;; @0007                               v4 = iconst.i32 3
;; @0009                               v5 = imul.i32 v0, v4  ; v4 = 3
;; @000a                               jump block3(v5)
;;
;;                                 block3(v3: i32):
;; @000b                               jump block1(v3)
;;
;;                                 block1(v2: i32):
;; @000b                               return v2
;; }
