"""Options do what they say: settings that engines get, and real engines under them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines import programs

from plumbob.engines.errors import StartError
from plumbob.engines.opening import command_of, open_engine
from plumbob.engines.request import Call, FunctionImport, Outcome, Request, Value
from plumbob.engines.spec import parse_spec
from plumbob.engines.workers import cpu


def _environment(name: str) -> dict[str, str]:
    spec = parse_spec(name)
    return dict(command_of(spec, str(spec.version), Path("/engines")).environment)


def _arguments(name: str) -> tuple[str, ...]:
    spec = parse_spec(name)
    return command_of(spec, str(spec.version), Path("/engines")).arguments


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("1.1.17", "BUN_JSC_useWasmIPInt"),
        ("1.1.18", "BUN_JSC_useWebAssemblyIPInt"),
        ("1.1.21", "BUN_JSC_useWebAssemblyIPInt"),
        ("1.1.22", "BUN_JSC_useWasmIPInt"),
        ("1.4.0", "BUN_JSC_useWasmIPInt"),
    ],
)
def test_a_setting_has_the_name_that_the_release_knows(version: str, name: str) -> None:
    settings = _environment(f"bun=={version}:tier=bbq")
    assert [each for each in settings if each.endswith("IPInt")] == [name]


def test_flags_of_v8_are_repeated_and_come_last() -> None:
    name = "node==22.0.0:v8-flag=no-wasm-inlining,v8-flag=--wasm-max-mem-pages=5,cpu=baseline"
    words = list(_arguments(name))
    assert words.index("--no-enable-avx") < words.index("--no-wasm-inlining")
    assert words[words.index("--no-wasm-inlining") + 1] == "--wasm-max-mem-pages=5"
    assert words[words.index("--wasm-max-mem-pages=5") + 1].endswith("javascript.mjs")


def test_settings_of_javascriptcore_are_repeated() -> None:
    settings = _environment("bun==1.4.0:jsc-flag=useOMGInlining=0,jsc-flag=verifyGC,gc=stress")
    assert settings["BUN_JSC_useOMGInlining"] == "0"
    assert settings["BUN_JSC_verifyGC"] == "1"
    assert settings["BUN_JSC_slowPathAllocsBetweenGCs"] == "10"


@pytest.mark.parametrize("level", ["avx2", "sse4", "baseline"])
def test_a_level_leaves_all_above_it_unused(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    hidden = cpu.flags(level)
    assert "has_avx512f" in hidden
    assert ("has_avx" in hidden) == (level != "avx2")
    assert ("has_sse41" in hidden) == (level == "baseline")


def test_a_processor_without_levels_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(cpu.CannotHideError, match="riscv64"):
        cpu.flags("baseline")


SHIFT = Request(
    programs.assemble(
        """
        (module (func (export "f") (param i64) (result i64)
          (i64x2.extract_lane 1 (i64x2.shr_s (i64x2.splat (local.get 0)) (i32.const 40)))))
        """
    ),
    (Call("f", (Value("i64", -5_000_000_000_000 & (1 << 64) - 1),), ("i64",)),),
)
"""CVE-2023-41880: 10.0.0 to 12.0.0 are wrong, but not where AVX-512 is used."""

RIGHT, WRONG = -5 & (1 << 64) - 1, -2_570_576 & (1 << 64) - 1


def _ran(name: str, request: Request) -> Outcome:
    with open_engine(name) as engine:
        return engine.run(request).results[0]


@pytest.mark.registry
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wasmtime==12.0.0:cpu=avx2", WRONG),
        ("wasmtime==12.0.0:cpu=sse4", WRONG),
        ("wasmtime==45.0.0:cpu=baseline", RIGHT),
        ("wasmtime==13.0.0:cpu=baseline", RIGHT),
        ("deno:cpu=baseline", RIGHT),
        ("deno:cpu=baseline,tier=liftoff", RIGHT),
        ("wasmtime==45.0.0:compiler=winch", RIGHT),
    ],
)
def test_extensions_of_the_processor_can_be_hidden(name: str, value: int) -> None:
    assert _ran(name, SHIFT).values == (Value("i64", value),)


@pytest.mark.registry
def test_a_release_without_winch_says_so() -> None:
    with pytest.raises(StartError, match="does not start") as raised:
        open_engine("wasmtime==12.0.0:compiler=winch")
    assert "Winch" in str(raised.value.hint)


@pytest.mark.registry
@pytest.mark.parametrize(
    ("name", "value"), [("wasmtime==43.0.0", 0), ("wasmtime==44.0.0", 111), ("deno", 111)]
)
def test_an_import_collects(name: str, value: int) -> None:
    """wasmtime up to 43.0.0 has no stack map for a `select` of references."""
    module = programs.assemble(
        """
        (module (type $p (struct (field (mut i32))))
          (import "plumbob" "gc" (func $gc))
          (func $churn (local $i i32) (call $gc) (local.set $i (i32.const 64))
            (loop $l (drop (struct.new $p (i32.const 0)))
              (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
          (func (export "test") (param $c i32) (result i32)
            (select (result (ref null $p))
              (struct.new $p (i32.const 111)) (ref.null $p) (local.get $c))
            (call $churn)
            (struct.get $p 0)))
        """
    )
    imports = (FunctionImport("plumbob", "gc", (), ()),)
    request = Request(module, (Call("test", (Value("i32", 1),), ("i32",)),), imports)
    outcome = _ran(name, request)
    assert outcome.values == (Value("i32", value),)
    assert [call.place for call in outcome.calls] == [0]
