"""`plumbob validate`: verdicts, formats, and inputs of every kind."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.support import COMPONENT, INVALID, MALFORMED, VALID, Run

from plumbob.cli.inputs import find, is_binary
from plumbob.cli.options import DEAD_CODE_POLICIES
from plumbob.errors import InputError
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("valid.wat", 0),
        ("valid.wasm", 0),
        ("deeper/invalid.wat", 1),
        ("deeper/invalid.wasm", 1),
        ("malformed.wat", 1),
        ("malformed.wasm", 1),
    ],
)
def test_verdicts(plumbob: Run, modules: Path, name: str, status: int) -> None:
    told = plumbob("validate", modules / name)
    verdict = Path(name).stem
    assert told.returncode == status
    assert told.stdout.decode().splitlines()[-1] == f"{modules / name}: {verdict}"
    assert told.stderr == b""
    assert (b"error[E" in told.stdout) == (status == 1)


def test_a_folder_is_walked_in_order(plumbob: Run, modules: Path) -> None:
    told = plumbob("validate", modules, "--json")
    data = json.loads(told.stdout)
    names = [str(Path(item["file"]).relative_to(modules)) for item in data["modules"]]
    assert names == [
        "deeper/invalid.wasm",
        "deeper/invalid.wat",
        "malformed.wasm",
        "malformed.wat",
        "valid.wasm",
        "valid.wat",
    ]
    assert data["total"] == {"modules": 6, "valid": 2, "invalid": 2, "malformed": 2}
    assert told.returncode == 1


def test_many_modules_are_summed_up(plumbob: Run, modules: Path) -> None:
    told = plumbob("validate", modules)
    last = told.stdout.decode().splitlines()[-1]
    assert last == "6 modules: 2 valid, 2 invalid, 2 malformed"


def test_content_tells_text_from_binary(plumbob: Run, modules: Path) -> None:
    swapped = modules / "text.wasm"
    swapped.write_text(VALID)
    assert plumbob("validate", swapped).returncode == 0
    swapped = modules / "binary.wat"
    swapped.write_bytes((modules / "valid.wasm").read_bytes())
    assert plumbob("validate", swapped).returncode == 0


@pytest.mark.parametrize("text", [VALID.encode(), encode(parse_text(VALID))])
def test_standard_input(plumbob: Run, text: bytes) -> None:
    told = plumbob("validate", "-", stdin=text)
    assert (told.returncode, told.stdout) == (0, b"<stdin>: valid\n")


@pytest.mark.parametrize("output_format", ["json", "sarif"])
@pytest.mark.parametrize("text", [VALID, INVALID, MALFORMED])
def test_formats_are_json_alone(plumbob: Run, output_format: str, text: str) -> None:
    told = plumbob("validate", "-", "--format", output_format, stdin=text.encode())
    data = json.loads(told.stdout)
    assert told.stderr == b""
    assert ("runs" in data) == (output_format == "sarif")
    assert told.returncode == (0 if text is VALID else 1)


def test_json_is_the_json_format(plumbob: Run) -> None:
    stdin = INVALID.encode()
    one = plumbob("validate", "-", "--json", stdin=stdin)
    assert one.stdout == plumbob("validate", "-", "--format", "json", stdin=stdin).stdout
    told = plumbob("validate", "-", "--json", "--format", "sarif", stdin=stdin)
    assert told.returncode == 2


def test_the_same_input_gives_the_same_bytes(plumbob: Run, modules: Path) -> None:
    for arguments in ([], ["--json"], ["--format", "sarif"], ["--threads", "2"]):
        first, second = (plumbob("validate", modules, *arguments) for _ in range(2))
        assert first.stdout == second.stdout


@pytest.mark.parametrize("policy", DEAD_CODE_POLICIES)
def test_policies(plumbob: Run, policy: str) -> None:
    dead = b"(module (func unreachable i32.const 1 i64.eqz drop))"
    told = plumbob("validate", "-", "--dead-code", policy, stdin=dead)
    assert told.returncode == int(policy in ("polymorphic", "forbidden"))


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_the_declared_type_unreachable(plumbob: Run, kind: str) -> None:
    text = "(module (func (result unreachable) unreachable))"
    module = parse_text(text, allow_unreachable_type=True)
    data = text.encode() if kind == "text" else encode(module)
    assert plumbob("validate", "-", "--dead-code", "typed", stdin=data).returncode == 0
    assert plumbob("validate", "-", stdin=data).returncode == 1


def test_features(plumbob: Run) -> None:
    text = b"(module (memory 1) (memory 1))"
    assert plumbob("validate", "-", stdin=text).returncode == 0
    assert plumbob("validate", "-", "--features=-multi-memory", stdin=text).returncode == 1
    assert plumbob("validate", "-", "-f", "wasm2", stdin=text).returncode == 1
    assert plumbob("validate", "-", "-f", "wasm2,multi-memory", stdin=text).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--features", "telepathy"], "telepathy"),
        (["--dead-code", "buried"], "buried"),
        (["--format", "yaml"], "yaml"),
        (["--threads", "0"], "0"),
        (["--threads", "many"], "many"),
        (["--color", "mauve"], "mauve"),
    ],
)
def test_unknown_wishes(plumbob: Run, arguments: list[str], word: str) -> None:
    told = plumbob("validate", "-", *arguments, stdin=VALID.encode())
    assert told.returncode == 2
    assert word in told.stderr.decode()
    assert told.stdout == b""


def test_threads_change_nothing(plumbob: Run) -> None:
    text = f"(module {'(func (param i32) (drop (i32.add (local.get 0))))' * 50})".encode()
    one = plumbob("validate", "-", stdin=text)
    two = plumbob("validate", "-", "--threads", "2", stdin=text)
    assert one.returncode == 1
    assert one.stdout == two.stdout


# Inputs that nobody would call an input.


def test_a_missing_file(plumbob: Run, tmp_path: Path) -> None:
    told = plumbob("validate", tmp_path / "missing.wasm")
    assert told.returncode == 2
    assert told.stderr.decode().startswith(f"plumbob: cannot read {tmp_path / 'missing.wasm'}")


def test_an_empty_folder(plumbob: Run, tmp_path: Path) -> None:
    told = plumbob("validate", tmp_path)
    assert told.returncode == 2
    assert b"no .wasm or .wat file" in told.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(plumbob: Run, modules: Path) -> None:
    (modules / "valid.wasm").chmod(0)
    assert plumbob("validate", modules / "valid.wasm").returncode == 2


def test_what_cannot_be_judged_hides_nothing(plumbob: Run, modules: Path) -> None:
    (modules / "component.wasm").write_bytes(COMPONENT)
    told = plumbob("validate", modules, modules / "missing.wasm", "--json")
    data = json.loads(told.stdout)
    assert told.returncode == 2
    assert data["total"]["modules"] == 6
    assert [Path(item["file"]).name for item in data["errors"]] == [
        "component.wasm",
        "missing.wasm",
    ]
    said = told.stderr.decode()
    assert "component.wasm" in said
    assert "missing.wasm" in said


@pytest.mark.parametrize("name", ["empty.wasm", "empty"])
def test_an_empty_file(plumbob: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    told = plumbob("validate", tmp_path / name)
    assert told.returncode == 1
    assert b"unexpected end" in told.stdout


def test_an_empty_text_is_a_module(plumbob: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.wat").touch()
    assert plumbob("validate", tmp_path / "empty.wat").returncode == 0


def test_empty_standard_input(plumbob: Run) -> None:
    assert plumbob("validate", "-").returncode == 1


GARBAGE = random.Random(1).randbytes(1 << 16)  # noqa: S311  # garbage for a test


@pytest.mark.parametrize("length", [1, 3, 8, 100, len(GARBAGE)])
@pytest.mark.parametrize("magic", [b"", b"\0asm", b"\0asm\1\0\0\0"])
def test_garbage(plumbob: Run, magic: bytes, length: int) -> None:
    told = plumbob("validate", "-", stdin=magic + GARBAGE[:length])
    assert told.returncode == 1
    assert told.stdout.decode().splitlines()[-1].startswith("<stdin>: malformed")
    assert len(told.stdout) < 5000
    assert told.stderr == b""


def test_huge_garbage(plumbob: Run, tmp_path: Path) -> None:
    path = tmp_path / "huge.wasm"
    path.write_bytes(GARBAGE * 512)
    assert plumbob("validate", path).returncode == 1
    path.write_bytes(b"(" * 2_000_000)
    told = plumbob("validate", path)
    assert told.returncode == 1
    assert len(told.stdout) < 5000


def test_text_that_is_not_utf8_says_where(plumbob: Run) -> None:
    told = plumbob("validate", "-", stdin=b"(module\n (func $caf\xe9))")
    said = told.stdout.decode()
    assert told.returncode == 1
    assert "<stdin>:2:12" in said
    assert "0xe9" in said


def test_escape_sequences_in_names_do_not_reach_the_terminal(plumbob: Run) -> None:
    text = b'(module (func $"\\1b[2J" i32.add))'
    for data in (text, encode(parse_text(text))):
        told = plumbob("validate", "-", stdin=data)
        assert told.returncode == 1
        assert b"\x1b" not in told.stdout


@pytest.mark.parametrize(
    ("data", "name", "binary"),
    [
        (b"\0asm", "x", True),
        (b"\0asm", "x.wat", True),
        (b"", "x.wasm", True),
        (b"", "x.wat", False),
        (b"(module)", "x.wasm", False),
        ("(module (; ü ;))".encode(), "x", False),
        ("(; \x1b ü ;)".encode(), "x", False),
        (b"(; \xfc ;)", "x", False),
        (b"\x7fELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0>", "x", True),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "x.wat", True),
    ],
)
def test_recognition(data: bytes, name: str, *, binary: bool) -> None:
    assert is_binary(data, name) == binary


def test_faults_in_custom_sections_are_warnings(plumbob: Run) -> None:
    data = encode(parse_text("(module (func $f))"))
    at = data.index(b"\4name")
    broken = data[: at + 5] + b"\1\x7f" + data[at + 7 :]
    told = plumbob("validate", "-", stdin=broken)
    assert told.returncode == 0
    assert b"warning[W0101]" in told.stdout
    assert told.stdout.decode().splitlines()[-1] == "<stdin>: valid, with warnings"


def test_standard_input_is_read_once(plumbob: Run) -> None:
    assert plumbob("validate", "-", "-", stdin=VALID.encode()).returncode == 2


def test_sarif_says_what_could_not_be_judged(plumbob: Run, modules: Path) -> None:
    told = plumbob("validate", modules / "valid.wat", modules / "gone.wat", "--format", "sarif")
    (invocation,) = json.loads(told.stdout)["runs"][0]["invocations"]
    assert told.returncode == 2
    assert invocation["executionSuccessful"] is False
    (said,) = invocation["toolExecutionNotifications"]
    assert "gone.wat" in said["message"]["text"]


def test_a_folder_that_cannot_be_walked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def walk(path: str, onerror: Callable[[OSError], None]) -> Iterator[object]:
        onerror(PermissionError(13, "Permission denied", path))
        yield from ()

    monkeypatch.setattr(os, "walk", walk)
    with pytest.raises(InputError, match="permission denied"):
        find([str(tmp_path)])
