"""CLIF guests that run away end in a trap of their own kind, and the machine works afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.exec.interp import DEFAULT_LIMITS, Host, Machine, Program, Returned, Trap
from plumbob.exec.interp.outcome import HOST_DEPTH, MEMORY_LIMIT, OUT_OF_FUEL, STACK_OVERFLOW
from plumbob.ir.parser import parse_clif

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode

MODES: tuple[Mode, ...] = ("source", "walk")
GUESTS = """
function %ok() -> i32 {
block0:
    v0 = iconst.i32 7
    return v0
}
function %spin() {
block0:
    jump block0
}
function %down(i64) -> i64 tail {
    fn0 = %down(i64) -> i64 tail
block0(v0: i64):
    v1 = call fn0(v0)
    return v1
}
function %even() {
    fn0 = %odd()
block0:
    call fn0()
    return
}
function %odd() {
    fn0 = %even()
block0:
    call fn0()
    return
}
function %tail(i64) -> i64 tail {
    fn0 = %tail(i64) -> i64 tail
block0(v0: i64):
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    return_call fn0(v2)
block2:
    return v0
}
function %out() {
    fn0 = %host()
block0:
    call fn0()
    return
}
function %fat() -> i64 {
    ss0 = explicit_slot 65536
    fn0 = %keep(i64) -> i64
block0:
    v0 = stack_addr.i64 ss0
    v1 = call fn0(v0)
    return v1
}
function %keep(i64) -> i64 {
    fn0 = %fat() -> i64
block0(v0: i64):
    v1 = call fn0()
    store v1, v0
    return v1
}
"""


def _nothing(_running: Machine) -> None:
    """A function of the host that does nothing."""


def machine(mode: Mode, **limits: int) -> Machine:
    functions = parse_clif(GUESTS)
    program = Program(functions)
    hosts = {"%host": Host(program.require_signature("%out"), _nothing)}
    return Machine(program, mode=mode, limits=DEFAULT_LIMITS._replace(**limits), hosts=hosts)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("symbol", "arguments"), [("%down", (1,)), ("%even", ())])
def test_deep_recursion_is_a_trap(mode: Mode, symbol: str, arguments: tuple[int, ...]) -> None:
    running = machine(mode)
    for _ in range(2):
        outcome = running.call(symbol, arguments)
        assert isinstance(outcome, Trap)
        assert outcome.kind == STACK_OVERFLOW
        assert running.call("%ok") == Returned((7,))


@pytest.mark.parametrize("mode", MODES)
def test_an_endless_loop_uses_up_its_fuel(mode: Mode) -> None:
    outcome = machine(mode, fuel=10_000).call("%spin")
    assert isinstance(outcome, Trap)
    assert outcome.kind == OUT_OF_FUEL


@pytest.mark.parametrize("mode", MODES)
def test_tail_calls_take_no_depth(mode: Mode) -> None:
    assert machine(mode, call_depth=5).call("%tail", (20_000,)) == Returned((0,))


@pytest.mark.parametrize("mode", MODES)
def test_slots_reach_the_memory_limit(mode: Mode) -> None:
    running = machine(mode, memory=1 << 20)
    outcome = running.call("%fat")
    assert isinstance(outcome, Trap)
    assert outcome.kind == MEMORY_LIMIT
    assert running.call("%ok") == Returned((7,))


@pytest.mark.parametrize("mode", MODES)
def test_recursion_through_the_host_has_its_own_limit(mode: Mode) -> None:
    seen: list[str] = []
    running = machine(mode, host_depth=20)

    def host(again: Machine) -> None:
        outcome = again.call("%out")
        if isinstance(outcome, Trap):
            seen.append(outcome.kind)

    running.hosts["%host"] = running.hosts["%host"]._replace(function=host)  # before it is linked
    running.call("%out")
    assert seen
    assert seen[0] == HOST_DEPTH
    assert running.call("%ok") == Returned((7,))
