"""The reference as an engine: Plumbob itself, with the face of `engines.engine.Engine`.

It runs in this process, so that nothing is lost on the way: values are the runtime's own
bits, and vectors come back as 128-bit numbers. Whatever a guest does is in the answer: traps,
a stack that overflows, limits that are reached. An error of Plumbob's own is none of that and
is raised.

The module's bytes come from somebody else and may be anything. The rest of the request comes
from us: calls name exported functions with values of their types.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import plumbob
from plumbob.engines.kinds import REFERENCE
from plumbob.engines.process import FaultKind
from plumbob.engines.request import (
    NUMBERS,
    SOME,
    Answer,
    Call,
    FunctionImport,
    GlobalImport,
    HostCall,
    MemoryImport,
    Outcome,
    OutcomeKind,
    TableImport,
    Value,
    zero,
)
from plumbob.engines.spec import parse_spec
from plumbob.errors import UsageError
from plumbob.exec.interp.wasm_engine import Engine
from plumbob.exec.interp.wasm_exceptions import WasmException
from plumbob.frontend import ModuleEnvironment
from plumbob.runtime.closing import Closing
from plumbob.runtime.instance import Instance
from plumbob.runtime.limits import LimitError, StoreLimits
from plumbob.runtime.linking import LinkError
from plumbob.runtime.memory import LinearMemory
from plumbob.runtime.references import FuncRef, Tag
from plumbob.runtime.store import Store
from plumbob.runtime.table import Global, Table
from plumbob.runtime.traps import (
    DEADLINE,
    MEMORY_LIMIT,
    OUT_OF_FUEL,
    GuestTrap,
    describe,
    message_of,
)
from plumbob.triage.check.choices import DEFAULT_CHOICES, HOST_LIMITS, Choices
from plumbob.wasm import features as wasm_features
from plumbob.wasm import module as m
from plumbob.wasm import types as t
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from plumbob.engines.request import Import, Request
    from plumbob.engines.spec import EngineSpec
    from plumbob.exec.interp.machine import Mode, Trace
    from plumbob.wasm.module import Import as AskedImport

FUEL: Final = 100_000_000
"""Operators of one step, about: seconds to a minute."""
SECONDS: Final = 60.0
MEMORY: Final = 4 << 30

_OK: Final = Outcome(OutcomeKind.OK)
_SKIPPED: Final = Outcome(OutcomeKind.SKIPPED)

LIMIT_KINDS: Final = {
    OUT_OF_FUEL: OutcomeKind.FUEL,
    DEADLINE: FaultKind.TIMEOUT,
    MEMORY_LIMIT: FaultKind.MEMORY,
}
"""Kinds of outcomes that are no traps of the specification's, by the trap code."""


class _Unsupported(Exception):  # noqa: N818  # a step's outcome, no error of ours
    """A value that the engines' border does not carry."""


class Reference(Closing):
    """The reference. `name` is an engine's: `plumbob`, `plumbob:tier=interp`.

    `fuel` and `seconds` bound each step (instantiating, one call), where a request does not
    bring fuel of its own; `memory` bounds what the instance takes, in bytes. `mode` is one of
    the interpreter's two, with the same results. `features` are those that it accepts.
    """

    def __init__(
        self,
        name: str | EngineSpec = REFERENCE,
        *,
        fuel: int = FUEL,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        choices: Choices = DEFAULT_CHOICES,
        mode: Mode = "source",
        features: int = wasm_features.ALL,
    ) -> None:
        """Make it. Raises `UsageError` for a name that is not the reference's.

        So it does for a tier that does not exist yet.
        """
        self.spec = parse_spec(name) if isinstance(name, str) else name
        if self.spec.kind != REFERENCE:
            raise UsageError(f"{self.spec.text} is not the reference", expected=REFERENCE)
        _require_built(self.spec)
        self.version = plumbob.__version__
        self.about: dict[str, Any] = {"version": self.version}
        self.fuel = fuel
        self.limits = StoreLimits(memory=memory, deadline=seconds)
        self.choices = choices
        self.mode: Mode = mode
        self.features = features
        self.trace: Trace | None = None
        """Called for every instruction with its results, where somebody asks why."""
        self._prepared: tuple[bytes, ModuleEnvironment | Outcome] | None = None

    def run(self, request: Request) -> Answer:
        """Return what becomes of a request, step by step.

        Raises `UsageError` for a call whose values are not of the function's types, and
        what goes wrong in Plumbob itself.
        """
        environment = self._prepare(request.module)
        if isinstance(environment, Outcome):
            return _answer([environment], request)
        fuel = self.fuel if request.fuel is None else request.fuel
        run = _Run(self, environment, request, fuel)
        try:
            return _answer([_OK, *run.steps()], request)
        finally:
            run.release()

    def answers(self, request: Request) -> tuple[Answer, ...]:
        """Return the answer of `run`: there is never another."""
        return (self.run(request),)

    def run_many(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Yield the answer to each request, in order."""
        return map(self.run, requests)

    def deciding(self, choices: Choices) -> Reference:
        """Return a reference with the same limits that decides otherwise what is left open."""
        other = copy(self)
        other.choices = choices
        return other

    def operators(self, module: bytes) -> frozenset[str]:
        """Return the names of the operators in a module's functions; none of an invalid one."""
        environment = self._prepare(module)
        if isinstance(environment, Outcome):
            return frozenset()
        return frozenset(
            instruction.operator.name
            for index in environment.defined
            for instruction in decode_body(environment.body(index).code).instructions
        )

    def close(self) -> None:
        """Forget the last module; the reference may be used again."""
        self._prepared = None

    def _prepare(self, module: bytes) -> ModuleEnvironment | Outcome:
        """Return a module ready for instances, or why it is not. The last one is kept."""
        if self._prepared is None or self._prepared[0] != module:
            self._prepared = (module, self._compile(module))
        return self._prepared[1]

    def _compile(self, binary: bytes) -> ModuleEnvironment | Outcome:
        try:
            module = decode(binary, features=self.features)
        except MalformedError as error:
            return Outcome(OutcomeKind.REJECTED, message=str(error))
        except ComponentError as error:
            return Outcome(OutcomeKind.UNSUPPORTED, message=str(error))
        report = validate(module, features=self.features)
        if not report.ok:
            return Outcome(OutcomeKind.REJECTED, message=report.diagnostics[0].message)
        return ModuleEnvironment(module)


def _require_built(spec: EngineSpec) -> None:
    for name, value in spec.options:
        if (name, value) != ("tier", "interp"):
            raise UsageError(
                f"{spec.text}: {name}{'=' + value if value else ''} does not exist yet",
                expected="tier=interp",
            )


def _answer(steps: list[Outcome], request: Request) -> Answer:
    skipped = [_SKIPPED] * (2 + len(request.calls) - len(steps))
    first, second, *rest = [*steps, *skipped]
    return Answer(first, second, tuple(rest))


class _Run:
    """One request: a store, an instance, and the log of the step under way."""

    def __init__(
        self, reference: Reference, environment: ModuleEnvironment, request: Request, fuel: int
    ) -> None:
        self.environment = environment
        self.request = request
        self.fuel = fuel
        choices = reference.choices
        limits = reference.limits._replace(fuel=fuel, growth=choices.grow, nobody_wakes=True)
        self.store = Store(
            lambda store: Engine(
                store,
                mode=reference.mode,
                trace=reference.trace,
                nan_rule=choices.nan,
                relaxed=choices.relaxed,
            ),
            limits,
        )
        executor = self.store.executor
        assert isinstance(executor, Engine)  # noqa: S101  # made in the line above
        self.executor = executor
        self.instance: Instance | None = None
        self.started = False
        self.log: list[HostCall] = []

    def steps(self) -> Iterator[Outcome]:
        """Yield the outcomes from instantiation on, up to one after which nothing is done."""
        instantiated = self._step(self._instantiate)
        yield instantiated
        if instantiated.kind != OutcomeKind.OK:
            return
        for call in self.request.calls:
            outcome = self._step(lambda call=call: self._call(call))  # type: ignore[misc]
            yield outcome
            if outcome.kind in HOST_LIMITS:  # an engine's worker would be gone
                return

    def _step(self, do: Callable[[], Outcome]) -> Outcome:
        self.log.clear()
        budget = self.store.budget
        budget.waited = 0
        left = self.executor.fuel_left()
        assert left is not None  # noqa: S101  # the store has a limit
        self.executor.add_fuel(self.fuel - left)
        try:
            outcome = do()
        except _Unsupported as error:
            outcome = Outcome(OutcomeKind.UNSUPPORTED, message=str(error))
        except GuestTrap as trap:
            outcome = _trapped(trap)
        except WasmException:
            outcome = Outcome(OutcomeKind.EXCEPTION, message="an exception that nobody catches")
        except LinkError as error:
            outcome = Outcome(OutcomeKind.LINK, message=str(error))
        except LimitError as error:
            outcome = Outcome(FaultKind.MEMORY, message=str(error))
        if budget.waited:
            outcome = replace(outcome, waited=budget.waited / 1e9)
        if not self.log:
            return outcome
        return replace(outcome, calls=tuple(self.log))

    def release(self) -> None:
        """Free what memories and tables hold; the rest waits for the collector of cycles."""
        if self.instance is None:
            return
        for memory in self.instance.memories:
            memory.release()
        for table in self.instance.tables:
            table.release()

    # Instantiating

    def _instantiate(self) -> Outcome:
        asked, described = self.environment.module.imports, self.request.imports
        if len(asked) != len(described):
            raise LinkError(
                "the imports", expected=str(len(asked)), found=f"{len(described)} described"
            )
        given = iter(enumerate(described))
        self.instance = Instance(
            self.store,
            self.environment,
            lambda item, instance: self._stand_in(*next(given), item, instance),
        )
        self.instance.start()
        self.started = True
        return _OK

    def _stand_in(
        self, place: int, described: Import, asked: AskedImport, instance: Instance
    ) -> object:
        """Return what stands in for an import, made as the engines' workers make it."""
        budget = self.store.budget
        match described:
            case FunctionImport():
                return self._function(place, described, asked, instance)
            case GlobalImport():
                if not isinstance(asked.type, t.GlobalType):
                    return None
                kind = instance.canonical(asked.type.type)
                type_ = t.GlobalType(kind, described.mutable)
                return Global(type_, to_guest(described.value, kind))
            case MemoryImport():
                if not isinstance(asked.type, t.MemoryType):
                    return None
                declared = t.MemoryType(
                    _limits(described), described.shared, asked.type.page_size_log2
                )
                return LinearMemory(declared, budget)
            case TableImport():
                if not isinstance(asked.type, t.TableType):
                    return None
                element = instance.canonical(asked.type.element)
                null = to_guest(Value(described.element, None), element)
                return Table(t.TableType(element, _limits(described)), null, budget)
        if not isinstance(asked.type, t.TagType):
            return None
        type_id, signature = instance.function_type(asked.type.type_index)
        _require_kinds(f"the tag {described.name!r}", signature.params, described.params)
        return Tag(type_id, signature)

    def _function(
        self, place: int, described: FunctionImport, asked: AskedImport, instance: Instance
    ) -> FuncRef | None:
        if asked.kind != m.FUNC:
            return None
        assert isinstance(asked.type, int)  # noqa: S101  # the kind says so
        type_id, signature = instance.function_type(asked.type)
        what = f"the function {described.name!r}"
        _require_kinds(what, signature.params, described.params)
        _require_kinds(what, signature.results, described.results)
        rounds = described.returns or (tuple(map(zero, described.results)),)
        answers = [
            _packed([to_guest(v, kind) for v, kind in zip(row, signature.results, strict=True)])
            for row in rounds
        ]
        calls = 0

        def called(*arguments: Any) -> Any:
            nonlocal calls
            turn = calls
            calls += 1
            if described.logged:
                values = map(from_guest, described.params, arguments)
                self.log.append(HostCall(place, tuple(values)))
            for one in described.callbacks if self.started else ():
                if one.turn == turn:
                    back = self._call(Call(one.export, one.args, one.results))
                    self.log.append(HostCall(place, back.values, one.export))
            return answers[turn % len(answers)]

        # Of the very type that is asked for: one in a group of recursive types is its own.
        made = FuncRef(type_id, signature, host=called, name=described.name)
        self.executor.link_host(made)
        return made

    # Calling

    def _call(self, call: Call) -> Outcome:
        assert self.instance is not None  # noqa: S101  # else no call is made
        function = self.instance.exports.get(call.export)
        if not isinstance(function, FuncRef):
            raise _Unsupported(f"no function {call.export!r} is exported")
        signature = function.signature
        what = f"a call of {call.export!r}"
        _require_kinds(what, signature.params, [value.type for value in call.args])
        _require_kinds(what, signature.results, call.results)
        given = [
            to_guest(value, kind) for value, kind in zip(call.args, signature.params, strict=True)
        ]
        results = self.executor.invoke(function, given)
        return Outcome(OutcomeKind.VALUES, tuple(map(from_guest, call.results, results)))


def _trapped(trap: GuestTrap) -> Outcome:
    kind = LIMIT_KINDS.get(trap.kind)
    if kind is not None:
        return Outcome(kind, message=describe(trap))
    return Outcome(OutcomeKind.TRAP, trap=message_of(trap.kind), message=describe(trap))


def _limits(described: MemoryImport | TableImport) -> t.Limits:
    return t.Limits(described.minimum, described.maximum, described.address == "i64")


def _packed(values: list[Any]) -> Any:
    """Return results as a host function gives them: None, one value, or a tuple."""
    return None if not values else values[0] if len(values) == 1 else tuple(values)


def _require_kinds(what: str, types: Sequence[t.ValType], names: Sequence[str]) -> None:
    """Raise `UsageError` unless names fit types: numbers and vectors are called by name."""
    kinds = [None if type_.is_ref else str(type_) for type_ in types]
    named = [name if name in NUMBERS or name == "v128" else None for name in names]
    if kinds != named:
        raise UsageError(
            what, expected=f"({', '.join(map(str, types))})", found=f"({', '.join(names)})"
        )


def to_guest(value: Value, type_: t.ValType) -> Any:
    """Return a value as the runtime has it."""
    if not type_.is_ref:
        return value.bits
    if value.bits is not None or not type_.nullable:
        raise _Unsupported(f"no value {SOME if value.bits else 'null'} of {type_}")
    return None


def from_guest(name: str, value: Any) -> Value:
    """Return a value of the runtime's: bits, or whether a reference is null."""
    if name in NUMBERS or name == "v128":
        return Value(name, value)
    return Value(name, None if value is None else SOME)
