"""A real tool from npm under WASI: esbuild, 20 MB of Go, bundles a file. `pytest -m registry`.

The version is pinned. npm installs it into pytest's cache folder, once.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PACKAGE, VERSION = "@esbuild/wasi-preview1", "0.27.2"

SOURCE = """import { six } from "./six"
export const answer: number = six * 7
console.log(`the answer is ${answer}`)
"""

pytestmark = pytest.mark.registry


@pytest.fixture(scope="module")
def esbuild(pytestconfig: pytest.Config) -> Path:
    """The tool's module, installed by npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm to install the tool with")
    folder = pytestconfig.cache.mkdir(f"npm-esbuild-{VERSION}")
    package = folder / "node_modules" / PACKAGE
    if not (package / "esbuild.wasm").exists():
        # The package names a platform that no host has, which --force lets pass.
        options = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--force"]
        command = [npm, "install", "--prefix", str(folder), *options, f"{PACKAGE}@{VERSION}"]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert json.loads((package / "package.json").read_text())["version"] == VERSION
    return package / "esbuild.wasm"


def plumbob_run(
    tool: Path, arguments: Sequence[str], folder: Path
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plumbob", "run", "--dir", f"{folder}::/", str(tool), "--"]
    return subprocess.run(
        [*command, *arguments], check=False, capture_output=True, text=True, timeout=600
    )


def test_it_tells_its_version(esbuild: Path, tmp_path: Path) -> None:
    ran = plumbob_run(esbuild, ["--version"], tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{VERSION}\n", "")


def test_it_bundles_two_files_into_a_program_that_node_runs(esbuild: Path, tmp_path: Path) -> None:
    (tmp_path / "answer.ts").write_text(SOURCE)
    (tmp_path / "six.ts").write_text("export const six = 6\nexport const unused = 1\n")
    arguments = ["/answer.ts", "--bundle", "--minify", "--outfile=/out.js"]
    ran = plumbob_run(esbuild, arguments, tmp_path)
    assert ran.returncode == 0, ran.stderr
    bundle = tmp_path / "out.js"
    assert "the answer is" in bundle.read_text()
    assert "unused" not in bundle.read_text()
    node = shutil.which("node")
    if node is not None:
        said = subprocess.run([node, str(bundle)], check=True, capture_output=True, text=True)
        assert said.stdout == "the answer is 42\n"


def test_what_it_finds_wrong_is_its_own_error_and_status(esbuild: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.ts").write_text("export const = 1\n")
    ran = plumbob_run(esbuild, ["/wrong.ts"], tmp_path)
    assert ran.returncode == 1
    assert 'Expected identifier but found "="' in ran.stderr
