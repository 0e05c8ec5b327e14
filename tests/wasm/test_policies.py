"""The dead-code policies, on modules written for them and on the official suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.errors import UsageError
from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.text import parse_text
from plumbob.wasm.text.script import AssertModule, BinaryModule, ModuleCommand, parse_script
from plumbob.wasm.types import UNREACHABLE, UNREACHABLE_CODE
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, VALID
from plumbob.wasm.valid.policy import POLICIES
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plumbob.wasm.module import Module

NAMES = tuple(POLICIES)


def codes(text: str, policy: str) -> list[str]:
    """Return the codes of a module's faults; with the fast loop and without it they agree."""
    module = parse_text(text, features=f.ALL, allow_unreachable_type=policy == "typed")
    return [item.code for item in validate(module, features=f.ALL, dead_code=policy).diagnostics]


def accepts(body: str, rest: str = "") -> str:
    """Return which policies accept a function's body, by initial: p, b(lock), r, t, f."""
    text = f"(module {rest} (func {body}))"
    return "".join(
        letter for letter, policy in zip("pbrtf", NAMES, strict=True) if not codes(text, policy)
    )


def test_policies_are_those_of_the_command_line() -> None:
    assert NAMES == ("polymorphic", "relaxed-block", "relaxed", "typed", "forbidden")
    with pytest.raises(UsageError, match="unknown dead-code policy"):
        validate(b"\0asm\1\0\0\0", dead_code="strict")


BODIES = {
    # A body: the policies that accept it.
    "nop": "pbrtf",
    "unreachable": "pbrtf",
    "unreachable nop": "pbrt",
    "unreachable drop": "pbrt",
    "unreachable i32.add drop": "pbrt",
    # Types of what dead code pushes.
    "unreachable i64.const 0 i32.eqz drop": "brt",
    "unreachable f32.const 0 ref.is_null drop": "brt",
    "(result i32) unreachable i64.const 0": "brt",
    "unreachable i32.const 0": "brt",
    "(result i32) unreachable i32.const 0 i32.const 0": "brt",
    "(result i32) return": "",
    # After every operator that ends control.
    "br 0 i64.const 0 i32.eqz drop": "brt",
    "return i64.const 0 i32.eqz drop": "brt",
    "i32.const 0 br_table 0 i64.const 0 i32.eqz drop": "brt",
    "return_call 0 i64.const 0 i32.eqz drop": "brt",
    "throw 0 i64.const 0 i32.eqz drop": "brt",
    "ref.null exn throw_ref i64.const 0 i32.eqz drop": "brt",
    # Nested blocks: live again under relaxed-block alone.
    "unreachable block i64.const 0 i32.eqz drop end": "rt",
    "unreachable block drop end": "rt",
    "unreachable block unreachable drop end": "pbrt",
    "unreachable loop drop end": "rt",
    "unreachable if drop end": "rt",
    "unreachable if else drop end": "rt",
    "unreachable if (result i32) i32.const 0 end drop": "rt",
    "unreachable block (result i32) i32.const 0 end drop": "pbrt",
    "unreachable block (result i32) i64.const 0 end drop": "rt",
    "unreachable block block drop end end": "rt",
    "unreachable block (param i32) drop end": "pbrt",
    "unreachable block (param i32) end drop": "rt",
    "unreachable try_table drop end": "rt",
    # The second arm of an `if` in live code is live.
    "i32.const 0 if unreachable i32.eqz i64.eqz drop else drop end": "",
    "i32.const 0 if unreachable i64.const 0 i32.eqz drop else nop end": "brt",
    "i32.const 0 if unreachable else i32.const 0 drop end": "pbrtf",
    "i32.const 0 if br 0 else br 0 end nop": "pbrtf",
    # Dead code ends with its block.
    "block unreachable end drop": "",
    "block unreachable end nop": "pbrtf",
    "block br 0 nop end nop": "pbrt",
    "block (result i32) unreachable end drop": "pbrtf",
    # Indices and other immediates count everywhere.
    "unreachable local.get 0": "",
    "unreachable br 1": "",
    "unreachable call 9": "",
    "unreachable global.get 0": "",
    "unreachable i32.load": "",
    "unreachable ref.func 0": "",
    "unreachable block br 2 end": "",
    # Conditions between immediates, and initialisation of locals.
    "(local (ref func)) unreachable local.get 0 drop": "",
    "(local (ref func)) unreachable local.set 0 local.get 0 drop": "pbrt",
    "unreachable global.set 0": "",
    # Labels of br_table: arities in all policies, types under polymorphic alone.
    "block (result i32) block unreachable br_table 0 1 end unreachable end drop": "",
    "block (result f32) block (result f64) unreachable br_table 0 1 1 end drop unreachable end "
    "drop": "pbrt",
    "block (result f32) block (result f64) unreachable f32.const 0 i32.const 0 br_table 0 1 end "
    "drop unreachable end drop": "brt",
    # ⊥ below references.
    "unreachable ref.as_non_null drop": "pbrt",
    "unreachable ref.as_non_null i32.eqz drop": "brt",
    "unreachable br_on_null 0 drop": "pbrt",
    "unreachable select drop": "pbrt",
    "unreachable ref.null func ref.null func i32.const 0 select drop": "brt",
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_which_policies_accept_a_body(body: str) -> None:
    rest = "(tag)"
    if "global.set" in body:
        rest += " (global i32 (i32.const 0))"
    assert accepts(body, rest) == BODIES[body]


def test_forbidden_names_the_operator_and_what_is_before_it() -> None:
    module = parse_text("(module (func block br 0 i32.const 1 drop end))", features=f.ALL)
    (found,) = validate(module, dead_code="forbidden").diagnostics
    assert found.code == "E0235"
    assert found.operator == "i32.const 1"
    assert found.frames[-1].dead_after is not None
    assert found.frames[-1].dead_after.split(" ")[0] == "br"


def test_forbidden_lets_closing_operators_stand() -> None:
    for body in (
        "unreachable",
        "block unreachable end",
        "i32.const 0 if unreachable else unreachable end",
        "try unreachable catch 0 unreachable catch_all unreachable end",
        "try unreachable delegate 0",
        "block block br 1 end end",
    ):
        assert codes(f"(module (tag) (func {body}))", "forbidden") == [], body


# `typed`: the result type `unreachable`.

TYPED = {
    # A module under `typed`: the codes reported.
    "(func (result unreachable) unreachable)": [],
    "(func $die (param i32) (result unreachable) unreachable)": [],
    "(func (result unreachable) loop br 0 end)": ["E0236"],
    "(func (result unreachable) loop (result unreachable) br 0 end)": [],
    "(func (result unreachable) (loop (result unreachable) br 0) i64.const 0 i32.eqz)": [],
    "(func (result unreachable))": ["E0236"],
    "(func (result unreachable) i32.const 0)": ["E0236"],
    "(func (result unreachable) return)": ["E0236"],
    "(func (result unreachable) br 0)": ["E0236"],
    "(func (result unreachable) i32.const 0 br_if 0)": ["E0236"],
    "(func (result unreachable) i32.const 0 br_table 0 0)": ["E0236"],
    "(func (result unreachable) unreachable br 0)": [],
    # After a call to such a function code is dead.
    "(func $die (result unreachable) unreachable) (func (result i32) call $die)": [],
    "(func $die (result unreachable) unreachable) (func call $die i32.add drop)": [],
    "(func $die (result unreachable) unreachable) (func (result unreachable) call $die)": [],
    "(func $die (param i32) (result unreachable) unreachable) (func call $die)": ["E0202"],
    "(func $die (result unreachable) unreachable) (func call $die local.get 0)": ["E0205"],
    "(func $live) (func (result i32) call $live)": ["E0202"],
    "(type $d (func (result unreachable))) (table 1 funcref)"
    " (func (result i32) i32.const 0 call_indirect (type $d))": [],
    "(type $d (func (result unreachable))) (func (param (ref $d)) (result i32)"
    " local.get 0 call_ref $d)": [],
    # Tail calls: a function that never returns returns anything.
    "(func $die (result unreachable) unreachable) (func (result i32) return_call $die)": [],
    "(func $die (result unreachable) unreachable) (func (result unreachable) return_call $die)": [],
    "(func $live (result i32) i32.const 0) (func (result unreachable) return_call $live)":
        ["E0230"],
    "(func $live) (func (result unreachable) return_call $live)": ["E0230"],
    "(type $d (func (result unreachable))) (table 1 funcref)"
    " (func (result i32) i32.const 0 return_call_indirect (type $d))": [],
    "(type $d (func (result unreachable))) (func (param (ref $d)) (result i32)"
    " local.get 0 return_call_ref $d)": [],
    # Blocks, and what is behind them.
    "(func (result i32) block (result unreachable) unreachable end)": [],
    "(func block (result unreachable) unreachable end i32.add drop)": [],
    "(func block (result unreachable) nop end)": ["E0236"],
    "(func block (result unreachable) br 0 end)": ["E0236"],
    "(func (result i32) loop (result unreachable) br 0 end)": [],
    "(func loop (result unreachable) nop end)": ["E0236"],
    "(func (result i32) i32.const 0 if (result unreachable) unreachable else unreachable end)": [],
    "(func i32.const 0 if (result unreachable) unreachable else nop end)": ["E0236"],
    "(func i32.const 0 if (result unreachable) nop else unreachable end)": ["E0236"],
    "(func i32.const 0 if (result unreachable) unreachable end)": ["E0234"],
    "(func (result i32) try_table (result unreachable) unreachable end)": [],
    "(func try_table (result unreachable) nop end)": ["E0236"],
    # A nested dead block of that type does not reach its end either.
    "(func unreachable block (result unreachable) nop end)": [],
    # Misplaced.
    "(type (func (result i32 unreachable)))": ["E0261"],
    "(type (func (result unreachable unreachable)))": ["E0261"],
    # Subtyping of functions: one that never returns returns anything.
    "(type $s (sub (func (result i32)))) (type (sub $s (func (result unreachable))))": [],
    "(type $s (sub (func (result unreachable)))) (type (sub $s (func (result i32))))": ["E0251"],
}  # fmt: skip


@pytest.mark.parametrize("fields", TYPED)
def test_typed(fields: str) -> None:
    assert codes(f"(module {fields})", "typed") == TYPED[fields]


@pytest.mark.parametrize("fields", [text for text, found in TYPED.items() if found != ["E0261"]])
def test_typed_modules_keep_their_type_in_binary_and_text(fields: str) -> None:
    module = parse_text(f"(module {fields})", features=f.ALL, allow_unreachable_type=True)
    binary = encode(module)
    again = decode(binary, features=f.ALL, allow_unreachable_type=True)
    assert encode(again) == binary
    report = validate(binary, features=f.ALL, dead_code="typed")
    assert [item.code for item in report.diagnostics] == TYPED[fields]


@pytest.mark.parametrize("policy", [name for name in NAMES if name != "typed"])
def test_the_type_exists_under_typed_alone(policy: str) -> None:
    text = "(module (func (result unreachable) unreachable))"
    with pytest.raises(MalformedError):
        parse_text(text, features=f.ALL)
    binary = encode(parse_text(text, features=f.ALL, allow_unreachable_type=True))
    assert UNREACHABLE_CODE in binary
    assert validate(binary, features=f.ALL, dead_code=policy).verdict == MALFORMED
    block = encode(
        parse_text(
            "(module (func block (result unreachable) unreachable end))",
            features=f.ALL,
            allow_unreachable_type=True,
        )
    )
    assert validate(block, features=f.ALL, dead_code="typed").verdict == VALID
    assert validate(block, features=f.ALL, dead_code=policy).verdict == MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "(module (func (param unreachable)))",
        "(module (func (local unreachable)))",
        "(module (global unreachable (i32.const 0)))",
        "(module (type (struct (field unreachable))))",
        "(module (table 1 unreachable))",
    ],
)
def test_the_type_is_a_result_alone(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_text(text, features=f.ALL, allow_unreachable_type=True)


def test_the_type_is_no_value_type_in_binaries() -> None:
    code = bytes((UNREACHABLE_CODE,))
    for section in (
        b"\x01\x05\x01\x60\x01" + code + b"\x00",  # a parameter
        b"\x01\x05\x01\x5f\x01" + code + b"\x00",  # a field
        b"\x06\x06\x01" + code + b"\x00\x41\x00\x0b",  # a global
        b"\x04\x04\x01" + code + b"\x00\x00",  # a table
    ):
        module = b"\0asm\1\0\0\0" + section
        assert validate(module, features=f.ALL, dead_code="typed").verdict != VALID, section
    function = b"\0asm\1\0\0\0\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00"
    for body in (b"\x01\x01" + code + b"\x0b", b"\x00\x1c\x01" + code + b"\x1a\x0b"):
        binary = function + b"\x0a" + bytes((len(body) + 2, 1, len(body))) + body
        assert validate(binary, features=f.ALL, dead_code="typed").verdict == MALFORMED


# The official suite.


def modules_of(path: Path) -> Iterator[tuple[int, str, Module]]:
    """Yield (line, command, module) of a script; those that do not parse are left out."""
    for command in parse_script(path.read_bytes(), path.name).commands:
        if not isinstance(command, ModuleCommand | AssertModule):
            continue
        kind = command.kind if isinstance(command, AssertModule) else "module"
        try:
            source = command.source
            if isinstance(source, BinaryModule):
                module = decode(source.data, features=f.ALL)
            else:
                module = source.parse(f.ALL)
        except MalformedError:
            continue
        yield command.line, kind, module


FLIPS = {"polymorphic": 0, "relaxed-block": 53, "relaxed": 63, "typed": 63}


@pytest.mark.parametrize("policy", FLIPS)
def test_flips_of_unreached_invalid(suites: Path, policy: str) -> None:
    found = [
        validate(module, features=f.ALL, dead_code=policy).verdict
        for _, kind, module in modules_of(suites / "spec" / "unreached-invalid.wast")
        if kind == "assert_invalid"
    ]
    assert len(found) == 121
    assert found.count(VALID) == FLIPS[policy]
    assert found.count(INVALID) == 121 - FLIPS[policy]


@pytest.mark.parametrize("policy", FLIPS)
def test_nothing_flips_in_unreached_valid(suites: Path, policy: str) -> None:
    for line, kind, module in modules_of(suites / "spec" / "unreached-valid.wast"):
        if kind == "module":
            assert validate(module, features=f.ALL, dead_code=policy).ok, line


def test_typed_is_relaxed_on_files_without_the_new_type(suites: Path) -> None:
    compared = 0
    for path in sorted((suites / "spec").glob("*.wast")):
        for line, _, module in modules_of(path):
            relaxed, typed = (
                validate(module, features=f.ALL, dead_code=policy)
                for policy in ("relaxed", "typed")
            )
            assert relaxed.verdict == typed.verdict, (path.name, line)
            assert [item.code for item in relaxed.diagnostics] == [
                item.code for item in typed.diagnostics
            ], (path.name, line)
            compared += 1
    assert compared > 3_000


def test_relaxed_policies_accept_whatever_polymorphic_accepts(suites: Path) -> None:
    """A stack that is ⊥ as a whole is more permissive, except for blocks that start live."""
    for name in ("unreached-valid.wast", "br_table.wast", "br_on_null.wast", "try_table.wast"):
        for line, _, module in modules_of(suites / "spec" / name):
            if validate(module, features=f.ALL).ok:
                for policy in ("relaxed-block", "relaxed", "typed"):
                    assert validate(module, features=f.ALL, dead_code=policy).ok, (name, line)


def test_the_new_type_is_not_a_value_type() -> None:
    assert not UNREACHABLE.is_ref
    assert str(UNREACHABLE) == "unreachable"
