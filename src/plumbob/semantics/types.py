"""Value types as the semantics sees them: kind, width of a lane, number of lanes.

Assumes nothing. The IR has richer types; `value_type` takes their text, so the two meet
in CLIF's own notation (`i8`, `f128`, `i32x4`) and need not know each other.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from plumbob.errors import UsageError

INT_BITS = (8, 16, 32, 64, 128)
MAX_VECTOR_BITS = 512


class FloatFormat:
    """An IEEE 754 binary interchange format (IEEE 754-2019 table 3.5).

    There is one object for each format, so formats are compared by identity. `bits` is
    the width of the encoding, `precision` counts the significand's bits with the hidden
    one, `emax` is the exponent of the largest binade. `fraction_bits` and
    `exponent_bits` are the widths of the two fields. The rest are encodings: `sign_mask`
    is -0.0, `infinity` also the mask of the exponent field, `quiet_bit` the fraction's
    top bit, set in every quiet NaN (6.2.1), `default_nan` the positive canonical NaN.
    """

    __slots__ = (
        "bits",
        "default_nan",
        "emax",
        "exponent_bits",
        "fraction_bits",
        "infinity",
        "name",
        "precision",
        "quiet_bit",
        "sign_mask",
    )

    def __init__(self, name: str, bits: int, precision: int, emax: int) -> None:
        self.name = name
        self.bits = bits
        self.precision = precision
        self.emax = emax
        self.fraction_bits = precision - 1
        self.exponent_bits = bits - precision
        self.sign_mask = 1 << (bits - 1)
        self.infinity = ((1 << self.exponent_bits) - 1) << self.fraction_bits
        self.quiet_bit = 1 << (precision - 2)
        self.default_nan = self.infinity | self.quiet_bit

    def __repr__(self) -> str:
        return self.name


F16 = FloatFormat("f16", 16, 11, 15)
F32 = FloatFormat("f32", 32, 24, 127)
F64 = FloatFormat("f64", 64, 53, 1023)
F128 = FloatFormat("f128", 128, 113, 16383)
FORMATS = {16: F16, 32: F32, 64: F64, 128: F128}


class ValueType(NamedTuple):
    """A scalar (`lanes == 1`) or vector type. Lane 0 is the least significant one."""

    is_float: bool
    lane_bits: int
    lanes: int = 1

    @property
    def bits(self) -> int:
        """The whole value's width in bits."""
        return self.lane_bits * self.lanes

    @property
    def lane(self) -> ValueType:
        """The type of one lane; a scalar's is itself."""
        return ValueType(self.is_float, self.lane_bits)

    @property
    def format(self) -> FloatFormat:
        """The lane's floating-point format; `UsageError` on an integer type."""
        if not self.is_float:
            raise UsageError("no floating-point format", expected="a float type", found=str(self))
        return FORMATS[self.lane_bits]

    def __str__(self) -> str:
        lanes = f"x{self.lanes}" if self.lanes > 1 else ""
        return f"{'f' if self.is_float else 'i'}{self.lane_bits}{lanes}"


_NAME = re.compile(r"([if])([0-9]+)(?:x([0-9]+))?")


@cache
def value_type(name: str) -> ValueType:
    """Return the type that CLIF writes as `name`.

    Raises `UsageError` for anything but i8…i128, f16…f128 and their vectors of a power
    of two of lanes, up to 512 bits.
    """
    match = _NAME.fullmatch(name)
    if match:
        kind = ValueType(match[1] == "f", int(match[2]), int(match[3] or 1))
        widths = FORMATS if kind.is_float else INT_BITS
        power_of_two = kind.lanes & (kind.lanes - 1) == 0 and kind.lanes > (match[3] is not None)
        if kind.lane_bits in widths and power_of_two and kind.bits <= MAX_VECTOR_BITS:
            return kind
    raise UsageError("unknown value type", expected="a CLIF type such as i32 or f32x4", found=name)
