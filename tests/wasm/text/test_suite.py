"""The official suite and real programs: against wasmtime's parser, and there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import wasmtime

from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import (
    Body,
    decode_body,
    encode_body,
    encode_expression,
    instructions_of,
)
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import Code, ElementSegment, Module
from plumbob.wasm.names import NAME_SECTION, names_of
from plumbob.wasm.text import parse_text, print_text
from plumbob.wasm.text.script import (
    AssertModule,
    BinaryModule,
    ModuleCommand,
    ModuleSource,
    TextModule,
    parse_script,
)
from plumbob.wasm.valid.diagnostics import MALFORMED
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plumbob.wasm.types import ValType

LEGACY = "legacy/"
"""Wasmtime's parser does not know legacy exceptions."""

DIFFERENT = {
    # The suite says that a type alone in an explicit group may be implied; wasmtime adds
    # another one.
    ("type-rec.wast", 45),
    ("type-rec.wast", 185),
    ("type-rec.wast", 197),
    # A type that is not final is never implied; wasmtime takes it.
    ("type-subtyping.wast", 344),
    ("type-subtyping.wast", 373),
    # array.new_data outside functions, where it is not valid: wasmtime counts no data.
    ("array.wast", 302),
    # Wasmtime refuses U+202E in a name as confusing.
    ("names.wast", 19),
}
"""Modules for which wasmtime's parser gives other bytes, and why."""


def modules(suites: Path) -> Iterator[tuple[str, int, ModuleSource]]:
    folder = suites / "spec"
    for path in sorted(folder.rglob("*.wast")):
        if "custom-descriptors" in path.parts:
            continue
        name = path.relative_to(folder).as_posix()
        for command in parse_script(path.read_bytes(), name).commands:
            if isinstance(command, (ModuleCommand, AssertModule)):
                yield name, command.line, command.source


def text_of(source: ModuleSource) -> str | None:
    """Return a module as it is written, or None where it is not text."""
    if isinstance(source, BinaryModule):
        return None
    if not isinstance(source, TextModule):
        try:
            return source.text.decode()
        except UnicodeDecodeError:
            return None
    tokens = source.tokens
    written = tokens.source.text or ""
    # From behind the token before, so that an annotation is not cut off.
    before = tokens.starts[source.start - 1] + len(tokens.texts[source.start - 1])
    start = before if source.start else 0
    return f"(module {written[start : tokens.starts[source.end]]})"


def canonical(module: Module) -> Module:
    """Return the module with everything in its shortest encoding."""

    def short(expression: bytes | None) -> bytes | None:
        return None if expression is None else encode_expression(instructions_of(expression))

    module.globals = [item._replace(init=short(item.init) or b"") for item in module.globals]
    module.tables = [item._replace(init=short(item.init)) for item in module.tables]
    module.datas = [item._replace(offset=short(item.offset)) for item in module.datas]
    module.elements = [
        ElementSegment(
            item.mode,
            item.type,
            item.functions,
            tuple(short(expression) or b"" for expression in item.expressions),
            item.table,
            short(item.offset),
        )
        for item in module.elements
    ]
    code = []
    for item in module.code:
        body = decode_body(item.body)
        runs: list[tuple[int, ValType]] = []
        for count, type_ in body.locals:
            if runs and runs[-1][1] == type_:
                runs[-1] = runs[-1][0] + count, type_
            elif count:
                runs.append((count, type_))
        code.append(Code(encode_body(Body(tuple(runs), body.instructions))))
    module.code = code
    return module


def test_against_wasmtime(suites: Path) -> None:
    compared = 0
    wrong = []
    for name, line, source in modules(suites):
        text = text_of(source)
        if text is None or name.startswith(LEGACY) or (name, line) in DIFFERENT:
            continue
        try:
            expected: Module | None = decode(bytes(wasmtime.wat2wasm(text)), features=f.ALL)
        except (wasmtime.WasmtimeError, MalformedError):
            expected = None
        try:
            found: Module | None = parse_text(text, features=f.ALL)
        except MalformedError:
            found = None
        if expected is None or found is None:
            # Wasmtime leaves a stray catch to validation.
            if found is not None or (expected is not None and name != "try_table.wast"):
                wrong.append((name, line))
            continue
        compared += 1
        # Decoded, since wasmtime writes out table 0 where it need not; its names again, since
        # it adds those of parameters in types, for which the standard has no subsection.
        expected.names = names_of(expected)
        expected.customs = [item for item in expected.customs if item.name != NAME_SECTION]
        if encode(found) != encode(expected):
            wrong.append((name, line))
    assert wrong == []
    assert compared > 5000


def test_there_and_back(suites: Path) -> None:
    equal = 0
    wrong = []
    for name, line, source in modules(suites):
        try:
            if isinstance(source, BinaryModule):
                module = decode(source.data, features=f.ALL)
            else:
                module = source.parse(f.ALL)
            text = print_text(module)
        except MalformedError:
            continue
        # What only the kernel finds malformed has no text: a lone delegate, no data count.
        if validate(module, features=f.ALL).verdict == MALFORMED:
            continue
        back = parse_text(text, features=f.ALL)
        if (back == module or back == canonical(module)) and print_text(back) == text:
            equal += 1
        else:
            wrong.append((name, line))
    assert wrong == []
    assert equal > 5500


@pytest.mark.parametrize("folder", ["blake3-scalar", "bz2", "pulldown-cmark", "rust-json",
                                    "quicksort", "shootout"])  # fmt: skip
def test_real_programs(suites: Path, folder: str) -> None:
    paths = sorted((suites / "programs" / folder).glob("*.wasm"))
    assert paths
    for path in paths:
        module = decode(path.read_bytes())
        text = print_text(module)
        assert '@custom "name"' not in text
        assert parse_text(text) == canonical(module)


def test_a_garbage_collected_program(suites: Path) -> None:
    data = (suites / "programs" / "kotlin-richards" / "kotlin-richards.core.wasm").read_bytes()
    assert encode(parse_text(print_text(decode(data)))) == encode(decode(data))
