"""The frontend: WebAssembly functions to IR, one at a time, when somebody asks.

May import errors, source, wasm, semantics and ir. Start with `function.translate_function`;
`environment.ModuleEnvironment` is what a translation needs to know of a module.
"""

from __future__ import annotations

from plumbob.frontend.environment import ModuleEnvironment
from plumbob.frontend.function import translate_function

__all__ = ["ModuleEnvironment", "translate_function"]
