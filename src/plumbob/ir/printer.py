"""Functions to CLIF text, as Cranelift prints them.

The text is a function of the function alone: same content, same bytes. `parser.parse_clif`
reads it back to the same content (`Function.content`). What Plumbob adds to Cranelift's
form: `userextname0 = u8:9` lines, without which a symbol's name would be lost.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from plumbob.ir.entities import (
    HEAP_OOB,
    AbiParam,
    AddGlobal,
    BlockCall,
    ExceptionTable,
    ExtFunc,
    KnownSymbol,
    LibCall,
    LoadGlobal,
    MemFlags,
    ScaleGlobal,
    Signature,
    StackSlotData,
    SymbolGlobal,
    SymbolName,
    UserName,
    block_argument_name,
)
from plumbob.ir.formats import HANDLERS, IMMEDIATES
from plumbob.ir.function import ALIAS, NO_LOCATION, PARAM, RESULT, Function
from plumbob.ir.immediates import (
    format_bytes,
    format_float,
    format_integer,
    format_offset,
)
from plumbob.ir.operations import operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.entities import Block, ExternalName, GlobalValueData, Inst, Value
    from plumbob.ir.formats import Format
    from plumbob.ir.operations import Operation
    from plumbob.ir.types import Type

_PLAIN_NAME: Final = re.compile(r"[\w.$]+", re.ASCII)
_INDENT: Final = 4
_LOCATED_INDENT: Final = 36


def print_function(func: Function) -> str:
    """Return the function's text, ending in a newline."""
    return _Printer(func).run()


def print_functions(funcs: list[Function]) -> str:
    """Return the text of several functions, a blank line between them."""
    return "\n".join(map(print_function, funcs))


def print_instruction(func: Function, inst: Inst) -> str:
    """Return one instruction's text on one line, with results, without comment."""
    return _Printer(func).instruction(inst).rstrip()


def print_block_header(func: Function, block: Block) -> str:
    """Return `block0(v0: i32) cold:`."""
    params = ", ".join(f"v{v}: {func.value_types[v]}" for v in func.block_params[block])
    cold = " cold" if func.block_cold[block] else ""
    return f"block{block}({params}){cold}:" if params else f"block{block}{cold}:"


def print_name(name: ExternalName) -> str:
    """Return the text of an external name."""
    match name:
        case SymbolName(text):
            return f"%{text}" if not text or _PLAIN_NAME.fullmatch(text) else f"%{json.dumps(text)}"
        case UserName(namespace, number):
            return f"u{namespace}:{number}"
        case LibCall(text) | KnownSymbol(text):
            return f"%{text}"


def print_signature(signature: Signature) -> str:
    """Return `(i32 sext) -> i32 fast`."""
    params = ", ".join(map(_abi_param, signature.params))
    returns = ", ".join(map(_abi_param, signature.returns))
    arrow = f" -> {returns}" if returns else ""
    return f"({params}){arrow} {signature.call_conv}"


def _abi_param(param: AbiParam) -> str:
    words = (param.type.name, param.extension, param.purpose)
    return " ".join(word for word in words if word is not None)


def print_flags(flags: MemFlags) -> str:
    """Return the flags, each with a space before it."""
    return _print_flags(flags)


@cache
def _print_flags(flags: MemFlags) -> str:
    words = []
    if flags.trap is None:
        words.append("notrap")
    elif flags.trap != HEAP_OOB:
        words.append(flags.trap)
    if flags.aligned:
        words.append("aligned")
    if flags.readonly:
        words.append("readonly")
    if flags.can_move:
        words.append("can_move")
    if flags.endian is not None:
        words.append(flags.endian)
    if flags.region is not None:
        words.append(f"region{flags.region}")
    return "".join(f" {word}" for word in words)


def print_block_call(target: BlockCall) -> str:
    """Return `block1(v0, ret0)`."""
    if not target.args:
        return f"block{target.block}"
    return f"block{target.block}({', '.join(map(block_argument_name, target.args))})"


_ENTITY_PREFIXES: Final = {
    "const": "const",
    "gv": "gv",
    "func": "fn",
    "sig": "sig",
    "slot": "ss",
    "dslot": "dss",
    "blockref": "block",
}


def _immediate(kind: str) -> Callable[[Any, Type | None], str]:
    """Return the printer of an immediate; it takes the immediate and the controlling type."""
    prefix = _ENTITY_PREFIXES.get(kind)
    if prefix is not None:
        return lambda imm, _: f"{prefix}{imm}"
    if kind == "flags":
        return lambda imm, _: _print_flags(imm)
    if kind in ("offset", "uoffset"):
        return lambda imm, _: format_offset(imm)
    if kind == "imm64":
        return lambda imm, ctrl: format_integer(imm, ctrl.lane_bits if ctrl is not None else 64)
    if kind in ("f16", "f32", "f64"):
        width = int(kind[1:])
        return lambda imm, _: format_float(imm, width)
    if kind == "mask":
        return lambda imm, _: format_bytes(imm)
    return lambda imm, _: str(imm)


_Step = tuple[str, str, "Callable[[Any, Type | None], str] | None"]


@cache
def _steps(fmt: Format) -> tuple[_Step, ...]:
    """Return the template as (kind, literal, printer of the immediate)."""
    return tuple(
        (kind, literal, _immediate(kind) if kind in IMMEDIATES and kind != HANDLERS else None)
        for kind, literal in fmt.pieces
    )


class _Printer:
    def __init__(self, func: Function) -> None:
        self.func = func
        self.resolve = func.resolver()
        self.user_names: dict[UserName, int] = {}
        self.positions: dict[Block, dict[Inst, int]] = {}
        """Where instructions stand in their blocks, for blocks that were asked about."""

    def run(self) -> str:
        func = self.func
        head = f"function {print_name(func.name)}{print_signature(func.signature)} {{"
        parts = [head, *self.preamble()]
        aliases = self.aliases()
        located = any(location != NO_LOCATION for location in func.inst_location)
        indent = _LOCATED_INDENT if located else _INDENT
        blank = len(parts) > 1
        for block in func.layout:
            if blank:
                parts.append("")
            blank = True
            self.block(block, indent, aliases, parts)
        parts.append("}\n")
        return "\n".join(parts)

    def aliases(self) -> dict[Value, list[Value]]:
        """Return the aliases of each value that has some, in numerical order."""
        func = self.func
        found: dict[Value, list[Value]] = {}
        for value, kind in enumerate(func.value_kind):
            if kind == ALIAS:
                found.setdefault(func.value_owner[value], []).append(value)
        return found

    # Preamble

    def preamble(self) -> list[str]:
        func = self.func
        lines: list[str] = []

        def section(prefix: str, table: list[Any], show: Callable[[Any], str]) -> None:
            for number, data in enumerate(table):
                if data is not None:
                    lines.append(f"    {prefix}{number} = {show(data)}")

        section("ss", func.stack_slots, _stack_slot)
        section("dt", func.dynamic_types, lambda d: f"{d.base}*gv{d.scale}")
        section("dss", func.dynamic_slots, lambda ty: f"explicit_dynamic_slot dt{ty}")
        section("region", func.alias_regions, lambda r: f"{r.user_id} {json.dumps(r.description)}")
        globals_at = len(lines)
        section("gv", func.global_values, self.global_value)
        lines[globals_at:globals_at] = [
            f"    userextname{number} = {print_name(name)}"
            for name, number in self.user_names.items()
        ]
        section("sig", func.signatures, print_signature)
        section("fn", func.ext_funcs, _ext_func)
        section("const", func.constants, format_bytes)
        if func.stack_limit is not None:
            lines.append(f"    stack_limit = gv{func.stack_limit}")
        return lines

    def global_value(self, data: GlobalValueData) -> str:
        match data:
            case LoadGlobal(base, offset, ty, flags):
                return f"load.{ty}{_print_flags(flags)} gv{base}{format_offset(offset)}"
            case AddGlobal(base, offset, ty):
                return f"iadd_imm.{ty} gv{base}, {format_integer(offset & (1 << 64) - 1, 64)}"
            case SymbolGlobal(name, offset, colocated, tls):
                if isinstance(name, UserName):
                    number = self.user_names.setdefault(name, len(self.user_names))
                    text = f"userextname{number}"
                else:
                    text = print_name(name)
                words = "colocated " * colocated + "tls " * tls
                return f"symbol {words}{text}{format_offset(offset)}"
            case ScaleGlobal(ty):
                return f"dyn_scale_target_const.{ty}"
            case _:
                return "vmctx"

    # Body

    def block(
        self, block: Block, indent: int, aliases: dict[Value, list[Value]], parts: list[str]
    ) -> None:
        func = self.func
        parts.append(" " * (indent - _INDENT) + print_block_header(func, block))
        if aliases:
            for param in func.block_params[block]:
                _print_aliases(aliases, param, indent, parts)
        for inst in func.block_insts[block]:
            prefix = self.prefix(inst).ljust(indent)
            parts.append(f"{prefix}{self.instruction(inst)}{self.constants(inst)}")
            if aliases:
                for result in func.inst_results[inst]:
                    _print_aliases(aliases, result, indent, parts)

    def prefix(self, inst: Inst) -> str:
        func = self.func
        location = func.inst_location[inst]
        text = f"@{location:04x} " if location != NO_LOCATION else ""
        tags = func.debug_tags.get(inst)
        if tags:
            shown = (f"ss{t.number}" if t.kind == "slot" else str(t.number) for t in tags)
            text += f"<{', '.join(shown)}> "
        return text

    def instruction(self, inst: Inst) -> str:
        func = self.func
        op = func.inst_op[inst]
        results = func.inst_results[inst]
        ctrl = func.inst_type[inst]
        text = f"{', '.join([f'v{v}' for v in results])} = {op.name}" if results else op.name
        if ctrl is not None and self.needs_type(inst):
            text += f".{ctrl}"
        text += self.operands(inst, ctrl)
        entries = func.stack_maps.get(inst)
        if entries is not None:
            shown = ", ".join(f"{e.type} @ ss{e.slot}{e.offset:+}" for e in entries)
            text += f", stack_map=[{shown}]"
        return text

    def needs_type(self, inst: Inst) -> bool:
        """Whether the text must give the controlling type.

        It may be left out where the operand that determines it is defined in the same
        block, as Cranelift leaves it out.
        """
        func = self.func
        operand = func.inst_op[inst].types.control_operand
        if operand is None:
            return True
        value = self.resolve(func.inst_args[inst][operand])
        if func.value_types[value] is not func.inst_type[inst]:
            return True  # the verifier rejects it, and so must whoever reads the text
        owner, kind = func.value_owner[value], func.value_kind[value]
        if kind == PARAM:
            return owner != func.inst_block[inst]
        if kind != RESULT:
            return True
        block = func.inst_block[inst]
        # A use before the definition, which only the verifier may reject.
        return func.inst_block[owner] != block or not self.precedes(owner, inst, block)

    def precedes(self, first: Inst, second: Inst, block: Block) -> bool:
        positions = self.positions.get(block)
        if positions is None:
            insts = self.func.block_insts[block] if block >= 0 else []
            positions = self.positions[block] = {inst: n for n, inst in enumerate(insts)}
        return positions.get(first, -1) < positions.get(second, -1)

    def operands(self, inst: Inst, ctrl: Type | None) -> str:
        func = self.func
        args, imms, targets = func.inst_args[inst], func.inst_imms[inst], func.inst_targets[inst]
        parts: list[str] = []
        arg = imm = target = 0
        for kind, literal, show in _steps(func.inst_op[inst].format):
            if kind == "":
                parts.append(literal)
            elif kind == "v":
                parts.append(f"v{args[arg]}")
                arg += 1
            elif show is not None:
                parts.append(show(imms[imm], ctrl))
                imm += 1
            elif kind == "vs":
                listed = ", ".join([f"v{v}" for v in args[arg:]])
                bare = not parts  # the list of `return` stands without parentheses
                parts.append(f" {listed}" if bare and listed else listed)
            elif kind == "block":
                parts.append(print_block_call(targets[target]))
                target += 1
            elif kind == "table":
                listed = ", ".join(map(print_block_call, targets[1:]))
                parts.append(f"{print_block_call(targets[0])}, [{listed}]")
            else:
                parts.append(_handlers(imms[imm], targets))
                imm += 1
        return "".join(parts) or _no_operands(func.inst_op[inst].format)

    def constants(self, inst: Inst) -> str:
        """Return the comment that tells which operands are constants."""
        found = []
        func = self.func
        for value in func.uses(inst):
            resolved = self.resolve(value)
            if func.value_kind[resolved] == RESULT:
                show = _CONSTANTS.get(func.inst_op[func.value_owner[resolved]])
                if show is not None:
                    found.append(f"v{value} = {show(func, func.value_owner[resolved])}")
        return f"  ; {', '.join(found)}" if found else ""


def _no_operands(fmt: Format) -> str:
    """Cranelift puts a space after an opcode whose format has no operands at all."""
    return "" if fmt.pieces else " "


def _print_aliases(
    aliases: dict[Value, list[Value]], value: Value, indent: int, parts: list[str]
) -> None:
    todo = [value]
    while todo:
        target = todo.pop()
        for alias in aliases.get(target, ()):
            parts.append(f"{' ' * indent}v{alias} -> v{target}")
            todo.append(alias)


def _stack_slot(slot: StackSlotData) -> str:
    align = f", align = {slot.align}" if slot.align != 1 else ""
    key = f", key = {slot.key}" if slot.key is not None else ""
    return f"explicit_slot {slot.size}{align}{key}"


def _ext_func(func: ExtFunc) -> str:
    words = "colocated " * func.colocated + "patchable " * func.patchable
    return f"{words}{print_name(func.name)} sig{func.signature}"


def _handlers(table: ExceptionTable, targets: tuple[BlockCall, ...]) -> str:
    shown = []
    for handler in table.handlers:
        if handler.kind == "context" or handler.target is None:
            shown.append(f"context v{handler.number}")
            continue
        word = f"tag{handler.number}" if handler.kind == "tag" else handler.kind
        shown.append(f"{word}: {print_block_call(targets[handler.target])}")
    listed = f"[ {', '.join(shown)} ]" if shown else "[]"
    return f"sig{table.signature}, {print_block_call(targets[0])}, {listed}"


def _iconst(func: Function, inst: Inst) -> str:
    ctrl = func.inst_type[inst]
    return format_integer(func.imm(inst, "imm64"), ctrl.lane_bits if ctrl is not None else 64)


def _pool_constant(func: Function, inst: Inst) -> str:
    data = func.constants[func.imm(inst, "const")] or b""
    return format_bytes(data)


def _f128const(func: Function, inst: Inst) -> str:
    data = func.constants[func.imm(inst, "const")] or b""
    return format_float(int.from_bytes(data, "little"), 128)


_CONSTANTS: Final[dict[Operation, Callable[[Function, Inst], str]]] = {
    operation("iconst"): _iconst,
    operation("f16const"): lambda func, inst: format_float(func.imm(inst, "f16"), 16),
    operation("f32const"): lambda func, inst: format_float(func.imm(inst, "f32"), 32),
    operation("f64const"): lambda func, inst: format_float(func.imm(inst, "f64"), 64),
    operation("f128const"): _f128const,
    operation("vconst"): _pool_constant,
}
