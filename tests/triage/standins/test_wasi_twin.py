"""WASI's stand-in beside the runtime's own WASI: the same calls, the same errnos and memory."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO
from random import Random

import pytest
from tests.triage.standins.guest import wasi_guest

from plumbob.triage import standins
from plumbob.triage.standins import WasiInput, wasi
from plumbob.triage.standins.library import load, prepare
from plumbob.wasi.config import Config, Deterministic
from plumbob.wasi.errno import ProcExit
from plumbob.wasi.host import Wasi
from plumbob.wasi.memory import ByteMemory, GuestMemoryFault
from plumbob.wasi.table import PREVIEW_0, PREVIEW_1, Function, functions_of
from plumbob.wasm.text.parser import parse_text
from plumbob.wasm.types import I32, FuncType

FAULT = 21
PAGE = 1 << 16
GIVEN = WasiInput(
    args=("program", "", "naïve"), env={"HOME": "/", "EMPTY": ""}, stdin=b"some input\nto read"
)

FDS = (0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 4, 0xFFFF_FFFF)
SIZES = (0, 1, 2, 3, 7, 8, 9, 100, PAGE - 1, PAGE, PAGE + 1, 0x8000_0000, 0xFFFF_FFFF)
WORDS = (0, 1, 2, 4, 8, 16, 1 << 21, 1 << 27, 1 << 62, (1 << 64) - 1, 10**9)


class Twin:
    """Plumbob's own WASI in the same world."""

    def __init__(self, module: str, size: int) -> None:
        self.out, self.error = BytesIO(), BytesIO()
        config = Config(
            args=GIVEN.args,
            env=GIVEN.env,
            stdin=GIVEN.stdin,
            stdout=self.out,
            stderr=self.error,
            deterministic=Deterministic(),
        )
        self.functions = Wasi(config).functions(module)
        self.memory = ByteMemory(size)

    def call(self, name: str, *args: int) -> int | None:
        """The errno; None for an exit."""
        try:
            return self.functions[name].call(self.memory, *args)
        except GuestMemoryFault:
            return FAULT
        except ProcExit:
            return None


class Chooser:
    """Arguments that mean something, most of the time."""

    def __init__(self, rng: Random, memory: ByteMemory, stride: int) -> None:
        self.rng = rng
        self.memory = memory
        self.stride = stride
        self.next = 0

    def place(self, size: int, alignment: int) -> int:
        """An address of its own; sometimes a bad one."""
        if self.rng.random() < 0.04:
            return self.rng.choice((PAGE - 4, PAGE, PAGE + 8, 0xFFFF_FFF8, 0x8000_0000))
        if self.rng.random() < 0.04:
            return self.rng.randrange(64)
        at = (self.next + 7) & ~7
        self.next = at + size
        return at + (1 if alignment > 1 and self.rng.random() < 0.04 else 0)

    def store(self, at: int, data: bytes) -> None:
        """Put bytes where they fit."""
        if at + len(data) <= self.memory.size:
            self.memory.write(at, data)

    def vectors(self) -> tuple[int, int]:
        """An array of buffers."""
        count = self.rng.choice(
            (0, 1, 1, 2, 3, 5, 1024, 1025) if self.rng.random() < 0.1 else (1, 2, 3)
        )
        at = self.place(8 * count, 4)
        data = bytearray()
        for _ in range(count):
            size = self.rng.choice(SIZES) if self.rng.random() < 0.03 else self.rng.randrange(20)
            place = self.place(min(size, 20), 1) if count < 10 else 0
            data += place.to_bytes(4, "little") + size.to_bytes(4, "little")
        self.store(at, bytes(data))
        return at, count

    def subscriptions(self) -> tuple[int, int]:
        """An array of subscriptions."""
        count = self.rng.choice((0, 1, 2, 3, 5))
        at = self.place(self.stride * count, 8)
        data = bytearray()
        inner = 16 if self.stride == 48 else 24
        for _ in range(count):
            record = bytearray(self.rng.randbytes(self.stride))
            kind = self.rng.choice((0, 0, 0, 1, 2, 3 if self.rng.random() < 0.1 else 0))
            record[8] = kind
            if kind == 0:
                clock = self.rng.choice((0, 0, 1, 1, 1, 2, 3, 4 if self.rng.random() < 0.1 else 1))
                timeout = self.rng.choice((0, 1, 10**6, 3 * 10**6, 10**9, 946_684_800_003_000_000))
                flags = self.rng.choice((0, 1, 0, 1, 2 if self.rng.random() < 0.1 else 0))
                record[inner : inner + 4] = clock.to_bytes(4, "little")
                record[inner + 8 : inner + 16] = timeout.to_bytes(8, "little")
                record[inner + 24 : inner + 26] = flags.to_bytes(2, "little")
            else:
                record[16:20] = self.rng.choice(FDS).to_bytes(4, "little")
            data += record
        self.store(at, bytes(data))
        return at, count

    def arguments(self, row: Function) -> list[int]:
        """Arguments of a function, and what they point to."""
        self.next = self.rng.randrange(64, 4096)
        out: list[int] = []
        count = 0
        for _, kind in row.parameters:
            match kind:
                case "fd":
                    out.append(self.rng.choice(FDS))
                case "vectors":
                    out += self.vectors()
                case "buffer" | "path":
                    size = (
                        self.rng.choice(SIZES)
                        if self.rng.random() < 0.1
                        else self.rng.randrange(40)
                    )
                    out += [self.place(min(size, 40), 1), size]
                case "pointers":
                    out.append(self.place(64, 4))
                case "bytes":
                    out.append(self.place(64, 1))
                case "subscriptions" | "subscriptions_0":
                    at, count = self.subscriptions()
                    out.append(at)
                case "events":
                    out.append(self.place(32 * max(count, 1), 8))
                case "size" if row.name == "poll_oneoff":
                    out.append(5000 if self.rng.random() < 0.02 else count)
                case "rights" | "filesize" | "filedelta" | "timestamp" | "dircookie":
                    out.append(self.rng.choice(WORDS))
                case _:  # flags and enumerations
                    out.append(self.rng.choice((0, 0, 1, 1, 2, 3, 4, 5, 16, 31, 32, 0xFFFF_FFFF)))
        out += [self.place(64, 8) for _ in row.results]
        return out


def sames(wasi_module: str, seed: int, calls: int) -> set[str]:
    """Make random calls of both; return the names of functions that succeeded."""
    rng = Random(seed)  # noqa: S311  # repeatable
    guest = wasi_guest(wasi_module, GIVEN)
    twin = Twin(wasi_module, PAGE)
    rows = list(functions_of(wasi_module))
    stride = 48 if wasi_module == PREVIEW_1 else 56
    done: set[str] = set()
    texts: dict[int, bytes] = {1: b"", 2: b""}
    for _ in range(calls):
        row = rng.choice(rows)
        # Closing too early leaves nothing to look at.
        if row.name in {"fd_close", "fd_renumber", "proc_exit"} and rng.random() < 0.7:
            continue
        args = Chooser(rng, twin.memory, stride).arguments(row)
        before = bytes(twin.memory.data)
        guest.memory.write(0, before)
        expected, found = twin.call(row.name, *args), guest.call(row.name, *args)
        assert found == expected, (row.name, args)
        if row.name == "random_get" and expected == 0:
            twin.memory.write(args[0], guest.memory.read(args[0], args[1]))
        after = guest.memory.read(0, PAGE)
        assert after == bytes(twin.memory.data), (row.name, args)
        if expected == 0:
            done.add(row.name)
        log = guest.log()
        if row.name == "fd_write" and expected == 0:
            ((module, name, (fd,), text, _),) = log
            assert (module, name, fd.bits) == (wasi_module, "fd_write", args[0])
            assert text is not None
            texts[args[0]] = texts.get(args[0], b"") + text
        elif expected is None:
            code = args[0] if row.name == "proc_exit" else 128 + args[0]
            assert [(call.name, call.args[0].bits) for call in log] == [("proc_exit", code)]
        else:
            assert not log
    # Descriptors may have been renumbered: what counts is that nothing is lost.
    written = twin.out.getvalue() + twin.error.getvalue()
    assert sorted(b"".join(texts.values())) == sorted(written)
    return done


SUCCEEDING = {
    "args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "clock_res_get",
    "clock_time_get", "fd_close", "fd_datasync", "fd_fdstat_get", "fd_fdstat_set_flags",
    "fd_fdstat_set_rights", "fd_filestat_get", "fd_read", "fd_renumber", "fd_sync", "fd_write",
    "poll_oneoff", "proc_raise", "random_get", "sched_yield",
}  # fmt: skip
"""Functions that can succeed in a world without files."""


def all_sames(wasi_module: str) -> set[str]:
    """Make many random calls; return the functions that succeeded."""
    return {name for seed in range(16) for name in sames(wasi_module, seed, 150)}


@pytest.mark.parametrize("wasi_module", [PREVIEW_1, PREVIEW_0])
def test_random_calls_do_the_same(wasi_module: str) -> None:
    assert all_sames(wasi_module) == SUCCEEDING


PLANTED = {
    "a badf that should be spipe": (
        "(call $open_then (local.get $fd) (i32.const 70))",
        "(call $open_then (local.get $fd) (i32.const 8))",
    ),
    "an unchecked pointer": (
        "(call $bad_text (i32.load (local.get $vectors)) (i32.load offset=4 (local.get $vectors)))",
        "(i32.const 0)",
    ),
    "a right too many": (
        "(i64.const 0x8200059)) ;; the same",
        "(i64.const 0x820005b)) ;; the same",
    ),
    "a clock that stands": (
        "(global.set $clock1 (i64.add (local.get $time) (global.get $step)))",
        "(nop)",
    ),
    "an event's place": ("(i32.shl (local.get $events) (i32.const 5))", "(i32.const 0)"),
    "words in the wrong order": (
        "(global.set $w7 (local.get $word)))",
        "(global.set $w7 (global.get $w6)) (global.set $w6 (local.get $word)))",
    ),
    "a byte lost": ("(i64.and (i64.const 63) (i64.add", "(i64.and (i64.const 31) (i64.add"),
    "a text's end": ("(if (i64.ne (local.get $bits) (i64.const 0))", "(if (i32.const 0)"),
    "an exit code": (
        "(call $exit (i32.add (local.get $signal) (i32.const 128)))",
        "(call $exit (local.get $signal))",
    ),
    "input read twice": (
        "(global.set $stdin_place (i32.add (global.get $stdin_place) (i32.const 1)))",
        "(nop)",
    ),
    "a variable without a pointer": ("(local.set $starts (i32.eqz (local.get $byte)))", "(nop)"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_faults_are_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = PLANTED[fault]
    source = files(standins).joinpath("wasi.wat").read_text(encoding="utf-8")
    assert source.count(right) >= 1
    library = prepare(parse_text(source.replace(right, wrong), "planted"))
    monkeypatch.setattr(wasi, "load", lambda _: library)
    with pytest.raises((AssertionError, ValueError)):
        all_sames(PREVIEW_1)


def test_types_are_those_of_the_interface() -> None:
    library = load("wasi.wat")
    for module, suffix in ((PREVIEW_1, ""), (PREVIEW_0, ":0")):
        for row in functions_of(module):
            name = row.name + suffix if row.name + suffix in library.exports else row.name
            type_ = library.module.func_type(library.exports[name])
            assert type_ == (row.parameter_types, row.result_types), name
            assert wasi.export_of(module, row.name, type_) == name
            assert wasi.export_of(module, row.name, FuncType((), (I32,) * 2)) is None
    known = {row.name for row in functions_of(PREVIEW_1)}
    assert {name.removesuffix(":0") for name in library.exports} == known
