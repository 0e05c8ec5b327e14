"""Modules made to be too much: shims stay valid, of bounded size, and quick to run."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.mutate import mutant
from tests.fuzz.seeds import own
from tests.triage.shims.twins import require_same_features

from plumbob.engines.request import OutcomeKind, Request
from plumbob.triage.check.arguments import Argument, choose
from plumbob.triage.check.reference import Reference
from plumbob.triage.shims import Entry, Observation, Shimmed, add_shims
from plumbob.triage.shims import calls as calls_module
from plumbob.triage.shims import digests as digests_module
from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.edit.append import Editor, FunctionWriter
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.module import FUNC, Module, RecGroup
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

SOME = Argument("", None, "some")


def shim(module: Module) -> Shimmed:
    report = validate(module, features=f.ALL)
    assert report.ok, report.diagnostics[0]
    shimmed = add_shims(module)
    report = validate(shimmed.module, features=f.ALL)
    assert report.ok, report.diagnostics[0]
    return shimmed


def call(shimmed: Shimmed, *arguments: Sequence[Argument]) -> list[Observation | None]:
    """What the first entries do, and that every probe ends."""
    entries = shimmed.entries[: len(arguments)]
    made = [entry.call(args) for entry, args in zip(entries, arguments, strict=True)]
    made += [probe.call for probe in shimmed.probes]
    answer = Reference(fuel=20_000_000).run(Request(shimmed.module, tuple(made)))
    assert answer.instantiated.kind == OutcomeKind.OK, answer
    for probe, outcome in zip(shimmed.probes, answer.results[len(entries) :], strict=True):
        assert probe.observe(outcome) is not None, (probe.what, outcome)
    return [e.observe(outcome) for e, outcome in zip(entries, answer.results, strict=False)]


def made_of(groups: list[RecGroup]) -> Editor:
    module = Module()
    module.rec_groups = groups
    return Editor(module)


def struct(*fields: t.ValType, above: int | None = None, final: bool = True) -> t.SubType:
    composite = t.StructType(tuple(t.FieldType(field, mutable=True) for field in fields))
    return t.SubType(composite, () if above is None else (above,), final)


def taking(editor: Editor, *params: t.ValType) -> Module:
    """A module whose one export takes such parameters and gives the first as anyref."""
    result = t.ref(t.ANY, nullable=True)
    body = FunctionWriter(params).get(0).body()
    editor.export("f", FUNC, editor.add_function(editor.func_type(params, (result,)), body))
    return editor.finish()


def test_more_functions_than_shims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "SHIMS", 100)
    functions = "".join(f'(func (export "{number}") (param f32))' for number in range(120))
    shimmed = shim(parse_text(f'(module {functions} (func (export "plain") (param i32)))'))
    refused = [entry.name for entry in shimmed.entries if entry.uncallable]
    assert refused == [str(number) for number in range(100, 120)]
    assert shimmed.entries[100].uncallable == "more than 100 functions need a shim"


def test_thousands_of_exports() -> None:
    functions = "".join(f'(func (export "{number}") (param f32))' for number in range(5000))
    again = "".join(f'(export "{number} again" (func {number}))' for number in range(5000))
    shimmed = shim(parse_text(f"(module {functions} {again})"))
    assert len(shimmed.entries) == 10_000
    assert len({entry.export for entry in shimmed.entries}) == 5000


def test_a_chain_of_types_that_need_each_other() -> None:
    groups = [RecGroup((struct(),))]
    groups += [RecGroup((struct(t.ref(t.concrete(index))),)) for index in range(1000)]
    near, far = t.ref(t.concrete(50)), t.ref(t.concrete(1000))
    (seen,) = call(shim(taking(made_of(groups), near)), [SOME])
    assert seen is not None
    assert seen.values[0].shape == "struct"
    assert shim(taking(made_of(groups), far)).entries[0].uncallable


def test_a_type_that_doubles_at_every_step() -> None:
    def step(index: int) -> RecGroup:
        below = t.ref(t.concrete(index))
        return RecGroup((struct(below, below),))

    groups = [RecGroup((struct(),)), *map(step, range(40))]
    assert shim(taking(made_of(groups), t.ref(t.concrete(40)))).entries[0].uncallable
    (seen,) = call(shim(taking(made_of(groups), t.ref(t.concrete(8)))), [SOME])
    assert seen is not None
    assert seen.values[0].bits


def test_a_structure_of_thousands_of_fields() -> None:
    wide = struct(*[t.ref(t.concrete(0), nullable=True)] * 10_000)
    editor = made_of([RecGroup((wide,))])
    (seen,) = call(shim(taking(editor, t.ref(t.concrete(0)))), [SOME])
    assert seen is not None
    assert seen.values[0].bits


def test_a_cycle_with_many_ways() -> None:
    """Every field of a thousand holds the object itself: 1000^4 ways of four steps."""
    wide = struct(*[t.ref(t.concrete(0), nullable=True)] * 1000)
    editor = made_of([RecGroup((wide,))])
    own = t.ref(t.concrete(0), nullable=True)
    writer = FunctionWriter()
    local = writer.local(own)
    writer.op("struct.new_default", 0).set(local)
    for field in range(1000):
        writer.get(local).get(local).op("struct.set", 0, field)
    body = writer.get(local).body()
    editor.export("f", FUNC, editor.add_function(editor.func_type((), (own,)), body))
    (seen,) = call(shim(editor.finish()), [])
    assert seen is not None
    assert seen.values[0].bits


def test_the_longest_chain_of_subtypes() -> None:
    groups = [RecGroup((struct(final=False),))]
    groups += [
        RecGroup((struct(*[t.I32] * (index + 1), above=index, final=False),)) for index in range(63)
    ]
    editor = made_of(groups)
    below = t.ref(t.concrete(63))
    (seen,) = call(shim(taking(editor, below)), [SOME])
    assert seen is not None
    assert seen.values[0].bits


def test_more_types_than_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests_module, "TYPES", 20)
    # Types with the same fields in one group are different types.
    groups = [RecGroup(tuple(struct(t.I32) for _ in range(30)), explicit=True)]
    (seen,) = call(shim(taking(made_of(groups), t.ref(t.concrete(25)))), [SOME])
    assert seen is not None
    assert (seen.values[0].shape, seen.values[0].bits) == ("struct", 0)


def test_thousands_of_types() -> None:
    groups = [RecGroup(tuple(struct(t.I32) for _ in range(3000)), explicit=True)]
    shimmed = shim(taking(made_of(groups), t.ref(t.concrete(2999))))
    (seen,) = call(shimmed, [SOME])
    assert seen is not None
    assert seen.values[0].bits
    assert len(shimmed.module) < 1_000_000


def test_hundreds_of_parameters_of_as_many_types() -> None:
    groups = [RecGroup(tuple(struct(t.I32) for _ in range(300)), explicit=True)]
    params = [t.ref(t.concrete(index), nullable=index % 2 == 0) for index in range(300)]
    shimmed = shim(taking(made_of(groups), *params))
    (entry,) = shimmed.entries
    for args in choose(entry.name, entry.params, entry.shapes, 1, 3):
        assert call(shimmed, args) != [None]


def test_a_hundred_memories_and_tables() -> None:
    memories = "(memory 1)" * 100
    tables = "(table 3 anyref)" * 100
    shimmed = shim(parse_text(f"(module {memories} {tables})", features=f.ALL))
    assert len(shimmed.probes) == 200
    call(shimmed)


def test_a_large_table_is_looked_at_in_part() -> None:
    shimmed = shim(parse_text("(module (table 5000000 funcref) (func (table.set (i32.const 0)"
                              " (ref.null func))))", features=f.ALL))  # fmt: skip
    call(shimmed)
    (probe,) = shimmed.probes
    assert [value.bits for value in probe.call.args] == [0, 1 << 16]


def test_a_large_memory_is_looked_at_in_part() -> None:
    shimmed = shim(parse_text('(module (memory 600) (data (i32.const 33554431) "a"))'))
    other = shim(parse_text('(module (memory 600) (data (i32.const 33554432) "a"))'))
    seen = []
    for each in (shimmed, other):
        request = Request(
            each.module, (each.probes[0].call, each.probes[0].between(1 << 25, 1 << 26))
        )
        answer = Reference().run(request)
        seen.append([each.probes[0].observe(outcome) for outcome in answer.results])
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]


@pytest.mark.parametrize("name", ["", "\0", "plumbob:call:0", "__proto__", "\U0001f600" * 1000])
def test_strange_names(name: str) -> None:
    editor = Editor(Module())
    index = editor.add_function(editor.func_type((t.F32,), ()), FunctionWriter((t.F32,)).body())
    editor.export(name, FUNC, index)
    shimmed = shim(editor.finish())
    entry: Entry = shimmed.entries[0]
    assert entry.name == name
    assert call(shimmed, [Argument("f32", 0)]) == [Observation("values", ())]


def test_a_start_function_that_traps() -> None:
    shimmed = shim(parse_text('(module (func $f (export "f") (unreachable)) (start $f))'))
    answer = Reference().run(Request(shimmed.module))
    assert answer.instantiated.kind == OutcomeKind.TRAP


def test_an_empty_module() -> None:
    assert add_shims(Module()) == Shimmed(b"\0asm\1\0\0\0", (), ())


def test_mutants_that_are_valid() -> None:
    rng = Random(1)  # noqa: S311  # mutants, not secrets
    seeds = own()
    valid = 0
    for number in range(1500):
        policy = "typed" if number % 3 == 0 else "polymorphic"
        try:
            module = decode(mutant(rng, seeds), features=f.ALL)
        except (MalformedError, ComponentError):
            continue
        if validate(module, features=f.ALL, dead_code=policy).ok:
            valid += 1
            before = encode(module)
            require_same_features(before, add_shims(module).module, f.ALL, policy)
            assert encode(module) == before
    assert valid > 20
