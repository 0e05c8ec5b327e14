from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.engines.kinds import KINDS
from plumbob.engines.request import NUMBERS, Value
from plumbob.engines.spec import EngineSpec, parse_spec, release_key
from plumbob.errors import UsageError


@pytest.mark.parametrize(
    ("text", "kind", "version", "options"),
    [
        ("wasmtime", "wasmtime", None, ()),
        ("wasmtime==45.0.0", "wasmtime", "45.0.0", ()),
        ("deno:tier=liftoff", "deno", None, (("tier", "liftoff"),)),
        (
            "wasmtime==45.0.0:opt=none,cranelift-flag=a=b,cranelift-flag=c,fuel=3",
            "wasmtime",
            "45.0.0",
            (("opt", "none"), ("cranelift-flag", "a=b"), ("cranelift-flag", "c"), ("fuel", "3")),
        ),
        (
            "binaryen==130.0.0:passes=-all --closed-world -O3",
            "binaryen",
            "130.0.0",
            (("passes", "-all --closed-world -O3"),),
        ),
        (
            "binaryen:passes=--pass-arg=asyncify-imports@a.b,c.d -O3",
            "binaryen",
            None,
            (("passes", "--pass-arg=asyncify-imports@a.b,c.d -O3"),),
        ),
        ("plumbob:tier=interp,gc-stress", "plumbob", None, (("tier", "interp"), ("gc-stress", ""))),
    ],
)
def test_specifications(
    text: str, kind: str, version: str | None, options: tuple[tuple[str, str], ...]
) -> None:
    assert parse_spec(text) == EngineSpec(text, kind, version, options)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is no engine"),
        ("wasmtim==1.0.0", "'wasmtim' is no engine"),
        ("wasmtime==", "'' is no release"),
        ("wasmtime==../../etc", "is no release"),
        ("wasmtime==1.0.0/x", "is no release"),
        ("wasmtime:", "no option follows the colon"),
        ("wasmtime:tier=liftoff", "'tier' is no option of wasmtime"),
        ("wasmtime:opt=fast", "expected speed or none or speed_and_size, found 'fast'"),
        ("wasmtime:opt", "option 'opt' of wasmtime"),
        ("wasmtime:fuel=lots", "expected a number"),
        ("plumbob==1.0", "it is built in"),
        ("plumbob:gc-stress=1", "takes no value"),
        ("pywasm:x=1", "expected no options"),
    ],
)
def test_what_names_no_engine(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert says in caught.value.message


def test_options_have_defaults_and_the_last_counts() -> None:
    assert parse_spec("deno").option("tier") == "turbofan"
    assert parse_spec("bun").option("tier") == "omg"
    assert parse_spec("wasmtime").option("fuel") == ""
    assert parse_spec("wasmtime:opt=none,opt=speed").option("opt") == "speed"
    flags = parse_spec("wasmtime:cranelift-flag=a,cranelift-flag=b").all("cranelift-flag")
    assert flags == ["a", "b"]


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for kind in KINDS:
        try:
            spec = parse_spec(f"{kind}{text}")
        except UsageError:
            continue
        assert spec.text == f"{kind}{text}"


def test_releases_compare_as_numbers() -> None:
    names = ["9.0.0", "10.0.1", "0.28.0", "10.0.0"]
    assert sorted(names, key=release_key) == ["0.28.0", "9.0.0", "10.0.0", "10.0.1"]
    assert release_key("130.0.0-nightly.20260609") == ()


@given(
    st.sampled_from(sorted(NUMBERS)).flatmap(
        lambda kind: st.integers(0, 2 ** NUMBERS[kind] - 1).map(lambda bits: Value(kind, bits))
    )
)
def test_numbers_travel_whole(value: Value) -> None:
    assert Value.from_wire(value.wire()) == value


@pytest.mark.parametrize("text", ["i32:123456789", "i32:", "i32:-1", "funcref:5", "", "anyref"])
def test_values_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # int() words it
        Value.from_wire(text)


def test_references_travel_as_null_or_some() -> None:
    assert Value.from_wire("externref:null") == Value("externref", None)
    assert Value.from_wire("anyref:some") == Value("anyref", "some")
