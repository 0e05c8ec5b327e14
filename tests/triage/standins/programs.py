"""Random modules whose imports have all sorts of types, and what their stand-ins must log."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.request import Call, Request, Value
from plumbob.triage.standins import LoggedCall, StoodIn
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text.parser import parse_text

if TYPE_CHECKING:
    from random import Random

    from plumbob.engines.request import Answer
    from plumbob.wasm.module import Module

TYPES = """
  (type $s (struct (field (mut i32)) (field i8) (field (ref null $s))))
  (type $nested (sub (struct (field (ref $s)) (field f64))))
  (type $a (array (mut i16)))
  (type $f (func (param i32) (result i64)))
  (type $endless (struct (field (ref $endless))))
"""
DEFINED = """
  (func $own (type $f) (i64.const 5))
  (elem declare func $own)
"""


class Kind(NamedTuple):
    """A value type, and a value of it: its text, and what the log says of it."""

    text: str
    value: str
    logged: int | str | None
    spelled: str = ""
    """How the log spells the type, where it is not `text`."""


KINDS = (
    Kind("i32", "(i32.const -2)", 0xFFFF_FFFE),
    Kind("i64", "(i64.const 0x123456789abcdef0)", 0x1234_5678_9ABC_DEF0),
    Kind("f32", "(f32.const -nan:0x200001)", 0xFFA0_0001),
    Kind("f64", "(f64.const nan:0x4000000000001)", 0x7FF4_0000_0000_0001),
    Kind("v128", "(v128.const i64x2 -1 7)", (7 << 64) | (1 << 64) - 1),
    Kind("funcref", "(ref.null func)", None),
    Kind("funcref", "(ref.func $own)", "func"),
    Kind("externref", "(ref.null extern)", None),
    Kind("(ref extern)", "(extern.convert_any (ref.i31 (i32.const 1)))", "extern"),
    Kind("anyref", "(ref.i31 (i32.const -1))", "i31:7fffffff"),
    Kind("anyref", "(any.convert_extern (ref.null extern))", None),
    Kind("eqref", "(struct.new_default $s)", "struct"),
    Kind("(ref eq)", "(array.new_default $a (i32.const 258))", "array:258"),
    Kind("(ref i31)", "(ref.i31 (i32.const 42))", "i31:2a"),
    Kind("structref", "(ref.null none)", None),
    Kind("(ref array)", "(array.new_default $a (i32.const 0))", "array:0"),
    Kind("(ref null $s)", "(struct.new_default $s)", "struct", "structref"),
    Kind("(ref $a)", "(array.new_default $a (i32.const 3))", "array:3", "(ref array)"),
    Kind("(ref $f)", "(ref.func $own)", "func", "(ref func)"),
    Kind("nullref", "(ref.null none)", None),
    Kind("nullfuncref", "(ref.null nofunc)", None),
    Kind("exnref", "(ref.null exn)", None),
)
"""What can be passed."""

RESULTS = (
    "i32", "i64", "f32", "f64", "v128", "funcref", "externref", "anyref", "(ref i31)",
    "(ref func)", "(ref extern)", "(ref eq)", "(ref any)", "(ref struct)", "(ref array)",
    "(ref $s)", "(ref null $nested)", "(ref $nested)", "(ref $a)", "(ref $f)", "(ref exn)",
    "nullref",
)  # fmt: skip
"""What can be returned."""

PLAIN = ("i32", "i64", "f32", "f64")


class Import(NamedTuple):
    """A function that is imported, and the arguments that it is called with."""

    name: str
    params: tuple[Kind, ...]
    results: tuple[str, ...]

    @property
    def text(self) -> str:
        """The import."""
        params = " ".join(kind.text for kind in self.params)
        return (
            f'(import "host" "{self.name}" (func ${self.name} (param {params})'
            f" (result {' '.join(self.results)})))"
        )

    @property
    def call(self) -> str:
        """A call whose results are dropped."""
        drops = "(drop) " * len(self.results)
        return f"(call ${self.name} {' '.join(kind.value for kind in self.params)}) {drops}"

    @property
    def logged(self) -> LoggedCall:
        """What is logged of such a call."""
        args = tuple(Value(kind.spelled or kind.text, kind.logged) for kind in self.params)
        return LoggedCall("host", self.name, args)


def random_import(rng: Random, number: int, *, plain: bool = False) -> Import:
    """An import of a random type; `plain` ones pass every engine's border."""
    kinds = KINDS[:2] if plain else KINDS
    params = tuple(rng.choice(kinds) for _ in range(rng.choice((0, 1, 2, 3, 9, 10, 17))))
    results = tuple(
        rng.choice(PLAIN if plain else RESULTS) for _ in range(rng.choice((0, 1, 1, 2)))
    )
    return Import(f"f{number}", params, results[: 1 if plain else 2])


def module_of(imports: list[Import], order: list[Import], extra: str = "") -> Module:
    """A module that imports functions, some of which it calls in order."""
    calls = " ".join(item.call for item in order)
    texts = " ".join(item.text for item in imports)
    return parse_text(f'(module {TYPES} {texts} {extra} {DEFINED} (func (export "go") {calls}))')


def request_of(stood_in: StoodIn, *exports: str) -> Request:
    """A request that calls exports without arguments and results."""
    return Request(encode(stood_in.module), tuple(map(Call, exports)), stood_in.imports)


def logs(stood_in: StoodIn, answer: Answer) -> list[tuple[LoggedCall, ...]]:
    """What the guest called in each step."""
    return [stood_in.log.read(step.calls) for step in answer.steps]
