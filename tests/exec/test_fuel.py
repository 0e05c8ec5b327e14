"""What is charged is what is executed, within the bounds that `fuel.py` states."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import plumbob.api
from plumbob.api import Instance, Module, Store, StoreLimits
from plumbob.exec.interp import Limits, Machine, Program, Returned, Trap, walk
from plumbob.exec.interp.fuel import BULK, flow_of
from plumbob.exec.interp.outcome import OUT_OF_FUEL
from plumbob.ir.parser import parse_clif

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp import Mode, Outcome

FUEL = 3_000
WORK = "v{n} = iadd v1, v1"


@st.composite
def graphs(draw: Callable[..., int]) -> str:
    """A function of any control flow; which way it goes, bits of its argument say."""
    count = draw(st.integers(1, 9))
    fresh = 4
    lines = [
        "function %f(i64) -> i64 {",
        "block0(v0: i64):",
        "v1 = iconst.i64 1",
        "v2 = iconst.i64 0x5851f42d4c957f2d",
        "v3 = iconst.i64 0x14057b7ef767814f",
        "v4 = iconst.i64 61",
        "jump block1",
    ]
    for block in range(1, count + 1):
        lines.append(f"block{block}:")
        for _ in range(draw(st.sampled_from((0, 1, 3, 40)))):
            fresh += 1
            lines.append(WORK.format(n=fresh))
        targets = [draw(st.integers(1, count)) for _ in range(draw(st.integers(0, 4)))]
        if not targets:
            lines.append("return v1")
        elif len(targets) == 1:
            lines.append(f"jump block{targets[0]}")
        else:
            fresh += 4
            # A step of a generator of random numbers, kept in a register of the machine.
            lines += [
                f"v{fresh - 3} = get_pinned_reg.i64",
                f"v{fresh - 2} = imul v{fresh - 3}, v2",
                f"v{fresh - 1} = iadd v{fresh - 2}, v3",
                f"set_pinned_reg v{fresh - 1}",
                f"v{fresh} = ushr v{fresh - 1}, v4",
            ]
            fresh += 1
            lines.append(f"v{fresh} = ireduce.i32 v{fresh - 1}")
            table = ", ".join(f"block{target}" for target in targets[1:])
            lines.append(f"br_table v{fresh}, block{targets[0]}, [{table}]")
    return "\n".join([*lines, "}"])


def run(text: str, mode: Mode, fuel: int) -> tuple[Outcome, int, int]:
    """Return the outcome, the instructions executed (of a walk), and the fuel charged."""
    machine = Machine(Program(parse_clif(text)), limits=Limits(fuel=fuel), mode=mode)
    executed = 0
    step = walk._Run._step

    def counted(running: walk._Run, activation: walk._Activation) -> None:
        nonlocal executed
        executed += 1
        step(running, activation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk._Run, "_step", counted)
        outcome = machine.call("%f", (1,))
    left = machine.linker.cells["fuel"].cell_contents
    if mode == "walk":
        left = machine._walker.fuel
    return outcome, executed, fuel - machine.reserve - left


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_the_charge_is_between_once_and_twice_what_is_executed(text: str) -> None:
    note(text)
    function = next(iter(parse_clif(text)))
    longest = sum(len(insts) for insts in function.block_insts)
    outcome, executed, charged = run(text, "walk", FUEL)
    if isinstance(outcome, Returned):
        assert executed <= charged <= 2 * executed
    else:
        assert isinstance(outcome, Trap)
        assert outcome.kind == OUT_OF_FUEL
        assert FUEL - longest <= 2 * executed
        assert executed <= FUEL + longest
    again, _, charged_there = run(text, "source", FUEL)
    assert again == outcome
    if isinstance(outcome, Returned):
        assert charged_there == charged


def switch(arms: int, rounds: int) -> str:
    """A loop around a switch of many arms, one of which is taken."""
    work = 20
    table = ", ".join(f"block{10 + arm}" for arm in range(arms))
    bodies = ""
    for arm in range(arms):
        numbers = range(10 + arm * work, 10 + (arm + 1) * work)
        lines = "\n".join(f"v{number} = iadd v1, v1" for number in numbers)
        bodies += f"block{10 + arm}:\n{lines}\njump block3\n"
    return f"""function %f(i64) -> i64 {{
    block0(v0: i64):
        v1 = iconst.i64 1
        v2 = iconst.i64 {rounds}
        jump block1(v2)
    block1(v3: i64):
        brif v3, block2, block4
    block2:
        v4 = ireduce.i32 v0
        br_table v4, block3, [{table}]
    {bodies}
    block3:
        v5 = isub v3, v1
        jump block1(v5)
    block4:
        return v1
    }}"""


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_arms_of_a_switch_that_are_not_taken_cost_nothing(mode: Mode) -> None:
    outcome, executed, charged = run(switch(200, 1000), mode, 1 << 40)
    assert isinstance(outcome, Returned)
    if mode == "walk":
        assert executed <= charged <= 2 * executed
    assert charged < 60 * 1000


def rarely(rounds: int) -> str:
    """A loop around a loop of much code that is left at once."""
    work = "\n".join(f"v{n} = iadd v1, v1" for n in range(10, 210))
    return f"""function %f(i64) -> i64 {{
    block0(v0: i64):
        v1 = iconst.i64 1
        v2 = iconst.i64 {rounds}
        v3 = isub v0, v1
        jump block1(v2)
    block1(v4: i64):
        brif v4, block2, block5
    block2:
        brif v3, block3, block4
    block3:
        {work}
        jump block2
    block4:
        v5 = isub v4, v1
        jump block1(v5)
    block5:
        return v1
    }}"""


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_a_loop_that_is_left_at_once_costs_what_it_executes(mode: Mode) -> None:
    outcome, executed, charged = run(rarely(500), mode, 1 << 40)
    assert isinstance(outcome, Returned)
    if mode == "walk":
        assert executed <= charged <= 2 * executed
    assert charged < 10 * 500


BULK_TEXT = """(module (memory 16) (memory $other 16)
  (table $t 10000 funcref) (elem $e func $f) (data $d "0123456789")
  (type $a (array (mut i8))) (type $r (array (mut funcref)))
  (global $x (ref $a) (array.new_default $a (i32.const 100000)))
  (func $f (export "nothing"))
  (func (export "memory.fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const 640000)))
  (func (export "memory.copy") (param i32)
    (memory.copy $other 0 (i32.const 0) (local.get 0) (i32.sub (i32.const 640000) (local.get 0))))
  (func (export "memory.init") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 10)))
  (func (export "table.fill") (param $n i32)
    (table.fill $t (local.get $n) (ref.null func) (i32.add (local.get $n) (i32.const 8000))))
  (func (export "table.copy") (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 8000)))
  (func (export "table.init") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "array.new") (drop (array.new $a (i32.const 1) (i32.const 80000))))
  (func (export "array.new_default") (drop (array.new_default $a (i32.const 80000))))
  (func (export "array.new_data")
    (drop (array.new_data $a $d (i32.const 0) (i32.const 10))))
  (func (export "array.new_elem")
    (drop (array.new_elem $r $e (i32.const 0) (i32.const 1))))
  (func (export "array.fill")
    (array.fill $a (global.get $x) (i32.const 0) (i32.const 1) (i32.const 80000)))
  (func (export "array.copy")
    (array.copy $a $a (global.get $x) (i32.const 0) (global.get $x) (i32.const 1)
      (i32.const 80000)))
  (func (export "array.init_data")
    (array.init_data $a $d (global.get $x) (i32.const 0) (i32.const 0) (i32.const 10)))
  (func (export "array.init_elem")
    (array.init_elem $r $e (array.new_default $r (i32.const 3)) (i32.const 0) (i32.const 0)
      (i32.const 1)))
  (func (export "endless")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000000))
      (br $again))))"""
COSTS = {
    "memory.fill": 10_000,
    "memory.copy": 10_000,
    "memory.init": 0,
    "table.fill": 1000,
    "table.copy": 1000,
    "table.init": 0,
    "array.new": 10_000,
    "array.new_default": 10_000,
    "array.new_data": 1,
    "array.new_elem": 0,
    "array.fill": 10_000,
    "array.copy": 10_000,
    "array.init_data": 1,
    "array.init_elem": 0,
}


def test_ranges_cost_by_their_size_and_the_same_in_both_modes() -> None:
    assert list(COSTS) == list(BULK)
    module = Module.from_text(BULK_TEXT)
    for name, cost in COSTS.items():
        charged = []
        for mode in ("source", "walk"):
            store = Store(StoreLimits(fuel=1 << 20), mode=mode)
            exports: Any = Instance(module, None, store).exports
            exports[name](*(0,) * len(exports[name].type.params))
            assert store.fuel is not None
            charged.append((1 << 20) - store.fuel)
        assert charged[0] == charged[1], name
        assert cost <= charged[0] <= cost + 20, name


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_ranges_are_no_way_around_a_deadline(mode: Mode) -> None:
    store = Store(StoreLimits(deadline=0.1), mode=mode)
    exports: Any = Instance(Module.from_text(BULK_TEXT), None, store).exports
    began = time.monotonic()
    with pytest.raises(plumbob.api.Trap, match="deadline reached"):
        exports["endless"]()
    assert time.monotonic() - began < 5
    exports["nothing"]()


def test_a_trap_of_a_waiting_host_loses_no_fuel() -> None:
    store = Store(StoreLimits(fuel=100_000))

    def wait() -> None:
        store.interrupt()
        store.poll()

    text = '(module (import "" "wait" (func $wait)) (func (export "f") (call $wait)))'
    exports: Any = Instance(Module.from_text(text), {"": {"wait": wait}}, store).exports
    with pytest.raises(plumbob.api.Trap, match="interrupted"):
        exports["f"]()
    assert store.fuel is not None
    assert store.fuel > 99_980


def test_a_loop_pays_at_its_header_alone() -> None:
    text = """function %f(i64) -> i64 {
    block0(v0: i64):
        v1 = iconst.i64 1
        jump block1(v0)
    block1(v2: i64):
        brif v2, block2, block3
    block2:
        v3 = isub v2, v1
        v4 = iadd v3, v3
        v5 = iadd v4, v4
        v6 = iadd v5, v5
        jump block1(v3)
    block3:
        return v2
    }"""
    (function,) = parse_clif(text)
    flow = flow_of(function)
    header = flow.loops.headers[0]
    assert flow.charges == {header: 6}
    ((edge, given_back),) = flow.edges.items()
    assert edge == (header, 1)
    assert given_back == -4
    assert flow.entry_charge == 2
