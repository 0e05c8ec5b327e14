"""Bad text gives an InputError with a place, and nothing else; sizes are no obstacle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.errors import InputError, InternalError
from plumbob.ir.function import ALIAS, Function
from plumbob.ir.parser import parse_clif
from plumbob.ir.printer import print_function
from plumbob.ir.verifier import verify

if TYPE_CHECKING:
    from pathlib import Path

WORDS = (
    "function %f u0:1 ( ) { } [ ] , . : = < > -> * @ @0010 block0 block1 v0 v1 v2 v99 ss0 gv0 fn0 "
    "sig0 region0 const0 dt0 dss0 i32 i64x2 f128 i32x4xN ref ref.any iadd load.i64 store brif "
    "call try_call br_table return trap user1 heap_oob notrap big +8 -8 0x10 0x1.8p3 +NaN:0x1 "
    "ret0 exn0 tag0 default context cold align key explicit_slot vmctx symbol stack_map "
    "stack_limit iconst.i8 vconst.i8x16 shuffle f32const eq add 1_000 ; \n \n \n"
).split(" ")


def readable(text: str) -> list[Function]:
    """Parse, or fail with a place; whatever parses can be verified and printed."""
    functions: list[Function] | None
    try:
        functions = parse_clif(text)
    except InputError as error:
        span = error.span
        functions = None
    if functions is None:
        assert span is not None
        assert 0 <= span.start <= len(text)
        return []
    for func in functions:
        verify(func)
        printed = print_function(func)
        (again,) = parse_clif(printed)
        assert again.content() == func.content()
    return functions


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_random_words(words: list[str]) -> None:
    readable(" ".join(words))
    readable("function %f() {\nblock0(v0: i32):\n" + " ".join(words))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damaged_functions(samples: list[Function], data: st.DataObject) -> None:
    text = print_function(data.draw(st.sampled_from(samples)))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 6)))
        text = text[:start] + data.draw(st.sampled_from(["", *WORDS])) + text[end:]
    readable(text)


def test_cut_short(samples: list[Function]) -> None:
    for func in samples[::200]:
        text = print_function(func)
        for end in range(len(text)):
            readable(text[:end])


def test_cut_short_suites(suites: Path) -> None:
    for path in sorted((suites / "clif").glob("*/*.clif"))[::17]:
        text = path.read_text()
        text = text[text.index("\nfunction") :]
        for end in range(0, len(text), max(1, len(text) // 40)):
            readable(text[:end])


@pytest.mark.parametrize(
    "text",
    [
        "function %f() {\nblock0:\n  v1 -> v2\n  v2 -> v3\n  v3 -> v1\n  return v1\n}",
        "function %f() {\nblock0:\n  v3 -> v1\n  v1 -> v2\n  v2 -> v3\n  return v1\n}",
        "function %f() {\nblock0:\n  v1 -> v2\n  v2 -> v1\n  v3 = iadd.i32 v1, v1\n  trap user1\n}",
    ],
)
def test_cycles_of_aliases(text: str) -> None:
    with pytest.raises(InputError, match="cycle"):
        parse_clif(text)


def test_cycles_of_aliases_made_by_hand() -> None:
    (func,) = parse_clif("function %f() {\nblock0:\n v0 = iconst.i8 1\n v1 -> v0\n return v1\n}")
    for length in range(2, 9):
        start = len(func.value_kind)
        for index in range(length):
            func.new_value(ALIAS, start + (index + 1) % length, 0, None)
        for index in range(length):
            with pytest.raises(InternalError, match="cycle"):
                func.resolve(start + index)
        with pytest.raises(InternalError, match="itself"):
            func.change_to_alias(0, 1)
    assert any("alias of itself" in e.message for e in verify(func))


def timed(text: str) -> Function:
    start = time.perf_counter()
    (func,) = parse_clif(text)
    printed = print_function(func)
    verify(func)
    # No ratio to measure against here; the bound only catches quadratic behaviour.
    assert time.perf_counter() - start < 60
    assert parse_clif(printed)[0].content() == func.content()
    return func


def test_long_chains_of_aliases() -> None:
    count = 20_000
    lines = ["v1 = iconst.i32 1", *(f"v{i + 1} -> v{i}" for i in range(1, count))]
    body = "\n".join(lines)
    timed(f"function %f() -> i32 {{\nblock0:\n{body}\nreturn v{count}\n}}")
    reverse = "\n".join(lines[:0:-1])
    timed(f"function %f() -> i32 {{\nblock0:\n{reverse}\nv1 = iconst.i32 1\nreturn v{count}\n}}")


def test_many_instructions_blocks_and_operands() -> None:
    count = 10_000
    insts = "\n".join(f"v{i + 1} = iadd v{i}, v0" for i in range(count))
    timed(f"function %f(i32) {{\nblock0(v0: i32):\n{insts}\nreturn\n}}")
    blocks = "\n".join(f"block{i}:\njump block{i + 1}" for i in range(1, count))
    timed(f"function %f() {{\nblock0:\njump block1\n{blocks}\nblock{count}:\nreturn\n}}")
    values = ", ".join(f"v{i}: i32" for i in range(count))
    params = ", ".join(["i32"] * count)
    timed(f"function %f({params}) {{\nblock0({values}):\nreturn\n}}")
    table = ", ".join(["block1"] * count)
    timed(
        f"function %f(i32) {{\nblock0(v0: i32):\nbr_table v0, block1, [{table}]\n"
        "block1:\nreturn\n}"
    )


def test_huge_numbers_cost_nothing() -> None:
    (func,) = parse_clif("function %f() {\nblock900000:\n v90000 = iconst.i8 1\n return\n}")
    assert len(func.value_kind) == 90_001
    for word in ("v4000000000 = iconst.i8 1", "return v4000000000", "jump block4000000000"):
        with pytest.raises(InputError, match="too large"):
            parse_clif(f"function %f() {{\nblock0:\n {word}\n}}")
    for line in ("ss4000000000 = explicit_slot 8", "sig99999999999999999999 = ()"):
        with pytest.raises(InputError, match="too large"):
            parse_clif(f"function %f() {{\n {line}\n}}")
    # Nor do many large numbers, each of which would be fine.
    with pytest.raises(InputError, match="fewer gaps"):
        parse_clif("function %f() {\nblock0:\n v900000 = iconst.i8 1\n return\n}\n" * 3)
    with pytest.raises(InputError):
        parse_clif("function %f() {\nblock0:\n v0 = iconst.i64 0x" + "f" * 1_000_000 + "\n}")


def test_long_chains_of_global_values() -> None:
    count = 20_000
    chain = "\n".join(f"gv{i} = iadd_imm.i64 gv{i + 1}, 1" for i in range(count))
    timed(f"function %f() {{\n{chain}\ngv{count} = symbol %x\nblock0:\nreturn\n}}")
    func = timed(f"function %f() {{\n{chain}\ngv{count} = iadd_imm.i64 gv7, 1\n}}")
    (error,) = verify(func)
    assert error.entity == ("gv", 7)


def test_other_scripts_digits_are_no_digits() -> None:
    for text in ("function %f() {\nblock٣:\n}", "function %ƒ() {}", "function %f(i３2) {}"):  # noqa: RUF001  # that is the point
        with pytest.raises(InputError):
            parse_clif(text)
