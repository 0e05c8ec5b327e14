"""Real programs, run by wasmtime, with our functions as their system.

So wasi-libc's, Rust's and Kotlin's ways of using the interface are tried without an executor of
our own.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from plumbob.wasi.config import Config, Deterministic, Preopen
from plumbob.wasi.errno import ProcExit
from plumbob.wasi.host import HostFunction, Wasi
from plumbob.wasi.table import PREVIEW_1

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

wasmtime = pytest.importorskip("wasmtime", reason="the independent engine is not installed")


@pytest.fixture(scope="module", autouse=True)
def wasmtime_is_running() -> None:
    """Let wasmtime open what it keeps for the whole process before descriptors are counted."""
    run('(module (memory (export "memory") 1) (func (export "_start")))', Config())


class CallersMemory:
    """The memory of the module that calls; wasmtime checks bounds by itself."""

    def __init__(self, caller: Any) -> None:
        self.caller = caller
        self.memory = caller["memory"]

    @property
    def size(self) -> int:
        size: int = self.memory.data_len(self.caller)
        return size

    def read(self, address: int, length: int) -> bytes:
        return bytes(self.memory.read(self.caller, address, address + length))

    def write(self, address: int, data: bytes) -> None:
        self.memory.write(self.caller, data, address)


def run(program: Path | str, config: Config) -> tuple[int, list[str]]:
    """Run `_start`; return the exit code, and the names of the functions that were called."""
    settings = wasmtime.Config()
    settings.wasm_gc = True
    settings.wasm_function_references = True
    settings.wasm_exceptions = True
    engine = wasmtime.Engine(settings)
    store = wasmtime.Store(engine)
    if isinstance(program, str):
        module = wasmtime.Module(engine, program)
    else:
        module = wasmtime.Module.from_file(engine, str(program))
    linker = wasmtime.Linker(engine)
    called: list[str] = []
    kinds = {"i32": wasmtime.ValType.i32(), "i64": wasmtime.ValType.i64()}

    def bind(function: HostFunction) -> Callable[..., int | None]:
        def call(caller: Any, *arguments: int) -> int | None:
            called.append(function.name)
            errno = function.call(CallersMemory(caller), *arguments)
            return errno if function.results else None

        return call

    with Wasi(config) as wasi:
        for function in wasi.functions().values():
            parameters = [kinds[str(each)] for each in function.parameters]
            results = [kinds[str(each)] for each in function.results]
            type_ = wasmtime.FuncType(parameters, results)
            linker.define_func(PREVIEW_1, function.name, type_, bind(function), access_caller=True)
        nothing = wasmtime.FuncType([], [])
        for name in ("start", "end"):
            linker.define_func("bench", name, nothing, lambda: None)
        instance = linker.instantiate(store, module)
        try:
            instance.exports(store)["_start"](store)
        except ProcExit as end:
            return end.code, called
        finally:
            store.close()
    return 0, called


@pytest.mark.parametrize(
    ("folder", "file", "stem"),
    [
        ("noop", "benchmark.wasm", "benchmark"),
        ("bz2", "benchmark.wasm", "benchmark"),
        ("blake3-scalar", "benchmark.wasm", "benchmark"),
        ("pulldown-cmark", "benchmark.wasm", "benchmark"),
        ("regex", "benchmark.wasm", "benchmark"),
        ("rust-json", "benchmark.wasm", "benchmark"),
        ("kotlin-richards", "kotlin-richards.core.wasm", "kotlin-richards"),
    ],
)
@pytest.mark.parametrize("deterministic", [None, Deterministic()], ids=["real", "fixed"])
def test_programs_from_real_compilers(
    suites: Path, folder: str, file: str, stem: str, deterministic: Deterministic | None
) -> None:
    place = suites / "programs" / folder
    out, err = io.BytesIO(), io.BytesIO()
    config = Config(
        args=[file],
        preopens=[Preopen(place, ".", read_only=True)],
        stdout=out,
        stderr=err,
        deterministic=deterministic,
    )
    code, called = run(place / file, config)
    assert code == 0
    assert out.getvalue() == (place / f"{stem}.stdout.expected").read_bytes()
    assert err.getvalue() == (place / f"{stem}.stderr.expected").read_bytes()
    assert called.count("proc_exit") <= 1


HELLO = """
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "hello\\n")
  (func (export "_start")
    (call $proc_exit
      (i32.add
        (i32.const 7)
        (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))))
"""


def test_a_program_in_text() -> None:
    out = io.BytesIO()
    assert run(HELLO, Config(stdout=out)) == (7, ["fd_write", "proc_exit"])
    assert out.getvalue() == b"hello\n"
