"""High-level operations: their text, what the verifier asks of them, their documentation."""

from __future__ import annotations

import re

import pytest

from plumbob.errors import InputError, InternalError
from plumbob.ir import high_level, types
from plumbob.ir.builder import FunctionBuilder
from plumbob.ir.entities import AbiParam, BlockCall, Signature, SymbolName, is_trap_code
from plumbob.ir.function import Function
from plumbob.ir.operations import ALL_LOCATIONS, CLIF_OPERATIONS, OPERATIONS
from plumbob.ir.parser import parse_clif
from plumbob.ir.printer import print_function
from plumbob.ir.trap_codes import TRAP_MESSAGES
from plumbob.ir.verifier import Target, verify

NAMES = [name for name in OPERATIONS if name not in CLIF_OPERATIONS]


def function(body: str, preamble: str = "") -> str:
    return f"""function %f(i32, i64, ref.any, ref.func, ref.exn) tail {{
        {preamble}
        block0(v0: i32, v1: i64, v2: ref.any, v3: ref.func, v4: ref.exn):
            {body}
            return
        }}"""


def errors(body: str, preamble: str = "") -> list[str]:
    (func,) = parse_clif(function(body, preamble))
    return [error.message for error in verify(func)]


def test_every_operation_has_its_meaning_in_the_docstring() -> None:
    text = re.sub(r"\s+", " ", high_level.__doc__ or "")
    assert not [name for name in NAMES if f"`{name}" not in text and f" {name}" not in text]


def test_names_have_a_dot_and_effects_name_known_places() -> None:
    for name in NAMES:
        row = OPERATIONS[name]
        assert "." in name
        assert row.reads | row.writes <= set(ALL_LOCATIONS.split())


def test_trap_codes_are_written_as_trap_codes() -> None:
    assert all(map(is_trap_code, TRAP_MESSAGES))
    assert len(set(TRAP_MESSAGES.values())) == len(TRAP_MESSAGES)


@pytest.mark.parametrize(
    "line",
    [
        "v5 = memory.load.i32 0, v0",
        "v5 = memory.load.i8x16 3, v1+0xffff_ffff_ffff_ffff",
        "memory.store 0, v1, v0+8",
        "v5 = memory.atomic_rmw 1 xchg v0+16, v1",
        "v5 = memory.atomic_cas 1, v0+16, v1, v1",
        "v5 = ref.cast v2, type3",
        "v5 = ref.test_null v3, nofunc",
        "v5 = table.grow 0, v3, v1",
        "v5 = ref.null.ref.extern",
        "v5 = exn.get.ref.any v4, 1, 2",
        "memory.copy 0, 1, v0, v1, v0",
    ],
)
def test_operations_print_as_they_are_written(line: str) -> None:
    (func,) = parse_clif(function(line))
    assert verify(func) == []
    printed = print_function(func)
    assert line in printed
    (again,) = parse_clif(printed)
    assert again.content() == func.content()


@pytest.mark.parametrize(
    "line",
    [
        "v5 = memory.load.i32 -1, v0",
        "v5 = memory.load.i32 0x1_0000_0000, v0",
        "v5 = memory.load.i32 0, v0-8",
        "v5 = memory.load.i32 0, v0+0x1_0000_0000_0000_0000",
    ],
)
def test_numbers_beyond_their_range_are_refused(line: str) -> None:
    with pytest.raises(InputError):
        parse_clif(function(line))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("v5 = ref.test v2, bot", "unknown heap type `bot`"),
        ("v5 = memory.load.i8x32 0, v0", "not a valid controlling type"),
        ("v5 = memory.load.ref.any 0, v0", "not a valid controlling type"),
        ("v5 = memory.load.i128 0, v0", "not a valid controlling type"),
        ("v5 = memory.load.f16 0, v0", "not a valid controlling type"),
        ("v5 = ref.eq v2, v3", "arg 1 (v3) has type ref.func, expected ref.any"),
        ("v5 = exn.new 0, sig0(v0, v1)", "the tag's values have types"),
        ("table.call 0, 0, sig0, v0(v1)", "arg 0 (v1) has type i64, expected i32"),
        ("ref.call 0, sig0, v2(v0)", "arg 0 (v2)"),
    ],
)
def test_the_verifier_finds_what_is_wrong(line: str, message: str) -> None:
    try:
        found = errors(line, "sig0 = (i32) tail")
    except InputError as error:  # a type that the operation does not have
        found = [str(error)]
        message = "does not work on this type"
    assert any(message in text for text in found), found


def test_immediates_out_of_range_are_found_in_functions_too() -> None:
    (func,) = parse_clif(function("v5 = memory.load.i32 0, v0"))
    load = func.block_insts[0][0]
    for imms in ((-1, 0), (1 << 32, 0), (0, -1), (0, 1 << 64)):
        func.inst_imms[load] = imms
        assert any("unsigned" in error.message for error in verify(func))


HANDLER = """function %f(ref.exn) tail {
    sig0 = () tail
block0(v0: ref.exn):
    exn.try_throw v0, sig0, block1, [ tag0: block2(ARGUMENT) ]
block1:
    trap user1
block2(v1: TYPE):
    return
}"""


@pytest.mark.parametrize(
    ("argument", "type_", "good"),
    [
        ("exn0", "ref.exn", True),
        ("exn0", "i64", True),
        ("exn0", "ref.any", False),
        ("exn1", "ref.exn", False),
        ("exn0", "i32", False),
    ],
)
def test_a_handler_may_take_the_exception_itself(argument: str, type_: str, *, good: bool) -> None:
    text = HANDLER.replace("ARGUMENT", argument).replace("TYPE", type_)
    (func,) = parse_clif(text)
    assert (verify(func, Target(pointer_bits=64)) == []) == good


def test_a_branch_moves_to_another_block() -> None:
    func = Function(SymbolName("f"), Signature((AbiParam(types.I32),)))
    builder = FunctionBuilder(func)
    entry, first, second, other = (builder.create_block() for _ in range(4))
    (param,) = builder.append_function_params(entry)
    builder.switch_to_block(entry)
    builder.seal_block(entry)
    var = builder.declare_var(types.I32)
    builder.def_var(var, param)
    branch = builder.brif(param, first, second)
    builder.change_destination(branch, second, BlockCall(other))
    for block in (first, other):
        builder.switch_to_block(block)
        builder.seal_block(block)
        assert func.resolve(builder.use_var(var)) == param
        builder.return_()
    builder.finalize()
    assert [target.block for target in func.inst_targets[branch]] == [first, other]
    assert builder.predecessors(second) == []
    assert verify(func) == []
    with pytest.raises(InternalError, match="sealed"):
        builder.change_destination(branch, other, BlockCall(second))
