"""What registries publish, asked through their ordinary clients: pip (or uv) and npm.

The client's own configuration decides where it asks. Answers are kept in the cache folder
for an hour, so that a bisection or a test run asks once, and go on being used while the
registry is away.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from plumbob.engines.errors import RegistryError
from plumbob.engines.kinds import KINDS
from plumbob.engines.platforms import npm_package
from plumbob.engines.spawning import bounded, kill_group, spawn
from plumbob.engines.spec import release_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from plumbob.engines.kinds import Kind

MAX_AGE = 3600.0
"""Seconds for which an answer is believed without asking again."""

PATIENCE = 60.0
"""Seconds that a look-up may take."""


GLANCE = 0.02
"""Seconds between two looks at the room on the disk while a client runs."""

NO_ROOM = 1 << 20
"""Bytes; a disk with less was full for the client."""


def pip_command() -> list[str]:
    """Return how to call pip for this Python. Raises `RegistryError` where there is none."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    uv = shutil.which("uv")
    if uv:
        return [uv, "tool", "run", "--python", sys.executable, "pip"]
    raise RegistryError("neither pip nor uv is installed", hint="python -m ensurepip")


def npm_command() -> list[str]:
    """Return how to call npm. Raises `RegistryError` where there is none."""
    npm = shutil.which("npm")
    if npm is None:
        raise RegistryError("npm is not installed", hint="it comes with Node")
    return [npm, "--no-update-notifier", "--no-fund", "--no-audit"]


def run_client(
    command: Sequence[str],
    subject: str,
    *,
    cwd: Path,
    timeout: float,
    settings: Mapping[str, str] | None = None,
) -> str:
    """Return what a registry's client printed; `settings` are added to its environment.

    The client and what it has started end with this process, and when it is interrupted.
    Raises `RegistryError` where it fails, with the last of what it said: that the registry
    is unreachable, or that it has no such release.
    """
    # pip says that nobody answered only while it retries, and else that nothing is there.
    environment = {"npm_config_fetch_retries": "1", **os.environ, **(settings or {})}
    if environment.get("PIP_RETRIES", "0") == "0":
        environment["PIP_RETRIES"] = "1"
    try:
        process = spawn(
            [*bounded(0), *command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise RegistryError(f"{command[0]} cannot be started", found=str(error)) from error
    with process:
        try:
            answer = _listen(process, cwd, timeout)
        finally:  # after Ctrl-C and a time limit too
            kill_group(process)
    if answer is None:
        raise RegistryError(
            f"registry unreachable: {subject}", found=f"no answer in {timeout:.0f} s"
        )
    said, complaints, room = answer
    if process.returncode == 0:
        return said.decode(errors="replace")
    if room < NO_ROOM:  # pip takes a full disk for a broken connection, and cleans up
        raise RegistryError(f"no space left: {subject}", found=f"{room} bytes in {cwd}")
    raise _failure(subject, said + b"\n" + complaints)


def _listen(
    process: subprocess.Popen[bytes], cwd: Path, timeout: float
) -> tuple[bytes, bytes, int] | None:
    """Return both outputs and the least room on the disk, or None when time was up."""
    deadline = time.monotonic() + timeout
    room = shutil.disk_usage(cwd).free
    while time.monotonic() < deadline:
        try:
            said, complaints = process.communicate(timeout=GLANCE)
        except subprocess.TimeoutExpired:
            room = min(room, shutil.disk_usage(cwd).free)
        else:
            return said, complaints, room
    return None


_UNREACHABLE = (
    "connection", "Connection", "ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN",
    "ECONNRESET", "getaddrinfo", "NewConnectionError", "ProxyError", "Max retries",
    "Name or service", "Temporary failure", "timed out",
)  # fmt: skip
"""Words by which pip, uv and npm say that nobody answered."""

_MISSING = ("No matching distribution", "E404", "ETARGET", "No match found", "no matching")
_FULL = ("No space left", "ENOSPC", "Errno 28", "EDQUOT", "Disk quota")


def _failure(subject: str, output: bytes) -> RegistryError:
    text = output.decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [
        line
        for line in lines
        if re.match(r"(npm )?(ERR|error)", line, re.IGNORECASE) and "complete log" not in line
    ]
    detail = max(errors or lines[-1:] or ["no message"], key=len)[:300]
    if any(word in text for word in _FULL):
        return RegistryError(f"no space left: {subject}", found=detail)
    if any(word in text for word in _UNREACHABLE):
        return RegistryError(
            f"registry unreachable: {subject}",
            found=detail,
            hint="engines that are installed go on working",
        )
    if any(word in text for word in _MISSING):
        return RegistryError(f"the registry has no {subject}", found=detail)
    return RegistryError(f"{subject} cannot be had", found=detail)


def _listed(kind: Kind, said: str) -> list[str]:
    """Return the releases that npm printed as JSON."""
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    published = [answer] if isinstance(answer, str) else answer
    if not isinstance(published, list) or not all(isinstance(item, str) for item in published):
        raise RegistryError(f"npm lists no releases of {kind.name}", found=repr(said[:200]))
    return published


class Releases:
    """The published releases of each kind, remembered in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def published(self, name: str, *, max_age: float = MAX_AGE) -> list[str]:
        """Return the final releases of a kind that can be driven, the oldest first.

        Raises `RegistryError` where the registry does not answer and nobody asked before.
        """
        known, age = self._known(name)
        if known is not None and age <= max_age:
            return _fit(KINDS[name], known)
        try:
            fresh = self._ask(KINDS[name])
        except RegistryError:
            if known is not None and max_age > 0:
                return _fit(KINDS[name], known)
            raise
        self._remember(name, fresh)
        return _fit(KINDS[name], fresh)

    def passed_over(self, name: str) -> tuple[list[str], list[str]]:
        """Return the pre-releases, and the releases too old to be driven, as last answered.

        Asks nobody.
        """
        known = self._known(name)[0] or []
        early = [version for version in known if not release_key(version)]
        old = [version for version in known if () < release_key(version) < KINDS[name].oldest]
        return early, old

    def newest(self, name: str) -> str:
        """Return the newest release of a kind. Raises `RegistryError` as `published` does."""
        releases = self.published(name)
        if not releases:
            raise RegistryError(f"no release of {name} is published that can be driven")
        return releases[-1]

    def _ask(self, kind: Kind) -> list[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        if kind.registry == "pypi":
            command = [*pip_command(), "index", "versions", "--pre", kind.package]
            said = run_client(command, kind.name, cwd=self._folder, timeout=PATIENCE)
            line = next((x for x in said.splitlines() if x.startswith("Available versions:")), "")
            published = line.partition(":")[2].replace(",", " ").split()
        else:
            command = [*npm_command(), "view", npm_package(kind), "versions", "--json"]
            said = run_client(command, kind.name, cwd=self._folder, timeout=PATIENCE)
            published = _listed(kind, said)
        if not published:
            raise RegistryError(f"the registry lists no release of {kind.name}")
        return published

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _known(self, name: str) -> tuple[list[str] | None, float]:
        """Return what was answered last, and its age in seconds."""
        try:
            data = json.loads(self._file(name).read_text())
            return list(data["releases"]), max(0.0, time.time() - float(data["asked"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None, 0.0  # never asked, or a file from another time: ask again

    def _remember(self, name: str, releases: Sequence[str]) -> None:
        file = self._file(name)
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps({"asked": time.time(), "releases": list(releases)}))
            beside.replace(file)
        except OSError:
            beside.unlink(missing_ok=True)  # a full disk costs the memory, not the answer


def _fit(kind: Kind, published: Sequence[str]) -> list[str]:
    """Return the final releases that can be driven, the oldest first."""
    keys = {version: release_key(version) for version in published}
    fit = [version for version, key in keys.items() if key and key >= kind.oldest]
    return sorted(fit, key=keys.__getitem__)
