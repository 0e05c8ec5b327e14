"""Planted faults of the executor: each turns a trap that `test_slots.py` asks for into a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.exec.interp import Machine, Program, Returned, Trap
from plumbob.exec.interp.memory import Memory
from plumbob.ir.parser import parse_clif

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode, Outcome

ACROSS = """
function %f(i64) -> i64 {
    ss0 = explicit_slot 8
    ss1 = explicit_slot 8
block0(v0: i64):
    v1 = stack_addr.i64 ss0
    v2 = iadd v1, v0
    v3 = load.i64 v2
    return v3
}
"""

STALE = """
function %leak() -> i64 {
    ss0 = explicit_slot 8
block0:
    v0 = stack_addr.i64 ss0
    return v0
}
function %f() -> i64 {
    fn0 = %leak() -> i64
block0:
    v0 = call fn0()
    v1 = load.i64 v0
    return v1
}
"""


def run(text: str, mode: Mode, *arguments: int) -> Outcome:
    return Machine(Program(parse_clif(text)), mode=mode).call("%f", arguments)


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_flat_bounds_are_seen(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of wasmtime#5927: an access is held to the bounds of all slots together."""
    assert isinstance(run(ACROSS, mode, 4), Trap)
    push = Memory.push

    def flat(self: Memory, spec: object) -> list[int]:
        addresses = push(self, spec)  # type: ignore[arg-type]  # handed on as it came
        for address in addresses:  # each slot reaches into its neighbour
            self.live[address >> self.layout.offset_bits].extend(bytes(8))
        return addresses

    monkeypatch.setattr(Memory, "push", flat)
    assert isinstance(run(ACROSS, mode, 4), Returned)


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_slots_that_outlive_their_frame_are_seen(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(run(STALE, mode), Trap)
    monkeypatch.setattr(Memory, "pop", lambda _self, _addresses, _spec: None)
    assert isinstance(run(STALE, mode), Returned)
