"""Functions: arrays of values, blocks and instructions, and the entities they refer to.

Every entity is an index. Values, blocks and instructions are never renumbered; removed
ones leave holes, so an index stays valid for its function's life. The order of blocks is
`layout`; the order of instructions within a block is `block_insts[block]`.

Value aliases (`v7 -> v3`) stay in place: operands may name an alias, and only
`resolve` looks through it. Nothing here resolves on its own.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from plumbob.errors import InternalError
from plumbob.ir.entities import (
    BlockCall,
    MemFlags,
    Signature,
    UserName,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plumbob.ir.entities import (
        AliasRegion,
        AliasRegionData,
        Block,
        Constant,
        DebugTag,
        DynamicStackSlot,
        DynamicType,
        DynamicTypeData,
        ExternalName,
        ExtFunc,
        FuncRef,
        GlobalValue,
        GlobalValueData,
        Inst,
        SigRef,
        StackMapEntry,
        StackSlot,
        StackSlotData,
        Value,
    )
    from plumbob.ir.operations import Operation
    from plumbob.ir.types import Type

# What a value is; the values of `value_kind`.
HOLE: Final = 0
"""A number that no value has (text may leave gaps), or a value that was removed."""
RESULT: Final = 1
PARAM: Final = 2
ALIAS: Final = 3

NO_LOCATION: Final = -1


class Function:
    """One function.

    Values, each list indexed by Value: `value_kind` (HOLE, RESULT, PARAM or ALIAS),
    `value_owner` (the instruction, the block, or the value that an alias stands for),
    `value_index` (which result or parameter), `value_types`.

    Blocks, indexed by Block: `block_params` (values), `block_insts` (instructions in order),
    `block_cold`. `layout` is the order of the blocks that are in use; its first is the
    entry.

    Instructions, indexed by Inst: `inst_op`, `inst_type` (the controlling type, None if the
    operation is not polymorphic), `inst_args` (value operands, a call's arguments last),
    `inst_imms` (immediates in the format's order), `inst_targets` (destinations),
    `inst_results`, `inst_block` (-1 while in no block), `inst_location` (source location,
    unsigned 32 bits, or NO_LOCATION).

    Rare attributes of instructions are dictionaries by Inst: `stack_maps`, `debug_tags`.
    `stack_map_values` are the values that a stack map must list wherever they live across a
    safepoint (never aliases; not part of the text).

    Entities, each indexed by its own integer: `stack_slots`, `dynamic_types`,
    `dynamic_slots` (their dynamic types), `global_values`, `signatures`, `ext_funcs`,
    `constants` (bytes, little-endian), `alias_regions`. An unused number holds None.
    `stack_limit` is the GlobalValue that the stack pointer must not fall below, or None.
    """

    def __init__(
        self, name: ExternalName | None = None, signature: Signature | None = None
    ) -> None:
        self.name: ExternalName = name if name is not None else UserName(0, 0)
        self.signature = signature if signature is not None else Signature()

        self.value_kind = bytearray()
        self.value_owner = array("i")
        self.value_index = array("i")
        self.value_types: list[Type | None] = []

        self.layout: list[Block] = []
        self.block_params: list[list[Value]] = []
        self.block_insts: list[list[Inst]] = []
        self.block_cold = bytearray()

        self.inst_op: list[Operation] = []
        self.inst_type: list[Type | None] = []
        self.inst_args: list[tuple[Value, ...]] = []
        self.inst_imms: list[tuple[Any, ...]] = []
        self.inst_targets: list[tuple[BlockCall, ...]] = []
        self.inst_results: list[tuple[Value, ...]] = []
        self.inst_block = array("i")
        self.inst_location = array("q")
        self.stack_maps: dict[Inst, tuple[StackMapEntry, ...]] = {}
        self.debug_tags: dict[Inst, tuple[DebugTag, ...]] = {}
        self.stack_map_values: set[Value] = set()

        self.stack_slots: list[StackSlotData | None] = []
        self.dynamic_types: list[DynamicTypeData | None] = []
        self.dynamic_slots: list[DynamicType | None] = []
        self.global_values: list[GlobalValueData | None] = []
        self.signatures: list[Signature | None] = []
        self.ext_funcs: list[ExtFunc | None] = []
        self.constants: list[bytes | None] = []
        self.alias_regions: list[AliasRegionData | None] = []
        self.stack_limit: GlobalValue | None = None
        self._constant_numbers: dict[bytes, Constant] = {}

    # Reading

    @property
    def entry(self) -> Block:
        """The entry block; raises InternalError if the function has no block."""
        if not self.layout:
            raise InternalError("a function without blocks has no entry", found=str(self.name))
        return self.layout[0]

    @property
    def is_declaration(self) -> bool:
        """Whether the function has no block."""
        return not self.layout

    def value_type(self, value: Value) -> Type:
        """Return the type of a value or alias; raises InternalError for a hole."""
        ty = self.value_types[value]
        if ty is None:
            raise InternalError("a value without a definition has no type", found=f"v{value}")
        return ty

    def is_defined(self, value: Value) -> bool:
        """Whether the number is that of a result, parameter or alias."""
        return 0 <= value < len(self.value_kind) and self.value_kind[value] != HOLE

    def resolve(self, value: Value) -> Value:
        """Return the value that `value` stands for, through every alias.

        Raises InternalError if aliases form a cycle.
        """
        kind, owner = self.value_kind, self.value_owner
        if kind[value] != ALIAS:
            return value
        slow = value
        while True:
            value = owner[value]
            if kind[value] != ALIAS:
                return value
            value = owner[value]
            if kind[value] != ALIAS:
                return value
            slow = owner[slow]
            if slow == value:
                raise InternalError("value aliases form a cycle", found=f"v{value}")

    def resolver(self) -> Callable[[Value], Value]:
        """Return a `resolve` that remembers, for as long as no alias changes.

        However long the chains of aliases are, each link is followed once.
        """
        kind, owner = self.value_kind, self.value_owner
        known: dict[Value, Value] = {}

        def resolve(value: Value) -> Value:
            if kind[value] != ALIAS:
                return value
            path = []
            while kind[value] == ALIAS:
                if value in known:
                    value = known[value]
                    break
                path.append(value)
                value = owner[value]
                if len(path) > len(kind):
                    raise InternalError("value aliases form a cycle", found=f"v{value}")
            known.update(dict.fromkeys(path, value))
            return value

        return resolve

    def value_block(self, value: Value) -> Block:
        """Return the block that defines the value (aliases resolved); -1 if none does."""
        value = self.resolve(value)
        owner = self.value_owner[value]
        if self.value_kind[value] == PARAM:
            return owner
        return self.inst_block[owner] if self.value_kind[value] == RESULT else -1

    def terminator(self, block: Block) -> Inst | None:
        """Return the block's last instruction if it is a terminator, else None."""
        insts = self.block_insts[block]
        return insts[-1] if insts and self.inst_op[insts[-1]].is_terminator else None

    def insts(self) -> Iterator[tuple[Block, Inst]]:
        """Every instruction in layout order, with its block."""
        for block in self.layout:
            for inst in self.block_insts[block]:
                yield block, inst

    def imm(self, inst: Inst, kind: str) -> Any:
        """Return the instruction's immediate of that kind (`formats.IMMEDIATES`)."""
        return self.inst_imms[inst][self.inst_op[inst].format.imm_slots[kind]]

    def call_signature(self, inst: Inst) -> SigRef | None:
        """Return the signature that a call instruction calls by; None for other instructions."""
        op = self.inst_op[inst]
        if not op.is_call:
            return None
        slots = op.format.imm_slots
        if "func" in slots:
            callee = self.ext_funcs[self.inst_imms[inst][slots["func"]]]
            return callee.signature if callee is not None else None
        if "sig" in slots:
            return int(self.inst_imms[inst][slots["sig"]])
        if "handlers" in slots:
            return int(self.inst_imms[inst][slots["handlers"]].signature)
        return None

    def can_trap(self, inst: Inst) -> bool:
        """Whether this instruction may trap, its memory flags considered."""
        op = self.inst_op[inst]
        if not op.can_trap:
            return False
        slot = op.format.imm_slots.get("flags")
        if slot is None:
            return True
        flags = self.inst_imms[inst][slot]
        return not isinstance(flags, MemFlags) or flags.trap is not None

    def uses(self, inst: Inst) -> Iterator[Value]:
        """Every value that the instruction reads, block arguments and contexts included."""
        yield from self.inst_args[inst]
        for target in self.inst_targets[inst]:
            for argument in target.args:
                if argument >= 0:
                    yield argument
        slot = self.inst_op[inst].format.imm_slots.get("handlers")
        if slot is not None:
            for handler in self.inst_imms[inst][slot].handlers:
                if handler.kind == "context":
                    yield handler.number

    def content(self) -> tuple[Any, ...]:
        """Return what the function says, as nested tuples: equal for equal text.

        Numbers of instructions, unused numbers and detached blocks do not count; numbers of
        values, blocks and other entities do.
        """
        tables: list[list[Any]] = [
            self.stack_slots,
            self.dynamic_types,
            self.dynamic_slots,
            self.global_values,
            self.signatures,
            self.ext_funcs,
            self.constants,
            self.alias_regions,
        ]
        entities = tuple(
            tuple((n, data) for n, data in enumerate(table) if data is not None) for table in tables
        )
        types = self.value_types
        blocks = tuple(
            (
                block,
                bool(self.block_cold[block]),
                tuple((value, types[value]) for value in self.block_params[block]),
                tuple(map(self._inst_content, self.block_insts[block])),
            )
            for block in self.layout
        )
        resolve, placed = self.resolver(), frozenset(self.layout)
        aliases = tuple(
            (value, self.value_owner[value])
            for value, kind in enumerate(self.value_kind)
            if kind == ALIAS and self.value_block(resolve(value)) in placed
        )
        return (self.name, self.signature, entities, self.stack_limit, blocks, aliases)

    def _inst_content(self, inst: Inst) -> tuple[Any, ...]:
        return (
            self.inst_op[inst].name,
            self.inst_type[inst],
            self.inst_args[inst],
            self.inst_imms[inst],
            self.inst_targets[inst],
            tuple((value, self.value_types[value]) for value in self.inst_results[inst]),
            self.inst_location[inst],
            self.stack_maps.get(inst),
            self.debug_tags.get(inst),
        )

    def copy(self) -> Function:
        """Return a copy that shares only what cannot change."""
        other = Function(self.name, self.signature)
        for name, value in vars(self).items():
            if isinstance(value, list | dict | set | bytearray | array):
                setattr(other, name, value.copy() if not isinstance(value, array) else value[:])
            else:
                setattr(other, name, value)
        other.block_params = [params.copy() for params in self.block_params]
        other.block_insts = [insts.copy() for insts in self.block_insts]
        return other

    # Values

    def new_value(self, kind: int, owner: int, index: int, ty: Type | None) -> Value:
        """Append a value; for callers within this package."""
        value = len(self.value_kind)
        self.value_kind.append(kind)
        self.value_owner.append(owner)
        self.value_index.append(index)
        self.value_types.append(ty)
        return value

    def add_alias(self, target: Value) -> Value:
        """Create a value that stands for `target`, and return it."""
        return self.new_value(ALIAS, target, 0, self.value_types[target])

    def change_to_alias(self, value: Value, target: Value) -> None:
        """Make `value`, whose definition is gone or going, stand for `target`.

        The caller removes the definition. Raises InternalError if that would be a cycle or
        change the type.
        """
        if self.resolve(target) == value:
            raise InternalError("a value cannot stand for itself", found=f"v{value} -> v{target}")
        if self.value_types[value] not in (None, self.value_types[target]):
            raise InternalError(
                "an alias has the type of its target",
                expected=str(self.value_types[target]),
                found=f"v{value}: {self.value_types[value]}",
            )
        self.value_kind[value] = ALIAS
        self.value_owner[value] = target
        self.value_index[value] = 0
        self.value_types[value] = self.value_types[target]

    def resolve_all_aliases(self) -> None:
        """Replace every alias among operands by what it stands for, and drop the aliases."""
        resolve = self.resolver()
        for _, inst in self.insts():
            self.map_uses(inst, resolve)
        for value, kind in enumerate(self.value_kind):
            if kind == ALIAS:
                self.value_kind[value] = HOLE
                self.value_types[value] = None

    def map_uses(self, inst: Inst, change: Callable[[Value], Value]) -> None:
        """Replace each value that the instruction reads by `change(value)`."""
        self.inst_args[inst] = tuple(map(change, self.inst_args[inst]))
        targets = self.inst_targets[inst]
        if targets:
            self.inst_targets[inst] = tuple(
                BlockCall(t.block, tuple(change(a) if a >= 0 else a for a in t.args))
                for t in targets
            )
        slot = self.inst_op[inst].format.imm_slots.get("handlers")
        if slot is not None:
            imms = list(self.inst_imms[inst])
            imms[slot] = imms[slot]._replace(
                handlers=tuple(
                    h._replace(number=change(h.number)) if h.kind == "context" else h
                    for h in imms[slot].handlers
                )
            )
            self.inst_imms[inst] = tuple(imms)

    # Blocks

    def new_block(self) -> Block:
        """Create a block that is not in the layout yet."""
        self.block_params.append([])
        self.block_insts.append([])
        self.block_cold.append(0)
        return len(self.block_params) - 1

    def append_block(self, block: Block | None = None) -> Block:
        """Put a block (a new one by default) at the end of the layout; returns it."""
        if block is None:
            block = self.new_block()
        self.layout.append(block)
        return block

    def append_param(self, block: Block, ty: Type) -> Value:
        """Append a parameter to the block, and return it."""
        params = self.block_params[block]
        value = self.new_value(PARAM, block, len(params), ty)
        params.append(value)
        return value

    def remove_param(self, block: Block, index: int) -> Value:
        """Take a parameter away; the caller drops the matching arguments. Returns it.

        The value becomes a hole unless the caller makes it an alias.
        """
        params = self.block_params[block]
        value = params.pop(index)
        for position in range(index, len(params)):
            self.value_index[params[position]] = position
        self.value_kind[value] = HOLE
        return value

    # Instructions

    def new_inst(
        self,
        op: Operation,
        ctrl: Type | None = None,
        args: tuple[Value, ...] = (),
        imms: tuple[Any, ...] = (),
        targets: tuple[BlockCall, ...] = (),
        location: int = NO_LOCATION,
    ) -> Inst:
        """Create an instruction without results, in no block yet."""
        inst = len(self.inst_op)
        self.inst_op.append(op)
        self.inst_type.append(ctrl)
        self.inst_args.append(args)
        self.inst_imms.append(imms)
        self.inst_targets.append(targets)
        self.inst_results.append(())
        self.inst_block.append(-1)
        self.inst_location.append(location)
        return inst

    def result_types(self, inst: Inst) -> tuple[Type, ...]:
        """Return the types that the operation's row, or the called signature, gives the results.

        Raises InternalError if the controlling type has no such result type.
        """
        op = self.inst_op[inst]
        if op.is_call and not op.types.results:
            if op.is_terminator:
                return ()
            sig_ref = self.call_signature(inst)
            signature = None if sig_ref is None else self.signatures[sig_ref]
            if signature is None:
                raise InternalError("a call without a signature", found=op.name)
            return tuple(param.type for param in signature.returns)
        ctrl = self.inst_type[inst]
        resolved = op.known_results.get(ctrl)
        if resolved is None:
            resolved = op.known_results[ctrl] = op.types.result_types(ctrl)
        if resolved is None:
            found = f"{op.name}.{self.inst_type[inst]}"
            raise InternalError("no such result type", found=found)
        return resolved

    def make_results(self, inst: Inst) -> tuple[Value, ...]:
        """Create the instruction's results; returns them."""
        types = self.result_types(inst)
        if not types:
            return ()
        new_value = self.new_value
        results = tuple([new_value(RESULT, inst, index, ty) for index, ty in enumerate(types)])
        self.inst_results[inst] = results
        return results

    def append_inst(self, block: Block, inst: Inst) -> None:
        """Put an instruction that is in no block at the end of one."""
        self.block_insts[block].append(inst)
        self.inst_block[inst] = block

    def insert_before(self, inst: Inst, before: Inst) -> None:
        """Put an instruction that is in no block right before another."""
        block = self.inst_block[before]
        insts = self.block_insts[block]
        insts.insert(insts.index(before), inst)
        self.inst_block[inst] = block

    def remove_inst(self, inst: Inst) -> None:
        """Take an instruction out of its block; its results become holes.

        A result that the caller made an alias before stays one.
        """
        self.block_insts[self.inst_block[inst]].remove(inst)
        self.inst_block[inst] = -1
        for value in self.inst_results[inst]:
            if self.value_kind[value] == RESULT:
                self.value_kind[value] = HOLE
        self.stack_maps.pop(inst, None)
        self.debug_tags.pop(inst, None)

    # Entities

    def add_stack_slot(self, slot: StackSlotData) -> StackSlot:
        """Append a stack slot."""
        self.stack_slots.append(slot)
        return len(self.stack_slots) - 1

    def add_dynamic_slot(self, ty: DynamicType) -> DynamicStackSlot:
        """Append a dynamic stack slot."""
        self.dynamic_slots.append(ty)
        return len(self.dynamic_slots) - 1

    def add_global_value(self, data: GlobalValueData) -> GlobalValue:
        """Append a global value."""
        self.global_values.append(data)
        return len(self.global_values) - 1

    def add_signature(self, signature: Signature) -> SigRef:
        """Append a signature."""
        self.signatures.append(signature)
        return len(self.signatures) - 1

    def add_ext_func(self, func: ExtFunc) -> FuncRef:
        """Append an external function."""
        self.ext_funcs.append(func)
        return len(self.ext_funcs) - 1

    def add_alias_region(self, region: AliasRegionData) -> AliasRegion:
        """Append an alias region."""
        self.alias_regions.append(region)
        return len(self.alias_regions) - 1

    def add_constant(self, data: bytes) -> Constant:
        """Return the constant with that content (little-endian), a new one if there is none yet."""
        number = self._constant_numbers.get(data)
        if number is None or self.constants[number] != data:
            number = len(self.constants)
            self.constants.append(data)
            self._constant_numbers[data] = number
        return number
