"""The source domain: what it writes, and that what it claims of a value is true."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING

import pytest
from tests.semantics.corpus import SITES, concrete_runner, inputs, site

from plumbob.semantics import OPERATIONS
from plumbob.semantics.expression import Expression, Split
from plumbob.semantics.source_domain import SourceDomain
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.semantics import Site
    from plumbob.semantics.source_library import Fragment

LIBRARY = SourceLibrary()


def fragment(name: str, where: Site, *operands: str | Expression) -> Fragment:
    numbers = count()
    values = operands or [f"v{i}" for i in range(len(where.operands))]
    return LIBRARY.fragment(OPERATIONS[name], where, values, lambda: f"t{next(numbers)}")


def expressions(root: Expression, seen: set[Expression]) -> Iterator[Expression]:
    if root not in seen:
        seen.add(root)
        for operand in root.operands():
            yield from expressions(operand, seen)
        yield root


@pytest.mark.parametrize("name", OPERATIONS)
def test_intervals_hold(name: str) -> None:
    """A mask is left out because of an interval: a wrong one would leave a wrong value."""
    for where in SITES[name]:
        domain = SourceDomain()
        leaves = [domain.leaf(f"v{i}", kind.bits) for i, kind in enumerate(where.operands)]
        outcome = OPERATIONS[name].outcome(domain, where, leaves)
        seen: set[Expression] = set()
        nodes = [node for root in outcome.results for node in expressions(root, seen)]
        if len(nodes) > 80 or name in ("udiv", "urem", "sdiv", "srem"):  # partial by contract
            continue
        compiled = [(node, compile(node.text(), name, "eval")) for node in nodes]
        for values in islice(inputs(where, limit=60), 60):
            scope = {f"v{i}": value for i, value in enumerate(values)}
            for node, code in compiled:
                if not isinstance(node, Split):
                    value = eval(code, LIBRARY.namespace, scope)  # noqa: S307 - our own source
                    assert node.low <= value <= node.high, f"{node.text()} of {scope} is {value}"


SCALAR = {
    "iadd": "v0 + v1 & 0xffffffff",
    "isub": "v0 - v1 & 0xffffffff",
    "imul": "v0 * v1 & 0xffffffff",
    "band": "v0 & v1",
    "bnot": "v0 ^ 0xffffffff",
    "ishl": "v0 << (v1 & 31) & 0xffffffff",
    "ushr": "v0 >> (v1 & 31)",
    "sshr": "(v0 ^ 0x80000000) - 0x80000000 >> (v1 & 31) & 0xffffffff",
    "umin": "v0 if v0 < v1 else v1",
    "clz": "32 - v0.bit_length()",
    "popcnt": "v0.bit_count()",
}


@pytest.mark.parametrize("name", SCALAR)
def test_hot_operations_are_one_expression_without_needless_masks(name: str) -> None:
    where = site(" ".join(["i32"] * OPERATIONS[name].arity), "i32")
    written = fragment(name, where)
    assert (written.before, written.traps, written.after) == ([], [], [])
    assert written.results[0].text() == SCALAR[name]


def test_a_comparison_is_a_condition_or_a_number() -> None:
    (result,) = fragment("icmp", site("i32 i32", "i8", "ult")).results
    assert result.text() == "1 if v0 < v1 else 0"
    assert result.condition() == "v0 < v1"


def test_a_comparison_with_a_constant_folds_its_sign_flip() -> None:
    where = site("i32 i32", "i8", "slt")
    assert fragment("icmp", where, "v0", "0").results[0].condition() == "v0 >= 0x80000000"
    written = fragment("icmp", where, "v0", "10").results[0].condition()
    assert written == "v0 ^ 0x80000000 < 0x8000000a"


def test_constants_fold_away() -> None:
    assert fragment("iadd", site("i8 i8", "i8"), "200", "0x64").results[0].value == 44
    assert fragment("ishl", site("i32 i32", "i32"), "v0", "33").results[0].text() == (
        "v0 << 1 & 0xffffffff"
    )


def test_fragments_fuse_and_mask_once() -> None:
    where = site("i32 i32", "i32")
    inner = fragment("iadd", where, "a", "b").results[0]
    assert fragment("isub", where, inner, "c").results[0].text() == "a + b - c & 0xffffffff"
    flag = fragment("icmp", site("i32 i32", "i8", "ult"), "a", "b").results[0]
    chosen = fragment("select", site("i8 i32 i32", "i32"), flag, "x", "y").results[0]
    assert chosen.text() == "y if a >= b else x"


def test_traps_come_before_the_division() -> None:
    written = fragment("sdiv", site("i32 i32", "i32"))
    assert written.before == []
    assert written.traps == [
        ("v1 == 0", "int_divz"),
        ("v0 == 0x80000000 and v1 == 0xffffffff", "int_ovf"),
    ]
    assert fragment("udiv", site("i32 i32", "i32"), "v0", "7").traps == []


def test_what_a_trap_and_a_result_share_is_computed_before_both() -> None:
    written = fragment("uadd_overflow_trap", site("i32 i32", "i32", "user1"))
    assert written.before == ["t0 = v0 + v1"]
    assert written.traps == [("t0 >> 32 != 0", "user1")]
    assert written.after == []
    assert written.results[0].text() == "t0 & 0xffffffff"


def test_a_shared_value_gets_a_variable() -> None:
    written = fragment("uadd_overflow", site("i32 i32", "i32 i8"))
    assert written.after == ["t0 = v0 + v1"]
    assert [result.text() for result in written.results] == [
        "t0 & 0xffffffff",
        "1 if t0 >> 32 != 0 else 0",
    ]


def test_a_long_operation_is_a_call_of_a_helper() -> None:
    where = site("i8x16 i8x16", "i8x16")
    written = fragment("swizzle", where)
    helper = LIBRARY.helper(OPERATIONS["swizzle"], where)
    assert written.results[0].text() == f"{helper}(v0, v1)"
    assert LIBRARY.namespace[helper] is LIBRARY.function(OPERATIONS["swizzle"], where)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_pasted_fragment_computes_what_the_interpreter_does(name: str) -> None:
    """As an executor uses it: inline or called, traps tested in between."""
    for where in SITES[name][::3]:
        written = fragment(name, where)
        lines = [f"def pasted({', '.join(f'v{i}' for i in range(len(where.operands)))}):"]
        lines += [f"    {line}" for line in written.before]
        lines += [f"    if {condition}: return {code!r}" for condition, code in written.traps]
        lines += [f"    {line}" for line in written.after]
        lines.append(f"    return {', '.join(result.text() for result in written.results)},")
        scope = dict(LIBRARY.namespace)
        exec("\n".join(lines), scope)  # noqa: S102 - our own source
        run = concrete_runner(OPERATIONS[name], where)
        for values in inputs(where, limit=40):
            assert scope["pasted"](*values) == run(*values), lines
