"""The official suite through the reference, against the runner of scripts.

Both use the same interpreter, but nothing else of each other: the runner keeps one store for a
script and gives the runtime's own values to functions; the reference gets each module in the
binary format, stand-ins for imports, and the calls as a request. Every outcome must be the
same, bit for bit. What a request cannot say is left out: modules that import one another,
objects of the host as arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from plumbob.engines.request import (
    SOME,
    Call,
    FunctionImport,
    GlobalImport,
    Import,
    MemoryImport,
    Outcome,
    OutcomeKind,
    Request,
    TableImport,
    Value,
)
from plumbob.exec.interp.outcome import GuestException
from plumbob.filetest.wast_run import RunStage
from plumbob.filetest.wast_run_values import HostObjects, argument
from plumbob.runtime.references import FuncRef
from plumbob.runtime.traps import GuestTrap, message_of
from plumbob.triage.check.reference import Reference
from plumbob.wasm import features as f
from plumbob.wasm import module as m
from plumbob.wasm import types as t
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import script as s

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.frontend import ModuleEnvironment
    from plumbob.runtime.instance import Instance

SAMPLE = (
    *("address", "call_indirect", "conversions", "endianness", "f32", "float_misc", "memory_grow"),
    *("br_on_cast", "struct", "table_grow", "throw", "try_table", "simd_f32x4", "traps"),
    *("i8x16_relaxed_swizzle", "relaxed_min_max", "return_call", "float_exprs", "fac"),
)

GLOBALS = {
    "global_i32": Value("i32", 666),
    "global_i64": Value("i64", 666),
    "global_f32": Value("f32", 0x4426_A666),
    "global_f64": Value("f64", 0x4084_D4CC_CCCC_CCCD),
}


class Found(NamedTuple):
    """What the runner found, as far as both can say it."""

    kind: str
    values: tuple[int | str | None, ...] = ()
    trap: str | None = None


class Program:
    """A module of a script, and what is called in its instance."""

    def __init__(self, name: str, module: bytes, imports: tuple[Import, ...]) -> None:
        self.name = name
        self.module = module
        self.imports = imports
        self.calls: list[Call] = []
        self.found: list[Found] = []
        self.is_whole = True
        """Whether nobody else touched the instance so far."""

    def differences(self, reference: Reference) -> list[str]:
        answer = reference.run(Request(self.module, tuple(self.calls), self.imports))
        for step in (answer.compiled, answer.instantiated):
            if step.kind != OutcomeKind.OK:
                return [f"{self.name}: {step}"]
        return [
            f"{self.name}: {call}: expected {wanted}, found {outcome}"
            for call, wanted, outcome in zip(self.calls, self.found, answer.results, strict=True)
            if found_in(outcome) != wanted
        ]


def found_in(outcome: Outcome) -> Found:
    return Found(outcome.kind, tuple(value.bits for value in outcome.values), outcome.trap)


def bits_of(value: Any, type_: t.ValType) -> int | str | None:
    return (None if value is None else SOME) if type_.is_ref else int(value)


class Recorder:
    """Runs a script and notes what becomes of each call."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stage = RunStage(f.ALL, "polymorphic")
        self.programs: list[Program] = []
        self.by_instance: dict[int, Program] = {}
        self.borrowed: set[str] = set()

    def take(self, command: s.Command) -> None:
        action = (
            command.action if isinstance(command, (s.AssertReturn, s.AssertAction)) else command
        )
        if isinstance(action, s.Invoke):
            self.invoke(action)
            return
        if isinstance(command, s.Register):
            self.forget(self.stage._instance(command.module))
        self.stage.judge(command)
        if isinstance(command, s.ModuleCommand) and not command.definition:
            self.note(command)

    def forget(self, instance: Instance) -> None:
        program = self.by_instance.get(id(instance))
        if program is not None:
            program.is_whole = False

    def note(self, command: s.ModuleCommand) -> None:
        instance = self.stage.last
        environment = self.stage.definitions[command.identifier]
        if instance is None or instance.environment is not environment:
            return
        imports = self.stand_ins(environment)
        if imports is None:
            return
        source = command.source
        binary = source.data if isinstance(source, s.BinaryModule) else encode(source.parse(f.ALL))
        program = Program(f"{self.name}:{command.line}", binary, imports)
        self.programs.append(program)
        self.by_instance[id(instance)] = program

    def stand_ins(self, environment: ModuleEnvironment) -> tuple[Import, ...] | None:
        made = [self.stand_in(environment, item) for item in environment.module.imports]
        return None if None in made else tuple(item for item in made if item is not None)

    def stand_in(self, environment: ModuleEnvironment, item: m.Import) -> Import | None:
        if item.module != "spectest":
            return None
        if isinstance(item.type, int):
            signature = environment.function_type(item.type)
            types = (tuple(map(str, signature.params)), tuple(map(str, signature.results)))
            return FunctionImport(item.module, item.name, *types)
        if isinstance(item.type, t.GlobalType):
            return GlobalImport(item.module, item.name, GLOBALS[item.name])
        if item.name in self.borrowed:  # all importers of a script share it
            return None
        self.borrowed.add(item.name)
        address = "i64" if item.name.endswith("64") else "i32"
        if isinstance(item.type, t.TableType):
            return TableImport(item.module, item.name, "funcref", 10, 20, address)
        return MemoryImport(item.module, item.name, 1, 2, item.name == "shared_memory")

    def invoke(self, action: s.Invoke) -> None:
        instance = self.stage._instance(action.module)
        program = self.by_instance.get(id(instance))
        function = instance.exports[action.name]
        assert isinstance(function, FuncRef)
        found = self.perform(action, function)
        if program is None or not program.is_whole:
            return
        args = []
        for value, type_ in zip(action.arguments, function.signature.params, strict=True):
            given = argument(value, HostObjects())
            if type_.is_ref and given is not None:
                program.is_whole = False
                return
            args.append(Value(str(type_), given))
        results = tuple(map(str, function.signature.results))
        program.calls.append(Call(action.name, tuple(args), results))
        program.found.append(found)

    def perform(self, action: s.Invoke, function: FuncRef) -> Found:
        try:
            results = self.stage._perform(action)
        except GuestTrap as trap:
            return Found(OutcomeKind.TRAP, trap=message_of(trap.kind))
        except GuestException:
            return Found(OutcomeKind.EXCEPTION)
        values = map(bits_of, results, function.signature.results)
        return Found(OutcomeKind.VALUES, tuple(values))


def recorded(path: Path) -> list[Program]:
    recorder = Recorder(path.stem)
    for command in s.parse_script(path.read_bytes(), path.name).commands:
        recorder.take(command)
    return recorder.programs


def check(paths: list[Path]) -> tuple[int, int]:
    """Return how many modules and calls agree; fails at the first file where some do not."""
    modules = calls = 0
    with Reference() as reference:
        for path in paths:
            programs = recorded(path)
            wrong = [line for one in programs for line in one.differences(reference)]
            assert not wrong, "\n".join(wrong[:20])
            modules += len(programs)
            calls += sum(len(program.calls) for program in programs)
    return modules, calls


def test_a_sample_of_the_suite(suites: Path) -> None:
    modules, calls = check([suites / "spec" / f"{name}.wast" for name in SAMPLE])
    assert modules >= 140
    assert calls >= 5700


@pytest.mark.slow
def test_the_whole_suite(suites: Path) -> None:
    # Descriptors are a proposal that Plumbob does not read; threads share memories.
    paths = [
        path
        for path in sorted((suites / "spec").rglob("*.wast"))
        if "custom-descriptors" not in path.parts and b"(thread" not in path.read_bytes()
    ]
    modules, calls = check(paths)
    assert modules >= 2100
    assert calls >= 54000
