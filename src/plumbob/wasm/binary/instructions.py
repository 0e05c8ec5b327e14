"""Operators with their immediates as objects, both ways: bodies and constant expressions.

The operator table says which immediates an operator has; each kind of immediate has one
decoder and one encoder here. What comes out is well-formed and nothing more: types are
the validator's business. Immediates are plain values:

========================= =======================================================
blocktype                 `BlockType`
labels                    tuple of label indices, the default one last
indices, count, lane      int                     lanes, v128    16 bytes
memarg                    `MemArg`                s32, s64       int, signed
f32, f64                  int, the bits           heaptype       `HeapType`
castflags, zero           int                     valtypes       tuple of `ValType`
catches                   tuple of `Catch`
========================= =======================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.errors import InternalError
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.encode_types import write_heap_type, write_value_type, write_value_types
from plumbob.wasm.binary.leb import (
    signed_fits,
    unsigned_fits,
    write_s32,
    write_s33,
    write_u32,
    write_u64,
)
from plumbob.wasm.opcodes import BY_CODE, PREFIXES, TABLE
from plumbob.wasm.types import EMPTY_BLOCK_CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from plumbob.wasm.operators import Operator
    from plumbob.wasm.types import ValType


class BlockType(NamedTuple):
    """A block's type: a type index, or at most one result and no parameters."""

    result: ValType | None = None
    type_index: int | None = None


class MemArg(NamedTuple):
    """The immediate of a memory operator; `align` is log2 of the alignment in bytes."""

    align: int
    offset: int = 0
    memory: int = 0


CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF = range(4)
"""Kinds of catch clauses: their bytes in the binary format."""

CATCH_NAMES = ("catch", "catch_ref", "catch_all", "catch_all_ref")


class Catch(NamedTuple):
    """A clause of a try_table; `tag` is None for the kinds that catch all."""

    kind: int
    tag: int | None
    label: int


class Instruction(NamedTuple):
    """An operator where it stands.

    `immediates` has an item for each of the operator's; `offset` counts bytes from the
    start of the binary, or of whatever was decoded.
    """

    operator: Operator
    immediates: tuple[Any, ...] = ()
    offset: int = 0


class Body(NamedTuple):
    """A function's body: runs of locals as (how many, of what type), and instructions."""

    locals: tuple[tuple[int, ValType], ...]
    instructions: list[Instruction]


MEMORY_FLAG = 0x40
"""Bit of a memarg's flags: a memory index follows."""


# Encoding.


def _check(fits: bool, value: int, kind: str) -> None:  # noqa: FBT001  # the result of a test
    if not fits:
        raise InternalError(f"{value} is not a value of {kind}")


def _write_s32(out: bytearray, value: int) -> None:
    _check(signed_fits(value, 32), value, "s32")
    write_s32(out, value)


def _write_s64(out: bytearray, value: int) -> None:
    _check(signed_fits(value, 64), value, "s64")
    write_s32(out, value)


def _write_index(out: bytearray, value: int) -> None:
    if 0 <= value < 0x80:
        out.append(value)
    else:
        _check(unsigned_fits(value, 32), value, "u32")
        write_u32(out, value)


def _write_block_type(out: bytearray, block: BlockType) -> None:
    result, index = block
    if index is not None:
        write_s33(out, index)
    elif result is None:
        out.append(EMPTY_BLOCK_CODE)
    else:
        write_value_type(out, result)


def _write_labels(out: bytearray, labels: Sequence[int]) -> None:
    write_u32(out, len(labels) - 1)
    for label in labels:
        _write_index(out, label)


def _write_memarg(out: bytearray, memarg: MemArg) -> None:
    align, offset, memory = memarg
    if memory:
        write_u32(out, align | MEMORY_FLAG)
        _write_index(out, memory)
    else:
        write_u32(out, align)
    _check(unsigned_fits(offset, 64), offset, "u64")
    write_u64(out, offset)


def _write_catches(out: bytearray, catches: Sequence[Catch]) -> None:
    write_u32(out, len(catches))
    for kind, tag, label in catches:
        out.append(kind)
        if tag is not None:
            _write_index(out, tag)
        _write_index(out, label)


def _write_f32(out: bytearray, bits: int) -> None:
    out += bits.to_bytes(4, "little")


def _write_f64(out: bytearray, bits: int) -> None:
    out += bits.to_bytes(8, "little")


def _write_16(out: bytearray, data: bytes) -> None:
    _check(len(data) == 16, len(data), "the length of a vector")
    out += data


INDICES = tuple("label func type table memory global local tag elem data field count".split())
"""Kinds of immediates that are a u32 alone."""

ENCODERS: dict[str, Callable[[bytearray, Any], None]] = {
    **dict.fromkeys(INDICES, _write_index),
    **dict.fromkeys(("lane", "castflags", "zero"), bytearray.append),
    **dict.fromkeys(("lanes", "v128"), _write_16),
    "blocktype": _write_block_type,
    "labels": _write_labels,
    "memarg": _write_memarg,
    "f32": _write_f32,
    "f64": _write_f64,
    "s32": _write_s32,
    "s64": _write_s64,
    "heaptype": write_heap_type,
    "valtypes": write_value_types,
    "catches": _write_catches,
}
"""Kind of immediate to what appends one."""


def _opcode(operator: Operator) -> bytes:
    if not operator.prefix:
        return bytes((operator.number,))
    out = bytearray((operator.prefix,))
    write_u32(out, operator.number)
    return bytes(out)


OPCODES = {operator.code: _opcode(operator) for operator in TABLE}
"""The bytes of an operator, by its code."""


def encode_operator(out: bytearray, operator: Operator, immediates: Sequence[Any] = ()) -> None:
    """Append an operator with its immediates.

    Raises `InternalError` for an immediate outside its range, and `ValueError` where
    there are too many or too few.
    """
    out += OPCODES[operator.code]
    for kind, value in zip(operator.immediates, immediates, strict=True):
        ENCODERS[kind](out, value)


def encode_expression(instructions: Iterable[Instruction]) -> bytes:
    """Return the encoding of instructions; the closing `end` is one of them."""
    out = bytearray()
    for instruction in instructions:
        encode_operator(out, instruction.operator, instruction.immediates)
    return bytes(out)


def write_locals(out: bytearray, runs: Sequence[tuple[int, ValType]]) -> None:
    """Append the locals of a body, as runs of (how many, of what type)."""
    write_u32(out, len(runs))
    for count, type_ in runs:
        write_u32(out, count)
        write_value_type(out, type_)


def encode_body(body: Body) -> bytes:
    """Return the encoding of a function's body, without its size."""
    out = bytearray()
    write_locals(out, body.locals)
    for instruction in body.instructions:
        encode_operator(out, instruction.operator, instruction.immediates)
    return bytes(out)


# Decoding.


def _read_index(reader: Reader) -> int:
    return reader.u32("an index")


def _read_block_type(reader: Reader) -> BlockType:
    code = reader.peek("a block type")
    if code == EMPTY_BLOCK_CODE:
        reader.u8("a block type")
        return BlockType()
    if code & 0xC0 == 0x40:
        return BlockType(reader.value_type())
    at = reader.offset
    index = reader.s33("a type index")
    if index < 0:
        reader.fail(
            "E0152", "malformed block type", at, "empty, a value type or a type index", str(index)
        )
    return BlockType(None, index)


def _read_labels(reader: Reader) -> tuple[int, ...]:
    return tuple(reader.u32("a label") for _ in range(reader.count("labels") + 1))


def _read_memarg(reader: Reader) -> MemArg:
    at = reader.offset
    flags = reader.u32("the flags of a memory operator")
    if flags >= MEMORY_FLAG << 1:
        reader.fail("E0153", "malformed memory operator flags", at, "less than 0x80", hex(flags))
    memory = reader.u32("a memory index") if flags & MEMORY_FLAG else 0
    return MemArg(flags & ~MEMORY_FLAG, reader.u64("an offset"), memory)


def _read_zero(reader: Reader) -> int:
    at = reader.offset
    byte = reader.u8("a zero byte")
    if byte:
        reader.fail("E0154", "zero byte expected", at, "0", hex(byte))
    return byte


def _read_cast_flags(reader: Reader) -> int:
    at = reader.offset
    byte = reader.u8("cast flags")
    if byte > 3:
        reader.fail("E0159", "malformed cast flags", at, "0 to 3", hex(byte))
    return byte


def _read_catch(reader: Reader) -> Catch:
    at = reader.offset
    kind = reader.u8("a catch clause")
    if kind > CATCH_ALL_REF:
        reader.fail("E0160", "malformed catch clause", at, "0 to 3", hex(kind))
    tag = reader.u32("a tag index") if kind < CATCH_ALL else None
    return Catch(kind, tag, reader.u32("a label"))


DECODERS: dict[str, Callable[[Reader], Any]] = {
    **dict.fromkeys(INDICES, _read_index),
    **dict.fromkeys(("lanes", "v128"), lambda reader: reader.bytes(16)),
    "lane": lambda reader: reader.u8("a lane"),
    "castflags": _read_cast_flags,
    "zero": _read_zero,
    "blocktype": _read_block_type,
    "labels": _read_labels,
    "memarg": _read_memarg,
    "f32": lambda reader: int.from_bytes(reader.bytes(4), "little"),
    "f64": lambda reader: int.from_bytes(reader.bytes(8), "little"),
    "s32": lambda reader: reader.s32("an i32"),
    "s64": lambda reader: reader.s64("an i64"),
    "heaptype": Reader.heap_type,
    "valtypes": lambda reader: tuple(
        reader.value_type() for _ in range(reader.count("value types"))
    ),
    "catches": lambda reader: tuple(
        _read_catch(reader) for _ in range(reader.count("catch clauses"))
    ),
}
"""Kind of immediate to what reads one."""


def decode_operator(reader: Reader) -> Instruction:
    """Read an operator with its immediates.

    Raises `MalformedError` where they are malformed or no operator has this opcode;
    whether the operator's feature is on is the validator's business.
    """
    at = reader.offset
    code = reader.u8("an operator")
    if code in PREFIXES:
        number = reader.u32("an opcode")
        # A number beyond 16 bits must not reach into the bits of the prefix.
        code = code << 16 | number if number <= 0xFFFF else -1
    operator = BY_CODE.get(code)
    if operator is None:
        reader.fail("E0150", "illegal opcode", at)
    return Instruction(operator, tuple(DECODERS[kind](reader) for kind in operator.immediates), at)


CONTINUES: dict[str, frozenset[str]] = {
    "else": frozenset({"if"}),
    "catch": frozenset({"try", "catch"}),
    "catch_all": frozenset({"try", "catch"}),
    "delegate": frozenset({"try"}),
}
"""Rules of operators that go on with a block or close it: what must be open, as it stands."""


def decode_expression(reader: Reader) -> Iterator[Instruction]:
    """Yield instructions up to the `end` that closes the expression, that one included.

    Raises `MalformedError` also where an operator continues a block that is not open
    (Binary Format / Instructions / Control Instructions).
    """
    open_: list[str] = [""]
    while open_:
        instruction = decode_operator(reader)
        rule = instruction.operator.rule
        if rule in CONTINUES:
            if open_[-1] not in CONTINUES[rule]:
                reader.fail(
                    "E0161",
                    f"`{instruction.operator.mnemonic}` has no block to continue here",
                    instruction.offset,
                )
            open_[-1] = rule
        if rule in ("end", "delegate"):
            open_.pop()
        elif "blocktype" in instruction.operator.immediates:
            open_.append(rule)
        yield instruction


def skip_expression(reader: Reader) -> None:
    """Move the reader behind an expression."""
    for _ in decode_expression(reader):
        pass


def _whole(reader: Reader) -> Iterator[Instruction]:
    yield from decode_expression(reader)
    if not reader.at_end:
        reader.fail("E0157", "code behind the end of the expression", reader.offset)


def instructions_of(expression: bytes, base: int = 0) -> Iterator[Instruction]:
    """Yield the instructions of a constant expression, the closing `end` included.

    `base` is the expression's offset in the binary. Raises `MalformedError`.
    """
    return _whole(Reader(expression, base=base, section="expression"))


def decode_locals(reader: Reader) -> tuple[tuple[int, ValType], ...]:
    """Read the locals of a body, as runs of (how many, of what type)."""
    at = reader.offset
    runs = tuple(
        (reader.u32("a number of locals"), reader.value_type())
        for _ in range(reader.count("runs of locals"))
    )
    total = sum(count for count, _ in runs)
    if not unsigned_fits(total, 32):
        reader.fail("E0155", "too many locals", at, "at most 2^32 - 1", str(total))
    return runs


def decode_body(code: bytes, base: int = 0) -> Body:
    """Decode a function's body; `base` is its offset in the binary.

    Raises `MalformedError`. The reader of a body knows every feature and the result type
    `unreachable`: a validator has said before what is allowed.
    """
    reader = Reader(code, base=base, section="code")
    return Body(decode_locals(reader), list(_whole(reader)))
