"""`plumbob bisect`; `-m registry` for what needs one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.support import COMMAND, INVALID, MALFORMED, VALID, environment

from plumbob.engines.cache import Cache

if TYPE_CHECKING:
    from tests.cli.support import Run

FAULTS = Path(__file__).resolve().parents[2] / "examples" / "faults"

RANGE = {
    "last_good_before": "44.0.0",
    "first_bad": "45.0.0",
    "last_bad": "45.0.0",
    "first_good_after": "46.0.1",
}


def fill(fresh: Path) -> None:
    (fresh / "nothing").write_text("that could run")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An empty cache, and registries where nobody listens."""
    return {
        "PLUMBOB_CACHE": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_EXTRA_INDEX_URL": "",
        "npm_config_registry": "http://127.0.0.1:9/",
        "npm_config_cache": str(tmp_path / "npm"),
        "npm_config_fetch_retries": "0",
    }


@pytest.mark.parametrize("name", ["wasmtime-45-gc", "wasmtime-copysign", "binaryen-abs"])
def test_the_known_faults_are_right_on_the_reference(plumbob: Run, name: str) -> None:
    values = {"wasmtime-45-gc": 210, "wasmtime-copysign": -1.5, "binaryen-abs": 1}
    done = plumbob("run", FAULTS / f"{name}.wat", "--invoke", "test")
    assert (done.returncode, float(done.stdout)) == (0, values[name])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing option '-e' / '--engine'"),
        (["--engine", "firefox"], "'firefox' is no engine"),
        (["--engine", "plumbob"], "plumbob is part of Plumbob and has no releases"),
        (["--engine", "binaryen"], "binaryen without flags changes nothing"),
        (["--engine", "wasmtime:opt=fast"], "option 'opt' of wasmtime"),
        (["--engine", "wasmtime", "--invoke", "nothing"], "no function 'nothing' is exported"),
        (["--engine", "wasmtime", "--invoke", "id"], "takes 1 arguments"),
        (["--engine", "wasmtime", "--from", "new"], "'new' is no final release of wasmtime"),
    ],
)
def test_usage(
    plumbob: Run, env: dict[str, str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    file = tmp_path / "valid.wat"
    file.write_text(VALID)
    done = plumbob("bisect", file, *arguments, env=env)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert not done.stdout


def test_unreadable_programs(plumbob: Run, env: dict[str, str], tmp_path: Path) -> None:
    done = plumbob("bisect", tmp_path / "none.wasm", "--engine", "wasmtime", env=env)
    assert done.returncode == 2
    assert b"cannot read" in done.stderr
    file = tmp_path / "malformed.wat"
    file.write_text(MALFORMED)
    done = plumbob("bisect", file, "--engine", "wasmtime", env=env)
    assert done.returncode == 2
    assert done.stderr.startswith(b"plumbob: ")


def test_a_registry_that_is_away_and_nothing_installed(
    plumbob: Run, env: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "valid.wat"
    file.write_text(VALID)
    done = plumbob("bisect", file, "--engine", "wasmtime", env=env)
    assert done.returncode == 2
    assert b"registry unreachable: wasmtime" in done.stderr


def test_a_registry_that_is_away_leaves_what_is_installed(
    plumbob: Run, env: dict[str, str], tmp_path: Path
) -> None:
    cache = Cache(Path(env["PLUMBOB_CACHE"]))
    held = cache.hold("wasmtime", "9.0.0", fill)
    assert held is not None
    held.close()
    file = tmp_path / "invalid.wat"
    file.write_text(INVALID)
    done = plumbob("bisect", file, "--engine", "wasmtime", "--json", env=env)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["engine"], told["ranges"], told["releases"]) == ("wasmtime", [], [])
    assert [one["version"] for one in told["skipped"]] == ["9.0.0"]
    assert "does not start" in told["skipped"][0]["reason"]
    assert "registry unreachable" in told["notes"][0]


def test_help_says_what_is_tried(plumbob: Run) -> None:
    shown = b" ".join(plumbob("bisect", "--help").stdout.split())
    assert b"a sample that closes in on the boundaries" in shown
    assert b"Exit status 1: a bad release was found." in shown
    assert b"bisect" in plumbob("--help").stdout


@pytest.mark.registry
def test_bad_between_good_ones(plumbob: Run) -> None:
    fault = FAULTS / "wasmtime-45-gc.wat"
    arguments = ("bisect", fault, "--engine", "wasmtime", "--from", "44", "--to", "46")
    done = plumbob(*arguments, "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ranges"] == [RANGE]
    assert (told["pass"], told["function"], told["prefix"]) == (None, None, None)
    start = time.monotonic()
    again = plumbob(*arguments, env={"COLUMNS": "80"})
    assert time.monotonic() - start < 10
    assert (again.returncode, again.stderr) == (1, b"")  # quiet in a pipe
    assert again.stdout.decode().splitlines()[-6:-3] == [
        "",
        "wasmtime 45.0.0 is bad; the last good release before it is 44.0.0, the first",
        "good one after it 46.0.1.",
    ]
    assert "45.0.0: bad with opt=speed, opt=none, opt=speed_and_size," in again.stdout.decode()


@pytest.mark.registry
def test_named_calls_with_arguments(plumbob: Run, tmp_path: Path) -> None:
    file = tmp_path / "two.wat"
    file.write_text(
        """(module (memory 1 1)
          (func (export "fine") (param i32) (result i32) (local.get 0))
          (func (export "load") (param i32) (result f64)
            (return (f64.copysign (f64.load (local.get 0)) (f64.const -1)))))"""
    )
    arguments = ("bisect", file, "--engine", "wasmtime", "--from", "41", "--to", "42", "--json")
    fine = plumbob(*arguments, "--invoke", "fine", "-1")
    assert fine.returncode == 0
    assert json.loads(fine.stdout)["releases"][0]["where"] == "fine(-1)"
    bad = plumbob(*arguments, "--invoke", "load", "65528")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["ranges"][0]["last_bad"] == "41.0.0"
    assert plumbob(*arguments, "--invoke", "load", "65520").returncode == 0


@pytest.mark.registry
def test_an_invalid_module_is_bad_where_it_is_accepted(plumbob: Run, tmp_path: Path) -> None:
    file = tmp_path / "invalid.wat"
    file.write_text(INVALID)
    done = plumbob("bisect", file, "--engine", "wasmtime", "--from", "50", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["releases"][0]["result"] == "good"


SCRIPT = """
(module (func (export "fine") (result i32) (i32.const 7)))
(assert_return (invoke "fine") (i32.const 7))
(module
  (memory 1 1)
  (func $other)
  (func $load (export "load") (param i32) (result f64)
    (return (f64.copysign (f64.load (local.get 0)) (f64.const -1))))
  (global $state (mut f32) (f32.const -3))
  (func $alike (export "alike") (result f32)
    (f32.abs
      (f32.mul
        (f32.neg
          (block (result f32)
            (global.set $state (f32.add (global.get $state) (f32.const 2)))
            (global.get $state)))
        (f32.neg
          (block (result f32)
            (global.set $state (f32.add (global.get $state) (f32.const 2)))
            (global.get $state)))))))
(assert_return (invoke "load" (i32.const 65528)) (f64.const -0))
(assert_return (invoke "alike") (f32.const 1))
"""
"""Its second module stands in line 4."""


@pytest.mark.registry
def test_scripts(plumbob: Run, tmp_path: Path) -> None:
    file = tmp_path / "both.wast"
    file.write_text(SCRIPT)
    arguments = ("bisect", file, "--json", "--engine")
    done = plumbob(*arguments, "wasmtime", "--from", "41", "--to", "42")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert [one["result"] for one in told["releases"]] == ["bad", "good"]
    assert told["releases"][0]["where"] == "module of line 4, load(65528)"
    done = plumbob(*arguments, "binaryen==130.0.0:passes=-O1", "--from", "130", "--to", "131")
    told = json.loads(done.stdout)
    assert told["ranges"][0]["first_good_after"] == "131.0.0"
    assert told["releases"][0]["where"] == "module of line 4, alike()"
    assert told["pass"] == "optimize-instructions"  # noqa: S105  # no password
    assert told["function"] == {"index": 2, "name": "alike"}
    again = plumbob(*arguments, "binaryen==130.0.0:passes=-O1", "--from", "130", "--to", "131")
    assert again.stdout == done.stdout  # although the verdicts were known
    done = plumbob(*arguments, "wasmtime", "--invoke", "load", "1")
    assert done.returncode == 2
    assert b"makes its own calls" in done.stderr


@pytest.mark.registry
def test_an_interruption_keeps_whole_files_and_goes_on(tmp_path: Path) -> None:
    """Interrupted like by Ctrl-C on a terminal: the whole group gets the signal."""
    cache = tmp_path / "cache"
    command = [
        *COMMAND, "bisect", str(FAULTS / "wasmtime-copysign.wat"), "--engine", "wasmtime",
        "--from", "38", "--to", "43", "--json",
    ]  # fmt: skip
    env = environment(PLUMBOB_CACHE=str(cache))
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(cache.glob("results/*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == b""
    assert b"the same command goes on from there" in complaints
    assert b"Traceback" not in complaints
    (results,) = cache.glob("results/*.json")
    known = json.loads(results.read_text())["verdicts"]
    assert known
    assert not list((cache / "unfinished").iterdir())
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=120)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ranges"][0]["first_good_after"] == "42.0.0"
    assert len(told["releases"]) == 6
