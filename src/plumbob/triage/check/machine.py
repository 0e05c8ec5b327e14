"""The machine that a result was found on: faults of compilers depend on the processor."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import NamedTuple


class Machine(NamedTuple):
    """Processor and operating system."""

    cpu: str
    """The processor's model, as it calls itself."""
    architecture: str
    """`x86_64`, `aarch64`, ..."""
    flags: tuple[str, ...]
    """Extensions of the instruction set, where the system tells them."""
    os: str
    release: str
    """Of the kernel."""
    python: str


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> Machine:
    """Return what is known of this machine."""
    fields = _cpuinfo(cpuinfo)
    model = next((fields[key] for key in _MODEL if key in fields), "")
    flags = next((fields[key] for key in _FLAGS if key in fields), "")
    return Machine(
        model or platform.processor() or "unknown",
        platform.machine(),
        tuple(sorted(flags.split())),
        platform.system(),
        platform.release(),
        platform.python_version(),
    )


_MODEL = ("model name", "Model", "cpu model", "CPU part")
_FLAGS = ("flags", "Features", "isa")


def _cpuinfo(path: Path) -> dict[str, str]:
    """Return the first value of each field; nothing where there is no such file."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return {}
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    return fields
