"""A user's own test as the predicate: a command that succeeds where the program is interesting."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plumbob.errors import UsageError

if TYPE_CHECKING:
    from plumbob.triage.reduce.draft import Draft

PLACE: Final = "{}"
"""What stands in a command for the file with the program."""


class CommandTest:
    """Runs a command on each draft; exit status 0 says that it is interesting.

    The command is split into words as a shell would and runs without one, in a folder of its
    own that holds the module (`program.wasm`), with no input; what it prints is thrown away.
    One that does not end within `seconds` says no.
    """

    def __init__(self, command: str, seconds: float) -> None:
        """Take the command. Raises `UsageError` for one without a place for the file."""
        try:
            self.words = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"the test {command!r}: {error}") from None
        if not any(PLACE in word for word in self.words):
            raise UsageError(
                "the test names no file", expected=f"{PLACE} where it stands", found=repr(command)
            )
        self.seconds = seconds

    def __call__(self, draft: Draft) -> bool:
        """Return whether the command succeeds. Raises `UsageError` where it cannot be run."""
        with tempfile.TemporaryDirectory(prefix="plumbob-reduce-") as folder:
            file = Path(folder) / "program.wasm"
            file.write_bytes(draft.binary)
            words = [word.replace(PLACE, str(file)) for word in self.words]
            try:
                done = subprocess.run(  # noqa: S603  # the user's own command
                    words,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=self.seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return False
            except OSError as error:
                reason = error.strerror or str(error)
                raise UsageError(f"the test {words[0]!r} cannot be run: {reason}") from None
        return done.returncode == 0
