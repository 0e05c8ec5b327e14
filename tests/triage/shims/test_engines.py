"""Shims on real engines: what they tell is what they tell on the reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from plumbob.engines.opening import open_engine
from plumbob.engines.request import OutcomeKind, Request
from plumbob.triage.check.arguments import Argument, choose
from plumbob.triage.check.reference import Reference
from plumbob.triage.shims import Entry, Observation, Probe, Seen, add_shims
from plumbob.wasm import features as f
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.text.script import ModuleCommand, TextModule, parse_script
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.engine import Engine
    from plumbob.engines.request import Answer, Call
    from plumbob.wasm.module import Module

SCRIPT = Path(__file__).parent / "script.wast"

MVP = """
(module
  (memory 1) (data (i32.const 100) "abc")
  (global (mut f32) (f32.const -0)) (global i64 (i64.const -1)) (table 2 funcref)
  (func (export "add") (param f32 f32) (result f32) (f32.add (local.get 0) (local.get 1)))
  (func (export "id") (param i64) (result i64) (global.set 0 (f32.const 2)) (local.get 0))
  (func (export "store") (param i32 f64) (f64.store (local.get 0) (local.get 1)))
  (func (export "trap") (param f64) (result f64) (unreachable)))
"""

REFERENCES = """
(module
  (type $s (sub (struct (field i32))))
  (type $t (sub $s (struct (field i32) (field (ref extern)) (field (ref null $s)) (field v128))))
  (type $f (func (param i64) (result i32)))
  (table 2 (ref extern) (extern.convert_any (ref.i31 (i32.const 4)))) (table 1 nullexternref)
  (table 2 (ref i31) (ref.i31 (i32.const 5))) (table 1 exnref)
  (global nullexternref (ref.null noextern)) (global nullref (ref.null none))
  (func (export "any") (param (ref any) eqref i31ref) (result (ref any) eqref i31ref)
    (local.get 0) (local.get 1) (local.get 2))
  (func (export "objects") (param (ref $s) (ref null $t) structref arrayref (ref null $f))
    (result (ref $s) (ref null $t) structref arrayref (ref null $f))
    (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4))
  (func (export "extern") (param (ref extern) nullexternref) (result externref nullexternref)
    (local.get 0) (local.get 1))
  (func (export "deep") (param i32 v128) (result anyref)
    (struct.new $t (local.get 0) (extern.convert_any (ref.i31 (local.get 0)))
      (struct.new $s (i32.const 2)) (local.get 1))))
"""


class Asked(NamedTuple):
    """A request, and who reads its answers."""

    request: Request
    readers: tuple[Entry | Probe, ...]

    def told(self, answer: Answer) -> list[Observation | Seen | str]:
        """What each step tells, or how else it ended."""
        assert answer.instantiated.kind == OutcomeKind.OK, (answer.compiled, answer.instantiated)
        pairs = zip(self.readers, answer.results, strict=True)
        return [reader.observe(outcome) or outcome.kind for reader, outcome in pairs]


def asked(module: Module) -> Asked:
    shimmed = add_shims(module)
    readers: list[Entry | Probe] = []
    calls: list[Call] = []
    for entry in shimmed.entries:
        for args in choose(entry.name, entry.params, entry.shapes, 7, 5):
            readers.append(entry)
            calls.append(entry.call([small(arg) for arg in args]))
    readers += shimmed.probes
    calls += [probe.call for probe in shimmed.probes]
    return Asked(Request(shimmed.module, tuple(calls)), tuple(readers))


def small(argument: Argument) -> Argument:
    """Lengths and depths that every engine has room for."""
    if argument.type != "i32" or argument.bits is None:
        return argument
    return argument._replace(bits=argument.bits & 63)


def ours() -> list[Module]:
    commands = parse_script(SCRIPT.read_bytes(), SCRIPT.name).commands
    sources = [command.source for command in commands if isinstance(command, ModuleCommand)]
    modules = [source.parse() for source in sources if isinstance(source, TextModule)]
    return [*modules, parse_text(MVP), parse_text(REFERENCES)]


def compare(engine: Engine, modules: Sequence[Module]) -> None:
    with Reference() as reference:
        for module in modules:
            question = asked(module)
            expected = question.told(reference.run(question.request))
            assert question.told(engine.run(question.request)) == expected


@pytest.mark.registry
@pytest.mark.parametrize("name", ["wasmtime", "wasmtime==45.0.0", "deno"])
def test_engines_tell_what_the_reference_tells(name: str) -> None:
    with open_engine(name) as engine:
        compare(engine, ours())


@pytest.mark.registry
@pytest.mark.parametrize("name", ["wasm3", "wasmtime==0.28.0", "pywasm"])
def test_old_engines_take_shimmed_modules(name: str) -> None:
    module = parse_text(MVP)
    assert validate(add_shims(module).module, features=f.MVP).ok
    with open_engine(name) as engine:
        compare(engine, [module])


@pytest.mark.registry
def test_a_release_that_cannot_list_tags() -> None:
    module = parse_text(
        '(module (tag $t (export "t") (param f32)) (func (export "f") (throw $t (f32.const 1))))'
    )
    with open_engine("wasmtime==42.0.0") as engine:
        compare(engine, [module])
