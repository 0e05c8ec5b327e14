"""What becomes of a module's imports, and of the calls that the guest makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from plumbob.engines.request import Import, Value
    from plumbob.triage.standins.log import LogReader
    from plumbob.wasm.module import Module


class LoggedCall(NamedTuple):
    """A call of an import, told so that the order of imports does not matter."""

    module: str
    name: str
    args: tuple[Value, ...]
    """With their types as the text format spells them, concrete ones by their kind: an
    optimiser may renumber types. A v128 has 128 bits; a reference is None or says what it
    refers to: `i31:2a`, `struct`, `array:3` (its length), `func`, `extern`, `exn`."""
    text: bytes | None = None
    """What WASI's `fd_write` wrote."""
    returned: str | None = None
    """Where the import called back: whom. `args` are then what that call returned."""


@dataclass(frozen=True)
class StoodIn:
    """A module whose imports are deterministic."""

    module: Module
    imports: tuple[Import, ...]
    """What a worker must build, in the order of the module's imports."""
    log: LogReader
    wasi: bool
    """Whether WASI was stood in for."""
