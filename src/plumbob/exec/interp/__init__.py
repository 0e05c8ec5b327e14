"""The reference interpreter: generated Python source, and a tree walk beside it.

A guide
-------
    from plumbob.ir.parser import parse_clif
    from plumbob.exec.interp import Machine, Program, Returned, Trap

    program = Program(parse_clif(text))         # compiles a function when it is first called
    machine = Machine(program)                  # memory, fuel, limits: one running instance
    outcome = machine.call("%f", [1, 2])        # bits in, an outcome out

- An outcome is a value: `Returned(values)`, `Trap(kind, message, stack)` or `Thrown`. Values
  are bits, unsigned; a vector is one integer, lane 0 lowest.
- `Machine(mode="walk")` runs the same program by walking it: the plain statement of the
  semantics, against which the generated source is held. `seed` numbers stack slots in
  another order, which no result may depend on; `trace` reports values by instruction.
- `Limits` bounds fuel, call depth, crossings to the host and memory; reaching one is a trap
  of its own kind, and the machine can be called again.
- Every stack slot of every frame is an object of its own (`memory.py`): an address is an
  object's id and an offset, an access must lie whole within its object.
- A function of the host is a `Host(signature, function)`, called with the machine and bits.

Rooms, in reading order: `program`, `machine`, `memory`, `walk` with `instructions`; then
`source_function` and its `source_*` neighbours, `linker`, `threads`. The files `wasm_*` add
the high-level operations of instances of WebAssembly modules (`runtime/`).
"""

from __future__ import annotations

from plumbob.exec.interp.limits import DEFAULT_LIMITS, Limits
from plumbob.exec.interp.machine import Host, HostFunction, Machine, Mode, Trace
from plumbob.exec.interp.outcome import (
    Frame,
    GuestException,
    GuestTrap,
    LinkError,
    Outcome,
    Returned,
    Thrown,
    Trap,
    UnsupportedOperationError,
)
from plumbob.exec.interp.program import Program

__all__ = [
    "DEFAULT_LIMITS",
    "Frame",
    "GuestException",
    "GuestTrap",
    "Host",
    "HostFunction",
    "Limits",
    "LinkError",
    "Machine",
    "Mode",
    "Outcome",
    "Program",
    "Returned",
    "Thrown",
    "Trace",
    "Trap",
    "UnsupportedOperationError",
]
