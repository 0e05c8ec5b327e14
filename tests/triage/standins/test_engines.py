"""Stand-ins on real engines, and on the modules of the official suite and real programs."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.seeds import of_script
from tests.triage.standins.programs import KINDS, Import, logs, module_of, random_import, request_of
from tests.triage.standins.test_standins import HOSTILE, SPECTEST, TWICE

from plumbob.engines.opening import open_engine
from plumbob.engines.request import FunctionImport, OutcomeKind
from plumbob.errors import InputError
from plumbob.triage.check.reference import Reference
from plumbob.triage.standins import WasiInput, stand_in
from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.engines.engine import Engine
    from plumbob.triage.standins import LoggedCall
    from plumbob.wasm.module import Module

PROGRAMS = ("noop", "quicksort", "bz2", "richards")
"""These end soon, most as their input is missing: the interpreter runs them too."""
LONGER = ("base64", "nestedloop", "switch")
"""These have expected outputs."""
FOREIGN = ("wasmtime", "deno", "bun")


def importing_modules(suites: Path) -> Iterator[Module]:
    """The suite's valid modules that import something."""
    for path in sorted((suites / "spec").rglob("*.wast")):
        for data in of_script(path):
            try:
                module = decode(data, features=features.ALL)
            except InputError:
                continue
            if module.imports and validate(module, features=features.ALL).verdict == "valid":
                yield module


def test_modules_of_the_suite_stay_valid(suites: Path) -> None:
    count = 0
    for module in importing_modules(suites):
        stood_in = stand_in(module, count)
        again = decode(encode(stood_in.module), features=features.ALL)
        found = validate(again, features=features.ALL)
        assert found.verdict == "valid", (module.name, found.diagnostics)
        described = [
            (item.module, item.name, type(item) is FunctionImport) for item in stood_in.imports
        ]
        assert described == [(item.module, item.name, item.kind == 0) for item in again.imports]
        count += 1
    assert count > 500


def programs(suites: Path) -> Iterator[Path]:
    for name in PROGRAMS:
        yield suites / "programs" / name / "benchmark.wasm"


def written(calls: tuple[LoggedCall, ...], fd: int) -> bytes:
    """What a program wrote to a descriptor."""
    return b"".join(
        call.text for call in calls if call.text is not None and call.args[0].bits == fd
    )


@cache
def as_run(path: Path) -> tuple[bytes, bytes, int]:
    """What `plumbob run` prints of a program, and its exit code."""
    command = [sys.executable, "-m", "plumbob", "run", "--unknown-imports", "default"]
    done = subprocess.run(
        [*command, str(path)], capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("name", ["noop", "quicksort", "primes"])
def test_programs_print_what_run_prints(name: str, suites: Path) -> None:
    path = suites / "programs" / name / "benchmark.wasm"
    if name == "primes":
        path = Path(__file__).resolve().parents[3] / "examples" / "primes.wat"
    given = WasiInput(args=(str(path),))
    module = parse_text(path.read_bytes()) if path.suffix == ".wat" else decode(path.read_bytes())
    stood_in = stand_in(module, 0, given)
    (calls,) = logs(stood_in, Reference().run(request_of(stood_in, "_start")))[2:]
    stdout, stderr, _ = as_run(path)
    assert written(calls, 1) == stdout
    assert stderr.startswith(written(calls, 2))
    assert stdout + stderr


# Other people's engines.


@pytest.fixture(scope="module", params=FOREIGN)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param) as opened:
        yield opened


@pytest.mark.registry
def test_engines_log_every_type(engine: Engine) -> None:
    reference = Reference()
    for place, kind in enumerate(KINDS):
        item = Import("f", (kind,) * 9, ("i32", "f64", kind.text))
        stood_in = stand_in(module_of([item], [item, item]), place)
        request = request_of(stood_in, "go")
        expected, found = reference.run(request), engine.run(request)
        assert found.results[0].kind == expected.results[0].kind, (kind, found)
        assert logs(stood_in, found) == logs(stood_in, expected)
        assert logs(stood_in, found)[2] == (item.logged, item.logged)


@pytest.mark.registry
def test_engines_do_as_the_reference_does(engine: Engine) -> None:
    reference = Reference()
    for seed in range(40):
        rng = Random(seed)  # noqa: S311  # repeatable
        imports = [random_import(rng, number, plain=seed % 2 == 0) for number in range(5)]
        stood_in = stand_in(module_of(imports, [rng.choice(imports) for _ in range(9)]), seed)
        request = request_of(stood_in, "go")
        expected, found = reference.run(request), engine.run(request)
        assert found.results[0].kind == expected.results[0].kind == OutcomeKind.VALUES, found
        assert logs(stood_in, found) == logs(stood_in, expected)


@pytest.mark.registry
@pytest.mark.parametrize("text", [SPECTEST, TWICE])
def test_engines_take_other_imports(engine: Engine, text: str) -> None:
    stood_in = stand_in(parse_text(text), 2)
    request = request_of(stood_in, "go")
    expected, found = Reference().run(request), engine.run(request)
    if found.compiled.kind == OutcomeKind.UNSUPPORTED:
        pytest.skip(found.compiled.message)
    assert found.results[0].kind == expected.results[0].kind == OutcomeKind.VALUES, found
    assert logs(stood_in, found) == logs(stood_in, expected)


@pytest.mark.registry
@pytest.mark.parametrize("name", HOSTILE)
def test_engines_take_hostile_names(engine: Engine, name: str) -> None:
    text = f"""(module (import "{name}" "{name}" (func $c (param i32) (result i32)))
      (import "{name}" "g" (global i32))
      (func (export "go") (drop (call $c (i32.const 1)))))"""
    stood_in = stand_in(parse_text(text), 0)
    request = request_of(stood_in, "go")
    expected, found = Reference().run(request), engine.run(request)
    assert found.results[0].kind == expected.results[0].kind == OutcomeKind.VALUES, found
    assert logs(stood_in, found) == logs(stood_in, expected)


@pytest.mark.registry
def test_engines_print_the_same_texts(engine: Engine, suites: Path) -> None:
    for path in programs(suites):
        stood_in = stand_in(decode(path.read_bytes()), 0, WasiInput(args=(str(path),)))
        request = request_of(stood_in, "_start")
        found = engine.run(request)
        (calls,) = logs(stood_in, found)[2:]
        expected = as_run(path)
        assert written(calls, 1) == expected[0], path
        assert expected[1].startswith(written(calls, 2)), path
        ends = found.results[0].kind == OutcomeKind.VALUES
        assert ends == (expected[2] == 0), (path, found.results[0])


@pytest.mark.registry
@pytest.mark.parametrize("name", LONGER)
def test_engines_print_what_is_expected(engine: Engine, suites: Path, name: str) -> None:
    path = suites / "programs" / "shootout" / f"shootout-{name}.wasm"
    stood_in = stand_in(decode(path.read_bytes()), 0)
    (calls,) = logs(stood_in, engine.run(request_of(stood_in, "_start")))[2:]
    assert written(calls, 1) == path.with_suffix(".stdout.expected").read_bytes()
    assert [call.name for call in calls if call.module == "bench"] == ["start", "end"]


EXITS = """
  (module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "go") (call $exit (i32.const 42))))
"""


@pytest.mark.registry
def test_engines_exit(engine: Engine) -> None:
    stood_in = stand_in(parse_text(EXITS), 0)
    answer = engine.run(request_of(stood_in, "go"))
    assert (answer.results[0].kind, answer.results[0].trap) == (OutcomeKind.TRAP, "unreachable")
    (calls,) = logs(stood_in, answer)[2:]
    assert [(call.name, call.args[0].bits) for call in calls] == [("proc_exit", 42)]
