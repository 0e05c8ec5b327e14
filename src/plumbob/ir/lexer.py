"""Tokens of CLIF text, and a cursor over them.

The whole text is cut up front by one regular expression; the parsers then walk three
parallel lists. Comments are not tokens: they are kept with the number of tokens before
them, from which `parser.py` finds the entity that each belongs to.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple, NoReturn

from plumbob.errors import InputError
from plumbob.source import Source, Span

IDENT: Final = "ident"
NUMBER: Final = "number"
NAME: Final = "name"
USER: Final = "user"
STRING: Final = "string"
LOCATION: Final = "location"
PUNCTUATION: Final = "punctuation"
END: Final = "end"

SPARE_NUMBERS: Final = 1 << 20
"""How many entity numbers a text may leave unused besides one for each character.

An unused number costs a place in an array, so `v4294967295` must not be free.
"""

_TOKEN = re.compile(
    r"""
    [ \t\r\n\f\v]*
  (?:
    (?P<comment>;[^\n]*)
  | (?P<user>u\d+:\d+)
  | (?P<ident>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>[+-]?(?:0x[0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:p[+-]?\d+)?
                     |\d[\d_]*(?:\.\d+)?
                     |(?<=[+-])(?:Inf|s?NaN(?::0x[0-9a-fA-F_]+)?)))
  | (?P<location>@[0-9a-fA-F]{4,8}\b)
  | (?P<punctuation>->|[(){}\[\],.:=<>*@])
  | (?P<name>%(?:[\w.$]+|"(?:[^"\\\n]|\\.)*")?)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | \Z
  )
    """,
    re.VERBOSE | re.ASCII,
)


class Comment(NamedTuple):
    """A comment with its semicolon; `tokens` tokens stand before it."""

    text: str
    offset: int
    tokens: int


class Tokens:
    """A cursor over the tokens of `source.text[start:]`.

    `kinds`, `texts` and `offsets` are parallel; the last two tokens are END. `index` is the
    current one.
    """

    __slots__ = ("comments", "index", "kinds", "offsets", "source", "spare_numbers", "texts")

    def __init__(self, source: Source, start: int = 0) -> None:
        self.source = source
        self.kinds: list[str] = []
        self.texts: list[str] = []
        self.offsets: list[int] = []
        self.comments: list[Comment] = []
        self.index = 0
        self.spare_numbers = SPARE_NUMBERS + len(source.text or "")
        """How many entity numbers the text may still leave unused; see SPARE_NUMBERS."""
        self._cut(source.text or "", start)

    def _cut(self, text: str, start: int) -> None:
        kinds, texts, offsets = self.kinds, self.texts, self.offsets
        position = start
        for match in _TOKEN.finditer(text, start):
            if match.start() != position:
                break
            position = match.end()
            kind = match.lastgroup
            if kind is None:
                continue
            word = match[kind]
            if kind == "comment":
                comment = Comment(word.rstrip(), position - len(word), len(kinds))
                self.comments.append(comment)
                continue
            kinds.append(kind)
            texts.append(word)
            offsets.append(position - len(word))
        if position < len(text):
            position += len(text[position:]) - len(text[position:].lstrip(" \t\r\n\f\v"))
            span = Span(self.source, position, position + 1)
            raise InputError("unknown character", found=repr(text[position]), span=span)
        # Twice, so that the token after the current one always exists.
        kinds += (END, END)
        texts += ("", "")
        offsets += (position, position)

    # Looking

    @property
    def text(self) -> str:
        """The current token's text; empty at the end."""
        return self.texts[self.index]

    @property
    def kind(self) -> str:
        """The current token's kind."""
        return self.kinds[self.index]

    @property
    def offset(self) -> int:
        """Where the current token starts."""
        return self.offsets[self.index]

    def at(self, text: str) -> bool:
        """Return whether the current token is exactly that."""
        return self.texts[self.index] == text

    def starts_line(self) -> bool:
        """Return whether the current token is the first of its line."""
        previous = self.index - 1
        start = self.offsets[previous] + len(self.texts[previous]) if previous >= 0 else 0
        return "\n" in (self.source.text or "")[start : self.offsets[self.index]]

    # Moving

    def accept(self, text: str) -> bool:
        """Step over the current token if it is exactly that."""
        if self.texts[self.index] == text:
            self.index += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Step over exactly that token; raises InputError if another is there."""
        if self.texts[self.index] != text:
            self.fail(f"`{text}`")
        self.index += 1

    def take(self, kind: str, expected: str) -> str:
        """Step over a token of that kind, and return its text."""
        index = self.index
        if self.kinds[index] != kind:
            self.fail(expected)
        self.index = index + 1
        return self.texts[index]

    def take_string(self, kind: str, expected: str, prefix: str = "") -> str:
        """Step over a token that is a quoted string behind `prefix`; return what it says."""
        text = self.take(kind, expected).removeprefix(prefix)
        if not text.startswith('"'):
            return text
        try:
            return str(json.loads(text, strict=False))
        except ValueError:
            self.index -= 1
            self.fail(f"{expected}, with JSON's escapes")

    def fail(self, expected: str, *, subject: str = "syntax error") -> NoReturn:
        """Raise InputError at the current token."""
        found = self.texts[self.index]
        raise InputError(
            subject,
            expected=expected,
            found=f"`{found}`" if found else "the end of the text",
            span=self.span(),
        )

    def span(self, start: int | None = None) -> Span:
        """Return the span of the current token, or from token `start` up to the current one."""
        if start is None:
            begin = self.offsets[self.index]
            return Span(self.source, begin, begin + len(self.texts[self.index]))
        last = max(self.index - 1, start)
        end = self.offsets[last] + len(self.texts[last])
        return Span(self.source, self.offsets[start], end)
