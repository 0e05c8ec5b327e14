"""Real programs for the tests and for `benchmarks/programs.py`, and how to run them.

They are compiled C, Rust and Kotlin from the suite `programs`. Each takes its input by name
from the pre-opened directory `.`, and calls `bench.start` and `bench.end` around the part
that counts. Fuel counts instructions of the IR, an upper bound by loops and functions.
"""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.api import Instance, Module, Store, StoreLimits
from plumbob.api.wasi import WasiImports
from plumbob.ir.verifier import require_valid
from plumbob.wasi.config import Config, Preopen
from plumbob.wasi.errno import ProcExit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FUEL = 1 << 60
"""More than any program here uses, and a limit, so that it is counted."""


class Guest(NamedTuple):
    """A program of the suite.

    `inputs` are what the guest's directory holds instead of its own folder: file names and
    how many bytes of the suite's file, or the bytes themselves. Without `expected` the suite
    knows its output, or nobody does.
    """

    path: str
    inputs: Mapping[str, bytes | int] = {}
    environment: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """Return the folder, and the program's own name where that says more."""
        path = Path(self.path)
        return path.parent.name if path.stem == "benchmark" else path.name.split(".")[0]

    @property
    def cut(self) -> bool:
        """Return whether it does other work than the suite's expectation is about."""
        return bool(self.inputs or self.environment)

    def lay_out(self, programs: Path, folder: Path) -> None:
        """Put what the guest may read into an empty folder."""
        source = (programs / self.path).parent
        if not self.inputs:
            for path in source.iterdir():
                if ".input" in path.name:
                    shutil.copyfile(path, folder / path.name)
        for name, given in self.inputs.items():
            data = given if isinstance(given, bytes) else (source / name).read_bytes()[:given]
            (folder / name).write_bytes(data)

    def expected(self, programs: Path) -> tuple[bytes, bytes] | None:
        """Return the suite's standard output and error for the whole input, None if unknown."""
        path = programs / self.path
        stem = path.name.split(".")[0]
        texts = [path.with_name(f"{stem}.{kind}.expected") for kind in ("stdout", "stderr")]
        if not all(text.exists() for text in texts):
            return None
        return texts[0].read_bytes(), texts[1].read_bytes()


class Ran(NamedTuple):
    """How a program ended. `seconds` and `operations` are those between its two marks."""

    status: int
    stdout: bytes
    stderr: bytes
    marks: tuple[str, ...]
    seconds: float
    operations: int


def run(guest: Guest, programs: Path, deadline: float | None = None) -> Ran:
    """Run a program; every function that is translated for it passes the verifier.

    Raises what the guest ends in: `Trap` with the kind of the deadline after `deadline`
    seconds, `VerifierError` for a function that is not well-formed.
    """
    module = Module(programs / guest.path)
    store = Store(StoreLimits(fuel=FUEL, deadline=deadline))
    verify_translations(store)
    stdout, stderr = io.BytesIO(), io.BytesIO()
    marks: list[tuple[str, float, int]] = []

    def mark(name: str) -> Callable[[], None]:
        return lambda: marks.append((name, time.perf_counter(), store.fuel or 0))

    with TemporaryDirectory() as folder:
        guest.lay_out(programs, Path(folder))
        config = Config(
            args=[guest.name],
            env=guest.environment,
            preopens=[Preopen(folder, ".")],
            stdout=stdout,
            stderr=stderr,
            on_wait=store.poll,
        )
        with WasiImports(store, config) as wasi:
            bench: dict[str, Any] = {"start": mark("start"), "end": mark("end")}
            imports: dict[str, dict[str, Any]] = {**wasi.imports, "bench": bench}
            status = 0
            try:
                instance = Instance(module, imports, store, before_start=wasi.attach)
                instance.exports["_start"]()
            except ProcExit as end:
                status = end.code
    spent = (marks[-1][1] - marks[0][1], marks[0][2] - marks[-1][2]) if len(marks) > 1 else (0.0, 0)
    names = tuple(name for name, _, _ in marks)
    return Ran(status, stdout.getvalue(), stderr.getvalue(), names, *spent)


def verify_translations(store: Store) -> None:
    """Make every function that the store has translated from now on pass the verifier."""
    executor: Any = store.runtime.executor
    executor.verify = require_valid
