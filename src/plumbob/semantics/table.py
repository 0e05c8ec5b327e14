"""All operations by name, and what an atomic read-modify-write does to its value."""

# ruff: noqa: D401 - a definition's docstring says what its result is
from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import UsageError
from plumbob.semantics import bits, conversions, floats, integer, vector
from plumbob.semantics.operation import Definitions, Outcome

if TYPE_CHECKING:
    from plumbob.semantics.domain import B, Domain, V
    from plumbob.semantics.operation import Operation, Site

define = Definitions()

RMW_OPERATIONS = {
    "add": integer.iadd,
    "sub": integer.isub,
    "smin": integer.smin,
    "smax": integer.smax,
    "umin": integer.umin,
    "umax": integer.umax,
}
"""`atomic_rmw`'s operators that are integer operations; the others are bitwise."""


@define.general("atomic_rmw", "rmw")
def atomic_rmw(d: Domain[V, B], site: Site, old: V, x: V) -> Outcome[V, B]:
    """The value that an atomic read-modify-write stores, from the one it loaded and `x`.

    The memory is the executor's; the instruction's own result is the loaded value.
    """
    w, operator = site.results[0].bits, str(site.immediates[0])
    match operator:
        case "xchg":
            new = x
        case "and":
            new = d.and_(w, old, x)
        case "nand":
            new = d.not_(w, d.and_(w, old, x))
        case "or":
            new = d.or_(w, old, x)
        case "xor":
            new = d.xor(w, old, x)
        case _ if operator in RMW_OPERATIONS:
            new = RMW_OPERATIONS[operator](d, w, old, x)
        case _:
            raise UsageError("unknown atomic_rmw operator", found=operator)
    return Outcome((new,))


OPERATIONS: dict[str, Operation] = {}
for _rows in (integer, bits, floats, conversions, vector):
    OPERATIONS |= _rows.define.rows
OPERATIONS |= define.rows


def operation(name: str) -> Operation:
    """Return the operation that CLIF calls `name`; `UsageError` if it computes no value."""
    try:
        return OPERATIONS[name]
    except KeyError:
        raise UsageError("no semantics of an operation", found=name) from None
