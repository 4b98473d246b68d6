"""`fuge traces` and `fuge logs --trace`: what services have sent by the real SDK, and what others might send."""

import re
import urllib.request
from typing import Any

import pytest
from fuge_project import Project, free_ports
from fuge_traces import SDK, enabled, file_of, request, send, span
from helpers import wait_until

from fuge.engine.traces import reading
from fuge.faces.trace_tree import DEEPEST, LOST, text, tree
from workbook.course import ROOT

PROMPT = "fuge>"


@pytest.fixture
def kept(project: Project) -> Project:
    """A system that runs, and keeps traces."""
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    project.up()
    return project


# By the real SDK --------------------------------------------------------------------------------------------------


def service(name: str, port: int, *more: str) -> str:
    return "\n".join(
        [f"{name}:", "  type: process", f"  path: {name}", "  run: python main.py MARK", f"  ports: [http={port}]"]
        + [f"  {each}" for each in more]
    )


PACKED = "environment: [OTEL_EXPORTER_OTLP_COMPRESSION=gzip]"


@pytest.fixture
def two(project: Project) -> tuple[Project, int]:
    """`web` asks `back`, both by the real SDK; and the port of `web`."""
    traces, web, back = free_ports(3)
    for name in ("web", "back"):
        project.script(name, SDK)
    project.configure_with(enabled(traces), service("back", back, PACKED), service("web", web, "depends_on: [back]"))
    assert all(each["ok"] for each in project.up())
    return project, web


def ask(two: tuple[Project, int], path: str, spans: int = 2) -> str:
    """The number of the trace, when all of it is kept."""
    project, port = two
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        number: str = answer.read().decode()
    assert wait_until(lambda: len(reading.spans(file_of(project), number)) == spans)
    return number


def test_trace_through_two_services_is_a_tree(two: tuple[Project, int]) -> None:
    project, _ = two
    number = ask(two, "/hello")
    [row] = project.ok("traces").out.splitlines()[1:]
    assert row.startswith(f"{number[:16]}  ")
    assert re.search(r" web: GET /hello +web, back +2 +[\d.]+ ms$", row)
    about, headings, *spans = project.ok("traces", "--last").out.splitlines()
    assert re.fullmatch(rf"trace {number}, [\d:.]+, 2 spans of 2 services, [\d.]+ ms", about)
    assert headings.split() == ["service", "span", "at", "ms", "ms"]
    assert [re.split(" {2,}", each)[:2] for each in spans] == [["web", "GET /hello"], ["back", "GET /hello"]]
    assert re.match(r"back +  GET /hello +[\d.]+ +[\d.]+ +█", spans[1])
    assert project.ok("traces", number[:10]).out.splitlines()[2:] == spans
    as_data = project.ok("traces", number, "--json").json
    root, child = as_data["spans"]
    assert (as_data["id"], as_data["services"], as_data["spans"]) == (number, ["web", "back"], [root, child])
    assert (root["parent"], child["parent"], child["service"], child["kind"]) == ("", root["id"], "back", "server")


def test_traces_are_filtered(two: tuple[Project, int]) -> None:
    project, _ = two
    good, bad = ask(two, "/hello"), ask(two, "/broken")

    def found(*words: str) -> list[str]:
        return [each["id"] for each in project.ok("traces", *words, "--json").json]

    assert found() == [bad, good]
    assert found("--errors") == [bad]
    assert found("--limit", "1") == [bad]
    assert found("--service", "back") == [bad, good]
    assert found("--service", "nobody") == found("--slow", "9999s") == []
    assert found("--slow", "0.001ms") == [bad, good]
    tree = project.ok("traces", "--last", "--errors").out
    assert "2 spans of 2 services" in tree
    assert ", 2 errors\n" in tree
    assert tree.count("error: it is broken\n") == 2
    assert "no trace is like that" in project.ok("traces", "--service", "nobody").out


def test_logs_of_a_trace_are_those_of_all_services(two: tuple[Project, int]) -> None:
    project, _ = two
    ask(two, "/one")
    number = ask(two, "/two")
    lines = [f"web  | asked for /two in trace {number}", f"back | asked for /two in trace {number}"]
    assert project.ok("logs", "--trace", number).out.splitlines() == lines
    assert project.ok("logs", "--trace", number[:16].upper()).out.splitlines() == lines
    assert project.ok("logs", "back", "--trace", number).out.splitlines() == lines[1:]
    assert project.ok("logs", "--trace", number, "--grep", "/one").out == ""
    assert len(project.ok("logs", "--trace", number, "--json").lines) == 2
    assert project.ok("logs", "--trace", number[1:16]).out == ""
    done = project.fuge("logs", "--trace", "web")
    assert (done.code, done.err.count("its first 8 hexadecimal digits or more; found 'web'")) == (2, 1)


def test_service_that_names_another_backend_sends_nothing_here(project: Project) -> None:
    other = "environment: [OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9]"
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("own", other), project.sleeper("usual"))
    said = {name: project.ok("env", name).out for name in ("own", "usual")}
    assert [each for each in said["own"].splitlines() if "OTEL" in each] == [
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9"
    ]
    assert "OTEL_SERVICE_NAME=usual\n" in said["usual"]
    assert "OTEL" not in project.ok("env", "usual", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9").out


# Without traces ---------------------------------------------------------------------------------------------------


def test_system_that_keeps_no_traces_says_how_it_would(project: Project) -> None:
    project.configure_with(project.sleeper("sleeper"))
    said = "traces are not kept: set traces_enabled: true in fuge_global to have them"
    assert project.ok("traces").out == f"{said}\n"
    assert project.ok("traces", "--json").json == []
    for words in (["--last"], ["abc"]):
        done = project.fuge("traces", *words)
        assert (done.code, done.out, done.err) == (1, "", f"fuge: {said}\n")
    assert not file_of(project).exists()


def test_system_without_a_trace_yet_says_so(kept: Project) -> None:
    assert kept.ok("traces").out.startswith("there is no trace yet: services send them by OpenTelemetry")
    assert kept.fuge("traces", "--last").code == 1
    kept.down()
    assert kept.ok("traces").out.startswith("there is no trace yet")


def test_traces_are_there_when_fuge_does_not_run_or_its_file_is_broken(kept: Project) -> None:
    send(kept, request([span(0xAB << 120, 1)]))
    kept.down()
    kept.configure("sleeper: [")
    assert "web: work" in kept.ok("traces").out
    assert "trace ab000" in kept.ok("traces", "ab").out


# Words ------------------------------------------------------------------------------------------------------------


def test_id_is_found_by_its_start(kept: Project) -> None:
    send(kept, request([span(0xABC << 116, 1), span(0xABD << 116, 1)]))
    assert "trace abd0" in kept.ok("traces", "ABD").out
    done = kept.fuge("traces", "ab")
    assert done.code == 1
    assert "expected the start of one trace's id, found 'ab', with which several begin: abc000" in done.err
    done = kept.fuge("traces", "c")
    assert (done.code, done.err) == (
        1,
        "fuge: no trace has an id that begins with 'c'; `fuge traces` shows the newest ones\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["xyz"], "expected the start of a trace's id, in hexadecimal digits; found 'xyz'"),
        (["a", "--errors"], "an ID is that of one trace, so that it goes with no --last, --service, --slow, --errors"),
        (["--slow", "soon"], "expected a time such as 200ms or 1.5s, found 'soon'"),
        (["--slow", "-1"], "expected"),
        (["--slow", "1e400"], "expected a time such as 200ms or 1.5s, found '1e400'"),
        (["--limit", "x"], "expected a whole number, 0 or more, found 'x'"),
    ],
)
def test_words_that_are_none_are_refused(project: Project, words: list[str], said: str) -> None:
    project.configure_with(project.sleeper("sleeper"))
    done = project.fuge("traces", *words)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(("words", "count"), [("200ms", 2), ("0.2s", 2), ("200", 2), ("1.5s", 1), ("1500.1", 0)])
def test_slow_is_a_time_with_or_without_its_unit(kept: Project, words: str, count: int) -> None:
    send(kept, request([span(1, 1, lasts=1500), span(2, 1, lasts=200), span(3, 1, lasts=199)]))
    assert len(kept.ok("traces", "--slow", words, "--json").json) == count


def test_limit_may_be_as_large_as_somebody_likes(kept: Project) -> None:
    send(kept, request([span(1, 1), span(2, 1)]))
    assert len(kept.ok("traces", "--json", "--limit", "9" * 30).json) == 2


def test_trace_that_goes_while_it_is_asked_for_is_empty() -> None:
    summary = {"id": "a" * 32, "start": 0.0, "duration": 1.0, "services": [], "errors": 0}
    assert text(summary, []).startswith(f"trace {'a' * 32}, ")


def test_tree_is_drawn_as_the_page_shows_it() -> None:
    page = (ROOT / "docs" / "fuge.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(trace .*?)```", page, re.DOTALL)
    assert shown
    rows = [
        ("a", "", "web", "POST /orders", 0.0, 0.0482, ""),
        ("b", "a", "orders", "create order", 0.0021, 0.0409, ""),
        ("c", "b", "stock", "take tea", 0.0064, 0.0093, ""),
        ("d", "b", "mail", "send", 0.0212, 0.0187, "no such address"),
    ]
    keys = ("id", "parent", "service", "name", "offset", "duration", "message")
    found = [dict(zip(keys, row, strict=True)) | {"error": bool(row[-1])} for row in rows]
    number, services = "4bf92f3577b34da6a3ce929d0e0e4736", [row[2] for row in rows]
    summary = {"id": number, "start": 0.0, "duration": 0.0482, "services": services, "errors": 1}
    about, *drawing = text(summary, found).splitlines()
    assert drawing == shown[1].splitlines()[1:]
    assert re.sub(", [-0-9 :.]+, 4 spans", ", 11:46:51.336, 4 spans", about) == shown[1].splitlines()[0]


def test_spans_that_were_dropped_are_told(kept: Project) -> None:
    send(kept, request([span(1, 1), span(0, 1)]))
    assert kept.ok("traces").out.endswith("\n1 spans were dropped since the first run, and are in no trace\n")


# What services might send -----------------------------------------------------------------------------------------

STEERING = "\x1b[2J\x1b]0;title\x07\r\nforged line\x9b31m"


def test_text_of_spans_does_not_steer_the_terminal(kept: Project) -> None:
    send(kept, request([span(1, 1, name=STEERING, error=STEERING)], service=STEERING))
    for words in ([], ["--last"]):
        said = kept.ok("traces", *words, FORCE_COLOR="1").out
        assert "␍␊forged line�31m" in said
        assert not re.search(r"\x1b\[2J|\x1b\]|[\x07\r\x9b]", said)
    assert kept.ok("traces", "--last", "--json").json["name"] == STEERING


def test_long_names_are_cut(kept: Project) -> None:
    send(kept, request([span(1, 1, name="x" * 900, error="y" * 900)], service="z" * 900))
    assert max(map(len, kept.ok("traces", "--last").out.splitlines())) < 300


def spans(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    """Of ids and parents, each a moment after the one before."""
    return [{"id": number, "parent": parent, "offset": n / 1000} for n, (number, parent) in enumerate(pairs)]


def drawn(*pairs: tuple[str, str]) -> list[str]:
    return [f"{'-' * node.depth}{node.span['id']}{'?' * node.lost}" for node in tree(spans(*pairs))]


def test_tree_has_children_below_their_parents() -> None:
    assert drawn(("a", ""), ("b", "a"), ("d", "b"), ("c", "a")) == ["a", "-b", "--d", "-c"]
    assert drawn(("child", "root"), ("root", "")) == ["root", "-child"]


def test_spans_without_their_parent_hang_below_the_root() -> None:
    assert drawn(("a", ""), ("b", "a"), ("x", "gone"), ("y", "x")) == ["a", "-b", "-x?", "--y"]
    assert drawn(("x", "gone"), ("y", "x"), ("z", "gone")) == ["x?", "-y", "z?"]


def test_several_roots_stand_beside_each_other() -> None:
    assert drawn(("a", ""), ("b", ""), ("c", "b"), ("x", "gone")) == ["a", "-x?", "b", "-c"]


def test_spans_that_are_parents_of_each_other_are_shown_once() -> None:
    assert drawn(("a", ""), ("x", "y"), ("y", "x"), ("self", "self")) == ["a", "-x?", "--y", "-self?"]
    assert drawn(("x", "x")) == ["x?"]


def test_trace_of_many_generations_is_shown(kept: Project) -> None:
    chain = [span(1, number, number - 1, name=f"n{number}") for number in range(1, 3001)]
    send(kept, request([*chain, span(1, 9999, 8888, name="orphan")]))
    lines = kept.ok("traces", "--last").out.splitlines()[2:]
    assert len(lines) == 3001
    assert f"{'  ' * DEEPEST}n3000 " in lines[2999]
    assert f"  orphan {LOST}" in lines[3000]


# The shell --------------------------------------------------------------------------------------------------------


def test_traces_in_the_shell(project: Project) -> None:
    port = free_ports(1)[0]
    project.configure_with(enabled(port), project.sleeper("sleeper"))
    terminal = project.terminal("shell", columns=200, NO_COLOR="1")
    terminal.expect_exact(PROMPT)
    terminal.send("traces\r")
    terminal.expect_exact("there is no trace yet")
    terminal.expect_exact(PROMPT)
    send(project, request([span(5 << 124, 1, name="order"), span(5 << 124, 2, 1, name="take", error=STEERING)]))
    terminal.send("traces\r")
    terminal.expect(r"5000000000000000 .*web: order +web +2 +1.0 ms +1")
    terminal.expect_exact(PROMPT)
    terminal.send("traces --last\r")
    terminal.expect(r"trace 50{31}, .*2 spans of 1 service, 1.0 ms, 1 error")
    terminal.expect(r"web +order .*web +take .*error: ␍␊forged line")
    terminal.expect_exact(PROMPT)
    terminal.send("traces nonsense\r")
    terminal.expect_exact("expected the start of a trace's id")
    terminal.expect_exact(PROMPT)
    terminal.send("exit\r")
    terminal.expect("exit")
    terminal.wait()


def test_traces_through_a_pipe(project: Project) -> None:
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    done = project.ok("shell", give="traces\ntraces --last\nhelp\n")
    assert done.out.count("there is no trace yet") == 2
    assert "traces [OPTION ...] [ID]" in done.out
