"""Arguments and results of `plumbob run --invoke`: what is printed can be given again."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.api import Instance, Module
from plumbob.api.externs import Func
from plumbob.cli.run import command
from plumbob.cli.run_values import arguments, data_of, text_of
from plumbob.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

MODULE = """(module
  (type $pair (struct (field i32) (field i8) (field anyref)))
  (type $items (array (mut i16)))
  (tag $oops (param i32 f64 externref))
  (tag (export "plain"))
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "v128") (param v128) (result v128) (local.get 0))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "inside") (param externref) (result anyref) (any.convert_extern (local.get 0)))
  (func (export "func") (param funcref) (result funcref) (local.get 0))
  (func (export "exn") (param exnref) (result exnref) (local.get 0))
  (func (export "needs") (param (ref func)))
  (func (export "typed") (param (ref null $pair)))
  (func (export "three") (param f32 v128 anyref) (result f32 v128 anyref)
    (local.get 0) (local.get 1) (local.get 2))
  (func (export "pair") (result anyref)
    (struct.new $pair (i32.const -1) (i32.const 300) (struct.new_default $pair)))
  (func (export "items") (result (ref $items))
    (array.new $items (i32.const -2) (i32.const 18)))
  (func (export "oops")
    (throw $oops (i32.const -3) (f64.const nan:0x123) (ref.null extern)))
  (func (export "throw") (throw 1))
  (func (export "none")))"""


@pytest.fixture(scope="module")
def instance() -> Instance:
    return Instance(Module.from_text(MODULE))


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "values.wat"
    path.write_text(MODULE)
    return str(path)


def call(path: str, *words: str) -> Result:
    return CliRunner().invoke(command, [path, "--invoke", *words], standalone_mode=False)


def texts(instance: Instance, name: str, *words: str) -> list[str]:
    """The results as text of a call with arguments as text."""
    function = instance.exports[name]
    assert isinstance(function, Func)
    results = function.invoke(arguments(function, words, instance))
    kinds = function.type.results
    return [text_of(value, kind, instance) for value, kind in zip(results, kinds, strict=True)]


@pytest.mark.parametrize(
    ("name", "given_", "printed"),
    [
        ("i32", "0xffff_ffff", "-1"),
        ("i32", "+7", "7"),
        ("i64", "-0x8000000000000000", "-9223372036854775808"),
        ("f32", "0x1p3", "8"),
        ("f32", "1_0.2_5e0_1", "102.5"),
        ("f32", "0.1", "0.1"),
        ("f32", "nan:0x200000", "nan:0x200000"),
        ("f32", "-nan", "-nan"),
        ("f64", "-0", "-0"),
        ("f64", "-inf", "-inf"),
        ("f64", "0x1.fffffffffffffp1023", "1.7976931348623157e308"),
        ("f64", "nan:0x1", "nan:0x1"),
        ("v128", "258", f"0x{258:032x}"),
        ("v128", "-1", "0x" + "f" * 32),
        ("any", "-5", "-5"),
        ("any", "0x7fff_ffff", "-1"),
        ("any", "null", "null"),
        ("extern", "-5", "-5"),
        ("inside", "9", "9"),
        ("func", "func:3", "func:3"),
        ("func", "null", "null"),
        ("exn", "null", "null"),
    ],
)
def test_an_argument_comes_back_as_it_is_printed(
    instance: Instance, name: str, given_: str, printed: str
) -> None:
    assert texts(instance, name, given_) == [printed]
    assert texts(instance, name, printed) == [printed]


FLOATS = st.integers(0, (1 << 64) - 1)


@settings(max_examples=150, deadline=None)
@given(FLOATS, st.integers(0, (1 << 128) - 1), st.integers(-(1 << 30), (1 << 30) - 1))
def test_every_value_makes_the_round(
    instance: Instance, bits: int, vector: int, number: int
) -> None:
    function = instance.exports["three"]
    kinds = function.type.results
    given_ = (bits & 0xFFFF_FFFF, vector, number & 0x7FFF_FFFF)
    words = [text_of(value, kind, instance) for value, kind in zip(given_, kinds, strict=True)]
    assert function.invoke(arguments(function, words, instance)) == given_
    double = text_of(bits, instance.exports["f64"].type.params[0], instance)
    assert arguments(instance.exports["f64"], [double], instance) == [bits]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["i32", "i64", "f32", "f64", "v128", "any", "extern", "func", "exn", "needs"]),
    st.text(max_size=12) | st.from_regex(r"[-+]?(0x)?[0-9a-f_.]{1,8}(p[-+]?[0-9]{1,4})?"),
)
def test_every_other_text_is_refused_with_its_name(
    instance: Instance, name: str, text: str
) -> None:
    function = instance.exports[name]
    try:
        (value,) = arguments(function, [text], instance)
    except UsageError as refused:
        named = all((refused.subject, refused.expected, refused.found))
        assert named, refused  # noqa: PT017  # that it is raised is one of two right answers
    else:
        printed = text_of(value, function.type.params[0], instance)
        assert arguments(function, [printed], instance) == [value]


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("i32", [" 5"], "malformed integer"),
        ("i32", ["1__0"], "malformed integer"),
        ("i32", ["1.0"], "malformed integer"),
        ("i32", ["4294967296"], "integer out of range"),
        ("f32", ["1e39"], "float out of range"),
        ("f32", ["nan:0x800000"], "NaN payload out of range"),
        ("f64", ["1 "], "malformed float"),
        ("any", ["2147483648"], "integer out of range"),
        ("any", ["x"], "null, an integer (an i31), or func:INDEX"),
        ("func", ["3"], "a value of funcref"),
        ("func", ["func:99"], "from 0 to"),
        ("func", ["func:x"], "malformed integer"),
        ("needs", ["null"], "a value of (ref func)"),
        ("typed", ["5"], "is (struct (field i32) (field i8) (field anyref))"),
        ("three", ["1"], "expected 3 arguments (f32, v128, anyref), found 1 argument"),
        ("none", ["1", "2"], "expected 0 arguments, found 2 arguments"),
    ],
)
def test_a_wrong_argument_is_named(
    instance: Instance, name: str, words: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as error:
        arguments(instance.exports[name], words, instance)
    assert message in error.value.message


def test_objects_of_the_guest_are_shown_one_level_deep(instance: Instance) -> None:
    assert texts(instance, "pair") == ["struct(-1, 44, struct(…))"]
    assert texts(instance, "items") == [f"array({'-2, ' * 16}and 2 more)"]


def test_several_results_are_a_line_each(path: str) -> None:
    printed = call(path, "three", "-2.5", "1", "-7").output
    assert printed == f"-2.5\n0x{1:032x}\n-7\n"
    assert call(path, "none").output == ""


def test_json_has_no_number_that_is_none(path: str, instance: Instance) -> None:
    def reject(word: str) -> None:
        raise AssertionError(word)

    for words, expected in (
        (("three", "nan", "1", "-7"), ["nan", f"0x{1:032x}", -7]),
        (("f64", "-inf"), ["-inf"]),
        (("f64", "nan:0x1"), ["nan:0x1"]),
        (("f32", "0.1"), [0.1]),
        (("i64", "-1"), [-1]),
        (("any", "null"), [None]),
        (("func", "func:2"), ["func:2"]),
    ):
        data = json.loads(call(path, *words, "--json").output, parse_constant=reject)
        assert data["results"] == expected
    zero = data_of(1 << 63, instance.exports["f64"].type.params[0], instance)
    assert struct.pack("<d", zero) == struct.pack("<d", -0.0)


def test_an_uncaught_exception_is_told_with_its_tag_and_values(path: str) -> None:
    told = call(path, "oops")
    assert told.return_value == 1
    assert told.output == "plumbob: uncaught exception: 'oops' with -3, nan:0x123, null\n"
    assert call(path, "throw").output == "plumbob: uncaught exception: 'plain'\n"
    data = call(path, "oops", "--json")
    assert data.return_value == 1
    assert json.loads(data.output)["exception"] == {
        "tag": "oops",
        "types": ["i32", "f64", "externref"],
        "values": [-3, "nan:0x123", None],
    }


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "x"])
def test_a_timeout_is_a_number_of_seconds(path: str, seconds: str) -> None:
    error = call(path, "none", "--timeout", seconds).exception
    assert isinstance(error, click.BadParameter)
    assert error.param is not None
    assert error.param.name == "timeout"


@pytest.mark.parametrize("words", [("none", "--fulex", "5"), ("none", "-z"), ("none", "-i")])
def test_what_is_no_number_is_an_option(path: str, words: tuple[str, ...]) -> None:
    assert "No such option" in str(call(path, *words).exception)


def test_a_file_may_be_called_like_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-5").write_text(MODULE)
    assert call("-5", "i32", "-5").output == "-5\n"
    assert "cannot read -6" in str(call("-6", "none").exception)
