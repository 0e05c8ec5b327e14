"""The runtime library's routines that CLIF can name (`entities.LIBCALLS`)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from plumbob.exec.interp.instructions import unsupported
from plumbob.exec.interp.outcome import GuestTrap
from plumbob.ir.entities import HEAP_OOB, LIBCALLS, AbiParam, Signature
from plumbob.ir.types import F32, F64, I8X16, I32, I64
from plumbob.semantics import OPERATIONS, Site, value_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plumbob.exec.interp.machine import HostFunction, Machine
    from plumbob.ir.types import Type

_NO_MEANING: Final = frozenset(("Probestack", "ElfTlsGetAddr", "ElfTlsGetOffset"))
"""Routines for machine code: a stack probe, access to thread-local storage."""


def _signature(params: list[Type], returns: list[Type]) -> Signature:
    return Signature(tuple(map(AbiParam, params)), tuple(map(AbiParam, returns)))


def _computing(operation: str, *types: Type) -> tuple[Signature, HostFunction]:
    """Return a routine that is an operation on operands of `types`, with a result of the first."""
    kinds = tuple(value_type(ty.name) for ty in types)
    site = Site(kinds, kinds[:1])

    def function(machine: Machine, *arguments: int) -> Any:
        return OPERATIONS[operation].outcome(machine.domain, site, arguments).results[0]

    return _signature(list(types), [types[0]]), function


def _bytes(machine: Machine, address: int, size: int) -> tuple[bytearray, int]:
    """Resolve a whole range; an empty one needs no object."""
    if size == 0:
        return bytearray(), 0
    return machine.memory.access(address, 0, size, HEAP_OOB)


def _memmove(machine: Machine, to: int, source: int, size: int) -> int:
    data, position = _bytes(machine, source, size)
    into, at = _bytes(machine, to, size)
    into[at : at + size] = data[position : position + size]
    return to


def _memcpy(machine: Machine, to: int, source: int, size: int) -> int:
    if size and to != source and abs(to - source) < size:
        raise GuestTrap(HEAP_OOB, "memcpy of ranges that overlap")
    return _memmove(machine, to, source, size)


def _memset(machine: Machine, to: int, byte: int, size: int) -> int:
    into, at = _bytes(machine, to, size)
    into[at : at + size] = bytes((byte & 0xFF,)) * size
    return to


def _memcmp(machine: Machine, one: int, other: int, size: int) -> int:
    """Return the sign of the first difference, as an i32."""
    a, i = _bytes(machine, one, size)
    b, j = _bytes(machine, other, size)
    left, right = a[i : i + size], b[j : j + size]
    return ((left > right) - (left < right)) & 0xFFFF_FFFF


def _meaningless(name: str) -> HostFunction:
    def function(machine: Machine, *arguments: int) -> Any:  # noqa: ARG001  # a host function's signature
        raise unsupported(f"the library routine {name}", "it serves machine code alone")

    return function


@cache
def libcalls(pointer_bits: int) -> Mapping[str, tuple[Signature, HostFunction]]:
    """Return signature and function of each routine, by printed name (`%CeilF32`)."""
    address = I32 if pointer_bits == 32 else I64
    move = [address, address, address]
    table: dict[str, tuple[Signature, Callable[..., Any]]] = {
        "Memcpy": (_signature(move, [address]), _memcpy),
        "Memmove": (_signature(move, [address]), _memmove),
        "Memset": (_signature([address, I32, address], [address]), _memset),
        "Memcmp": (_signature(move, [I32]), _memcmp),
        "X86Pshufb": _computing("x86_pshufb", I8X16, I8X16),
    }
    for ty in (F32, F64):
        width = ty.name.upper()
        for name in ("ceil", "floor", "trunc", "nearest"):
            table[f"{name.capitalize()}{width}"] = _computing(name, ty)
        table[f"Fma{width}"] = _computing("fma", ty, ty, ty)
    for name in _NO_MEANING:
        table[name] = (_signature([], []), _meaningless(name))
    return {f"%{name}": table[name] for name in sorted(LIBCALLS)}
