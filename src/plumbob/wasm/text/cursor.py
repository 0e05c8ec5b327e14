"""A place in a row of tokens, and what every part of the text grammar asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.source import Span
from plumbob.wasm import features as f
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.text.lexer import (
    PLUMBOB_DATA_COUNT,
    PLUMBOB_NAMES,
    Annotation,
    Tokens,
    check_utf8,
    describe,
    string_bytes,
)
from plumbob.wasm.text.numbers import NumberError, parse_unsigned

if TYPE_CHECKING:
    from typing import NoReturn


class Cursor:
    """Reads tokens from `i` on. `i` is moved by whoever reads."""

    __slots__ = ("features", "i", "starts", "taken", "texts", "tokens")

    def __init__(self, tokens: Tokens, i: int, features: int) -> None:
        self.tokens = tokens
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.i = i
        self.features = features
        self.taken: set[Annotation] = set()
        """Annotations that somebody read; what is left at the end is misplaced."""

    def fail(
        self,
        subject: str,
        *,
        code: str = "E0174",
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
        at: int | None = None,
    ) -> NoReturn:
        """Raise `MalformedError` about the token at `at`, by default the next one."""
        at = self.i if at is None else at
        raise MalformedError(
            subject,
            code=code,
            expected=expected,
            found=found if found is not None else describe(self.texts[at]),
            hint=hint,
            span=self.tokens.span(at),
        )

    def unexpected(self, expected: str, *, at: int | None = None) -> NoReturn:
        """Raise for a token that the grammar has no place for."""
        self.fail("unexpected token", expected=expected, at=at)

    def span_from(self, start: int) -> Span:
        """Return the range from a token to the last one read."""
        last = max(start, self.i - 1)
        return Span(
            self.tokens.source, self.starts[start], self.starts[last] + len(self.texts[last])
        )

    def at(self, *words: str) -> bool:
        """Return whether these tokens come next."""
        return tuple(self.texts[self.i : self.i + len(words)]) == words

    def accept(self, *words: str) -> bool:
        """Read these tokens if they come next; return whether they did."""
        if self.at(*words):
            self.i += len(words)
            return True
        return False

    def expect(self, word: str, expected: str | None = None) -> None:
        """Read this token or raise."""
        if self.texts[self.i] != word:
            self.unexpected(expected or f"`{word}`")
        self.i += 1

    def word(self, expected: str) -> str:
        """Read a keyword or number and return it."""
        word = self.texts[self.i]
        if not word or word[0] in '()"$':
            self.unexpected(expected)
        self.i += 1
        return word

    def string(self, expected: str = "a string") -> bytes:
        """Read a string and return its bytes."""
        word = self.texts[self.i]
        if word[:1] != '"':
            self.unexpected(expected)
        self.i += 1
        return string_bytes(word)

    def strings(self) -> bytes:
        """Read strings as long as they come and return their bytes together."""
        pieces = []
        while self.texts[self.i][:1] == '"':
            pieces.append(string_bytes(self.texts[self.i]))
            self.i += 1
        return b"".join(pieces)

    def name(self) -> str:
        """Read a string in UTF-8 and return it."""
        word = self.texts[self.i]
        if word[:1] != '"':
            self.unexpected("a name in quotes")
        at = self.i
        self.i += 1
        return check_utf8(word, lambda: self.tokens.span(at))

    def identifier(self) -> str | None:
        """Read an identifier if one comes next; return it with its `$`."""
        word = self.texts[self.i]
        if word[:1] == "$":
            self.i += 1
            return word
        return None

    def at_number(self) -> bool:
        """Return whether an unsigned number comes next."""
        return "0" <= self.texts[self.i][:1] <= "9"

    def at_index(self) -> bool:
        """Return whether an index or identifier comes next."""
        return "0" <= self.texts[self.i][:1] <= "9" or self.texts[self.i][:1] == "$"

    def unsigned(self, bits: int = 32) -> int:
        """Read an unsigned integer of that many bits."""
        try:
            value = parse_unsigned(self.texts[self.i], bits)
        except NumberError as error:
            self.fail(error.subject, code="E0178", expected=error.expected)
        self.i += 1
        return value

    def close_of(self, opening: int) -> int:
        """Return the index of the parenthesis that closes the one at `opening`."""
        texts = self.texts
        depth = 0
        index = opening
        while True:
            word = texts[index]
            if word == "(":
                depth += 1
            elif word == ")":
                depth -= 1
                if not depth:
                    return index
            elif not word:
                self._unclosed(opening, index)
            index += 1

    def _unclosed(self, opening: int, end: int) -> NoReturn:
        """Raise for a parenthesis that is not closed, with a guess at what is missing where."""
        texts = self.texts
        opened: list[int] = []
        nested: int | None = None
        for index in range(opening, end):
            if texts[index] == "(":
                if texts[index + 1] == "func" and nested is None and opened:
                    around = texts[opened[-1] + 1]
                    nested = index if around not in _AROUND_FUNC else None
                opened.append(index)
            elif texts[index] == ")":
                opened.pop()
        guess = opened[-1] if nested is None else nested
        line, column = self.tokens.source.location(self.starts[guess])
        place = f"`({texts[guess + 1]}` at {line}:{column}"
        hint = None
        if nested is not None:
            hint = f"a `)` seems to be missing before {place}"
        elif guess != opening:
            hint = f"the last one still open is {place}"
        self.fail(
            "unclosed parenthesis",
            code="E0172",
            expected="`)`",
            found="the end of the text",
            hint=hint,
            at=opening,
        )

    def require(self, feature: int, what: str, *, at: int | None = None) -> None:
        """Raise unless all these features are on."""
        missing = feature & ~self.features
        if missing:
            names = f.describe(missing)
            self.fail(
                f"{what} needs the feature {names.replace(',', ' and ')}",
                code="E0260",
                hint=f"enable it with --features {names}",
                at=at,
            )

    def take(self, *names: str) -> list[tuple[str, Cursor]]:
        """Return the annotations of these names before the next token that nobody took.

        Each comes as its name and a cursor for its content, which ends with a `)`.
        """
        tokens = self.tokens
        if not tokens.annotations or tokens.aside is None:
            return []
        found = []
        for annotation in tokens.annotations.get(self.i, ()):
            if annotation.name in names and annotation not in self.taken:
                self.taken.add(annotation)
                content = Cursor(tokens.aside, annotation.first, self.features)
                found.append((annotation.name, content))
        return found

    def take_name(self, identifier: str | None, what: str) -> str | None:
        """Return the name that an identifier and a following `(@name "...")` give."""
        named = self.take("name") if self.tokens.annotations else None
        if not named:
            return None if identifier is None else identifier[1:]
        content = named[0][1]
        name = content.name()
        if not content.at(")"):
            content.fail("malformed @name annotation", code="E0181", expected="`)`")
        if len(named) > 1:
            named[1][1].fail(
                f"second @name annotation for one {what}", code="E0181", expected="at most one"
            )
        return name

    def check_annotations(self, first: int, end: int) -> None:
        """Raise for an annotation between two tokens that nobody took."""
        for index in self.tokens.annotated(first, end + 1):
            for annotation in self.tokens.annotations[index]:
                if annotation not in self.taken:
                    raise MalformedError(
                        f"misplaced @{annotation.name} annotation",
                        code="E0181",
                        expected=_PLACES[annotation.name],
                        span=Span(
                            self.tokens.source,
                            annotation.offset,
                            annotation.offset + len(annotation.name) + 2,
                        ),
                    )


_AROUND_FUNC = ("module", "import", "export", "type", "sub", "rec")
"""What `(func` may stand in."""

_PLACES = {
    "name": "it right behind the keyword or identifier that introduces what it names",
    "custom": "it between the fields of a module",
    "metadata.code.branch_hint": "it before an instruction of a function",
    PLUMBOB_DATA_COUNT: "it between the fields of a module",
    PLUMBOB_NAMES: "it between the fields of a module",
}
