"""Modules in text: every field and abbreviation, by what it abbreviates or encodes to."""

from __future__ import annotations

import pytest

from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    PASSIVE,
    DataSegment,
    ElementSegment,
    Export,
    Import,
    Module,
)
from plumbob.wasm.text import parse_text
from plumbob.wasm.types import Limits, MemoryType, SubType, TableType

ZERO = b"\x41\x00\x0b"


def parse(text: str, features: int = f.ALL) -> Module:
    return parse_text(text, "t.wat", features=features)


def body(text: str, before: str = "") -> str:
    """Return the encoding of a function's body behind its (empty) locals, in hexadecimal."""
    code = parse(f"(module {before} (func {text}))").code[0].body
    assert code[0] == 0
    assert code[-1] == 0x0B
    return code[1:-1].hex(" ")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("", "(module)"),
        ("(func) (memory 1)", "(module (func) (memory 1))"),
        (
            '(module (func $f (export "a") (export "b")))',
            '(module (func $f) (export "a" (func $f)) (export "b" (func 0)))',
        ),
        (
            '(module (func $f (export "e") (import "m" "n") (param i32)))',
            '(module (import "m" "n" (func $f (param i32))) (export "e" (func $f)))',
        ),
        (
            '(module (table (import "m" "t") 1 2 funcref))',
            '(module (import "m" "t" (table 1 2 funcref)))',
        ),
        (
            '(module (memory (import "m" "t") i64 1 2 shared))',
            '(module (import "m" "t" (memory i64 1 2 shared)))',
        ),
        (
            '(module (global (import "m" "t") (mut i64)))',
            '(module (import "m" "t" (global (mut i64))))',
        ),
        (
            '(module (tag (import "m" "t") (param i64)))',
            '(module (import "m" "t" (tag (param i64))))',
        ),
        (
            "(module (func (param i32 i32) (param) (param f32) (result) (result i32)))",
            "(module (type (func (param i32 i32 f32) (result i32))) (func (type 0)))",
        ),
        (
            "(module (func (param i32)) (type (func (param i32))) (type (func (param i32))))",
            "(module (type (func (param i32))) (type (func (param i32))) (func (type 0)))",
        ),
        (
            "(module (type (sub (func))) (func))",
            "(module (type (sub (func))) (type (func)) (func (type 1)))",
        ),
        (
            "(module (rec (type (func)) (type (func))) (func))",
            "(module (rec (type (func)) (type (func))) (type (func)) (func (type 2)))",
        ),
        ("(module (rec (type (func))) (func))", "(module (rec (type (func))) (func (type 0)))"),
        (
            "(module (func (block (param i32) (result i32)) unreachable) (func (param i64)))",
            ("(module (type (func)) (type (func (param i32) (result i32)))"
            " (type (func (param i64))) (func (type 0) (block (type 1)) unreachable)"
            " (func (type 2)))"),
        ),
        (
            "(module (table funcref (elem $f $f)) (func $f))",
            ("(module (table 2 2 funcref) (elem (table 0) (offset (i32.const 0)) func $f 0)"
            " (func $f))"),
        ),
        (
            "(module (table i64 (ref null 0) (elem $f)) (type (func)) (func $f (type 0)))",
            ("(module (table i64 1 1 (ref null 0)) (elem (i64.const 0) (ref null 0) (ref.func 0))"
            " (type (func)) (func $f (type 0)))"),
        ),
        (
            "(module (table externref (elem (ref.null extern) (item ref.null extern))))",
            ("(module (table 2 2 externref)"
            " (elem (offset i32.const 0) externref (item (ref.null extern)) (ref.null extern)))"),
        ),
        (
            '(module (memory i64 (data "ab" "c")))',
            '(module (memory i64 1 1) (data (memory 0) (offset (i64.const 0)) "abc"))',
        ),
        (
            '(module (memory (pagesize 1) (data "ab" "c")))',
            '(module (memory 3 3 (pagesize 1)) (data (i32.const 0) "abc"))',
        ),
        ("(module (elem 0 (i32.const 0) 0))", "(module (elem (i32.const 0) func 0))"),
        ('(module (data 0 (i32.const 0) "a"))', '(module (data (i32.const 0) "a"))'),
        (
            "(module (type (struct (field i32 i64) (field) (field $x (mut i8)))))",
            "(module (type (sub final (struct (field i32) (field i64) (field (mut i8))))))",
        ),
        ("(module (type (array (ref null func))))", "(module (type (array funcref)))"),
        ("(module (global (ref null none) (ref.null none)))",
         "(module (global nullref ref.null none))"),
        ("(module (type $t (func (param $x i32) (result i32))))",
         "(module (type $t (func (param i32) (result i32))))"),
    ],
)  # fmt: skip
def test_abbreviations(short: str, long: str) -> None:
    left, right = parse(short), parse(long)
    left.names = right.names = None
    assert left == right
    assert encode(left) == encode(right)


def test_types() -> None:
    module = parse(
        "(module (type $a (sub (struct (field $x i16))))"
        " (rec (type $b (sub final $a (struct (field $x i16) (field $y (ref null $c)))))"
        " (type $c (sub $b $a (array (mut (ref $b)))))))"
    )
    first, group = module.rec_groups
    assert not first.explicit
    assert group.explicit
    assert first.types[0] == SubType(t.StructType((t.FieldType(t.I16, mutable=False),)), (), False)
    b, c = group.types
    assert (b.supertypes, b.final, c.supertypes, c.final) == ((0,), True, (1, 0), False)
    assert c.composite == t.ArrayType(t.FieldType(t.ref(t.concrete(1)), mutable=True))
    assert module.names is not None
    assert module.names.indirect["field"] == {0: {0: "x"}, 1: {0: "x", 1: "y"}}


def test_fields() -> None:
    module = parse(
        '(module $m (import "a" "b" (func $i (param i32)))'
        " (table $t 1 (ref null $s)) (table i64 1 2 (ref func) ref.func 1)"
        " (memory $m 1 2 shared) (memory i64 5 (pagesize 1))"
        " (tag $e (param f32)) (global $g (mut i32) i32.const 7) (global i64 (i64.const -1))"
        ' (export "x" (global $g)) (export "y" (tag $e)) (start $f) (func $f)'
        " (elem $p declare funcref (ref.func $f)) (elem (table 1) (i64.const 0) func $f $i)"
        ' (data $d "a\\00") (data (memory 1) (offset i64.const 1) "b") (type $s (struct)))'
    )
    assert module.imports == [Import("a", "b", 0, 1)]
    assert module.tables[0].type == TableType(t.ref(t.concrete(0), nullable=True), Limits(1))
    assert module.tables[1].type == TableType(t.ref(t.FUNC), Limits(1, 2, is64=True))
    assert module.tables[1].init == b"\xd2\x01\x0b"
    assert module.memories == [
        MemoryType(Limits(1, 2), shared=True),
        MemoryType(Limits(5, None, is64=True), page_size_log2=0),
    ]
    assert [item.init for item in module.globals] == [b"\x41\x07\x0b", b"\x42\x7f\x0b"]
    assert module.exports == [Export("x", 3, 0), Export("y", 4, 0)]
    assert module.start == 1
    assert module.elements == [
        ElementSegment(DECLARATIVE, t.FUNCREF, None, (b"\xd2\x01\x0b",)),
        ElementSegment(ACTIVE, t.ref(t.FUNC), [1, 0], (), 1, b"\x42\x00\x0b"),
    ]
    assert module.datas == [
        DataSegment(PASSIVE, b"a\0"),
        DataSegment(ACTIVE, b"b", 1, b"\x42\x01\x0b"),
    ]
    assert module.data_count is None
    assert module.names is not None
    assert module.names.module == "m"
    assert module.names.direct == {
        "func": {0: "i", 1: "f"},
        "type": {0: "s"},
        "table": {0: "t"},
        "memory": {0: "m"},
        "global": {0: "g"},
        "elem": {0: "p"},
        "data": {0: "d"},
        "tag": {0: "e"},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nop", "01"),
        ("(i32.add (i32.const 1) (i32.const -1))", "41 01 41 7f 6a"),
        ("(i32.const 1) (i32.add (i32.const 2)) drop", "41 01 41 02 6a 1a"),
        ("(i32.const 0x80000000)", "41 80 80 80 80 78"),
        ("block $a br $a br 0 br 1 end $a", "02 40 0c 00 0c 00 0c 01 0b"),
        ("(block $a (loop $a (br $a)) (br $a))", "02 40 03 40 0c 00 0b 0c 00 0b"),
        ("(loop $a (result i32) (i32.const 1))", "03 7f 41 01 0b"),
        ("(if (i32.const 1) (then))", "41 01 04 40 0b"),
        ("(if (i32.const 1) (then (nop)) (else))", "41 01 04 40 01 05 0b"),
        ("(if $l (block (br 0)) (i32.const 1) (then (br $l)))",
         "02 40 0c 00 0b 41 01 04 40 0c 00 0b"),
        ("if $l nop else $l br $l end $l", "04 40 01 05 0c 00 0b"),
        ("(br_table 0 1 2 (i32.const 0))", "41 00 0e 02 00 01 02"),
        ("br_table 0", "0e 00 00"),
        ("select", "1b"),
        ("select (result) (result i32)", "1c 01 7f"),
        ("select (result)", "1c 00"),
        ("call_indirect", "11 00 00"),
        ("call_indirect $t (type $f)", "11 00 01"),
        ("call_indirect (param i32)", "11 02 00"),
        ("return_call_indirect 1 (type 0)", "13 00 01"),
        ("table.get", "25 00"),
        ("table.set $t", "26 01"),
        ("table.copy", "fc 0e 00 00"),
        ("table.copy $t 0", "fc 0e 01 00"),
        ("table.init 3", "fc 0c 03 00"),
        ("table.init $t 3", "fc 0c 03 01"),
        ("memory.init 1", "fc 08 01 00"),
        ("memory.init $m 0", "fc 08 00 01"),
        ("memory.copy", "fc 0a 00 00"),
        ("memory.copy $m 0", "fc 0a 01 00"),
        ("memory.size", "3f 00"),
        ("memory.fill $m", "fc 0b 01"),
        ("i32.load", "28 02 00"),
        ("i32.load offset=1", "28 02 01"),
        ("i32.load align=1", "28 00 00"),
        ("i32.load 1 offset=0x80 align=0x4", "28 42 01 80 01"),
        ("i64.load $m", "29 43 01 00"),
        ("i64.load offset=0xffff_ffff_ffff_ffff", "29 03 ff ff ff ff ff ff ff ff ff 01"),
        ("v128.load8_lane 3", "fd 54 00 00 03"),
        ("v128.load8_lane 1 3", "fd 54 40 01 00 03"),
        ("v128.load8_lane $m offset=1 3", "fd 54 40 01 01 03"),
        ("v128.load8_lane 1 align=1 3", "fd 54 40 01 00 03"),
        ("v128.const i64x2 -1 1", "fd 0c " + "ff " * 8 + "01" + " 00" * 7),
        ("v128.const f32x4 1 -0 inf nan:0x1",
         "fd 0c 00 00 80 3f 00 00 00 80 00 00 80 7f 01 00 80 7f"),
        ("i8x16.extract_lane_s 255", "fd 15 ff"),
        ("ref.null func", "d0 70"),
        ("ref.null $f", "d0 00"),
        ("ref.test (ref any)", "fb 14 6e"),
        ("ref.test anyref", "fb 15 6e"),
        ("ref.cast (ref null $f)", "fb 17 00"),
        ("br_on_cast 1 anyref (ref i31)", "fb 18 01 01 6e 6c"),
        ("br_on_cast_fail 1 (ref any) i31ref", "fb 19 02 01 6e 6c"),
        ("struct.get $s $y", "fb 02 01 01"),
        ("struct.set 1 7", "fb 05 01 07"),
        ("array.new_fixed 1 200", "fb 08 01 c8 01"),
        ("array.copy 1 2", "fb 11 01 02"),
        ("array.new_data 1 $d", "fb 09 01 00"),
        ("try_table (catch 0 0) (catch_ref 1 0) (catch_all 0) (catch_all_ref 0) end",
         "1f 40 04 00 00 00 01 01 00 02 00 03 00 0b"),
        ("(block $a (try_table $a (result i32) (catch 0 $a) (br $a)))",
         "02 40 1f 7f 01 00 00 00 0c 00 0b 0b"),
        ("try nop catch 0 nop catch 1 catch_all rethrow 0 end",
         "06 40 01 07 00 01 07 01 19 09 00 0b"),
        ("try $t block delegate 0", None),
        ("block $b try $t nop delegate $b end", "02 40 06 40 01 18 00 0b"),
        ("(try $t (do (throw 0)) (catch 0 (rethrow $t)) (catch_all))",
         "06 40 08 00 07 00 09 00 19 0b"),
        ("(try (do) (delegate 0))", "06 40 18 00"),
        ("(try (do (nop)))", "06 40 01 0b"),
        ("atomic.fence", "fe 03 00"),
        ("i64.atomic.rmw32.cmpxchg_u offset=4", "fe 4e 02 04"),
        ("i64.mul_wide_u", "fc 16"),
        ("memory.discard", None),
    ],
)  # fmt: skip
def test_instructions(text: str, expected: str | None) -> None:
    before = (
        "(type $f (func)) (type $s (struct (field i32) (field $y (mut i32))))"
        ' (table 1 funcref) (table $t 1 funcref) (memory 1) (memory $m 1) (data $d "") (data "")'
    )
    if expected is None:
        with pytest.raises(MalformedError):
            body(text, before)
    else:
        assert body(text, before) == expected


def test_runs_of_locals() -> None:
    module = parse("(module (func (param i64) (local i32) (local $x i32) (local f32 i32)))")
    assert module.code[0].body == bytes([3, 2, 0x7F, 1, 0x7D, 1, 0x7F, 0x0B])
    assert module.names is not None
    assert module.names.indirect["local"] == {0: {2: "x"}}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('(func (data.drop 0)) (data "")', 1),
        ('(func (memory.init 0)) (data "") (data "") (memory 1)', 2),
        ('(func nop) (data "")', None),
        ('(func nop) (data "") (@plumbob.data_count)', 1),
    ],
)
def test_data_count(text: str, count: int | None) -> None:
    assert parse(text).data_count == count


def test_source_map() -> None:
    text = '(module (memory 1) (data (i32.const 5) "")\n (func $f\n  (drop (i32.const 1))\n nop))'
    module = parse(text)
    source_map = module.source_map
    assert source_map is not None
    span = source_map.fields["func", 0]
    assert text[span.start : span.end] == text[text.index("(func") : -1]
    assert source_map.source.location(span.start) == (2, 2)
    offsets, places = source_map.operators["func", 0]
    assert list(offsets) == [1, 3, 4, 5]
    assert [text[place:].split(maxsplit=1)[0].rstrip("()") for place in places] == [
        "i32.const", "drop", "nop", "",
    ]  # fmt: skip
    offsets, places = source_map.operators["data", 0]
    assert list(offsets) == [0, 2]
    assert text[places[0] :].startswith("i32.const 5")


def test_label_names_count_blocks_in_binary_order() -> None:
    module = parse("(module (func (if $a (block $b (br 0)) (then (loop $c)))))")
    assert module.names is not None
    assert module.names.indirect["label"] == {0: {0: "b", 1: "a", 2: "c"}}


def test_deep_nesting() -> None:
    depth = 100_000
    folded = f"(module (func {'(i32.eqz ' * depth}(i32.const 0){')' * depth} drop))"
    assert len(parse(folded).code[0].body) == depth + 5
    blocks = f"(module (func {'(block ' * depth}{')' * depth}))"
    assert len(parse(blocks).code[0].body) == 3 * depth + 2
    with pytest.raises(MalformedError, match="unclosed parenthesis"):
        parse(f"(module (func {'(block ' * depth}")


def test_the_result_type_unreachable() -> None:
    text = "(module (func (result unreachable) unreachable))"
    module = parse_text(text, allow_unreachable_type=True)
    assert module.func_type(0).results == (t.UNREACHABLE,)
    with pytest.raises(MalformedError, match="dead-code=typed"):
        parse_text(text)
    with pytest.raises(MalformedError):
        parse_text("(module (func (param unreachable)))", allow_unreachable_type=True)
