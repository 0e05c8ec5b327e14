"""`plumbob check`: calls on the command line, inputs, statuses; a real fault of a real release."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.support import COMMAND, COMPONENT, INVALID, MALFORMED, VALID, Run, environment

from plumbob.cli.invoke import split

GC = """(module (type $s (struct (field i32)))
  (func $read (param (ref null $s)) (result i32) (struct.get $s 0 (local.get 0)))
  (func $keep (param (ref null $s)) nop)
  (func (export "test") (result i32)
    (local $ref (ref null $s)) (local $tmp (ref null $s)) (local $i i32) (local $sum i32)
    (local.set $ref (struct.new $s (i32.const 42)))
    (loop $loop
      (local.set $sum (i32.add (local.get $sum) (call $read (local.get $ref))))
      (local.set $tmp (struct.new $s (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $loop (i32.lt_u (local.get $i) (i32.const 5))))
    (call $keep (local.get $tmp)) (call $keep (local.get $tmp))
    (local.get $sum)))"""

REFERENCE_ALONE = ("-e", "plumbob")
"""Engines that need no registry."""


@pytest.mark.parametrize(
    ("args", "rest", "calls"),
    [
        (["a.wat"], ["a.wat"], ()),
        (["a.wat", "--invoke", "f"], ["a.wat"], (("f", ()),)),
        (["a", "--invoke", "f", "1", "-1", "--json"], ["a", "--json"], (("f", ("1", "-1")),)),
        (["a", "--invoke=f", "-inf", "-e", "deno"], ["a", "-e", "deno"], (("f", ("-inf",)),)),
        (
            ["--invoke", "f", "-0x1", "-.5", "--invoke", "g", "-nan:0x1", "--", "b"],
            ["--", "b"],
            (("f", ("-0x1", "-.5")), ("g", ("-nan:0x1",))),
        ),
        (["a", "--invoke"], ["a"], (("", ()),)),
        (["--", "--invoke", "f"], ["--", "--invoke", "f"], ()),
        (["a", "--invoke", "-f", "--seed", "1"], ["a", "--seed", "1"], (("-f", ()),)),
    ],
)
def test_calls_are_taken_out_of_the_arguments(
    args: list[str], rest: list[str], calls: tuple[tuple[str, tuple[str, ...]], ...]
) -> None:
    assert split(args) == (rest, calls)


def test_the_reference_alone(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    done = plumbob("check", tmp_path / "id.wat", *REFERENCE_ALONE, "--invoke", "id", "-7", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert (data["verdict"], data["wrong"]) == ("agree", [])
    assert [engine["name"] for engine in data["engines"]] == ["plumbob"]
    (call,) = data["calls"]
    assert (call["export"], call["args"]) == ("id", ["-7"])
    assert call["results"]["plumbob"]["values"] == ["-7"]


def test_the_reference_is_called_as_it_was_typed(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    names = ("-e", "plumbob:tier=interp", "-e", "plumbob", "-e", "plumbob")
    data = json.loads(plumbob("check", tmp_path / "id.wat", *names, "--json").stdout)
    assert [engine["name"] for engine in data["engines"]] == ["plumbob:tier=interp", "plumbob"]
    assert list(data["calls"][0]["results"]) == ["plumbob:tier=interp", "plumbob"]


def test_the_same_json_in_every_run(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    runs = [
        plumbob("check", tmp_path / "id.wat", *REFERENCE_ALONE, "--json").stdout for _ in range(2)
    ]
    assert runs[0] == runs[1]
    seeded = plumbob("check", tmp_path / "id.wat", *REFERENCE_ALONE, "--json", "--seed", "9").stdout
    assert json.loads(seeded)["calls"] != json.loads(runs[0])["calls"]


def test_standard_input_and_several_files(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    done = plumbob(
        "check", "-", tmp_path / "id.wat", *REFERENCE_ALONE, "--calls", "1", "--json",
        stdin=b'(module (func (export "one") (result i32) (i32.const 1)))',
    )  # fmt: skip
    data = json.loads(done.stdout)
    assert [module["file"] for module in data["modules"]] == ["<stdin>", str(tmp_path / "id.wat")]
    assert [call["export"] for call in data["calls"]] == ["one", "id"]


def test_a_script_on_standard_input(plumbob: Run) -> None:
    script = f'{VALID}\n(assert_return (invoke "id" (i32.const 1)) (i32.const 1))\n'
    done = plumbob("check", "-", *REFERENCE_ALONE, "--json", stdin=script.encode())
    assert done.returncode == 0, done.stderr
    assert [call["args"] for call in json.loads(done.stdout)["calls"]] == [["1"]]


def test_what_cannot_be_read_does_not_keep_the_others(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    (tmp_path / "bad.wat").write_text(MALFORMED)
    files = (tmp_path / "bad.wat", tmp_path / "id.wat", tmp_path / "none.wat")
    done = plumbob("check", *files, *REFERENCE_ALONE, "--json")
    assert done.returncode == 2
    data = json.loads(done.stdout)
    assert [module["file"] for module in data["modules"]] == [str(tmp_path / "id.wat")]
    assert [error["file"] for error in data["errors"]] == [str(files[0]), str(files[2])]


def test_a_script_that_the_reference_contradicts(plumbob: Run, tmp_path: Path) -> None:
    script = f'{VALID}\n(assert_return (invoke "id" (i32.const 1)) (i32.const 2))\n'
    (tmp_path / "id.wast").write_text(script)
    done = plumbob("check", tmp_path / "id.wast", *REFERENCE_ALONE, "--json")
    assert done.returncode == 1
    data = json.loads(done.stdout)
    assert (data["verdict"], data["wrong"]) == ("disagree", ["plumbob"])
    assert data["sentence"] == (
        "plumbob contradicts the script: id(1) gives 1, where 2 is asserted."
    )
    assert data["modules"][0]["line"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{valid}", "-e", "nonsense"), b"is no engine"),
        (("{valid}", "-e", "plumbob", "--invoke", "none"), b"no function 'none' is exported"),
        (("{valid}", "-e", "plumbob", "--invoke", "id"), b"takes 1 arguments"),
        (("{valid}", "-e", "plumbob", "--invoke"), b"needs the name of an export"),
        (("{valid}", "-e", "plumbob", "--invoke", "id", "many"), b"an argument of 'id'"),
        (("{valid}", "-e", "plumbob", "--calls", "0"), b"--calls"),
        (("{malformed}", "-e", "plumbob"), b"nonsense"),
        (("{component}", "-e", "plumbob"), b"component"),
        (("{nowhere}", "-e", "plumbob"), b"cannot read"),
        (("{script}", "-e", "plumbob", "--invoke", "id", "1"), b"makes its own calls"),
        ((), b"Missing argument"),
    ],
)
def test_what_cannot_be_done(
    plumbob: Run, tmp_path: Path, arguments: tuple[str, ...], said: bytes
) -> None:
    names = {name: str(tmp_path / name) for name in ("valid", "malformed", "component", "nowhere")}
    names["script"] = str(tmp_path / "script.wast")
    (tmp_path / "valid").write_text(VALID)
    (tmp_path / "malformed").write_text(MALFORMED)
    (tmp_path / "component").write_bytes(COMPONENT)
    (tmp_path / "script.wast").write_text(VALID)
    done = plumbob("check", *(argument.format(**names) for argument in arguments))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stdout == b""


def test_a_module_that_is_not_valid_is_checked_all_the_same(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "invalid.wat").write_text(INVALID)
    done = plumbob("check", tmp_path / "invalid.wat", *REFERENCE_ALONE, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["modules"][0]["invalid"]


def test_an_engine_that_cannot_be_had(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    away = {
        "PLUMBOB_CACHE": str(tmp_path / "cache"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "UV_INDEX_URL": "http://127.0.0.1:9/simple",
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_HTTP_RETRIES": "0",
    }
    done = plumbob("check", tmp_path / "id.wat", "-e", "wasmtime==45.0.0", env=away)
    assert done.returncode == 2
    assert b"wasmtime==45.0.0" in done.stderr
    assert done.stdout == b""


def test_the_command_is_listed_and_starts_fast(plumbob: Run) -> None:
    assert b"check" in plumbob("--help").stdout
    code = "import sys, plumbob.cli.check; print([m for m in sys.modules if 'triage' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


# With real engines


@pytest.mark.registry
def test_a_release_that_loses_a_reference(tmp_path: Path) -> None:
    """wasmtime#13498: a loop-invariant reference shares its stack slot with another."""
    (tmp_path / "gc.wat").write_text(GC)
    engines = ("wasmtime==45.0.0", "wasmtime==46.0.1", "deno")
    arguments = [part for engine in engines for part in ("--engine", engine)]
    done = subprocess.run(
        [*COMMAND, "check", str(tmp_path / "gc.wat"), *arguments, "--json"],
        capture_output=True, env=environment(), check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    data = json.loads(done.stdout)
    assert (data["verdict"], data["wrong"]) == ("disagree", ["wasmtime==45.0.0"])
    results = data["calls"][0]["results"]
    assert {name: result["values"] for name, result in results.items()} == {
        "plumbob": ["210"],
        "wasmtime==45.0.0": ["48"],
        "wasmtime==46.0.1": ["210"],
        "deno": ["210"],
    }
    assert data["rationale"][0]["section"] == "WebAssembly 3.0, 4.6 Instructions, struct.get"
    assert [engine["name"] for engine in data["engines"]] == ["plumbob", *engines]
    assert data["engines"][1]["version"] == "45.0.0"
    assert data["machine"]["architecture"]


@pytest.mark.registry
def test_default_engines_are_named_with_their_releases(tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    done = subprocess.run(
        [*COMMAND, "check", str(tmp_path / "id.wat"), "--json"],
        capture_output=True, env=environment(), check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [engine["name"] for engine in json.loads(done.stdout)["engines"]]
    assert names[0] == "plumbob"
    assert [name.partition("==")[0] for name in names[1:]] == ["wasmtime", "deno"]
    assert all("==" in name for name in names[1:])


@pytest.mark.registry
def test_ctrl_c_leaves_no_worker(tmp_path: Path) -> None:
    (tmp_path / "spin.wat").write_text('(module (func (export "spin") (loop $l (br $l))))')
    process = subprocess.Popen(
        [*COMMAND, "check", str(tmp_path / "spin.wat"), "-e", "wasmtime==46.0.1", "--fuel", "1000",
         "--timeout", "100"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    workers: list[str] = []
    while not workers and time.monotonic() < deadline:
        found = subprocess.run(
            ["/usr/bin/env", "pgrep", "-P", str(process.pid), "-f", "wasmtime_host"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        workers = found.stdout.split()
        time.sleep(0.1)
    assert workers
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert not any(Path("/proc", worker).exists() for worker in workers)


ECHO = """(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $say (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $size))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (drop (call $sizes (i32.const 16) (i32.const 20)))
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (call $say (i32.const 2048) (i32.load (i32.const 20)))
    (drop (call $env (i32.const 16) (i32.const 20)))
    (drop (call $environ (i32.const 1024) (i32.const 4096)))
    (call $say (i32.const 4096) (i32.load (i32.const 20)))
    (i32.store (i32.const 0) (i32.const 8192)) (i32.store (i32.const 4) (i32.const 100))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $say (i32.const 8192) (i32.load (i32.const 8)))))"""
"""Prints its arguments, its variables and its input."""


def test_a_wasi_program_gets_arguments_variables_and_input(plumbob: Run, tmp_path: Path) -> None:
    program, stdin = tmp_path / "echo.wat", tmp_path / "in.txt"
    program.write_text(ECHO)
    stdin.write_text("typed in")
    done = plumbob(
        "check", program, *REFERENCE_ALONE, "--env", "A=b=c", "--stdin", stdin, "--json",
        "--", "one", "--two", "--invoke",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (call,) = json.loads(done.stdout)["calls"]
    said = [line.partition(") ")[2] for line in call["results"]["plumbob"]["log"]]
    assert said == [
        repr("echo.wat\0one\0--two\0--invoke\0"), repr("A=b=c\0"), repr("typed in"),
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["check", "bisect"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--env", "none"), b"an environment variable"),
        (("--stdin", "missing.txt"), b"missing.txt"),
        (("--", *("x" * 60_000,) * 5), b"too much to give to a WASI program"),
    ],
)
def test_what_a_program_cannot_be_given(
    command: str, options: tuple[str, ...], said: bytes, plumbob: Run, tmp_path: Path
) -> None:
    program = tmp_path / "echo.wat"
    program.write_text(ECHO)
    engine = ("-e", "wasmtime") if command == "bisect" else REFERENCE_ALONE
    done = plumbob(command, program, *engine, *options)
    assert done.returncode == 2
    assert said in b" ".join(done.stderr.split())


def test_time_that_is_spent_is_said(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "id.wat").write_text(VALID)
    done = plumbob("check", tmp_path / "id.wat", *REFERENCE_ALONE, "--budget", "1e-9", "--json")
    assert done.returncode == 0
    (module,) = json.loads(done.stdout)["modules"]
    assert module["left_out"] == module["calls"] > 0
