"""What can go wrong around an engine, as opposed to in it: what an engine does is a result."""

from __future__ import annotations

from plumbob.errors import ExitCode, PlumbobError


class EngineError(PlumbobError):
    """An engine cannot be had or started; its subject names the engine."""

    exit_code = ExitCode.USAGE


class RegistryError(EngineError):
    """A registry cannot be reached, or does not have what was asked for."""


class InstallError(EngineError):
    """An engine was published and could not be put into the cache."""


class StartError(EngineError):
    """An engine is installed and its process does not come up."""
