"""`plumbob engines`; `-m registry` for what asks one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.support import COMMAND, environment

from plumbob.engines.cache import Cache

if TYPE_CHECKING:
    from tests.cli.support import Run


def fill(fresh: Path) -> None:
    (fresh / "x").write_bytes(b"x" * 5000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with three engines that nobody could run."""
    cache = Cache(tmp_path / "cache")
    for kind, version in (("wasmtime", "9.0.0"), ("wasmtime", "10.0.0"), ("deno", "2.9.8")):
        held = cache.hold(kind, version, fill)
        assert held is not None
        held.close()
    return cache.folder


@pytest.fixture
def env(folder: Path, tmp_path: Path) -> dict[str, str]:
    """That cache, and registries where nobody listens."""
    return {
        "PLUMBOB_CACHE": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_EXTRA_INDEX_URL": "",
        "npm_config_registry": "http://127.0.0.1:9/",
        "npm_config_cache": str(tmp_path / "npm"),
        "npm_config_fetch_retries": "0",
    }


def test_list_of_what_is_installed(plumbob: Run, env: dict[str, str], folder: Path) -> None:
    done = plumbob("engines", "list", "--installed", "--json", env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    data = json.loads(done.stdout)
    assert data["version"] == 1
    assert data["cache"]["folder"] == str(folder)
    assert data["cache"]["size"] == sum(
        found["size"] for engine in data["engines"] for found in engine["installed"]
    )
    engines = {engine["kind"]: engine for engine in data["engines"]}
    assert list(engines) == [
        "wasmtime", "deno", "node", "bun", "spidermonkey", "wasm3", "pywasm", "wasm-tools",
        "wabt", "binaryen",
    ]  # fmt: skip
    assert [found["version"] for found in engines["wasmtime"]["installed"]] == ["9.0.0", "10.0.0"]
    assert engines["wasmtime"]["available"] is None
    text = plumbob("engines", "list", "--installed", "wasmtime", env=env).stdout.decode()
    used = engines["wasmtime"]["installed"][0]["used"]
    now = datetime.now(UTC)
    assert now - timedelta(minutes=5) < datetime.fromisoformat(used) <= now
    assert text.splitlines()[:2] == [
        "wasmtime",
        f"  installed  9.0.0          0.0 MB  used {used[:10]}",
    ]
    assert "deno" not in text


def test_a_registry_that_is_away_is_said(plumbob: Run, env: dict[str, str]) -> None:
    done = plumbob("engines", "list", "wasmtime", "binaryen", "--json", env=env)
    assert done.returncode == 0
    engines = json.loads(done.stdout)["engines"]
    for engine in engines:
        assert engine["available"] is None
        assert engine["error"].startswith(f"registry unreachable: {engine['kind']}")
    assert len(engines[0]["installed"]) == 2
    done = plumbob("engines", "install", "wasmtime==45.0.0", env=env)
    assert done.returncode == 2
    assert b"registry unreachable: wasmtime==45.0.0" in done.stderr
    done = plumbob("engines", "install", "wasmtime", env=env)
    assert done.returncode == 0, "the newest that is installed goes on"
    assert b"wasmtime==10.0.0 is there" in done.stdout


def test_path(plumbob: Run, env: dict[str, str], folder: Path) -> None:
    done = plumbob("engines", "path", "wasmtime", env=env)
    assert done.returncode == 0
    assert Path(done.stdout.decode().strip()) == folder / "engines" / "wasmtime" / "10.0.0"
    done = plumbob("engines", "path", "wasmtime==9.0.0:opt=none", "--json", env=env)
    (found,) = json.loads(done.stdout)["engines"]
    assert (found["engine"], found["version"]) == ("wasmtime==9.0.0:opt=none", "9.0.0")
    done = plumbob("engines", "path", "wasmtime==1.0.0", env=env)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"wasmtime==1.0.0 is not installed" in done.stderr
    done = plumbob("engines", "path", "node", "--json", env=env)
    assert done.returncode == 1
    assert json.loads(done.stdout)["engines"][0]["path"] is None


def test_remove(plumbob: Run, env: dict[str, str]) -> None:
    done = plumbob("engines", "remove", "wasmtime==9.0.0", "wasmtime==1.0.0", env=env)
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "wasmtime==9.0.0 removed",
        "wasmtime==1.0.0 was not installed",
    ]
    done = plumbob("engines", "remove", "wasmtime", "deno", "--json", env=env)
    removed = json.loads(done.stdout)["engines"]
    assert [(item["kind"], item["version"], item["removed"]) for item in removed] == [
        ("wasmtime", "10.0.0", True),
        ("deno", "2.9.8", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("install", "wasmtim"), b"'wasmtim' is no engine"),
        (("install", "plumbob"), b"part of Plumbob"),
        (("install", "wasmtime==0.1.0"), b"0.28 or newer"),
        (("remove", "wasmtime==x"), b"is no release"),
        (("list", "gcc"), b"'gcc' is no engine"),
        (("install",), b"Missing argument"),
    ],
)
def test_usage(plumbob: Run, env: dict[str, str], arguments: tuple[str, ...], says: bytes) -> None:
    done = plumbob("engines", *arguments, env=env)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.registry
def test_install_and_remove_a_release(plumbob: Run, tmp_path: Path) -> None:
    env = {"PLUMBOB_CACHE": str(tmp_path)}
    for new in (True, False):
        done = plumbob("engines", "install", "wasmtime==45.0.0", "--json", env=env)
        assert done.returncode == 0, done.stderr
        (found,) = json.loads(done.stdout)["engines"]
        assert (found["version"], found["new"]) == ("45.0.0", new)
        assert (Path(found["path"]) / "wasmtime" / "__init__.py").is_file()
    done = plumbob("engines", "install", "wasmtime==45.0.99", env=env)
    assert done.returncode == 2
    assert b"the registry has no wasmtime==45.0.99" in done.stderr
    assert plumbob("engines", "remove", "wasmtime", env=env).returncode == 0
    assert list((tmp_path / "engines" / "wasmtime").iterdir()) == []


def start_install(folder: Path, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "engines", "install", name, "--json"],
        env=environment(PLUMBOB_CACHE=str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.registry
def test_two_processes_install_the_same_release(tmp_path: Path) -> None:
    processes = [start_install(tmp_path, "wasmtime==45.0.0") for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(json.loads(text)["engines"][0]["new"] for text in said) == [False, True]
    assert list((tmp_path / "unfinished").iterdir()) == []


@pytest.mark.registry
def test_ctrl_c_leaves_nothing_half_made(tmp_path: Path) -> None:
    process = start_install(tmp_path, "wasmtime==45.0.0")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("unfinished/*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, b"interrupted" in complaints) == (130, True)
    assert list((tmp_path / "unfinished").iterdir()) == []
    assert not list(tmp_path.glob("engines/*/*"))
