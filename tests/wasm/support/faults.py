"""Immediates out of range: each fault with the code that the validator must report.

Faults are bytes in place of an immediate, since an encoder would refuse many of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.wasm.support import environment as env
from tests.wasm.support.environment import TAIL, leb

from plumbob.wasm.binary.instructions import ENCODERS, OPCODES, BlockType, Catch, MemArg
from plumbob.wasm.types import ANY, FUNC, I31, I32, I64, concrete

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wasm.support.uses import Use

UNKNOWN = 1_000_000
"""Beyond every index space, functions and types of the cases included."""

INDEX_ERRORS = {
    "func": 207,
    "type": 208,
    "table": 209,
    "memory": 210,
    "global": 206,
    "local": 205,
    "tag": 211,
    "elem": 212,
    "data": 213,
    "field": 214,
    "label": 204,
}
TOO_LONG = b"\x80\x80\x80\x80\x80\x00"
"""An integer of 32 bits in six bytes."""
TOO_LARGE = b"\xff\xff\xff\xff\x1f"
"""2^33 - 1 where 32 bits are allowed."""
KINDS = {"struct": env.STRUCT, "array": env.INTS, "function": env.VOID}
"""A type of each kind that a check may ask for."""


class Fault(NamedTuple):
    """A use with one wrong immediate: the operator's bytes, the error, where it is found.

    `at` counts from the operator; None where that is not pinned down.
    """

    use: Use
    label: str
    encoded: bytes
    error: int
    at: int | None = None

    def body(self) -> bytes:
        """Return the function's body."""
        return self.use.prologue() + self.encoded + self.use.after + TAIL


def encode_immediate(kind: str, value: Any) -> bytes:
    """Return an immediate's encoding."""
    out = bytearray()
    ENCODERS[kind](out, value)
    return bytes(out)


def faults(use: Use) -> Iterator[Fault]:
    """Yield every fault of every immediate of a use."""
    kinds = use.operator.immediates
    parts = [encode_immediate(*item) for item in zip(kinds, use.immediates, strict=True)]
    opcode = OPCODES[use.operator.code]
    for place, kind in enumerate(kinds):
        at = len(opcode) + sum(map(len, parts[:place]))
        for label, wrong, error, further in _wrong(use, kind, use.immediates[place]):
            encoded = opcode + b"".join((*parts[:place], wrong, *parts[place + 1 :]))
            where = None if further is None else at + further
            yield Fault(use, f"{kind} {label}", encoded, error, where)
    yield from _other_kinds(use, opcode, parts)


Wrong = tuple[str, bytes, int, int | None]


def _wrong(use: Use, kind: str, value: Any) -> Iterator[Wrong]:
    if kind in INDEX_ERRORS:
        yield "unknown", leb(UNKNOWN), INDEX_ERRORS[kind], 0
        yield "largest", leb(0xFFFFFFFF), INDEX_ERRORS[kind], 0
        yield "too long", TOO_LONG, 102, None
        yield "too large", TOO_LARGE, 103, None
    elif kind == "memarg":
        yield from _wrong_memarg(use, value)
    elif kind == "labels":
        for place in range(len(value)):
            labels = (*value[:place], UNKNOWN, *value[place + 1 :])
            yield f"{place} unknown", encode_immediate(kind, labels), 204, None
        yield "too many", leb(1000) + b"\0", 101, None
    elif kind == "lane":
        yield "behind the last", bytes((use.operator.lanes,)), 218, 0
        yield "largest", b"\xff", 218, 0
    elif kind == "lanes":
        for place in (0, 15):
            lanes = (*value[:place], use.operator.lanes, *value[place + 1 :])
            yield f"{place} out of range", bytes(lanes), 218, place
    elif kind in ("s32", "s64"):
        size = 5 if kind == "s32" else 10
        yield "too long", b"\x80" * size + b"\0", 102, None
        yield "too large", b"\xff" * (size - 1) + b"\x3f", 103, None
    elif kind == "count":
        yield "beyond the limit", leb(10_001), 301, None
        yield "too large", TOO_LARGE, 103, None
    elif kind == "zero":
        yield "not zero", b"\1", 154, 0
    elif kind == "castflags":
        yield "beyond 3", b"\4", 159, 0
        yield "largest", b"\xff", 159, 0
    elif kind == "heaptype":
        yield "unknown", encode_immediate(kind, concrete(UNKNOWN)), 208, 0
        yield "of no code", b"\x40", 158, 0
        yield "a number type", b"\x7f", 158, 0
        yield "too large", b"\xff\xff\xff\xff\x3f", 103, None
    elif kind == "valtypes":
        yield "none", b"\0", 232, None
        yield "two", b"\2\x7f\x7f", 232, None
        yield "no type", b"\1\x40", 151, 1
        yield "unknown", b"\1\x64" + encode_immediate("heaptype", concrete(UNKNOWN)), 208, 2
    elif kind == "blocktype":
        yield "unknown", encode_immediate("blocktype", BlockType(None, UNKNOWN)), 208, 0
        yield "no type", b"\x4f", 151, 0
        yield "packed", b"\x78", 151, 0
        yield "negative in two bytes", b"\xff\x7f", 152, 0
        yield "of another kind", bytes((env.STRUCT,)), 222, 0
        yield "too long", b"\x80\x80\x80\x80\x80\x00", 102, None
    elif kind == "catches":
        yield from _wrong_catches()


def _wrong_memarg(use: Use, memarg: MemArg) -> Iterator[Wrong]:
    align, natural = use.operator.align, "natural" in use.operator.checks
    yield "overaligned", encode_immediate("memarg", memarg._replace(align=align + 1)), 215, None
    if natural and align:
        lower = memarg._replace(align=align - 1)
        yield "underaligned", encode_immediate("memarg", lower), 216, None
    yield (
        "of unknown memory",
        encode_immediate("memarg", memarg._replace(memory=UNKNOWN)),
        210,
        None,
    )
    yield "flags beyond seven bits", b"\x80\x01\x00", 153, 0
    flags = bytes((align,)) if not memarg.memory else bytes((align | 0x40, memarg.memory))
    yield "offset too long", flags + b"\x80" * 10 + b"\0", 102, None
    yield "offset too large", flags + b"\xff" * 9 + b"\x7f", 103, None
    if memarg.memory == env.MEMORY32:
        yield "offset beyond 32 bits", flags + leb(1 << 32), 217, len(flags)


def _wrong_catches() -> Iterator[Wrong]:
    yield "of no kind", b"\1\4\0", 160, 1
    yield "of unknown tag", encode_immediate("catches", (Catch(0, UNKNOWN, 0),)), 211, 2
    yield "of unknown label", encode_immediate("catches", (Catch(2, None, UNKNOWN),)), 204, 2
    yield "beyond the limit", leb(10_001) + b"\2\0" * 10_001, 301, None


def _other_kinds(use: Use, opcode: bytes, parts: list[bytes]) -> Iterator[Fault]:
    """Yield the use with types of the wrong kind, where a kind is asked for."""
    asked = next((kind for kind in KINDS if kind in use.operator.checks), None)
    if asked is None:
        return
    for kind, index in KINDS.items():
        if kind != asked:
            encoded = opcode + bytes((index,)) + b"".join(parts[1:])
            yield Fault(use, f"a {kind} type", encoded, 222)


CHECK_FAULTS: list[tuple[str, tuple[Any, ...], int]] = [
    # Operator, immediates, error: the conditions that tie immediates to one another.
    ("global.set", (env.CONST_GLOBAL,), 219),
    ("global.set", (env.CONST_F32,), 219),
    ("ref.func", (env.UNDECLARED,), 221),
    ("call_indirect", (env.VOID, env.EXTERN_TABLE), 228),
    ("call_indirect", (env.VOID, env.ANY_TABLE64), 228),
    ("return_call_indirect", (env.VOID, env.EXTERN_TABLE), 228),
    ("table.init", (env.EXTERN_ELEMS, env.FUNC_TABLE), 227),
    ("table.init", (env.FUNC_ELEMS, env.VOID_TABLE), 227),
    ("table.copy", (env.FUNC_TABLE, env.EXTERN_TABLE), 227),
    ("table.copy", (env.VOID_TABLE, env.FUNC_TABLE), 227),
    ("struct.new_default", (env.NODEFAULT,), 225),
    ("struct.get", (env.STRUCT, 1), 223),
    ("struct.get", (env.STRUCT, 2), 223),
    ("struct.get_s", (env.STRUCT, 0), 223),
    ("struct.get_u", (env.STRUCT, 4), 223),
    ("struct.set", (env.STRUCT, 2), 224),
    ("struct.set", (env.STRUCT, 3), 224),
    ("array.new_default", (env.NONNULLS,), 225),
    ("array.new_data", (env.FUNCS, 0), 226),
    ("array.new_elem", (env.INTS, env.FUNC_ELEMS), 227),
    ("array.new_elem", (env.FUNCS, env.EXTERN_ELEMS), 227),
    ("array.get", (env.BYTES,), 223),
    ("array.get", (env.SHORTS,), 223),
    ("array.get_s", (env.INTS,), 223),
    ("array.get_u", (env.FUNCS,), 223),
    ("array.set", (env.CONSTS,), 224),
    ("array.set", (env.SHORTS,), 224),
    ("array.fill", (env.CONSTS,), 224),
    ("array.copy", (env.CONSTS, env.CONSTS), 224),
    ("array.copy", (env.INTS, env.BYTES), 227),
    ("array.copy", (env.SUBS, env.SUPERS), 227),
    ("array.copy", (env.INTS, env.STRUCT), 222),
    ("array.init_data", (env.FUNCS, 0), 226),
    ("array.init_data", (env.CONSTS, 0), 224),
    ("array.init_elem", (env.FUNCS, env.EXTERN_ELEMS), 227),
    ("array.init_elem", (env.CONSTS, env.FUNC_ELEMS), 224),
    ("select t", ((),), 232),
    ("select t", ((I32, I64),), 232),
    ("rethrow", (0,), 240),
    ("return_call", (env.DECLARED,), 230),
    ("return_call_ref", (env.PAIR,), 230),
    ("return_call_indirect", (env.PAIR, env.FUNC_TABLE), 230),
    ("try_table", (BlockType(), (Catch(0, env.TAG, 0),)), 239),
    ("try_table", (BlockType(), (Catch(1, env.VOID_TAG, 0),)), 239),
    ("try_table", (BlockType(), (Catch(3, None, 0),)), 239),
    ("br_on_cast", (0, 0, concrete(env.STRUCT), ANY), 231),
    ("br_on_cast", (2, 0, ANY, concrete(env.STRUCT)), 231),
    ("br_on_cast_fail", (0, 0, ANY, FUNC), 231),
    ("br_on_cast", (1, 0, ANY, I31), 242),
    ("br_on_cast_fail", (1, 0, ANY, I31), 242),
    ("br_on_non_null", (0,), 242),
]
