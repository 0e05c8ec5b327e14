;; Calls and throws within try_table end their blocks; handlers take the exception apart.
(module
  (tag $e (param i32 i64))
  (func $f (param i32) (result i32) (local.get 0))
  (func (param i32) (result i32) (local $before i32)
    (local.set $before (i32.const 1))
    (block $other
      (block $caught (result i32 i64 exnref)
        (try_table (result i32) (catch_ref $e $caught) (catch_all $other)
          (local.set $before (call $f (local.get 0)))
          (throw $e (call $f (local.get $before)) (i64.const 3)))
        (return))
      (throw_ref))
    (local.get $before)))
;; function u0:0(i32) -> i32 tail {
;;                                 block0(v0: i32):
;; @0003                               jump block1(v0)
;;
;;                                 block1(v1: i32):
;; @0003                               return v1
;; }
;;
;; function u0:1(i32) -> i32 tail {
;;     sig0 = (i32) -> i32 tail
;;     sig1 = (i32, i64) tail
;;     sig2 = () tail
;;     fn0 = colocated u0:0 sig0
;;
;;                                 block0(v0: i32):
;; @0000                               v1 = iconst.i32 0
;; @0003                               v3 = iconst.i32 1
;; @0015                               try_call fn0(v0), sig0, block5(ret0), [ tag0: block6(exn0), default: block7(exn0, v3) ]  ; v3 = 1
;;
;;                                 block5(v8: i32):
;; @001b                               try_call fn0(v8), sig0, block8(ret0), [ tag0: block6(exn0), default: block7(exn0, v8) ]
;;
;;                                 block8(v11: i32):
;; @001d                               v12 = iconst.i64 3
;; @001f                               v13 = exn.new 0, sig1(v11, v12)  ; v12 = 3
;; @001f                               exn.try_throw v13, sig2, block9, [ tag0: block6(exn0), default: block7(exn0, v8) ]
;;
;;                                 block6(v9: ref.exn):
;; @000b                               v14 = exn.get.i32 v9, 0, 0
;; @000b                               v15 = exn.get.i64 v9, 0, 1
;; @000b                               jump block3(v14, v15, v9)
;;
;;                                 block7(v10: ref.exn, v16: i32):
;; @000b                               jump block2
;;
;;                                 block3(v4: i32, v5: i64, v6: ref.exn):
;; @0024                               exn.throw v6
;;
;;                                 block2:
;; @0028                               jump block1(v16)
;;
;;                                 block1(v2: i32):
;; @0028                               return v2
;;
;;                                 block9:
;; @0028                               trap user1
;; }
