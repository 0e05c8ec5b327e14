"""The stage `validate`: what a script says about modules, judged without running them.

Judged are the modules themselves, which must be valid, and the assertions that a module
is malformed or invalid, custom sections included. Of `assert_unlinkable` and of
`assert_trap` with a module, the module is judged, which must be valid as well. Malformed
and invalid are different verdicts; the wording of messages is nobody's business.
"""

from __future__ import annotations

from plumbob.errors import InputError
from plumbob.filetest.wast_stage import Skipped
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.text.script import (
    AssertModule,
    BinaryModule,
    Command,
    ModuleCommand,
    ModuleSource,
)
from plumbob.wasm.valid.custom_sections import check_custom_sections
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, VALID
from plumbob.wasm.valid.policy import TYPED
from plumbob.wasm.valid.validate import policy_number, validate

EXPECTED = {
    "assert_malformed": MALFORMED,
    "assert_invalid": INVALID,
    "assert_malformed_custom": MALFORMED,
    "assert_invalid_custom": INVALID,
}
"""The verdict that an assertion asks for; all others ask for a valid module."""


class ValidateStage:
    """Judges by verdict."""

    def __init__(self, features: int, dead_code: str) -> None:
        self.features = features
        self.dead_code = dead_code
        self.typed = policy_number(dead_code) == TYPED

    def counts(self, command: Command) -> bool:
        """Return whether the command is about a module."""
        return isinstance(command, (ModuleCommand, AssertModule))

    def judge(self, command: Command) -> str | None:
        """Return None where the verdict on the module is the expected one, else why not."""
        if not isinstance(command, (ModuleCommand, AssertModule)):
            return Skipped("the command is not about a module")
        expected = VALID
        because = ""
        if isinstance(command, AssertModule):
            expected = EXPECTED.get(command.kind, VALID)
            because = f" ({command.message})" if expected != VALID else ""
        verdict, message = self.verdict(command.source)
        if verdict == expected:
            return None
        found = f"{verdict}: {message}" if message else verdict
        return f"expected {expected}{because}, found {found}"

    def verdict(self, source: ModuleSource) -> tuple[str, str]:
        """Return the verdict on a module and the first reason for it."""
        try:
            if isinstance(source, BinaryModule):
                module = decode(
                    source.data, source.name, features=self.features,
                    allow_unreachable_type=self.typed,
                )  # fmt: skip
            else:
                module = source.parse(self.features, allow_unreachable_type=self.typed)
        except InputError as error:
            return MALFORMED, str(error)
        report = validate(module, features=self.features, dead_code=self.dead_code)
        faults = report.diagnostics if not report.ok else check_custom_sections(module)
        if not faults:
            return VALID, ""
        first = faults[0]
        place = f"{first.span}: " if first.span is not None else ""
        return (report.verdict if not report.ok else first.verdict), f"{place}{first.message}"
