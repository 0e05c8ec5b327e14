"""Fixtures shared by all tests."""

from __future__ import annotations

import functools
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from plumbob.engines.cache import Cache
from plumbob.engines.errors import RegistryError
from plumbob.engines.registry import Releases

# A busy machine is no fault of the code; and the same commit has the same result in CI.
settings.register_profile("plumbob", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("plumbob")

ROOT = Path(__file__).resolve().parent.parent
SUITES = Path(os.environ.get("PLUMBOB_SUITES", ROOT.parent / "shared" / "suites"))
"""The folder of official suites, which may be absent; tests use the fixture `suites`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--bless`: golden files take what was found as what they expect."""
    parser.addoption(
        "--bless", action="store_true", help="rewrite the expectations of golden files"
    )


def pytest_configure() -> None:
    """Let SIGINT interrupt, here and in processes that tests start.

    A shell's background job was told to ignore it, and so would its children be.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def why_no_registry() -> str | None:
    """Why a registry cannot be asked, None where one answers; asked once by each process."""
    try:
        Releases(Cache().releases_folder).published("wasmtime", max_age=0)
        Releases(Cache().releases_folder).published("binaryen", max_age=0)
    except RegistryError as error:
        return error.message
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a registry where there is none; in CI it fails, by itself."""
    if item.get_closest_marker("registry") is None or "CI" in os.environ:
        return
    reason = why_no_registry()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def suites() -> Path:
    """The folder of official suites; tests that need it are skipped where it is absent."""
    if not SUITES.is_dir():
        pytest.skip(f"no suites at {SUITES}; set PLUMBOB_SUITES (CONTRIBUTING.md says where from)")
    return SUITES
