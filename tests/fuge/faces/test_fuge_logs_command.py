"""fuge logs and fuge grep: what services have said, also those of yesterday."""

import time

import pytest
from fuge_project import Project, eventually

TALKER = """
import sys, time
for number in range(5):
    print("line", number, flush=True)
print("a complaint", file=sys.stderr, flush=True)
print("boom", flush=True)
print("after", flush=True)
time.sleep(600)
"""


@pytest.fixture
def talker(project: Project) -> Project:
    project.script("talker", TALKER)
    project.configure_with(project.process("talker", "readiness: {log: after}"), project.server("web"))
    project.up()
    return project


def test_logs_show_what_all_have_said(talker: Project) -> None:
    out = talker.ok("logs").out
    assert "talker | line 0" in out
    assert "talker ! a complaint" in out
    assert "web    | listening" in out
    assert "\x1b" not in out
    talker.down()


def test_logs_last_over_restarts_of_service_and_fuge(talker: Project) -> None:
    talker.do("restart", "talker")
    talker.down()
    talker.up()
    assert talker.ok("logs", "talker").out.count("| line 0") == 3
    talker.down()
    assert talker.ok("logs", "talker", "--since", "10m").out.count("| line 0") == 3


def test_logs_are_filtered(talker: Project) -> None:
    around = talker.ok("logs", "--grep", "line 2", "-C", "1").out
    assert around == "talker | line 1\ntalker | line 2\ntalker | line 3\n"
    assert talker.ok("logs", "--stderr").out == "talker ! a complaint\n"
    assert talker.ok("logs", "talker", "-n", "1").out.count("\n") == 1
    assert talker.ok("logs", "--since", "2999-01-01").out == ""
    talker.down()


def test_logs_as_data(talker: Project) -> None:
    (record,) = talker.ok("logs", "--grep", "boom", "--json").lines
    assert (record["service"], record["stream"], record["text"]) == ("talker", "out", "boom")
    assert record["pid"] == talker.ps()["talker"]["pid"]
    assert abs(record["time"] - time.time()) < 60
    talker.down()


def test_logs_with_times(talker: Project) -> None:
    (line,) = talker.ok("logs", "-t", "--grep", "boom").out.splitlines()
    assert line[2] == line[5] == ":"
    assert line.endswith(" talker | boom")
    talker.down()


def test_logs_follow_until_ctrl_c(talker: Project) -> None:
    following = talker.terminal("logs", "-f", "talker")
    following.expect("after")
    talker.do("restart", "talker")
    following.expect("line 0")
    following.expect("after")
    following.sendintr()
    eventually(lambda: not following.isalive())
    talker.down()


def test_grep_takes_the_text_as_it_is(talker: Project) -> None:
    assert talker.ok("grep", "boom").out == "talker | boom\n"
    assert talker.ok("grep", "boom", "talker").out == "talker | boom\n"
    assert talker.fuge("grep", "bo+m").code == 1
    assert talker.fuge("grep", "boom", "web").code == 1
    talker.down()
