"""References: what they point to, and which types a reference has at run time.

A reference is a Python object, or None for null. Function references, structures, arrays
and exceptions know their canonical type (an id of the store's registry). An i31 is a plain
`int`, its 31 bits unsigned: nothing else that a reference may be is one. A host object is
wrapped in `HostRef`, so that no guest can mistake it for one of its own.

Two references are equal (ref.eq) where they are the same object or the same i31; since no
class here defines `==`, that is Python's `==`.

`any.convert_extern` and `extern.convert_any` wrap and unwrap: a guest's internal reference
seen from outside is an `Externalized`, a host reference seen from inside stays a `HostRef`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
    FuncType,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.runtime.instance import Instance
    from plumbob.wasm.type_space import TypeRegistry

I31_MASK: Final = (1 << 31) - 1


class HostRef:
    """A host object as an `externref`; equal to itself alone."""

    __slots__ = ("value",)

    type = -1
    """No defined type is a host object's."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"HostRef({self.value!r})"


class Externalized(NamedTuple):
    """An internal reference seen through `extern.convert_any`."""

    value: Any


class FuncRef:
    """A function: number `index` of an instance, or of the host where `host` is set.

    `type` is the canonical id of `signature`, which has ids in place of type indices. The
    executor sets `call(frames_left, *arguments)`, which gives None, one value or a tuple
    of them, and `tail(frames_left, arguments)`, which may give a tail call still to be
    made.
    """

    __slots__ = ("call", "host", "index", "instance", "name", "signature", "tail", "type")

    call: Callable[..., Any]
    tail: Callable[[int, tuple[Any, ...]], Any]

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
    """A tag instance: exceptions match by its identity. `type` is a canonical id.

    `name` is what messages call it, None where nothing names it.
    """

    __slots__ = ("name", "signature", "type")

    def __init__(self, type_: int, signature: FuncType, name: str | None = None) -> None:
        self.type = type_
        self.signature = signature
        self.name = name


class ExnRef:
    """An exception: its tag and the values it carries."""

    __slots__ = ("tag", "values")

    def __init__(self, tag: Tag, values: tuple[Any, ...]) -> None:
        self.tag = tag
        self.values = values


ABSTRACT: Final[dict[int, tuple[type, ...]]] = {
    FUNC: (FuncRef,),
    EXTERN: (HostRef, Externalized),
    ANY: (StructRef, ArrayRef, int, HostRef),
    EQ: (StructRef, ArrayRef, int),
    I31: (int,),
    STRUCT: (StructRef,),
    ARRAY: (ArrayRef,),
    EXN: (ExnRef,),
}
"""The objects that an abstract heap type has; bottom types have none."""


def has_heap_type(value: Any, heap: int, registry: TypeRegistry) -> bool:
    """Return whether a reference that is not null has a heap type (canonical ids).

    Source: Execution / Types / External and dynamic typing of reference values.
    """
    if not heap & CONCRETE:
        return isinstance(value, ABSTRACT.get(heap, ()))
    # An i31 is no object with a type.
    actual = getattr(value, "type", -1)
    return actual >= 0 and registry.is_subtype(actual, heap & INDEX_MASK)


def has_type(value: Any, type_: int, registry: TypeRegistry) -> bool:
    """Return whether a reference, perhaps null, has a reference type (canonical ids)."""
    if value is None:
        return bool(type_ & NULL)
    return has_heap_type(value, type_ & HEAP_MASK, registry)


def to_extern(value: Any) -> Any:
    """extern.convert_any."""
    return value if value is None or isinstance(value, HostRef) else Externalized(value)


def to_any(value: Any) -> Any:
    """any.convert_extern."""
    return value.value if isinstance(value, Externalized) else value
