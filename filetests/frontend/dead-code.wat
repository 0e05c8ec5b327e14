;; What follows `unreachable`, `br`, `return` or a call whose result type is `unreachable`
;; leaves nothing behind, blocks included, under every policy.
(module
  (import "host" "abort" (func $abort (result unreachable)))
  (func (result i32)
    (unreachable)
    (block (loop (br 1)))
    (if (result i32) (i32.const 1) (then (i32.const 2)) (else (i32.const 3)))
    (i32.add))
  (func (param i32) (result i32)
    (block $out
      (br_if $out (local.get 0))
      (return (i32.const 1))
      (drop (i32.div_s (i32.const 1) (i32.const 0))))
    (loop (br 0) (drop (i32.const 5)))
    (i32.const 2))
  (func (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (call $abort) (i32.const 1))
      (else (i32.const 7)))))
;; function u0:1() -> i32 tail {
;;                                 block0:
;; @0001                               trap user1
;; }
;;
;; function u0:2(i32) -> i32 tail {
;;                                 block0(v0: i32):
;; @0005                               brif v0, block2, block3
;;
;;                                 block3:
;; @0007                               v2 = iconst.i32 1
;; @0009                               return v2  ; v2 = 1
;;
;;                                 block2:
;; @0011                               jump block4
;;
;;                                 block4:
;; @0013                               jump block4
;; }
;;
;; function u0:3(i32) -> i32 tail {
;;     sig0 = () tail
;;     fn0 = u0:0 sig0
;;
;;                                 block0(v0: i32):
;; @0003                               brif v0, block2, block4
;;
;;                                 block2:
;; @0005                               call fn0()
;; @0005                               trap user1
;;
;;                                 block4:
;; @000a                               v3 = iconst.i32 7
;; @000c                               jump block3(v3)  ; v3 = 7
;;
;;                                 block3(v2: i32):
;; @000d                               jump block1(v2)
;;
;;                                 block1(v1: i32):
;; @000d                               return v1
;; }
