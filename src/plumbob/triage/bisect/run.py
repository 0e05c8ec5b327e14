"""A bisection from end to end: releases, then options or passes of a bad one.

What a name says beside the kind is kept for every release: its options. Its version, if it
has one, says which release is looked at closely: under which options it is bad, or by which
pass; without one it is the last bad release of each range, or the last bad one of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.errors import EngineError
from plumbob.engines.kinds import KINDS
from plumbob.engines.opening import open_optimiser
from plumbob.engines.spec import EngineSpec, parse_spec, release_key
from plumbob.engines.tool import TOOL
from plumbob.errors import UsageError
from plumbob.triage.bisect.judge import BAD, GOOD, SKIPPED, Verdict
from plumbob.triage.bisect.passes import PassHunt, PassSearch
from plumbob.triage.bisect.ranges import Range, ranges_of
from plumbob.triage.bisect.releases import Trials, engine_name, list_releases, settings_of
from plumbob.triage.bisect.search import next_places, sample
from plumbob.triage.bisect.store import Forgetful, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any

    from plumbob.engines.cache import Cache
    from plumbob.engines.process import Limits
    from plumbob.triage.bisect.judge import Judge
    from plumbob.triage.bisect.passes import PassRunner

RESULTS = "results"
"""The folder of verdicts, in the engines' cache."""

LARGE = frozenset({"deno", "node", "bun"})
"""Kinds whose releases take 90 to 210 MB each: a sample of them is tried."""


class Tried(NamedTuple):
    """A release and what came of it."""

    version: str
    verdict: Verdict


class Setting(NamedTuple):
    """A bad release with one option set to one of its values."""

    version: str
    option: str
    value: str
    verdict: Verdict


class Found(NamedTuple):
    """The result of a bisection."""

    engine: str
    """As it was typed."""
    kind: str
    releases: tuple[Tried, ...]
    """Every release that was tried or skipped, the oldest first."""
    not_tried: tuple[str, ...]
    """Releases that the sample left out, the oldest first."""
    ranges: tuple[Range, ...]
    settings: tuple[Setting, ...] = ()
    passes: PassSearch | None = None
    notes: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether any release is bad."""
        return bool(self.ranges)


class Bisection:
    """Bisects releases of an engine by a judge's verdicts.

    `follow` wraps what takes long, for progress: (items, label, total) to the same items.
    `announce` is told what is installed.
    """

    def __init__(
        self,
        judge: Judge,
        cache: Cache,
        *,
        limits: Limits | None = None,
        announce: Callable[[str], None] | None = None,
        follow: Callable[[Iterable[Any], str, int], Iterator[Any]] | None = None,
        open_passes: Callable[[str], AbstractContextManager[PassRunner]] | None = None,
    ) -> None:
        self._judge = judge
        self._cache = cache
        self._limits = limits
        self._announce = announce
        self._follow = follow or (lambda items, label, total: iter(items))  # noqa: ARG005  # the signature of progress
        self._open_passes = open_passes or self._open

    def run(
        self,
        engine: str,
        *,
        oldest: str | None = None,
        newest: str | None = None,
        exhaustive: bool = False,
        commands: Mapping[str, str] | None = None,
    ) -> Found:
        """Return which releases of an engine are bad on a program, and how.

        `commands` are those of a `tool` by release, the oldest first.
        Raises `UsageError` for what names no engine with releases, or bounds that leave
        none, `RegistryError` where nothing is known of any release.
        """
        spec = parse_spec(engine)
        if spec.kind == TOOL:
            return self._run_tool(engine, spec, commands)
        if commands is not None:
            raise UsageError(f"{spec.kind} has releases of its own", expected=TOOL)
        if KINDS[spec.kind].registry is None:
            raise UsageError(f"{spec.kind} is part of Plumbob and has no releases to bisect")
        if KINDS[spec.kind].optimises and not spec.option("passes"):
            raise UsageError(
                f"{spec.kind} without flags changes nothing", expected=f"{spec.kind}:passes=-O2"
            )
        return self._run_releases(engine, spec, oldest, newest, exhaustive=exhaustive)

    def _run_tool(self, engine: str, spec: EngineSpec, commands: Mapping[str, str] | None) -> Found:
        if commands is None:
            raise UsageError(
                f"{TOOL} has no releases", expected="--releases FILE, of lines RELEASE: COMMAND"
            )
        trials = Trials(spec, self._cache, self._judge, Forgetful(), self._announce, commands)
        versions = tuple(commands)
        results = self._search(trials, versions, spec.kind, exhaustive=True)
        tried = tuple(Tried(version, results[version]) for version in versions)
        ranges = tuple(ranges_of((one.version, one.verdict.result) for one in tried))
        return Found(engine, spec.kind, tried, (), ranges)

    def _run_releases(
        self, engine: str, spec: EngineSpec, oldest: str | None, newest: str | None,
        *, exhaustive: bool,
    ) -> Found:  # fmt: skip
        listed = list_releases(spec.kind, self._cache, oldest, newest)
        trials = self._trials(spec)
        results = self._search(trials, listed.versions, spec.kind, exhaustive=exhaustive)
        results = plain_fault(results)
        tried = [Tried(v, results[v]) for v in listed.versions if v in results]
        ranges = tuple(ranges_of((one.version, one.verdict.result) for one in tried))
        found = Found(
            engine,
            spec.kind,
            tuple(tried),
            tuple(version for version in listed.versions if version not in results),
            ranges,
            notes=listed.notes,
        )
        return self._look_closely(found, spec, trials)

    def _trials(self, spec: EngineSpec) -> Trials:
        about = {
            **self._judge.identity,
            "kind": spec.kind,
            "options": [list(option) for option in spec.options],
        }
        store = Store(self._cache.folder / RESULTS, about)
        return Trials(spec, self._cache, self._judge, store, self._announce)

    def _search(
        self, trials: Trials, versions: tuple[str, ...], kind: str, *, exhaustive: bool
    ) -> dict[str, Verdict]:
        """Return the verdict on each release that was tried."""
        sampled = kind in LARGE and not exhaustive
        starts = sample(versions) if sampled else range(len(versions))
        verdicts: dict[str, Verdict] = {}
        places: dict[int, str] = {}
        index = {version: place for place, version in enumerate(versions)}
        while batch := next_places(places, len(versions), starts):
            judged = trials.judge([versions[place] for place in batch])
            for version, verdict in self._follow(judged, f"trying {kind}", len(batch)):
                verdicts[version] = verdict
                places[index[version]] = verdict.result
        return verdicts

    def _look_closely(self, found: Found, spec: EngineSpec, trials: Trials) -> Found:
        """Add settings, or passes, of the release named, or of bad ones."""
        verdicts = {one.version: one.verdict for one in found.releases}
        if spec.version is not None:
            if spec.version not in verdicts:  # outside the bounds, or not in the sample
                verdicts.update(trials.judge([spec.version]))
                found = self._with_named(found, spec, verdicts[spec.version])
            closely = [spec.version] if verdicts[spec.version].result == BAD else []
        else:
            closely = [one.last_bad for one in found.ranges]
        if not closely:
            return found
        if KINDS[spec.kind].optimises:
            return found._replace(passes=self._passes(spec, closely[-1]))
        settings = [
            Setting(version, name, value, verdict)
            for variant, name, value in settings_of(spec)
            for version, verdict in self._trials(variant).judge(closely)
        ]
        order = {version: place for place, version in enumerate(closely)}
        return found._replace(settings=tuple(sorted(settings, key=lambda one: order[one.version])))

    @staticmethod
    def _with_named(found: Found, spec: EngineSpec, verdict: Verdict) -> Found:
        """Add the release that the engine's name has, which the search left out."""
        assert spec.version is not None  # noqa: S101  # asked by the caller
        one = Tried(spec.version, verdict)
        releases = sorted((*found.releases, one), key=lambda each: release_key(each.version))
        return found._replace(
            releases=tuple(releases),
            not_tried=tuple(version for version in found.not_tried if version != one.version),
            ranges=tuple(ranges_of((each.version, each.verdict.result) for each in releases)),
        )

    def _passes(self, spec: EngineSpec, version: str) -> PassSearch:
        name = engine_name(spec, version)
        flags = spec.option("passes").split()
        try:
            module = self._judge.focus(name)
            with self._open_passes(name) as optimiser:
                return PassHunt(optimiser, name, self._judge, module, self._follow).search(
                    version, flags
                )
        except EngineError as error:
            return PassSearch(version, notes=(str(error),))

    def _open(self, name: str) -> AbstractContextManager[PassRunner]:
        return open_optimiser(name, self._cache, self._limits, self._announce)


def plain_fault(results: dict[str, Verdict]) -> dict[str, Verdict]:
    """Return verdicts on one fault: where one shows without a setting, that is looked for.

    A release in which only a setting shows something has another fault then, and is said to
    be good but for that.
    """
    if not any(one.result == BAD and not one.setting for one in results.values()):
        return results
    return {
        version: Verdict(GOOD, gave=f"bad with {one.setting} alone") if one.setting else one
        for version, one in results.items()
    }


def skipped(found: Found) -> tuple[Tried, ...]:
    """Return the releases that could not be tried, with the reason in `verdict.gave`."""
    return tuple(one for one in found.releases if one.verdict.result == SKIPPED)
