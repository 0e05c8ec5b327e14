"""Modules written to be expensive: time and memory stay in proportion to their size.

Sizes are a tenth of what the implementation limits allow, or less, so that the tests stay
quick; bounds are several times what is needed, and far below what anything quadratic takes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.fuzz.campaign import peak
from tests.wasm.support.environment import code, leb

from plumbob.wasm import features as f
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    FUNC,
    Code,
    DataSegment,
    ElementSegment,
    Export,
    Global,
    Import,
    Module,
    RecGroup,
)
from plumbob.wasm.types import FUNC as FUNC_HEAP
from plumbob.wasm.types import (
    FUNCREF,
    I32,
    ArrayType,
    FieldType,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    StructType,
    SubType,
    concrete,
    ref,
)
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 2.0
SECONDS_PER_BYTE = 40e-6
BYTES = 64 << 20
BYTES_PER_BYTE = 400

VOID = FuncType((), ())
MANY = FuncType((), (I32,) * 1000)
TAKES = FuncType((I32,) * 1000, ())
BLOCK, END = b"\x02\x40", b"\x0b"


def module(types: list[FuncType | StructType | ArrayType | SubType], bodies: list[bytes]) -> Module:
    """Return a module of these types, with functions of the first."""
    made = Module("hostile")
    made.rec_groups = [
        RecGroup((item if isinstance(item, SubType) else SubType(item),)) for item in types
    ]
    made.functions = [0] * len(bodies)
    made.code = [Code(body) for body in bodies]
    return made


def with_fields(made: Module, **fields: object) -> Module:
    """Return the module with attributes set."""
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def one(body: bytes) -> Module:
    """Return a module of one function."""
    return module([VOID], [b"\0" + body])


def calls(body: bytes) -> Module:
    """Return a module whose last function, [] -> [], calls $0 (many results), $1 (takes them)."""
    made = module([MANY, TAKES, VOID], [b"\0\0\x0b", b"\0\x0b", b"\0" + body])
    made.functions = [0, 1, 2]
    return made


def structs(count: int, above: Callable[[int], tuple[int, ...]]) -> Module:
    """Return a module of empty structures with these supertypes."""
    return module([SubType(StructType(()), above(index), False) for index in range(count)], [])


def group(size: int) -> RecGroup:
    """Return a rec group in which each type points to the next."""
    fields = (
        FieldType(ref(concrete((index + 1) % size), nullable=True), True) for index in range(size)
    )
    return RecGroup(tuple(SubType(StructType((field,))) for field in fields), True)


class Hostile(NamedTuple):
    """A module, and the first code that must be reported; None where it is valid."""

    make: Callable[[], Module]
    code: str | None


NULL_FUNC = b"\x64\x70"  # (ref func)
CASES = {
    "blocks without end": Hostile(lambda: one(BLOCK * 350_000), "E0101"),
    "blocks and ends": Hostile(lambda: one(BLOCK * 250_000 + END * 250_001), None),
    "a fault within blocks": Hostile(
        lambda: one(BLOCK * 200_000 + b"\x1a" + END * 200_001), "E0202"
    ),
    "a fault on a deep stack": Hostile(lambda: one(b"\x41\0" * 200_000 + b"\x7c\x0b"), "E0201"),
    "a deep stack left": Hostile(lambda: one(b"\x41\0" * 200_000 + END), "E0203"),
    "many locals": Hostile(lambda: module([VOID], [b"\x01\xd0\x86\x03\x7f\x0b"] * 20_000), None),
    "many locals without default": Hostile(
        lambda: module([VOID], [b"\x01\xd0\x86\x03" + NULL_FUNC + END] * 20_000), None
    ),
    "the last of them read": Hostile(
        lambda: module(
            [VOID], [b"\x01\xd0\x86\x03" + NULL_FUNC + b"\x20\xcf\x86\x03\x1a\x0b"] * 10_000
        ),
        "E0220",
    ),
    "locals one by one": Hostile(
        lambda: module(
            [VOID],
            [leb(50_000) + b"\x01\x7f" * 50_000 + b"\x20\xcf\x86\x03\x1a" * 50_000 + END],
        ),
        None,
    ),
    "too many locals": Hostile(lambda: module([VOID], [b"\x01\xd1\x86\x03\x7f\x0b"]), "E0301"),
    "a long br_table": Hostile(
        lambda: one(code(("i32.const", 0)) + b"\x0e" + leb(500_000) + b"\0" * 500_001 + END), None
    ),
    "a br_table of wide labels": Hostile(
        lambda: calls(
            b"\x02\0\x10\0" + code(("i32.const", 0)) + b"\x0e" + leb(20_000) + b"\0" * 20_001 + END
            + b"\x10\1\x0b"
        ),
        None,
    ),
    "calls of many results": Hostile(lambda: calls(b"\x10\0\x10\1" * 50_000 + END), None),
    "results of many calls": Hostile(lambda: calls(b"\x10\0" * 1_000 + b"\0" + END), None),
    "results of too many calls": Hostile(lambda: calls(b"\x10\0" * 3_000 + b"\0" + END), "E0301"),
    "results of dead calls": Hostile(lambda: calls(b"\0" + b"\x10\0" * 50_000 + END), "E0301"),
    "dead code of many calls": Hostile(lambda: calls(b"\0" + b"\x10\1" * 200_000 + END), None),
    "wide structures": Hostile(
        lambda: module([VOID, StructType((FieldType(I32, True),) * 10_000)],
                       [b"\0" + b"\xfb\x01\x01\x1a" * 20_000 + END]),
        None,
    ),
    "large arrays": Hostile(
        lambda: module([VOID, ArrayType(FieldType(I32, True))],
                       [b"\0\0" + b"\xfb\x08\x01\x90\x4e\x1a" * 5_000 + END]),
        None,
    ),
    "a chain of 63 supertypes": Hostile(lambda: structs(64, lambda n: (n - 1,) if n else ()), None),
    "a chain of 64": Hostile(lambda: structs(65, lambda n: (n - 1,) if n else ()), "E0301"),
    "a long chain": Hostile(lambda: structs(20_000, lambda n: (n - 1,) if n else ()), "E0301"),
    "its own supertype": Hostile(lambda: structs(1, lambda n: (n,)), "E0251"),
    "supertypes in a circle": Hostile(
        lambda: with_fields(
            Module(),
            rec_groups=[
                RecGroup(
                    (SubType(StructType(()), (1,), False), SubType(StructType(()), (0,), False)),
                    True,
                )
            ],
        ),
        "E0251",
    ),
    "a supertype beyond the last": Hostile(lambda: structs(3, lambda _: (7,)), "E0250"),
    "a large rec group": Hostile(
        lambda: with_fields(Module(), rec_groups=[group(20_000)]), None
    ),
    "many rec groups": Hostile(
        lambda: with_fields(Module(), rec_groups=[group(1)] + [RecGroup((), True)] * 20_000), None
    ),
    "many types": Hostile(lambda: module([VOID] * 100_000, []), None),
    "many invalid functions": Hostile(lambda: module([VOID], [b"\0\x1a\x0b"] * 200_000), "E0202"),
    "many invalid globals": Hostile(
        lambda: with_fields(
            module([VOID], []),
            globals=[Global(GlobalType(I32, False), b"\x42\0\x0b")] * 20_000,
        ),
        "E0201",
    ),
    "many invalid imports": Hostile(
        lambda: with_fields(module([VOID], []), imports=[Import("", "", FUNC, 7)] * 50_000),
        "E0208",
    ),
    "many equal exports": Hostile(
        lambda: with_fields(module([VOID], [b"\0\x0b"]), exports=[Export("a", FUNC, 0)] * 100_000),
        "E0253",
    ),
    "many invalid elements": Hostile(
        lambda: with_fields(
            module([VOID], []),
            elements=[
                ElementSegment(DECLARATIVE, FUNCREF, expressions=(b"\xd2\1\x0b",) * 20_000)
            ],
        ),
        "E0207",
    ),
    "many element segments": Hostile(
        lambda: with_fields(
            module([VOID], [b"\0\x0b"]),
            elements=[ElementSegment(DECLARATIVE, ref(FUNC_HEAP), functions=(0,))] * 20_000,
        ),
        None,
    ),
    "many invalid data segments": Hostile(
        lambda: with_fields(
            module([VOID], []),
            memories=[MemoryType(Limits(1))],
            datas=[DataSegment(ACTIVE, b"", 0, b"\x42\0\x0b")] * 50_000,
        ),
        "E0201",
    ),
    "a long constant expression": Hostile(
        lambda: with_fields(
            module([VOID], []),
            globals=[
                Global(GlobalType(I32, False), b"\x41\0" + b"\x41\0\x6a" * 200_000 + END)
            ],
        ),
        None,
    ),
    "many catch clauses": Hostile(
        lambda: one((b"\x1f\x40" + leb(10_000) + b"\2\0" * 10_000 + END) * 20 + END), None
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_cost_is_in_proportion(name: str) -> None:
    case = CASES[name]
    data = encode(case.make())
    before, start = peak(), time.perf_counter()
    report = validate(data, features=f.ALL)
    taken, grown = time.perf_counter() - start, peak() - before
    codes = [item.code for item in report.diagnostics]
    assert (codes[0] if codes else None) == case.code
    assert taken < SECONDS + SECONDS_PER_BYTE * len(data)
    assert grown < BYTES + BYTES_PER_BYTE * len(data)
    assert len(report.diagnostics) <= 250
    for item in report.diagnostics:
        assert len(item.stack or ()) <= 1_000
        assert len(item.frames) <= 1_000


COUNTS = {
    "types": b"\x01\x05\xff\xff\xff\xff\x0f",
    "a rec group": b"\x01\x07\x01\x4e\xff\xff\xff\xff\x0f",
    "parameters": b"\x01\x07\x01\x60\xff\xff\xff\xff\x0f",
    "fields": b"\x01\x07\x01\x5f\xff\xff\xff\xff\x0f",
    "imports": b"\x02\x05\xff\xff\xff\xff\x0f",
    "functions": b"\x03\x05\xff\xff\xff\xff\x0f",
    "tables": b"\x04\x05\xff\xff\xff\xff\x0f",
    "memories": b"\x05\x05\xff\xff\xff\xff\x0f",
    "globals": b"\x06\x05\xff\xff\xff\xff\x0f",
    "exports": b"\x07\x05\xff\xff\xff\xff\x0f",
    "element segments": b"\x09\x05\xff\xff\xff\xff\x0f",
    "elements": b"\x09\x08\x01\x01\x00\xff\xff\xff\xff\x0f",
    "bodies": b"\x0a\x05\xff\xff\xff\xff\x0f",
    "data segments": b"\x0b\x05\xff\xff\xff\xff\x0f",
    "data": b"\x0b\x07\x01\x01\xff\xff\xff\xff\x0f",
    "tags": b"\x0d\x05\xff\xff\xff\xff\x0f",
    "a name": b"\x00\x05\xff\xff\xff\xff\x0f",
    "a section": b"\x01\xff\xff\xff\xff\x0f",
}
"""Sections whose first count is 2^32 - 1."""


@pytest.mark.parametrize("name", COUNTS)
def test_a_huge_count_costs_nothing(name: str) -> None:
    before = peak()
    report = validate(b"\0asm\1\0\0\0" + COUNTS[name], features=f.ALL)
    assert report.verdict == "malformed"
    assert peak() - before < 16 << 20


def test_the_largest_body_is_accepted_and_no_larger_one() -> None:
    for size, codes in ((7_654_321, []), (7_654_322, ["E0301"])):
        data = encode(module([VOID], [b"\0" + b"\x01" * (size - 2) + END]))
        assert [item.code for item in validate(data).diagnostics] == codes
