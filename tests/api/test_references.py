"""References at the border: numbers that are i31, the host's objects, whose store they are."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.api import (
    Array,
    ExnRef,
    Func,
    Global,
    Instance,
    LinkError,
    Memory,
    Module,
    Store,
    Struct,
    Table,
    Tag,
    ThrownError,
    Trap,
    function_type,
)
from plumbob.errors import UsageError

TEXT = """(module
  (type $pair (struct (field (mut i32)) (field (mut anyref))))
  (type $items (array (mut i16)))
  (tag $tag (export "tag") (param i32 externref))
  (func (export "i31") (param i32) (result externref)
    (extern.convert_any (ref.i31 (local.get 0))))
  (func (export "number") (param externref) (result i32)
    (i31.get_s (ref.cast (ref i31) (any.convert_extern (local.get 0)))))
  (func (export "is_i31") (param externref) (result i32)
    (ref.test (ref i31) (any.convert_extern (local.get 0))))
  (func (export "any_is_i31") (param anyref) (result i32) (ref.test (ref i31) (local.get 0)))
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "eq") (param eqref) (result eqref) (local.get 0))
  (func (export "i31ref") (param i31ref) (result i31ref) (local.get 0))
  (func (export "round") (param externref) (result externref)
    (extern.convert_any (any.convert_extern (local.get 0))))
  (func (export "inside") (param externref) (result anyref) (any.convert_extern (local.get 0)))
  (func (export "outside") (param anyref) (result externref)
    (extern.convert_any (local.get 0)))
  (func (export "pair") (result (ref $pair)) (struct.new_default $pair))
  (func (export "items") (param i32) (result (ref $items))
    (array.new_default $items (local.get 0)))
  (func (export "caught") (param i32 externref) (result exnref)
    (block $h (result exnref)
      (try_table (catch_all_ref $h) (throw $tag (local.get 0) (local.get 1))) (unreachable)))
  (func (export "rethrow") (param exnref) (throw_ref (local.get 0)))
  (func (export "typed") (param (ref null $pair)) (result (ref null $pair)) (local.get 0))
  (func (export "fn") (param funcref) (result funcref) (local.get 0)))"""

MODULE = Module.from_text(TEXT)
LEAST, MOST = -(1 << 30), (1 << 30) - 1


class Number(enum.IntEnum):
    """An int, and not quite."""

    ONE = 1


@pytest.fixture(scope="module")
def guest() -> Any:
    return Instance(MODULE).exports


def test_an_i31_seen_from_outside_is_its_number(guest: Any) -> None:
    for number in (-5, 0, LEAST, MOST):
        assert guest["i31"](number) == number
        assert type(guest["i31"](number)) is int


@given(st.integers(LEAST, MOST))
def test_a_number_given_as_externref_is_an_i31_inside(guest: Any, number: int) -> None:
    assert guest["number"](number) == number
    for name in ("extern", "any", "round", "inside", "outside", "eq", "i31ref"):
        assert guest[name](number) == number


@given(
    st.one_of(
        st.booleans(), st.floats(allow_nan=False), st.text(), st.binary(), st.just(Number.ONE),
        st.integers(max_value=LEAST - 1), st.integers(min_value=MOST + 1),
    )
)  # fmt: skip
def test_every_other_object_stays_the_hosts_own(guest: Any, thing: Any) -> None:
    assert guest["is_i31"](thing) == guest["any_is_i31"](thing) == 0
    for name in ("extern", "any", "round", "inside", "outside"):
        assert guest[name](thing) is thing


@pytest.mark.parametrize("number", [MOST + 1, (1 << 31) - 1])
def test_where_only_an_i31_can_be_meant_it_may_be_unsigned(guest: Any, number: int) -> None:
    assert guest["eq"](number) == guest["i31ref"](number) == number - (1 << 31)


@pytest.mark.parametrize("thing", [True, LEAST - 1, 1 << 31, 1.0, "x", object()])
def test_what_no_i31_can_be_is_refused(guest: Any, thing: Any) -> None:
    for name in ("eq", "i31ref"):
        with pytest.raises(UsageError, match=rf"the arguments of the function '{name}', value 1"):
            guest[name](thing)


def test_objects_of_the_guest_go_out_and_in_by_both_ways(guest: Any) -> None:
    for thing in (guest["pair"](), guest["items"](100)):
        for name in ("extern", "any", "round", "inside", "outside", "eq"):
            assert guest[name](thing) == thing
            assert hash(guest[name](thing)) == hash(thing)


def test_an_exception_is_an_object_with_tag_and_values(guest: Any) -> None:
    thing = object()
    exception = guest["caught"](-7, thing)
    assert isinstance(exception, ExnRef)
    assert exception.tag == guest["tag"]
    assert exception.values == (-7, thing)
    with pytest.raises(ThrownError) as error:
        guest["rethrow"](exception)
    assert (error.value.tag, error.value.values) == (guest["tag"], (-7, thing))
    with pytest.raises(Trap, match="null exception reference"):
        guest["rethrow"](None)


# Other stores


def test_objects_of_another_store_are_refused_wherever_they_go(guest: Any) -> None:
    other = Instance(MODULE).exports
    store = guest["fn"].store
    exception, pair, items = other["caught"](1, None), other["pair"](), other["items"](1)
    ways: list[tuple[str, Any]] = [
        ("rethrow", exception), ("extern", pair), ("any", items), ("typed", pair), ("eq", items),
        ("fn", other["fn"]), ("outside", pair),
    ]  # fmt: skip
    for name, thing in ways:
        with pytest.raises(UsageError, match=r"value 1: .*of the same store, found another"):
            guest[name](thing)
    mine = guest["pair"]()
    table = Table.new(store, "anyref", 1)
    cell = Global.new(store, "externref", None, mutable=True)
    refused = pytest.raises(UsageError, match="a Struct of the same store, found another store's")
    with refused:
        mine[1] = pair
    with refused:
        table[0] = pair
    with refused:
        table.grow(1, pair)
    with refused:
        cell.value = pair
    with refused:
        Table.new(store, "anyref", 1, initial=pair)
    assert (mine[1], list(table), cell.value) == (None, [None], None)


def test_a_host_function_gives_and_throws_what_is_its_stores() -> None:
    store = Store()
    other = Instance(MODULE).exports
    answers: list[Any] = [other["pair"](), other["items"](3)]
    give = Func.from_callable(store, function_type([], ["externref"]), answers.pop)
    for kind in ("Array", "Struct"):
        with pytest.raises(UsageError, match=f"the results of .*a {kind} of the same store"):
            give()

    def throw() -> None:
        raise ThrownError(tags.pop(), (1, None))

    mine = Tag.new(store, ["i32", "externref"], "mine")
    tags = [mine, other["tag"]]
    function = Func.from_callable(store, function_type(), throw)
    with pytest.raises(UsageError, match="host function raised: expected a Tag of the same store"):
        function()
    with pytest.raises(ThrownError, match=r"<Tag 'mine' \(tag \(param i32 externref\)\)>"):
        function()


@pytest.mark.parametrize("tag", [5, None, "tag", Tag, Memory])
def test_an_exception_needs_a_tag(tag: Any) -> None:
    with pytest.raises(UsageError, match="the tag of an exception: expected a Tag"):
        ThrownError(tag, ())


@pytest.mark.parametrize("values", [5, "ab", {1}, None])
def test_an_exception_has_a_tuple_of_values(values: Any) -> None:
    with pytest.raises(UsageError, match="the values of an exception: expected a tuple"):
        ThrownError(Tag.new(Store()), values)


# Imports


IMPORTS_GLOBAL = '(module (import "env" "g" (global {})) (export "g" (global 0)))'


@pytest.mark.parametrize("kind", ["externref", "anyref", "funcref", "exnref", "(ref null i31)"])
def test_none_is_the_null_of_an_imported_global(kind: str) -> None:
    module = Module.from_text(IMPORTS_GLOBAL.format(kind))
    assert Instance(module, {"env": {"g": None}}).exports["g"].value is None


@pytest.mark.parametrize(("kind", "value"), [("externref", "x"), ("anyref", 7), ("f32", 2)])
def test_a_value_may_be_imported_as_a_global(kind: str, value: Any) -> None:
    module = Module.from_text(IMPORTS_GLOBAL.format(kind))
    assert Instance(module, {"env": {"g": value}}).exports["g"].value == value


@pytest.mark.parametrize(
    ("kind", "value"), [("(ref extern)", None), ("i32", None), ("i32", "x"), ("funcref", 5)]
)
def test_a_wrong_value_for_a_global_names_the_import(kind: str, value: Any) -> None:
    with pytest.raises(UsageError, match=r"the import `env` `g`: expected .*, found"):
        Instance(Module.from_text(IMPORTS_GLOBAL.format(kind)), {"env": {"g": value}})


def test_a_mutable_global_is_given_as_one() -> None:
    with pytest.raises(LinkError) as error:
        Instance(Module.from_text(IMPORTS_GLOBAL.format("(mut i64)")), {"env": {"g": 5}})
    assert error.value.expected == "`env` `g` to be (global (mut i64))"
    assert error.value.found == "the value 5 (int)"


@pytest.mark.parametrize("kind", ["(func)", "(memory 1)", "(table 1 funcref)", "(tag)"])
def test_none_is_nothing_else(kind: str) -> None:
    with pytest.raises(UsageError, match="the import `env` `it`: expected a Func, Memory"):
        Instance(Module.from_text(f'(module (import "env" "it" {kind}))'), {"env": {"it": None}})


def test_types_that_a_module_defines_are_told_with_what_they_are() -> None:
    store = Store()
    text = """(module (type $a (struct (field i32))) (type $b (array (mut i8)))
      (import "env" "t" (table 1 (ref null $a))) {})"""
    has_other = Module.from_text(
        """(module (type $b (array (mut i8))) (table (export "t") 1 (ref null $b)))"""
    )
    given_ = Instance(has_other, None, store).exports
    with pytest.raises(LinkError) as error:
        Instance(Module.from_text(text.format("")), {"env": given_}, store)
    assert str(error.value.expected).endswith(" is (struct (field i32))")
    assert str(error.value.found).endswith(" is (array (mut i8))")
    assert "(table 1 (ref null " in str(error.value.found)


# Items


def test_tables_are_iterated_and_sliced() -> None:
    table = Table.new(Store(), "externref", 4, initial="a")
    table[1:3] = ["b", 5]
    assert list(table) == ["a", "b", 5, "a"]
    assert table[::-1] == ["a", 5, "b", "a"]
    assert table[2:99] == [5, "a"]
    assert list(reversed(table)) == table[::-1]
    assert 5 in table
    assert table.grow(2, None) == 4
    assert len(table) == 6


def test_arrays_are_iterated_and_sliced(guest: Any) -> None:
    array = guest["items"](4)
    array[0:2] = (-1, 2)
    assert list(array) == [-1, 2, 0, 0]
    assert array[1:] == [2, 0, 0]
    assert isinstance(array, Array)


def test_fields_are_iterated(guest: Any) -> None:
    pair = guest["pair"]()
    pair[0:2] = [3, "x"]
    assert list(pair) == [3, "x"]
    assert isinstance(pair, Struct)


@pytest.mark.parametrize("values", [[1], [1, 2, 3], 5, [1, "x"], None])
def test_a_slice_is_set_whole_or_not_at_all(guest: Any, values: Any) -> None:
    array = guest["items"](2)
    with pytest.raises(UsageError):
        array[0:2] = values
    assert list(array) == [0, 0]


@pytest.mark.parametrize("place", [2, -1, "0", 1.0, None, slice("a", 2), slice(0, 2, 0)])
def test_a_number_that_is_none_is_named(guest: Any, place: Any) -> None:
    for items in (guest["items"](2), guest["pair"](), Table.new(Store(), "funcref", 2)):
        with pytest.raises(UsageError, match=r"(element|field)s of the .*expected an? "):
            items[place]
        with pytest.raises(UsageError, match=r"(element|field)s of the .*expected an? "):
            items[place] = None


def test_every_view_says_what_it_is(guest: Any) -> None:
    store = Store()
    shown = {
        "<Memory (memory 1 2)>": Memory.new(store, 1, 2),
        "<Memory (memory i64 1 2 shared)>": Memory.new(store, 1, 2, is64=True, shared=True),
        "<Table (table 1 anyref)>": Table.new(store, "anyref", 1),
        "<Global (global (mut f32))>": Global.new(store, "f32", 1, mutable=True),
        "<Tag (tag)>": Tag.new(store),
        "<Func 'fn' [funcref] -> [funcref]>": guest["fn"],
        "<Struct (struct (mut i32) (mut anyref))>": guest["pair"](),
        "<Array (array (mut i16)) of 3>": guest["items"](3),
        "<ExnRef <Tag 'tag' (tag (param i32 externref))>>": guest["caught"](1, 2),
    }
    for text, thing in shown.items():
        assert repr(thing) == text


class Unruly:
    """An object that answers no question."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("asked")

    def __bool__(self) -> bool:
        raise RuntimeError("asked")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("asked")

    @property  # type: ignore[misc]  # that is the point
    def __class__(self) -> Any:
        raise RuntimeError("asked")


def test_an_object_of_the_hosts_is_asked_nothing(guest: Any) -> None:
    thing = Unruly()
    for name in ("extern", "any", "round", "inside", "outside"):
        assert guest[name](thing) is thing
    module = Module.from_text(IMPORTS_GLOBAL.format("externref"))
    assert Instance(module, {"env": {"g": thing}}).exports["g"].value is thing
    store = guest["fn"].store
    echo = Func.from_callable(store, function_type(["externref"], ["externref"]), lambda it: it)
    assert echo(thing) is thing
    table = Table.new(store, "externref", 1, initial=thing)
    assert table[0] is thing


class Liar(int):
    """A number that says that it is small."""

    def __index__(self) -> int:
        return 5

    def __int__(self) -> int:
        return 1 << 100

    def __le__(self, other: object) -> bool:
        return True

    __lt__ = __ge__ = __gt__ = __le__


def test_a_number_counts_for_what_it_is() -> None:
    store = Store()
    memory = Memory.new(store, 1, 2)
    table = Table.new(store, "externref", 2)
    large = Liar(1 << 40)
    uses: list[Any] = [
        lambda: Global.new(store, "i32", large), lambda: memory[large], lambda: table[large],
        lambda: memory.read(large, 1), lambda: memory.read(0, large), lambda: table.grow(large),
        lambda: memory.grow(large), lambda: Memory.new(store, large), lambda: memory[Liar(-1)],
        lambda: Table.new(store, "funcref", 0, large),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(UsageError):
            use()
    assert Global.new(store, "i64", large).value == 1 << 40
    assert Global.new(store, "i32", Liar(7)).value == 7
    assert memory[0 : Liar(3)] == bytes(3)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_slices_of_a_memory_are_those_of_bytes(content: bytes, data: st.DataObject) -> None:
    memory = Memory.new(Store(), 1)
    memory.write(65536 - len(content), content)
    model = bytearray(65536 - len(content)) + content
    place = data.draw(st.slices(65536) | st.slices(9))
    assert memory[place] == model[place]
    new = data.draw(st.binary(min_size=1, max_size=1)) * len(model[place])
    memory[place] = new
    model[slice(0, 0) if not new else place] = new
    assert bytes(memory) == model
    with pytest.raises(UsageError, match="bytes of a memory: expected"):
        memory[place] = new + b"x"
    assert len(memory) == 65536


def test_an_exception_that_the_host_raises_on_is_the_same() -> None:
    caught: list[ThrownError] = []

    def middle() -> None:
        try:
            exports["throw"]()
        except ThrownError as error:
            caught.append(error)
            raise

    exports: Any = Instance(
        Module.from_text(
            """(module (import "env" "middle" (func $middle))
              (tag $tag (param f32))
              (func (export "throw") (throw $tag (f32.const nan:0x200000)))
              (func (export "catch") (result exnref)
                (block $h (result exnref)
                  (try_table (catch_all_ref $h) (call $middle)) (unreachable))))"""
        ),
        {"env": {"middle": middle}},
    ).exports
    exception = exports["catch"]()
    assert exception == caught[0].exception
    # A signalling NaN is no value of Python's, and comes through all the same.
    assert exception.runtime.values == (0x7FA0_0000,)
    assert exception.tag == caught[0].tag
    assert ThrownError(exception.tag, (1.0,)).exception is None
