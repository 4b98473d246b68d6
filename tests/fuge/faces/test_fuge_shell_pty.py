"""The shell in a terminal: prompt, keys, history, colours, and output that does not tear what is being typed."""

import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest
from fuge_project import SERVER, Project, eventually, hang_up
from helpers import wait_until

if TYPE_CHECKING:
    Terminal = pexpect.spawn[str]

PROMPT = "fuge>"
CTRL_C, CTRL_D, TAB, UP = "\x03", "\x04", "\t", "\x1b[A"
TALKER = """
import itertools, time
for number in itertools.count():
    print("tick", number, flush=True)
    time.sleep(0.02)
"""


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(
        project.server("adder_service", "grace_period: 2"),
        project.server("webapp", "depends_on: [adder_service]", "grace_period: 2"),
    )
    return project


def shell(system: Project, **options: str) -> "Terminal":
    terminal = system.terminal("shell", **options)
    terminal.expect_exact(PROMPT)
    return terminal


def enter(terminal: "Terminal", line: str, expected: str, prompt: bool = True) -> None:
    terminal.send(line + "\r")
    terminal.expect_exact(expected)
    if prompt:
        terminal.expect_exact(PROMPT)


def leave(terminal: "Terminal") -> int:
    terminal.expect(pexpect.EOF)
    terminal.wait()
    terminal.close()
    assert terminal.signalstatus is None
    return int(terminal.exitstatus or 0)


def test_session_of_the_book(system: Project) -> None:
    terminal = shell(system)
    enter(terminal, "help", "available commands:")
    enter(terminal, "ps", "stopped")
    terminal.send("start all\r")
    terminal.expect(r"\x1b\[36madder_service \|\x1b\[0m listening")
    terminal.expect(r"\x1b\[33mwebapp        \|\x1b\[0m listening")
    terminal.expect_exact(PROMPT)
    enter(terminal, "ps", "running")
    system.script("adder_service", SERVER.replace("listening", "new code"))
    terminal.expect(r"\x1b\[36madder_service >\x1b\[0m \x1b\[2mmain.py has changed, restarting")
    terminal.expect(r"\x1b\[36madder_service \|\x1b\[0m new code")
    terminal.expect_exact("ready at")
    enter(terminal, "grep code", "new code")
    enter(terminal, "zone", "dns is not running")
    terminal.send("stop all\r")
    terminal.expect(r"adder_service >\x1b\[0m \x1b\[2mstopped")
    terminal.expect_exact(PROMPT)
    enter(terminal, "ps", "stopped")
    enter(terminal, "echo hi", "hi\r\n")
    enter(terminal, "ls", "fuge.yml")
    terminal.send("exit\r")
    assert leave(terminal) == 0


def test_untailed_output_is_not_shown(project: Project) -> None:
    project.script("talker", TALKER)
    project.configure_with(project.process("talker"))
    terminal = shell(project)
    enter(terminal, "start talker", "tick 3")
    terminal.send("untail talker\r")
    terminal.expect_exact("talker: untail")
    terminal.expect_exact(PROMPT)
    terminal.send("sleep 0.2; echo e''nd\r")
    terminal.expect("(.*)end\r\n")
    assert "tick" not in terminal.match[1].partition("nd\r\n")[2]
    enter(terminal, "tail talker", "tick")
    terminal.send("exit\r")
    leave(terminal)


def test_output_does_not_tear_what_is_being_typed(project: Project) -> None:
    project.script("talker", TALKER)
    project.configure_with(project.process("talker"))
    terminal = shell(project)
    enter(terminal, "start talker", "tick 1")
    for letter in "echo typed''-in-pieces":
        terminal.send(letter)
        terminal.expect_exact("tick")
    terminal.send("\r")
    terminal.expect_exact("typed-in-pieces\r\n")
    assert not re.search(r"fuge> [^\r\n\x1b]*tick", terminal.before)
    terminal.send("exit\r")
    leave(terminal)


def test_output_of_commands_comes_in_order(system: Project) -> None:
    """What the shell says itself, and what programs in the same terminal say."""
    terminal = shell(system)
    terminal.send("apply echo here; sleep 0.1\r")
    terminal.expect(r"\[adder_service\]\r\nhere\r\n\[webapp\]\r\nhere\r\n")
    terminal.expect_exact(PROMPT)
    terminal.send("exit\r")
    leave(terminal)


def test_tab_completes_commands_and_names(system: Project) -> None:
    terminal = shell(system)
    for letter in "resta" + TAB:  # at once, as they come when somebody types quickly
        terminal.send(letter)
    terminal.expect_exact("rt")
    terminal.send(" w" + TAB)
    terminal.expect_exact("ebapp")
    terminal.send("\r")
    terminal.expect_exact("ready at")
    terminal.expect_exact(PROMPT)
    terminal.send("exit\r")
    leave(terminal)


def test_history_is_kept_between_sessions(system: Project) -> None:
    terminal = shell(system)
    enter(terminal, "echo remem''ber me", "remember me")
    terminal.send("exit\r")
    leave(terminal)
    terminal = shell(system)
    terminal.send(UP + UP + "\r")
    terminal.expect_exact("remember me\r\n")
    terminal.expect_exact(PROMPT)
    terminal.send("exit\r")
    leave(terminal)


def test_ctrl_c_at_the_prompt_does_not_leave(system: Project) -> None:
    terminal = shell(system)
    terminal.send("half a line" + CTRL_C)
    terminal.expect_exact("`exit` leaves, and stops everything")
    terminal.expect_exact(PROMPT)
    enter(terminal, "echo still'' here", "still here\r\n")
    terminal.send("exit\r")
    leave(terminal)


def test_ctrl_c_during_a_long_start_gives_the_prompt_back(project: Project) -> None:
    project.configure_with(project.sleeper("slow", "readiness: {log: never, timeout: 60}"))
    terminal = shell(project)
    terminal.send("start slow\r")
    terminal.expect_exact("up")
    terminal.send(CTRL_C)
    terminal.expect_exact("interrupted; services go on")
    terminal.expect_exact(PROMPT)
    enter(terminal, "ps", "starting")
    terminal.send("exit\r")
    assert leave(terminal) == 0
    assert not project.marked()


def test_ctrl_c_ends_a_program_in_the_shell(system: Project) -> None:
    terminal = shell(system)
    terminal.send(f"sleep 60 {system.mark}; true\r")  # fails: sleep does not know the mark
    terminal.expect_exact(PROMPT)
    terminal.send(f"sh -c 'sleep 60; true' {system.mark}\r")
    eventually(lambda: bool(system.marked("sleep")))
    terminal.send(CTRL_C)
    terminal.expect_exact(PROMPT)
    assert wait_until(lambda: not system.marked("sleep"))
    terminal.send("exit\r")
    leave(terminal)


def test_ctrl_d_leaves_and_stops_everything(system: Project) -> None:
    terminal = shell(system)
    terminal.send("start all\r")
    terminal.expect("webapp.*ready at")
    terminal.expect_exact(PROMPT)
    terminal.send(CTRL_D)
    terminal.expect("adder_service.*stopped")
    assert leave(terminal) == 0
    assert not system.marked()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
def test_signal_at_the_prompt_stops_everything(system: Project, number: int) -> None:
    terminal = shell(system)
    terminal.send("start all\r")
    terminal.expect("webapp.*ready at")
    terminal.expect_exact(PROMPT)
    terminal.kill(number)
    assert leave(terminal) == 0
    assert not system.marked()


def test_closed_terminal_stops_everything(system: Project) -> None:
    terminal = shell(system)
    terminal.send("start all\r")
    terminal.expect("webapp.*ready at")
    hang_up(terminal)
    assert not system.marked()
    assert not (system.folder / ".fuge" / "engine.json").exists()


def test_terminal_closed_during_a_long_start_stops_everything(project: Project) -> None:
    project.configure_with(project.sleeper("slow", "readiness: {log: never, timeout: 60}"))
    terminal = shell(project)
    terminal.send("start slow\r")
    terminal.expect_exact("up")
    hang_up(terminal)
    assert not project.marked()


def test_second_ctrl_c_at_the_end_kills_what_does_not_stop(project: Project) -> None:
    script = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(99)"
    )
    project.script("stubborn", script)
    project.configure_with(project.process("stubborn", "grace_period: 60"))
    terminal = shell(project)
    enter(terminal, "start stubborn", "up")
    terminal.send("exit\r")
    terminal.expect_exact("stopping")
    terminal.send(CTRL_C)
    terminal.expect_exact("killed")
    leave(terminal)
    assert not project.marked()


def test_escape_sequences_of_a_service_do_no_harm(project: Project) -> None:
    said = r"\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[5;5Hmoved\x08\x08"
    project.script("artist", f"import time\nprint('{said}', flush=True)\ntime.sleep(99)")
    project.configure_with(project.process("artist"))
    terminal = shell(project)
    terminal.send("start artist\r")
    terminal.expect_exact("artist |\x1b[0m \x1b[31mred\x1b[0mmoved\u2408\u2408\x1b[0m")
    terminal.expect_exact(PROMPT)
    terminal.send("exit\r")
    leave(terminal)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_they_are_not_wanted(system: Project, name: str, value: str) -> None:
    terminal = shell(system, **{name: value})
    terminal.send("start all\r")
    terminal.expect_exact("webapp        > ready at")
    terminal.send("exit\r")
    leave(terminal)


def test_narrow_terminal(system: Project) -> None:
    terminal = system.terminal("shell", columns=12)
    terminal.expect_exact(PROMPT)
    terminal.send("start all\r")
    terminal.expect_exact("ready")
    terminal.expect_exact(PROMPT)
    terminal.send("exit\r")
    assert leave(terminal) == 0


def test_shell_without_home_and_term(system: Project) -> None:
    for name in ("HOME", "TERM", "LANG", "XDG_RUNTIME_DIR"):
        system.environment.pop(name, None)
    terminal = shell(system)
    enter(terminal, "start all", "ready at")
    terminal.send("exit\r")
    assert leave(terminal) == 0


def test_history_that_cannot_be_written_is_no_reason_to_leave(system: Project) -> None:
    terminal = shell(system)
    history = system.folder / ".fuge" / "history"
    history.unlink(missing_ok=True)
    history.mkdir()
    enter(terminal, "echo o''ne", "one\r\n")
    enter(terminal, "echo t''wo", "two\r\n")
    terminal.send("exit\r")
    assert leave(terminal) == 0


def test_shell_around_a_running_engine_shows_its_output(system: Project) -> None:
    system.up()
    terminal = shell(system)
    enter(terminal, "restart webapp", "webapp        |")
    terminal.send("exit\r")
    leave(terminal)
    assert system.ps()["webapp"]["status"] == "running"
    system.down()


def test_interactive_program_gets_the_keys(system: Project) -> None:
    terminal = shell(system)
    terminal.send(f"{sys.executable} -c \"print('got', input('na' 'me? '))\"\r")
    terminal.expect_exact("name? ")
    terminal.send("me\r")
    terminal.expect_exact("got me")
    terminal.expect_exact(PROMPT)
    terminal.send("exit\r")
    leave(terminal)


def test_folder_of_logs_that_goes_away_is_no_reason_to_leave(system: Project) -> None:
    terminal = shell(system)
    for file in sorted((system.folder / ".fuge" / "log").glob("*")):
        Path(file).unlink()
    enter(terminal, "start all", "ready at")
    enter(terminal, "grep listening", "adder_service | listening")
    terminal.send("exit\r")
    assert leave(terminal) == 0
