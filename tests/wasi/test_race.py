"""The same races without luck: the swap happens just before the n-th call of the host's system.

And planted faults: with a protection taken out, these tests must see the secret.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.wasi.guest import (
    CREAT,
    DIRECTORY,
    FOLLOW,
    READ,
    READ_WRITE,
    ROOT,
    SIZE,
    TRUNC,
    Guest,
)
from tests.wasi.world import SECRET

from plumbob.wasi import paths
from plumbob.wasi.errno import Errno

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wasi.world import World

CALLS = (
    "open",
    "readlink",
    "stat",
    "utime",
    "mkdir",
    "rmdir",
    "unlink",
    "rename",
    "link",
    "symlink",
)


class Trigger:
    """Runs `swap` once, before the call of the host's system with this number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, swap: Callable[[], None]) -> None:
        self.swap = swap
        self.left = -1
        self.inside = False
        for name in CALLS:
            monkeypatch.setattr(os, name, self.wrap(getattr(os, name)))

    def wrap(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            # Python's own calls pass no directory; ours all do.
            if not self.inside and any(key.endswith("dir_fd") for key in named):
                if self.left == 0:
                    self.inside = True
                    self.swap()
                    self.inside = False
                self.left -= 1
            return real(*arguments, **named)

        return call

    def arm(self, number: int) -> None:
        self.left = number

    @property
    def fired(self) -> bool:
        return self.left < 0


USES: dict[str, Callable[[Guest, bytes], Errno]] = {
    "read": lambda guest, path: guest.open(path),
    "read_nofollow": lambda guest, path: guest.open(path, lookup=0),
    "write": lambda guest, path: guest.open(path, 0, READ_WRITE),
    "create": lambda guest, path: guest.open(path, CREAT, READ_WRITE),
    "truncate": lambda guest, path: guest.open(path, TRUNC, READ_WRITE),
    "directory": lambda guest, path: guest.open(path, DIRECTORY, READ),
    "stat": lambda guest, path: guest.call("path_filestat_get", ROOT, FOLLOW, path),
    "times": lambda guest, path: guest.call("path_filestat_set_times", ROOT, FOLLOW, path, 1, 1, 5),
    "mkdir": lambda guest, path: guest.call("path_create_directory", ROOT, path + b"x"),
    "rmdir": lambda guest, path: guest.call("path_remove_directory", ROOT, path),
    "unlink": lambda guest, path: guest.call("path_unlink_file", ROOT, path),
    "rename_from": lambda guest, path: guest.call("path_rename", ROOT, path, ROOT, b"got"),
    "rename_to": lambda guest, path: guest.call("path_rename", ROOT, b"file", ROOT, path),
    "link_from": lambda guest, path: guest.call("path_link", ROOT, FOLLOW, path, ROOT, b"got"),
    "link_to": lambda guest, path: guest.call("path_link", ROOT, 0, b"file", ROOT, path + b"x"),
    "symlink": lambda guest, path: guest.call("path_symlink", b"file", ROOT, path + b"x"),
    "readlink": lambda guest, path: guest.call("path_readlink", ROOT, path, 65536, 99),
}
"""Functions that take a path and need nothing else."""

SCENES = {
    "file to relative link": ("swap", b"swap", "../outside/secret", False),
    "file to absolute link": ("swap", b"swap", "{outside}/secret", False),
    "directory to relative link": ("swap", b"swap/secret", "../outside", True),
    "directory to absolute link": ("swap", b"swap/secret", "{outside}", True),
    "directory to parent": ("swap", b"swap/outside/secret", "..", True),
    "inner directory": ("dir/swap", b"dir/swap/secret", "../../outside", True),
    "link to link": ("dir/swap", b"dir/swap/secret", "../dir/second", True),
}


def set_scene(world: World, scene: str) -> tuple[bytes, Callable[[], None]]:
    """Make what stands at first; return the path to use, and the swap."""
    name, path, target, is_directory = SCENES[scene]
    place = world.root / name
    if is_directory:
        place.mkdir()
        (place / "secret").write_bytes(b"inside")
        (place / "outside").mkdir()
        (place / "outside" / "secret").write_bytes(b"inside")
    else:
        place.write_bytes(b"inside")
    (world.root / "dir" / "second").symlink_to("../../outside")

    def swap() -> None:
        place.rename(world.root / "away")
        place.symlink_to(target.format(outside=world.outside))

    return path, swap


def attempt(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch, scene: str, use: str, number: int
) -> tuple[bool, Errno, bytes]:
    """Use the path while the swap happens before call `number`.

    Returns whether it happened, the errno, and what could be read if something was opened.
    """
    path, swap = set_scene(world, scene)
    with monkeypatch.context() as patches:
        trigger = Trigger(patches, swap)
        trigger.arm(number)
        errno = USES[use](guest, path)
        fired = trigger.fired
    data = b""
    if errno == Errno.SUCCESS and use in ("read", "read_nofollow", "write", "create"):
        data = guest.receive(guest.fd, 100)
    return fired, errno, data


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("scene", SCENES)
def test_no_moment_for_a_swap_lets_anything_out(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch, scene: str, use: str, number: int
) -> None:
    _, errno, data = attempt(world, guest, monkeypatch, scene, use, number)
    world.assert_untouched()
    assert data in (b"", b"inside")
    assert SECRET not in guest.read(0, SIZE)
    assert errno in {
        Errno.SUCCESS,
        Errno.PERM,
        Errno.NOENT,
        Errno.LOOP,
        Errno.NOTDIR,
        Errno.ISDIR,
        Errno.INVAL,
        Errno.EXIST,
    }


def test_every_call_of_the_host_is_reached(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers above cover the longest resolution, so no moment is left out."""
    fired, _, _ = attempt(world, guest, monkeypatch, "link to link", "rename_to", 40)
    assert not fired


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("use", ["read", "stat"])
def test_a_harmless_swap_goes_unnoticed(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch, use: str, number: int
) -> None:
    """A file replaced by a link that may be followed is one of the two, never the link itself."""
    (world.root / "swap").write_bytes(b"inside")
    (world.root / "new").symlink_to("file")

    def swap() -> None:
        (world.root / "new").rename(world.root / "swap")

    with monkeypatch.context() as patches:
        Trigger(patches, swap).arm(number)
        assert USES[use](guest, b"swap") == Errno.SUCCESS
    if use == "read":
        assert guest.receive(guest.fd, 100) in (b"inside", b"contents")
    else:
        assert guest.results[0][16] == 4


@pytest.mark.parametrize("scene", ["directory to relative link", "inner directory"])
def test_planted_a_walk_that_follows_links_is_caught(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch, scene: str
) -> None:
    monkeypatch.setattr(paths, "_PASS_THROUGH", os.O_DIRECTORY | os.O_CLOEXEC)
    read = set()
    for number in range(6):
        for leftover in ("away", "swap", "dir/swap", "dir/second"):
            remove(world, leftover)
        read.add(attempt(world, guest, monkeypatch, scene, "read", number)[2])
    assert SECRET in read


def test_planted_a_last_open_that_follows_links_is_caught(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "HOST_OPEN", os.O_CLOEXEC)
    read = set()
    for number in range(3):
        for leftover in ("away", "swap", "dir/second"):
            remove(world, leftover)
        read.add(attempt(world, guest, monkeypatch, "file to relative link", "read", number)[2])
    assert SECRET in read


def test_planted_an_unchecked_target_is_caught(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the check for absolute targets gone, the target's components are walked from here."""
    (world.root / "absolute").symlink_to("/file")

    def expand(self: Any, target: bytes, pending: list[bytes]) -> None:  # noqa: ARG001
        pending.extend(component for component in reversed(target.split(b"/")) if component)

    assert guest.open(b"absolute") == Errno.PERM
    monkeypatch.setattr(paths._Walk, "_expand", expand)
    assert guest.open(b"absolute") == Errno.SUCCESS


def remove(world: World, name: str) -> None:
    import shutil  # noqa: PLC0415 -- this helper's alone

    place = world.root / name
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
