"""Entries and probes: what can be called and given, what is refused, what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.triage.shims.model import memory_digest
from tests.triage.shims.twins import require_same_features

from plumbob.engines.request import Answer, Outcome, OutcomeKind, Request
from plumbob.errors import UsageError
from plumbob.triage.check.arguments import Argument
from plumbob.triage.check.reference import Reference
from plumbob.triage.shims import Observation, Seen, Shimmed, add_shims
from plumbob.triage.shims import shim as shim_module
from plumbob.wasm import features as f
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from plumbob.triage.shims import Entry

NULL = Argument("", None, "null")
SOME = Argument("", None, "some")
FUNC = Argument("", None, "func")


def i31(number: int) -> Argument:
    return Argument("", number, "i31")


def i32(number: int) -> Argument:
    return Argument("i32", number)


def shimmed(text: str, *, probes: bool = True, dead_code: str = "polymorphic") -> Shimmed:
    """A module in the text format with shims, which use no feature that it does not."""
    module = parse_text(text, features=f.ALL, allow_unreachable_type=dead_code == "typed")
    before = encode(module)
    result = add_shims(module, probes=probes)
    require_same_features(before, result.module, f.ALL, dead_code)
    return result


def entry(result: Shimmed, name: str) -> Entry:
    return next(item for item in result.entries if item.name == name)


def run(result: Shimmed, *calls: tuple[str, tuple[Argument, ...]]) -> list[Observation | Outcome]:
    """What calls come to, in one instance of the reference: observations, or other ends."""
    entries = [entry(result, name) for name, _ in calls]
    made = tuple(item.call(args) for item, (_, args) in zip(entries, calls, strict=True))
    answer = answered(Request(result.module, made))
    outcomes = zip(entries, answer.results, strict=True)
    return [item.observe(outcome) or outcome for item, outcome in outcomes]


def answered(request: Request) -> Answer:
    answer = Reference().run(request)
    assert answer.instantiated.kind == OutcomeKind.OK, answer
    return answer


def values(*seen: Seen) -> Observation:
    return Observation("values", seen)


def probed(text: str, *calls: tuple[str, tuple[Argument, ...]]) -> dict[str, Seen | None]:
    """What probes tell after some calls."""
    result = shimmed(text)
    made = tuple(entry(result, name).call(args) for name, args in calls)
    request = Request(result.module, made + tuple(probe.call for probe in result.probes))
    outcomes = answered(request).results[len(made) :]
    pairs = zip(result.probes, outcomes, strict=True)
    return {probe.what: probe.observe(outcome) for probe, outcome in pairs}


# Which functions get a shim


def test_what_crosses_every_border_is_called_itself() -> None:
    result = shimmed(
        '(module (func (export "a") (param i32 i64) (result i32) (local.get 0))'
        ' (func (export "b") (param f32)))'
    )
    assert entry(result, "a").export == "a"
    assert entry(result, "b").export == "plumbob:call:1"
    assert run(result, ("a", (i32(3), Argument("i64", 4)))) == [values(Seen("i32", 3))]


def test_where_something_throws_every_function_gets_a_shim() -> None:
    text = '(module (tag) (func (export "a") (result i32) (i32.const -1)) (func (throw 0)))'
    result = shimmed(text)
    assert entry(result, "a").export != "a"
    assert run(result, ("a", ())) == [values(Seen("i32", 0xFFFFFFFF))]
    # A tag alone throws nothing, and either form of exceptions may have brought it.
    silent = shimmed(text.replace("(func (throw 0))", ""))
    assert entry(silent, "a").export == "a"


def test_a_function_exported_twice_has_one_shim() -> None:
    text = '(module (func (export "a") (export "b") (param f32)))'
    result = shimmed(text)
    assert entry(result, "a").export == entry(result, "b").export
    assert len(decode(result.module).code) == 2


def test_names_of_shims_clash_with_nothing() -> None:
    result = shimmed(
        '(module (func (export "plumbob:call:0") (param f32))'
        ' (func (export "plumbob:call:0:2") (result f32) (f32.const 1))'
        ' (memory (export "plumbob:memory:0") 1) (global (export "plumbob:global:0") i32'
        " (i32.const 7)))"
    )
    names = [item.name for item in decode(result.module).exports]
    assert len(set(names)) == len(names)
    assert entry(result, "plumbob:call:0").export == "plumbob:call:0:3"
    assert run(result, ("plumbob:call:0:2", ())) == [values(Seen("f32", 0x3F800000))]


def test_an_imported_function_exported_again_has_a_shim() -> None:
    result = shimmed(
        '(module (import "m" "f" (func (param f64) (result f64))) (export "g" (func 0)))'
    )
    assert entry(result, "g").export == "plumbob:call:0"


def test_exports_of_tags_go() -> None:
    result = shimmed('(module (tag (export "t")) (func (export "f") (throw 0)))')
    assert [item.name for item in decode(result.module).exports] == ["f", "plumbob:call:1"]
    assert run(result, ("f", ())) == [Observation("exception", (), "t", named=True)]


def test_without_probes_there_are_none() -> None:
    text = '(module (memory 1) (func (export "f") (param f32)))'
    assert shimmed(text, probes=False).probes == ()
    assert len(shimmed(text).probes) == 1


def test_mvp_modules_stay_mvp_modules() -> None:
    result = shimmed(
        "(module (memory 1) (table 2 funcref) (elem (i32.const 0) 0) (global (mut f64)"
        ' (f64.const 1)) (func (export "f") (param f32 f64) (result f64) (local.get 1)))'
    )
    assert validate(result.module, features=f.MVP).ok
    # The operators that read a table came with reference types.
    assert [probe.what for probe in result.probes] == ["memory 0", "global 0"]


# Arguments


REFERENCES = """
(module
  (type $f (func (param i32) (result f64)))
  (type $odd (func (result (ref $f))))
  (type $s (sub (struct (field i32))))
  (type $a (array (mut i64)))
  (type $full (array (ref $s)))
  (type $deep (struct (field (ref $s)) (field (ref func)) (field (ref any)) (field (ref extern))
    (field f32) (field i8) (field v128) (field (ref null $s)) (field (ref $full))))
  (type $never (struct (field (ref $never))))
  (rec (type $x (struct (field (ref $y)))) (type $y (struct (field (ref $x)))))
  (type $needs_exn (struct (field (ref exn))))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "eq") (param (ref eq)) (result eqref) (local.get 0))
  (func (export "i31") (param i31ref) (result i31ref) (local.get 0))
  (func (export "struct") (param structref) (result anyref) (local.get 0))
  (func (export "array") (param arrayref) (result i32) (array.len (local.get 0)))
  (func (export "s") (param (ref $s)) (result i32) (struct.get $s 0 (local.get 0)))
  (func (export "deep") (param (ref $deep)) (result anyref) (local.get 0))
  (func (export "a") (param (ref null $a)) (result i32) (array.len (local.get 0)))
  (func (export "full") (param (ref null $full)) (result i32) (array.len (local.get 0)))
  (func (export "extern") (param externref) (result externref anyref)
    (local.get 0) (any.convert_extern (local.get 0)))
  (func (export "func") (param funcref) (result i32) (ref.is_null (local.get 0)))
  (func (export "f") (param (ref $f)) (result f64) (call_ref $f (i32.const 1) (local.get 0)))
  (func (export "odd") (param (ref $odd)) (result f64)
    (call_ref $f (i32.const 1) (call_ref $odd (local.get 0))))
  (func (export "none") (param nullref nullfuncref nullexternref exnref)
    (result nullref nullfuncref nullexternref exnref)
    (local.get 0) (local.get 1) (local.get 2) (local.get 3))
  (func (export "is s") (param anyref) (result i32) (ref.test (ref $s) (local.get 0)))
  (func (export "never") (param (ref null $never) i32))
  (func (export "not never") (param (ref $never)))
  (func (export "x") (param (ref $x)))
  (func (export "exn") (param i32 (ref exn)))
  (func (export "needs exn") (param (ref $needs_exn))))
"""


def test_shapes_say_what_can_be_given() -> None:
    result = shimmed(REFERENCES)
    shapes = {item.name: item.shapes for item in result.entries}
    assert shapes["any"] == (("null", "i31", "some"),)
    assert shapes["eq"] == (("i31", "some"),)
    assert shapes["i31"] == (("null", "i31"),)
    assert shapes["s"] == shapes["deep"] == (("some",),)
    assert shapes["func"] == (("null", "func"),)
    assert shapes["f"] == (("func",),)
    assert shapes["none"] == (("null",),) * 4
    assert shapes["never"] == (("null",), ())
    refused = {item.name: item.uncallable for item in result.entries if item.uncallable}
    assert sorted(refused) == ["exn", "needs exn", "not never", "x"]
    assert refused["exn"] == "no value of (ref exn) can be made"
    with pytest.raises(UsageError, match="'exn' cannot be called: found no value"):
        entry(result, "exn").call((i32(1), NULL))


def test_references_are_made_as_asked() -> None:
    result = shimmed(REFERENCES)
    null = Seen("anyref", None, "null")
    found = run(
        result, ("any", (NULL,)), ("any", (i31(0x7FFFFFFF),)), ("any", (SOME,)), ("eq", (i31(0),)),
        ("i31", (i31(0x80000005),)), ("struct", (SOME,)), ("array", (SOME,)), ("s", (SOME,)),
        ("a", (SOME,)), ("full", (SOME,)), ("extern", (NULL,)), ("extern", (i31(6),)),
        ("func", (NULL,)), ("func", (FUNC,)), ("f", (FUNC,)), ("is s", (SOME,)),
        ("none", (NULL,) * 4),
    )  # fmt: skip
    struct = Seen("anyref", 0, "struct")
    assert found == [
        values(null), values(Seen("anyref", 0x7FFFFFFF, "i31")), values(struct),
        values(Seen("eqref", 0, "i31")), values(Seen("i31ref", 5, "i31")), values(struct),
        values(Seen("i32", 2)), values(Seen("i32", 0)), values(Seen("i32", 2)),
        values(Seen("i32", 0)), values(Seen("externref", None, "null"), null),
        values(Seen("externref", 6, "i31"), Seen("anyref", 6, "i31")), values(Seen("i32", 1)),
        values(Seen("i32", 0)), values(Seen("f64", 0)), values(Seen("i32", 0)),
        values(*(Seen(name, None, "null") for name in
                 ("nullref", "nullfuncref", "nullexternref", "exnref"))),
    ]  # fmt: skip


def test_what_is_made_is_no_deeper_than_its_type_asks() -> None:
    result = shimmed(REFERENCES)
    (deep,) = run(result, ("deep", (SOME,)))
    assert isinstance(deep, Observation)
    assert deep.values[0].shape == "struct"
    assert deep.values[0].bits


def test_a_function_that_cannot_return_traps() -> None:
    (odd,) = run(shimmed(REFERENCES), ("odd", (FUNC,)))
    assert isinstance(odd, Outcome)
    assert (odd.kind, odd.trap) == ("trap", "unreachable")


def test_without_gc_nothing_is_made_of_it() -> None:
    result = shimmed(
        '(module (func (export "e") (param externref) (result externref) (local.get 0))'
        ' (func (export "f") (param funcref) (result funcref) (local.get 0)))'
    )
    assert [item.shapes for item in result.entries] == [(("null",),), (("null", "func"),)]
    assert run(result, ("e", (NULL,)), ("f", (FUNC,))) == [
        values(Seen("externref", None, "null")),
        values(Seen("funcref", 0, "func")),
    ]


@pytest.mark.parametrize(
    ("name", "args", "reason"),
    [
        ("any", (), "takes 1 arguments"),
        ("any", (FUNC,), "expected null or i31 or some, found func"),
        ("any", (i32(1),), "expected null or i31 or some, found 1"),
        ("eq", (NULL,), "expected i31 or some, found null"),
        ("never", (NULL, NULL), "found null"),
        ("never", (NULL, Argument("i32", None)), "found no bits"),
    ],
)
def test_arguments_that_do_not_fit(name: str, args: tuple[Argument, ...], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        entry(shimmed(REFERENCES), name).call(args)


def test_bits_beyond_a_type_are_cut() -> None:
    result = shimmed('(module (func (export "f") (param i32 f32 v128) (result i32 f32 v128)'
                     " (local.get 0) (local.get 1) (local.get 2)))")  # fmt: skip
    args = (i32(-1), Argument("f32", -1), Argument("v128", -1))
    assert run(result, ("f", args)) == [
        values(Seen("i32", 0xFFFFFFFF), Seen("f32", 0xFFFFFFFF), Seen("v128", (1 << 128) - 1))
    ]


# Results


def test_another_end_is_not_observed() -> None:
    result = shimmed('(module (func (export "f") (param f32) (unreachable)))')
    (found,) = run(result, ("f", (Argument("f32", 0),)))
    assert isinstance(found, Outcome)
    assert found.kind == "trap"


DIGESTS = """
(module
  (type $p (struct (field i32) (field i32)))
  (type $q (sub (struct (field i32) (field i32))))
  (type $bits (struct (field f32)))
  (func (export "p") (param i32 i32) (result anyref) (struct.new $p (local.get 0) (local.get 1)))
  (func (export "q") (param i32 i32) (result anyref) (struct.new $q (local.get 0) (local.get 1)))
  (func (export "bits") (param f32) (result anyref) (struct.new $bits (local.get 0))))
"""


def digest(name: str, *args: Argument) -> int | None:
    (found,) = run(shimmed(DIGESTS), (name, args))
    assert isinstance(found, Observation)
    return found.values[0].bits


def test_digests_tell_shapes_apart_and_nothing_else() -> None:
    assert digest("p", i32(1), i32(2)) != digest("p", i32(2), i32(1))
    assert digest("p", i32(1), i32(2)) == digest("q", i32(1), i32(2))
    nans = [Argument("f32", bits) for bits in (0x7FC00000, 0xFFC00000, 0x7F800001)]
    assert len({digest("bits", nan) for nan in nans}) == 1
    assert digest("bits", Argument("f32", 0)) != digest("bits", Argument("f32", 1 << 31))


def test_digests_do_not_depend_on_type_indices() -> None:
    shifted = DIGESTS.replace("(module", "(module (type (func)) (type $z (array i8))", 1)
    call = ("p", (i32(1), i32(2)))
    assert run(shimmed(DIGESTS), call) == run(shimmed(shifted), call)


def test_exceptions_say_their_tag_and_values() -> None:
    result = shimmed("""
      (module
        (import "env" "alarm" (tag $in (param i32)))
        (tag $out (export "out") (export "again") (param f64 v128 i32))
        (tag $inner)
        (func (export "in") (throw $in (i32.const -2)))
        (func (export "out") (result f32)
          (throw $out (f64.const 1) (v128.const i64x2 5 6) (i32.const 7)))
        (func (export "inner") (param f32) (throw $inner)))""")
    assert entry(result, "in").tags == entry(result, "out").tags
    module = decode(result.module)
    assert [item.name for item in module.exports][:3] == ["in", "out", "inner"]
    tags = entry(result, "in").tags
    assert tags is not None
    assert [(tag.name, tag.named) for tag in tags] == [
        ("env.alarm", True), ("out", True), ("tag 2", False),
    ]  # fmt: skip


LEGACY = """
(module
  (tag $t (param i32 f32))
  (func (export "caught") (result i32)
    (try (result i32) (do (throw $t (i32.const 1) (f32.const 2))) (catch $t (drop))))
  (func (export "thrown") (param f64) (throw $t (i32.const 1) (f32.const 2)))
  (func (export "plain") (param f64) (result f64) (local.get 0)))
"""


def test_legacy_modules_get_legacy_shims() -> None:
    result = shimmed(LEGACY)
    # An engine refuses a module that has both forms.
    bodies = [decode_body(code.body) for code in decode(result.module, features=f.ALL).code]
    used = {item.operator.name for body in bodies for item in body.instructions}
    assert "try" in used
    assert "try_table" not in used
    assert run(result, ("caught", ()), ("thrown", (Argument("f64", 0),)),
               ("plain", (Argument("f64", 9),))) == [
        values(Seen("i32", 1)),
        Observation("exception", (Seen("i32", 1), Seen("f32", 0x40000000)), "tag 0"),
        values(Seen("f64", 9)),
    ]  # fmt: skip


def test_modules_without_tags_have_no_code_for_exceptions() -> None:
    result = shimmed('(module (func (export "f") (param f32)))')
    assert validate(result.module, features=f.MVP).ok


def test_the_result_type_unreachable() -> None:
    text = '(module (func (export "f") (param f32) (result unreachable) (unreachable)))'
    result = shimmed(text, dead_code="typed")
    assert validate(result.module, features=f.ALL, dead_code="typed").ok
    call = entry(result, "f").call((Argument("f32", 0),))
    assert call.results == ()


# State


STATE = """
(module
  (memory (export "first") 1) (memory i64 1 2)
  (memory (export "odd") 7 (pagesize 1))
  (table (export "t") 3 5 anyref) (table i64 2 funcref)
  (global (export "x") (mut f32) (f32.const nan:0x1))
  (global (mut v128) (v128.const i64x2 1 2))
  (func (export "write") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "odd write") (param i32 i32) (i32.store8 2 (local.get 0) (local.get 1)))
  (func (export "set") (param i32 i32) (table.set 0 (local.get 0) (ref.i31 (local.get 1))))
  (func (export "grow") (drop (memory.grow (i32.const 1)))))
"""


def test_probes_say_what_they_look_at() -> None:
    result = shimmed(STATE)
    assert [(probe.what, probe.exported) for probe in result.probes] == [
        ('memory 0 (exported as "first")', "first"), ("memory 1", None),
        ('memory 2 (exported as "odd")', "odd"), ('global 0 (exported as "x")', "x"),
        ("global 1", None), ('table 0 (exported as "t")', "t"), ("table 1", None),
    ]  # fmt: skip
    imported = shimmed('(module (import "m" "g" (global i32)))')
    assert imported.probes[0].what == 'global 0 (imported as "m" "g")'


def test_probes_see_every_change() -> None:
    before = probed(STATE)
    assert before['global 0 (exported as "x")'] == Seen("f32", 0x7F800001)
    assert before["global 1"] == Seen("v128", 1 | 2 << 64)

    def changed(*calls: tuple[str, tuple[Argument, ...]]) -> list[str]:
        after = probed(STATE, *calls)
        return [what for what in before if before[what] != after[what]]

    assert changed(("write", (i32(9), i32(1)))) == ['memory 0 (exported as "first")']
    assert changed(("write", (i32(9), i32(0)))) == []
    assert changed(("grow", ())) == ['memory 0 (exported as "first")']
    for place in range(7):
        assert changed(("odd write", (i32(place), i32(1)))) == ['memory 2 (exported as "odd")']
    assert changed(("set", (i32(1), i32(0)))) == ['table 0 (exported as "t")']


def test_a_byte_counts_with_its_place_and_value() -> None:
    what = 'memory 0 (exported as "first")'
    places = [0, 1, 8, 255, 256, 257, 65535]
    found = [probed(STATE, ("write", (i32(p), i32(v))))[what] for p in places for v in (1, 128)]
    assert len(set(found)) == len(found)


def test_ranges_of_a_memory() -> None:
    result = shimmed('(module (memory 1) (data (i32.const 300) "abc") (data (i32.const 700) "d"))')
    data = bytearray(65536)
    data[300:303], data[700:701] = b"abc", b"d"
    (probe,) = result.probes
    top = (1 << 64) - 1
    ranges = [(0, 65536), (0, top), (299, 302), (303, 700), (700, 701), (9, 9), (70_000, 0),
              (65535, 65537), (top, top)]  # fmt: skip
    calls = tuple(probe.between(*each) for each in ranges)
    outcomes = answered(Request(result.module, calls)).results
    seen = [probe.observe(outcome) for outcome in outcomes]
    assert seen == [Seen("i64", memory_digest(data, *each)) for each in ranges]
    assert seen[3] == seen[5]
    with pytest.raises(UsageError, match="has no ranges"):
        shimmed("(module (global i32 (i32.const 1)))").probes[0].between(0, 1)


def test_probes_work_after_a_trap() -> None:
    result = shimmed('(module (global (export "g") (mut i32) (i32.const 1)) (func (export "f")'
                     " (param f32) (global.set 0 (i32.const 2)) (unreachable)))")  # fmt: skip
    call = entry(result, "f").call((Argument("f32", 0),))
    outcomes = answered(Request(result.module, (call, result.probes[0].call))).results
    assert outcomes[0].kind == "trap"
    assert result.probes[0].observe(outcomes[0]) is None
    assert result.probes[0].observe(outcomes[1]) == Seen("i32", 2)


def test_many_globals_share_digests() -> None:
    constants = "".join(f"(global i64 (i64.const {number}))" for number in range(600))
    last = '(global $m (mut f64) (f64.const 0)) (global $e (export "e") i32 (i32.const 1))'
    setter = '(func (export "set") (param f64) (global.set $m (local.get 0)))'
    text = f"(module {constants} {last} {setter})"
    result = shimmed(text)
    alone = [probe for probe in result.probes if probe.value is not None]
    folded = [probe for probe in result.probes if probe.value is None]
    # Mutable ones come first, exported ones have a share of their own.
    assert len(alone) == 33
    assert [probe.what for probe in alone[-2:]] == ["global 600", 'global 601 (exported as "e")']
    assert [probe.what for probe in folded] == [
        "globals 31 to 530, 500 of them", "globals 531 to 599, 69 of them",
    ]  # fmt: skip
    other = shimmed(text.replace("(i64.const 599)", "(i64.const 598)"))
    seen = [
        [probe.observe(outcome) for probe, outcome in zip(
            one.probes, answered(Request(one.module, tuple(p.call for p in one.probes))).results,
            strict=True)]
        for one in (result, other)
    ]  # fmt: skip
    assert [place for place in range(35) if seen[0][place] != seen[1][place]] == [34]


# Size


def test_as_many_words_as_engines_take() -> None:
    def of(type_: str, params: int, results: int, tag: str = "") -> str:
        given = " ".join([type_] * params)
        back = " ".join([type_] * results)
        zeros = f"({type_}.const {'i64x2 0 0' if type_ == 'v128' else '0'})" * results
        text = f'(module {tag} (func (export "f") (param {given}) (result {back}) {zeros}))'
        return entry(shimmed(text), "f").uncallable

    assert of("f32", 1000, 1000) == ""
    assert of("v128", 500, 500) == ""
    assert of("v128", 501, 0) == "its parameters are more than 1000 words"
    assert of("v128", 0, 501) == "its results are more than 1000 words"
    throws = "(tag) (func (throw 0))"
    assert of("f32", 0, 999, throws) == ""
    assert of("f32", 0, 1000, throws) == "its results are more than 1000 words"


def test_a_payload_is_told_as_far_as_it_fits() -> None:
    params = "v128 " * 600
    thrown = "(v128.const i64x2 1 2)" * 600
    result = shimmed(f'(module (tag (param {params})) (func (export "f") (throw 0 {thrown})))')
    (found,) = run(result, ("f", ()))
    assert isinstance(found, Observation)
    assert found.values == (Seen("v128", 1 | 2 << 64),) * 499


def test_many_tags_and_functions_do_not_multiply() -> None:
    tags = "(tag (param i32))" * 2000
    functions = "".join(f'(func (export "{n}") (throw {n} (i32.const {n})))' for n in range(1500))
    result = add_shims(parse_text(f"(module {tags} {functions})"))
    assert validate(result.module, features=f.ALL).ok
    assert len(result.module) < 4_000_000
    found = run(result, ("5", ()), ("1400", ()))
    assert found == [
        Observation("exception", (Seen("i32", 5),), "tag 5"),
        Observation("exception", ()),
    ]


def test_a_module_at_the_limits_gets_no_shims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim_module, "ROOM", 10**6 - 2)
    text = '(module (memory 1) (func (export "f") (param f32)) (func (export "g")) (func))'
    result = shimmed(text)
    assert result.probes == ()
    assert entry(result, "f").uncallable == "the module is too large for shims"
    assert entry(result, "g").uncallable == ""


def test_large_objects_are_not_walked_to_the_end() -> None:
    """A full binary tree of pairs, deep enough that a walk of it would never end."""
    result = shimmed("""
      (module (type $t (struct (field (ref null $t)) (field (ref null $t))))
        (func (export "f") (param i32) (result (ref null $t)) (local $t (ref null $t))
          (loop $l (local.set $t (struct.new $t (local.get $t) (local.get $t)))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (local.get $t)))""")
    (small, large) = run(result, ("f", (i32(3),)), ("f", (i32(100),)))
    assert small != large
