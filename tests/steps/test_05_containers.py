"""Recipe 05: a database in a container, and an audit that keeps every calculation exactly once."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import ENGINES, change, engine_needed, keep_database, wait_until
from pymongo import MongoClient
from pymongo.collection import Collection
from real_servers import mongod

from mu import Request, tcp
from mu.packet import request, result_of
from workbook import course, ports
from workbook.browser import Answer
from workbook.course import Recipe
from workbook.system import System

pytestmark = pytest.mark.step("05")
RECIPE = course.recipe("05")
ALONE = replace(RECIPE, ports={name: port for name, port in RECIPE.ports.items() if name != "mongo"})


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    engine_needed(request.param)
    return str(request.param)


@pytest.fixture(scope="module")
def system(engine: str) -> Iterator[System]:
    """For tests that leave it working."""
    with System(RECIPE.step, RECIPE, engine) as running:
        yield running


@pytest.fixture
def kept_system(engine: str, copy_of: Callable[[Recipe], Path]) -> Iterator[System]:
    """One whose database keeps its data from one start to the next, as containers do with a volume."""
    folder = copy_of(RECIPE)
    keep_database(folder)
    with System(folder, RECIPE, engine) as running:
        yield running


def calculate(system: System, first: int = 19, second: int = 23) -> Answer:
    return system.post("webapp", "/add/calculate", first=str(first), second=str(second))


def append(system: System, number: int, **more: Any) -> Any:
    return system.dispatch("audit_service", role="audit", cmd="append", calc=f"{number} + 0", calcResult=number, **more)


class Database:
    """The audit's entries, as another client of the database sees them."""

    def __init__(self, system: System) -> None:
        self.client: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", system.ports["mongo"])

    def __enter__(self) -> "Collection[dict[str, Any]]":
        return self.client["audit"]["audit"]

    def __exit__(self, *_: object) -> None:
        self.client.close()


def entries(system: System) -> list[dict[str, Any]]:
    with Database(system) as audit:
        return list(audit.find().sort("ts"))


def kill_and_start(system: System) -> None:
    system.kill("mongo")
    system.fuge("start", "mongo")


# What is stored ---------------------------------------------------------------------------------------------------


def test_entry_is_stored_as_said_before_the_answer(system: System) -> None:
    answer = append(system, 7, ts=1.5)
    with Database(system) as audit:
        assert audit.find_one({"_id": answer["id"]}) == {
            "_id": answer["id"],
            "ts": 1.5,
            "calc": "7 + 0",
            "result": 7,
        }


def test_calculation_is_stored_with_its_time_and_its_result(system: System) -> None:
    before = time.time() * 1000
    calculate(system, 40, 2)
    calculate(system, 2**53 - 1, 1)
    since = lambda: [each for each in entries(system) if each["ts"] >= before]  # noqa: E731
    assert wait_until(lambda: len(since()) == 2)
    found = since()
    assert [(each["calc"], each["result"]) for each in found] == [
        ("40 + 2", 42),
        ("9007199254740991 + 1", "9007199254740992"),
    ]
    assert found[-1]["ts"] <= time.time() * 1000


def test_message_that_comes_twice_is_one_entry(system: System) -> None:
    message = {"role": "audit", "cmd": "append", "calc": "twice", "calcResult": 1}

    packet = request(message, 10, time.time() + 5)

    async def send_twice() -> list[Any]:
        client = tcp.client(port=system.ports["audit_service"])
        found = []
        for _ in range(2):
            found.append(result_of(await client.request(Request(packet, asyncio.get_running_loop().time() + 5))))
        await client.close()
        return found

    answers = asyncio.run(send_twice())
    assert answers == [{"id": packet["protocol"]["path"][0]}] * 2
    with Database(system) as audit:
        assert audit.count_documents({"calc": "twice"}) == 1


def test_latest_are_found_by_an_index(system: System) -> None:
    append(system, 1)
    with Database(system) as audit:
        plan = audit.find().sort("ts", -1).limit(10).explain()["queryPlanner"]["winningPlan"]
    assert plan["inputStage"]["inputStage"]["indexName"] == "ts_1"


def test_many_entries_are_written_together_by_few_connections(system: System) -> None:
    with Database(system) as audit:
        status = lambda: audit.database.command("serverStatus")  # noqa: E731
        append(system, 0)
        before = status()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: calculate(system, n), range(400)))
        last = lambda: audit.count_documents({"calc": {"$regex": r" \+ 23$"}}) >= 400  # noqa: E731
        assert wait_until(last)
        after = status()
    inserts = after["metrics"]["commands"]["insert"]["total"] - before["metrics"]["commands"]["insert"]["total"]
    documents = after["opcounters"]["insert"] - before["opcounters"]["insert"]
    assert documents >= 400
    assert inserts < documents
    assert after["connections"]["totalCreated"] - before["connections"]["totalCreated"] < 5


# When something breaks --------------------------------------------------------------------------------------------


def test_answered_entries_survive_a_kill_of_the_database(kept_system: System) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: append(kept_system, n), range(40)))
    kill_and_start(kept_system)
    assert sorted(each["result"] for each in entries(kept_system)) == list(range(40))


def test_every_calculation_is_there_once_whatever_is_killed_or_restarted(kept_system: System) -> None:
    count = 400
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(calculate, kept_system, n) for n in range(count)]
        for number, strike in enumerate(
            [
                lambda: kill_and_start(kept_system),
                lambda: kept_system.fuge("restart", "audit_service"),
                lambda: kept_system.kill("audit_service"),
                lambda: kept_system.fuge("start", "audit_service"),
                lambda: kill_and_start(kept_system),
            ]
        ):
            calls[number * count // 8].result()
            strike()
        assert {call.result().status for call in calls} == {200}
    assert wait_until(lambda: len(entries(kept_system)) >= count)
    assert sorted(each["result"] for each in entries(kept_system)) == [n + 23 for n in range(count)]


def test_full_outbox_is_in_the_log_and_costs_no_visitor(copy_of: Callable[[Recipe], Path], engine: str) -> None:
    folder = copy_of(RECIPE)
    change(folder, "webapp/wiring.py", "outbox(audit, folder=OUTBOX)", "outbox(audit, capacity=4, folder=OUTBOX)")
    with System(folder, RECIPE, engine) as running:
        running.kill("audit_service")
        assert {calculate(running, n).status for n in range(10)} == {200}
        box = f"webapp        ! the outbox for tcp 127.0.0.1:{running.ports['audit_service']}"
        running.terminal.wait_for(f"{box} is full: what is sent from now on is lost")
        running.fuge("start", "audit_service")
        running.terminal.wait_for(f"{box} was full: 6 messages are lost")
        assert wait_until(lambda: len(entries(running)) == 4)
        assert [each["calc"] for each in entries(running)] == [f"{n} + 23" for n in range(4)]
        assert calculate(running, 10).status == 200
        assert wait_until(lambda: len(entries(running)) == 5)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise KeyError('secret')", "The audit service failed."),
        ("raise ServiceError('secret', status=404)", "The audit service failed."),
        ("return {'secret': []}", "The audit service gave an answer that is not a list of entries."),
        ("return {'list': [{'ts': 'secret'}]}", "The audit service gave an answer that is not a list of entries."),
        (
            "return {'list': [{'ts': 1e300, 'secret': 1}]}",
            "The audit service gave an answer that is not a list of entries.",
        ),
        ("return None", "The audit service gave an answer that is not a list of entries."),
    ],
)
@pytest.mark.parametrize("engine", ENGINES[-1:], indirect=True)  # what lists nothing asks no database
def test_faulty_audit_is_said_without_its_secrets(
    copy_of: Callable[[Recipe], Path], engine: str, fault: str, said: str
) -> None:
    folder = copy_of(RECIPE)
    change(folder, "audit_service/wiring.py", "    try:\n        return {", f"    {fault}\n    try:\n        return {{")
    with System(folder, RECIPE, engine) as running:
        answer = running.get("webapp", "/audit")
        assert (answer.status, said in answer.text, "secret" in answer.text) == (503, True, False)


# Without fuge's help ----------------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[Callable[[int], None]]:
    """Starts a MongoDB on a port, as a reader may who does without fuge's."""
    engine_needed("wheel")
    started: list[subprocess.Popen[bytes]] = []

    def start(port: int) -> None:
        folder = tmp_path / "db"
        folder.mkdir()
        options = f"--port {port} --bind_ip 127.0.0.1 --nounixsocket --wiredTigerCacheSizeGB 0.25"
        log = ["--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)"]
        command = [mongod(), "--dbpath", str(folder), *options.split(), *log]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        assert wait_until(lambda: ports.answers(port))

    yield start
    for process in started:
        process.terminate()
        process.wait()


def test_database_that_the_reader_starts_is_used_when_it_is_there(
    copy_of: Callable[[Recipe], Path], by_hand: Callable[[int], None]
) -> None:
    folder = copy_of(RECIPE)
    change(folder, "fuge/fuge.yml", "fuge_global:\n", "fuge_global:\n  run_containers: false\n")
    running = System(folder, ALONE)
    wanted = running.ports | ports.free_ports(["mongo"])
    running.environment = ports.environment(wanted)
    with running:
        assert "not managed" in running.fuge("ps", "mongo")
        assert calculate(running).status == 200
        assert running.get("webapp", "/audit").status == 503
        by_hand(wanted["mongo"])
        assert wait_until(lambda: "19 + 23" in running.get("webapp", "/audit").text)


def test_audit_stops_in_time_while_its_database_is_away(system: System) -> None:
    system.kill("mongo")
    calculate(system)
    audit = system.process("audit_service")
    audit.send_signal(signal.SIGTERM)
    audit.wait(5)
    system.fuge("start", "mongo", "audit_service")
    assert wait_until(lambda: "19 + 23" in system.get("webapp", "/audit").text)


# What knows what --------------------------------------------------------------------------------------------------


def test_ps_shows_the_container_and_what_runs_it(system: System, engine: str) -> None:
    (line,) = [line for line in system.fuge("ps").splitlines() if line.startswith("mongo")]
    assert "container" in line
    assert engine in line.lower()
    assert "running" in line


def test_business_of_the_audit_knows_no_transport() -> None:
    for name in ("service.py", "entries.py"):
        text = (RECIPE.step / "audit_service" / name).read_text(encoding="utf-8")
        assert "mu" not in {word for line in text.splitlines() if "import" in line for word in line.split()}
