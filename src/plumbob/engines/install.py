"""Putting a published engine into a folder, with pip (or uv's pip) and npm.

Both clients check what they fetch against the registry's hashes. Nothing of a package is
run, but where it is published as source alone and has to be built (wasm3).
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tarfile
from typing import TYPE_CHECKING

from plumbob.engines.errors import InstallError, RegistryError
from plumbob.engines.kinds import KINDS
from plumbob.engines.platforms import npm_package
from plumbob.engines.registry import Releases, npm_command, pip_command, run_client
from plumbob.engines.spec import EngineSpec, release_key
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plumbob.engines.cache import Cache, Held
    from plumbob.engines.kinds import Kind

PATIENCE = 900.0
"""Seconds that fetching one engine may take: 90 MB on a slow line."""


def hold(
    spec: EngineSpec, cache: Cache, announce: Callable[[str], None] | None = None
) -> tuple[str, Held]:
    """Return a named engine's release and its folder, installed first where it is missing.

    Without a version it is the newest release, or the newest installed one while the
    registry is away. `announce` is told what gets installed. Raises `RegistryError`,
    `InstallError`, and `UsageError` for an engine that is not installed but built in.
    """
    kind = KINDS[spec.kind]
    if kind.registry is None:
        raise UsageError(f"{spec.kind} is part of Plumbob and not installed")
    version = spec.version or newest(spec.kind, cache)
    check_release(kind, version)

    def install(folder: Path) -> None:
        if announce is not None:
            announce(f"installing {kind.name}=={version}")
        fetch(kind, version, folder)

    held = cache.hold(kind.name, version, install)
    if held is None:
        raise InstallError(f"{kind.name}=={version} vanished from the cache")
    return version, held


def newest(name: str, cache: Cache) -> str:
    """Return the newest published release, or the newest installed one without a registry."""
    try:
        return Releases(cache.releases_folder).newest(name)
    except RegistryError:
        installed = cache.versions(name)
        if not installed:
            raise
        return installed[-1]


def check_release(kind: Kind, version: str) -> None:
    """Raise `UsageError` for a release that is too old to be driven."""
    key = release_key(version)
    if key and key < kind.oldest:
        raise UsageError(
            f"{kind.name}=={version} cannot be driven",
            expected=f"{'.'.join(map(str, kind.oldest))} or newer",
        )


def fetch(kind: Kind, version: str, folder: Path) -> None:
    """Fill an empty folder with a release.

    Raises `RegistryError` or `InstallError`, and `OSError` where the disk does not take it.
    """
    if kind.registry == "pypi":
        _from_pypi(kind, version, folder)
    else:
        _from_npm(kind, version, folder)
    if kind.binary is not None:
        binary = folder / kind.binary
        if not binary.is_file():
            raise InstallError(f"{kind.name}=={version} holds no {kind.binary}")
        binary.chmod(0o755)


def _from_pypi(kind: Kind, version: str, folder: Path) -> None:
    # The client unpacks into TMPDIR first: below our folder it is one file system, and
    # whatever is left there goes with the folder.
    unpacking = folder / ".unpacking"
    unpacking.mkdir()
    command = [
        *pip_command(), "install", "--quiet", "--no-deps",
        "--no-warn-script-location", "--target", str(folder),
        *(["--no-cache-dir"] if kind.builds else ["--only-binary", ":all:"]),
        f"{kind.package}=={version}",
    ]  # fmt: skip
    subject, settings = f"{kind.name}=={version}", {"TMPDIR": os.fspath(unpacking)}
    if kind.builds:
        settings["CFLAGS"] = _compiler_flags(unpacking)
    run_client(command, subject, cwd=folder, timeout=PATIENCE, settings=settings)
    shutil.rmtree(unpacking)


_UNCOLLECTED = """#include <Python.h>
#undef Py_TPFLAGS_HAVE_GC
#define Py_TPFLAGS_HAVE_GC 0UL
#undef PyObject_GC_New
#define PyObject_GC_New(type, typeobj) PyObject_New(type, typeobj)
"""


def _compiler_flags(folder: Path) -> str:
    """Return flags by which sources compile that say of their types what is no longer true.

    pywasm3 0.4 marks types as collected that the collector cannot go through; from Python
    3.11 on such a type is refused. Their objects are plain ones here.
    """
    header = folder / "plumbob_no_gc.h"
    header.write_text(_UNCOLLECTED)
    return f"-I{sysconfig.get_path('include')} -include {header}"


def _from_npm(kind: Kind, version: str, folder: Path) -> None:
    subject = f"{kind.name}=={version}"
    command = [*npm_command(), "pack", f"{npm_package(kind)}@{version}", "--pack-destination"]
    run_client([*command, os.fspath(folder)], subject, cwd=folder, timeout=PATIENCE)
    archives = list(folder.glob("*.tgz"))
    if len(archives) != 1:
        raise InstallError(f"npm left no archive of {subject}", found=str(len(archives)))
    try:
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise InstallError(f"the archive of {subject} is damaged", found=str(error)) from error
    archives[0].unlink()
