"""What a whole `plumbob validate small.wasm` costs, against importing its libraries alone.

Both processes are started in turn, so that a busy machine slows both alike; the figure is
the ratio of the fastest runs, with that of the medians beside it. The aim is 1.5.

    python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AIM = 1.5

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""pip compiles what it installs; a checkout that is used in place must be allowed to."""
RUNS = 60

MODULE = bytes.fromhex(
    "0061736d01000000"  # magic, version
    "0106016001 7f017f"  # type 0: [i32] -> [i32]
    "03020100"  # function 0 has type 0
    "0a09010700 2000 2000 6a 0b"  # local.get 0, local.get 0, i32.add
)


def seconds(command: list[str]) -> float:
    """Return how long a process takes from start to end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    return time.perf_counter() - start


def main(runs: int = RUNS) -> int:
    """Print the times and their ratio; return 1 where it misses the aim."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "small.wasm")
        path.write_bytes(MODULE)
        commands = {
            "python -c 'import click, rich'": [sys.executable, "-c", "import click, rich"],
            "plumbob validate small.wasm": [
                str(Path(sys.executable).with_name("plumbob")),
                "validate",
                str(path),
            ],
        }
        for command in commands.values():
            seconds(command)  # bytecode caches and the disk's
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(seconds(command))
    for name, taken in times.items():
        print(
            f"{name:32} fastest {min(taken) * 1e3:6.1f} ms, "
            f"median {statistics.median(taken) * 1e3:6.1f} ms"
        )
    base, ours = times.values()
    ratio = min(ours) / min(base)
    medians = statistics.median(ours) / statistics.median(base)
    print(f"ratio {ratio:.2f} (of the medians {medians:.2f}); the aim is {AIM}")
    return int(ratio > AIM)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
