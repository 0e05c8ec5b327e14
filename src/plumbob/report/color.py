"""A document in colour: the one place that imports rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style

from plumbob.report.document import STYLES

if TYPE_CHECKING:
    from plumbob.report.document import Document


def ansi(document: Document) -> str:
    """Return the page with the escape sequences of the sixteen standard colours."""
    styles = {name: Style.parse(words) for name, words in STYLES.items()}
    return "\n".join(
        "".join(styles[piece.style].render(piece.text) for piece in line) for line in document.lines
    )
