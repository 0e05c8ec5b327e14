"""Scripts with and without shims: our own, the official suite; planted faults are seen."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from tests.triage.shims.twins import compare_script

from plumbob.filetest.wast import Options, run_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.triage.shims import Shimmed
    from plumbob.wasm.module import Module

SCRIPT = Path(__file__).parent / "script.wast"
DATA = SCRIPT.read_bytes()


def test_our_script_passes_as_it_is() -> None:
    assert run_file(SCRIPT.name, DATA, Options(stage="run")).failures == ()


def test_shims_tell_what_our_script_computes() -> None:
    compared = compare_script(SCRIPT.name, DATA)
    assert compared.modules == 3
    assert compared.shims > 30
    assert compared.probes > 10


SAMPLE = """
    array call_indirect64 custom-page-sizes elem exports extern f32 float_memory func_ptrs global
    i31 i64 imports linking memory64 memory_init names ref_func ref_null ref_test
    simd_const simd_load start0 struct table table_grow threads/atomic throw throw_ref try_catch
    try_table type-rec type-subtyping unreachable wide-arithmetic
""".split()
"""Every feature at least once, in seconds."""


@pytest.mark.parametrize("name", SAMPLE)
def test_shims_tell_what_the_suite_computes(name: str, suites: Path) -> None:
    found = sorted((suites / "spec").rglob(f"{name}.wast"))
    assert found
    for path in found:
        compare_script(str(path), path.read_bytes())


@pytest.mark.slow
def test_shims_tell_what_the_whole_suite_computes(suites: Path) -> None:
    scripts = sorted((suites / "spec").rglob("*.wast"))
    compared = [compare_script(str(path), path.read_bytes()) for path in scripts]
    modules, calls, shims, probes = map(sum, zip(*compared, strict=True))
    assert modules > 2700
    assert calls > 58_000
    assert shims > 37_000
    assert probes > 1500


PARTS = ("uses", "digests", "builders", "calls", "state", "shim")
"""The modules of the package that write code, in the order of their imports."""


def planted(part: str, old: str, new: str) -> Callable[[Module], Shimmed]:
    """`add_shims` of a copy of the package in which a text of one module is another."""
    names = [f"plumbob.triage.shims.{name}" for name in PARTS]
    kept = {name: importlib.import_module(name) for name in names}
    try:
        for name in names:
            source = inspect.getsource(kept[name])
            if name.endswith(f".{part}"):
                assert source.count(old) == 1, f"{part} has {source.count(old)} times {old!r}"
                source = source.replace(old, new)
            sys.modules[name] = fresh = ModuleType(name)
            exec(compile(source, name, "exec"), fresh.__dict__)  # noqa: S102  # our own text
        found: Callable[[Module], Shimmed] = sys.modules[names[-1]].add_shims
    finally:
        sys.modules.update(kept)
    return found


def test_a_copy_without_a_fault_passes() -> None:
    shim = planted("digests", "NODES: Final = 200", "NODES: Final = 200  # as before")
    compare_script(SCRIPT.name, DATA, shim)


FAULTS = {
    "a digest blind to order": (
        "digests", '.i64(ROTATION).op("i64.rotl")\n    writer.i64(MULTIPLIER).op("i64.mul").set',
        ".set",
    ),
    "fields behind the first are dropped": ("digests", "FIELDS: Final = 200", "FIELDS: Final = 1"),
    "subtypes are seen as their supertypes": (
        "digests", "for child in self._children.get(index, ()):", "for child in ():",
    ),
    "NaNs keep their bits": (
        "digests", 'writer.get(local).get(local).op(f"f{bits}.eq")', "writer.i32(1)",
    ),
    "vectors' NaNs keep their bits": (
        "digests", '.op("i64x2.extract_lane", lane).op("call", self._calm_lane)',
        '.op("i64x2.extract_lane", lane)',
    ),
    "half of a vector is dropped": ("digests", "for lane in (0, 1):", "for lane in (0, 0):"),
    "packed fields are sign-extended": (
        "digests", 'f"struct.get{\'_u\' if', 'f"struct.get{\'_s\' if',
    ),
    "the depth never sinks": (
        "digests", 'writer.get(1).i32(1).op("i32.sub").set(1)', "",
    ),
    "one object more": ("digests", "NODES: Final = 200", "NODES: Final = 201"),
    "the budget never sinks": (
        "digests", 'writer.op("global.get", self.budget).i32(1).op("i32.sub")',
        'writer.op("global.get", self.budget)',
    ),
    "elements one too few": (
        "digests", 'writer.get(place).get(count).op("i32.ge_u")',
        'writer.get(place).get(count).i32(1).op("i32.sub").op("i32.ge_u")',
    ),
    "a length is dropped": (
        "digests", '"local.tee", count).op("i64.extend_i32_u")',
        '"local.tee", count).op("drop").i64(0)',
    ),
    "i31 is signed": ("digests", '"i31.get_u"', '"i31.get_s"'),
    "results in the wrong slots": (
        "calls", "for local in held:", "for local in [*held[:1], *held[:0:-1]]:",
    ),
    "floats are converted": (
        "calls", 'writer.op(f"i{str(type_)[1:]}.reinterpret_{type_}")',
        'writer.op(f"i{str(type_)[1:]}.trunc_sat_{type_}_s")',
    ),
    "arguments are converted": (
        "calls", 'writer.op(f"{type_}.reinterpret_i{str(type_)[1:]}")',
        'writer.op(f"{type_}.convert_i{str(type_)[1:]}_s")',
    ),
    "halves of a vector change places": (
        "calls", 'writer.op("i64x2.splat").get(word + 1).op("i64x2.replace_lane", 1)',
        'writer.op("i64x2.splat").get(word + 1).op("i64x2.replace_lane", 0)',
    ),
    "the wrong tag": (
        "calls", "writer.i32(number + 1).set(held[0])", "writer.i32(1).set(held[0])",
    ),
    "exceptions pass": ("calls", "return bool(self._tag_types)", "return False"),
    "a payload is dropped": ("calls", "slots[:words], (I64,) * words)", "(), ())"),
    "a word without its place": (
        "state", '.ops("i64.eqz", "i32.eqz").block("if").get(0)\n    mix(writer, digest)\n    for',
        '.ops("i64.eqz", "i32.eqz").block("if")\n    for',
    ),
    "a block's last word": ("state", "for place in range(_WORD, BLOCK, _WORD)",
                            "for place in range(_WORD, BLOCK - _WORD, _WORD)"),
    "a memory without its size": (
        "state", 'op("i64.shl").op("local.tee", size)\n    mix(writer, digest)',
        'op("i64.shl").op("local.set", size)',
    ),
    "the other memory": ("state", 'op("i64.load", MemArg(3, place, index))',
                         'op("i64.load", MemArg(3, place, 0))'),
    "a table's elements": (
        "state", "self._digests.look(writer, type_.element)\n        mix(writer, digest)",
        'self._digests.look(writer, type_.element)\n        writer.op("drop")',
    ),
    "a global's halves": (
        "state", 'op("global.get", index).op("i64x2.extract_lane", 1)',
        'op("global.get", index).op("i64x2.extract_lane", 0)',
    ),
}  # fmt: skip
"""By what goes wrong: a module of the package, a text in it, and what it becomes."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str) -> None:
    shim = planted(*FAULTS[fault])
    with pytest.raises(AssertionError):
        compare_script(SCRIPT.name, DATA, shim)
