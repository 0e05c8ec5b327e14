"""Finding and reading inputs: files, folders, standard input; text or binary by content."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from plumbob.cli.outputs import cannot_read, complain
from plumbob.errors import ExitCode, InputError, UsageError
from plumbob.source import read_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plumbob.wasm.module import Module
    from plumbob.wasm.valid.diagnostics import Report

MAGIC = b"\0asm"
MODULE_SUFFIXES = (".wasm", ".wat")
SAMPLE = 4096
CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n\f\r")
"""Control characters that text has no use for, though its comments may hold them."""

STDIN = "-"
STDIN_NAME = "<stdin>"


class Unreadable:
    """Inputs that could not be judged: each is named on standard error, the others go on."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []

    def add(self, path: str, error: InputError) -> None:
        """Note that an input could not be read, or is no core module, and say so."""
        name = display_name(path)
        text = error.message
        self.errors.append((name, text))
        complain(text if name in text else f"{name}: {text}")

    def data(self) -> list[dict[str, str]]:
        """Return the errors as data for JSON."""
        return [{"file": name, "message": message} for name, message in self.errors]

    def exit_code(self, *, found: bool) -> ExitCode:
        """Return a command's status: what could not be read outweighs what was found."""
        if self.errors:
            return ExitCode.USAGE
        return ExitCode.FOUND if found else ExitCode.OK


def find(paths: Iterable[str], suffixes: tuple[str, ...] = MODULE_SUFFIXES) -> list[str]:
    """Return the files that `paths` name, folders replaced by what they hold.

    A folder is walked whole, and its files with one of the suffixes come sorted by path.
    A file named directly is taken whatever its suffix. Raises `InputError` for a folder
    that holds no such file or cannot be read, `UsageError` where standard input is named
    twice.
    """
    found: list[str] = []
    for path in paths:
        if path == STDIN and STDIN in found:
            raise UsageError("standard input can be read only once")
        if path == STDIN or not os.path.isdir(path):
            found.append(path)
            continue
        inside = sorted(
            os.path.join(folder, name)
            for folder, _, names in os.walk(path, onerror=_refuse)
            for name in names
            if name.endswith(suffixes)
        )
        if not inside:
            raise InputError(f"no {' or '.join(suffixes)} file in the folder {path}")
        found.extend(inside)
    return found


def _refuse(error: OSError) -> None:
    raise cannot_read(str(error.filename), error) from error


def read(path: str) -> bytes:
    """Return the bytes of a file or, for `-`, of standard input; InputError if that fails."""
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise InputError("cannot read standard input: it is closed")
            return read_all(sys.stdin.buffer)
        with open(path, "rb") as stream:
            return read_all(stream)
    except OSError as error:
        raise cannot_read(display_name(path), error) from error


def readable(paths: list[str], unreadable: Unreadable) -> list[str]:
    """Return the paths that can be opened, and note the others."""
    found = []
    for path in paths:
        try:
            if path != STDIN:
                with open(path, "rb"):
                    pass
        except OSError as error:
            unreadable.add(path, cannot_read(path, error))
        else:
            found.append(path)
    return found


def display_name(path: str) -> str:
    """Return what messages call this input."""
    return STDIN_NAME if path == STDIN else path


def is_binary(data: bytes, name: str) -> bool:
    """Return whether an input is meant as a binary module rather than as text.

    The magic number decides. Failing that, it is taken for a broken binary where it holds
    control characters and is not UTF-8, or is full of them from the start. An empty input
    is a broken binary too, unless its name says that it is text: no fields are a module.
    """
    if data.startswith(MAGIC):
        return True
    if not data:
        return not name.endswith(".wat")
    sample = data[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, CONTROLS))
    return controls > 1 + len(sample) // 16 or (controls > 0 and not _is_utf8(data))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def decode_text(data: bytes, name: str) -> str:
    """Return the text of an input. Raises `MalformedError` where it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        from plumbob.source import Source, Span
        from plumbob.wasm.errors import MalformedError

        prefix = data[: error.start].decode()
        text = prefix + data[error.start :].decode(errors="replace")
        place = Span(Source(name, text), len(prefix), len(prefix) + 1)
        raise MalformedError(
            "malformed UTF-8 encoding",
            expected="a binary module, which begins with \\0asm, or text in UTF-8",
            found=f"byte {data[error.start]:#04x} at offset {error.start:#x}",
            span=place,
        ) from error


def load(
    data: bytes, name: str, *, features: int | None = None, unreachable_type: bool = True
) -> Module:
    """Return the module that an input holds, decoded or parsed but not validated.

    Without `features` every feature is on, since nothing is judged. Raises
    `MalformedError`, or `ComponentError` for a component.
    """
    from plumbob.wasm.features import ALL

    if features is None:
        features = ALL
    if is_binary(data, name):
        from plumbob.wasm.binary.decode import decode

        return decode(data, name, features=features, allow_unreachable_type=unreachable_type)
    from plumbob.wasm.text import parse_text

    return parse_text(
        decode_text(data, name), name, features=features, allow_unreachable_type=unreachable_type
    )


def check(
    data: bytes, name: str, *, features: int | None, dead_code: str, threads: int = 1
) -> Report:
    """Return the validator's report on an input in either format.

    A valid module's report holds warnings for faults inside custom sections. Raises
    `ComponentError` for a component, `UsageError` for an unknown policy.
    """
    from plumbob.wasm.errors import MalformedError
    from plumbob.wasm.features import DEFAULT
    from plumbob.wasm.valid.diagnostics import MALFORMED, Report
    from plumbob.wasm.valid.policy import TYPED
    from plumbob.wasm.valid.validate import malformed, policy_number, validate

    if features is None:
        features = DEFAULT
    unreachable_type = policy_number(dead_code) == TYPED
    try:
        module = load(data, name, features=features, unreachable_type=unreachable_type)
    except MalformedError as error:
        return Report(name, MALFORMED, [malformed(error)])
    report = validate(module, features=features, dead_code=dead_code, threads=threads)
    if report.ok and module.customs:
        from plumbob.wasm.valid.custom_sections import check_custom_sections

        report.diagnostics.extend(check_custom_sections(module))
    return report


def to_binary(data: bytes, name: str) -> bytes:
    """Return an input as a binary: itself, or its text assembled.

    Raises `MalformedError` for text that cannot be parsed.
    """
    if is_binary(data, name):
        return data
    from plumbob.wasm.binary.encode import encode

    return encode(load(data, name))
