"""Fixtures: an empty cache, and installations without a registry."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from plumbob.engines import install
from plumbob.engines.cache import Cache
from plumbob.engines.errors import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.engines.kinds import Kind


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


class Shelf:
    """Stands in for the registries: what is fetched, and what fails."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.failing: dict[str, str] = {}
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.pause = 0.0

    def fetch(self, kind: Kind, version: str, folder: Path) -> None:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            threading.Event().wait(self.pause)
            with self.lock:
                self.fetched.append(version)
            if version in self.failing:
                raise RegistryError(self.failing[version])
            (folder / "engine").write_bytes(b"x" * 4096)
        finally:
            with self.lock:
                self.at_once -= 1
        assert kind.name


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(install, "fetch", shelf.fetch)
    return shelf
