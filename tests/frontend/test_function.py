"""Translations looked at: handlers, dead ends, references, locations, laziness, depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.frontend.support import module_of, require, translate

from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.ir.function import ALIAS
from plumbob.ir.high_level import COLLECTED_TYPES, REF_ANY, REF_FUNC
from plumbob.ir.printer import print_function
from plumbob.ir.verifier import verify
from plumbob.wasm import features as f
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import decode_operator
from plumbob.wasm.module import BodySequence, Code
from plumbob.wasm.type_space import TypeRegistry
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from plumbob.ir.function import Function

TAGS = "(tag $a) (tag $b) (tag $c) (func $f)"
"""The last is function 0."""


def handlers(func: Function) -> list[list[int | None]]:
    """The tags of each exception table in the order of the text; None for `default`."""
    return [
        [handler.number for handler in func.imm(inst, "handlers").handlers]
        for _, inst in func.insts()
        if "handlers" in func.inst_op[inst].format.imm_slots
    ]


def names(func: Function) -> list[str]:
    return [func.inst_op[inst].name for _, inst in func.insts()]


# Handlers


def test_clauses_stand_innermost_first_and_shadow() -> None:
    func = translate(
        f"""(module {TAGS} (func
          (block $out
            (try_table (catch $a $out) (catch $b $out)
              (try_table (catch $c $out) (catch $b $out) (catch $c $out)
                (call $f))
              (call $f)
              (try_table (catch_all $out) (catch $a $out)
                (call $f)))
            (call $f))))""",
        1,
    )
    assert handlers(func) == [[2, 1, 0], [0, 1], [None]]
    assert names(func).count("call") == 1


def test_only_clauses_that_something_leads_to_have_blocks() -> None:
    func = translate(
        f"""(module {TAGS} (func (block $out
          (try_table (catch $a $out) (catch $a $out) (catch_all $out) (call $f)))))""",
        1,
    )
    assert handlers(func) == [[0, None]]
    quiet = translate(f"(module {TAGS} (func (block $out (try_table (catch_all $out) (nop)))))", 1)
    assert names(quiet) == ["jump", "jump", "jump", "return"]


def test_a_throw_within_handlers_is_a_branch() -> None:
    func = translate(
        f"(module {TAGS} (func (block $out (try_table (catch $b $out) (throw $b)))))", 1
    )
    assert handlers(func) == [[1]]
    (throw,) = [inst for _, inst in func.insts() if func.inst_op[inst].name == "exn.try_throw"]
    normal = func.inst_targets[throw][0].block
    (trap,) = func.block_insts[normal]
    assert func.inst_op[trap].name == "trap"
    assert "exn.throw" in names(translate(f"(module {TAGS} (func (throw $b)))", 1))


def test_a_delegate_leaves_out_the_blocks_between() -> None:
    func = translate(
        f"""(module {TAGS} (func
          (try $outer
            (do
              (try
                (do
                  (try (do (call $f)) (delegate $outer))
                  (call $f))
                (catch $b)))
            (catch $a))))""",
        1,
    )
    assert handlers(func) == [[0], [1, 0]]


def test_a_delegate_to_the_function_leaves_out_all() -> None:
    func = translate(
        f"""(module {TAGS} (func
          (try (do (try (do (call $f)) (delegate 1)) (call $f)) (catch_all))))""",
        1,
    )
    assert handlers(func) == [[None]]
    assert names(func).count("call") == 1


def test_what_a_catch_does_meets_the_handlers_around_it() -> None:
    func = translate(
        f"""(module {TAGS} (func
          (try
            (do
              (try
                (do (call $f))
                (catch $a (call $f) (rethrow 0))
                (catch $b)
                (catch_all (try (do (call $f)) (delegate 0)))))
            (catch $c))))""",
        1,
    )
    assert handlers(func) == [[0, 1, None], [2], [2], [2]]


def test_a_clause_for_what_nothing_throws_is_dead() -> None:
    func = translate(
        f"(module {TAGS} (func (try (do (nop)) (catch $a (call $f)) (catch_all (call $f)))))", 1
    )
    assert "call" not in names(func)
    shadowed = translate(
        f"(module {TAGS} (func (try (do (call $f)) (catch $a) (catch $a (call $f)))))", 1
    )
    assert handlers(shadowed) == [[0]]
    assert "call" not in names(shadowed)


def test_a_tail_call_leaves_the_handlers_behind() -> None:
    func = translate(
        f"(module {TAGS} (func (block $o (try_table (catch_all $o) (return_call $f)))))", 1
    )
    assert handlers(func) == []
    assert names(func) == ["return_call"]


# The result type `unreachable`


def test_a_tail_call_of_what_never_returns() -> None:
    text = """(module
      (func $same (result unreachable) (return_call $same))
      (func $other (result i32)
        (if (result i32) (i32.const 1)
          (then (return_call $same))
          (else (i32.const 2)))))"""
    assert validate(module_of(text), features=f.ALL, dead_code="typed").ok
    assert names(translate(text, 0)) == ["return_call"]
    other = names(translate(text, 1))
    assert other[:4] == ["iconst", "brif", "call", "trap"]


# References


def test_references_that_move_are_listed_for_stack_maps() -> None:
    text = """(module
      (type $s (struct))
      (func $f (param anyref externref funcref exnref) (result anyref) (local $x anyref)
        (loop $again
          (local.set $x (struct.new $s))
          (br_if $again (ref.is_null (local.get 0))))
        (local.get $x)))"""
    func = translate(text)
    assert func.stack_map_values
    for value, ty in enumerate(func.value_types):
        if ty in COLLECTED_TYPES and func.value_kind[value] != ALIAS:
            placed = func.value_block(value) in func.layout
            assert not placed or value in func.stack_map_values
        else:
            assert value not in func.stack_map_values
    types = {func.value_type(value) for value in func.stack_map_values}
    assert REF_ANY in types
    assert REF_FUNC not in types


def test_a_local_without_a_default_is_defined_before_it_is_read() -> None:
    func = translate(
        """(module (type $t (func)) (func $f (param i32) (local $r (ref $t))
          (local.set $r (ref.func $f))
          (loop $again
            (call_ref $t (local.get $r))
            (br_if $again (local.get 0)))) (elem declare func $f))"""
    )
    assert "ref.null" not in names(func)
    require(func)


# Places


def test_locations_are_offsets_of_operators_in_the_binary() -> None:
    text = "(module (func) (func (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3))))"
    data = encode(module_of(text))
    module = decode(data, "m", features=f.ALL)
    environment = ModuleEnvironment(module)
    func = translate_function(environment, 1)
    seen = {}
    for _, inst in func.insts():
        at = func.inst_location[inst]
        seen[func.inst_op[inst].name] = decode_operator(Reader(data, at)).operator.name
    assert seen == {"iconst": "i32.const", "imul": "i32.mul", "jump": "end", "return": "end"}


# Laziness and size


def test_bodies_are_read_when_their_functions_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encode(module_of("(module" + "(func (drop (i32.const 1)))" * 50 + ")"))
    module = decode(data, "m", features=f.ALL)
    read: list[int] = []
    original = BodySequence.__getitem__

    def spy(self: BodySequence, index: int) -> Code:
        read.append(index)
        body: object = original(self, index)  # type: ignore[no-untyped-call]  # it has no types
        assert isinstance(body, Code)
        return body

    monkeypatch.setattr(BodySequence, "__getitem__", spy)
    environment = ModuleEnvironment(module)
    assert read == []
    translate_function(environment, 7)
    assert read == [7]


def test_canonical_ids_are_shared_through_a_registry() -> None:
    registry = TypeRegistry()
    first = ModuleEnvironment(module_of("(module (type (func)) (type (struct)))"), registry)
    second = ModuleEnvironment(module_of("(module (type (struct)) (type (func)))"), registry)
    assert first.type_space.canonical == second.type_space.canonical[::-1]


@pytest.mark.parametrize("opening", ["block", "loop", "if", "try_table (catch_all 0)"])
def test_blocks_may_nest_deeply(opening: str) -> None:
    depth = 3_000
    if opening == "if":
        text = "i32.const 1 if " * depth + "call 0 " + "end " * depth
    else:
        text = f"{opening} " * depth + "call 0 " + "end " * depth
    module = module_of(f"(module (func) (func {text}))")
    func = translate_function(ModuleEnvironment(module), 1)
    assert verify(func) == []
    assert len(func.layout) >= 2
    assert print_function(func)


def test_a_wide_branch_table() -> None:
    labels = " ".join(str(n % 3) for n in range(20_000))
    func = translate(
        f"""(module (func (param i32) (result i32)
          (block (result i32) (block (result i32)
            (br_table {labels} (i32.const 5) (local.get 0))))))"""
    )
    (table,) = [inst for _, inst in func.insts() if func.inst_op[inst].name == "br_table"]
    assert len(func.inst_targets[table]) == 20_000
