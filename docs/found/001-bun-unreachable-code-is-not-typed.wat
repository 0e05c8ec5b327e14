;; Not valid: behind `unreachable` the function still must leave an i32.
(module
  (func (result i32)
    (unreachable)
    (f32.const 0)))
