"""One instance's generated code: its machine, its linker, the names that its code refers to.

Generated code reaches an instance through its globals, which are linked by name when a
function first mentions them:

    mem0     the bytes of memory 0        memory0  the memory
    items0   the elements of table 0      table0   the table
    cell0    global 0                     const0   the value of global 0, if immutable
    func0    function 0, a FuncRef        tag0     tag 0
    type0    the canonical id of type 0   below0   which ids are type 0 or below it
    lock0    the lock of memory 0         datas, elements   the segments, by index

Everything that grows does so in place, so a name is linked once. All instances of a store
share fuel, depth and the registry of code, so that a call across instances is a plain
Python call, and a trap finds the frames of all of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from plumbob.exec.interp.linker import FAULTS, Linker, not_a_fault
from plumbob.exec.interp.machine import Machine
from plumbob.exec.interp.program import Program
from plumbob.exec.interp.wasm_exceptions import catch_in, throw, throwing
from plumbob.exec.interp.wasm_faults import WasmPlace
from plumbob.frontend import translate_function
from plumbob.frontend.parameters import RELAXED
from plumbob.ir.printer import print_name
from plumbob.ir.trap_codes import (
    CAST_FAILURE,
    SIGNATURE_MISMATCH,
    UNINITIALIZED_ELEMENT,
)
from plumbob.runtime import heap, references
from plumbob.runtime.memory import misaligned
from plumbob.runtime.traps import GuestTrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.source_function import Compiled
    from plumbob.exec.interp.wasm_engine import Engine
    from plumbob.frontend.environment import ModuleEnvironment
    from plumbob.frontend.parameters import Relaxed
    from plumbob.ir.entities import Signature
    from plumbob.ir.function import Function
    from plumbob.runtime.instance import Instance
    from plumbob.runtime.references import FuncRef
    from plumbob.semantics.domain import NanRule
    from plumbob.wasm.type_space import TypeRegistry

WASM_FAULTS: Final = (*FAULTS, AttributeError, OverflowError)
"""What a failed access raises: null has no attributes, a 64-bit address is no C integer."""

_NAME: Final = re.compile(
    r"(memory|mem|lock|table|items|cell|const|func|type|tag|below)([0-9]+)", re.ASCII
)


class ModuleProgram(Program):
    """The functions of a module, translated when they are first called.

    One serves all instances of the module, in whatever store. `verify`, if not None, is
    asked about every function that was translated. `nan_rule` and `relaxed` say what is
    computed where the specification leaves it open.
    """

    has_instances = True

    def __init__(
        self,
        environment: ModuleEnvironment,
        verify: Callable[[Function], None] | None = None,
        nan_rule: NanRule = "first",
        relaxed: Relaxed = RELAXED,
    ) -> None:
        super().__init__(nan_rule=nan_rule)
        self.environment = environment
        self.relaxed = relaxed
        for index in environment.defined:
            symbol = print_name(environment.function_name(index))
            signature = environment.function_signature(index)
            self.define_lazily(symbol, signature, self._maker(index, verify))

    def _maker(
        self, index: int, verify: Callable[[Function], None] | None
    ) -> Callable[[], Function]:
        def make() -> Function:
            function = translate_function(self.environment, index, self.relaxed)
            if verify is not None:
                verify(function)
            return function

        return make


class InstanceMachine(Machine):
    """The machine of one instance; fuel, depth and memory are its engine's."""

    def __init__(self, engine: Engine, program: ModuleProgram, instance: Instance) -> None:
        super().__init__(program, limits=engine.limits, mode=engine.mode, trace=engine.trace)
        self.engine = engine
        self.instance = instance
        self.memory = engine.memory
        self.linker = InstanceLinker(self)

    def refuel(self, fuel: int) -> int:
        """Return the fuel to go on with; traps where none is left."""
        return self.engine.refuel(fuel)

    def check_call(self, symbol: str, expected: Signature) -> None:
        """Check a call of a function of the module; linking has checked the imported ones."""
        if self.program.signature(symbol) is not None:
            super().check_call(symbol, expected)

    def function_of(self, symbol: str) -> FuncRef:
        """Return the function that generated code calls by its printed name."""
        return self.instance.functions[int(symbol.rpartition(":")[2])]


class Below(dict[int, bool]):
    """Whether a canonical id, -1 for none, is a type or below it; found out when first asked."""

    def __init__(self, type_: int, registry: TypeRegistry) -> None:
        super().__init__()
        self.type = type_
        self.registry = registry

    def __missing__(self, actual: int) -> bool:
        found = actual >= 0 and self.registry.is_subtype(actual, self.type)
        self[actual] = found
        return found


class InstanceLinker(Linker):
    """Links the code of one instance."""

    def __init__(self, machine: InstanceMachine) -> None:
        super().__init__(machine)
        self.owner = machine
        engine, instance = machine.engine, machine.instance
        objects = instance.store.objects
        self.cells = engine.cells
        self.globals.update(
            {
                "FAULTS": WASM_FAULTS,
                "Array": objects.array,
                "ArrayRef": references.ArrayRef,
                "Exception_": objects.exception,
                "Externalized": references.Externalized,
                "ExnRef": references.ExnRef,
                "HostRef": references.HostRef,
                "StructRef": references.StructRef,
                "Structure": objects.structure,
                "array_copy": heap.copy,
                "array_of": heap.array_of,
                "array_fill": heap.fill,
                "array_init_data": heap.init_data,
                "array_init_elem": heap.init_elem,
                "cast_failure": self._cast_failure,
                "catch": catch_in(instance),
                "check_callee": self._check_callee,
                "datas": instance.datas,
                "decode_items": heap.decode_items,
                "elements": instance.elements,
                "more_room": objects.refill,
                "objects": objects,
                "poll": engine.poll,
                "segment_items": heap.segment_items,
                "throw": throw,
                "throwing": throwing,
                "to_any": references.to_any,
                "to_extern": references.to_extern,
                "unaligned": misaligned,
            }
        )

    # Functions

    def direct(self, symbol: str) -> Callable[..., Any]:
        """Return the callable of a function: of this instance, imported, or of the library."""
        if symbol.startswith("%") or self.machine.program.signature(symbol) is not None:
            return super().direct(symbol)
        return self.owner.function_of(symbol).call

    def tail(self, symbol: str) -> Callable[[int, tuple[int, ...]], Any]:
        """Return the callable of a function in a tail position."""
        if symbol.startswith("%") or self.machine.program.signature(symbol) is not None:
            return super().tail(symbol)
        return self.owner.function_of(symbol).tail

    def _function(self, compiled: Compiled) -> Callable[..., Any]:
        for name in compiled.code.co_names:
            if name not in self.globals:
                self._link_entity(name)
        self.owner.engine.register(compiled, self.owner)
        return super()._function(compiled)

    def _link_entity(self, name: str) -> None:
        match = _NAME.fullmatch(name)
        if match is None:
            return
        kind, index = match[1], int(match[2])
        instance = self.owner.instance
        value: Any
        match kind:
            case "mem":
                value = instance.memories[index].data
            case "memory":
                value = instance.memories[index]
            case "lock":
                value = instance.memories[index].lock
            case "items":
                value = instance.tables[index].items
            case "table":
                value = instance.tables[index]
            case "cell":
                value = instance.globals[index]
            case "const":
                value = instance.globals[index].value
            case "func":
                value = instance.functions[index]
            case "type":
                value = instance.types[index]
            case "below":
                value = self.owner.engine.below(instance.types[index])
            case _:
                value = instance.tags[index]
        self.globals[name] = value

    # What generated code calls

    def _check_callee(self, function: FuncRef | None, type_: int, index: int) -> None:
        if function is None:
            raise GuestTrap(UNINITIALIZED_ELEMENT, str(index))
        if not self.owner.instance.store.registry.is_subtype(function.type, type_):
            wanted = self.owner.instance.store.registry.types[type_].composite
            raise GuestTrap(SIGNATURE_MISMATCH, f"expected {wanted}, found {function.signature}")

    def _cast_failure(self, value: Any, heap_type: str) -> GuestTrap:
        found = "null" if value is None else type(value).__name__
        return GuestTrap(CAST_FAILURE, f"expected {heap_type}, found {found}")

    # Traps

    def _fault(
        self,
        error: Exception,
        variables: dict[str, Any],
        table: tuple[dict[int, Any], tuple[int, ...]],
    ) -> GuestTrap:
        places, insts = table
        traceback = error.__traceback__
        if traceback is not None and traceback.tb_next is None:
            inst = insts[traceback.tb_lineno]
            place = places.get(inst)
            if isinstance(place, WasmPlace):
                trap = place.trap(self.owner.instance, variables)
                if trap is None:
                    not_a_fault(error)
                trap.at = inst
                return trap
        return super()._fault(error, variables, table)
