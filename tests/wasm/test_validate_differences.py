"""Where Plumbob and wasmtime differ on purpose: docs/decisions/050, kept true.

Each class of that record has a module here that shows it. Where one stops differing the
record has to change too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.wasm.support.environment import code, leb
from tests.wasm.support.oracle import complaint

from plumbob.wasm import features as f
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.limits import MAX_OPERANDS
from plumbob.wasm.module import FUNC, Code, Export, Import, Module, RecGroup
from plumbob.wasm.text import parse_text
from plumbob.wasm.types import I32, ArrayType, FieldType, FuncType, SubType
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

VOID = FuncType((), ())


def module(types: list[FuncType | ArrayType], bodies: list[bytes]) -> Module:
    """Return a module whose functions have the types in order."""
    made = Module()
    made.rec_groups = [RecGroup((SubType(item),)) for item in types]
    made.functions = list(range(len(bodies)))
    made.code = [Code(body) for body in bodies]
    return made


def array_new_fixed() -> Module:
    body = b"\0" + code(("i32.const", 0)) * 10_001 + b"\xfb\x08\x01" + leb(10_001) + b"\x1a\x0b"
    return module([VOID, ArrayType(FieldType(I32, mutable=True))], [body])


def operands() -> Module:
    calls = MAX_OPERANDS // 1000 + 20
    return module(
        [FuncType((), (I32,) * 1000), VOID], [b"\0\0\x0b", b"\0" + b"\x10\0" * calls + b"\0\x0b"]
    )


def imports() -> Module:
    made = module([VOID], [])
    made.imports = [Import("", "", FUNC, 0)] * 500_001
    return made


def exports() -> Module:
    made = module([VOID], [b"\0\x0b"])
    made.exports = [Export(str(index), FUNC, 0) for index in range(500_001)]
    return made


STRICTER = {"array.new_fixed": (array_new_fixed, "E0301"), "operands": (operands, "E0301")}
"""Plumbob refuses: the limit on array.new_fixed of the JavaScript API, and its own on operands."""


@pytest.mark.parametrize("name", STRICTER)
def test_plumbob_refuses_what_wasmtime_accepts(name: str) -> None:
    make, error = STRICTER[name]
    binary = encode(make())
    assert complaint(binary) is None
    assert [item.code for item in validate(binary, features=f.ALL).diagnostics] == [error]


@pytest.mark.parametrize("make", [imports, exports])
def test_wasmtime_refuses_types_of_many_imports_or_exports(make: Callable[[], Module]) -> None:
    binary = encode(make())
    said = complaint(binary)
    assert said is not None
    assert "effective type size" in said
    assert validate(binary, features=f.ALL).ok


COMPACT = b"\x01\x01m\0\x7f\x01\x01f\0\0"
"""An import section as the proposal compact-import-section has it: a group of one function."""


def test_wasmtime_reads_compact_imports() -> None:
    binary = b"\0asm\1\0\0\0\x01\x04\x01\x60\0\0\x02" + leb(len(COMPACT)) + COMPACT
    assert complaint(binary) is None
    (found,) = validate(binary, features=f.ALL).diagnostics
    assert (found.code, found.verdict) == ("E0123", "malformed")


def test_wasmtime_does_not_know_legacy_exceptions() -> None:
    binary = encode(parse_text("(module (func try end))", features=f.ALL))
    assert complaint(binary) is not None
    assert validate(binary, features=f.ALL).ok
    assert not validate(binary, features=f.ALL & ~f.LEGACY_EXCEPTIONS).ok
