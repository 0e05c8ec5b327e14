;; Prints the primes below 100. A WASI program: plumbob run examples/primes.wat
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $buffers i32) (param $count i32) (param $written i32)
      (result i32)))
  (memory (export "memory") 1)
  (global $end (mut i32) (i32.const 16)) ;; where the text ends, which begins at 16

  (func $put (param $byte i32)
    (i32.store8 (global.get $end) (local.get $byte))
    (global.set $end (i32.add (global.get $end) (i32.const 1))))

  (func $put_number (param $n i32)
    (if (i32.ge_u (local.get $n) (i32.const 10))
      (then (call $put_number (i32.div_u (local.get $n) (i32.const 10)))))
    (call $put (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))

  (func $is_prime (param $n i32) (result i32) (local $d i32)
    (local.set $d (i32.const 2))
    (loop $next
      (if (i32.gt_u (i32.mul (local.get $d) (local.get $d)) (local.get $n))
        (then (return (i32.const 1))))
      (if (i32.eqz (i32.rem_u (local.get $n) (local.get $d)))
        (then (return (i32.const 0))))
      (local.set $d (i32.add (local.get $d) (i32.const 1)))
      (br $next))
    unreachable)

  (func (export "_start") (local $n i32)
    (local.set $n (i32.const 2))
    (loop $next
      (if (call $is_prime (local.get $n))
        (then (call $put_number (local.get $n)) (call $put (i32.const 32))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $n) (i32.const 100))))
    (call $put (i32.const 10))
    (i32.store (i32.const 0) (i32.const 16)) ;; one buffer: where it is, and its length
    (i32.store (i32.const 4) (i32.sub (global.get $end) (i32.const 16)))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
