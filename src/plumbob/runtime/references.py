"""References: what they point to, and which types a reference has at run time.

A reference is a Python object or None for null. Function references, structures, arrays and
exceptions know their canonical type; an i31 is a value of its own; a host object that is
no such thing is wrapped in `HostRef`, so that no guest can mistake it for one of its own.
Two references are equal (ref.eq) where they are the same object, or the same i31.

`any.convert_extern` and `extern.convert_any` wrap and unwrap: a guest's internal reference
seen from outside is an `Externalized`, a host reference seen from inside stays a `HostRef`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.wasm.types import (
    ANY,
    ARRAY,
    CONCRETE,
    EQ,
    EXN,
    EXTERN,
    FUNC,
    HEAP_MASK,
    I31,
    INDEX_MASK,
    NULL,
    STRUCT,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.runtime.instance import Instance
    from plumbob.wasm.type_space import TypeRegistry
    from plumbob.wasm.types import FuncType


class I31Ref(NamedTuple):
    """An unboxed scalar of 31 bits, kept unsigned."""

    bits: int


class HostRef:
    """A host object as an `externref`; equal to itself alone."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"HostRef({self.value!r})"


class Externalized(NamedTuple):
    """An internal reference seen through `extern.convert_any`."""

    value: Any


class FuncRef:
    """A function: of an instance, or of the host where `host` is set.

    `type` is the canonical id in the store's registry.
    """

    __slots__ = ("host", "index", "instance", "name", "signature", "type")

    def __init__(
        self,
        type_: int,
        signature: FuncType,
        *,
        instance: Instance | None = None,
        index: int = 0,
        host: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.type = type_
        self.signature = signature
        self.instance = instance
        self.index = index
        self.host = host
        self.name = name

    def __repr__(self) -> str:
        return f"FuncRef({self.name or self.index}: {self.signature})"


class StructRef:
    """A structure: values in the representation of the executor, packed ones truncated."""

    __slots__ = ("fields", "type")

    def __init__(self, type_: int, fields: list[Any]) -> None:
        self.type = type_
        self.fields = fields


class ArrayRef:
    """An array."""

    __slots__ = ("items", "type")

    def __init__(self, type_: int, items: list[Any]) -> None:
        self.type = type_
        self.items = items


class Tag:
    """A tag instance: exceptions match by its identity. `type` is a canonical id."""

    __slots__ = ("signature", "type")

    def __init__(self, type_: int, signature: FuncType) -> None:
        self.type = type_
        self.signature = signature


class ExnRef:
    """An exception: its tag and the values it carries."""

    __slots__ = ("tag", "values")

    def __init__(self, tag: Tag, values: tuple[Any, ...]) -> None:
        self.tag = tag
        self.values = values


_ABSTRACT: dict[int, tuple[type, ...]] = {
    FUNC: (FuncRef,),
    EXTERN: (HostRef, Externalized),
    ANY: (StructRef, ArrayRef, I31Ref, HostRef),
    EQ: (StructRef, ArrayRef, I31Ref),
    I31: (I31Ref,),
    STRUCT: (StructRef,),
    ARRAY: (ArrayRef,),
    EXN: (ExnRef,),
}
"""The objects that an abstract heap type has; bottom types have none."""


def has_type(value: Any, type_: int, registry: TypeRegistry) -> bool:
    """Return whether a reference has a reference type (canonical ids): ref.test.

    Source: Execution / Types / External and dynamic typing of reference values.
    """
    if value is None:
        return bool(type_ & NULL)
    heap = type_ & HEAP_MASK
    if not heap & CONCRETE:
        return isinstance(value, _ABSTRACT.get(heap, ()))
    actual = getattr(value, "type", None)
    return actual is not None and registry.is_subtype(actual, heap & INDEX_MASK)


def to_extern(value: Any) -> Any:
    """extern.convert_any."""
    return value if value is None or isinstance(value, HostRef) else Externalized(value)


def to_any(value: Any) -> Any:
    """any.convert_extern."""
    return value.value if isinstance(value, Externalized) else value
