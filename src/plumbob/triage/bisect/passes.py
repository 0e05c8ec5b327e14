"""Which pass of an optimiser turns the result, and in which function.

The flags are expanded into the list of passes that they run (`Pass`), and prefixes of the
list are tried from the front, each on the original module: 0 passes (the optimiser reads
and writes), 1, 2, and so on. Results may flip more than once, since a pass can hide what
another did, so every prefix is tried and every flip told. The first flip from good to bad
is then examined. The pass is tried alone, on the original and on the module as it was before
it: a short way to reproduce the fault, where it works. It may not, since writing a module and
reading it again changes its shape. So functions are found in one go, the passes before it on
the whole module and it on one function.

A pass whose name ends in `-optimizing` runs function passes itself, on what it changed. Those
are tried one by one behind the plain pass; only if that turns the result too is one of them
named.

Functions are given names of our own, `f<index>`, that survive the passes: so a function is
told by its index in the original module, whatever was removed or reordered on the way.

Cost: for n passes, n runs of the optimiser and of the judge, fewer where a pass changes
nothing; one more of each for every function that the pass changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from plumbob.engines.errors import EngineError
from plumbob.engines.optimiser import INVALID
from plumbob.engines.request import OutcomeKind
from plumbob.triage.bisect.judge import BAD, GOOD, JUDGED
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import FUNC
from plumbob.wasm.names import NAME_SECTION, Names, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from plumbob.engines.optimiser import Optimised
    from plumbob.triage.bisect.judge import Judge, Verdict
    from plumbob.wasm.module import Module

    Follow = Callable[[Iterable[Any], str, int], Iterator[Any]]

MAX_FUNCTIONS = 1000
"""Functions that a pass is tried on alone."""

ORIGINAL: Final = "original"
BEFORE: Final = "before"
"""Modules that a pass is tried on alone: the program, or what the passes before it made."""

OPTIMIZING = "-optimizing"
"""How passes end that run others."""

_LEVEL = re.compile(r"-O([0-4sz]?)")
_LEVELS = {"": (2, 1), "s": (2, 1), "z": (2, 2)}
"""Levels of optimising and shrinking of `-O…`; a digit is the former alone."""

_KEEP_NAMES = "-g"


class PassRunner(Protocol):
    """An optimiser whose passes can be run by name (`engines.optimiser.Optimiser`)."""

    def optimise(
        self,
        module: bytes,
        flags: Sequence[str] | None = None,
        function: str | None = None,
        *,
        last: bool = False,
    ) -> Optimised:
        """Return what flags make of a module; the `last` of them of one function alone."""
        ...

    def expanded_passes(self, module: bytes, flags: Sequence[str] | None = None) -> list[str]:
        """Return the passes that flags stand for. Raises `EngineError`."""
        ...


class Pass(NamedTuple):
    """One pass of the expanded list."""

    name: str
    flag: str
    """As it is written on the command line, with its argument if it has one."""
    levels: tuple[int, int]
    """Of optimising and shrinking, at which it runs."""


class Plan(NamedTuple):
    """What flags stand for."""

    options: tuple[str, ...]
    """Flags that run nothing: features, arguments, assumptions."""
    passes: tuple[Pass, ...]

    def flags(self, first: int, last: int) -> list[str]:
        """Return flags that run the passes from `first` up to, not including, `last`."""
        flags = list(self.options)
        levels = None
        for step in self.passes[first:last]:
            if step.levels != levels:
                levels = step.levels
                flags += [f"--optimize-level={levels[0]}", f"--shrink-level={levels[1]}"]
            flags.append(step.flag)
        return flags


class Flip(NamedTuple):
    """Where a longer prefix has another result."""

    length: int
    """Passes of the prefix, the one that turns the result being the last."""
    name: str
    """That pass."""
    result: str
    """What it turns the result into."""


@dataclass(frozen=True)
class FunctionName:
    """A function of the original module, or one that the optimiser made."""

    index: int | None
    """In the original module, imports counted; None where the optimiser made it."""
    name: str | None


class PassSearch(NamedTuple):
    """What was found out about the passes of one release."""

    version: str
    passes: tuple[str, ...] = ()
    """The expanded list."""
    flips: tuple[Flip, ...] = ()
    prefix: tuple[str, ...] = ()
    """Flags of the shortest bad prefix, ready to be typed."""
    name: str | None = None
    """The pass that turns the result first."""
    within: str | None = None
    """The pass of the list that runs it, where it stands in none itself."""
    alone_on: str | None = None
    """The module on which it does so alone: ORIGINAL, else BEFORE, else None."""
    function: FunctionName | None = None
    """The only function that it needs to be run on."""
    where: str = ""
    gave: str = ""
    expected: str = ""
    """Of the shortest bad prefix, as in `judge.Verdict`."""
    notes: tuple[str, ...] = ()
    """Why something is not known."""


def expand(optimiser: PassRunner, module: bytes, flags: Sequence[str]) -> Plan:
    """Return the options and passes that flags stand for, in order.

    Raises `EngineError` where the release does not tell.
    """
    names = optimiser.expanded_passes(module, flags)
    known = set(names)
    options: list[str] = []
    written: dict[str, str] = {}
    steps: list[tuple[int, tuple[int, int] | None]] = []
    for place, flag in enumerate(flags):
        level = _LEVEL.fullmatch(flag)
        name = flag.removeprefix("--").partition("=")[0]
        if level:
            steps.append((place, _levels(level[1])))
        elif flag.startswith("--") and name in known:
            written[name] = flag
            steps.append((place, None))
        else:
            options.append(flag)
    given = [levels for _, levels in steps if levels is not None]
    last = given[-1] if given else (0, 0)
    if len(given) < 2:
        levels_of = [last] * len(names)
    else:  # each level's passes run at it, passes by name at the last one
        levels_of = []
        for place, levels in steps:
            head = optimiser.expanded_passes(module, flags[: place + 1])
            levels_of += [levels or last] * (len(head) - len(levels_of))
    passes = [
        Pass(name, written.get(name, f"--{name}"), levels)
        for name, levels in zip(names, [*levels_of, *([last] * len(names))], strict=False)
    ]
    return Plan(tuple(options), tuple(passes))


def _levels(text: str) -> tuple[int, int]:
    return _LEVELS[text] if text in _LEVELS else (int(text), 0)


class _Outcome(NamedTuple):
    """What became of a run of passes."""

    verdict: Verdict
    module: bytes
    """Empty where the optimiser made none."""
    fault: bool = False
    """Whether the optimiser itself failed: every longer prefix would."""


class _Turn(NamedTuple):
    """Where a pass turns a good result into a bad one."""

    plan: Plan
    length: int
    """Passes up to and with it."""
    before: bytes
    """The module that the passes before it make."""
    after: _Outcome

    @property
    def step(self) -> Pass:
        """The pass."""
        return self.plan.passes[self.length - 1]


class PassHunt:
    """A search for the pass and function that turn a program's result."""

    def __init__(
        self,
        optimiser: PassRunner,
        engine: str,
        judge: Judge,
        module: bytes,
        follow: Follow = lambda items, label, total: iter(items),  # noqa: ARG005  # takes what progress takes
    ) -> None:
        self._optimiser = optimiser
        self._engine = engine
        self._judge = judge
        self._original = decode(module, features=wasm_features.ALL)
        self._names = _safe_names(self._original)
        self._module = _named(self._original)
        self._follow = follow
        self._known: dict[bytes, Verdict] = {}

    def search(self, version: str, flags: Sequence[str]) -> PassSearch:
        """Return what the flags' passes do to the module, on this release."""
        try:
            plan = expand(self._optimiser, self._module, flags)
        except EngineError as error:
            return PassSearch(version, notes=(str(error),))
        found = PassSearch(version, tuple(step.name for step in plan.passes))
        shown, plan = plan, plan._replace(options=(*plan.options, _KEEP_NAMES))
        start, flips, turn = self._scan(plan)
        if start.verdict.result == BAD:
            note = "reading and writing the module turns the result already, without any pass"
            return _with(found, start.verdict)._replace(notes=(note,))
        found = found._replace(flips=flips)
        if turn is None:
            note = "run one by one, the passes do not turn the result"
            return found._replace(notes=(note,))
        found = _with(found, turn.after.verdict)._replace(
            prefix=tuple(shown.flags(0, turn.length)), name=turn.step.name
        )
        inner = None if turn.after.fault else self._nested(turn)
        if inner is not None:
            found = found._replace(name=inner.step.name, within=turn.step.name)
            turn = inner
        function, note = self._function(turn)
        return found._replace(
            alone_on=self._alone(turn), function=function, notes=(note,) if note else ()
        )

    def _scan(self, plan: Plan, first: int = 0) -> tuple[_Outcome, tuple[Flip, ...], _Turn | None]:
        """Try all prefixes of a plan, from `first` passes on.

        Returns the outcome of the first, the flips, and the first one from good to bad.
        """
        start = last = self._run(self._module, plan.flags(0, first))
        result = start.verdict.result
        flips: list[Flip] = []
        turn = None
        lengths = range(first + 1, len(plan.passes) + 1)
        for length in self._follow(lengths, "trying passes", len(lengths)):
            outcome = self._run(self._module, plan.flags(0, length))
            now = outcome.verdict.result
            if now in JUDGED and now != result:
                flips.append(Flip(length, plan.passes[length - 1].name, now))
                if now == BAD and result == GOOD and turn is None:
                    turn = _Turn(plan, length, last.module, outcome)
            if now in JUDGED:
                result = now
            if outcome.fault:
                break
            if outcome.module:
                last = outcome
        return start, tuple(flips), turn

    def _run(self, module: bytes, flags: Sequence[str], function: str | None = None) -> _Outcome:
        """Run flags on a module; with `function`, the last pass on that function alone."""
        made = self._optimiser.optimise(module, flags, function, last=function is not None)
        if made.kind == OutcomeKind.OK:
            verdict = self._known.get(made.module)
            if verdict is None:
                verdict = self._judge.judge_optimised(self._engine, made)
                self._known[made.module] = verdict
            return _Outcome(verdict, made.module)
        fault = made.kind not in (INVALID, OutcomeKind.UNSUPPORTED, OutcomeKind.REJECTED)
        return _Outcome(self._judge.judge_optimised(self._engine, made), b"", fault)

    def _nested(self, turn: _Turn) -> _Turn | None:
        """Return the same for the passes that a pass runs itself, None if they do nothing."""
        step, plan = turn.step, turn.plan
        if not step.name.endswith(OPTIMIZING):
            return None
        outer = [other.name.endswith(OPTIMIZING) for other in plan.passes]
        names = [step.name.removesuffix(OPTIMIZING), "precompute-propagate"]
        names += [other.name for other in plan.passes[: outer.index(True)]]
        inner = [Pass(name, f"--{name}", step.levels) for name in names]
        before = plan.passes[: turn.length - 1]
        _, _, found = self._scan(plan._replace(passes=(*before, *inner)), len(before))
        return None if found is None or found.after.fault else found

    def _alone(self, turn: _Turn) -> str | None:
        """Return which module a single run of the pass turns, or None."""
        flags = turn.plan._replace(passes=(turn.step,)).flags(0, 1)
        for name, module in ((ORIGINAL, self._module), (BEFORE, turn.before)):
            outcome = self._run(module, flags)
            if outcome.verdict.result == BAD and outcome.fault == turn.after.fault:
                return name
        return None

    def _function(self, turn: _Turn) -> tuple[FunctionName | None, str]:
        """Return the first function on which the pass turns the result, or why not."""
        name = turn.step.name
        candidates = _changed(turn.before, turn.after.module)
        if len(candidates) > MAX_FUNCTIONS:
            return None, f"{name} changes {len(candidates)} functions, which were not tried alone"
        flags = turn.plan.flags(0, turn.length)
        failing = []
        for candidate in self._follow(candidates, "trying functions", len(candidates)):
            outcome = self._run(self._module, flags, candidate)
            # A pass over whole modules fails when it is given a function. That says nothing,
            # unless failing is what is looked for, and it does not fail on every function.
            if outcome.fault:
                failing.append(candidate)
            elif outcome.verdict.result == BAD and not turn.after.fault:
                return self._told(candidate), ""
        everywhere = len(failing) == len(candidates) > 1
        if turn.after.fault and failing and not everywhere:
            return self._told(failing[0]), ""
        return None, f"{name} turns the result on no function alone"

    def _told(self, name: str) -> FunctionName:
        """Return what a function of an optimised module was in the original."""
        match = re.fullmatch(r"f(\d+)", name)
        count = len(self._original.imported(FUNC)) + len(self._original.functions)
        if match and int(match[1]) < count:
            index = int(match[1])
            return FunctionName(index, self._names.name_of("func", index))
        return FunctionName(None, name)


def _with(found: PassSearch, verdict: Verdict) -> PassSearch:
    return found._replace(where=verdict.where, gave=verdict.gave, expected=verdict.expected)


def _named(module: Module) -> bytes:
    """Return the module with a name section that names each function by its index."""
    names = Names()
    count = len(module.imported(FUNC)) + len(module.functions)
    names.direct["func"] = {index: f"f{index}" for index in range(count)}
    customs, old = module.customs, module.names
    try:
        module.customs = [custom for custom in customs if custom.name != NAME_SECTION]
        module.names = names
        return encode(module)
    finally:
        module.customs, module.names = customs, old


def _safe_names(module: Module) -> Names:
    try:
        return names_of(module)
    except MalformedError:  # a module is valid all the same
        return Names()


def _changed(before: bytes, after: bytes) -> list[str]:
    """Return the names of functions whose code differs; all of them without an `after`."""
    old = _bodies(before)
    new = _bodies(after) if after else {}
    return [name for name, body in old.items() if new.get(name) != body]


def _bodies(module: bytes) -> dict[str, bytes]:
    decoded = decode(module, features=wasm_features.ALL)
    names = _safe_names(decoded)
    first = len(decoded.imported(FUNC))
    bodies = {}
    for place, code in enumerate(decoded.code):
        name = names.name_of("func", first + place)
        if name is not None:
            bodies[name] = code.body
    return bodies
