"""Planted faults: a row of the operator table with one wrong column must be caught."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.wasm.support.judge import complaints_about

from plumbob.wasm import features as f
from plumbob.wasm.opcodes import BY_NAME, TABLE

ROOT = Path(__file__).resolve().parents[2]

MUTANTS = [
    # Operator, column, wrong value.
    ("i32.add", "pushes", ("i64",)),
    ("i64.eqz", "pops", ("i32",)),
    ("f32.demote_f64", "pops", ("f32",)),
    ("i64.store32", "pops", ("addr", "i32")),
    ("i64.load32_u", "align", 3),
    ("v128.load8_lane", "lanes", 8),
    ("i8x16.shuffle", "lanes", 16),
    ("v128.bitselect", "pops", ("v128", "v128")),
    ("i8x16.shl", "pops", ("v128", "v128")),
    ("i64.mul_wide_u", "pushes", ("i64",)),
    ("i32.atomic.rmw16.cmpxchg_u", "checks", ()),
    ("i32.atomic.rmw16.cmpxchg_u", "align", 2),
    ("memory.atomic.wait32", "pops", ("addr", "i32", "i32")),
    ("memory.init", "immediates", ("memory", "data")),
    ("table.init", "immediates", ("table", "elem")),
    ("memory.copy", "pops", ("addr", "addr2", "addr")),
    ("table.copy", "pops", ("addr2", "addr", "addrmin")),
    ("memory.fill", "pops", ("addr", "i32", "i32")),
    ("table.grow", "pops", ("addr", "elem")),
    ("table.size", "pushes", ("i32",)),
    ("global.set", "checks", ()),
    ("ref.func", "checks", ()),
    ("ref.func", "pushes", ("funcref",)),
    ("ref.null", "pushes", ("heap",)),
    ("struct.get_s", "checks", ("struct", "field_unpacked")),
    ("struct.set", "checks", ("struct",)),
    ("struct.new_default", "checks", ("struct",)),
    ("array.new_fixed", "checks", ("array",)),
    ("array.copy", "checks", ("array", "item_mutable")),
    ("array.copy", "pops", ("refnull:type2", "i32", "refnull:type", "i32", "i32")),
    ("array.init_elem", "checks", ("array", "item_mutable")),
    ("ref.test null", "pops", ("anyref",)),
    ("ref.cast", "pushes", ("heapnull",)),
    ("br_on_cast", "checks", ()),
    ("call_indirect", "checks", ("function",)),
    ("return_call", "checks", ()),
    ("return_call_ref", "pushes", ()),
    ("throw", "pushes", ()),
    ("throw_ref", "pops", ("externref",)),
    ("nop", "pushes", ("dead",)),
    ("i32.add", "const", 0),
    ("i32.xor", "const", -1),
    ("i64.sub", "const", -1),
    ("i32.extend8_s", "feature", f.MVP),
    ("table.get", "feature", f.BULK_MEMORY),
    ("return_call_ref", "feature", f.FUNCTION_REFERENCES),
    ("br_if", "rule", "br"),
    ("local.tee", "rule", "local.set"),
    ("ref.i31", "pushes", ("i31ref",)),
    ("any.convert_extern", "rule", ""),
]


@pytest.mark.parametrize("name", ["i32.add", "memory.copy", "array.copy", "rethrow", "br_on_cast"])
def test_rows_as_they_are_give_no_complaint(name: str) -> None:
    assert complaints_about(name) == []


def test_no_row_gives_a_complaint() -> None:
    assert [said for operator in TABLE for said in complaints_about(operator.name)] == []


@pytest.mark.parametrize(
    ("name", "column", "value"), MUTANTS, ids=[f"{name}-{column}" for name, column, _ in MUTANTS]
)
def test_a_wrong_row_is_caught(name: str, column: str, value: object) -> None:
    assert getattr(BY_NAME[name], column) != value
    done = subprocess.run(
        [sys.executable, "-m", "tests.wasm.support.planted", name, column, repr(value)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0].split(" ")[0] in {"caught", "refused"}, done.stdout
