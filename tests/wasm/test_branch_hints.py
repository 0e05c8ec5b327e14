"""The custom section of branch hints, both ways, and what it may hint at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.errors import InternalError
from plumbob.wasm.binary.branch_hints import (
    SECTION,
    BranchHint,
    FunctionHints,
    decode_branch_hints,
    encode_branch_hints,
    may_be_hinted,
)
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import FUNC, Code, CustomSection, Import, Module
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.valid.custom_sections import check_custom_sections
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, WARNING


def hints(items: dict[int, bool]) -> tuple[BranchHint, ...]:
    return tuple(BranchHint(offset, likely) for offset, likely in sorted(items.items()))


HINTS = st.dictionaries(st.integers(0, 1 << 20), st.booleans(), max_size=4).map(hints)
SECTIONS = st.dictionaries(st.integers(0, 1 << 20), HINTS, max_size=4).map(
    lambda items: [FunctionHints(*item) for item in sorted(items.items())]
)


@given(SECTIONS)
def test_hints_come_back(functions: list[FunctionHints]) -> None:
    data = encode_branch_hints(functions)
    assert decode_branch_hints(data) == functions
    for length in range(len(data)):
        with pytest.raises(MalformedError):
            decode_branch_hints(data[:length])


def test_the_format() -> None:
    data = encode_branch_hints([FunctionHints(2, hints({5: True, 200: False}))])
    assert data.hex(" ") == "01 02 02 05 01 01 c8 01 01 00"


FAULTS = [
    ("00 00", "E0132", 1),
    ("02 01 00 01 00", "E0132", 3),
    ("01 00 02 05 01 00 05 01 00", "E0132", 6),
    ("01 00 01 05 02 00 00", "E0132", 4),
    ("01 00 01 05 01 02", "E0132", 5),
    ("01 00 01 05 01", "E0101", 5),
]


@pytest.mark.parametrize(("text", "code", "offset"), FAULTS)
def test_malformed(text: str, code: str, offset: int) -> None:
    with pytest.raises(MalformedError) as error:
        decode_branch_hints(bytes.fromhex(text), base=9)
    assert (error.value.code, error.value.offset) == (code, 9 + offset)


def test_the_encoder_refuses_disorder() -> None:
    with pytest.raises(InternalError):
        encode_branch_hints([FunctionHints(1, ()), FunctionHints(0, ())])
    with pytest.raises(InternalError):
        encode_branch_hints([FunctionHints(1, (BranchHint(4, True), BranchHint(4, True)))])


def test_what_may_be_hinted() -> None:
    assert [item.name for item in TABLE if may_be_hinted(item)] == ["if", "br_if"]


def module_with(functions: list[FunctionHints], after: int = 3) -> Module:
    """Make a module of an import and a function whose body has an `if` at 3, `br_if` at 7."""
    module = Module()
    module.imports = [Import("", "", FUNC, 0)]
    module.functions = [0]
    module.code = [Code(bytes.fromhex("00 41 00 04 40 41 00 0d 00 0b 0b"))]
    module.customs = [CustomSection(SECTION, encode_branch_hints(functions), after)]
    return module


def test_hints_of_branches_are_fine() -> None:
    assert check_custom_sections(module_with([FunctionHints(1, hints({3: True, 7: False}))])) == []


@pytest.mark.parametrize("offset", [0, 1, 2, 4, 9, 11, 500])
def test_hints_of_anything_else_are_not(offset: int) -> None:
    (warning,) = check_custom_sections(module_with([FunctionHints(1, hints({offset: True}))]))
    assert (warning.code, warning.severity, warning.verdict) == ("W0103", WARNING, INVALID)
    assert warning.function == 1


@pytest.mark.parametrize("function", [0, 2])
def test_hints_need_a_function_with_code(function: int) -> None:
    (warning,) = check_custom_sections(module_with([FunctionHints(function, ())]))
    assert (warning.code, warning.verdict) == ("W0103", INVALID)


def test_hints_stand_before_the_code() -> None:
    (warning,) = check_custom_sections(module_with([], after=10))
    assert (warning.code, warning.verdict) == ("W0101", MALFORMED)


def test_malformed_hints_are_a_warning() -> None:
    module = module_with([])
    module.customs = [CustomSection(SECTION, b"\1", 3)]
    (warning,) = check_custom_sections(module)
    assert (warning.code, warning.verdict) == ("W0101", MALFORMED)
