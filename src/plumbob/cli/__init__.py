"""The command line: one module a command, each with its click command named `command`.

`app.py` lists them and imports one when it is called. May import everything.
"""

from __future__ import annotations

from plumbob.cli.app import main

__all__ = ["main"]
