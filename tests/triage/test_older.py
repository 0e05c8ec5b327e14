"""Encodings that were given up."""

from __future__ import annotations

import pytest

from plumbob.engines.binaryen_encodings import older_form
from plumbob.wasm import features
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

CATCHES = "(module (tag $t) (func (try (do (throw $t)) (catch $t))))"
CALLS = """(module (type $f (func)) (func $a (type $f)) (elem declare func $a)
  (func (call_ref $f (ref.func $a))))"""


@pytest.mark.parametrize(
    ("text", "engine", "operator"),
    [
        (CATCHES, "binaryen==99.0.0:passes=-all -O2", "try"),
        (CATCHES, "binaryen==100.0.0:passes=-all -O2", None),
        (CALLS, "binaryen==110.0.0", "call_ref"),
        (CALLS, "binaryen==111.0.0", None),
        (CALLS, "binaryen", None),
        (CALLS, "my optimiser", None),
        ("(module (func (call 0)))", "binaryen==90.0.0", None),
    ],
)
def test_operators_of_an_older_form(text: str, engine: str, operator: str | None) -> None:
    assert older_form(engine, encode(parse_text(text, features=features.ALL))) == operator
