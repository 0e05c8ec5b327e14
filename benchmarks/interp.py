"""How fast the reference interpreter runs, against its tree walk and against pywasm.

Three kernels, each written in CLIF and in WebAssembly text: a loop of arithmetic, recursive
calls, and reads and writes of memory. `source` and `walk` run the CLIF, `wasm` the translated
WebAssembly through the API: instantiating, translating when first called, fuel and bounds
checks are part of it. A rate counts the operators of the WebAssembly form
that the kernel executes, for every engine alike, so the ratios compare time for the same
work. Each engine gets a size that takes it about as long; all run in turn, in one process,
and the fastest of several runs counts. Results are compared before anything is timed.

    pip install '.[bench]'
    python benchmarks/interp.py [RUNS]

The aims: at least 100 times pywasm on the loop, 40 times on calls and on memory.
"""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pywasm
import wasmtime

from plumbob.api import Instance, Module, Store, StoreLimits
from plumbob.exec.interp import Limits, Machine, Program, Returned
from plumbob.ir.parser import parse_clif

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp import Mode

RUNS = 5
LIMITS = Limits(fuel=1 << 60)
HEAP_BYTES = 65536


class Kernel(NamedTuple):
    """One kernel: `f` of one i32. `operators(n)` is how many operators `f(n)` executes."""

    name: str
    clif: str
    wat: str
    operators: Callable[[int], int]
    sizes: tuple[int, int, int]
    """For generated source (of CLIF and of WebAssembly), the tree walk, and pywasm."""
    aim: int


def _fib_operators(n: int) -> int:
    """Operators of the recursive kernel: 5 in a leaf, 13 and the two calls elsewhere."""
    return 5 if n < 2 else 13 + _fib_operators(n - 1) + _fib_operators(n - 2)


LOOP = Kernel(
    "loop",
    """
    function %f(i32) -> i32 {
    block0(v0: i32):
        v1 = iconst.i32 0
        v2 = iconst.i32 1
        v3 = iconst.i32 7
        v4 = iconst.i32 31
        jump block1(v1, v1)
    block1(v5: i32, v6: i32):
        v7 = icmp ult v5, v0
        brif v7, block2, block3
    block2:
        v8 = imul v6, v4
        v9 = iadd v8, v5
        v10 = ushr v6, v3
        v11 = bxor v9, v10
        v12 = iadd v5, v2
        jump block1(v12, v11)
    block3:
        return v6
    }""",
    """(module (func (export "f") (param $n i32) (result i32) (local $i i32) (local $s i32)
      (block $done (loop $again
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $s (i32.xor
          (i32.add (i32.mul (local.get $s) (i32.const 31)) (local.get $i))
          (i32.shr_u (local.get $s) (i32.const 7))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))
      (local.get $s)))""",
    lambda n: 19 * n,
    (300_000, 10_000, 2_000),
    100,
)

CALLS = Kernel(
    "calls",
    """
    function %f(i32) -> i32 {
        fn0 = %f(i32) -> i32
    block0(v0: i32):
        v1 = iconst.i32 2
        v2 = icmp ult v0, v1
        brif v2, block1, block2
    block1:
        return v0
    block2:
        v3 = iconst.i32 1
        v4 = isub v0, v3
        v5 = call fn0(v4)
        v6 = isub v0, v1
        v7 = call fn0(v6)
        v8 = iadd v5, v7
        return v8
    }""",
    """(module (func $f (export "f") (param $n i32) (result i32)
      (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
        (then (local.get $n))
        (else (i32.add
          (call $f (i32.sub (local.get $n) (i32.const 1)))
          (call $f (i32.sub (local.get $n) (i32.const 2))))))))""",
    _fib_operators,
    (21, 15, 11),
    40,
)

MEMORY = Kernel(
    "memory",
    """
    function %f(i32) -> i32 {
        gv0 = symbol %heap
    block0(v0: i32):
        v1 = iconst.i32 0
        v2 = iconst.i32 1
        v3 = iconst.i32 0x3ffc
        v4 = iconst.i32 4
        v5 = symbol_value.i64 gv0
        jump block1(v1, v1)
    block1(v6: i32, v7: i32):
        v8 = icmp ult v6, v0
        brif v8, block2, block3
    block2:
        v9 = imul v6, v4
        v10 = band v9, v3
        v11 = uextend.i64 v10
        v12 = iadd v5, v11
        v13 = load.i32 little v12
        v14 = iadd v13, v6
        store.i32 little v14, v12+8
        v15 = iadd v7, v14
        v16 = iadd v6, v2
        jump block1(v16, v15)
    block3:
        return v7
    }""",
    """(module (memory 1) (func (export "f") (param $n i32) (result i32)
      (local $i i32) (local $s i32) (local $a i32) (local $x i32)
      (block $done (loop $again
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $a (i32.and (i32.mul (local.get $i) (i32.const 4)) (i32.const 0x3ffc)))
        (local.set $x (i32.add (i32.load (local.get $a)) (local.get $i)))
        (i32.store offset=8 (local.get $a) (local.get $x))
        (local.set $s (i32.add (local.get $s) (local.get $x)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))
      (local.get $s)))""",
    lambda n: 27 * n,
    (150_000, 5_000, 1_500),
    40,
)


def clif_runner(kernel: Kernel, mode: Mode) -> Callable[[int], int]:
    """Return what runs the kernel's CLIF form, on a fresh machine each time."""
    program = Program(parse_clif(kernel.clif))

    def run(n: int) -> int:
        machine = Machine(program, mode=mode, limits=LIMITS)
        machine.define_data("%heap", bytes(HEAP_BYTES))
        outcome = machine.call("%f", [n])
        if not isinstance(outcome, Returned):
            raise TypeError(outcome)
        return outcome.values[0]

    return run


def wasm_runner(kernel: Kernel) -> Callable[[int], int]:
    """Return what runs the kernel's WebAssembly form, in a fresh store each time."""
    module = Module.from_text(kernel.wat)

    def run(n: int) -> int:
        instance = Instance(module, {}, Store(StoreLimits(fuel=LIMITS.fuel)))
        result: int = instance.exports["f"](n)
        return result & 0xFFFF_FFFF

    return run


def pywasm_runner(kernel: Kernel) -> Callable[[int], int]:
    """Return what runs the kernel's WebAssembly form in pywasm, on a fresh instance each time."""
    binary = bytes(wasmtime.wat2wasm(kernel.wat))

    def run(n: int) -> int:
        runtime = pywasm.core.Runtime()
        instance = runtime.instance(pywasm.core.ModuleDesc.from_reader(io.BytesIO(binary)))
        result: int = runtime.invocate(instance, "f", [n])[0]
        return result & 0xFFFF_FFFF

    return run


def wasmtime_result(kernel: Kernel, n: int) -> int:
    """Return what wasmtime computes, as the judge of the others."""
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, kernel.wat)
    function = wasmtime.Instance(store, module, []).exports(store)["f"]
    if not isinstance(function, wasmtime.Func):
        raise TypeError(function)
    result: int = function(store, n)
    return result & 0xFFFF_FFFF


def seconds(run: Callable[[int], int], n: int) -> float:
    """Return how long one run takes."""
    start = time.perf_counter()
    run(n)
    return time.perf_counter() - start


def main(runs: int = RUNS) -> int:
    """Print rates and ratios; the status is 1 if an aim is missed."""
    missed = 0
    for kernel in (LOOP, CALLS, MEMORY):
        large, middle, small = kernel.sizes
        engines = {
            "source": (clif_runner(kernel, "source"), large),
            "wasm": (wasm_runner(kernel), large),
            "walk": (clif_runner(kernel, "walk"), middle),
            "pywasm": (pywasm_runner(kernel), small),
        }
        results = {name: run(small) for name, (run, _) in engines.items()}
        if set(results.values()) != {wasmtime_result(kernel, small)}:
            raise AssertionError(results)
        times = dict.fromkeys(engines, float("inf"))
        for _ in range(runs):
            for name, (run, n) in engines.items():
                times[name] = min(times[name], seconds(run, n))
        rates = {name: kernel.operators(n) / times[name] for name, (_, n) in engines.items()}
        figures = "  ".join(f"{name} {rate / 1e6:7.3f} M/s" for name, rate in rates.items())
        ratios = {name: rates[name] / rates["pywasm"] for name in ("source", "wasm")}
        walk = rates["source"] / rates["walk"]
        print(f"{kernel.name:7} {figures}  source {walk:.1f} x walk", end="")
        print("".join(f"  {name} {ratio:.1f} x pywasm" for name, ratio in ratios.items()), end="")
        print(f" (aim {kernel.aim})")
        missed += min(ratios.values()) < kernel.aim
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
