"""The cache: whole or not there, for every way in which an installation can end."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from plumbob.engines import install
from plumbob.engines.cache import MANIFEST, Cache, default_folder, parse_size
from plumbob.engines.errors import InstallError, RegistryError
from plumbob.engines.registry import Releases
from plumbob.engines.spec import parse_spec
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit=100_000)


def filling(size: int = 1000) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        (folder / "engine").write_bytes(os.urandom(size))

    return fill


def put(cache: Cache, version: str, size: int = 1000) -> Path:
    held = cache.hold("wasmtime", version, filling(size))
    assert held is not None
    held.close()
    return held.path


def leftovers(cache: Cache) -> list[Path]:
    return list((cache.folder / "unfinished").glob("*"))


def test_an_engine_is_installed_once(cache: Cache) -> None:
    path = put(cache, "1.0.0")
    assert cache.versions("wasmtime") == ["1.0.0"]

    def never(_: Path) -> None:
        raise AssertionError

    held = cache.hold("wasmtime", "1.0.0", never)
    assert held is not None
    assert held.path == path
    held.close()
    assert cache.hold("wasmtime", "2.0.0", None) is None
    assert not leftovers(cache)


@pytest.mark.parametrize(
    ("error", "raised", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), InstallError, "no space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), InstallError, "no space left"),
        (OSError(errno.EACCES, "Permission denied"), InstallError, "Permission denied"),
        (RegistryError("registry unreachable: wasmtime"), RegistryError, "unreachable"),
        (KeyboardInterrupt("by hand"), KeyboardInterrupt, "by hand"),
    ],
)
def test_an_installation_that_fails_leaves_nothing(
    cache: Cache, error: BaseException, raised: type[BaseException], says: str
) -> None:
    def fail(folder: Path) -> None:
        filling()(folder)
        raise error

    with pytest.raises(raised, match=says):
        cache.hold("wasmtime", "1.0.0", fail)
    assert cache.installed() == []
    assert not leftovers(cache)
    put(cache, "1.0.0")


def test_what_a_killed_process_left_is_cleared(cache: Cache) -> None:
    left = cache.folder / "unfinished" / "wasmtime-1.0.0-abc"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    put(cache, "1.0.0")
    assert not leftovers(cache)


def test_a_folder_without_a_manifest_is_no_engine(cache: Cache) -> None:
    path = put(cache, "1.0.0")
    (path / MANIFEST).write_text("{")
    assert cache.installed() == []


def test_the_limit_drops_what_was_used_least_recently(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=60_000)
    for age, version in ((300, "1.0.0"), (100, "2.0.0"), (200, "3.0.0")):
        path = put(cache, version, 16_000)
        then = time.time() - age
        os.utime(path / ".used", (then, then))
    held = cache.hold("wasmtime", "1.0.0", None)  # opening it makes it the youngest
    assert held is not None
    held.close()
    put(cache, "4.0.0", 16_000)
    assert cache.versions("wasmtime") == ["1.0.0", "2.0.0", "4.0.0"]
    assert sum(found.size for found in cache.installed()) <= cache.limit
    assert not leftovers(cache)


def test_an_engine_in_use_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=1)
    held = cache.hold("wasmtime", "1.0.0", filling())
    assert held is not None
    put(cache, "2.0.0")
    assert cache.versions("wasmtime") == ["1.0.0", "2.0.0"], "in use, and just installed"
    with pytest.raises(UsageError, match="in use"):
        cache.remove("wasmtime", "1.0.0")
    held.close()
    put(cache, "3.0.0")
    assert cache.versions("wasmtime") == ["3.0.0"]
    assert cache.remove("wasmtime", "3.0.0")
    assert not cache.remove("wasmtime", "3.0.0")


@pytest.mark.parametrize(
    ("text", "size"), [("10GB", 10**10), ("1.5 m", 1_500_000), ("77", 77), ("2k", 2000)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "ten", "-1", "1PB", "G"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="size of the cache"):
        parse_size(text)


def test_the_environment_names_folder_and_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBOB_CACHE", str(tmp_path))
    monkeypatch.setenv("PLUMBOB_CACHE_LIMIT", "3MB")
    assert (Cache().folder, Cache().limit) == (tmp_path, 3_000_000)
    monkeypatch.delenv("PLUMBOB_CACHE")
    monkeypatch.delenv("PLUMBOB_CACHE_LIMIT")
    assert default_folder().name == "plumbob"
    assert Cache().limit == 10**10


SLOW = """
import sys, time, pathlib
from plumbob.engines.cache import Cache
def install(folder):
    print("installing", flush=True)
    for i in range(20):
        (folder / str(i)).write_text("x")
        time.sleep({pause})
held = Cache(pathlib.Path(sys.argv[1])).hold("wasmtime", "1.0.0", install)
print("files", len([f for f in held.path.iterdir() if f.name.isdigit()]), flush=True)
"""


def start(folder: Path, pause: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOW.format(pause=pause), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_install_the_same_at_once_install_it_once(tmp_path: Path) -> None:
    processes = [start(tmp_path, 0.02) for _ in range(4)]
    said = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sum("installing" in words for words in said) == 1
    assert all(words[-2:] == ["files", "20"] for words in said)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_installation(tmp_path: Path, sent: signal.Signals) -> None:
    with start(tmp_path, 0.2) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "installing\n"
        time.sleep(0.3)
        process.send_signal(sent)
        process.communicate(timeout=30)
    cache = Cache(tmp_path)
    assert cache.installed() == []
    if sent == signal.SIGINT:
        assert not leftovers(cache)
    with start(tmp_path, 0.0) as process:
        assert process.communicate(timeout=30)[0].split() == ["installing", "files", "20"]
    assert not leftovers(cache)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607  # wherever the system has it


def test_a_full_disk(small_disk: Path) -> None:
    cache = Cache(small_disk)
    with pytest.raises(InstallError, match="no space left"):
        cache.hold("wasmtime", "1.0.0", filling(8 << 20))
    assert cache.installed() == []
    assert not leftovers(cache)
    put(cache, "2.0.0", 1 << 20)


@pytest.mark.registry
@pytest.mark.parametrize("name", ["wasmtime==45.0.0", "binaryen==100.0.0"])
def test_a_full_disk_under_the_clients(small_disk: Path, name: str) -> None:
    cache = Cache(small_disk)
    with pytest.raises((InstallError, RegistryError), match="no space left"):
        install.hold(parse_spec(name), cache)
    assert cache.installed() == []
    assert not leftovers(cache)


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Clients that are told of a registry where nobody listens."""
    for name in ("PIP_INDEX_URL", "npm_config_registry"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")


@pytest.mark.usefixtures("no_registry")
@pytest.mark.parametrize("name", ["wasmtime==45.0.0", "wasmtime", "bun==1.4.5", "binaryen"])
def test_a_registry_that_is_away(cache: Cache, name: str) -> None:
    with pytest.raises(RegistryError, match="registry unreachable"):
        install.hold(parse_spec(name), cache)
    assert cache.installed() == []
    assert not leftovers(cache)


@pytest.mark.usefixtures("no_registry")
def test_installed_engines_go_on_without_a_registry(cache: Cache) -> None:
    put(cache, "9.0.0")
    put(cache, "10.0.0")
    for name, version in (("wasmtime", "10.0.0"), ("wasmtime==9.0.0", "9.0.0")):
        found, held = install.hold(parse_spec(name), cache)
        held.close()
        assert (found, held.path.name) == (version, version)


@pytest.mark.usefixtures("no_registry")
def test_old_answers_serve_while_the_registry_is_away(tmp_path: Path) -> None:
    (tmp_path / "wasmtime.json").write_text(json.dumps({"asked": 0, "releases": ["1.0.0"]}))
    releases = Releases(tmp_path)
    assert releases.newest("wasmtime") == "1.0.0"
    with pytest.raises(RegistryError, match="registry unreachable"):
        releases.published("wasmtime", max_age=0)
    (tmp_path / "deno.json").write_text("{")
    with pytest.raises(RegistryError, match="registry unreachable"):
        releases.published("deno")


@pytest.mark.parametrize(
    ("name", "says"),
    [("wasmtime==0.27.0", "0.28 or newer"), ("plumbob", "part of Plumbob"), ("bun==0.8.1", "1 or")],
)
def test_what_cannot_be_installed(cache: Cache, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        install.hold(parse_spec(name), cache)


def test_a_full_disk_frees_itself(small_disk: Path) -> None:
    cache = Cache(small_disk)
    put(cache, "1.0.0", 1 << 20)
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(b"x" * (8 << 20))
    with pytest.raises(InstallError, match="no space left"):
        put(cache, "2.0.0")
    held = cache.hold("wasmtime", "1.0.0", None)
    assert held is not None, "what is installed goes on"
    held.close()
    assert Releases(cache.releases_folder)._known("wasmtime") == (None, 0.0)
    assert cache.remove("wasmtime", "1.0.0")
    put(cache, "2.0.0")


def test_what_the_system_does_not_let_go(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, "1.0.0")

    def rename(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.rename", rename)
        with pytest.raises(InstallError, match=r"cannot remove wasmtime==1\.0\.0: found"):
            cache.remove("wasmtime", "1.0.0")
        cache.limit = 0
        assert cache.evict() == []
    assert [found.version for found in cache.evict()] == ["1.0.0"]
