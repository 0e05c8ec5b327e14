"""A stand-in for an engine's harness, which misbehaves as its module says.

Run as `python harness.py IN OUT`. The request's module is a word: what to do. With a word
in the environment variable START it misbehaves before it is ready.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path

HEADER = struct.Struct("<II")


def send(data: object) -> None:
    text = json.dumps(data).encode()
    os.write(int(sys.argv[2]), HEADER.pack(len(text), 0) + text)


def work() -> None:
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        pass


def work_and_die() -> None:
    work()
    os.kill(os.getpid(), signal.SIGSEGV)


def misbehave(word: str) -> None:
    if word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == "abort":
        os.write(2, b"assertion failed: everything\n")
        os.abort()
    elif word == "exit":
        os._exit(7)
    elif word == "hang":
        time.sleep(600)
    elif word == "close":
        os.close(int(sys.argv[2]))
        time.sleep(600)
    elif word == "garbage":
        os.write(int(sys.argv[2]), b"\xff" * 64)
    elif word == "half":
        os.write(int(sys.argv[2]), HEADER.pack(10, 0) + b'{"ki')
        os._exit(0)
    elif word == "text":
        os.write(int(sys.argv[2]), HEADER.pack(4, 0) + b"oops")
    elif word == "deep":
        os.write(int(sys.argv[2]), HEADER.pack(60000, 0) + b"[" * 60000)
    elif word == "wrong":
        send({"steps": [{"kind": "values", "values": ["i32:123456789"]}]})
    elif word == "eat":
        hoard = []
        while True:
            hoard.append(b"x" * (8 << 20))
    elif word == "family":
        for _ in range(2):  # a child, and a child's child
            if (child := os.fork()) == 0:
                continue
            os.write(1, f"pid {child}\n".encode())
            break
        time.sleep(600)
    elif word == "litter":
        for folder in (os.environ["HOME"], os.environ["TMPDIR"], "."):
            Path(folder, f"left in {folder[-8:]}").write_text(folder)
    elif word == "noise":
        os.write(1, bytes(range(256)) * 16)
        os.write(2, b"\xff\xfe\x00" * 999)
    elif word == "late":  # a thread works on, and dies of it
        threading.Thread(target=work_and_die, daemon=True).start()
    elif word == "work":
        threading.Thread(target=work, daemon=True).start()
    elif word == "lottery":  # every third process dies
        tickets = Path(os.environ["TICKETS"])
        tickets.write_text(tickets.read_text() + "x" if tickets.exists() else "x")
        if len(tickets.read_text()) % 3 == 0:
            misbehave("late")
    elif word == "chat":
        for _ in range(300):
            os.write(1, b"0123456789abcdef" * 64)
            os.write(2, b"fedcba9876543210" * 64)


def main() -> None:
    misbehave(os.environ.get("START", ""))
    send({"version": "fake"})
    source = os.fdopen(int(sys.argv[1]), "rb")
    served = 0

    def pace() -> None:
        if request["paced"]:
            size, _ = HEADER.unpack(source.read(HEADER.size))
            source.read(size)

    while header := source.read(HEADER.size):
        size, blob_size = HEADER.unpack(header)
        request = json.loads(source.read(size))
        word = source.read(blob_size).decode()
        served += 1
        if word == "second" and served > 1:
            misbehave("crash")
        steps: list[dict[str, object]] = [{"kind": "ok"}, {"kind": "ok"}]
        for export, _, results in request["calls"]:
            if request["stream"]:
                for step in steps:
                    send({"steps": [step]})
                    pace()
                steps = []
            misbehave(export)
            steps.append({"kind": "values", "values": [f"{kind}:{served:x}" for kind in results]})
        if request["stream"]:
            for step in steps:
                send({"steps": [step]})
                pace()
        else:
            send({"steps": steps})


if __name__ == "__main__":
    main()
