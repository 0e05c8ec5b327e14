"""A small part of a host: a directory that is given away, another one, and a secret outside."""

# Calls with bytes and descriptors are the subject here, and pathlib has none.
# ruff: noqa: PTH112, PTH115, PTH208

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
from tests.wasi.guest import Guest
from tests.wasi.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def open_descriptors() -> set[str]:
    """What this process has open: number and target of each descriptor."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            continue
    return found


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Every test gives back the descriptors that it opened."""
    if not os.path.isdir("/proc/self/fd"):
        yield
        return
    before = open_descriptors()
    yield
    if not open_descriptors() <= before:
        # Wasmtime's objects close theirs when they are collected; ours are plain numbers.
        gc.collect()
    assert open_descriptors() <= before


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def guest(world: World) -> Iterator[Guest]:
    with Guest.of(world.root, world.other) as guest:
        yield guest
