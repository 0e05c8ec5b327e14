"""Exceptions of WebAssembly: how they travel, and which handler takes one.

A tag immediate is an index of the module's tag space; two indices, even of two modules, may
name one tag, so handlers compare the tag objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from plumbob.exec.interp.outcome import GuestException
from plumbob.ir.trap_codes import NULL_EXCEPTION
from plumbob.runtime.traps import GuestTrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.entities import ExceptionTable
    from plumbob.runtime.instance import Instance
    from plumbob.runtime.references import ExnRef


class WasmException(GuestException):
    """A WebAssembly exception on its way to a handler; the payload is the exception itself."""

    def __init__(self, exception: ExnRef) -> None:
        super().__init__(0, (exception,))  # type: ignore[arg-type]  # before lowering, an object
        self.exception = exception


def throwing(exception: ExnRef | None) -> WasmException:
    """Return what to raise for `throw_ref`; traps for null."""
    if exception is None:
        raise GuestTrap(NULL_EXCEPTION)
    return WasmException(exception)


def throw(exception: ExnRef | None) -> NoReturn:
    """Throw as `throw_ref` does; traps for null."""
    raise throwing(exception)


def catch_in(
    instance: Instance,
) -> Callable[[GuestException, ExceptionTable, tuple[int, ...]], tuple[int, tuple[Any, ...]]]:
    """Return the look-up of handlers for code of an instance; see `linker.catch`."""
    tags = instance.tags

    def catch(
        exception: GuestException,
        table: ExceptionTable,
        contexts: tuple[int, ...],  # noqa: ARG001  # WebAssembly has none
    ) -> tuple[int, tuple[Any, ...]]:
        assert isinstance(exception, WasmException)  # noqa: S101  # guests throw no others
        tag = exception.exception.tag
        for handler in table.handlers:
            if handler.kind == "default" or (
                handler.number is not None and tags[handler.number] is tag
            ):
                assert handler.target is not None  # noqa: S101  # tags and defaults have one
                return handler.target, exception.payload
        return 0, ()

    return catch
