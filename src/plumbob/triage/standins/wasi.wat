;; WASI preview 1 as WebAssembly, the same for every engine: what `triage/standins/wasi.py`
;; merges into a guest. Nothing beyond WebAssembly 1.0 is used.
;;
;; The world that a guest sees: arguments, environment and standard input as configured;
;; standard output and error, which are logged; four clocks that move when they are read; a
;; seeded random sequence. No directories, files or sockets. Errnos, and which of several
;; applies, are those of `runtime/wasi` (decisions 060 to 064) for that world, but for one:
;; a pointer out of the guest's memory, or not aligned, is the errno `fault` where the
;; runtime traps, so that the guest goes on.
;;
;; Exports are the functions of `wasi_snapshot_preview1`; a name that ends in `:0` is the
;; form that `wasi_unstable` has of it, where that differs.
(module
  ;; Head and eight words: `triage/standins/log.py`.
  (import "log" "log" (func $log (param i64 i64 i64 i64 i64 i64 i64 i64 i64)))
  (import "guest" "memory" (memory 0))
  ;; The texts, eight bytes a word: arguments, then variables, each with a NUL; then input.
  (import "config" "word" (func $word (param i32) (result i64)))
  (import "config" "args_count" (global $args_count i32))
  (import "config" "args_size" (global $args_size i32))
  (import "config" "env_count" (global $env_count i32))
  (import "config" "env_size" (global $env_size i32))
  (import "config" "stdin_size" (global $stdin_size i32))
  (import "config" "page_size" (global $page_size i64))
  (import "config" "seed" (global $seed i64))
  (import "config" "epoch" (global $epoch i64))
  (import "config" "step" (global $step i64))
  ;; How many bytes are logged as they are; behind them, a digest is.
  (import "config" "text_limit" (global $text_limit i64))
  ;; The heads of records.
  (import "config" "exit_record" (global $exit_record i64))
  (import "config" "text_record" (global $text_record i64))
  (import "config" "digest_record" (global $digest_record i64))

  ;; Descriptors 0 to 2: the stream each stands for, -1 once closed. Streams: rights, flags.
  (global $fd0 (mut i32) (i32.const 0))
  (global $fd1 (mut i32) (i32.const 1))
  (global $fd2 (mut i32) (i32.const 2))
  (global $rights0 (mut i64) (i64.const 0x820001b)) ;; datasync read set_flags sync stat poll
  (global $rights1 (mut i64) (i64.const 0x8200059)) ;; the same, with write for read
  (global $rights2 (mut i64) (i64.const 0x8200059))
  (global $flags0 (mut i32) (i32.const 0))
  (global $flags1 (mut i32) (i32.const 0))
  (global $flags2 (mut i32) (i32.const 0))
  ;; Nanoseconds by which each clock is ahead of its start.
  (global $clock0 (mut i64) (i64.const 0))
  (global $clock1 (mut i64) (i64.const 0))
  (global $clock2 (mut i64) (i64.const 0))
  (global $clock3 (mut i64) (i64.const 0))
  (global $random_calls (mut i64) (i64.const 0))
  (global $stdin_place (mut i32) (i32.const 0))
  (global $logged (mut i64) (i64.const 0))
  ;; The words of a record that are not logged yet: $held of them, the last in $w7.
  (global $held (mut i32) (i32.const 0))
  (global $w0 (mut i64) (i64.const 0))
  (global $w1 (mut i64) (i64.const 0))
  (global $w2 (mut i64) (i64.const 0))
  (global $w3 (mut i64) (i64.const 0))
  (global $w4 (mut i64) (i64.const 0))
  (global $w5 (mut i64) (i64.const 0))
  (global $w6 (mut i64) (i64.const 0))
  (global $w7 (mut i64) (i64.const 0))

  ;; ---- Records.

  (func $shift (param $word i64)
    (global.set $w0 (global.get $w1))
    (global.set $w1 (global.get $w2))
    (global.set $w2 (global.get $w3))
    (global.set $w3 (global.get $w4))
    (global.set $w4 (global.get $w5))
    (global.set $w5 (global.get $w6))
    (global.set $w6 (global.get $w7))
    (global.set $w7 (local.get $word)))

  (func $flush (param $head i64)
    (call $log (local.get $head) (global.get $w0) (global.get $w1) (global.get $w2)
      (global.get $w3) (global.get $w4) (global.get $w5) (global.get $w6) (global.get $w7))
    (global.set $held (i32.const 0)))

  ;; Add a word to the record; a full house is logged with the mark that more follows.
  (func $put (param $record i64) (param $word i64)
    (if (i32.eq (global.get $held) (i32.const 8))
      (then (call $flush (i64.or (local.get $record) (i64.const 0x88)))))
    (call $shift (local.get $word))
    (global.set $held (i32.add (global.get $held) (i32.const 1))))

  ;; Log what is held as the record's end.
  (func $finish (param $record i64)
    (local $count i32) (local $missing i32)
    (local.set $count (global.get $held))
    (local.set $missing (i32.sub (i32.const 8) (local.get $count)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $missing)))
        (call $shift (i64.const 0))
        (local.set $missing (i32.sub (local.get $missing) (i32.const 1)))
        (br $next)))
    (call $flush (i64.or (local.get $record) (i64.extend_i32_u (local.get $count)))))

  ;; ---- Errnos: 0 success, 8 badf, 21 fault, 28 inval, 54 notdir, 57 notsock, 58 notsup,
  ;; 70 spipe, 76 notcapable.

  ;; The first unless it is success, then the second.
  (func $either (param $first i32) (param $second i32) (result i32)
    (select (local.get $first) (local.get $second) (local.get $first)))

  ;; A pointer that is bad goes before an argument that is.
  (func $worse (param $bad i32) (param $refused i32) (result i32)
    (select (i32.const 21)
      (select (i32.const 28) (i32.const 0) (local.get $refused))
      (local.get $bad)))

  ;; Whether a range is not whole inside the memory, or not aligned.
  (func $bad (param $address i32) (param $length i64) (param $alignment i32) (result i32)
    (i32.or
      (i64.gt_u
        (i64.add (i64.extend_i32_u (local.get $address)) (local.get $length))
        (i64.mul (i64.extend_i32_u (memory.size)) (global.get $page_size)))
      (i32.ne
        (i32.and (local.get $address) (i32.sub (local.get $alignment) (i32.const 1)))
        (i32.const 0))))

  (func $bad_text (param $address i32) (param $length i32) (result i32)
    (call $bad (local.get $address) (i64.extend_i32_u (local.get $length)) (i32.const 1)))

  ;; fault, inval or success of an array of buffers.
  (func $vectors (param $vectors i32) (param $count i32) (result i32)
    (if (call $bad (local.get $vectors)
          (i64.mul (i64.extend_i32_u (local.get $count)) (i64.const 8)) (i32.const 4))
      (then (return (i32.const 21))))
    (if (i32.gt_u (local.get $count) (i32.const 1024)) (then (return (i32.const 28))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (if (call $bad_text (i32.load (local.get $vectors)) (i32.load offset=4 (local.get $vectors)))
          (then (return (i32.const 21))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; What $vectors says, unless another pointer is bad.
  (func $vectors_and (param $vectors i32) (param $count i32) (param $bad i32) (result i32)
    (select (i32.const 21)
      (call $vectors (local.get $vectors) (local.get $count))
      (local.get $bad)))

  ;; ---- Descriptors.

  ;; The stream that a descriptor stands for, -1 for one that is not open.
  (func $stream (param $fd i32) (result i32)
    (if (i32.eqz (local.get $fd)) (then (return (global.get $fd0))))
    (if (i32.eq (local.get $fd) (i32.const 1)) (then (return (global.get $fd1))))
    (if (i32.eq (local.get $fd) (i32.const 2)) (then (return (global.get $fd2))))
    (i32.const -1))

  (func $set_stream (param $fd i32) (param $stream i32)
    (if (i32.eqz (local.get $fd)) (then (global.set $fd0 (local.get $stream)) (return)))
    (if (i32.eq (local.get $fd) (i32.const 1))
      (then (global.set $fd1 (local.get $stream)) (return)))
    (global.set $fd2 (local.get $stream)))

  ;; badf where the descriptor is not open, else what is given.
  (func $open_then (param $fd i32) (param $errno i32) (result i32)
    (select (i32.const 8) (local.get $errno)
      (i32.lt_s (call $stream (local.get $fd)) (i32.const 0))))

  (func $rights (param $stream i32) (result i64)
    (if (i32.eqz (local.get $stream)) (then (return (global.get $rights0))))
    (select (global.get $rights1) (global.get $rights2)
      (i32.eq (local.get $stream) (i32.const 1))))

  (func $flags (param $stream i32) (result i32)
    (if (i32.eqz (local.get $stream)) (then (return (global.get $flags0))))
    (select (global.get $flags1) (global.get $flags2)
      (i32.eq (local.get $stream) (i32.const 1))))

  ;; badf, notcapable or success of a descriptor that must have rights.
  (func $require (param $fd i32) (param $rights i64) (result i32)
    (local $stream i32)
    (local.set $stream (call $stream (local.get $fd)))
    (if (i32.lt_s (local.get $stream) (i32.const 0)) (then (return (i32.const 8))))
    (select (i32.const 0) (i32.const 76)
      (i64.eqz (i64.and (local.get $rights)
        (i64.xor (call $rights (local.get $stream)) (i64.const -1))))))

  ;; ---- Texts.

  (func $byte (param $place i32) (result i32)
    (i32.and (i32.const 0xff)
      (i32.wrap_i64 (i64.shr_u
        (call $word (i32.shr_u (local.get $place) (i32.const 3)))
        (i64.extend_i32_u
          (i32.shl (i32.and (local.get $place) (i32.const 7)) (i32.const 3)))))))

  ;; Store texts, the bytes from $place to $end, and a pointer to each.
  (func $texts (param $array i32) (param $to i32) (param $count i32) (param $place i32)
    (param $end i32) (result i32)
    (local $byte i32) (local $starts i32)
    (if (call $worse
          (i32.or
            (call $bad (local.get $array)
              (i64.mul (i64.extend_i32_u (local.get $count)) (i64.const 4)) (i32.const 4))
            (call $bad_text (local.get $to) (i32.sub (local.get $end) (local.get $place))))
          (i32.const 0))
      (then (return (i32.const 21))))
    (local.set $starts (i32.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $place) (local.get $end)))
        (if (local.get $starts)
          (then
            (i32.store (local.get $array) (local.get $to))
            (local.set $array (i32.add (local.get $array) (i32.const 4)))))
        (local.set $byte (call $byte (local.get $place)))
        (i32.store8 (local.get $to) (local.get $byte))
        (local.set $starts (i32.eqz (local.get $byte)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $place (i32.add (local.get $place) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  (func $sizes (param $count i32) (param $size i32) (param $to i32) (param $to_size i32)
    (result i32)
    (if (i32.or
          (call $bad (local.get $to) (i64.const 4) (i32.const 4))
          (call $bad (local.get $to_size) (i64.const 4) (i32.const 4)))
      (then (return (i32.const 21))))
    (i32.store (local.get $to) (local.get $count))
    (i32.store (local.get $to_size) (local.get $size))
    (i32.const 0))

  (func (export "args_get") (param $array i32) (param $to i32) (result i32)
    (call $texts (local.get $array) (local.get $to) (global.get $args_count)
      (i32.const 0) (global.get $args_size)))

  (func (export "args_sizes_get") (param $to i32) (param $to_size i32) (result i32)
    (call $sizes (global.get $args_count) (global.get $args_size)
      (local.get $to) (local.get $to_size)))

  (func (export "environ_get") (param $array i32) (param $to i32) (result i32)
    (call $texts (local.get $array) (local.get $to) (global.get $env_count)
      (global.get $args_size) (i32.add (global.get $args_size) (global.get $env_size))))

  (func (export "environ_sizes_get") (param $to i32) (param $to_size i32) (result i32)
    (call $sizes (global.get $env_count) (global.get $env_size)
      (local.get $to) (local.get $to_size)))

  ;; ---- Clocks: 0 real time, 1 monotonic, 2 and 3 of the processor.

  ;; Read a clock, and let a step pass on it.
  (func $now (param $clock i32) (result i64)
    (local $time i64)
    (if (i32.eqz (local.get $clock))
      (then
        (local.set $time (global.get $clock0))
        (global.set $clock0 (i64.add (local.get $time) (global.get $step)))
        (return (i64.add (global.get $epoch) (local.get $time)))))
    (if (i32.eq (local.get $clock) (i32.const 1))
      (then
        (local.set $time (global.get $clock1))
        (global.set $clock1 (i64.add (local.get $time) (global.get $step)))
        (return (local.get $time))))
    (if (i32.eq (local.get $clock) (i32.const 2))
      (then
        (local.set $time (global.get $clock2))
        (global.set $clock2 (i64.add (local.get $time) (global.get $step)))
        (return (local.get $time))))
    (local.set $time (global.get $clock3))
    (global.set $clock3 (i64.add (local.get $time) (global.get $step)))
    (local.get $time))

  (func $advance (param $time i64)
    (global.set $clock0 (i64.add (global.get $clock0) (local.get $time)))
    (global.set $clock1 (i64.add (global.get $clock1) (local.get $time)))
    (global.set $clock2 (i64.add (global.get $clock2) (local.get $time)))
    (global.set $clock3 (i64.add (global.get $clock3) (local.get $time))))

  (func $clock (param $clock i32) (param $to i32) (result i32)
    (call $worse (call $bad (local.get $to) (i64.const 8) (i32.const 8))
      (i32.gt_u (local.get $clock) (i32.const 3))))

  (func (export "clock_res_get") (param $clock i32) (param $to i32) (result i32)
    (local $errno i32)
    (local.set $errno (call $clock (local.get $clock) (local.get $to)))
    (if (i32.eqz (local.get $errno))
      (then (i64.store (local.get $to) (global.get $step))))
    (local.get $errno))

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $to i32)
    (result i32)
    (local $errno i32)
    (local.set $errno (call $clock (local.get $clock) (local.get $to)))
    (if (i32.eqz (local.get $errno))
      (then (i64.store (local.get $to) (call $now (local.get $clock)))))
    (local.get $errno))

  ;; ---- Streams.

  (func (export "fd_advise") (param $fd i32) (param i64 i64) (param $advice i32) (result i32)
    (call $either (call $worse (i32.const 0) (i32.gt_u (local.get $advice) (i32.const 5)))
      (call $open_then (local.get $fd) (i32.const 70))))

  (func (export "fd_allocate") (param $fd i32) (param i64 i64) (result i32)
    (call $open_then (local.get $fd) (i32.const 70)))

  (func (export "fd_close") (param $fd i32) (result i32)
    (local $errno i32)
    (local.set $errno (call $open_then (local.get $fd) (i32.const 0)))
    (if (i32.eqz (local.get $errno))
      (then (call $set_stream (local.get $fd) (i32.const -1))))
    (local.get $errno))

  (func (export "fd_datasync") (param $fd i32) (result i32)
    (call $require (local.get $fd) (i64.const 1)))

  (func (export "fd_fdstat_get") (param $fd i32) (param $to i32) (result i32)
    (local $stream i32)
    (if (call $bad (local.get $to) (i64.const 24) (i32.const 8)) (then (return (i32.const 21))))
    (local.set $stream (call $stream (local.get $fd)))
    (if (i32.lt_s (local.get $stream) (i32.const 0)) (then (return (i32.const 8))))
    (i64.store (local.get $to)
      (i64.extend_i32_u (i32.shl (call $flags (local.get $stream)) (i32.const 16))))
    (i64.store offset=8 (local.get $to) (call $rights (local.get $stream)))
    (i64.store offset=16 (local.get $to) (i64.const 0))
    (i32.const 0))

  (func (export "fd_fdstat_set_flags") (param $fd i32) (param $flags i32) (result i32)
    (local $errno i32) (local $stream i32)
    (local.set $errno
      (call $either
        (call $worse (i32.const 0) (i32.gt_u (local.get $flags) (i32.const 31)))
        (call $require (local.get $fd) (i64.const 8))))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $stream (call $stream (local.get $fd)))
    ;; How data is synchronised is fixed.
    (if (i32.and (i32.const 26)
          (i32.xor (local.get $flags) (call $flags (local.get $stream))))
      (then (return (i32.const 28))))
    (if (i32.eqz (local.get $stream))
      (then (global.set $flags0 (local.get $flags)) (return (i32.const 0))))
    (if (i32.eq (local.get $stream) (i32.const 1))
      (then (global.set $flags1 (local.get $flags)) (return (i32.const 0))))
    (global.set $flags2 (local.get $flags))
    (i32.const 0))

  (func (export "fd_fdstat_set_rights") (param $fd i32) (param $base i64) (param $more i64)
    (result i32)
    (local $errno i32) (local $stream i32)
    (local.set $errno (call $require (local.get $fd) (local.get $base)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (if (i64.ne (local.get $more) (i64.const 0)) (then (return (i32.const 76))))
    (local.set $stream (call $stream (local.get $fd)))
    (if (i32.eqz (local.get $stream))
      (then (global.set $rights0 (local.get $base)) (return (i32.const 0))))
    (if (i32.eq (local.get $stream) (i32.const 1))
      (then (global.set $rights1 (local.get $base)) (return (i32.const 0))))
    (global.set $rights2 (local.get $base))
    (i32.const 0))

  ;; All is zero: no device, no file, an unknown type.
  (func $stat (param $fd i32) (param $to i32) (param $size i32) (result i32)
    (local $errno i32)
    (local.set $errno
      (call $either
        (call $worse
          (call $bad (local.get $to) (i64.extend_i32_u (local.get $size)) (i32.const 8))
          (i32.const 0))
        (call $require (local.get $fd) (i64.const 0x200000))))
    (if (local.get $errno) (then (return (local.get $errno))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $size)))
        (i64.store (local.get $to) (i64.const 0))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $size (i32.sub (local.get $size) (i32.const 8)))
        (br $next)))
    (i32.const 0))

  (func (export "fd_filestat_get") (param $fd i32) (param $to i32) (result i32)
    (call $stat (local.get $fd) (local.get $to) (i32.const 64)))

  (func (export "fd_filestat_get:0") (param $fd i32) (param $to i32) (result i32)
    (call $stat (local.get $fd) (local.get $to) (i32.const 56)))

  (func (export "fd_filestat_set_size") (param $fd i32) (param i64) (result i32)
    (call $open_then (local.get $fd) (i32.const 70)))

  (func (export "fd_filestat_set_times") (param $fd i32) (param i64 i64) (param $flags i32)
    (result i32)
    (call $either (call $worse (i32.const 0) (i32.gt_u (local.get $flags) (i32.const 15)))
      (call $require (local.get $fd) (i64.const 0x800000))))

  (func $positioned (param $fd i32) (param $vectors i32) (param $count i32) (param $to i32)
    (result i32)
    (call $either
      (call $vectors_and (local.get $vectors) (local.get $count)
        (call $bad (local.get $to) (i64.const 4) (i32.const 4)))
      (call $open_then (local.get $fd) (i32.const 70))))

  (func (export "fd_pread") (param $fd i32) (param $vectors i32) (param $count i32) (param i64)
    (param $to i32) (result i32)
    (call $positioned (local.get $fd) (local.get $vectors) (local.get $count) (local.get $to)))

  (func (export "fd_pwrite") (param $fd i32) (param $vectors i32) (param $count i32)
    (param i64) (param $to i32) (result i32)
    (call $positioned (local.get $fd) (local.get $vectors) (local.get $count) (local.get $to)))

  (func (export "fd_prestat_get") (param $fd i32) (param $to i32) (result i32)
    (call $either
      (call $worse (call $bad (local.get $to) (i64.const 8) (i32.const 4)) (i32.const 0))
      (i32.const 8)))

  (func (export "fd_prestat_dir_name") (param $fd i32) (param $to i32) (param $size i32)
    (result i32)
    (call $either
      (call $worse (call $bad_text (local.get $to) (local.get $size)) (i32.const 0))
      (call $open_then (local.get $fd) (i32.const 54))))

  (func (export "fd_readdir") (param $fd i32) (param $to i32) (param $size i32) (param i64)
    (param $to_size i32) (result i32)
    (call $either
      (call $worse
        (i32.or
          (call $bad_text (local.get $to) (local.get $size))
          (call $bad (local.get $to_size) (i64.const 4) (i32.const 4)))
        (i32.const 0))
      (call $open_then (local.get $fd) (i32.const 54))))

  (func (export "fd_renumber") (param $fd i32) (param $to i32) (result i32)
    (local $errno i32)
    (local.set $errno
      (call $either
        (call $open_then (local.get $fd) (i32.const 0))
        (call $open_then (local.get $to) (i32.const 0))))
    (if (local.get $errno) (then (return (local.get $errno))))
    (if (i32.eq (local.get $fd) (local.get $to)) (then (return (i32.const 0))))
    (call $set_stream (local.get $to) (call $stream (local.get $fd)))
    (call $set_stream (local.get $fd) (i32.const -1))
    (i32.const 0))

  ;; `wasi_unstable` numbers $whence otherwise, which makes no difference here.
  (func (export "fd_seek") (param $fd i32) (param i64) (param $whence i32) (param $to i32)
    (result i32)
    (call $either
      (call $worse (call $bad (local.get $to) (i64.const 8) (i32.const 8))
        (i32.gt_u (local.get $whence) (i32.const 2)))
      (call $open_then (local.get $fd) (i32.const 70))))

  (func (export "fd_sync") (param $fd i32) (result i32)
    (call $require (local.get $fd) (i64.const 16)))

  (func (export "fd_tell") (param $fd i32) (param $to i32) (result i32)
    (call $either
      (call $worse (call $bad (local.get $to) (i64.const 8) (i32.const 8)) (i32.const 0))
      (call $open_then (local.get $fd) (i32.const 70))))

  ;; ---- Reading and writing.

  ;; The bytes of all buffers, at most 16 MiB: what one call moves.
  (func $total (param $vectors i32) (param $count i32) (result i32)
    (local $total i64)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $total
          (i64.add (local.get $total) (i64.load32_u offset=4 (local.get $vectors))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (select (i32.const 0x1000000) (i32.wrap_i64 (local.get $total))
      (i64.gt_u (local.get $total) (i64.const 0x1000000))))

  ;; Of the next buffer, how many bytes count where $left are left.
  (func $taken (param $vectors i32) (param $left i32) (result i32)
    (select (local.get $left) (i32.load offset=4 (local.get $vectors))
      (i32.lt_u (local.get $left) (i32.load offset=4 (local.get $vectors)))))

  (func (export "fd_read") (param $fd i32) (param $vectors i32) (param $count i32)
    (param $to i32) (result i32)
    (local $errno i32) (local $left i32) (local $size i32) (local $buffer i32) (local $end i32)
    (local.set $errno
      (call $either
        (call $vectors_and (local.get $vectors) (local.get $count)
          (call $bad (local.get $to) (i64.const 4) (i32.const 4)))
        (call $require (local.get $fd) (i64.const 2))))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $size (call $total (local.get $vectors) (local.get $count)))
    (local.set $left (i32.sub (global.get $stdin_size) (global.get $stdin_place)))
    (if (i32.gt_u (local.get $size) (local.get $left))
      (then (local.set $size (local.get $left))))
    (local.set $left (local.get $size))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $buffer (i32.load (local.get $vectors)))
        (local.set $end
          (i32.add (local.get $buffer) (call $taken (local.get $vectors) (local.get $left))))
        (local.set $left
          (i32.sub (local.get $left) (i32.sub (local.get $end) (local.get $buffer))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (loop $byte
          (br_if $next (i32.eq (local.get $buffer) (local.get $end)))
          (i32.store8 (local.get $buffer)
            (call $byte
              (i32.add (global.get $stdin_place)
                (i32.add (global.get $args_size) (global.get $env_size)))))
          (global.set $stdin_place (i32.add (global.get $stdin_place) (i32.const 1)))
          (local.set $buffer (i32.add (local.get $buffer) (i32.const 1)))
          (br $byte))))
    (i32.store (local.get $to) (local.get $size))
    (i32.const 0))

  ;; Log a text whole: its length, then its bytes, eight a word.
  (func $log_text (param $fd i32) (param $vectors i32) (param $size i32)
    (local $word i64) (local $bits i64) (local $place i32) (local $end i32)
    (call $put (global.get $text_record) (i64.extend_i32_u (local.get $fd)))
    (call $put (global.get $text_record) (i64.extend_i32_u (local.get $size)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $size)))
        (local.set $place (i32.load (local.get $vectors)))
        (local.set $end
          (i32.add (local.get $place) (call $taken (local.get $vectors) (local.get $size))))
        (local.set $size
          (i32.sub (local.get $size) (i32.sub (local.get $end) (local.get $place))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (loop $bytes
          (br_if $next (i32.eq (local.get $place) (local.get $end)))
          (if (i32.and (i64.eqz (local.get $bits))
                (i32.ge_u (i32.sub (local.get $end) (local.get $place)) (i32.const 8)))
            (then
              (call $put (global.get $text_record) (i64.load align=1 (local.get $place)))
              (local.set $place (i32.add (local.get $place) (i32.const 8)))
              (br $bytes)))
          (local.set $word
            (i64.or (local.get $word)
              (i64.shl (i64.load8_u (local.get $place)) (local.get $bits))))
          (local.set $place (i32.add (local.get $place) (i32.const 1)))
          (local.set $bits (i64.and (i64.const 63) (i64.add (local.get $bits) (i64.const 8))))
          (if (i64.eqz (local.get $bits))
            (then
              (call $put (global.get $text_record) (local.get $word))
              (local.set $word (i64.const 0))))
          (br $bytes))))
    (if (i64.ne (local.get $bits) (i64.const 0))
      (then (call $put (global.get $text_record) (local.get $word))))
    (call $finish (global.get $text_record)))

  ;; Log the length of a text and its FNV-1a digest of 64 bits.
  (func $log_digest (param $fd i32) (param $vectors i32) (param $size i32)
    (local $digest i64) (local $place i32) (local $end i32)
    (call $put (global.get $digest_record) (i64.extend_i32_u (local.get $fd)))
    (call $put (global.get $digest_record) (i64.extend_i32_u (local.get $size)))
    (local.set $digest (i64.const 0xcbf29ce484222325))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $size)))
        (local.set $place (i32.load (local.get $vectors)))
        (local.set $end
          (i32.add (local.get $place) (call $taken (local.get $vectors) (local.get $size))))
        (local.set $size
          (i32.sub (local.get $size) (i32.sub (local.get $end) (local.get $place))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (loop $bytes
          (br_if $next (i32.eq (local.get $place) (local.get $end)))
          (local.set $digest
            (i64.mul (i64.const 0x100000001b3)
              (i64.xor (local.get $digest) (i64.load8_u (local.get $place)))))
          (local.set $place (i32.add (local.get $place) (i32.const 1)))
          (br $bytes))))
    (call $put (global.get $digest_record) (local.get $digest))
    (call $finish (global.get $digest_record)))

  (func (export "fd_write") (param $fd i32) (param $vectors i32) (param $count i32)
    (param $to i32) (result i32)
    (local $errno i32) (local $size i32)
    (local.set $errno
      (call $either
        (call $vectors_and (local.get $vectors) (local.get $count)
          (call $bad (local.get $to) (i64.const 4) (i32.const 4)))
        (call $require (local.get $fd) (i64.const 64))))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $size (call $total (local.get $vectors) (local.get $count)))
    (global.set $logged
      (i64.add (global.get $logged) (i64.extend_i32_u (local.get $size))))
    (if (i64.gt_u (global.get $logged) (global.get $text_limit))
      (then (call $log_digest (local.get $fd) (local.get $vectors) (local.get $size)))
      (else (call $log_text (local.get $fd) (local.get $vectors) (local.get $size))))
    (i32.store (local.get $to) (local.get $size))
    (i32.const 0))

  ;; ---- Paths: no directory is open.

  (func $path (param $fd i32) (param $path i32) (param $size i32) (param $bad i32)
    (param $refused i32) (result i32)
    (call $either
      (call $worse
        (i32.or (call $bad_text (local.get $path) (local.get $size)) (local.get $bad))
        (local.get $refused))
      (call $open_then (local.get $fd) (i32.const 54))))

  (func (export "path_create_directory") (param $fd i32) (param $path i32) (param $size i32)
    (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (i32.const 0) (i32.const 0)))

  (func (export "path_filestat_get") (param $fd i32) (param $flags i32) (param $path i32)
    (param $size i32) (param $to i32) (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (call $bad (local.get $to) (i64.const 64) (i32.const 8))
      (i32.gt_u (local.get $flags) (i32.const 1))))

  (func (export "path_filestat_get:0") (param $fd i32) (param $flags i32) (param $path i32)
    (param $size i32) (param $to i32) (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (call $bad (local.get $to) (i64.const 56) (i32.const 8))
      (i32.gt_u (local.get $flags) (i32.const 1))))

  (func (export "path_filestat_set_times") (param $fd i32) (param $flags i32)
    (param $path i32) (param $size i32) (param i64 i64) (param $which i32) (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size) (i32.const 0)
      (i32.or
        (i32.gt_u (local.get $flags) (i32.const 1))
        (i32.gt_u (local.get $which) (i32.const 15)))))

  (func (export "path_link") (param $fd i32) (param $flags i32) (param $path i32)
    (param $size i32) (param $new_fd i32) (param $new_path i32) (param $new_size i32)
    (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (call $bad_text (local.get $new_path) (local.get $new_size))
      (i32.gt_u (local.get $flags) (i32.const 1))))

  (func (export "path_open") (param $fd i32) (param $look i32) (param $path i32)
    (param $size i32) (param $open i32) (param i64 i64) (param $flags i32) (param $to i32)
    (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (call $bad (local.get $to) (i64.const 4) (i32.const 4))
      (i32.or
        (i32.gt_u (local.get $look) (i32.const 1))
        (i32.or
          (i32.gt_u (local.get $open) (i32.const 15))
          (i32.gt_u (local.get $flags) (i32.const 31))))))

  (func (export "path_readlink") (param $fd i32) (param $path i32) (param $size i32)
    (param $to i32) (param $room i32) (param $to_size i32) (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (i32.or
        (call $bad_text (local.get $to) (local.get $room))
        (call $bad (local.get $to_size) (i64.const 4) (i32.const 4)))
      (i32.const 0)))

  (func (export "path_remove_directory") (param $fd i32) (param $path i32) (param $size i32)
    (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (i32.const 0) (i32.const 0)))

  (func (export "path_rename") (param $fd i32) (param $path i32) (param $size i32)
    (param $new_fd i32) (param $new_path i32) (param $new_size i32) (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (call $bad_text (local.get $new_path) (local.get $new_size)) (i32.const 0)))

  (func (export "path_symlink") (param $target i32) (param $target_size i32) (param $fd i32)
    (param $path i32) (param $size i32) (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (call $bad_text (local.get $target) (local.get $target_size)) (i32.const 0)))

  (func (export "path_unlink_file") (param $fd i32) (param $path i32) (param $size i32)
    (result i32)
    (call $path (local.get $fd) (local.get $path) (local.get $size)
      (i32.const 0) (i32.const 0)))

  ;; ---- Waiting. Records of $stride bytes; what a clock's record says begins at $inner.

  (func $poll_refused (param $from i32) (param $count i32) (param $stride i32)
    (param $inner i32) (result i32)
    (local $kind i32)
    (if (i32.gt_u (i32.sub (local.get $count) (i32.const 1)) (i32.const 4095))
      (then (return (i32.const 1))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $kind (i32.load8_u offset=8 (local.get $from)))
        (if (i32.gt_u (local.get $kind) (i32.const 2)) (then (return (i32.const 1))))
        (if (i32.and (i32.eqz (local.get $kind))
              (i32.or
                (i32.gt_u (i32.load (i32.add (local.get $from) (local.get $inner)))
                  (i32.const 3))
                (i32.gt_u
                  (i32.load16_u offset=24 (i32.add (local.get $from) (local.get $inner)))
                  (i32.const 1))))
          (then (return (i32.const 1))))
        (local.set $from (i32.add (local.get $from) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; The errno of the event that a subscription is at once; -1 where it is a timer.
  (func $poll_known (param $from i32) (param $inner i32) (result i32)
    (local $kind i32)
    (local.set $kind (i32.load8_u offset=8 (local.get $from)))
    (if (i32.eqz (local.get $kind))
      (then
        ;; Time that the guest computes does not pass while it waits.
        (return
          (select (i32.const 28) (i32.const -1)
            (i32.gt_u (i32.load (i32.add (local.get $from) (local.get $inner)))
              (i32.const 1))))))
    (call $require (i32.load offset=16 (local.get $from))
      (select (i64.const 0x8000002) (i64.const 0x8000040)
        (i32.eq (local.get $kind) (i32.const 1)))))

  ;; The nanoseconds until a timer is due, where $now is what its clock says.
  (func $poll_left (param $clock i32) (param $now i64) (result i64)
    (local $timeout i64)
    (local.set $timeout (i64.load offset=8 (local.get $clock)))
    (if (i32.eqz (i32.load16_u offset=24 (local.get $clock)))
      (then (return (local.get $timeout))))
    (select (i64.sub (local.get $timeout) (local.get $now)) (i64.const 0)
      (i64.gt_u (local.get $timeout) (local.get $now))))

  (func $poll_event (param $to i32) (param $from i32) (param $errno i32)
    (local $kind i32)
    (local.set $kind (i32.load8_u offset=8 (local.get $from)))
    (i64.store (local.get $to) (i64.load (local.get $from)))
    (i64.store offset=8 (local.get $to)
      (i64.extend_i32_u
        (i32.or (local.get $errno) (i32.shl (local.get $kind) (i32.const 16)))))
    ;; A stream that is ready has a byte at least.
    (i64.store offset=16 (local.get $to)
      (i64.extend_i32_u
        (i32.and
          (i32.eqz (local.get $errno))
          (i32.ne (local.get $kind) (i32.const 0)))))
    (i64.store offset=24 (local.get $to) (i64.const 0)))

  (func $poll (param $from i32) (param $to i32) (param $count i32) (param $to_count i32)
    (param $stride i32) (param $inner i32) (result i32)
    (local $errno i32) (local $place i32) (local $clock i32) (local $events i32)
    (local $is_known i32) (local $read0 i32) (local $read1 i32)
    (local $now0 i64) (local $now1 i64) (local $left i64) (local $first i64)
    (if (i32.or
          (call $bad (local.get $to_count) (i64.const 4) (i32.const 4))
          (i32.or
            (call $bad (local.get $from)
              (i64.mul (i64.extend_i32_u (local.get $count))
                (i64.extend_i32_u (local.get $stride)))
              (i32.const 8))
            (call $bad (local.get $to)
              (i64.mul (i64.extend_i32_u (local.get $count)) (i64.const 32)) (i32.const 8))))
      (then (return (i32.const 21))))
    (if (call $poll_refused (local.get $from) (local.get $count) (local.get $stride)
          (local.get $inner))
      (then (return (i32.const 28))))
    ;; What has happened already, and the first timer. A clock is read once.
    (local.set $first (i64.const -1))
    (local.set $place (local.get $from))
    (local.set $events (local.get $count))
    (loop $next
      (local.set $errno (call $poll_known (local.get $place) (local.get $inner)))
      (if (i32.ge_s (local.get $errno) (i32.const 0))
        (then (local.set $is_known (i32.const 1)))
        (else
          (local.set $clock (i32.add (local.get $place) (local.get $inner)))
          (if (i32.load16_u offset=24 (local.get $clock))
            (then
              (if (i32.load (local.get $clock))
                (then
                  (if (i32.eqz (local.get $read1))
                    (then
                      (local.set $now1 (call $now (i32.const 1)))
                      (local.set $read1 (i32.const 1)))))
                (else
                  (if (i32.eqz (local.get $read0))
                    (then
                      (local.set $now0 (call $now (i32.const 0)))
                      (local.set $read0 (i32.const 1))))))))
          (local.set $left
            (call $poll_left (local.get $clock)
              (select (local.get $now1) (local.get $now0) (i32.load (local.get $clock)))))
          (if (i64.lt_u (local.get $left) (local.get $first))
            (then (local.set $first (local.get $left))))))
      (local.set $place (i32.add (local.get $place) (local.get $stride)))
      (local.set $events (i32.sub (local.get $events) (i32.const 1)))
      (br_if $next (local.get $events)))
    ;; Waiting takes no time but that of the clocks.
    (if (local.get $is_known)
      (then (local.set $first (i64.const 0)))
      (else (call $advance (local.get $first))))
    (local.set $place (local.get $from))
    (loop $next
      (local.set $errno (call $poll_known (local.get $place) (local.get $inner)))
      (if (i32.lt_s (local.get $errno) (i32.const 0))
        (then
          (local.set $clock (i32.add (local.get $place) (local.get $inner)))
          (local.set $left
            (call $poll_left (local.get $clock)
              (select (local.get $now1) (local.get $now0) (i32.load (local.get $clock)))))
          (if (i64.le_u (local.get $left) (local.get $first))
            (then (local.set $errno (i32.const 0))))))
      (if (i32.ge_s (local.get $errno) (i32.const 0))
        (then
          (call $poll_event
            (i32.add (local.get $to) (i32.shl (local.get $events) (i32.const 5)))
            (local.get $place) (local.get $errno))
          (local.set $events (i32.add (local.get $events) (i32.const 1)))))
      (local.set $place (i32.add (local.get $place) (local.get $stride)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $next (local.get $count)))
    (i32.store (local.get $to_count) (local.get $events))
    (i32.const 0))

  (func (export "poll_oneoff") (param $from i32) (param $to i32) (param $count i32)
    (param $to_count i32) (result i32)
    (call $poll (local.get $from) (local.get $to) (local.get $count) (local.get $to_count)
      (i32.const 48) (i32.const 16)))

  (func (export "poll_oneoff:0") (param $from i32) (param $to i32) (param $count i32)
    (param $to_count i32) (result i32)
    (call $poll (local.get $from) (local.get $to) (local.get $count) (local.get $to_count)
      (i32.const 56) (i32.const 24)))

  ;; ---- The process.

  (func $exit (param $code i32)
    (call $put (global.get $exit_record) (i64.extend_i32_u (local.get $code)))
    (call $finish (global.get $exit_record))
    (unreachable))

  (func (export "proc_exit") (param $code i32)
    (call $exit (local.get $code)))

  ;; none, pipe, chld, cont, urg and winch do nothing; stop, tstp, ttin and ttou would stop.
  (func (export "proc_raise") (param $signal i32) (result i32)
    (local $bit i32)
    (if (i32.gt_u (local.get $signal) (i32.const 30)) (then (return (i32.const 28))))
    (local.set $bit (i32.shl (i32.const 1) (local.get $signal)))
    (if (i32.and (local.get $bit) (i32.const 0x8432001)) (then (return (i32.const 0))))
    (if (i32.and (local.get $bit) (i32.const 0x3c0000)) (then (return (i32.const 58))))
    (call $exit (i32.add (local.get $signal) (i32.const 128)))
    (unreachable))

  (func (export "sched_yield") (result i32)
    (i32.const 0))

  ;; SplitMix64 (Steele, Lea and Flood 2014), eight bytes a step; a call begins a step.
  (func $random (result i64)
    (local $state i64)
    (global.set $random_calls (i64.add (global.get $random_calls) (i64.const 1)))
    (local.set $state
      (i64.add (global.get $seed)
        (i64.mul (global.get $random_calls) (i64.const 0x9e3779b97f4a7c15))))
    (local.set $state
      (i64.mul (i64.const 0xbf58476d1ce4e5b9)
        (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 30)))))
    (local.set $state
      (i64.mul (i64.const 0x94d049bb133111eb)
        (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 27)))))
    (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 31))))

  (func (export "random_get") (param $to i32) (param $size i32) (result i32)
    (local $word i64)
    (if (call $bad_text (local.get $to) (local.get $size)) (then (return (i32.const 21))))
    (block $done
      (loop $words
        (br_if $done (i32.eqz (local.get $size)))
        (local.set $word (call $random))
        (if (i32.ge_u (local.get $size) (i32.const 8))
          (then
            (i64.store align=1 (local.get $to) (local.get $word))
            (local.set $to (i32.add (local.get $to) (i32.const 8)))
            (local.set $size (i32.sub (local.get $size) (i32.const 8)))
            (br $words)))
        (loop $bytes
          (i64.store8 (local.get $to) (local.get $word))
          (local.set $word (i64.shr_u (local.get $word) (i64.const 8)))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (local.set $size (i32.sub (local.get $size) (i32.const 1)))
          (br_if $bytes (local.get $size)))))
    (i32.const 0))

  ;; ---- Sockets: there are none.

  (func (export "sock_accept") (param $fd i32) (param $flags i32) (param $to i32) (result i32)
    (call $either
      (call $worse (call $bad (local.get $to) (i64.const 4) (i32.const 4))
        (i32.gt_u (local.get $flags) (i32.const 31)))
      (call $open_then (local.get $fd) (i32.const 57))))

  ;; fault of $bad or of the buffers, inval of $flags or of their number.
  (func $sock (param $fd i32) (param $vectors i32) (param $count i32) (param $bad i32)
    (param $refused i32) (result i32)
    (local $errno i32)
    (local.set $errno
      (call $vectors_and (local.get $vectors) (local.get $count) (local.get $bad)))
    (call $either
      (call $either (local.get $errno) (call $worse (i32.const 0) (local.get $refused)))
      (call $open_then (local.get $fd) (i32.const 57))))

  (func (export "sock_recv") (param $fd i32) (param $vectors i32) (param $count i32)
    (param $flags i32) (param $to_size i32) (param $to_flags i32) (result i32)
    (call $sock (local.get $fd) (local.get $vectors) (local.get $count)
      (i32.or
        (call $bad (local.get $to_size) (i64.const 4) (i32.const 4))
        (call $bad (local.get $to_flags) (i64.const 2) (i32.const 2)))
      (i32.gt_u (local.get $flags) (i32.const 3))))

  (func (export "sock_send") (param $fd i32) (param $vectors i32) (param $count i32)
    (param $flags i32) (param $to_size i32) (result i32)
    (call $sock (local.get $fd) (local.get $vectors) (local.get $count)
      (call $bad (local.get $to_size) (i64.const 4) (i32.const 4))
      (i32.ne (local.get $flags) (i32.const 0))))

  (func (export "sock_shutdown") (param $fd i32) (param $how i32) (result i32)
    (call $either (call $worse (i32.const 0) (i32.gt_u (local.get $how) (i32.const 3)))
      (call $open_then (local.get $fd) (i32.const 57)))))
