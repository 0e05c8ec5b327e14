"""docs/diagnostics.md, made from the catalogue of codes: `make docs` runs this module."""

from __future__ import annotations

import sys

from plumbob.wasm.valid.codes import CATALOGUE

FAMILIES = {
    "E01": (
        "Malformed",
        "The input is not in the binary or text format, so it is not a module at all.",
    ),
    "E02": ("Invalid", "The input is a module, and breaks a rule of validation."),
    "E03": ("Limits", "The module is larger than what engines, and Plumbob, take."),
    "W01": (
        "Warnings",
        "Faults where the specification asks for nothing. They change no verdict.",
    ),
}
"""What a code's first three characters mean."""


def markdown() -> str:
    """Return the document that lists every diagnostic code."""
    parts = [
        "# Diagnostics",
        "",
        "Every diagnostic carries one of these codes. A code keeps its meaning for ever; a code",
        "that is no longer given is not used again. This page is made from",
        "`src/plumbob/wasm/valid/codes.py` by `make docs`.",
    ]
    for prefix, (title, text) in FAMILIES.items():
        codes = [code for code in sorted(CATALOGUE) if code.startswith(prefix)]
        if not codes:
            continue
        parts += ["", f"## {title}: {prefix}xx", "", text]
        for code in codes:
            entry = CATALOGUE[code]
            parts += ["", f"### {code}: {entry.title}", "", entry.help]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
