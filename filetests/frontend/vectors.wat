;; A vector keeps the lanes of what made it; where values meet it is i8x16.
(module
  (func (param v128 i32) (result v128)
    (i16x8.add (i16x8.splat (local.get 1)) (i16x8.neg (local.get 0)))
    (f32x4.pmin (local.get 0))
    (local.tee 0)
    (drop)
    (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 0) (local.get 0))))
;; function u0:0(i8x16, i32) -> i8x16 tail {
;;     const0 = 0x80008000800080008000800080008000
;;
;;                                 block0(v0: i8x16, v1: i32):
;; @0003                               v3 = ireduce.i16 v1
;; @0003                               v4 = splat.i16x8 v3
;; @0007                               v5 = bitcast.i16x8 little v0
;; @0007                               v6 = ineg v5
;; @000a                               v7 = iadd v4, v6
;; @000f                               v8 = bitcast.f32x4 little v0
;; @000f                               v9 = bitcast.f32x4 little v7
;; @000f                               v10 = fcmp lt v8, v9
;; @000f                               v11 = bitcast.f32x4 little v10
;; @000f                               v12 = bitselect v11, v8, v9
;; @0012                               v13 = bitcast.i8x16 little v12
;; @001b                               v14 = bitcast.i32x4 little v13
;; @001b                               v15 = swiden_low v13
;; @001b                               v16 = swiden_low v13
;; @001b                               v17 = imul v15, v16
;; @001b                               v18 = swiden_high v13
;; @001b                               v19 = swiden_high v13
;; @001b                               v20 = imul v18, v19
;; @001b                               v21 = iadd_pairwise v17, v20
;; @001b                               v22 = vconst.i16x8 const0
;; @001b                               v23 = icmp eq v21, v22  ; v22 = 0x80008000800080008000800080008000
;; @001b                               v24 = iadd v21, v23
;; @001b                               v25 = swiden_low v24
;; @001b                               v26 = swiden_high v24
;; @001b                               v27 = iadd_pairwise v25, v26
;; @001b                               v28 = iadd v27, v14
;; @001e                               v29 = bitcast.i8x16 little v28
;; @001e                               jump block1(v29)
;;
;;                                 block1(v2: i8x16):
;; @001e                               return v2
;; }
