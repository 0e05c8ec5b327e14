"""Releases put to a judge: installed ahead, kept, passed over when they cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.triage.bisect.fakes import FakeJudge, publish

from plumbob.engines.cache import Cache
from plumbob.engines.errors import RegistryError, StartError
from plumbob.engines.registry import Releases
from plumbob.engines.spec import parse_spec
from plumbob.errors import UsageError
from plumbob.triage.bisect.judge import BAD, GOOD, SKIPPED, Verdict
from plumbob.triage.bisect.releases import (
    AHEAD,
    AT_ONCE,
    Trials,
    engine_name,
    list_releases,
    settings_of,
)
from plumbob.triage.bisect.store import Store

if TYPE_CHECKING:
    from tests.triage.bisect.conftest import Shelf

VERSIONS = [f"{n}.0.0" for n in range(1, 21)]


def trials(cache: Cache, judge: FakeJudge, engine: str = "wasmtime") -> Trials:
    store = Store(cache.folder / "results", judge.identity)
    return Trials(parse_spec(engine), cache, judge, store)


def test_every_release_is_installed_judged_and_let_go(cache: Cache, shelf: Shelf) -> None:
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g") | {"7.0.0": "b"})
    shelf.pause = 0.01
    results = dict(trials(cache, judge).judge(VERSIONS))
    assert [v for v in VERSIONS if results[v].result == BAD] == ["7.0.0"]
    assert sorted(shelf.fetched) == sorted(VERSIONS)
    assert 2 <= shelf.most_at_once <= AT_ONCE
    assert sorted(judge.asked) == sorted(f"wasmtime=={v}" for v in VERSIONS)
    assert all(cache.remove("wasmtime", v) for v in VERSIONS)  # nothing holds them


def test_a_second_run_asks_nobody(cache: Cache, shelf: Shelf) -> None:
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g"))
    first = dict(trials(cache, judge).judge(VERSIONS))
    shelf.fetched.clear()
    again = FakeJudge({})
    assert dict(trials(cache, again).judge(VERSIONS)) == first
    assert not again.asked
    assert not shelf.fetched


def test_the_limit_of_the_cache_holds(cache: Cache, shelf: Shelf) -> None:
    small = Cache(cache.folder, limit=5 * 4096)
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g"))

    def check(engine: str) -> None:
        version = engine.partition("==")[2]
        assert small.path("wasmtime", version).exists()  # held while it is judged
        assert len(small.installed()) <= 5 + AHEAD

    judge.before = check
    results = dict(trials(small, judge).judge(VERSIONS))
    assert {verdict.result for verdict in results.values()} == {GOOD}
    small.evict()
    assert len(small.installed()) <= 5
    assert len(shelf.fetched) == len(VERSIONS)


def test_what_is_not_published_is_skipped_and_others_go_on(cache: Cache, shelf: Shelf) -> None:
    shelf.failing = {"3.0.0": "the registry has no wasmtime==3.0.0"}
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g"))
    results = dict(trials(cache, judge).judge(VERSIONS))
    assert [v for v in VERSIONS if results[v].result == SKIPPED] == ["3.0.0"]
    assert results["3.0.0"].gave == "the registry has no wasmtime==3.0.0"
    shelf.failing = {}
    assert dict(trials(cache, judge).judge(["3.0.0"]))["3.0.0"].result == GOOD  # not remembered


def test_an_unreachable_registry_is_asked_once_more_at_most(cache: Cache, shelf: Shelf) -> None:
    there = VERSIONS[10:15]
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g"))
    dict(trials(cache, FakeJudge(dict.fromkeys(VERSIONS, "g"), "other")).judge(there))
    shelf.fetched.clear()
    shelf.failing = dict.fromkeys(VERSIONS, "registry unreachable: wasmtime")
    results = dict(trials(cache, judge).judge(VERSIONS))
    assert [v for v in VERSIONS if results[v].result == GOOD] == there
    assert results["1.0.0"].gave == "registry unreachable: wasmtime"
    assert len(shelf.fetched) <= AHEAD


def test_an_engine_that_does_not_start_is_skipped(cache: Cache, shelf: Shelf) -> None:
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g"))

    def refuse(engine: str) -> None:
        if engine == "wasmtime==2.0.0":
            raise StartError(f"{engine} does not start", found="GLIBC_2.99 not found")

    judge.before = refuse
    results = dict(trials(cache, judge).judge(VERSIONS[:3]))
    assert results["2.0.0"].result == SKIPPED
    assert "GLIBC_2.99" in results["2.0.0"].gave
    assert sorted(shelf.fetched) == VERSIONS[:3]


def test_an_interruption_keeps_what_is_known_and_holds_nothing(cache: Cache, shelf: Shelf) -> None:
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g"))

    def interrupt(engine: str) -> None:
        assert engine
        if len(judge.asked) == 4:
            raise KeyboardInterrupt

    judge.after = interrupt
    known: list[tuple[str, Verdict]] = []
    with pytest.raises(KeyboardInterrupt):
        known.extend(trials(cache, judge).judge(VERSIONS))
    assert len(judge.asked) == 4
    assert len(shelf.fetched) < len(VERSIONS)
    for found in cache.installed():
        assert cache.remove(found.kind, found.version)
    assert not list((cache.folder / "unfinished").iterdir())
    again = FakeJudge(dict.fromkeys(VERSIONS, "g"))
    results = dict(trials(cache, again).judge(VERSIONS))
    assert len(results) == len(VERSIONS)
    assert len(again.asked) == len(VERSIONS) - 4


def test_lists_within_bounds(cache: Cache) -> None:
    publish(cache, "wasmtime", VERSIONS)
    assert list(list_releases("wasmtime", cache).versions) == VERSIONS
    assert list_releases("wasmtime", cache, "3.5", "6").versions == ("4.0.0", "5.0.0", "6.0.0")
    assert list_releases("wasmtime", cache, "19.0.0").versions == ("19.0.0", "20.0.0")
    with pytest.raises(UsageError, match="no release of wasmtime lies between 21 and the last"):
        list_releases("wasmtime", cache, "21")
    with pytest.raises(UsageError, match="lies between 5 and 4"):
        list_releases("wasmtime", cache, "5", "4")
    with pytest.raises(UsageError, match="no final release"):
        list_releases("wasmtime", cache, "newest")


def test_what_is_passed_over_is_said(cache: Cache) -> None:
    publish(cache, "wasmtime", ["0.26.0", "0.27.0", "1.0.0", "2.0.0", "3.0.0-rc1"])
    listed = list_releases("wasmtime", cache)
    assert listed.versions == ("1.0.0", "2.0.0")
    assert listed.notes == (
        "passed over: 1 pre-release",
        "passed over: 2 releases before 0.28, which cannot be driven",
    )
    assert len(list_releases("wasmtime", cache, "2").notes) == 1


def test_without_a_registry_the_installed_ones_are_listed(
    cache: Cache, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Releases, name: str) -> list[str]:
        assert isinstance(self, Releases)
        raise RegistryError(f"registry unreachable: {name}")

    monkeypatch.setattr(Releases, "published", away)
    with pytest.raises(RegistryError):
        list_releases("wasmtime", cache)
    judge = FakeJudge(dict.fromkeys(VERSIONS, "g"))
    dict(trials(cache, judge).judge(["2.0.0", "10.0.0"]))
    listed = list_releases("wasmtime", cache)
    assert listed.versions == ("2.0.0", "10.0.0")
    assert listed.notes == (
        "registry unreachable: wasmtime; only releases that are installed were tried",
    )
    assert len(shelf.fetched) == 2


def test_names_keep_the_options() -> None:
    spec = parse_spec("binaryen:passes=-all --closed-world -O3")
    assert engine_name(spec, "130.0.0") == "binaryen==130.0.0:passes=-all --closed-world -O3"
    assert engine_name(parse_spec("wasmtime"), "1.0.0") == "wasmtime==1.0.0"
    assert parse_spec(engine_name(spec, "130.0.0")).options == spec.options


def test_settings_are_the_other_values_of_fixed_options() -> None:
    spec = parse_spec("wasmtime:cranelift-flag=enable_verifier=true,opt=speed")
    names = [
        engine_name(variant, "1.0.0") for variant, name, _ in settings_of(spec) if name == "opt"
    ]
    flag = "wasmtime==1.0.0:cranelift-flag=enable_verifier=true,opt="
    assert sorted(names) == [f"{flag}none", f"{flag}speed", f"{flag}speed_and_size"]
    plain = [engine_name(variant, "1.0.0") for variant, _, _ in settings_of(parse_spec("deno"))]
    assert plain == [
        f"deno==1.0.0:{option}"
        for option in (
            "tier=turbofan", "tier=liftoff", "tier=natural", "cpu=native", "cpu=baseline",
            "gc=normal", "gc=stress",
        )
    ]  # fmt: skip
    assert settings_of(parse_spec("wasm3")) == []
    assert settings_of(parse_spec("binaryen:passes=-O2")) == []
