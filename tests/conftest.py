"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of the code; and the same commit has the same result in CI.
settings.register_profile("plumbob", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("plumbob")

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--bless`: golden files take what was found as what they expect."""
    parser.addoption(
        "--bless", action="store_true", help="rewrite the expectations of golden files"
    )


@pytest.fixture(scope="session")
def suites() -> Path:
    """The folder of official suites; tests that need it are skipped where it is absent."""
    path = Path(os.environ.get("PLUMBOB_SUITES", ROOT.parent / "shared" / "suites"))
    if not path.is_dir():
        pytest.skip(f"no suites at {path}; set PLUMBOB_SUITES (CONTRIBUTING.md says where from)")
    return path
