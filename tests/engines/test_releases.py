"""Real releases from real registries: `pytest -m registry`.

They are installed into the user's own cache (PLUMBOB_CACHE moves it), so that a second run
fetches nothing.
"""

from __future__ import annotations

import shutil
import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.engines import programs

from plumbob.engines.cache import Cache
from plumbob.engines.command_line import CommandLine
from plumbob.engines.errors import StartError
from plumbob.engines.install import hold
from plumbob.engines.kinds import KINDS
from plumbob.engines.opening import open_engine, open_optimiser
from plumbob.engines.process import Limits
from plumbob.engines.registry import Releases
from plumbob.engines.request import (
    Answer,
    Call,
    FunctionImport,
    GlobalImport,
    HostCall,
    MemoryImport,
    Request,
    TableImport,
    Value,
)
from plumbob.engines.spec import parse_spec
from plumbob.engines.traps import T, same_class
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.engines.engine import Engine

pytestmark = pytest.mark.registry

WASMTIMES = ("0.28.0", "1.0.1", "7.0.0", "13.0.2", "15.0.0", "17.0.1", "27.0.2", "45.0.0", "50.0.1")
ENGINES = (
    *(f"wasmtime=={version}" for version in WASMTIMES),
    "deno",
    "node",
    "bun",
    "spidermonkey",
    "wasm3",
    "pywasm",
)
TEST = Call("test", (), ("i32",))


def run(name: str, text: str, *calls: Call, limits: Limits | None = None) -> Answer:
    with open_engine(name, limits=limits) as engine:
        return engine.run(Request(programs.assemble(text), calls))


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.registry])
def test_releases_are_listed(kind: str) -> None:
    releases = Releases(Cache().releases_folder).published(kind, max_age=0)
    assert len(releases) >= (1 if KINDS[kind].validates else 3)
    if kind == "wasmtime":
        assert releases[0] == "0.28.0"
        assert {"45.0.0", "46.0.1"} <= set(releases)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("wasmtime==44.0.0", 210),
        ("wasmtime==45.0.0", 48),
        ("wasmtime==45.0.0:opt=none", 48),
        ("wasmtime==46.0.1", 210),
        ("wasmtime==27.0.2", 210),
        ("deno", 210),
        ("deno:tier=liftoff", 210),
        ("node", 210),
        ("node:tier=liftoff", 210),
        ("bun", 210),
        ("bun:tier=bbq", 210),
        ("bun:tier=interpreter", 210),
        ("spidermonkey", 210),
        ("spidermonkey:gc=stress", 210),
    ],
)
def test_the_release_that_loses_a_root_is_told_from_the_others(name: str, result: int) -> None:
    answer = run(name, programs.STRUCT_IN_LOOP, TEST)
    assert [step.kind for step in answer.steps] == ["ok", "ok", "values"]
    assert answer.results[0].values == (Value("i32", result),)


@pytest.mark.parametrize(
    "name",
    ["wasmtime==0.28.0", "wasmtime==7.0.0", "wasmtime==25.0.0", "wasm3", "pywasm", "bun==1.0.0"],
)
def test_engines_without_gc_say_that_they_do_not_support_it(name: str) -> None:
    answer = run(name, programs.STRUCT_IN_LOOP, TEST)
    assert answer.compiled.kind == "unsupported", answer.compiled
    assert answer.results[0].kind == "skipped"


@pytest.mark.parametrize("name", ENGINES)
def test_numbers_cross_the_border_whole(name: str) -> None:
    def bits(layout: str, value: float) -> int:
        return int.from_bytes(struct.pack(f"<{layout}", value), "little")

    wanted = [
        *(Value("i32", number) for number in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)),
        *(Value("i64", number) for number in (0, 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1)),
        *(Value("f32", bits("f", x)) for x in (0.0, -0.0, 1.5, float("inf"), -float("inf"))),
        Value("f32", 1),
        Value("f32", 0x7F7FFFFF),
        *(Value("f64", bits("d", x)) for x in (0.0, -0.0, 0.1, float("inf"), -1e308, 5e-324)),
    ]
    calls = [Call(value.type, (value,), (value.type,)) for value in wanted]
    answer = run(name, programs.NUMBERS, *calls)
    assert [step.values for step in answer.results] == [(value,) for value in wanted]


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "wasm3"])
def test_several_results_come_in_order(name: str) -> None:
    call = Call("pair", (Value("i32", 5), Value("i64", 2**63)), ("i64", "i32"))
    assert run(name, programs.PAIR, call).results[0].values == (
        Value("i64", 2**63),
        Value("i32", 5),
    )


KINDS_OF_TRAPS = {
    "unreachable": T.UNREACHABLE,
    "divide": T.DIVIDE_BY_ZERO,
    "overflow": T.INTEGER_OVERFLOW,
    "nan": T.BAD_CONVERSION,
    "memory": T.MEMORY_OUT_OF_BOUNDS,
    "beyond": T.UNDEFINED_ELEMENT,
    "null": T.UNINITIALIZED_ELEMENT,
    "type": T.INDIRECT_CALL_MISMATCH,
    "deep": T.STACK_OVERFLOW,
}


@pytest.mark.parametrize("name", ENGINES)
def test_traps_are_told_by_class(name: str) -> None:
    answer = run(name, programs.TRAPS, *map(Call, KINDS_OF_TRAPS))
    for (export, kind), step in zip(KINDS_OF_TRAPS.items(), answer.results, strict=True):
        assert step.kind == "trap", (export, step)
        assert same_class(step.trap, kind), (export, step)
        assert step.trap is not None or name == "pywasm", (export, step)
    assert sum(same_class(step.trap, T.MEMORY_OUT_OF_BOUNDS) for step in answer.results) == 1 or (
        name in ("pywasm", "spidermonkey")  # one word for all traps, and for all bounds
    )


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "wasm3"])
def test_a_trap_of_the_start_function_is_one_of_instantiation(name: str) -> None:
    answer = run(name, programs.START_TRAPS)
    assert (answer.compiled.kind, answer.instantiated.kind) == ("ok", "trap")
    assert same_class(answer.instantiated.trap, T.UNREACHABLE)


@pytest.mark.parametrize("name", [name for name in ENGINES if name not in ("wasm3", "pywasm")])
def test_stand_ins_answer_in_turn_and_log_their_calls(name: str) -> None:
    imports = (
        FunctionImport(
            "env", "next", ("i32", "f64"), ("i32",), ((Value("i32", 30),), (Value("i32", 4),))
        ),
        FunctionImport("env", "note", ("i64",), ()),
        GlobalImport("env", "base", Value("i32", 200)),
        MemoryImport("env", "memory", 1, 2),
        TableImport("env", "table", "funcref", 3),
    )
    request = Request(
        programs.assemble(programs.IMPORTS), (TEST, Call("size", (), ("i32",)), TEST), imports
    )
    with open_engine(name) as engine:
        first, size, second = engine.run(request).results
        assert engine.run(request).results[0] == first, "every request starts from the start"
    assert first.values == second.values == (Value("i32", 234),)
    assert first.calls == (
        HostCall(1, (Value("i64", 2**64 - 1),)),
        HostCall(0, (Value("i32", 7), Value("f64", 0x3FE0000000000000))),
        HostCall(0, (Value("i32", 2**32 - 7), Value("f64", 1 << 63))),
    )
    assert (size.values, size.calls) == ((Value("i32", 3),), ())


@pytest.mark.parametrize("name", ["wasmtime==13.0.2", "wasmtime==50.0.1", "deno", "bun", "pywasm"])
def test_a_missing_import_is_a_matter_of_linking(name: str) -> None:
    answer = run(name, programs.IMPORTS, TEST)
    assert answer.compiled.kind == "ok"
    assert answer.instantiated.kind in ("link", "trap" if name == "pywasm" else "link")


@pytest.mark.parametrize("name", ["wasmtime==50.0.1", "deno", "node", "bun"])
def test_exceptions_are_no_traps(name: str) -> None:
    assert run(name, programs.THROWS, Call("test")).results[0].kind == "exception"


@pytest.mark.parametrize("name", ["wasmtime==0.28.0", "wasmtime==50.0.1", "deno", "bun", "wasm3"])
def test_an_endless_loop_ends_in_time(name: str) -> None:
    with open_engine(name, limits=Limits(seconds=1.0)) as engine:
        endless = Request(programs.assemble(programs.ENDLESS), (Call("test"),))
        assert engine.run(endless).results[0].kind == "timeout"
        number = Request(
            programs.assemble(programs.NUMBERS), (Call("i32", (Value("i32", 3),), ("i32",)),)
        )
        assert engine.run(number).results[0].values == (Value("i32", 3),)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("wasmtime==41.0.0:opt=none", "trap"), ("wasmtime==42.0.0:opt=none", "values")],
)
def test_the_release_that_loads_too_much_is_told_from_the_next(name: str, kind: str) -> None:
    step = run(name, programs.COPIED_SIGN, Call("test", (), ("f64",))).results[0]
    assert step.kind == kind
    assert step.trap == (T.MEMORY_OUT_OF_BOUNDS if kind == "trap" else None)


@pytest.mark.parametrize("name", ["wasmtime==50.0.1", "deno", "node", "bun"])
def test_a_hungry_program_is_stopped(name: str) -> None:
    with open_engine(name, limits=Limits(memory=500 << 20)) as engine:
        hungry = Request(programs.assemble(programs.HUNGRY), (Call("test"),))
        assert engine.run(hungry).results[0].kind == "memory"
        number = Call("i32", (Value("i32", 3),), ("i32",))
        answer = engine.run(Request(programs.assemble(programs.NUMBERS), (number,)))
        assert answer.results[0].values == (Value("i32", 3),)


@pytest.mark.parametrize("name", ["wasmtime==45.0.0", "deno", "bun", "pywasm"])
def test_many_modules_in_turn(name: str) -> None:
    constants = range(1000, 1150)
    text = '(module (func (export "test") (result i32) (i32.const {})))'
    requests = [Request(programs.assemble(text.format(n)), (TEST,)) for n in constants]
    with open_engine(name) as engine:
        answers = list(engine.run_many(requests))
        assert engine.restarts == 0
    assert [answer.results[0].values for answer in answers] == [
        (Value("i32", constant),) for constant in constants
    ]


@pytest.mark.parametrize(
    "version", ["0.28.0", "0.40.0", "7.0.0", "14.0.0", "15.0.0", "17.0.1", "27.0.2", "50.0.1"]
)
def test_fuel_ends_a_loop(version: str) -> None:
    name = f"wasmtime=={version}:fuel=100000"
    answer = run(name, programs.ENDLESS, Call("test"), Call("test"))
    assert [step.kind for step in answer.results] == ["fuel", "fuel"], answer


def test_cranelift_flags_reach_the_compiler() -> None:
    call = Call("i32", (Value("i32", 1),), ("i32",))
    flagged = "wasmtime==45.0.0:cranelift-flag=enable_heap_access_spectre_mitigation=false"
    assert run(flagged, programs.NUMBERS, call).results[0].kind == "values"
    with pytest.raises(StartError, match="No existing setting named 'no_such_flag'"):
        open_engine("wasmtime==45.0.0:cranelift-flag=no_such_flag=1")
    with pytest.raises(StartError, match="takes no Cranelift flags"):
        open_engine("wasmtime==7.0.0:cranelift-flag=enable_verifier")


def result_of(engine: Engine, module: bytes) -> tuple[Value, ...]:
    return engine.run(Request(module, (Call("test", (), ("f32",)),))).results[0].values


ONE, MINUS_ONE = (Value("f32", 0x3F800000),), (Value("f32", 0xBF800000),)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("binaryen==100.0.0:passes=-O2", MINUS_ONE),
        ("binaryen==117.0.0:passes=-O2", ONE),
        ("binaryen==130.0.0:passes=-all --closed-world -O2", MINUS_ONE),
        ("binaryen==130.0.0:passes=-O0", ONE),
        ("binaryen==131.0.0:passes=-O2", ONE),
        ("binaryen==130.0.0:passes=--optimize-instructions", MINUS_ONE),
        ("binaryen:passes=-O4", ONE),
    ],
)
def test_optimisers_before_and_after(name: str, result: tuple[Value, ...]) -> None:
    module = programs.assemble(programs.NEGATED_FACTORS)
    with open_optimiser(name) as optimiser, open_engine("wasmtime==50.0.1") as engine:
        answer = optimiser.optimise(module)
        assert (answer.kind, answer.message) == ("ok", "")
        assert result_of(engine, module) == ONE
        assert result_of(engine, answer.module) == result


def test_options_are_the_modules_own() -> None:
    module = programs.assemble(programs.NEGATED_FACTORS)
    with open_optimiser("binaryen==130.0.0") as optimiser:
        plain = optimiser.optimise(module, [])
        optimised = optimiser.optimise(module, ["-O2", "-tnh", "-ffm", "--pass-arg=a@b", "-g"])
        assert (plain.kind, optimised.kind) == ("ok", "ok")
        assert len(optimised.module) != len(plain.module)
        assert optimiser.optimise(module, []) == plain


def test_passes_of_a_level_are_told() -> None:
    module = programs.assemble(programs.NEGATED_FACTORS)
    with open_optimiser("binaryen==130.0.0:passes=-O2") as optimiser:
        passes = optimiser.expanded_passes(module)
    assert passes[0] == "duplicate-function-elimination"
    assert "optimize-instructions" in passes
    assert len(passes) > 20


def test_what_a_release_calls_unimplemented_is_not_supported() -> None:
    module = programs.assemble(
        "(module (tag $t) (func $f (throw $t))"
        ' (func (export "f") (block $h (try_table (catch $t $h) (call $f)))))'
    )
    with open_optimiser("binaryen==118.0.0:passes=-all -O2") as optimiser:
        answer = optimiser.optimise(module)
        assert (answer.kind, "unimplemented" in answer.message) == ("unsupported", True)
        assert "dce" in optimiser.expanded_passes(module)


@pytest.mark.parametrize("version", ["91.0.0", "100.0.0", "130.0.0"])
def test_an_unknown_pass_is_not_supported(version: str) -> None:
    module = programs.assemble(programs.NUMBERS)
    with open_optimiser(f"binaryen=={version}:passes=--no-such-pass") as optimiser:
        answer = optimiser.optimise(module)
        assert (answer.kind, "no-such-pass" in answer.message) == ("unsupported", True)
        by_command = optimiser.optimise(module, ["--no-such-pass", "--converge"])
        assert (by_command.kind, "no-such-pass" in by_command.message) == ("unsupported", True)
        assert optimiser.optimise(module, ["-O1"]).kind == "ok"


def test_flags_that_a_release_has_not() -> None:
    module = programs.assemble(programs.NUMBERS)
    with open_optimiser("binaryen==100.0.0:passes=--closed-world -O2") as optimiser:
        answer = optimiser.optimise(module)
        assert (answer.kind, "--closed-world" in answer.message) == ("unsupported", True)
        assert optimiser.optimise(module, ["-O4"]).kind == "ok"
    with open_optimiser("binaryen==89.0.0") as optimiser:
        for flag in ("-O4", "--pass-arg=a@b", "--closed-world"):
            assert optimiser.optimise(module, [flag, "-O1"]).kind == "unsupported"


def test_flags_without_a_place_in_the_interface_go_to_the_command_line() -> None:
    module = programs.assemble(programs.STRUCT_IN_LOOP)
    with open_optimiser("binaryen==117.0.0") as optimiser:
        answer = optimiser.optimise(module, ["--closed-world", "-O2"])
        assert (answer.kind, answer.message) == ("ok", "")
    with open_engine("wasmtime==50.0.1") as engine:
        step = engine.run(Request(answer.module, (TEST,))).results[0]
        assert step.values == (Value("i32", 210),)


@pytest.mark.parametrize("flags", [["-O2"], ["-O4"]])
@pytest.mark.parametrize(
    ("version", "kind"),
    [("91.0.0", "unsupported"), ("110.0.0", "unsupported"), ("117.0.0", "ok"), ("130.0.0", "ok")],
)
def test_both_builds_take_the_same_features(version: str, kind: str, flags: list[str]) -> None:
    with open_optimiser(f"binaryen=={version}") as optimiser:
        assert optimiser.optimise(programs.assemble(programs.STRUCT_IN_LOOP), flags).kind == kind
        without = optimiser.optimise(programs.assemble(programs.STRUCT_IN_LOOP), ["-mvp", *flags])
        assert without.kind in ("unsupported", "rejected")


@pytest.mark.parametrize(
    ("limits", "fault"),
    [(Limits(seconds=0.01), "timeout"), (Limits(memory=16 << 20), "memory")],
)
def test_the_command_line_within_limits(limits: Limits, fault: str) -> None:
    _, held = hold(parse_spec("binaryen==130.0.0"), Cache())
    node = shutil.which("node")
    assert node is not None
    command_line = CommandLine("binaryen", node, held.path, limits)
    ran = command_line.optimise(programs.assemble(programs.NUMBERS), ["-all", "-O4"])
    held.close()
    assert (ran.fault, ran.module) == (fault, b"")


def test_doors_are_for_their_own() -> None:
    with pytest.raises(UsageError, match="optimiser"):
        open_engine("binaryen")
    with pytest.raises(UsageError, match="no optimiser"):
        open_optimiser("wasmtime")
    with pytest.raises(UsageError, match="reference"):
        open_engine("plumbob")


STATE = """
(module
  (tag (export "tag") (param i32))
  (memory (export "shared") 1 2 shared)
  (global (export "vector") (mut v128) (v128.const i64x2 0 0))
  (func (export "exn") (result exnref)
    (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (throw 0 (i32.const 1)))
      (unreachable)))
  (func (export "v128") (result v128) (v128.const i64x2 1 2))
  (func (export "test") (result i32) (i32.const 5)))
"""


@pytest.mark.parametrize(
    ("name", "instantiated"),
    [
        ("wasmtime==39.0.0", "unsupported"),
        ("wasmtime==43.0.0", "unsupported"),
        ("wasmtime==44.0.0", "unsupported"),
        ("wasmtime==45.0.0", "ok"),
        ("wasmtime==50.0.1", "ok"),
        ("deno", "ok"),
        ("node", "ok"),
        ("bun", "ok"),
    ],
)
def test_what_a_border_does_not_carry_is_not_supported(name: str, instantiated: str) -> None:
    calls = (Call("exn", (), ("exnref",)), Call("v128", (), ("v128",)), TEST)
    answer = run(name, STATE, *calls)
    assert (answer.compiled.kind, answer.instantiated.kind) == ("ok", instantiated)
    kinds = [step.kind for step in answer.results]
    fine = ["unsupported", "unsupported", "values"]
    assert kinds == (fine if instantiated == "ok" else ["skipped"] * 3)


@pytest.mark.parametrize("version", ["0.40.0", "15.0.0", "20.0.0", "27.0.1"])
def test_exported_shared_memory_that_a_release_cannot_show(version: str) -> None:
    answer = run(f"wasmtime=={version}", '(module (memory (export "m") 1 2 shared))')
    assert (answer.compiled.kind, answer.instantiated.kind) == ("ok", "unsupported")


def test_a_node_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho SyntaxError: Unexpected token\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setattr("plumbob.engines.opening.shutil", SimpleNamespace(which=lambda _: str(old)))
    with open_optimiser("binaryen==130.0.0:passes=-O2") as optimiser:
        assert optimiser.optimise(programs.assemble(programs.NUMBERS)).kind == "ok"
