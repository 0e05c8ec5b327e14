"""One program with what is called of it, ready for any engine.

A subject is made from the bytes of a module once: its imports get stand-ins, its exports
shims, and the calls are fixed. `over` puts the same calls on what an optimiser made of it.

Calls are made in *sessions*: some of the calls in one fresh instance, then a look at its
state. Which calls share an instance is the reference's to decide (`plan.py`); whoever else
runs the program gets the same sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.request import Request
from plumbob.errors import UsageError
from plumbob.triage.check.arguments import Argument, choose, choose_hinted, read_arguments
from plumbob.triage.check.events import Event
from plumbob.triage.check.hints import Reader
from plumbob.triage.check.sequences import Effects, second_round
from plumbob.triage.shims import Entry, Probe, Shimmed, add_shims
from plumbob.triage.shims.uses import Uses
from plumbob.triage.standins import (
    CALLING,
    HOST,
    PLAIN,
    Callbacks,
    LoggedCall,
    LogReader,
    StoodIn,
    WasiInput,
    draw,
    stand_in,
)
from plumbob.triage.standins.callbacks import NONE as NO_CALLBACKS
from plumbob.triage.standins.plan import DEFAULT_INPUT
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.module import FUNC
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.request import Answer, Call, Outcome
    from plumbob.wasm.module import Module

START, INITIALIZE = "_start", "_initialize"
"""What a WASI command, and a WASI reactor, exports to begin with."""


HINTED = 2
"""Times the calls of an export that are made besides with the program's numbers, at most."""
ALL_HINTED = 2000
"""How many such calls there are of all exports together, one of each aside."""


WORLD_CALLS = 3
"""How many calls of an export are made in each of the other worlds."""
ALL_WORLD_CALLS = 150
"""How many calls are made in each of the other worlds."""
MOST_BYTES = 1 << 20
"""Bytes of a module up to which there are other worlds: each is a module more to compile."""


class Invocation(NamedTuple):
    """A call of an export."""

    export: str
    args: tuple[Argument, ...] = ()
    chosen: bool = False
    """Whether the arguments are Plumbob's choice, not the user's."""
    get: bool = False
    """Whether it reads an exported global instead of calling a function."""
    world: int = PLAIN
    """What stands in for imports (`standins/callbacks.py`)."""


class Session(NamedTuple):
    """Calls in one fresh instance, and the state afterwards."""

    request: Request
    steps: tuple[Entry | Probe, ...]
    """What reads each call's results."""
    places: tuple[int | None, ...]
    """Of each call, its place in the subject's invocations; None for a look at the state."""
    log: LogReader
    world: int = PLAIN

    def read(self, answer: Answer) -> tuple[Event, ...]:
        """Return the events of an answer: compiling, instantiating, then one for each call."""
        events = [Event(answer.compiled)]
        events.append(Event(answer.instantiated, None, self._logged(answer.instantiated)))
        for step, outcome in zip(self.steps, answer.results, strict=True):
            events.append(Event(outcome, step.observe(outcome), self._logged(outcome)))
        return tuple(events)

    def _logged(self, outcome: Outcome) -> tuple[LoggedCall, ...]:
        return self.log.read(outcome.calls) if outcome.calls else ()


@dataclass(frozen=True)
class Subject:
    """A module, its calls, and what they need."""

    module: bytes
    """As it was given."""
    seed: int
    invocations: tuple[Invocation, ...]
    shimmed: Shimmed
    stood: StoodIn | None
    """None for a module that is not valid."""
    imported: tuple[str, ...] = ()
    """The names of the modules that it imports from, without repetitions."""
    imported_kinds: frozenset[int] = frozenset()
    """The kinds of what it imports: `wasm.module.FUNC`, ..."""
    invalid: str | None = None
    """Why the module is not valid, by the reference; then it is only compiled."""
    malformed: bool = False
    """Whether it is not even a module of the binary format."""
    callbacks: Callbacks = NO_CALLBACKS
    """Who calls back in worlds other than the plain one."""
    given: WasiInput = DEFAULT_INPUT
    """What a WASI program is given."""

    @staticmethod
    def prepare(
        module: bytes,
        *,
        invocations: Sequence[tuple[str, Sequence[str]]] = (),
        seed: int = 0,
        calls: int = 4,
        worlds: bool = True,
        given: WasiInput = DEFAULT_INPUT,
    ) -> Subject:
        """Return the subject of a module in the binary format.

        `invocations` name exports with arguments as words; without any, each exported
        function is called up to `calls` times with arguments chosen from `seed`. With
        `worlds` calls that may reach an import are made in the other worlds too. Raises
        `UsageError` for an invocation that the module does not permit, `ComponentError` for
        a component.
        """
        subject = Subject.bare(module, seed, given)
        if subject.invalid is not None:
            return subject
        if invocations:
            plain = [subject.invocation(*each) for each in invocations]
        else:
            plain = subject.chosen(calls)
        return subject.in_worlds(plain) if worlds else subject.calling(plain)

    def in_worlds(self, plain: Sequence[Invocation]) -> Subject:
        """Return this subject with calls, and some of them in the other worlds too.

        Those of functions that may call an import; with few arguments each, since it is the
        imports that differ.
        """
        module = decode(self.module, features=wasm_features.ALL)
        if not module.imported(FUNC) or len(self.module) > MOST_BYTES:
            return self.calling(plain)
        callbacks = _drawn(module, self.seed)
        worlds = [CALLING] if callbacks.turns else []
        if callbacks.crossing().turns:
            worlds.append(HOST)
        effects = Effects(module)
        functions = {item.name: item.index for item in module.exports if item.kind == FUNC}
        again: list[Invocation] = []
        counts: dict[str, int] = {}
        for each in plain:
            counts[each.export] = counts.get(each.export, 0) + 1
            if counts[each.export] <= WORLD_CALLS and effects.imports(functions[each.export]):
                again.append(each)
        further = [
            each._replace(world=world, chosen=True)
            for world in worlds
            for each in again[:ALL_WORLD_CALLS]
        ]
        return replace(self, invocations=(*plain, *further), callbacks=callbacks)

    @staticmethod
    def bare(module: bytes, seed: int = 0, given: WasiInput = DEFAULT_INPUT) -> Subject:
        """Return the subject of a module without any calls yet."""
        try:
            decoded = decode(module, features=wasm_features.ALL)
        except ComponentError:
            raise
        except MalformedError as error:
            empty = Shimmed(module, (), ())
            return Subject(module, seed, (), empty, None, invalid=error.message, malformed=True)
        report = validate(decoded, features=wasm_features.ALL)
        if not report.ok:
            reason = report.diagnostics[0].message
            return Subject(module, seed, (), Shimmed(module, (), ()), None, invalid=reason)
        stood = stand_in(decoded, seed, given)
        imported = tuple(dict.fromkeys(item.module for item in decoded.imports))
        kinds = frozenset(item.kind for item in decoded.imports)
        return Subject(module, seed, (), add_shims(stood.module), stood, imported, kinds)

    def calling(self, invocations: Sequence[Invocation]) -> Subject:
        """Return this subject with other calls; who calls back is drawn where some ask for it."""
        callbacks = self.callbacks
        elsewhere = any(each.world != PLAIN for each in invocations)
        if elsewhere and callbacks is NO_CALLBACKS and self.invalid is None:
            callbacks = _drawn(decode(self.module, features=wasm_features.ALL), self.seed)
        return replace(self, invocations=tuple(invocations), callbacks=callbacks)

    def entry(self, export: str, world: int = PLAIN) -> Entry | None:
        """Return the exported function of a name."""
        return self._entries[world].get(export)

    @cached_property
    def _entries(self) -> list[dict[str, Entry]]:
        return [{entry.name: entry for entry in one.entries} for one, _ in self._worlds]

    @cached_property
    def _worlds(self) -> list[tuple[Shimmed, StoodIn | None]]:
        """The module as it is in each world that calls are made in."""
        worlds: list[tuple[Shimmed, StoodIn | None]] = [(self.shimmed, self.stood)]
        most = max((each.world for each in self.invocations), default=PLAIN)
        if self.invalid is None and most > PLAIN:
            decoded = decode(self.module, features=wasm_features.ALL)
            for world in range(PLAIN + 1, most + 1):
                stood = stand_in(
                    decoded, self.seed, self.given, world=world, callbacks=self.callbacks
                )
                worlds.append((add_shims(stood.module), stood))
        return worlds

    def invocation(self, export: str, words: Sequence[str]) -> Invocation:
        """Return the call that words describe. Raises `UsageError`."""
        entry = self.entry(export)
        if entry is None:
            known = [each.name for each in self.shimmed.entries]
            raise UsageError(
                f"no function {export!r} is exported",
                expected=f"one of {', '.join(known)}" if known else None,
            )
        invocation = Invocation(export, read_arguments(entry.params, words, export))
        entry.call(invocation.args)
        return invocation

    def chosen(self, calls: int) -> list[Invocation]:
        """Return the calls that are made where the user names none.

        A WASI command's `_start` alone; else a reactor's `_initialize`, then every exported
        function in turn, `calls` times and more with the program's own numbers, and then a
        second round (`sequences.py`).
        """
        names = [entry.name for entry in self.shimmed.entries]
        if START in names and self._is_plain(START):
            return [Invocation(START)]
        first = (
            [Invocation(INITIALIZE)] if INITIALIZE in names and self._is_plain(INITIALIZE) else []
        )
        called = [
            entry
            for entry in self.shimmed.entries
            if not (first and entry.name == INITIALIZE) and not entry.uncallable
        ]
        module = decode(self.module, features=wasm_features.ALL)
        functions = {item.name: item.index for item in module.exports if item.kind == FUNC}
        hints = Reader(module)
        most = min(HINTED * calls, max(1, ALL_HINTED // max(1, len(called))))
        rows = {}
        for entry in called:
            given = entry.params, entry.shapes, self.seed
            own = choose(entry.name, *given, calls)
            more = choose_hinted(entry.name, *given, most, hints.of(functions[entry.name]))
            rows[entry.name] = list(dict.fromkeys((*own, *more)))
        effects = Effects(module)
        doing = {entry.name: effects.of(functions[entry.name]) for entry in called}
        again = second_round(rows, doing, self.seed)
        return first + [
            Invocation(name, args, chosen=bool(args))
            for name, args in [*((name, args) for name in rows for args in rows[name]), *again]
        ]

    def _is_plain(self, name: str) -> bool:
        entry = self.entry(name)
        return entry is not None and not entry.params and not entry.results

    @property
    def uncallable(self) -> tuple[tuple[str, str], ...]:
        """Exported functions that cannot be called, with the reason."""
        return tuple(
            (each.name, each.uncallable) for each in self.shimmed.entries if each.uncallable
        )

    def over(self, optimised: bytes) -> Subject:
        """Return the same calls on what an optimiser made of the module."""
        other = Subject.bare(optimised, self.seed, self.given)
        return replace(other, invocations=self.invocations, callbacks=self.callbacks)

    def missing(self) -> str | None:
        """Return a called export that this module lacks, or None."""
        known = {entry.name for entry in self.shimmed.entries if not entry.uncallable}
        known |= {probe.exported for probe in self.shimmed.probes if probe.exported is not None}
        return next((each.export for each in self.invocations if each.export not in known), None)

    def session(self, places: Sequence[int], *, last: int | None = None) -> Session:
        """Return the session of some invocations, by their places.

        They are of one world. The state is looked at after them, and before `last`, a further
        call of which nothing is expected that could leave a state to compare.
        """
        world = next(
            (self.invocations[place].world for place in (*places, last) if place is not None), 0
        )
        shimmed, stood = self._worlds[world]
        steps: list[Entry | Probe] = []
        calls: list[Call] = []
        for place in [*places, None, *([] if last is None else [last])]:
            if place is None:
                steps += shimmed.probes
                calls += [probe.call for probe in shimmed.probes]
                continue
            step, call = self._step(self.invocations[place])
            steps.append(step)
            calls.append(call)
        where = [*places, *[None] * len(shimmed.probes), *([] if last is None else [last])]
        imports = () if stood is None else stood.imports
        log = LogReader({}, None, ()) if stood is None else stood.log
        request = Request(shimmed.module, tuple(calls), imports)
        return Session(request, tuple(steps), tuple(where), log, world)

    def _step(self, invocation: Invocation) -> tuple[Entry | Probe, Call]:
        if invocation.get:
            probe = next(p for p in self.shimmed.probes if p.exported == invocation.export)
            return probe, probe.call
        entry = self.entry(invocation.export, invocation.world)
        assert entry is not None  # noqa: S101  # `missing` was asked
        return entry, entry.call(invocation.args)

    @property
    def request(self) -> Request:
        """All calls of the plain world in one instance, as one request."""
        plain = [place for place, one in enumerate(self.invocations) if one.world == PLAIN]
        return self.session(plain).request


def _drawn(module: Module, seed: int) -> Callbacks:
    return draw(module, seed, tells_types=Uses(module).gc)
