"""Distinct modules a second through each engine's worker, against the bare engine.

    python benchmarks/engines.py [ENGINE...]

Each module is tiny and no two are alike, since engines keep what they compiled by its bytes.
The bare loop is the same engine in one process of its own (Python with the release on its
path, or the JavaScript runtime with the same flags) that compiles, instantiates and calls,
and nothing else: no pipe, no checks. The rounds of both alternate; their medians count.
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from plumbob.engines.cache import Cache
from plumbob.engines.opening import command_of, open_engine
from plumbob.engines.process import bare_environment
from plumbob.engines.request import Call, Request, Value
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from plumbob.engines.engine import Engine

ENGINES = (
    "wasmtime",
    "wasmtime==45.0.0",
    "wasmtime==13.0.2",
    "deno",
    "node",
    "bun",
    "wasm3",
    "pywasm",
)
ROUNDS = 7
SECONDS = 1.0
"""What a round takes, roughly: so long that it has its fair share of a busy machine."""

WASMTIME = """
import json, pathlib, sys, time
sys.path.insert(0, sys.argv[2])
import wasmtime
modules = json.loads(pathlib.Path(sys.argv[1]).read_text())
modules = [bytes.fromhex(m) for m in modules]
engine = wasmtime.Engine()
start = time.perf_counter()
for number, binary in enumerate(modules):
    store = wasmtime.Store(engine)
    instance = wasmtime.Instance(store, wasmtime.Module(engine, binary), [])
    instance.exports(store)["f"](store, 1)
print(len(modules) / (time.perf_counter() - start))
"""

WASM3 = """
import json, pathlib, sys, time
sys.path.insert(0, sys.argv[2])
import wasm3
modules = [bytes.fromhex(m) for m in json.loads(pathlib.Path(sys.argv[1]).read_text())]
start = time.perf_counter()
for binary in modules:
    environment = wasm3.Environment()
    runtime = environment.new_runtime(65536)
    runtime.load(environment.parse_module(binary))
    runtime.find_function("f")(1)
print(len(modules) / (time.perf_counter() - start))
"""

PYWASM = """
import io, json, pathlib, sys, time
sys.path.insert(0, sys.argv[2])
import pywasm
modules = [bytes.fromhex(m) for m in json.loads(pathlib.Path(sys.argv[1]).read_text())]
start = time.perf_counter()
for binary in modules:
    runtime = pywasm.Runtime()
    instance = runtime.instance(pywasm.ModuleDesc.from_reader(io.BytesIO(binary)))
    runtime.invocate(instance, "f", [1])
print(len(modules) / (time.perf_counter() - start))
"""

JAVASCRIPT = """
import fs from "node:fs";
const file = globalThis.Deno?.args[0] ?? process.argv[2];
const modules = JSON.parse(fs.readFileSync(file, "utf8")).map((m) => Buffer.from(m, "hex"));
const start = performance.now();
for (const binary of modules) {
  new WebAssembly.Instance(new WebAssembly.Module(binary)).exports.f(1);
}
console.log((modules.length / (performance.now() - start)) * 1000);
"""


MARK = 1 << 26
"""A constant as wide as all that stand in its place: four bytes of LEB128."""


def leb(number: int) -> bytes:
    """Four bytes of signed LEB128, of a number from 2^20 to 2^27."""
    return bytes([*(number >> shift & 0x7F | 0x80 for shift in (0, 7, 14)), number >> 21])


def make(first: int, count: int) -> list[bytes]:
    """Modules that add a constant of their own to their argument."""
    text = (
        '(module (func (export "f") (param i32) (result i32)'
        f" (i32.add (local.get 0) (i32.const {MARK}))))"
    )
    before, after = encode(parse_text(text)).split(leb(MARK))
    return [before + leb(number) + after for number in range(first, first + count)]


def through_the_worker(engine: Engine, first: int, count: int) -> float:
    """Modules a second; every result is checked."""
    modules = make(first, count)
    call = (Call("f", (Value("i32", 1),), ("i32",)),)
    start = time.perf_counter()
    answers = list(engine.run_many(Request(module, call) for module in modules))
    took = time.perf_counter() - start
    for number, answer in enumerate(answers, first):
        if answer.results[0].values != (Value("i32", number + 1),):
            raise SystemExit(f"{engine.spec.text} says {answer} for {number} + 1")
    return count / took


def bare(engine: Engine, folder: Path, cache: Cache, first: int, count: int) -> float:
    """Modules a second of the engine alone."""
    listing = folder / "modules.json"
    listing.write_text(json.dumps([module.hex() for module in make(first, count)]))
    kind = engine.spec.kind
    installed = cache.path(kind, engine.version)
    environment = bare_environment()
    if kind in ("wasmtime", "wasm3", "pywasm"):
        script = {"wasmtime": WASMTIME, "wasm3": WASM3, "pywasm": PYWASM}[kind]
        command = [sys.executable, "-I", "-S", "-c", script, str(listing), str(installed)]
    else:
        script_file = folder / "bare.mjs"
        script_file.write_text(JAVASCRIPT)
        worker = command_of(engine.spec, engine.version, installed)
        environment |= worker.environment
        harness = next(i for i, part in enumerate(worker.arguments) if part.endswith(".mjs"))
        command = [
            part if not part.startswith("--allow-read") else "--allow-read"
            for part in worker.arguments[:harness]
        ]
        command += [str(script_file), str(listing)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    return float(done.stdout)


def main() -> None:
    """Print a line for each engine: medians of all rounds."""
    cache = Cache()
    print(f"{'engine':<20}{'worker':>10}{'bare':>10}   modules a second, and their ratio")
    with tempfile.TemporaryDirectory() as name:
        for spec in sys.argv[1:] or ENGINES:
            numbers = itertools.count(1 << 20, 10**5)
            with open_engine(spec, cache) as engine:
                rate = through_the_worker(engine, next(numbers), 200)
                count = min(max(200, int(rate * SECONDS)), 10**5)
                rounds = [
                    (
                        through_the_worker(engine, next(numbers), count),
                        bare(engine, Path(name), cache, next(numbers), count),
                    )
                    for _ in range(ROUNDS)
                ]
            ours, theirs = (statistics.median(rates) for rates in zip(*rounds, strict=True))
            ratio = statistics.median(mine / alone for mine, alone in rounds)
            print(f"{spec:<20}{ours:>10.0f}{theirs:>10.0f}{ratio:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
