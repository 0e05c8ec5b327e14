"""Judge mutants: no crash, no hang, bounded memory, and the verdict of another validator.

Mutant number n of a campaign follows from its seed and n alone, so a worker that dies can
be asked about again.
"""

from __future__ import annotations

import re
import resource
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz.mutate import mutant
from tests.wasm.support.oracle import complaint

from plumbob.errors import PlumbobError
from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.valid.bodies import BodyChecker
from plumbob.wasm.valid.codes import CATALOGUE
from plumbob.wasm.valid.diagnostics import VALID
from plumbob.wasm.valid.kernel._kernel import Checker, Context
from plumbob.wasm.valid.module_rules import ModuleChecker
from plumbob.wasm.valid.policy import POLICIES
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasm.valid.diagnostics import Diagnostic

COMPARED = features.ALL & ~features.LEGACY_EXCEPTIONS
"""What both validators know."""
SECONDS = 0.5
SECONDS_PER_BYTE = 20e-6
"""The longest a mutant may take: a fixed part, for diagnostics, and one by size."""
MEMORY = 48 << 20
MEMORY_PER_BYTE = 200
"""The most that peak memory may grow over one mutant."""
OTHER_POLICIES = 0.3
"""How often a mutant is judged under a policy that is not the specification's."""


KNOWN = {"E0123 / valid"}
"""Classes of disagreement that decision 050 explains: wasmtime reads compact imports."""


class Finding(NamedTuple):
    """Something wrong with what Plumbob made of a mutant."""

    kind: str
    detail: str
    number: int
    data: bytes


class Tally(NamedTuple):
    """A campaign's result. `differences` counts disagreements with wasmtime by their class."""

    mutants: int
    valid: int
    compared: int
    findings: list[Finding]
    differences: Counter[str]
    examples: dict[str, Finding]
    slowest: float
    """Seconds a byte, of mutants of a kilobyte and more."""


def make(seeds: Sequence[bytes], seed: int, number: int) -> tuple[bytes, str]:
    """Return a mutant and the policy to judge it under."""
    rng = Random(f"{seed}:{number}")  # noqa: S311  # repeatable
    data = mutant(rng, seeds)
    policy = rng.choice(list(POLICIES)) if rng.random() < OTHER_POLICIES else "polymorphic"
    return data, policy


def summary(diagnostics: Sequence[Diagnostic]) -> list[tuple[str, int | None]]:
    """Return codes and offsets."""
    return [(item.code, item.offset) for item in diagnostics]


def without_fast_loop(data: bytes, policy: int) -> list[tuple[str, int | None]]:
    """Validate with the fast loop of the kernel switched off."""
    try:
        module = decode(data, features=COMPARED, allow_unreachable_type=policy == POLICIES["typed"])
    except MalformedError as error:
        return [(error.code, error.offset)]
    checker = ModuleChecker(module, COMPARED, policy)
    checker.context = Context(COMPARED, policy, accelerate=False)
    checker.checker = Checker(checker.context)
    checker.bodies = BodyChecker(checker.context, checker.checker, checker.space, module)
    checker.run()
    return summary(checker.diagnostics)


def peak() -> int:
    """Return this process's peak memory in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def judge(data: bytes, policy: str) -> tuple[bool | None, float, list[tuple[str, str]], str]:
    """Validate one mutant.

    Returns whether it is valid (None for a component), the seconds it took, what is wrong
    as (kind, detail), and the first code.
    """
    wrong = []
    before = peak()
    start = time.perf_counter()
    try:
        report = validate(data, features=COMPARED, dead_code=policy)
    except ComponentError:
        return None, 0.0, [], ""
    except PlumbobError as error:
        return False, 0.0, [("internal error", str(error))], ""
    taken = time.perf_counter() - start
    grown = peak() - before
    if taken > SECONDS + SECONDS_PER_BYTE * len(data):
        wrong.append(("slow", f"{taken:.3f} s for {len(data)} bytes"))
    if grown > MEMORY + MEMORY_PER_BYTE * len(data):
        wrong.append(("memory", f"{grown >> 20} MiB for {len(data)} bytes"))
    for item in report.diagnostics:
        if item.code not in CATALOGUE:
            wrong.append(("unknown code", item.code))
        if item.offset is not None and not 0 <= item.offset <= len(data):
            wrong.append(("offset outside of the module", f"{item.code} at {item.offset}"))
    found = summary(report.diagnostics)
    if (slow := without_fast_loop(data, POLICIES[policy])) != found:
        wrong.append(("fast loop differs", f"{found[:3]} with it, {slow[:3]} without"))
    return report.verdict == VALID, taken, wrong, found[0][0] if found else "valid"


def class_of(ours: str, theirs: str | None) -> str:
    """Return the class of a disagreement: our first code and their message without numbers."""
    message = re.sub(r"\(at offset .*", "", theirs or "valid", flags=re.DOTALL)
    message = re.sub(r"0x[0-9a-f]+|\d+|`[^`]*`|\$\w+", "N", message).strip()
    return f"{ours} / {message[:90]}"


def run(
    seeds: Sequence[bytes], numbers: Sequence[int], seed: int, *, compare: float = 1.0
) -> Tally:
    """Judge mutants of a campaign; `compare` is the share that wasmtime judges too."""
    findings: list[Finding] = []
    differences: Counter[str] = Counter()
    examples: dict[str, Finding] = {}
    valid = compared = 0
    slowest = 0.0
    for number in numbers:
        data, policy = make(seeds, seed, number)
        accepted, taken, wrong, code = judge(data, policy)
        findings += [Finding(kind, detail, number, data) for kind, detail in wrong]
        valid += bool(accepted)
        if len(data) >= 1024:
            slowest = max(slowest, taken / len(data))
        if accepted is None or policy != "polymorphic" or number % 1000 >= compare * 1000:
            continue
        compared += 1
        said = complaint(data)
        if (said is None) != accepted:
            kind = class_of(code, said)
            differences[kind] += 1
            best = examples.get(kind)
            if best is None or len(data) < len(best.data):
                examples[kind] = Finding(kind, said or "valid", number, data)
    return Tally(len(numbers), valid, compared, findings, differences, examples, slowest)
