"""Faults inside custom sections that Plumbob knows: names and branch hints.

They never make a module malformed or invalid: a validator warns of them. Scripts do ask
for the verdict on a custom section (`assert_malformed_custom`, `assert_invalid_custom`),
so each diagnostic says which of the two its fault would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.binary.branch_hints import SECTION as BRANCH_HINTS
from plumbob.wasm.binary.branch_hints import decode_branch_hints, may_be_hinted
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.module import FUNC
from plumbob.wasm.names import NAME_SECTION, decode_names
from plumbob.wasm.sections import CODE, DATA, PLACES
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, WARNING, Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.wasm.binary.branch_hints import FunctionHints
    from plumbob.wasm.module import CustomSection, Module


def check_custom_sections(module: Module) -> list[Diagnostic]:
    """Return a warning for each fault in the custom sections of a valid module."""
    out: list[Diagnostic] = []
    seen: set[str] = set()
    for place, custom in enumerate(module.customs):
        base = module.offsets.get(("custom", place))
        check = {NAME_SECTION: _check_names, BRANCH_HINTS: _check_hints}.get(custom.name)
        if check is None:
            continue
        if custom.name in seen:
            again = _warning("W0101", "a second section of this name", MALFORMED, custom)
            out.append(again._replace(offset=base))
            continue
        seen.add(custom.name)
        try:
            out.extend(fault._replace(offset=base) for fault in check(module, custom))
        except MalformedError as error:
            out.append(
                Diagnostic(
                    "W0101",
                    f"malformed section {custom.name}: {error.subject}",
                    verdict=MALFORMED,
                    severity=WARNING,
                    section=custom.name,
                    offset=None if base is None else base + (error.offset or 0),
                    expected=error.expected,
                    found=error.found,
                )
            )
    return out


def _warning(
    code: str, message: str, verdict: str, custom: CustomSection, function: int | None = None
) -> Diagnostic:
    return Diagnostic(
        code,
        message,
        verdict=verdict,
        severity=WARNING,
        section=custom.name,
        function=function,
    )


def _check_names(module: Module, custom: CustomSection) -> Iterator[Diagnostic]:
    decode_names(custom.data)
    if module.datas and PLACES.get(custom.after, 0) < PLACES[DATA]:
        yield _warning("W0102", "the name section stands before the data", INVALID, custom)


def _check_hints(module: Module, custom: CustomSection) -> Iterator[Diagnostic]:
    functions = decode_branch_hints(custom.data)
    if PLACES.get(custom.after, 0) >= PLACES[CODE]:
        yield _warning("W0101", "branch hints stand behind the code", MALFORMED, custom)
    imported = len(module.imported(FUNC))
    for entry in functions:
        index = entry.function - imported
        if 0 <= index < len(module.code):
            yield from _check_function(module, custom, entry, index)
        else:
            yield _warning(
                "W0103",
                f"branch hints for function {entry.function}, which has no code here",
                INVALID,
                custom,
            )


def _check_function(
    module: Module, custom: CustomSection, entry: FunctionHints, index: int
) -> Iterator[Diagnostic]:
    body = decode_body(module.code[index].body)
    targets = {item.offset: item.operator for item in body.instructions}
    for hint in entry.hints:
        operator = targets.get(hint.offset)
        if operator is None or not may_be_hinted(operator):
            found = "the middle of one" if operator is None else operator.mnemonic
            yield Diagnostic(
                "W0103",
                f"the branch hint at {hint.offset:#x} of function {entry.function} has no branch",
                verdict=INVALID,
                severity=WARNING,
                section=custom.name,
                expected="the offset of a br_if or if",
                found=found,
                function=entry.function,
            )
