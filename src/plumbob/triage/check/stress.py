"""Settings under which a program is run as well, and the program made ready for collections.

A fault of a collector shows only if it runs while a reference is stale, and engines' own
heaps seldom fill in a test; a fault of an instruction's lowering only where the processor
has the instruction, or has it not. So a program that allocates is run with `gc=stress` too,
one with vectors with `cpu=baseline` too, where an engine has such options, its name says
nothing of them, and the module is small.

Under `gc=stress` engines get the program with calls of a collecting import put in: where a
function begins, at the head of a loop, after a call. They are counted in the program itself
and made ever more seldom (`PERIODS` times at every distance of 1, 2, 4 …), so that a loop of
a million rounds costs about a thousand collections. After each, a program that has objects
makes some that nobody wants, so that what was freed does not look as if it were there.
"""

from __future__ import annotations

import itertools
import platform
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.kinds import KINDS
from plumbob.engines.request import COLLECTING, FunctionImport, Request
from plumbob.wasm import features as wasm_features
from plumbob.wasm import types as t
from plumbob.wasm.binary.branch_hints import SECTION as HINTS_SECTION
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import decode_body, encode_operator
from plumbob.wasm.edit.append import Editor, FunctionWriter
from plumbob.wasm.edit.renumber import Renumbering
from plumbob.wasm.module import FUNC, Code, Import, Module
from plumbob.wasm.opcodes import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from plumbob.engines.spec import EngineSpec

GC: Final = ("gc", "stress")
CPU: Final = ("cpu", "baseline")

SMALL: Final = 1 << 16
"""Bytes of a module up to which it is run under other settings without being told."""

PERIODS: Final = 64
"""Collections at each distance."""

_ALLOCATING = re.compile(r"(struct|array)\.new.*|throw")
_VECTORS = re.compile(r"v128\..*|[if]\d+x\d+\..*")
_CALLS = frozenset({"call", "call_indirect", "call_ref"})


class Setting(NamedTuple):
    """An engine under a further setting."""

    option: str
    """As it is written in a name: `gc=stress`."""
    engine: str
    """The engine's name with the option."""


def further_settings(spec: EngineSpec, operators: AbstractSet[str]) -> list[Setting]:
    """Return the settings under which an engine is to run a module with these operators too."""
    wanted = []
    if any(map(_ALLOCATING.fullmatch, operators)):
        wanted.append(GC)
    if any(map(_VECTORS.fullmatch, operators)) and platform.machine() in _LEVELLED:
        wanted.append(CPU)
    given = {name for name, _ in spec.options}
    return [
        Setting(f"{name}={value}", f"{spec.text}{',' if spec.options else ':'}{name}={value}")
        for name, value in wanted
        if name in KINDS[spec.kind].options and name not in given
    ]


_LEVELLED = ("x86_64", "AMD64")
"""Machines whose levels are known."""


def is_stressed(spec: EngineSpec) -> bool:
    """Return whether an engine collects wherever it may."""
    name, value = GC
    return name in KINDS[spec.kind].options and spec.option(name) == value


def operators_of(module: bytes) -> frozenset[str]:
    """Return the names of the operators in a valid module's functions."""
    decoded = decode(module, features=wasm_features.ALL)
    return frozenset(
        instruction.operator.name
        for code in decoded.code
        for instruction in decode_body(code.body).instructions
    )


def stressed(request: Request) -> Request:
    """Return a request whose module calls the collector wherever it may.

    What the program computes, and what it logs, is the same.
    """
    module = decode(request.module, features=wasm_features.ALL)
    known = {(item.module, item.name) for item in module.imports}
    name = next(each for each in (COLLECTING[0], *_fresh()) if each not in known)
    collector = FunctionImport(*name, (), (), logged=False, collecting=True)
    changed = _instrumented(module, Import(*name, FUNC, 0))
    return Request(
        encode(changed), request.calls, (*request.imports, collector), request.fuel
    )  # fmt: skip


def _fresh() -> list[tuple[str, str]]:
    module, name = COLLECTING[0]
    return [(module, f"{name}{'_' * count}") for count in range(1, 9)]


def _instrumented(module: Module, item: Import) -> Module:
    """Return a module that imports a function more, last of all, and calls it in places."""
    before = len(module.imported(FUNC))
    count = before + len(module.functions)
    moved = Renumbering({"func": {index: index + 1 for index in range(before, count)}})
    module = moved.module(module)
    module.imports = [*module.imports, item]
    module.customs = [custom for custom in module.customs if custom.name != HINTS_SECTION]
    own = len(module.code)
    editor = Editor(module)
    type_ = editor.func_type((), ())
    litter = (
        editor.add_type(t.ArrayType(t.FieldType(t.I64, True))) if _has_objects(module) else None
    )
    chance = editor.add_function(type_, _chance(editor, before, litter))
    out = editor.finish()
    out.imports[-1] = item._replace(type=type_)
    call = bytearray()
    encode_operator(call, BY_NAME["call"], (chance,))
    out.code = [
        Code(_with_calls(code.body, bytes(call))) if place < own else code
        for place, code in enumerate(out.code)
    ]
    return out


def _has_objects(module: Module) -> bool:
    return any(
        isinstance(one.composite, t.StructType | t.ArrayType)
        for group in module.rec_groups
        for one in group.types
    )


def _with_calls(body: bytes, call: bytes) -> bytes:
    """Return a body with a call put in at its begin, at heads of loops, and after calls."""
    instructions = decode_body(body).instructions
    starts = [instruction.offset for instruction in instructions] + [len(body)]
    places = [starts[0]]
    places += [
        starts[place + 1]
        for place, instruction in enumerate(instructions)
        if instruction.operator.name == "loop" or instruction.operator.name in _CALLS
    ]
    bounds = [0, *places, len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(bounds)]
    return call.join(pieces)


_LENGTHS = (1, 2, 1, 3, 1, 2, 1, 4)
"""Elements of the objects that follow a collection: those of small ones."""
_PATTERN = 0xA5A5_A5A5_A5A5_A5A5


def _chance(editor: Editor, collector: int, litter: int | None) -> bytes:
    """Return the body of a function that calls the collector at growing distances.

    `litter` is the type of the objects that follow, where there are to be some.

    `left` counts down to the next collection, `distance` is how far one is from the next,
    `rest` how many there are at that distance.
    """
    left, distance, rest = (
        editor.add_global(t.I32, FunctionWriter().i32(first).body()[1:], mutable=True)
        for first in (1, 1, PERIODS)
    )
    out = FunctionWriter()

    def down(variable: int) -> None:
        out.op("global.get", variable).i32(1).ops("i32.sub").op("global.set", variable)
        out.op("global.get", variable).ops("i32.eqz").block("if")

    down(left)
    down(rest)
    out.op("global.get", distance).i32(1).ops("i32.shl").op("global.set", distance)
    out.i32(PERIODS).op("global.set", rest)
    out.ops("end")
    out.op("global.get", distance).op("global.set", left)
    out.op("call", collector)
    if litter is not None:
        for length in _LENGTHS:
            out.i64(_PATTERN).i32(length).op("array.new", litter).op("drop")
    out.ops("end")
    return out.body()
