"""Recipe 07: events over a queue, kept in a database of their own, and summed up there."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from helpers import ENGINES, engine_needed, imported, keep_database, wait_until
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis
from report import counts

from mu import Request, redis
from mu.packet import request
from workbook import course
from workbook.course import Recipe
from workbook.system import System

pytestmark = pytest.mark.step("07")
RECIPE = course.recipe("07")
LONG = 90  # seconds for what a killed consumer had in hand to come back, on a busy machine


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    engine_needed(request.param)
    return str(request.param)


@pytest.fixture(scope="module")
def system(engine: str) -> Iterator[System]:
    """For tests that leave it working, and its queue empty."""
    with System(RECIPE.step, RECIPE, engine) as running:
        yield running


@pytest.fixture
def kept_system(engine: str, copy_of: Callable[[Recipe], Path]) -> Iterator[System]:
    """One whose database keeps its data from one start to the next, as its queue does."""
    folder = copy_of(RECIPE)
    keep_database(folder)
    with System(folder, RECIPE, engine) as running:
        yield running


@pytest.fixture
def events(system: System) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient("127.0.0.1", system.ports["mongo"]) as client:
        yield client["events"]


@pytest.fixture
def queue(system: System) -> Iterator[Redis]:
    with Redis("127.0.0.1", system.ports["redis"], decode_responses=True) as client:
        yield client


def event(url: str, **more: Any) -> dict[str, Any]:
    return {"role": "events", "cmd": "record", "type": "page", "url": url, **more}


def put(system: System, *packets: dict[str, Any]) -> None:
    """Into the queue, as a peer does."""

    async def put_all() -> None:
        client = redis.client(port=system.ports["redis"], list="events")
        deadline = asyncio.get_running_loop().time() + 30
        await asyncio.gather(*(client.send(Request(packet, deadline)) for packet in packets))
        await client.close()

    asyncio.run(put_all())


def packet_of(message: dict[str, Any]) -> dict[str, Any]:
    packet: dict[str, Any] = request(message, 10, time.time() + 30)
    return packet


def put_events(system: System, *messages: dict[str, Any]) -> None:
    put(system, *map(packet_of, messages))


def recorded(system: System) -> list[str]:
    """The URL of each event in the database, sorted."""
    with MongoClient("127.0.0.1", system.ports["mongo"]) as client:
        return sorted(event["url"] for event in client["events"]["events"].find({}, {"url": True}))


def come_to_be(system: System, urls: list[str]) -> bool:
    return wait_until(lambda: recorded(system) == sorted(urls), LONG)


# What is stored ---------------------------------------------------------------------------------------------------


def test_event_is_stored_as_said_under_the_name_of_its_message(system: System, events: Database[Any]) -> None:
    packet = packet_of(event("http://here/stored", ts=1.5))
    put(system, packet)
    expected = {"_id": packet["protocol"]["path"][0], "ts": 1.5, "type": "page", "url": "http://here/stored"}
    assert wait_until(lambda: events["events"].find_one({"url": "http://here/stored"}) == expected)


def test_message_that_comes_twice_is_one_event(system: System, events: Database[Any]) -> None:
    packet = packet_of(event("http://here/twice"))
    put(system, packet, packet)
    put(system, packet)
    put_events(system, event("http://here/after"))
    assert wait_until(lambda: events["events"].find_one({"url": "http://here/after"}) is not None)
    assert events["events"].count_documents({"url": "http://here/twice"}) == 1


def test_webapp_says_what_was_loaded_and_when(system: System, events: Database[Any]) -> None:
    before = time.time() * 1000
    assert system.get("webapp", "/users?loaded").status == 200
    after = time.time() * 1000
    url = system.url("webapp", "/users?loaded")
    assert wait_until(lambda: events["events"].find_one({"url": url}) is not None)
    found = events["events"].find_one({"url": url})
    assert before <= found["ts"] <= after + 1000  # it is sent after the answer
    assert found["type"] == "page"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": ""}, "url: expected a printable text of 1 to 10,000 characters, found ''"),
        ({"url": None}, "url: expected a printable text of 1 to 10,000 characters, found None"),
        ({"url": "x" * 10_001}, "url: expected a printable text of 1 to 10,000 characters, found 'xxx"),
        ({"type": 1}, "type: expected a printable text of 1 to 10,000 characters, found 1"),
        ({"ts": "now"}, "ts: expected milliseconds since 1970, found 'now'"),
        ({"ts": 1e300}, "ts: expected milliseconds since 1970, found 1e+300"),
    ],
)
def test_message_that_is_no_event_is_put_aside_with_the_reason(
    system: System, queue: Redis, wrong: dict[str, Any], said: str
) -> None:
    queue.delete("events_dead")
    put_events(system, event("http://here/wrong") | wrong)
    assert wait_until(lambda: queue.llen("events_dead") == 1)
    assert said in json.loads(queue.lindex("events_dead", 0))["reason"]


def test_many_events_are_written_together(system: System, events: Database[Any]) -> None:
    status = lambda: events.client["admin"].command("serverStatus")  # noqa: E731
    count = lambda: events["events"].count_documents({"url": "http://here/many"})  # noqa: E731
    before = status()
    put_events(system, *(event("http://here/many") for _ in range(1000)))
    assert wait_until(lambda: count() == 1000)
    after = status()
    inserts = after["metrics"]["commands"]["insert"]["total"] - before["metrics"]["commands"]["insert"]["total"]
    assert inserts < 500


def test_two_event_services_have_work_in_hand_at_once_and_no_event_twice(
    system: System, queue: Redis, events: Database[Any]
) -> None:
    """The database stands still for a moment, so that what each of them has taken can be seen, in its own list."""
    ours = {"url": {"$regex": "^http://two/"}}
    urls = [f"http://two/{n % 10}" for n in range(1000)]
    system.fuge("scale", "event_service", "2")
    assert wait_until(lambda: len(in_hand(queue)) == 2)
    system.pause("mongo")
    try:
        put_events(system, *map(event, urls))
        assert wait_until(lambda: all(in_hand(queue).values())), in_hand(queue)
    finally:
        system.resume("mongo")
    assert wait_until(lambda: events["events"].count_documents(ours) >= len(urls), LONG)
    assert sorted(each["url"] for each in events["events"].find(ours)) == sorted(urls)
    assert wait_until(lambda: not any(in_hand(queue).values()))
    system.fuge("scale", "event_service", "1")
    assert wait_until(lambda: len(in_hand(queue)) == 1)


def in_hand(queue: Redis) -> dict[str, int]:
    """How many messages each event service has taken, and not yet recorded."""
    return {name: queue.llen(f"events_work_{name}") for name in queue.smembers("events_consumers")}


# What is summed up ------------------------------------------------------------------------------------------------


def test_summary_is_counted_by_the_database(system: System, events: Database[Any]) -> None:
    put_events(system, *(event(f"http://here/{letter}") for letter in "bbbaacc"))
    expected = {"http://here/b": 3, "http://here/a": 2, "http://here/c": 2}
    assert wait_until(lambda: expected.items() <= counts(system).items())
    events.command("profile", 2)
    try:
        found = counts(system)
    finally:
        events.command("profile", 0)
    operations = list(events["system.profile"].find({"ns": "events.events"}))
    events.drop_collection("system.profile")
    assert [each for each in found if each in expected] == list(expected)  # of the same count by their names
    assert [each["command"].get("aggregate") for each in operations] == ["events"]
    assert operations[0]["nreturned"] == len(found)


# How it is --------------------------------------------------------------------------------------------------------


def health(system: System, service: str = "event_service") -> tuple[int, str]:
    answer = system.get(service, "/healthz")
    return answer.status, answer.text


def test_health_says_what_is_missing(system: System) -> None:
    assert wait_until(lambda: health(system) == (200, "ok"))
    system.fuge("stop", "mongo")
    assert health(system) == (503, "mongo does not answer")
    system.fuge("stop", "redis")
    assert health(system) == (503, "mongo does not answer; redis does not answer")
    assert health(system, "webapp") == (200, "ok")
    system.fuge("start", "mongo", "redis")
    assert wait_until(lambda: health(system) == (200, "ok"))


def test_health_of_what_is_stuck_is_said_in_time(system: System) -> None:
    for service in ("mongo", "redis"):
        system.pause(service)
        try:
            assert health(system) == (503, f"{service} does not answer")
        finally:
            system.resume(service)
        assert wait_until(lambda: health(system) == (200, "ok"))


# When something breaks --------------------------------------------------------------------------------------------


def test_events_wait_while_the_database_is_away(kept_system: System) -> None:
    kept_system.kill("mongo")
    put_events(kept_system, *(event(f"http://here/{n}") for n in range(300)))
    kept_system.fuge("start", "mongo")
    assert come_to_be(kept_system, [f"http://here/{n}" for n in range(300)])


def test_killed_event_service_loses_nothing_and_repeats_nothing(kept_system: System) -> None:
    """It is killed with messages in hand; they are given back when its lease is over."""
    urls = [f"http://here/{n}" for n in range(20_000)]
    kept_system.fuge("stop", "event_service")
    put_events(kept_system, *map(event, urls))
    kept_system.fuge("start", "event_service")
    assert wait_until(lambda: bool(recorded(kept_system)))
    kept_system.kill("event_service")
    killed_at = len(recorded(kept_system))
    kept_system.fuge("start", "event_service")
    assert killed_at < len(urls)
    assert come_to_be(kept_system, urls)


def test_queue_outlives_its_own_kill(kept_system: System) -> None:
    kept_system.fuge("stop", "event_service")
    urls = [f"http://here/{n}" for n in range(500)]
    put_events(kept_system, *map(event, urls))
    kept_system.kill("redis")
    kept_system.fuge("start", "redis")
    kept_system.fuge("start", "event_service")
    assert come_to_be(kept_system, urls)


def test_queue_confirms_what_is_on_its_disk(queue: Redis) -> None:
    """Otherwise it confirms a few, and writes them later, while the disk is at work: a kill just then loses them."""
    found = queue.config_get("append*")
    assert (found["appendonly"], found["appendfsync"]) == ("yes", "always")


def test_two_event_services_share_the_queue_and_one_does_the_work_of_both(kept_system: System) -> None:
    kept_system.fuge("scale", "event_service", "2")
    with Redis("127.0.0.1", kept_system.ports["redis"]) as queue:
        assert wait_until(lambda: queue.scard("events_consumers") == 2)
        urls = [f"http://here/{n}" for n in range(5000)]
        put_events(kept_system, *map(event, urls[:2500]))
        kept_system.kill("event_service")
        put_events(kept_system, *map(event, urls[2500:]))
        assert come_to_be(kept_system, urls)
    assert kept_system.get("webapp", "/users").status == 200


def test_page_loads_are_counted_once_whatever_is_killed(kept_system: System) -> None:
    """The database among them, which keeps its data here."""
    paths = [f"/users?{n}" for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(kept_system.get, "webapp", path) for path in paths]
        for number, service in enumerate(["mongo", "event_service", "redis", "mongo"]):
            calls[number * 80].result()
            kept_system.kill(service)
            kept_system.fuge("start", service)
        assert {call.result().status for call in calls} == {200}
    assert come_to_be(kept_system, [kept_system.url("webapp", path) for path in paths])


# What knows what --------------------------------------------------------------------------------------------------


def test_each_service_has_a_database_of_its_own(system: System, events: Database[Any]) -> None:
    system.post("webapp", "/add/calculate", first="1", second="2")
    there = lambda: {"audit", "events"} <= set(events.client.list_database_names())  # noqa: E731
    assert wait_until(there)
    assert events.client["audit"].list_collection_names() == ["audit"]
    assert events.list_collection_names() == ["events"]


def test_business_of_the_events_knows_no_transport_and_the_report_no_database() -> None:
    for name in ("service.py", "events.py"):
        assert "mu" not in imported(RECIPE.step / "event_service" / name)
    assert not imported(RECIPE.step / "report" / "main.py") & {"pymongo", "concordant"}
