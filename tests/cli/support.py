"""Small modules, and how to start the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[bytes]]

VALID = '(module (func (export "id") (param i32) (result i32) local.get 0))'
INVALID = "(module (func (param i32) (result i32) local.get 0 i32.add))"
MALFORMED = "(module (func i32.nonsense))"
COMPONENT = bytes.fromhex("0061736d0d000100")
COMMAND = [sys.executable, "-m", "plumbob"]

_OURS = ("NO_COLOR", "TERM", "COLUMNS", "PLUMBOB_DEBUG", "FORCE_COLOR")


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without what changes Plumbob's output."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**kept, "PYTHONIOENCODING": "utf-8", **extra}
