"""What stands in for imports that nobody gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from plumbob.api import (
    Func,
    Instance,
    LimitError,
    LinkError,
    Memory,
    Module,
    Store,
    StoreLimits,
    Table,
    Tag,
    ThrownError,
    Trap,
    function_type,
)
from plumbob.cli.run import command
from plumbob.errors import UsageError
from plumbob.wasm.features import ALL

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = """(module
  (type $pair (struct (field i32)))
  (import "env" "none" (func $none (param i32)))
  (import "env" "many" (func $many (result i32 i64 f32 f64 v128 externref (ref null $pair))))
  (import "env" "i" (global $i i32))
  (import "env" "m" (global $m (mut f64)))
  (import "env" "v" (global $v v128))
  (import "env" "r" (global $r (ref null $pair)))
  (import "env" "memory" (memory 2 4))
  (import "env" "wide" (memory i64 1))
  (import "env" "table" (table 3 5 (ref null $pair)))
  (import "env" "tag" (tag $tag (param i32)))
  (func (export "many") (result i32 i64 f32 f64 v128 externref (ref null $pair)) (call $many))
  (func (export "none") (call $none (i32.const 1)))
  (func (export "throw") (throw $tag (i32.const 5)))
  (func (export "set") (result f64) (global.set $m (f64.const 2)) (global.get $m))
  (export "i" (global $i)) (export "v" (global $v)) (export "r" (global $r))
  (export "memory" (memory 0)) (export "wide" (memory 1)) (export "table" (table 0))
  (export "tag" (tag $tag)))"""

ZEROS = (0, 0, 0.0, 0.0, bytes(16), None, None)


def test_every_kind_of_import_has_a_default() -> None:
    exports = Instance(Module.from_text(EVERYTHING), unknown_imports="default").exports
    assert exports["none"]() is None
    assert exports["many"]() == ZEROS
    assert (exports["i"].value, exports["v"].value, exports["r"].value) == (0, bytes(16), None)
    assert exports["set"]() == 2.0
    assert (exports["memory"].size, exports["memory"].type.limits.maximum) == (2, 4)
    assert exports["wide"].type.limits.is64
    assert list(exports["table"]) == [None] * 3
    with pytest.raises(ThrownError, match="'tag'") as error:
        exports["throw"]()
    assert error.value.tag == exports["tag"]


def test_functions_may_trap_instead_and_nothing_else_does() -> None:
    exports = Instance(Module.from_text(EVERYTHING), unknown_imports="trap").exports
    for name in ("none", "many"):
        with pytest.raises(Trap, match=f"unknown import: `env` `{name}` was called"):
            exports[name]()
    assert exports["set"]() == 2.0


def test_what_is_given_is_taken_first() -> None:
    store = Store()
    memory = Memory.new(store, 3, 4)
    given = {"none": print, "memory": memory, "i": 7}
    module = Module.from_text(EVERYTHING)
    exports = Instance(module, {"env": given}, store, unknown_imports="default").exports
    assert exports["memory"] == memory
    assert exports["i"].value == 7
    with pytest.raises(LinkError, match="incompatible import type"):
        Instance(module, {"env": {"tag": Tag.new(store)}}, store, unknown_imports="default")


NO_DEFAULT = {
    "(func (result (ref extern)))": "a func [] -> [(ref extern)], which must not be null",
    "(global (ref func))": "(global (ref func)), which must not be null",
    "(global (mut (ref any)))": "(global (mut (ref any))), which must not be null",
    "(table 1 (ref func))": "(table 1 (ref func)), which must not be null",
}


@pytest.mark.parametrize("kind", NO_DEFAULT)
def test_what_has_no_default_is_told(kind: str) -> None:
    module = Module.from_text(f'(module (import "env" "it" {kind}))')
    with pytest.raises(LinkError, match="unknown import, and no default for it") as error:
        Instance(module, unknown_imports="default")
    assert error.value.expected is not None
    assert error.value.expected.endswith("`env` `it`")
    assert error.value.found == NO_DEFAULT[kind]


def test_a_function_that_would_trap_needs_no_result() -> None:
    module = Module.from_text(
        """(module (import "env" "f" (func $f (result (ref extern))))
          (func (export "f") (drop (call $f))))"""
    )
    with pytest.raises(Trap, match="`env` `f` was called"):
        Instance(module, unknown_imports="trap").exports["f"]()


def test_defaults_keep_to_the_stores_limits() -> None:
    for kind in ("(memory 2)", "(table 2 funcref)"):
        module = Module.from_text(f'(module (import "env" "it" {kind}))')
        store = Store(StoreLimits(memory=65536, table_elements=1))
        with pytest.raises(LimitError):
            Instance(module, None, store, unknown_imports="default")


def test_a_shared_memory_and_one_of_other_pages() -> None:
    text = """(module (import "env" "a" (memory 1 2 shared))
      (import "env" "b" (memory 3 (pagesize 1)))
      (export "a" (memory 0)) (export "b" (memory 1)))"""
    exports = Instance(Module.from_text(text, features=ALL), unknown_imports="default").exports
    assert exports["a"].type.shared
    assert (exports["b"].size, len(exports["b"])) == (3, 3)


def test_the_policy_is_one_of_three() -> None:
    with pytest.raises(UsageError, match="unknown_imports: expected 'error' or 'trap' or 'def"):
        Instance(Module.from_text("(module)"), unknown_imports="perhaps")
    with pytest.raises(LinkError, match="unknown import: expected a func"):
        Instance(Module.from_text(EVERYTHING), unknown_imports="error")


@pytest.mark.parametrize(
    ("policy", "name", "output"),
    [
        ("default", "many", f"0\n0\n0\n0\n0x{0:032x}\nnull\nnull\n"),
        ("default", "set", "2\n"),
        ("trap", "set", "2\n"),
    ],
)
def test_the_command_does_the_same(tmp_path: Path, policy: str, name: str, output: str) -> None:
    path = tmp_path / "all.wat"
    path.write_text(EVERYTHING)
    words = [str(path), "--unknown-imports", policy, "--invoke", name]
    assert CliRunner().invoke(command, words, standalone_mode=False).output == output


def test_the_command_names_what_has_no_default(tmp_path: Path) -> None:
    path = tmp_path / "none.wat"
    path.write_text('(module (import "env" "it" (global (ref func))) (func (export "f")))')
    words = [str(path), "--unknown-imports", "default", "--invoke", "f"]
    error = CliRunner().invoke(command, words, standalone_mode=False).exception
    assert "no default" in str(error)


def use(*given: Any) -> None:
    """Nothing: a callable of any arity."""


def test_views_of_every_kind_may_be_given_for_what_they_are() -> None:
    store = Store()
    given = {
        "none": Func.from_callable(store, function_type(["i32"]), use),
        "table": Table.new(store, "anyref", 3, 5),
    }
    module = Module.from_text(EVERYTHING)
    with pytest.raises(LinkError, match=r"found \(table 3 5 anyref\)"):
        Instance(module, {"env": given}, store, unknown_imports="default")
