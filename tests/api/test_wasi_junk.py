"""WASI for an instance, badly used: configurations, streams, memories that are not there."""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, Memory, Module, Store, Trap
from plumbob.api.wasi import WasiImports
from plumbob.errors import UsageError
from plumbob.wasi.config import INHERIT, Config, Deterministic, Limits, Preopen

if TYPE_CHECKING:
    from collections.abc import Callable

WRITER = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hi")
  (func (export "go") (result i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 2))
    (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""

BADF = 8

JUNK: tuple[Any, ...] = (
    5, 1.5, "abc", b"x", [5], [None], {1: 2}, {"a": 1}, {"a": "\0"}, {"": "x"}, {"a=b": "c"},
    object(), print, int, ["a\0b"], ["folder"],
    [Preopen(5, "x")], [Preopen("x", 5)], [Preopen("a\0b", "x")],  # type: ignore[arg-type]  # junk
    io.StringIO(), Limits(fds=0), Limits(transfer="x"), iter(["a"]), {1, 2},  # type: ignore[arg-type]  # junk
)  # fmt: skip

FITTING: dict[str, Callable[[Any], bool]] = {
    "args": lambda value: value in ([], ["folder"]),
    "env": lambda value: value == {},
    "preopens": lambda value: value == [],
    "stdin": lambda value: isinstance(value, bytes),
    "stdout": lambda _: False,
    "stderr": lambda _: False,
    "sockets": lambda value: value == [],
    "deterministic": lambda _: False,
    "limits": lambda _: False,
    "on_wait": callable,
}
"""Which junk a field takes after all."""


@pytest.mark.parametrize("field", FITTING)
def test_a_configuration_says_what_it_cannot_use(field: str) -> None:
    refused = 0
    for junk in JUNK:
        if not FITTING[field](junk) and not (field == "limits" and junk == Limits()):
            with pytest.raises(UsageError) as error:
                Config(**{field: junk})
            assert error.value.expected or error.value.found
            refused += 1
    assert refused >= len(JUNK) - 2


def test_what_fits_is_taken() -> None:
    ours, other = socket.socketpair()
    with ours, other:
        config = Config(
            args=("a", "b"),
            env={"A": "1"},
            preopens=[Preopen("/", "/")],
            stdin=b"in",
            stdout=io.BytesIO(),
            stderr=INHERIT,
            sockets=[ours],
            deterministic=Deterministic(),
            limits=Limits(fds=9),
            on_wait=lambda: None,
        )
    assert config.stdin == b"in"


@pytest.mark.parametrize("junk", [None, 5, "x", Config, Store])
def test_both_arguments_are_checked(junk: Any) -> None:
    with pytest.raises(UsageError, match="the store of a guest of WASI: expected a Store"):
        WasiImports(junk, Config())
    with pytest.raises(UsageError, match="the configuration of a guest of WASI"):
        WasiImports(Store(), junk)


def test_an_instance_is_attached_and_of_the_same_store() -> None:
    store = Store()
    out = io.BytesIO()
    with WasiImports(store, Config(stdout=out)) as wasi:
        instance = Instance(Module.from_text(WRITER), wasi.imports, store)
        with pytest.raises(Trap, match="out of bounds memory access: fd_write"):
            instance.exports["go"]()
        for junk in (5, None, instance.exports, Memory.new(store, 1)):
            with pytest.raises(UsageError, match="what WASI is attached to: expected an Inst"):
                wasi.attach(junk)  # type: ignore[arg-type]  # junk
        without = Instance(
            Module.from_text('(module (global (export "memory") i32 (i32.const 1)))')
        )
        with pytest.raises(UsageError, match="expected an exported memory named 'memory'"):
            wasi.attach(without)
        other = Instance(Module.from_text('(module (memory (export "memory") 1))'))
        with pytest.raises(UsageError, match="a Memory of the same store"):
            wasi.attach(other)
        wasi.attach(instance)
        assert (instance.exports["go"](), out.getvalue()) == (0, b"hi")
    assert instance.exports["go"]() == BADF
    assert out.getvalue() == b"hi"


def test_an_error_of_a_stream_is_the_embedders_own() -> None:
    class Broken(io.RawIOBase):
        def write(self, _: Any) -> int:
            raise RuntimeError("mine")

    store = Store()
    with WasiImports(store, Config(stdout=Broken())) as wasi:  # type: ignore[arg-type]  # a raw stream will do
        exports = Instance(
            Module.from_text(WRITER), wasi.imports, store, before_start=wasi.attach
        ).exports
        with pytest.raises(RuntimeError, match="mine"):
            exports["go"]()
