from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from plumbob.errors import InternalError, UsageError
from plumbob.ir import types
from plumbob.ir.constraints import TYPE_SETS, parse_signature
from plumbob.ir.formats import Format
from plumbob.ir.operations import (
    CLIF_OPERATIONS,
    FORMER_OPERATIONS,
    OPERATIONS,
    define,
    operation,
)
from plumbob.ir.parser import parse_clif
from plumbob.ir.printer import print_function
from plumbob.ir.verifier import verify
from plumbob.semantics import CONCRETE, Site, value_type
from plumbob.semantics.operation import Definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.ir.function import Function

ROOT = Path(__file__).resolve().parents[2]


def test_there_are_as_many_operations_as_cranelift_has() -> None:
    assert len(CLIF_OPERATIONS) == 163
    assert not CLIF_OPERATIONS & set(FORMER_OPERATIONS)


def test_codes_number_the_rows() -> None:
    assert [op.code for op in OPERATIONS.values()] == list(range(len(OPERATIONS)))


def test_every_operation_has_a_sample_with_every_type(samples: list[Function]) -> None:
    # Every controlling type of every row appears, so no row contradicts itself.
    seen = {func.inst_op[func.block_insts[0][0]].name for func in samples}
    assert seen == set(OPERATIONS)
    assert len(samples) > 1500


@pytest.mark.parametrize(
    ("name", "ctrl", "results"),
    [
        ("iadd", types.I32X4, "i32x4"),
        ("icmp", types.I64, "i8"),
        ("icmp", types.I64X2, "i64x2"),
        ("fcmp", types.F32X4, "i32x4"),
        ("isplit", types.I128, "i64 i64"),
        ("iconcat", types.I64, "i128"),
        ("snarrow", types.I32X4, "i16x8"),
        ("swiden_low", types.I8X16, "i16x8"),
        ("extractlane", types.F64X2, "f64"),
        ("uadd_overflow", types.I16, "i16 i8"),
        ("uload32", types.I32, "i64"),
        ("extract_vector", types.named("i32x4xN"), "i32x4"),
        ("load", types.F128, "f128"),
    ],
)
def test_result_types(name: str, ctrl: types.Type, results: str) -> None:
    found = operation(name).types.result_types(ctrl)
    assert found is not None
    assert " ".join(map(str, found)) == results


def test_derived_types_that_do_not_exist_give_no_result() -> None:
    assert operation("isplit").types.result_types(types.I8) is None
    assert operation("iconcat").types.result_types(types.I128) is None


@pytest.mark.parametrize(
    ("name", "control", "operand"),
    [
        ("store", "Mem", 0),
        ("load", "Mem", None),
        ("istore32", "iExt32", 0),
        ("uload32", "iAddr", 0),
        ("select", "Any", 1),
        ("atomic_cas", "AtomicMem", 2),
        ("atomic_rmw", "AtomicMem", None),
        ("call_indirect", "iAddr", 0),
        ("splat", "AnyTxN", None),
        ("vhigh_bits", "NarrowInt", None),
        ("br_table", None, None),
        ("swizzle", None, None),
    ],
)
def test_which_operand_controls(name: str, control: str | None, operand: int | None) -> None:
    row = operation(name).types
    assert (row.control, row.control_operand) == (control, operand)


CALL = "can_load can_store can_trap has_side_effects is_call is_terminator may_allocate may_throw"


@pytest.mark.parametrize(
    ("name", "effects"),
    [
        ("iadd", ""),
        ("udiv", "can_trap is_idempotent"),
        ("load", "can_trap can_load"),
        ("store", "can_trap can_store"),
        ("jump", "is_branch is_terminator"),
        ("trap", "can_trap is_terminator"),
        ("fence", "has_side_effects"),
        ("return", "is_return is_terminator"),
        ("return_call", f"is_return {CALL}"),
        ("try_call", f"is_branch {CALL}"),
    ],
)
def test_effects(name: str, effects: str) -> None:
    row = operation(name)
    flags = [
        flag
        for flag in dir(row)
        if flag.startswith(("is_", "can_", "may_", "has_")) and flag != "is_polymorphic"
    ]
    assert sorted(flag for flag in flags if getattr(row, flag)) == sorted(effects.split())


def test_only_operations_with_addresses_touch_memory() -> None:
    for op in OPERATIONS.values():
        if "flags" in op.format.imm_slots and op.name != "bitcast":
            assert op.can_load or op.can_store, op.name


@pytest.fixture
def scratch_table() -> Iterator[None]:
    before = dict(OPERATIONS)
    yield
    OPERATIONS.clear()
    OPERATIONS.update(before)


@pytest.mark.usefixtures("scratch_table")
def test_rows_can_be_added() -> None:
    fmt = Format("gc_new", " {name}, {type:uint} {field:uint}({vs})", None)
    row = define(
        "gc.new", fmt, "-> Ref", "allocate", reads="gc", writes="gc", check=lambda *_: ["too new"]
    )
    assert row.may_allocate
    assert row.can_store
    assert operation("gc.new") is row
    # Parser, printer and verifier need no other word of it.
    text = dedent("""\
        function %f(i32) -> ref.any fast {
        block0(v0: i32):
            v1 = gc.new.ref.any a.b, 3 4(v0, v0)
            return v1
        }
        """)
    (func,) = parse_clif(text)
    assert print_function(func) == text
    assert func.inst_imms[0] == ("a.b", 3, 4)
    assert func.imm(0, "field") == 4
    assert func.value_type(1) is types.reference("any")
    assert [e.message for e in verify(func)] == ["too new"]


@pytest.mark.usefixtures("scratch_table")
def test_the_guide_to_adding_an_instruction_holds() -> None:
    guide = (ROOT / "docs" / "adding-an-instruction.md").read_text(encoding="utf-8")
    row, meaning = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    exec(row, {"define": define})  # noqa: S102  # our own documentation
    (func,) = parse_clif("function %f(i32) {\nblock0(v0: i32):\n v1 = isubabs v0, v0\n return\n}")
    assert verify(func) == []
    definitions = Definitions()
    future = "from __future__ import annotations\n"
    exec(future + meaning, {"define": definitions})  # noqa: S102
    site = Site((value_type("i8x16"),) * 2, (value_type("i8x16"),))
    outcome = definitions.rows["isubabs"].outcome(CONCRETE, site, (0x03FF, 0x0501))
    assert outcome.results == (0x02FE,)


@pytest.mark.usefixtures("scratch_table")
@pytest.mark.parametrize(
    ("name", "fmt", "signature", "flags"),
    [
        ("iadd", "binary", "Int, Int -> Int", ""),  # taken
        ("x1", "binary", "Int -> Int", ""),  # two values, one type
        ("x2", "jump", "", ""),  # destinations without `branch`
        ("x3", "unary", "Int -> Int", "branch"),
        ("x4", "unary", "Int -> Int", "explodes"),
        ("x5", "unary", "Int -> lane(Float)", ""),  # the result depends on no variable
        ("x6", "unary", "frob(Int) -> Int", ""),
    ],
)
def test_rows_that_contradict_themselves(name: str, fmt: str, signature: str, flags: str) -> None:
    with pytest.raises((InternalError, UsageError)):
        define(name, fmt, signature, flags)


def test_formats_reject_unknown_fields() -> None:
    with pytest.raises(InternalError):
        Format("bad", " {nonsense}")


def test_signature_terms_are_checked() -> None:
    with pytest.raises(InternalError):
        parse_signature("Int)(", 0)


def test_rows_are_shared_by_copies() -> None:
    row = operation("iadd")
    assert copy.deepcopy(row) is row
    assert pickle.loads(pickle.dumps(row)) is row  # noqa: S301  # our own bytes


def test_reference_types_belong_where_any_type_does() -> None:
    ref = types.reference("struct.3")
    assert ref in TYPE_SETS["Any"]
    assert ref in TYPE_SETS["Mem"]
    assert ref not in TYPE_SETS["Int"]
