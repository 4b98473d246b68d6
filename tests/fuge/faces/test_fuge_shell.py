"""The shell from a pipe: the session of the book, and whatever else can be typed."""

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from fuge_project import Project, eventually

from fuge.faces import errands

SESSION = "ps\nstart all\nps\nstop all\nps\nexit\n"


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(
        "fuge_global: {environment: [COMMON=yes]}",
        project.server("adder_service", "group: backend", "test: python -c 'import os; print(os.environ[\"COMMON\"])'"),
        project.server("webapp", "group: frontend", "depends_on: [adder_service]"),
    )
    return project


def statuses(transcript: str) -> list[list[str]]:
    """The status column of each `ps`."""
    tables = transcript.split("fuge> ps\n")[1:]
    return [[row.split()[3] for row in table.splitlines()[1:3]] for table in tables]


def test_session_of_the_book_from_a_pipe(system: Project) -> None:
    folder = system.folder / "fuge"
    folder.mkdir()
    system.file.rename(folder / "fuge.yml")
    for name in ("adder_service", "webapp"):
        (system.folder / name).rename(folder / name)
    done = system.ok("shell", "fuge/fuge.yml", give=SESSION)
    assert statuses(done.out) == [["stopped"] * 2, ["running"] * 2, ["stopped"] * 2]
    assert done.err == ""
    assert "\x1b" not in done.out
    assert not system.marked()


def test_end_of_the_input_leaves_and_stops_everything(system: Project) -> None:
    done = system.ok("shell", give="start webapp")
    assert "webapp        > ready at http://127.0.0.1:" in done.out
    assert "webapp        > stopped" in done.out


def test_every_command_of_the_book(system: Project) -> None:
    commands = [
        *("help", "start all", "info adder_service", "info adder_service full", "grep listening", "zone"),
        *("unwatch webapp", "watch webapp", "untail webapp", "tail webapp", "test", "pull", "apply echo in $PWD"),
        *("restart frontend", "echo passed  'through'", "why webapp", "env webapp", "ps -l", "reload", "exit"),
    ]
    done = system.fuge("shell", give="\n".join(commands))
    said = dict(part.split("\n", 1) for part in done.out.split("fuge> ")[1:])
    assert "restart SERVICE ..." in said["help"]
    assert "anything else is run by the system's shell" in said["help"]
    short, full = said["info adder_service"], said["info adder_service full"]
    for text in (short, full):
        assert "command: python -S -E main.py" in text
        assert "directory: adder_service\n" in text
        assert "  WEBAPP_SERVICE_HOST=127.0.0.1" in text
        assert "  COMMON=yes" in text
    assert "PATH=" not in short
    assert "inherited environment:" in full
    assert "  PATH=" in full
    assert said["grep listening"].splitlines() == ["adder_service | listening", "webapp        | listening"]
    assert said["zone"] == "dns is not running: set dns_enabled: true in fuge_global to have it\n"
    for word in ("unwatch", "watch", "untail", "tail"):
        assert said[f"{word} webapp"] == f"webapp: {word}\n"
    assert "testing [adder_service]" in said["test"]
    assert "\nyes\n" in said["test"]
    assert "skipping [webapp]: its fuge.yml has no test" in said["test"]
    assert "skipping [webapp]: its fuge.yml has no repository_url" in said["pull"]
    assert f"[webapp]\nin {system.folder / 'webapp'}\n" in said["apply echo in $PWD"]
    assert "webapp        > ready" in said["restart frontend"]
    assert "adder_service >" not in said["restart frontend"]
    assert said["echo passed  'through'"] == "passed through\n"
    assert "webapp is running" in said["why webapp"]
    assert "it needs adder_service to be ready:" in said["why webapp"]
    assert "nothing has changed" in said["reload"]


def test_start_prints_what_happens_and_only_failures_as_result(system: Project) -> None:
    done = system.ok("shell", give="start webapp\nexit\n")
    assert "running at" not in done.out
    system.script("broken", "raise SystemExit(3)")
    system.configure(system.file.read_text() + system.process("broken", "readiness: {log: never}") + "\n")
    done = system.fuge("shell", give="start broken\nps broken\n")
    before, after = done.out.split("fuge> ps broken\n")
    assert before.endswith("broken: ended with exit code 3\n")
    assert after.splitlines()[1].split()[3] == "failed"


def test_restart_starts_what_does_not_run_with_its_dependencies(system: Project) -> None:
    done = system.ok("shell", give="restart webapp\nps\n")
    assert statuses(done.out) == [["running", "running"]]


def test_odd_lines_are_answered_in_words(system: Project) -> None:
    odd = {
        'start "web': "expected quotes in pairs, found '\"web'",
        "start": "the following arguments are required: SERVICE",
        "start nosuch": "no service or group is called 'nosuch'",
        "start ''": "no service or group is called ''",
        "start wepapp": "did you mean 'webapp'?",
        "start [": "no service or group is called '['",
        "info": "the following arguments are required: SERVICE",
        "info webapp wrong": "invalid choice: 'wrong'",
        "logs --since yesterdayish": "expected a duration such as 90s",
        "logs --grep (": "expected a regular expression",
        "logs -n -5": "expected a whole number, 0 or more, found '-5'",
        "logs -C x": "expected a whole number, 0 or more, found 'x'",
        "apply": "expected a command to run",
        "ps --nosuch": "unrecognized arguments: --nosuch",
        "debug nosuch": "no service or group is called 'nosuch'",
        "x" * 10_000: "",
        "start " + "y" * 10_000: "no service or group is called",
        "\x00\x01": "",
        "   ": "",
        "# a remark": "",
    }
    done = system.fuge("shell", give="\n".join([*odd, "echo still there", "exit"]))
    for text in odd.values():
        assert text in done.out
    assert done.out.endswith("fuge> echo still there\nstill there\nfuge> exit\n")


def test_exit_code_is_that_of_the_last_command(system: Project) -> None:
    assert system.fuge("shell", give="true\nfalse\n").code == 1
    assert system.fuge("shell", give="false\ntrue\nexit\n").code == 0
    assert system.fuge("shell", give="start nosuch\n").code == 1


def test_program_in_the_shell_does_not_eat_the_next_commands(system: Project) -> None:
    assert "fuge> echo next\nnext\n" in system.ok("shell", give="cat\necho next\n").out


def test_json_in_the_shell_is_for_one_command(system: Project) -> None:
    done = system.ok("shell", give="ps --json\nps\nexit\n")
    first, second = done.out.split("fuge> ")[1:3]
    rows = json.loads(first.partition("\n")[2])
    assert [row["status"] for row in rows] == ["stopped", "stopped"]
    assert second.splitlines()[1].startswith("name ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["TERM", "INT", "HUP"])
def test_signal_ends_a_shell_that_waits_for_its_input(system: Project, number: int) -> None:
    process = system.begin("shell")
    assert process.stdin
    process.stdin.write("start all\n# waits\n")
    process.stdin.flush()
    assert process.stdout
    while process.stdout.readline() != "fuge> # waits\n":
        assert process.poll() is None
    system.ps()  # when the engine, which is in the same process, answers, the shell has come to wait
    process.send_signal(number)
    assert process.wait(30) == 0
    assert not system.marked()


@pytest.mark.parametrize("moment", ["at its start", "in its midst"])
def test_signal_ends_a_shell_that_is_busy(system: Project, moment: str) -> None:
    process = system.begin("shell")
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"sh -c 'sleep 60; true {system.mark}'\n")
    process.stdin.flush()
    if moment == "at its start":
        assert process.stdout.readline().startswith("fuge> sh -c")
    else:
        eventually(lambda: bool(system.marked("sleep 60")))
    process.terminate()
    process.wait(30)
    assert not system.marked()


def test_program_is_ended_in_the_midst_of_its_start(project: Project) -> None:
    """At any moment: while it is being started, which takes some steps, it must not be forgotten."""

    async def run() -> None:
        for steps in range(40):
            command = f"sh -c 'sleep 60; true {project.mark}'"
            running = asyncio.create_task(errands.shell(command, project.folder, dict(os.environ)))
            for _ in range(steps // 2):
                await asyncio.sleep(0)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(run())
    assert not project.marked()


def test_unknown_command_that_is_nearly_one_of_ours_is_told(system: Project) -> None:
    done = system.fuge("shell", give="strat all\nStatus\nnosuchthing\nfalse\nls nosuchfile\nhepl\n")
    said = dict(part.split("\n", 1) for part in done.out.split("fuge> ")[1:])
    assert said == {
        "strat all": "did you mean `start`?\n",
        "Status": "did you mean `status`?\n",
        "nosuchthing": "",
        "false": "",
        "ls nosuchfile": "",
        "hepl": "did you mean `help`?\n",
    }
    assert "strat" in done.err  # sh has its own words for it
    assert done.code == 127


def test_shell_around_a_running_engine_leaves_it_running(system: Project) -> None:
    system.up()
    done = system.ok("shell", give="ps\nrestart webapp\nstop adder_service\nexit\n")
    assert "runs already: this shell is about that one" in done.out
    assert statuses(done.out) == [["running", "running"]]
    assert "webapp        > ready" in done.out
    assert system.ps()["webapp"]["status"] == "running"
    assert system.ps()["adder_service"]["status"] == "stopped"
    system.down()


def test_shell_around_an_engine_that_ends_says_so_and_ends(system: Project) -> None:
    system.up()
    process = system.begin("shell")
    assert process.stdin
    assert process.stdout
    process.stdin.write("echo it is there\n")
    process.stdin.flush()
    while process.stdout.readline() != "it is there\n":
        assert process.poll() is None
    system.down()
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "the fuge that ran it has ended" in said


def test_git_commands_of_services(system: Project) -> None:
    repository = system.folder / "webapp"
    for words in (["init", "-q", "-b", "trunk"], ["config", "user.email", "a@b"], ["config", "user.name", "n"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    text = system.file.read_text().replace(
        "group: frontend", "repository_url: https://git.test/webapp\n  group: frontend"
    )
    system.configure(text)
    done = system.fuge("shell", give="status webapp\npull webapp\n")
    assert "status [webapp]\n?? main.py\ntrunk\n" in done.out
    assert "pulling [webapp]: https://git.test/webapp" in done.out
    assert done.code == 1  # there is nothing to pull from


def test_symbolic_link_to_a_file_is_one_system(system: Project, tmp_path: Path) -> None:
    link = system.folder / "link.yml"
    link.symlink_to(system.file)
    system.ok("-f", "link.yml", "up", "-d", "--wait")
    assert system.ok("-f", "link.yml", "logs").out.count("listening") == 2
    other = system.fuge("-f", "fuge.yml", "up")
    assert other.code == 1
    assert "link.yml is running, by pid" in other.err
    system.ok("-f", "link.yml", "down")
