;; Not valid: ref.as_non_null leaves a reference, whatever it takes; a local of type i32 takes none.
(module
  (func (local i32)
    (unreachable)
    (ref.as_non_null)
    (local.set 0)))
