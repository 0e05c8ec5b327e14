"""Why the reference's value is right: the sections of the specification that give it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from plumbob.triage.check import Checked


class Ground(NamedTuple):
    """A reason."""

    what: str
    section: str
    url: str


def rationale(checked: Checked) -> list[Ground]:
    """Return the sections that give the reference's value, the most telling first."""
    del checked
    return []
