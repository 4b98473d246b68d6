"""What the report promises: each page load counted once, whatever happened, and at no visitor's expense."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from helpers import wait_until
from report import counts, run_report

from workbook.browser import NoAnswer
from workbook.system import System

NEEDS = "event_service"
LONG = 90  # seconds for what a killed consumer had in hand to come back, on a busy machine


def come_to_be(system: System, expected: dict[str, int], seconds: float = 30) -> bool:
    """Whether the report says this of these paths; nobody waits for events, they come soon."""
    return wait_until(lambda: expected.items() <= counts(system).items(), seconds)


def load(system: System, paths: list[str]) -> None:
    assert [system.get("webapp", path).status for path in paths] == [200] * len(paths)


# What is counted --------------------------------------------------------------------------------------------------


def test_each_page_load_is_in_the_report_the_most_frequent_first(system: System) -> None:
    load(system, ["/users?a", "/users?a", "/users?b", "/users?a", "/users?b", "/users?c"])
    expected = {"/users?a": 3, "/users?b": 2, "/users?c": 1}
    assert come_to_be(system, expected)
    found = counts(system)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert [path for path in found if path in expected] == list(expected)


def test_errors_and_forms_are_loads_too(system: System) -> None:
    assert system.get("webapp", "/nothing").status == 404
    assert system.post("webapp", "/add/calculate?right", first="1", second="2").status == 200
    assert system.post("webapp", "/add/calculate?wrong", first="1", second="x").status == 400
    assert come_to_be(system, {"/nothing": 1, "/add/calculate?right": 1, "/add/calculate?wrong": 1})


def test_files_and_health_checks_are_not_counted(system: System) -> None:
    load(system, ["/stylesheets/style.css", "/javascripts/times.js", "/healthz", "/users?after"])
    assert come_to_be(system, {"/users?after": 1})
    assert not [path for path in counts(system) if path.startswith(("/stylesheets", "/javascripts", "/healthz"))]


def test_addresses_are_shown_as_they_are(system: System) -> None:
    odd = ["/users?[bold]x[/bold]", "/users?%C3%A9%00", "/users?" + "x" * 3000]
    load(system, odd)
    assert come_to_be(system, dict.fromkeys(odd[:2], 1))
    printed = run_report(system).stdout
    assert printed.count("x") >= 3000


# What the visitor notices -----------------------------------------------------------------------------------------


def test_visitors_are_answered_while_the_queue_is_away_and_their_loads_arrive(own_system: System) -> None:
    load(own_system, ["/users?before"])
    own_system.kill("redis")
    load(own_system, [f"/users?{n}" for n in range(30)])
    own_system.fuge("start", "redis")
    assert come_to_be(own_system, {"/users?before": 1} | {f"/users?{n}": 1 for n in range(30)})


def test_visitors_are_answered_while_the_queue_is_stuck_and_their_loads_arrive(own_system: System) -> None:
    load(own_system, ["/users?before"])
    own_system.pause("redis")
    try:
        load(own_system, [f"/users?{n}" for n in range(30)])
    finally:
        own_system.resume("redis")
    assert come_to_be(own_system, {"/users?before": 1} | {f"/users?{n}": 1 for n in range(30)})


def test_visitors_are_answered_while_the_event_service_is_away_and_their_loads_arrive(own_system: System) -> None:
    own_system.fuge("stop", "event_service")
    load(own_system, [f"/users?{n}" for n in range(30)])
    own_system.fuge("start", "event_service")
    assert come_to_be(own_system, {f"/users?{n}": 1 for n in range(30)})


def test_loads_that_wait_survive_a_stop_of_the_webapp(own_system: System) -> None:
    own_system.kill("redis")
    load(own_system, [f"/users?{n}" for n in range(30)])
    own_system.fuge("restart", "webapp")
    own_system.fuge("start", "redis")
    assert come_to_be(own_system, {f"/users?{n}": 1 for n in range(30)})


def test_loads_are_counted_once_whatever_is_killed_or_restarted(own_system: System) -> None:
    """Visitors come all the time. A load during a restart of the webapp itself may fail; it is counted once at most."""
    over = threading.Event()

    def visit(visitor: int) -> dict[str, bool]:
        answered = {}
        number = 0
        while not over.is_set():
            path = f"/users?{visitor}-{number}"
            try:
                answered[path] = own_system.get("webapp", path).status == 200
            except NoAnswer:
                answered[path] = False
            number += 1
            over.wait(0.05)  # each load is a row of the report, which is asked for again and again
        return answered

    def strike(*strikes: Callable[[], object]) -> None:
        for each in strikes:
            each()
            before = len(counts(own_system))
            assert wait_until(lambda before=before: len(counts(own_system)) > before, LONG)

    def down_and_up(service: str) -> None:
        own_system.kill(service)
        own_system.fuge("start", service)

    with ThreadPoolExecutor(4) as pool:
        visits = [pool.submit(visit, visitor) for visitor in range(4)]
        try:
            strike(
                lambda: own_system.fuge("restart", "event_service"),
                lambda: down_and_up("event_service"),
                lambda: down_and_up("redis"),
                lambda: own_system.fuge("restart", "webapp"),
                lambda: own_system.fuge("restart", "redis"),
            )
        finally:
            over.set()
        answered = {path: ok for visit in visits for path, ok in visit.result().items()}
    assert come_to_be(own_system, {path: 1 for path, ok in answered.items() if ok}, LONG)
    assert set(counts(own_system).values()) == {1}


# The report -------------------------------------------------------------------------------------------------------


def test_report_ends_by_itself_and_without_a_word_too_much(system: System) -> None:
    load(system, ["/users?once"])
    assert come_to_be(system, {"/users?once": 1})
    done = run_report(system)
    assert (done.returncode, done.stderr) == (0, "")


def test_report_says_in_a_line_what_it_lacks(own_system: System) -> None:
    own_system.fuge("stop", "mongo")
    assert problem(own_system) == "ServiceError: mongo does not answer"
    own_system.fuge("stop", "event_service")
    assert problem(own_system) == "DeadlineExceeded: no answer within 6 seconds: does the event service run?"
    own_system.fuge("stop", "redis")
    assert problem(own_system).startswith("ConnectFailed: ")
    nowhere = problem(own_system, DNS_PORT="1")
    assert nowhere.startswith("ConnectFailed: _main._tcp.redis.micro.svc.cluster.local is not found: ")
    assert "nothing listens there" in nowhere


def problem(system: System, **environment: str) -> str:
    done = run_report(system, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line
