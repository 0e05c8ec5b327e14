"""The Python API: modules, instances, values both ways, and what bad use raises."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from plumbob import api
from plumbob.api import (
    Func,
    Global,
    Instance,
    InvalidModuleError,
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
from plumbob.errors import InputError, UsageError
from plumbob.wasm.binary.encode import encode

if TYPE_CHECKING:
    from pathlib import Path

ECHO = """(module
  (type $pair (struct (field $a (mut i32)) (field $b i8)))
  (type $bytes (array (mut i8)))
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "v128") (param v128) (result v128) (local.get 0))
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "i31") (param (ref null i31)) (result (ref null i31)) (local.get 0))
  (func (export "func") (param funcref) (result funcref) (local.get 0))
  (func (export "pair") (param i32 i32) (result (ref $pair))
    (struct.new $pair (local.get 0) (local.get 1)))
  (func (export "first") (param (ref null $pair)) (result i32)
    (struct.get $pair $a (local.get 0)))
  (func (export "bytes") (param i32) (result (ref $bytes))
    (array.new_default $bytes (local.get 0)))
  (func (export "two") (result i32 i64) (i32.const -1) (i64.const -2))
  (func (export "none")))"""


@pytest.fixture(scope="module")
def echo() -> Any:
    return Instance(Module.from_text(ECHO)).exports


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("i32", -1, -1),
        ("i32", 0xFFFF_FFFF, -1),
        ("i32", True, 1),
        ("i64", -(1 << 63), -(1 << 63)),
        ("i64", (1 << 64) - 2, -2),
        ("f32", 1.5, 1.5),
        ("f32", 1e300, math.inf),
        ("f32", 7, 7.0),
        ("f64", -0.25, -0.25),
        ("v128", bytes(range(16)), bytes(range(16))),
        ("extern", None, None),
        ("extern", "text", "text"),
        ("any", 5, 5),
        ("any", -5, -5),
        ("i31", (1 << 30) - 1, (1 << 30) - 1),
        ("i31", -(1 << 30), -(1 << 30)),
        ("func", None, None),
    ],
)
def test_values_go_through_a_guest(echo: Any, name: str, given: Any, expected: Any) -> None:
    assert echo[name](given) == expected


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("i32", 1 << 32, "an int of 32 bits"),
        ("i32", "1", "an int of 32 bits"),
        ("i64", 1.0, "an int of 64 bits"),
        ("f64", "x", "a float"),
        ("v128", b"short", "16 bytes"),
        ("i31", 1 << 31, "31 bits"),
        ("func", 3, "funcref"),
        ("first", 3, "(ref null 0)"),
    ],
)
def test_a_wrong_argument_is_named(echo: Any, name: str, given: Any, expected: str) -> None:
    with pytest.raises(UsageError) as error:
        echo[name](given)
    assert name in error.value.subject
    assert expected in str(error.value.expected)


def test_a_wrong_number_of_arguments_is_named(echo: Any) -> None:
    with pytest.raises(UsageError, match=r"'i32': expected 1 value \(i32\), found 2 values"):
        echo["i32"](1, 2)


def test_results_are_none_a_value_or_a_tuple(echo: Any) -> None:
    assert echo["none"]() is None
    assert echo["two"]() == (-1, -2)


def test_host_objects_keep_their_identity(echo: Any) -> None:
    thing = object()
    assert echo["extern"](thing) is thing
    assert echo["any"](thing) is thing


def test_functions_come_back_equal(echo: Any) -> None:
    function = echo["none"]
    assert echo["func"](function) == function


def test_fields_of_structures(echo: Any) -> None:
    pair = echo["pair"](-7, 300)
    assert (pair[0], pair[1], len(pair)) == (-7, 44, 2)
    pair[0] = 9
    assert echo["first"](pair) == 9
    assert echo["any"](pair) == pair
    assert echo["extern"](pair) == pair
    with pytest.raises(UsageError, match="cannot be set"):
        pair[1] = 0


def test_elements_of_arrays(echo: Any) -> None:
    array = echo["bytes"](3)
    array[1] = -1
    assert [array[i] for i in range(len(array))] == [0, -1, 0]
    with pytest.raises(UsageError):
        array[0] = 256


def test_exports_are_a_mapping_with_attributes(echo: Any) -> None:
    assert "two" in echo
    assert echo.two == echo["two"]
    with pytest.raises(AttributeError, match="there are: i32"):
        echo.missing  # noqa: B018  # looking it up is the test


# Imports

CALLER = """(module
  (import "env" "f" (func $f (param i32 f64) (result i64)))
  (import "env" "g" (global $g i64))
  (func (export "call") (result i64)
    (i64.add (call $f (i32.const -1) (f64.const 1.5)) (global.get $g))))"""


def test_a_callable_and_a_value_can_be_imported() -> None:
    seen = []

    def function(*arguments: Any) -> int:
        seen.append(arguments)
        return -3

    instance = Instance(Module.from_text(CALLER), {"env": {"f": function, "g": 10}})
    assert instance.exports["call"]() == 7
    assert seen == [(-1, 1.5)]


def test_an_error_of_a_host_function_comes_out_as_it_is() -> None:
    def fail(*_: Any) -> int:
        raise KeyError("mine")

    instance = Instance(Module.from_text(CALLER), {"env": {"f": fail, "g": 0}})
    with pytest.raises(KeyError, match="mine"):
        instance.exports["call"]()


def test_a_wrong_result_of_a_host_function_is_named() -> None:
    instance = Instance(Module.from_text(CALLER), {"env": {"f": lambda *_: "no", "g": 0}})
    with pytest.raises(UsageError, match=r"results of the host function 'f'.*64 bits"):
        instance.exports["call"]()


def test_a_trap_of_a_host_function_has_the_guests_frames() -> None:
    def trap(*_: Any) -> int:
        raise Trap("no more")

    instance = Instance(Module.from_text(CALLER), {"env": {"f": trap, "g": 0}})
    with pytest.raises(Trap, match="no more") as error:
        instance.exports["call"]()
    assert [frame.func_index for frame in error.value.frames] == [1]


@pytest.mark.parametrize(
    ("imports", "message"),
    [
        ({}, "unknown import: expected a func `env` `f`"),
        ({"env": {"f": lambda: 0}}, "unknown import: expected a global `env` `g`"),
        ({"env": {"f": 3, "g": 1}}, "the import `env` `f`"),
    ],
)
def test_missing_imports_are_named(imports: Any, message: str) -> None:
    with pytest.raises((LinkError, UsageError), match=message):
        Instance(Module.from_text(CALLER), imports)


def test_an_import_of_another_type_is_named() -> None:
    store = Store()
    wrong = Func.from_callable(store, function_type(["i32"], ["i64"]), lambda _: 0)
    with pytest.raises(LinkError) as error:
        Instance(Module.from_text(CALLER), {"env": {"f": wrong, "g": 1}}, store)
    assert "incompatible import type" in error.value.message
    assert "[i32 f64] -> [i64]" in str(error.value.expected)
    assert "[i32] -> [i64]" in str(error.value.found)


def test_an_import_of_another_store_is_refused() -> None:
    other = Func.from_callable(Store(), function_type(["i32", "f64"], ["i64"]), lambda *_: 0)
    with pytest.raises(UsageError, match="another store"):
        Instance(Module.from_text(CALLER), {"env": {"f": other, "g": 1}})


def test_a_closed_store_refuses_calls() -> None:
    instance = Instance(Module.from_text(ECHO))
    instance.store.close()
    with pytest.raises(UsageError, match="closed"):
        instance.exports["none"]()


# Memories, tables, globals, tags

SHARED = """(module
  (import "env" "memory" (memory 1 4))
  (import "env" "table" (table 2 funcref))
  (import "env" "counter" (global $n (mut i32)))
  (func $next (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (global.get $n))
  (elem declare func $next)
  (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "install") (table.set (i32.const 1) (ref.func $next))))"""


class World:
    """A guest with everything imported from the host."""

    def __init__(self) -> None:
        self.store = Store()
        self.memory = Memory.new(self.store, 1, 4)
        self.table = Table.new(self.store, "funcref", 2)
        self.counter = Global.new(self.store, "i32", 41, mutable=True)
        given = {"memory": self.memory, "table": self.table, "counter": self.counter}
        self.exports = Instance(Module.from_text(SHARED), {"env": given}, self.store).exports


@pytest.fixture
def world() -> World:
    return World()


def test_memory_is_shared_with_the_host(world: World) -> None:
    world.memory.write(8, b"\x01\x02\x03\x04")
    assert world.exports["peek"](8) == 0x04030201
    world.exports["poke"](0, -2)
    assert world.memory[0:4] == b"\xfe\xff\xff\xff"
    with world.memory.view() as view:
        view[0] = 7
    assert world.memory[0] == 7
    with pytest.raises(UsageError, match="within 65536 bytes"):
        world.memory.read(65533, 4)


def test_slices_cannot_change_a_memorys_size(world: World) -> None:
    with pytest.raises(UsageError, match="expected 4 bytes, found 8 bytes"):
        world.memory[0:4] = b"too long"
    assert len(world.memory) == 65536


def test_a_view_pins_the_memory(world: World) -> None:
    view = world.memory.view()
    assert world.exports["grow"]() == -1
    assert world.memory.grow(0) == 1
    view.release()
    assert world.exports["grow"]() == 1
    assert world.memory.size == 2
    assert world.memory.grow(2) == 2
    with pytest.raises(UsageError, match=r"cannot grow by 1 page: .*found \(memory 4 4\)"):
        world.memory.grow(1)


def test_functions_in_a_table_can_be_called(world: World) -> None:
    assert not world.table[1]
    world.exports["install"]()
    assert world.table[1]() == 42
    assert world.counter.value == 42
    world.table[0] = world.table[1]
    assert world.table[0] == world.table[1]
    assert world.table.grow(3) == 2
    for bad in (-1, 5):
        with pytest.raises(UsageError, match="less than 5"):
            world.table[bad]


def test_immutable_globals_cannot_be_set(world: World) -> None:
    constant = Global.new(world.store, "f64", 0.5)
    with pytest.raises(UsageError, match="cannot be set"):
        constant.value = 1.0
    world.counter.value = -5
    assert world.counter.value == -5


def test_exceptions_cross_both_ways() -> None:
    store = Store()
    tag = Tag.new(store, ["i32"])
    module = Module.from_text("""(module
      (import "env" "tag" (tag $t (param i32)))
      (import "env" "thrower" (func $thrower))
      (func (export "throw") (throw $t (i32.const -9)))
      (func (export "catch") (result i32)
        (block $caught (result i32)
          (try_table (catch $t $caught) (call $thrower))
          (i32.const 0))))""")

    def thrower() -> None:
        raise ThrownError(tag, (77,))

    exports = Instance(module, {"env": {"tag": tag, "thrower": thrower}}, store).exports
    assert exports["catch"]() == 77
    with pytest.raises(ThrownError) as error:
        exports["throw"]()
    assert error.value.tag == tag
    assert error.value.values == (-9,)


# Modules


def test_modules_come_from_files_in_both_formats(tmp_path: Path) -> None:
    text = tmp_path / "m.wat"
    text.write_text('(module (func (export "f") (result i32) (i32.const 4)))')
    assert Instance(Module(text)).exports["f"]() == 4
    binary = tmp_path / "m.wasm"
    binary.write_bytes(b"\0asm\x01\0\0\0")
    assert Module(str(binary)).exports == []
    with pytest.raises(InputError, match="cannot read"):
        Module(tmp_path / "missing.wasm")


@pytest.mark.parametrize("source", [b"\0asm\x02\0\0\0", b"(module (func (result i32)))", b"(mod"])
def test_bad_modules_come_with_a_report(source: bytes) -> None:
    with pytest.raises(InvalidModuleError) as error:
        Module(source)
    assert not error.value.report.ok


def test_imports_and_exports_have_types() -> None:
    module = Module.from_text(CALLER)
    assert [(item.module, item.name, item.kind) for item in module.imports] == [
        ("env", "f", "func"),
        ("env", "g", "global"),
    ]
    assert str(module.imports[0].type) == "[i32 f64] -> [i64]"
    assert [(item.name, item.kind, str(item.type)) for item in module.exports] == [
        ("call", "func", "[] -> [i64]")
    ]


def test_a_start_function_that_traps_makes_no_instance() -> None:
    with pytest.raises(Trap, match="unreachable") as error:
        Instance(Module.from_text("(module (func $boom unreachable) (start $boom))"))
    assert [frame.name for frame in error.value.frames] == ["boom"]
    assert "$boom" in error.value.backtrace()


def test_fuel_is_counted_and_can_be_added() -> None:
    store = Store(StoreLimits(fuel=1000))
    exports = Instance(Module.from_text(ECHO), None, store).exports
    exports["none"]()
    assert store.fuel is not None
    assert 900 < store.fuel < 1000
    store.add_fuel(500)
    assert store.fuel > 1400
    with pytest.raises(UsageError):
        Store().add_fuel(1)


def test_the_example_of_the_package_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """(module (import "env" "log" (func $log (param i32)))
      (func (export "add") (param i32 i32) (result i32)
        (call $log (local.get 1)) (i32.add (local.get 0) (local.get 1))))"""
    (tmp_path / "add.wasm").write_bytes(encode(Module.from_text(text).environment.module))
    monkeypatch.chdir(tmp_path)
    assert api.__doc__ is not None
    lines = [line[4:] for line in api.__doc__.splitlines() if line.startswith("    ")]
    names: dict[str, Any] = {name: getattr(api, name) for name in api.__all__}
    *statements, call = lines
    exec("\n".join(statements), names)  # noqa: S102  # our own docstring
    assert eval(call, names) == 3  # noqa: S307  # the same
    assert capsys.readouterr().out == "2\n"


def test_everything_public_says_what_it_is() -> None:
    for name in api.__all__:
        thing = getattr(api, name)
        assert thing.__doc__, name
        for key, member in vars(thing).items() if isinstance(thing, type) else ():
            if not key.startswith("_") and (callable(member) or isinstance(member, property)):
                assert member.__doc__, f"{name}.{key}"
