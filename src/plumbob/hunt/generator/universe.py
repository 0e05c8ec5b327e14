"""The types of a generated module: structures and arrays in a hierarchy, functions.

Structures and arrays come first, in one rec group, so that they may refer to one another;
function types follow as they are needed, each in a group of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.wasm import types as t
from plumbob.wasm.module import RecGroup
from plumbob.wasm.types import ArrayType, FieldType, FuncType, StructType, SubType, ValType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plumbob.hunt.choices import Choices

NUMBERS: Final = (t.I32, t.I64, t.F32, t.F64)

FLOAT4, FLOAT2 = ValType(9), ValType(10)
"""Vectors of floats as the generator tells them apart: their NaNs have any bits, so that
they become a `v128` only after those were made canonical. Both are `v128` when encoded."""

WIRE: Final = {FLOAT4: t.V128, FLOAT2: t.V128}

STORED: Final = (t.I32, t.I64, t.I8, t.I16, t.F32, t.F64, t.V128)

ANYREF, EQREF, I31REF = (t.ref(heap, nullable=True) for heap in (t.ANY, t.EQ, t.I31))
TOPS: Final = (ANYREF, EQREF, I31REF, t.ref(t.STRUCT, nullable=True))


def scalars(*, vectors: bool) -> tuple[ValType, ...]:
    """Return the types of values that are no references."""
    return (*NUMBERS, t.V128) if vectors else NUMBERS


def wire(type_: ValType) -> ValType:
    """Return the type that stands in the module for one of the generator's."""
    return WIRE.get(type_, type_)


class Universe:
    """The types of one module."""

    def __init__(self, choices: Choices, *, references: bool, vectors: bool) -> None:
        """Choose structures and arrays; none without `references`."""
        self._choices = choices
        self._stored = STORED if vectors else STORED[:-1]
        self.subtypes: list[SubType] = []
        self.structs: list[int] = []
        self.arrays: list[int] = []
        self._above: list[tuple[int, ...]] = []
        """Of each structure and array, itself and its supertypes."""
        self._functions: dict[tuple[FuncType, tuple[int, ...], bool], int] = {}
        self._groups: list[RecGroup] = []
        if references:
            self._choose()

    def _choose(self) -> None:
        choices = self._choices
        structs, arrays = choices.between(1, 5), choices.between(1, 3)
        count = structs + arrays
        for place in range(structs):
            above = choices.pick([None, *self.structs]) if choices.chance(60) else None
            inherited: list[FieldType] = []
            if above is not None:
                composite = self.subtypes[above].composite
                assert isinstance(composite, StructType)  # noqa: S101  # `structs` lists those
                inherited = [self._refined(each) for each in composite.fields]
            fields = [
                self._field(count) for _ in range(choices.between(1 if above is None else 0, 3))
            ]
            self._add(StructType((*inherited, *fields)), above, final=False)
            self.structs.append(place)
        for place in range(structs, count):
            same = [index for index in self.arrays if choices.chance(30)]
            above = same[0] if same else None
            if above is None:
                self._add(ArrayType(self._field(count, mutable=85)), None, final=False)
            else:
                composite = self.subtypes[above].composite
                self._add(composite, above, final=False)
            self.arrays.append(place)
        self._groups.append(RecGroup(tuple(self.subtypes), explicit=True))

    def _add(self, composite: t.CompositeType, above: int | None, *, final: bool) -> None:
        place = len(self.subtypes)
        self.subtypes.append(SubType(composite, () if above is None else (above,), final))
        self._above.append((place,) if above is None else (place, *self._above[above]))

    def _field(self, count: int, mutable: int = 75) -> FieldType:
        choices = self._choices
        kind = choices.below(10)
        if kind < 6:
            storage = choices.pick(self._stored)
        elif kind < 8:
            storage = t.ref(t.concrete(choices.below(count)), nullable=True)
        else:
            storage = choices.pick((*TOPS, t.EXTERNREF, t.FUNCREF))
        return FieldType(storage, choices.chance(mutable))

    def _refined(self, field: FieldType) -> FieldType:
        """Return the field of a subtype: the same, or a narrower type where it is immutable."""
        if field.mutable or not field.storage.is_ref or not self._choices.chance(30):
            return field
        if field.storage in (ANYREF, EQREF):
            return FieldType(I31REF, mutable=False)
        return field

    # Questions.

    def matches(self, sub: ValType, sup: ValType) -> bool:
        """Return whether values of the one type are values of the other."""
        if sub == sup:
            return True
        if not (sub.is_ref and sup.is_ref) or (sub.nullable and not sup.nullable):
            return False
        return self.heap_matches(sub.heap, sup.heap)

    def heap_matches(self, sub: t.HeapType, sup: t.HeapType) -> bool:
        """Return whether one heap type is below the other, or the same."""
        if sub == sup:
            return True
        if not sub.is_concrete:
            if sup.is_concrete:
                bottom = t.NONE if sup.index < len(self._above) else t.NOFUNC
                return sub == bottom
            return sup in t.HEAP_CLOSURE[sub]
        if sup.is_concrete:
            return sub.index < len(self._above) and sup.index in self._above[sub.index]
        return sup in t.HEAP_CLOSURE[self.kind(sub.index)]

    def kind(self, index: int) -> t.HeapType:
        """Return the abstract heap type just above a type: struct, array or func."""
        composite = self.subtypes[index].composite
        if isinstance(composite, StructType):
            return t.STRUCT
        return t.ARRAY if isinstance(composite, ArrayType) else t.FUNC

    def below(self, heap: t.HeapType) -> list[int]:
        """Return the structures and arrays that are of a heap type."""
        return [
            index
            for index in (*self.structs, *self.arrays)
            if self.heap_matches(t.concrete(index), heap)
        ]

    def fields(self, index: int) -> tuple[FieldType, ...]:
        """Return the fields of a structure."""
        composite = self.subtypes[index].composite
        assert isinstance(composite, StructType)  # noqa: S101  # the caller's to know
        return composite.fields

    def item(self, index: int) -> FieldType:
        """Return the element of an array."""
        composite = self.subtypes[index].composite
        assert isinstance(composite, ArrayType)  # noqa: S101  # the caller's to know
        return composite.field

    # Functions.

    def function(
        self,
        params: Iterable[ValType],
        results: Iterable[ValType],
        above: Sequence[int] = (),
        *,
        final: bool = True,
    ) -> int:
        """Return the index of a function type, made when it is first asked for."""
        type_ = FuncType(tuple(map(wire, params)), tuple(map(wire, results)))
        key = (type_, tuple(above), final)
        found = self._functions.get(key)
        if found is None:
            found = self._functions[key] = len(self.subtypes)
            subtype = SubType(type_, tuple(above), final)
            self.subtypes.append(subtype)
            self._groups.append(RecGroup((subtype,)))
        return found

    @property
    def groups(self) -> list[RecGroup]:
        """The rec groups of the module's type section."""
        return self._groups
