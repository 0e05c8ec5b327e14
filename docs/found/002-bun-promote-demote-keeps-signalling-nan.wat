;; round nan:0x200000 must give an arithmetic NaN, one whose payload's highest bit is set.
(module
  (func (export "round") (param $x f32) (result f32)
    (f32.demote_f64 (f64.promote_f32 (local.get $x)))))
