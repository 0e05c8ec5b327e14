"""A census of dead code: how much real modules hold, and what each policy makes of them.

Dead code is what the validation algorithm calls so: the operators between one behind which
control never goes (`unreachable`, `br`, `br_table`, `return`, `throw`, tail calls, …) and
the `else`, `end` or `catch` that closes its block, nested blocks included, that closing
operator not. Counting is part of the kernel's one pass, under the polymorphic policy.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.valid.diagnostics import VALID
from plumbob.wasm.valid.kernel._kernel import Checker
from plumbob.wasm.valid.module_rules import ModuleChecker
from plumbob.wasm.valid.policy import POLICIES, POLYMORPHIC
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plumbob.wasm.module import Buffer

DEFAULT_REPEATS = 3
"""How often each policy is timed; the fastest counts."""


class DeadCode(NamedTuple):
    """An amount of dead code; `regions` are runs of it that hold at least one operator."""

    regions: int = 0
    operators: int = 0
    bytes: int = 0

    def plus(self, other: DeadCode) -> DeadCode:
        """Return the sum."""
        return DeadCode(*map(int.__add__, self, other))


class Verdicts(NamedTuple):
    """What one policy makes of some modules: how many it accepts, in how many seconds."""

    accepted: int = 0
    seconds: float = 0.0


class Census(NamedTuple):
    """The census of a module, or the total of several.

    `bytes` counts function bodies, `size` whole files. `dead_after` says by mnemonic
    behind which operator dead code stands. `verdicts` is by policy.
    """

    name: str
    modules: int
    size: int
    functions: int
    operators: int
    bytes: int
    dead: DeadCode
    dead_after: dict[str, DeadCode]
    verdicts: dict[str, Verdicts]


def take_census(
    data: Buffer,
    name: str,
    *,
    features: int = wasm_features.DEFAULT,
    repeats: int = DEFAULT_REPEATS,
) -> Census:
    """Count one binary module.

    Counts are zero for what cannot be decoded: a malformed module is still judged by every
    policy. Raises `ComponentError` for a component.
    """
    verdicts = {policy: _judge(data, name, features, policy, repeats) for policy in POLICIES}
    size = memoryview(data).nbytes
    try:
        module = decode(data, name, features=features)
    except MalformedError:
        return Census(name, 1, size, 0, 0, 0, DeadCode(), {}, verdicts)
    checker = ModuleChecker(module, features, POLYMORPHIC)
    checker.run()
    counter = Checker(checker.context)  # of its own, which never explains
    counter.count()
    checker.bodies.run(counter)
    operators, by_row = counter.counts()
    dead_after: dict[str, DeadCode] = {}
    for row, amount in by_row.items():
        mnemonic = TABLE[row].mnemonic
        dead_after[mnemonic] = dead_after.get(mnemonic, DeadCode()).plus(DeadCode(*amount))
    dead = DeadCode()
    for amount_after in dead_after.values():
        dead = dead.plus(amount_after)
    body_bytes = sum(checker.bodies.ends) - sum(checker.bodies.starts)
    return Census(
        name, 1, size, len(module.code), operators, body_bytes, dead, dead_after, verdicts
    )


def _judge(data: Buffer, name: str, features: int, policy: str, repeats: int) -> Verdicts:
    fastest = float("inf")
    accepted = False
    for _ in range(max(1, repeats)):
        start = perf_counter()
        report = validate(data, name=name, features=features, dead_code=policy)
        fastest = min(fastest, perf_counter() - start)
        accepted = report.verdict == VALID
    return Verdicts(int(accepted), fastest)


def total(censuses: Iterable[Census], name: str = "total") -> Census:
    """Return the sum of several censuses."""
    result = Census(name, 0, 0, 0, 0, 0, DeadCode(), {}, dict.fromkeys(POLICIES, Verdicts()))
    for item in censuses:
        dead_after = dict(result.dead_after)
        for mnemonic, amount in item.dead_after.items():
            dead_after[mnemonic] = dead_after.get(mnemonic, DeadCode()).plus(amount)
        result = Census(
            name,
            result.modules + item.modules,
            result.size + item.size,
            result.functions + item.functions,
            result.operators + item.operators,
            result.bytes + item.bytes,
            result.dead.plus(item.dead),
            dead_after,
            {
                policy: Verdicts(
                    seen.accepted + item.verdicts[policy].accepted,
                    seen.seconds + item.verdicts[policy].seconds,
                )
                for policy, seen in result.verdicts.items()
            },
        )
    return result
