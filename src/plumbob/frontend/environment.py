"""What a translator needs of a module: its types and index spaces, computed once.

The module must be valid: nothing here is checked again. It must not be edited while an
environment of it is in use; bodies are read when their functions are translated.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.errors import UsageError
from plumbob.ir.entities import AbiParam, Signature, UserName
from plumbob.ir.high_level import REF_ANY, REF_EXN, REF_EXTERN, REF_FUNC
from plumbob.ir.types import F32, F64, I8, I8X16, I16, I32, I64, Type
from plumbob.wasm import module as m
from plumbob.wasm import types as t
from plumbob.wasm.module import BodySequence
from plumbob.wasm.type_space import TypeSpace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasm.binary.instructions import BlockType
    from plumbob.wasm.module import Module
    from plumbob.wasm.type_space import TypeRegistry
    from plumbob.wasm.types import HeapType, SubType, ValType

FUNCTION_NAMESPACE: Final = 0
"""The name space of functions: `u0:3` is the module's function with index 3."""

CALL_CONVENTION: Final = "tail"
"""Every function may be called in a tail position and may throw."""

_NUMBERS: Final = {
    t.I32: I32,
    t.I64: I64,
    t.F32: F32,
    t.F64: F64,
    t.V128: I8X16,
    t.I8: I8,
    t.I16: I16,
}
_HIERARCHIES: Final = {t.ANY: REF_ANY, t.FUNC: REF_FUNC, t.EXTERN: REF_EXTERN, t.EXN: REF_EXN}


class Shape(NamedTuple):
    """The parameters and results of a function or block, as types of the IR.

    `returns` is false where the result type is `unreachable`; there are no results then.
    """

    params: tuple[Type, ...]
    results: tuple[Type, ...]
    returns: bool = True


class FunctionBody(NamedTuple):
    """A body's bytes, and the offset of the first of them in the binary.

    The offset is 0 where the module has no binary, being made from text or edited.
    """

    code: bytes
    base: int


class ModuleEnvironment:
    """Types and index spaces of a valid module; imports come first in each of them.

    `functions` and `tags` hold type indices. `registry` may be shared with other modules:
    `type_space.canonical[index]` is then an id that they have in common.
    """

    def __init__(self, module: Module, registry: TypeRegistry | None = None) -> None:
        self.module = module
        self.types: list[SubType] = module.types
        imported: list[list[m.Import]] = [[] for _ in m.KIND_NAMES]
        for item in module.imports:
            imported[item.kind].append(item)
        self.imported_functions = len(imported[m.FUNC])
        self.functions: Sequence[int] = [
            *(item.type for item in imported[m.FUNC] if isinstance(item.type, int)),
            *module.functions,
        ]
        self.tables = [
            *(item.type for item in imported[m.TABLE] if isinstance(item.type, t.TableType)),
            *(table.type for table in module.tables),
        ]
        self.memories = [
            *(item.type for item in imported[m.MEMORY] if isinstance(item.type, t.MemoryType)),
            *module.memories,
        ]
        self.globals = [
            *(item.type for item in imported[m.GLOBAL] if isinstance(item.type, t.GlobalType)),
            *(item.type for item in module.globals),
        ]
        self.tags = [
            *(item.type.type_index for item in imported[m.TAG] if isinstance(item.type, t.TagType)),
            *(tag.type_index for tag in module.tags),
        ]
        self._registry = registry
        self._value_types: dict[int, Type] = {int(k): ty for k, ty in _NUMBERS.items()}
        self._shapes: dict[int, Shape] = {}
        self._signatures: dict[int, Signature] = {}

    @cached_property
    def type_space(self) -> TypeSpace:
        """The types by index with their canonical ids."""
        return TypeSpace(self.module.rec_groups, self._registry, allow_unreachable=True)

    # Types

    def hierarchy(self, heap: HeapType) -> Type:
        """Return the reference type of the IR that a heap type belongs to."""
        if heap.is_concrete:
            composite = self.types[heap.index].composite
            return REF_FUNC if isinstance(composite, t.FuncType) else REF_ANY
        for above in t.HEAP_CLOSURE[heap]:
            if above in _HIERARCHIES:
                return _HIERARCHIES[above]
        raise UsageError("a heap type of a valid module", found=str(heap))

    def type_of(self, value: ValType) -> Type:
        """Return the type of the IR of a value type; a packed type is i8 or i16."""
        found = self._value_types.get(value)
        if found is None:
            found = self._value_types[value] = self.hierarchy(value.heap)
        return found

    def unpacked(self, storage: ValType) -> Type:
        """Return the type of the values that a field holds."""
        return self.type_of(storage.unpacked)

    def shape(self, type_index: int) -> Shape:
        """Return the parameters and results of a function type."""
        shape = self._shapes.get(type_index)
        if shape is None:
            composite = self.function_type(type_index)
            returns = t.UNREACHABLE not in composite.results
            shape = self._shapes[type_index] = Shape(
                tuple(map(self.type_of, composite.params)),
                tuple(map(self.type_of, composite.results)) if returns else (),
                returns,
            )
        return shape

    def block_shape(self, block: BlockType) -> Shape:
        """Return the parameters and results of a block."""
        result, type_index = block
        if type_index is not None:
            return self.shape(type_index)
        return Shape((), () if result is None else (self.type_of(result),))

    def signature(self, type_index: int) -> Signature:
        """Return the signature of functions of a type."""
        signature = self._signatures.get(type_index)
        if signature is None:
            params, results, _ = self.shape(type_index)
            signature = self._signatures[type_index] = Signature(
                tuple(map(AbiParam, params)), tuple(map(AbiParam, results)), CALL_CONVENTION
            )
        return signature

    def function_type(self, type_index: int) -> t.FuncType:
        """Return a type that is known to be a function type."""
        composite = self.types[type_index].composite
        assert isinstance(composite, t.FuncType)  # noqa: S101  # the module is valid
        return composite

    def field(self, type_index: int, field: int) -> ValType:
        """Return the storage type of a field of a structure type."""
        composite = self.types[type_index].composite
        assert isinstance(composite, t.StructType)  # noqa: S101  # the module is valid
        return composite.fields[field].storage

    def field_count(self, type_index: int) -> int:
        """Return how many fields a structure type has."""
        composite = self.types[type_index].composite
        assert isinstance(composite, t.StructType)  # noqa: S101  # the module is valid
        return len(composite.fields)

    def element(self, type_index: int) -> ValType:
        """Return the storage type of an array type's elements."""
        composite = self.types[type_index].composite
        assert isinstance(composite, t.ArrayType)  # noqa: S101  # the module is valid
        return composite.field.storage

    # Functions

    def function_name(self, index: int) -> UserName:
        """Return the external name of a function."""
        return UserName(FUNCTION_NAMESPACE, index)

    def function_signature(self, index: int) -> Signature:
        """Return the signature of a function."""
        return self.signature(self.functions[index])

    @property
    def defined(self) -> range:
        """The indices of the functions that have bodies."""
        return range(self.imported_functions, len(self.functions))

    def body(self, index: int) -> FunctionBody:
        """Return the body of a function; raises UsageError if the index is not in `defined`."""
        if index not in self.defined:
            raise UsageError(
                "a function with a body",
                expected=f"{self.defined.start} to {self.defined.stop - 1}",
                found=str(index),
            )
        place = index - self.imported_functions
        code = self.module.code
        base = code.starts[place] if isinstance(code, BodySequence) else 0
        return FunctionBody(code[place].body, base)
