"""What the specification leaves open, as one value that says how a run decides it."""

from __future__ import annotations

from typing import NamedTuple


class Choices(NamedTuple):
    """How a run of the reference decides what the specification leaves open."""

    nan: str = "first"
    relaxed: str = "strict"
    grow: str = "granted"


DEFAULT_CHOICES = Choices()
