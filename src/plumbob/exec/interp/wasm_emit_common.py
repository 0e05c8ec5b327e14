"""What the emitters of high-level operations share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from plumbob.exec.interp.source_function import FunctionSource
    from plumbob.exec.interp.wasm_faults import WasmPlace
    from plumbob.exec.interp.wasm_linker import ModuleProgram
    from plumbob.frontend.environment import ModuleEnvironment
    from plumbob.ir.entities import Inst, Value

_LOCAL: Final = re.compile(r"[0-9].*|[vt][0-9]+", re.ASCII)


def environment_of(fs: FunctionSource) -> ModuleEnvironment:
    """Return the module whose function is written; high-level operations occur nowhere else."""
    return cast("ModuleProgram", fs.program).environment


def result_name(fs: FunctionSource, inst: Inst) -> str:
    """Return the variable of an instruction's one result."""
    return f"v{fs.func.inst_results[inst][0]}"


def place(fs: FunctionSource, inst: Inst, where: WasmPlace) -> None:
    """Note what the instruction accesses, for `fault`."""
    cast("dict[Inst, Any]", fs.faults)[inst] = where


def local(fs: FunctionSource, value: Value) -> str:
    """Return a literal or local variable that holds the value, for a place to look up."""
    text = fs.atom(value)
    if _LOCAL.fullmatch(text):
        return text
    name = fs.fresh()
    fs.out.line(f"{name} = {text}")
    return name


def texts(fs: FunctionSource, inst: Inst, first: int = 0) -> list[str]:
    """Return the source of an instruction's operands, to be written in this order."""
    return [fs.text(value) for value in fs.func.inst_args[inst][first:]]
