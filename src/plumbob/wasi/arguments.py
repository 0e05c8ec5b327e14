"""Command line arguments and environment variables."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasi.memory import Pointer
    from plumbob.wasi.state import State


def args_get(state: State, argv: Pointer, argv_buf: Pointer) -> None:
    """Store the arguments, each with a NUL, and a pointer to each."""
    _store(state.args, argv, argv_buf)


def args_sizes_get(state: State) -> tuple[int, int]:
    """Return how many arguments there are, and their bytes, NULs included."""
    return _sizes(state.args)


def environ_get(state: State, environ: Pointer, environ_buf: Pointer) -> None:
    """Store the variables as `name=value`, each with a NUL, and a pointer to each."""
    _store(state.env, environ, environ_buf)


def environ_sizes_get(state: State) -> tuple[int, int]:
    """Return how many variables there are, and their bytes, NULs included."""
    return _sizes(state.env)


def _sizes(texts: Sequence[bytes]) -> tuple[int, int]:
    return len(texts), sum(len(text) + 1 for text in texts)


def _store(texts: Sequence[bytes], array: Pointer, strings: Pointer) -> None:
    pointers = array.span(4 * len(texts))
    data = strings.span(_sizes(texts)[1])
    places = []
    place = data.address
    for text in texts:
        places.append(place)
        place += len(text) + 1
    data.write(b"".join(text + b"\0" for text in texts))
    pointers.write(struct.pack(f"<{len(places)}I", *places))
