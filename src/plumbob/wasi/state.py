"""What the functions of one guest share.

One call runs at a time; a runtime with several guest threads must see to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasi.clocks import Clocks
    from plumbob.wasi.config import Config
    from plumbob.wasi.descriptors import Descriptors
    from plumbob.wasi.randomness import Randomness


class State(NamedTuple):
    """The configuration, and everything that came of it. `args` and `env` are the guest's bytes."""

    config: Config
    args: Sequence[bytes]
    env: Sequence[bytes]
    descriptors: Descriptors
    clocks: Clocks
    randomness: Randomness
