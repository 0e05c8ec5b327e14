"""Writing one function body: bytes, locals, labels, and a budget of what it may execute."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.hunt.generator.universe import FLOAT2, FLOAT4, wire
from plumbob.wasm import types as t
from plumbob.wasm.binary.encode_types import write_heap_type, write_value_type
from plumbob.wasm.binary.leb import write_s32, write_u32
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.types import EMPTY_BLOCK_CODE, ValType

if TYPE_CHECKING:
    from plumbob.hunt.choices import Choices
    from plumbob.hunt.generator.program import Program
    from plumbob.hunt.generator.universe import Universe


def _opcode(prefix: int, number: int) -> bytes:
    out = bytearray()
    if prefix:
        out.append(prefix)
        write_u32(out, number)
    else:
        out.append(number)
    return bytes(out)


OPCODES: Final = {row.name: _opcode(row.prefix, row.number) for row in TABLE}
"""The opcode of each operator, as it is encoded."""

ALIGN: Final = {row.name: row.align for row in TABLE}

CANONICAL: Final = {t.F32: 0x7FC0_0000, t.F64: 0x7FF8 << 48}
"""The bits of the positive canonical NaN."""

_PACK: Final = {t.F32: "<I", t.F64: "<Q"}


class Label(NamedTuple):
    """A place to branch to forwards, with the types that it takes."""

    types: tuple[ValType, ...]
    depth: int
    """How many labels were open when this one was opened."""


class Body:
    """A body in the making.

    `rounds` is how often the code being written runs at most, for each call; `cost` adds up
    operators times rounds, and `room` tells whether more fits.
    """

    def __init__(
        self, program: Program, params: tuple[ValType, ...], results: tuple[ValType, ...],
        budget: int, size: int,
    ) -> None:  # fmt: skip
        self.program = program
        self.choices: Choices = program.choices
        self.universe: Universe = program.universe
        self.params = params
        self.results = results
        self.out = bytearray()
        self.locals: list[ValType] = list(params)
        self._temporaries: dict[ValType, int] = {}
        self.by_type: dict[ValType, list[int]] = {}
        for place, type_ in enumerate(params):
            self.by_type.setdefault(type_, []).append(place)
        self.labels: list[Label | None] = []
        """Open labels, outermost first; None for one that nobody may branch to freely."""
        self.depth = 0
        self.rounds = 1
        self.cost = 0
        self.budget = budget
        self.size = size
        self.throws = False
        self.sheltered = 0
        """How many handlers that catch everything are open around this place."""
        self.may_trap = program.choices.chance(10)
        """Whether accesses out of bounds, null references and failing casts are let in."""

    # Budget.

    @property
    def room(self) -> bool:
        """Whether there is room for more code, by size and by what it executes."""
        return len(self.out) < self.size and self.cost < self.budget

    def spend(self, cost: int) -> bool:
        """Take what one execution of something costs; False, and nothing taken, if too much."""
        total = cost * self.rounds
        if self.cost + total > self.budget:
            return False
        self.cost += total
        return True

    # Operators.

    def op(self, name: str, *indices: int) -> None:
        """Write an operator whose immediates are unsigned integers."""
        self.out += OPCODES[name]
        for index in indices:
            write_u32(self.out, index)
        self.cost += self.rounds

    def i32(self, value: int) -> None:
        """Write a constant, given as bits or signed."""
        self.out += b"\x41"
        write_s32(self.out, (value & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000)
        self.cost += self.rounds

    def i64(self, value: int) -> None:
        """Write a constant, given as bits or signed."""
        self.out += b"\x42"
        write_s32(self.out, (value & (1 << 64) - 1 ^ 1 << 63) - (1 << 63))
        self.cost += self.rounds

    def integer(self, type_: ValType, value: int) -> None:
        """Write a constant of i32 or i64."""
        (self.i64 if type_ == t.I64 else self.i32)(value)

    def floating(self, type_: ValType, bits: int) -> None:
        """Write a constant of f32 or f64 by its bits."""
        self.out += b"\x43" if type_ == t.F32 else b"\x44"
        self.out += struct.pack(_PACK[type_], bits)
        self.cost += self.rounds

    def vector(self, data: bytes) -> None:
        """Write a vector constant of 16 bytes."""
        self.out += OPCODES["v128.const"] + data
        self.cost += self.rounds

    def heap(self, name: str, heap: int) -> None:
        """Write an operator whose immediate is a heap type."""
        self.out += OPCODES[name]
        write_heap_type(self.out, heap)
        self.cost += self.rounds

    def memarg(self, name: str, memory: int, offset: int, align: int | None = None) -> None:
        """Write an access to a memory."""
        align = ALIGN[name] if align is None else align
        self.out += OPCODES[name]
        write_u32(self.out, align | (0x40 if memory else 0))
        if memory:
            write_u32(self.out, memory)
        write_u32(self.out, offset)
        self.cost += self.rounds

    def select(self, type_: ValType) -> None:
        """Write a select of a type."""
        if type_.is_ref:
            self.out += OPCODES["select t"] + b"\x01"
            write_value_type(self.out, type_)
        else:
            self.out += OPCODES["select"]
        self.cost += self.rounds

    def cast(self, name: str, label: int, source: ValType, target: ValType) -> None:
        """Write a branch on a cast, to a label by its number from inside."""
        self.out += OPCODES[name]
        self.out.append((1 if source.nullable else 0) | (2 if target.nullable else 0))
        write_u32(self.out, label)
        write_heap_type(self.out, source.heap)
        write_heap_type(self.out, target.heap)
        self.cost += self.rounds

    # Locals.

    def new_local(self, type_: ValType, *, reserved: bool = False) -> int:
        """Declare a local; a reserved one is no other strategy's to write or read."""
        place = len(self.locals)
        self.locals.append(type_)
        if not reserved:
            self.by_type.setdefault(type_, []).append(place)
        return place

    def withhold(self, place: int) -> None:
        """Keep a parameter from strategies: only who withheld it reads or writes it."""
        places = self.by_type[self.locals[place]]
        places.remove(place)
        if not places:
            del self.by_type[self.locals[place]]

    def readable(self, type_: ValType) -> list[int]:
        """Return the locals whose values are of a type."""
        if not type_.is_ref:
            return self.by_type.get(type_, [])
        matches = self.universe.matches
        return [
            place for kind, places in self.by_type.items() if matches(kind, type_)
            for place in places
        ]  # fmt: skip

    def get(self, place: int) -> None:
        """Write a `local.get`."""
        self.op("local.get", place)

    def set(self, place: int) -> None:
        """Write a `local.set`."""
        self.op("local.set", place)

    def tee(self, place: int) -> None:
        """Write a `local.tee`."""
        self.op("local.tee", place)

    # Blocks.

    def open(
        self,
        name: str,
        params: tuple[ValType, ...] = (),
        results: tuple[ValType, ...] = (),
        *,
        free: bool = False,
    ) -> None:
        """Open a block; where it is `free`, strategies inside may branch to its end.

        A loop's label is never free: it leads backwards.
        """
        self.out += OPCODES[name]
        self.block_type(params, results)
        self.enter(Label(results, self.depth) if free else None)
        self.cost += self.rounds

    def block_type(self, params: tuple[ValType, ...], results: tuple[ValType, ...]) -> None:
        """Write a block type."""
        if params or len(results) > 1:
            write_s32(self.out, self.universe.function(params, results))
        elif results:
            write_value_type(self.out, wire(results[0]))
        else:
            self.out.append(EMPTY_BLOCK_CODE)

    def enter(self, label: Label | None) -> None:
        """Count a block that was opened by hand."""
        self.labels.append(label)
        self.depth += 1

    def otherwise(self) -> None:
        """Write an `else`."""
        self.out += OPCODES["else"]

    def end(self) -> None:
        """Close the innermost block."""
        self.out += OPCODES["end"]
        self.labels.pop()
        self.depth -= 1

    def free_labels(self) -> list[tuple[int, tuple[ValType, ...]]]:
        """Return the free labels: their number from inside, and their types."""
        return [
            (self.depth - 1 - label.depth, label.types)
            for label in self.labels
            if label is not None
        ]

    # Values.

    def canonical(self, type_: ValType) -> None:
        """Make the NaN on top of the stack canonical, in every lane of a vector of floats.

        Afterwards a vector is a `v128` like any other.
        """
        place = self.temporary(type_)
        self.tee(place)
        if type_ in (FLOAT4, FLOAT2):
            lane = struct.pack("<I", CANONICAL[t.F32]) * 4
            if type_ == FLOAT2:
                lane = struct.pack("<Q", CANONICAL[t.F64]) * 2
            self.vector(lane)
            self.get(place)
            self.get(place)
            self.op("f32x4.eq" if type_ == FLOAT4 else "f64x2.eq")
            self.op("v128.bitselect")
        else:
            self.floating(type_, CANONICAL[type_])
            self.get(place)
            self.get(place)
            self.op(f"{type_}.eq")
            self.op("select")

    def temporary(self, type_: ValType) -> int:
        """Return a reserved local of a type, for values that are used at once."""
        place = self._temporaries.get(type_)
        if place is None:
            place = self._temporaries[type_] = self.new_local(type_, reserved=True)
        return place

    # The end.

    def finish(self) -> bytes:
        """Return the body: locals, code, `end`."""
        out = bytearray()
        declared = self.locals[len(self.params) :]
        runs: list[tuple[int, ValType]] = []
        for type_ in map(wire, declared):
            if runs and runs[-1][1] == type_:
                runs[-1] = (runs[-1][0] + 1, type_)
            else:
                runs.append((1, type_))
        write_u32(out, len(runs))
        for count, type_ in runs:
            write_u32(out, count)
            write_value_type(out, type_)
        return bytes(out + self.out + OPCODES["end"])
