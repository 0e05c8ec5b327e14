"""What the tests of the frontend share: modules from anywhere, and what a translation must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.filetest.wast import features_of
from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.ir.parser import parse_clif
from plumbob.ir.printer import print_function
from plumbob.ir.verifier import verify
from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.text import parse_text
from plumbob.wasm.text.script import (
    AssertModule,
    BinaryModule,
    ModuleCommand,
    Thread,
    parse_script,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from plumbob.ir.function import Function
    from plumbob.wasm.module import Module
    from plumbob.wasm.text.script import Command, ModuleSource

VALID_KINDS = ("assert_unlinkable", "assert_trap", "assert_exhaustion")
"""Assertions about modules that are valid."""


def module_of(text: str) -> Module:
    """Parse a module."""
    return parse_text(text, "test.wat", features=f.ALL, allow_unreachable_type=True)


def translate(text: str, index: int = 0) -> Function:
    """Translate the `index`-th function that a module's text defines, and check it."""
    environment = ModuleEnvironment(module_of(text))
    function = translate_function(environment, environment.defined[index])
    require(function)
    return function


def require(function: Function) -> None:
    """Ask that the verifier finds nothing, and that the text reads back as the function."""
    assert verify(function) == [], print_function(function)
    text = print_function(function)
    (again,) = parse_clif(text)
    assert again.content() == function.content(), text


class Found(NamedTuple):
    """A module of a script, and what the folder of the script asks for."""

    where: str
    module: Module


def _sources(commands: Iterable[Command]) -> Iterator[tuple[int, ModuleSource]]:
    for command in commands:
        if isinstance(command, ModuleCommand) or (
            isinstance(command, AssertModule) and command.kind in VALID_KINDS
        ):
            yield command.line, command.source
        elif isinstance(command, Thread):
            yield from _sources(command.commands)


def parse_source(source: ModuleSource, features: int) -> Module:
    """Decode or parse a module of a script."""
    if isinstance(source, BinaryModule):
        return decode(source.data, source.name, features=features)
    return source.parse(features)


def valid_modules(path: Path) -> Iterator[Found]:
    """Yield the modules of a script that it says are valid."""
    features, skipped = features_of(str(path))
    if skipped is not None:
        return
    for line, source in _sources(parse_script(path.read_bytes(), path.name).commands):
        yield Found(f"{path.name}:{line}", parse_source(source, features))


def functions(module: Module) -> Iterator[Function]:
    """Yield the translations of all functions of a module."""
    environment = ModuleEnvironment(module)
    for index in environment.defined:
        yield translate_function(environment, index)
