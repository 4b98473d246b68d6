"""`fuge metrics`: what services tell by mu, and what others might send."""

import asyncio
import re

import pytest
from fuge_metrics import PATH, counter, gauge, has_failures, histogram, measured, request, shop
from fuge_project import Project, free_ports
from fuge_traces import enabled, port_of, post

from fuge.faces.metrics import NONE_YET, NOT_ENABLED, text


@pytest.fixture
def kept(project: Project) -> Project:
    """A system that runs, and keeps metrics."""
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    project.up()
    return project


def send(project: Project, *bodies: bytes) -> None:
    port = port_of(project)
    for body in bodies:
        assert asyncio.run(post(port, body, path=PATH))[0] == 200


def columns(line: str) -> list[str]:
    return re.split(" {2,}", line.strip())


def test_routes_of_mu_are_shown_with_how_they_do(project: Project) -> None:
    project.configure_with(enabled(free_ports(1)[0]), *shop(project))
    assert all(each["ok"] for each in project.up())
    measured(project, "orders", has_failures("outbound", "role: stock"))
    measured(project, "stock", has_failures("handler", "role: stock, cmd: take"))
    headings, *lines = project.ok("metrics", "orders").out.splitlines()
    assert columns(headings) == [
        *("service", "kind", "pattern", "leads to", "calls", "per s", "errors", "p50 ms", "p99 ms", "state")
    ]
    stock, away, mail, about = lines
    number = r"[\d.]+"
    assert re.match(rf"orders +outbound +role: stock +tcp 127.0.0.1:\d+( +{number}){{5}}$", stock)
    assert columns(away)[:4] == ["orders", "outbound", "role: away", "breaker (tcp 127.0.0.1:1)"]
    assert away.endswith("breaker open")
    assert columns(mail)[3:5] + columns(mail)[-1:] == ["outbox (tcp 127.0.0.1:1)", "3", "outbox 3"]
    assert re.match(r"orders: \d+ waiting, 0 handling, 0 sending, 0 lost, event loop [\d.]+ ms late at most$", about)
    everyone = project.ok("metrics").out
    assert "stock    inbound   role: stock" in everyone
    assert re.search(r"stock +handler +role: stock, cmd: take +take +\d+", everyone)
    as_data = project.ok("metrics", "stock", "--json").json
    assert [(each["service"], each["instance"]) for each in as_data] == [("stock", "stock")]
    assert {"rpc.server.call.duration", "mu.routes"} <= {each["name"] for each in as_data[0]["series"]}


def test_all_series_of_others_are_shown_as_they_were_sent(kept: Project) -> None:
    took = histogram("http.server.request.duration", [1, 2, 1], [0.1, 0.5], http__route="/")
    send(kept, request([gauge("heap", 1234567.5, "By", place="old"), counter("requests", 7), took]))
    shown = [columns(line) for line in kept.ok("metrics", "--all").out.splitlines()]
    assert shown == [
        ["service", "name", "attributes", "value", "unit", "per s"],
        ["web", "heap", "place=old", "1,234,567.5", "By"],
        ["web", "requests", "7"],
        ["web", "http.server.request.duration", "http.route=/", "4", "s"],
    ]
    [_, row] = kept.ok("metrics").out.splitlines()
    assert columns(row) == ["web", "http.server.request.duration", "http.route=/", "4", "300.0", "500.0"]
    assert columns(kept.ok("metrics", "web").out.splitlines()[1]) == columns(row), "one that is none of the file's"


def test_text_of_metrics_does_not_steer_the_terminal(kept: Project) -> None:
    odd = "\x1b[2J\nname\x07"
    about = {"mu__at": odd, "rpc__method": odd, "mu__kind": odd, "mu__target": odd}
    pending = counter("mu.messages.pending", 1, mu__at=odd, mu__state="waiting")
    send(kept, request([gauge("mu.routes", 1, **about), pending, gauge(odd, 1, odd, at=odd)], service=f"web{odd}"))
    for words in (["metrics"], ["metrics", "--all"]):
        said = kept.ok(*words).out
        assert set(said) <= {"\n"} | {letter for letter in said if ord(letter) >= 32}
        assert all(line.startswith(("service", "web")) for line in said.splitlines())


def test_why_there_are_none_is_said(project: Project) -> None:
    project.configure_with(project.sleeper("one"))
    done = project.fuge("metrics")
    assert (done.code, "nothing runs for" in done.err) == (1, True)
    project.up()
    assert project.ok("metrics").out == f"{NOT_ENABLED}\n"
    assert project.ok("metrics", "one", "--json").json == []
    unknown = project.fuge("metrics", "two")
    assert unknown.code == 1
    assert "two" in unknown.err


def test_none_yet_is_said(kept: Project) -> None:
    assert kept.ok("metrics", "sleeper").out == f"{NONE_YET}\n"


def test_what_was_dropped_and_who_is_silent_is_said() -> None:
    row = {"service": "web", "instance": "web.2", "age": 90.0, "mus": [], "routes": [], "durations": [], "series": []}
    assert text([row], 7).splitlines() == [
        "web.2: last heard of 2m ago",
        "7 measurements were dropped: there was no room for more series",
    ]
