"""Validation of whole real modules: Plumbob against wasmtime and V8, on one core.

Modules come from npm, at the versions pinned below, into a cache folder; V8 comes as the
`deno` binary from PyPI. Every round gives each validator each module in turn, so that a
busy machine slows all alike. Figures are medians of the rounds' ratios (and ratios of the
fastest runs) and their geometric mean over the modules; above 1 Plumbob is faster.

    python benchmarks/validate.py [--rounds N] [--json] [FILE…]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from operator import truediv
from pathlib import Path
from typing import IO, NamedTuple

import deno
import wasmtime

from plumbob.wasm.valid.validate import validate

PACKAGES = {
    # Package, version: the module in it.
    ("esbuild-wasm", "0.28.2"): "esbuild.wasm",
    ("@ruby/3.4-wasm-wasi", "2.10.1"): "dist/ruby.wasm",
    ("php-wasm", "0.1.0"): "0adccf32ebfcfc09b176a0c386d366adce426188.wasm",
    ("sql.js", "1.16.0"): "dist/sql-wasm.wasm",
    ("web-tree-sitter", "0.27.1"): "web-tree-sitter.wasm",
}
AIMS = {"wasmtime": 2.0, "V8": 1.2}
AIM_MEMORY = 3.0
"""Peak memory of `plumbob validate`, in sizes of a file that is large."""
LARGE = 8 << 20
ROUNDS = 15
MEASURE = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
"""Runs a command and prints its peak memory in KiB."""
HARNESS = Path(__file__).with_name("validate.js")


class Measured(NamedTuple):
    """Seconds of every round, by validator."""

    name: str
    size: int
    seconds: dict[str, list[float]]

    def ratio(self, other: str, of: str = "Plumbob", *, fastest: bool = False) -> float:
        """Return how many times as fast as another validator one is.

        It is the median over the rounds, each of which ran both within milliseconds, or the
        ratio of the fastest runs.
        """
        theirs, ours = self.seconds[other], self.seconds[of]
        if fastest:
            return min(theirs) / min(ours)
        return float(statistics.median(map(truediv, theirs, ours)))


def cache_folder() -> Path:
    """Return where modules are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "plumbob", "benchmark-modules")


def install(folder: Path) -> list[Path]:
    """Install what is missing; return the modules' paths."""
    paths = []
    for (package, version), file in PACKAGES.items():
        home = folder / f"{package.replace('/', '-')}-{version}"
        path = home / "node_modules" / package / file
        if not path.exists():
            home.mkdir(parents=True, exist_ok=True)
            command = ["npm", "install", "--prefix", str(home), "--no-save", "--ignore-scripts"]
            command += ["--no-audit", "--no-fund", "--silent", f"{package}@{version}"]
            subprocess.run(command, check=True)
        paths.append(path)
    return paths


class V8:
    """A process of deno's that validates on demand and times itself."""

    def __init__(self, paths: list[Path]) -> None:
        command = [deno.find_deno_bin(), "run", "--allow-read", str(HARNESS), *map(str, paths)]
        environment = {**os.environ, "DENO_NO_UPDATE_CHECK": "1"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def seconds(self, place: int) -> float:
        """Return how long one module took."""
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("deno was started without pipes")
        stdin.write(f"{place}\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError("deno ended early")
        answer = json.loads(line)
        if not answer["valid"]:
            raise RuntimeError("V8 finds the module invalid")
        return float(answer["taken"]) / 1000

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


def plumbob_seconds(data: bytes, threads: int = 1) -> float:
    """Return how long Plumbob takes, and insist on its verdict."""
    start = time.perf_counter()
    report = validate(data, threads=threads)
    taken = time.perf_counter() - start
    if not report.ok:
        raise RuntimeError(f"Plumbob finds the module {report.verdict}: {report.diagnostics[0]}")
    return taken


def wasmtime_seconds(engine: wasmtime.Engine, data: bytes) -> float:
    """Return how long wasmtime takes; it raises where the module is invalid."""
    start = time.perf_counter()
    wasmtime.Module.validate(engine, data)
    return time.perf_counter() - start


def measure(paths: list[Path], rounds: int, core: int) -> list[Measured]:
    """Time all validators over all modules, a round at a time."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # deno inherits it
    v8 = V8(paths)
    engine = wasmtime.Engine()
    data = [path.read_bytes() for path in paths]
    names = ("Plumbob", "wasmtime", "V8", "Plumbob, 2 threads")
    found = [
        Measured(path.name, len(item), {name: [] for name in names})
        for path, item in zip(paths, data, strict=True)
    ]
    try:
        for round_ in range(rounds + 1):
            for place, item in enumerate(data):
                times = [
                    plumbob_seconds(item),
                    wasmtime_seconds(engine, item),
                    v8.seconds(place),
                ]
                os.sched_setaffinity(0, cores)
                times.append(plumbob_seconds(item, threads=2))
                os.sched_setaffinity(0, {core})
                if round_:  # the first warms caches
                    for name, taken in zip(names, times, strict=True):
                        found[place].seconds[name].append(taken)
    finally:
        v8.close()
        os.sched_setaffinity(0, cores)
    return found


def peak_memory(path: Path) -> int:
    """Return the most memory in bytes that `plumbob validate` holds over a file."""
    command = [str(Path(sys.executable).with_name("plumbob")), "validate", str(path)]
    return _peak(command)


def _peak(command: list[str]) -> int:
    # A child starts out with its parent's peak, so a small process has to start it.
    measured = [sys.executable, "-c", MEASURE, *command]
    done = subprocess.run(measured, check=True, capture_output=True, text=True)
    return int(done.stdout.rsplit("\n", 2)[-2]) * 1024


def geometric_mean(values: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


def as_data(found: list[Measured], memory: dict[str, int], idle: int) -> dict[str, object]:
    """Return everything that was measured, for --json."""
    return {
        "modules": [
            {
                "name": item.name,
                "bytes": item.size,
                "median_ms": {
                    name: statistics.median(times) * 1e3 for name, times in item.seconds.items()
                },
                "minimum_ms": {name: min(times) * 1e3 for name, times in item.seconds.items()},
                "ratio": {other: item.ratio(other) for other in AIMS},
                "ratio_of_minima": {other: item.ratio(other, fastest=True) for other in AIMS},
                "peak_memory_bytes": memory.get(item.name),
            }
            for item in found
        ],
        "geometric_mean": {
            other: geometric_mean([item.ratio(other) for item in found]) for other in AIMS
        },
        "geometric_mean_of_minima": {
            other: geometric_mean([item.ratio(other, fastest=True) for item in found])
            for other in AIMS
        },
        "aims": AIMS,
        "idle_memory_bytes": idle,
    }


def show(found: list[Measured], memory: dict[str, int], idle: int, out: IO[str]) -> None:
    """Print tables."""
    print(f"{'module':<22}{'MB':>6}  median (fastest) ms", file=out)
    for item in found:
        times = "   ".join(
            f"{name} {statistics.median(taken) * 1e3:.2f} ({min(taken) * 1e3:.2f})"
            for name, taken in item.seconds.items()
        )
        print(f"{item.name[:20]:<22}{item.size / 1e6:6.1f}  {times}", file=out)
    two = "Plumbob, 2 threads"
    print(f"\n{'times as fast as':<22}{'wasmtime':>18}{'V8':>18}", end="", file=out)
    print(f"{'2 threads: wasmtime':>24}{'V8':>8}", file=out)
    for item in found:
        ratios = "".join(
            f"{item.ratio(other):>10.2f} ({item.ratio(other, fastest=True):5.2f})" for other in AIMS
        )
        print(
            f"{item.name[:20]:<22}{ratios}{item.ratio('wasmtime', two):>24.2f}"
            f"{item.ratio('V8', two):>8.2f}",
            file=out,
        )
    means = "".join(
        f"{geometric_mean([item.ratio(other) for item in found]):>10.2f} "
        f"({geometric_mean([item.ratio(other, fastest=True) for item in found]):5.2f})"
        for other in AIMS
    )
    aims = ", ".join(f"{aim} times {other}" for other, aim in AIMS.items())
    print(f"{'geometric mean':<22}{means}   (aims: {aims})", file=out)
    print(f"\npeak memory of `plumbob validate` ({idle / 1e6:.0f} MB idle):", file=out)
    for item in found:
        if item.name in memory:
            peak = memory[item.name]
            times_size = peak / item.size
            print(
                f"{item.name[:20]:<22}{peak / 1e6:8.1f} MB, {times_size:.2f} times the file "
                f"(aim: below {AIM_MEMORY})",
                file=out,
            )


def main() -> int:
    """Measure and print; the exit status says whether every aim is met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="modules in place of npm's")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--core", type=int, default=min(os.sched_getaffinity(0)), help="the one everybody gets"
    )
    parser.add_argument("--cache", type=Path, default=cache_folder())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    paths = options.files or install(options.cache)
    found = measure(paths, options.rounds, options.core)
    idle = _peak([str(Path(sys.executable).with_name("plumbob")), "--version"])
    memory = {path.name: peak_memory(path) for path in paths if path.stat().st_size >= LARGE}
    if options.json:
        json.dump(as_data(found, memory, idle), sys.stdout, indent=2)
        print()
    else:
        show(found, memory, idle, sys.stdout)
    met = all(
        geometric_mean([item.ratio(other) for item in found]) >= aim for other, aim in AIMS.items()
    ) and all(memory[item.name] < AIM_MEMORY * item.size for item in found if item.name in memory)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
