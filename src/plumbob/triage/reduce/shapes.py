"""Larger edits that passes propose: of signatures, fields, types, calls, storage."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from plumbob.triage.reduce.code import closes, opens, relabelled, simplest_all
from plumbob.triage.reduce.draft import Draft, op
from plumbob.wasm.binary.instructions import (
    BlockType,
    Body,
    Instruction,
    MemArg,
    encode_expression,
    instructions_of,
)
from plumbob.wasm.module import DataSegment, Global, Module, RecGroup
from plumbob.wasm.types import FieldType, FuncType, StructType, SubType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plumbob.wasm.types import ValType

CALLS = ("call", "return_call")


def dead_end(code: Sequence[Instruction], at: int) -> int:
    """Return the place of the instruction that ends the dead code behind a terminator."""
    depth = 0
    for place in range(at + 1, len(code)):
        rule = code[place].operator.rule
        if not depth and (closes(code[place]) or rule in ("else", "catch", "catch_all")):
            return place
        if opens(code[place]):
            depth += 1
        elif closes(code[place]):
            depth -= 1
    return len(code)


# Locals.


def _local_types(draft: Draft, place: int) -> list[ValType]:
    return [type_ for count, type_ in draft.body(place).locals for _ in range(count)]


def _runs(types: Sequence[ValType]) -> tuple[tuple[int, ValType], ...]:
    runs: list[tuple[int, ValType]] = []
    for type_ in types:
        if runs and runs[-1][1] == type_:
            runs[-1] = (runs[-1][0] + 1, type_)
        else:
            runs.append((1, type_))
    return tuple(runs)


def _renamed(code: Sequence[Instruction], local: Callable[[int], int]) -> list[Instruction]:
    """Return code with its locals renamed."""
    return [
        each._replace(immediates=(local(each.immediates[0]),))
        if each.operator.immediates == ("local",)
        else each
        for each in code
    ]


def used_locals_alone(draft: Draft, place: int) -> Draft | None:
    """Return the draft without the locals that a function does not name."""
    params = len(draft.type(place).params)
    body = draft.body(place)
    named = {
        each.immediates[0] for each in body.instructions if each.operator.immediates == ("local",)
    }
    types = _local_types(draft, place)
    kept = [number for number in range(params, params + len(types)) if number in named]
    if len(kept) == len(types):
        return None
    new = {old: params + at for at, old in enumerate(kept)}
    code = _renamed(body.instructions, lambda old: new.get(old, old))
    return draft.with_body(place, Body(_runs([types[old - params] for old in kept]), code))


# Signatures.


def without_parameter(draft: Draft, place: int, number: int) -> Draft | None:
    """Return the draft with a function's parameter as a local, its arguments taken away.

    None where the function is called otherwise than by its index, since then others share
    its type.
    """
    index = draft.imported + place
    if not _called_alone(draft, index):
        return None
    type_ = draft.type(place)
    param = type_.params[number]
    if not param.defaultable:
        return None
    bodies = _without_arguments(draft, index, number)
    if bodies is None:
        return None
    rest = FuncType((*type_.params[:number], *type_.params[number + 1 :]), type_.results)
    body = bodies.get(place, draft.body(place))
    bodies[place] = _param_as_local(draft, place, body, number)
    edited = draft.with_bodies(bodies)
    module, type_index = _with_type(edited.module, rest)
    module.functions = list(module.functions)
    module.functions[place] = type_index
    names = {each.name for each in module.exports if (each.kind, each.index) == (0, index)}
    invocations = tuple(
        each._replace(args=(*each.args[:number], *each.args[number + 1 :]))
        if each.export in names
        else each
        for each in draft.invocations
    )
    return Draft(module, invocations, edited.bodies).tidied()


def _called_alone(draft: Draft, index: int) -> bool:
    """Return whether a function is used by calls and exports alone."""
    module = draft.module
    if module.start == index:
        return False
    for segment in module.elements:
        if index in (segment.functions or ()):
            return False
        if any(_refers(code, index) for code in segment.expressions):
            return False
    if any(_refers(each.init, index) for each in module.globals):
        return False
    return not any(
        each.operator.name == "ref.func" and each.immediates == (index,)
        for place in range(len(module.code))
        for each in draft.body(place).instructions
    )


def _refers(code: bytes, index: int) -> bool:
    return any(
        each.operator.name == "ref.func" and each.immediates == (index,)
        for each in instructions_of(code)
    )


def _without_arguments(draft: Draft, index: int, number: int) -> dict[int, Body] | None:
    bodies: dict[int, Body] = {}
    for place in range(len(draft.module.code)):
        body = draft.body(place)
        cuts = []
        if not any(_is_call(each, index) for each in body.instructions):
            continue
        live = 0
        for span in draft.spans(place):
            if _is_call(body.instructions[span.end], index) and span.opener is None:
                live += 1
                cuts.append(span.operands[number][:2])
        if live != sum(_is_call(each, index) for each in body.instructions):
            return None  # one in dead code
        code = list(body.instructions)
        for start, end in sorted(cuts, reverse=True):
            del code[start : end + 1]
        bodies[place] = Body(body.locals, code)
    return bodies


def _is_call(instruction: Instruction, index: int) -> bool:
    return instruction.operator.name in CALLS and instruction.immediates == (index,)


def _param_as_local(draft: Draft, place: int, body: Body, number: int) -> Body:
    params = draft.type(place).params
    types = _local_types(draft, place)

    def renamed(old: int) -> int:
        if old == number:
            return len(params) - 1
        if old < len(params):
            return old - (old > number)
        return old

    code = _renamed(body.instructions, renamed)
    return Body(_runs([params[number], *types]), code)


def _with_type(module: Module, type_: FuncType) -> tuple[Module, int]:
    """Return a copy of a module with a function type, and the type's index."""
    out = copy.copy(module)
    first = 0
    for group in module.rec_groups:
        if group.types == (SubType(type_),):
            return out, first
        first += len(group.types)
    out.rec_groups = [*module.rec_groups, RecGroup((SubType(type_),))]
    return out, first


# Fields and types.


def without_field(draft: Draft, index: int, number: int) -> Draft | None:
    """Return the draft without a field of a structure and of all that are related to it.

    None where something reads or writes it.
    """
    types = draft.module.types
    family = _family(types, index)
    bodies: dict[int, Body] = {}
    for place in range(len(draft.module.code)):
        body = draft.body(place)
        code = list(body.instructions)
        cuts = []
        for at, each in enumerate(code):
            kinds = each.operator.immediates
            if kinds == ("type", "field") and each.immediates[0] in family:
                if each.immediates[1] == number:
                    return None
                if each.immediates[1] > number:
                    shifted = (each.immediates[0], each.immediates[1] - 1)
                    code[at] = each._replace(immediates=shifted)
        for span in draft.spans(place):
            each = code[span.end]
            if each.operator.name == "struct.new" and each.immediates[0] in family:
                cuts.append(span.operands[number][:2])
        for start, end in sorted(cuts, reverse=True):
            del code[start : end + 1]
        bodies[place] = Body(body.locals, code)
    if any(_makes(each.init, family) for each in draft.module.globals):
        return None
    edited = draft.with_bodies(bodies)
    return Draft(_map_types(edited.module, family, number), draft.invocations)


def _makes(code: bytes, family: set[int]) -> bool:
    return any(
        each.operator.name == "struct.new" and each.immediates[0] in family
        for each in instructions_of(code)
    )


def _family(types: Sequence[SubType], index: int) -> set[int]:
    family = {index}
    while True:
        more = {
            at for at, each in enumerate(types)
            if at in family or family & set(each.supertypes)
        } | {above for at in family for above in types[at].supertypes}  # fmt: skip
        if more <= family:
            return family
        family |= more


def _map_types(module: Module, family: set[int], number: int) -> Module:
    def change(index: int, subtype: SubType) -> SubType:
        composite = subtype.composite
        if index not in family or not isinstance(composite, StructType):
            return subtype
        if number >= len(composite.fields):
            return subtype
        fields = composite.fields[:number] + composite.fields[number + 1 :]
        return subtype._replace(composite=StructType(fields))

    return _each_type(module, change)


def _each_type(module: Module, change: Callable[[int, SubType], SubType]) -> Module:
    out = copy.copy(module)
    groups, first = [], 0
    for group in module.rec_groups:
        types = tuple(change(first + at, each) for at, each in enumerate(group.types))
        groups.append(RecGroup(types, group.explicit))
        first += len(types)
    out.rec_groups = groups
    return out


def plainer_types(draft: Draft) -> Iterator[Draft]:
    """Yield drafts with plainer types: groups apart, no supertypes, final, immutable fields."""
    module = draft.module
    if any(len(group.types) > 1 or group.explicit for group in module.rec_groups):
        out = copy.copy(module)
        out.rec_groups = [RecGroup((each,)) for group in module.rec_groups for each in group.types]
        yield draft.with_module(out)
    for index, subtype in enumerate(module.types):
        plain = [
            SubType(subtype.composite),
            subtype._replace(supertypes=()),
            subtype._replace(final=True),
        ]
        if isinstance(subtype.composite, StructType):
            plain += [
                subtype._replace(composite=StructType(fields))
                for fields in _plainer_fields(subtype.composite.fields)
            ]
        for new in plain:
            if new != subtype:
                yield draft.with_module(_with_subtype(module, index, new))


def _with_subtype(module: Module, index: int, new: SubType) -> Module:
    return _each_type(module, lambda at, old: new if at == index else old)


def _plainer_fields(fields: tuple[FieldType, ...]) -> Iterator[tuple[FieldType, ...]]:
    for at, field in enumerate(fields):
        if field.mutable:
            yield (*fields[:at], FieldType(field.storage, mutable=False), *fields[at + 1 :])


# Calls.

INLINED = 60
"""Instructions of the largest function that is put in the place of its only call."""


def inlined(draft: Draft) -> Iterator[Draft]:
    """Yield drafts in which a function's only call has become its body."""
    calls: dict[int, list[int]] = {}
    for place in range(len(draft.module.code)):
        for each in draft.body(place).instructions:
            if each.operator.name == "call":
                calls.setdefault(each.immediates[0], []).append(place)
    for index, places in sorted(calls.items()):
        callee = index - draft.imported
        if len(places) == 1 and callee >= 0 and places[0] != callee:
            size = len(draft.body(callee).instructions)
            found = _inline(draft, places[0], callee) if size <= INLINED else None
            if found is not None:
                yield found.tidied()


def _inline(draft: Draft, place: int, callee: int) -> Draft | None:
    index = draft.imported + callee
    type_, body = draft.type(callee), draft.body(callee)
    if len(type_.results) > 1 or any(
        each.operator.name.startswith("return_call") for each in body.instructions
    ):
        return None
    caller = draft.body(place)
    types = _local_types(draft, place)
    first = len(draft.type(place).params) + len(types)
    added = [*type_.params, *_local_types(draft, callee)]
    if not all(each.defaultable for each in added):
        return None
    inner = relabelled(
        [
            op("br", _depth(body.instructions, at)) if each.operator.rule == "return" else each
            for at, each in enumerate(_renamed(body.instructions[:-1], lambda old: old + first))
        ],
        lambda _, label: label,
    )
    if inner is None:
        return None
    at = next(n for n, each in enumerate(caller.instructions) if _is_call(each, index))
    result = type_.results[0] if type_.results else None
    reset: list[Instruction] = []
    if _in_loop(caller.instructions, at):  # elsewhere locals have their defaults
        for number, kind in enumerate(added[len(type_.params) :], len(type_.params)):
            reset += [*(simplest_all(draft.scope, (kind,)) or ()), op("local.set", first + number)]
    sets = [op("local.set", first + number) for number in reversed(range(len(type_.params)))]
    code = [
        *caller.instructions[:at], *sets, *reset,
        op("block", BlockType(result)), *inner, op("end"),
        *caller.instructions[at + 1 :],
    ]  # fmt: skip
    return draft.with_body(place, Body(_runs([*types, *added]), code))


def _in_loop(code: Sequence[Instruction], at: int) -> bool:
    """Return whether the code at a place may run more than once in a call."""
    open_: list[str] = []
    for each in code[:at]:
        if opens(each):
            open_.append(each.operator.rule)
        elif closes(each):
            open_.pop()
    return "loop" in open_


def _depth(code: Sequence[Instruction], at: int) -> int:
    return sum(opens(each) for each in code[:at]) - sum(closes(each) for each in code[:at])


def simpler_arguments(draft: Draft) -> Iterator[Draft]:
    """Yield drafts whose calls have simpler arguments."""
    for at, call in enumerate(draft.invocations):
        for number, argument in enumerate(call.args):
            if not argument.bits or argument.shape:
                continue
            for bits in (0, 1):
                if bits < argument.bits:
                    args = list(call.args)
                    args[number] = argument._replace(bits=bits)
                    calls = list(draft.invocations)
                    calls[at] = call._replace(args=tuple(args))
                    yield draft.calling(calls)


# Storage and constants.


def simpler_storage(draft: Draft) -> Iterator[Draft]:
    """Yield drafts with simpler globals and segments."""
    module = draft.module
    for at, each in enumerate(module.globals):
        code = simplest_all(draft.scope, (each.type.type,))
        if code is None:
            continue
        init = encode_expression([*code, op("end")])
        for new in (
            Global(each.type._replace(mutable=False), each.init),
            Global(each.type, init),
        ):
            if new != each:
                out = copy.copy(module)
                out.globals = [*module.globals[:at], new, *module.globals[at + 1 :]]
                yield draft.with_module(out)
    for at, segment in enumerate(module.datas):
        data = bytes(segment.data)
        for new_data in (b"", data[: len(data) // 2], bytes(len(data))):
            if new_data != data:
                out = copy.copy(module)
                datas = list(module.datas)
                datas[at] = DataSegment(segment.mode, new_data, segment.memory, segment.offset)
                out.datas = datas
                yield draft.with_module(out)


def smaller(instruction: Instruction) -> Iterator[Instruction]:
    """Yield an instruction with simpler immediates."""
    for place, kind in enumerate(instruction.operator.immediates):
        value = instruction.immediates[place]
        news: list[object] = []
        if kind in ("s32", "s64"):
            news = [each for each in (0, 1, -1, value // 2) if abs(each) < abs(value)]
        elif kind in ("f32", "f64"):
            one = 0x3F80_0000 if kind == "f32" else 0x3FF << 52
            news = [each for each in (0, one) if each != value]
        elif kind == "memarg" and value.offset:
            news = [MemArg(value.align, 0, value.memory)]
        elif kind == "v128" and any(value):
            news = [bytes(16)]
        elif kind == "lane" and value:
            news = [0]
        for new in news:
            immediates = list(instruction.immediates)
            immediates[place] = new
            yield instruction._replace(immediates=tuple(immediates))
