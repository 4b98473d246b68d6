"""How fuge learns that a service is ready."""

from collections.abc import Callable

import pytest

from fuge.plan.system import Readiness, System

A_PORT = "a port's name: a letter, then letters, digits, - and _"
FORMS = "started, or a mapping with one of tcp, http, exec and log"


@pytest.mark.parametrize(
    ("lines", "readiness"),
    [
        ("", Readiness("started")),
        ("ports: [main=1, http=2]", Readiness("tcp", "main")),
        ("ports: [main=1]\n  readiness: started", Readiness("started")),
        ("ports: [main=1, http=2]\n  readiness: {tcp: http}", Readiness("tcp", "http")),
        ("ports: [main=1, http=2]\n  readiness: {http: /health}", Readiness("http", "/health", "main")),
        ("ports: [main=1, http=2]\n  readiness: {http: /?a=b, port: http}", Readiness("http", "/?a=b", "http")),
        ("readiness: {exec: 'mongosh --eval \"1\"'}", Readiness("exec", 'mongosh --eval "1"')),
        ("readiness: {log: '^listens on \\d+$'}", Readiness("log", r"^listens on \d+$")),
        ("readiness: {log: x, interval: 0.5, timeout: 3}", Readiness("log", "x", "", 0.5, 3)),
    ],
)
def test_readiness_is_as_said_or_the_first_port(load: Callable[..., System], lines: str, readiness: Readiness) -> None:
    assert load(f"a:\n  type: process\n  run: x\n  {lines}\n").services["a"].readiness == readiness


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("startd", f"5:14 a.readiness: expected {FORMS}, found 'startd'; did you mean 'started'?"),
        ("[tcp]", f"5:14 a.readiness: expected {FORMS}, found a list"),
        ("", f"5:3 a.readiness: expected {FORMS}, found nothing"),
        ("true", f"5:14 a.readiness: expected {FORMS}, found true"),
        ("{}", "5:14 a.readiness: expected exactly one of tcp, http, exec or log, found none"),
        ("{timeout: 3}", "5:14 a.readiness: expected exactly one of tcp, http, exec or log, found none"),
        ("{tcp: main, log: x}", "5:14 a.readiness: expected exactly one of tcp, http, exec or log, found tcp and log"),
        ("{htp: /}", "5:15 a.readiness.htp: expected a known key, found 'htp'; did you mean 'http'?"),
        ("{zz: /}", "5:15 a.readiness.zz: expected a known key, found 'zz'; "
         "there are tcp, http, exec, log, port, interval, timeout"),
        ("{tcp: mian}",
         "5:20 a.readiness.tcp: expected one of the service's ports, found 'mian'; did you mean 'main'?"),
        ("{tcp: zzz}", "5:20 a.readiness.tcp: expected one of the service's ports, found 'zzz'; there are main, admin"),
        ("{tcp: 8080}", f"5:20 a.readiness.tcp: expected {A_PORT}, found 8080"),
        ("{http: /, port: zzz}",
         "5:30 a.readiness.port: expected one of the service's ports, found 'zzz'; there are main, admin"),
        ("{log: x, port: main}", "5:23 a.readiness.port: expected port only beside http, found it beside log"),
        ("{http: health}", "5:21 a.readiness.http: expected a path that begins with /, found 'health'"),
        ("{exec: \"x 'y\"}", "5:21 a.readiness.exec: expected a command line, its quotes in pairs, found \"x 'y\""),
        ("{log: '(x'}", "5:20 a.readiness.log: expected a regular expression (missing ), unterminated subpattern at "
         "position 0), found '(x'"),
        ("{log: 7}", "5:20 a.readiness.log: expected a regular expression, found 7"),
        ("{log: x, interval: 0}", "5:33 a.readiness.interval: expected a number of seconds, more than 0, found 0"),
        ("{log: x, timeout: '3'}", "5:32 a.readiness.timeout: expected a number of seconds, more than 0, found '3'; "
         "write it without quotes"),
    ],
)  # fmt: skip
def test_fault_of_readiness_has_its_place(faults: Callable[..., list[str]], written: str, fault: str) -> None:
    text = f"a:\n  type: process\n  run: x\n  ports: [main=1, admin=2]\n  readiness: {written}\n"
    assert faults(text) == [f"fuge.yml:{fault}"]


@pytest.mark.parametrize("ports", ["", "ports: []", "ports: {}"])
def test_readiness_over_a_port_needs_one(faults: Callable[..., list[str]], ports: str) -> None:
    text = "a:\n  type: process\n  run: x\n  readiness: {%s}\n  " + ports + "\n"
    assert faults(text % "http: /") == ["fuge.yml:4:21 a.readiness.http: expected a service with ports, found none"]
    assert faults(text % "tcp: m") == [
        "fuge.yml:4:20 a.readiness.tcp: expected one of the service's ports, found 'm'; it has no ports"
    ]


@pytest.mark.parametrize("probe", ["tcp: main", "http: /", "http: /, port: main"])
def test_readiness_over_a_faulty_port_is_no_second_fault(faults: Callable[..., list[str]], probe: str) -> None:
    assert len(faults(f"a: {{type: process, run: x, ports: [main], readiness: {{{probe}}}}}\n")) == 1
