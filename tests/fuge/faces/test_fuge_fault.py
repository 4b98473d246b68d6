"""`fuge fault`, on the command line and in the shell."""

import json

import pytest
from fuge_project import Project, eventually


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(project.server("api"), project.sleeper("caller", "depends_on: [api]"))
    return project


def test_fault_from_a_second_terminal(system: Project) -> None:
    system.up()
    done = system.ok("fault", "api", "--latency", "800ms", "--drop", "30%")
    [found] = system.call("faults")
    assert done.out.splitlines() == ["api: latency 800 ms, drop 30%", "restarted, to go another way: caller"]
    assert system.ok("fault").out.splitlines() == [
        "service  fault                     by port",
        f"api      latency 800 ms, drop 30%  http={found['ports']['http']}",
    ]
    assert f"API_SERVICE_PORT={found['ports']['http']}\n" in system.ok("env", "caller").out
    headings, api = system.ok("ps").out.splitlines()[:2]
    assert headings.split() == ["name", "type", "group", "status", "fault", "watch", "tail"]
    assert "running  latency 800 ms, drop 30%  yes" in api
    assert (
        "on the way to it there is a fault: latency 800 ms, drop 30% (`fuge fault clear` ends it)"
        in system.ok("why", "caller").out
    )
    data = system.ok("fault", "api", "--pause", "--json").json
    assert data["restarted"] == []
    assert [(each["fault"], each["pause"], each["latency"]) for each in data["faults"]] == [("pause", True, 0.0)]
    assert system.ok("fault", "clear", "api").out.splitlines() == [
        "no service has a fault",
        "restarted, to go another way: caller",
    ]
    assert "`fuge fault SERVICE --latency 800ms` puts one on the way to it" in system.ok("fault").out
    assert system.ok("ps").out.splitlines()[0].split() == ["name", "type", "group", "status", "watch", "tail"]
    system.down()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("api", 2, "expected one of --latency TIME, --drop SHARE, --down, --pause; or `fuge fault clear`"),
        ("--down", 2, "expected a service too, such as `fuge fault adder_service --latency 800ms`"),
        ("clear --down", 2, "expected no options with `clear`"),
        ("api --latency soon", 2, "expected a time such as 200ms or 1.5s, found 'soon'"),
        ("api --latency 2000s", 0, ""),
        ("api --latency 4000s", 1, "expected a latency from 0 to 3600 s, found 4000 s"),
        ("api --drop 130%", 2, "expected a share such as 30%, from 0% to 100%, found '130%'"),
        ("api --drop x", 2, "found 'x'"),
        (
            "api --down --pause",
            1,
            "expected a latency, a share to drop, or both; or down; or pause; found more than that",
        ),
        ("apu --down", 1, "did you mean 'api'?"),
        ("caller --down", 1, "caller: expected services with ports, found none: nobody calls them"),
        ("clear apu", 1, "did you mean 'api'?"),
    ],
)
def test_what_is_wrong_with_a_fault_is_said(system: Project, words: str, code: int, said: str) -> None:
    system.up()
    done = system.fuge("fault", *words.split())
    assert done.code == code, done
    assert said in done.err
    system.down()


def test_without_an_engine_there_is_no_fault_and_none_can_be_set(system: Project) -> None:
    assert system.ok("fault", "--json").json == {"faults": [], "restarted": []}
    done = system.fuge("fault", "api", "--down")
    assert done.code == 1
    assert "nothing runs" in done.err


def test_a_caller_that_does_not_come_back_is_told_with_its_exit_code(system: Project) -> None:
    system.configure_with(system.server("api"), system.server("caller", "monitor: false"))
    system.up()
    system.script("caller", "raise SystemExit(3)")
    done = system.fuge("fault", "api", "--down")
    assert done.code == 4
    assert "caller" in done.out
    assert "exit code 3" in done.out
    system.down()


def test_fault_in_the_shell(system: Project) -> None:
    shell = system.terminal("shell")
    shell.expect("fuge>")
    shell.sendline("start all")
    eventually(lambda: all(row["status"] == "running" for row in system.ps().values()))
    shell.sendline("fault api --down")
    shell.expect("restarted, to go another way: caller")
    shell.sendline("fault clear")
    shell.expect("no service has a fault")
    shell.sendline("exit")
    eventually(lambda: not shell.isalive())


def test_words_of_fault_are_completed(system: Project) -> None:
    assert "api" in system.ok("_complete", "fault", "a").out.split()
    assert json.loads(system.ok("fault", "--json").out)["faults"] == []
