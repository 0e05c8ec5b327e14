"""The types of a module: canonical by rec group, with their supertypes as displays.

Two types are the same where their rec groups are, position by position, once references
within a group are written relative to it (Validation / Types / Defined Types, rolling and
unrolling). So a group's rolled form is its key, a type's identity an int, and subtyping
between defined types one look-up in a display: the chain of supertypes from the root
(Cohen 1991). One registry may serve many modules: equal types then have equal ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm.limits import MAX_SUBTYPING_DEPTH
from plumbob.wasm.types import (
    ARRAY,
    CONCRETE,
    FUNC,
    INDEX_MASK,
    STRUCT,
    UNREACHABLE,
    ArrayType,
    CompositeType,
    FieldType,
    FuncType,
    StructType,
    SubType,
    ValType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.wasm.module import RecGroup

_RELATIVE = 1 << 29
"""Marks a reference to a type of the same group; the index is its place there."""


class TypeFault(NamedTuple):
    """A type that breaks a rule: its index, the diagnostic's code and a sentence."""

    type_index: int
    code: str
    message: str


def _map_types(
    subtype: SubType, value: Callable[[ValType], ValType], above: Callable[[int], int]
) -> SubType:
    """Return the type with every value type and every supertype's index replaced."""

    def field(item: FieldType) -> FieldType:
        return FieldType(value(item.storage), item.mutable)

    composite: CompositeType
    match subtype.composite:
        case FuncType(params, results):
            composite = FuncType(tuple(map(value, params)), tuple(map(value, results)))
        case StructType(fields):
            composite = StructType(tuple(map(field, fields)))
        case ArrayType(item):
            composite = ArrayType(field(item))
    return SubType(composite, tuple(map(above, subtype.supertypes)), subtype.final)


def rename_type(subtype: SubType, rename: Callable[[int], int]) -> SubType:
    """Return the type with every type index replaced by what `rename` makes of it."""

    def value(type_: ValType) -> ValType:
        if not type_ & CONCRETE:
            return type_
        return ValType(type_ & ~INDEX_MASK | rename(type_ & INDEX_MASK))

    return _map_types(subtype, value, rename)


def _unroll(subtype: SubType, base: int) -> SubType:
    """Return a rolled type with ids in place of places in its group, which starts at `base`."""

    def value(type_: ValType) -> ValType:
        if type_ & _RELATIVE:
            return ValType(type_ & ~(_RELATIVE | INDEX_MASK) | (base + (type_ & INDEX_MASK)))
        return type_

    def above(index: int) -> int:
        return base + (index & INDEX_MASK) if index & _RELATIVE else index

    return _map_types(subtype, value, above)


def _is_closed(subtype: SubType) -> bool:
    """Whether this is a function type over numbers and vectors alone, as most are."""
    composite = subtype.composite
    return (
        type(composite) is FuncType
        and not subtype.supertypes
        and max(composite.params, default=0) < UNREACHABLE
        and max(composite.results, default=0) < UNREACHABLE
    )


def _mentions_unreachable(subtype: SubType) -> bool:
    """Whether the type `unreachable` of the typed dead-code policy occurs in the type."""
    match subtype.composite:
        case FuncType(params, results):
            return UNREACHABLE in params or UNREACHABLE in results
        case StructType(fields):
            return any(item.storage == UNREACHABLE for item in fields)
        case ArrayType(item):
            return item.storage == UNREACHABLE


class TypeRegistry:
    """Canonical types: rec groups are interned, an id stands for a type.

    `types[id]` is the type with ids in place of indices; `displays[id]` the ids of its
    supertypes from the root, itself last.
    """

    __slots__ = ("_groups", "displays", "types")

    def __init__(self) -> None:
        self._groups: dict[tuple[SubType, ...], int] = {}
        self.types: list[SubType] = []
        self.displays: list[tuple[int, ...]] = []

    def intern(self, types: Sequence[SubType], first: int, canonical: Sequence[int]) -> int:
        """Return the id of a group's first type; the others follow.

        `first` is the type index of the first; `canonical[index]` the id of each type
        before it. Indices must be known to be in range and supertypes to come before.
        """

        def roll(index: int) -> int:
            return _RELATIVE | (index - first) if index >= first else canonical[index]

        key = tuple(item if _is_closed(item) else rename_type(item, roll) for item in types)
        base = self._groups.get(key)
        if base is None:
            base = len(self.types)
            self._groups[key] = base
            self._add(key, base)
        return base

    def is_subtype(self, sub: int, sup: int) -> bool:
        """Return whether a type is another or below it, by their ids."""
        display = self.displays[sub]
        depth = len(self.displays[sup]) - 1
        return depth < len(display) and display[depth] == sup

    def intern_closed(self, key: tuple[SubType]) -> int:
        """Return the id of the one type of a group, which mentions no other."""
        base = self._groups.get(key)
        if base is None:
            base = self._groups[key] = len(self.types)
            self.types.append(key[0])
            self.displays.append((base,))
        return base

    def _add(self, key: tuple[SubType, ...], base: int) -> None:
        for place, rolled in enumerate(key):
            subtype = rolled if _is_closed(rolled) else _unroll(rolled, base)
            self.types.append(subtype)
            above = self.displays[subtype.supertypes[0]] if subtype.supertypes else ()
            self.displays.append((*above, base + place))


Description = tuple[
    int, tuple[ValType, ...], tuple[bool, ...], tuple[ValType, ...], tuple[int, ...]
]
"""A canonical type for the kernel: kind, params or fields, mutabilities, results, display."""


def describe(subtype: SubType, display: tuple[int, ...]) -> Description:
    """Return what the kernel needs of a canonical type."""
    match subtype.composite:
        case FuncType(params, results):
            return FUNC, params, (), results, display
        case StructType(fields):
            storage = tuple(item.storage for item in fields)
            return STRUCT, storage, tuple(item.mutable for item in fields), (), display
        case ArrayType(item):
            return ARRAY, (item.storage,), (item.mutable,), (), display


class TypeSpace:
    """The types of one module by index, checked and canonical.

    `faults` lists what is wrong; where it is empty, `canonical[index]` is the id in the
    registry. Structural matching with the supertype needs the kernel: `subtype_faults`.
    """

    __slots__ = ("canonical", "depths", "faults", "registry", "types")

    def __init__(
        self,
        groups: Sequence[RecGroup],
        registry: TypeRegistry | None = None,
        *,
        allow_unreachable: bool = False,
    ) -> None:
        self.registry = TypeRegistry() if registry is None else registry
        self.types: list[SubType] = []
        self.canonical: list[int] = []
        self.faults: list[TypeFault] = []
        self.depths: dict[int, int] = {}
        """How many supertypes a type has, where it has any."""
        intern = self.registry.intern
        for group in groups:
            first = len(self.types)
            self.types.extend(group.types)
            if len(group.types) == 1 and _is_closed(group.types[0]):
                self.canonical.append(self.registry.intern_closed(group.types))
                continue
            for place, subtype in enumerate(group.types):
                if not _is_closed(subtype):
                    self._check(
                        subtype, first + place, len(self.types), allow_unreachable=allow_unreachable
                    )
            if self.faults:
                return
            base = intern(group.types, first, self.canonical)
            self.canonical.extend(range(base, base + len(group.types)))

    def _check(self, subtype: SubType, index: int, end: int, *, allow_unreachable: bool) -> None:
        """Check the indices that a type mentions; those of its group may come later."""

        def note(mentioned: int) -> int:
            if mentioned >= end:
                self._fault(index, "E0250", f"type {index} mentions the unknown type {mentioned}")
            return mentioned

        rename_type(subtype._replace(supertypes=()), note)
        composite = subtype.composite
        if _mentions_unreachable(subtype) and not (
            allow_unreachable
            and isinstance(composite, FuncType)
            and composite.results == (UNREACHABLE,)
            and UNREACHABLE not in composite.params
        ):
            self._fault(index, "E0261", f"type {index} misplaces the type `unreachable`")
        if len(subtype.supertypes) > 1:
            self._fault(index, "E0251", f"type {index} declares more than one supertype")
        for above in subtype.supertypes:
            if above >= end:
                self._fault(index, "E0250", f"type {index} extends the unknown type {above}")
            elif above >= index:
                self._fault(index, "E0251", f"type {index} must follow its supertype {above}")
            else:
                self.depths[index] = depth = self.depths.get(above, 0) + 1
                if depth > MAX_SUBTYPING_DEPTH:
                    self._fault(
                        index,
                        "E0301",
                        f"type {index} has more than {MAX_SUBTYPING_DEPTH} supertypes above it",
                    )

    def _fault(self, index: int, code: str, message: str) -> None:
        self.faults.append(TypeFault(index, code, message))

    def descriptions(self) -> list[Description]:
        """Return the registry's types as the kernel takes them, by id."""
        return list(map(describe, self.registry.types, self.registry.displays))

    def index_of(self, canonical: int) -> int:
        """Return the first type index with this id."""
        return self.canonical.index(canonical)

    def subtype_faults(self, matches: Callable[[int, int], bool]) -> list[TypeFault]:
        """Check that each type matches its supertype; `matches` compares value types."""
        faults = []
        for index, subtype in enumerate(self.types):
            if not subtype.supertypes:
                continue
            above = self.types[subtype.supertypes[0]]
            canonical = self.canonical[index]
            if above.final:
                message = f"type {index} extends type {subtype.supertypes[0]}, which is final"
            elif not composite_matches(
                self.registry.types[canonical].composite,
                self.registry.types[self.canonical[subtype.supertypes[0]]].composite,
                matches,
            ):
                message = f"type {index} does not match its supertype {subtype.supertypes[0]}"
            else:
                continue
            faults.append(TypeFault(index, "E0251", message))
        return faults


def composite_matches(
    sub: CompositeType, sup: CompositeType, matches: Callable[[int, int], bool]
) -> bool:
    """Return whether a composite type matches another (Validation / Matching)."""

    def fields_match(left: FieldType, right: FieldType) -> bool:
        if left.mutable != right.mutable or not matches(left.storage, right.storage):
            return False
        return not left.mutable or matches(right.storage, left.storage)

    match sub, sup:
        case FuncType(), FuncType():
            return (
                len(sub.params) == len(sup.params)
                and all(map(matches, sup.params, sub.params))
                and (
                    sub.results == (UNREACHABLE,)
                    or (
                        len(sub.results) == len(sup.results)
                        and all(map(matches, sub.results, sup.results))
                    )
                )
            )
        case StructType(), StructType():
            return len(sub.fields) >= len(sup.fields) and all(
                map(fields_match, sub.fields, sup.fields)
            )
        case ArrayType(), ArrayType():
            return fields_match(sub.field, sup.field)
        case _:
            return False
