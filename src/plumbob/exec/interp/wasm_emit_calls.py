"""Calls through tables and references, and their forms, as Python source.

A function reference knows its callable, so a call through one is `f.call(d - 1, …)`, in
whatever instance the function lives; a tail call is `Tail(f.tail, (…))`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from plumbob.exec.interp.source_calls import _assigned, _try, _tuple
from plumbob.exec.interp.wasm_emit_common import local, place, texts
from plumbob.exec.interp.wasm_faults import NullPlace, TablePlace
from plumbob.ir.trap_codes import NULL_FUNCTION, UNDEFINED_ELEMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.source_function import FunctionSource
    from plumbob.ir.entities import Inst

    Emitter: TypeAlias = Callable[[FunctionSource, Inst], None]


def _table_callee(fs: FunctionSource, inst: Inst) -> str:
    """Write the look-up of a callee in a table; returns the name that holds it."""
    number, type_ = fs.func.imm(inst, "table"), fs.func.imm(inst, "type")
    index = local(fs, fs.func.inst_args[inst][0])
    place(fs, inst, TablePlace(number, index, UNDEFINED_ELEMENT))
    fs.out.line(f"f = items{number}[{index}]")
    check = f"check_callee(f, type{type_}, {index})"
    fs.out.line(f"if f is None or f.type != type{type_}: {check}")
    return "f"


def _ref_callee(fs: FunctionSource, inst: Inst) -> str:
    name = local(fs, fs.func.inst_args[inst][0])
    place(fs, inst, NullPlace(name, NULL_FUNCTION))
    return name


def _callee(fs: FunctionSource, inst: Inst) -> str:
    is_table = fs.func.inst_op[inst].name.startswith("table.")
    return (_table_callee if is_table else _ref_callee)(fs, inst)


def _call_text(fs: FunctionSource, inst: Inst) -> str:
    return f"{_callee(fs, inst)}.call({', '.join(['d - 1', *texts(fs, inst, 1)])})"


def _call(fs: FunctionSource, inst: Inst) -> None:
    call = _call_text(fs, inst)
    fs.out.line(_assigned([f"v{value}" for value in fs.func.inst_results[inst]], call))


def _return_call(fs: FunctionSource, inst: Inst) -> None:
    callee = _callee(fs, inst)
    fs.out.line(f"return Tail({callee}.tail, {_tuple(texts(fs, inst, 1))})")


def _try_call(fs: FunctionSource, inst: Inst) -> str:
    return _try(fs, inst, _call_text(fs, inst))


def _try_throw(fs: FunctionSource, inst: Inst) -> str:
    return _try(fs, inst, f"throw({texts(fs, inst)[0]})")


CALL_EMITTERS: Final[dict[str, Emitter]] = {
    "table.call": _call,
    "ref.call": _call,
    "table.return_call": _return_call,
    "ref.return_call": _return_call,
}

CALL_SELECTORS: Final[dict[str, Callable[[FunctionSource, Inst], str]]] = {
    "table.try_call": _try_call,
    "ref.try_call": _try_call,
    "exn.try_throw": _try_throw,
}

CALL_FAULTING: Final = (
    "table.call",
    "ref.call",
    "table.return_call",
    "ref.return_call",
    "table.try_call",
    "ref.try_call",
)
