"""What the README shows is what the commands say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.support import Run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COLUMNS = "90"


def sessions() -> dict[str, str]:
    """Command to output, of everything typed behind a `$`."""
    found = {}
    for language, text in BLOCKS:
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found[command] = output
    return found


def test_the_explanation_is_the_one_that_is_shown(
    plumbob: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = sessions()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "add.wat").write_text(shown["cat add.wat"])
    told = plumbob("validate", "add.wat", env={"COLUMNS": COLUMNS})
    assert told.returncode == 1
    assert told.stdout.decode() == shown["plumbob validate add.wat"]


def test_the_program_shown_runs_as_shown(
    plumbob: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = sessions()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hello.wat").write_text(shown["cat hello.wat"])
    commands = [command for command in shown if command.startswith("plumbob run ")]
    assert len(commands) == 2
    for command in commands:
        ran = plumbob(*shlex.split(command)[1:])
        assert (ran.returncode, ran.stdout.decode(), ran.stderr) == (0, shown[command], b"")


def test_the_example_runs_as_promised(plumbob: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = re.findall(r"`plumbob (run [^`]*)` prints the primes below 100", README)
    monkeypatch.chdir(ROOT)
    ran = plumbob(*shlex.split(command))
    primes = [n for n in range(2, 100) if all(n % d for d in range(2, n))]
    assert ran.returncode == 0
    assert [int(word) for word in ran.stdout.split()] == primes


@pytest.mark.registry
def test_the_main_command_finds_a_release_wrong(
    plumbob: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = next(text for language, text in BLOCKS if language == "sh")
    _, _, command = main.strip().rpartition(" && .venv/bin/plumbob ")
    monkeypatch.chdir(ROOT)
    told = plumbob(*shlex.split(command), "--json")
    assert told.returncode == 1
    result = json.loads(told.stdout)
    assert (result["verdict"], result["wrong"]) == ("disagree", ["wasmtime==45.0.0"])
    assert f"plumbob {command}" in sessions()


@pytest.mark.registry
@pytest.mark.parametrize(
    "command",
    [command for command in sessions() if re.match(r"plumbob (check|bisect) ", command)],
)
def test_verdicts_are_those_that_are_shown(
    command: str, plumbob: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    told = plumbob(*shlex.split(command)[1:], env={"COLUMNS": COLUMNS})
    assert told.returncode == 1
    assert lasting(told.stdout.decode()) == lasting(sessions()[command])


def lasting(output: str) -> list[str]:
    """The lines that do not depend on the machine, or on what was published since."""
    changing = r"plumbob is |note: passed over|good .* to |not supported "
    return [line for line in output.splitlines() if not re.match(changing, line)]


def test_every_command_shown_exists(plumbob: Run) -> None:
    for command in sessions():
        program, *arguments = shlex.split(command)
        if program == "plumbob":
            assert plumbob(arguments[0], "--help").returncode == 0


def test_the_python_shown_says_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    sources = [text for language, text in BLOCKS if language == "python"]
    for source in sources:
        exec(compile(source, "README.md", "exec"), {})  # noqa: S102  # our own README
    said = capsys.readouterr().out.splitlines()
    promised = re.findall(r"print\(.*\)\s+# (.*)", "".join(sources))
    assert len(said) == len(promised) == 5
    for line, promise in zip(said, promised, strict=True):
        pattern = ".*".join(map(re.escape, promise.split("...")))
        assert re.fullmatch(pattern, line), (line, promise)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    commands = [text.strip() for language, text in BLOCKS if language == "sh"]
    assert f"\nstep {commands[-1]}\n" in (ROOT / ".ci" / "run").read_text()
