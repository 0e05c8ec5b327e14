"""The pytest plugin, in projects of its own; `-m registry` for what asks one."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.engines import programs

from plumbob.engines.cache import Cache, default_folder

pytest_plugins = ("pytester",)

ENGINE = "wasmtime==50.0.1"

USERS_CACHE = default_folder()
"""Where registry tests keep their engines; pytester moves the home folder."""

ADD = """
(module (func (export "add") (param i32 i32) (result i32)
  (i32.add (local.get 0) (local.get 1))))
"""
SUBTRACT = ADD.replace("i32.add", "i32.sub")


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the wasmtime of this environment: no registry is asked."""
    spec = find_spec("wasmtime")
    if spec is None or spec.origin is None:
        pytest.skip("wasmtime is not installed in this environment")
    package = Path(spec.origin).parent
    cache = Cache(tmp_path_factory.mktemp("cache"))

    def link(folder: Path) -> None:
        (folder / "wasmtime").symlink_to(package)

    held = cache.hold("wasmtime", ENGINE.partition("==")[2], link)
    assert held is not None
    held.close()
    return cache.folder


@pytest.fixture
def project(
    pytester: pytest.Pytester, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project whose build has left modules."""
    monkeypatch.setenv("PLUMBOB_CACHE", str(cache_folder))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.delenv("CI", raising=False)
    (pytester.path / "add.wasm").write_bytes(programs.assemble(ADD))
    (pytester.path / "add.wat").write_text(ADD)
    (pytester.path / "subtract.wasm").write_bytes(programs.assemble(SUBTRACT))
    return pytester


def run(project: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    # In this process pytester would forget modules that the other tests go on using.
    project.makepyfile(test)
    return project.runpytest_subprocess("-p", "no:cacheprovider", *options)


def test_options_are_documented(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess("--help")
    done.stdout.fnmatch_lines(
        [
            "plumbob: WebAssembly modules on several engines:",
            "*--plumbob-engine=ENGINE*",
            "*--plumbob-calls=N*",
            "*--plumbob-seed=N*",
            "*--plumbob-timeout=N*",
            "*--plumbob-fuel=N*",
            "*plumbob_engines (linelist):*",
        ]
    )
    done = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider")
    done.stdout.fnmatch_lines(["plumbob_check -- *", "*Check a WebAssembly module on engines*"])


def test_a_module_on_which_all_agree(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        import pathlib

        def test_path(plumbob_check):
            result = plumbob_check("add.wasm")
            assert result.verdict == "agree"
            assert [engine.name for engine in result.engines] == ["plumbob", "wasmtime==50.0.1"]

        def test_text(plumbob_check):
            plumbob_check(pathlib.Path("add.wat"), invoke=[("add", 1, 2), ("add", "0xff", -1)])

        def test_bytes(plumbob_check):
            data = pathlib.Path("add.wasm").read_bytes()
            (part,) = plumbob_check(data, invoke=[("add", 5, 6)]).parts
            assert len(part.subject.invocations) == 1

        def test_optimised(plumbob_check):
            before, both = plumbob_check.optimised("add.wat", "add.wasm")
            assert (before.verdict, both.verdict) == ("agree", "agree")
        """,
        "--plumbob-engine",
        ENGINE,
    )
    done.assert_outcomes(passed=4)
    done.stdout.fnmatch_lines([f"plumbob: {ENGINE}"])


def test_an_optimiser_that_is_wrong(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        def test_optimised(plumbob_check):
            plumbob_check.optimised("add.wasm", "subtract.wasm", invoke=[("add", 5, 2)])
        """,
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            ">*plumbob_check.optimised(*",
            "E*CheckFailed: *",
            "E*disagree: the optimised module",
            "E*the optimised module differs from the reference:*3*instead of*7*",
        ]
    )
    done.stdout.no_fnmatch_line("*checks.py*")
    done.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_the_ini_file_names_engines(project: pytest.Pytester) -> None:
    project.makeini(
        f"""
        [pytest]
        plumbob_engines =
            {ENGINE}:opt=none
            {ENGINE}:cranelift-flag=enable_verifier=true,opt=speed
        plumbob_calls = 2
        plumbob_seed = 7
        """
    )
    test = """
        def test_add(plumbob_check):
            result = plumbob_check("add.wasm")
            print([engine.name for engine in result.engines], result.seed)
            print(len(result.parts[0].subject.invocations), "calls")
        """
    done = run(project, test, "-s")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines([f"*:opt=none', '{ENGINE}:cranelift-flag=*,opt=speed'] 7", "2 calls"])
    done = run(project, test, "-s", "--plumbob-engine", ENGINE, "--plumbob-seed", "9")
    done.stdout.fnmatch_lines([f"*'plumbob', '{ENGINE}'] 9"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--plumbob-engine", "wasmtim"), "*'wasmtim' is no engine*"),
        (("--plumbob-engine", f"{ENGINE}:opt=fast"), "*option 'opt' of wasmtime*"),
        (("-o", "plumbob_calls=many"), "*plumbob_calls: expected a number: 'many'*"),
        (("--plumbob-calls", "0"), "*plumbob_calls: 0 is less than 1*"),
        (("--plumbob-fuel", "x"), "*--plumbob-fuel*invalid int value*"),
    ],
)
def test_usage(project: pytest.Pytester, options: tuple[str, ...], says: str) -> None:
    done = run(project, "def test_add(plumbob_check): plumbob_check('add.wasm')", *options)
    assert done.ret != 0
    assert any_matches(says, done.outlines + done.errlines)
    assert not any_matches("*INTERNALERROR*", done.outlines + done.errlines)


def any_matches(pattern: str, lines: list[str]) -> bool:
    return any(fnmatch(line, pattern) for line in lines)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("plumbob_check('missing.wasm')", "plumbob: missing.wasm cannot be read*"),
        ("plumbob_check(b'(modul')", "plumbob: *"),
        ("plumbob_check('add.wasm', invoke=['no'])", "plumbob: no function 'no' is exported*"),
        ("plumbob_check('add.wasm', invoke=[('add', 1)])", "plumbob: *add*"),
        ("plumbob_check('add.wasm', engines=['gcc'])", "plumbob: 'gcc' is no engine*"),
        ("plumbob_check('add.wasm', engines=['deno==2.9.8'])", "plumbob: registry unreachable*"),
        ("plumbob_check.optimised(b'\\0asm\\1\\0\\0\\0\\1', 'add.wasm')", "plumbob: the module*"),
    ],
)
def test_faults_of_the_test_are_told(project: pytest.Pytester, call: str, says: str) -> None:
    done = run(project, f"def test_it(plumbob_check):\n    {call}")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([f"E*{says}"])
    done.stdout.no_fnmatch_line("*plumbob*.py:*")
    assert not any_matches("*INTERNALERROR*", done.outlines + done.errlines)


def test_optimised_modules_that_are_broken(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        def test_not_valid(plumbob_check):
            plumbob_check.optimised("add.wat", b"(module (func (export \\"add\\") (result i32)))")

        def test_not_there(plumbob_check):
            plumbob_check.optimised("add.wat", b"(module)")
        """,
    )
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(["E*disagree: the optimised module"] * 2)


def test_an_engine_that_does_not_start(project: pytest.Pytester) -> None:
    (project.path / "wide.wat").write_text(
        '(module (memory i64 1) (func (export "f") (result i64) (memory.size)))'
    )
    flag = f"{ENGINE}:cranelift-flag=no_such_flag=1"
    done = run(
        project, f"def test_it(plumbob_check): plumbob_check('wide.wat', engines=['{flag}'])"
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["E*plumbob: *does not start*"])


def test_scripts_with_their_assertions(project: pytest.Pytester) -> None:
    (project.path / "good.wast").write_text(
        f'{ADD} (assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 3))'
    )
    (project.path / "bad.wast").write_text(
        f'{ADD} (assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 4))'
    )
    done = run(
        project,
        """
        def test_good(plumbob_check):
            plumbob_check("good.wast")

        def test_bad(plumbob_check):
            plumbob_check("bad.wast")
        """,
        "--plumbob-engine",
        ENGINE,
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["E*contradict* the script*"])


def test_under_xdist(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_add(plumbob_check, number):
            plumbob_check("add.wasm", invoke=[("add", number, 1)])

        def test_wrong(plumbob_check):
            plumbob_check.optimised("add.wasm", "subtract.wasm")
        """,
        "-n2",
        "--plumbob-engine",
        ENGINE,
    )
    done.assert_outcomes(passed=4, failed=1)
    done.stdout.fnmatch_lines(["E*disagree: the optimised module"])


IMPORTED = """
import sys
import pytest
import plumbob
before = set(sys.modules)
import plumbob.pytest_plugin
print(sorted(set(sys.modules) - before))
"""


def test_the_plugin_brings_nothing_along() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['plumbob.pytest_plugin']"


def test_a_session_that_does_not_use_it_loads_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing():
            assert "plumbob.pytest_plugin" in sys.modules
            assert [name for name in sys.modules if name.startswith("plumbob.")] == [
                "plumbob.pytest_plugin"
            ]
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.fixture
def real(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project that finds the user's engines."""
    monkeypatch.setenv("PLUMBOB_CACHE", str(USERS_CACHE))
    return pytester


@pytest.mark.registry
def test_a_release_that_is_wrong(real: pytest.Pytester) -> None:
    (real.path / "roots.wasm").write_bytes(programs.assemble(programs.STRUCT_IN_LOOP))
    done = run(
        real,
        'def test_roots(plumbob_check): plumbob_check("roots.wasm", invoke=["test"])',
        *("--plumbob-engine", "wasmtime==45.0.0", "--plumbob-engine", "wasmtime==46.0.1"),
        *("--plumbob-engine", "deno"),
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["E*disagree: wasmtime==45.0.0", "E*test() gives 48 instead of 210*"])


@pytest.mark.registry
def test_what_no_engine_supports_is_no_agreement(real: pytest.Pytester) -> None:
    (real.path / "roots.wasm").write_bytes(programs.assemble(programs.STRUCT_IN_LOOP))
    done = run(
        real,
        """
        def test_old(plumbob_check):
            plumbob_check("roots.wasm", engines=["wasmtime==25.0.0"])

        def test_old_and_new(plumbob_check):
            result = plumbob_check("roots.wasm", engines=["wasmtime==25.0.0", "wasmtime==46.0.1"])
            assert [bool(each.unsupported) for each in result.parts[0].comparisons] == [True, False]
        """,
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["E*Nothing could be compared*"])


@pytest.mark.registry
def test_an_optimiser_of_real_life(real: pytest.Pytester) -> None:
    (real.path / "product.wasm").write_bytes(programs.assemble(programs.NEGATED_FACTORS))
    done = run(
        real,
        """
        import pathlib
        import pytest
        from plumbob.engines.opening import open_optimiser

        @pytest.mark.parametrize("release", ["117.0.0", "130.0.0"])
        def test_our_optimiser(plumbob_check, release, tmp_path):
            with open_optimiser(f"binaryen=={release}:passes=-O2") as optimiser:
                after = optimiser.optimise(pathlib.Path("product.wasm").read_bytes()).module
            plumbob_check.optimised("product.wasm", after)
        """,
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["E*the optimised module differs from the reference: *"])
