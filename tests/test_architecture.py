"""The house keeps its order: imports go down the layout, and documents lead somewhere."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "plumbob"

LAYERS = (
    ("errors", "source"),
    ("wasm",),
    ("semantics",),
    ("ir",),
    ("frontend",),
    ("analysis",),
    ("passes",),
    ("lower",),
    ("safepoints",),
    ("compile",),
    ("heap",),
    ("runtime",),
    ("wasi",),
    ("exec",),
    ("api",),
    ("filetest",),
    ("smt",),
    ("engines",),
    ("triage",),
    ("hunt",),
    ("report",),
    ("cli",),
    ("pytest_plugin",),
)
"""From the foundations up, as in ARCHITECTURE.md: a layer imports from layers before it,
and from itself."""

LAYER_OF = {name: place for place, names in enumerate(LAYERS) for name in names}

FREE = {"__init__", "__main__"}
"""Modules of the package's root that stand outside of the layers: they hold no logic."""

RESERVED = {
    "z3": ("smt",),
    "llvmlite": ("exec.llvm",),
    "click": ("cli",),
    "rich": ("cli", "report"),
    "pytest": ("pytest_plugin",),
    "sqlalchemy": ("hunt",),
}
"""Libraries that one part of the house alone may import."""

INDEPENDENT = (("errors", "source"), ("source", "errors"))
"""Neighbours in a layer that must not know each other at run time."""


def module_name(path: Path) -> str:
    """The dotted name below `plumbob`, of a file or a package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def python_imports(text: str, name: str, *, is_package: bool) -> set[str]:
    """Absolute names of the modules that a Python source imports; type checking aside."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.orelse:
                visit(statement)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = f"plumbob.{name}".split(".")
                package = here if is_package else here[:-1]
                up = package[: len(package) - node.level + 1]
                base = ".".join([*up, node.module] if node.module else up)
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(text))
    return found


CYTHON_IMPORT = re.compile(
    r"^\s*(?:from\s+([\w.]+)\s+c?import\s+\(?([\w, .]+)|c?import\s+([\w.]+))", re.MULTILINE
)


def cython_imports(text: str) -> set[str]:
    """The same of a Cython source, which `ast` cannot read."""
    found = set()
    for base, names, plain in CYTHON_IMPORT.findall(text):
        if plain:
            found.add(plain)
            continue
        found.add(base)
        found.update(f"{base}.{name.split()[0]}" for name in names.split(",") if name.strip())
    return found


def sources() -> list[Path]:
    return sorted(
        path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".pyx", ".pxd", ".pxi")
    )


def imports_of(path: Path) -> set[str]:
    text = path.read_text()
    if path.suffix == ".py":
        return python_imports(text, module_name(path), is_package=path.name == "__init__.py")
    return cython_imports(text)


def faults(name: str, imported: set[str]) -> list[str]:
    """What is wrong with the imports of the module `name` (dotted, below plumbob)."""
    top = name.partition(".")[0]
    wrong = []
    for target in sorted(imported):
        library, _, rest = target.partition(".")
        owners = RESERVED.get(library)
        if owners and not any(name == owner or name.startswith(f"{owner}.") for owner in owners):
            wrong.append(f"{name} imports {target}, which belongs to {' and '.join(owners)}")
        if library != "plumbob" or not rest or top in FREE:
            continue
        goal = rest.partition(".")[0]
        if goal not in LAYER_OF:
            if not goal.startswith("__"):
                wrong.append(f"{name} imports plumbob.{goal}, which is in no layer")
        elif top not in LAYER_OF:
            wrong.append(f"{name} is in no layer")
        elif LAYER_OF[goal] > LAYER_OF[top] or (top, goal) in INDEPENDENT:
            wrong.append(f"{name} imports plumbob.{rest}, which lies above it")
    return wrong


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_the_layout(path: Path) -> None:
    assert not faults(module_name(path), imports_of(path))


def test_every_folder_is_in_a_layer_and_says_what_it_is() -> None:
    folders = [path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    for folder in folders:
        assert folder.name in LAYER_OF
        init = folder / "__init__.py"
        assert init.is_file(), f"{folder} is not a package"
        assert ast.get_docstring(ast.parse(init.read_text())), f"{init} says nothing"


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("wasm.decode", "from plumbob.report import text", "lies above it"),
        ("wasm.decode", "import plumbob.cli.app", "lies above it"),
        ("wasm.decode", "from .. import ir", "lies above it"),
        ("wasm.decode", "def f():\n    from plumbob.ir.types import X", "lies above it"),
        ("wasm.decode", "import rich.text", "belongs to cli and report"),
        ("ir.graph", "from z3 import BitVec", "belongs to smt"),
        ("exec.interp.run", "import llvmlite.ir", "belongs to exec.llvm"),
        ("errors", "from plumbob.source import Span", "lies above it"),
        ("wasm.decode", "from plumbob.nowhere import x", "is in no layer"),
        ("cli.app", "from plumbob.wasm import features", ""),
        ("exec.llvm.lower", "import llvmlite.binding", ""),
        ("wasm.decode", "if TYPE_CHECKING:\n    from plumbob.ir import X", ""),
    ],
)
def test_a_planted_import_is_found(name: str, source: str, fault: str) -> None:
    wrong = faults(name, python_imports(source, name, is_package=False))
    assert (len(wrong) > 0) == bool(fault)
    assert all(fault in line for line in wrong)


def test_a_planted_cython_import_is_found() -> None:
    source = "cimport cython\nfrom plumbob.ir.types cimport Type\nfrom libc.stdint cimport uint8_t"
    assert faults("wasm.kernel.body", cython_imports(source))
    assert not faults("ir.body", cython_imports(source))


# Documents.

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Anchors of a Markdown file's headings, as the forges make them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        goal = (path.parent / target).resolve() if target else path
        assert goal.exists(), f"{path.name}: {link} leads nowhere"
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), f"{path.name}: {link} leads to no heading"


CODE_PATH = re.compile(r"`((?:src|tests|docs|benchmarks|\.ci)/[\w./*-]+)`")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_named_in_documents_exist(path: Path) -> None:
    for name in CODE_PATH.findall(path.read_text()):
        assert list(ROOT.glob(name.rstrip("/"))), f"{path.name} names {name}, which is not there"


def test_architecture_names_every_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for folder in sorted(PACKAGE.iterdir()):
        if (folder / "__init__.py").is_file():
            assert f"`{folder.name}/`" in text, f"ARCHITECTURE.md is silent on {folder}"


DECISION = re.compile(r"\d{3}-[a-z0-9-]+\.md")


def test_decisions_are_numbered_once() -> None:
    names = [path.name for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert names
    assert all(DECISION.fullmatch(name) for name in names), names
    numbers = [name[:3] for name in names]
    assert len(numbers) == len(set(numbers)), names


def test_architecture_has_the_layers_in_order() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    told = [tuple(re.findall(r"`(\w+)(?:/|\.py)`", row)) for row in rows]
    # The document may put neighbours into one row; their order is that of the layers.
    assert [name for names in told for name in names] == [n for names in LAYERS for n in names]


def test_supported_pythons_are_stated_alike() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    minimum = re.search(r'requires-python = ">=3\.(\d+)"', text)
    assert minimum
    assert f'target-version = "py3{minimum[1]}"' in text
    assert sys.version_info >= (3, int(minimum[1]))
    assert f"Python 3.{minimum[1]}" in (ROOT / "README.md").read_text()
