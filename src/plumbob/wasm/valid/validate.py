"""Validation of a module (WebAssembly 3.0, Validation): the entry point and the verdict.

The rules of the module's own fields are in `module_rules.py`; function bodies and constant
expressions go through the kernel. Whatever fails there is run a second time, over that
one function, by `explain.py`, which says what a person needs to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import UsageError
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import Module
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, VALID, Diagnostic, Report
from plumbob.wasm.valid.module_rules import ModuleChecker
from plumbob.wasm.valid.policy import POLICIES, TYPED

if TYPE_CHECKING:
    from plumbob.wasm.module import Buffer

LIMITS = "E03"
"""How the codes of implementation limits begin."""


def policy_number(name: str) -> int:
    """Return the kernel's number of a dead-code policy. Raises `UsageError`."""
    try:
        return POLICIES[name]
    except KeyError:
        raise UsageError(
            "unknown dead-code policy", expected=f"one of {', '.join(POLICIES)}", found=name
        ) from None


def validate(
    module: Module | Buffer,
    *,
    name: str = "module",
    features: int = wasm_features.DEFAULT,
    dead_code: str = "polymorphic",
    threads: int = 1,
) -> Report:
    """Decide whether a module is valid, and say why where it is not.

    `module` is a decoded or parsed module, or the bytes of a binary. `threads` is how many
    threads share the function bodies. Raises `UsageError` for an unknown policy and
    `ComponentError` for a component; every other fault of the input is in the report.
    """
    policy = policy_number(dead_code)
    if not isinstance(module, Module):
        try:
            module = decode(module, name, features=features, allow_unreachable_type=policy == TYPED)
        except MalformedError as error:
            found = [malformed(error)]
            return Report(name, verdict_of(found), found)
    checker = ModuleChecker(module, features, policy)
    checker.run(threads)
    return Report(module.name, verdict_of(checker.diagnostics), checker.diagnostics)


def verdict_of(diagnostics: list[Diagnostic]) -> str:
    """Return the verdict: malformed comes before invalid, as the grammar before the rules."""
    verdicts = {diagnostic.verdict for diagnostic in diagnostics}
    return MALFORMED if MALFORMED in verdicts else INVALID if verdicts else VALID


def malformed(error: MalformedError) -> Diagnostic:
    """Return a decoder's or parser's error as a diagnostic."""
    return Diagnostic(
        error.code,
        error.subject,
        # A decoder stops at a limit; what lies beyond one is well-formed nevertheless.
        verdict=INVALID if error.code.startswith(LIMITS) else MALFORMED,
        section=error.section,
        offset=error.offset,
        span=error.span,
        expected=error.expected,
        found=error.found,
        hint=error.hint,
    )
