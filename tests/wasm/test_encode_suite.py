"""Modules of the official suite and real programs: the encoder gives them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.errors import InputError
from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import Layout, encode
from plumbob.wasm.binary.instructions import (
    decode_body,
    encode_body,
    encode_expression,
    instructions_of,
)
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.names import decode_names, encode_names
from plumbob.wasm.text.script import AssertModule, BinaryModule, ModuleCommand, parse_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plumbob.wasm.module import Module


def text_modules(path: Path) -> Iterator[tuple[str, Module]]:
    """Yield the modules of a script that are written as text, where they are well-formed."""
    for command in parse_script(path.read_bytes(), path.name).commands:
        if not isinstance(command, ModuleCommand | AssertModule):
            continue
        if isinstance(command.source, BinaryModule):
            continue
        try:
            module = command.source.parse(features.ALL)
        except InputError:
            continue
        yield f"{path.name}:{command.line}", module


MALFORMED_BODIES = {"try_delegate.wast:226"}
"""Text that the suite calls malformed, and that is found to be so in its bytes."""


def test_text_modules_come_back(suites: Path) -> None:
    count = 0
    for path in sorted((suites / "spec").rglob("*.wast")):
        if path.parent.name == "custom-descriptors":
            continue
        for where, module in text_modules(path):
            layout: Layout = {}
            data = encode(module, layout)
            found = decode(data, features=features.ALL)
            assert found == module, where
            assert encode(found) == data, where
            assert {key: found.offsets[key] for key in layout} == layout, where
            for item in found.code:
                if where in MALFORMED_BODIES:
                    with pytest.raises(MalformedError, match="no block to continue"):
                        decode_body(item.body)
                    continue
                assert encode_body(decode_body(item.body)) == item.body, where
            for entry in found.globals:
                assert encode_expression(instructions_of(entry.init)) == entry.init, where
            count += 1
    assert count > 5000


def test_real_programs_come_back(suites: Path) -> None:
    count = names = components = 0
    for path in sorted((suites / "programs").rglob("*.wasm")):
        data = path.read_bytes()
        try:
            module = decode(data)
        except ComponentError:
            components += 1
            continue
        assert encode(module) == data, path.name
        for section in module.customs:
            if section.name == "name":
                assert encode_names(decode_names(section.data)) == section.data
                names += 1
        count += 1
    assert count >= 15
    assert names >= 10
    assert components == 1
