"""Arguments: words and back, and the choice of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.errors import UsageError
from plumbob.triage.check.arguments import (
    INTERESTING_FLOATS,
    INTERESTING_INTEGERS,
    Argument,
    choose,
    read_arguments,
    write,
)
from plumbob.wasm import types as t

WIDTHS = {t.I32: 32, t.I64: 64, t.F32: 32, t.F64: 64, t.V128: 128}


@pytest.mark.parametrize("type_", list(WIDTHS), ids=str)
@given(data=st.data())
def test_every_number_is_written_so_that_it_can_be_typed_again(
    type_: t.ValType, data: st.DataObject
) -> None:
    bits = data.draw(st.integers(0, (1 << WIDTHS[type_]) - 1))
    argument = Argument(str(type_), bits)
    assert read_arguments([type_], [write(argument)], "f") == (argument,)


@pytest.mark.parametrize(
    ("type_", "word", "argument"),
    [
        (t.I32, "-1", Argument("i32", 0xFFFFFFFF)),
        (t.I32, "4294967295", Argument("i32", 0xFFFFFFFF)),
        (t.I64, "0x10", Argument("i64", 16)),
        (t.F32, "nan:0x200000", Argument("f32", 0x7FA00000)),
        (t.F64, "-inf", Argument("f64", 0xFFF << 52)),
        (t.V128, "0x" + "f" * 32, Argument("v128", (1 << 128) - 1)),
        (t.EXTERNREF, "null", Argument("externref", None, "null")),
        (t.FUNCREF, "func", Argument("funcref", None, "func")),
        (t.ref(t.ANY, nullable=True), "i31:5", Argument("anyref", 5, "i31")),
        (t.ref(t.ANY, nullable=True), "i31:-1", Argument("anyref", 0x7FFFFFFF, "i31")),
        (t.ref(t.STRUCT, nullable=True), "some", Argument("structref", None, "some")),
    ],
)
def test_words_that_fit(type_: t.ValType, word: str, argument: Argument) -> None:
    assert read_arguments([type_], [word], "f") == (argument,)


@pytest.mark.parametrize(
    ("type_", "word"),
    [
        (t.I32, "4294967296"),
        (t.I32, "1.5"),
        (t.I32, ""),
        (t.F64, "one"),
        (t.V128, "-1"),
        (t.V128, "0x1" + "0" * 32),
        (t.EXTERNREF, "5"),
        (t.EXTERNREF, "i31"),
        (t.EXTERNREF, "i31:"),
        (t.EXTERNREF, "i31:2147483648"),
        (t.EXTERNREF, "null:1"),
    ],
)
def test_words_that_do_not_fit(type_: t.ValType, word: str) -> None:
    with pytest.raises(UsageError, match="an argument of 'f'"):
        read_arguments([type_], [word], "f")


def test_the_number_of_arguments_is_checked() -> None:
    with pytest.raises(UsageError, match=r"takes 2 arguments.*\(i32, i64\).*found 1"):
        read_arguments([t.I32, t.I64], ["1"], "f")


def test_a_function_without_parameters_is_called_once() -> None:
    assert choose("f", [], (), 0, 10) == [()]


def test_chosen_arguments_fit_and_differ() -> None:
    types = [t.I32, t.I64, t.F32, t.F64, t.V128, t.EXTERNREF]
    shapes = [(), (), (), (), (), ("null", "some")]
    rows = choose("f", types, shapes, 1, 20)
    assert len(rows) == len(set(rows)) == 20
    assert [argument.bits for argument in rows[0][:5]] == [0] * 5
    assert rows[0][5].shape == "null"
    assert {row[5].shape for row in rows} == {"null", "some"}
    for row in rows:
        words = [write(argument) for argument in row]
        assert read_arguments(types, words, "f") == row


def test_the_choice_depends_on_seed_and_name_alone() -> None:
    types = [t.I32, t.F64]
    assert choose("f", types, (), 7, 9) == choose("f", types, (), 7, 9)
    assert choose("f", types, (), 7, 9) != choose("f", types, (), 8, 9)
    assert choose("f", types, (), 7, 9) != choose("g", types, (), 7, 9)
    assert choose("f", types, (), 7, 9)[:4] == choose("f", types, (), 7, 4)


def test_a_parameter_of_few_values_is_not_chosen_for_ever() -> None:
    shapes = [("null",)]
    assert len(choose("f", [t.ref(t.NONE, nullable=True)], shapes, 0, 50)) == 1


@pytest.mark.parametrize("values", [*INTERESTING_INTEGERS.items(), *INTERESTING_FLOATS.items()])
def test_interesting_values_fit_and_are_all_chosen(values: tuple[int, tuple[int, ...]]) -> None:
    width, numbers = values
    assert all(0 <= number < 1 << width for number in numbers)
    assert len(set(numbers)) == len(numbers)
    is_float = values in INTERESTING_FLOATS.items()
    type_ = {32: (t.I32, t.F32), 64: (t.I64, t.F64)}[width][is_float]
    chosen = {row[0].bits for row in choose("f", [type_], (), 3, 400)}
    assert set(numbers) <= chosen
