"""Bisections from end to end, with planted verdicts and no registry."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import pytest
from tests.triage.bisect.fakes import LETTERS, FakeJudge, publish
from tests.triage.bisect.test_passes import PROGRAM, FakeOptimiser, ValueJudge, nothing, wrong

from plumbob.engines.errors import EngineError, StartError
from plumbob.engines.kinds import KINDS
from plumbob.errors import UsageError
from plumbob.triage.bisect.judge import BAD, GOOD, SKIPPED, UNSUPPORTED, Verdict
from plumbob.triage.bisect.passes import FunctionName
from plumbob.triage.bisect.ranges import Range
from plumbob.triage.bisect.run import Bisection, Found, Tried, plain_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.triage.bisect.conftest import Shelf

    from plumbob.engines.cache import Cache
    from plumbob.engines.optimiser import Optimised
    from plumbob.triage.bisect.passes import PassRunner


def bisect(cache: Cache, pattern: str, engine: str, **extra: str | bool) -> tuple[Found, FakeJudge]:
    """Bisect releases 1.0.0, 2.0.0 and so on with these results."""
    versions = [f"{place}.0.0" for place in range(1, len(pattern) + 1)]
    publish(cache, engine.partition(":")[0].partition("==")[0], versions)
    judge = FakeJudge(dict(zip(versions, pattern, strict=True)))
    found = Bisection(judge, cache).run(engine, **extra)  # type: ignore[arg-type]
    return found, judge


@pytest.mark.usefixtures("shelf")
def test_releases_ranges_and_settings(cache: Cache) -> None:
    found, judge = bisect(cache, "uuggbbugb", "wasmtime")
    assert (found.engine, found.kind, found.bad) == ("wasmtime", "wasmtime", True)
    assert [one.verdict.result for one in found.releases] == [LETTERS[x] for x in "uuggbbugb"]
    assert found.ranges == (
        Range("4.0.0", "5.0.0", "6.0.0", "8.0.0"),
        Range("8.0.0", "9.0.0", "9.0.0", None),
    )
    assert not found.not_tried
    assert [(one.version, one.option, one.value) for one in found.settings] == [
        (version, option, value)
        for version in ("6.0.0", "9.0.0")
        for option, values in KINDS["wasmtime"].options.items()
        for value in values or ()
    ]
    assert len(judge.asked) == 9 + 2 * (3 + 2 + 4 + 2)


@pytest.mark.usefixtures("shelf")
def test_settings_under_which_it_is_good(cache: Cache) -> None:
    publish(cache, "wasmtime", ["1.0.0", "2.0.0"])
    results = {"1.0.0": "g", "2.0.0": "b", "wasmtime==2.0.0:opt=speed": "g"}
    results |= {"wasmtime==2.0.0:opt=none": "b", "wasmtime==2.0.0:opt=speed_and_size": "u"}
    results |= {
        f"wasmtime==2.0.0:{name}={value}": "b"
        for name, values in KINDS["wasmtime"].options.items()
        for value in values or ()
        if name != "opt"
    }
    judge = FakeJudge(results)
    found = Bisection(judge, cache).run("wasmtime")
    told = {one.value: one.verdict.result for one in found.settings if one.option == "opt"}
    assert told == {"none": BAD, "speed": GOOD, "speed_and_size": UNSUPPORTED}


@pytest.mark.usefixtures("shelf")
def test_a_large_engine_is_sampled_unless_all_are_asked_for(cache: Cache) -> None:
    pattern = "g" * 31 + "b" * 29 + "g" * 40
    versions = [f"2.{place // 25}.{place % 25}" for place in range(100)]
    publish(cache, "deno", versions)
    judge = FakeJudge(dict(zip(versions, pattern, strict=True)))
    found = Bisection(judge, cache).run("deno")
    assert found.ranges == (Range("2.1.5", "2.1.6", "2.2.9", "2.2.10"),)
    assert len(found.releases) + len(found.not_tried) == 100
    assert len(found.releases) < 30
    assert sorted(judge.asked[: len(found.releases)]) == sorted(
        f"deno=={one.version}" for one in found.releases
    )
    everything = Bisection(judge, cache).run("deno", exhaustive=True)
    assert everything.ranges == found.ranges
    assert not everything.not_tried


def test_no_bad_release(cache: Cache, shelf: Shelf) -> None:
    found, judge = bisect(cache, "uggg", "wasmtime")
    assert (found.bad, found.ranges, found.settings, found.passes) == (False, (), (), None)
    assert len(judge.asked) == len(shelf.fetched) == 4


@pytest.mark.usefixtures("shelf")
def test_bounds(cache: Cache) -> None:
    found, _ = bisect(cache, "gbbg", "wasmtime", oldest="2", newest="3")
    assert found.ranges == (Range(None, "2.0.0", "3.0.0", None),)


def test_a_second_bisection_runs_nothing(cache: Cache, shelf: Shelf) -> None:
    first, _ = bisect(cache, "gbbg", "wasmtime")
    shelf.fetched.clear()
    again, judge = bisect(cache, "gbbg", "wasmtime")
    assert again == first
    assert (judge.asked, shelf.fetched, judge.prepared) == ([], [], False)
    other = FakeJudge({f"{n}.0.0": "g" for n in range(1, 5)}, "another program")
    assert not Bisection(other, cache).run("wasmtime").bad


@pytest.mark.usefixtures("shelf")
def test_a_release_that_is_named_is_looked_at_too(cache: Cache) -> None:
    found, _ = bisect(cache, "gbbgb", "wasmtime==2.0.0")
    assert {one.version for one in found.settings} == {"2.0.0"}
    assert len(found.ranges) == 2
    outside, _ = bisect(cache, "gbbgb", "wasmtime==2.0.0", oldest="4")
    assert [one.version for one in outside.releases] == ["2.0.0", "4.0.0", "5.0.0"]
    assert outside.ranges == (
        Range(None, "2.0.0", "2.0.0", "4.0.0"),
        Range("4.0.0", "5.0.0", "5.0.0", None),
    )


@pytest.mark.usefixtures("shelf")
def test_skipped_releases_are_no_boundary(cache: Cache) -> None:
    judge = FakeJudge({"2.0.0": "g", "2.1.0": "b", "3.0.0": "b"})
    publish(cache, "pywasm", list(judge.results))

    def refuse(engine: str) -> None:
        if engine == "pywasm==2.1.0":
            raise StartError("does not start")

    judge.before = refuse
    found = Bisection(judge, cache).run("pywasm")
    assert found.ranges == (Range("2.0.0", "3.0.0", "3.0.0", None),)
    assert found.releases[1] == Tried("2.1.0", Verdict(SKIPPED, gave="does not start"))


@pytest.mark.usefixtures("shelf")
def test_progress_sees_every_release(cache: Cache) -> None:
    publish(cache, "wasmtime", ["1.0.0", "2.0.0"])
    seen: list[tuple[str, int]] = []

    def follow(items: Iterable[object], label: str, total: int) -> Iterator[object]:
        seen.append((label, total))
        yield from items

    judge = FakeJudge({"1.0.0": "g", "2.0.0": "g"})
    Bisection(judge, cache, follow=follow).run("wasmtime")
    assert seen == [("trying wasmtime", 2)]


class PassJudge(FakeJudge):
    """Releases as planted; passes by what the program returns."""

    def focus(self, engine: str) -> bytes:
        assert engine == "binaryen==103.0.0:passes=-O2"
        return PROGRAM

    def judge_optimised(self, engine: str, optimised: Optimised) -> Verdict:
        assert engine == "binaryen==103.0.0:passes=-O2"
        return ValueJudge().judge_optimised("binaryen==1:passes=-O2", optimised)


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("engine", ["binaryen:passes=-O2", "binaryen==103.0.0:passes=-O2"])
def test_an_optimiser_s_pass_in_the_last_bad_release_or_the_named_one(
    cache: Cache, engine: str
) -> None:
    versions = ["101.0.0", "102.0.0", "103.0.0", "104.0.0"]
    publish(cache, "binaryen", versions)
    judge = PassJudge(dict(zip(versions, "gbbg", strict=True)))
    opened = []

    def open_passes(name: str) -> AbstractContextManager[PassRunner]:
        opened.append(name)
        return nullcontext(FakeOptimiser({"tidy": nothing, "fold": wrong("f1")}))

    found = Bisection(judge, cache, open_passes=open_passes).run(engine)
    assert opened == ["binaryen==103.0.0:passes=-O2"]
    assert found.ranges == (Range("101.0.0", "102.0.0", "103.0.0", "104.0.0"),)
    assert found.passes is not None
    assert (found.passes.version, found.passes.name) == ("103.0.0", "fold")
    assert found.passes.function == FunctionName(1, "first")
    assert not found.settings


@pytest.mark.usefixtures("shelf")
def test_an_optimiser_that_does_not_start_again_leaves_the_ranges(cache: Cache) -> None:
    publish(cache, "binaryen", ["101.0.0", "103.0.0"])

    def open_passes(name: str) -> AbstractContextManager[PassRunner]:
        raise EngineError(f"{name} does not start")

    judge = PassJudge({"101.0.0": "g", "103.0.0": "b"})
    found = Bisection(judge, cache, open_passes=open_passes).run("binaryen:passes=-O2")
    assert found.ranges == (Range("101.0.0", "103.0.0", "103.0.0", None),)
    assert found.passes is not None
    assert found.passes.notes == ("binaryen==103.0.0:passes=-O2 does not start",)


def test_engines_that_cannot_be_bisected(cache: Cache) -> None:
    judge = FakeJudge({})
    for engine, reason in (
        ("plumbob", "has no releases"),
        ("binaryen", "without flags changes nothing"),
        ("wasmtime:opt=fast", "option 'opt'"),
        ("firefox", "is no engine"),
    ):
        with pytest.raises(UsageError, match=reason):
            Bisection(judge, cache).run(engine)


def test_what_shows_without_a_setting_is_looked_for() -> None:
    plain, under = Verdict(BAD, "f()", "1", "2"), Verdict(BAD, "f() with gc=stress", "3", "2")
    told = plain_fault({"1": under, "2": plain, "3": Verdict(GOOD, "f()", "2")})
    assert [one.result for one in told.values()] == [GOOD, BAD, GOOD]
    assert told["1"].gave == "bad with gc=stress alone"
    alone = {"1": under, "3": Verdict(GOOD, "f() with gc=stress", "2")}
    assert plain_fault(alone) == alone
