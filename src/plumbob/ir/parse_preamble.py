"""The declarations between a function's head and its first block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.errors import InputError
from plumbob.ir.entities import (
    AddGlobal,
    AliasRegionData,
    DynamicTypeData,
    ExtFunc,
    LoadGlobal,
    ScaleGlobal,
    StackSlotData,
    SymbolGlobal,
    UserName,
    VMContextGlobal,
)
from plumbob.ir.immediates import parse_bytes, parse_signed
from plumbob.ir.lexer import IDENT, NUMBER, STRING
from plumbob.ir.parse_common import checked, parse_flags, parse_offset, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.entities import ExternalName, GlobalValueData, Signature
    from plumbob.ir.lexer import Tokens
    from plumbob.ir.parse_common import FunctionContext

MAX_SLOT_BYTES: Final = (1 << 32) - 1
_USER_NAME: Final = "userextname"


class _Preamble:
    def __init__(
        self,
        context: FunctionContext,
        parse_name: Callable[[Tokens], ExternalName],
        parse_signature: Callable[[Tokens], Signature],
    ) -> None:
        self.context = context
        self.tokens = context.tokens
        self.function = context.function
        self.parse_name = parse_name
        self.parse_signature = parse_signature
        self.user_names: dict[int, UserName] = {}
        self.declarations: dict[str, Callable[[int], None]] = {
            "ss": self.stack_slot,
            "dt": self.dynamic_type,
            "dss": self.dynamic_slot,
            "region": self.alias_region,
            "gv": self.global_value,
            "sig": self.signature,
            "fn": self.ext_func,
            "const": self.constant,
            _USER_NAME: self.user_name,
        }

    def run(self) -> None:
        tokens = self.tokens
        while tokens.kind == IDENT:
            first = tokens.index
            word = tokens.text
            if word == "stack_limit":
                self.stack_limit()
                continue
            kind = word.rstrip("0123456789")
            declare = self.declarations.get(kind)
            if declare is None:
                return
            number = self.context.number(kind, "a number")
            tokens.expect("=")
            declare(number)
            self.context.close((kind, number), first)

    def stack_limit(self) -> None:
        first = self.tokens.index
        self.tokens.index += 1
        self.tokens.expect("=")
        if self.function.stack_limit is not None:
            raise InputError(
                "duplicate definition", found="`stack_limit`", span=self.tokens.span(first)
            )
        self.function.stack_limit = self.global_reference()
        self.context.close(("stack_limit", 0), first)

    def natural(self, expected: str, limit: int) -> int:
        text = self.tokens.text

        def read() -> int:
            value = parse_signed(text, 128)
            if not 0 <= value <= limit:
                raise ValueError(expected)
            return value

        value = checked(self.tokens, read)
        self.tokens.take(NUMBER, expected)
        return value

    def stack_slot(self, number: int) -> None:
        tokens = self.tokens
        first = tokens.index - 2
        tokens.expect("explicit_slot")
        size = self.natural("a number of bytes below 2**32", MAX_SLOT_BYTES)
        align, key = 1, None
        while tokens.accept(","):
            if tokens.accept("align"):
                tokens.expect("=")
                align = self.natural("a power of two", 1 << 31)
                if align & (align - 1) or not align:
                    tokens.index -= 1
                    tokens.fail("a power of two")
            elif tokens.accept("key"):
                tokens.expect("=")
                key = self.natural("a number below 2**64", (1 << 64) - 1)
            else:
                tokens.fail("`align` or `key`")
        slot = StackSlotData(size, align, key)
        self.context.declare(self.function.stack_slots, number, slot, first)

    def dynamic_type(self, number: int) -> None:
        tokens = self.tokens
        first = tokens.index - 2
        base = parse_type(tokens)
        if not base.is_vector or base.is_dynamic:
            tokens.index -= 1
            tokens.fail("a vector type of fixed length")
        tokens.expect("*")
        data = DynamicTypeData(base, self.global_reference())
        self.context.declare(self.function.dynamic_types, number, data, first)

    def dynamic_slot(self, number: int) -> None:
        tokens = self.tokens
        first = tokens.index - 2
        tokens.expect("explicit_dynamic_slot")
        ty = self.context.declared(self.function.dynamic_types, "dt", "dynamic type")
        self.context.declare(self.function.dynamic_slots, number, ty, first)

    def alias_region(self, number: int) -> None:
        first = self.tokens.index - 2
        user_id = self.natural("a number below 2**32", MAX_SLOT_BYTES)
        text = self.tokens.take_string(STRING, 'a description such as "heap"')
        region = AliasRegionData(user_id, text)
        self.context.declare(self.function.alias_regions, number, region, first)

    def global_reference(self) -> int:
        token = self.tokens.index
        number = self.context.number("gv", "a global value such as `gv0`")
        self.context.pending.append(("global_values", number, token))
        return number

    def global_value(self, number: int) -> None:
        tokens = self.tokens
        first = tokens.index - 2
        word = tokens.take(IDENT, "vmctx, load, iadd_imm, symbol or dyn_scale_target_const")
        data: GlobalValueData
        if word == "vmctx":
            data = VMContextGlobal()
        elif word == "load":
            tokens.expect(".")
            ty = parse_type(tokens)
            flags = parse_flags(self.context)
            base = self.global_reference()
            data = LoadGlobal(base, parse_offset(tokens), ty, flags)
        elif word == "iadd_imm":
            tokens.expect(".")
            ty = parse_type(tokens)
            base = self.global_reference()
            tokens.expect(",")
            text = tokens.text
            offset = checked(tokens, lambda: parse_signed(text, 64))
            tokens.index += 1
            data = AddGlobal(base, offset, ty)
        elif word == "symbol":
            data = self.symbol()
        elif word == "dyn_scale_target_const":
            tokens.expect(".")
            data = ScaleGlobal(parse_type(tokens))
        else:
            tokens.index -= 1
            tokens.fail("vmctx, load, iadd_imm, symbol or dyn_scale_target_const")
        self.context.declare(self.function.global_values, number, data, first)

    def symbol(self) -> SymbolGlobal:
        tokens = self.tokens
        colocated = tokens.accept("colocated")
        tls = tokens.accept("tls")
        if tokens.kind == IDENT and tokens.text.startswith(_USER_NAME):
            number = self.context.number(_USER_NAME, "a user name")
            name: ExternalName | None = self.user_names.get(number)
            if name is None:
                tokens.index -= 1
                tokens.fail(f"a declared name (`{_USER_NAME}0 = u0:1`)", subject="undefined name")
        else:
            name = self.parse_name(tokens)
        return SymbolGlobal(name, parse_offset(tokens), colocated, tls)

    def user_name(self, number: int) -> None:
        first = self.tokens.index
        name = self.parse_name(self.tokens)
        if number in self.user_names or not isinstance(name, UserName):
            self.tokens.index = first
            self.tokens.fail("a name such as `u0:1`, once for each number")
        self.user_names[number] = name

    def signature(self, number: int) -> None:
        first = self.tokens.index - 2
        signature = self.parse_signature(self.tokens)
        self.context.declare(self.function.signatures, number, signature, first)

    def ext_func(self, number: int) -> None:
        tokens = self.tokens
        first = tokens.index - 2
        colocated = tokens.accept("colocated")
        patchable = tokens.accept("patchable")
        name = self.parse_name(tokens)
        if tokens.at("("):
            signature = self.parse_signature(tokens)
            ref = self.function.add_signature(signature)
            # Errors of the signature stand where the function is declared.
            self.context.spans["sig", ref] = tokens.span(first)
        else:
            ref = self.context.declared(self.function.signatures, "sig", "signature")
        data = ExtFunc(name, ref, colocated, patchable)
        self.context.declare(self.function.ext_funcs, number, data, first)

    def constant(self, number: int) -> None:
        tokens = self.tokens
        first = tokens.index - 2
        text = tokens.text
        data = checked(tokens, lambda: parse_bytes(text))
        tokens.index += 1
        self.context.declare(self.function.constants, number, data, first)


def parse_preamble(
    context: FunctionContext,
    parse_name: Callable[[Tokens], ExternalName],
    parse_signature: Callable[[Tokens], Signature],
) -> None:
    """Parse every declaration into the context's function."""
    _Preamble(context, parse_name, parse_signature).run()
