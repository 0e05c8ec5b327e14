;; One load and one store serve all accesses; offsets are unsigned, memories may be several.
(module
  (memory 1)
  (memory $wide i64 1)
  (func (param i32 i64)
    (i32.store8 offset=4 (local.get 0) (i32.load16_s offset=0xffffffff (local.get 0)))
    (i64.store $wide offset=0xffffffffffffffff (local.get 1) (i64.load32_u $wide (local.get 1)))
    (v128.store (local.get 0) (v128.load8x8_u (local.get 0)))
    (v128.store64_lane 1 (local.get 0) (v128.load32_splat (local.get 0)))
    (memory.copy 0 $wide (local.get 0) (local.get 1) (i32.const 3))
    (memory.fill $wide (local.get 1) (i32.const 0) (memory.grow $wide (memory.size $wide)))))
;; function u0:0(i32, i64) tail {
;;                                 block0(v0: i32, v1: i64):
;; @0005                               v2 = memory.load.i16 0, v0+0xffff_ffff
;; @0005                               v3 = sextend.i32 v2
;; @000c                               v4 = ireduce.i8 v3
;; @000c                               memory.store 0, v4, v0+4
;; @0013                               v5 = memory.load.i32 1, v1
;; @0013                               v6 = uextend.i64 v5
;; @0017                               memory.store 1, v6, v1+0xffff_ffff_ffff_ffff
;; @0028                               v7 = memory.load.i64 0, v0
;; @0028                               v8 = scalar_to_vector.i64x2 v7
;; @0028                               v9 = bitcast.i8x16 little v8
;; @0028                               v10 = uwiden_low v9
;; @002c                               memory.store 0, v10, v0
;; @0034                               v11 = memory.load.i32 0, v0
;; @0034                               v12 = splat.i32x4 v11
;; @0038                               v13 = bitcast.i64x2 little v12
;; @0038                               v14 = extractlane v13, 1
;; @0038                               memory.store 0, v14, v0
;; @0041                               v15 = iconst.i32 3
;; @0043                               memory.copy 0, 1, v0, v1, v15  ; v15 = 3
;; @0049                               v16 = iconst.i32 0
;; @004b                               v17 = memory.size.i64 1
;; @004d                               v18 = memory.grow 1, v17
;; @004f                               memory.fill 1, v1, v16, v18  ; v16 = 0
;; @0052                               jump block1
;;
;;                                 block1:
;; @0052                               return
;; }
