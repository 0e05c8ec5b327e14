"""Every operator of the table, in every use that the validator's tests know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.frontend.support import require
from tests.wasm.support.environment import TAIL, Environment, code
from tests.wasm.support.uses import Use, all_uses

from plumbob.errors import InternalError, UsageError
from plumbob.frontend import (
    ModuleEnvironment,
    calls,
    control,
    exceptions,
    heap,
    memories,
    numbers,
    relaxed,
    tables,
    translate_function,
    vectors,
)
from plumbob.frontend.operators import BY_CODE, TRANSLATIONS
from plumbob.ir.high_level import heap_name, heap_of_name
from plumbob.ir.trap_codes import UNREACHABLE
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.types import ANY, HEAP_NAMES, concrete

if TYPE_CHECKING:
    from plumbob.ir.function import Function

USES = all_uses()
CLOSERS = {"end", "else", "catch", "catch_all", "delegate"}


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment()


def operations(func: Function) -> list[str]:
    return [func.inst_op[inst].name for _, inst in func.insts()]


def translations(environment: Environment, bodies: list[tuple[Use, bytes]]) -> list[Function]:
    module = environment.module([use.case(body) for use, body in bodies])
    known = ModuleEnvironment(module)
    return [translate_function(known, index) for index in known.defined[-len(bodies) :]]


def test_every_row_of_the_table_has_a_translation() -> None:
    assert set(TRANSLATIONS) == {operator.name for operator in TABLE}
    assert set(BY_CODE) == {operator.code for operator in TABLE}


def test_no_two_parts_translate_one_operator() -> None:
    parts = (control, calls, exceptions, numbers, vectors, relaxed, memories, tables, heap)
    assert sum(len(part.ROWS) for part in parts) == len(TABLE)


def test_every_use_of_every_operator_is_valid_ir(environment: Environment) -> None:
    for function in translations(environment, [(use, use.body()) for use in USES]):
        require(function)


def test_every_operator_with_an_effect_leaves_an_instruction(environment: Environment) -> None:
    quiet = {"nop", "drop", "select", "select t", "block", "loop", "try_table", "try"}
    found = translations(environment, [(use, use.body()) for use in USES])
    for use, function in zip(USES, found, strict=True):
        operator = use.operator
        if operator.effects and operator.name not in quiet and not operator.name.startswith("loc"):
            rows = [function.inst_op[inst] for _, inst in function.insts()]
            wanted = {effect.partition(".")[0] for effect in operator.effects}
            if "trap" in wanted:
                assert any(row.can_trap for row in rows), use
            if "write" in wanted:
                assert any(row.can_store or row.has_side_effects for row in rows), use
            if "read" in wanted and "heap" not in " ".join(operator.effects):
                assert any(row.can_load or row.has_side_effects for row in rows), use
            if "call" in wanted:
                assert any(row.is_call for row in rows), use
            if "alloc" in wanted:
                assert any(row.may_allocate for row in rows), use


def test_dead_code_leaves_no_trace(environment: Environment) -> None:
    uses = [use for use in USES if not use.before and use.name not in CLOSERS]
    dead = code(("unreachable",))
    bodies = [
        (use, use.prologue(skip=len(use.operands)) + dead + use.encoded() + use.after + TAIL)
        for use in uses
    ]
    for use, function in zip(uses, translations(environment, bodies), strict=True):
        require(function)
        found = operations(function)
        assert found[-1] == "trap", use
        # Declared locals have values; nothing else is left.
        assert {name for name in found if not name.endswith("const")} <= {"trap", "ref.null"}, use
        last = function.block_insts[function.layout[-1]][-1]
        assert function.imm(last, "trap") == UNREACHABLE


def test_a_function_without_body_cannot_be_translated(environment: Environment) -> None:
    known = ModuleEnvironment(environment.module([]))
    with pytest.raises(UsageError, match="a function with a body"):
        translate_function(known, 0)
    with pytest.raises(UsageError):
        translate_function(known, len(known.functions))


def test_names_of_heap_types_read_back() -> None:
    abstract = [item for item in HEAP_NAMES if item]
    for item in (*abstract, concrete(0), concrete(4711)):
        assert heap_of_name(heap_name(item)) == item
    assert heap_name(ANY) == "any"
    for wrong in ("", "bot", "type", "typex", "type-1", "3"):
        with pytest.raises(InternalError):
            heap_of_name(wrong)
