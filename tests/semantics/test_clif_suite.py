"""Cranelift's own run tests, as far as they are straight-line code of operations with values.

A function counts if it is one block of operations of this package and constants. The
executor runs the whole suite; this test needs none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from plumbob.filetest.clif_file import read_clif_file
from plumbob.ir.immediates import parse_float, parse_integer, vector_bytes
from plumbob.semantics import CONCRETE, OPERATIONS, Site, value_type
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plumbob.ir.function import Function
    from plumbob.ir.types import Type

CONSTANTS = {"iconst", "f16const", "f32const", "f64const", "f128const", "vconst"}
RUN = re.compile(r";\s*run: %\S+?\((.*)\)\s*(==|!=)\s*([^;]*)(?:;.*)?")
LITERAL = re.compile(r"\[([^\]]*)\]|([^\s,\[\]]+)")

# Enough to notice that the suite, or the parser, no longer reaches this test.
FEWEST_FUNCTIONS, FEWEST_CHECKS = 800, 3000


class Check(NamedTuple):
    """One `; run:` line."""

    place: str
    function: Function
    arguments: list[int]
    equal: bool
    results: list[int]


def read_values(text: str, types: list[Type]) -> list[int]:
    """Read values as run lines write them; a list of several stands in brackets."""
    found = LITERAL.findall(text)
    if len(found) != len(types) and len(types) > 1:
        found = LITERAL.findall(text.strip().removeprefix("[").removesuffix("]"))
    assert len(found) == len(types), text
    values = []
    for (vector, scalar), kind in zip(found, types, strict=True):
        if kind.is_vector and scalar:
            values.append(int(scalar.replace("_", ""), 16))
        elif kind.is_vector:
            lanes = vector.replace(",", " ").split()
            values.append(int.from_bytes(vector_bytes(lanes, kind), "little"))
        else:
            read = parse_float if kind.is_float else parse_integer
            values.append(read(scalar, kind.bits))
    return values


def is_straight_line(function: Function) -> bool:
    if len(function.layout) != 1 or function.stack_slots:
        return False
    names = [function.inst_op[inst].name for _, inst in function.insts()]
    return names[-1] == "return" and all(
        name in CONSTANTS or (name in OPERATIONS and name != "atomic_rmw") for name in names[:-1]
    )


def checks(folder: Path) -> Iterator[Check]:
    for path in sorted(folder.glob("*.clif")):
        for parsed in read_clif_file(path).functions:
            function = parsed.function
            if not is_straight_line(function):
                continue
            for comment in parsed.comments:
                match = RUN.fullmatch(comment.text.strip())
                if match is None:
                    continue
                params = [p.type for p in function.signature.params]
                returns = [p.type for p in function.signature.returns]
                yield Check(
                    f"{path.name}:{comment.line}",
                    function,
                    read_values(match[1], params),
                    match[2] == "==",
                    read_values(match[3], returns),
                )


def constant(function: Function, inst: int) -> int:
    kind = function.inst_type[inst]
    immediate = function.inst_imms[inst][0]
    if function.inst_op[inst].name in ("vconst", "f128const"):
        data = function.constants[immediate]
        assert data is not None
        return int.from_bytes(data, "little")
    return int(immediate) & ((1 << kind.bits) - 1 if kind else -1)


def immediates(function: Function, inst: int) -> tuple[int | str | bytes, ...]:
    found = []
    for name in OPERATIONS[function.inst_op[inst].name].immediates:
        if name == "byte_order":
            order = function.imm(inst, "flags").endian
            found.append(order or "")
        else:
            found.append(function.imm(inst, name))
    return tuple(found)


def evaluate(
    function: Function, arguments: list[int], run: Callable[..., tuple[int, ...]]
) -> list[int]:
    values = dict(zip(function.block_params[function.entry], arguments, strict=True))
    for _, inst in function.insts():
        name, results = function.inst_op[inst].name, function.inst_results[inst]
        operands = [function.resolve(v) for v in function.inst_args[inst]]
        if name == "return":
            return [values[v] for v in operands]
        if name in CONSTANTS:
            values[results[0]] = constant(function, inst)
            continue
        where = Site(
            tuple(value_type(str(function.value_type(v))) for v in operands),
            tuple(value_type(str(function.value_type(v))) for v in results),
            immediates(function, inst),
        )
        values.update(zip(results, run(name, where, [values[v] for v in operands]), strict=True))
    raise AssertionError("a function without a return")


def run_concrete(name: str, where: Site, values: list[int]) -> tuple[int, ...]:
    outcome = OPERATIONS[name].outcome(CONCRETE, where, values)
    assert not any(trap.condition for trap in outcome.traps)
    return outcome.results


LIBRARY = SourceLibrary()


def run_source(name: str, where: Site, values: list[int]) -> tuple[int, ...]:
    answer = LIBRARY.function(OPERATIONS[name], where)(*values)
    assert not isinstance(answer, str)
    return answer if isinstance(answer, tuple) else (answer,)


@pytest.mark.parametrize("run", [run_concrete, run_source])
def test_every_run_line(suites: Path, run: Callable[..., tuple[int, ...]]) -> None:
    functions: dict[int, Function] = {}  # kept, so that no number is given twice
    count, wrong = 0, []
    for check in checks(suites / "clif" / "runtests"):
        functions[id(check.function)] = check.function
        count += 1
        found = evaluate(check.function, check.arguments, run)
        if (found == check.results) != check.equal:
            wrong.append(f"{check.place}: {[hex(x) for x in found]}")
    assert not wrong, "\n".join(wrong)
    assert count >= FEWEST_CHECKS
    assert len(functions) >= FEWEST_FUNCTIONS
