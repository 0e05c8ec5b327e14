"""Translation costs what a function changes, and not its locals times its merges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from plumbob.ir.function import Function


def translated(text: str) -> Function:
    return translate_function(ModuleEnvironment(parse_text(text)), 0)


def conditions(count: int) -> str:
    """As many conditionals as locals, each of which sets another local."""
    code = " ".join(
        f"(if (local.get {place}) (then (local.set {7 * place % count} (i32.const 1))))"
        for place in range(count)
    )
    return f"(module (func (local {'i32 ' * count}) {code}))"


@pytest.mark.parametrize("count", [100, 200, 400])
def test_merges_make_values_for_what_changes_alone(count: int) -> None:
    assert len(translated(conditions(count)).value_types) <= 4 * count


def test_a_merge_that_changes_nothing_has_no_parameter() -> None:
    func = translated(
        """(module (func (param i32) (result i32) (local i32)
          (local.set 1 (i32.const 7))
          (if (local.get 0) (then (nop)) (else (nop)))
          (block (br_if 0 (local.get 0)))
          (i32.add (local.get 1) (local.get 0))))"""
    )
    own = func.block_params[func.layout[0]]
    assert sum(map(len, func.block_params)) == len(own) + len(func.signature.returns)


def test_a_loop_that_changes_a_local_has_one() -> None:
    func = translated(
        """(module (func (param i32) (result i32) (local i32)
          (loop (if (local.get 0) (then (local.set 1 (i32.const 3))))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (local.get 1)))"""
    )
    loop = func.layout[1]
    assert len(func.block_params[loop]) == 2


def test_a_definition_later_in_a_loop_reaches_its_head() -> None:
    """What is defined behind the question, and comes round by the back edge, is not missed."""
    func = translated(
        """(module (func (param i32) (result i32) (local i32 i32)
          (loop
            (if (local.get 0) (then (nop)))
            (local.set 2 (i32.add (local.get 2) (local.get 1)))
            (local.set 1 (i32.const 5))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (local.get 2)))"""
    )
    assert len(func.block_params[func.layout[1]]) == 3
