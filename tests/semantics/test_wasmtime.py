"""WebAssembly's numeric operators, bit for bit against wasmtime executing them.

Each operator runs over a table of inputs in the engine's memory, one trapping input a
call. A NaN of the engine's choice must be a NaN here too, one that the specification
allows for the operands (WebAssembly 3.0, 4.3.3).
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import pytest
from tests.semantics.corpus import inputs
from tests.semantics.oracles import allowed_nan, decode, lanes_of
from tests.semantics.wasm_operators import OPERATORS

from plumbob.semantics import Site

if TYPE_CHECKING:
    from tests.semantics.wasm_operators import Operator

    from plumbob.semantics import ValueType

wasmtime = pytest.importorskip("wasmtime", reason="the independent engine is not installed")

STRIDE = 16
"""Bytes of one operand or result in memory: a v128's."""

TRAPS = {
    "INTEGER_DIVISION_BY_ZERO": "int_divz",
    "INTEGER_OVERFLOW": "int_ovf",
    "BAD_CONVERSION_TO_INTEGER": "bad_toint",
}
PROPAGATES = platform.machine() in ("x86_64", "AMD64", "aarch64", "arm64")


def wasm_type(kind: ValueType) -> str:
    return str(kind) if kind.lanes == 1 else "v128"


def module_text(operator: Operator) -> str:
    """A module whose `run` applies the operator to rows `i` to `end - 1` of its table."""
    columns = len(operator.operands)
    loads = "\n".join(
        f"({wasm_type(kind)}.load offset={i * STRIDE} (local.get $row))"
        for i, kind in enumerate(operator.operands)
    )
    size = (columns + 1) * STRIDE
    return f"""(module
      (memory (export "memory") 64)
      (func (export "run") (param $i i32) (param $end i32) (local $row i32)
        (loop $next
          (local.set $row (i32.mul (local.get $i) (i32.const {size})))
          (local.get $row)
          {loads}
          {operator.text}
          {wasm_type(operator.result)}.store offset={columns * STRIDE}
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $i) (local.get $end))))))"""


class Engine:
    """One operator in wasmtime."""

    def __init__(self, operator: Operator, rows: list[tuple[int, ...]]) -> None:
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        module = wasmtime.Module(engine, module_text(operator))
        exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.run: Any = exports["run"]
        self.memory: Any = exports["memory"]
        self.rows = rows
        self.bits = operator.result.bits
        self.row_size = (len(operator.operands) + 1) * STRIDE
        table = b"".join(b"".join(x.to_bytes(STRIDE, "little") for x in (*row, 0)) for row in rows)
        self.memory.write(self.store, table, 0)

    def answers(self, *, one_by_one: bool) -> list[int | str]:
        if not one_by_one:
            self.run(self.store, 0, len(self.rows))
            return [self.result(i) for i in range(len(self.rows))]
        return [self.answer(i) for i in range(len(self.rows))]

    def answer(self, i: int) -> int | str:
        try:
            self.run(self.store, i, i + 1)
        except wasmtime.Trap as trap:
            return TRAPS[trap.trap_code.name]
        return self.result(i)

    def result(self, i: int) -> int:
        end = (i + 1) * self.row_size
        start = end - STRIDE
        return int.from_bytes(self.memory.read(self.store, start, start + self.bits // 8), "little")


def same(operator: Operator, row: tuple[int, ...], ours: int | str, theirs: int | str) -> bool:
    if ours == theirs:
        return True
    if not operator.makes_nans or isinstance(ours, str) or isinstance(theirs, str):
        return False
    kind = operator.result
    operand_kind = operator.operands[0]
    columns = [lanes_of(operand_kind, x) for x in row]
    for i, (a, b) in enumerate(zip(lanes_of(kind, ours), lanes_of(kind, theirs), strict=True)):
        if a != b:
            if not decode(kind.lane_bits, a).kind == decode(kind.lane_bits, b).kind == "nan":
                return False
            if operand_kind.lane_bits == kind.lane_bits and not allowed_nan(
                kind.lane_bits, a, [column[i] for column in columns]
            ):
                return False
    return True


@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name: str) -> None:
    operator = OPERATORS[name]
    rows = list(inputs(_site(operator)))
    traps = "div_" in name or "rem_" in name or ".trunc_f" in name
    answers = Engine(operator, rows).answers(one_by_one=traps)
    for row, theirs in zip(rows, answers, strict=True):
        ours = operator.function(*row)
        assert same(operator, row, ours, theirs), f"{name}{tuple(map(hex, row))}: {ours} {theirs}"


def _site(operator: Operator) -> Site:
    return Site(operator.operands, (operator.result,))


PROPAGATING = [
    f"{kind}.{name}"
    for kind in ("f32", "f64")
    for name in ("add", "sub", "mul", "div", "sqrt", "ceil", "nearest")
]


@pytest.mark.skipif(not PROPAGATES, reason="this host's processor makes canonical NaNs")
@pytest.mark.parametrize("name", [*PROPAGATING, "f32.demote_f64", "f64.promote_f32"])
def test_hosts_propagate_the_one_nan_operand_quieted(name: str) -> None:
    operator = OPERATORS[name]
    bits = operator.operands[0].bits
    rows = [
        row
        for row in inputs(_site(operator))
        if sum(decode(bits, x).kind == "nan" for x in row) == 1
    ]
    assert rows
    answers = Engine(operator, rows).answers(one_by_one=False)
    for row, theirs in zip(rows, answers, strict=True):
        assert operator.function(*row) == theirs, tuple(map(hex, row))
