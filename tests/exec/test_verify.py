"""A store that verifies sees every function before it first runs, whoever ran it before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, Module, Store
from plumbob.errors import InternalError
from plumbob.exec.interp import wasm_linker
from plumbob.exec.interp.wasm_engine import Engine
from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.runtime import instance as runtime
from plumbob.runtime import store as stores
from plumbob.wasm.text.parser import parse_text

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode
    from plumbob.ir.function import Function

TEXT = """(module
  (func (export "f") (result i32) (call $g))
  (func $g (result i32) (i32.const 7))
  (func (export "unused")))"""
"""Functions 0 and 1 run; 2 does not."""


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_functions_are_verified_once_they_run(mode: Mode) -> None:
    environment = ModuleEnvironment(parse_text(TEXT))
    seen: list[str] = []

    def verify(function: Function) -> None:
        seen.append(str(function.name))

    def run(check: Any) -> Any:
        store = stores.Store(lambda store: Engine(store, mode=mode, verify=check))
        made = runtime.Instance(store, environment, lambda *_: None)
        function: Any = made.exports["f"]
        return made, store.executor.invoke(function, ())

    kept = run(None)  # the code is compiled already, but not verified
    assert not seen
    for _ in range(2):
        again = run(verify)
        assert again[1] == kept[1] == (7,)
    assert len(seen) >= 2
    assert len(set(seen)) == 2


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_what_the_verifier_refuses_does_not_run(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate = translate_function

    def faulty(*arguments: Any) -> Function:
        function = translate(*arguments)
        if len(function.block_insts[function.entry]) > 1:
            function.block_insts[function.entry].pop()
        return function

    monkeypatch.setattr(wasm_linker, "translate_function", faulty)
    exports: Any = Instance(Module.from_text(TEXT), None, Store(mode=mode, verify=True)).exports
    with pytest.raises(InternalError):
        exports["f"]()
