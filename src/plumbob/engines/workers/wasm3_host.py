"""The host of wasm3, through its Python package.

Run as `python -I -S wasm3_host.py IN OUT FOLDER VERSION OPTIONS`. Its package links
functions alone; other imports are unsupported. Functions compile when they are first
looked up, so that a missing feature may show itself in a call.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plumbob.engines.workers import host
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # start-up
    import host

    sys.path[0] = sys.argv[3]
import wasm3

STACK = 1 << 16
"""Bytes of a runtime's stack. wasm3 recurses on the process's own as well, about a hundred
bytes of it for one of these, and checks this one alone."""

START = 8
"""The number of the start section."""

LETTERS = {"i32": "i", "i64": "I", "f32": "f", "f64": "F"}


class Program:
    """A parsed module, and the runtime that it is loaded into."""

    def __init__(self, binary: bytes) -> None:
        environment = wasm3.Environment()
        self.runtime = environment.new_runtime(STACK)
        self.module = environment.parse_module(binary)
        if START in sections(binary):
            raise host.Failed("unsupported", "the Python package runs no start function")

    def instantiate(self, imports: list[dict[str, Any]], log: list[Any]) -> None:
        """Load the module, then link its imports."""
        for item in imports:
            if item["kind"] != "func" or not set(item["params"] + item["results"]) <= set(LETTERS):
                raise host.Failed("unsupported", f"the Python package links no {item['kind']}")
        try:
            self.runtime.load(self.module)
            for place, item in enumerate(imports):
                result = "".join(LETTERS[kind] for kind in item["results"]) or "v"
                params = "".join(LETTERS[kind] for kind in item["params"])
                self.module.link_function(
                    item["module"],
                    item["name"],
                    f"{result}({params})",
                    host.recorder(place, item, log, call=self.call_back),
                )
        except RuntimeError as error:
            raise host.Failed("link", str(error)) from error

    def call(self, export: str, args: list[str], results: list[str]) -> list[str]:
        """Call an export."""
        given = [host.number(text)[1] for text in args]
        try:
            function = self.runtime.find_function(export)
        except RuntimeError as error:
            raise host.Failed("unsupported", str(error)) from error
        try:
            back = function(*given)
        except RuntimeError as error:
            kind = "trap" if "[trap]" in str(error) else "error"
            raise host.Failed(kind, str(error)) from error
        back = () if not results else back if isinstance(back, tuple) else (back,)
        return [host.wire(kind, item) for kind, item in zip(results, back, strict=True)]

    def call_back(self, _export: str, _args: list[str], _results: list[str]) -> list[str]:
        """Refuse: a runtime of wasm3 has one stack, and a call within a call begins it anew."""
        raise host.Failed("unsupported", "a function of the host's cannot call back")

    def close(self) -> None:
        """Nothing: the runtime goes with this object."""


def sections(binary: bytes) -> list[int]:
    """Return the numbers of a module's sections; the module has been parsed already."""
    numbers = []
    place = 8
    while place < len(binary):
        numbers.append(binary[place])
        place += 1
        size = shift = 0
        while True:
            byte = binary[place]
            place += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        place += size
    return numbers


def compile_module(binary: bytes, fuel: int | None) -> Program:  # noqa: ARG001  # it counts none
    """Parse; raises `Failed`."""
    try:
        return Program(binary)
    except RuntimeError as error:
        raise host.Failed("rejected", str(error)) from error


if __name__ == "__main__":
    host.serve(host.descriptors(), {"version": sys.argv[4]}, compile_module)
