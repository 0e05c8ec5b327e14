"""Operators that a release of Binaryen knows, but by an encoding that a proposal gave up.

Such a release reads something else where the operator stands, without a word. What it makes
of the module says nothing about its passes. Whoever asks has found that it is broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.engines.spec import parse_spec
from plumbob.errors import UsageError
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.instructions import decode_body

if TYPE_CHECKING:
    from plumbob.wasm.operators import Operator

CATCH_SINCE: Final = 100
"""Before, `catch` caught everything and named no tag (Binaryen's pull request 3487)."""
CALL_REF_SINCE: Final = 111
"""Before, `call_ref` named no type (Binaryen's change log, v111)."""


def older_form(engine: str, module: bytes) -> str | None:
    """Return an operator of a valid module that the engine knows by an older encoding alone."""
    try:
        spec = parse_spec(engine)
    except UsageError:  # an optimiser that Plumbob does not run itself has any name
        return None
    if spec.kind != "binaryen" or spec.version is None:
        return None
    release = int(spec.version.partition(".")[0])
    if release >= CALL_REF_SINCE:
        return None
    decoded = decode(module, features=wasm_features.ALL)
    for code in decoded.code:
        for instruction in decode_body(code.body).instructions:
            if release < _since(instruction.operator):
                return instruction.operator.mnemonic
    return None


def _since(operator: Operator) -> int:
    if operator.feature == wasm_features.LEGACY_EXCEPTIONS:
        return CATCH_SINCE
    return CALL_REF_SINCE if operator.mnemonic in ("call_ref", "return_call_ref") else 0
