"""A well-typed use, or several, of each operator against the environment's module.

Operators that take and leave numbers, vectors and abstract references, and nothing else,
are used as the operator table says: whether the table is right another validator judges.
For all others the operands and results are written out here by hand.

In a use the operands are the parameters of the function, fetched in order; `before` and
`after` stand around the operator, so an operator that closes or needs a block has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.wasm.support import environment as env
from tests.wasm.support.environment import TAIL, Case, code, leb, locals_header, nonnull, nullable

from plumbob.wasm.binary.instructions import BlockType, Catch, MemArg, encode_operator
from plumbob.wasm.opcodes import BY_NAME, TABLE
from plumbob.wasm.types import (
    ANY,
    ARRAY,
    EQ,
    EXN,
    EXNREF,
    EXTERN,
    EXTERNREF,
    F32,
    F64,
    FUNC,
    FUNCREF,
    I31,
    I32,
    I64,
    NOEXTERN,
    NOFUNC,
    NONE,
    SHORT_NAMES,
    STRUCT,
    V128,
    ValType,
    concrete,
    ref,
)

if TYPE_CHECKING:
    from plumbob.wasm.operators import Operator

ANYREF = ref(ANY, nullable=True)
EQREF = ref(EQ, nullable=True)
I31REF = ref(I31, nullable=True)

POOL = (
    I32,
    I64,
    F32,
    F64,
    V128,
    FUNCREF,
    EXTERNREF,
    ANYREF,
    EQREF,
    I31REF,
    EXNREF,
    ref(FUNC),
    ref(ANY),
    ref(EXTERN),
    ref(EXN),
    ref(I31),
    ref(STRUCT, nullable=True),
    ref(ARRAY, nullable=True),
    ref(NONE, nullable=True),
    ref(NOFUNC),
    ref(NOEXTERN, nullable=True),
    nullable(env.VOID),
    nonnull(env.VOID),
    nonnull(env.VOID_AGAIN),
    nullable(env.PAIR),
    nullable(env.STRUCT),
    nonnull(env.STRUCT),
    nullable(env.SUBSTRUCT),
    nonnull(env.SUBSTRUCT),
    nullable(env.INTS),
    nonnull(env.INTS),
    nullable(env.SUBS),
)
"""Types put in the place of each operand and result, one at a time."""

NUMBERS = POOL[:7]
"""The same for operators whose operands are numbers, where the other references add nothing."""


class Use(NamedTuple):
    """An operator in a function that is valid."""

    operator: Operator
    immediates: tuple[Any, ...] = ()
    operands: tuple[ValType, ...] = ()
    results: tuple[ValType, ...] = ()
    before: bytes = b""
    after: bytes = b""
    locals: tuple[ValType, ...] = ()

    @property
    def name(self) -> str:
        """The operator's name."""
        return self.operator.name

    def encoded(self) -> bytes:
        """Return the operator with its immediates."""
        out = bytearray()
        encode_operator(out, self.operator, self.immediates)
        return bytes(out)

    def prologue(self, skip: int = 0) -> bytes:
        """Return what stands before the operator; `skip` leaves out the deepest operands."""
        gets = b"".join(b"\x20" + leb(index) for index in range(skip, len(self.operands)))
        return locals_header(self.locals) + gets + self.before

    def body(self, skip: int = 0) -> bytes:
        """Return the function's body; a long tail lets the kernel's fast loop have it."""
        return self.prologue(skip) + self.encoded() + self.after + TAIL

    def case(self, body: bytes | None = None) -> Case:
        """Return the function, perhaps with another body."""
        return Case(self.operands, self.results, self.body() if body is None else body)

    @property
    def position(self) -> int:
        """The operator's offset in the body."""
        return len(self.prologue())

    @property
    def pool(self) -> tuple[ValType, ...]:
        """The types worth trying in place of the right one."""
        types = (*self.operands, *self.results)
        return POOL if any(item.is_ref for item in types) else NUMBERS


END = code(("end",))
EMPTY = BlockType()
BLOCK = code(("block", EMPTY))
IN = BlockType(type_index=env.BLOCK)
"""Takes an i32, leaves an i64."""
UNARY = BlockType(type_index=env.UNARY)
"""Takes an f32, leaves an f32."""
TO_I64 = code(("drop",), ("i64.const", 0))
PAIR = (I32, I64)
HAND: dict[str, list[tuple[Any, ...]]] = {}
"""By operator: (immediates, operands, results, and what comes further in `Use`)."""


def _use(name: str, *uses: tuple[Any, ...]) -> None:
    HAND.setdefault(name, []).extend(uses)


_use("unreachable", ((),), ((), (), (I32, F64)))
_use("nop", ((),))
for _name in ("block", "loop"):
    _use(
        _name,
        ((EMPTY,), (), (), b"", END),
        ((IN,), (I32,), (I64,), b"", TO_I64 + END),
        ((BlockType(F32),), (), (F32,), b"", code(("f32.const", 0)) + END),
        ((BlockType(nullable(env.STRUCT)),), (), (nullable(env.STRUCT),), b"",
         code(("ref.null", concrete(env.STRUCT))) + END),
    )  # fmt: skip
_use(
    "if",
    ((EMPTY,), (I32,), (), b"", END),
    ((UNARY,), (F32, I32), (F32,), b"", END),
    ((IN,), (I32, I32), (I64,), b"", TO_I64 + code(("else",)) + TO_I64 + END),
)
_use(
    "else",
    ((), (I32,), (), code(("if", EMPTY)), END),
    ((), (I32, I32), (I64,), code(("if", IN)) + TO_I64, TO_I64 + END),
)
_use("end", ((), (), (), BLOCK), ((), (I32,), (I64,), code(("block", IN)) + TO_I64))
_use(
    "br",
    ((0,),),
    ((0,), (I32, F32), (I32, F32)),
    ((1,), (), (I64,), BLOCK + code(("i64.const", 0)), END + code(("unreachable",))),
    ((0,), (I32,), (), code(("loop", BlockType(type_index=env.BLOCK))), END + code(("drop",))),
)
_use(
    "br_if",
    ((0,), (I32,)),
    ((0,), (F64, F32, I32), (F64, F32)),
    ((1,), (), (I64,), BLOCK + code(("i64.const", 0), ("i32.const", 0)),
     code(("drop",)) + END + code(("unreachable",))),
)  # fmt: skip
_use(
    "br_table",
    (((0,),), (I32,)),
    (((0, 1, 2),), (I32,), (), b"\x1a" + BLOCK * 2 + code(("i32.const", 0)), END * 2),
    (((0, 0, 0),), (F32, I64, I32), (F32, I64)),
    (((0, 0),), (nonnull(env.STRUCT), I32), (nullable(env.STRUCT),)),
)
_use("return", ((),), ((), (I32, nonnull(env.VOID)), (I32, nullable(env.VOID))),
     ((), (), (), BLOCK, END))  # fmt: skip
_use("call", ((env.IMPORTED,),), ((env.DECLARED,), PAIR, (F32,)))
_use(
    "call_indirect",
    ((env.VOID, env.FUNC_TABLE), (I32,)),
    ((env.PAIR, env.FUNC_TABLE), (*PAIR, I32), (F32,)),
    ((env.PAIR, env.FUNC_TABLE64), (*PAIR, I64), (F32,)),
    ((env.VOID, env.VOID_TABLE), (I32,)),
)
_use("call_ref", ((env.PAIR,), (*PAIR, nullable(env.PAIR)), (F32,)),
     ((env.VOID,), (nonnull(env.VOID),)))  # fmt: skip
_use("return_call", ((env.IMPORTED,),), ((env.DECLARED,), PAIR, (F32,)))
_use(
    "return_call_indirect",
    ((env.PAIR, env.FUNC_TABLE), (*PAIR, I32), (F32,)),
    ((env.VOID, env.FUNC_TABLE64), (I64,)),
)
_use("return_call_ref", ((env.PAIR,), (*PAIR, nullable(env.PAIR)), (F32,)))
_use("throw", ((env.TAG,), (I32, F64)), ((env.VOID_TAG,),), ((env.VOID_TAG,), (), (I64,)))
_use("throw_ref", ((), (EXNREF,)), ((), (ref(EXN),), (I32,)))
_use(
    "try_table",
    ((EMPTY, ()), (), (), b"", END),
    ((IN, ()), (I32,), (I64,), b"", TO_I64 + END),
    ((EMPTY, (Catch(0, env.TAG, 0),)), (), (I32, F64), b"", END + code(("unreachable",))),
    ((EMPTY, (Catch(0, env.VOID_TAG, 0), Catch(2, None, 0))), (), (), b"", END),
    ((EMPTY, (Catch(1, env.TAG, 0),)), (), (I32, F64, EXNREF), b"", END + code(("unreachable",))),
    ((EMPTY, (Catch(3, None, 0),)), (), (EXNREF,), b"", END + code(("unreachable",))),
)
# Legacy exceptions.
TRY = code(("try", EMPTY))
_use("try", ((EMPTY,), (), (), b"", END), ((IN,), (I32,), (I64,), b"", TO_I64 + END))
_use(
    "catch",
    ((env.VOID_TAG,), (), (), TRY, END),
    ((env.TAG,), (), (), TRY, code(("drop",), ("drop",)) + END),
    ((env.VOID_TAG,), (), (), TRY + code(("catch", env.VOID_TAG)), END),
)
_use("catch_all", ((), (), (), TRY, END), ((), (), (), TRY + code(("catch", env.VOID_TAG)), END))
_use(
    "rethrow",
    ((0,), (), (), TRY + code(("catch_all",)), END),
    ((1,), (), (), TRY + code(("catch", env.VOID_TAG)) + BLOCK, END * 2),
)
_use("delegate", ((0,), (), (), TRY), ((1,), (), (), BLOCK + TRY, END))

_use("drop", *(((), (item,)) for item in (I32, V128, FUNCREF, nonnull(env.STRUCT))))
_use("select", *(((), (item, item, I32), (item,)) for item in (I32, F64, V128)))
_use(
    "select t",
    (((I64,),), (I64, I64, I32), (I64,)),
    (((EXTERNREF,),), (EXTERNREF, EXTERNREF, I32), (EXTERNREF,)),
    (((nullable(env.STRUCT),),), (nonnull(env.STRUCT), nullable(env.SUBSTRUCT), I32),
     (nullable(env.STRUCT),)),
)  # fmt: skip
_use("local.get", ((0,), (), (F32,), b"", b"", (F32,)), ((1,), (), (FUNCREF,), b"", b"",
                                                       (I32, FUNCREF)))  # fmt: skip
_use(
    "local.set",
    ((1,), (F64,), (), b"", b"", (F64,)),
    ((1,), (nonnull(env.STRUCT),), (nonnull(env.STRUCT),), b"", code(("local.get", 1)),
     (nonnull(env.STRUCT),)),
)  # fmt: skip
_use("local.tee", ((1,), (F64,), (F64,), b"", b"", (F64,)), ((1,), (nonnull(env.VOID),),
     (FUNCREF,), b"", b"", (FUNCREF,)))  # fmt: skip
_use(
    "global.get",
    ((env.CONST_GLOBAL,), (), (I32,)),
    ((env.MUT_I64,), (), (I64,)),
    ((env.MUT_STRUCT,), (), (nullable(env.STRUCT),)),
)
_use("global.set", ((env.MUT_I64,), (I64,)), ((env.MUT_FUNC,), (FUNCREF,)),
     ((env.MUT_STRUCT,), (nonnull(env.SUBSTRUCT),)))  # fmt: skip

# Tables: index, element type, address type.
TABLES = (
    (env.FUNC_TABLE, FUNCREF, I32),
    (env.EXTERN_TABLE, EXTERNREF, I32),
    (env.FUNC_TABLE64, FUNCREF, I64),
    (env.VOID_TABLE, nullable(env.VOID), I32),
    (env.ANY_TABLE64, ANYREF, I64),
)
for _table, _element, _address in TABLES:
    _use("table.get", ((_table,), (_address,), (_element,)))
    _use("table.set", ((_table,), (_address, _element)))
    _use("table.grow", ((_table,), (_element, _address), (_address,)))
    _use("table.size", ((_table,), (), (_address,)))
    _use("table.fill", ((_table,), (_address, _element, _address)))
_use(
    "table.init",
    ((env.FUNC_ELEMS, env.FUNC_TABLE), (I32, I32, I32)),
    ((env.VOID_ELEMS, env.FUNC_TABLE64), (I64, I32, I32)),
    ((env.EXTERN_ELEMS, env.EXTERN_TABLE), (I32, I32, I32)),
    ((env.VOID_ELEMS, env.VOID_TABLE), (I32, I32, I32)),
)
_use("elem.drop", *(((index,),) for index in range(4)))
_use(
    "table.copy",
    ((env.FUNC_TABLE, env.FUNC_TABLE), (I32, I32, I32)),
    ((env.FUNC_TABLE, env.FUNC_TABLE64), (I32, I64, I32)),
    ((env.FUNC_TABLE64, env.VOID_TABLE), (I64, I32, I32)),
    ((env.ANY_TABLE64, env.ANY_TABLE64), (I64, I64, I64)),
)

# Memories.
for _memory, _address in ((env.MEMORY32, I32), (env.MEMORY64, I64)):
    _use("memory.size", ((_memory,), (), (_address,)))
    _use("memory.grow", ((_memory,), (_address,), (_address,)))
    _use("memory.fill", ((_memory,), (_address, I32, _address)))
    _use("memory.init", ((0, _memory), (_address, I32, I32)))
_use("data.drop", ((0,),), ((1,),))
_use(
    "memory.copy",
    ((env.MEMORY32, env.MEMORY32), (I32, I32, I32)),
    ((env.MEMORY32, env.MEMORY64), (I32, I64, I32)),
    ((env.MEMORY64, env.MEMORY32), (I64, I32, I32)),
    ((env.MEMORY64, env.MEMORY64), (I64, I64, I64)),
)

# References.
_use("ref.null", ((FUNC,), (), (FUNCREF,)), ((concrete(env.STRUCT),), (), (nullable(env.STRUCT),)),
     ((NONE,), (), (nullable(env.INTS),)), ((EXN,), (), (EXNREF,)))  # fmt: skip
_use("ref.is_null", *(((), (item,), (I32,)) for item in (FUNCREF, nonnull(env.STRUCT), EXNREF)))
_use("ref.func", ((env.IMPORTED,), (), (nonnull(env.VOID),)), ((env.DECLARED,), (), (FUNCREF,)))
_use("ref.as_non_null", ((), (FUNCREF,), (ref(FUNC),)), ((), (nullable(env.STRUCT),),
     (nonnull(env.STRUCT),)), ((), (ref(EXTERN),), (ref(EXTERN),)))  # fmt: skip
_use(
    "br_on_null",
    ((0,), (FUNCREF,), (), b"", code(("drop",))),
    ((0,), (I32, nullable(env.STRUCT)), (I32,), b"", code(("drop",))),
)
_use(
    "br_on_non_null",
    ((0,), (FUNCREF,), (ref(FUNC),), b"", code(("unreachable",))),
    ((0,), (I32, nullable(env.SUBSTRUCT)), (I32, nonnull(env.STRUCT)), b"", code(("unreachable",))),
)

# Structures and arrays.
_FIELDS = (I32, I32, I32, I64, ANYREF)
_use("struct.new", ((env.STRUCT,), _FIELDS, (nonnull(env.STRUCT),)), ((env.SUBSTRUCT,),
     (*_FIELDS, F64), (nonnull(env.STRUCT),)), ((env.NODEFAULT,), (ref(FUNC),),
     (nonnull(env.NODEFAULT),)))  # fmt: skip
_use("struct.new_default", ((env.STRUCT,), (), (nonnull(env.STRUCT),)),
     ((env.FINAL,), (), (nonnull(env.FINAL),)))  # fmt: skip
_use(
    "struct.get",
    ((env.STRUCT, 0), (nullable(env.STRUCT),), (I32,)),
    ((env.STRUCT, 3), (nonnull(env.SUBSTRUCT),), (I64,)),
    ((env.SUBSTRUCT, 5), (nullable(env.SUBSTRUCT),), (F64,)),
    ((env.STRUCT, 4), (nullable(env.STRUCT),), (ANYREF,)),
)
for _sign in "su":
    _use(f"struct.get_{_sign}", ((env.STRUCT, 1), (nullable(env.STRUCT),), (I32,)),
         ((env.STRUCT, 2), (nullable(env.STRUCT),), (I32,)))  # fmt: skip
    _use(f"array.get_{_sign}", ((env.BYTES,), (nullable(env.BYTES), I32), (I32,)),
         ((env.SHORTS,), (nullable(env.SHORTS), I32), (I32,)))  # fmt: skip
_use(
    "struct.set",
    ((env.STRUCT, 0), (nullable(env.STRUCT), I32)),
    ((env.STRUCT, 1), (nullable(env.STRUCT), I32)),
    ((env.SUBSTRUCT, 4), (nullable(env.SUBSTRUCT), ref(I31))),
    ((env.SUBSTRUCT, 5), (nullable(env.SUBSTRUCT), F64)),
)
# Arrays: index, operand for an element, whether elements are mutable.
ARRAYS = (
    (env.INTS, I32, True),
    (env.BYTES, I32, True),
    (env.CONSTS, I64, False),
    (env.FUNCS, FUNCREF, True),
    (env.NONNULLS, ref(FUNC), True),
    (env.SHORTS, I32, False),
    (env.SUBS, nullable(env.SUBSTRUCT), True),
)
for _index, _item, _mutable in ARRAYS:
    _array, _result = nullable(_index), nonnull(_index)
    _use("array.new", ((_index,), (_item, I32), (_result,)))
    _use("array.new_fixed", ((_index, 0), (), (_result,)),
         ((_index, 2), (_item, _item), (_result,)))  # fmt: skip
    if _item.defaultable:
        _use("array.new_default", ((_index,), (I32,), (_result,)))
    if not _item.is_ref:
        _use("array.new_data", ((_index, 0), (I32, I32), (_result,)))
        if _mutable:
            _use("array.init_data", ((_index, 0), (_array, I32, I32, I32)))
    if _index not in (env.BYTES, env.SHORTS):
        _use("array.get", ((_index,), (_array, I32), (_item,)))
    if _mutable:
        _use("array.set", ((_index,), (_array, I32, _item)))
        _use("array.fill", ((_index,), (_array, I32, _item, I32)))
for _index, _elems in ((env.FUNCS, env.FUNC_ELEMS), (env.FUNCS, env.VOID_ELEMS),
                       (env.NONNULLS, env.VOID_ELEMS)):  # fmt: skip
    _use("array.new_elem", ((_index, _elems), (I32, I32), (nonnull(_index),)))
    _use("array.init_elem", ((_index, _elems), (nullable(_index), I32, I32, I32)))
_use("array.len", ((), (nullable(env.INTS),), (I32,)), ((), (ref(NONE, nullable=True),), (I32,)))
_use(
    "array.copy",
    ((env.INTS, env.INTS), (nullable(env.INTS), I32, nullable(env.INTS), I32, I32)),
    ((env.SUPERS, env.SUBS), (nullable(env.SUPERS), I32, nonnull(env.SUBS), I32, I32)),
    ((env.FUNCS, env.NONNULLS), (nullable(env.FUNCS), I32, nullable(env.NONNULLS), I32, I32)),
)
for _null, _suffix in ((False, ""), (True, " null")):
    for _heap, _top in (
        (concrete(env.STRUCT), ANYREF),
        (I31, ANYREF),
        (concrete(env.VOID), FUNCREF),
        (NOEXTERN, EXTERNREF),
        (NONE, ANYREF),
    ):
        _target = ref(_heap, nullable=_null)
        _use(f"ref.test{_suffix}", ((_heap,), (_top,), (I32,)))
        _use(f"ref.cast{_suffix}", ((_heap,), (_top,), (_target,)))
_STRUCT = concrete(env.STRUCT)
_ANY_TO_STRUCT = (ANY, _STRUCT)
_UNREACHABLE = code(("unreachable",))
_use(
    "br_on_cast",
    ((1, 0, *_ANY_TO_STRUCT), (ANYREF,), (nonnull(env.STRUCT),), b"", _UNREACHABLE),
    ((3, 0, *_ANY_TO_STRUCT), (ANYREF,), (nullable(env.STRUCT),), b"", _UNREACHABLE),
    ((0, 0, *_ANY_TO_STRUCT), (ref(ANY),), (nonnull(env.STRUCT),), b"", _UNREACHABLE),
    ((1, 0, EQ, I31), (I64, EQREF), (I64, ANYREF), b"", b""),
    ((3, 0, EQ, I31), (I64, EQREF), (I64, EQREF), b"", b""),
)
_use(
    "br_on_cast_fail",
    ((1, 0, *_ANY_TO_STRUCT), (ANYREF,), (ANYREF,), b"", b""),
    ((3, 0, *_ANY_TO_STRUCT), (ANYREF,), (ref(ANY),), b"", _UNREACHABLE),
    ((0, 0, *_ANY_TO_STRUCT), (ref(ANY),), (ref(ANY),), b"", b""),
    ((1, 0, EQ, I31), (I64, EQREF), (I64, EQREF), b"", b""),
)
_use("any.convert_extern", ((), (EXTERNREF,), (ANYREF,)), ((), (ref(EXTERN),), (ref(ANY),)))
_use("extern.convert_any", ((), (ANYREF,), (EXTERNREF,)), ((), (ref(I31),), (ref(EXTERN),)))

FIXED = {str(item): item for item in (I32, I64, F32, F64, V128)}
FIXED |= {name: ValType(item) for item, name in SHORT_NAMES.items()}
FIXED["ref:i31"] = ref(I31)
SAMPLES: dict[str, Any] = {
    "s32": -7,
    "s64": 1 << 40,
    "f32": 0x7FC00000,
    "f64": 0x3FF0000000000000,
    "v128": bytes(range(16)),
    "zero": 0,
}
"""An immediate of each kind that has no condition."""


def _plain(operator: Operator) -> list[Use]:
    """Return uses as the operator table has them."""
    uses = []
    for memory, address in ((env.MEMORY32, I32), (env.MEMORY64, I64)):
        immediates: list[Any] = []
        for kind in operator.immediates:
            if kind == "memarg":
                immediates.append(MemArg(operator.align, 8, memory))
            elif kind == "lane":
                immediates.append(operator.lanes - 1)
            elif kind == "lanes":
                immediates.append(bytes(range(operator.lanes - 16, operator.lanes)))
            else:
                immediates.append(SAMPLES[kind])
        types = {**FIXED, "addr": address}
        uses.append(
            Use(
                operator,
                tuple(immediates),
                tuple(types[word] for word in operator.pops),
                tuple(types[word] for word in operator.pushes),
            )
        )
        if "memarg" not in operator.immediates:
            break
    return uses


def uses_of(operator: Operator) -> list[Use]:
    """Return the uses of an operator; there is at least one."""
    if operator.name in HAND:
        return [Use(operator, *use) for use in HAND[operator.name]]
    return _plain(operator)


def all_uses() -> list[Use]:
    """Return the uses of every operator, in the order of the table."""
    return [use for operator in TABLE for use in uses_of(operator)]


def use_of(name: str, which: int = 0) -> Use:
    """Return one use of the operator of this name."""
    return uses_of(BY_NAME[name])[which]
