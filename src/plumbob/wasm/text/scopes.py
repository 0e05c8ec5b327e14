"""Index spaces of a module in text: identifiers to indices, and indices to bytes.

What follows most operators is one token, and the same tokens come again and again: tables
from token to encoding make reading one a look-up. They fill themselves on a miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.text.numbers import NumberError, parse_unsigned

if TYPE_CHECKING:
    from collections.abc import Callable

SPACES = ("type", "func", "table", "memory", "tag", "global", "elem", "data", "local")

NOUNS = {
    "func": "function",
    "elem": "element segment",
    "data": "data segment",
}


class TokenError(Exception):
    """A token that means nothing where it stands; whoever knows its place reports it."""

    def __init__(self, code: str, subject: str, expected: str) -> None:
        super().__init__(subject)
        self.code = code
        self.subject = subject
        self.expected = expected


class IndexSpace:
    """The identifiers of one kind of entity."""

    __slots__ = ("count", "identifiers", "kind")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.identifiers: dict[str, int] = {}
        self.count = 0

    @property
    def noun(self) -> str:
        """What a person calls an entity of this space."""
        return NOUNS.get(self.kind, self.kind)

    def bind(self, identifier: str | None) -> int:
        """Add an entity and return its index; raise `TokenError` for a second of one name."""
        index = self.count
        if identifier is not None and self.identifiers.setdefault(identifier, index) != index:
            raise TokenError(
                "E0176",
                f"duplicate {self.kind}",
                f"an identifier that no other {self.noun} has",
            )
        self.count += 1
        return index

    def index(self, word: str) -> int:
        """Return the index that a token denotes; raise `TokenError`."""
        if word[:1] == "$":
            index = self.identifiers.get(word)
            if index is None:
                raise TokenError(
                    "E0175",
                    f"unknown {self.noun}",
                    self._suggestion(word) or f"the identifier of a {self.noun}",
                )
            return index
        try:
            return parse_unsigned(word)
        except NumberError as error:
            raise TokenError(
                "E0178" if word[:1].isdigit() else "E0174",
                error.subject if word[:1].isdigit() else "unexpected token",
                f"the index or identifier of a {self.noun}",
            ) from None

    def _suggestion(self, word: str) -> str | None:
        from difflib import get_close_matches  # noqa: PLC0415  # only for an error's message

        close = get_close_matches(word, self.identifiers, 1)
        return f"`{close[0]}` perhaps" if close else None


class Encodings(dict[str, bytes]):
    """Token to bytes, filled on demand by a function from token to bytes."""

    __slots__ = ("encode",)

    def __init__(self, encode: Callable[[str], bytes]) -> None:
        super().__init__()
        self.encode = encode

    def __missing__(self, word: str) -> bytes:
        encoded = self[word] = self.encode(word)
        return encoded


class Labels:
    """The labels in scope within a body. Depths count from the innermost label, 0."""

    __slots__ = ("depths", "stack")

    def __init__(self) -> None:
        self.stack: list[str | None] = []
        self.depths: dict[str, list[int]] = {}

    def push(self, identifier: str | None) -> None:
        """Enter a block."""
        if identifier is not None:
            self.depths.setdefault(identifier, []).append(len(self.stack))
        self.stack.append(identifier)

    def pop(self) -> None:
        """Leave a block."""
        identifier = self.stack.pop()
        if identifier is not None:
            self.depths[identifier].pop()

    def depth(self, word: str) -> int:
        """Return the label index that a token denotes; raise `TokenError`."""
        if word[:1] == "$":
            positions = self.depths.get(word)
            if not positions:
                raise TokenError("E0175", "unknown label", "the identifier of an enclosing block")
            return len(self.stack) - 1 - positions[-1]
        try:
            return parse_unsigned(word)
        except NumberError:
            raise TokenError(
                "E0174", "unexpected token", "the index or identifier of a label"
            ) from None
