"""Cranelift-style test files: a head of commands, then functions with comments.

    test verifier            ; what to do with each function
    set opt_level=speed      ; compiler settings; the ones nobody here knows are kept, unused
    target x86_64 has_avx    ; the machine, for the width of pointers

Comments belong to the entity before them (`ir.parser.AttachedComment`); those before the
first function concern every function.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from plumbob.errors import InputError
from plumbob.ir.parser import AttachedComment, parse_functions
from plumbob.source import Source, Span, read_all

if TYPE_CHECKING:
    from pathlib import Path

    from plumbob.ir.parser import ParsedFunction

_NARROW_TARGETS = frozenset(("pulley32", "pulley32be"))
_FUNCTION = re.compile(r"^[ \t]*function\b", re.MULTILINE)


class Command(NamedTuple):
    """`test NAME ARGS…` in some line."""

    name: str
    args: tuple[str, ...]
    line: int


class ClifFile(NamedTuple):
    """A parsed test file.

    `settings` maps the names of `set` lines to their values, "true" where none is given;
    `targets` are the target lines' words; `comments` those before the first function.
    """

    source: Source
    commands: tuple[Command, ...]
    settings: dict[str, str]
    targets: tuple[tuple[str, ...], ...]
    comments: tuple[AttachedComment, ...]
    functions: tuple[ParsedFunction, ...]

    def pointer_bits(self) -> int:
        """Return the width of pointers: 32 for pulley32 alone, otherwise 64."""
        names = {target[0] for target in self.targets}
        return 32 if names and names <= _NARROW_TARGETS else 64

    def enabled(self, setting: str) -> bool:
        """Return whether a setting is switched on."""
        return self.settings.get(setting) in ("true", "1", "yes", "on")


def read_clif_file(path: Path) -> ClifFile:
    """Return the test file at `path`; raises InputError if it cannot be read or parsed."""
    try:
        with path.open("rb") as stream:
            text = read_all(stream).decode()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8", found=str(error)) from None
    return parse_clif_file(Source(str(path), text))


def parse_clif_file(source: Source) -> ClifFile:
    """Return the parsed file; raises InputError at the first thing that is malformed."""
    text = source.text or ""
    match = _FUNCTION.search(text)
    body = match.start() if match else len(text)
    commands: list[Command] = []
    settings: dict[str, str] = {}
    targets: list[tuple[str, ...]] = []
    comments: list[AttachedComment] = []
    offset = 0
    for line, raw in enumerate(text[:body].splitlines(keepends=True), 1):
        span = Span(source, offset, offset + len(raw.rstrip()))
        offset += len(raw)
        content, semicolon, comment = raw.partition(";")
        if semicolon:
            comments.append(AttachedComment(("file", 0), ";" + comment.rstrip(), line))
        words = content.split()
        if not words:
            continue
        if len(words) < 2 or words[0] not in ("test", "set", "target"):
            raise InputError(
                "malformed head of a test file",
                expected="`test NAME`, `set NAME`, `target NAME` or a function",
                found=f"`{content.strip()}`",
                span=span,
            )
        if words[0] == "test":
            commands.append(Command(words[1], tuple(words[2:]), line))
        elif words[0] == "target":
            targets.append(tuple(words[1:]))
        else:
            for word in words[1:]:
                name, _, value = word.partition("=")
                settings[name] = value or "true"
    functions = tuple(parse_functions(source, body))
    return ClifFile(source, tuple(commands), settings, tuple(targets), tuple(comments), functions)
