"""Instructions in text to bytes: plain and folded, in one loop without recursion.

The text's nesting lives on an explicit stack, so its depth is bounded by memory alone.
A folded operator is encoded when it is met, while the labels in scope are its own, and
written when its parenthesis closes, behind its operands.

The loop is the parser's hot path. Whatever is no structure is a look-up in one of three
tables: no immediates, one token, a reader of its own.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm.binary.instructions import CATCH_NAMES, OPCODES, BlockType, Catch
from plumbob.wasm.module import FIELDS
from plumbob.wasm.opcodes import BY_NAME
from plumbob.wasm.text.immediates import Immediates, encode, words
from plumbob.wasm.text.lexer import describe
from plumbob.wasm.text.numbers import NumberError
from plumbob.wasm.text.scopes import TokenError
from plumbob.wasm.text.types import read_type_use

if TYPE_CHECKING:
    from typing import NoReturn

    from plumbob.wasm.text.context import Context

_END = OPCODES[BY_NAME["end"].code]
_EMPTY = encode("blocktype", BlockType())

# What the innermost open parenthesis or block is. The first group takes both plain and
# folded instructions, the second folded ones alone, the third neither.
(BLOCK, IF, ELSE, TRY, CATCH, CATCH_ALL, FOLDED_BLOCK, THEN, FOLDED_ELSE, DO, FOLDED_CATCH,
 FOLDED_CATCH_ALL) = range(12)  # fmt: skip
OPERANDS, FOLDED_IF = 12, 13
(AFTER_THEN, AFTER_ELSE, FOLDED_TRY, AFTER_DO, AFTER_CATCH_ALL, AFTER_DELEGATE) = range(14, 20)

_FLAT = (BLOCK, IF, ELSE, TRY, CATCH, CATCH_ALL)
_NOUNS = {
    FOLDED_IF: "a folded instruction or `(then`",
    OPERANDS: "a folded instruction or `)`",
    AFTER_THEN: "`(else` or `)`",
    AFTER_ELSE: "`)`",
    FOLDED_TRY: "`(do`",
    AFTER_DO: "`(catch`, `(catch_all`, `(delegate` or `)`",
    AFTER_CATCH_ALL: "`)`",
    AFTER_DELEGATE: "`)`",
}
_FIELDS = ("type", "rec", *FIELDS)
_CAUGHT = (CATCH, CATCH_ALL)
_OF_IF = ("then", "else")
_FOLDED_WORDS = ("then", "else", "do", "catch", "catch_all", "delegate")


class Open(NamedTuple):
    """An open parenthesis or block.

    `encoded` is what is written later: a folded operator, or the header of a folded `if`.
    `at` is the token of its keyword.
    """

    state: int
    identifier: str | None
    encoded: bytes
    at: int
    name: str | None = None


class Assembler:
    """Assembles the bodies and constant expressions of one module."""

    __slots__ = ("context", "immediates", "label_names", "labels", "marks", "out", "places",
                 "stack", "structured", "words")  # fmt: skip

    def __init__(self, context: Context) -> None:
        self.context = context
        self.immediates = Immediates(context)
        self.labels = self.immediates.labels
        self.words = words(context.cursor.features)
        self.out = bytearray()
        self.marks: list[int] = []
        """Offsets of operators in `out`, and of their keywords in the text."""
        self.places: list[int] = []
        self.stack: list[Open] = []
        self.label_names: list[str | None] = []
        """Names of the body's labels in the order of their blocks."""

    def begin(self, prefix: bytes = b"") -> None:
        """Start a body or expression behind a prefix (a body's declarations of locals)."""
        self.out = bytearray(prefix)
        self.marks, self.places, self.label_names = [], [], []
        self.labels.stack.clear()
        self.labels.depths.clear()
        self.stack.clear()

    def end(self) -> None:
        """Write the final `end`, which the text has as a parenthesis."""
        cursor = self.context.cursor
        self.marks.append(len(self.out))
        self.places.append(cursor.starts[cursor.i])
        self.out += _END

    def map(self) -> tuple[array[int], array[int]]:
        """Return where the operators are: offsets in the bytes, and in the text."""
        return array("I", self.marks), array("I", self.places)

    def expression(self, key: tuple[str | int, ...]) -> bytes:
        """Read a constant expression up to the parenthesis that closes what surrounds it."""
        self.begin()
        self.instructions()
        return self._expression(key)

    def folded_expression(self, key: tuple[str | int, ...]) -> bytes:
        """Read a constant expression that is one folded instruction."""
        cursor = self.context.cursor
        if cursor.texts[cursor.i] != "(":
            cursor.unexpected("a folded instruction")
        self.begin()
        self._run(single=True)
        return self._expression(key)

    def _expression(self, key: tuple[str | int, ...]) -> bytes:
        self.end()
        self.context.source_map.operators[key] = self.map()
        return bytes(self.out)

    def instructions(self) -> None:
        """Assemble instructions up to the parenthesis that closes what surrounds them."""
        self._run(single=False)

    def _run(self, *, single: bool) -> None:  # noqa: PLR0915  # the hot loop, kept in one piece
        cursor = self.context.cursor
        texts, starts = cursor.texts, cursor.starts
        plain, one, many, _, _ = self.words
        tables = self.immediates.tables
        out, stack, marks, places = self.out, self.stack, self.marks, self.places
        i = cursor.i
        state = BLOCK
        try:
            while True:
                word = texts[i]
                if word == "(":
                    at = i + 1
                    word = texts[at]
                    if state > FOLDED_IF or not (
                        (encoded := plain.get(word)) or word in one or word in many
                    ):
                        i = at
                        state = self._folded(word, at, state)
                        i = cursor.i
                        continue
                    i = at + 1
                    if encoded is None:
                        if (pair := one.get(word)) is not None:
                            encoded = pair[0] + tables[pair[1]][texts[i]]
                            i += 1
                        else:
                            reader, operators = many[word]
                            encoded, i = reader(self.immediates, operators, i)
                    if texts[i] == ")":
                        marks.append(len(out))
                        places.append(starts[at])
                        out += encoded
                        i += 1
                        if single and not stack:
                            break
                        continue
                    stack.append(Open(OPERANDS, None, encoded, at))
                    state = OPERANDS
                elif word == ")":
                    if not stack:
                        break
                    top = stack.pop()
                    if state == OPERANDS:
                        marks.append(len(out))
                        places.append(starts[top.at])
                        out += top.encoded
                    else:
                        self._close(top, i)
                    i += 1
                    if not stack:
                        if single:
                            break
                        state = BLOCK
                    else:
                        state = stack[-1].state
                elif state >= OPERANDS:
                    cursor.unexpected(_NOUNS[state], at=i)
                else:
                    encoded = plain.get(word)
                    at = i
                    if encoded is None:
                        i += 1
                        if (pair := one.get(word)) is not None:
                            encoded = pair[0] + tables[pair[1]][texts[i]]
                            i += 1
                        elif (entry := many.get(word)) is not None:
                            encoded, i = entry[0](self.immediates, entry[1], i)
                        else:
                            i = at
                            state = self._flat(word, at)
                            i = cursor.i
                            continue
                    else:
                        i += 1
                    marks.append(len(out))
                    places.append(starts[at])
                    out += encoded
        except (TokenError, NumberError) as error:
            self.immediates.report(error, i)
        cursor.i = i
        if not single and texts[i] != ")":
            cursor.unexpected("an instruction or `)`")

    def _emit(self, encoded: bytes, at: int) -> None:
        self.marks.append(len(self.out))
        self.places.append(self.context.cursor.starts[at])
        self.out += encoded

    def _open(self, opened: Open, *, enter: bool = True) -> int:
        """Push what was opened, and its label; return the new state."""
        self.stack.append(opened)
        if enter:
            self._enter(opened)
        return opened.state

    def _enter(self, opened: Open) -> None:
        self.labels.push(opened.identifier)
        self.label_names.append(opened.name)

    def _unknown(self, word: str, at: int) -> NoReturn:
        cursor = self.context.cursor
        missing = self.words.disabled.get(word)
        if missing is not None:
            cursor.require(missing, f"the operator {word}", at=at)
        if not word or word[0] in '()"':
            cursor.unexpected("an instruction or `)`", at=at)
        from difflib import get_close_matches  # noqa: PLC0415  # only for an error's message

        known = (*self.words.plain, *self.words.one, *self.words.many, *self.words.structured)
        close = get_close_matches(word, known, 1, 0.75)
        cursor.fail(
            "unknown operator",
            code="E0179",
            expected=f"`{close[0]}` perhaps" if close else "an instruction",
            hint="if this is a field of the module, the one before it lacks a `)`"
            if word in _FIELDS
            else None,
            at=at,
        )

    def _header(self, keyword: str, at: int) -> tuple[str | None, str | None, bytes]:
        """Read what follows the keyword of a block; return identifier, name and encoding."""
        cursor = self.context.cursor
        cursor.i = at + 1
        identifier = cursor.identifier()
        name = cursor.take_name(identifier, "label")
        encoded = self.words.structured[keyword] + self._block_type()
        if keyword == "try_table":
            encoded += self._catches()
        return identifier, name, encoded

    def _block_type(self) -> bytes:
        cursor = self.context.cursor
        if not cursor.at("(") or cursor.texts[cursor.i + 1] not in {"type", "param", "result"}:
            return _EMPTY
        index, function_type, _ = read_type_use(self.context)
        if index is None:
            params, found = function_type
            if not params and len(found) <= 1:
                return encode("blocktype", BlockType(found[0])) if found else _EMPTY
            index = self.context.type_index(function_type)
        return encode("blocktype", BlockType(None, index))

    def _catches(self) -> bytes:
        """Read catch clauses; their labels are those around the block."""
        cursor = self.context.cursor
        clauses = []
        while cursor.at("(") and (word := cursor.texts[cursor.i + 1]) in CATCH_NAMES:
            cursor.i += 2
            tag = None if word.startswith("catch_all") else self.context.index("tag")
            try:
                label = self.labels.depth(cursor.texts[cursor.i])
            except TokenError as error:
                self.context.report(error)
            cursor.i += 1
            cursor.expect(")")
            clauses.append(Catch(CATCH_NAMES.index(word), tag, label))
        return encode("catches", clauses)

    def _flat(self, word: str, at: int) -> int:
        """Read a structured instruction that is not folded; return the new state."""
        if word not in self.words.structured:
            self._unknown(word, at)
        cursor = self.context.cursor
        cursor.i = at + 1
        if word in _OPENERS:
            identifier, name, encoded = self._header(word, at)
            self._emit(encoded, at)
            return self._open(Open(_OPENERS[word], identifier, b"", at, name))
        top = self.stack[-1] if self.stack else None
        if top is None or top.state not in _ENDS[word]:
            cursor.fail(
                f"`{word}` without its block",
                expected=f"an open {_OWNERS[word]}",
                found=self._opened(top),
                at=at,
            )  # fmt: skip
        self.stack.pop()
        encoded = self.words.structured[word]
        if word == "catch":
            encoded += self.immediates.one("tag", cursor.i)
            cursor.i += 1
            self.stack.append(top._replace(state=CATCH))
        elif word == "catch_all":
            self.stack.append(top._replace(state=CATCH_ALL))
        elif word == "delegate":
            self.labels.pop()
            encoded += self.immediates.one("label", cursor.i)
            cursor.i += 1
        else:
            self._repeated(top)
            if word == "else":
                self.stack.append(top._replace(state=ELSE))
            else:
                self.labels.pop()
        self._emit(encoded, at)
        return self.stack[-1].state if self.stack else BLOCK

    def _opened(self, top: Open | None) -> str:
        """Return what an error message says of the innermost open block."""
        if top is None:
            return "no open block"
        what = describe(self.context.cursor.texts[top.at])
        return f"an open {what}{' with a catch clause' if top.state in _CAUGHT else ''}"

    def _repeated(self, top: Open) -> None:
        """Read the identifier behind `else` or `end`, which repeats the block's."""
        cursor = self.context.cursor
        identifier = cursor.identifier()
        if identifier is not None and identifier != top.identifier:
            cursor.fail(
                "mismatching label",
                code="E0177",
                expected=f"`{top.identifier}`, the block's own" if top.identifier
                else "none: the block has no identifier",
                at=cursor.i - 1,
            )  # fmt: skip

    def _folded(self, word: str, at: int, state: int) -> int:
        """Read the beginning of a folded block or of one of its parts; return the new state."""
        cursor = self.context.cursor
        if word in _FOLDED_WORDS:
            return self._part(word, at, state)
        if state > FOLDED_IF:
            cursor.unexpected(_NOUNS[state], at=at - 1)
        if word not in _OPENERS or word not in self.words.structured:
            self._unknown(word, at)
        identifier, name, encoded = self._header(word, at)
        if word == "if":
            return self._open(Open(FOLDED_IF, identifier, encoded, at, name), enter=False)
        self._emit(encoded, at)
        opened = Open(FOLDED_TRY if word == "try" else FOLDED_BLOCK, identifier, b"", at, name)
        return self._open(opened)

    def _part(self, word: str, at: int, state: int) -> int:
        """Read the beginning of `(then`, `(else`, `(do`, `(catch` and so on."""
        cursor = self.context.cursor
        cursor.i = at + 1
        before, part, after = _PARTS[word]
        if state not in before:
            if state in _NOUNS:
                cursor.unexpected(_NOUNS[state], at=at - 1)
            cursor.fail(
                f"`{word}` without its block",
                expected=f"it right within a folded `{'if' if word in _OF_IF else 'try'}`",
                at=at,
            )
        top = self.stack[-1]
        self.stack[-1] = top._replace(state=after)
        if word == "then":
            self._emit(top.encoded, top.at)
            self._enter(top)
        elif word != "do":
            encoded = self.words.structured[word]
            if word == "catch":
                encoded += self.immediates.one("tag", cursor.i)
                cursor.i += 1
            elif word == "delegate":
                self.labels.pop()
                encoded += self.immediates.one("label", cursor.i)
                cursor.i += 1
                cursor.expect(")")
                self._emit(encoded, at)
                return AFTER_DELEGATE
            self._emit(encoded, at)
        self.stack.append(Open(part, None, b"", at))
        return part

    def _close(self, top: Open, at: int) -> None:
        """Close a folded block or part at the parenthesis `at`."""
        cursor = self.context.cursor
        if top.state in _FLAT:
            cursor.fail(f"`{cursor.texts[top.at]}` is not closed", expected="`end`", at=at)
        if top.state in {FOLDED_IF, FOLDED_TRY}:
            cursor.unexpected(_NOUNS[top.state], at=at)
        if top.state in {FOLDED_BLOCK, AFTER_THEN, AFTER_ELSE, AFTER_DO, AFTER_CATCH_ALL}:
            self._emit(_END, at)
            self.labels.pop()


_OPENERS = {"block": BLOCK, "loop": BLOCK, "try_table": BLOCK, "if": IF, "try": TRY}
_ENDS = {
    "else": (IF,),
    "end": _FLAT,
    "catch": (TRY, CATCH),
    "catch_all": (TRY, CATCH),
    "delegate": (TRY,),
}
_OWNERS = {"else": "`if`", "end": "block", "catch": "`try`", "catch_all": "`try`",
           "delegate": "`try`"}  # fmt: skip
_PARTS = {
    "then": ((FOLDED_IF,), THEN, AFTER_THEN),
    "else": ((AFTER_THEN,), FOLDED_ELSE, AFTER_ELSE),
    "do": ((FOLDED_TRY,), DO, AFTER_DO),
    "catch": ((AFTER_DO,), FOLDED_CATCH, AFTER_DO),
    "catch_all": ((AFTER_DO,), FOLDED_CATCH_ALL, AFTER_CATCH_ALL),
    "delegate": ((AFTER_DO,), AFTER_DELEGATE, AFTER_DELEGATE),
}
"""Part of a folded block: the states of the block before it, its own, the block's after it."""
