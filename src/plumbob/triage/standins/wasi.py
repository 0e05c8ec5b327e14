"""WASI preview 1 for a guest, defined inside it: `wasi.wat` with a configuration.

The world is what `runtime/wasi` shows to a guest without directories, sockets or terminal,
with its deterministic clocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from plumbob.errors import InputError, UsageError
from plumbob.triage.standins.library import Given, load, merge
from plumbob.triage.standins.log import Record
from plumbob.wasi.config import Config, Deterministic, encode
from plumbob.wasi.table import PREVIEW_0, PREVIEW_1
from plumbob.wasm import types as t
from plumbob.wasm.edit.append import FunctionWriter
from plumbob.wasm.module import MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.module import Module
    from plumbob.wasm.types import FuncType

LIBRARY: Final = "wasi.wat"
MODULES: Final = (PREVIEW_1, PREVIEW_0)

MEMORY_EXPORT: Final = "memory"
"""What a guest calls the memory that pointers are into (legacy/application-abi.md)."""

MAX_TEXT: Final = 1 << 18
"""Bytes of arguments, variables and input together: they become code."""


@dataclass(frozen=True)
class WasiInput:
    """What a WASI program is given.

    `text_limit`: of what it writes, that many bytes are logged as they are, and digests of
    the texts behind them.
    """

    args: Sequence[str] = ("program",)
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    text_limit: int = 1 << 20

    def texts(self) -> tuple[bytes, bytes, bytes]:
        """Return arguments and variables, each with a NUL, and the input.

        Raises `UsageError` for what cannot be passed on to a guest, or is too much.
        """
        config = Config(args=self.args, env=self.env)  # which checks them
        args = b"".join(encode(arg) + b"\0" for arg in config.args)
        env = b"".join(encode(f"{key}={value}") + b"\0" for key, value in config.env.items())
        total = len(args) + len(env) + len(self.stdin)
        if total > MAX_TEXT:
            raise UsageError(
                "too much to give to a WASI program",
                expected=f"at most {MAX_TEXT} bytes of arguments, variables and input",
                found=str(total),
            )
        return args, env, self.stdin


def export_of(module: str, name: str, type_: FuncType) -> str | None:
    """Return the library's export for an import; None where it has no such function."""
    if module not in MODULES:
        return None
    library = load(LIBRARY)
    for export in (f"{name}:0", name) if module == PREVIEW_0 else (name,):
        index = library.exports.get(export)
        if index is not None and ":" not in name:
            return export if library.module.func_type(index) == type_ else None
    return None


def guest_memory(module: Module) -> int:
    """Return the index of the memory that a guest's pointers are into.

    It is exported as `memory`. Of a guest that exports none (a reduced one, perhaps) it is
    the first; one without memory gets an empty one, out of which every pointer is. Raises
    `InputError` for a 64-bit memory.
    """
    imported = [item.type for item in module.imported(MEMORY)]
    memories = [*(item for item in imported if isinstance(item, t.MemoryType)), *module.memories]
    exported = [
        item.index for item in module.exports if item.kind == MEMORY and item.name == MEMORY_EXPORT
    ]
    index = exported[0] if exported else 0
    if not memories:
        module.memories = [t.MemoryType(t.Limits(0, 0))]
    elif memories[index].limits.is64:
        raise InputError(
            f"{module.name} imports WASI, whose pointers have 32 bits",
            expected="a 32-bit memory",
            found=f"memory {index} of 64 bits",
        )
    return index


def page_size(module: Module, memory: int) -> int:
    """Return the bytes of a memory's page."""
    imported = [item.type for item in module.imported(MEMORY)]
    type_ = [*imported, *module.memories][memory]
    assert isinstance(type_, t.MemoryType)  # noqa: S101  # kind MEMORY says so
    return 1 << type_.page_size_log2


def records(module: str) -> tuple[Record, Record, Record]:
    """Return the records of an exit, a text, and a text's digest."""
    return (
        Record(module, "proc_exit", ("i32",)),
        Record(module, "fd_write", ("i32",), text=True),
        Record(module, "fd_write", ("i32", "i32", "i64")),
    )


def add_wasi(
    editor: Editor,
    wanted: Iterable[str],
    given: WasiInput,
    *,
    memory: int,
    log: int,
    first_record: int,
    seed: int,
) -> dict[str, bytes]:
    """Append WASI to a module; return the bodies of the wanted functions by export.

    `records` describes what is logged, from `first_record` on.
    """
    args, env, stdin = given.texts()
    word_type = editor.func_type((t.I32,), (t.I64,))
    word = editor.add_function(word_type, _words(args + env + stdin))
    fixed = Deterministic()
    constants = {
        "args_count": args.count(0),
        "args_size": len(args),
        "env_count": env.count(0),
        "env_size": len(env),
        "stdin_size": len(stdin),
        "page_size": page_size(editor.original, memory),
        "seed": seed & (1 << 64) - 1,
        "epoch": fixed.epoch,
        "step": fixed.step,
        "text_limit": given.text_limit,
        "exit_record": first_record << 8,
        "text_record": first_record + 1 << 8,
        "digest_record": first_record + 2 << 8,
    }
    functions = {"log": log, "word": word}
    return merge(editor, load(LIBRARY), wanted, Given(functions, memory, constants))


def _words(data: bytes) -> bytes:
    """Return the body of the function from a word's place to eight bytes of the data."""
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
    out = FunctionWriter((t.I32,))

    def write(first: int, last: int) -> None:
        if last - first <= 1:
            out.i64(words[first] if words else 0)
            return
        middle = (first + last) // 2
        out.get(0).i32(middle).op("i32.lt_u").block("if", t.I64)
        write(first, middle)
        out.op("else")
        write(middle, last)
        out.op("end")

    write(0, len(words))
    return out.body()
