"""An optimiser that turns modules into others: before and after, for a trusted engine."""

from __future__ import annotations

from plumbob.engines.engine import Served


class Optimiser(Served):
    """Binaryen in a Node process."""
