"""The official suite on current engines: what differs is what docs/found says, and nothing else.

`-m registry` takes a sample of the scripts, all among them that show a fault; the whole
suite is `-m 'slow and registry'`, about two minutes. The releases, the faults and what is
not supported are read from the documents.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from plumbob.engines.cache import Cache
from plumbob.triage.check.check import Checker, Job, check
from plumbob.triage.check.events import CALL, COMPILE
from plumbob.triage.check.pool import Pool
from plumbob.triage.check.script import read_script
from plumbob.triage.check.subject import Subject
from plumbob.wasm import features
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.text.parser import parse_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plumbob.triage.check.events import Difference

FOUND = Path(__file__).resolve().parents[2] / "docs" / "found"
DOCUMENTS = sorted(FOUND.glob("[0-9]*.md"))
ELSEWHERE = "custom-descriptors"
"""A proposal that Plumbob does not have."""

SAMPLE: Final = (
    "array_init_data.wast", "array_init_elem.wast", "br_on_cast.wast", "data_drop0.wast",
    "extern.wast", "f64.wast", "i31.wast", "if.wast", "legacy/rethrow.wast",
    "legacy/try_delegate.wast", "memory64.wast", "memory_grow.wast", "ref_test.wast",
    "relaxed_min_max.wast", "simd_lane.wast", "struct.wast", "table_grow.wast", "throw_ref.wast",
    "try_table.wast", "proposals/custom-page-sizes/custom-page-sizes.wast",
    "proposals/threads/imports.wast", "proposals/wide-arithmetic/wide-arithmetic.wast",
)  # fmt: skip
"""Scripts of many kinds that are soon done, beside those that show faults."""


class Shown(NamedTuple):
    """A difference: whose, in which module of which script, and where in it."""

    engine: str
    script: str
    line: int
    step: str
    """`compile`, or the export that was called."""


def facts(document: Path) -> dict[str, Any]:
    """The facts that a document gives in its block."""
    (block,) = re.findall(r"```toml\n(.*?)```", document.read_text(), re.DOTALL)
    return tomllib.loads(block)


OVERVIEW = facts(FOUND / "README.md")
ENGINES: Final[list[str]] = OVERVIEW["engines"]


def kind(engine: str) -> str:
    return engine.partition("=")[0]


def documented() -> set[Shown]:
    """Every difference that a document explains."""
    found = set()
    for document in DOCUMENTS:
        fault = facts(document)
        for engine in fault["engines"]:
            for script, lines in fault.get(COMPILE, {}).items():
                found |= {Shown(engine, script, line, COMPILE) for line in lines}
            for script, calls in fault.get("calls", {}).items():
                found |= {Shown(engine, script, line, name) for line, name in calls}
    return found


def differences(spec: Path, scripts: list[Path]) -> Iterator[Shown]:
    """Yield what differs; asserts that all else is as the documents say."""
    with Pool(cache=Cache()) as pool:
        for path in scripts:
            name = str(path.relative_to(spec))
            found = read_script(path.read_bytes(), str(path))
            jobs = [Job(each.subject, name, each.line, each.expected) for each in found]
            for part in check(jobs, ENGINES, pool).parts:
                assert not part.verdict.undecided, (name, part.line)
                assert pool.reference.spec.text not in part.verdict.wrong, (name, part.line)
                assert part.line is not None
                for comparison in part.comparisons:
                    assert not comparison.unjudged, (name, part.line, comparison.unjudged)
                    engine = kind(comparison.engine)
                    for missing in comparison.unsupported:
                        words = OVERVIEW["unsupported"][engine]
                        assert any(word in missing.message for word in words), (name, missing)
                    for finding in comparison.findings:
                        yield Shown(engine, name, part.line, step(part.subject, finding))


def step(subject: Subject, finding: Difference) -> str:
    if finding.place.step == CALL and finding.place.call is not None:
        return subject.invocations[finding.place.call].export
    return finding.place.step


def compared(spec: Path, scripts: list[Path]) -> None:
    names = {str(path.relative_to(spec)) for path in scripts}
    assert set(differences(spec, scripts)) == {one for one in documented() if one.script in names}


@pytest.mark.registry
def test_a_sample_differs_as_documented(suites: Path) -> None:
    spec = suites / "spec"
    names = sorted({*SAMPLE, *(shown.script for shown in documented())})
    compared(spec, [spec / name for name in names])


@pytest.mark.slow
@pytest.mark.registry
def test_the_suite_differs_as_documented(suites: Path) -> None:
    spec = suites / "spec"
    scripts = sorted(path for path in spec.rglob("*.wast") if ELSEWHERE not in path.parts)
    assert len(scripts) > 270
    compared(spec, scripts)


@pytest.mark.registry
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name[:3])
def test_programs_show_their_faults(document: Path) -> None:
    fault = facts(document)
    text = document.with_suffix(".wat").read_text()
    module = encode(parse_text(text, features=features.ALL))
    name, *arguments = fault.get("invoke", [""])
    invocations = [(name, arguments)] if name else []
    subject = Subject.prepare(module, invocations=invocations)
    with Pool(cache=Cache()) as pool:
        checker = Checker(subject, pool)
        judged = {kind(engine): checker.judge(engine).good for engine in ENGINES}
    assert {engine for engine, good in judged.items() if good is False} == set(fault["engines"])
    assert True in judged.values()  # somebody agrees with the reference


def test_every_fault_is_in_the_overview() -> None:
    overview = (FOUND / "README.md").read_text()
    for document in DOCUMENTS:
        assert f"({document.name})" in overview
        text = document.read_text()
        assert "WebAssembly 3.0, " in text
        assert f"plumbob check docs/found/{document.stem}.wat" in text
        program = document.with_suffix(".wat").read_text()
        module = re.sub(r"^;;.*\n", "", program, flags=re.MULTILINE)
        assert module.strip() in text
    assert {path.stem for path in FOUND.glob("*.wat")} == {path.stem for path in DOCUMENTS}
