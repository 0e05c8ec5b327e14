"""Every binary module of the official suite, through the module-level decoder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\(;|;;[^\n]*|[()]|[^\s()";]+')
ESCAPE = re.compile(rb"\\([0-9a-fA-F]{2}|.)", re.DOTALL)
SIMPLE = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b'"': b'"', b"'": b"'", b"\\": b"\\"}


class Case(NamedTuple):
    file: str
    line: int
    command: str
    data: bytes
    message: str


def unescape(token: str) -> bytes:
    return ESCAPE.sub(
        lambda match: SIMPLE.get(match[1]) or bytes.fromhex(match[1].decode()),
        token[1:-1].encode(),
    )


def tokens(text: str) -> Iterator[tuple[str, int]]:
    position = 0
    while match := TOKEN.search(text, position):
        token, position = match[0], match.end()
        if token == "(;":  # noqa: S105  # a comment, not a password
            depth = 1
            while depth:
                step = re.compile(r"\(;|;\)").search(text, position)
                assert step is not None
                depth += 1 if step[0] == "(;" else -1
                position = step.end()
        elif not token.startswith(";;"):
            yield token, match.start()


def cases(path: Path) -> Iterator[Case]:
    """Yield the script's binary modules with the command that they stand in."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    found = list(tokens(text))
    words = [word for word, _ in found]
    for index, word in enumerate(words):
        if word != "binary":
            continue
        start = index - 1
        while words[start] != "module":
            start -= 1
        command = words[start - 2] if words[start - 2].startswith("assert_") else "module"
        index += 1  # noqa: PLW2901  # the strings follow
        data = b""
        while words[index].startswith('"'):
            data += unescape(words[index])
            index += 1  # noqa: PLW2901
        assert words[index] == ")"
        message = words[index + 1] if command != "module" else '""'
        line = text.count("\n", 0, found[start][1]) + 1
        yield Case(path.name, line, command, data, message[1:-1])


def is_malformed(data: bytes, flags: int) -> bool:
    try:
        module = decode(data, features=flags)
        for item in module.code:
            decode_body(item.body)
    except MalformedError:
        return True
    return False


def files(suites: Path) -> list[tuple[Path, int]]:
    spec = suites / "spec"
    proposals = {
        "threads": features.THREADS,
        "wide-arithmetic": features.WIDE_ARITHMETIC,
        "custom-page-sizes": features.CUSTOM_PAGE_SIZES,
    }
    out = [(path, features.DEFAULT) for path in sorted(spec.glob("*.wast"))]
    out += [(path, features.DEFAULT) for path in sorted((spec / "custom").glob("*.wast"))]
    for name, flag in proposals.items():
        folder = spec / "proposals" / name
        out += [(path, features.DEFAULT | flag) for path in sorted(folder.glob("*.wast"))]
    return out


def test_binary_modules_of_the_suite(suites: Path) -> None:
    counts = {"module": 0, "assert_malformed": 0, "assert_invalid": 0}
    missed: list[str] = []
    for path, flags in files(suites):
        for case in cases(path):
            counts[case.command] = counts.get(case.command, 0) + 1
            where = f"{case.file}:{case.line}: {case.message}"
            if case.command != "assert_malformed":
                module = decode(case.data, features=flags)
                again = decode(encode(module), features=flags)
                assert again == module, where
            # The kernel reports what it needs the index spaces for.
            elif "data count section required" not in case.message and not is_malformed(
                case.data, flags
            ):
                missed.append(where)
    assert missed == []
    assert counts["module"] > 60
    assert counts["assert_malformed"] > 650
