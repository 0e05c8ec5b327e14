"""Writing results: whole files or none, bytes or text, and a document in or without colour."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import click

from plumbob.errors import InputError, UsageError

if TYPE_CHECKING:
    from plumbob.cli.options import Settings
    from plumbob.report.document import Document

PIPE_WIDTH = 100
"""Columns to wrap prose at where there is no terminal and COLUMNS is not set."""

STDOUT_CLOSED = "cannot write standard output: it is closed"


def cannot_write(name: str, error: OSError) -> InputError:
    """Return the error that says why `name` cannot be written."""
    return InputError(f"cannot write {name}: {reason(error)}")


def cannot_read(name: str, error: OSError) -> InputError:
    """Return the error that says why `name` cannot be read."""
    return InputError(f"cannot read {name}: {reason(error)}")


def reason(error: OSError) -> str:
    """Return what the system says, as a part of a sentence."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def write_output(path: str, data: bytes) -> None:
    """Write `data` to a file, or to standard output for `-`.

    The file appears whole or not at all: the bytes go to a new file beside it, which
    then takes its name. What is not a regular file (a device, a pipe) is written as it is.
    Raises `InputError` where that is impossible.
    """
    if path == "-":
        _write_stdout(data)
        return
    try:
        target = os.path.realpath(path)
        mode = _mode_of(target)
        if mode is not None and not stat.S_ISREG(mode):
            with open(target, "wb", buffering=0) as stream:
                stream.write(data)
            return
        _replace(target, data, mode)
    except OSError as error:
        raise cannot_write(path, error) from error


def _mode_of(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replace(target: str, data: bytes, mode: int | None) -> None:
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too must not leave the temporary file behind
        os.unlink(temporary)
        raise


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None:
        raise InputError(STDOUT_CLOSED)
    try:
        sys.stdout.flush()
        rest = memoryview(data)
        while rest:  # unbuffered, a pipe takes what it can at once
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write("standard output", error) from error


def say(text: str = "", *, color: bool = False, err: bool = False) -> None:
    """Print a line of the result. Raises `InputError` where that is impossible.

    That is so as well where standard output was closed before the start, as in coreutils; what
    is for standard error is lost then.
    """
    if sys.stdout is None and not err:
        raise InputError(STDOUT_CLOSED)
    try:
        click.echo(text, color=color, err=err)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write("standard output", error) from error


def complain(text: str) -> None:
    """Say what went wrong on standard error: in one line, or wrapped on a terminal."""
    text = f"plumbob: {text}"
    if sys.stderr is not None and sys.stderr.isatty():
        import textwrap

        text = textwrap.fill(
            text,
            width(),
            subsequent_indent=" " * 4,
            break_long_words=False,
            break_on_hyphens=False,
        )
    click.echo(text, err=True)


def refuse_binary_on_terminal(path: str) -> None:
    """Raise `UsageError` where binary output would go to a terminal."""
    if path == "-" and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError(
            "refusing to write a binary module to a terminal",
            hint="name a file with -o, or redirect the output",
        )


def width() -> int:
    """Return how many columns to lay text out in."""
    import shutil

    columns = shutil.get_terminal_size((PIPE_WIDTH, 0)).columns
    return max(40, min(columns, 120))


def show(document: Document, settings: Settings, *, err: bool = False) -> None:
    """Print a document, on standard error if asked, in colour where the settings say so."""
    stream = sys.stderr if err else sys.stdout
    colored = settings.colored(stream)
    if colored:
        from plumbob.report.color import ansi

        text = ansi(document)
    else:
        text = document.plain()
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    say(text, color=colored, err=err)


ASCII = str.maketrans({"│": "|", "✗": "x", "…": "..."})
"""What the signs of reports become where the output's encoding lacks them."""
