"""The folder of installed engines: what is there, what goes when it is full.

An engine's folder appears whole, by one rename, and goes by one rename, so that whoever
looks sees all of it or nothing. An engine in use is held by a shared lock: removal and
eviction ask for it exclusively, and pass over what they do not get. Temporary folders of
an engine exist only under its exclusive lock; who gets that lock may delete older ones,
which a killed process has left behind.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from platformdirs import user_cache_dir

from plumbob.engines.errors import InstallError
from plumbob.engines.kinds import KINDS
from plumbob.engines.locks import FileLock
from plumbob.engines.spec import release_key
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_LIMIT = 10 * 10**9
"""Bytes that installed engines may take together."""

MANIFEST = "plumbob-engine.json"
"""Written last into an engine's folder, before the folder takes its name."""

USED = ".used"
"""Its modification time is when the engine was last opened."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def parse_size(text: str) -> int:
    """Return a number of bytes: `500M`, `10 GB`, `2000000`. Raises `UsageError`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", text.lower())
    if match is None:
        raise UsageError("size of the cache", expected="bytes such as 10GB", found=repr(text))
    return int(float(match[1]) * _UNITS[match[2]])


def default_folder() -> Path:
    """Return the cache folder: PLUMBOB_CACHE, or the user's own for this system."""
    named = os.environ.get("PLUMBOB_CACHE")
    return Path(named) if named else Path(user_cache_dir("plumbob", appauthor=False))


class Installed(NamedTuple):
    """An engine in the cache."""

    kind: str
    version: str
    path: Path
    size: int
    """Bytes on disk when it was installed."""
    used: float
    """When it was last opened, in seconds since the epoch."""


class Held:
    """An engine that cannot be removed before `close` is called."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock

    def close(self) -> None:
        """Allow its removal; further calls do nothing."""
        self._lock.close()


class Cache:
    """Installed engines under a folder, at most `limit` bytes of them."""

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = (default_folder() if folder is None else folder).absolute()
        if limit is None:
            limit = parse_size(os.environ.get("PLUMBOB_CACHE_LIMIT") or str(DEFAULT_LIMIT))
        self.limit = limit
        self._engines = self.folder / "engines"
        self._temporary = self.folder / "unfinished"

    @property
    def releases_folder(self) -> Path:
        """Where the registries' answers are remembered."""
        return self.folder / "releases"

    def path(self, kind: str, version: str) -> Path:
        """Return where an engine stands, or would stand."""
        # What was compiled for one Python's ABI does not load in another.
        suffix = f"+{sys.implementation.cache_tag}" if KINDS[kind].builds else ""
        return self._engines / kind / f"{version}{suffix}"

    def installed(self) -> list[Installed]:
        """Return what is installed, by kind as in `KINDS` and the oldest release first."""
        return [
            found
            for name in KINDS
            for folder in sorted((self._engines / name).glob("*"), key=_age)
            if (found := _read(name, folder)) is not None
        ]

    def versions(self, kind: str) -> list[str]:
        """Return the installed releases of a kind, the oldest first."""
        names = {
            found.version
            for found in self.installed()
            if found.kind == kind and found.path == self.path(kind, found.version)
        }
        return sorted(names, key=release_key)

    def hold(self, kind: str, version: str, install: Callable[[Path], None] | None) -> Held | None:
        """Return an engine, kept from removal; have it installed where it is missing.

        `install` is called with an empty folder to fill, under an exclusive lock; without
        it the answer is None where the engine is missing. Raises what `install` raises and
        `InstallError` where the disk is full; the folder is gone then.
        """
        path = self.path(kind, version)
        try:
            lock = self._lock(path)
        except OSError as error:
            raise cannot_install(kind, version, error) from error
        try:
            while True:
                lock.share()
                if _read(kind, path) is not None:
                    _touch(path)
                    return Held(path, lock)
                if install is None:
                    lock.close()
                    return None
                lock.claim()
                if _read(kind, path) is None:  # else another process was faster
                    self._install(kind, version, path, install)
        except BaseException:
            lock.close()
            raise

    def remove(self, kind: str, version: str) -> bool:
        """Remove an engine; return whether it was there.

        Raises `UsageError` if it is in use, `InstallError` if the system does not let us.
        """
        path = self.path(kind, version)
        if not path.exists():
            return False
        try:
            with self._lock(path) as lock:
                if not lock.try_claim():
                    raise UsageError(f"{kind}=={version} is in use")
                return self._discard(path)
        except OSError as error:
            raise InstallError(f"cannot remove {kind}=={version}", found=str(error)) from error

    def evict(self, keep: Path | None = None) -> list[Installed]:
        """Remove what was used least recently until the limit holds; return what went."""
        engines = sorted(self.installed(), key=lambda found: (found.used, found.path))
        total = sum(found.size for found in engines)
        gone = []
        for found in engines:
            if total <= self.limit:
                break
            if found.path == keep:
                continue
            try:
                with self._lock(found.path) as lock:
                    if lock.try_claim() and self._discard(found.path):
                        total -= found.size
                        gone.append(found)
            except OSError:
                continue  # not ours to remove, or no room for a lock: the next may be
        return gone

    def _lock(self, path: Path) -> FileLock:
        return FileLock(self.folder / "locks" / f"{path.parent.name}-{path.name}.lock")

    def _install(
        self, kind: str, version: str, path: Path, install: Callable[[Path], None]
    ) -> None:
        prefix = f"{kind}-{path.name}-"
        try:
            self._temporary.mkdir(parents=True, exist_ok=True)
            for left_behind in self._temporary.glob(f"{prefix}*"):
                shutil.rmtree(left_behind, ignore_errors=True)
            fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=self._temporary))
        except OSError as error:
            raise cannot_install(kind, version, error) from error
        try:
            fresh.chmod(0o755)
            install(fresh)
            manifest = {"kind": kind, "version": version, "size": _size(fresh)}
            (fresh / MANIFEST).write_text(json.dumps(manifest))
            (fresh / USED).touch()
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.rename(path)
        except OSError as error:
            raise cannot_install(kind, version, error) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self.evict(keep=path)

    def _discard(self, path: Path) -> bool:
        """Remove a folder; return whether it was there. Works on a full disk."""
        self._temporary.mkdir(parents=True, exist_ok=True)
        away = self._temporary / f"{path.parent.name}-{path.name}-{uuid4().hex}"
        try:
            path.rename(away)
        except FileNotFoundError:
            return False
        shutil.rmtree(away, ignore_errors=True)
        return True


def cannot_install(kind: str, version: str, error: OSError) -> InstallError:
    """Return the error that says why an engine cannot be put into the cache."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InstallError(
            f"no space left to install {kind}=={version}",
            hint="PLUMBOB_CACHE names another folder; `plumbob engines remove` frees space",
        )
    return InstallError(f"cannot install {kind}=={version}", found=str(error))


def _read(kind: str, folder: Path) -> Installed | None:
    try:
        data = json.loads((folder / MANIFEST).read_text())
        used = (folder / USED).stat().st_mtime
        return Installed(kind, str(data["version"]), folder, int(data["size"]), used)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no folder, or none that an installation has finished


def _age(folder: Path) -> tuple[tuple[int, ...], str]:
    """Return what sorts releases, the oldest first."""
    return release_key(folder.name.partition("+")[0]), folder.name


def _touch(folder: Path) -> None:
    try:
        os.utime(folder / USED)
    except PermissionError:
        return  # a cache that somebody else keeps: they see to its size


def _size(folder: Path) -> int:
    return sum(
        os.lstat(os.path.join(base, name)).st_blocks * 512  # noqa: PTH118  # thousands of files
        for base, _, names in os.walk(folder)
        for name in names
    )
