"""Calls. After one of a function whose result type is `unreachable`, code is dead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.exceptions import emit_call
from plumbob.ir.trap_codes import UNREACHABLE

if TYPE_CHECKING:
    from plumbob.frontend.function import FunctionTranslator, Translation


def _emit(
    f: FunctionTranslator, namespace: str, immediates: tuple[int, ...], type_index: int
) -> None:
    """Append a call whose operands are on the stack, the callee of an indirect one topmost."""
    callee = (f.pop(),) if namespace else ()
    shape = f.environment.shape(type_index)
    operands = (*callee, *f.pop_many(len(shape.params)))
    emit_call(f, namespace, immediates, type_index, operands)
    if not shape.returns:
        f.trap(UNREACHABLE)


def _emit_tail(
    f: FunctionTranslator, namespace: str, immediates: tuple[int, ...], type_index: int
) -> None:
    """Append a tail call.

    A callee with the result type `unreachable` may be called in a tail position of any
    function. Where the results differ, it is called as usual, since it does not return.
    """
    shape = f.environment.shape(type_index)
    if shape.results != f.frames[0].shape.results:
        frame = f.frames[-1]
        handlers, frame.handlers = frame.handlers, ()  # a tail call leaves them behind
        _emit(f, namespace, immediates, type_index)
        frame.handlers = handlers  # an else may follow
        return
    callee = (f.pop(),) if namespace else ()
    operands = (*callee, *f.pop_many(len(shape.params)))
    if namespace:
        imms = (*immediates, f.sig_ref(type_index))
        f.emit(f"{namespace}.return_call", operands, imms=imms)
    else:
        f.emit("return_call", operands, imms=immediates)
    f.reachable = False


def _call(f: FunctionTranslator, index: int) -> None:
    _emit(f, "", (f.func_ref(index),), f.environment.functions[index])


def _call_indirect(f: FunctionTranslator, type_index: int, table: int) -> None:
    _emit(f, "table", (table, type_index), type_index)


def _call_ref(f: FunctionTranslator, type_index: int) -> None:
    _emit(f, "ref", (type_index,), type_index)


def _return_call(f: FunctionTranslator, index: int) -> None:
    _emit_tail(f, "", (f.func_ref(index),), f.environment.functions[index])


def _return_call_indirect(f: FunctionTranslator, type_index: int, table: int) -> None:
    _emit_tail(f, "table", (table, type_index), type_index)


def _return_call_ref(f: FunctionTranslator, type_index: int) -> None:
    _emit_tail(f, "ref", (type_index,), type_index)


ROWS: Final[dict[str, Translation]] = {
    "call": _call,
    "call_indirect": _call_indirect,
    "call_ref": _call_ref,
    "return_call": _return_call,
    "return_call_indirect": _return_call_indirect,
    "return_call_ref": _return_call_ref,
}
