;; Direct, indirect and tail calls.
(module
  (type $t (func (param i32) (result i32)))
  (import "host" "f" (func $host (type $t)))
  (table $table 1 funcref)
  (func $f (type $t)
    (call $host (call $f (local.get 0)))
    (call_indirect $table (type $t) (local.get 0))
    (return_call_ref $t (ref.func $f)))
  (elem declare func $f)
  (func (type $t) (return_call_indirect $table (type $t) (local.get 0) (local.get 0)))
  (func (type $t) (return_call $f (local.get 0))))
;; function u0:1(i32) -> i32 tail {
;;     sig0 = (i32) -> i32 tail
;;     fn0 = colocated u0:1 sig0
;;     fn1 = u0:0 sig0
;;
;;                                 block0(v0: i32):
;; @0003                               v2 = call fn0(v0)
;; @0005                               v3 = call fn1(v2)
;; @0009                               v4 = table.call 0, 0, sig0, v0(v3)
;; @000c                               v5 = ref.func 1
;; @000e                               ref.return_call 0, sig0, v5(v4)
;; }
;;
;; function u0:2(i32) -> i32 tail {
;;     sig0 = (i32) -> i32 tail
;;
;;                                 block0(v0: i32):
;; @0005                               table.return_call 0, 0, sig0, v0(v0)
;; }
;;
;; function u0:3(i32) -> i32 tail {
;;     sig0 = (i32) -> i32 tail
;;     fn0 = colocated u0:1 sig0
;;
;;                                 block0(v0: i32):
;; @0003                               return_call fn0(v0)
;; }
