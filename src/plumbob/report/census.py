"""A census for people and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.report.document import Document, Piece
from plumbob.wasm.valid.census import total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasm.valid.census import Census, DeadCode


def census_data(census: Census) -> dict[str, Any]:
    """Return a census, or a total, as data for JSON; docs/json.md documents the keys."""
    return {
        "file": census.name,
        "modules": census.modules,
        "size": census.size,
        "functions": census.functions,
        "operators": census.operators,
        "bytes": census.bytes,
        "dead": census.dead._asdict(),
        "dead_after": {
            operator: amount._asdict() for operator, amount in _by_amount(census.dead_after)
        },
        "policies": {policy: verdicts._asdict() for policy, verdicts in census.verdicts.items()},
    }


def render(censuses: Sequence[Census], *, width: int = 100) -> Document:
    """Return the census of some modules as tables: modules, causes of dead code, policies."""
    document = Document(width)
    everything = total(censuses)
    header = ("module", "functions", "operators", "bytes", "dead", "share")
    rows = [[Piece(title, "dim") for title in header]]
    rows += [_row(census) for census in censuses]
    if len(censuses) != 1:
        rows.append([Piece(piece.text, "strong") for piece in _row(everything)])
    _fit_names(rows, width)
    document.table(rows, right=(1, 2, 3, 4, 5))
    if everything.dead_after:
        document.line()
        rows = [[Piece(title, "dim") for title in ("dead after", "places", "operators", "bytes")]]
        rows += [
            [Piece(operator), *(Piece(f"{count:,}") for count in amount)]
            for operator, amount in _by_amount(everything.dead_after)
        ]
        document.table(rows, right=(1, 2, 3))
    document.line()
    rows = [[Piece(title, "dim") for title in ("policy", "accepted", "seconds", "MB/s")]]
    for policy, verdicts in everything.verdicts.items():
        speed = everything.size / verdicts.seconds / 1e6 if verdicts.seconds else 0.0
        rows.append(
            [
                Piece(policy),
                Piece(f"{verdicts.accepted:,} of {everything.modules:,}"),
                Piece(f"{verdicts.seconds:.4f}"),
                Piece(f"{speed:,.1f}"),
            ]
        )
    document.table(rows, right=(1, 2, 3))
    return document


def _row(census: Census) -> list[Piece]:
    return [
        Piece(census.name),
        Piece(f"{census.functions:,}"),
        Piece(f"{census.operators:,}"),
        Piece(f"{census.bytes:,}"),
        Piece(f"{census.dead.operators:,}"),
        Piece(_share(census.dead.operators, census.operators)),
    ]


def _fit_names(rows: list[list[Piece]], width: int) -> None:
    """Cut names from the left, where paths say least, so that the other columns stay in view."""
    others = sum(
        2 + max(len(row[column].text) for row in rows) for column in range(1, len(rows[0]))
    )
    room = max(20, width - others)
    for row in rows:
        name = row[0].text
        if len(name) > room:
            row[0] = Piece(f"…{name[len(name) - room + 1 :]}", row[0].style)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3f} %" if part else "0 %"


def _by_amount(dead_after: dict[str, DeadCode]) -> list[tuple[str, DeadCode]]:
    """Return the causes of dead code, the gravest first, equal ones by name."""
    return sorted(dead_after.items(), key=lambda item: (-item[1].operators, item[0]))
