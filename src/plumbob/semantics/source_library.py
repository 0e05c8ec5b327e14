"""Python source for operations, ready to be pasted into generated functions.

`SourceLibrary.fragment` gives the source of one operation at one site. Small operations
come as expressions over the operands' names; large ones (most vector operations) as
calls of helper functions, which the library compiles from the same definitions when
first asked and keeps in `namespace`. Generated code runs with `namespace` among its
globals.

How to use a fragment: write `before`, then for every `(condition, code)` of `traps` an
`if` that leaves with that trap, then `after`, then assign the `results`. Names that the
fragment needs come from the caller's `fresh`, so they cannot collide.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.semantics import concrete, expression, ieee
from plumbob.semantics.source_domain import SourceDomain
from plumbob.semantics.types import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.semantics.domain import NanRule
    from plumbob.semantics.expression import Expression
    from plumbob.semantics.operation import Operation, Outcome, Site

INLINE_LIMIT = 24
"""Operations of Python beyond which calling a helper is taken to be better than inlining.

A call costs as much as about five simple operations; the limit is higher because a
long expression is a cold path more often than not (the choice of a NaN).
"""


class Fragment(NamedTuple):
    """The source of one operation; `results` in the order of the operation's."""

    before: list[str]
    traps: list[tuple[str, str]]
    after: list[str]
    results: list[Expression]


def runtime() -> dict[str, Any]:
    """Return the functions that the source domain calls, by the names it uses."""
    names: dict[str, Any] = {
        "from_bytes": int.from_bytes,
        "divide": concrete.divide,
        "remainder": concrete.remainder,
        "reverse_bits": concrete.reverse_bits,
    }
    for (bits, lanes), packer in concrete.LANES.items():
        names[f"pack_{lanes}x{bits}"] = packer.pack
        names[f"unpack_{lanes}x{bits}"] = packer.unpack
    for (operator, name), function in ieee.ARITHMETIC.items():
        names[f"{operator}_{name}"] = function
    for f in FORMATS.values():
        for mode in ("ceil", "floor", "trunc", "nearest"):
            names[f"{mode}_{f.name}"] = partial(ieee.round_integral, f, mode)
        for to in FORMATS.values():
            names[f"convert_{f.name}_{to.name}"] = partial(ieee.convert, f, to)
        names[f"from_integer_{f.name}"] = partial(ieee.from_integer, f)
        names[f"integral_{f.name}"] = partial(ieee.integral_value, f)
    return names


class SourceLibrary:
    """Helper functions compiled so far, and the namespace that generated code needs.

    Its source chooses NaNs by `nan_rule`, so code of one library must not run with another's
    namespace.
    """

    def __init__(self, nan_rule: NanRule = "first") -> None:
        self.nan_rule: NanRule = nan_rule
        self.namespace: dict[str, Any] = runtime()
        self.sources: dict[str, str] = {}
        self._helpers: dict[tuple[str, Site], str] = {}
        self._large: dict[tuple[str, Site], bool] = {}

    def fragment(
        self,
        operation: Operation,
        site: Site,
        operands: Sequence[str | Expression],
        fresh: Callable[[], str],
    ) -> Fragment:
        """Return the source of `operation` at `site` on the variables `operands`.

        `fresh` gives a new variable's name at each call. An operand may also be the
        decimal or hexadecimal literal of a constant, which then folds, or the result of
        an earlier fragment that has no other use and traps no more: then it is fused,
        so that its mask goes and a comparison stays a condition.
        """
        domain = SourceDomain(self.nan_rule)
        if self.is_large(operation, site):
            return self._call(domain, operation, site, operands, fresh)
        return _fragment(self._outcome(domain, operation, site, operands), fresh)

    def is_large(self, operation: Operation, site: Site) -> bool:
        """Say whether the operation comes as a call: it is long, and it cannot trap."""
        key = operation.name, site
        found = self._large.get(key)
        if found is None:
            names = [f"x{i}" for i in range(operation.arity)]
            outcome = self._outcome(SourceDomain(self.nan_rule), operation, site, names)
            found = not outcome.traps and expression.size(outcome.results) > INLINE_LIMIT
            self._large[key] = found
        return found

    def _outcome(
        self,
        domain: SourceDomain,
        operation: Operation,
        site: Site,
        operands: Sequence[str | Expression],
    ) -> Outcome[Any, Any]:
        values = [
            _operand(domain, operand, kind.bits)
            for operand, kind in zip(operands, site.operands, strict=True)
        ]
        return operation.outcome(domain, site, values)

    def _call(
        self,
        domain: SourceDomain,
        operation: Operation,
        site: Site,
        operands: Sequence[str | Expression],
        fresh: Callable[[], str],
    ) -> Fragment:
        texts = [x if isinstance(x, str) else x.text() for x in operands]
        source = f"{self.helper(operation, site)}({', '.join(texts)})"
        if len(site.results) == 1:
            return Fragment([], [], [], [domain.call(source, site.results[0].bits)])
        names = [fresh() for _ in site.results]
        results = [
            domain.leaf(name, kind.bits) for name, kind in zip(names, site.results, strict=True)
        ]
        return Fragment([], [], [f"{', '.join(names)} = {source}"], results)

    def helper(self, operation: Operation, site: Site) -> str:
        """Return the name in `namespace` of a function that computes the operation.

        It takes the operands and returns the result, or a tuple where there is not
        exactly one. Where the operation traps, it returns the trap's code, a str.
        """
        key = operation.name, site
        if key not in self._helpers:
            name = f"{operation.name}_{len(self._helpers)}"
            self.sources[name] = source = self._function(name, operation, site)
            exec(compile(source, f"<semantics {name}>", "exec"), self.namespace)  # noqa: S102 - our own source, from our own definitions
            self._helpers[key] = name
        return self._helpers[key]

    def function(self, operation: Operation, site: Site) -> Callable[..., Any]:
        """Return the function that `helper` names."""
        found: Callable[..., Any] = self.namespace[self.helper(operation, site)]
        return found

    def _function(self, name: str, operation: Operation, site: Site) -> str:
        domain = SourceDomain(self.nan_rule)
        parameters = [f"x{i}" for i in range(operation.arity)]
        numbers = count()
        outcome = self._outcome(domain, operation, site, parameters)
        fragment = _fragment(outcome, lambda: f"t{next(numbers)}")
        lines = [f"def {name}({', '.join(parameters)}):"]
        lines += [f"    {line}" for line in fragment.before]
        for condition, code in fragment.traps:
            lines += [f"    if {condition}:", f"        return {code!r}"]
        lines += [f"    {line}" for line in fragment.after]
        results = ", ".join(result.text() for result in fragment.results)
        lines.append(f"    return {results}")
        return "\n".join(lines) + "\n"


def _operand(domain: SourceDomain, operand: str | Expression, w: int) -> Expression:
    if not isinstance(operand, str):
        return operand
    if operand[0].isdecimal():
        return domain.const(w, int(operand, 0))
    return domain.leaf(operand, w)


def _fragment(outcome: Outcome[Any, Any], fresh: Callable[[], str]) -> Fragment:
    conditions = [trap.condition for trap in outcome.traps]
    results = list(outcome.results)
    before, after = expression.statements((conditions, results), fresh)
    traps = [
        (condition.text(), trap.code)
        for condition, trap in zip(conditions, outcome.traps, strict=True)
        if condition.value != 0
    ]
    return Fragment(before, traps, after, results)
