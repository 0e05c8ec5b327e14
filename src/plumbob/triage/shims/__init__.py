"""Exported shims: a module is made to show through i32 and i64 what it computes.

`add_shims` appends them; it changes nothing of the module itself. Imports `wasm/` and the
engines' request; the rest of triage imports it.
"""

from __future__ import annotations

from plumbob.triage.shims.observed import Entry, Observation, Probe, Seen, Shimmed
from plumbob.triage.shims.shim import add_shims

__all__ = ["Entry", "Observation", "Probe", "Seen", "Shimmed", "add_shims"]
