"""Real compiled programs: what they write and return, against their expected output.

Where an input is cut to size, wasmtime runs the program on the same input.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from plumbob.api import Instance, Module, Store
from plumbob.api.wasi import WasiImports
from plumbob.wasi.config import Config, Preopen
from plumbob.wasi.errno import ProcExit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Output(NamedTuple):
    """What a program left."""

    status: int
    stdout: bytes
    stderr: bytes


@pytest.fixture
def programs(suites: Path) -> Path:
    """The folder of real programs."""
    return suites / "programs"


def run(path: Path, folder: Path, env: Mapping[str, str] | None = None) -> tuple[Output, list[str]]:
    """Run a program in a folder; returns its output and the marks of its timed part."""
    store = Store()
    stdout, stderr = io.BytesIO(), io.BytesIO()
    marks: list[str] = []
    config = Config(
        args=[path.name],
        env=dict(env or {}),
        preopens=[Preopen(folder, ".")],
        stdout=stdout,
        stderr=stderr,
    )
    status = 0
    with WasiImports(store, config) as wasi:
        bench = {name: lambda name=name: marks.append(name) for name in ("start", "end")}
        imports: dict[str, Any] = {**wasi.imports, "bench": bench}
        instance = Instance(Module(path), imports, store, before_start=wasi.attach)
        try:
            instance.exports["_start"]()
        except ProcExit as end:
            status = end.code
    return Output(status, stdout.getvalue(), stderr.getvalue()), marks


def with_wasmtime(path: Path, folder: Path, env: Mapping[str, str] | None = None) -> Output:
    """Run a program with wasmtime."""
    wasmtime = pytest.importorskip("wasmtime")
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    nothing = wasmtime.FuncType([], [])
    for name in ("start", "end"):
        linker.define_func("bench", name, nothing, lambda: None)
    store = wasmtime.Store(engine)
    config = wasmtime.WasiConfig()
    config.argv = [path.name]
    config.env = list((env or {}).items())
    config.preopen_dir(str(folder), ".")
    files = folder.parent / "stdout", folder.parent / "stderr"
    config.stdout_file, config.stderr_file = map(str, files)
    store.set_wasi(config)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, str(path)))
    status = 0
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        status = end.code
    return Output(status, *(file.read_bytes() for file in files))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that a program sees."""
    found = tmp_path / "seen"
    found.mkdir()
    return found


@pytest.mark.parametrize(
    "name", ["noop/benchmark", "shootout/shootout-nestedloop", "shootout/shootout-ackermann"]
)
def test_expected_output(programs: Path, folder: Path, name: str) -> None:
    path = programs / name
    for item in path.parent.glob(f"{path.name}.*.input"):
        (folder / item.name).write_bytes(item.read_bytes())
    found, marks = run(path.with_suffix(".wasm"), folder)
    expected = [
        path.with_name(f"{path.name}.{stream}.expected").read_bytes()
        for stream in ("stdout", "stderr")
    ]
    assert found == Output(0, *expected)
    assert marks == ["start", "end"]


@pytest.mark.parametrize(
    ("name", "inputs", "env"),
    [
        ("bz2", {"default.input": 500}, {}),
        ("blake3-scalar", {"small.input": 4096}, {"WASM_BENCH_USE_SMALL_WORKLOAD": "1"}),
    ],
)
def test_the_same_as_wasmtime(
    programs: Path, folder: Path, name: str, inputs: dict[str, int], env: dict[str, str]
) -> None:
    for item, size in inputs.items():
        (folder / item).write_bytes((programs / name / item).read_bytes()[:size])
    path = programs / name / "benchmark.wasm"
    found, marks = run(path, folder, env)
    assert found == with_wasmtime(path, folder, env)
    assert found.status == 0
    assert found.stdout or found.stderr
    assert marks == ["start", "end"]


def test_a_program_that_says_nothing_ends_well(programs: Path, folder: Path) -> None:
    (folder / "default.input").write_text("1000")
    found, marks = run(programs / "richards" / "benchmark.wasm", folder)
    assert found.status == 0
    assert marks == ["start", "end"]


def test_a_program_with_garbage_collection(programs: Path, folder: Path) -> None:
    (folder / "default.input").write_text("1")
    found, marks = run(programs / "kotlin-richards" / "kotlin-richards.core.wasm", folder)
    assert found.status == 0
    assert found.stdout.splitlines() == [
        b"[kotlin-richards] iterations: 1",
        b"[kotlin-richards] queue count: 2322",
        b"[kotlin-richards] hold count: 928",
        b"[kotlin-richards] verified",
    ]
    assert marks == ["start", "end"]
