"""The census against a second count of dead code, in Python and from decoded operators."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.programs import program
from tests.wasm.support.environment import Environment

from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.errors import ComponentError
from plumbob.wasm.text import parse_text
from plumbob.wasm.valid.census import Census, DeadCode, Verdicts, take_census, total
from plumbob.wasm.valid.policy import POLICIES

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.wasm.module import Module

ENDERS = {
    "unreachable", "br", "br_table", "return", "return_call", "return_call_indirect",
    "return_call_ref", "throw", "throw_ref", "rethrow",
}  # fmt: skip
"""Behind these control never goes on; by hand, not from the table."""
ARMS = {"else", "catch", "catch_all"}


def recount(module: Module) -> tuple[int, DeadCode, dict[str, DeadCode]]:
    """Count operators, dead code, and dead code by the operator before it."""
    operators = 0
    after: dict[str, DeadCode] = {}
    for item in module.code:
        code = decode_body(item.body).instructions
        depth, dead_at, ender = 1, 0, ""
        first = count = 0
        ends = [instruction.offset for instruction in code[1:]] + [len(item.body)]
        for instruction, end in zip(code, ends, strict=True):
            name = instruction.operator.mnemonic
            operators += 1
            closes = name in {"end", "delegate"} or name in ARMS
            if dead_at and closes and depth == dead_at:
                if count:
                    size = instruction.offset - first
                    after[ender] = after.get(ender, DeadCode()).plus(DeadCode(1, count, size))
                dead_at = 0
            elif dead_at:
                count += 1
            if not dead_at and name in ENDERS:
                dead_at, ender, first, count = depth, name, end, 0
            depth += "blocktype" in instruction.operator.immediates
            depth -= name in {"end", "delegate"}
    whole = DeadCode()
    for amount in after.values():
        whole = whole.plus(amount)
    return operators, whole, after


def check(data: bytes) -> Census:
    """Take the census of a valid module and hold it against the recount."""
    census = take_census(data, "module", features=f.ALL, repeats=1)
    module = decode(data, features=f.ALL)
    operators, dead, after = recount(module)
    assert census.functions == len(module.code)
    assert census.bytes == sum(len(item.body) for item in module.code)
    assert census.size == len(data)
    assert census.operators == operators
    assert census.dead == dead
    assert census.dead_after == after
    return census


TEXTS = {
    # A module: regions, operators and bytes of dead code.
    "(module)": (0, 0, 0),
    "(module (func unreachable))": (0, 0, 0),
    "(module (func unreachable nop))": (1, 1, 1),
    "(module (func block br 0 i32.const 300 drop end nop))": (1, 2, 4),
    "(module (func i32.const 0 if return nop else unreachable nop nop end))": (2, 3, 3),
    "(module (func unreachable block nop unreachable nop end nop))": (1, 6, 7),
    "(module (func loop br 0 end))": (0, 0, 0),
    "(module (func unreachable) (func return nop) (func return nop nop))": (2, 3, 3),
    "(module (tag) (func try throw 0 nop catch 0 rethrow 0 nop catch_all unreachable end))":
        (2, 2, 2),
    "(module (func try unreachable nop delegate 0))": (1, 1, 1),
    "(module (global i32 (i32.const 0)) (func unreachable drop))": (1, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_dead_code_by_hand(text: str) -> None:
    census = check(encode(parse_text(text, features=f.ALL)))
    assert census.dead == DeadCode(*TEXTS[text])
    assert {policy: item.accepted for policy, item in census.verdicts.items()} == {
        policy: int(policy != "forbidden" or not census.dead.operators) for policy in POLICIES
    }


def test_random_programs() -> None:
    environment = Environment()
    dead = 0
    for number in range(200):
        dead += check(program(Random(number), environment)).dead.regions  # noqa: S311  # repeatable
    assert dead > 100


def test_real_modules(suites: Path) -> None:
    for name in ("noop", "bz2", "quicksort", "pulldown-cmark", "richards"):
        census = check((suites / "programs" / name / "benchmark.wasm").read_bytes())
        assert census.functions > 20
        assert all(item.accepted for policy, item in census.verdicts.items()
                   if policy != "forbidden")  # fmt: skip


def test_invalid_functions_are_counted_once() -> None:
    data = encode(parse_text("(module (func nop) (func drop nop) (func nop))"))
    census = take_census(data, "module", features=f.ALL, repeats=1)
    assert census.functions == 3
    assert census.operators <= 7
    assert {item.accepted for item in census.verdicts.values()} == {0}


def test_a_malformed_module_counts_nothing_and_no_policy_accepts_it() -> None:
    census = take_census(b"\0asm\1\0\0\0\x7f", "module", repeats=1)
    assert (census.functions, census.operators, census.dead) == (0, 0, DeadCode())
    assert [item.accepted for item in census.verdicts.values()] == [0] * 5
    with pytest.raises(ComponentError):
        take_census(b"\0asm\x0d\0\1\0", "component", repeats=1)


def test_totals_add_up() -> None:
    texts = list(TEXTS)
    censuses = [take_census(encode(parse_text(text, features=f.ALL)), text, features=f.ALL,
                            repeats=1) for text in texts]  # fmt: skip
    whole = total(censuses)
    assert whole.modules == len(texts)
    assert whole.dead == DeadCode(*map(sum, zip(*TEXTS.values(), strict=True)))
    assert whole.operators == sum(item.operators for item in censuses)
    assert whole.verdicts["polymorphic"].accepted == len(texts)
    assert sum(amount.operators for amount in whole.dead_after.values()) == whole.dead.operators
    empty = total([])
    assert (empty.modules, empty.verdicts["relaxed"]) == (0, Verdicts())
