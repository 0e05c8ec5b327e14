"""Edits of instruction sequences: labels that follow, simplest values, blocks taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.triage.reduce.draft import op
from plumbob.wasm import types as t
from plumbob.wasm.binary.instructions import BlockType, Catch, Instruction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plumbob.wasm.edit.spans import Scope
    from plumbob.wasm.types import ValType


def opens(instruction: Instruction) -> bool:
    """Return whether an instruction opens a block."""
    return "blocktype" in instruction.operator.immediates


def closes(instruction: Instruction) -> bool:
    """Return whether an instruction closes a block."""
    return instruction.operator.rule in ("end", "delegate")


def relabelled(
    code: Iterable[Instruction], change: Callable[[int, int], int | None]
) -> list[Instruction] | None:
    """Return code with its labels changed.

    `change` takes how many blocks of this code are open around a branch, and its label; None
    from it says that the label cannot be, and nothing is returned.
    """
    out = []
    depth = 0
    for instruction in code:
        if closes(instruction):
            depth -= 1
        new = _changed(instruction, depth, change)
        if new is None:
            return None
        out.append(new)
        if opens(instruction):
            depth += 1
    return out


def _changed(
    instruction: Instruction, depth: int, change: Callable[[int, int], int | None]
) -> Instruction | None:
    immediates: list[Any] = list(instruction.immediates)
    for place, kind in enumerate(instruction.operator.immediates):
        value = immediates[place]
        if kind == "label":
            new = change(depth, value)
            if new is None:
                return None
            immediates[place] = new
        elif kind == "labels":
            labels = [change(depth, label) for label in value]
            if None in labels:
                return None
            immediates[place] = tuple(labels)
        elif kind == "catches":
            clauses = [(clause, change(depth, clause.label)) for clause in value]
            if any(label is None for _, label in clauses):
                return None
            immediates[place] = tuple(
                Catch(clause.kind, clause.tag, label)
                for clause, label in clauses
                if label is not None
            )
    if tuple(immediates) == instruction.immediates:
        return instruction
    return instruction._replace(immediates=tuple(immediates))


def without_block(code: Sequence[Instruction]) -> list[Instruction] | None:
    """Return the inside of a block as code of the block around it; None if it is branched to."""

    def change(depth: int, label: int) -> int | None:
        if label == depth:
            return None
        return label - 1 if label > depth else label

    return relabelled(code, change)


def targets(code: Sequence[Instruction]) -> bool:
    """Return whether the inside of a block branches to the block."""
    return without_block(code) is None


def arms(code: Sequence[Instruction]) -> tuple[list[Instruction], list[Instruction]]:
    """Return the two arms of an `if`, given everything between it and its `end`."""
    depth = 0
    for place, instruction in enumerate(code):
        if opens(instruction):
            depth += 1
        elif closes(instruction):
            depth -= 1
        elif instruction.operator.rule == "else" and not depth:
            return list(code[:place]), list(code[place + 1 :])
    return list(code), []


def block_of(results: Sequence[ValType]) -> BlockType | None:
    """Return the type of a block without parameters; None for several results."""
    if len(results) > 1:
        return None
    return BlockType(results[0] if results else None)


def simplest(scope: Scope, type_: ValType) -> list[Instruction] | None:
    """Return the simplest code that leaves a value of a type; None where there is none."""
    if type_ == t.I32:
        return [op("i32.const", 0)]
    if type_ == t.I64:
        return [op("i64.const", 0)]
    if type_ == t.F32:
        return [op("f32.const", 0)]
    if type_ == t.F64:
        return [op("f64.const", 0)]
    if type_ == t.V128:
        return [op("v128.const", bytes(16))]
    if not type_.is_ref:
        return None
    if type_.nullable:
        return [op("ref.null", type_.heap)]
    return _object(scope, type_)


def _object(scope: Scope, type_: ValType) -> list[Instruction] | None:
    heap = type_.heap
    if heap in (t.I31, t.EQ, t.ANY):
        return [op("i32.const", 0), op("ref.i31")]
    if heap == t.EXTERN:
        return [op("i32.const", 0), op("ref.i31"), op("extern.convert_any")]
    if not heap.is_concrete:
        return None
    composite = scope.types[heap.index].composite
    if isinstance(composite, t.StructType):
        if all(field.storage.defaultable for field in composite.fields):
            return [op("struct.new_default", heap.index)]
    elif isinstance(composite, t.ArrayType):
        return [op("array.new_fixed", heap.index, 0)]
    return None


def simplest_all(scope: Scope, types: Iterable[ValType]) -> list[Instruction] | None:
    """Return the simplest code that leaves values of these types."""
    out: list[Instruction] = []
    for type_ in types:
        code = simplest(scope, type_)
        if code is None:
            return None
        out += code
    return out
