"""Diagnostics: every code that the validator has is reported, at the right place."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wasm.support.faults import CHECK_FAULTS, faults
from tests.wasm.support.oracle import complaint
from tests.wasm.support.rules import (
    BODIES,
    CONSTANTS,
    FEATURES,
    FIELDS,
    MARK,
    POLICY_BODIES,
    Broken,
)
from tests.wasm.support.uses import all_uses

from plumbob.wasm import features as f
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.opcodes import BY_NAME
from plumbob.wasm.text import parse_text
from plumbob.wasm.valid.codes import CATALOGUE
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED
from plumbob.wasm.valid.kernel._kernel import ERRORS
from plumbob.wasm.valid.validate import validate

OPERATORS = [*BODIES, *CONSTANTS]
TEXTS = [*OPERATORS, *POLICY_BODIES, *FEATURES, *FIELDS]
EMPTY = bytes.fromhex("0061736d 01000000 0104016000 00")
"""A module with one type, [] -> []."""


def function(body: str) -> bytes:
    """Return a module with one function, whose body is given in hexadecimal."""
    code = bytes.fromhex(body)
    return EMPTY + b"\x03\x02\x01\x00\x0a" + bytes((len(code) + 2, 1, len(code))) + code


START = len(function(""))
"""Where the body begins."""


BINARIES: list[Any] = [
    # Code, module, offset of the fault.
    ("E0101", function("00 41"), START + 2),
    ("E0101", function("00 01"), START + 2),
    ("E0102", function("00 20 808080808000 0b"), None),
    ("E0103", function("00 20 ffffffff1f 0b"), None),
    ("E0104", b"\0asm\1\0\0\0\0\2\1\xff", 11),
    ("E0105", b"\0asm\1\0\0\0\1\x7f", 9),
    ("E0105", b"\0asm\1\0\0\0\1\1\x7f", 10),
    ("E0110", b"\0asx\1\0\0\0", 0),
    ("E0111", b"\0asm\2\0\0\0", 4),
    ("E0112", b"\0asm\1\0\0\0\x0e\0", 8),
    ("E0113", EMPTY + b"\x01\x01\x00", 14),
    ("E0114", b"\0asm\1\0\0\0\1\2\0\0", None),
    ("E0115", EMPTY + b"\x03\x02\x01\x00", None),
    ("E0116", b"\0asm\1\0\0\0\x0c\1\1", None),
    ("E0120", b"\0asm\1\0\0\0\1\2\1\x5c", 11),
    ("E0121", b"\0asm\1\0\0\0\6\6\1\x7f\2\x41\0\x0b", 12),
    ("E0122", b"\0asm\1\0\0\0\5\3\1\x10\0", 11),
    ("E0123", b"\0asm\1\0\0\0\2\5\1\0\0\5\0", 13),
    ("E0124", b"\0asm\1\0\0\0\7\4\1\0\5\0", 12),
    ("E0125", b"\0asm\1\0\0\0\4\4\1\x7f\0\0", 11),
    ("E0126", b"\0asm\1\0\0\0\x09\2\1\x08", 11),
    ("E0127", b"\0asm\1\0\0\0\x0b\2\1\3", 11),
    ("E0129", EMPTY + b"\x0d\3\1\1\0", 17),
    ("E0130", b"\0asm\1\0\0\0\5\4\1\x08\0\x40", None),
    ("E0150", function("00 27 0b"), START + 1),
    ("E0150", function("00 fc 7f 0b"), START + 1),
    ("E0151", function("01 01 40 0b"), START + 2),
    ("E0152", function("00 02 ff7f 0b 0b"), START + 2),
    ("E0153", function("00 28 8001 00 0b"), START + 2),
    ("E0154", function("00 fe 03 01 0b"), START + 3),
    ("E0155", function("02 ffffffff0f 7f 01 7f 0b"), None),
    ("E0156", function("00 fc 09 00 0b"), None),
    ("E0157", function("00 0b 0b"), START + 2),
    ("E0158", function("00 d0 40 1a 0b"), START + 2),
    ("E0158", function("00 d0 f07f 1a 0b"), START + 2),
    ("E0159", function("00 fb 18 04 00 6e 6e 0b"), START + 3),
    ("E0160", function("00 1f 40 01 04 00 0b 0b"), START + 4),
    pytest.param("E0161", function("00 05 0b"), START + 1),
    pytest.param("E0161", function("00 02 40 05 0b 0b"), START + 3),
    pytest.param("E0161", function("00 19 0b"), START + 1),
]


def parsed(broken: Broken):  # type: ignore[no-untyped-def]  # noqa: ANN201  # a Module
    return parse_text(broken.text, features=f.ALL, allow_unreachable_type=broken.policy == "typed")


@pytest.mark.parametrize("broken", TEXTS, ids=[f"{item.code}-{n}" for n, item in enumerate(TEXTS)])
def test_one_fault_one_diagnostic_at_its_place(broken: Broken) -> None:
    report = validate(parsed(broken), features=f.parse(broken.features), dead_code=broken.policy)
    at = broken.text.index(MARK) + len(MARK)
    assert [(item.code, item.span and item.span.start) for item in report.diagnostics] == [
        (broken.code, at)
    ]
    assert report.verdict == (MALFORMED if broken.code < "E0200" else INVALID)
    (found,) = report.diagnostics
    assert found.message
    assert found.expected is None or found.expected
    if broken in OPERATORS or broken in POLICY_BODIES[1:]:
        word = broken.text[at:].lstrip("()").split(" ")[0].rstrip(")")
        assert found.operator is not None
        assert found.operator.split(" ")[0] == (word or "end")
    elif broken in FIELDS:
        assert found.operator is None


@pytest.mark.parametrize("broken", OPERATORS, ids=[f"{item.code}-{n}" for n, item in
                                                  enumerate(OPERATORS)])  # fmt: skip
def test_the_binary_says_the_same_where_the_operator_stands(broken: Broken) -> None:
    module = parsed(broken)
    (text,) = validate(module, features=f.ALL).diagnostics
    binary = encode(module)
    (found,) = validate(binary, features=f.ALL).diagnostics
    assert (found.code, found.message, found.offset) == (text.code, text.message, text.offset)
    assert found.offset is not None
    assert found.operator is not None
    operator = next(
        item for item in (found.operator.split(" ")[0],) if item in BY_NAME or item == "select"
    )
    code = BY_NAME[operator].code if operator != "select" else binary[found.offset]
    assert binary[found.offset] == (code if code < 256 else code >> 16)


KNOWN_THERE = [item for item in (*OPERATORS, *FIELDS) if "rethrow" not in item.text]
"""wasmtime does not know legacy exceptions."""


@pytest.mark.parametrize("broken", KNOWN_THERE, ids=lambda item: item.code)
def test_wasmtime_rejects_it_too(broken: Broken) -> None:
    assert complaint(encode(parsed(broken))) is not None


@pytest.mark.parametrize(
    ("code", "data", "offset"), BINARIES, ids=lambda item: item if isinstance(item, str) else ""
)
def test_malformed_binaries(code: str, data: bytes, offset: int | None) -> None:
    report = validate(data, features=f.ALL)
    assert report.verdict == MALFORMED
    assert code in [item.code for item in report.diagnostics]
    found = next(item for item in report.diagnostics if item.code == code)
    assert found.offset is not None
    assert 0 <= found.offset <= len(data)
    if offset is not None:
        assert found.offset == offset


def test_kernel_and_catalogue_have_the_same_numbers() -> None:
    assert len(set(ERRORS)) == len(ERRORS)
    assert {f"E{number:04d}" for number in ERRORS} <= set(CATALOGUE)


def test_every_code_of_the_validator_is_reported_by_some_test() -> None:
    """Those of the text format and of custom sections have their tests beside their code."""
    seen = {item.code for item in TEXTS} | {
        "E0161",
        *(item[0] for item in BINARIES if isinstance(item, tuple)),
    }
    seen |= {f"E{fault.error:04d}" for use in all_uses() for fault in faults(use)}
    seen |= {f"E{item[2]:04d}" for item in CHECK_FAULTS}
    assert {f"E{number:04d}" for number in ERRORS} <= seen
    rules = {code for code in CATALOGUE if "E0101" <= code <= "E0161" or "E0200" < code < "E0400"}
    assert rules - seen <= {"E0131", "E0132"}
