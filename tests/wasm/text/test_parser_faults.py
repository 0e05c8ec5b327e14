"""What is malformed in text, with code and place; what belongs to features."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.wasm import features as f
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.text import parse_text, print_text


@pytest.mark.parametrize(
    ("text", "code", "at", "said"),
    [
        ("hello", "E0174", "hello", "a field of a module"),
        ("(module) (module)", "E0174", "(module)$", "nothing behind the module"),
        ("(module", "E0172", "(module", "`)`"),
        ("(module (func (block) (func))", "E0172", "(module", "before `(func` at 1:23"),
        ('(module binary "")', "E0174", "binary", "scripts"),
        ("(modul)", "E0179", "modul", "`type`"),
        ("(module (func i32.ad))", "E0179", "i32.ad", "`i32.and` perhaps"),
        ("(module (func (func)))", "E0179", "func)))", "lacks a `)`"),
        ("(module (func (local.get $x)))", "E0175", "$x", "local"),
        ("(module (func $abc (call $abd)))", "E0175", "$abd", "`$abc` perhaps"),
        ("(module (func (br $l) (block $l)))", "E0175", "$l)", "enclosing block"),
        ("(module (func (block $a) (br $a)))", "E0175", "$a)))", "enclosing block"),
        ("(module (func $f) (func $f))", "E0176", "$f))", "no other function"),
        ("(module (func (param $x i32) (local $x i32)))", "E0176", "$x i32)))", "no other local"),
        ("(module (type $t (func)) (rec (type $t (func))))", "E0176", "$t (func))))", "type"),
        ("(module (type (struct (field $a i32) (field $a i32))))", "E0176", "$a i32))))", "field"),
        ("(module (func block $a end $b))", "E0177", "$b", "`$a`"),
        ("(module (func block end $b))", "E0177", "$b", "none"),
        ("(module (func if $a else $b end))", "E0177", "$b", "`$a`"),
        ("(module (func (i32.const 4294967296)))", "E0178", "4294967296", "-2^31"),
        ("(module (func (i32.const 0x)))", "E0178", "0x", "32 bits"),
        ("(module (func (f32.const 1e39)))", "E0178", "1e39", "32 bits can hold"),
        ("(module (func (f32.const nan:0x0)))", "E0178", "nan", "payload from 1"),
        ("(module (func (i32.load align=3)))", "E0178", "align=3", "a power of two"),
        ("(module (func (i32.load align=0)))", "E0178", "align=0", "a power of two"),
        ("(module (func (i32.load offset=-1)))", "E0178", "offset=-1", "unsigned"),
        ("(module (func (i8x16.extract_lane_s 256)))", "E0178", "256", "2^8"),
        ("(module (memory 1 (pagesize 3)))", "E0178", "3)", "a power of two"),
        ("(module (func (i32.const)))", "E0174", ")))", "an integer"),
        ("(module (func (i32.const 1 i32.const 2)))", "E0174", "i32.const 2", "folded"),
        ("(module (func (local.get -1)))", "E0174", "-1", "local"),
        ("(module (func (param i32 $x)))", "E0174", "$x", "a value type"),
        ("(module (func (call_indirect (param $x i32))))", "E0174", "$x", "a value type"),
        ("(module (func (block (result i32) (param i32))))", "E0179", "param", "instruction"),
        ("(module (func (result i32) (param i32)))", "E0179", "param", "instruction"),
        ("(module (func end))", "E0174", "end", "an open block"),
        ("(module (func else))", "E0174", "else", "an open `if`"),
        ("(module (func if else else end))", "E0174", "else end", "an open `if`"),
        ("(module (func block))", "E0174", "))", "`end`"),
        ("(module (func (block block)))", "E0174", ")))", "`end`"),
        ("(module (func (then)))", "E0174", "then", "folded `if`"),
        ("(module (func (if (i32.const 1))))", "E0174", ")))$", "`(then`"),
        ("(module (func (if (i32.const 1) (else))))", "E0174", "(else", "`(then`"),
        ("(module (func (if (then) (then))))", "E0174", "(then))))", "`(else`"),
        ("(module (func (if (then) nop)))", "E0174", "nop", "`(else` or `)`"),
        ("(module (func (if (then) (else) (nop))))", "E0174", "(nop", "`)`"),
        ("(module (func (try (nop))))", "E0174", "(nop", "`(do`"),
        ("(module (func (try (do) (catch_all) (catch 0))))", "E0174", "(catch 0", "`)`"),
        ("(module (func (try (do) (delegate 0) (catch 0))))", "E0174", "(catch 0", "`)`"),
        ("(module (func try catch_all catch 0 end))", "E0174", "catch 0", "an open `try`"),
        ("(module (func try catch_all delegate 0))", "E0174", "delegate", "with a catch"),
        ("(module (func catch_all))", "E0174", "catch_all", "an open `try`"),
        ("(module (func (br_table)))", "E0174", ")))", "label"),
        ("(module (func (i8x16.shuffle 1 2)))", "E0174", ")))", "unsigned"),
        ("(module (func (v128.const i32x4 1 2 3)))", "E0174", ")))", "an integer"),
        ("(module (func (v128.const i32x3 1 2 3)))", "E0174", "i32x3", "i8x16"),
        ("(module (func (memory.copy 0)))", "E0174", ")))", "memory"),
        ("(module (func (struct.get 0 $a)))", "E0175", "$a", "field"),
        ("(module (type (func)) (func (struct.get 0 $a)))", "E0175", "$a", "field"),
        ("(module (func (ref.test 0)))", "E0174", "0)", "a reference type"),
        ("(module (table 1 anyfunc))", "E0174", "anyfunc", "a reference type"),
        ("(module (table funcref))", "E0174", "))$", "`(elem ...)`"),
        ("(module (table (ref func) 0))", "E0174", "0))", "`(elem ...)`"),
        ("(module (global i8 (i32.const 0)))", "E0174", "i8", "a value type"),
        ("(module (elem func 0 foo))", "E0174", "foo", "function"),
        ("(module (elem (i32.const 0) (ref func) 0))", "E0174", "0))", "a folded instruction"),
        ('(module (data "a" 1))', "E0174", "1))", "`)`"),
        ('(module (export "a" (fun 0)))', "E0174", "fun", "`func`"),
        ('(module (import "a" (func)))', "E0174", "(func", "a name"),
        ('(module (import "a" "b" (type 0)))', "E0174", "type", "`func`"),
        ('(module (import "a" "b" (func) (func)))', "E0174", "(func)))", "`)`"),
        ('(module (export "a\\ff" (func 0)))', "E0170", '"a', "UTF-8"),
        ('(module (func) (import "a" "b" (func)))', "E0182", "import", "before all definitions"),
        ('(module (memory 1) (func (import "a" "b")))', "E0182", "import", "before"),
        ("(module (start 0) (start 0))", "E0183", "start 0))", "at most one"),
        ("(module (type (func)) (func (type 0) (param i32)))", "E0180", "(type 0)", "[i32]"),
        ("(module (type (struct)) (func (type 0) (param i32)))", "E0180", "(type 0)", "(struct)"),
        ("(module (func (type 3) (result i32)))", "E0180", "(type 3)", "index 3"),
        ("(module (func (try_table (catch $e 0))))", "E0175", "$e", "tag"),
        ('(module (func) (@name "x"))', "E0181", "(@name", "right behind"),
        ('(module (func (@custom "x")))', "E0181", "(@custom", "between the fields"),
        ('(module (func (@name "a") (@name "b")))', "E0181", '"b"', "at most one"),
        ("(module (@custom 4))", "E0181", "4", "the section's name"),
        ('(module (@custom "x" (aft type)))', "E0181", "aft", "`before` or `after`"),
        ('(module (@custom "x" (after types)))', "E0181", "types", "`first`"),
        ('(module (@custom "x" here))', "E0181", "here", "a string"),
        ("(module (@plumbob.data_count 1))", "E0181", "1)", "`)`"),
        ('(module (@metadata.code.branch_hint "\\01"))', "E0181", "(@m", "an instruction"),
        ('(module (func (@metadata.code.branch_hint "\\02") if end))', "E0181", ") if", "likely"),
    ],
)
def test_malformed(text: str, code: str, at: str, said: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_text(text, "t.wat", features=f.ALL)
    error = caught.value
    assert error.code == code
    assert said in str(error)
    assert error.span is not None
    place = text.rindex(at.removesuffix("$")) if at.endswith("$") else text.index(at)
    assert error.span.start == place, text[error.span.start :]
    assert str(error).startswith(f"t.wat:1:{place + 1}: ")


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("(func (param v128))", f.SIMD),
        ("(func (param externref))", f.REFERENCE_TYPES),
        ("(func (param funcref))", f.REFERENCE_TYPES),
        ("(func (param (ref func)))", f.FUNCTION_REFERENCES),
        ("(func (param anyref))", f.GC),
        ("(func (param exnref))", f.EXCEPTIONS),
        ("(func (ref.null any) drop)", f.GC),
        ("(type (struct))", f.GC),
        ("(type (array i32))", f.GC),
        ("(type (sub (func)))", f.GC),
        ("(rec (type (func)))", f.GC),
        ("(memory i64 1)", f.MEMORY64),
        ("(memory 0x1_0000_0000)", f.MEMORY64),
        ("(table i64 1 funcref)", f.MEMORY64),
        ("(memory 1 1 shared)", f.THREADS),
        ("(memory 1 (pagesize 1))", f.CUSTOM_PAGE_SIZES),
        ('(data "")', f.BULK_MEMORY),
        ("(elem func)", f.BULK_MEMORY),
        ("(table 1 funcref (ref.null func))", f.FUNCTION_REFERENCES),
        ("(func (select (result i32)))", f.REFERENCE_TYPES),
    ],
)
def test_forms_of_features(text: str, feature: int) -> None:
    assert parse_text(text, features=f.ALL) is not None
    with pytest.raises(MalformedError) as caught:
        parse_text(text, features=f.close(f.ALL & ~feature))
    if "0x1" in text:
        assert "out of range" in str(caught.value)
    else:
        assert caught.value.code == "E0260"
        assert any(name in str(caught.value) for name, flag in f.NAMES.items() if flag & feature)


def test_tags_come_with_either_kind_of_exceptions() -> None:
    for feature in (f.EXCEPTIONS | f.REFERENCE_TYPES, f.LEGACY_EXCEPTIONS):
        assert parse_text("(tag)", features=feature).tags
    with pytest.raises(MalformedError, match="exceptions"):
        parse_text("(tag)", features=f.ALL & ~f.EXCEPTIONS & ~f.LEGACY_EXCEPTIONS)


def test_tables_of_functions_need_no_reference_types() -> None:
    assert parse_text("(table 1 funcref) (elem (i32.const 0) 0)", features=f.MVP).tables


@pytest.mark.parametrize("operator", [item for item in TABLE if item.feature], ids=lambda o: o.name)
def test_operators_of_features(operator: object) -> None:
    mnemonic, feature = operator.mnemonic, operator.feature  # type: ignore[attr-defined]
    with pytest.raises(MalformedError) as caught:
        parse_text(f"(module (func {mnemonic} (result i32)))", features=f.ALL & ~feature)
    assert caught.value.code == "E0260"


WORDS = st.sampled_from(
    '( ) ( ) ( ) module func type param result local i32 $a 0 1 "x" i32.const i32.add local.get '
    "block loop if then else end br br_table call call_indirect memory table elem data offset item "
    "funcref (@name (@custom export import global mut rec sub struct field ref null drop select "
    "try do catch delegate try_table catch_all i32.load offset=1 align=2 v128.const i8x16 nan:0x1 "
    "start tag memory.init table.copy ref.test br_on_cast".split()
)


@given(st.lists(WORDS, max_size=40).map(" ".join))
@settings(max_examples=400)
def test_any_words_parse_or_are_malformed(text: str) -> None:
    try:
        module = parse_text(f"(module {text})", features=f.ALL)
    except MalformedError as error:
        fault = error
    else:
        assert parse_text(print_text(module), features=f.ALL) == module
        return
    assert fault.span is not None
