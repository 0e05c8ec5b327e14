"""A store: everything that instances share (Execution / Runtime Structure / Store)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.runtime.limits import DEFAULT_LIMITS, Budget
from plumbob.runtime.object_memory import ObjectMemory
from plumbob.runtime.references import FuncRef
from plumbob.wasm.features import DEFAULT
from plumbob.wasm.type_space import TypeRegistry, describe
from plumbob.wasm.types import SubType
from plumbob.wasm.valid.kernel._kernel import Context
from plumbob.wasm.valid.policy import POLYMORPHIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.runtime.executor import Executor
    from plumbob.runtime.limits import StoreLimits
    from plumbob.wasm.types import FuncType


class Store:
    """Canonical types, limits, and the executor of a group of instances.

    `make_executor` is called once with the store. Not for several threads at once.
    """

    def __init__(
        self,
        make_executor: Callable[[Store], Executor],
        limits: StoreLimits = DEFAULT_LIMITS,
    ) -> None:
        self.limits = limits
        self.budget = Budget(limits)
        self.registry = TypeRegistry()
        self.objects = ObjectMemory(self.budget, self.registry)
        self._matching = Context(DEFAULT, POLYMORPHIC)
        self._types_known = 0
        self.executor = make_executor(self)

    def matches(self, sub: int, sup: int) -> bool:
        """Return whether a value type is a subtype of another; both have canonical ids."""
        types = self.registry.types
        if len(types) != self._types_known:
            self._types_known = len(types)
            descriptions = list(map(describe, types, self.registry.displays))
            self._matching.set_types(range(len(types)), descriptions)
        return self._matching.matches(sub, sup)

    def function_type_id(self, signature: FuncType) -> int:
        """Return the canonical id of a function type, which has ids in place of type indices."""
        identity = range(len(self.registry.types))
        return self.registry.intern((SubType(signature),), len(identity), identity)

    def host_function(
        self, signature: FuncType, function: Callable[..., Any], name: str | None = None
    ) -> FuncRef:
        """Return a function of the host; it takes and gives values in the runtime's form."""
        made = FuncRef(self.function_type_id(signature), signature, host=function, name=name)
        self.executor.link_host(made)
        return made
