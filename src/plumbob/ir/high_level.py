"""The high-level operations: what WebAssembly means by memory, tables, references, exceptions.

The translator emits them, the interpreter runs them, and lowering replaces them by plain
CLIF. Importing this module adds their rows to the operation table; `ir.parser` imports it.
Numeric and vector operators, direct calls (`call fnN`, whose external name `u0:INDEX` is the
function index), branches, `trap` and `fence` are CLIF's own.

Immediates
----------
`memory`, `table`, `global`, `type`, `func`, `tag`, `data`, `elem`, `field` are indices of the
module's index spaces, imports first. `offset` is a static offset in bytes, unsigned, up to
2^64 - 1. `heap` is a heap type by name (`heap_name`): `any`, `struct`, …, or `typeN` for the
type with index N. `sig` is a signature of the function.

Values
------
Numbers and vectors are bits, unsigned, as everywhere in the IR; an i8 truth value is 0 or 1.
A reference type is one of the four hierarchies, `ref.any`, `ref.func`, `ref.extern`,
`ref.exn` (subsumption is free in WebAssembly, so it costs nothing here; the exact type is
an immediate of every operation that needs it). In the interpreter a null reference is
`None`; the others are the runtime's objects: function references, exceptions, structures,
arrays, i31 values, and host values in wrappers of their own. `any.convert_extern` and
`extern.convert_any` keep an object's identity through a round trip.

Traps are checked in the order given; codes are those of `trap_codes`. Nothing is written
before every check has passed.

Linear memory (`addr` is an i32 or i64, as the memory's address type says, unsigned)
-------------
The effective address is addr + offset in unbounded integers. Accesses are little-endian.

- `memory.load.T memory, addr+offset`: the T at the effective address. heap_oob unless all
  its bytes lie within the memory. T is i8 … i64, f32, f64 or a vector of 128 bits; narrow
  loads are this and an extension.
- `memory.store.T memory, value, addr+offset`: likewise.
- `memory.atomic_load.T`, `memory.atomic_store.T`, `memory.atomic_rmw.T memory OP addr+offset,
  value`, `memory.atomic_cas.T memory, addr+offset, expected, replacement`: sequentially
  consistent; T is i8 … i64. UNALIGNED_ATOMIC unless the effective address is a multiple of
  T's size, then heap_oob. Read-modify-write and compare-and-swap give the old value.
- `memory.wait.T memory, addr+offset, expected, timeout` (T is i32 or i64; the timeout is
  signed, in nanoseconds, negative for none): UNALIGNED_ATOMIC, heap_oob, UNSHARED_WAIT if the
  memory is not shared; gives 0 woken, 1 not equal, 2 timed out.
- `memory.notify memory, addr+offset, count`: UNALIGNED_ATOMIC (4 bytes), heap_oob; gives how
  many were woken (0 in a memory that is not shared).
- `memory.size.T memory`: pages, as the address type T. `memory.grow memory, delta`: the old
  size, or -1 (all ones) if it cannot grow; never traps.
- `memory.fill memory, addr, value, size`: heap_oob unless the range lies within; the low
  byte of the value counts.
- `memory.copy memory_to, memory_from, to, from, size`: heap_oob for either range; as if by
  way of a buffer. Each address has its memory's type, the size the narrower one.
- `memory.init memory, data, to, from, size`: heap_oob for the segment's range or the memory's
  (from and size are i32; a dropped segment has length 0). `data.drop data` drops it.

Tables (`index` is an i32 or i64, unsigned)
------
- `table.get.T table, index`, `table.set table, index, value`: TABLE_OOB.
- `table.size.T table`; `table.grow table, value, delta`: the old size, or -1; never traps.
- `table.fill table, index, value, size`, `table.copy table_to, table_from, to, from, size`,
  `table.init table, elem, to, from, size`: TABLE_OOB for any range. `elem.drop elem`.

Globals
-------
- `global.get.T global`, `global.set global, value`. They never trap.

References
----------
- `ref.null.T`; `ref.func func`: the reference to a function, one object for each function.
- `ref.is_null v`, `ref.eq v, w`: i8. i31 references are equal if their values are.
- `ref.as_non_null v`: v itself; NULL_REFERENCE if it is null.
- `ref.test v, heap`, `ref.test_null v, heap`: i8, whether v is of that type; null is for
  `ref.test_null` alone. `ref.cast`, `ref.cast_null`: v itself, or CAST_FAILURE.
- `ref.i31 v`: the low 31 bits. `i31.get_s v`, `i31.get_u v`: NULL_I31.
- `any.convert_extern v`, `extern.convert_any v`: null stays null.

Structures and arrays (`type` is the type's index; lengths and indices are i32, unsigned)
---------------------
Packed fields are read with `_s` or `_u` and give i32; a value stored into one is an i32,
of which the low bits are kept.

- `struct.new type(values…)`, `struct.new_default type`.
- `struct.get.T v, type, field`, `struct.get_s`, `struct.get_u`,
  `struct.set v, value, type, field`: NULL_STRUCTURE.
- `array.new type, value, length`, `array.new_default type, length`,
  `array.new_fixed type(values…)`.
- `array.new_data type, data, from, length`: heap_oob unless the segment has length times the
  element's size bytes from `from`. `array.new_elem type, elem, from, length`: TABLE_OOB.
- `array.get.T type, v, index`, `array.get_s`, `array.get_u`,
  `array.set type, v, index, value`: NULL_ARRAY, then ARRAY_OOB. `array.len v`: NULL_ARRAY.
- `array.fill type, v, index, value, size`: NULL_ARRAY, then ARRAY_OOB.
- `array.copy type_to, type_from, v, to, w, from, size`: NULL_ARRAY for v, then for w, then
  ARRAY_OOB for v's range, then for w's; as if by way of a buffer.
- `array.init_data type, data, v, to, from, size`: NULL_ARRAY, ARRAY_OOB, then heap_oob for the
  segment. `array.init_elem` likewise with TABLE_OOB.

Calls
-----
A `try_` form is `try_call` with another callee: a terminator with an exception table. A
`return_` form is a tail call: the caller's frame is gone when the callee starts, so a trap
or an exception of the callee finds none of the caller's handlers.

- `table.call table, type, sig, index(args…)`, `table.return_call`,
  `table.try_call table, type, index(args…), sig, …`: UNDEFINED_ELEMENT if the index is not
  within the table, UNINITIALIZED_ELEMENT if the element is null, SIGNATURE_MISMATCH unless
  the function's type is a subtype of `type`.
- `ref.call type, sig, v(args…)`, `ref.return_call`, `ref.try_call`: NULL_FUNCTION.

Exceptions
----------
An exception is an object with a tag and the tag's values. Tag `tagN` of an exception table
is the module's tag with index N, matched by identity (two indices may name one tag);
`default` takes every exception of the guest's, never a trap. A handler's `exn0` is the
exception itself, of type `ref.exn`; there is no `exn1`.

- `exn.new tag, sig(values…)`: a new exception; the signature's parameters are the tag's.
- `exn.get.T v, tag, field`: a value of an exception that is not null and has this tag.
- `exn.throw v`: NULL_EXCEPTION; it never returns. `exn.try_throw v, sig, block, …`: the same
  within handlers. Its signature is `() tail`; the destination of a normal return is never
  reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.errors import InternalError
from plumbob.ir.formats import Format
from plumbob.ir.operations import ALL_LOCATIONS, MEMORY, define
from plumbob.ir.types import I8, I16, I32, I64, reference
from plumbob.wasm.types import HEAP_NAMES, HeapType, concrete

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.ir.entities import Inst
    from plumbob.ir.function import Function

TABLE: Final = "table"
GLOBAL: Final = "global"
HEAP: Final = "heap"

REF_ANY: Final = reference("any")
REF_FUNC: Final = reference("func")
REF_EXTERN: Final = reference("extern")
REF_EXN: Final = reference("exn")

COLLECTED_TYPES: Final = frozenset((REF_ANY, REF_EXTERN, REF_EXN))
"""References to objects that the collector may move: values that stack maps must list."""

ATOMIC_TYPES: Final = {8: I8, 16: I16, 32: I32, 64: I64}
"""Width of an atomic access, in bits, to its type."""

_ABSTRACT: Final = {name: heap for heap, name in HEAP_NAMES.items() if heap}
_TYPE: Final = "type"


def heap_name(heap: HeapType) -> str:
    """Return a heap type as the immediate `heap`: `any`, or `type3` for type index 3."""
    return f"{_TYPE}{heap.index}" if heap.is_concrete else HEAP_NAMES[heap]


def heap_of_name(name: str) -> HeapType:
    """Return the heap type of an immediate `heap`; raises InternalError if it is none."""
    found = _ABSTRACT.get(name)
    if found is not None:
        return found
    index = name.removeprefix(_TYPE)
    if index == name or not (index.isascii() and index.isdigit()):
        raise InternalError("a heap type", expected="`any`, `type3`, …", found=repr(name))
    return concrete(int(index))


def _known_heap(func: Function, inst: Inst) -> Iterator[str]:
    name = func.imm(inst, "heap")
    try:
        heap_of_name(name)
    except InternalError:
        yield f"unknown heap type `{name}`"


def _thrown_values(func: Function, inst: Inst) -> Iterator[str]:
    signature = func.signatures[func.imm(inst, "sig")]
    wanted = [param.type for param in signature.params] if signature is not None else []
    found = [func.value_type(value) for value in func.inst_args[inst]]
    if found != wanted:
        yield f"the tag's values have types {found}, expected {wanted}"


def _format(template: str, control: int | None = None) -> Format:
    """Return a format; `control` is the operand whose type controls, None for none."""
    return Format(template.strip(), template, control)


_ACCESS = " {memory:uint}, {v}{offset:uoffset}"


def _memory() -> None:
    shared = "trap effects"
    define("memory.load", _format(_ACCESS), "iAddr -> LinearMem", "trap", reads=MEMORY)
    define(
        "memory.store",
        _format(" {memory:uint}, {v}, {v}{offset:uoffset}", 0),
        "LinearMem, iAddr",
        "trap",
        writes=MEMORY,
    )
    define("memory.atomic_load", _format(_ACCESS), "iAddr -> NarrowInt", shared, reads=MEMORY)
    define(
        "memory.atomic_store",
        _format(" {memory:uint}, {v}, {v}{offset:uoffset}", 0),
        "NarrowInt, iAddr",
        shared,
        writes=MEMORY,
    )
    for name, template, types in (
        ("rmw", " {memory:uint} {rmw} {v}{offset:uoffset}, {v}", "iAddr, NarrowInt -> NarrowInt"),
        ("cas", f"{_ACCESS}, {{v}}, {{v}}", "iAddr, NarrowInt, NarrowInt -> NarrowInt"),
    ):
        define(
            f"memory.atomic_{name}",
            _format(template, 1),
            types,
            shared,
            reads=MEMORY,
            writes=MEMORY,
        )
    for name, template, types, control in (
        ("wait", f"{_ACCESS}, {{v}}, {{v}}", "iAddr, i32_64, i64 -> i32", 1),
        ("notify", f"{_ACCESS}, {{v}}", "iAddr, i32 -> i32", None),
    ):
        row = _format(template, control)
        define(f"memory.{name}", row, types, shared, reads=MEMORY, writes=MEMORY)
    define("memory.size", _format(" {memory:uint}"), "-> iAddr", reads=MEMORY)
    grow = _format(" {memory:uint}, {v}", 0)
    define("memory.grow", grow, "iAddr -> iAddr", "effects", reads=MEMORY, writes=MEMORY)
    fill = _format(" {memory:uint}, {v}, {v}, {v}")
    define("memory.fill", fill, "iAddr, i32, iAddr", "trap", writes=MEMORY)
    copy = _format(" {to:uint}, {from:uint}, {v}, {v}, {v}")
    define("memory.copy", copy, "iAddr, iAddr, iAddr", "trap", reads=MEMORY, writes=MEMORY)
    init = _format(" {memory:uint}, {data:uint}, {v}, {v}, {v}")
    define("memory.init", init, "iAddr, i32, i32", "trap", reads=MEMORY, writes=MEMORY)
    define("data.drop", _format(" {data:uint}"), "", writes=MEMORY)


def _tables() -> None:
    get = _format(" {table:uint}, {v}")
    define("table.get", get, "iAddr -> Ref", "trap", reads=TABLE)
    define("table.set", _format(" {table:uint}, {v}, {v}"), "iAddr, Ref", "trap", writes=TABLE)
    define("table.size", _format(" {table:uint}"), "-> iAddr", reads=TABLE)
    grow = _format(" {table:uint}, {v}, {v}", 1)
    define("table.grow", grow, "Ref, iAddr -> iAddr", "effects", reads=TABLE, writes=TABLE)
    fill = _format(" {table:uint}, {v}, {v}, {v}")
    define("table.fill", fill, "iAddr, Ref, iAddr", "trap", writes=TABLE)
    copy = _format(" {to:uint}, {from:uint}, {v}, {v}, {v}")
    define("table.copy", copy, "iAddr, iAddr, iAddr", "trap", reads=TABLE, writes=TABLE)
    init = _format(" {table:uint}, {elem:uint}, {v}, {v}, {v}")
    define("table.init", init, "iAddr, i32, i32", "trap", reads=TABLE, writes=TABLE)
    define("elem.drop", _format(" {elem:uint}"), "", writes=TABLE)
    define("global.get", _format(" {global:uint}"), "-> Any", reads=GLOBAL)
    define("global.set", _format(" {global:uint}, {v}"), "Any", writes=GLOBAL)


def _references() -> None:
    one = _format(" {v}", 0)
    define("ref.null", _format(""), "-> Ref")
    define("ref.func", _format(" {function:uint}"), "-> ref.func")
    define("ref.is_null", _format(" {v}"), "Ref -> i8")
    define("ref.eq", _format(" {v}, {v}"), "ref.any, ref.any -> i8")
    define("ref.as_non_null", one, "Ref -> Ref", "trap idempotent")
    typed = _format(" {v}, {heap:name}")
    for suffix in ("", "_null"):
        define(f"ref.test{suffix}", typed, "Ref -> i8", check=_known_heap)
        define(
            f"ref.cast{suffix}",
            _format(" {v}, {heap:name}", 0),
            "Ref -> Ref",
            "trap idempotent",
            check=_known_heap,
        )
    plain = _format(" {v}")
    define("ref.i31", plain, "i32 -> ref.any")
    for sign in "su":
        define(f"i31.get_{sign}", plain, "ref.any -> i32", "trap idempotent")
    define("any.convert_extern", plain, "ref.extern -> ref.any", "allocate")
    define("extern.convert_any", plain, "ref.any -> ref.extern", "allocate")


def _structures() -> None:
    make = _format(" {type:uint}({vs})")
    define("struct.new", make, "-> ref.any", "allocate")
    define("struct.new_default", _format(" {type:uint}"), "-> ref.any", "allocate")
    get = _format(" {v}, {type:uint}, {field:uint}")
    define("struct.get", get, "ref.any -> Any", "trap", reads=HEAP)
    for sign in "su":
        define(f"struct.get_{sign}", get, "ref.any -> i32", "trap", reads=HEAP)
    put = _format(" {v}, {v}, {type:uint}, {field:uint}")
    define("struct.set", put, "ref.any, Any", "trap", writes=HEAP)


def _arrays() -> None:
    make = _format(" {type:uint}({vs})")
    define("array.new", _format(" {type:uint}, {v}, {v}"), "Any, i32 -> ref.any", "allocate trap")
    define("array.new_default", _format(" {type:uint}, {v}"), "i32 -> ref.any", "allocate trap")
    define("array.new_fixed", make, "-> ref.any", "allocate")
    get = _format(" {type:uint}, {v}, {v}")
    define("array.get", get, "ref.any, i32 -> Any", "trap", reads=HEAP)
    for sign in "su":
        define(f"array.get_{sign}", get, "ref.any, i32 -> i32", "trap", reads=HEAP)
    put = _format(" {type:uint}, {v}, {v}, {v}")
    define("array.set", put, "ref.any, i32, Any", "trap", writes=HEAP)
    # Lengths never change, so this reads nothing that a store could write.
    define("array.len", _format(" {v}"), "ref.any -> i32", "trap idempotent")
    fill = _format(" {type:uint}, {v}, {v}, {v}, {v}")
    define("array.fill", fill, "ref.any, i32, Any, i32", "trap", writes=HEAP)
    copy = _format(" {to:uint}, {from:uint}, {v}, {v}, {v}, {v}, {v}")
    types = "ref.any, i32, ref.any, i32, i32"
    define("array.copy", copy, types, "trap", reads=HEAP, writes=HEAP)
    for segment, location in (("data", MEMORY), ("elem", TABLE)):
        new = _format(f" {{type:uint}}, {{{segment}:uint}}, {{v}}, {{v}}")
        name, flags = f"array.new_{segment}", "allocate trap"
        define(name, new, "i32, i32 -> ref.any", flags, reads=location)
        init = _format(f" {{type:uint}}, {{{segment}:uint}}, {{v}}, {{v}}, {{v}}, {{v}}")
        name, types = f"array.init_{segment}", "ref.any, i32, i32, i32"
        define(name, init, types, "trap", reads=location, writes=HEAP)


def _calls() -> None:
    effects = "call effects trap allocate throw"
    for name, immediates, callee in (
        ("table", " {table:uint}, {type:uint},", "iAddr"),
        ("ref", " {type:uint},", "ref.func"),
    ):
        plain = _format(f"{immediates} {{sig}}, {{v}}({{vs}})")
        caught = _format(f"{immediates} {{v}}({{vs}}), {{handlers}}")
        for form, row, flags in (
            ("call", plain, effects),
            ("return_call", plain, f"return {effects}"),
            ("try_call", caught, f"branch {effects}"),
        ):
            define(f"{name}.{form}", row, callee, flags, reads=ALL_LOCATIONS, writes=ALL_LOCATIONS)


def _exceptions() -> None:
    make = _format(" {tag:uint}, {sig}({vs})")
    define("exn.new", make, "-> ref.exn", "allocate", check=_thrown_values)
    define("exn.get", _format(" {v}, {tag:uint}, {field:uint}"), "ref.exn -> Any")
    define("exn.throw", _format(" {v}"), "ref.exn", "terminator effects trap throw")
    caught = _format(" {v}, {handlers}")
    define("exn.try_throw", caught, "ref.exn", "branch call effects trap throw")


for _define_group in (
    _memory,
    _tables,
    _references,
    _structures,
    _arrays,
    _calls,
    _exceptions,
):
    _define_group()
