"""What the parsers of preamble and body share: the function in the making, small operands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from plumbob.errors import InputError
from plumbob.ir import types
from plumbob.ir.entities import HEAP_OOB, MemFlags, is_trap_code, memflags
from plumbob.ir.function import ALIAS, HOLE
from plumbob.ir.immediates import parse_signed, parse_unsigned
from plumbob.ir.lexer import IDENT, NUMBER, Tokens
from plumbob.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.function import Function
    from plumbob.ir.types import Type

_T = TypeVar("_T")

MAX_NUMBER: Final = (1 << 32) - 1


class FunctionContext:
    """The function being parsed, and what is known of it so far.

    `entities` and `ends` say, in the order of the text, which entity ends after how many
    tokens; `spans` where each stands. `undefined` holds the first use of each value that
    has no definition yet.
    """

    def __init__(self, tokens: Tokens, function: Function) -> None:
        self.tokens = tokens
        self.function = function
        self.entities: list[tuple[str, int]] = []
        self.ends: list[int] = []
        self.spans: dict[tuple[str, int], Span] = {}
        self.undefined: dict[int, int] = {}
        self.waiting: dict[int, list[int]] = {}
        """Aliases whose target has no type yet, by target."""
        self.pending: list[tuple[str, int, int]] = []
        """Entities of the preamble used before their declaration: kind, number, token."""

    def close(self, entity: tuple[str, int], first: int) -> None:
        """Note that an entity, begun at token `first`, ends before the current token."""
        self.entities.append(entity)
        self.ends.append(self.tokens.index)
        self.spans.setdefault(entity, self.tokens.span(first))

    # Entity numbers

    def number(self, prefix: str, expected: str) -> int:
        """Step over `<prefix>N` and return N."""
        tokens = self.tokens
        text = tokens.texts[tokens.index]
        digits = text[len(prefix) :]
        if (
            not text.startswith(prefix)
            or not digits.isdigit()
            or (digits[0] == "0" and digits != "0")
        ):
            tokens.fail(expected)
        if len(digits) > 10 or int(digits) > MAX_NUMBER:
            tokens.fail("a number below 2**32", subject="number too large")
        tokens.index += 1
        return int(digits)

    def skip(self, numbers: int, token: int) -> None:
        """Allow for `numbers` numbers that the text leaves out before the one at `token`.

        The whole text has a budget of them, since each costs memory.
        """
        self.tokens.spare_numbers -= numbers
        if self.tokens.spare_numbers < 0:
            raise InputError(
                "number too large",
                expected="numbers with fewer gaps",
                found=f"`{self.tokens.texts[token]}`",
                span=self.token_span(token),
            )

    def declare(self, table: list[Any], number: int, data: object, first: int) -> None:
        """Put `data` at `table[number]`, which must be free."""
        if number < len(table) and table[number] is not None:
            raise InputError(
                "duplicate definition",
                found=f"`{self.tokens.texts[first]}`",
                span=self.tokens.span(first),
            )
        missing = number + 1 - len(table)
        if missing > 0:
            self.skip(missing - 1, first)
            table.extend([None] * missing)
        table[number] = data

    def declared(self, table: list[Any], prefix: str, expected: str) -> int:
        """Step over a reference to an entity that the preamble must have declared."""
        number = self.number(prefix, expected)
        if number >= len(table) or table[number] is None:
            self.tokens.index -= 1
            self.tokens.fail(f"a declared {expected}", subject=f"undefined {expected}")
        return number

    def type(self) -> Type:
        """Step over a type; `dt0` is the dynamic vector type declared by that name."""
        tokens = self.tokens
        text = tokens.text
        if not (text.startswith("dt") and text[2:].isdigit()):
            return parse_type(tokens)
        number = self.declared(self.function.dynamic_types, "dt", "dynamic type")
        data = self.function.dynamic_types[number]
        dynamic = data.base.vector_to_dynamic() if data is not None else None
        if dynamic is None:
            tokens.index -= 1
            tokens.fail("the name of a dynamic vector type")
        return dynamic

    # Values

    def use_value(self) -> int:
        """Step over a value that is read; it may be defined later."""
        value = self.number("v", "a value such as `v0`")
        kinds = self.function.value_kind
        if value >= len(kinds) or kinds[value] == HOLE:
            self.reserve_values(value)
            self.undefined.setdefault(value, self.tokens.index - 1)
        return value

    def reserve_values(self, value: int) -> None:
        """Make `value` a number of the function, without a definition."""
        function = self.function
        missing = value + 1 - len(function.value_kind)
        if missing > 0:
            self.skip(missing - 1, self.tokens.index - 1)
            function.value_kind.extend(bytes(missing))
            function.value_owner.extend([0] * missing)
            function.value_index.extend([0] * missing)
            function.value_types.extend([None] * missing)

    def define_value(
        self, value: int, kind: int, owner: int, index: int, ty: Type | None, token: int
    ) -> None:
        """Give `value` its definition; raises InputError if it has one."""
        self.reserve_values(value)
        function = self.function
        if function.value_kind[value] != HOLE:
            raise InputError(
                "duplicate definition", found=f"`v{value}`", span=self.token_span(token)
            )
        function.value_kind[value] = kind
        function.value_owner[value] = owner
        function.value_index[value] = index
        function.value_types[value] = ty
        self.undefined.pop(value, None)
        if ty is not None and value in self.waiting:
            self.settle_types(value, ty)

    def define_alias(self, value: int, target: int, token: int) -> None:
        """Make `value` an alias; it gets its type once its target has one."""
        ty = self.function.value_types[target]
        self.define_value(value, ALIAS, target, 0, ty, token)
        if ty is None:
            self.waiting.setdefault(target, []).append(value)

    def settle_types(self, value: int, ty: Type) -> None:
        """Give the type of `value` to the aliases that wait for it."""
        todo = self.waiting.pop(value)
        while todo:
            alias = todo.pop()
            self.function.value_types[alias] = ty
            todo.extend(self.waiting.pop(alias, ()))

    def reserve_block(self, block: int) -> int:
        """Make `block` a number of the function; it stays out of the layout."""
        function = self.function
        missing = block + 1 - len(function.block_params)
        if missing > 0:
            self.skip(missing - 1, self.tokens.index - 1)
            function.block_params.extend([] for _ in range(missing))
            function.block_insts.extend([] for _ in range(missing))
            function.block_cold.extend(bytes(missing))
        return block

    def token_span(self, token: int) -> Span:
        """Return the span of one token."""
        start = self.tokens.offsets[token]
        return Span(self.tokens.source, start, start + len(self.tokens.texts[token]))

    # At the end

    def finish(self) -> None:
        """Check that everything used has a definition, and no alias stands for itself."""
        if self.undefined:
            value, token = min(self.undefined.items(), key=lambda item: item[1])
            raise InputError("undefined value", found=f"`v{value}`", span=self.token_span(token))
        function = self.function
        for name, number, token in self.pending:
            table: list[Any] = getattr(function, name)
            if number >= len(table) or table[number] is None:
                raise InputError(
                    "undefined entity",
                    found=f"`{self.tokens.texts[token]}`",
                    span=self.token_span(token),
                )
        if self.waiting:
            # Everything used is defined, so what still waits, waits for itself.
            cycle = [alias for aliases in self.waiting.values() for alias in aliases]
            last = max((self.spans["alias", alias] for alias in cycle), key=lambda s: s.start)
            raise InputError("value aliases form a cycle", found=self.text_of(last), span=last)

    def text_of(self, span: Span) -> str:
        """Return the text of a span, quoted."""
        return f"`{(self.tokens.source.text or '')[span.start : span.end]}`"


def parse_type(tokens: Tokens) -> Type:
    """Step over a type; a reference's name may hold dots."""
    first = tokens.index
    text = tokens.take(IDENT, "a type such as `i32`")
    if text == "ref":
        while tokens.accept("."):
            word = tokens.texts[tokens.index]
            if tokens.kind not in (IDENT, NUMBER) or not word.replace("_", "a").isalnum():
                tokens.fail("the name of a reference type")
            tokens.index += 1
            text += "." + word
    ty = types.lookup(text)
    if ty is None:
        tokens.index = first
        tokens.fail("a type such as `i32`")
    return ty


def parse_flags(context: FunctionContext) -> MemFlags:
    """Step over memory flags, in any order; none at all is fine."""
    tokens = context.tokens
    trap: str | None = HEAP_OOB
    trap_given = False
    words: dict[str, bool] = {}
    endian = region = None
    while True:
        word = tokens.text
        if word in ("aligned", "readonly", "can_move"):
            words[word] = True
        elif word in ("little", "big"):
            if endian not in (None, word):
                tokens.fail("one byte order")
            endian = word
        elif word == "notrap" or is_trap_code(word):
            if trap_given:
                tokens.fail("one trap code or `notrap`")
            trap_given = True
            trap = None if word == "notrap" else word
        elif word.startswith("region") and tokens.kind == IDENT:
            region = context.number("region", "an alias region such as `region0`")
            continue
        else:
            return memflags(trap=trap, endian=endian, region=region, **words)
        tokens.index += 1


def parse_offset(tokens: Tokens) -> int:
    """Step over `+8` or `-8`; nothing means 0."""
    text = tokens.text
    if tokens.kind != NUMBER or text[0] not in "+-":
        return 0
    offset = checked(tokens, lambda: parse_signed(text, 32))
    tokens.index += 1
    return offset


def parse_unsigned_offset(tokens: Tokens) -> int:
    """Step over `+8`; nothing means 0."""
    text = tokens.text
    if tokens.kind != NUMBER or text[0] != "+":
        return 0
    offset = checked(tokens, lambda: parse_unsigned(text, 64))
    tokens.index += 1
    return offset


def checked(tokens: Tokens, read: Callable[[], _T]) -> _T:
    """Return `read()`; its ValueError becomes an InputError at the current token."""
    try:
        return read()
    except ValueError as error:
        tokens.fail(str(error))
