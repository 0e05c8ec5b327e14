"""How fast real programs run, and whether they say what they should.

All programs of the suite `programs`, with their whole inputs, each in a process of its own
with a time limit. A program is judged by its standard output and error. What is timed is the
part between the program's calls of `bench.start` and `bench.end`. Operations are what fuel
charges there: instructions of the IR, between once and twice those executed (see
`exec/interp/fuel.py`). So they, and the rate, are upper bounds.

    python -m benchmarks.programs [--limit SECONDS] [--json] [NAME...]

Verdicts: `right`; `wrong`; `ran` (nobody knows the output); `limit`; `failed` (it trapped, or
Plumbob did). The status is 1 if one is wrong or failed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tests.programs.guests import Guest, run

from plumbob.api import Trap
from plumbob.runtime.traps import DEADLINE

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(os.environ.get("PLUMBOB_SUITES", ROOT.parent / "shared/suites")) / "programs"
LIMIT = 60.0
COMPONENTS = ("kotlin-richards.wasm",)
"""Not core modules; the core module lies beside each."""


def guests() -> list[Guest]:
    """Return every program of the folder, by path."""
    paths = sorted(PROGRAMS.glob("*/*.wasm"))
    return [Guest(str(path.relative_to(PROGRAMS))) for path in paths if path.name not in COMPONENTS]


def measure(guest: Guest, limit: float) -> dict[str, Any]:
    """Return the figures of one run, in seconds and operations, and what came of it.

    `total` is the whole run with translation, `seconds` the part between the marks; that part
    and its operations are None where it was not reached.
    """
    start = time.perf_counter()
    row: dict[str, Any] = {"program": guest.name, "seconds": None, "operations": None}
    try:
        ran = run(guest, PROGRAMS, deadline=limit)
    except Trap as trap:
        row["verdict"] = "limit" if trap.code == DEADLINE else "failed"
        row["detail"] = trap.message
    except Exception as error:  # noqa: BLE001 -- one program's failure is a row, not the end
        row["verdict"], row["detail"] = "failed", f"{type(error).__name__}: {error}"
    else:
        expected = guest.expected(PROGRAMS)
        same = expected == (ran.stdout, ran.stderr) and ran.status == 0
        row["verdict"] = "right" if same else "ran" if expected is None else "wrong"
        row["detail"] = f"status {ran.status}"
        row["seconds"], row["operations"] = ran.seconds, ran.operations
    row["total"] = time.perf_counter() - start
    return row


def isolated(guest: Guest, limit: float) -> dict[str, Any]:
    """Measure in a fresh process, so that one program's memory and caches are not another's."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, guest, limit).result()


def shown(row: dict[str, Any]) -> str:
    """Return a row as a line."""
    line = f"{row['program']:22} {row['verdict']:8} {row['total']:7.2f} s"
    if row["seconds"]:
        rate = row["operations"] / row["seconds"] / 1e6
        return f"{line} {row['seconds']:8.3f} s {row['operations']:13,} {rate:8.2f} M/s"
    return line if row["verdict"] == "right" else f"{line}  {row['detail']}"


def main() -> int:
    """Print a line for each program; the status is 1 if one is wrong or failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", help="only programs whose names contain one of these")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.json:
        columns = f"{'total':>9} {'timed':>10} {'charged':>13} {'rate, <=':>12}"
        print(f"{'program':22} {'verdict':8} {columns}")
    rows = []
    for guest in guests():
        if options.names and not any(name in guest.name for name in options.names):
            continue
        rows.append(isolated(guest, options.limit))
        if not options.json:
            print(shown(rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    if not rows:
        print(f"no programs in {PROGRAMS}; set PLUMBOB_SUITES", file=sys.stderr)
        return 2
    return int(any(row["verdict"] in ("wrong", "failed") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
