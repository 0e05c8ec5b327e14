"""Where a trap happened: bytes of a binary, line and column of a text, in both modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plumbob.api import Instance, Module, Store, Trap
from plumbob.wasm.binary.encode import encode

if TYPE_CHECKING:
    from plumbob.exec.interp.machine import Mode

TEXT = """(module
  (func $inner (param i32)
    (local i64)
    (drop (i32.div_u (i32.const 1)
       (local.get 0))))
  (func (export "divide") (call $inner (i32.const 0)))
  (func (export "stop") (local i32) unreachable)
  (func (export "cast") (param externref)
    (local.set 0
      (ref.as_non_null (local.get 0)))))"""

CALL, DIVIDE, UNREACHABLE, NOT_NULL = 0x10, 0x6E, 0x00, 0xD4
"""The operators' bytes."""

PLACES = {
    "divide": [("i32.div_u", DIVIDE), ("call", CALL)],
    "stop": [("unreachable", UNREACHABLE)],
    "cast": [("ref.as_non_null", NOT_NULL)],
}


@pytest.fixture(params=["source", "walk"])
def mode(request: pytest.FixtureRequest) -> Mode:
    return request.param  # type: ignore[no-any-return]


def trap(module: Module, name: str, mode: Mode) -> Trap:
    exports = Instance(module, store=Store(mode=mode)).exports
    arguments = [None] * len(exports[name].type.params)
    with pytest.raises(Trap) as error:
        exports[name](*arguments)
    return error.value


@pytest.mark.parametrize("name", PLACES)
def test_frames_of_a_text_have_lines_and_columns(name: str, mode: Mode) -> None:
    frames = trap(Module.from_text(TEXT), name, mode).frames
    lines = TEXT.splitlines()
    assert len(frames) == len(PLACES[name])
    for frame, (word, _) in zip(frames, PLACES[name], strict=True):
        assert lines[frame.line - 1][frame.column - 1 :].startswith(word)
        assert frame.offset == -1
        assert str(frame).endswith(f" at {frame.line}:{frame.column}")


@pytest.mark.parametrize("name", PLACES)
def test_frames_of_a_binary_have_the_offsets_of_its_bytes(name: str, mode: Mode) -> None:
    binary = encode(Module.from_text(TEXT).environment.module)
    frames = trap(Module(binary), name, mode).frames
    assert [binary[frame.offset] for frame in frames] == [code for _, code in PLACES[name]]
    assert all(frame.line == frame.column == 0 for frame in frames)
    assert str(frames[0]).endswith(f" at {frames[0].offset:#x}")


def test_a_text_in_several_bytes_a_character_counts_characters(mode: Mode) -> None:
    text = '(module (; äöü 😀 ;) (func (export "f") unreachable))'
    (frame,) = trap(Module.from_text(text), "f", mode).frames
    assert (frame.line, frame.column) == (1, text.index("unreachable") + 1)
