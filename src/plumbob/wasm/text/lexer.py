r"""Text to tokens (WebAssembly 3.0, Text Format / Lexical Format).

One regular expression reads a token and the white space and comments before it. A token is
its own text: what it is shows in its first character. Three things a regular language
cannot say are looked at only where a token says that they are there: nested block
comments, code points in `\u{...}`, annotations.

Every token is well formed when `tokenize` returns: strings escape correctly, characters
are legal, comments, strings and annotations are closed. Parentheses are not matched here.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from plumbob.source import Source, Span
from plumbob.wasm.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

IDCHARS = r"!#-'*+\--:<-Z\\^-z|~"
"""The characters of identifiers and keywords, as the inside of a character class."""

STRING = (
    r'"(?:[^"\\\x00-\x1f\x7f]++'
    r"|\\(?:[tnr\"'\\]|[0-9a-fA-F]{2}|u\{[0-9a-fA-F](?:_?[0-9a-fA-F])*+\}))*+\""
)
_BLOCK_COMMENT = r"\(;(?:[^(;]++|;(?!\))|\((?!;))*+;\)"
_TRIVIA = rf"(?:[ \t\n\r]++|;;[^\n\r]*+|{_BLOCK_COMMENT})*+"
_ANNOTATION = rf"\(@(?:[{IDCHARS}]++|{STRING})?"
_WORD = rf"(?:[{IDCHARS}]++|{STRING})++"
_TOKEN = re.compile(rf"{_TRIVIA}({_WORD}|{_ANNOTATION}|\((?!;)|\(;|[^ \t\n\r]|\Z)")
"""A token behind white space and comments. It always matches: at the end of the text it is
empty, lest trailing space be tried from each of its characters."""
_PLAIN = re.compile(rf"[()]|{STRING}|\$?[{IDCHARS}]++")
"""Tokens that need no second look, unless they hold an escaped code point."""
_QUOTED = re.compile(STRING)
_NESTED = re.compile(r"\(;|;\)")
_COMMENT_OR_STRING = re.compile(rf"{STRING}|;;[^\n\r]*+|\(;|;\)")
_CODE_POINT = re.compile(r"\\\\|\\u\{([0-9a-fA-F_]+)\}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BLANK = re.compile(r"[^\n]")

PLUMBOB_DATA_COUNT = "plumbob.data_count"
PLUMBOB_NAMES = "plumbob.names"
"""Plumbob's own annotations, of what a binary may hold and the text has no word for."""

KNOWN_ANNOTATIONS = (
    "custom", "metadata.code.branch_hint", "name", PLUMBOB_DATA_COUNT, PLUMBOB_NAMES
)  # fmt: skip
"""Annotations that mean something to Plumbob; others are skipped, as the standard asks."""


class Annotation(NamedTuple):
    """A known annotation at a character of the text.

    `first` to `last`, half-open, are the tokens behind its identifier, in `Tokens.aside`,
    where a closing parenthesis follows.
    """

    name: str
    offset: int
    first: int
    last: int


class Tokens:
    """The tokens of a text.

    `texts[i]` begins at character `starts[i]`; the last token is empty and stands at the
    end. Known annotations are taken out of the row: `annotations[i]` lists those that
    stand before token i, and their own tokens are in `aside`.
    """

    __slots__ = ("annotations", "aside", "places", "source", "starts", "texts")

    def __init__(self, source: Source, texts: list[str], starts: array[int]) -> None:
        self.source = source
        self.texts = texts
        self.starts = starts
        self.annotations: dict[int, list[Annotation]] = {}
        self.places: list[int] = []
        """The keys of `annotations`, ascending."""
        self.aside: Tokens | None = None

    def span(self, index: int) -> Span:
        """Return where a token stands."""
        start = self.starts[index]
        return Span(self.source, start, start + len(self.texts[index]))

    def line(self, index: int) -> int:
        """Return the line of a token, from 1."""
        return self.source.location(self.starts[index])[0]

    def annotated(self, first: int, end: int) -> list[int]:
        """Return the tokens from `first` to before `end` that have annotations before them."""
        places = self.places
        return places[bisect_left(places, first) : bisect_left(places, end)]


def tokenize(text: str | bytes, name: str) -> Tokens:
    """Return the tokens of a text; raise `MalformedError` where it is not a row of tokens."""
    decoded = decode_text(text, name) if isinstance(text, bytes) else text
    source = Source(name, decoded)
    if isinstance(text, str) and (lone := _SURROGATE.search(decoded)):
        raise MalformedError(
            "malformed text",
            code="E0170",
            expected="Unicode scalar values",
            found=f"the surrogate U+{ord(lone.group()):04X}",
            span=Span(source, lone.start(), lone.end()),
        )
    tokens, words = _scan(decoded, source)
    if "(;" in words:
        tokens, words = _scan(_without_block_comments(decoded, source), source)
    odd = {
        word
        for word in words
        if word == "$" or "\\u" in word or (word and not _PLAIN.fullmatch(word))
    }
    if odd:
        _check_odd(tokens, odd)
        if any(word[:2] == "(@" for word in odd):
            return _take_out_annotations(tokens)
    return tokens


def _scan(text: str, source: Source) -> tuple[Tokens, dict[str, str]]:
    """Return what looks like tokens, and the distinct words: equal ones are one object."""
    words: dict[str, str] = {}
    texts: list[str] = []
    starts = array("I")
    for match in _TOKEN.finditer(text):
        word = match[1]
        texts.append(words.setdefault(word, word))
        starts.append(match.start(1))
        if not word:
            break
    return Tokens(source, texts, starts), words


def decode_text(data: bytes, name: str) -> str:
    """Return the text that the bytes encode in UTF-8; raise `MalformedError`."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        source = Source(name, data[: error.start].decode("utf-8"))
        raise MalformedError(
            "malformed UTF-8 encoding",
            code="E0170",
            expected="text in UTF-8",
            found=f"byte {data[error.start]:#04x} at byte offset {error.start}",
            span=Span(source, len(source.text or ""), len(source.text or "")),
        ) from None


def _without_block_comments(text: str, source: Source) -> str:
    """Return the text with its block comments, which nest, blanked out."""
    pieces: list[str] = []
    opened: list[int] = []
    copied = 0
    position = 0
    while match := (_NESTED if opened else _COMMENT_OR_STRING).search(text, position):
        position = match.end()
        word = match.group()
        if word == "(;":
            if not opened:
                pieces.append(text[copied : match.start()])
                copied = match.start()
            opened.append(match.start())
        elif word == ";)" and opened:
            opened.pop()
            if not opened:
                pieces.append(_BLANK.sub(" ", text[copied:position]))
                copied = position
    if opened:
        raise MalformedError(
            "unclosed comment",
            code="E0172",
            expected="`;)`",
            found="the end of the text",
            span=Span(source, opened[0], opened[0] + 2),
        )
    pieces.append(text[copied:])
    return "".join(pieces)


def _check_odd(tokens: Tokens, odd: set[str]) -> None:
    """Look at each token that is more than the pattern can judge."""
    depth = 0
    for index, word in enumerate(tokens.texts):
        if depth:
            depth += (word[:1] == "(") - (word == ")")
        elif word in odd and word[:2] == "(@":
            _check_annotation_id(tokens, index)
            depth = 1
        if word in odd:
            _check_token(tokens, index, in_annotation=depth > 0)
    if depth:
        raise _unclosed_annotation(tokens)


def _unclosed_annotation(tokens: Tokens) -> MalformedError:
    opened: list[int] = []
    for index, word in enumerate(tokens.texts):
        if word[:1] == "(":
            opened.append(index)
        elif word == ")" and opened:
            opened.pop()
    first = next((index for index in opened if tokens.texts[index][:2] == "(@"), len(opened) - 1)
    return MalformedError(
        "unclosed annotation",
        code="E0172",
        expected="`)`",
        found="the end of the text",
        span=tokens.span(first),
    )


def _check_annotation_id(tokens: Tokens, index: int) -> None:
    word = tokens.texts[index]
    follower = tokens.source.text or ""
    end = tokens.starts[index] + len(word)
    if len(word) == 2 or word == '(@""':
        if follower[end : end + 1] == '"':
            _check_token(tokens, index + 1, in_annotation=True)
        raise MalformedError(
            "empty annotation identifier",
            code="E0181",
            expected="an identifier right behind `(@`",
            found=describe(tokens.texts[index + 1]) if len(word) == 2 else 'the empty name ""',
            span=tokens.span(index),
        )
    if word[2] == '"':
        check_utf8(word[2:], lambda: tokens.span(index))


def _check_token(tokens: Tokens, index: int, *, in_annotation: bool) -> None:
    """Raise for a token that is not one; put a quoted identifier in its plain form."""
    word = tokens.texts[index]
    first = word[0]
    if word == '"':
        raise _broken_string(tokens, index)
    if "\\u" in word:
        check_code_points(word, tokens.span(index))
    if not " " < first <= "~":
        raise MalformedError(
            "illegal character",
            code="E0171",
            expected="characters beyond ASCII only in strings and comments"
            if first > "\x7f"
            else "no control characters",
            found=f"U+{ord(first):04X}" + (f" `{first}`" if first.isprintable() else ""),
            span=tokens.span(index),
        )
    if in_annotation:
        return
    if first == "$" and (len(word) == 1 or _QUOTED.fullmatch(word, 1)):
        name = check_utf8(word[1:], lambda: tokens.span(index)) if len(word) > 1 else ""
        if not name:
            raise _nameless(word, tokens.span(index))
        tokens.texts[index] = "$" + name
    elif first in ",;[]{}":
        raise MalformedError(
            "unexpected character",
            code="E0171",
            expected="a parenthesis, a string or a word",
            found=f"`{word}`",
            span=tokens.span(index),
        )
    elif '"' in word and first != "(" and not _QUOTED.fullmatch(word):
        raise MalformedError(
            "words and strings run into each other",
            code="E0171",
            expected="white space or a parenthesis between them",
            found=describe(word),
            span=tokens.span(index),
        )


def _nameless(word: str, span: Span) -> MalformedError:
    """Return the error for a `$` with nothing behind it that an identifier may hold."""
    text = span.source.text or ""
    behind = text[span.end : span.end + 1]
    if len(word) == 1 and behind > "\x7f":
        return MalformedError(
            f"`{behind}` may not stand in an identifier",
            code="E0171",
            expected='ASCII characters behind `$`, or a string: `$"..."`',
            found=f"U+{ord(behind):04X}",
            span=Span(span.source, span.end, span.end + 1),
        )
    return MalformedError(
        "empty identifier",
        code="E0171",
        expected='characters right behind `$`, or a string: `$"..."`',
        found=describe(word),
        span=span,
    )


def _broken_string(tokens: Tokens, index: int) -> MalformedError:
    """Say what is wrong with a string that the pattern does not match."""
    text = tokens.source.text or ""
    start = tokens.starts[index]
    good = re.compile(STRING[:-2]).match(text, start)
    position = good.end() if good else start + 1
    rest = text[position : position + 1]
    if rest == "\\":
        escape = re.compile(r"\\(?:u\{?[0-9a-fA-F_]*\}?|[0-9a-fA-F]?.?)", re.DOTALL)
        match = escape.match(text, position)
        return MalformedError(
            "malformed escape in a string",
            code="E0173",
            expected=r"\t, \n, \r, \", \', \\, two hexadecimal digits, or \u{...}",
            found=repr(match.group() if match else rest)[1:-1].replace("\\\\", "\\"),
            span=Span(tokens.source, position, match.end() if match else position + 1),
        )
    if rest in {"", "\n", "\r"}:
        return MalformedError(
            "unclosed string",
            code="E0172",
            expected='`"`',
            found="the end of the line" if rest else "the end of the text",
            span=Span(tokens.source, start, position),
        )
    return MalformedError(
        "illegal character in a string",
        code="E0171",
        expected="an escape such as \\t or \\00",
        found=f"U+{ord(rest):04X}",
        span=Span(tokens.source, position, position + 1),
    )


def check_code_points(word: str, span: Span) -> None:
    """Raise `MalformedError` where a string names what is no Unicode scalar value."""
    for match in _CODE_POINT.finditer(word):
        digits = match.group(1)
        if digits is None:
            continue
        value = int(digits.replace("_", ""), 16)
        if value >= 0x110000 or 0xD800 <= value < 0xE000:
            raise MalformedError(
                "malformed escape in a string",
                code="E0173",
                expected="a Unicode scalar value (below 110000, not from D800 to DFFF)",
                found=match.group(),
                span=span,
            )


_ESCAPES = {"t": b"\t", "n": b"\n", "r": b"\r", '"': b'"', "'": b"'", "\\": b"\\"}
_ESCAPE = re.compile(r"\\([tnr\"'\\])|((?:\\[0-9a-fA-F]{2})+)|\\u\{([0-9a-fA-F_]+)\}")


def string_bytes(literal: str) -> bytes:
    """Return the bytes that a well-formed string literal, quotes included, denotes."""
    body = literal[1:-1]
    if "\\" not in body:
        return body.encode()
    out: list[bytes] = []
    position = 0
    for match in _ESCAPE.finditer(body):
        out.append(body[position : match.start()].encode())
        position = match.end()
        if match.lastindex == 2:
            out.append(bytes.fromhex(match.group(2).replace("\\", "")))
        elif match.lastindex == 1:
            out.append(_ESCAPES[match.group(1)])
        else:
            out.append(chr(int(match.group(3).replace("_", ""), 16)).encode())
    out.append(body[position:].encode())
    return b"".join(out)


def check_utf8(literal: str, span: Callable[[], Span]) -> str:
    """Return the name that a well-formed string literal denotes; raise `MalformedError`."""
    data = string_bytes(literal)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(
            "malformed UTF-8 encoding",
            code="E0170",
            expected="a name in UTF-8",
            found=f"byte {data[error.start]:#04x}",
            span=span(),
        ) from None


def describe(word: str) -> str:
    """Return how an error message shows a token."""
    if not word:
        return "the end of the text"
    shown = word if len(word) <= 40 else f"{word[:37]}..."
    return f"`{shown}`"


def _take_out_annotations(tokens: Tokens) -> Tokens:
    """Move known annotations aside and drop the others."""
    kept = Tokens(tokens.source, [], array("I"))
    kept.aside = Tokens(tokens.source, [], array("I"))
    index = 0
    copied = 0
    texts, starts = tokens.texts, tokens.starts
    while index < len(texts):
        if texts[index][:2] != "(@":
            index += 1
            continue
        kept.texts += texts[copied:index]
        kept.starts += starts[copied:index]
        end = _end_of_annotation(texts, index)
        name = _annotation_name(texts[index])
        if name in KNOWN_ANNOTATIONS:
            first = len(kept.aside.texts)
            _copy_without_annotations(tokens, index + 1, end - 1, kept.aside)
            kept.annotations.setdefault(len(kept.texts), []).append(
                Annotation(name, starts[index], first, len(kept.aside.texts))
            )
            kept.aside.texts.append(")")
            kept.aside.starts.append(starts[end - 1])
        index = copied = end
    kept.texts += texts[copied:]
    kept.starts += starts[copied:]
    kept.places = list(kept.annotations)
    return kept


def _annotation_name(word: str) -> str:
    return string_bytes(word[2:]).decode() if word[2] == '"' else word[2:]


def _end_of_annotation(texts: list[str], index: int) -> int:
    """Return the index behind the parenthesis that closes the annotation at `index`."""
    depth = 0
    while True:
        word = texts[index]
        index += 1
        if word[:1] == "(":
            depth += 1
        elif word == ")":
            depth -= 1
            if not depth:
                return index


def _copy_without_annotations(tokens: Tokens, index: int, end: int, to: Tokens) -> None:
    while index < end:
        if tokens.texts[index][:2] == "(@":
            index = _end_of_annotation(tokens.texts, index)
            continue
        to.texts.append(tokens.texts[index])
        to.starts.append(tokens.starts[index])
        index += 1
