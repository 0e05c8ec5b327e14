"""Every function of the official suite's valid modules and of the real programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.frontend.support import functions, require, valid_modules

from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode

if TYPE_CHECKING:
    from pathlib import Path

# Enough to notice that this test no longer reaches the suite.
FEWEST_FUNCTIONS = 8_900


def test_every_function_of_the_official_suite(suites: Path) -> None:
    count = 0
    for path in sorted((suites / "spec").rglob("*.wast")):
        for found in valid_modules(path):
            for function in functions(found.module):
                require(function)
                count += 1
    assert count >= FEWEST_FUNCTIONS


def test_every_function_of_real_programs(suites: Path) -> None:
    count = 0
    for path in sorted((suites / "programs").rglob("*.wasm")):
        data = path.read_bytes()
        if data[4:8] != b"\1\0\0\0":  # a component
            continue
        for place, function in enumerate(functions(decode(data, path.name, features=f.ALL))):
            if place % 7 == 0:
                require(function)
            count += 1
    assert count > 2_000
