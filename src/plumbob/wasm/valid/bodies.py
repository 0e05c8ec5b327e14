"""Function bodies and constant expressions through the kernel; what fails is explained.

The kernel checks a body in one pass and stops at its first fault. A body that fails is run
a second time, alone, so that the state the kernel was in can be read: `explain.py` makes a
diagnostic of it. A body that is invalid may be malformed further on, and malformed is the
graver verdict: so the rest of its grammar is decoded too.
"""

from __future__ import annotations

from array import array
from functools import cached_property
from typing import TYPE_CHECKING

from plumbob.wasm.module import BodySequence
from plumbob.wasm.valid.diagnostics import MALFORMED, Diagnostic
from plumbob.wasm.valid.kernel._kernel import Checker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plumbob.wasm.module import Module
    from plumbob.wasm.names import Names
    from plumbob.wasm.text.print_code import CodePrinter
    from plumbob.wasm.type_space import TypeSpace
    from plumbob.wasm.valid.kernel._kernel import Context

MAX_EXPLAINED = 100
"""How many invalid functions are explained; the others are counted."""

MIN_THREADED_BYTES = 1 << 20
"""Below this many bytes of code one thread is done before a second has started."""

CHUNKS_PER_THREAD = 8
"""Functions differ in size: more chunks than threads keep all of them busy."""


class BodyChecker:
    """The function bodies of one module; `imported` functions come before them."""

    def __init__(
        self, context: Context, checker: Checker, space: TypeSpace, module: Module
    ) -> None:
        self.context = context
        self.checker = checker
        self.space = space
        self.module = module
        self.imported = 0
        self.printed: int | None = None
        """The function that the printer has been turned to."""
        code = module.code
        if isinstance(code, BodySequence):
            self.data, self.starts, self.ends = code.data, code.starts, code.ends
        else:
            self.data, self.starts, self.ends = _join([item.body for item in code])

    @cached_property
    def printer(self) -> CodePrinter:
        """What writes operators as text. A module's names may be many: it is made once."""
        from plumbob.wasm.text.identifiers import Identifiers  # noqa: PLC0415  # for faults
        from plumbob.wasm.text.print_code import CodePrinter  # noqa: PLC0415  # for faults

        return CodePrinter(Identifiers(self.names), self.module.types)

    def printer_of(self, function: int) -> CodePrinter:
        """Return the printer, turned to the locals of a function (imports counted)."""
        if self.printed != function:
            self.printer.enter(function)
            self.printed = function
        return self.printer

    @cached_property
    def names(self) -> Names:
        """The module's names, none where its name section is malformed."""
        from plumbob.wasm.text.identifiers import readable_names  # noqa: PLC0415  # for faults

        return readable_names(self.module)

    @cached_property
    def _layout(self) -> Mapping[tuple[str | int, ...], int]:
        """Where the parts of the module stand in its binary, by the keys of `offsets`."""
        if self.module.offsets:
            return self.module.offsets
        from plumbob.wasm.binary.encode import encode  # noqa: PLC0415  # only text with faults pays

        layout: dict[tuple[str | int, ...], int] = {}
        encode(self.module, layout)
        return layout

    def base_of(self, key: tuple[str | int, ...]) -> int:
        """Return where a body or constant expression begins in the binary.

        `key` is that of `SourceMap.operators`.
        """
        if key[0] == "func" or len(key) > 2:
            return self._layout[key]
        return self._layout[(*key, "init")]

    def check(self, threads: int = 1) -> list[Diagnostic]:
        """Check all bodies and return what is wrong, in the order of the functions."""
        count = len(self.starts)
        if threads <= 1 or not count or self.ends[-1] - self.starts[0] < MIN_THREADED_BYTES:
            failed = self.run(self.checker)
        else:
            failed = self._failures_in_threads(threads, count)
        diagnostics: list[Diagnostic] = []
        for place in failed[:MAX_EXPLAINED]:
            diagnostics.extend(self.explain(place))
        if len(failed) > MAX_EXPLAINED:
            more = f"{len(failed) - MAX_EXPLAINED} more functions are invalid too"
            last = diagnostics.pop()
            diagnostics.append(last._replace(notes=(*last.notes, more)))
            # The graver verdict may hide among those.
            diagnostics.extend(self._malformed(failed[MAX_EXPLAINED:]))
        return diagnostics

    def run(self, checker: Checker) -> list[int]:
        """Send all bodies through a checker; return the places of those that fail."""
        return self._failures(checker, 0, len(self.starts))

    def _failures(self, checker: Checker, first: int, last: int) -> list[int]:
        return checker.check(self.data, self.starts, self.ends, first, last, self.imported)

    def _failures_in_threads(self, threads: int, count: int) -> list[int]:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # 3 ms at start-up

        chunks = threads * CHUNKS_PER_THREAD
        total = self.ends[count - 1]
        bounds = [0]
        for place in range(count):  # chunks of equal bytes, not of equal functions
            if self.ends[place] * chunks >= total * len(bounds):
                bounds.append(place + 1)
        bounds[-1] = count

        def work(place: int) -> list[int]:
            return self._failures(Checker(self.context), bounds[place], bounds[place + 1])

        with ThreadPoolExecutor(threads) as pool:
            return [item for part in pool.map(work, range(len(bounds) - 1)) for item in part]

    def explain(self, place: int) -> list[Diagnostic]:
        """Run one body again and say what is wrong with it."""
        from plumbob.wasm.valid.explain import Explainer  # noqa: PLC0415  # only invalid modules pay

        self.checker.check(self.data, self.starts, self.ends, place, place + 1, self.imported)
        body = self.data[self.starts[place] : self.ends[place]]
        explainer = Explainer(self, bytes(body), ("func", place))
        found = [explainer.diagnostic()]
        if found[0].verdict != MALFORMED and self.checker.find_malformed(body, is_const=False):
            found.append(explainer.diagnostic())
        return found

    def explain_const(
        self, expression: bytes, expected: int, key: tuple[str | int, ...]
    ) -> list[Diagnostic]:
        """Say what is wrong with a constant expression that has just failed."""
        from plumbob.wasm.valid.explain import Explainer  # noqa: PLC0415  # only invalid modules pay

        self.checker.check_const(expression, expected)
        explainer = Explainer(self, expression, key)
        found = [explainer.diagnostic()]
        if found[0].verdict != MALFORMED and self.checker.find_malformed(expression, is_const=True):
            found.append(explainer.diagnostic())
        return found

    def find_malformed(self) -> list[Diagnostic]:
        """Decode bodies alone, where the module's index spaces are broken."""
        return self._malformed(range(len(self.starts)))

    def _malformed(self, places: Iterable[int]) -> list[Diagnostic]:
        from plumbob.wasm.valid.explain import Explainer  # noqa: PLC0415  # only invalid modules pay

        found: list[Diagnostic] = []
        for place in places:
            body = self.data[self.starts[place] : self.ends[place]]
            if self.checker.find_malformed(body, is_const=False):
                found.append(Explainer(self, bytes(body), ("func", place)).diagnostic())
                if len(found) == MAX_EXPLAINED:
                    break
        return found


def _join(bodies: Sequence[bytes]) -> tuple[bytes, array[int], array[int]]:
    starts, ends = array("I"), array("I")
    position = 0
    for body in bodies:
        starts.append(position)
        position += len(body)
        ends.append(position)
    return b"".join(bodies), starts, ends
