"""The immediates of operators, from text to bytes.

Nothing here knows an operator: readers are chosen by the immediates in its row of the
operator table, and by the variants that share its mnemonic. Most operators have no
immediates or one that is one token; those are plain look-ups for the assembler.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.wasm.binary.instructions import ENCODERS, OPCODES, MemArg
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.text.numbers import (
    F32,
    F64,
    NumberError,
    parse_float,
    parse_integer,
    parse_unsigned,
)
from plumbob.wasm.text.scopes import Encodings, Labels, TokenError
from plumbob.wasm.text.types import heap_type, reference_type, results, type_use

if TYPE_CHECKING:
    from typing import NoReturn

    from plumbob.wasm.operators import Operator
    from plumbob.wasm.text.context import Context

SHAPES = {
    "i8x16": (16, 8, None),
    "i16x8": (8, 16, None),
    "i32x4": (4, 32, None),
    "i64x2": (2, 64, None),
    "f32x4": (4, 32, F32),
    "f64x2": (2, 64, F64),
}
"""Shapes of vectors: lanes, bits of each, and their format if they are floats."""


def encode(kind: str, value: Any) -> bytes:
    """Return the encoding of an immediate of this kind."""
    out = bytearray()
    ENCODERS[kind](out, value)
    return bytes(out)


class Immediates:
    """What readers need: the module, and the labels and locals of the body being read."""

    __slots__ = ("context", "labels", "tables")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.labels = Labels()
        encodings = context.encodings
        self.tables: dict[str, Encodings] = {
            **encodings,
            "label": _Uncached(lambda word: encode("label", self.labels.depth(word))),
            "s32": Encodings(lambda word: encode("s32", _signed(word, 32))),
            "s64": Encodings(lambda word: encode("s64", _signed(word, 64))),
            "f32": Encodings(lambda word: encode("f32", parse_float(word, F32))),
            "f64": Encodings(lambda word: encode("f64", parse_float(word, F64))),
            "lane": Encodings(lambda word: encode("lane", parse_unsigned(word, 8))),
            "count": Encodings(lambda word: encode("count", parse_unsigned(word))),
        }

    def one(self, kind: str, i: int) -> bytes:
        """Return the encoding of the immediate that is token i."""
        try:
            return self.tables[kind][self.context.cursor.texts[i]]
        except (TokenError, NumberError) as error:
            self.report(error, i)

    def number(self, word: str, at: int) -> int:
        """Return the unsigned integer of 64 bits that ends token `at`."""
        try:
            return parse_unsigned(word, 64)
        except NumberError as error:
            self.context.cursor.fail(error.subject, code="E0178", expected=error.expected, at=at)

    def report(self, error: TokenError | NumberError, at: int) -> NoReturn:
        """Raise the error of token `at` with its place."""
        if isinstance(error, NumberError):
            like_number = self.context.cursor.texts[at][:1] in set("+-.0123456789in")
            error = TokenError(
                "E0178" if like_number else "E0174",
                error.subject if like_number else "unexpected token",
                error.expected,
            )
        self.context.report(error, at=at)


class _Uncached(Encodings):
    """Encodings that hold at one place only."""

    __slots__ = ()

    def __missing__(self, word: str) -> bytes:
        return self.encode(word)


def _signed(word: str, width: int) -> int:
    bits = parse_integer(word, width)
    return bits - (1 << width) if bits >> (width - 1) else bits


Reader = Callable[[Immediates, tuple["Operator", ...], int], tuple[bytes, int]]
"""Reads from token i on; returns the operator's whole encoding and the next token."""


def _sequence(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read immediates of one token each, in the binary format's order."""
    operator = operators[0]
    out = OPCODES[operator.code]
    for kind in operator.immediates:
        out += self.one(kind, i)
        i += 1
    return out, i


def _optional(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read the memory or table, 0 by default, or both of them."""
    operator = operators[0]
    out = OPCODES[operator.code]
    texts = self.context.cursor.texts
    if not (texts[i][:1] == "$" or texts[i][:1].isdigit()):
        return out + bytes(len(operator.immediates)), i
    for kind in operator.immediates:
        out += self.one(kind, i)
        i += 1
    return out, i


def _initialise(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read `target? segment`; the segment comes first in the binary format."""
    operator = operators[0]
    texts = self.context.cursor.texts
    segment, target = operator.immediates
    if texts[i + 1][:1] == "$" or texts[i + 1][:1].isdigit():
        return OPCODES[operator.code] + self.one(segment, i + 1) + self.one(target, i), i + 2
    return OPCODES[operator.code] + self.one(segment, i) + b"\0", i + 1


def _field(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read a structure type and one of its fields."""
    context = self.context
    encoded = self.one("type", i)
    word = context.cursor.texts[i + 1]
    if word[:1] != "$":
        return OPCODES[operators[0].code] + encoded + self.one("count", i + 1), i + 2
    fields = context.fields.get(context.spaces["type"].index(context.cursor.texts[i]))
    if fields is None:
        context.cursor.fail(
            "unknown field",
            code="E0175",
            expected="the identifier of a field of a structure type",
            at=i + 1,
        )
    try:
        return OPCODES[operators[0].code] + encoded + encode("field", fields.index(word)), i + 2
    except TokenError as error:
        self.report(error, i + 1)


def _indirect(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read `table? typeuse`; the type comes first in the binary format."""
    cursor = self.context.cursor
    table = b"\0"
    if cursor.texts[i][:1] == "$" or cursor.texts[i][:1].isdigit():
        table = self.one("table", i)
        i += 1
    cursor.i = i
    return OPCODES[operators[0].code] + encode("type", type_use(self.context)) + table, cursor.i


def _branch_table(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read labels, the default last."""
    texts = self.context.cursor.texts
    labels = [self.one("label", i)]
    i += 1
    while texts[i][:1] == "$" or texts[i][:1].isdigit():
        labels.append(self.one("label", i))
        i += 1
    return OPCODES[operators[0].code] + encode("count", len(labels) - 1) + b"".join(labels), i


def _memarg(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read `memory? offset=n? align=n?`, and a lane where the operator has one."""
    operator = operators[0]
    texts = self.context.cursor.texts
    lane = len(operator.immediates) > 1
    word = texts[i]
    memory = 0
    if word[:1] == "$" or (
        word[:1].isdigit() and (not lane or texts[i + 1][:1].isdigit() or "=" in texts[i + 1])
    ):
        self.context.cursor.i = i
        memory = self.context.index("memory")
        i += 1
        word = texts[i]
    offset, align = 0, operator.align
    if word.startswith("offset="):
        offset = self.number(word[7:], i)
        i += 1
        word = texts[i]
    if word.startswith("align="):
        size = self.number(word[6:], i)
        if size.bit_count() != 1:
            self.context.cursor.fail(
                "malformed alignment", code="E0178", expected="a power of two", at=i
            )
        align = size.bit_length() - 1
        i += 1
    out = OPCODES[operator.code] + encode("memarg", MemArg(align, offset, memory))
    if lane:
        return out + self.one("lane", i), i + 1
    return out, i


def _lanes(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read sixteen lane indices."""
    return OPCODES[operators[0].code] + b"".join(self.one("lane", i + k) for k in range(16)), i + 16


def _vector(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read a shape and its lanes."""
    data, i = vector(self, i)
    return OPCODES[operators[0].code] + data, i


def vector(self: Immediates, i: int) -> tuple[bytes, int]:
    """Read a shape and the numbers of its lanes; return 16 bytes and the next token."""
    cursor = self.context.cursor
    shape = SHAPES.get(cursor.texts[i])
    if shape is None:
        cursor.unexpected(f"a shape ({', '.join(SHAPES)})", at=i)
    lanes, bits, form = shape
    out = bytearray()
    for at in range(i + 1, i + 1 + lanes):
        word = cursor.texts[at]
        try:
            value = parse_float(word, form) if form else parse_integer(word, bits)
        except NumberError as error:
            self.report(error, at)
        out += value.to_bytes(bits // 8, "little")
    return bytes(out), i + 1 + lanes


def _select(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read the result types, if there are any, which choose the second opcode."""
    cursor = self.context.cursor
    if not (cursor.texts[i] == "(" and cursor.texts[i + 1] == "result"):
        return OPCODES[operators[0].code], i
    cursor.i = i
    typed = operators[-1]
    cursor.require(typed.feature, "select with a type", at=i + 1)
    types = results(self.context)
    return OPCODES[typed.code] + encode("valtypes", types), cursor.i


def _heap(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read a heap type; or, where one opcode is for nullable types, a reference type."""
    cursor = self.context.cursor
    cursor.i = i
    if len(operators) == 1:
        return OPCODES[operators[0].code] + encode("heaptype", heap_type(self.context)), cursor.i
    type_ = reference_type(self.context)
    return OPCODES[operators[type_.nullable].code] + encode("heaptype", type_.heap), cursor.i


def _cast(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read a label and two reference types."""
    cursor = self.context.cursor
    label = self.one("label", i)
    cursor.i = i + 1
    source = reference_type(self.context)
    target = reference_type(self.context)
    return (
        OPCODES[operators[0].code]
        + encode("castflags", source.nullable | target.nullable << 1)
        + label
        + encode("heaptype", source.heap)
        + encode("heaptype", target.heap)
    ), cursor.i


def _zero(self: Immediates, operators: tuple[Operator, ...], i: int) -> tuple[bytes, int]:
    """Read nothing: the byte is not written in text."""
    del self
    return OPCODES[operators[0].code] + b"\0", i


READERS: dict[tuple[str, ...], Reader] = {
    ("type", "table"): _indirect,
    ("labels",): _branch_table,
    ("valtypes",): _select,
    ("table",): _optional,
    ("memory",): _optional,
    ("table", "table"): _optional,
    ("memory", "memory"): _optional,
    ("data", "memory"): _initialise,
    ("elem", "table"): _initialise,
    ("memarg",): _memarg,
    ("memarg", "lane"): _memarg,
    ("heaptype",): _heap,
    ("type", "field"): _field,
    ("castflags", "label", "heaptype", "heaptype"): _cast,
    ("lanes",): _lanes,
    ("v128",): _vector,
    ("zero",): _zero,
}
"""Reader by the immediates of an operator; `_sequence` reads all others."""

ONE = ("local", "global", "func", "type", "tag", "elem", "data", "label", "s32", "s64", "f32",
       "f64", "lane", "count")  # fmt: skip
"""Immediates that are one token."""

STRUCTURED = ("block", "loop", "if", "try_table", "try", "else", "end", "catch", "catch_all",
              "delegate")  # fmt: skip
"""Rules of the operators that open, divide and close blocks: the assembler's own business."""


class Words(NamedTuple):
    """The mnemonics of a set of features, by how they are read."""

    plain: dict[str, bytes]
    one: dict[str, tuple[bytes, str]]
    many: dict[str, tuple[Reader, tuple[Operator, ...]]]
    structured: dict[str, bytes]
    disabled: dict[str, int]


@cache
def words(features: int) -> Words:
    """Sort the operator table for reading text."""
    found = Words({}, {}, {}, {}, {})
    variants: dict[str, tuple[Operator, ...]] = {}
    for operator in TABLE:
        variants[operator.mnemonic] = (*variants.get(operator.mnemonic, ()), operator)
    for word, operators in variants.items():
        first = operators[0]
        missing = first.feature & ~features
        if missing:
            found.disabled[word] = missing
        elif first.rule in STRUCTURED:
            found.structured[word] = OPCODES[first.code]
        elif not first.immediates and len(operators) == 1:
            found.plain[word] = OPCODES[first.code]
        elif len(first.immediates) == 1 and first.immediates[0] in ONE:
            found.one[word] = OPCODES[first.code], first.immediates[0]
        else:
            found.many[word] = READERS.get(operators[-1].immediates, _sequence), operators
    return found
