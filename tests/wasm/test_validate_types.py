"""Types: rec groups, canonical identity, subtyping; against wasmtime and by hand."""

from __future__ import annotations

from random import Random

import pytest
from tests.wasm.support.environment import Case, Environment, code
from tests.wasm.support.oracle import complaint
from tests.wasm.support.uses import POOL

from plumbob.wasm import features as f
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.module import Code, Module, RecGroup
from plumbob.wasm.text import parse_text
from plumbob.wasm.type_space import TypeRegistry, TypeSpace
from plumbob.wasm.types import (
    ANY,
    EQ,
    F64,
    FUNC,
    FUNCREF,
    I8,
    I16,
    I31,
    I32,
    NOFUNC,
    NONE,
    STRUCT,
    ArrayType,
    CompositeType,
    FieldType,
    FuncType,
    StructType,
    SubType,
    ValType,
    concrete,
    ref,
)
from plumbob.wasm.valid.kernel._kernel import Context
from plumbob.wasm.valid.validate import validate

MODULES = 1_500


def test_every_pair_of_types_matches_as_wasmtime_says() -> None:
    environment = Environment()
    body = b"\0" + code(("local.get", 0)) + b"\x0b"
    cases = [Case((low,), (high,), body) for low in POOL for high in POOL]
    agreed = 0
    for case, found in zip(cases, environment.outcomes(cases), strict=True):
        said = complaint(environment.binary(case))
        assert (found.error == 0) == (said is None), (case, said)
        agreed += found.error == 0
    assert agreed > 2 * len(POOL)


HIERARCHY = [
    # Lower and higher heap type.
    (NONE, I31), (NONE, STRUCT), (I31, EQ), (STRUCT, EQ), (EQ, ANY), (NONE, ANY), (NOFUNC, FUNC),
]  # fmt: skip


@pytest.mark.parametrize(("low", "high"), HIERARCHY)
def test_abstract_heap_types_by_hand(low: int, high: int) -> None:
    context = Context(f.ALL, 0)
    for null in (False, True):
        assert context.matches(ref(low), ref(high, nullable=null))
        assert context.matches(ref(low, nullable=null), ref(high, nullable=True))
        assert not context.matches(ref(high, nullable=null), ref(low, nullable=True))
    assert not context.matches(ref(low, nullable=True), ref(high))
    assert context.matches(ref(low), ref(low))


# Random type sections.


class Types:
    """Random rec groups whose types refer to one another, with declared supertypes."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.groups: list[RecGroup] = []
        self.flat: list[SubType] = []
        for _ in range(rng.randrange(1, 7)):
            self.add()

    def add(self) -> None:
        rng = self.rng
        if self.groups and rng.random() < 0.35:
            copied = rng.choice(self.groups)  # equal groups are what canonical types are about
            self.groups.append(self.moved(copied))
        else:
            size = rng.choice((1, 1, 1, 2, 3))
            end = len(self.flat) + size
            types = tuple(self.subtype(len(self.flat) + place, end) for place in range(size))
            self.groups.append(RecGroup(types, size > 1 or rng.random() < 0.2))
        self.flat += self.groups[-1].types

    def moved(self, group: RecGroup) -> RecGroup:
        """Return the group at the end, what it says of itself moved with it."""
        first = sum(len(item.types) for item in self.groups[: self.groups.index(group)])
        shift = len(self.flat) - first

        def index(value: int) -> int:
            return value + shift if first <= value < first + len(group.types) else value

        def value(type_: ValType) -> ValType:
            if not type_.is_ref or not type_.heap.is_concrete:
                return type_
            return ref(concrete(index(type_.heap.index)), nullable=type_.nullable)

        def composite(item: CompositeType) -> CompositeType:
            match item:
                case FuncType(params, results):
                    return FuncType(tuple(map(value, params)), tuple(map(value, results)))
                case StructType(fields):
                    return StructType(
                        tuple(FieldType(value(one.storage), one.mutable) for one in fields)
                    )
                case ArrayType(one):
                    return ArrayType(FieldType(value(one.storage), one.mutable))

        types = tuple(
            SubType(composite(item.composite), tuple(map(index, item.supertypes)), item.final)
            for item in group.types
        )
        return RecGroup(types, group.explicit)

    def value(self, end: int) -> ValType:
        rng = self.rng
        if rng.random() < 0.5:
            return rng.choice((I32, F64, FUNCREF, ref(ANY, nullable=True), ref(EQ)))
        # One beyond the end now and then: an unknown type.
        index = rng.randrange(end) if rng.random() < 0.98 else end
        return ref(concrete(index), nullable=rng.random() < 0.5)

    def field(self, end: int) -> FieldType:
        storage = self.rng.choice((I8, I16)) if self.rng.random() < 0.15 else self.value(end)
        return FieldType(storage, self.rng.random() < 0.4)

    def composite(self, end: int) -> CompositeType:
        rng = self.rng
        match rng.randrange(3):
            case 0:
                return StructType(tuple(self.field(end) for _ in range(rng.randrange(3))))
            case 1:
                return ArrayType(self.field(end))
            case _:
                params = tuple(self.value(end) for _ in range(rng.randrange(2)))
                return FuncType(params, tuple(self.value(end) for _ in range(rng.randrange(2))))

    def subtype(self, index: int, end: int) -> SubType:
        rng = self.rng
        final = rng.random() < 0.3
        if not index or rng.random() < 0.4:
            return SubType(self.composite(end), (), final)
        above = rng.randrange(index)
        base = self.flat[above].composite if above < len(self.flat) else self.composite(end)
        if rng.random() < 0.8:  # one that probably matches
            base = self.narrowed(base, end)
        return SubType(base, (above,), final)

    def narrowed(self, base: CompositeType, end: int) -> CompositeType:
        """Return a composite type much like another: often a subtype of it."""
        rng = self.rng
        match base:
            case StructType(fields):
                more = tuple(self.field(end) for _ in range(rng.randrange(2)))
                return StructType(tuple(self.narrowed_field(one) for one in fields) + more)
            case ArrayType(one):
                return ArrayType(self.narrowed_field(one))
            case FuncType(params, results):
                return FuncType(params, tuple(self.narrowed_value(one) for one in results))

    def narrowed_field(self, field: FieldType) -> FieldType:
        return FieldType(self.narrowed_value(field.storage), field.mutable)

    def narrowed_value(self, type_: ValType) -> ValType:
        if type_.is_ref and type_.nullable and self.rng.random() < 0.4:
            return ref(type_.heap)
        return type_

    def module(self) -> Module:
        """Return a module of these types with a few functions that convert between them."""
        made = Module()
        made.rec_groups = list(self.groups)
        count = len(self.flat)
        for number in range(4):
            low, high = self.rng.randrange(count), self.rng.randrange(count)
            type_ = FuncType((ref(concrete(low)),), (ref(concrete(high)),))
            made.rec_groups.append(RecGroup((SubType(type_),)))
            made.functions = [*made.functions, count + number]
            made.code = [*made.code, Code(b"\0" + code(("local.get", 0)) + b"\x0b")]
        return made


@pytest.mark.parametrize("part", range(4))
def test_random_types_are_judged_as_wasmtime_judges_them(part: int) -> None:
    """Each conversion is asked for alone, so that one that fails hides no other."""
    valid = subtypes = 0
    for number in range(part * MODULES // 4, (part + 1) * MODULES // 4):
        types = Types(Random(number))  # noqa: S311  # repeatable
        module = types.module()
        bodies, functions = module.code, module.functions
        for place in range(len(bodies)):
            module.code, module.functions = bodies[place : place + 1], functions[place : place + 1]
            binary = encode(module)
            report, said = validate(binary, features=f.ALL), complaint(binary)
            assert report.ok == (said is None), (number, place, report.diagnostics, said)
            valid += report.ok
            subtypes += not any(item.section == "type" for item in report.diagnostics)
    assert valid > MODULES // 20
    assert subtypes - valid > MODULES // 20


# By hand.

EQUAL = {
    # Type sections: whether the types $a and $b are the same.
    "(type $a (func)) (type $b (func))": True,
    "(type $a (struct (field i32))) (type $b (struct (field i64)))": False,
    "(type $a (struct)) (type $b (sub (struct)))": False,
    "(type $a (struct)) (type $b (sub final (struct)))": True,
    "(type $a (struct)) (rec (type $b (struct)))": True,
    "(type $a (struct)) (rec (type $b (struct)) (type (struct)))": False,
    "(rec (type $a (struct)) (type (func))) (rec (type $b (struct)) (type (func)))": True,
    "(rec (type $a (struct)) (type (func))) (rec (type (func)) (type $b (struct)))": False,
    "(rec (type $a (struct (field (ref $a))))) (rec (type $b (struct (field (ref $b)))))": True,
    "(rec (type $a (struct (field (ref $a))))) (rec (type $b (struct (field (ref $a)))))": False,
    "(rec (type $a (struct)) (type $b (struct)))": False,
    "(rec (type $x (struct (field (ref $a)))) (type $a (struct (field (ref $x)))))"
    " (rec (type $y (struct (field (ref $b)))) (type $b (struct (field (ref $y)))))": True,
    "(type $t (sub (struct))) (type $u (sub (struct)))"
    " (type $a (sub $t (struct))) (type $b (sub $u (struct)))": True,
    "(type $t (sub (struct))) (type $a (sub $t (struct))) (type $b (struct))": False,
    "(type $f (func)) (type $g (func)) (type $a (array (ref $f))) (type $b (array (ref $g)))":
        True,
    "(type $a (array (mut i8))) (type $b (array i8))": False,
}  # fmt: skip


@pytest.mark.parametrize("types", EQUAL)
def test_canonical_types(types: str) -> None:
    text = f"(module {types} (func (param (ref $a)) (result (ref $b)) local.get 0))"
    back = f"(module {types} (func (param (ref $b)) (result (ref $a)) local.get 0))"
    for source in (text, back):
        module = parse_text(source, features=f.ALL)
        assert validate(module, features=f.ALL).ok == EQUAL[types]
        assert (complaint(encode(module)) is None) == EQUAL[types]


def test_one_registry_gives_equal_types_of_two_modules_one_identity() -> None:
    registry = TypeRegistry()
    first = parse_text("(module (type (func)) (type $a (struct (field (ref null 0)))))")
    second = parse_text("(module (type (func (param i32))) (type (func)))")
    left = TypeSpace(first.rec_groups, registry)
    right = TypeSpace(second.rec_groups, registry)
    assert left.canonical[0] == right.canonical[1]
    assert len({*left.canonical, *right.canonical}) == 3
