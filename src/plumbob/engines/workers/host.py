"""The loop of a Python host: requests in, one frame a step out.

A host gives `serve` a function that compiles a module and returns a program. Errors travel
as (kind, code, message); what the words mean is judged on the other side.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEADER = struct.Struct("<II")
ENCODER = json.JSONEncoder(separators=(",", ":"))

PATIENCE = 0.003
"""Seconds for which an answer is held back."""


class Failed(Exception):  # noqa: N818  # a step's outcome, no error of ours
    """A step that ended in something else than values."""

    def __init__(self, kind: str, message: str, code: str = "") -> None:
        super().__init__(kind, message, code)
        self.data = {"kind": kind, "message": message[:4000], "code": code}


class Program(Protocol):
    """A compiled module of an engine."""

    def instantiate(self, imports: list[dict[str, Any]], log: list[Any]) -> None:
        """Instantiate with stand-ins, which log their calls."""

    def call(self, export: str, args: list[str], results: list[str]) -> list[str]:
        """Call an export and return its results."""

    def close(self) -> None:
        """Let go of the instance and the module."""


def serve(
    descriptors: tuple[int, int],
    about: dict[str, Any],
    compile_module: Callable[[bytes, int | None], Program],
) -> None:
    """Answer requests until there are no more.

    Answers are held back while further requests wait, for `PATIENCE` at most.
    """
    source, out = descriptors
    _write(out, _frame(about))
    buffer = bytearray()
    held: list[bytes] = []
    flushed = time.monotonic()
    while True:
        request = _take(buffer)
        if request is None or time.monotonic() - flushed > PATIENCE:
            _write(out, b"".join(held))
            held.clear()
            flushed = time.monotonic()
        if request is None:
            data = os.read(source, 1 << 18)
            if not data:
                return
            buffer += data
            continue
        steps = _steps(*request, compile_module)
        if request[0]["stream"]:
            for step in steps:
                _write(out, _frame({"steps": [step]}))
                while request[0]["paced"] and _take(buffer) is None:  # the leave to go on
                    data = os.read(source, 1 << 18)
                    if not data:
                        return
                    buffer += data
        else:
            held.append(_frame({"steps": list(steps)}))


def _take(buffer: bytearray) -> tuple[dict[str, Any], bytes] | None:
    """Return the first request and remove it; None while it is incomplete."""
    if len(buffer) < HEADER.size:
        return None
    size, blob_size = HEADER.unpack_from(buffer)
    middle = HEADER.size + size
    end = middle + blob_size
    if len(buffer) < end:
        return None
    request = json.loads(buffer[HEADER.size : middle])
    blob = bytes(buffer[middle:end])
    del buffer[:end]
    return request, blob


def _steps(
    request: dict[str, Any],
    module: bytes,
    compile_module: Callable[[bytes, int | None], Program],
) -> Iterator[dict[str, Any]]:
    log: list[Any] = []
    try:
        program = compile_module(module, request["fuel"])
    except Failed as failed:
        yield failed.data
        return
    yield {"kind": "ok"}
    try:
        program.instantiate(request["imports"], log)
    except Failed as failed:
        yield {**failed.data, "log": list(log)}
        program.close()
        return
    yield {"kind": "ok", "log": list(log)} if log else {"kind": "ok"}
    for export, args, results in request["calls"]:
        log.clear()
        try:
            data: dict[str, Any] = {
                "kind": "values",
                "values": program.call(export, args, results),
            }
        except Failed as failed:
            data = failed.data
        yield {**data, "log": list(log)} if log else data
    program.close()


def _frame(data: dict[str, Any]) -> bytes:
    text = ENCODER.encode(data).encode()
    return HEADER.pack(len(text), 0) + text


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


def signed(bits: int, width: int) -> int:
    """Return the signed number that `bits` hold."""
    return bits - (1 << width) if bits >> (width - 1) else bits


def number(text: str) -> tuple[str, int | float | None]:
    """Return a value's type and what Python engines take for it; None for a null reference."""
    kind, _, rest = text.partition(":")
    if kind in ("i32", "i64"):
        return kind, signed(int(rest, 16), int(kind[1:]))
    if kind == "f32":
        return kind, float(struct.unpack("<f", int(rest, 16).to_bytes(4, "little"))[0])
    if kind == "f64":
        return kind, float(struct.unpack("<d", int(rest, 16).to_bytes(8, "little"))[0])
    if rest == "null":
        return kind, None
    raise Failed("unsupported", f"no value {text}")


def wire(kind: str, value: Any) -> str:
    """Return a result of the given type as it travels."""
    if kind in ("i32", "i64"):
        return f"{kind}:{int(value) & ((1 << int(kind[1:])) - 1):x}"
    if kind == "f32":
        return f"f32:{struct.unpack('<I', struct.pack('<f', value))[0]:x}"
    if kind == "f64":
        return f"f64:{struct.unpack('<Q', struct.pack('<d', value))[0]:x}"
    if kind == "v128":
        raise Failed("unsupported", "v128 cannot be returned")
    return f"{kind}:{'null' if value is None else 'some'}"


def recorder(
    place: int,
    item: dict[str, Any],
    log: list[Any],
    collect: Callable[[], object] | None = None,
    *,
    stress: bool = False,
    call: Callable[[str, list[str], list[str]], list[str] | None] | None = None,
) -> Any:
    """Return a function that logs its calls and returns what is listed, in turn.

    Between the two it calls back whom it is to call, by `call`, which takes an export,
    arguments and types of results, and raises what its engine raises; and notes the results.
    It returns None where nothing can be called yet, while the instance starts.
    It runs the collector, if there is one, where that is what it is for, or with `stress`.
    """
    calls = 0
    collecting = collect if item["collects"] or stress else None

    def called(*args: Any) -> Any:
        nonlocal calls
        turn = calls
        calls += 1
        if item["logged"]:
            log.append([place, [wire(k, a) for k, a in zip(item["params"], args, strict=True)]])
        if collecting is not None:
            collecting()
        for when, export, given, results in item["callbacks"]:
            if when == turn and call is not None:
                back = call(export, given, results)
                if back is not None:
                    log.append([place, back, export])
        values = item["returns"][turn % len(item["returns"])]
        plain = [number(text)[1] for text in values]
        return None if not plain else plain[0] if len(plain) == 1 else plain

    return called


def descriptors() -> tuple[int, int]:
    """Return the two descriptors that the command line names."""
    return int(sys.argv[1]), int(sys.argv[2])
