"""The host's side of the tests."""

# Calls with bytes and descriptors are the subject here, and pathlib has none.
# ruff: noqa: PTH208

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"the secret that lies outside"


class World:
    """`root` and `other` are for guests; `outside` is not."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "root"
        self.other = base / "other"
        self.outside = base / "outside"
        (self.root / "dir" / "deep").mkdir(parents=True)
        (self.root / "file").write_bytes(b"contents")
        (self.root / "dir" / "inner").write_bytes(b"inner")
        self.other.mkdir()
        (self.other / "theirs").write_bytes(b"theirs")
        (self.outside / "dir").mkdir(parents=True)
        (self.outside / "secret").write_bytes(SECRET)
        (self.outside / "dir" / "secret").write_bytes(SECRET)
        self.before = self.observe()

    def observe(self) -> dict[str, object]:
        """All that a guest could have changed outside, access times included."""
        seen: dict[str, object] = {"base": sorted(os.listdir(self.base))}
        for path in sorted([self.outside, *self.outside.rglob("*")]):
            status = path.lstat()
            seen[str(path)] = (
                status.st_mode,
                status.st_nlink,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                path.read_bytes() if path.is_file() else sorted(os.listdir(path)),
            )
        return seen

    def assert_untouched(self) -> None:
        assert self.observe() == self.before
