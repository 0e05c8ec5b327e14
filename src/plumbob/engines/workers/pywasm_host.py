"""The host of pywasm, an interpreter in Python.

Run as `python -I -S pywasm_host.py IN OUT FOLDER VERSION OPTIONS`. It has neither a
validator nor kinds of traps: a broken assertion of its own is how it traps. One of them, on
the number of its frames, is the depth of its stack.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plumbob.engines.workers import host
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # start-up
    import host

    sys.path[0] = sys.argv[3]
import pywasm

NUMBERS = ("i32", "i64", "f32", "f64")


class Program:
    """A decoded module and its runtime."""

    def __init__(self, binary: bytes) -> None:
        self.description = pywasm.ModuleDesc.from_reader(io.BytesIO(binary))
        self.runtime = pywasm.Runtime()
        self.instance: Any = None

    def instantiate(self, imports: list[dict[str, Any]], log: list[Any]) -> None:
        """Link functions and instantiate."""
        for place, item in enumerate(imports):
            if item["kind"] != "func" or not set(item["params"] + item["results"]) <= set(NUMBERS):
                raise host.Failed("unsupported", f"no stand-in for a {item['kind']}")
            kinds = [
                [getattr(pywasm.ValType, kind)() for kind in item[side]]
                for side in ("params", "results")
            ]
            function = self.runtime.allocate_func_host(
                pywasm.FuncType(*kinds),
                listing(host.recorder(place, item, log, call=self.call_back)),
            )
            self.runtime.imports.setdefault(item["module"], {})[item["name"]] = function
        try:
            self.instance = self.runtime.instance(self.description)
        except Exception as error:
            raise failure(error) from error

    def call(self, export: str, args: list[str], results: list[str]) -> list[str]:
        """Call an export."""
        given = [host.number(text)[1] for text in args]
        if None in given:
            raise host.Failed("unsupported", "no references are passed")
        try:
            back = self.runtime.invocate(self.instance, export, given)
        except host.Failed:  # of a function of this host's
            raise
        except Exception as error:
            raise failure(error) from error
        finally:
            machine = self.runtime.machine  # what a trap leaves on the stack is not the next's
            machine.stack = type(machine.stack)()
        return [host.wire(kind, item) for kind, item in zip(results, back, strict=True)]

    def call_back(self, _export: str, _args: list[str], _results: list[str]) -> list[str]:
        """Refuse: the interpreter has one machine, which a call within a call would clear."""
        raise host.Failed("unsupported", "a function of the host's cannot call back")

    def close(self) -> None:
        """Nothing: the runtime goes with this object."""


def listing(function: Any) -> Any:
    """Return a function with the calling convention of pywasm's host functions."""

    def called(_machine: Any, args: list[Any]) -> list[Any]:
        back = function(*args)
        return [] if back is None else back if isinstance(back, list) else [back]

    return called


def failure(error: Exception) -> host.Failed:
    """Return the outcome that an error of the interpreter stands for."""
    if isinstance(error, AssertionError) and "stack.frame) <" in asserted(error):
        return host.Failed("trap", "too many frames")
    return host.Failed("trap", f"{type(error).__name__}: {error}")


def asserted(error: AssertionError) -> str:
    """Return the line of the interpreter's source that failed: its assertions say nothing."""
    return traceback.extract_tb(error.__traceback__)[-1].line or ""


def compile_module(binary: bytes, fuel: int | None) -> Program:  # noqa: ARG001  # it counts none
    """Decode; raises `Failed`."""
    try:
        return Program(binary)
    except Exception as error:
        # An opcode it does not know is a broken assertion as well.
        raise host.Failed("unsupported", f"{type(error).__name__}: {error}") from error


if __name__ == "__main__":
    host.serve(host.descriptors(), {"version": sys.argv[4]}, compile_module)
