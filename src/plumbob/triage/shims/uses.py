"""Which features a module uses, asked where the answer decides what a shim may use.

A module uses a feature if it is not valid without it: the validator's own word, so that the
two cannot drift apart. Decoding and checking the whole module again costs microseconds for
small ones, and few of them are asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from plumbob.wasm.module import Module

DEAD_CODE = "typed"
"""The policy that accepts most: what uses a feature does so under it as well."""


class Uses:
    """What a valid module uses. Each feature is looked for when somebody asks."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._data: bytes | None = None
        self._known: dict[int, bool] = {}

    def __call__(self, feature: int) -> bool:
        """Return whether the module is not valid without a feature."""
        known = self._known.get(feature)
        if known is None:
            if self._data is None:
                self._data = encode(self._module)
            without = wasm_features.close(wasm_features.ALL & ~feature)
            known = not validate(self._data, features=without, dead_code=DEAD_CODE).ok
            self._known[feature] = known
        return known

    @property
    def gc(self) -> bool:
        """Whether references may be made and told apart by GC operators."""
        return self(wasm_features.GC)

    @property
    def references(self) -> bool:
        """Whether tables may be read."""
        return self(wasm_features.REFERENCE_TYPES)

    @property
    def exceptions(self) -> bool:
        """Whether the module has an operator that throws or catches; tags alone do nothing."""
        return self(wasm_features.EXCEPTIONS) or self.legacy_exceptions

    @property
    def legacy_exceptions(self) -> bool:
        """Whether exceptions are caught in the legacy form: engines refuse to mix the two."""
        return self(wasm_features.LEGACY_EXCEPTIONS)
