"""Planted faults of the executor: what holds without a fault is seen not to hold with it.

Each check is an ordinary statement about guests; each fault is planted by replacing one
function of the executor or the runtime. A check that still held would be worth nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from plumbob.api import Instance, Module, Store, StoreLimits, Trap
from plumbob.errors import InternalError
from plumbob.exec.interp import (
    Limits,
    Machine,
    Program,
    Returned,
    source_frame,
    source_function,
    walk,
    wasm_emit,
    wasm_exceptions,
    wasm_linker,
    wasm_walk,
)
from plumbob.exec.interp import Trap as Trapped
from plumbob.exec.interp import linker as linking
from plumbob.exec.interp.memory import Memory
from plumbob.exec.interp.outcome import OUT_OF_FUEL, USE_AFTER_RETURN, GuestTrap
from plumbob.ir.parser import parse_clif
from plumbob.runtime.memory import LinearMemory
from plumbob.runtime.references import ExnRef
from plumbob.semantics import CONCRETE

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp import Mode, Outcome

MODES: tuple[Mode, ...] = ("source", "walk")


def run(text: str, mode: Mode, *arguments: int, limits: Limits | None = None) -> Outcome:
    machine = Machine(Program(parse_clif(text)), mode=mode, limits=limits or Limits())
    return machine.call("%f", arguments)


def exports(text: str, mode: Mode, limits: StoreLimits | None = None) -> Any:
    store = Store(limits or StoreLimits(), mode=mode)
    return Instance(Module.from_text(text), None, store).exports


# Slots


def each_slot_has_its_own_bounds(mode: Mode) -> None:
    """The fault of wasmtime#5927: an access was held to the bounds of all slots together."""
    text = """function %f(i64) -> i64 {
        ss0 = explicit_slot 8
        ss1 = explicit_slot 8
    block0(v0: i64):
        v1 = stack_addr.i64 ss0
        v2 = iadd v1, v0
        v3 = load.i64 v2
        return v3
    }"""
    assert isinstance(run(text, mode, 0), Returned)
    assert isinstance(run(text, mode, 4), Trapped)


def plant_flat_bounds(patch: pytest.MonkeyPatch) -> None:
    push = Memory.push

    def flat(self: Memory, spec: Any) -> list[int]:
        addresses = push(self, spec)
        for address in addresses:  # each slot reaches into its neighbour
            self.live[address >> self.layout.offset_bits].extend(bytes(8))
        return addresses

    patch.setattr(Memory, "push", flat)


def no_address_outlives_its_frame(mode: Mode) -> None:
    """An address kept by a frame that returned is nobody's, though another frame came after."""
    text = """function %leak() -> i64 {
        ss0 = explicit_slot 8
    block0:
        v0 = stack_addr.i64 ss0
        return v0
    }
    function %look(i64) -> i64 {
        ss0 = explicit_slot 8
        fn0 = %keep(i64)
    block0(v0: i64):
        v1 = stack_addr.i64 ss0
        call fn0(v1)
        v2 = load.i64 v0
        return v2
    }
    function %keep(i64) {
    block0(v0: i64):
        store v0, v0
        return
    }
    function %f() -> i64 {
        fn0 = %leak() -> i64
        fn1 = %look(i64) -> i64
    block0:
        v0 = call fn0()
        v1 = call fn1(v0)
        return v1
    }"""
    outcome = run(text, mode)
    assert isinstance(outcome, Trapped)
    assert outcome.kind == USE_AFTER_RETURN


def plant_slots_that_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "pop", lambda _self, _addresses, _spec: None)


def plant_reused_ids(patch: pytest.MonkeyPatch) -> None:
    def all_of_them(func: Any) -> frozenset[int]:
        return frozenset(range(len(func.stack_slots)))

    patch.setattr(source_frame, "contained_slots", all_of_them)


# Control


def parameters_are_given_at_once(mode: Mode) -> None:
    """A loop that exchanges its two parameters in every round."""
    text = """function %f(i64) -> i64 {
    block0(v0: i64):
        v1 = iconst.i64 1
        v2 = iconst.i64 7
        v3 = iconst.i64 9
        jump block1(v0, v2, v3)
    block1(v4: i64, v5: i64, v6: i64):
        v7 = isub v4, v1
        brif v7, block1(v7, v6, v5), block2
    block2:
        return v5
    }"""
    assert [run(text, mode, count) for count in (1, 2, 3)] == [
        Returned((value,)) for value in (7, 9, 7)
    ]


def plant_copies_in_turn(patch: pytest.MonkeyPatch) -> None:
    def in_turn(copies: list[tuple[str, str]]) -> list[str]:
        return [f"{name} = {text}" for name, text in copies]

    def branch(
        self: Any, activation: Any, index: int, returned: Any = (), payload: Any = ()
    ) -> None:
        func = activation.plan.func
        target = func.inst_targets[activation.inst][index]
        parameters = func.block_params[target.block]
        for parameter, argument in zip(parameters, target.args, strict=True):
            if argument >= 0:
                activation.values[parameter] = activation.value(argument)
            else:
                number, is_exception = divmod(-1 - argument, 2)
                source = payload if is_exception else returned
                activation.values[parameter] = source[number]
        self._arrive(activation, target.block)

    patch.setattr(source_function, "parallel_assignment", in_turn)
    patch.setattr(walk._Run, "branch", branch)


def tail_calls_take_no_depth(mode: Mode) -> None:
    text = """function %f(i64) -> i64 tail {
        fn0 = %f(i64) -> i64 tail
    block0(v0: i64):
        brif v0, block1, block2
    block1:
        v1 = iconst.i64 1
        v2 = isub v0, v1
        return_call fn0(v2)
    block2:
        return v0
    }"""
    assert run(text, mode, 50, limits=Limits(call_depth=5)) == Returned((0,))


def plant_tail_calls_with_depth(patch: pytest.MonkeyPatch) -> None:
    define, enter = linking.Linker._define, walk._Run.enter

    def deeper(self: Any, symbol: str, source: str) -> Any:
        return define(self, symbol, source.replace("result.run(d,", "result.run(d := d - 1,"))

    def tail_call(self: Any, symbol: str, arguments: Any) -> None:
        depth = self.stack[-1].depth - 1
        self._pop()
        enter(self, symbol, arguments, depth)

    patch.setattr(linking.Linker, "_define", deeper)
    patch.setattr(walk._Run, "tail_call", tail_call)


def division_by_zero_traps(mode: Mode) -> None:
    text = """function %f(i32, i32) -> i32 {
    block0(v0: i32, v1: i32):
        v2 = udiv v0, v1
        return v2
    }"""
    assert run(text, mode, 7, 2) == Returned((3,))
    try:
        outcome = run(text, mode, 7, 0)
    except ZeroDivisionError:
        pytest.fail("the host's own error came out")
    assert isinstance(outcome, Trapped)


def plant_dropped_traps(patch: pytest.MonkeyPatch) -> None:
    write = source_function.FunctionSource.write_fragment

    def without_traps(self: Any, fragment: Any) -> None:
        write(self, fragment._replace(traps=()))

    def compute(operation: Any, site: Any, values: Any, domain: Any = CONCRETE) -> Any:
        return operation.outcome(domain, site, values).results

    patch.setattr(source_function.FunctionSource, "write_fragment", without_traps)
    patch.setattr(walk, "compute", compute)


def a_loop_asks_for_fuel(mode: Mode) -> None:
    text = """function %f(i64) -> i64 {
    block0(v0: i64):
        v1 = iconst.i64 1
        jump block1(v0)
    block1(v2: i64):
        v3 = isub v2, v1
        brif v3, block1(v3), block2
    block2:
        return v3
    }"""
    assert run(text, mode, 10, limits=Limits(fuel=1000)) == Returned((0,))
    outcome = run(text, mode, 2000, limits=Limits(fuel=1000))
    assert isinstance(outcome, Trapped)
    assert outcome.kind == OUT_OF_FUEL


def plant_loops_for_nothing(patch: pytest.MonkeyPatch) -> None:
    def arrive(_run: Any, activation: Any, block: int) -> None:
        activation.block, activation.index = block, 0

    patch.setattr(source_function.FunctionSource, "charge", lambda _self, _block: None)
    patch.setattr(walk._Run, "_arrive", arrive)


# Memories


BYTES = """(module (memory 1 3)
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "store") (param i32) (i32.store (local.get 0) (i32.const 77)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "fill") (param i32) (memory.fill (local.get 0) (i32.const 5) (i32.const 4))))"""


def the_last_byte_is_the_last(mode: Mode) -> None:
    guest = exports(BYTES, mode)
    for name in ("load", "store", "fill"):
        guest[name](65532)
        with pytest.raises(Trap, match="out of bounds memory access"):
            guest[name](65533)


def plant_bounds_off_by_one(patch: pytest.MonkeyPatch) -> None:
    def require(self: LinearMemory, address: int, size: int) -> None:
        if address + size > len(self.data) + 1:
            raise GuestTrap("heap_oob")

    def read(fs: Any, inst: Any, size: int, address: str) -> str:
        data = f"mem{fs.func.imm(inst, 'memory')}"
        return f"L{size}({data}, {address} - ({address} + {size} == len({data}) + 1))[0]"

    patch.setattr(LinearMemory, "require", require)
    patch.setattr(wasm_emit, "_read", read)


def what_grew_is_there(mode: Mode) -> None:
    guest = exports(BYTES, mode)
    guest["store"](0)
    assert guest["grow"]() == 1
    guest["store"](65536)
    assert (guest["load"](0), guest["load"](65536)) == (77, 77)


def plant_stale_bases(patch: pytest.MonkeyPatch) -> None:
    grow = LinearMemory.grow

    def moved(self: LinearMemory, delta: int) -> int:
        before = self.data
        self.data = bytearray(before)
        return grow(self, delta)

    patch.setattr(LinearMemory, "grow", moved)


# Exceptions


def a_handler_gets_the_payload(mode: Mode) -> None:
    guest = exports(
        """(module (tag $t (param i32 i64))
        (func $throw (throw $t (i32.const 5) (i64.const 6)))
        (func (export "f") (result i32 i64)
          (block $h (result i32 i64) (try_table (catch $t $h) (call $throw)) (unreachable))))""",
        mode,
    )
    assert guest["f"]() == (5, 6)


def plant_lost_payloads(patch: pytest.MonkeyPatch) -> None:
    catch_in = wasm_exceptions.catch_in

    def losing(instance: Any) -> Any:
        find = catch_in(instance)

        def catch(thrown: Any, table: Any, contexts: Any) -> Any:
            target, payload = find(thrown, table, contexts)
            lost = tuple(ExnRef(item.tag, (0,) * len(item.values)) for item in payload)
            return target, lost

        return catch

    patch.setattr(wasm_linker, "catch_in", losing)
    patch.setattr(wasm_walk, "catch_in", losing)


class Planted(NamedTuple):
    """A check, and a fault under which it must not hold."""

    check: Callable[[Mode], None]
    plant: Callable[[pytest.MonkeyPatch], None]
    modes: tuple[Mode, ...] = MODES


PLANTED = (
    Planted(each_slot_has_its_own_bounds, plant_flat_bounds),
    Planted(no_address_outlives_its_frame, plant_slots_that_stay),
    Planted(no_address_outlives_its_frame, plant_reused_ids),
    Planted(parameters_are_given_at_once, plant_copies_in_turn),
    Planted(tail_calls_take_no_depth, plant_tail_calls_with_depth),
    Planted(division_by_zero_traps, plant_dropped_traps),
    Planted(a_loop_asks_for_fuel, plant_loops_for_nothing),
    Planted(the_last_byte_is_the_last, plant_bounds_off_by_one),
    # The tree walk asks the memory for its bytes each time.
    Planted(what_grew_is_there, plant_stale_bases, ("source",)),
    Planted(a_handler_gets_the_payload, plant_lost_payloads),
)
CASES = [
    pytest.param(planted, mode, id=f"{planted.plant.__name__}-{mode}")
    for planted in PLANTED
    for mode in planted.modes
]


@pytest.mark.parametrize(("planted", "mode"), CASES)
def test_planted_faults_are_seen(planted: Planted, mode: Mode) -> None:
    planted.check(mode)
    with pytest.MonkeyPatch.context() as patch:
        planted.plant(patch)
        # An error of the check's own, or of what it asked for: never silence.
        with pytest.raises((AssertionError, pytest.fail.Exception, InternalError, Trap)):
            planted.check(mode)
    planted.check(mode)
