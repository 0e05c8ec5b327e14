"""A module that has one of everything, and functions put into it to be judged.

`Environment` holds the module that the cases of `uses.py` are written against. A case is
a function type and a body; `outcomes` sends many of them through the kernel, with the
fast loop or without it, and `binary` makes the module of one of them for another judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.encode_types import write_subtype
from plumbob.wasm.binary.instructions import encode_operator, write_locals
from plumbob.wasm.binary.leb import write_sized, write_u32
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    FUNC,
    GLOBAL,
    PASSIVE,
    Code,
    DataSegment,
    ElementSegment,
    Export,
    Global,
    Import,
    Module,
    RecGroup,
    Table,
)
from plumbob.wasm.opcodes import BY_NAME
from plumbob.wasm.types import (
    ANY,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I8,
    I16,
    I32,
    I64,
    ArrayType,
    FieldType,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    StructType,
    SubType,
    TableType,
    TagType,
    ValType,
    concrete,
    ref,
)
from plumbob.wasm.types import FUNC as FUNC_HEAP
from plumbob.wasm.valid.bodies import BodyChecker
from plumbob.wasm.valid.kernel._kernel import Checker, Context
from plumbob.wasm.valid.module_rules import ModuleChecker
from plumbob.wasm.valid.policy import POLYMORPHIC

if TYPE_CHECKING:
    from plumbob.wasm.valid.diagnostics import Diagnostic

# Type indices.
(VOID, PAIR, STRUCT, SUBSTRUCT, NODEFAULT, INTS, BYTES, CONSTS, FUNCS, NONNULLS, TAGGED, BLOCK,
 PRODUCER, VOID_AGAIN, SHORTS, SUBS, SUPERS, FINAL, UNARY) = range(19)  # fmt: skip
TYPE_COUNT = UNARY + 1


def nullable(index: int) -> ValType:
    """Return `(ref null index)`."""
    return ref(concrete(index), nullable=True)


def nonnull(index: int) -> ValType:
    """Return `(ref index)`."""
    return ref(concrete(index))


def _mutable(storage: ValType) -> FieldType:
    return FieldType(storage, mutable=True)


def _fixed(storage: ValType) -> FieldType:
    return FieldType(storage, mutable=False)


def _types() -> list[SubType]:
    fields = (
        _mutable(I32),
        _mutable(I8),
        _fixed(I16),
        _fixed(I64),
        _mutable(ref(ANY, nullable=True)),
    )
    return [
        SubType(FuncType((), ())),
        SubType(FuncType((I32, I64), (F32,))),
        SubType(StructType(fields), final=False),
        SubType(StructType((*fields, _mutable(F64))), (STRUCT,), final=False),
        SubType(StructType((_mutable(ref(FUNC_HEAP)),))),
        SubType(ArrayType(_mutable(I32))),
        SubType(ArrayType(_mutable(I8))),
        SubType(ArrayType(_fixed(I64))),
        SubType(ArrayType(_mutable(FUNCREF))),
        SubType(ArrayType(_mutable(ref(FUNC_HEAP)))),
        SubType(FuncType((I32, F64), ())),
        SubType(FuncType((I32,), (I64,))),
        SubType(FuncType((), (I32,))),
        SubType(FuncType((), ())),
        SubType(ArrayType(_fixed(I16))),
        SubType(ArrayType(_mutable(nullable(SUBSTRUCT)))),
        SubType(ArrayType(_mutable(nullable(STRUCT)))),
        SubType(StructType((_fixed(F32),)), (), final=True),
        SubType(FuncType((F32,), (F32,)), (), final=False),
    ]


# Indices of the other things.
IMPORTED, DECLARED, UNDECLARED = range(3)
"""Functions of type VOID, PAIR, VOID; the last has no declaration outside of code."""
FUNCTION_COUNT = 3
"""Functions before the one that is judged."""
FUNC_TABLE, EXTERN_TABLE, FUNC_TABLE64, VOID_TABLE, ANY_TABLE64 = range(5)
MEMORY32, MEMORY64 = range(2)
CONST_GLOBAL, MUT_I64, CONST_F32, MUT_FUNC, MUT_STRUCT = range(5)
TAG, VOID_TAG = range(2)
FUNC_ELEMS, EXTERN_ELEMS, VOID_ELEMS, DECLARATIONS = range(4)


def code(*items: tuple[object, ...]) -> bytes:
    """Return operators, each given as (name, immediate, ...), in their binary encoding."""
    out = bytearray()
    for name, *immediates in items:
        encode_operator(out, BY_NAME[str(name)], immediates)
    return bytes(out)


def _module(types: list[SubType]) -> Module:
    module = Module("environment")
    module.rec_groups = [RecGroup((item,)) for item in types]
    module.imports = [
        Import("m", "f", FUNC, VOID),
        Import("m", "g", GLOBAL, GlobalType(I32, mutable=False)),
    ]
    module.functions = [PAIR, VOID]
    end = code(("end",))
    module.code = [Code(b"\0" + code(("f32.const", 0)) + end), Code(b"\0" + end)]
    module.tables = [
        Table(TableType(FUNCREF, Limits(1))),
        Table(TableType(EXTERNREF, Limits(1, 2))),
        Table(TableType(FUNCREF, Limits(1, None, is64=True))),
        Table(TableType(nullable(VOID), Limits(1))),
        Table(TableType(ref(ANY, nullable=True), Limits(1, None, is64=True))),
    ]
    module.memories = [MemoryType(Limits(1, 2)), MemoryType(Limits(1, None, is64=True))]
    module.tags = [TagType(TAGGED), TagType(VOID)]
    module.globals = [
        Global(GlobalType(I64, mutable=True), code(("i64.const", 0)) + end),
        Global(GlobalType(F32, mutable=False), code(("f32.const", 0)) + end),
        Global(GlobalType(FUNCREF, mutable=True), code(("ref.null", FUNC_HEAP)) + end),
        Global(
            GlobalType(nullable(STRUCT), mutable=True), code(("ref.null", concrete(STRUCT))) + end
        ),
    ]
    module.exports = [Export("pair", FUNC, DECLARED)]
    null = code(("ref.null", EXTERNREF.heap)) + end
    void = code(("ref.func", IMPORTED)) + end
    module.elements = [
        ElementSegment(PASSIVE, ref(FUNC_HEAP), functions=(IMPORTED,)),
        ElementSegment(PASSIVE, EXTERNREF, expressions=(null,)),
        ElementSegment(PASSIVE, nonnull(VOID), expressions=(void,)),
        ElementSegment(DECLARATIVE, ref(FUNC_HEAP), functions=(DECLARED,)),
    ]
    module.data_count = 2
    module.datas = [
        DataSegment(PASSIVE, b"data"),
        DataSegment(ACTIVE, b"", 1, code(("i64.const", 0)) + end),
    ]
    return module


TAIL = b"\x01" * 12 + b"\x0b"
"""The end of a body, behind more `nop`s than the fast loop needs to see before it starts."""


class Case(NamedTuple):
    """A function: its type, and its body with locals."""

    params: tuple[ValType, ...]
    results: tuple[ValType, ...]
    body: bytes


class Outcome(NamedTuple):
    """What the kernel says of a body: error number, 0 where it is valid, and offsets in the
    body of the operator and of the fault. `operators` counts those seen."""

    error: int
    start: int
    position: int
    operators: int


class Environment:
    """The module, ready to take functions."""

    def __init__(self) -> None:
        self.types = _types()
        whole = encode(_module(self.types))
        self._sections = _split(whole)

    def module(self, cases: list[Case]) -> Module:
        """Return the module with a function for each case at its end."""
        module = _module(self.types)
        types: dict[FuncType, int] = {}
        for case in cases:
            types.setdefault(FuncType(case.params, case.results), TYPE_COUNT + len(types))
        module.rec_groups += [RecGroup((SubType(item),)) for item in types]
        module.functions = [
            *module.functions,
            *(types[FuncType(case.params, case.results)] for case in cases),
        ]
        module.code = [*module.code, *(Code(case.body) for case in cases)]
        return module

    def binary(self, case: Case) -> bytes:
        """Return the module with one case as its last function, in the binary format."""
        type_ = bytearray()
        write_subtype(type_, SubType(FuncType(case.params, case.results)))
        body = bytearray()
        write_sized(body, case.body)
        more = {1: bytes(type_), 3: bytes((TYPE_COUNT,)), 10: bytes(body)}
        out = bytearray(b"\0asm\1\0\0\0")
        for section, content in self._sections:
            out.append(section)
            if section in more:
                # Each count takes one byte, so one more function changes that byte alone.
                content = bytes((content[0] + 1,)) + content[1:] + more[section]  # noqa: PLW2901  # reads best so
            write_sized(out, content)
        return bytes(out)

    def outcomes(
        self,
        cases: list[Case],
        *,
        accelerate: bool = True,
        policy: int = POLYMORPHIC,
        features: int = wasm_features.ALL,
    ) -> list[Outcome]:
        """Send cases through the kernel.

        `features` holds for the bodies alone; the environment keeps all of them.
        """
        module = self.module(cases)
        checker = ModuleChecker(module, wasm_features.ALL, policy)
        checker.context = Context(features, policy, accelerate)
        checker.checker = Checker(checker.context)
        bodies = checker.bodies = BodyChecker(
            checker.context, checker.checker, checker.space, module
        )
        bodies.check = nothing  # type: ignore[method-assign]  # the fields alone
        checker.run()
        if checker.diagnostics and features == wasm_features.ALL:
            raise AssertionError(checker.diagnostics)
        first = FUNCTION_COUNT - 1  # one of the environment's functions is imported
        found = []
        for place in range(first, first + len(cases)):
            one = Checker(checker.context)
            failed = one.check(bodies.data, bodies.starts, bodies.ends, place, place + 1, 1)
            error, start, position, *_ = one.failure() if failed else (0, 0, 0)
            found.append(Outcome(error, start, position, one.counts()[0]))
        return found

    def constant(
        self, expression: bytes, expected: int, *, features: int = wasm_features.ALL
    ) -> Outcome:
        """Send a constant expression through the kernel."""
        module = self.module([])
        checker = ModuleChecker(module, wasm_features.ALL, POLYMORPHIC)
        checker.context = Context(features, POLYMORPHIC)
        checker.checker = Checker(checker.context)
        checker.bodies = BodyChecker(checker.context, checker.checker, checker.space, module)
        checker.bodies.check = nothing  # type: ignore[method-assign]  # the fields alone
        checker.run()
        one = Checker(checker.context)
        if one.check_const(expression, checker.canonical(ValType(expected))):
            return Outcome(0, 0, 0, one.counts()[0])
        error, start, position, *_ = one.failure()
        return Outcome(error, start, position, one.counts()[0])


def nothing(threads: int = 1) -> list[Diagnostic]:  # noqa: ARG001  # see there
    """Check no bodies: stands in the place of `BodyChecker.check`."""
    return []


def _split(binary: bytes) -> list[tuple[int, bytes]]:
    """Cut a module into its sections."""
    position, sections = 8, []
    while position < len(binary):
        section = binary[position]
        size = shift = 0
        position += 1
        while True:
            byte = binary[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        sections.append((section, binary[position : position + size]))
        position += size
    return sections


def locals_header(types: tuple[ValType, ...]) -> bytes:
    """Return the declaration of locals, one run each."""
    out = bytearray()
    write_locals(out, [(1, item) for item in types])
    return bytes(out)


def leb(value: int) -> bytes:
    """Return an unsigned LEB128."""
    out = bytearray()
    write_u32(out, value)
    return bytes(out)
