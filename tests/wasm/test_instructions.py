"""Instructions as objects: every operator of the table, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.errors import InternalError
from plumbob.wasm import features
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import (
    CATCH_ALL,
    CONTINUES,
    DECODERS,
    ENCODERS,
    BlockType,
    Body,
    Catch,
    Instruction,
    MemArg,
    decode_body,
    decode_operator,
    encode_body,
    encode_expression,
    encode_operator,
    instructions_of,
)
from plumbob.wasm.binary.leb import write_sized
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import Global, Module
from plumbob.wasm.opcodes import BY_NAME, TABLE
from plumbob.wasm.operators import NO_CONST
from plumbob.wasm.types import (
    BOT,
    F32,
    FUNC,
    HEAP_BOT,
    HEAP_CODES,
    I32,
    I64,
    UNREACHABLE,
    V128,
    GlobalType,
    ValType,
    concrete,
    ref,
)

if TYPE_CHECKING:
    from plumbob.wasm.operators import Operator

U32 = st.one_of(st.integers(0, 300), st.integers(0, (1 << 32) - 1))
U64 = st.one_of(st.integers(0, 300), st.integers(0, (1 << 64) - 1))
HEAPS = st.one_of(
    st.sampled_from(sorted(HEAP_CODES.values())),
    st.integers(0, (1 << 28) - 1).map(concrete),
)
VALUES = st.one_of(
    st.sampled_from([I32, I64, F32, V128]),
    st.builds(lambda heap, nullable: ref(heap, nullable=nullable), HEAPS, st.booleans()),
)
SIXTEEN = st.binary(min_size=16, max_size=16)


def catch(kind: int, tag: int, label: int) -> Catch:
    return Catch(kind, None if kind >= CATCH_ALL else tag, label)


IMMEDIATES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ("label", "func", "type", "table", "memory", "global", "local", "tag", "elem", "data",
         "field", "count"),
        U32,
    ),
    "lane": st.integers(0, 255),
    "castflags": st.integers(0, 3),
    "zero": st.just(0),
    "lanes": SIXTEEN,
    "v128": SIXTEEN,
    "blocktype": st.one_of(
        st.just(BlockType()),
        st.builds(BlockType, st.one_of(VALUES, st.just(UNREACHABLE))),
        st.builds(BlockType, st.none(), U32),
    ),
    "labels": st.lists(U32, min_size=1, max_size=5).map(tuple),
    "memarg": st.builds(MemArg, st.integers(0, 63), U64, U32),
    "f32": st.integers(0, (1 << 32) - 1),
    "f64": U64,
    "s32": st.integers(-1 << 31, (1 << 31) - 1),
    "s64": st.integers(-1 << 63, (1 << 63) - 1),
    "heaptype": HEAPS,
    "valtypes": st.lists(VALUES, max_size=3).map(tuple),
    "catches": st.lists(st.builds(catch, st.integers(0, 3), U32, U32), max_size=3).map(tuple),
}  # fmt: skip


def instructions(operator: Operator) -> st.SearchStrategy[Instruction]:
    return st.tuples(*(IMMEDIATES[kind] for kind in operator.immediates)).map(
        lambda immediates: Instruction(operator, immediates)
    )


def test_every_kind_of_immediate_has_both_ways() -> None:
    kinds = {kind for operator in TABLE for kind in operator.immediates}
    assert kinds == set(ENCODERS) == set(DECODERS) == set(IMMEDIATES)


@pytest.mark.parametrize("operator", TABLE, ids=lambda operator: operator.name)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_operator_comes_back(operator: Operator, data: st.DataObject) -> None:
    instruction = data.draw(instructions(operator))
    out = bytearray()
    encode_operator(out, operator, instruction.immediates)
    reader = Reader(bytes(out), base=7)
    found = decode_operator(reader)
    assert reader.at_end
    assert found == instruction._replace(offset=7)
    for mine, read in zip(instruction.immediates, found.immediates, strict=True):
        assert type(mine) is type(read)
    # Every proper prefix ends too early; a shorter opcode never hides in it.
    for length in range(len(out)):
        with pytest.raises(MalformedError) as error:
            decode_operator(Reader(bytes(out[:length])))
        assert error.value.code in {"E0101", "E0105"}


def test_opcodes_are_distinct() -> None:
    seen: dict[bytes, str] = {}
    for operator in TABLE:
        out = bytearray()
        if operator.prefix:
            out.append(operator.prefix)
        out.append(operator.number & 0x7F | (0x80 if operator.number > 0x7F else 0))
        if operator.prefix and operator.number > 0x7F:
            out.append(operator.number >> 7)
        elif not operator.prefix:
            out = bytearray([operator.number])
        assert bytes(out) not in seen
        seen[bytes(out)] = operator.name


BLOCKS = [operator for operator in TABLE if "blocktype" in operator.immediates]
PLAIN = [
    operator
    for operator in TABLE
    if operator not in BLOCKS and operator.rule != "end" and operator.rule not in CONTINUES
]
END = Instruction(BY_NAME["end"])


@st.composite
def sequences(draw: st.DrawFn) -> list[Instruction]:
    """Draw instructions whose blocks are balanced and continued, with the closing `end`."""
    out: list[Instruction] = []
    open_: list[str] = []
    for _ in range(draw(st.integers(0, 12))):
        choice = draw(st.integers(0, 5))
        if choice == 0:
            out.append(draw(instructions(draw(st.sampled_from(BLOCKS)))))
            open_.append(out[-1].operator.rule)
        elif choice == 1 and open_:
            fitting = [rule for rule, on in CONTINUES.items() if open_[-1] in on]
            rule = draw(st.sampled_from(["end", *fitting]))
            out.append(draw(instructions(BY_NAME[rule])))
            if rule in ("end", "delegate"):
                open_.pop()
            else:
                open_[-1] = rule
        else:
            out.append(draw(instructions(draw(st.sampled_from(PLAIN)))))
    return [*out, *[END] * (len(open_) + 1)]


@settings(deadline=None)
@given(sequences(), st.lists(st.tuples(st.integers(0, 1 << 20), VALUES), max_size=3))
def test_bodies_and_expressions_come_back(
    code: list[Instruction], runs: list[tuple[int, ValType]]
) -> None:
    expression = encode_expression(code)
    found = list(instructions_of(expression, base=3))
    assert [item._replace(offset=0) for item in found] == code
    assert [item.offset for item in found] == sorted({item.offset for item in found})
    assert encode_expression(found) == expression
    for item, following in zip(found, [*found[1:], None], strict=True):
        end = len(expression) if following is None else following.offset - 3
        out = bytearray()
        encode_operator(out, item.operator, item.immediates)
        assert expression[item.offset - 3 : end] == out
    body = Body(tuple(runs), code)
    data = encode_body(body)
    again = decode_body(data)
    assert again.locals == body.locals
    assert encode_body(again) == data
    with pytest.raises(MalformedError) as error:
        decode_body(data + b"\x01")
    assert (error.value.code, error.value.offset) == ("E0157", len(data))
    with pytest.raises(MalformedError):
        decode_body(data[:-1])


CONSTANT = [item for item in TABLE if item.const != NO_CONST and item.rule != "end"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(CONSTANT).flatmap(instructions), max_size=4))
def test_the_reader_steps_over_constant_operators_as_the_table_says(
    code: list[Instruction],
) -> None:
    expression = encode_expression([*code, END])
    module = Module()
    module.globals = [Global(GlobalType(I32, mutable=False), expression)] * 2
    data = encode(module)
    found = decode(data, features=features.ALL)
    assert [item.init for item in found.globals] == [expression] * 2
    for length in range(len(data) - len(expression) + 1, len(data)):
        # The section's size, one byte or two, is cut with it.
        cut = encode_section(data[:length])
        with pytest.raises(MalformedError) as error:
            decode(cut, features=features.ALL)
        assert error.value.code in {"E0101", "E0105"}


def encode_section(data: bytes) -> bytes:
    """Return a module of one section with the size that its bytes have."""
    reader = Reader(data, 9)
    reader.u32()
    out = bytearray(data[:9])
    write_sized(out, data[reader.offset :])
    return bytes(out)


MALFORMED = [
    ("27", "E0150", 0),
    ("fb 7f", "E0150", 0),
    ("fc 80 80 04", "E0150", 0),
    ("fe 80 80 88 01", "E0150", 0),
    ("02 7a", "E0151", 1),
    ("02 ff 7f", "E0152", 1),
    ("28 80 01 00", "E0153", 1),
    ("fe 03 01", "E0154", 2),
    ("d0 40", "E0158", 1),
    ("d0 ff 7f", "E0158", 1),
    ("fb 18 04 00 70 70", "E0159", 2),
    ("1f 40 01 04 00", "E0160", 3),
    ("0e ff ff 03 00", "E0105", 1),
    ("1c 01 77", "E0151", 2),
]


@pytest.mark.parametrize(("text", "code", "offset"), MALFORMED)
def test_malformed_operators(text: str, code: str, offset: int) -> None:
    with pytest.raises(MalformedError) as error:
        decode_operator(Reader(bytes.fromhex(text)))
    assert (error.value.code, error.value.offset) == (code, offset)


def test_locals_are_bounded() -> None:
    with pytest.raises(MalformedError) as error:
        decode_body(b"\2\xff\xff\xff\xff\x0f\x7f\1\x7e\x0b")
    assert error.value.code == "E0155"


@pytest.mark.parametrize(
    ("name", "immediates"),
    [
        ("i32.const", (1 << 31,)),
        ("i64.const", (-1 - (1 << 63),)),
        ("local.get", (-1,)),
        ("local.get", (1 << 32,)),
        ("i32.load", (MemArg(2, 1 << 64),)),
        ("v128.const", (b"short",)),
        ("ref.null", (HEAP_BOT,)),
        ("select t", ((BOT,),)),
    ],
)
def test_immediates_out_of_range_are_refused(name: str, immediates: tuple[Any, ...]) -> None:
    with pytest.raises(InternalError):
        encode_operator(bytearray(), BY_NAME[name], immediates)


def test_the_number_of_immediates_must_fit() -> None:
    for immediates in ((), (1, 2)):
        with pytest.raises(ValueError, match="argument"):
            encode_operator(bytearray(), BY_NAME["local.get"], immediates)


def test_block_types_tell_value_types_from_indices() -> None:
    out = bytearray()
    encode_operator(out, BY_NAME["block"], (BlockType(I32),))
    encode_operator(out, BY_NAME["block"], (BlockType(None, I32),))
    assert out == b"\x02\x7f\x02\x01"
    encoded = encode_expression([Instruction(BY_NAME["ref.null"], (FUNC,)), END])
    assert encoded == b"\xd0\x70\x0b"


@pytest.mark.parametrize(
    "body",
    [
        "06 40 19 18 00 0b",  # try catch_all delegate
        "05 0b",  # else in a function
        "41 00 04 40 05 05 0b 0b",  # a second else
        "02 40 05 0b 0b",  # else in a block
        "02 40 19 0b 0b",  # catch_all in a block
        "06 40 19 19 0b 0b",  # a second catch_all
        "06 40 19 07 00 0b 0b",  # catch behind catch_all
        "02 40 18 00 0b",  # delegate in a block
        "18 00 0b",  # delegate in a function
        "1f 40 00 19 0b 0b",  # catch_all in a try_table
    ],
)
def test_what_continues_no_open_block_is_malformed(body: str) -> None:
    with pytest.raises(MalformedError, match="no block to continue here"):
        decode_body(bytes([0]) + bytes.fromhex(body))


@pytest.mark.parametrize(
    "body", ["06 40 07 00 19 0b 0b", "06 40 18 00 0b", "41 00 04 40 05 0b 0b", "06 40 0b 0b"]
)
def test_what_continues_an_open_block_is_not(body: str) -> None:
    assert decode_body(bytes([0]) + bytes.fromhex(body)).instructions
