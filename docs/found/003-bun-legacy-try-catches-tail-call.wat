;; The tail call leaves the function, and with it the handler: the exception goes to the caller.
(module
  (tag $e)
  (func $throw (result i32) (throw $e))
  (func (export "test") (result i32)
    (try (do (return_call $throw)) (catch $e))
    (i32.const 1)))
