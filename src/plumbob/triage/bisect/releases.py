"""The releases of an engine: which there are, and what a judge says of each.

Releases are installed and run in a few threads, and compared in the caller's. A release is
kept from removal while it is under way alone, so the limit of the cache holds but for those
few. Once the registry does not answer, or the disk is full, nothing more is installed:
releases that are there go on being tried, and the others are passed over with that reason.
Verdicts that are known from earlier runs need no engine at all.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.engines import install
from plumbob.engines.errors import EngineError, InstallError, RegistryError
from plumbob.engines.kinds import KINDS
from plumbob.engines.registry import Releases
from plumbob.engines.spec import EngineSpec, release_key
from plumbob.engines.tool import TOOL, command_words
from plumbob.errors import InputError, UsageError
from plumbob.triage.bisect.judge import SKIPPED, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from plumbob.engines.cache import Cache, Held
    from plumbob.triage.bisect.judge import Judge
    from plumbob.triage.bisect.store import Store

AT_ONCE = 3
"""Releases that are installed, or run, at once."""

AHEAD = 2 * AT_ONCE
"""Releases that are under way, or wait for the comparison."""

STOPPING = (
    "registry unreachable", "no space left", "neither pip", "npm is not installed",
)  # fmt: skip
"""How failures to install one release begin that any other would share."""


class Listed(NamedTuple):
    """The releases that a search may try."""

    versions: tuple[str, ...]
    """Final releases within the bounds, the oldest first."""
    notes: tuple[str, ...] = ()
    """Why these are not all that exist."""


def list_releases(
    kind: str, cache: Cache, oldest: str | None = None, newest: str | None = None
) -> Listed:
    """Return the published releases of a kind, or the installed ones without a registry.

    `oldest` and `newest` bound them, both included with all of their line (47 and 47.0.1);
    they need not exist themselves. Raises
    `UsageError` for bounds that leave nothing, `RegistryError` where the registry does not
    answer and nothing is installed.
    """
    low, high = _bound(oldest, kind), _bound(newest, kind)
    notes = []
    releases = Releases(cache.releases_folder)
    try:
        versions = releases.published(kind)
    except RegistryError as error:
        versions = cache.versions(kind)
        if not versions:
            raise
        notes = [f"{error.message}; only releases that are installed were tried"]
    inside = [
        version
        for version in versions
        if release_key(version) >= low
        and (not high or release_key(version)[: len(high)] <= high)  # 47 means all of 47
    ]
    if not inside:
        raise UsageError(
            f"no release of {kind} lies between {oldest or 'the first'} and {newest or 'the last'}",
            expected=f"bounds from {versions[0]} to {versions[-1]}" if versions else None,
        )
    early, old = releases.passed_over(kind)
    first = ".".join(map(str, KINDS[kind].oldest))
    if early:
        notes.append(f"passed over: {_count(early, 'pre-release')}")
    if old and not low:
        notes.append(
            f"passed over: {_count(old, 'release')} before {first}, which cannot be driven"
        )
    return Listed(tuple(inside), tuple(notes))


def _count(items: Sequence[str], name: str) -> str:
    return f"{len(items)} {name}{'' if len(items) == 1 else 's'}"


def _bound(version: str | None, kind: str) -> tuple[int, ...]:
    if version is None:
        return ()
    key = release_key(version)
    if not key:
        raise UsageError(
            f"{version!r} is no final release of {kind}", expected="a version such as 1.2.3"
        )
    return key


def engine_name(spec: EngineSpec, version: str) -> str:
    """Return the name of one release with the options that the specification has."""
    options = ",".join(f"{name}={value}" if value else name for name, value in spec.options)
    return f"{spec.kind}=={version}{':' if options else ''}{options}"


def read_commands(text: str, name: str) -> dict[str, str]:
    """Return a tool's commands by release, the oldest first, from lines `RELEASE: COMMAND`.

    Empty lines and those that begin with `#` are passed over. Raises `InputError`.
    """
    commands: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        release, colon, command = (part.strip() for part in line.partition(":"))
        if not (release and colon and command):
            raise InputError(
                f"{name}, line {number}", expected="RELEASE: COMMAND", found=repr(line)
            )
        if release in commands:
            raise InputError(f"{name}, line {number}: {release} is named twice")
        try:
            command_words(command)
        except UsageError as error:
            raise InputError(f"{name}, line {number}: {error}") from error
        commands[release] = command
    if not commands:
        raise InputError(f"{name} names no release", expected="lines RELEASE: COMMAND")
    return commands


class Trials:
    """Puts releases of one engine, with its options, to the judge."""

    def __init__(
        self,
        spec: EngineSpec,
        cache: Cache,
        judge: Judge,
        store: Store,
        announce: Callable[[str], None] | None = None,
        commands: Mapping[str, str] | None = None,
    ) -> None:
        """Take what to try; `commands` are those of a tool by release, which are not installed."""
        self._commands = commands
        self._spec = spec
        self._cache = cache
        self._judge = judge
        self._store = store
        self._announce = announce
        self._away: EngineError | None = None
        """Why nothing more can be installed, once that is so."""

    def judge(self, versions: Sequence[str]) -> Iterator[tuple[str, Verdict]]:
        """Yield every release with the verdict on it: known ones first, others as they are done.

        Each verdict is kept as soon as it is there. A release that cannot be installed or
        started is SKIPPED, with the reason.
        """
        unknown: deque[str] = deque()
        for version in versions:
            known = self._store.get(version)
            if known is None:
                unknown.append(version)
            else:
                yield version, known
        if unknown:
            yield from self._judge_unknown(unknown)

    def _judge_unknown(self, waiting: deque[str]) -> Iterator[tuple[str, Verdict]]:
        self._judge.prepare()
        under_way: dict[Future[Any], str] = {}
        pool = ThreadPoolExecutor(AT_ONCE, "release")
        try:
            while waiting or under_way:
                while waiting and len(under_way) < AHEAD:
                    version = waiting.popleft()
                    under_way[pool.submit(self._run, version)] = version
                ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
                future = min(ready, key=lambda one: (release_key(under_way[one]), under_way[one]))
                version = under_way.pop(future)
                yield version, self._verdict(version, future)
        finally:  # Ctrl-C too: what is under way ends, nothing else is begun
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, version: str) -> Any:
        """Return what a release does, installed if need be and kept meanwhile."""
        if self._commands is not None:
            return self._judge.run(self._name(version))
        held = self._hold(version)
        try:
            return self._judge.run(engine_name(self._spec, version))
        finally:
            held.close()

    def _name(self, version: str) -> str:
        if self._commands is not None:
            return f"{TOOL}:cmd={self._commands[version]}"
        return engine_name(self._spec, version)

    def _hold(self, version: str) -> Held:
        if self._away is not None:
            held = self._cache.hold(self._spec.kind, version, None)
            if held is None:
                raise self._away
            return held
        try:
            one = EngineSpec(self._spec.text, self._spec.kind, version)
            return install.hold(one, self._cache, self._announce)[1]
        except EngineError as error:
            if error.message.startswith(STOPPING):
                self._away = error
            raise

    def _verdict(self, version: str, future: Future[Any]) -> Verdict:
        try:
            ran = future.result()
        except (RegistryError, InstallError) as error:
            return Verdict(SKIPPED, gave=error.message)
        except EngineError as error:  # it does not start on this machine
            return Verdict(SKIPPED, gave=str(error))
        verdict = self._judge.compare(self._name(version), ran)
        self._store.put(version, verdict)
        return verdict


def settings_of(spec: EngineSpec) -> list[tuple[EngineSpec, str, str]]:
    """Return the engine with every value of the options that have fixed ones.

    Of each: the specification, the option's name and its value, which is always named: what
    an engine does without it may differ from release to release.
    """
    found = []
    for name, values in KINDS[spec.kind].options.items():
        if values is None or len(values) < 2:
            continue
        others = tuple(given for given in spec.options if given[0] != name)
        for value in values:
            options = (*others, (name, value))
            found.append((EngineSpec(spec.text, spec.kind, spec.version, options), name, value))
    return found
