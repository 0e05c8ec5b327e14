"""Extensions of the processor's instruction set, hidden from a compiler that would use them.

Compilers ask for them when they start. Where an engine has switches, `flags` names them.
Where it has none, `hide` changes what the compiler finds out: before a program believes in
AVX or AVX-512 it must ask by `xgetbv` which registers the operating system keeps (Intel SDM
volume 1, section 14.3), so that instruction is overwritten, in this process alone, by one
that says what the level allows.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_AVX512 = ("avx512bitalg", "avx512dq", "avx512f", "avx512vbmi", "avx512vl")
_AVX = ("avx", "avx2", "fma")
_REST = ("sse3", "ssse3", "sse41", "sse42", "popcnt", "bmi1", "bmi2", "lzcnt")

_LEVELS = {"avx2": _AVX512, "sse4": _AVX512 + _AVX, "baseline": _AVX512 + _AVX + _REST}

_KEPT = {"avx2": 0b111, "sse4": 0b011, "baseline": 0b011}
"""What the operating system is said to keep: x87, SSE and AVX registers, by bits."""

_ASKING = re.compile(rb"\x31\xc9\x0f\x01\xd0")
"""`xor ecx, ecx; xgetbv`: five bytes, as many as `mov eax, …` has."""


class CannotHideError(Exception):
    """There is no way to hide the extensions here."""


def flags(level: str) -> list[str]:
    """Return Cranelift's names of the extensions that a level leaves unused."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise CannotHideError(f"no levels are known of a processor {platform.machine()}")
    return [f"has_{name}" for name in _LEVELS[level]]


def hide(library: Any, level: str) -> None:
    """Have a loaded library believe that a processor is of a lower level.

    That is as far as AVX goes: below it, extensions are not asked for so.
    """
    flags(level)
    answer = b"\xb8" + _KEPT[level].to_bytes(4, "little")
    places = list(_code(library._name))  # noqa: SLF001  # ctypes has no other name for it
    if not places:
        raise CannotHideError("the library does not ask the processor in a known way")
    libc = ctypes.CDLL(None, use_errno=True)
    for place in places:
        page = place & -mmap.PAGESIZE
        size = 2 * mmap.PAGESIZE
        if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(size), 7):
            raise CannotHideError("the system lets no code be changed")
        ctypes.memmove(place, answer, len(answer))
        libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(size), 5)


def _code(name: str) -> Iterator[int]:
    """Yield the addresses at which a loaded library asks for the registers."""
    file = Path(name).resolve()
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, offset, _, _, *rest = line.split(maxsplit=5)
        if rest and Path(rest[0]) == file and "x" in rights:
            start, end = (int(part, 16) for part in span.split("-"))
            with file.open("rb") as stream:
                stream.seek(int(offset, 16))
                code = stream.read(end - start)
            yield from (start + match.start() for match in _ASKING.finditer(code))
