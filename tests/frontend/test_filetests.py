"""Golden files: `filetests/frontend/*.wat` hold the IR that their functions become.

The expectation is the comment that ends the file. `pytest --bless` rewrites it; the diff is
reviewed like code.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.frontend.support import module_of, require

from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.ir.printer import print_functions
from plumbob.wasm import features as f
from plumbob.wasm.valid.validate import validate

FOLDER = Path(__file__).resolve().parents[2] / "filetests" / "frontend"
FILES = sorted(FOLDER.glob("*.wat"))
MARK = ";;"


def split(text: str) -> tuple[str, str]:
    """Return the module's text, and the comment at the end without its semicolons."""
    lines = text.splitlines()
    end = len(lines)
    while end and lines[end - 1].startswith(MARK):
        end -= 1
    expected = [line.removeprefix(MARK).removeprefix(" ") for line in lines[end:]]
    return "\n".join(lines[:end]), "\n".join(expected)


def translated(text: str, path: Path) -> str:
    module = module_of(text)
    report = validate(module, features=f.ALL, dead_code="typed")
    assert report.ok, (path, report.diagnostics)
    environment = ModuleEnvironment(module)
    functions = [translate_function(environment, index) for index in environment.defined]
    for function in functions:
        require(function)
    return print_functions(functions).rstrip("\n")


def comment(text: str) -> str:
    return "\n".join(f"{MARK} {line}".rstrip() for line in text.splitlines())


def test_the_folder_is_where_it_was() -> None:
    assert len(FILES) >= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_functions_become_what_the_file_says(path: Path, request: pytest.FixtureRequest) -> None:
    source, expected = split(path.read_text())
    found = translated(source, path)
    if request.config.getoption("--bless"):
        path.write_text(f"{source}\n{comment(found)}\n")
    else:
        assert comment(found) == comment(expected)
