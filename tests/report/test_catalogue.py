"""The page of diagnostic codes is made from the catalogue, and is current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plumbob.report.catalogue import FAMILIES, markdown
from plumbob.wasm.valid.codes import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "diagnostics.md").read_text() == markdown(), "run `make docs`"


def test_every_code_is_on_the_page_once() -> None:
    found = re.findall(r"^### (\w+): ", markdown(), re.MULTILINE)
    assert sorted(found) == sorted(CATALOGUE)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_codes_belong_to_a_family_and_say_something(code: str) -> None:
    assert re.fullmatch(r"[EW]\d{4}", code)
    assert code[:3] in FAMILIES
    entry = CATALOGUE[code]
    assert entry.title
    assert not entry.title.endswith(".")
    assert entry.help.endswith((".", "`"))
    assert not any(char.isspace() and char != " " for char in entry.help)


def test_every_code_that_is_given_is_in_the_catalogue() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.p[yx][xi]")]
    given = {code for path in sources for code in re.findall(r"\"([EW]\d{4})\"", path.read_text())}
    assert len(given) > 20
    assert given <= set(CATALOGUE), given - set(CATALOGUE)
