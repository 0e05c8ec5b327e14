"""Stack slots are objects of their own: no access reaches from one into the next.

The known failure this guards against is an interpreter that checks all slots' bounds
together (wasmtime#5927). Each case runs in both ways of executing and under several orders
of slots in memory, which no result may depend on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.exec.interp import Machine, Program, Returned, Trap
from plumbob.exec.interp.outcome import USE_AFTER_RETURN
from plumbob.ir.parser import parse_clif

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode, Outcome

OUT_OF_BOUNDS = "heap_oob"
SLOTS = "ss0 = explicit_slot 8\n    ss1 = explicit_slot 8"
ORDERS = range(6)


def outcomes(text: str, symbol: str, *arguments: int, bits: int = 64) -> Outcome:
    """Run a function both ways and under every order; return the one outcome they have."""
    functions = parse_clif(text)
    modes: tuple[Mode, ...] = ("source", "walk")
    found = [
        Machine(Program(functions, bits), mode=mode, seed=seed).call(symbol, arguments)
        for mode in modes
        for seed in ORDERS
    ]
    assert all(outcome == found[0] for outcome in found), found
    return found[0]


def access(body: str, bits: int = 64) -> str:
    """A function that adds its argument to the address of a slot of 8 bytes, `v2`."""
    return (
        f"function %f(i{bits}) -> i64 {{\n    {SLOTS}\nblock0(v0: i{bits}):\n"
        f"    v9 = iconst.i64 0x1122334455667788\n    stack_store_all\n"
        f"    v1 = stack_addr.i{bits} ss0\n    v2 = iadd v1, v0\n    {body}\n}}\n"
    ).replace(
        "stack_store_all\n",
        f"v7 = stack_addr.i{bits} ss0\n    store v9, v7\n"
        f"    v8 = stack_addr.i{bits} ss1\n    store v9, v8\n",
    )


LOADS = {
    "i8": (1, "v3 = load.i8 v2\n    v4 = uextend.i64 v3\n    return v4"),
    "i16": (2, "v3 = uload16.i64 v2\n    return v3"),
    "i32": (4, "v3 = uload32.i64 v2\n    return v3"),
    "i64": (8, "v3 = load.i64 v2\n    return v3"),
    "atomic i32": (4, "v3 = atomic_load.i32 v2\n    v4 = uextend.i64 v3\n    return v4"),
    "i8x16": (16, ("v3 = load.i8x16 v2\n    v4 = extractlane v3, 0\n"
              "    v5 = uextend.i64 v4\n    return v5")),
    "f64": (8, "v3 = load.f64 v2\n    v4 = bitcast.i64 v3\n    return v4"),
    "store i32": (4, "v3 = iconst.i32 1\n    store v3, v2\n    v4 = iconst.i64 0\n    return v4"),
    "atomic rmw": (4, ("v3 = iconst.i32 1\n    v4 = atomic_rmw.i32 add v2, v3\n"
                   "    v5 = iconst.i64 0\n    return v5")),
}  # fmt: skip


@pytest.mark.parametrize("name", LOADS)
@pytest.mark.parametrize("bits", [64, 32])
def test_an_access_lies_whole_within_its_slot(name: str, bits: int) -> None:
    size, body = LOADS[name]
    for offset in range(20):
        if name.startswith("atomic") and offset % size:
            continue  # misaligned before it is out of bounds
        outcome = outcomes(access(body, bits), "%f", offset, bits=bits)
        if offset + size <= 8:  # ends exactly at the boundary: fine
            assert isinstance(outcome, Returned), (offset, outcome)
        else:
            assert isinstance(outcome, Trap), (offset, outcome)
            assert outcome.kind == OUT_OF_BOUNDS
            assert f"access of {size} bytes in slot ss0 of %f at offset {offset}" in outcome.message
            assert "bounds 0 to 8" in outcome.message


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("offset", [-1, -4, -8, -16, -(1 << 20)])
def test_a_negative_offset_traps(bits: int, offset: int) -> None:
    outcome = outcomes(access(LOADS["i32"][1], bits), "%f", offset & ((1 << bits) - 1), bits=bits)
    assert isinstance(outcome, Trap)


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("mode", ["source", "walk"])
def test_a_static_offset_counts(bits: int, mode: Mode) -> None:
    text = access(LOADS["i32"][1].replace("v2", "v2+2147483647", 1), bits)
    machine = Machine(Program(parse_clif(text), bits), mode=mode)
    for argument in (0, 1, 1 << (bits - 1)):
        outcome = machine.call("%f", [argument])
        assert isinstance(outcome, Trap), (argument, outcome)
        assert outcome.kind == OUT_OF_BOUNDS


def test_arithmetic_that_comes_back_finds_the_slot_again() -> None:
    # Two 31-bit steps away and one back: the address on the way is none, the end is.
    text = access(LOADS["i32"][1].replace("v2", "v2+2147483647", 1))
    assert outcomes(text, "%f", (1 << 64) - 2147483647) == Returned((0x55667788,))


STORED = """
function %f() -> i64 {
    ss0 = explicit_slot 8
    ss1 = explicit_slot 8
    ss2 = explicit_slot 8
block0:
    v0 = iconst.i64 7
    v1 = stack_addr.i64 ss0
    store v0, v1
    v2 = stack_addr.i64 ss1
    store v1, v2
    v3 = load.i64 v2
    v4 = load.i64 v3+OFFSET
    return v4
}
"""


def test_an_address_keeps_its_slot_when_it_is_stored_and_loaded() -> None:
    assert outcomes(STORED.replace("OFFSET", "0"), "%f") == Returned((7,))
    outcome = outcomes(STORED.replace("OFFSET", "8"), "%f")
    assert isinstance(outcome, Trap)
    assert "slot ss0" in outcome.message


PASSED = """
function %callee(i64) -> i64 {
    ss0 = explicit_slot 16
block0(v0: i64):
    v1 = load.i64 v0+OFFSET
    return v1
}
function %f() -> i64 {
    ss0 = explicit_slot 8
    fn0 = %callee(i64) -> i64
block0:
    v0 = iconst.i64 9
    v1 = stack_addr.i64 ss0
    store v0, v1
    v2 = call fn0(v1)
    return v2
}
"""


def test_a_callee_is_held_to_the_callers_slot() -> None:
    assert outcomes(PASSED.replace("OFFSET", "0"), "%f") == Returned((9,))
    outcome = outcomes(PASSED.replace("OFFSET", "1"), "%f")
    assert isinstance(outcome, Trap)
    assert "slot ss0 of %f" in outcome.message
    assert [frame.function for frame in outcome.stack] == ["%callee", "%f"]


RETURNED = """
function %leak() -> i64 {
    ss0 = explicit_slot 8
block0:
    v0 = iconst.i64 5
    v1 = stack_addr.i64 ss0
    store v0, v1
    return v1
}
function %other() -> i64 {
    ss0 = explicit_slot 8
block0:
    v0 = iconst.i64 6
    v1 = stack_addr.i64 ss0
    store v0, v1
    v2 = load.i64 v1
    return v2
}
function %f() -> i64 {
    fn0 = %leak() -> i64
    fn1 = %other() -> i64
block0:
    v0 = call fn0()
    v1 = call fn1()
    v2 = load.i64 v0
    return v2
}
"""


def test_a_slot_is_gone_when_its_function_has_returned() -> None:
    outcome = outcomes(RETURNED, "%f")
    assert isinstance(outcome, Trap)
    assert outcome.kind == USE_AFTER_RETURN
    assert "ss0 of %leak" in outcome.message


RECURSIVE = """
function %f(i64, i64) -> i64 {
    ss0 = explicit_slot 8
    fn0 = %f(i64, i64) -> i64
block0(v0: i64, v1: i64):
    v2 = stack_addr.i64 ss0
    store v0, v2
    brif v0, block1, block2
block1:
    v3 = iconst.i64 1
    v4 = isub v0, v3
    v5 = call fn0(v4, v2)
    v6 = load.i64 v2
    v7 = iadd v5, v6
    return v7
block2:
    v8 = load.i64 v1OFFSET
    return v8
}
"""


def test_each_frame_of_a_recursive_function_has_its_own_slot() -> None:
    # 3 + 2 + 1, and the innermost frame reads 1 from the slot of the frame above it.
    assert outcomes(RECURSIVE.replace("OFFSET", ""), "%f", 3, 0) == Returned((7,))
    outcome = outcomes(RECURSIVE.replace("OFFSET", "+8"), "%f", 3, 0)
    assert isinstance(outcome, Trap)
    assert outcome.kind == OUT_OF_BOUNDS


def test_an_id_is_not_used_again_while_a_stale_address_could_resolve() -> None:
    text = RETURNED.replace(
        "    v1 = call fn1()\n    v2 = load.i64 v0\n    return v2",
        "    v9 = iconst.i64 5000\n    jump block1(v9)\nblock1(v10: i64):\n"
        "    v1 = call fn1()\n    v11 = iconst.i64 1\n    v12 = isub v10, v11\n"
        "    brif v12, block1(v12), block2\nblock2:\n    v2 = load.i64 v0\n    return v2",
    )
    for bits in (64,):
        outcome = outcomes(text, "%f", bits=bits)
        assert isinstance(outcome, Trap)
        assert outcome.kind == USE_AFTER_RETURN


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_a_misaligned_access_before_a_slot_names_the_slot(mode: Mode) -> None:
    text = """function %f() -> i16 {
        ss0 = explicit_slot 8
        ss1 = explicit_slot 16
    block0:
        v0 = stack_addr.i64 ss1
        v1 = load.i16 aligned v0-1
        return v1
    }"""
    outcome = Machine(Program(parse_clif(text)), mode=mode).call("%f")
    assert isinstance(outcome, Trap)
    assert outcome.message == "access of 2 bytes at slot ss1 of %f offset -1 is not aligned"
