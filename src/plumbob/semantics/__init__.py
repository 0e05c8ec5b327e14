"""What each numeric, bit and vector operation means, once, over a Domain protocol.

May import errors and source alone.

A tour, for whoever uses it:

`operation(name)` gives the `Operation` that CLIF calls `name`; `OPERATIONS` has all. A
*site* is one use of it: the types of operands and results, and the immediates, in the
order of `Operation.immediates`, which has the names that the IR's formats use. Types are
made from CLIF's notation:

    icmp = operation("icmp")
    site = Site((value_type("i32"),) * 2, (value_type("i8"),), ("slt",))

`Operation.outcome(domain, site, values)` runs the definition over a domain and returns
an `Outcome`: `results`, a tuple of values, and `traps`, a tuple of `(condition, code)`.
The first trap whose condition holds happens; else the results count.

    icmp.outcome(CONCRETE, site, (1, 2)).results == (1,)

`CONCRETE` computes on plain ints: a value of width `w` is `0 <= x < 2**w`, floats are
their bit patterns, a vector is one int with lane 0 lowest, truth values are bools. In
memory, little-endian, a value of any type is `x.to_bytes(width // 8, "little")`;
`bits.swap_lane_bytes` gives the big-endian image.

`SourceLibrary` (in `source_library`, over `source_domain`) turns the same definitions
into Python source: expressions for the small ones, calls of compiled helpers for the
large ones. Generated code gets its operations there, so that no operation is written
twice:

    library = SourceLibrary()
    fragment = library.fragment(icmp, site, ["v1", "v2"], fresh)
    fragment.results[0].text() == "1 if v1 ^ 0x80000000 < v2 ^ 0x80000000 else 0"
    fragment.results[0].condition() == "v1 ^ 0x80000000 < v2 ^ 0x80000000"

`fragment.before`, the tests of `fragment.traps`, and `fragment.after` come first, in
that order; `exec` the result with `library.namespace` among the globals.
`library.function(operation, site)` is the same as one compiled function, the fastest way
to run a single operation.

Loads, stores, calls, branches and constants have no row here: they are the executor's.
`atomic_rmw` has one, for the value that it stores. Which NaN an operation returns is
decided in `floats`; docs/decisions/030-which-nan.md has the reasons.
"""

from __future__ import annotations

from plumbob.semantics.concrete import CONCRETE, ConcreteDomain
from plumbob.semantics.domain import Domain
from plumbob.semantics.operation import Operation, Outcome, Site, Trap
from plumbob.semantics.table import OPERATIONS, operation
from plumbob.semantics.types import FloatFormat, ValueType, value_type

__all__ = [
    "CONCRETE",
    "OPERATIONS",
    "ConcreteDomain",
    "Domain",
    "FloatFormat",
    "Operation",
    "Outcome",
    "Site",
    "Trap",
    "ValueType",
    "operation",
    "value_type",
]
