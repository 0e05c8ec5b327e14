"""Verdicts that are kept: damage is ignored and mended, what they rest on is their name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.triage.bisect import store as module
from plumbob.triage.bisect.judge import BAD, GOOD, SKIPPED, Verdict
from plumbob.triage.bisect.store import Store, own_version

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = {"program": "ab", "invocations": [["test", []]], "seed": 0}
VERDICT = Verdict(BAD, "test()", "48", "210")


def test_what_was_put_is_there_for_the_next(tmp_path: Path) -> None:
    Store(tmp_path, ABOUT).put("1.0.0", VERDICT)
    again = Store(tmp_path, ABOUT)
    assert again.get("1.0.0") == VERDICT
    assert isinstance(again.get("1.0.0"), Verdict)
    assert again.get("2.0.0") is None


@pytest.mark.parametrize("change", [{"seed": 1}, {"program": "ac"}, {"options": "opt=none"}])
def test_other_circumstances_are_another_file(tmp_path: Path, change: dict[str, object]) -> None:
    Store(tmp_path, ABOUT).put("1.0.0", VERDICT)
    assert Store(tmp_path, {**ABOUT, **change}).get("1.0.0") is None


def test_other_code_is_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path, ABOUT).put("1.0.0", VERDICT)
    monkeypatch.setattr(module, "own_version", lambda: "0.1+changed")
    assert Store(tmp_path, ABOUT).get("1.0.0") is None
    assert own_version() == own_version()


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"about": {}, "verdicts": {}}',
        b'{"verdicts": {"1.0.0": ["bad", "x", "", ""]}}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_ignored_and_written_anew(tmp_path: Path, damage: bytes) -> None:
    Store(tmp_path, ABOUT).put("1.0.0", VERDICT)
    (file,) = tmp_path.glob("*.json")
    file.write_bytes(damage)
    store = Store(tmp_path, ABOUT)
    assert store.get("1.0.0") is None
    store.put("1.0.0", VERDICT)
    assert Store(tmp_path, ABOUT).get("1.0.0") == VERDICT


@pytest.mark.parametrize(
    "verdict",
    [
        ["skipped", "", "", ""],
        ["bad", 1, "", ""],
        ["bad"],
        ["bad", "", ""],
        "bad",
        None,
        {"result": "bad"},
    ],
)
def test_a_verdict_that_is_none_is_ignored(tmp_path: Path, verdict: object) -> None:
    Store(tmp_path, ABOUT).put("1.0.0", VERDICT)
    (file,) = tmp_path.glob("*.json")
    data = json.loads(file.read_text())
    data["verdicts"]["2.0.0"] = verdict
    file.write_text(json.dumps(data))
    assert Store(tmp_path, ABOUT).get("2.0.0") is None


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_no_harm(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("results")
    Store(folder, ABOUT).put("1.0.0", VERDICT)
    (file,) = folder.glob("*.json")
    file.write_bytes(data)
    assert Store(folder, ABOUT).get("1.0.0") is None


def test_two_who_write_lose_nothing(tmp_path: Path) -> None:
    one, other = Store(tmp_path, ABOUT), Store(tmp_path, ABOUT)
    one.put("1.0.0", VERDICT)
    other.put("2.0.0", Verdict(GOOD))
    assert Store(tmp_path, ABOUT).get("1.0.0") == VERDICT
    assert Store(tmp_path, ABOUT).get("2.0.0") == Verdict(GOOD)


def test_a_folder_that_cannot_be_written_costs_the_memory_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "results", ABOUT)
    store.put("1.0.0", VERDICT)
    assert store.get("1.0.0") == VERDICT


def test_old_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    for seed in range(6):
        Store(tmp_path, {**ABOUT, "seed": seed}).put("1.0.0", VERDICT)
    assert len(list(tmp_path.glob("*.json"))) == 3
    assert Store(tmp_path, {**ABOUT, "seed": 5}).get("1.0.0") == VERDICT
    assert Store(tmp_path, {**ABOUT, "seed": 0}).get("1.0.0") is None
    assert SKIPPED not in (GOOD, BAD)
