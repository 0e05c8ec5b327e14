"""CLIF text to functions.

Numbers in the text are kept: `v1000` is value 1000 of its function, and unused numbers
below it are holes. Values may be used before the text defines them, except where a type
must be inferred from them. What the text cannot be understood without (a signature of a
call, a slot, an external function) must be declared; what the verifier can judge (blocks
that do not exist, alias regions, types) is left to it.

Raises InputError with the place, what was expected and what was found.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import plumbob.ir.high_level  # noqa: F401  # its rows belong to the text format
from plumbob.ir.entities import (
    CALL_CONVENTIONS,
    KNOWN_SYMBOLS,
    LIBCALLS,
    AbiParam,
    ExternalName,
    KnownSymbol,
    LibCall,
    Signature,
    SymbolName,
    UserName,
)
from plumbob.ir.function import Function
from plumbob.ir.lexer import END, IDENT, NAME, NUMBER, USER, Comment, Tokens
from plumbob.ir.parse_body import parse_body
from plumbob.ir.parse_common import FunctionContext, parse_type
from plumbob.ir.parse_preamble import parse_preamble
from plumbob.source import Source

if TYPE_CHECKING:
    from plumbob.source import Span


class AttachedComment(NamedTuple):
    """A comment and the entity that it follows.

    `entity` is a kind and a number: ("function", 0), ("block", n), ("inst", n),
    ("alias", value), ("slot", n), ("gv", n), ("sig", n), ("func", n), ("const", n), …
    """

    entity: tuple[str, int]
    text: str
    line: int


class ParsedFunction(NamedTuple):
    """A function with what its text said besides.

    `comments` are in the order of the text; `spans` maps entities (as in
    `AttachedComment`) to where they stand; `line` is that of the word `function`.
    """

    function: Function
    comments: tuple[AttachedComment, ...]
    spans: dict[tuple[str, int], Span]
    line: int


def parse_functions(source: Source, start: int = 0) -> list[ParsedFunction]:
    """Return every function in `source.text[start:]`."""
    tokens = Tokens(source, start)
    parsed = []
    while tokens.kind != END:
        parsed.append(_parse_function(tokens))
    return parsed


def parse_clif(text: str, name: str = "<clif>") -> list[Function]:
    """Return every function in the text; `name` is what errors call it."""
    return [parsed.function for parsed in parse_functions(Source(name, text))]


def _parse_function(tokens: Tokens) -> ParsedFunction:
    first = tokens.index
    if not tokens.accept("function"):
        tokens.fail("`function`")
    context = FunctionContext(tokens, Function())
    context.function.name = _function_name(tokens)
    context.function.signature = parse_signature(tokens)
    tokens.expect("{")
    context.close(("function", 0), first)
    parse_preamble(context, parse_external_name, parse_signature)
    parse_body(context)
    tokens.expect("}")
    context.close(("function", 0), first)
    context.finish()
    line = tokens.source.location(tokens.offsets[first])[0]
    return ParsedFunction(context.function, _attach(tokens, context, first), context.spans, line)


def _attach(tokens: Tokens, context: FunctionContext, first: int) -> tuple[AttachedComment, ...]:
    """Give each comment of the function to the entity before it.

    An entity owns the comments within its tokens and those between its last token and the
    next one, so a comment belongs to the first entity that ends at or after it.
    """
    comments = tokens.comments
    low = bisect_left(comments, first + 1, key=lambda comment: comment.tokens)
    high = bisect_left(comments, tokens.index + 1, key=lambda comment: comment.tokens)

    def attached(comment: Comment) -> AttachedComment:
        owner = context.entities[bisect_left(context.ends, comment.tokens)]
        return AttachedComment(owner, comment.text, tokens.source.location(comment.offset)[0])

    return tuple(map(attached, comments[low:high]))


def _function_name(tokens: Tokens) -> ExternalName:
    if tokens.kind == NAME:
        return SymbolName(tokens.take_string(NAME, "a name", "%"))
    if tokens.kind == USER:
        return _user_name(tokens)
    return tokens.fail("a function's name such as `%f` or `u0:1`")


def _user_name(tokens: Tokens) -> UserName:
    text = tokens.take(USER, "a name such as `u0:1`")
    namespace, _, number = text[1:].partition(":")
    if max(len(namespace), len(number)) > 10 or max(int(namespace), int(number)) >= 1 << 32:
        tokens.index -= 1
        tokens.fail("two numbers below 2**32")
    return UserName(int(namespace), int(number))


def parse_external_name(tokens: Tokens) -> ExternalName:
    """Parse `%name`, `%LibCall`, or `u0:1`."""
    if tokens.kind == USER:
        return _user_name(tokens)
    name = tokens.take_string(NAME, "an external name such as `%f` or `u0:1`", "%")
    if name in LIBCALLS:
        return LibCall(name)
    if name in KNOWN_SYMBOLS:
        return KnownSymbol(name)
    return SymbolName(name)


_EXTENSIONS = ("uext", "sext")
_PURPOSES = ("vmctx", "sret")


def parse_signature(tokens: Tokens) -> Signature:
    """Parse `(i32 sext, i64 vmctx) -> i32 system_v`."""
    tokens.expect("(")
    params: list[AbiParam] = []
    if not tokens.accept(")"):
        params = _abi_params(tokens)
        tokens.expect(")")
    returns = _abi_params(tokens) if tokens.accept("->") else []
    if tokens.text in CALL_CONVENTIONS:
        convention = tokens.take(IDENT, "a calling convention")
        return Signature(tuple(params), tuple(returns), convention)
    if tokens.kind == IDENT and not tokens.starts_line():
        tokens.fail(f"a calling convention: {', '.join(CALL_CONVENTIONS)}")
    return Signature(tuple(params), tuple(returns))


def _abi_params(tokens: Tokens) -> list[AbiParam]:
    params = [_abi_param(tokens)]
    while tokens.accept(","):
        params.append(_abi_param(tokens))
    return params


def _abi_param(tokens: Tokens) -> AbiParam:
    ty = parse_type(tokens)
    extension = purpose = None
    while True:
        word = tokens.text
        if word in _EXTENSIONS and extension is None:
            extension = word
        elif word in _PURPOSES and purpose is None:
            purpose = word
        elif word == "sarg" and purpose is None:
            tokens.index += 1
            tokens.expect("(")
            size = tokens.take(NUMBER, "a number of bytes")
            if not size.isdigit() or len(size) > 10 or int(size) >= 1 << 32:
                tokens.index -= 1
                tokens.fail("a number of bytes below 2**32")
            purpose = f"sarg({int(size)})"
            tokens.expect(")")
            continue
        else:
            return AbiParam(ty, extension, purpose)
        tokens.index += 1
