"""The pass and function that turn a result, with optimisers whose faults are planted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from plumbob.engines.errors import EngineError
from plumbob.engines.optimiser import Optimised, top_level_passes
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED, Verdict
from plumbob.triage.bisect.passes import (
    BEFORE,
    ORIGINAL,
    Flip,
    FunctionName,
    Pass,
    PassHunt,
    PassSearch,
    expand,
)
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.module import Code
from plumbob.wasm.names import names_of
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

PROGRAM = encode(
    parse_text(
        """(module
          (import "m" "imported" (func))
          (func $first (export "first") (result i32) (i32.const 1))
          (func (export "second") (result i32) (i32.const 2))
          (func $third (export "third") (result i32) (i32.const 3)))"""
    )
)

Values = dict[str, int]
"""What each function returns, by its name in the module."""

Change = Callable[[Values], None]

WRONG = 42


def values_of(module: bytes) -> Values:
    decoded = decode(module)
    names = names_of(decoded)
    # no locals, i32.const of one byte, end
    return {
        names.name_of("func", place + 1) or "": code.body[2]
        for place, code in enumerate(decoded.code)
    }


def with_values(module: bytes, values: Values) -> bytes:
    decoded = decode(module)
    decoded.code = [Code(bytes((0, 0x41, value, 0x0B))) for value in values.values()]
    return encode(decoded)


def wrong(name: str) -> Change:
    def change(values: Values) -> None:
        if name in values:
            values[name] = WRONG

    return change


def right(values: Values) -> None:
    values.update({"f1": 1, "f2": 2, "f3": 3})


def nothing(values: Values) -> None:
    assert values


class CrashError(Exception):
    """The optimiser dies."""


class InvalidError(Exception):
    """Its output is invalid."""


def crash(values: Values) -> None:
    raise CrashError(str(values))


def invalid(values: Values) -> None:
    raise InvalidError(str(values))


class FakeOptimiser:
    """Runs planted passes; a pass of `modules` fails on single functions."""

    LEVELS: Mapping[str, Sequence[str]] = {}

    def __init__(self, passes: Mapping[str, Change], expanded: Sequence[str] = ()) -> None:
        self.passes = dict(passes)
        self.expanded = list(expanded) or list(passes)
        self.modules: set[str] = set()
        self.needs: dict[str, str] = {}
        self.runs = 0

    def expanded_passes(self, module: bytes, flags: Sequence[str] | None = None) -> list[str]:
        assert module
        if flags == ["-O1"]:
            raise EngineError("lists no passes")
        return self.expanded

    def optimise(
        self,
        module: bytes,
        flags: Sequence[str] | None = None,
        function: str | None = None,
        *,
        last: bool = False,
    ) -> Optimised:
        self.runs += 1
        names = [flag[2:] for flag in flags or () if flag[2:] in self.passes]
        values = values_of(module)
        try:
            for place, name in enumerate(names):
                if name in self.needs and self.needs[name] not in names[:place]:
                    continue
                if function is None or (last and place < len(names) - 1):
                    self.passes[name](values)
                elif name in self.modules:
                    crash(values)
                else:
                    one = dict(values)
                    self.passes[name](one)
                    if one[function] != values[function]:
                        values[function] = one[function]
        except CrashError:
            return Optimised("crash", message="SIGSEGV")
        except InvalidError:
            return Optimised("invalid", message="its own output")
        return Optimised("ok", with_values(module, values))


class ValueJudge:
    """Bad is what returns WRONG anywhere; or what failed."""

    identity: Mapping[str, object] = {}

    def prepare(self) -> None:
        raise NotImplementedError

    def run(self, engine: str) -> None:
        raise NotImplementedError(engine)

    def compare(self, engine: str, ran: object) -> Verdict:
        raise NotImplementedError(engine, ran)

    def focus(self, engine: str) -> bytes:
        raise NotImplementedError(engine)

    def judge_optimised(self, engine: str, optimised: Optimised) -> Verdict:
        assert engine == "binaryen==1:passes=-O2"
        if optimised.kind == "unsupported":
            return Verdict(UNSUPPORTED)
        if optimised.kind != "ok":
            return Verdict(BAD, "compile", optimised.kind)
        bad = [name for name, value in values_of(optimised.module).items() if value == WRONG]
        return Verdict(BAD, "all", f"{', '.join(bad)} wrong", "right") if bad else Verdict(GOOD)


def hunt(optimiser: FakeOptimiser, flags: Sequence[str] = ("-O2",)) -> PassSearch:
    found = PassHunt(optimiser, "binaryen==1:passes=-O2", ValueJudge(), PROGRAM)
    return found.search("1", flags)


def test_the_pass_and_the_function() -> None:
    found = hunt(FakeOptimiser({"tidy": nothing, "fold": wrong("f3"), "sweep": nothing}))
    assert found.passes == ("tidy", "fold", "sweep")
    assert found.name == "fold"
    assert found.flips == (Flip(2, "fold", BAD),)
    assert found.prefix == ("--optimize-level=2", "--shrink-level=0", "--tidy", "--fold")
    assert found.alone_on == ORIGINAL
    assert found.function == FunctionName(3, "third")
    assert (found.gave, found.expected, found.notes) == ("f3 wrong", "right", ())


def test_a_function_without_a_name_is_told_by_its_index() -> None:
    found = hunt(FakeOptimiser({"fold": wrong("f2")}))
    assert found.function == FunctionName(2, None)


def test_every_flip_is_told_and_the_first_examined() -> None:
    passes = {"a": wrong("f1"), "b": right, "c": nothing, "d": wrong("f2")}
    found = hunt(FakeOptimiser(passes))
    assert found.flips == (Flip(1, "a", BAD), Flip(2, "b", GOOD), Flip(4, "d", BAD))
    assert (found.name, found.function) == ("a", FunctionName(1, "first"))


def test_a_pass_that_needs_another_before_it_does_not_do_it_alone() -> None:
    optimiser = FakeOptimiser({"prepare": wrong(""), "fold": wrong("f1")})
    optimiser.needs = {"fold": "prepare"}
    found = hunt(optimiser)
    assert found.name == "fold"
    assert found.alone_on is None
    assert found.function == FunctionName(1, "first")


def test_a_pass_that_needs_what_another_wrote_does_it_on_that_module() -> None:
    def set_up(values: Values) -> None:
        values["f1"] = 7

    def fold(values: Values) -> None:
        if values["f1"] == 7:
            values["f3"] = WRONG

    found = hunt(FakeOptimiser({"set-up": set_up, "fold": fold}))
    assert (found.name, found.alone_on) == ("fold", BEFORE)
    assert found.function == FunctionName(3, "third")


def test_a_pass_over_the_module_has_no_function() -> None:
    optimiser = FakeOptimiser({"merge": wrong("f1")})
    optimiser.modules = {"merge"}
    found = hunt(optimiser)
    assert (found.name, found.function) == ("merge", None)
    assert found.notes == ("merge turns the result on no function alone",)


def test_passes_that_a_pass_runs_itself() -> None:
    passes = {
        "vacuum": nothing,
        "dae-optimizing": nothing,
        "inlining-optimizing": wrong("f2"),
        "inlining": nothing,
        "precompute-propagate": wrong("f2"),
    }
    optimiser = FakeOptimiser(passes, ["vacuum", "dae-optimizing", "inlining-optimizing"])
    optimiser.modules = {"inlining", "inlining-optimizing"}
    optimiser.needs = {"precompute-propagate": "inlining"}
    found = hunt(optimiser)
    assert (found.name, found.within) == ("precompute-propagate", "inlining-optimizing")
    assert found.flips == (Flip(3, "inlining-optimizing", BAD),)
    assert found.prefix[2:] == ("--vacuum", "--dae-optimizing", "--inlining-optimizing")
    assert found.function == FunctionName(2, None)


def test_without_a_nested_pass_that_does_it_the_outer_one_is_named() -> None:
    passes = {"inlining-optimizing": wrong("f2"), "inlining": nothing, "tidy": nothing}
    found = hunt(FakeOptimiser(passes, ["tidy", "inlining-optimizing"]))
    assert (found.name, found.within) == ("inlining-optimizing", None)


def test_a_crash_ends_the_search_and_is_put_to_a_function() -> None:
    def crash_on_third(values: Values) -> None:
        if values.get("f3") == 3:
            values["f3"] = 4
            raise CrashError

    class OneFunction(FakeOptimiser):
        def optimise(
            self,
            module: bytes,
            flags: Sequence[str] | None = None,
            function: str | None = None,
            *,
            last: bool = False,
        ) -> Optimised:
            if function in ("f1", "f2"):
                return Optimised("ok", module)
            return super().optimise(module, flags, function, last=last)

    optimiser = OneFunction({"tidy": nothing, "die": crash_on_third, "never": wrong("f1")})
    found = hunt(optimiser)
    assert found.flips == (Flip(2, "die", BAD),)
    assert (found.name, found.gave) == ("die", "crash")
    assert found.function == FunctionName(3, "third")
    everywhere = hunt(FakeOptimiser({"die": crash}))
    assert (everywhere.name, everywhere.function) == ("die", None)


def test_an_invalid_output_is_bad_and_longer_prefixes_are_tried() -> None:
    found = hunt(FakeOptimiser({"spoil": invalid, "tidy": nothing}))
    assert found.flips == (Flip(1, "spoil", BAD),)
    assert found.gave == "invalid"


def test_what_cannot_be_found_is_said() -> None:
    assert "do not turn" in hunt(FakeOptimiser({"tidy": nothing})).notes[0]
    silent = hunt(FakeOptimiser({"tidy": nothing}), ["-O1"])
    assert (silent.passes, silent.notes) == ((), ("lists no passes",))

    class Spoils(FakeOptimiser):
        def optimise(
            self,
            module: bytes,
            flags: Sequence[str] | None = None,
            function: str | None = None,
            *,
            last: bool = False,
        ) -> Optimised:
            made = super().optimise(module, flags, function, last=last)
            return Optimised(
                "ok", with_values(made.module, {**values_of(made.module), "f1": WRONG})
            )

    found = hunt(Spoils({"tidy": nothing}))
    assert found.name is None
    assert "without any pass" in found.notes[0]


def test_flags_are_expanded_with_levels_and_arguments() -> None:
    class Levels(FakeOptimiser):
        def expanded_passes(self, module: bytes, flags: Sequence[str] | None = None) -> list[str]:
            assert module
            parts = {"--gufa": ["gufa"], "-O3": ["dce", "vacuum"], "--asyncify": ["asyncify"]}
            parts |= {"-Oz": ["dce"]}
            return [name for flag in flags or () for name in parts.get(flag.split("=")[0], [])]

    flags = ["-all", "--gufa", "-O3", "--closed-world", "--asyncify=x", "-Oz", "-pa", "k@v"]
    plan = expand(Levels({}), PROGRAM, flags)
    assert plan.options == ("-all", "--closed-world", "-pa", "k@v")
    assert plan.passes == (
        Pass("gufa", "--gufa", (2, 2)),
        Pass("dce", "--dce", (3, 0)),
        Pass("vacuum", "--vacuum", (3, 0)),
        Pass("asyncify", "--asyncify=x", (2, 2)),
        Pass("dce", "--dce", (2, 2)),
    )
    assert plan.flags(2, 4) == [
        *plan.options, "--optimize-level=3", "--shrink-level=0", "--vacuum",
        "--optimize-level=2", "--shrink-level=2", "--asyncify=x",
    ]  # fmt: skip
    assert expand(Levels({}), PROGRAM, ["--gufa"]).passes == (Pass("gufa", "--gufa", (0, 0)),)


@given(st.lists(st.sampled_from("nwr"), max_size=12))
def test_flips_are_those_of_the_prefixes(kinds: list[str]) -> None:
    changes = {"n": nothing, "w": wrong("f2"), "r": right}
    found = hunt(FakeOptimiser({f"p{place}": changes[kind] for place, kind in enumerate(kinds)}))
    state, flips = GOOD, []
    for place, kind in enumerate(kinds):
        now = {"n": state, "w": BAD, "r": GOOD}[kind]
        if now != state:
            flips.append(Flip(place + 1, f"p{place}", now))
        state = now
    assert found.flips == tuple(flips)
    if flips:
        assert (found.name, found.function) == (flips[0].name, FunctionName(2, None))


def test_equal_modules_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []
    original = ValueJudge.judge_optimised

    def judge(self: ValueJudge, engine: str, optimised: Optimised) -> Verdict:
        judged.append(optimised.module)
        return original(self, engine, optimised)

    monkeypatch.setattr(ValueJudge, "judge_optimised", judge)
    hunt(FakeOptimiser({f"p{place}": nothing for place in range(30)}))
    assert len(judged) == 1


def test_passes_that_a_pass_runs_are_no_steps_of_their_own() -> None:
    log = """[PassRunner] running passes
[PassRunner]   running pass: once-reduction...                 [PassRunner] running nested passes
[PassRunner]   running pass: ... 0.00026 seconds.
[PassRunner] nested passes took 0.00026 seconds.
0.0007 seconds.
[PassRunner]   (validating)
[PassRunner]   running pass: inlining-optimizing...            [PassRunner] running nested passes
[PassRunner]   running pass: ...                            0.003 seconds.
[PassRunner]   running pass: dce...                         1.6e-05 seconds.
[PassRunner] nested passes took 0.008 seconds.
[PassRunner] running nested passes
[PassRunner]   running pass: vacuum...                      3e-06 seconds.
[PassRunner] nested passes took 5e-06 seconds.
0.0158 seconds.
[PassRunner]   running pass: directize...                      3e-05 seconds.
[PassRunner] passes took 0.02 seconds.
"""
    assert top_level_passes(log) == ["once-reduction", "inlining-optimizing", "directize"]
