"""Modules to mutate: Plumbob's own, those of the official suite, and real ones.

Real modules are large, and most mutants of a large module differ in one function among
thousands: so besides the whole module there are splinters of it, which keep some functions
and put `unreachable` in the place of the others.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.fuzz.mutate import CODE_SECTION, bodies_of, code_section, join, split
from tests.fuzz.programs import program
from tests.wasm.support.environment import Environment
from tests.wasm.support.uses import all_uses

from plumbob.errors import InputError
from plumbob.wasm import features
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text.script import (
    AssertModule,
    BinaryModule,
    ModuleCommand,
    QuotedModule,
    parse_script,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from plumbob.wasm.text.script import ModuleSource

EMPTY = b"\0\0\x0b"
"""A body: no locals, `unreachable`."""
PROGRAMS = 500
SPLINTERS = 12
KEPT = 40
LARGE = 100_000
"""Bytes; modules above are cut into splinters."""


def own() -> list[bytes]:
    """Return a module for each use of each operator, and random programs: they need no files."""
    environment = Environment()
    uses = [environment.binary(use.case()) for use in all_uses()]
    rng = Random(0)  # noqa: S311  # repeatable
    return uses + [program(rng, environment) for _ in range(PROGRAMS)]


def splinters(data: bytes, rng: Random) -> Iterator[bytes]:
    """Yield smaller modules, each with some of the functions; data segments lose bytes too."""
    sections = split(data)
    if sections is None:
        return
    place = next((at for at, item in enumerate(sections) if item[0] == CODE_SECTION), None)
    bodies = bodies_of(sections[place][1]) if place is not None else None
    if place is None or not bodies:
        return
    for _ in range(SPLINTERS):
        kept = set(rng.sample(range(len(bodies)), min(KEPT, len(bodies))))
        fewer = [body if at in kept else EMPTY for at, body in enumerate(bodies)]
        # Custom sections and data are left out: other seeds have them.
        rest = [(section, contents) for section, contents in sections if section not in (0, 11)]
        counted = [(section, b"\0" if section == 12 else contents) for section, contents in rest]
        yield join(
            [
                (section, code_section(fewer) if section == CODE_SECTION else contents)
                for section, contents in counted
            ]
        )


def _binary(source: ModuleSource) -> bytes | None:
    if isinstance(source, BinaryModule):
        return source.data
    if isinstance(source, QuotedModule):
        return None
    try:
        return encode(source.parse(features.ALL))
    except InputError:
        return None


def of_script(path: Path) -> Iterator[bytes]:
    """Yield the modules of a `.wast` script, valid or not."""
    try:
        script = parse_script(path.read_bytes(), path.name)
    except InputError:
        return
    for command in script.commands:
        if isinstance(command, ModuleCommand | AssertModule):
            data = _binary(command.source)
            if data is not None:
                yield data


def collect(paths: Iterable[Path], seed: int = 0) -> list[bytes]:
    """Return Plumbob's own seeds and those of files and folders, without doubles, in order."""
    found: dict[bytes, None] = dict.fromkeys(own())
    files: list[Path] = []
    for path in paths:
        files += sorted(path.rglob("*.wa*")) if path.is_dir() else [path]
    for file in files:
        if file.suffix == ".wast":
            found.update(dict.fromkeys(of_script(file)))
        elif file.suffix == ".wasm":
            data = file.read_bytes()
            if len(data) > LARGE:
                found.update(dict.fromkeys(splinters(data, Random(seed))))  # noqa: S311  # repeatable
            else:
                found[data] = None
    return list(found)
