"""What npm's packages of binaries call this machine."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from plumbob.engines.errors import RegistryError

if TYPE_CHECKING:
    from plumbob.engines.kinds import Kind

_MACHINES = {
    "node": {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "arm64": "arm64"},
    "bun": {"x86_64": "x64", "AMD64": "x64", "aarch64": "aarch64", "arm64": "aarch64"},
}


def npm_package(kind: Kind) -> str:
    """Return a kind's package for this machine.

    Raises `RegistryError` where none is published for it.
    """
    if "{platform}" not in kind.package:
        return kind.package
    machine = _MACHINES[kind.name].get(platform.machine())
    if machine is None or sys.platform not in ("linux", "darwin"):
        raise RegistryError(
            f"{kind.name} is not published for {sys.platform} on {platform.machine()}"
        )
    return kind.package.format(platform=f"{sys.platform}-{machine}")
