"""Every release of wasmtime and binaryen: `pytest -m 'slow and registry'`, about 4 GB.

One Python drives them all, though the interface changed several times. What is expected of
a release stands in the tables below; a new release has to do all that the newest row says.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
from tests.engines import programs

from plumbob.engines.cache import Cache
from plumbob.engines.errors import StartError
from plumbob.engines.opening import open_engine, open_optimiser
from plumbob.engines.registry import Releases
from plumbob.engines.request import (
    Call,
    FunctionImport,
    GlobalImport,
    HostCall,
    MemoryImport,
    Request,
    Value,
)
from plumbob.engines.spec import release_key
from plumbob.engines.traps import T, same_class

if TYPE_CHECKING:
    from plumbob.engines.engine import Engine

pytestmark = [pytest.mark.slow, pytest.mark.registry]

PROGRAM = """
(module
  (import "env" "note" (func $note (param i32) (result i32)))
  (import "env" "base" (global $base i64))
  (import "env" "count" (global $count (mut i32)))
  (import "env" "memory" (memory 1 3))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "store") (param i32) (result i32)
    (i32.store (i32.const 65532) (local.get 0))
    (i32.add (memory.grow (i32.const 1)) (i32.load (i32.const 65532))))
  (func (export "base") (result i64) (global.get $base))
  (func (export "count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
  (func (export "note") (result i32) (call $note (i32.const -2)))
  (func (export "beyond") (result i32) (i32.load (i32.const 0x20000)))
  (func (export "zero") (result i32) (i32.div_u (i32.const 1) (i32.const 0)))
  (func (export "endless") (loop $again (br $again))))
"""

I32 = ("i32",)
IMPORTS = (
    FunctionImport("env", "note", I32, I32, ((Value("i32", 77),),)),
    GlobalImport("env", "base", Value("i64", 1 << 63)),
    GlobalImport("env", "count", Value("i32", 40), mutable=True),
    MemoryImport("env", "memory", 1, 3),
)
CALLS = (
    Call("add", (Value("i32", 0xFFFFFFFF), Value("i32", 3)), I32),
    Call("store", (Value("i32", 41),), I32),
    Call("base", (), ("i64",)),
    Call("count", (), I32),
    Call("note", (), I32),
    Call("beyond", (), I32),
    Call("zero", (), I32),
)
EXPECTED: tuple[int | str, ...] = (2, 42, 1 << 63, 41, 77, T.MEMORY_OUT_OF_BOUNDS, T.DIVIDE_BY_ZERO)

FEATURES: Final = {
    "(drop (ref.null extern))": (0, 28),
    "(drop (i8x16.splat (i32.const 1)))": (0, 28),
    "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))": (0, 28),
    "(drop (i32.atomic.load (i32.const 0)))": (0, 28),
    "(drop (i32.load $second (i32.const 0)))": (1,),
    "(drop (i32.load $wide (i64.const 0)))": (1,),
    "(drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0)))": (15,),
    "(return_call $callee)": (22,),
    "(call_ref $type (ref.func $callee))": (27,),
    "(drop (struct.new $struct (i32.const 1)))": (27,),
    "(throw $tag)": (39,),
}
"""A body that needs a feature, and the release from which wasmtime is known to have it."""

MODULE: Final = {
    "$type": "(type $type (func))",
    "$struct": "(type $struct (struct (field i32)))",
    "$tag": "(tag $tag)",
    "memory": "(memory 1)",
    "atomic": "(memory 1)",
    "load": "(memory 1)",
    "$second": "(memory $second 1)",
    "$wide": "(memory $wide i64 1)",
    "$callee": "(func $callee) (elem declare func $callee)",
}
"""What a module has for a body that names it."""

FUEL_ENDS = ("values", "fuel", "values")


def checked(engine: Engine) -> list[str]:
    """What is wrong with calls, traps, memory, globals and imports."""
    answer = engine.run(Request(programs.assemble(PROGRAM), CALLS, IMPORTS))
    if answer.instantiated.kind != "ok":
        return [repr(answer)]
    wrong = []
    for call, step, expected in zip(CALLS, answer.results, EXPECTED, strict=True):
        if isinstance(expected, str):
            good = step.kind == "trap" and step.trap is not None
            good = good and same_class(step.trap, expected)
        else:
            good = step.values == (Value(call.results[0], expected),)
        if not good:
            wrong.append(f"{call.export}: {step}")
    if answer.results[4].calls != (HostCall(0, (Value("i32", 0xFFFFFFFE),)),):
        wrong.append(f"log: {answer.results[4].calls}")
    return wrong


def with_features(engine: Engine) -> list[str]:
    """What is wrong with features: none before its time, all of them afterwards."""
    wrong = []
    for body, since in FEATURES.items():
        fields = dict.fromkeys(field for word, field in MODULE.items() if word in body)
        text = f'(module {" ".join(fields)} (func (export "test") {body}))'
        answer = engine.run(Request(programs.assemble(text), (Call("test"),)))
        end = "exception" if "$tag" in body else "values"
        expected = (
            ("ok", end) if release_key(engine.version) >= since else ("unsupported", "skipped")
        )
        if (answer.compiled.kind, answer.results[0].kind) != expected:
            wrong.append(f"{body}: {answer}")
    return wrong


def with_roots(engine: Engine) -> list[str]:
    """What is wrong with a reference that is live across allocations."""
    program = programs.assemble(programs.STRUCT_IN_LOOP)
    answer = engine.run(Request(program, (Call("test", (), I32),)))
    key = release_key(engine.version)
    if key < (27,):
        return [] if answer.compiled.kind == "unsupported" else [repr(answer)]
    expected = 48 if (45,) <= key < (46,) else 210
    return [] if answer.results[0].values == (Value("i32", expected),) else [repr(answer)]


def with_fuel(engine: Engine) -> list[str]:
    """What is wrong with fuel: one call's is not the next one's, and it ends a loop."""
    calls = (CALLS[0], Call("endless"), CALLS[0])
    answer = engine.run(Request(programs.assemble(PROGRAM), calls, IMPORTS))
    kinds = tuple(step.kind for step in answer.results)
    return [] if kinds == FUEL_ENDS else [f"fuel: {answer}"]


OPTIONS: Final = {
    "": ((0, 28), (checked, with_features, with_roots)),
    ":fuel=10000": ((0, 28), (checked, with_fuel)),
    ":opt=none": ((0, 28), (checked,)),
    ":opt=speed_and_size": ((0, 28), (checked,)),
    ":cranelift-flag=enable_verifier=true": ((13,), (checked,)),
}
"""Options, the release from which there are such, and what is looked at."""


def faults(version: str) -> list[str]:
    """What is wrong with a release."""
    wrong = []
    for option, (since, looks) in OPTIONS.items():
        name = f"wasmtime=={version}{option}"
        try:
            with open_engine(name) as engine:
                wrong += [f"{name}: {fault}" for look in looks for fault in look(engine)]
                if release_key(version) < since:
                    wrong.append(f"{name} starts")
        except StartError as error:
            if release_key(version) >= since:
                wrong.append(f"{name}: {error}")
    return wrong


def test_every_release_does_what_it_can() -> None:
    releases = Releases(Cache().releases_folder).published("wasmtime")
    assert len(releases) >= 71
    with ThreadPoolExecutor(2) as threads:  # mostly a download
        found = dict(zip(releases, threads.map(faults, releases), strict=True))
    assert {version: wrong for version, wrong in found.items() if wrong} == {}


FLAGS: Final = {
    "-O2": ("numbers", (89,)),
    "-Oz --vacuum": ("numbers", (89,)),
    "--pass-arg=a@b -O1": ("numbers", (90,)),
    "-O4": ("numbers", (90,)),
    "--closed-world -O3": ("roots", (116,)),
    "-all -O2": ("roots", (116,)),
    "--no-such-pass": ("numbers", (1000,)),
}
"""Flags, the program that they are tried on, and the release from which that works."""


def optimiser_faults(version: str) -> list[str]:
    """What is wrong with a release of binaryen: it does what it can, and says what it cannot."""
    texts = {"numbers": programs.NUMBERS, "roots": programs.STRUCT_IN_LOOP}
    wrong = []
    with open_optimiser(f"binaryen=={version}") as optimiser:
        for flags, (program, since) in FLAGS.items():
            answer = optimiser.optimise(programs.assemble(texts[program]), flags.split())
            expected = "ok" if release_key(version) >= since else "unsupported"
            if answer.kind != expected:
                wrong.append(f"{flags}: {answer}")
    return wrong


def test_every_release_of_binaryen_does_what_it_can() -> None:
    releases = Releases(Cache().releases_folder).published("binaryen")
    assert len(releases) >= 34
    with ThreadPoolExecutor(2) as threads:
        found = dict(zip(releases, threads.map(optimiser_faults, releases), strict=True))
    assert {version: wrong for version, wrong in found.items() if wrong} == {}
