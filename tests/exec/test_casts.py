"""Casts to defined types, of everything that a reference may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, Module, Store, Trap

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode

TEXT = """(module
  (type $top (sub (struct)))
  (type $middle (sub $top (struct (field i32))))
  (type $bottom (sub $middle (struct (field i32) (field i32))))
  (type $other (sub $top (struct (field i64))))
  (type $cells (array i8))
  (type $over (sub (func)))
  (type $under (sub $over (func)))
  (elem declare func $f $g)
  (func $f (type $over))
  (func $g (type $under))
  (func $make (param i32) (result anyref)
    (block (block (block (block (block (block (block
      (br_table 0 1 2 3 4 5 6 (local.get 0)))
      (return (struct.new_default $top)))
      (return (struct.new_default $middle)))
      (return (struct.new_default $bottom)))
      (return (struct.new_default $other)))
      (return (array.new_default $cells (i32.const 2))))
      (return (ref.i31 (i32.const 3))))
    (ref.null none))
  (func (export "test") (param i32) (result i32)
    (ref.test (ref $middle) (call $make (local.get 0))))
  (func (export "test host") (param externref) (result i32)
    (ref.test (ref $middle) (any.convert_extern (local.get 0))))
  (func (export "test null") (param i32) (result i32)
    (ref.test (ref null $middle) (call $make (local.get 0))))
  (func (export "cast") (param i32)
    (drop (ref.cast (ref $middle) (call $make (local.get 0)))))
  (func (export "functions") (result i32 i32 i32 i32)
    (ref.test (ref $over) (ref.func $f)) (ref.test (ref $under) (ref.func $f))
    (ref.test (ref $over) (ref.func $g)) (ref.test (ref $under) (ref.func $g))))"""
TOP, MIDDLE, BOTTOM, OTHER, CELLS, I31, NULL = range(7)


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_a_type_and_what_is_below_it_fit(mode: Mode) -> None:
    exports: Any = Instance(Module.from_text(TEXT), None, Store(mode=mode)).exports
    for _ in range(2):
        fits = [exports["test"](kind) for kind in range(7)]
        assert fits == [0, 1, 1, 0, 0, 0, 0]
        assert [exports["test null"](kind) for kind in range(7)] == [0, 1, 1, 0, 0, 0, 1]
        assert [exports["test host"](value) for value in (object(), 5, None, "text")] == [0] * 4
        assert exports["functions"]() == (1, 0, 1, 1)
        for kind in range(7):
            if fits[kind]:
                exports["cast"](kind)
            else:
                with pytest.raises(Trap, match="cast failure"):
                    exports["cast"](kind)
