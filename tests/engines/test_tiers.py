"""The tier is what the engine's name says: told by the engines' own traces. `-m registry`."""

from __future__ import annotations

import json

import pytest
from tests.engines import programs

from plumbob.engines import process
from plumbob.engines.cache import Cache
from plumbob.engines.install import hold
from plumbob.engines.opening import command_of, open_engine
from plumbob.engines.process import Command, Fault, Limits, Worker
from plumbob.engines.request import Call, Request, Value
from plumbob.engines.spec import parse_spec

pytestmark = pytest.mark.registry

CALLED_ONCE = Request(
    programs.assemble(
        """
        (module
          (func $inner (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
          (func (export "outer") (param i32) (result i32)
            (i32.add (call $inner (local.get 0)) (i32.const 1)))
          (func (export "never") (result i32) (i32.const 7)))
        """
    ),
    (Call("outer", (Value("i32", 5),), ("i32",)),),
)

TRACE = {"deno": "--trace-wasm-compilation-times", "node": "--trace-wasm-compilation-times"}
TRACE_JSC = {"BUN_JSC_dumpBBQDisassembly": "1", "BUN_JSC_dumpOMGDisassembly": "1"}


def traced(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What an engine's compilers say while a function is called once."""
    monkeypatch.setattr(process, "TAIL", 1 << 20)  # listings of code are long
    spec = parse_spec(name)
    version, held = hold(spec, Cache())
    try:
        command = command_of(spec, version, held.path)
        if spec.kind == "bun":
            command = Command(command.arguments, {**command.environment, **TRACE_JSC})
        else:
            flag = command.flags[0]
            arguments = tuple(
                part.replace(flag, f"{flag},{TRACE['deno']}") if part != flag else part
                for part in command.arguments
            )
            if spec.kind == "node":
                arguments = (arguments[0], TRACE["node"], *arguments[1:])
            command = Command(arguments, command.environment)
        worker = Worker(command, Limits(), name)
        try:
            frame = (CALLED_ONCE.wire(stream=False), CALLED_ONCE.module)
            assert worker.send([frame], 10) is None
            answer = worker.receive(10)
        finally:
            worker.close()
        assert not isinstance(answer, Fault)
        assert json.dumps(answer[0]["steps"][-1]["values"]) == '["i32:10"]'
        end = worker.receive(1)
        assert isinstance(end, Fault)
        return end.tail
    finally:
        held.close()


@pytest.mark.parametrize(
    ("name", "compiles", "never"),
    [
        ("deno", "using TurboFan", "using Liftoff"),
        ("deno:tier=turbofan", "using TurboFan", "using Liftoff"),
        ("deno:tier=liftoff", "using Liftoff", "using TurboFan"),
        ("node", "using TurboFan", "using Liftoff"),
        ("node:tier=liftoff", "using Liftoff", "using TurboFan"),
        ("bun:tier=bbq", "Generated BBQ", "Generated OMG"),
        ("bun:tier=interpreter", "", "Generated"),
    ],
)
def test_a_function_called_once_runs_in_its_tier(
    name: str, compiles: str, never: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = traced(name, monkeypatch)
    assert never not in said
    assert compiles in said


def test_javascriptcore_optimises_before_the_call_that_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = traced("bun", monkeypatch)
    omg = [line for line in said.splitlines() if line.startswith("Generated OMG")]
    assert len(omg) == 2, "both functions, inlined or not"


@pytest.mark.parametrize(
    ("name", "compilers"),
    [
        ("deno:tier=natural", ("using Liftoff", "using TurboFan")),
        ("bun:tier=natural", ("Generated BBQ", "Generated OMG")),
    ],
)
def test_natural_tiers_replace_code(
    name: str, compilers: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = traced(name, monkeypatch)
    first, second = (said.find(one) for one in compilers)
    assert 0 <= first < second


@pytest.mark.parametrize(
    ("name", "tier", "flag"),
    [
        ("deno", "turbofan", "--no-liftoff"),
        ("node:tier=liftoff", "liftoff", "--liftoff-only"),
        ("bun", "omg", "BUN_JSC_useOMGJIT=1"),
        ("bun:tier=bbq", "bbq", "BUN_JSC_useOMGJIT=0"),
        ("wasmtime:opt=none,fuel=5", None, "opt=none"),
        ("wasm3", None, None),
        ("pywasm", None, None),
    ],
)
def test_engines_say_what_they_are(name: str, tier: str | None, flag: str | None) -> None:
    with open_engine(name) as engine:
        assert engine.about["version"] == engine.version
        assert engine.about.get("tier") == tier
        assert (flag is None) == (engine.about["flags"] == [])
        assert flag is None or flag in engine.about["flags"]
        json.dumps(engine.about)
    if name.startswith("wasmtime"):
        assert "gc" in engine.about["features"]
