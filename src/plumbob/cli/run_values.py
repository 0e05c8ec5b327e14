"""Arguments and results of `plumbob run --invoke`, as text and as data for JSON.

Values are the runtime's own (`runtime.executor`), so that no bit of a NaN is lost. What is
printed can be given as an argument again, unless it is an object that only a guest can make.

| type | text |
|---|---|
| i32, i64 | an integer of the text format; printed signed, in decimal |
| f32, f64 | a float of the text format; printed as the shortest decimal that reads back |
| v128 | an integer of 128 bits, lane 0 lowest; printed in hexadecimal |
| references | `null`; an integer for an i31; `func:N` for the function with index N |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from plumbob.api import Func
from plumbob.api.checks import counted
from plumbob.errors import UsageError
from plumbob.runtime.linking import definitions
from plumbob.runtime.references import (
    ArrayRef,
    ExnRef,
    Externalized,
    FuncRef,
    HostRef,
    StructRef,
    has_type,
)
from plumbob.semantics.concrete import signed
from plumbob.wasm import types as t
from plumbob.wasm.text.numbers import (
    F32,
    F64,
    NumberError,
    float_text,
    parse_float,
    parse_integer,
    parse_unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.api import Instance
    from plumbob.wasm.types import ValType

_INTEGERS: Final = {t.I32: 32, t.I64: 64, t.V128: 128, t.I8: 8, t.I16: 16}
_FLOATS: Final = {t.F32: F32, t.F64: F64}
_INTEGER: Final = re.compile(r"[+-]?[0-9]")
_FUNCTION: Final = "func:"
_I31_BITS: Final = 31
SHOWN_ITEMS: Final = 16
"""Items of a structure or an array that are printed."""


def arguments(function: Func, texts: Sequence[str], instance: Instance) -> list[Any]:
    """Return a function's arguments, from text; raises UsageError."""
    types = function.type.params
    if len(types) != len(texts):
        kinds = f" ({', '.join(map(str, types))})" if types else ""
        raise UsageError(
            f"the arguments of the function {function.name}",
            expected=f"{counted(len(types), 'argument')}{kinds}",
            found=counted(len(texts), "argument"),
        )
    return [_parse(text, type_, instance) for text, type_ in zip(texts, types, strict=True)]


def _parse(text: str, type_: ValType, instance: Instance) -> Any:
    try:
        if type_ in _INTEGERS:
            return parse_integer(text, _INTEGERS[type_])
        if type_ in _FLOATS:
            return parse_float(text, _FLOATS[type_])
        value = _reference(text, type_, instance)
    except NumberError as error:
        raise UsageError(
            f"{error.subject} in an argument",
            expected=f"a value of {type_}: {error.expected}",
            found=repr(text),
        ) from None
    if has_type(value, type_, instance.store.registry):
        return value
    raise UsageError(
        "an argument",
        expected=f"a value of {type_}{definitions((type_,), instance.store.registry)}",
        found=repr(text),
    )


def _reference(text: str, type_: ValType, instance: Instance) -> Any:
    """Return the reference that a text denotes, perhaps of another type."""
    if text == "null":
        return None
    if text.startswith(_FUNCTION):
        return instance.function(parse_unsigned(text.removeprefix(_FUNCTION))).runtime
    if _INTEGER.match(text):
        number = parse_integer(text, _I31_BITS)
        return Externalized(number) if type_.heap in (t.EXTERN, t.NOEXTERN) else number
    raise NumberError("malformed reference", "null, an integer (an i31), or func:INDEX")


def text_of(value: Any, type_: ValType, instance: Instance, *, deep: bool = True) -> str:
    """Return a result as text; of the items in an object within another no more than its kind."""
    if type_ == t.V128:
        return f"{value:#034x}"
    if type_ in _INTEGERS:
        return str(signed(_INTEGERS[type_], value))
    if type_ in _FLOATS:
        return float_text(value, _FLOATS[type_])
    match value:
        case None:
            return "null"
        case int():
            return str(signed(_I31_BITS, value))
        case Externalized(inner):
            return text_of(inner, t.ref(t.ANY), instance, deep=deep)
        case FuncRef():
            index = instance.index_of(Func(instance.store, value))
            return f"{_FUNCTION}{index}" if index is not None else "a function"
        case StructRef():
            composite = instance.store.registry.types[value.type].composite
            assert isinstance(composite, t.StructType)  # noqa: S101  # it is one's type
            kinds = [field.storage for field in composite.fields]
            return _listed("struct", value.fields, kinds, instance, deep=deep)
        case ArrayRef():
            composite = instance.store.registry.types[value.type].composite
            assert isinstance(composite, t.ArrayType)  # noqa: S101  # it is one's type
            kinds = [composite.field.storage] * len(value.items)
            return _listed("array", value.items, kinds, instance, deep=deep)
        case ExnRef(tag=tag):
            name = "exception" if tag.name is None else f"exception {tag.name}"
            return _listed(name, value.values, tag.signature.params, instance, deep=deep)
    assert isinstance(value, HostRef)  # noqa: S101  # no reference is anything else
    return repr(value.value)


def _listed(
    name: str, values: Sequence[Any], types: Sequence[ValType], instance: Instance, *, deep: bool
) -> str:
    if not deep:
        return f"{name}(…)" if values else f"{name}()"
    shown = [
        text_of(value, type_, instance, deep=False)
        for value, type_ in zip(values[:SHOWN_ITEMS], types, strict=False)
    ]
    more = len(values) - len(shown)
    return f"{name}({', '.join(shown)}{f', and {more} more' if more else ''})"


def data_of(value: Any, type_: ValType, instance: Instance) -> int | float | str | None:
    """Return a result for JSON: a number, null, or the text of what JSON has no number for."""
    text = text_of(value, type_, instance)
    if value is None:
        return None
    if type_ in _FLOATS:
        return text if "n" in text else float(text)  # inf, nan
    is_number = (type_ in _INTEGERS and type_ != t.V128) or text.lstrip("-").isdecimal()
    return int(text) if is_number else text
