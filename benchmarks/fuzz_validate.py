"""Long campaigns of mutated modules through the validator, in processes of their own.

A worker takes a range of mutants, so that a crash costs one range and names its mutant:
the worker notes each number before it begins, and mutants follow from seed and number. A
worker that takes too long is ended and reported as a hang. Use with kernels built with
PLUMBOB_CHECKED=1 or PLUMBOB_SANITIZE=1 (then with LD_PRELOAD of the sanitizer's library and
ASAN_OPTIONS=detect_leaks=0): PYTHONPATH chooses the build.

    python -m benchmarks.fuzz_validate [--count N] [--jobs N] [--compare SHARE] PATH…
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from tests.fuzz import campaign
from tests.fuzz.seeds import collect

Answer = dict[str, Any]
"""A worker's tally, as JSON has it."""

CHUNK = 10_000
SECONDS_A_MUTANT = 0.1
"""A worker's time, with half a minute more to start."""


def seeds_of(paths: list[str]) -> list[bytes]:
    """Return Plumbob's own seeds and those of files and folders."""
    return collect(map(Path, paths))


def work(options: argparse.Namespace) -> None:
    """Judge one range of mutants; print a tally as JSON."""
    os.nice(options.nice)
    seeds = seeds_of(options.paths)
    total: Counter[str] = Counter()
    differences: Counter[str] = Counter()
    findings: list[tuple[str, str, int, str]] = []
    examples: dict[str, tuple[str, int, str]] = {}
    slowest = 0.0
    note = Path(options.note)
    for number in range(options.first, options.first + options.count):
        note.write_text(str(number))
        tally = campaign.run(seeds, (number,), options.seed, compare=options.compare)
        total.update(mutants=1, valid=tally.valid, compared=tally.compared)
        differences += tally.differences
        slowest = max(slowest, tally.slowest)
        findings += [
            (item.kind, item.detail, item.number, item.data.hex()) for item in tally.findings
        ]
        for kind, item in tally.examples.items():
            if kind not in examples or len(item.data) * 2 < len(examples[kind][2]):
                examples[kind] = (item.detail, item.number, item.data.hex())
    json.dump(
        {
            "total": total,
            "differences": differences,
            "findings": findings,
            "examples": examples,
            "slowest": slowest,
            "peak": campaign.peak(),
        },
        sys.stdout,
    )


def chunk(options: argparse.Namespace, first: int) -> Answer:
    """Run a worker over one range; a worker that dies is a finding."""
    count = min(CHUNK, options.first + options.count - first)
    with NamedTemporaryFile("r", suffix=".number") as note:
        command = [
            *(sys.executable, "-m", "benchmarks.fuzz_validate", "--worker"),
            *("--first", str(first), "--count", str(count), "--seed", str(options.seed)),
            *("--compare", str(options.compare), "--nice", str(options.nice)),
            *("--note", note.name, *options.paths),
        ]
        limit = 30 + SECONDS_A_MUTANT * count
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            return _death(options, "hang", f"no end after {limit:.0f} s", Path(note.name))
        if done.returncode:
            return _death(options, "crash", done.stderr[-3000:], Path(note.name))
    answer: Answer = json.loads(done.stdout)
    return answer


def _death(options: argparse.Namespace, kind: str, detail: str, note: Path) -> Answer:
    text = note.read_text()
    if not text:  # the worker never got so far
        raise RuntimeError(detail)
    data, policy = campaign.make(seeds_of(options.paths), options.seed, int(text))
    return {"findings": [(kind, f"{policy}: {detail}", int(text), data.hex())]}


def save(folder: Path, name: str, data: str, text: str) -> None:
    """Keep a mutant and what was said of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.wasm").write_bytes(bytes.fromhex(data))
    (folder / f"{name}.txt").write_text(text + "\n")


def report(answers: list[Answer], folder: Path, seconds: float) -> int:
    """Add up, print and keep what was found; return the exit status."""
    total: Counter[str] = Counter()
    differences: Counter[str] = Counter()
    slowest, peak, status = 0.0, 0, 0
    for answer in answers:
        total.update(answer.get("total", {}))
        differences.update(answer.get("differences", {}))
        slowest = max(slowest, answer.get("slowest", 0.0))
        peak = max(peak, answer.get("peak", 0))
        for kind, detail, number, data in answer["findings"]:
            status = 1
            print(f"{kind} (mutant {number}): {detail}")
            save(folder, f"{kind.replace(' ', '-')}-{number}", data, detail)
        for kind, (detail, number, data) in answer.get("examples", {}).items():
            save(folder, f"difference-{number}", data, f"{kind}\n{detail}")
    print(
        f"{total['mutants']} mutants, {total['valid']} valid, {total['compared']} compared with "
        f"wasmtime, {differences.total()} differences; {seconds:.0f} s, at most "
        f"{slowest * 1e6:.1f} us a byte, peak {peak >> 20} MiB"
    )
    for kind, count in differences.most_common():
        print(f"{count:8} {kind}")
    return status


def main() -> int:
    """Run a campaign; the exit status is 1 where a mutant crashed, hung or was misjudged."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", help=".wasm and .wast files, or folders of them")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compare", type=float, default=1.0, help="share judged by wasmtime too")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--note", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return 0
    start = time.monotonic()
    firsts = range(options.first, options.first + options.count, CHUNK)
    with ThreadPoolExecutor(options.jobs) as pool:
        answers = list(pool.map(lambda first: chunk(options, first), firsts))
    return report(answers, options.keep, time.monotonic() - start)


if __name__ == "__main__":
    sys.exit(main())
