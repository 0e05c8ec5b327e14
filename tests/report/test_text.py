"""What the page about a diagnostic says."""

from __future__ import annotations

import pytest

from plumbob.report.text import render
from plumbob.source import Source, Span
from plumbob.wasm.text import parse_text
from plumbob.wasm.valid.diagnostics import Diagnostic, Frame, Operand, Report
from plumbob.wasm.valid.validate import validate

ADD = "(module (func (param i32) (result i32) local.get 0 i32.add))\n"

EXPLAINED = """\
error[E0202]: `i32.add` takes 2 operands of types [i32 i32], but the stack of
              the function holds 1 value
  --> add.wat:1:52  in function 0, the module is invalid
  │
1 │ (module (func (param i32) (result i32) local.get 0 i32.add))
  │                                                    ^^^^^^^ takes [i32 i32]
  │                                        ----------- pushes i32
  │
note: the operand stack at this point, the top last:
       i32.add takes  found    pushed by
    ✗  i32            nothing  the stack ends here
       i32            i32      local.get 0 at 1:40
help: push what is missing before it
rule: The operator takes more operands than the enclosing block has pushed. A
      block cannot reach the operands below it, except for its own parameters.\
"""


def explain(text: str, name: str = "x.wat", width: int = 80, **options: str) -> str:
    """The page about a module in text."""
    report = validate(parse_text(text, name), **options)  # type: ignore[arg-type]
    return render(report, width=width).plain()


def page(diagnostic: Diagnostic, **options: object) -> str:
    return render(Report("x.wasm", "invalid", [diagnostic]), **options).plain()  # type: ignore[arg-type]


def test_a_student_understands_the_missing_operand() -> None:
    assert explain(ADD, "add.wat") == EXPLAINED


def test_the_wrong_operand_is_marked_and_traced() -> None:
    text = explain("(module (func (param $x i64)\n local.get $x\n i32.const 7\n i32.add\n drop))")
    rows = [line for line in text.split("\n") if line.startswith("    ✗")]
    assert len(rows) == 1
    assert "i64" in rows[0]
    assert rows[0].endswith("at 2:2")
    assert "pushes i64" in text


def test_values_left_over_are_marked() -> None:
    text = explain("(module (func (result i32) i32.const 1 i32.const 2))")
    assert "must be left" in text
    assert "    ✗  -             i32    i32.const" in text


def test_every_culprit_is_marked_in_the_table_and_underlined() -> None:
    both = explain("(module (func (param i64 i64) local.get 0 local.get 1 i32.sub drop))")
    assert both.count("    ✗  i32            i64") == 2
    over = explain("(module (func (result i32) i32.const 1 i32.const 2))")
    lines = over.split("\n")
    (code,) = (line for line in lines if line.startswith("1 │"))
    (row,) = (line for line in lines if line.startswith("    ✗"))
    assert row.endswith(f"at 1:{code.index('i32.const 1') - 3}")
    assert f"{' ' * (code.index('i32.const 1') - 4)}----------- pushes i32" in over


def test_underlines_are_few_where_much_is_left_over() -> None:
    text = explain(f"(module (func {'i32.const 1 ' * 50}))")
    assert text.count("pushes i32") == 6


def test_the_result_of_a_block_that_is_missing() -> None:
    text = explain("(module (func (result i32)))")
    assert "must leave [i32]" in text
    assert "✗  i32           nothing" in text


def test_enclosing_blocks_and_their_labels() -> None:
    text = explain(
        "(module (func $f\n (block $b (result i64)\n  (loop $l (i32.add))\n  i64.const 0)\n drop))"
    )
    assert "the enclosing blocks, the innermost last" in text
    at = text.index("a branch takes")
    rows = [line.split()[:2] for line in text[at:].split("\n")[1:4]]
    assert rows == [["2", "function"], ["1", "block"], ["0", "loop"]]


def test_dead_code_is_named() -> None:
    text = explain("(module (func (result i32) unreachable\n i64.const 1\n i32.add))")
    assert "this code is never reached" in text
    assert "`unreachable` at 1:28" in " ".join(text.split())
    assert "any" in text
    assert "nothing" not in text


def test_a_fault_that_is_not_on_the_stack_shows_no_stack() -> None:
    text = explain("(module (func i32.const 1 (drop (local.get 5)) drop))")
    assert "E0205" in text
    assert "operand stack" not in text


def test_a_deep_stack_is_cut() -> None:
    text = explain(f"(module (func {'i32.const 1 ' * 100} f64.const 0 i32.add))")
    assert "more, then" in text
    assert len(text.split("\n")) < 40


def test_deep_nesting_is_cut() -> None:
    text = explain(f"(module (func {'block ' * 100} i32.add {'end ' * 100}))")
    assert "94 more outside" not in text.split("label")[0]
    assert "more outside" in text
    assert len(text.split("\n")) < 40


def test_operands_out_of_reach_are_counted() -> None:
    text = explain("(module (func i32.const 1 block i32.eqz drop end drop))")
    assert "1 operand of enclosing blocks, which this block cannot reach" in text


def test_each_faulty_function_is_explained_once() -> None:
    text = explain("(module (func i32.add i32.add) (func) (func f32.neg))")
    assert text.count("error[") == 2


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_prose_and_source_fit_the_width(width: int) -> None:
    text = explain(f"(module (func {'nop ' * 100} i32.add {'nop ' * 100}))", width=width)
    tables = [line for line in text.split("\n") if line.startswith("    ")]
    others = [line for line in text.split("\n") if line not in tables]
    assert all(len(line) <= width for line in others if "-->" not in line)


def test_a_hostile_name_cannot_forge_a_line() -> None:
    text = page(Diagnostic("E0201", "m", function=1, function_name="f\n\x1b[2Jerror[E9999]: lie"))
    assert "\x1b" not in text
    assert "\nerror[E9999]" not in text


def test_a_name_of_a_page_is_cut() -> None:
    assert "…" in page(Diagnostic("E0201", "m", function=1, function_name="f" * 5000))


def test_an_unknown_code_is_no_reason_to_fail() -> None:
    assert "error[E0999]: odd" in page(Diagnostic("E0999", "odd", offset=3), data=b"abcdef")


def test_a_warning_leaves_the_verdict() -> None:
    text = page(Diagnostic("E0100", "odd", severity="warning", section="name"))
    assert text.startswith("warning[E0100]: odd")
    assert "the module is" not in text


def test_expected_and_found_stand_once() -> None:
    source = Source("x.wat", "(modul)")
    diagnostic = Diagnostic(
        "E0100", "m", verdict="malformed", span=Span(source, 1, 6), expected="module", found="modul"
    )
    assert page(diagnostic).count("expected module, found modul") == 1
    assert "expected  module" not in page(diagnostic)


def test_a_long_expectation_goes_below_the_excerpt() -> None:
    source = Source("x.wat", "(modul)")
    diagnostic = Diagnostic("E0100", "m", span=Span(source, 1, 6), expected="x" * 60, found="y")
    assert f"    expected  {'x' * 60}" in page(diagnostic)


def test_parts_of_a_diagnostic_are_optional() -> None:
    frame = Frame("block", None, (), (), 0)
    stack = (Operand("i32"), Operand("i64", None, "nop"))
    text = page(
        Diagnostic("E0201", "m", expected_stack=("i32",), stack=stack, frames=(frame, frame))
    )
    assert "nop" in text


def test_lines_before_the_fault_are_those_of_its_function() -> None:
    text = explain("(module\n(func nop)\n(func\n nop\n nop\n nop\n i32.eqz drop))")
    assert [line[0] for line in text.split("\n") if line[:1].isdigit()] == ["5", "6", "7"]
    text = explain("(module\n(func nop)\n(func i32.eqz drop))")
    assert [line[0] for line in text.split("\n") if line[:1].isdigit()] == ["3"]
