"""What an operation is: a name, a shape, and one definition over a Domain.

An operation maps operand values to an `Outcome`: its results, and the conditions under
which it traps instead. Traps are part of the value, not exceptions, so that a symbolic
domain can speak about them and generated source can test them inline.

Assumes of its callers that operands and immediates fit the operation (the verifier of
the IR guarantees it); `Operation.outcome` checks the counts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

from plumbob.errors import InternalError, UsageError
from plumbob.semantics.domain import B, Domain, V

if TYPE_CHECKING:
    from types import FunctionType

    from plumbob.semantics.types import ValueType

F = TypeVar("F", bound=Callable[..., Any])

Immediate: TypeAlias = int | str | bytes
"""A literal operand, by the name that the IR's formats have for it:

`intcc`, `floatcc`, `rmw` and `trap` are CLIF's names of conditions, operators and trap
codes; `lane` is an int; `mask` is 16 bytes, the pick of lane 0 first; `byte_order` (of
bitcast's flags) is "little", "big", or "" where there is none.
"""


class Trap(NamedTuple, Generic[B]):
    """The operation traps with `code` (CLIF's name of it) where `condition` holds."""

    condition: B
    code: str


class Outcome(NamedTuple, Generic[V, B]):
    """What an operation does: the first trap whose condition holds, else the results.

    Where a trap's condition holds the results are unspecified. They are computable all
    the same: no domain fails on them.
    """

    results: tuple[V, ...]
    traps: tuple[Trap[B], ...] = ()


class Site(NamedTuple):
    """The types and immediates of one use of an operation: everything but the values."""

    operands: tuple[ValueType, ...]
    results: tuple[ValueType, ...]
    immediates: tuple[Immediate, ...] = ()


Definition: TypeAlias = Callable[..., Outcome[Any, Any]]
"""`(domain, site, *values) -> Outcome`; generic in the domain, which aliases cannot say."""


class Operation(NamedTuple):
    """One row of the table.

    `immediates` names the literal operands in the order of `Site.immediates`.
    """

    name: str
    arity: int
    immediates: tuple[str, ...]
    define: Definition

    def outcome(self, domain: Domain[V, B], site: Site, values: Sequence[V]) -> Outcome[V, B]:
        """Return what the operation does to `values` in `domain`.

        Raises `UsageError` where the counts of values, types or immediates do not fit.
        """
        if not (len(values) == len(site.operands) == self.arity):
            raise UsageError(
                f"operands of {self.name}",
                expected=f"{self.arity} values and types",
                found=f"{len(values)} and {len(site.operands)}",
            )
        if len(site.immediates) != len(self.immediates):
            raise UsageError(
                f"immediates of {self.name}",
                expected=", ".join(self.immediates) or "none",
                found=str(site.immediates),
            )
        return self.define(domain, site, *values)


def lanewise(
    domain: Domain[V, B],
    types: Sequence[ValueType],
    result: ValueType,
    function: Callable[..., V],
    values: Sequence[V],
) -> V:
    """Apply `function` lane by lane and return the vector of its results.

    `types` are those of `values`, which all have as many lanes as `result`; a scalar is
    a vector of one lane.
    """
    if result.lanes == 1:
        return function(*values)
    parts = [
        domain.split(kind.bits, value, kind.lanes)
        for kind, value in zip(types, values, strict=True)
    ]
    return domain.join(result.lane_bits, [function(*lane) for lane in zip(*parts, strict=True)])


class Definitions:
    """Collects the operations that a module defines, by name.

    The decorators leave the function as it is, so that definitions may call each other.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Operation] = {}

    def _add(self, name: str, arity: int, immediates: tuple[str, ...], define: Definition) -> None:
        if name in self.rows:
            raise InternalError("operation defined twice", found=name)
        self.rows[name] = Operation(name, arity, immediates, define)

    def general(self, name: str, *immediates: str) -> Callable[[F], F]:
        """Define by `f(domain, site, *values) -> Outcome`."""

        def decorate(function: F) -> F:
            self._add(name, _arity(function, 2), immediates, function)
            return function

        return decorate

    def integer(self, name: str) -> Callable[[F], F]:
        """Define lane by lane by `f(domain, width, *lanes) -> lane`, all of one width."""

        def decorate(function: F) -> F:
            def define(domain: Domain[V, B], site: Site, *values: V) -> Outcome[V, B]:
                lane = partial(function, domain, site.operands[0].lane_bits)
                return Outcome(
                    (lanewise(domain, site.operands, site.results[0], lane, values),),
                )

            self._add(name, _arity(function, 2), (), define)
            return function

        return decorate

    def floating(self, name: str) -> Callable[[F], F]:
        """Define lane by lane by `f(domain, format, *lanes) -> lane`, all of one format."""

        def decorate(function: F) -> F:
            def define(domain: Domain[V, B], site: Site, *values: V) -> Outcome[V, B]:
                lane = partial(function, domain, site.operands[0].format)
                return Outcome(
                    (lanewise(domain, site.operands, site.results[0], lane, values),),
                )

            self._add(name, _arity(function, 2), (), define)
            return function

        return decorate

    def converting(self, name: str) -> Callable[[F], F]:
        """Define lane by lane by `f(domain, from lane type, to lane type, *lanes) -> lane`."""

        def decorate(function: F) -> F:
            def define(domain: Domain[V, B], site: Site, *values: V) -> Outcome[V, B]:
                lane = partial(function, domain, site.operands[0].lane, site.results[0].lane)
                return Outcome(
                    (lanewise(domain, site.operands, site.results[0], lane, values),),
                )

            self._add(name, _arity(function, 3), (), define)
            return function

        return decorate


def _arity(function: Callable[..., Any], leading: int) -> int:
    # `inspect.signature` would say the same, for 3 ms of import.
    return cast("FunctionType", function).__code__.co_argcount - leading
