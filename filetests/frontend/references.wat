;; References keep their hierarchy as a type; exact types are immediates.
(module
  (type $node (struct (field (ref null $node)) (field (mut i8))))
  (type $bytes (array (mut i8)))
  (func (param $list (ref null $node)) (result i32) (local $sum i32)
    (block $done
      (loop $again
        (local.set $sum
          (i32.add (struct.get_s $node 1 (br_on_null 1 (local.get $list))) (local.get $sum)))
        (local.set $list (struct.get $node 0 (local.get $list)))
        (br $again)))
    (local.get $sum))
  (func (param anyref) (result i32)
    (block $node (result (ref $node))
      (br_on_cast $node anyref (ref $node) (local.get 0))
      (drop)
      (return (i32.const 0)))
    (struct.get_u $node 1))
  (func (param externref) (result (ref $bytes))
    (ref.cast (ref $bytes) (any.convert_extern (local.get 0)))))
;; function u0:0(ref.any) -> i32 tail {
;;                                 block0(v0: ref.any):
;; @0000                               v1 = iconst.i32 0
;; @0005                               jump block3(v0, v1)  ; v1 = 0
;;
;;                                 block3(v3: ref.any, v6: i32):
;; @0009                               v4 = ref.is_null v3
;; @0009                               brif v4, block2, block5
;;
;;                                 block5:
;; @000b                               v5 = struct.get_s v3, 0, 1
;; @0011                               v7 = iadd v5, v6
;; @0016                               v8 = struct.get.ref.any v3, 0, 0
;; @001c                               jump block3(v8, v7)
;;
;;                                 block2:
;; @0022                               jump block1(v6)
;;
;;                                 block1(v2: i32):
;; @0022                               return v2
;; }
;;
;; function u0:1(ref.any) -> i32 tail {
;;                                 block0(v0: ref.any):
;; @0006                               v3 = ref.test v0, type0
;; @0006                               brif v3, block2(v0), block3
;;
;;                                 block3:
;; @000d                               v4 = iconst.i32 0
;; @000f                               return v4  ; v4 = 0
;;
;;                                 block2(v2: ref.any):
;; @0011                               v5 = struct.get_u v2, 0, 1
;; @0015                               jump block1(v5)
;;
;;                                 block1(v1: i32):
;; @0015                               return v1
;; }
;;
;; function u0:2(ref.extern) -> ref.any tail {
;;                                 block0(v0: ref.extern):
;; @0003                               v2 = any.convert_extern v0
;; @0005                               v3 = ref.cast v2, type1
;; @0008                               jump block1(v3)
;;
;;                                 block1(v1: ref.any):
;; @0008                               return v1
;; }
