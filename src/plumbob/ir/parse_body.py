"""Blocks and instructions.

One routine reads every instruction: it walks the template of the operation's format. Types
that the text leaves out are inferred from the operand that the operation's row designates,
which must therefore be defined earlier in the text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from plumbob.errors import InputError, InternalError
from plumbob.ir import types
from plumbob.ir.constraints import TYPE_SETS
from plumbob.ir.entities import (
    ATOMIC_RMW_OPS,
    FLOAT_CONDITIONS,
    INT_CONDITIONS,
    BlockCall,
    DebugTag,
    ExceptionTable,
    Handler,
    StackMapEntry,
    exception_argument,
    is_trap_code,
    return_argument,
)
from plumbob.ir.function import ALIAS, NO_LOCATION, PARAM, RESULT
from plumbob.ir.immediates import (
    parse_bytes,
    parse_float,
    parse_integer,
    parse_signed,
    parse_unsigned,
    vector_bytes,
)
from plumbob.ir.lexer import IDENT, LOCATION, NUMBER
from plumbob.ir.operations import FORMER_OPERATIONS, OPERATIONS, RENAMED_OPERATIONS
from plumbob.ir.parse_common import checked, parse_flags, parse_offset, parse_unsigned_offset

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.formats import Format
    from plumbob.ir.operations import Operation
    from plumbob.ir.parse_common import FunctionContext
    from plumbob.ir.types import Type

_MASK_BYTES: Final = 16


@cache
def _steps(fmt: Format) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the template as (kind, tokens): a field's kind, or the punctuation to step over."""
    return tuple(
        (kind, tuple(c for c in literal if c != " "))
        for kind, literal in fmt.pieces
        if kind or literal.strip()
    )


class _Body:
    def __init__(self, context: FunctionContext) -> None:
        self.context = context
        self.tokens = context.tokens
        self.function = context.function
        self.block = -1
        self.immediates: dict[str, Callable[[Type | None], Any]] = {
            "flags": lambda _: parse_flags(context),
            "offset": lambda _: parse_offset(self.tokens),
            "intcc": lambda _: self.word(INT_CONDITIONS, "an integer condition"),
            "floatcc": lambda _: self.word(FLOAT_CONDITIONS, "a float condition"),
            "rmw": lambda _: self.word(ATOMIC_RMW_OPS, "an atomic operation"),
            "trap": self.trap,
            "imm64": self.imm64,
            "index": lambda _: self.integer(lambda text: parse_signed(text, 64)),
            "lane": self.lane,
            "mask": self.mask,
            "f16": lambda _: self.integer(lambda text: parse_float(text, 16)),
            "f32": lambda _: self.integer(lambda text: parse_float(text, 32)),
            "f64": lambda _: self.integer(lambda text: parse_float(text, 64)),
            "const": self.constant,
            "gv": lambda _: self.declared("global_values", "gv", "global value"),
            "func": lambda _: self.declared("ext_funcs", "fn", "function"),
            "sig": lambda _: self.declared("signatures", "sig", "signature"),
            "slot": lambda _: self.declared("stack_slots", "ss", "stack slot"),
            "dslot": lambda _: self.declared("dynamic_slots", "dss", "dynamic stack slot"),
            "blockref": lambda _: self.block_number(),
            "name": self.dotted_name,
            "uint": lambda _: self.integer(lambda text: parse_unsigned(text, 32)),
            "uoffset": lambda _: parse_unsigned_offset(self.tokens),
        }

    # Statements

    def run(self) -> None:
        tokens = self.tokens
        texts = tokens.texts
        while texts[tokens.index] != "}":
            word = texts[tokens.index]
            if word.startswith("block") and tokens.kind == IDENT:
                self.block_header()
            elif self.block < 0:
                tokens.fail("a block such as `block0:`")
            elif texts[tokens.index + 1 : tokens.index + 2] == ["->"]:
                self.alias()
            else:
                self.instruction()

    def block_number(self) -> int:
        return self.context.reserve_block(self.context.number("block", "a block such as `block0`"))

    def block_header(self) -> None:
        tokens, function = self.tokens, self.function
        first = tokens.index
        block = self.block_number()
        if ("block", block) in self.context.spans:
            raise InputError(
                "duplicate definition", found=f"`block{block}`", span=tokens.span(first)
            )
        if tokens.accept("(") and not tokens.accept(")"):
            while True:
                token = tokens.index
                value = self.context.number("v", "a block parameter such as `v0: i32`")
                tokens.expect(":")
                ty = self.context.type()
                index = len(function.block_params[block])
                self.context.define_value(value, PARAM, block, index, ty, token)
                function.block_params[block].append(value)
                if not tokens.accept(","):
                    break
            tokens.expect(")")
        if tokens.accept("cold"):
            function.block_cold[block] = 1
        tokens.expect(":")
        function.layout.append(block)
        self.block = block
        self.context.close(("block", block), first)

    def alias(self) -> None:
        tokens, function = self.tokens, self.function
        first = tokens.index
        value = self.context.number("v", "a value such as `v0`")
        tokens.expect("->")
        if value < len(function.value_kind) and function.value_kind[value] == ALIAS:
            # Saying the same again is fine.
            token = tokens.index
            if self.context.use_value() != function.value_owner[value]:
                raise InputError(
                    "an alias for two values", found=f"`v{value}`", span=tokens.span(token)
                )
        else:
            self.context.define_alias(value, self.context.use_value(), first)
        self.context.close(("alias", value), first)

    # Instructions

    def instruction(self) -> None:
        tokens, function, context = self.tokens, self.function, self.context
        first = tokens.index
        location, tags = self.prefix()
        result_tokens = self.results()
        opcode_token = tokens.index
        op, ctrl = self.opcode()
        if op.types.control is not None and op.types.control_operand is None and ctrl is None:
            tokens.fail(f"a type, as in `{op.name}.i32`")
        args, imms, targets = self.operands(op, ctrl)
        if op.types.control is not None:
            ctrl = self.controlling_type(op, ctrl, args, opcode_token)
        inst = function.new_inst(op, ctrl, args, imms, targets, location)
        self.stack_map(op, inst)
        if tags:
            function.debug_tags[inst] = tags
        self.define_results(inst, result_tokens, opcode_token)
        function.append_inst(self.block, inst)
        context.close(("inst", inst), first)

    def prefix(self) -> tuple[int, tuple[DebugTag, ...]]:
        tokens = self.tokens
        location = NO_LOCATION
        if tokens.kind == LOCATION:
            location = int(tokens.take(LOCATION, "")[1:], 16)
        tags: list[DebugTag] = []
        if tokens.accept("<"):
            while True:
                if tokens.text.startswith("ss"):
                    slot = self.declared("stack_slots", "ss", "stack slot")
                    tags.append(DebugTag("slot", slot))
                else:
                    tags.append(DebugTag("user", self.integer(lambda t: parse_integer(t, 32))))
                if not tokens.accept(","):
                    break
            tokens.expect(">")
        return location, tuple(tags)

    def results(self) -> list[tuple[int, int]]:
        """Step over `v1, v2 =`; return the values with their tokens."""
        tokens = self.tokens
        if tokens.texts[tokens.index + 1] not in ("=", ","):
            return []
        found = []
        while True:
            found.append((tokens.index, self.context.number("v", "a value such as `v0`")))
            if not tokens.accept(","):
                break
        tokens.expect("=")
        return [(value, token) for token, value in found]

    def opcode(self) -> tuple[Operation, Type | None]:
        tokens = self.tokens
        texts = tokens.texts
        first = tokens.index
        name = tokens.take(IDENT, "an instruction")
        # High-level operations have a dot in their names.
        while texts[tokens.index] == "." and f"{name}.{texts[tokens.index + 1]}" in OPERATIONS:
            name = f"{name}.{texts[tokens.index + 1]}"
            tokens.index += 2
        op = OPERATIONS.get(RENAMED_OPERATIONS.get(name, name))
        if op is None:
            instead = FORMER_OPERATIONS.get(name)
            raise InputError(
                "unknown instruction",
                found=f"`{name}`",
                hint=f"CLIF no longer has it: write {instead}" if instead else None,
                span=tokens.span(first),
            )
        if texts[tokens.index] != ".":
            return op, None
        tokens.index += 1
        token = tokens.index
        ty = self.context.type()
        if op.types.control is None:
            raise InputError(
                f"`{op.name}` takes no type", found=f"`.{ty}`", span=tokens.span(token)
            )
        return op, ty

    def controlling_type(
        self, op: Operation, ctrl: Type | None, args: tuple[int, ...], token: int
    ) -> Type:
        function = self.function
        operand = op.types.control_operand
        if ctrl is None and operand is not None:
            value = args[operand]
            ctrl = function.value_types[value]
            if ctrl is None:
                raise InputError(
                    f"`{op.name}` needs a type here",
                    expected=f"a type, as in `{op.name}.i32`",
                    found=f"`v{value}`, which is not defined yet",
                    span=self.context.token_span(token),
                )
        if op.types.control is None or ctrl is None:
            raise InternalError("an operation without a controlling type", found=op.name)
        if ctrl not in TYPE_SETS[op.types.control]:
            raise InputError(
                f"`{op.name}` does not work on this type",
                expected=f"a type of the set {op.types.control}",
                found=str(ctrl),
                span=self.context.token_span(token),
            )
        return ctrl

    def define_results(self, inst: int, named: list[tuple[int, int]], token: int) -> None:
        function = self.function
        op, ctrl = function.inst_op[inst], function.inst_type[inst]
        result_types = op.types.result_types(ctrl)
        if op.is_call:
            result_types = function.result_types(inst)
        if result_types is None:
            raise InputError(
                f"`{op.name}` has no result for this type",
                found=str(ctrl),
                span=self.context.token_span(token),
            )
        if len(result_types) != len(named):
            raise InputError(
                f"wrong number of results of `{op.name}`",
                expected=str(len(result_types)),
                found=str(len(named)),
                span=self.context.token_span(token),
            )
        for index, (value, value_token) in enumerate(named):
            self.context.define_value(value, RESULT, inst, index, result_types[index], value_token)
        function.inst_results[inst] = tuple(value for value, _ in named)

    def stack_map(self, op: Operation, inst: int) -> None:
        tokens = self.tokens
        if not op.is_call or not tokens.accept(","):
            return
        tokens.expect("stack_map")
        tokens.expect("=")
        tokens.expect("[")
        entries: list[StackMapEntry] = []
        while not tokens.accept("]"):
            if entries:
                tokens.expect(",")
            ty = self.context.type()
            tokens.expect("@")
            slot = self.declared("stack_slots", "ss", "stack slot")
            entries.append(StackMapEntry(ty, slot, parse_offset(tokens)))
        self.function.stack_maps[inst] = tuple(entries)

    # Operands

    def operands(
        self, op: Operation, ctrl: Type | None
    ) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[BlockCall, ...]]:
        tokens = self.tokens
        args: list[int] = []
        imms: list[Any] = []
        targets: list[BlockCall] = []
        for kind, punctuation in _steps(op.format):
            if kind == "":
                for text in punctuation:
                    tokens.expect(text)
            elif kind == "v":
                args.append(self.context.use_value())
            elif kind == "vs":
                self.value_list(args)
            elif kind == "block":
                targets.append(self.block_call())
            elif kind == "table":
                self.table(targets)
            elif kind == "handlers":
                imms.append(self.handlers(targets))
            else:
                imms.append(self.immediates[kind](ctrl if ctrl is not None else _fixed_type(op)))
        return tuple(args), tuple(imms), tuple(targets)

    def value_list(self, args: list[int]) -> None:
        tokens = self.tokens
        if tokens.kind != IDENT or not _is_value(tokens.text) or tokens.starts_line():
            return
        args.append(self.context.use_value())
        while tokens.accept(","):
            args.append(self.context.use_value())

    def block_call(self) -> BlockCall:
        tokens = self.tokens
        block = self.block_number()
        if not tokens.accept("(") or tokens.accept(")"):
            return BlockCall(block)
        args: list[int] = []
        while True:
            text = tokens.text
            if text.startswith("ret"):
                args.append(return_argument(self.context.number("ret", "`ret0`")))
            elif text.startswith("exn"):
                args.append(exception_argument(self.context.number("exn", "`exn0`")))
            else:
                args.append(self.context.use_value())
            if not tokens.accept(","):
                break
        tokens.expect(")")
        return BlockCall(block, tuple(args))

    def table(self, targets: list[BlockCall]) -> None:
        tokens = self.tokens
        targets.append(self.block_call())
        tokens.expect(",")
        tokens.expect("[")
        if tokens.accept("]"):
            return
        while True:
            targets.append(self.block_call())
            if not tokens.accept(","):
                break
        tokens.expect("]")

    def handlers(self, targets: list[BlockCall]) -> ExceptionTable:
        tokens = self.tokens
        signature = self.declared("signatures", "sig", "signature")
        tokens.expect(",")
        targets.append(self.block_call())
        tokens.expect(",")
        tokens.expect("[")
        items: list[Handler] = []
        while not tokens.accept("]"):
            if items:
                tokens.expect(",")
            if tokens.accept("context"):
                items.append(Handler("context", self.context.use_value(), None))
                continue
            if tokens.accept("default"):
                kind, number = "default", None
            else:
                kind, number = "tag", self.context.number("tag", "`tag0`, `default` or `context`")
            tokens.expect(":")
            items.append(Handler(kind, number, len(targets)))
            targets.append(self.block_call())
        return ExceptionTable(signature, tuple(items))

    # Immediates

    def declared(self, table: str, prefix: str, expected: str) -> int:
        return self.context.declared(getattr(self.function, table), prefix, expected)

    def word(self, words: tuple[str, ...] | list[str], expected: str) -> str:
        if self.tokens.text not in words:
            self.tokens.fail(f"{expected}: {', '.join(words)}")
        self.tokens.index += 1
        return self.tokens.texts[self.tokens.index - 1]

    def integer(self, read: Callable[[str], int]) -> int:
        text = self.tokens.text
        value = checked(self.tokens, lambda: read(text))
        self.tokens.index += 1
        return value

    def trap(self, _ctrl: Type | None) -> str:
        if not is_trap_code(self.tokens.text):
            self.tokens.fail("a trap code such as `heap_oob` or `user1`")
        return self.tokens.take(IDENT, "a trap code")

    def imm64(self, ctrl: Type | None) -> int:
        width = ctrl.lane_bits if ctrl is not None else 64
        return self.integer(lambda text: parse_integer(text, width))

    def lane(self, _ctrl: Type | None) -> int:
        if self.tokens.text.startswith("-"):
            self.tokens.fail("a lane number")
        return self.integer(lambda text: parse_integer(text, 8))

    def mask(self, _ctrl: Type | None) -> bytes:
        data = self.literal(types.I8X16)
        if len(data) != _MASK_BYTES:
            self.tokens.index -= 1
            self.tokens.fail(f"{_MASK_BYTES} bytes")
        return data

    def constant(self, ctrl: Type | None) -> int:
        tokens = self.tokens
        if tokens.kind == IDENT and tokens.text.startswith("const"):
            return self.declared("constants", "const", "constant")
        if ctrl is not None and not ctrl.is_vector:
            bits = self.integer(lambda text: parse_float(text, ctrl.bits))
            return self.function.add_constant(bits.to_bytes(ctrl.bytes, "little"))
        return self.function.add_constant(self.literal(ctrl if ctrl is not None else types.I8X16))

    def literal(self, ty: Type) -> bytes:
        """Step over `[0 1 2]`, or over a hexadecimal number, cut or filled up with zeros."""
        tokens = self.tokens
        if tokens.kind == NUMBER:
            text = tokens.text
            data = checked(tokens, lambda: parse_bytes(text))
            if len(data) > ty.bytes:
                tokens.fail(f"at most {ty.bytes} bytes")
            tokens.index += 1
            return data.ljust(ty.bytes, b"\0")
        first = tokens.index
        tokens.expect("[")
        lanes = []
        while not tokens.accept("]"):
            if tokens.kind not in (NUMBER, IDENT):
                tokens.fail("a lane or `]`")
            lanes.append(tokens.text)
            tokens.index += 1
        try:
            return vector_bytes(lanes, ty)
        except ValueError as error:
            raise InputError(
                f"not a literal of type {ty}", expected=str(error), span=tokens.span(first)
            ) from None

    def dotted_name(self, _ctrl: Type | None) -> str:
        name = self.tokens.take(IDENT, "a name")
        while self.tokens.accept("."):
            name += "." + self.tokens.take(IDENT, "a name")
        return name


def _is_value(text: str) -> bool:
    return text[0] == "v" and text[1:].isdigit()


def _fixed_type(op: Operation) -> Type | None:
    """Return the type of the only result of an operation that is not polymorphic."""
    return op.types.results[0].fixed if op.types.results else None


def parse_body(context: FunctionContext) -> None:
    """Parse every block into the context's function."""
    _Body(context).run()
