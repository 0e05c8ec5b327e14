"""Puts shims on a module: what is needed of each kind, and the limits on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.triage.shims.builders import Builders
from plumbob.triage.shims.calls import CallShims
from plumbob.triage.shims.digests import Digests
from plumbob.triage.shims.observed import Entry, Probe, Shimmed
from plumbob.triage.shims.state import StateProbes
from plumbob.triage.shims.uses import Uses
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.edit.append import Editor
from plumbob.wasm.limits import MAX_FUNCTIONS
from plumbob.wasm.module import FUNC, TAG

if TYPE_CHECKING:
    from plumbob.wasm.module import Module

ROOM: Final = 100_000
"""How many types, functions, globals and exports the limits must leave free; shims need
fewer."""


def add_shims(module: Module, *, probes: bool = True) -> Shimmed:
    """Return a valid module with exported shims, and what they show.

    Every exported function has an entry, in the order of the exports. One over i32 and i64
    alone, in a module that cannot throw, is called itself; any other through a shim that is
    appended under a name beginning with `plumbob:`. `probes` appends functions that digest the
    state. All indices, bodies and custom sections stay as they are; exports of tags go, which
    some engines cannot list, and which nobody calls. The module given is not changed.
    """
    editor = Editor(module)
    room = max(editor.counts.values()) + ROOM <= MAX_FUNCTIONS
    uses = Uses(module)
    digests = Digests(editor, uses)
    calls = CallShims(editor, uses, Builders(editor, uses), digests, room=room)
    entries: list[Entry] = [
        calls.entry(place, export)
        for place, export in enumerate(module.exports)
        if export.kind == FUNC
    ]
    found: list[Probe] = []
    if probes and room:
        found.extend(StateProbes(editor, uses, digests).write())
    digests.finish()
    edited = editor.finish()
    edited.exports = [export for export in edited.exports if export.kind != TAG]
    return Shimmed(encode(edited), tuple(entries), tuple(found))
