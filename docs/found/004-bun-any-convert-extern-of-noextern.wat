;; Valid: noextern is a subtype of extern.
(module
  (func (export "test") (result anyref)
    (any.convert_extern (ref.null noextern))))
