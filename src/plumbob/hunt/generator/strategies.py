"""The generator's strategies by name, with the weights that they have by default."""

from __future__ import annotations

from typing import Final

from plumbob.hunt.generator import expressions, references, statements, storage

NAMES: Final[dict[str, int]] = {
    name: weight
    for rows in (
        expressions.COMMON,
        expressions.NUMERIC,
        expressions.INTEGER,
        expressions.VECTOR,
        references.MAKERS,
        storage.MAKERS,
        statements.STATEMENTS,
    )
    for name, weight, _ in rows
}
"""Every strategy's name, and its weight."""
