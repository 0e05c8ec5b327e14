"""`.wast` scripts as subjects: each instance with its calls, and what the script asserts.

An assertion is one more judge: who contradicts it is wrong, the reference too. It judges
while the instance is alone. An instance that imports from another gets stand-ins instead,
and one that another imports from may be changed by it: from there on both are compared and
nothing more. Exhaustion is asserted of no one, since how deep a stack goes is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.request import OutcomeKind
from plumbob.engines.traps import T, same_class
from plumbob.errors import InputError
from plumbob.filetest.wast import features_of
from plumbob.filetest.wast_run_values import bits_match
from plumbob.triage.check.arguments import FUNC, NULL, SOME, Argument, written
from plumbob.triage.check.events import CALL, COMPILE, EXCEPTION, INSTANTIATE, Event, Place
from plumbob.triage.check.subject import Invocation, Subject
from plumbob.triage.shims import Observation, Seen
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text.script import (
    AssertAction,
    AssertInstance,
    AssertModule,
    AssertReturn,
    BinaryModule,
    Either,
    Get,
    InstanceCommand,
    Invoke,
    ModuleCommand,
    Number,
    Reference,
    Register,
    Thread,
    Vector,
    parse_script,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plumbob.triage.shims import Entry
    from plumbob.wasm.text.script import Action, Command, ModuleSource, Result, Value

SPECTEST: Final = "spectest"
"""The host module of the official suite, whose values stand-ins know."""


class ScriptSubject(NamedTuple):
    """An instance of a script."""

    subject: Subject
    line: int
    expected: Expected


class Expectation(NamedTuple):
    """What a script asserts of one call."""

    kind: str
    """`assert_return`, `assert_trap` or `assert_exception`."""
    results: tuple[Result, ...] = ()
    message: str = ""


class Expected:
    """What a script asserts of one subject; called as `compare.Assertion`."""

    def __init__(self) -> None:
        self.calls: dict[int, Expectation] = {}
        self.instantiation: Expectation | None = None
        self.compiles = False
        """Whether the script instantiates the module: so it is valid."""

    def __call__(self, place: Place, event: Event) -> str | None:
        """Return how an event contradicts the script; "" where it does not; None without a word."""
        if place.step == COMPILE and event.end == OutcomeKind.REJECTED and self.compiles:
            return "which the script uses as a valid module"
        expectation = None
        if place.step == CALL and place.call is not None:
            expectation = self.calls.get(place.call)
        elif place.step == INSTANTIATE:
            expectation = self.instantiation
        return None if expectation is None else contradiction(expectation, event)


def contradiction(expectation: Expectation, event: Event) -> str:
    """Return what was asserted, where an event is something else; else an empty string."""
    if expectation.kind == "assert_exception":
        return "" if event.end == EXCEPTION else "where an exception is asserted"
    if expectation.kind == "assert_trap":
        if event.end == OutcomeKind.TRAP and _is_kind(event.outcome.trap, expectation.message):
            return ""
        return f"where the trap {expectation.message!r} is asserted"
    seen = event.seen
    values = seen.values if isinstance(seen, Observation) else () if seen is None else (seen,)
    fits = (
        event.end == OutcomeKind.VALUES
        and len(values) == len(expectation.results)
        and all(map(matches, values, expectation.results))
    )
    wanted = ", ".join(map(shown, expectation.results)) or "nothing"
    return "" if fits else f"where {wanted} is asserted"


_KINDS: Final = tuple(value for name, value in vars(T).items() if name.isupper())


def _is_kind(trap: str | None, message: str) -> bool:
    """Return whether a kind of trap may be the one that a script's message means.

    A message may say more than the kind ("uninitialized element 2") or less.
    """
    meant = [kind for kind in _KINDS if message.startswith(kind) or kind.startswith(message)]
    return not meant or any(same_class(trap, kind) for kind in meant)


def matches(seen: Seen, wanted: Result) -> bool:
    """Return whether a value is as a script expects it; NaN patterns stand for sets of bits."""
    match wanted:
        case Either(alternatives):
            return any(matches(seen, each) for each in alternatives)
        case Number() | Vector():
            return seen.bits is not None and bits_match(seen.bits, wanted)
        case Reference("null"):
            return seen.shape == NULL
        case Reference(kind):
            return seen.shape == kind if kind in _TOLD else seen.shape != NULL


_TOLD: Final = ("i31", "struct", "array", "func", "exn")
"""Kinds of references that a shim tells; of others only that they are not null."""


def shown(wanted: Result) -> str:
    """Return what a script expects, in a word."""
    match wanted:
        case Either(alternatives):
            return " or ".join(map(shown, alternatives))
        case Number(type_, bits):
            return bits if isinstance(bits, str) else written(str(type_), bits)
        case Vector(shape, lanes):
            return f"{shape} {' '.join(x if isinstance(x, str) else hex(x) for x in lanes)}"
        case Reference(kind):
            return kind


class _Instance:
    """An instance of the script, as far as it is known."""

    def __init__(self, subject: Subject, line: int, *, alone: bool) -> None:
        self.subject = subject
        self.line = line
        self.alone = alone
        self.invocations: list[Invocation] = []
        self.expected = Expected()

    def act(self, action: Action, expectation: Expectation | None) -> None:
        """Note an action and what is asserted of it."""
        invocation = self._invocation(action)
        if invocation is None:
            self.alone = False
            return
        if expectation is not None and self.alone:
            self.expected.calls[len(self.invocations)] = expectation
        self.invocations.append(invocation)

    def _invocation(self, action: Action) -> Invocation | None:
        """Return the call, None where no shim can make it."""
        if isinstance(action, Get):
            known = any(probe.exported == action.name for probe in self.subject.shimmed.probes)
            return Invocation(action.name, get=True) if known else None
        entry = self.subject.entry(action.name)
        if entry is None or entry.uncallable or len(entry.params) != len(action.arguments):
            return None
        arguments = []
        for place, value in enumerate(action.arguments):
            argument = _argument(entry, place, value)
            if argument is None:
                return None
            arguments.append(argument)
            if isinstance(value, Reference) and value.kind != NULL:
                self.alone = False  # what a shim builds is not what the script's host gives
        return Invocation(action.name, tuple(arguments))

    def done(self) -> ScriptSubject:
        return ScriptSubject(self.subject.calling(self.invocations), self.line, self.expected)


def _argument(entry: Entry, place: int, value: Value) -> Argument | None:
    """Return an argument for a parameter, None where its shim cannot build it."""
    type_ = str(entry.params[place])
    match value:
        case Number(_, bits):
            return Argument(type_, int(bits))
        case Vector():
            return Argument(type_, int.from_bytes(value.data, "little"))
    shapes = entry.shapes[place] if entry.shapes else ()
    wanted = (NULL,) if value.kind == NULL else (SOME, FUNC)
    return next((Argument(type_, None, shape) for shape in wanted if shape in shapes), None)


def read_script(data: bytes, name: str, *, seed: int = 0) -> list[ScriptSubject]:
    """Return the instances of a script with their calls, in order.

    Raises `InputError` for a script that cannot be read.
    """
    features, skip = features_of(name)
    if skip is not None:
        raise InputError(f"{name}: {skip}")
    reader = _Reader(features | wasm_features.DEFAULT, seed)
    reader.read(parse_script(data, name).commands)
    return [instance.done() for instance in reader.made]


class _Reader:
    """Follows a script's commands."""

    def __init__(self, features: int, seed: int) -> None:
        self.features = features
        self.seed = seed
        self.made: list[_Instance] = []
        self.definitions: dict[str | None, tuple[bytes, int]] = {}
        self.named: dict[str, _Instance] = {}
        self.registered: dict[str, _Instance] = {}
        self.last: _Instance | None = None

    def read(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._command(command)

    def _command(self, command: Command) -> None:
        match command:
            case ModuleCommand(line, identifier, source, definition):
                binary = self._binary(source)
                self.definitions[identifier] = self.definitions[None] = (binary, line)
                if not definition:
                    self._instantiate(binary, line, identifier)
            case InstanceCommand(line, identifier, module):
                if module in self.definitions:
                    self._instantiate(self.definitions[module][0], line, identifier)
            case Register(_, name, module):
                instance = self._instance(module)
                if instance is not None:
                    self.registered[name] = instance
            case AssertModule():
                self._assert_module(command)
            case AssertInstance(line, "assert_trap", _, module, message):
                if module in self.definitions:
                    self._assert_trap(self.definitions[module][0], line, message)
            case AssertReturn(_, action, results):
                self._act(action, Expectation("assert_return", results))
            case AssertAction(_, kind, action, message):
                asserts = kind in ("assert_trap", "assert_exception")
                self._act(action, Expectation(kind, (), message) if asserts else None)
            case Invoke() | Get():
                self._act(command, None)
            case Thread(_, _, shared):
                for identifier in shared:
                    self._share(self.named.get(identifier))

    def _act(self, action: Action, expectation: Expectation | None) -> None:
        instance = self._instance(action.module)
        if instance is not None:
            instance.act(action, expectation)

    def _instance(self, identifier: str | None) -> _Instance | None:
        return self.last if identifier is None else self.named.get(identifier)

    def _share(self, instance: _Instance | None) -> None:
        if instance is not None:
            instance.alone = False

    def _instantiate(self, binary: bytes, line: int, identifier: str | None) -> _Instance:
        subject = Subject.bare(binary, self.seed)
        instance = _Instance(subject, line, alone=set(subject.imported) <= {SPECTEST})
        instance.expected.compiles = True
        for name in subject.imported:
            self._share(self.registered.get(name))
        self.made.append(instance)
        self.last = instance
        if identifier is not None:
            self.named[identifier] = instance
        return instance

    def _assert_trap(self, binary: bytes, line: int, message: str) -> None:
        last = self.last
        instance = self._instantiate(binary, line, None)
        self.last = last
        if instance.alone:
            instance.expected.instantiation = Expectation("assert_trap", (), message)

    def _assert_module(self, command: AssertModule) -> None:
        """Note a module that is invalid, or whose instantiation traps; others need real imports."""
        if command.kind == "assert_trap":
            self._assert_trap(self._binary(command.source), command.line, command.message)
            return
        if command.kind not in ("assert_invalid", "assert_malformed"):
            return
        try:
            binary = self._binary(command.source)
        except InputError:  # malformed as text: no engine here reads text
            return
        subject = Subject.bare(binary, self.seed)
        if subject.invalid is not None:
            self.made.append(_Instance(subject, command.line, alone=False))

    def _binary(self, source: ModuleSource) -> bytes:
        if isinstance(source, BinaryModule):
            return source.data
        return encode(source.parse(self.features))
