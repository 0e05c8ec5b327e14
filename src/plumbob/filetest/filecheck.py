"""Patterns in comments, matched against a text in order.

The directives are those of the filecheck crate (docs.rs/filecheck 0.5), which Cranelift's
test files use:

- `check: P`: P matches after the previous match.
- `sameln: P`: … after it on the same line.
- `nextln: P`: … on the line after it.
- `unordered: P`: P matches after the last ordered match; a run of these may match in any
  order, and what follows goes on after the last of them.
- `not: P`: P does not match between the matches around this directive.
- `regex: NAME=RX`: from here on `$NAME` in a pattern stands for RX.

In a pattern, white space matches any white space within a line, and a pattern that begins
or ends with a letter, digit or `_` begins or ends at a word's boundary (`v1` does not match
in `v10`). `$NAME` is a variable; `$(NAME=RX)` matches RX and assigns what it matched;
`$(NAME=$OTHER)` the same with another variable's expression; `$(=RX)` or `$()` match
without a name; `$$` is a dollar sign.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from plumbob.errors import InputError

DIRECTIVES: Final = ("check", "sameln", "nextln", "unordered", "not", "regex")

_DIRECTIVE = re.compile(rf"\b({'|'.join(DIRECTIVES)}):(?:\s+(.*)|$)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HORIZONTAL_SPACE: Final = r"[ \t]+"


class Directive(NamedTuple):
    """One directive; `line` is where it stands in its file, from 1."""

    kind: str
    pattern: str
    line: int


class Result(NamedTuple):
    """What became of one directive; `reason` is None if it held."""

    directive: Directive
    reason: str | None


def find_directive(text: str, line: int = 0) -> Directive | None:
    """Return the directive in a comment, or None if it holds none."""
    match = _DIRECTIVE.search(text)
    return Directive(match[1], (match[2] or "").strip(), line) if match else None


def filecheck(directives: list[Directive], text: str) -> list[Result]:
    """Return one result for each directive but `regex`, up to the first that fails.

    Directives after a failing one have no result: where they would match depends on it.
    Raises InputError if a pattern is malformed.
    """
    return _Matcher(text).run(directives)


class _Matcher:
    def __init__(self, text: str) -> None:
        self.text = text
        self.expressions: dict[str, str] = {}
        """Variables defined by `regex`: regular expressions."""
        self.values: dict[str, str] = {}
        """Variables assigned by a match: literal texts."""
        self.ordered_end = 0
        """Where the last ordered match ends."""
        self.end = 0
        """Where the last match, ordered or not, ends."""
        self.forbidden: list[tuple[Directive, int]] = []
        """`not` directives that wait for the next match, and where their range begins."""
        self.results: list[Result] = []

    def run(self, directives: list[Directive]) -> list[Result]:
        for directive in directives:
            if directive.kind == "regex":
                self.define(directive)
                continue
            if directive.kind == "not":
                self.forbidden.append((directive, self.end))
                continue
            if not self.match(directive):
                return self.results
        self.absent_until(len(self.text))
        return self.results

    def define(self, directive: Directive) -> None:
        name, equals, expression = directive.pattern.partition("=")
        if not equals or _NAME.fullmatch(name.strip()) is None:
            raise InputError(
                f"malformed `regex:` directive in line {directive.line}",
                expected="NAME=REGEX",
                found=repr(directive.pattern),
            )
        _compiled(expression.strip(), directive)
        self.expressions[name.strip()] = expression.strip()

    def match(self, directive: Directive) -> bool:
        start, stop = self.range_of(directive.kind)
        pattern, captured = self.compile(directive)
        found = pattern.search(self.text, start, stop)
        if found is None:
            where = {
                "sameln": "on the same line",
                "nextln": "on the next line",
            }.get(directive.kind, "in the rest")
            rest = self.text[start:stop].strip("\n").split("\n", 1)[0]
            self.results.append(
                Result(directive, f"`{directive.pattern}` does not match {where}: `{rest}`")
            )
            return False
        for name, group in captured.items():
            self.values[name] = found[group]
        if directive.kind == "unordered":
            self.end = max(self.end, found.end())
        else:
            if not self.absent_until(found.start()):
                return False
            self.ordered_end = self.end = found.end()
        self.results.append(Result(directive, None))
        return True

    def range_of(self, kind: str) -> tuple[int, int]:
        text = self.text
        if kind == "unordered":
            return self.ordered_end, len(text)
        if kind == "check":
            return self.end, len(text)
        start = self.end
        if kind == "nextln":
            newline = text.find("\n", start)
            start = newline + 1 if newline >= 0 else len(text)
        newline = text.find("\n", start)
        return start, newline if newline >= 0 else len(text)

    def absent_until(self, stop: int) -> bool:
        """Judge the waiting `not` directives on the text before `stop`."""
        waiting, self.forbidden = self.forbidden, []
        for directive, start in waiting:
            pattern, _ = self.compile(directive)
            found = pattern.search(self.text, start, stop) if start < stop else None
            if found is not None:
                reason = f"`{directive.pattern}` must not match, but matches `{found[0]}`"
                self.results.append(Result(directive, reason))
                return False
            self.results.append(Result(directive, None))
        return True

    # Patterns

    def compile(self, directive: Directive) -> tuple[re.Pattern[str], dict[str, str]]:
        """Return the pattern, and which group each variable that it assigns is."""
        text = directive.pattern
        parts: list[str] = []
        captured: dict[str, str] = {}
        position = 0
        literal_start = literal_end = False
        while position < len(text):
            dollar = text.find("$", position)
            literal = text[position : dollar if dollar >= 0 else len(text)]
            if literal:
                literal_start |= position == 0
                parts.append(_literal(literal))
            literal_end = bool(literal)
            if dollar < 0:
                break
            part, position = self.variable(text, dollar, directive, captured)
            literal_end = False
            parts.append(part)
        expression = "".join(parts)
        if literal_start and _is_word(text[0]):
            expression = r"\b" + expression
        if literal_end and _is_word(text[-1]):
            expression += r"\b"
        return _compiled(expression, directive), captured

    def variable(
        self, text: str, dollar: int, directive: Directive, captured: dict[str, str]
    ) -> tuple[str, int]:
        """Return the expression of the variable at `dollar`, and where it ends."""
        following = text[dollar + 1 : dollar + 2]
        if following == "$":
            return re.escape("$"), dollar + 2
        if following == "(":
            close = _closing(text, dollar + 1)
            if close < 0:
                raise _malformed(directive, "a closing parenthesis")
            return self.parenthesised(text[dollar + 2 : close], directive, captured), close + 1
        name = _NAME.match(text, dollar + 1)
        if name is None:
            raise _malformed(directive, "a variable's name after `$`")
        return self.lookup(name[0], directive, captured), name.end()

    def parenthesised(self, inner: str, directive: Directive, captured: dict[str, str]) -> str:
        name, equals, expression = inner.partition("=")
        name = name.strip()
        if not equals:
            return self.lookup(name, directive, captured) if name else ""
        if expression.startswith("$"):
            expression = self.lookup(expression[1:].strip("()"), directive, captured)
        _compiled(expression, directive)
        if not name:
            return f"(?:{expression})"
        if _NAME.fullmatch(name) is None or name in captured:
            raise _malformed(directive, "a new variable's name")
        captured[name] = name
        return f"(?P<{name}>{expression})"

    def lookup(self, name: str, directive: Directive, captured: dict[str, str]) -> str:
        if name in captured:
            return f"(?P={name})"
        value = self.values.get(name)
        if value is not None:
            return re.escape(value)
        expression = self.expressions.get(name)
        if expression is None:
            raise _malformed(directive, f"a variable that is defined, not `{name}`")
        return f"(?:{expression})"


def _closing(text: str, start: int) -> int:
    """Return the parenthesis that closes the one at `start`; -1 if none does."""
    depth = 0
    position = start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1


def _literal(text: str) -> str:
    """Escape a literal; its white space matches any within a line."""
    words = re.split(r"(\s+)", text)
    return "".join(_HORIZONTAL_SPACE if word.isspace() else re.escape(word) for word in words)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _compiled(expression: str, directive: Directive) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.MULTILINE)
    except re.error as error:
        raise _malformed(directive, f"a regular expression ({error})") from None


def _malformed(directive: Directive, expected: str) -> InputError:
    return InputError(
        f"malformed `{directive.kind}:` directive in line {directive.line}",
        expected=expected,
        found=repr(directive.pattern),
    )
