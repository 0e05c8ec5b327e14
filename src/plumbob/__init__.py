"""Plumbob: a WebAssembly compiler and engine in which a miscompilation cannot hide."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
