"""Any command as an optimiser: `tool:cmd=wasm-opt -O2 {in} -o {out}`.

So somebody's own optimiser, or a build of one that no registry has, is judged by what it
makes. The command is split as a shell would, and no shell runs it. It reads the module from
the file `{in}` and writes another to `{out}`, in a folder of its own; a program that is named
by a path is looked for from where Plumbob was started.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plumbob.engines.errors import StartError
from plumbob.engines.optimiser import Optimised, told
from plumbob.engines.process import FaultKind
from plumbob.engines.program import SOURCE, TARGET, run_program
from plumbob.engines.request import OutcomeKind
from plumbob.errors import UsageError
from plumbob.runtime.closing import Closing

if TYPE_CHECKING:
    from plumbob.engines.process import Limits
    from plumbob.engines.spec import EngineSpec

TOOL: Final = "tool"
"""The kind of such an engine."""


class Tool(Closing):
    """A command, one process for each module."""

    def __init__(self, spec: EngineSpec, limits: Limits) -> None:
        """Take the command of a specification.

        Raises `UsageError` for one that names no files, `StartError` for one that is not there.
        """
        self.spec = spec
        self.version = ""
        self.limits = limits
        self.flags = command_words(spec.option("cmd"))
        found = shutil.which(self.flags[0])
        if found is None:
            raise StartError(f"{self.flags[0]} is no program that can be run")
        self._program = (str(Path(found).absolute()), *self.flags[1:])
        self.about: dict[str, Any] = {"version": "", "flags": list(self.flags)}

    def optimise(self, module: bytes) -> Optimised:
        """Return the module that the command makes of a module."""
        ran = run_program(self._program, module, self.limits)
        if ran.fault is None:
            if not ran.module:
                return Optimised(FaultKind.GARBAGE, message="left no module", tail=ran.tail)
            return Optimised(OutcomeKind.OK, ran.module)
        ended = Optimised(ran.fault, b"", ran.message, ran.signal, ran.status, ran.tail)
        return told(ended, ran.said)

    def close(self) -> None:
        """Nothing: each process has ended."""


def command_words(command: str) -> tuple[str, ...]:
    """Return the words of a command. Raises `UsageError` for one that names no files."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"the command {command!r} cannot be read", found=str(error)) from error
    if not words or any(not any(part in word for word in words) for part in (SOURCE, TARGET)):
        raise UsageError(
            f"the command {command!r} names no files",
            expected=f"{SOURCE} and {TARGET}, as in `tool:cmd=wasm-opt -O2 {SOURCE} -o {TARGET}`",
        )
    return words
