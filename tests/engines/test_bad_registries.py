"""Registries that answer, and not what they should: on this machine, one for each fault."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plumbob.engines import install
from plumbob.engines.cache import Cache
from plumbob.engines.errors import EngineError, InstallError, RegistryError
from plumbob.engines.registry import Releases
from plumbob.engines.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def wheel() -> bytes:
    """A wheel of a package that calls itself wasmtime 45.0.0."""
    data = io.BytesIO()
    info = "wasmtime-45.0.0.dist-info"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("wasmtime/__init__.py", "")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: wasmtime\nVersion: 45.0.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return data.getvalue()


def tarball() -> bytes:
    """A package of npm."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        text = b'{"name": "binaryen", "version": "100.0.0"}'
        member = tarfile.TarInfo("package/package.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return data.getvalue()


class FakeRegistry:
    """What a server that is PyPI and npm at once answers: (status, whole length, bytes)."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.wheel = self.sold_wheel = wheel()
        self.tarball = self.sold_tarball = tarball()
        self.status = 200
        self.listing: bytes | None = None
        self.cut = False
        self.stalls = False
        self.silent = threading.Event()

    def answer(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if path.endswith(".whl"):
            return self.status, self.sold_wheel
        if path.endswith(".tgz"):
            return self.status, self.sold_tarball
        if self.listing is not None:
            return self.status, self.listing
        if path.startswith("/simple/"):
            digest = hashlib.sha256(self.wheel).hexdigest()
            name = "wasmtime-45.0.0-py3-none-any.whl"
            page = f'<!DOCTYPE html><a href="/files/{name}#sha256={digest}">{name}</a>'
            return self.status, page.encode()
        digest = base64.b64encode(hashlib.sha512(self.tarball).digest()).decode()
        dist = {"tarball": f"{self.url}/binaryen-100.0.0.tgz", "integrity": f"sha512-{digest}"}
        version = {"name": "binaryen", "version": "100.0.0", "dist": dist}
        tags = {"latest": "100.0.0"}
        whole = {"name": "binaryen", "dist-tags": tags, "versions": {"100.0.0": version}}
        return self.status, json.dumps(whole).encode()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeRegistry]:
    fake = FakeRegistry()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # its base class calls it so
            status, body = fake.answer(self.path)
            if fake.stalls:
                fake.silent.wait()
            self.send_response(status)
            kind = "text/html" if self.path.startswith("/simple/") else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            is_file = self.path.endswith((".whl", ".tgz"))
            self.wfile.write(body[: len(body) // 2] if fake.cut and is_file else body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in ("user", "global"):
            monkeypatch.setenv(f"npm_config_{name}config", str(tmp_path / f"{name}.npmrc"))
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        monkeypatch.setenv("PIP_INDEX_URL", f"{fake.url}/simple/")
        monkeypatch.setenv("npm_config_registry", fake.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield fake
        fake.silent.set()
        server.shutdown()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


PYPI, NPM = "wasmtime==45.0.0", "binaryen==100.0.0"
BOTH = pytest.mark.parametrize("name", [PYPI, NPM])


def assert_refused(name: str, cache: Cache, says: str | None = None) -> None:
    with pytest.raises(EngineError, match=says) as caught:
        install.hold(parse_spec(name), cache)
    assert isinstance(caught.value, (InstallError, RegistryError))
    assert name in str(caught.value)
    assert cache.installed() == []
    assert list((cache.folder / "unfinished").iterdir()) == []


@BOTH
def test_a_good_registry_is_believed(registry: FakeRegistry, cache: Cache, name: str) -> None:
    version, held = install.hold(parse_spec(name), cache)
    held.close()
    kind = parse_spec(name).kind
    assert cache.versions(kind) == [version]
    assert Releases(cache.releases_folder).published(kind) == [version]
    assert registry.asked


@BOTH
def test_half_a_file(registry: FakeRegistry, cache: Cache, name: str) -> None:
    registry.cut = True
    assert_refused(name, cache)


@BOTH
def test_a_file_that_is_not_what_was_listed(
    registry: FakeRegistry, cache: Cache, name: str
) -> None:
    registry.sold_wheel = registry.wheel[:-1] + b"x"
    registry.sold_tarball = registry.tarball[:-1] + b"x"
    assert_refused(name, cache, "(?i)hash|integrity|sha512")


@BOTH
def test_a_file_that_is_no_archive(registry: FakeRegistry, cache: Cache, name: str) -> None:
    registry.wheel = registry.sold_wheel = b"no archive" * 100
    registry.tarball = registry.sold_tarball = b"no archive" * 100
    assert_refused(name, cache)


@BOTH
@pytest.mark.parametrize("listing", [b"", b"\xff\x00garbage" * 50, b'{"versions": 5}', b"[]"])
def test_a_listing_that_is_none(
    registry: FakeRegistry, cache: Cache, name: str, listing: bytes
) -> None:
    registry.listing = listing
    assert_refused(name, cache)
    with pytest.raises(RegistryError):
        Releases(cache.releases_folder).newest(parse_spec(name).kind)


@BOTH
def test_a_registry_that_is_out_of_order(registry: FakeRegistry, cache: Cache, name: str) -> None:
    registry.status = 503
    assert_refused(name, cache)


@pytest.mark.parametrize("answer", ["nonsense", "5", '{"a": 1}', "[1, null]", ""])
def test_a_client_that_says_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    def run_client(*_: object, **__: object) -> str:
        return answer

    monkeypatch.setattr("plumbob.engines.registry.run_client", run_client)
    releases = Releases(tmp_path)
    asks: list[Callable[[], object]] = [lambda: releases.newest("binaryen")]
    asks.append(lambda: releases.newest("wasmtime"))
    for ask in asks:
        with pytest.raises(RegistryError):
            ask()
    assert list(tmp_path.iterdir()) == [], "nothing of that is remembered"


def processes_in(folder: Path) -> list[str]:
    """The command lines of processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_bytes().decode())
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
@BOTH
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_clients_end_with_us(
    registry: FakeRegistry, cache: Cache, name: str, sent: signal.Signals
) -> None:
    registry.stalls = True
    command = [sys.executable, "-m", "plumbob", "engines", "install", name]
    environment = {**os.environ, "PLUMBOB_CACHE": str(cache.folder)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not registry.asked and time.monotonic() < deadline:
            time.sleep(0.02)
        assert processes_in(cache.folder), "the client waits for an answer"
        process.send_signal(sent)
        process.communicate(timeout=20)
    assert process.returncode == (130 if sent == signal.SIGINT else -sent)
    while processes_in(cache.folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes_in(cache.folder) == []
    assert cache.installed() == []
    if sent == signal.SIGINT:
        assert list((cache.folder / "unfinished").iterdir()) == []


def test_a_registry_that_says_nothing(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.stalls = True
    monkeypatch.setattr(install, "PATIENCE", 1.5)
    assert_refused(PYPI, cache, "registry unreachable")
