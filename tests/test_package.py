"""The package as a user installs it: from the source distribution, in a fresh environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.registry

ROOT = Path(__file__).resolve().parent.parent

PYTHONS = os.environ.get("PLUMBOB_PYTHONS", sys.executable).split(os.pathsep)
"""Interpreters to install for; CI's own unless the environment names more."""

ADD = "(module (func (param i32) (result i32) local.get 0 i32.add))"


def run(
    *command: str | Path, cwd: Path, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
    )


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    made = run(sys.executable, "-m", "build", "--sdist", "--outdir", folder, ROOT, cwd=folder)
    assert made.returncode == 0, made.stderr
    return next(folder.glob("*.tar.gz"))


def test_the_source_distribution_holds_sources_alone(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    kernels = [str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.p[yx]x*")]
    assert set(kernels) <= set(names)
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py"} <= set(names)
    assert not [name for name in names if name.endswith((".c", ".so", ".pyc"))]
    tests = [name for name in names if name.startswith("tests/")]
    assert "tests/test_package.py" in tests


@pytest.mark.parametrize("python", PYTHONS)
def test_a_plain_pip_install_gives_everything(sdist: Path, tmp_path: Path, python: str) -> None:
    wheels = tmp_path / "wheels"
    made = run(python, "-m", "pip", "wheel", "--no-deps", "-w", wheels, sdist, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    wheel = next(wheels.glob("plumbob-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "plumbob/py.typed" in names
    built = {name.split(".")[0] for name in names if name.endswith((".so", ".pyd", ".dylib"))}
    kernels = {
        str(path.relative_to(ROOT / "src").with_suffix(""))
        for path in (ROOT / "src").rglob("*.pyx")
    }
    assert built == kernels
    assert not [name for name in names if name.endswith(".c")]
    assert all(name.startswith(("plumbob/", "plumbob-")) for name in names), names
    assert any(name.endswith("licenses/LICENSE") for name in names)

    environment = tmp_path / "venv"
    assert run(python, "-m", "venv", environment, cwd=tmp_path).returncode == 0
    inside = environment / "bin"
    made = run(inside / "python", "-m", "pip", "install", wheel, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    told = run(inside / "plumbob", "validate", "-", cwd=tmp_path, stdin=ADD)
    assert (told.returncode, told.stderr) == (1, "")
    assert "E0202" in told.stdout
    told = run(inside / "python", "-m", "plumbob", "--version", cwd=tmp_path)
    assert told.returncode == 0
    assert "plumbob" in told.stdout
