"""What callers get wrong is said plainly; what costs time at start is not paid at start."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.semantics.corpus import SITES, site

from plumbob.errors import InternalError, UsageError
from plumbob.semantics import CONCRETE, OPERATIONS, Outcome, Site, operation, value_type
from plumbob.semantics.encoding import exact_bits
from plumbob.semantics.operation import Definitions
from plumbob.semantics.source_library import SourceLibrary
from plumbob.semantics.types import F16


@pytest.mark.parametrize(
    "name", ["i7", "f8", "f256", "i32x3", "i32x1", "i32x32", "x4", "i32x4xN", ""]
)
def test_only_clif_types_exist(name: str) -> None:
    with pytest.raises(UsageError, match="unknown value type"):
        value_type(name)


@pytest.mark.parametrize("name", ["i8", "i128", "f16", "f128", "i8x2", "i8x64", "f64x8", "i32x4"])
def test_types_print_as_they_are_written(name: str) -> None:
    assert str(value_type(name)) == name


def test_an_integer_has_no_format() -> None:
    with pytest.raises(UsageError, match="i32"):
        _ = value_type("i32").format


def test_an_operation_without_a_value_has_no_row() -> None:
    with pytest.raises(UsageError, match="jump"):
        operation("jump")


def run(name: str, where: Site, *values: int) -> Outcome[int, bool]:
    return operation(name).outcome(CONCRETE, where, values)


def test_counts_are_checked() -> None:
    with pytest.raises(UsageError, match="operands of iadd"):
        run("iadd", site("i32 i32", "i32"), 1)
    with pytest.raises(UsageError, match="operands of iadd"):
        run("iadd", site("i32", "i32"), 1, 2)
    with pytest.raises(UsageError, match="immediates of icmp"):
        run("icmp", site("i32 i32", "i8"), 1, 2)


@pytest.mark.parametrize(
    ("name", "where", "message"),
    [
        ("icmp", site("i32 i32", "i8", "lt"), "expected eq, ne, slt"),
        ("fcmp", site("f32 f32", "i8", "slt"), "expected ord, uno, eq"),
        ("extractlane", site("i32x4", "i32", 4), "expected 0 to 3, found 4"),
        ("insertlane", site("i32x4 i32", "i32x4", -1), "found -1"),
        ("shuffle", site("i8x16 i8x16", "i8x16", bytes(15)), "expected 16 bytes"),
        ("shuffle", site("i8x16 i8x16", "i8x16", bytes([32] * 16)), "expected below 32, found 32"),
        ("bitcast", site("i32", "f32", "middle"), "byte order"),
        ("atomic_rmw", site("i32 i32", "i32", "mul"), "mul"),
    ],
)
def test_immediates_are_checked(name: str, where: Site, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(name, where, *[0] * len(where.operands))


def test_an_operation_is_defined_once() -> None:
    rows = Definitions()
    rows.integer("twice")(lambda _d, _w, x: x)
    with pytest.raises(InternalError, match="twice"):
        rows.integer("twice")(lambda _d, _w, x: x)


def test_a_number_that_a_format_cannot_hold_is_our_fault() -> None:
    with pytest.raises(InternalError, match="not a number of f16"):
        exact_bits(F16, negative=False, significand=4097, exponent=0)


def test_results_are_as_many_as_the_types_say() -> None:
    for name, sites in SITES.items():
        where = sites[0]
        ones = [1] * len(where.operands)
        assert len(OPERATIONS[name].outcome(CONCRETE, where, ones).results) == len(where.results)


def test_source_is_the_same_every_time() -> None:
    def sources() -> dict[str, str]:
        library = SourceLibrary()
        for name, sites in SITES.items():
            library.helper(OPERATIONS[name], sites[-1])
        return library.sources

    assert sources() == sources()


def test_gmpy2_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, plumbob.semantics.source_library as s; s.SourceLibrary();"
        "assert 'gmpy2' not in sys.modules;"
        "from plumbob.semantics.types import F16; from plumbob.semantics.ieee import ARITHMETIC;"
        "assert ARITHMETIC['add', 'f16'](0x3c00, 0x3c00) == 0x4000;"
        "assert 'gmpy2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
