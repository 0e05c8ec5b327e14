"""WebAssembly's official suite, as far as functions are trees of numeric operators.

The outside judge, read with a few lines of its own: no decoder, validator or executor of
ours takes part. A function counts if its body is one folded expression of the operators
in `wasm_operators`, constants and parameters.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tests.semantics.oracles import (
    decode,
    encode,
    infinity,
    is_canonical,
    lanes_of,
    quieted,
    vector_of,
    zero,
)
from tests.semantics.wasm_operators import OPERATORS

from plumbob.semantics import ValueType, value_type

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Tree: TypeAlias = "list[Tree] | str"

FILES = (
    *("i32", "i64", "f32*", "f64*", "conversions", "int_exprs", "float_exprs", "float_misc"),
    *("simd_*_arith*", "simd_*_cmp", "simd_*_rounding", "simd_*_pmin_pmax", "simd_f*"),
    *("simd_bit*", "simd_boolean", "simd_conversions", "simd_splat", "simd_int_to_int_extend"),
    *("simd_i*ext*", "simd_*trunc_sat*", "simd_*dot*", "simd_*q15*", "simd_lane"),
)
TRAPS = {
    "integer divide by zero": "int_divz",
    "integer overflow": "int_ovf",
    "invalid conversion to integer": "bad_toint",
}
TOKEN = re.compile(r'\(;.*?;\)|;;[^\n]*|("(?:[^"\\]|\\.)*")|([()])|([^\s()";]+)', re.DOTALL)
HEX_FLOAT = re.compile(r"([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?\d+))?", re.IGNORECASE)

# Enough to notice that this test no longer reaches the suite.
FEWEST_ASSERTIONS = 36_000


class Pattern(NamedTuple):
    """An expected value: bits, or None with the kind of NaN for lanes that may vary."""

    lane_bits: int
    lanes: list[int | str]


def read_trees(text: str) -> list[Tree]:
    stack: list[list[Tree]] = [[]]
    for string, bracket, atom in TOKEN.findall(text):
        if bracket == "(":
            stack.append([])
        elif bracket == ")":
            done = stack.pop()
            stack[-1].append(done)
        elif string or atom:
            stack[-1].append(string or atom)
    return stack[0]


def parse_number(text: str, kind: str) -> int:
    """The bits of a number of type i8 to i64, f32 or f64 in WebAssembly's notation."""
    text = text.replace("_", "")
    bits = value_type(kind).bits
    if kind[0] == "i":
        return int(text, 16 if "0x" in text else 10) % (1 << bits)
    negative, size = text.startswith("-"), text.lstrip("+-")
    if size == "inf":
        return infinity(bits, negative=negative)
    if size.startswith("nan"):
        payload = size.removeprefix("nan").removeprefix(":")
        nan = infinity(bits, negative=negative)
        return nan | int(payload, 16) if payload else quieted(bits, nan)
    value = parse_hex_float(text) if size.startswith("0x") else Fraction(text)
    return encode(bits, value, negative_zero=negative) if value else zero(bits, negative=negative)


def parse_hex_float(text: str) -> Fraction:
    match = HEX_FLOAT.fullmatch(text)
    assert match, text
    significand = int(match[2] + match[3] or "0", 16)
    exponent = int(match[4] or 0) - 4 * len(match[3])
    value = Fraction(significand) * Fraction(2) ** exponent
    return -value if match[1] == "-" else value


def constant(tree: Tree) -> int | None:
    """The bits of `(i32.const 1)` or `(v128.const i8x16 …)`; None for another tree."""
    if not isinstance(tree[0], str) or not tree[0].endswith(".const"):
        return None
    words = [word for word in tree if isinstance(word, str)]
    if words[0] != "v128.const":
        return parse_number(words[1], words[0].removesuffix(".const"))
    kind = value_type(words[1])
    return vector_of(kind, [parse_number(word, str(kind.lane)) for word in words[2:]])


def pattern(tree: Tree) -> Pattern:
    words = [word for word in tree if isinstance(word, str)]
    name = words[1] if words[0] == "v128.const" else words[0].removesuffix(".const")
    kind = value_type(name)
    lanes = words[2:] if words[0] == "v128.const" else words[1:]
    return Pattern(
        kind.lane_bits,
        [
            word
            if word in ("nan:canonical", "nan:arithmetic")
            else parse_number(word, str(kind.lane))
            for word in lanes
        ],
    )


def matches(expected: Pattern, found: int) -> bool:
    bits = expected.lane_bits
    kind = ValueType(is_float=False, lane_bits=bits, lanes=len(expected.lanes))
    lanes = zip(expected.lanes, lanes_of(kind, found), strict=True)
    return all(lane_matches(bits, want, x) for want, x in lanes)


def lane_matches(bits: int, want: int | str, x: int) -> bool:
    if want == "nan:canonical":
        return is_canonical(bits, x)
    if want == "nan:arithmetic":
        return decode(bits, x).kind == "nan" and quieted(bits, x) == x
    return x == want


class Function(NamedTuple):
    parameters: list[str]
    body: Tree


def functions(module: Tree) -> Iterator[tuple[str, Function]]:
    """Exported functions that are one evaluable expression."""
    for field in module:
        if not isinstance(field, list) or not field or field[0] != "func":
            continue
        names: list[str] = []
        parameters: list[str] = []
        rest: list[Tree] = []
        for part in field[1:]:
            head = part[0] if isinstance(part, list) and part else ""
            words = [str(word) for word in part[1:]] if isinstance(part, list) else []
            if head == "export":
                names.append(words[0])
            elif head == "param":
                parameters += words[:1] if words[0][0] == "$" else [""] * len(words)
            elif head != "result":
                rest.append(part)
        bodies = [part for part in rest if isinstance(part, list)]
        if names and len(bodies) == 1 and len(rest) <= 2 and is_evaluable(bodies[0]):
            yield names[0], Function(parameters, bodies[0])


def is_evaluable(tree: Tree) -> bool:
    if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
        return False
    if tree[0] == "local.get" or tree[0].endswith(".const"):
        return True
    operator = OPERATORS.get(tree[0])
    operands = tree[1:]
    return (
        operator is not None
        and operator.text == tree[0]
        and len(operands) == len(operator.operands)
        and all(is_evaluable(operand) for operand in operands)
    )


def evaluate(function: Function, tree: Tree, arguments: list[int]) -> int | str:
    """The value of an expression, or the code of a trap."""
    value = constant(tree)
    if value is not None:
        return value
    name = str(tree[0])
    if name == "local.get":
        index = str(tree[1])
        place = function.parameters.index(index) if index[0] == "$" else int(index)
        return arguments[place]
    operands = []
    for operand in tree[1:]:
        result = evaluate(function, operand, arguments)
        if isinstance(result, str):
            return result
        operands.append(result)
    return OPERATORS[name].function(*operands)


def judge(tree: Tree, known: dict[str, Function]) -> bool | None:
    """Whether an assertion holds; None if it is about something else."""
    call = tree[1] if len(tree) > 2 else ""
    if not isinstance(call, list) or call[0] != "invoke" or call[1] not in known:
        return None
    arguments = [constant(argument) for argument in call[2:]]
    if any(argument is None for argument in arguments):
        return None
    function = known[str(call[1])]
    found = evaluate(function, function.body, [x for x in arguments if x is not None])
    if tree[0] == "assert_trap":
        return found == TRAPS[str(tree[2]).strip('"')]
    return isinstance(found, int) and matches(pattern(tree[2]), found)


def test_every_assertion_about_numeric_expressions(suites: Path) -> None:
    count, wrong = 0, []
    paths = {path for name in FILES for path in (suites / "spec").glob(f"{name}.wast")}
    for path in sorted(paths):
        known: dict[str, Function] = {}
        for tree in read_trees(path.read_text(encoding="utf-8")):
            if tree[0] == "module":
                known = dict(functions(tree))
            elif tree[0] in ("assert_return", "assert_trap"):
                held = judge(tree, known)
                count += held is not None
                if held is False:
                    wrong.append(f"{path.name}: {tree}")
    assert not wrong, "\n".join(wrong[:20])
    assert count >= FEWEST_ASSERTIONS
