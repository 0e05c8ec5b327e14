"""Mutations of binary modules: of bytes, of sections, of operators.

Mutants of bytes alone hardly get past the decoder: so some keep the sizes of sections and
bodies right around what they change, and some decode a body, change its operators and
encode it again. Everything follows from the random generator passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.instructions import (
    INDICES,
    BlockType,
    Body,
    Catch,
    Instruction,
    MemArg,
    decode_body,
    encode_body,
)
from plumbob.wasm.binary.leb import write_sized, write_u32
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.opcodes import BY_NAME, TABLE
from plumbob.wasm.types import HEAP_NAMES, I32, I64, NUM_NAMES, SHORT_NAMES, HeapType, ValType
from plumbob.wasm.types import UNREACHABLE as UNREACHABLE_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from plumbob.wasm.operators import Operator

CODE_SECTION = 10
HEADER = 8
INTERESTING = bytes(
    (0x00, 0x01, 0x40, 0x41, 0x60, 0x63, 0x64, 0x6F, 0x70, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF)
)
BOUNDARIES = (0, 1, 2, 0x7F, 0x80, 0xFFFF, 1 << 28, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
"""Values of integers worth trying."""

Sections = list[tuple[int, bytes]]


def split(data: bytes) -> Sections | None:
    """Return (id, contents) of each section, None where they do not fill the module."""
    if len(data) < HEADER:
        return None
    reader = Reader(data, HEADER)
    sections = []
    try:
        while not reader.at_end:
            section = reader.u8("a section id")
            sections.append((section, bytes(reader.bytes(reader.u32("a size")))))
    except MalformedError:
        return None
    return sections


def join(sections: Sections) -> bytes:
    """Return a module of these sections."""
    out = bytearray(b"\0asm\1\0\0\0")
    for section, contents in sections:
        out.append(section)
        write_sized(out, contents)
    return bytes(out)


def bodies_of(contents: bytes) -> list[bytes] | None:
    """Return the bodies of a code section, None where they do not fill it."""
    reader = Reader(contents)
    try:
        bodies = [bytes(reader.bytes(reader.u32("a size"))) for _ in range(reader.u32("a number"))]
    except MalformedError:
        return None
    return bodies if reader.at_end else None


def code_section(bodies: Sequence[bytes]) -> bytes:
    """Return the contents of a code section."""
    out = bytearray()
    write_u32(out, len(bodies))
    for body in bodies:
        write_sized(out, body)
    return bytes(out)


# Bytes.


def _place(rng: Random, data: bytes) -> int:
    return rng.randrange(len(data)) if data else 0


def flip_bit(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :] if data else data


def replace_byte(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    value = rng.choice(INTERESTING) if rng.random() < 0.5 else rng.randrange(256)
    return data[:at] + bytes((value,)) + data[at + 1 :]


def nudge_byte(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    if not data:
        return data
    return data[:at] + bytes(((data[at] + rng.choice((-1, 1))) & 0xFF,)) + data[at + 1 :]


def insert_bytes(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.randbytes(rng.randrange(1, 5)) + data[at:]


def delete_bytes(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + data[at + rng.randrange(1, 9) :]


def cut(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    return data[: _place(rng, data)]


def repeat(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at, size = _place(rng, data), rng.randrange(1, 17)
    return data[:at] + data[at : at + size] * rng.randrange(2, 5) + data[at + size :]


def splice(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    at, start = _place(rng, data), _place(rng, other)
    size = rng.randrange(1, 33)
    return data[:at] + other[start : start + size] + data[at + rng.choice((0, size)) :]


def tweak_integer(rng: Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """Put another LEB128 in place of one, or the same one in more bytes."""
    at = _place(rng, data)
    end = at
    while end < len(data) and data[end] & 0x80:
        end += 1
    end += 1
    out = bytearray()
    if rng.random() < 0.4:
        out += data[at:end]
        if out:
            out[-1] |= 0x80
        out += b"\x80" * rng.randrange(4) + rng.choice((b"\0", b"\x7f", b"\1"))
    else:
        write_u32(out, rng.choice(BOUNDARIES) + rng.randrange(-1, 2) & 0xFFFFFFFF)
    return data[:at] + bytes(out) + data[end:]


BYTES: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    flip_bit,
    replace_byte,
    nudge_byte,
    insert_bytes,
    delete_bytes,
    cut,
    repeat,
    splice,
    tweak_integer,
)


def mutate_bytes(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Apply one mutation of bytes, whatever they mean."""
    return rng.choice(BYTES)(rng, data, others)


# Sections.


def mutate_sections(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Drop, double, swap or take over a section, or change bytes within one."""
    sections = split(data)
    if not sections:
        return mutate_bytes(rng, data, others)
    at = rng.randrange(len(sections))
    match rng.randrange(8):
        case 0:
            del sections[at]
        case 1:
            sections.insert(at, rng.choice(sections))
        case 2:
            other = rng.randrange(len(sections))
            sections[at], sections[other] = sections[other], sections[at]
        case 3:
            foreign = split(rng.choice(others)) or sections
            sections[at] = rng.choice(foreign)
        case _:
            section, contents = sections[at]
            sections[at] = section, mutate_bytes(rng, contents, [body for _, body in sections])
    return join(sections)


# Operators.

BY_IMMEDIATES: dict[tuple[str, ...], list[Operator]] = {}
for _operator in TABLE:
    BY_IMMEDIATES.setdefault(_operator.immediates, []).append(_operator)

VALUE_TYPES = [
    *(item for item in NUM_NAMES if item not in (0, UNREACHABLE_TYPE) and not item.is_packed),
    *map(ValType, SHORT_NAMES),
]
HEAPS = [heap for heap in HEAP_NAMES if heap]


def _index(rng: Random) -> int:
    return rng.choice((0, 0, 0, 1, 1, 2, 3, rng.randrange(8), rng.randrange(300)))


def _immediate(rng: Random, kind: str, operator: Operator) -> Any:
    if kind in INDICES:
        return _index(rng)
    if kind == "memarg":
        return MemArg(min(operator.align, rng.randrange(5)), rng.choice((0, 4, 1 << 31)), 0)
    if kind == "lane":
        return rng.randrange(operator.lanes)
    if kind in ("lanes", "v128"):
        return bytes(rng.randrange(32) for _ in range(16))
    if kind in ("s32", "s64"):
        return rng.choice((0, 1, -1, 63, 64, -65, (1 << 31) - 1, -1 << 31))
    if kind in ("f32", "f64"):
        return rng.getrandbits(32)
    if kind == "blocktype":
        return rng.choice(
            (BlockType(), BlockType(rng.choice(VALUE_TYPES)), BlockType(None, _index(rng)))
        )
    if kind == "labels":
        return tuple(rng.randrange(4) for _ in range(rng.randrange(1, 5)))
    if kind == "heaptype":
        return rng.choice(HEAPS) if rng.random() < 0.6 else HeapType(1 << 28 | _index(rng))
    if kind == "castflags":
        return rng.randrange(4)
    if kind == "valtypes":
        return (rng.choice(VALUE_TYPES),)
    if kind == "catches":
        kinds = [rng.randrange(4) for _ in range(rng.randrange(3))]
        return tuple(Catch(kind, 0 if kind < 2 else None, rng.randrange(3)) for kind in kinds)
    return 0  # `zero`


def random_instruction(rng: Random) -> Instruction:
    """Return any operator with immediates that are well-formed and often in range."""
    operator = rng.choice(TABLE)
    return Instruction(
        operator, tuple(_immediate(rng, kind, operator) for kind in operator.immediates)
    )


ENDERS = ("unreachable", "return", "br", "br_table", "throw_ref", "return_call")


def mutate_instructions(rng: Random, code: list[Instruction]) -> None:
    """Change a list of operators in place."""
    at = rng.randrange(len(code))
    old = code[at]
    match rng.randrange(9):
        case 0:
            del code[at]
        case 1:
            code.insert(at, rng.choice(code))
        case 2:
            other = rng.randrange(len(code))
            code[at], code[other] = code[other], code[at]
        case 3 | 4:
            same = BY_IMMEDIATES[old.operator.immediates]
            code[at] = old._replace(operator=rng.choice(same))
        case 5:
            code.insert(at, random_instruction(rng))
        case 6:
            operator = BY_NAME[rng.choice(ENDERS)]
            immediates = tuple(_immediate(rng, kind, operator) for kind in operator.immediates)
            code.insert(at, Instruction(operator, immediates))
        case 7:
            immediates = tuple(_immediate(rng, kind, old.operator) for kind in
                               old.operator.immediates)  # fmt: skip
            code[at] = old._replace(immediates=immediates)
        case _:
            start = rng.randrange(len(code))
            code[at:at] = code[start : start + rng.randrange(1, 6)]


def mutate_body(rng: Random, body: bytes) -> bytes:
    """Change some operators, or the locals, of a body."""
    try:
        decoded = decode_body(body)
    except MalformedError:
        return replace_byte(rng, body, (body,))
    code, runs = decoded.instructions, list(decoded.locals)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if code:
            mutate_instructions(rng, code)
    if rng.random() < 0.1:
        kind = rng.choice((*VALUE_TYPES, I32, I64))
        runs.insert(rng.randrange(len(runs) + 1), (rng.choice((0, 1, 2, 50_000)), kind))
    return encode_body(Body(tuple(runs), code))


def mutate_code(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change the operators of one function."""
    sections = split(data) or []
    for place, (section, contents) in enumerate(sections):
        bodies = bodies_of(contents) if section == CODE_SECTION else None
        if bodies:
            at = rng.randrange(len(bodies))
            bodies[at] = mutate_body(rng, bodies[at])
            sections[place] = section, code_section(bodies)
            return join(sections)
    return mutate_sections(rng, data, others)


def mutant(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return a mutant of one of the seeds."""
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        way = rng.random()
        if way < 0.25:
            data = mutate_bytes(rng, data, seeds)
        elif way < 0.5:
            data = mutate_sections(rng, data, seeds)
        else:
            data = mutate_code(rng, data, seeds)
    return data
