"""Deterministic stand-ins for a module's imports, the same for every engine.

A stand-in depends on a seed and on what is imported (module name, name, type), never on
where the import stands, so that it is the same before and after an optimiser that drops or
reorders imports. Decision 102 says what becomes of what, decision 103 of WASI.
"""

from __future__ import annotations

from plumbob.triage.standins.callbacks import CALLING, HOST, PLAIN, WORLD_NAMES, Callbacks, draw
from plumbob.triage.standins.log import LogReader
from plumbob.triage.standins.model import LoggedCall, StoodIn
from plumbob.triage.standins.plan import stand_in
from plumbob.triage.standins.wasi import WasiInput

__all__ = [
    "CALLING",
    "HOST",
    "PLAIN",
    "WORLD_NAMES",
    "Callbacks",
    "LogReader",
    "LoggedCall",
    "StoodIn",
    "WasiInput",
    "draw",
    "stand_in",
]
