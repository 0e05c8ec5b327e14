"""Bad use of the API: every kind of import given every wrong kind, host results, stores."""

from __future__ import annotations

import array
import copy
import pickle
from typing import Any

import pytest

from plumbob.api import (
    Func,
    Global,
    Instance,
    InvalidModuleError,
    LinkError,
    Memory,
    Module,
    Store,
    Table,
    Tag,
    ThrownError,
    Trap,
    function_type,
)
from plumbob.errors import UsageError

IMPORTS = {
    "func": "(func (param i32))",
    "memory": "(memory 2)",
    "table": "(table 2 funcref)",
    "global": "(global (mut i32))",
    "tag": "(tag (param i32))",
}

FOUND = {
    Func: ("a func [] -> []", "a func [i64] -> []", "a func [i32] -> [i32]"),
    Memory: ("(memory 1)", "(memory i64 2)"),
    Table: ("(table 1 funcref)", "(table 2 externref)"),
    Global: ("(global i32)", "(global (mut i64))"),
    Tag: ("(tag)", "(tag (param i64))"),
}


def instance(text: str, imports: Any = None, store: Store | None = None) -> Any:
    return Instance(Module.from_text(text), imports, store)


def near_misses(store: Store) -> dict[str, list[Any]]:
    """Return, for each kind, objects of that kind whose types do not match IMPORTS."""
    return {
        "func": [
            Func.from_callable(store, function_type(), lambda: None),
            Func.from_callable(store, function_type(["i64"]), lambda _: None),
            Func.from_callable(store, function_type(["i32"], ["i32"]), lambda _: 0),
        ],
        "memory": [Memory.new(store, 1), Memory.new(store, 2, is64=True)],
        "table": [Table.new(store, "funcref", 1), Table.new(store, "externref", 2)],
        "global": [Global.new(store, "i32", 0), Global.new(store, "i64", 0, mutable=True)],
        "tag": [Tag.new(store), Tag.new(store, ["i64"])],
    }


@pytest.mark.parametrize("wanted", IMPORTS)
def test_every_import_refuses_every_other_kind_and_type(wanted: str) -> None:
    store = Store()
    module = Module.from_text(f'(module (import "env" "it" {IMPORTS[wanted]}))')
    for given in near_misses(store).values():
        for extern in given:
            with pytest.raises(LinkError, match="incompatible import type") as error:
                Instance(module, {"env": {"it": extern}}, store)
            text = "a func [i32] -> []" if wanted == "func" else IMPORTS[wanted]
            assert error.value.expected == f"`env` `it` to be {text}"
            assert error.value.found in FOUND[type(extern)]


@pytest.mark.parametrize("wanted", IMPORTS)
def test_every_import_that_is_missing_is_named(wanted: str) -> None:
    given: tuple[dict[str, dict[str, int]], ...] = ({}, {"env": {}}, {"other": {"it": 1}})
    for imports in given:
        with pytest.raises(LinkError, match=f"unknown import: expected a {wanted} `env` `it`"):
            instance(f'(module (import "env" "it" {IMPORTS[wanted]}))', imports)


@pytest.mark.parametrize("wanted", IMPORTS)
def test_every_import_refuses_another_stores(wanted: str) -> None:
    for extern in near_misses(Store())[wanted]:
        with pytest.raises(UsageError, match=r"`env` `it`.*same store.*another store's"):
            instance(f'(module (import "env" "it" {IMPORTS[wanted]}))', {"env": {"it": extern}})


@pytest.mark.parametrize("given", [None, 1, (1,), (1, 2, 3), "ab", (1, "x"), {1, 2}, (1 << 32, 0)])
def test_wrong_results_of_a_host_function_leave_the_instance_usable(given: Any) -> None:
    answers = [given, (1, 2)]
    exports = instance(
        """(module (import "env" "pair" (func $pair (result i32 i64)))
          (func (export "pair") (result i32 i64) (call $pair)))""",
        {"env": {"pair": lambda: answers.pop(0)}},
    ).exports
    with pytest.raises(UsageError, match="results of the host function 'pair'"):
        exports["pair"]()
    assert exports["pair"]() == (1, 2)


class EmbedderError(Exception):
    """Some error of the embedder's."""


@pytest.mark.parametrize("error", [EmbedderError, KeyboardInterrupt, SystemExit, RecursionError])
def test_errors_of_the_host_pass_every_handler_of_the_guest(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    exports = instance(
        """(module (import "env" "fail" (func $fail))
          (func (export "catch") (result i32)
            (block $caught (try_table (catch_all $caught) (call $fail)) (return (i32.const 1)))
            (i32.const 2))
          (func (export "seven") (result i32) (i32.const 7)))""",
        {"env": {"fail": fail}},
    ).exports
    for _ in range(2):
        with pytest.raises(error):
            exports["catch"]()
        assert exports["seven"]() == 7


def test_traps_pass_every_handler_of_the_guest() -> None:
    exports = instance(
        """(module (func (export "catch") (param i32) (result i32)
          (block $caught
            (try_table (catch_all $caught) (drop (i32.div_u (i32.const 1) (local.get 0))))
            (return (i32.const 1)))
          (i32.const 2)))"""
    ).exports
    with pytest.raises(Trap, match="integer divide by zero"):
        exports["catch"](0)
    assert exports["catch"](1) == 1


def test_a_host_function_may_call_back_and_catch_a_trap() -> None:
    caught = []

    def middle() -> int:
        with pytest.raises(Trap, match="unreachable") as error:
            exports["boom"]()
        caught.append(error.value.kind)
        return int(exports["seven"]())

    exports: Any = instance(
        """(module (import "env" "middle" (func $middle (result i32)))
          (func (export "boom") unreachable)
          (func (export "seven") (result i32) (i32.const 7))
          (func (export "top") (result i32) (i32.add (call $middle) (i32.const 1))))""",
        {"env": {"middle": middle}},
    ).exports
    assert exports["top"]() == 8
    assert caught == ["unreachable"]


@pytest.mark.parametrize("value", ["x", None, 1.0, 1 << 32, -(1 << 31) - 1])
def test_a_global_keeps_its_value_where_a_wrong_one_is_set(value: Any) -> None:
    counter = Global.new(Store(), "i32", 5, mutable=True)
    with pytest.raises(UsageError, match="an int of 32 bits"):
        counter.value = value
    assert counter.value == 5


def test_a_table_takes_functions_of_its_store_alone() -> None:
    table = Table.new(Store(), "funcref", 1)
    other = Func.from_callable(Store(), function_type(), lambda: None)
    with pytest.raises(UsageError, match=r"element 0.*same store"):
        table[0] = other
    with pytest.raises(UsageError, match=r"element 0.*funcref"):
        table[0] = print
    assert table[0] is None


@pytest.mark.parametrize("memory64", [False, True])
def test_a_view_pins_a_memory_until_it_is_released(memory64: bool) -> None:  # noqa: FBT001  # a parameter
    memory = Memory.new(Store(), 1, 3, is64=memory64)
    with memory.view() as view:
        with pytest.raises(UsageError, match="cannot grow"):
            memory.grow(1)
        for bad in (65536, -65537):
            with pytest.raises(IndexError):
                view[bad]
    assert memory.grow(1) == 1
    assert len(memory) == 2 << 16


@pytest.mark.parametrize("code", ["B", "H", "I", "d"])
def test_writing_a_buffer_of_wide_items_keeps_the_memorys_size(code: str) -> None:
    memory = Memory.new(Store(), 1)
    data = array.array(code, [1, 2, 3])
    memory.write(8, memoryview(data))
    assert len(memory) == 65536
    assert memory.read(8, len(data.tobytes())) == data.tobytes()
    with pytest.raises(UsageError, match="within 65536 bytes"):
        memory.write(65534, memoryview(data))


@pytest.mark.parametrize(
    ("minimum", "maximum"), [(-1, None), (5, 2), (1, 65537), (65537, None), (1.5, None), ("1", 2)]
)
def test_impossible_sizes_are_refused_and_cost_nothing(minimum: Any, maximum: Any) -> None:
    store = Store()
    before = (store.runtime.budget.memory, store.runtime.budget.table_elements)
    with pytest.raises(UsageError, match="minimum <= maximum"):
        Memory.new(store, minimum, maximum)
    if maximum is None or maximum == 2:
        wrong = 1 << 32 if minimum == 65537 else minimum
        with pytest.raises(UsageError, match="minimum <= maximum"):
            Table.new(store, "funcref", wrong, maximum)
    assert (store.runtime.budget.memory, store.runtime.budget.table_elements) == before


def test_a_shared_memory_needs_a_maximum_and_a_table_references() -> None:
    with pytest.raises(UsageError, match="expected a maximum"):
        Memory.new(Store(), 1, shared=True)
    with pytest.raises(UsageError, match="a reference type"):
        Table.new(Store(), "i32", 1, initial=0)


def test_an_initialiser_that_traps_makes_no_instance() -> None:
    with pytest.raises(Trap, match="memory limit reached"):
        instance(
            """(module (type $bytes (array i8))
              (global (ref $bytes) (array.new_default $bytes (i32.const -1))))"""
        )


def test_the_hosts_own_error_reaches_the_host_function_between() -> None:
    seen: list[type[BaseException]] = []

    def outer() -> None:
        try:
            exports["middle"]()
        except EmbedderError as error:
            seen.append(type(error))

    def inner() -> None:
        raise EmbedderError

    exports: Any = instance(
        """(module (import "env" "outer" (func $outer)) (import "env" "inner" (func $inner))
          (func (export "top") (call $outer))
          (func (export "middle") (call $inner)))""",
        {"env": {"outer": outer, "inner": inner}},
    ).exports
    exports["top"]()
    assert seen == [EmbedderError]


OBJECTS = """(module
  (type $s (struct (field i32))) (type $a (array i32))
  (tag $t (export "tag") (param i32)) (memory (export "memory") 1)
  (table (export "table") 1 funcref) (global (export "global") i32 (i32.const 1))
  (func (export "struct") (result (ref $s)) (struct.new $s (i32.const 1)))
  (func (export "array") (result (ref $a)) (array.new $a (i32.const 1) (i32.const 2)))
  (func (export "throw") (throw $t (i32.const 1)))
  (func (export "trap") unreachable))"""


def pickled(given: Any) -> Any:
    return pickle.loads(pickle.dumps(given))  # noqa: S301  # our own bytes


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
def test_what_belongs_to_a_store_is_not_copied(duplicate: Any) -> None:
    made = instance(OBJECTS)
    exports = made.exports
    with pytest.raises(ThrownError) as thrown:
        exports["throw"]()
    objects = [made, made.store, exports["struct"](), exports["array"]()]
    objects += [exports[name] for name in ("memory", "table", "global", "tag", "trap")]
    objects.append(thrown.value.exception)
    for item in objects:
        with pytest.raises(UsageError, match=f"an? {type(item).__name__} cannot be copied or pick"):
            duplicate(item)
    assert exports["struct"]()[0] == 1


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
def test_modules_and_errors_are_copied(duplicate: Any) -> None:
    module = duplicate(Module.from_text(OBJECTS))
    made: Any = Instance(module)
    with pytest.raises(Trap) as trap:
        made.exports["trap"]()
    twin = duplicate(trap.value)
    assert (twin.message, twin.code, twin.frames) == (
        "unreachable", trap.value.code, trap.value.frames,
    )  # fmt: skip
    with pytest.raises(InvalidModuleError) as invalid:
        Module.from_text("(module (func i32.add))")
    other = duplicate(invalid.value)
    assert str(other) == str(invalid.value)
    assert other.report.verdict == "invalid"


def test_an_exception_is_copied_with_its_tag() -> None:
    exports = instance(OBJECTS).exports
    with pytest.raises(ThrownError) as thrown:
        exports["throw"]()
    twin = copy.copy(thrown.value)
    assert (twin.tag, twin.values) == (exports["tag"], (1,))
    assert twin.exception is thrown.value.exception
    with pytest.raises(UsageError, match="a Tag cannot be copied or pickled"):
        pickle.dumps(thrown.value)
