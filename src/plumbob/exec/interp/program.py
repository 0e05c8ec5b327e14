"""A program: functions by name, turned into Python code once, for any number of machines.

A function is compiled when it is first called. From then on the program keeps its code, so
a function must not be changed after it was handed over; every stage of a pipeline makes a
program of its own.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from plumbob.errors import UsageError
from plumbob.exec.interp.memory import LAYOUTS
from plumbob.exec.interp.source_function import Compiled, FunctionSource
from plumbob.ir.printer import print_name
from plumbob.semantics.source_library import SourceLibrary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plumbob.ir.entities import Signature
    from plumbob.ir.function import Function
    from plumbob.semantics.domain import NanRule

SignatureKey: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""The types of parameters and results, which is all that a call compares."""


@cache
def library_of(nan_rule: NanRule) -> SourceLibrary:
    """Return the helpers of the semantics under a rule for NaNs.

    All programs share them: they depend on nothing else.
    """
    return SourceLibrary(nan_rule)


def signature_key(signature: Signature) -> SignatureKey:
    """Return what two signatures must agree in for a call to be right."""
    return (
        tuple(param.type.name for param in signature.params),
        tuple(param.type.name for param in signature.returns),
    )


class Reference(NamedTuple):
    """A function as some call names it: its symbol, and the signature that the call expects."""

    symbol: str
    signature: Signature


class Program:
    """Functions by their printed names (`%f`, `u0:1`).

    `pointer_bits` is 64 or 32. `library` holds the helpers of the semantics, which choose NaNs
    by `nan_rule`.
    """

    has_instances = False
    """Whether its functions run in instances of a module, as high-level operations need."""

    def __init__(
        self,
        functions: Iterable[Function] = (),
        pointer_bits: int = 64,
        nan_rule: NanRule = "first",
    ) -> None:
        if pointer_bits not in LAYOUTS:
            raise UsageError("pointer width", expected="32 or 64", found=str(pointer_bits))
        self.layout = LAYOUTS[pointer_bits]
        self.library = library_of(nan_rule)
        self._functions: dict[str, Function] = {}
        self._lazy: dict[str, tuple[Signature, Callable[[], Function]]] = {}
        self._compiled: dict[tuple[str, bool], Compiled] = {}
        self._numbers: dict[str, int] = {}
        self.references: list[Reference] = []
        self._reference_numbers: dict[tuple[str, SignatureKey], int] = {}
        self.signatures: list[Signature] = []
        self._signature_numbers: dict[SignatureKey, int] = {}
        for function in functions:
            self.define(function)

    def define(self, function: Function) -> None:
        """Add a function. Raises UsageError if its name is taken or it has no body."""
        symbol = print_name(function.name)
        self._claim(symbol)
        if function.is_declaration:
            raise UsageError("a function without a body cannot be defined", found=symbol)
        self._functions[symbol] = function

    def define_lazily(
        self, symbol: str, signature: Signature, make: Callable[[], Function]
    ) -> None:
        """Add a function that `make` builds when it is first called."""
        self._claim(symbol)
        self._lazy[symbol] = (signature, make)

    def _claim(self, symbol: str) -> None:
        if symbol in self._functions or symbol in self._lazy:
            raise UsageError("function defined twice", found=symbol)

    def function(self, symbol: str) -> Function | None:
        """Return the function of that name, made now if it was lazy; None if there is none."""
        function = self._functions.get(symbol)
        if function is None and symbol in self._lazy:
            function = self._functions[symbol] = self._lazy[symbol][1]()
        return function

    def signature(self, symbol: str) -> Signature | None:
        """Return the signature of a function of the program, without making it."""
        if symbol in self._functions:
            return self._functions[symbol].signature
        return self._lazy[symbol][0] if symbol in self._lazy else None

    def require_signature(self, symbol: str) -> Signature:
        """Return the signature of a function; raises UsageError if there is none."""
        signature = self.signature(symbol)
        if signature is None:
            known = ", ".join(self.symbols()[:20]) or "none"
            raise UsageError("no such function", expected=known, found=symbol)
        return signature

    def symbols(self) -> list[str]:
        """Return the names of all functions, those made so far first."""
        return list(dict.fromkeys((*self._functions, *self._lazy)))

    # Numbers that generated source refers to

    def function_number(self, symbol: str) -> int:
        """Return a number that is the function's alone."""
        return self._numbers.setdefault(symbol, len(self._numbers))

    def reference(self, symbol: str, signature: Signature) -> int:
        """Return the number of calls of `symbol` by that signature."""
        key = symbol, signature_key(signature)
        number = self._reference_numbers.get(key)
        if number is None:
            number = self._reference_numbers[key] = len(self.references)
            self.references.append(Reference(symbol, signature))
        return number

    def signature_number(self, signature: Signature) -> int:
        """Return the number of a signature of indirect calls."""
        key = signature_key(signature)
        number = self._signature_numbers.get(key)
        if number is None:
            number = self._signature_numbers[key] = len(self.signatures)
            self.signatures.append(signature)
        return number

    def compiled(self, symbol: str, *, traced: bool = False) -> Compiled:
        """Return the function's code; raises UsageError if there is no such function."""
        key = symbol, traced
        compiled = self._compiled.get(key)
        if compiled is None:
            function = self.function(symbol)
            if function is None:
                raise UsageError("no such function", found=symbol)
            compiled = FunctionSource(self, symbol, function, traced=traced).compile()
            self._compiled[key] = compiled
        return compiled

    def source(self, symbol: str) -> str:
        """Return the Python source of a function, for people."""
        return self.compiled(symbol).source
