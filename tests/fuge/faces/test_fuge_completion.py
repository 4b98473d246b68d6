"""What Tab offers: in the command line's shells, by the real bash, and in words."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fuge_project import Project

from fuge import System, load
from fuge.faces.commands import COMMANDS
from fuge.faces.completion import SCRIPTS, completions


@pytest.fixture
def system(project: Project) -> System:
    project.configure_with(
        project.sleeper("adder", "group: math"), project.sleeper("audit"), project.sleeper("webapp", "group: web")
    )
    return load(project.file)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["st"], ["start", "stop", "status"]),
        (["start", "a"], ["adder", "audit", "all"]),
        (["start", "adder", "a"], ["audit", "all"]),
        (["stop", "ma"], ["math"]),
        (["stop", "we"], ["webapp", "web"]),
        (["info", "w"], ["webapp"]),
        (["info", "webapp", "f"], ["full"]),
        (["run", "au"], ["audit"]),
        (["sca"], ["scale"]),
        (["scale", "au"], ["audit"]),
        (["scale", "audit", ""], []),
        (["up", "web"], ["webapp", "web"]),
        (["zone", "a"], []),
        (["nonsense", "a"], []),
        (["reload", ""], []),
    ],
)
def test_what_can_come_next(system: System, words: list[str], offered: list[str]) -> None:
    assert completions(words, system, list(COMMANDS)) == offered


def test_without_a_file_there_are_commands_but_no_names() -> None:
    assert completions(["star"], None, list(COMMANDS)) == ["start"]
    assert completions(["start", ""], None, list(COMMANDS)) == []


def bash(project: Project, *words: str) -> list[str]:
    """What the real bash would offer after these words, the last one being completed."""
    script = f"""
    export PATH={Path(sys.executable).parent}:$PATH
    source <(fuge completion bash)
    COMP_WORDS=({" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
    _fuge; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=project.folder, env=project.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_commands_and_names(project: Project, system: System) -> None:
    assert system
    assert bash(project, "fuge", "rest") == ["restart"]
    assert bash(project, "fuge", "restart", "we") == ["webapp", "web"]
    assert bash(project, "fuge", "restart", "nobody") == []


@pytest.mark.parametrize("shell", SCRIPTS)
def test_each_script_is_accepted_by_its_shell(project: Project, shell: str) -> None:
    project.configure_with(project.sleeper("one"))
    script = project.ok("completion", shell).out
    assert "fuge _complete" in script
    if shutil.which(shell):
        check = ["-n", "-c", script] if shell != "fish" else ["--no-execute", "-c", script]
        assert subprocess.run([shell, *check], check=False).returncode == 0
