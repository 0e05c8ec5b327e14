"""Binaryen's command-line build: one process for each module, with all of wasm-opt's flags.

It runs where the library's interface has no place for a flag, and lists the passes that a
level stands for. Where no flag speaks of features, those of `STANDARD` that the release
knows are switched on, as in the library's harness: wasm-opt itself would believe the target
features section, and refuse everything else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from plumbob.engines.errors import EngineError
from plumbob.engines.program import SOURCE, TARGET, Ran, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from plumbob.engines.process import Limits

STANDARD: Final = tuple(
    """
    mutable-globals nontrapping-float-to-int sign-ext bulk-memory bulk-memory-opt simd
    multivalue reference-types call-indirect-overlong extended-const tail-call relaxed-simd
    exception-handling typed-function-references gc memory64 multimemory threads
    """.split()
)
"""WebAssembly 3 and threads, as wasm-opt spells features."""

FEATURES: Final = re.compile(
    r"-all|-mvp|--all-features|--mvp-features|--detect-features|--(enable|disable)-.+"
)
"""Flags that speak of features."""


class CommandLine:
    """wasm-opt of one release."""

    def __init__(self, name: str, node: str, folder: Path, limits: Limits) -> None:
        self._name = name
        self._node = node
        self._program = folder / "package" / "bin" / "wasm-opt"
        self._limits = limits
        self._known: frozenset[str] | None = None

    def published(self) -> bool:
        """Return whether the release has a command-line build."""
        return self._program.is_file()

    def optimise(self, module: bytes, flags: Sequence[str]) -> Ran:
        """Return what the flags make of a module.

        Raises `EngineError` where the release has no command-line build.
        """
        given = any(FEATURES.fullmatch(flag) for flag in flags)
        features = [] if given else [f"--enable-{name}" for name in self._standard()]
        return self._run(module, [*features, *flags])

    def _standard(self) -> list[str]:
        """Return the features of `STANDARD` that the release knows."""
        if self._known is None:
            said = self._run(b"", ["--help"]).said
            self._known = frozenset(re.findall(r"--enable-([\w-]+)", said))
        return [name for name in STANDARD if name in self._known]

    def _run(self, module: bytes, flags: Sequence[str]) -> Ran:
        if not self.published():
            raise EngineError(f"{self._name} publishes no command-line build")
        program = (self._node, str(self._program), SOURCE, *flags, "-o", TARGET)
        return run_program(program, module, self._limits)
