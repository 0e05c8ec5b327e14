;; The legacy operators become the same exception tables.
(module
  (tag $e (param i32))
  (func $f)
  (func (result i32)
    (try (result i32)
      (do (call $f) (i32.const 1))
      (catch $e)
      (catch_all (rethrow 0))))
  (func
    (try $outer
      (do
        (try
          (do
            (try (do (call $f)) (delegate $outer)))
          (catch_all)))
      (catch_all))))
;; function u0:0() tail {
;;                                 block0:
;; @0001                               jump block1
;;
;;                                 block1:
;; @0001                               return
;; }
;;
;; function u0:1() -> i32 tail {
;;     sig0 = () tail
;;     fn0 = colocated u0:0 sig0
;;
;;                                 block0:
;; @0003                               try_call fn0(), sig0, block3, [ tag0: block4(exn0), default: block5(exn0) ]
;;
;;                                 block3:
;; @0005                               v4 = iconst.i32 1
;; @0007                               jump block2(v4)  ; v4 = 1
;;
;;                                 block4(v2: ref.exn):
;; @0007                               v5 = exn.get.i32 v2, 0, 0
;; @0009                               jump block2(v5)
;;
;;                                 block5(v3: ref.exn):
;; @000a                               exn.throw v3
;;
;;                                 block2(v1: i32):
;; @000d                               jump block1(v1)
;;
;;                                 block1(v0: i32):
;; @000d                               return v0
;; }
;;
;; function u0:2() tail {
;;     sig0 = () tail
;;     fn0 = colocated u0:0 sig0
;;
;;                                 block0:
;; @0007                               try_call fn0(), sig0, block5, [ default: block6(exn0) ]
;;
;;                                 block5:
;; @0009                               jump block4
;;
;;                                 block4:
;; @000b                               jump block3
;;
;;                                 block3:
;; @000d                               jump block2
;;
;;                                 block6(v0: ref.exn):
;; @000e                               jump block2
;;
;;                                 block2:
;; @000f                               jump block1
;;
;;                                 block1:
;; @000f                               return
;; }
