"""Real programs under WASI: what they print is what the suite, or wasmtime, says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.programs import guests
from tests.programs.guests import Guest, Ran, run

from plumbob.ir.verifier import require_valid

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.ir.function import Function

NOOP = Guest("noop/benchmark.wasm")
BZ2 = Guest("bz2/benchmark.wasm", inputs={"default.input": 500})
BLAKE3 = Guest(
    "blake3-scalar/benchmark.wasm",
    inputs={"small.input": 4096},
    environment={"WASM_BENCH_USE_SMALL_WORKLOAD": "1"},
)
KOTLIN = Guest("kotlin-richards/kotlin-richards.core.wasm", inputs={"default.input": b"1\n"})
RICHARDS = Guest("richards/benchmark.wasm", inputs={"default.input": b"1000\n"})

WHOLE = [
    NOOP,
    Guest("shootout/shootout-nestedloop.wasm"),
    Guest("shootout/shootout-ackermann.wasm"),
]
SLOW = [
    Guest("shootout/shootout-keccak.wasm"),
    Guest("shootout/shootout-switch.wasm"),
    Guest("quicksort/benchmark.wasm"),
]


@pytest.fixture(scope="session")
def programs(suites: Path) -> Path:
    return suites / "programs"


def by_wasmtime(guest: Guest, programs: Path, folder: Path) -> Ran:
    """Run a program in the independent engine, with the same input and imports."""
    wasmtime = pytest.importorskip("wasmtime", reason="the independent engine is not installed")
    directory, stdout, stderr = folder / "guest", folder / "stdout", folder / "stderr"
    directory.mkdir()
    guest.lay_out(programs, directory)
    config = wasmtime.Config()
    config.wasm_gc = True
    config.wasm_function_references = True
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    wasi.argv = [guest.name]
    wasi.env = list(guest.environment.items())
    wasi.preopen_dir(str(directory), ".")
    wasi.stdout_file = str(stdout)
    wasi.stderr_file = str(stderr)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    marks: list[str] = []
    for name in ("start", "end"):
        linker.define_func("bench", name, wasmtime.FuncType([], []), lambda n=name: marks.append(n))
    module = wasmtime.Module.from_file(engine, str(programs / guest.path))
    instance = linker.instantiate(store, module)
    status = 0
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        status = end.code
    return Ran(status, stdout.read_bytes(), stderr.read_bytes(), tuple(marks), 0.0, 0)


def assert_as_expected(guest: Guest, programs: Path) -> None:
    expected = guest.expected(programs)
    assert expected is not None
    assert not guest.cut
    ran = run(guest, programs)
    assert (ran.stdout, ran.stderr, ran.status) == (*expected, 0)
    assert ran.marks == ("start", "end")


@pytest.mark.parametrize("guest", WHOLE, ids=lambda guest: guest.name)
def test_a_whole_program_prints_what_the_suite_expects(guest: Guest, programs: Path) -> None:
    assert_as_expected(guest, programs)


@pytest.mark.slow
@pytest.mark.parametrize("guest", SLOW, ids=lambda guest: guest.name)
def test_a_long_program_prints_what_the_suite_expects(guest: Guest, programs: Path) -> None:
    assert_as_expected(guest, programs)


@pytest.mark.parametrize("guest", [BZ2, BLAKE3, KOTLIN], ids=lambda guest: guest.name)
def test_on_a_smaller_input_it_prints_what_wasmtime_prints(
    guest: Guest, programs: Path, tmp_path: Path
) -> None:
    ran, reference = run(guest, programs), by_wasmtime(guest, programs, tmp_path)
    assert ran[:4] == reference[:4]
    assert ran.status == 0
    assert ran.marks == ("start", "end")
    # A file that is not found also gives equal outputs; these are of the work itself.
    assert any(word in ran.stdout + ran.stderr for word in (b"OK", b"Hash", b"verified"))


def test_richards_ends_well(programs: Path) -> None:
    ran = run(RICHARDS, programs)
    assert ran.status == 0
    assert ran.marks == ("start", "end")
    assert ran.operations > 500_000


def test_every_function_on_the_way_passes_the_verifier(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def counted(function: Function) -> None:
        require_valid(function)
        seen.append(str(function.name))

    monkeypatch.setattr(guests, "require_valid", counted)
    run(NOOP, programs)
    assert len(seen) == len(set(seen)) > 10


def test_a_function_that_fails_the_verifier_ends_the_run(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class RefusedError(Exception):
        pass

    def refuse(function: Function) -> None:
        raise RefusedError(function.name)

    monkeypatch.setattr(guests, "require_valid", refuse)
    with pytest.raises(RefusedError):
        run(NOOP, programs)
