"""What types an operation's operands and results may have.

A row of the operation table gives its signature as text, such as `TxN, lane(TxN) -> TxN`:
names of type variables, types, and types derived from a variable. A variable stands for
one type of its set; the *controlling* variable is the one whose type determines every
bound type of the instruction; the others are free (any member of their set will do, as
for the address of a load).

Which variable controls follows Cranelift's rule (cranelift/codegen/meta, instruction
polymorphism): the variable of the format's designated operand if each result is
independent of other variables, else that of the first result.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.errors import InternalError
from plumbob.ir import types
from plumbob.ir.types import INT, NUMERIC, Type

if TYPE_CHECKING:
    from collections.abc import Callable


class TypeSet:
    """A named set of types; `refs` says that every reference type belongs to it."""

    __slots__ = ("members", "name", "refs")

    def __init__(self, name: str, members: frozenset[Type], *, refs: bool = False) -> None:
        self.name = name
        self.members = members
        self.refs = refs

    def __contains__(self, ty: Type) -> bool:
        return ty in self.members or (self.refs and ty.is_ref)

    def __repr__(self) -> str:
        return self.name


def _set(
    name: str,
    *,
    ints: tuple[int, int] | None = None,
    floats: tuple[int, int] | None = None,
    lanes: tuple[int, int] | None = None,
    dynamic: tuple[int, int] | None = None,
    scalars: bool = True,
    refs: bool = False,
) -> TypeSet:
    def belongs(ty: Type) -> bool:
        widths = ints if ty.lane_kind == INT else floats
        if widths is None or not widths[0] <= ty.lane_bits <= widths[1]:
            return False
        if not ty.is_vector:
            return scalars
        counts = dynamic if ty.is_dynamic else lanes
        return counts is not None and counts[0] <= ty.lanes <= counts[1]

    return TypeSet(name, frozenset(ty for ty in NUMERIC if belongs(ty)), refs=refs)


_ALL: Final = (8, 128)
_LANES: Final = (2, 256)

TYPE_SETS: Final[dict[str, TypeSet]] = {
    s.name: s
    for s in (
        _set("Int", ints=_ALL, lanes=_LANES, dynamic=_LANES),
        _set("FixedInt", ints=_ALL, lanes=_LANES),
        _set("FixedIntTo", ints=_ALL, lanes=_LANES),
        _set("NarrowInt", ints=(8, 64)),
        _set("WideInt", ints=(16, 128)),
        _set("iB", ints=_ALL),
        _set("IntTo", ints=_ALL),
        _set("iSwappable", ints=(16, 128)),
        _set("iAddr", ints=(32, 64)),
        _set("i32_64", ints=(32, 64)),
        _set("iExt8", ints=(16, 64)),
        _set("iExt16", ints=(32, 64)),
        _set("iExt32", ints=(64, 64)),
        _set("Truthy", ints=_ALL),
        _set("AtomicMem", ints=_ALL),
        _set("IxN", ints=_ALL, lanes=_LANES, scalars=False),
        _set("I16or32", ints=(16, 32), lanes=(4, 8)),
        _set("I8or16or32xN", ints=(8, 32), lanes=(2, 16), dynamic=(2, 16), scalars=False),
        _set("I16or32or64xN", ints=(16, 64), lanes=(2, 8), dynamic=(2, 8), scalars=False),
        _set("Float", floats=_ALL, lanes=_LANES, dynamic=_LANES),
        _set("FloatScalar", floats=_ALL),
        _set("FloatTo", floats=_ALL, lanes=_LANES),
        _set("TxN", ints=_ALL, floats=_ALL, lanes=_LANES, scalars=False),
        _set("AnyTxN", ints=_ALL, floats=_ALL, lanes=_LANES, dynamic=_LANES, scalars=False),
        _set("DynTxN", ints=_ALL, floats=_ALL, dynamic=_LANES, scalars=False),
        _set("Bits", ints=_ALL, floats=_ALL, lanes=_LANES),
        _set("Any", ints=_ALL, floats=_ALL, lanes=_LANES, refs=True),
        _set("Mem", ints=_ALL, floats=_ALL, lanes=_LANES, dynamic=_LANES, refs=True),
        _set("MemTo", ints=_ALL, floats=_ALL, lanes=_LANES, dynamic=_LANES, refs=True),
        _set("Ref", refs=True),
        TypeSet(
            "LinearMem",
            frozenset(
                ty
                for ty in NUMERIC
                if (ty.is_vector and not ty.is_dynamic and ty.bits == 128)
                or (ty.is_int and ty.bits <= 64)
                or (ty.is_float and ty.bits in (32, 64))
            ),
        ),
    )
}
"""Every type variable that a signature may name, with the types that it ranges over."""

_DERIVATIONS: Final[dict[str, Callable[[Type], Type | None]]] = {
    "lane": lambda ty: ty.lane,
    "truthy": Type.as_truthy,
    "half": Type.half_width,
    "double": Type.double_width,
    "split": Type.split_lanes,
    "merge": Type.merge_lanes,
    "fixed": Type.dynamic_to_vector,
}
"""Types that follow from the controlling one."""

_NARROWER: Final = "narrower"
_WIDER: Final = "wider"


class Constraint(NamedTuple):
    """What one operand or result must be.

    Exactly one of these holds: `fixed` is a type; `variable` names a type variable, which
    `derive` may turn into another type ("lane", "truthy", …) or into a set of types
    ("narrower", "wider").
    """

    fixed: Type | None
    variable: str | None
    derive: str | None

    def __str__(self) -> str:
        if self.fixed is not None:
            return self.fixed.name
        return f"{self.derive}({self.variable})" if self.derive else str(self.variable)


class TypeSignature(NamedTuple):
    """The types of an operation: constraints on its fixed operands and its results.

    `control` names the controlling variable (None: nothing is polymorphic). If
    `control_operand` is not None, that operand's type is the controlling type, and the
    text form may leave it out; otherwise the text must give it.
    """

    operands: tuple[Constraint, ...]
    results: tuple[Constraint, ...]
    control: str | None
    control_operand: int | None

    def resolve(self, constraint: Constraint, control: Type | None) -> Type | TypeSet | None:
        """Return the type that `constraint` demands under that controlling type, or a set of types.

        None if the controlling type has no such derived type (no `half(i8)`).
        """
        if constraint.fixed is not None:
            return constraint.fixed
        variable, derive = constraint.variable, constraint.derive
        if variable is None:
            raise InternalError("a constraint without type and variable", found=repr(constraint))
        if variable != self.control:
            return TYPE_SETS[variable]
        if derive is None or control is None:
            return control
        if derive in (_NARROWER, _WIDER):
            return _resized(control, narrower=derive == _NARROWER)
        return _DERIVATIONS[derive](control)

    def result_types(self, control: Type | None) -> tuple[Type, ...] | None:
        """Return the result types under that controlling type; None if one does not exist."""
        resolved = []
        for constraint in self.results:
            ty = self.resolve(constraint, control)
            if not isinstance(ty, Type):
                return None
            resolved.append(ty)
        return tuple(resolved)


def _resized(control: Type, *, narrower: bool) -> TypeSet:
    members = frozenset(
        ty
        for ty in NUMERIC
        if ty.lane_kind == control.lane_kind
        and ty.lanes == control.lanes
        and ty.is_dynamic == control.is_dynamic
        and (ty.lane_bits < control.lane_bits if narrower else ty.lane_bits > control.lane_bits)
    )
    return TypeSet(f"{_NARROWER if narrower else _WIDER}({control})", members)


_TERM = re.compile(r"(?:(\w+)\()?([\w.]+)\)?")


def _constraint(term: str) -> Constraint:
    match = _TERM.fullmatch(term)
    if match is None:
        raise InternalError("malformed type constraint", found=repr(term))
    derive, name = match.groups()
    if name in TYPE_SETS:
        if derive not in (None, _NARROWER, _WIDER, *_DERIVATIONS):
            raise InternalError("unknown derivation of a type", found=repr(term))
        return Constraint(None, name, derive)
    return Constraint(types.named(name), None, None)


def parse_signature(text: str, control_operand: int | None) -> TypeSignature:
    """Read `T, T -> T`; `control_operand` is the format's designated operand, if any."""
    before, _, after = text.partition("->")
    operands = tuple(_constraint(t.strip()) for t in before.split(",") if t.strip())
    results = tuple(_constraint(t.strip()) for t in after.split(",") if t.strip())
    if control_operand is not None and control_operand < len(operands):
        candidate = operands[control_operand]
        if (
            candidate.variable is not None
            and candidate.derive is None
            and _determines(candidate.variable, results)
        ):
            return TypeSignature(operands, results, candidate.variable, control_operand)
    if results and results[0].variable is not None:
        if results[0].derive is not None or not _determines(results[0].variable, results):
            raise InternalError("no controlling type variable", found=repr(text))
        return TypeSignature(operands, results, results[0].variable, None)
    return TypeSignature(operands, results, None, None)


def _determines(variable: str, results: tuple[Constraint, ...]) -> bool:
    return all(r.fixed is not None or r.variable == variable for r in results)
