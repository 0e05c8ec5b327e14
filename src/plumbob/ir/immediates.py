"""Numbers as CLIF writes them: integers, hexadecimal floats, vector literals.

Floats are bit patterns throughout, so no NaN payload and no f16 or f128 ever passes
through Python's own floats. Functions that read text raise ValueError with what was
expected; the parser adds the place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.ir.types import Type


class FloatFormat(NamedTuple):
    """An IEEE 754 binary interchange format: bits of exponent and of trailing significand."""

    exponent_bits: int
    fraction_bits: int

    @property
    def bias(self) -> int:
        """The exponent's bias; also the greatest exponent."""
        return (1 << (self.exponent_bits - 1)) - 1


FLOAT_FORMATS: Final = {
    16: FloatFormat(5, 10),
    32: FloatFormat(8, 23),
    64: FloatFormat(11, 52),
    128: FloatFormat(15, 112),
}

_HEX_FLOAT = re.compile(r"([+-]?)0x([0-9a-fA-F_]*)\.?([0-9a-fA-F_]*)(?:[pP]([+-]?\d+))?")
_SPECIAL = re.compile(r"([+-]?)(?:(Inf)|(s?)NaN(?::0x([0-9a-fA-F_]+))?)")
_INTEGER = re.compile(r"[+-]?(?:0x(_*[0-9a-fA-F][0-9a-fA-F_]*)|(\d[\d_]*))", re.ASCII)
_MAX_EXPONENT_DIGITS: Final = 8


def parse_float(text: str, width: int) -> int:
    """Return the bits of a float of `width` bits written as CLIF does.

    That is `0x1.8p3`, `0.0`, `-Inf`, `+NaN`, `-NaN:0x1`, `+sNaN:0x1`. Raises ValueError if
    it is malformed or not exactly representable.
    """
    fmt = FLOAT_FORMATS[width]
    special = _SPECIAL.fullmatch(text)
    if special is not None:
        return _parse_special(special, fmt, width)
    if text in ("0.0", "+0.0", "-0.0"):
        return 1 << (width - 1) if text[0] == "-" else 0
    match = _HEX_FLOAT.fullmatch(text)
    if match is None or not (match[2] + match[3]).strip("_"):
        raise ValueError("a hexadecimal float, 0.0, Inf or NaN")
    sign = 1 << (width - 1) if match[1] == "-" else 0
    whole, fraction = match[2].replace("_", ""), match[3].replace("_", "")
    if match[4] is not None and len(match[4]) > _MAX_EXPONENT_DIGITS:
        raise ValueError("a smaller exponent")
    exponent = int(match[4] or 0) - 4 * len(fraction)
    return sign | _encode(int(whole + fraction, 16), exponent, fmt)


def _parse_special(match: re.Match[str], fmt: FloatFormat, width: int) -> int:
    sign = 1 << (width - 1) if match[1] == "-" else 0
    bits = sign | ((1 << fmt.exponent_bits) - 1) << fmt.fraction_bits
    if match[2]:
        return bits
    quiet = 1 << (fmt.fraction_bits - 1)
    payload = int(match[4].replace("_", "") or "0", 16) if match[4] else 0
    if payload >= quiet:
        raise ValueError(f"a NaN payload below {quiet:#x}")
    if match[3]:
        if payload == 0:
            raise ValueError("a payload, since a signalling NaN has one that is not zero")
        return bits | payload
    return bits | quiet | payload


def _encode(mantissa: int, exponent: int, fmt: FloatFormat) -> int:
    """Return the bits, without sign, of `mantissa * 2**exponent`, which must be exact."""
    if mantissa == 0:
        return 0
    leading = mantissa.bit_length() - 1 + exponent
    if leading > fmt.bias:
        raise ValueError("a smaller magnitude")
    least = 1 - fmt.bias
    # The weight of the last bit of the significand.
    unit = max(leading, least) - fmt.fraction_bits
    shift = exponent - unit
    if shift < 0:
        if leading < least - fmt.fraction_bits:
            raise ValueError("a greater magnitude")
        if mantissa & ((1 << -shift) - 1):
            raise ValueError("fewer significant bits")
        significand = mantissa >> -shift
    else:
        significand = mantissa << shift
    if leading < least:
        return significand
    hidden = 1 << fmt.fraction_bits
    return ((leading + fmt.bias) << fmt.fraction_bits) | (significand - hidden)


def format_float(bits: int, width: int) -> str:
    """Return the text of the float with those bits; `parse_float` reads it back exactly."""
    fmt = FLOAT_FORMATS[width]
    fraction = bits & ((1 << fmt.fraction_bits) - 1)
    exponent = (bits >> fmt.fraction_bits) & ((1 << fmt.exponent_bits) - 1)
    negative = bits >> (width - 1) & 1
    if exponent == (1 << fmt.exponent_bits) - 1:
        sign = "-" if negative else "+"
        if fraction == 0:
            return sign + "Inf"
        quiet = 1 << (fmt.fraction_bits - 1)
        payload = fraction & (quiet - 1)
        if not fraction & quiet:
            return f"{sign}sNaN:{payload:#x}"
        return f"{sign}NaN:{payload:#x}" if payload else sign + "NaN"
    sign = "-" if negative else ""
    if exponent == 0 and fraction == 0:
        return sign + "0.0"
    digits = -(-fmt.fraction_bits // 4)
    shifted = fraction << (4 * digits - fmt.fraction_bits)
    lead, power = (1, exponent - fmt.bias) if exponent else (0, 1 - fmt.bias)
    return f"{sign}0x{lead}.{shifted:0{digits}x}p{power}"


def parse_integer(text: str, width: int) -> int:
    """Return the bits, unsigned, of an integer of `width` bits.

    Any value from the least signed to the greatest unsigned one is accepted. Raises
    ValueError if it is malformed or outside.
    """
    match = _INTEGER.fullmatch(text)
    hexadecimal, decimal = match.groups() if match is not None else (None, None)
    digits = (hexadecimal or decimal or "").replace("_", "").lstrip("0")
    # More digits than bits cannot fit, and int() takes quadratic time on them.
    if match is None or len(digits) > width:
        raise ValueError(f"an integer of {width} bits")
    value = int(digits or "0", 16 if hexadecimal else 10)
    if text[0] == "-":
        value = -value
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise ValueError(f"an integer of {width} bits")
    return value & ((1 << width) - 1)


def parse_signed(text: str, width: int) -> int:
    """Return a signed integer that `width` bits hold; raises ValueError otherwise."""
    bits = parse_integer(text, width + 1)
    value = sign_extend(bits, width + 1)
    if not -(1 << (width - 1)) <= value < 1 << (width - 1):
        raise ValueError(f"a signed integer of {width} bits")
    return value


def parse_unsigned(text: str, width: int) -> int:
    """Return an unsigned integer that `width` bits hold; raises ValueError otherwise."""
    if text.startswith("-"):
        raise ValueError(f"an unsigned integer of {width} bits")
    return parse_integer(text, width)


def sign_extend(bits: int, width: int) -> int:
    """Return the signed value of `width` bits."""
    return bits - (1 << width) if bits >> (width - 1) else bits


def format_integer(bits: int, width: int) -> str:
    """Return the text of an immediate: signed and decimal if small, else hexadecimal."""
    value = sign_extend(bits, width)
    if -10_000 < value < 10_000:
        return str(value)
    return format_hex(bits)


def format_hex(value: int) -> str:
    """Return a number in hexadecimal, in groups of four digits: `0x0001_0000`."""
    text = f"{value:x}"
    text = text.zfill(-(-len(text) // 4) * 4)
    return "0x" + "_".join(text[i : i + 4] for i in range(0, len(text), 4))


def format_offset(offset: int) -> str:
    """Return the text that follows an address: nothing, `+8`, `-0x0001_0000`."""
    if offset == 0:
        return ""
    size = abs(offset)
    return ("-" if offset < 0 else "+") + (str(size) if size < 10_000 else format_hex(size))


def parse_bytes(text: str) -> bytes:
    """Return the bytes, little-endian, of a constant written `0x…` with the last byte first."""
    digits = text[2:].replace("_", "")
    if not text.startswith("0x") or not digits:
        raise ValueError("a hexadecimal constant")
    try:
        return bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))[::-1]
    except ValueError:
        raise ValueError("a hexadecimal constant") from None


def format_bytes(data: bytes) -> str:
    """Return the text of a constant, its last byte first."""
    return "0x" + data[::-1].hex()


def vector_bytes(lanes: Sequence[str], ty: Type) -> bytes:
    """Return the bytes of a vector literal, lane 0 first; raises ValueError if it does not fit."""
    if len(lanes) != ty.lanes:
        raise ValueError(f"{ty.lanes} lanes")
    read = parse_float if ty.lane_kind == "float" else parse_integer
    size = ty.lane_bits // 8
    return b"".join(read(lane, ty.lane_bits).to_bytes(size, "little") for lane in lanes)


def lane_values(data: bytes, ty: Type) -> tuple[int, ...]:
    """Return the bits of each lane of a vector's bytes, lane 0 first."""
    size = ty.lane_bits // 8
    if len(data) != size * ty.lanes:
        raise InternalError("a vector's bytes", expected=str(size * ty.lanes), found=str(len(data)))
    return tuple(int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size))
