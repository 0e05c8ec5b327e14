"""The values that stand-ins return: seeded by what is imported, never by where it stands.

Most are small, so that programs which use them as sizes, offsets or conditions go on; some
are those at which arithmetic changes its mind. None is a NaN: its bits would not survive
every engine's border.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from plumbob.wasm import types as t

if TYPE_CHECKING:
    from plumbob.wasm.module import Module
    from plumbob.wasm.types import FuncType, ValType

ROUNDS: Final = 8
"""How many calls of a function have values of their own; then they start again."""

SMALL: Final = 17
"""Small numbers are below this."""

_F32 = (
    0x0000_0000, 0x8000_0000, 0x3F80_0000, 0xBF80_0000, 0x3F00_0000, 0x7F80_0000, 0xFF80_0000,
    0x7F7F_FFFF, 0x0080_0000, 0x0000_0001, 0x4F00_0000, 0x3DCC_CCCD,
)  # fmt: skip
"""±0, ±1, 1/2, ±∞, the largest, the smallest normal and subnormal, 2^31, 0.1."""

_F64 = (
    0x0000_0000_0000_0000, 0x8000_0000_0000_0000, 0x3FF0_0000_0000_0000, 0xBFF0_0000_0000_0000,
    0x3FE0_0000_0000_0000, 0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000, 0x7FEF_FFFF_FFFF_FFFF,
    0x0010_0000_0000_0000, 0x0000_0000_0000_0001, 0x41E0_0000_0000_0000, 0x3FB9_9999_9999_999A,
)  # fmt: skip

INTERESTING: Final[dict[int, tuple[int, ...]]] = {
    t.I32: (0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF, 0xFFFF, 0x80, 0xFFFF_FF80),
    t.I64: (0, 1, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 0xFFFF_FFFF, 1 << 32, 0x8000_0000),
    t.F32: _F32,
    t.F64: _F64,
}

_FLOATS_BELOW_SMALL = {
    t.F32: (0, *(((127 + n.bit_length() - 1) << 23 | (n << 24 - n.bit_length()) & 0x7F_FFFF)
                 for n in range(1, SMALL))),
    t.F64: (0, *(((1023 + n.bit_length() - 1) << 52
                  | (n << 53 - n.bit_length()) & 0xF_FFFF_FFFF_FFFF) for n in range(1, SMALL))),
}  # fmt: skip
"""0.0 to 16.0, as bits."""

WIDTHS: Final[dict[int, int]] = {t.I32: 32, t.I64: 64, t.F32: 32, t.F64: 64, t.V128: 128}


class Chance:
    """Values that depend on a seed and on words, nothing else."""

    def __init__(self, seed: int, *words: str) -> None:
        """Start from a seed, of which the low 64 bits count, and from what is stood in for."""
        digest = blake2b((seed & (1 << 64) - 1).to_bytes(8, "little"), digest_size=32)
        for word in words:
            data = word.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(4, "little") + data)
        self._key = digest.digest()

    def part(self, place: int) -> Chance:
        """Return other values, those of a part: a call, a result, a field."""
        new = object.__new__(Chance)
        new._key = blake2b(place.to_bytes(8, "little"), key=self._key, digest_size=32).digest()
        return new

    def _word(self, *position: int) -> int:
        data = b"".join(place.to_bytes(8, "little") for place in position)
        return int.from_bytes(blake2b(data, key=self._key, digest_size=24).digest(), "little")

    def bits(self, type_: ValType, *position: int) -> int:
        """Return the bits of a number or vector at a position. Raises `KeyError` for others."""
        word = self._word(*position)
        if type_ == t.V128:
            low, high = (self.bits(t.I64, *position, half) for half in (0, 1))
            return low | high << 64
        choice, word = word & 0xF, word >> 4
        if choice < 10:
            return self._small(type_, word)
        if choice < 15 or type_ in _FLOATS_BELOW_SMALL:
            return INTERESTING[type_][word % len(INTERESTING[type_])]
        return word & (1 << WIDTHS[type_]) - 1

    def small(self, *position: int) -> int:
        """Return an integer from 0 to 3: an offset that is inside most memories and tables."""
        return self._word(*position) & 3

    def draw(self, position: int, count: int) -> int:
        """Return a number below `count`, which must not be 0."""
        return self._word(position, count) % count

    @staticmethod
    def _small(type_: ValType, word: int) -> int:
        floats = _FLOATS_BELOW_SMALL.get(type_)
        return word % SMALL if floats is None else floats[word % SMALL]


def spell(type_: ValType, module: Module) -> str:
    """Return a type as the text format has it, a concrete one by its kind.

    An optimiser may number types anew, and even add fields to them.
    """
    if not type_.is_ref or not type_.heap.is_concrete:
        return str(type_)
    kind = KINDS[type(module.types[type_.heap.index].composite)]
    return str(t.ref(kind, nullable=type_.nullable))


KINDS: Final[dict[type, t.HeapType]] = {
    t.FuncType: t.FUNC,
    t.StructType: t.STRUCT,
    t.ArrayType: t.ARRAY,
}
"""Kind of a defined type to the abstract heap type above it."""


def spell_function(type_: FuncType, module: Module) -> str:
    """Return a function type as `i32 i64 -> f32`, types spelled as `spell` does."""
    params = " ".join(spell(item, module) for item in type_.params)
    return f"{params} -> {' '.join(spell(item, module) for item in type_.results)}"
