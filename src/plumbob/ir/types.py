"""Value types of the IR: interned, so that `is` compares them.

Integers `i8 … i128`, floats `f16 … f128`, vectors of those (`i32x4`, 16 to 512 bits in
all), dynamic vectors (`i32x4xN`, a multiple of their base vector that only the target
knows), and references (`ref.NAME`), whose size is not known before lowering. There is
one object per type: obtain types from this module's constants or constructors, never by
calling the class.
"""

from __future__ import annotations

from typing import Final

from plumbob.errors import UsageError

INT: Final = "int"
FLOAT: Final = "float"
REF: Final = "ref"

INT_BITS: Final = (8, 16, 32, 64, 128)
FLOAT_BITS: Final = (16, 32, 64, 128)
MAX_VECTOR_BITS: Final = 512


class Type:
    """One value type.

    `lane_kind` is "int", "float" or "ref"; `lane_bits` the width of one lane in bits (0 for
    references); `lanes` their number (1 for scalars, the minimum for dynamic vectors);
    `bits` and `bytes` the whole size (the minimum for dynamic vectors); `lane` the type of
    one lane. `mask` has `lane_bits` ones.
    """

    __slots__ = (
        "bits",
        "bytes",
        "is_dynamic",
        "is_float",
        "is_int",
        "is_ref",
        "is_vector",
        "lane",
        "lane_bits",
        "lane_kind",
        "lanes",
        "mask",
        "name",
    )

    name: str
    lane_kind: str
    lane_bits: int
    lanes: int
    bits: int
    bytes: int
    mask: int
    lane: Type
    is_int: bool
    """A scalar integer."""
    is_float: bool
    """A scalar float."""
    is_ref: bool
    is_vector: bool
    """A vector of fixed or dynamic length."""
    is_dynamic: bool

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return named, (self.name,)

    def __copy__(self) -> Type:
        return self

    def __deepcopy__(self, _memo: object) -> Type:
        return self

    def with_lanes(self, lanes: int) -> Type | None:
        """Return the vector of `lanes` lanes of this lane type, or None where there is none."""
        return _table.get((self.lane_kind, self.lane_bits, lanes, self.is_dynamic))

    def with_lane_bits(self, bits: int) -> Type | None:
        """Return the type with the same kind and number of lanes, each `bits` wide, or None."""
        return _table.get((self.lane_kind, bits, self.lanes, self.is_dynamic))

    def as_truthy(self) -> Type | None:
        """Return the type of a comparison of such values: i8, or a vector of integers as wide."""
        if not self.is_vector:
            return None if self.is_ref else I8
        return _table.get((INT, self.lane_bits, self.lanes, self.is_dynamic))

    def as_int(self) -> Type | None:
        """Return the type of the same shape whose lanes are integers."""
        return _table.get((INT, self.lane_bits, self.lanes, self.is_dynamic))

    def half_width(self) -> Type | None:
        """Lanes half as wide, as many of them."""
        return self.with_lane_bits(self.lane_bits // 2)

    def double_width(self) -> Type | None:
        """Lanes twice as wide, as many of them."""
        return self.with_lane_bits(self.lane_bits * 2)

    def split_lanes(self) -> Type | None:
        """Twice the lanes, half as wide: `i32x4` gives `i16x8`. None for scalars."""
        return self._reshape(self.lane_bits // 2, self.lanes * 2)

    def merge_lanes(self) -> Type | None:
        """Half the lanes, twice as wide: `i16x8` gives `i32x4`. None for scalars."""
        return self._reshape(self.lane_bits * 2, self.lanes // 2)

    def _reshape(self, lane_bits: int, lanes: int) -> Type | None:
        if not self.is_vector:
            return None
        return _table.get((self.lane_kind, lane_bits, lanes, self.is_dynamic))

    def dynamic_to_vector(self) -> Type | None:
        """Return the fixed vector that a dynamic one is a multiple of. None for other types."""
        if not self.is_dynamic:
            return None
        return _table.get((self.lane_kind, self.lane_bits, self.lanes, False))

    def vector_to_dynamic(self) -> Type | None:
        """Return the dynamic vector whose base this fixed one is. None for other types."""
        if not self.is_vector or self.is_dynamic:
            return None
        return _table.get((self.lane_kind, self.lane_bits, self.lanes, True))


_table: dict[tuple[str, int, int, bool], Type] = {}
_by_name: dict[str, Type] = {}


def _intern(name: str, kind: str, lane_bits: int, lanes: int, *, dynamic: bool) -> Type:
    ty = Type.__new__(Type)
    ty.name = name
    ty.lane_kind = kind
    ty.lane_bits = lane_bits
    ty.lanes = lanes
    ty.bits = lane_bits * lanes
    ty.bytes = ty.bits // 8
    ty.mask = (1 << lane_bits) - 1
    ty.is_dynamic = dynamic
    ty.is_vector = dynamic or lanes > 1
    ty.is_int = kind == INT and not ty.is_vector
    ty.is_float = kind == FLOAT and not ty.is_vector
    ty.is_ref = kind == REF
    ty.lane = _table[kind, lane_bits, 1, False] if ty.is_vector else ty
    _by_name[name] = ty
    if kind != REF:
        _table[kind, lane_bits, lanes, dynamic] = ty
    return ty


def _intern_numeric() -> None:
    for kind, widths in ((INT, INT_BITS), (FLOAT, FLOAT_BITS)):
        for bits in widths:
            scalar = _intern(f"{kind[0]}{bits}", kind, bits, 1, dynamic=False)
            lanes = 2
            while bits * lanes <= MAX_VECTOR_BITS:
                name = f"{scalar.name}x{lanes}"
                _intern(name, kind, bits, lanes, dynamic=False)
                _intern(name + "xN", kind, bits, lanes, dynamic=True)
                lanes *= 2


_intern_numeric()

NUMERIC: Final[tuple[Type, ...]] = tuple(_table.values())
"""Every type but references, scalars before their vectors."""


def lookup(name: str) -> Type | None:
    """Return the type of that name, or None. A well-formed `ref.NAME` always names a type."""
    ty = _by_name.get(name)
    if ty is None and name.startswith("ref.") and _is_reference_name(name[4:]):
        return _intern(name, REF, 0, 1, dynamic=False)
    return ty


def named(name: str) -> Type:
    """Return the type of that name; raises UsageError if there is none."""
    ty = lookup(name)
    if ty is None:
        raise UsageError("unknown IR type", expected="such as i32, f64, i32x4", found=repr(name))
    return ty


def reference(name: str) -> Type:
    """Return the reference type `ref.NAME`; NAME is letters, digits, `_` and `.`."""
    return named("ref." + name)


def vector(lane: Type, lanes: int) -> Type:
    """Return the fixed vector of `lanes` lanes of a scalar type; raises UsageError if none is."""
    ty = lane.with_lanes(lanes) if not lane.is_vector else None
    if ty is None:
        raise UsageError("no such vector type", found=f"{lane}x{lanes}")
    return ty


def integer(bits: int) -> Type:
    """Return the scalar integer type of that width; raises UsageError if there is none."""
    return named(f"i{bits}")


def _is_reference_name(text: str) -> bool:
    return text.isascii() and all(p and p.replace("_", "a").isalnum() for p in text.split("."))


I8: Final = named("i8")
I16: Final = named("i16")
I32: Final = named("i32")
I64: Final = named("i64")
I128: Final = named("i128")
F16: Final = named("f16")
F32: Final = named("f32")
F64: Final = named("f64")
F128: Final = named("f128")
I8X16: Final = named("i8x16")
I16X8: Final = named("i16x8")
I32X4: Final = named("i32x4")
I64X2: Final = named("i64x2")
F32X4: Final = named("f32x4")
F64X2: Final = named("f64x2")
