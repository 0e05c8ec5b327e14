"""Every value of every parameter of the relaxed operators, against the specification's formulas.

The formulas are written out here lane by lane on Python's numbers (WebAssembly 3.0, 4.3
Numerics, Relaxed Operations); the reference runs the operators in both of its modes.
"""

from __future__ import annotations

import math
import random
import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from tests.semantics.oracles import decode
from tests.semantics.oracles import encode as encode_float
from tests.triage.test_reference_suite import recorded

from plumbob.engines.request import Call, OutcomeKind, Request, Value
from plumbob.filetest.wast_run_values import matches
from plumbob.frontend.parameters import OPTIONS, RELAXED, Relaxed
from plumbob.triage.check.choices import Choices
from plumbob.triage.check.reference import Reference
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text
from plumbob.wasm.text import script as s

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plumbob.exec.interp.machine import Mode

MODES: tuple[Mode, ...] = ("source", "walk")
CODES = {"i8": "b", "u8": "B", "i16": "h", "i32": "i", "u32": "I", "i64": "q", "u64": "Q",
         "f32": "f", "f64": "d"}  # fmt: skip


def lanes(kind: str, vector: bytes) -> tuple:  # type: ignore[type-arg]  # of ints or of floats
    return struct.unpack(f"<{128 // int(kind[1:])}{CODES[kind]}", vector)


def pack(kind: str, values: list) -> bytes:  # type: ignore[type-arg]  # of ints or of floats
    return struct.pack(f"<{len(values)}{CODES[kind]}", *values)


def clamp(bits: int, value: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def wrap(bits: int, value: int) -> int:
    half = 1 << (bits - 1)
    return (value + half & 2 * half - 1) - half


# The formulas: parameters' value, then operands as 16 bytes


def swizzle(r: int, a: bytes, b: bytes) -> bytes:
    return bytes(a[j] if j < 16 else 0 if j > 127 or r == 0 else a[j % 16] for j in b)


def laneselect(kind: str) -> Callable[..., bytes]:
    width = int(kind[1:])

    def select(r: int, a: bytes, b: bytes, mask: bytes) -> bytes:
        unit = kind if r == 1 or (r == 2 and kind != "i16") else "i8"
        size = width if unit == kind else 8
        masks = lanes(unit, mask)
        if r:
            masks = tuple(-1 if lane < 0 else 0 for lane in masks)
        pairs = zip(lanes(unit, a), lanes(unit, b), masks, strict=True)
        return pack(unit, [wrap(size, (x & m) | (y & ~m)) for x, y, m in pairs])

    return select


def q15mulr(r: int, a: bytes, b: bytes) -> bytes:
    both = zip(lanes("i16", a), lanes("i16", b), strict=True)
    rounded = [(x * y + (1 << 14)) >> 15 for x, y in both]
    return pack("i16", [wrap(16, v) if r else clamp(16, v) for v in rounded])


def products(r: int, a: bytes, b: bytes) -> list[int]:
    right = lanes("u8" if r in (1, 3) else "i8", b)
    return [x * y for x, y in zip(lanes("i8", a), right, strict=True)]


def dot(r: int, a: bytes, b: bytes) -> bytes:
    p = products(r, a, b)
    sums = [p[i] + p[i + 1] for i in range(0, 16, 2)]
    return pack("i16", [wrap(16, v) if r == 2 else clamp(16, v) for v in sums])


def dot_add(r: int, a: bytes, b: bytes, c: bytes) -> bytes:
    if r in (3, 4):
        p = products(r, a, b)
        sums = [sum(p[i : i + 4]) for i in range(0, 16, 4)]
    else:
        pairs = lanes("i16", dot(r, a, b))
        sums = [pairs[i] + pairs[i + 1] for i in range(0, 8, 2)]
    both = zip(sums, lanes("i32", c), strict=True)
    return pack("i32", [wrap(32, x + y) for x, y in both])


def truncated(sign: str, r: int, x: float) -> int:
    bounds: dict[str, tuple[int, int]] = {"s": (-(1 << 31), (1 << 31) - 1), "u": (0, (1 << 32) - 1)}
    low, high = bounds[sign]
    if math.isfinite(x) and low <= math.trunc(x) <= high:
        return math.trunc(x)
    saturated = 0 if math.isnan(x) else low if x < 0 else high
    others: tuple[int, ...] = (
        (-(1 << 31),) if sign == "s" else ((1 << 32) - 1, (1 << 32) - 2, 1 << 31)
    )
    return (saturated, *others)[r]


def trunc(sign: str, kind: str) -> Callable[..., bytes]:
    def apply(r: int, a: bytes) -> bytes:
        found = [truncated(sign, r, x) for x in lanes(kind, a)]
        return pack("i32" if sign == "s" else "u32", [*found, *([0] * (4 - len(found)))])

    return apply


def extreme(name: str, kind: str) -> Callable[..., bytes]:
    """Numbers alone tell whether a result is right; NaNs are told from them and no more."""
    sign = -1.0 if name == "min" else 1.0

    def strict(x: float, y: float) -> float:
        if math.isnan(x) or math.isnan(y):
            return math.nan
        if x == y == 0:
            same = math.copysign(1, x) == math.copysign(1, y)
            return x if same else math.copysign(0.0, sign)
        return min(x, y) if name == "min" else max(x, y)

    def lane(r: int, x: float, y: float) -> float:
        if math.isnan(x):
            return (strict(x, y), math.nan, y, y)[r]
        if math.isnan(y):
            return (strict(x, y), x, math.nan, x)[r]
        if x == y == 0 and math.copysign(1, x) != math.copysign(1, y):
            return (strict(x, y), x, y, math.copysign(0.0, sign))[r]
        return strict(x, y)

    def apply(r: int, a: bytes, b: bytes) -> bytes:
        both = zip(lanes(kind, a), lanes(kind, b), strict=True)
        return pack(kind, [lane(r, x, y) for x, y in both])

    return apply


def rounded(kind: str, value: Fraction) -> Fraction:
    bits = int(kind[1:])
    return decode(bits, encode_float(bits, value)).value


def madd(kind: str, *, negated: bool) -> Callable[..., bytes]:
    def lane(r: int, x: float, y: float, z: float) -> float:
        product = Fraction(-x if negated else x) * Fraction(y)
        if r == 0:
            product = rounded(kind, product)
        return float(rounded(kind, product + Fraction(z)))

    def apply(r: int, a: bytes, b: bytes, c: bytes) -> bytes:
        rows = zip(lanes(kind, a), lanes(kind, b), lanes(kind, c), strict=True)
        return pack(kind, [lane(r, *row) for row in rows])

    return apply


class Operator:
    """A relaxed operator: its parameter, its formula, the lanes of its operands and result."""

    def __init__(
        self, parameter: str, formula: Callable[..., bytes], operands: str, result: str = ""
    ) -> None:
        self.parameter = parameter
        self.formula = formula
        self.operands = operands.split()
        self.result = result or self.operands[0]


OPERATORS = {
    "i8x16.relaxed_swizzle": Operator("swizzle", swizzle, "i8 i8"),
    "i16x8.relaxed_q15mulr_s": Operator("iq15mulr", q15mulr, "i16 i16"),
    "i16x8.relaxed_dot_i8x16_i7x16_s": Operator("idot", dot, "i8 i8", "i16"),
    "i32x4.relaxed_dot_i8x16_i7x16_add_s": Operator("idot", dot_add, "i8 i8 i32", "i32"),
    **{
        f"i{width}x{128 // width}.relaxed_laneselect": Operator(
            "laneselect", laneselect(f"i{width}"), " ".join([f"i{width}"] * 3)
        )
        for width in (8, 16, 32, 64)
    },
    **{
        f"i32x4.relaxed_trunc_{shape}_{sign}{zero}": Operator(
            f"trunc_{sign}", trunc(sign, shape[:3]), shape[:3], "i32"
        )
        for shape, zero in (("f32x4", ""), ("f64x2", "_zero"))
        for sign in "su"
    },
    **{
        f"{kind}x{count}.relaxed_{name}": Operator(
            f"f{name}", extreme(name, kind), f"{kind} {kind}"
        )
        for kind, count in (("f32", 4), ("f64", 2))
        for name in ("min", "max")
    },
    **{
        f"{kind}x{count}.relaxed_{name}": Operator(
            "fmadd", madd(kind, negated=name == "nmadd"), f"{kind} {kind} {kind}"
        )
        for kind, count in (("f32", 4), ("f64", 2))
        for name in ("madd", "nmadd")
    },
}

ALIKE = {
    "i8x16.relaxed_laneselect": 1,
    "i32x4.relaxed_laneselect": 1,
    "i64x2.relaxed_laneselect": 1,
    "i16x8.relaxed_dot_i8x16_i7x16_s": 2,
}
"""How many of a parameter's values are another's under another name for some operators."""

FLOATS = (0.0, -0.0, 1.0, -1.0, -0.75, 0.1, 2.5e9, 4.2e9, 4.4e9, -2.2e9, 2147483520.0,
          -2147483648.0, 4294967040.0, math.inf, -math.inf, math.nan, -math.nan)  # fmt: skip
EXACT = (0.1, -0.3, 1.0000001, 3.3333333, -7.7, 1e-3, 12345.678)
"""For sums of products, where the rounding is what counts."""


def operand(kind: str, rng: random.Random, parameter: str) -> bytes:
    if kind[0] == "f":
        pool = EXACT if parameter == "fmadd" else FLOATS
        return pack(kind, [rng.choice(pool) for _ in range(128 // int(kind[1:]))])
    width = int(kind[1:])
    corners = [0, 1, -1, 1 << (width - 1), (1 << (width - 1)) - 1, 0x55, 17, 130]
    values = [wrap(width, rng.choice(corners)) for _ in range(128 // width)]
    return pack(kind, values) if rng.random() < 0.6 else rng.randbytes(16)


def rows(operator: Operator) -> list[list[bytes]]:
    rng = random.Random(operator.parameter)  # noqa: S311  # inputs of a test
    made = [[operand(kind, rng, operator.parameter) for kind in operator.operands]
            for _ in range(60)]  # fmt: skip
    least = {"idot": bytes([128] * 16), "iq15mulr": b"\0\x80" * 8}.get(operator.parameter)
    if least is not None:
        made.append([least] * len(operator.operands))
    return made


def module(name: str, operands: int) -> bytes:
    gets = " ".join(f"(local.get {i})" for i in range(operands))
    text = (
        f'(module (func (export "f") (param {"v128 " * operands}) (result v128) ({name} {gets})))'
    )
    return encode(parse_text(text.encode(), name))


def test_every_relaxed_operator_is_here() -> None:
    from plumbob.wasm.opcodes import BY_NAME  # noqa: PLC0415  # for this alone

    assert set(OPERATORS) == {name for name in BY_NAME if ".relaxed_" in name}


def numbers(kind: str, vector: bytes) -> list[object]:
    """Lanes to compare: all NaNs are one."""
    if kind[0] != "f":
        return list(lanes(kind, vector))
    return ["nan" if math.isnan(x) else (x, math.copysign(1, x)) for x in lanes(kind, vector)]


@pytest.mark.parametrize("name", OPERATORS)
def test_every_value_of_the_parameter(name: str) -> None:
    operator = OPERATORS[name]
    inputs = rows(operator)
    calls = tuple(
        Call("f", tuple(Value("v128", int.from_bytes(x, "little")) for x in row), ("v128",))
        for row in inputs
    )
    request = Request(module(name, len(operator.operands)), calls)
    place = Relaxed._fields.index(operator.parameter)
    seen = set()
    for r in range(OPTIONS[place]):
        choices = Choices(relaxed=RELAXED._replace(**{operator.parameter: r}))
        wanted = [numbers(operator.result, operator.formula(r, *row)) for row in inputs]
        seen.add(repr(wanted))
        for mode in MODES:
            answer = Reference(mode=mode, choices=choices).run(request)
            for row, outcome, expected in zip(inputs, answer.results, wanted, strict=True):
                assert outcome.kind == OutcomeKind.VALUES
                bits = outcome.values[0].bits
                assert isinstance(bits, int)
                found = numbers(operator.result, bits.to_bytes(16, "little"))
                assert found == expected, (r, mode, [x.hex() for x in row])
    assert len(seen) == OPTIONS[place] - ALIKE.get(name, 0)


@pytest.mark.parametrize("steps", range(max(OPTIONS)))
def test_the_suite_accepts_all_of_them(steps: int, suites: Path) -> None:
    moved = [(own + steps) % count for own, count in zip(RELAXED, OPTIONS, strict=True)]
    reference = Reference(choices=Choices(relaxed=Relaxed(*moved)))
    calls = 0
    for path in sorted((suites / "spec").glob("*relaxed*.wast")):
        expected = [
            command.results
            for command in s.parse_script(path.read_bytes(), path.name).commands
            if isinstance(command, s.AssertReturn)
        ]
        outcomes = [
            outcome
            for program in recorded(path)
            for outcome in reference.run(Request(program.module, tuple(program.calls))).results
        ]
        for outcome, wanted in zip(outcomes, expected, strict=True):
            assert outcome.kind == OutcomeKind.VALUES
            assert matches(outcome.values[0].bits, wanted[0]), (path.name, outcome, wanted)
            calls += 1
    assert calls == 69


def engine_results(name: str, inputs: list[list[bytes]]) -> list[bytes]:
    """What wasmtime makes of the operator on this machine."""
    wasmtime = pytest.importorskip("wasmtime", reason="the independent engine is not installed")
    operands = len(inputs[0])
    loads = " ".join(f"(v128.load offset={16 * (1 + i)} (i32.const 0))" for i in range(operands))
    text = f"""(module (memory (export "m") 1)
      (func (export "f") (v128.store (i32.const 0) ({name} {loads}))))"""
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, text), []).exports(store)
    results = []
    for row in inputs:
        exports["m"].write(store, b"".join(row), 16)
        exports["f"](store)
        results.append(bytes(exports["m"].read(store, 0, 16)))
    return results


@pytest.mark.parametrize("name", OPERATORS)
def test_what_an_engine_does_is_one_of_the_alternatives(name: str) -> None:
    operator = OPERATORS[name]
    inputs = rows(operator)
    place = Relaxed._fields.index(operator.parameter)
    found = [numbers(operator.result, result) for result in engine_results(name, inputs)]
    alternatives = [
        [numbers(operator.result, operator.formula(r, *row)) for row in inputs]
        for r in range(OPTIONS[place])
    ]
    assert found in alternatives
