"""Appending to a module: what is there stays, what is added is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.errors import InternalError
from plumbob.wasm import features as f
from plumbob.wasm.binary.branch_hints import SECTION as BRANCH_HINTS
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.binary.lazy import DataVector
from plumbob.wasm.edit.append import Editor, FunctionWriter
from plumbob.wasm.module import FUNC, GLOBAL, CustomSection, Module
from plumbob.wasm.names import names_of
from plumbob.wasm.sections import EXPORT
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.types import (
    F32,
    FUNCREF,
    I32,
    I64,
    ArrayType,
    FieldType,
    FuncType,
    concrete,
    ref,
)
from plumbob.wasm.valid.custom_sections import check_custom_sections
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
(module $m
  (type $v (func))
  (type $open (sub (func (param i32))))
  (rec (type $one (func (param i64))))
  (rec (type $left (func (param f32))) (type $right (func (param f64))))
  (import "m" "f" (func $in (type $v)))
  (import "m" "g" (global $g i32))
  (memory $mem 1)
  (global $h (mut i32) (i32.const 1))
  (export "f" (func $f))
  (start $f)
  (func $f (type $v) (local $x i32)
    (@metadata.code.branch_hint "\\01") (if (local.get $x) (then (call $in)))
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)))
  (data $d "xyz")
  (data (i32.const 0) "abc"))
"""


def module(text: str = TEXT) -> Module:
    """A decoded module, so that its vectors are lazy and its names are a section."""
    return decode(encode(parse_text(text, features=f.ALL)), features=f.ALL)


def appended(old: Module) -> Module:
    """The module with one of each kind appended."""
    editor = Editor(old)
    held = editor.add_global(I64, FunctionWriter().i64(-1).body()[1:], mutable=True)
    writer = FunctionWriter((I32,))
    writer.op("global.get", held).op("drop").get(0)
    function = editor.add_function(editor.func_type((I32,), (I32,)), writer.body())
    editor.export(editor.fresh_name("f"), FUNC, function)
    editor.export("held", GLOBAL, held)
    return editor.finish()


def test_what_is_there_stays() -> None:
    old = module()
    before = encode(old)
    new = appended(old)
    assert encode(old) == before
    assert validate(new, features=f.ALL).ok
    assert list(new.functions)[:1] == list(old.functions)
    assert list(new.code)[:1] == list(old.code)
    assert new.globals[:1] == old.globals
    assert list(new.exports)[:1] == list(old.exports)
    assert (new.start, new.data_count, new.datas) == (old.start, old.data_count, old.datas)
    assert new.rec_groups[: len(old.rec_groups)] == old.rec_groups
    assert [item.name for item in new.exports] == ["f", "f:2", "held"]
    assert decode(encode(new), features=f.ALL) == new


def test_names_and_branch_hints_stay_right() -> None:
    new = decode(encode(appended(module())), features=f.ALL)
    assert check_custom_sections(new) == []
    names = names_of(new)
    assert names.direct["func"] == {0: "in", 1: "f"}
    assert names.direct["memory"] == {0: "mem"}
    assert [custom.name for custom in new.customs] == [BRANCH_HINTS, "name"]


def test_a_name_section_stays_behind_new_sections() -> None:
    old = module('(module $m (import "m" "f" (func $in)) (export "f" (func $in)))')
    assert [custom.after for custom in old.customs] == [EXPORT]
    old.customs.insert(0, CustomSection("other", b"", EXPORT))
    new = decode(encode(appended(old)))
    assert [custom.name for custom in new.customs] == ["other", "name"]
    assert new.customs[0].after == EXPORT
    assert encode(new).endswith(bytes(new.customs[1].data))
    assert [custom.after for custom in old.customs] == [EXPORT, EXPORT]


def test_the_two_share_nothing_that_can_be_edited() -> None:
    old = module()
    new = appended(old)
    assert isinstance(new.datas, DataVector)
    assert new.datas.pristine
    before = encode(old)
    for items in (new.rec_groups, new.imports, new.memories, new.tables, new.tags, new.globals,
                  new.exports, new.elements, new.datas, new.customs):  # fmt: skip
        del items[:]
    assert encode(old) == before
    again = appended(old)
    del old.datas[:]
    assert len(again.datas) == 2


def test_equal_types_are_reused() -> None:
    editor = Editor(module())
    count = editor.counts["type"]
    assert editor.func_type((), ()) == 0
    assert editor.func_type((I64,), ()) == 2
    # An open type, and one of a group of two, are other types than they look.
    assert editor.func_type((I32,), ()) == count
    assert editor.func_type((F32,), ()) == count + 1
    assert editor.func_type((I32,), ()) == count
    nested = ref(concrete(editor.add_type(ArrayType(FieldType(I32, mutable=True)))))
    assert editor.add_type(FuncType((nested,), ())) == count + 3
    assert editor.counts == {"type": count + 4, "func": 2, "global": 2, "export": 1}
    assert validate(editor.finish(), features=f.ALL).ok


def test_functions_may_call_each_other() -> None:
    editor = Editor(module())
    nothing = editor.func_type((), ())
    first, second = editor.declare_function(nothing), editor.declare_function(nothing)
    editor.define(second, FunctionWriter().op("call", first).body())
    with pytest.raises(InternalError, match="function 2 was declared and never defined"):
        editor.finish()
    editor.define(first, FunctionWriter().op("call", second).body())
    assert validate(editor.finish(), features=f.ALL).ok


def test_names_of_exports_are_unique() -> None:
    editor = Editor(module())
    with pytest.raises(InternalError, match="a second export named 'f'"):
        editor.export("f", FUNC, 0)
    editor.export("f:2", FUNC, 0)
    assert editor.fresh_name("f") == "f:3"
    assert editor.fresh_name("g") == "g"


def test_functions_that_are_referenced_are_declared() -> None:
    without = f.close(f.ALL & ~f.BULK_MEMORY & ~f.FUNCTION_REFERENCES)
    editor = Editor(parse_text("(module)"))
    target = editor.add_function(editor.func_type((), ()), FunctionWriter().body())
    user = FunctionWriter().op("ref.func", target).body()
    editor.add_function(editor.func_type((), (FUNCREF,)), user)
    assert not validate(encode(editor.finish()), features=without).ok
    editor.reference(target)
    editor.reference(target)
    new = editor.finish()
    assert validate(encode(new), features=without).ok
    assert len(new.globals) == 1


def test_a_writer_counts_locals_in_runs() -> None:
    writer = FunctionWriter((I32, I64))
    assert [writer.local(type_) for type_ in (F32, F32, I32, F32)] == [2, 3, 4, 5]
    assert writer.size == 0
    body = decode_body(writer.get(5).op("drop").body())
    assert body.locals == ((2, F32), (1, I32), (1, F32))
    assert [item.operator.name for item in body.instructions] == ["local.get", "drop", "end"]


@given(st.integers(0, (1 << 64) - 1))
def test_constants_are_given_signed_or_unsigned(bits: int) -> None:
    signed = bits - (bits >> 63 << 64)
    assert FunctionWriter().i64(bits).body() == FunctionWriter().i64(signed).body()
    assert FunctionWriter().i32(bits).body() == FunctionWriter().i32(signed).body()
    body = decode_body(FunctionWriter().i64(bits).op("drop").body())
    assert body.instructions[0].immediates == (signed,)


def test_a_module_of_text_may_be_edited() -> None:
    new = appended(parse_text(TEXT, features=f.ALL))
    assert validate(new, features=f.ALL).ok
    assert names_of(decode(encode(new), features=f.ALL)).direct["func"] == {0: "in", 1: "f"}


def test_every_program_may_be_edited(suites: Path) -> None:
    programs = sorted((suites / "programs").rglob("*.wasm"))
    cores = [path for path in programs if path.read_bytes()[4:8] == b"\1\0\0\0"]
    assert cores
    for path in cores:
        old = decode(path.read_bytes(), features=f.ALL)
        new = appended(old)
        assert validate(new, features=f.ALL).ok
        assert [bytes(code.body) for code in new.code[:-1]] == [code.body for code in old.code]
