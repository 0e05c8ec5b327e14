"""A WASI guest that does what it is told, stood in for and run by the reference's runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.api import Instance, Module, Store, Trap
from plumbob.engines.request import HostCall, Value
from plumbob.triage.standins import WasiInput, stand_in
from plumbob.wasi.table import functions_of
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text.parser import parse_text

if TYPE_CHECKING:
    from plumbob.triage.standins import LoggedCall, StoodIn

DEFAULT = WasiInput()


def guest_text(wasi_module: str, pages: int = 1) -> str:
    """A module that exports every function of WASI under its name, and its memory."""
    imports, exports = [], []
    for row in functions_of(wasi_module):
        params = " ".join(map(str, row.parameter_types))
        results = " ".join(map(str, row.result_types))
        type_ = f"(param {params}) (result {results})"
        imports.append(f'(import "{wasi_module}" "{row.name}" (func ${row.name} {type_}))')
        gets = " ".join(f"(local.get {place})" for place in range(len(row.parameter_types)))
        exports.append(f'(func (export "{row.name}") {type_} (call ${row.name} {gets}))')
    memory = f'(memory (export "memory") {pages})'
    return f"(module {' '.join(imports)} {memory} {' '.join(exports)})"


class Guest:
    """Calls WASI's functions from inside a module, and reads what was logged."""

    def __init__(self, stood_in: StoodIn) -> None:
        self.stood_in = stood_in
        self.calls: list[HostCall] = []
        (log,) = stood_in.imports
        place = stood_in.imports.index(log)

        def logged(*words: int) -> None:
            values = tuple(Value("i64", word & (1 << 64) - 1) for word in words)
            self.calls.append(HostCall(place, values))

        store = Store()
        module = Module(encode(stood_in.module))
        self.instance = Instance(module, {log.module: {log.name: logged}}, store=store)
        self.memory = self.instance.exports["memory"]

    def call(self, name: str, *args: int) -> int | None:
        """Call a function; None where it traps. Results are unsigned."""
        signed = [arg - (1 << 32) if arg >> 31 == 1 else arg for arg in args]
        try:
            result = self.instance.exports[name](*signed)
        except Trap:
            return None
        return 0 if result is None else result & 0xFFFF_FFFF

    def log(self) -> tuple[LoggedCall, ...]:
        """What was logged since the last time."""
        calls, self.calls = self.calls, []
        return self.stood_in.log.read(calls)


def wasi_guest(module: str, given: WasiInput = DEFAULT, *, seed: int = 0, pages: int = 1) -> Guest:
    """A guest of all of WASI."""
    return Guest(stand_in(parse_text(guest_text(module, pages)), seed, given))
