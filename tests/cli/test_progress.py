"""Progress shows on a terminal, for long work alone, and changes no result."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from plumbob.cli import progress
from plumbob.cli.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let standard error be a terminal; not a fixture, since pytest replaces it after those."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_a_pipe_stays_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", -1)
    assert list(track([1, 2, 3], "counting")) == [1, 2, 3]
    assert stream.getvalue() == ""


def test_short_work_stays_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    assert list(track([1, 2, 3], "counting")) == [1, 2, 3]
    assert stream.getvalue() == ""


def test_long_work_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", -1)
    assert list(track([1, 2, 3], "counting")) == [1, 2, 3]
    assert "counting" in stream.getvalue()


def test_the_bar_goes_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", -1)

    def work() -> Iterator[int]:
        yield 1
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        list(track(work(), "counting", 2))
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is shown again
