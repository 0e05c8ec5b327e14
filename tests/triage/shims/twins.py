"""Scripts run twice: as they are, and with every module shimmed; both must see the same.

The second run calls functions through their shims where the arguments can be made, and reads
results through observations, which `model.py` predicts from the first run's values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.triage.shims.model import Model, state

from plumbob.engines.request import Outcome, Value
from plumbob.exec.interp.outcome import GuestException
from plumbob.exec.interp.wasm_exceptions import WasmException
from plumbob.filetest.wast import features_of
from plumbob.filetest.wast_run import RunStage
from plumbob.frontend import ModuleEnvironment
from plumbob.runtime.references import FuncRef
from plumbob.runtime.traps import GuestTrap, describe
from plumbob.triage.check.arguments import Argument
from plumbob.triage.shims import Entry, Observation, Probe, Seen, Shimmed, add_shims
from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.module import TAG
from plumbob.wasm.text.script import Get, Invoke, Number, Reference, Vector, parse_script
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.engines.request import Call
    from plumbob.runtime.instance import Instance
    from plumbob.wasm.module import Module
    from plumbob.wasm.text.script import Action, Command, ModuleSource
    from plumbob.wasm.text.script import Value as Given


class Event(NamedTuple):
    """What one call came to; `raw` values were not told by a shim."""

    kind: str
    what: Any
    instance: Instance
    entry: Entry | None = None


class Original(RunStage):
    """Runs a script as it is, and records."""

    def __init__(self, features: int, dead_code: str) -> None:
        super().__init__(features, dead_code)
        self.events: list[Event] = []
        self.made: list[Instance] = []

    def instantiate(self, environment: ModuleEnvironment) -> Instance:
        instance = super().instantiate(environment)
        self.made.append(instance)
        return instance

    def _perform(self, action: Action | Command) -> tuple[Any, ...]:
        assert isinstance(action, (Invoke, Get))
        instance = self._instance(action.module)
        try:
            results = self.act(action, instance)
        except GuestTrap as trap:
            # What follows the kind tells types by ids, which differ between two stores.
            self.events.append(Event("trap", describe(trap).partition(":")[0], instance))
            raise
        except WasmException as thrown:
            self.events.append(Event("exception", thrown.exception, instance))
            raise
        return results

    def act(self, action: Action | Command, instance: Instance) -> tuple[Any, ...]:
        results = super()._perform(action)
        self.events.append(Event("raw", results, instance))
        return results


class Twin(Original):
    """Runs the shimmed modules."""

    def __init__(
        self, features: int, dead_code: str, shim: Callable[[Module], Shimmed] = add_shims
    ) -> None:
        super().__init__(features, dead_code)
        self.shim = shim
        self.shimmed: dict[int, tuple[ModuleEnvironment, Shimmed]] = {}
        self.through = 0
        """Calls through shims."""

    def _prepare(self, source: ModuleSource) -> ModuleEnvironment:
        module = super()._prepare(source).module
        before = encode(module)
        shimmed = self.shim(module)
        assert encode(module) == before, "the module given has changed"
        require_same_features(before, shimmed.module, self.features, self.dead_code)
        typed = self.validation.typed
        edited = decode(
            shimmed.module, module.name, features=self.features, allow_unreachable_type=typed
        )
        edited.exports.extend(export for export in module.exports if export.kind == TAG)
        environment = ModuleEnvironment(edited)
        self.shimmed[id(environment)] = environment, shimmed
        return environment

    def of(self, instance: Instance) -> Shimmed:
        return self.shimmed[id(instance.environment)][1]

    def act(self, action: Action | Command, instance: Instance) -> tuple[Any, ...]:
        if not isinstance(action, Invoke):
            return super().act(action, instance)
        entries = (entry for entry in self.of(instance).entries if entry.name == action.name)
        entry = next(entries, None)
        arguments = None if entry is None else arguments_of(entry, action.arguments)
        if entry is None or arguments is None:
            return super().act(action, instance)
        try:
            outcome = self.call(instance, entry.call(arguments))
        except WasmException:
            assert not can_throw(instance.module), "an exception has passed a shim"
            raise
        seen = entry.observe(outcome)
        self.through += entry.export != entry.name
        self.events.append(Event("seen", seen, instance, entry))
        if seen is None or seen.kind != "values":
            raise GuestException(0, ())
        return ()  # what the script expects of it, the first run is asked

    def call(self, instance: Instance, call: Call) -> Outcome:
        given = [value.bits for value in call.args]
        function = instance.exports[call.export]
        assert isinstance(function, FuncRef)
        results = self.store.executor.invoke(function, given)
        pairs = zip(call.results, results, strict=True)
        return Outcome("values", tuple(Value(*pair) for pair in pairs))

    def probe(self, instance: Instance, probe: Probe) -> Seen | None:
        return probe.observe(self.call(instance, probe.call))


def arguments_of(entry: Entry, given: tuple[Given, ...]) -> list[Argument] | None:
    """A script's arguments as a shim takes them; None where one cannot be made."""
    arguments = []
    for value, shapes in zip(given, entry.shapes, strict=True):
        match value:
            case Number(type_, bits):
                arguments.append(Argument(str(type_), int(bits)))
            case Vector():
                arguments.append(Argument("v128", int.from_bytes(value.data, "little")))
            case Reference("null") if "null" in shapes:
                arguments.append(Argument("", None, "null"))
            case _:
                return None
    return arguments


BRING_MULTI_VALUE = f.SIMD | f.EXCEPTIONS | f.LEGACY_EXCEPTIONS
"""Features that may bring `multi-value` along."""


def require_same_features(before: bytes, after: bytes, features: int, dead_code: str) -> None:
    """Whatever feature the module does without, its shims do without."""
    report = validate(after, features=features, dead_code=dead_code)
    assert report.ok, report.diagnostics[0]
    for flag in f.NAMES.values():
        less = f.close(features & ~flag)
        if not flag & features or not validate(before, features=less, dead_code=dead_code).ok:
            continue
        if flag == f.MULTI_VALUE:
            plain = f.close(less & ~BRING_MULTI_VALUE)
            if not validate(before, features=plain, dead_code=dead_code).ok:
                continue
        again = validate(after, features=less, dead_code=dead_code)
        assert again.ok, again.diagnostics[0]


class Compared(NamedTuple):
    """How much of a script was compared."""

    modules: int = 0
    calls: int = 0
    shims: int = 0
    probes: int = 0


def compare_script(
    path: str, data: bytes, shim: Callable[[Module], Shimmed] = add_shims
) -> Compared:
    """Run a script's commands on both stages and require that they see the same."""
    features, skip = features_of(path)
    if skip:
        return Compared()
    script = parse_script(data, path)
    original, twin = Original(features, "polymorphic"), Twin(features, "polymorphic", shim)
    for command in script.commands:
        at = len(original.events)
        original.judge(command)
        twin.judge(command)
        where = f"{path}:{command.line}"
        assert len(original.events) == len(twin.events), where
        for event, other in zip(original.events[at:], twin.events[at:], strict=True):
            compare_events(original, event, other, where)
    assert len(original.made) == len(twin.made)
    probes = 0
    for instance, shadow in zip(original.made, twin.made, strict=True):
        probes += compare_state(original, instance, twin, shadow)
    return Compared(len(twin.shimmed), len(twin.events), twin.through, probes)


def can_throw(module: Module) -> bool:
    """Whether a module has tags and operators that throw or catch."""
    forms = (f.EXCEPTIONS, f.LEGACY_EXCEPTIONS)
    return bool(module.tags or module.imported(TAG)) and any(
        not validate(encode(module), features=f.close(f.ALL & ~form)).ok for form in forms
    )


def uses_gc(module: Module) -> bool:
    """Whether references are told apart, by the validator's word."""
    return not validate(encode(module), features=f.close(f.ALL & ~f.GC)).ok


def compare_events(original: Original, event: Event, other: Event, where: str) -> None:
    if event.kind == "trap" or other.kind in ("trap", "raw", "exception"):
        assert event.kind == other.kind, (where, event, other)
        if event.kind == "trap":
            assert event.what == other.what, where
        return
    seen, entry = other.what, other.entry
    assert isinstance(seen, Observation)
    assert entry is not None
    model = Model(original.store, gc=uses_gc(event.instance.module))
    if event.kind == "raw":
        expected = Observation("values", model.all_seen(event.what, entry.results))
        assert seen == expected, where
        return
    thrown = event.what
    assert seen.kind == "exception", where
    places = [i for i, tag in enumerate(event.instance.tags) if tag is thrown.tag]
    if not places:
        assert seen.tag is None, where
        return
    assert entry.tags is not None
    tag = entry.tags[places[0]]
    assert (seen.tag, seen.named) == (tag.name, tag.named), where
    assert seen.values == model.all_seen(thrown.values, tag.types), where


def compare_state(original: Original, instance: Instance, twin: Twin, shadow: Instance) -> int:
    """Compare what probes tell of one instance with the state of the other."""
    model = Model(original.store, gc=uses_gc(instance.module))
    probes = twin.of(shadow).probes
    for probe in probes:
        seen = twin.probe(shadow, probe)
        if probe.what.startswith("globals"):
            continue
        expected = state(model, instance, probe)
        found = seen.bits if isinstance(expected, int) and seen is not None else seen
        assert found == expected, (instance.name, probe.what)
    return len(probes)
