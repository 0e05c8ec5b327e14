"""What the functions of one guest share.

One call runs at a time; a runtime with several guest threads must see to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.runtime.wasi.clocks import Clocks
    from plumbob.runtime.wasi.config import Config
    from plumbob.runtime.wasi.descriptors import Descriptors
    from plumbob.runtime.wasi.randomness import Randomness


class State(NamedTuple):
    """The configuration, and everything that came of it. `args` and `env` are the guest's bytes."""

    config: Config
    args: Sequence[bytes]
    env: Sequence[bytes]
    descriptors: Descriptors
    clocks: Clocks
    randomness: Randomness
