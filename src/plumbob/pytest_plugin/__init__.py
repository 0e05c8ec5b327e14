"""The pytest plugin: options, and the fixture with which a project checks its own modules.

pytest loads this in every project whose environment has Plumbob. So nothing else of it is
imported before a test asks for the fixture; `checks.py` is what it then gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.pytest_plugin.checks import PlumbobCheck, Settings

NUMBERS = {
    "calls": (6, "how often each export is called with arguments that are chosen"),
    "seed": (0, "what chosen arguments and the values of imports depend on"),
    "timeout": (10.0, "seconds that an engine may take for one call"),
    "fuel": (
        20_000_000,
        "instructions of the IR that the reference runs in one call, within a factor of two",
    ),
}
"""Options that are numbers: their defaults, which are those of `plumbob check`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and the keys of the configuration file that stand for them."""
    group = parser.getgroup("plumbob", "plumbob: WebAssembly modules on several engines")
    group.addoption(
        "--plumbob-engine",
        action="append",
        default=[],
        metavar="ENGINE",
        dest="plumbob_engines",
        help="An engine or optimiser that plumbob_check compares with the reference, as "
        "KIND==VERSION[:OPTION=VALUE,...]; may be repeated. It replaces those of the ini file. "
        "Without either: the newest wasmtime and deno.",
    )
    parser.addini("plumbob_engines", type="linelist", help="Engines for plumbob_check, one a line.")
    for name, (default, text) in NUMBERS.items():
        group.addoption(
            f"--plumbob-{name}",
            type=type(default),
            default=None,
            metavar="N",
            dest=f"plumbob_{name}",
            help=f"For plumbob_check: {text} (default: {default}).",
        )
        parser.addini(f"plumbob_{name}", help=f"For plumbob_check: {text}.")


def _settings(config: pytest.Config) -> Settings:
    """Return what options and the ini file say. Raises `pytest.UsageError`."""
    from plumbob.pytest_plugin.checks import Settings  # noqa: PLC0415  # start-up is the user's

    found: dict[str, Any] = {}
    for name, (default, _) in NUMBERS.items():
        value = config.getoption(f"plumbob_{name}")
        text = config.getini(f"plumbob_{name}")
        if value is None and text:
            try:
                value = type(default)(text)
            except ValueError as error:
                raise pytest.UsageError(f"plumbob_{name}: expected a number: {text!r}") from error
        found[name] = default if value is None else value
        least = 0 if name == "seed" else 1 if type(default) is int else 1e-3
        if found[name] < least:
            raise pytest.UsageError(f"plumbob_{name}: {found[name]} is less than {least}")
    return Settings(engines=tuple(_engines(config)), **found)


def _engines(config: pytest.Config) -> list[str]:
    return list(config.getoption("plumbob_engines") or config.getini("plumbob_engines"))


def pytest_configure(config: pytest.Config) -> None:
    """Refuse names of engines that are none, before any test runs."""
    if not _engines(config):
        return
    from plumbob.engines.spec import parse_spec  # noqa: PLC0415  # start-up is the user's
    from plumbob.errors import UsageError  # noqa: PLC0415  # the same

    for name in _engines(config):
        try:
            parse_spec(name)
        except UsageError as error:
            raise pytest.UsageError(f"--plumbob-engine: {error.message}") from error


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Return the engines that were named."""
    engines = _engines(config)
    return [f"plumbob: {', '.join(engines)}"] if engines else []


@pytest.fixture(scope="session")
def _plumbob_session(request: pytest.FixtureRequest) -> Iterator[PlumbobCheck]:
    """Engines that stay open for the whole session."""
    from plumbob.pytest_plugin.checks import PlumbobCheck  # noqa: PLC0415  # as above

    capture = request.config.pluginmanager.getplugin("capturemanager")
    reporter = request.config.pluginmanager.getplugin("terminalreporter")

    def announce(text: str) -> None:
        if reporter is not None and capture is not None:  # neither where xdist's workers run
            with capture.global_and_fixture_disabled():
                reporter.write_line(f"plumbob: {text}")

    with PlumbobCheck(_settings(request.config), announce) as check:
        yield check


@pytest.fixture
def plumbob_check(_plumbob_session: PlumbobCheck) -> PlumbobCheck:
    """Check a WebAssembly module on engines: `plumbob_check(module, invoke=...)`.

    Also `plumbob_check.optimised(before, after)`.
    """
    return _plumbob_session
