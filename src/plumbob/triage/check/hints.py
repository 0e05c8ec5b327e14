"""Numbers that a program itself brings up: its constants, and the ends of what it reaches.

Comparing with 1234 is seen by who passes 1233, 1234 and 1235; a bounds check by who asks for
the last address that a load of that width may have, and the one behind. Both are read from
the body of the function that is called and of those that it calls.

**Imprecise**: calls through tables and references are not followed, offsets that are computed
are not known. What is missed is not tried; nothing rests on completeness. Cost: linear in the
bodies, `OPERATORS` at most for one function.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.wasm import types as t
from plumbob.wasm.binary.instructions import MemArg, decode_body, instructions_of
from plumbob.wasm.module import FUNC, MEMORY, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plumbob.wasm.binary.instructions import Instruction
    from plumbob.wasm.module import Module

OPERATORS: Final = 20_000
"""How many operators are looked at for one function, those of its callees among them."""
DEPTH: Final = 3
"""How many calls deep callees are looked at."""
MOST: Final = 64
"""How many numbers of a kind are kept."""

_MASK: Final = (1 << 64) - 1


class Hints(NamedTuple):
    """Numbers to try, the most telling first; without repetitions.

    Integers are below 2^64 and meant for parameters of either width; floats and vectors are
    their bits.
    """

    integers: tuple[int, ...] = ()
    f32: tuple[int, ...] = ()
    f64: tuple[int, ...] = ()
    vectors: tuple[int, ...] = ()

    def numbers(self, type_: t.ValType) -> tuple[int, ...]:
        """Return the bits to try for a parameter of a type."""
        if type_ == t.I32:
            return tuple(dict.fromkeys(bits & 0xFFFF_FFFF for bits in self.integers))
        return {t.I64: self.integers, t.F32: self.f32, t.F64: self.f64, t.V128: self.vectors}.get(
            type_, ()
        )


class Reader:
    """Finds the hints of a module's functions."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._imports = len(module.imported(FUNC))
        imported = [item.type for item in module.imported(MEMORY)]
        self._memories = [
            type_ for type_ in [*imported, *module.memories] if isinstance(type_, t.MemoryType)
        ]
        tables = [item.type for item in module.imported(TABLE)]
        self._tables = [
            type_
            for type_ in [*tables, *(table.type for table in module.tables)]
            if isinstance(type_, t.TableType)
        ]

    def of(self, function: int) -> Hints:
        """Return what a function brings up, by its index; nothing of an imported one."""
        found = _Found()
        left = OPERATORS
        waiting, seen = [(function, 0)], {function}
        while waiting and left > 0:
            index, depth = waiting.pop(0)
            if index < self._imports:
                continue
            body = self._module.code[index - self._imports].body
            for instruction in decode_body(body).instructions[:left]:
                left -= 1
                self._look(instruction, found)
                name, immediates = instruction.operator.name, instruction.immediates
                if name in ("call", "return_call") and depth < DEPTH:
                    callee = immediates[0]
                    if callee not in seen:
                        seen.add(callee)
                        waiting.append((callee, depth + 1))
        return found.hints()

    def _look(self, instruction: Instruction, found: _Found) -> None:
        operator, immediates, _ = instruction
        name = operator.name
        if name in ("i32.const", "i64.const"):
            found.constants[immediates[0] & _MASK] = None
        elif name == "f32.const":
            found.f32[immediates[0]] = None
        elif name == "f64.const":
            found.f64[immediates[0]] = None
        elif name == "v128.const":
            found.vectors[int.from_bytes(immediates[0], "little")] = None
        elif name == "array.new_fixed":
            found.ends.update(dict.fromkeys((immediates[1] - 1, immediates[1])))
        elif name == "br_table":
            found.ends.update(dict.fromkeys((len(immediates[0]), len(immediates[0]) - 1)))
        for kind, value in zip(operator.immediates, immediates, strict=True):
            if isinstance(value, MemArg):
                self._access(value, 1 << operator.align, found)
            elif kind == "memory":
                found.sizes.update(dict.fromkeys(self._bytes(value)))
            elif kind == "table" and value < len(self._tables):
                found.sizes[self._tables[value].limits.minimum] = None
            elif kind == "data" and value < len(self._module.datas):
                found.sizes[len(self._module.datas[value].data)] = None
            elif kind == "elem" and value < len(self._module.elements):
                found.sizes[self._module.elements[value].size] = None

    def _access(self, argument: MemArg, width: int, found: _Found) -> None:
        """Note the last address of a memory that an access may have, and the one behind."""
        for size in self._bytes(argument.memory):
            last = size - width - argument.offset
            if last >= 0:
                found.ends.update(dict.fromkeys((last, last + 1)))
            found.sizes[size] = None
        found.sizes.update(dict.fromkeys(self.segments))

    def _bytes(self, index: int) -> Sequence[int]:
        if index >= len(self._memories):
            return ()
        type_ = self._memories[index]
        return (type_.limits.minimum << type_.page_size_log2,)

    @cached_property
    def segments(self) -> tuple[int, ...]:
        """Where active segments begin and end."""
        out: dict[int, None] = {}
        sizes = [(item.offset, len(item.data)) for item in self._module.datas]
        sizes += [(item.offset, item.size) for item in self._module.elements]
        for offset, size in sizes[:MOST]:
            start = None if offset is None else _constant(offset)
            if start is not None:
                out.update(dict.fromkeys((start, start + size - 1, start + size)))
        return tuple(number & _MASK for number in out)


def _constant(expression: bytes) -> int | None:
    """Return the number that a constant expression is, where it is but one."""
    first = next(iter(instructions_of(expression)))
    return first.immediates[0] if first.operator.name in ("i32.const", "i64.const") else None


class _Found:
    """What one function's bodies bring up; dictionaries keep the order."""

    def __init__(self) -> None:
        self.constants: dict[int, None] = {}
        self.ends: dict[int, None] = {}
        self.sizes: dict[int, None] = {}
        self.f32: dict[int, None] = {}
        self.f64: dict[int, None] = {}
        self.vectors: dict[int, None] = {}

    def hints(self) -> Hints:
        """Return it in order: constants, ends, then the neighbours of both, and sizes."""
        integers = dict.fromkeys(
            number & _MASK
            for number in (
                *self.constants,
                *self.ends,
                *self._beside(self.constants),
                *self.sizes,
                *self._beside(self.sizes),
            )
        )
        f32, f64 = (
            tuple(dict.fromkeys((*bits, *self._beside(bits, most))))[:MOST]
            for bits, most in ((self.f32, 0xFFFF_FFFF), (self.f64, _MASK))
        )
        return Hints(tuple(integers)[:MOST], f32, f64, tuple(self.vectors)[:MOST])

    @staticmethod
    def _beside(numbers: dict[int, None], most: int = _MASK) -> Iterator[int]:
        for number in numbers:
            yield number - 1 & most
            yield number + 1 & most
