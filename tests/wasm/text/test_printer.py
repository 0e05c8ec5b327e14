"""Printing: what is parsed back is the module that was printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.binary.branch_hints import (
    SECTION,
    BranchHint,
    FunctionHints,
    decode_branch_hints,
    encode_branch_hints,
)
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import (
    BlockType,
    Body,
    Catch,
    Instruction,
    MemArg,
    decode_body,
    encode_body,
)
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import Code, CustomSection, Module, RecGroup
from plumbob.wasm.names import Names, encode_names
from plumbob.wasm.opcodes import BY_NAME, TABLE
from plumbob.wasm.text import operator_text, parse_text, print_text
from plumbob.wasm.types import FuncType, SubType

if TYPE_CHECKING:
    from plumbob.wasm.operators import Operator

STRUCTURE = ("block", "loop", "if", "try", "try_table", "else", "end", "catch", "catch_all",
             "delegate")  # fmt: skip


def again(module: Module) -> Module:
    return parse_text(print_text(module), features=f.ALL, allow_unreachable_type=True)


def module_of(code: bytes) -> Module:
    """Return a module of one function with this body, and one type."""
    module = Module()
    module.rec_groups = [RecGroup((SubType(FuncType((), ())),))]
    module.functions = [0]
    module.code = [Code(code)]
    return module


def indices() -> st.SearchStrategy[int]:
    return st.integers(0, 3) | st.integers(0, (1 << 32) - 1)


HEAPS = st.sampled_from([heap for heap in t.HEAP_NAMES if heap != t.HEAP_BOT]) | st.integers(
    0, t.INDEX_MASK >> 1
).map(t.concrete)
NUMBERS = st.sampled_from([t.I32, t.I64, t.F32, t.F64, t.V128])
VALUES = NUMBERS | st.builds(lambda heap, null: t.ref(heap, nullable=null), HEAPS, st.booleans())
BLOCK_TYPES = st.builds(BlockType, st.none() | VALUES) | st.builds(BlockType, st.none(), indices())

IMMEDIATES = {
    **dict.fromkeys(
        "label func type table memory global local tag elem data field count".split(), indices()
    ),
    "lane": st.integers(0, 255),
    "zero": st.just(0),
    "castflags": st.integers(0, 3),
    "lanes": st.binary(min_size=16, max_size=16),
    "v128": st.binary(min_size=16, max_size=16),
    "s32": st.integers(-(1 << 31), (1 << 31) - 1),
    "s64": st.integers(-(1 << 63), (1 << 63) - 1),
    "f32": st.integers(0, (1 << 32) - 1),
    "f64": st.integers(0, (1 << 64) - 1),
    "memarg": st.builds(MemArg, st.integers(0, 63), st.integers(0, (1 << 64) - 1), indices()),
    "labels": st.lists(indices(), min_size=1, max_size=4).map(tuple),
    "heaptype": HEAPS,
    "valtypes": st.lists(VALUES, max_size=3).map(tuple),
    "blocktype": BLOCK_TYPES,
    "catches": st.lists(
        st.builds(Catch, st.sampled_from([0, 1]), indices(), indices())
        | st.builds(Catch, st.sampled_from([2, 3]), st.none(), indices()),
        max_size=3,
    ).map(tuple),
}
"""Values of each kind of immediate; none need be valid."""


def instruction(operator: Operator) -> st.SearchStrategy[Instruction]:
    return st.tuples(*(IMMEDIATES[kind] for kind in operator.immediates)).map(
        lambda values: Instruction(operator, values)
    )


def op(name: str, *immediates: object) -> Instruction:
    return Instruction(BY_NAME[name], immediates)


def closed(parts: list[Instruction]) -> bytes:
    return encode_body(Body((), [*parts, op("end")]))


@st.composite
def sequences(draw: st.DrawFn, depth: int = 3) -> list[Instruction]:
    """Draw instructions whose blocks are closed."""
    found: list[Instruction] = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(("plain", *STRUCTURE[:5]))) if depth else "plain"
        if kind == "plain":
            operator = draw(st.sampled_from(PLAIN))
            found.append(draw(instruction(operator)))
            continue
        found.append(draw(instruction(BY_NAME[kind])))
        found += draw(sequences(depth - 1))
        if kind == "if" and draw(st.booleans()):
            found += [op("else"), *draw(sequences(depth - 1))]
        if kind == "try":
            for _ in range(draw(st.integers(0, 2))):
                found += [op("catch", draw(indices())), *draw(sequences(depth - 1))]
            if draw(st.booleans()):
                found += [op("catch_all"), *draw(sequences(depth - 1))]
        found.append(op("end"))
    return found


PLAIN = [operator for operator in TABLE if operator.rule not in STRUCTURE]


@pytest.mark.parametrize("operator", PLAIN, ids=lambda operator: operator.name)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_operator(operator: Operator, data: st.DataObject) -> None:
    module = module_of(closed([data.draw(instruction(operator))]))
    back = again(module)
    assert list(back.code) == list(module.code)
    assert back.functions == module.functions


@given(sequences())
@settings(max_examples=100)
def test_any_body(parts: list[Instruction]) -> None:
    module = module_of(closed(parts))
    back = again(module)
    assert list(back.code) == list(module.code)
    assert print_text(back).splitlines()[1:] == print_text(module).splitlines()[1:]


def test_delegate() -> None:
    module = module_of(closed([op("block", BlockType()), op("try", BlockType()), op("nop"),
                               op("delegate", 0), op("end")]))  # fmt: skip
    assert again(module) == module
    assert "delegate 0 (;@1;)" in print_text(module)


TEXT = """(module $m
  (type $t (;0;) (func (param i32) (result i32)))
  (rec
    (type $s (;1;) (sub (struct (field $x i32) (field (mut i8)))))
    (type (;2;) (sub final $s (struct (field $x i32) (field (mut i8)) (field $y (ref null $s)))))
  )
  (type (;3;) (array (mut (ref $s))))
  (type (;4;) (func))
  (import "a" "\\u{0}é" (func $i (;0;) (type $t) (param $p i32) (result i32)))
  (import "a" "t" (table (;0;) 1 2 funcref))
  (table $tab (;1;) i64 1 (ref null $t) ref.null $t)
  (memory $mem (;0;) 1 2 shared)
  (memory (;1;) i64 3 (pagesize 1))
  (tag $e (;0;) (type 4))
  (global $g (;0;) (mut f32) f32.const 0.1)
  (export "f" (func $f))
  (export "g" (global $g))
  (start $start)
  (elem $seg (;0;) (i32.const 0) func $i $f)
  (elem (;1;) declare func $f)
  (elem (;2;) (table $tab) (offset i64.const 0 i64.const 1 i64.add) (ref null $t) (ref.func $f))
  (elem (;3;) funcref (item ref.func $f ref.as_non_null) (ref.null func))
  (func $f (;1;) (type $t) (param $x i32) (result i32)
    (local i32 i64) (local $y f32)
    block $b (type $t) (param i32) (result i32) (;
    ;)loop ;; label = @2
        br $b
        br 0 (;@2;)
        (@metadata.code.branch_hint "\\01") br_if 2
      end
    end
    local.get $x
    call $i
    call_indirect $tab (type $t) (param i32) (result i32)
    struct.get $s $x
    i32.load $mem offset=4 align=1
    i32.load 1
  )
  (func $start (;2;) (type 4)
    data.drop $d
  )
  (data $d (;0;) "\\00a\\"\\5c\\ff")
  (data (;1;) (memory 1) (i64.const 0) "")
  (@custom "c" (before first) "\\00")
  (@custom "d" (after func) "x")
)
"""


def test_a_module_with_everything() -> None:
    module = parse_text(TEXT, features=f.ALL)
    text = print_text(module)
    back = parse_text(text, features=f.ALL)
    assert back == module
    assert back.names == module.names
    assert print_text(back) == text
    # Comments and spaces apart, this is how it is printed.
    written = [line.replace("(;\n    ;)", "").strip() for line in TEXT.splitlines()]
    printed = [line.strip() for line in text.splitlines()]
    different = [line for line in written if line not in printed]
    assert different == [
        "block $b (type $t) (param i32) (result i32) (;",
        ";)loop ;; label = @2",
        "i32.load $mem offset=4 align=1",
        '(data $d (;0;) "\\00a\\"\\5c\\ff")',
    ]
    decoded = decode(encode(module), features=f.ALL)
    assert decoded == module
    assert print_text(decoded) == text
    assert encode(parse_text(print_text(decoded), features=f.ALL)) == encode(module)


def test_clashing_and_odd_names() -> None:
    module = parse_text("(module (func) (func) (func) (func (call 1) (call 2) (call 0) (call 3)))")
    names = module.names = Names()
    names.module = ""
    names.direct["func"] = {0: "f", 1: "f", 2: "", 3: 'a "\\\n\u202e'}
    text = print_text(module)
    assert text.startswith('(module (@name "")\n')
    assert '(func (@name "f") (;1;)' in text
    assert 'call 1\n    call 2\n    call $f\n    call $"a \\"\\\\\\n\\u{202e}"' in text
    back = parse_text(text)
    assert back.names == names
    assert back == module


def test_shadowed_labels_are_numbers() -> None:
    text = "(module (func block $a block $a br $a br 1 block $b br $a end end end))"
    printed = print_text(parse_text(text))
    assert [line.strip() for line in printed.splitlines() if "br " in line] == [
        "br $a", "br 1", "br $a",
    ]  # fmt: skip
    assert parse_text(printed) == parse_text(text)


@pytest.mark.parametrize("after", [0, 1, 3, 10])
def test_custom_sections_keep_their_places(after: int) -> None:
    module = parse_text('(module (func) (@custom "z" ""))')
    module.customs.insert(0, CustomSection("x", b"\0\xff", after))
    module.customs.sort(key=lambda custom: (custom.after != 0, custom.after))
    assert again(module) == module


def test_a_custom_section_behind_the_data_count() -> None:
    module = parse_text('(module (func (data.drop 0)) (data ""))')
    module.customs.append(CustomSection("x", b"", 12))
    assert '(@custom "x" (before code) "")' in print_text(module)
    assert again(module) == module


def named(module: Module, names: Names, after: int) -> Module:
    """Return the module with its names as a section of the binary."""
    module.names = None
    module.customs.append(CustomSection("name", encode_names(names), after))
    return module


def test_names_of_a_binary_become_identifiers() -> None:
    names = Names()
    names.direct["func"][0] = "f"
    names.indirect["local"][0] = {0: "x"}
    last = named(parse_text("(module (func (local i32)))"), names, 10)
    text = print_text(last)
    assert "(func $f (;0;)" in text
    assert "(local $x i32)" in text
    assert "@custom" not in text
    assert "@plumbob" not in text
    assert again(last) == last
    assert encode(again(last)) == encode(last)


def test_a_name_section_between_others_keeps_its_place() -> None:
    names = Names()
    names.direct["func"][0] = "f"
    module = named(parse_text("(module (func))"), names, 10)
    module.customs.append(CustomSection("producers", b"\0", 10))
    text = print_text(module)
    assert "(@plumbob.names (after code))" in text
    assert '@custom "name"' not in text
    assert again(module) == module
    assert encode(again(module)) == encode(module)


def test_names_of_what_does_not_exist_stay_in_the_section() -> None:
    names = Names()
    names.direct["func"] = {0: "f", 7: "gone"}
    module = named(parse_text("(module (func))"), names, 10)
    assert '(@custom "name" (after code) ' in print_text(module)
    assert again(module) == module


def test_a_malformed_name_section_stays_as_it_is() -> None:
    module = parse_text("(module (func))")
    module.customs.append(CustomSection("name", b"\xff", 10))
    assert again(module) == module


def test_branch_hints_become_annotations() -> None:
    text = (
        '(module (func (param i32) (@metadata.code.branch_hint "\\01")(if (local.get 0) (then))))'
    )
    module = parse_text(text)
    (section,) = module.customs
    assert (section.name, section.after) == (SECTION, 3)
    assert decode_branch_hints(section.data) == [FunctionHints(0, (BranchHint(3, likely=True),))]
    printed = print_text(module)
    assert '(@metadata.code.branch_hint "\\01") if' in printed
    assert again(module) == module


@pytest.mark.parametrize(
    ("function", "offset", "after"), [(0, 2, 3), (0, 0, 3), (7, 1, 3), (0, 1, 10)]
)
def test_branch_hints_that_fit_nothing_stay_in_their_section(
    function: int, offset: int, after: int
) -> None:
    module = parse_text("(module (func (i32.const 0) drop))")
    data = encode_branch_hints([FunctionHints(function, (BranchHint(offset, likely=False),))])
    module.customs.append(CustomSection(SECTION, data, after))
    assert f'(@custom "{SECTION}"' in print_text(module)
    assert again(module) == module


def test_what_the_text_has_no_word_for() -> None:
    # A padded LEB128 and split runs of locals come back in their shortest form.
    module = module_of(bytes([2, 1, 0x7F, 1, 0x7F, 0x41, 0x80, 0x00, 0x1A, 0x0B]))
    back = again(module)
    assert back.code[0].body == bytes([1, 2, 0x7F, 0x41, 0x00, 0x1A, 0x0B])
    before, after = (decode_body(item.code[0].body) for item in (module, back))
    assert [item[:2] for item in before.instructions] == [item[:2] for item in after.instructions]


@pytest.mark.parametrize("code", [b"\0\xff\x0b", b"\0\x41", b"\0\x0b\x0b", b"\0\x02\x40\x0b"])
def test_malformed_bodies(code: bytes) -> None:
    with pytest.raises(MalformedError):
        print_text(module_of(code))


def test_the_result_type_unreachable() -> None:
    text = "(module (func (result unreachable) (block (result unreachable) unreachable)))"
    module = parse_text(text, allow_unreachable_type=True)
    assert "(result unreachable)" in print_text(module)
    assert again(module) == module


def test_deep_blocks_are_not_indented_for_ever() -> None:
    depth = 20_000
    text = print_text(parse_text(f"(module (func {'(block ' * depth}{')' * depth}))"))
    assert max(map(len, text.splitlines())) < 200
    assert len(again(parse_text(text)).code[0].body) == 3 * depth + 2


@pytest.mark.parametrize(
    ("name", "immediates", "text"),
    [
        ("local.get", (0,), "local.get $x"),
        ("local.get", (1,), "local.get 1"),
        ("call", (0,), "call $f"),
        ("i32.const", (-1,), "i32.const -1"),
        ("i32.load", (MemArg(0, 4, 0),), "i32.load offset=4 align=1"),
        ("br_table", ((0, 1),), "br_table 0 1"),
        ("block", (BlockType(t.I32),), "block (result i32)"),
        ("ref.test null", (t.FUNC,), "ref.test (ref null func)"),
        ("select t", ((t.I32,),), "select (result i32)"),
    ],
)
def test_operator_text(name: str, immediates: tuple[object, ...], text: str) -> None:
    module = parse_text("(module (func $f (param $x i32) (local f32)))")
    assert operator_text(module, 0, op(name, *immediates)) == text
    assert operator_text(decode(encode(module)), 0, op(name, *immediates)) == text
