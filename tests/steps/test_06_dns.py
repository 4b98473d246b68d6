"""Recipe 06: services that find each other by DNS, wherever they are and however many of them."""

import asyncio
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import change, engine_needed, wait_until

from concordant import NoSuchName
from fuge import Engine
from workbook import course, ports
from workbook.browser import Answer, request
from workbook.course import Recipe
from workbook.system import System

pytestmark = pytest.mark.step("06")
RECIPE = course.recipe("06")
SUFFIX = "micro.svc.cluster.local"
SECONDS = float(os.environ.get("SOAK_SECONDS", "4"))  # of load
CALLERS = 64


@pytest.fixture(scope="module")
def engine() -> str:
    engine_needed("wheel")
    return "wheel"


@pytest.fixture(scope="module")
def system(engine: str) -> Iterator[System]:
    """For tests that leave it as they found it."""
    with System(RECIPE.step, RECIPE, engine) as running:
        yield running


@pytest.fixture
def own_system(engine: str) -> Iterator[System]:
    with System(RECIPE.step, RECIPE, engine) as running:
        yield running


def calculate(system: System, first: int = 19, second: int = 23) -> Answer:
    return system.post("webapp", "/add/calculate", first=str(first), second=str(second))


def found(system: System, name: str) -> list[str]:
    return system.find(f"{name}.{SUFFIX}")


def adders(system: System) -> list[str]:
    return found(system, "_main._tcp.adder-service")


# What the services know -------------------------------------------------------------------------------------------


def test_no_service_knows_the_address_or_the_port_of_another() -> None:
    for file in RECIPE.step.glob("*/**/*.py"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\d+\.\d+\.\d+\.\d+", text), file
        assert not re.search(r"\b(27017|80[0-9][0-9])\b", text), file
        assert set(re.findall(r"[A-Z_]*SERVICE_(?:HOST|PORT)", text)) <= {"SERVICE_HOST", "SERVICE_PORT"}, file


def test_dns_says_the_same_as_the_environment(system: System) -> None:
    environment = dict(line.split("=", 1) for line in system.fuge("env", "webapp").splitlines())
    for service, prefix in (("adder-service", "ADDER_SERVICE"), ("audit-service", "AUDIT_SERVICE"), ("mongo", "MONGO")):
        place = environment[f"{prefix}_SERVICE_HOST"], environment[f"{prefix}_SERVICE_PORT"]
        assert found(system, f"_main._tcp.{service}") == [":".join(place)]
        assert found(system, service) == [place[0]]
    assert found(system, "_http._tcp.webapp") == [f"127.0.0.1:{system.ports['webapp']}"]


def test_zone_lists_an_address_for_each_service_and_a_port_for_each_port(system: System) -> None:
    rows = json.loads(system.fuge("zone", "--json"))
    assert {(row["type"], row["domain"]) for row in rows if row["type"] in ("A", "SRV")} == {
        *(("A", f"{name}.{SUFFIX}") for name in ("mongo", "adder-service", "audit-service", "webapp")),
        *(("SRV", f"_main._tcp.{name}.{SUFFIX}") for name in ("mongo", "adder-service", "audit-service")),
        ("SRV", f"_http._tcp.webapp.{SUFFIX}"),
    }


def test_a_service_that_is_stopped_is_an_error_in_time_and_found_again(system: System) -> None:
    system.fuge("stop", "adder_service")
    began = time.monotonic()
    answer = calculate(system)
    assert answer.status >= 500
    assert "cannot be reached" in answer.shown
    assert time.monotonic() - began < 20  # far less, on a machine with nothing else to do
    system.fuge("start", "adder_service")
    assert wait_until(lambda: calculate(system).status == 200)


# Moving -----------------------------------------------------------------------------------------------------------


async def test_ports_are_renumbered_in_fuge_yml_and_nowhere_else(
    copy_of: Callable[[Recipe], Path], engine: str
) -> None:
    """All of them, while the webapp runs on: it hears of it by DNS."""
    folder = copy_of(RECIPE)
    usual = {"main=27017:27017": "mongo", "main=8080": "adder_service", "main=8081": "audit_service"}
    own, later = ("webapp", "dns", "traces"), [f"then {text}" for text in usual]
    first = ports.free_ports([*usual, *own, *later])  # all are different
    then = {text: first[f"then {text}"] for text in usual}
    change(folder, "fuge/fuge.yml", "http=3000", f"http={first['webapp']}")
    change(folder, "fuge/fuge.yml", "dns_port: 53053", f"dns_port: {first['dns']}\n  traces_port: {first['traces']}")
    for text in usual:
        change(folder, "fuge/fuge.yml", text, re.sub(r"=\d+", f"={first[text]}", text))

    async def post(number: int) -> Answer:
        address = f"http://127.0.0.1:{first['webapp']}/add/calculate"
        return await asyncio.to_thread(request, "POST", address, {"first": str(number), "second": "1"})

    def audit() -> str:
        return request("GET", f"http://127.0.0.1:{first['webapp']}/audit").text

    async with Engine(folder / "fuge" / "fuge.yml", environment={"FUGE_ENGINE": engine}) as running:
        await running.start()
        webapp = running.ps(["webapp"])[0]["pid"]
        assert "2</output>" in (await post(1)).text
        for text in usual:
            change(
                folder,
                "fuge/fuge.yml",
                re.sub(r"=\d+", f"={first[text]}", text),
                re.sub(r"=\d+", f"={then[text]}", text),
            )
        report = await running.reload()
        assert sorted(report["changed"]) == sorted(usual.values())
        assert "3</output>" in (await post(2)).text
        assert await asyncio.to_thread(wait_until, lambda: "2 + 1" in audit())
        assert running.ps(["webapp"])[0]["pid"] == webapp


def test_calls_are_spread_and_none_is_lost_while_adders_come_and_go(own_system: System) -> None:
    """64 callers, while the adder is scaled 1 to 3 to 1, and one of the three is killed."""
    until = time.monotonic() + SECONDS

    def call(number: int) -> list[tuple[int, str]]:
        seen = []
        while time.monotonic() < until or not steps.done():
            answer = calculate(own_system, number, 1)
            seen.append((answer.status, f">{number + 1}</output>" in answer.text))
        return seen

    with ThreadPoolExecutor(CALLERS + 1) as pool:
        steps = pool.submit(come_and_go, own_system)
        calls = [pool.submit(call, number) for number in range(CALLERS)]
        seen = [each for done in calls for each in done.result()]
        steps.result()
    assert set(seen) == {(200, True)}
    assert len(seen) > 5 * CALLERS
    assert wait_until(lambda: len(adders(own_system)) == 1)


def come_and_go(system: System) -> None:
    pause = SECONDS / 5
    time.sleep(pause)
    system.fuge("scale", "adder_service", "3")
    assert len(adders(system)) == 3
    time.sleep(pause)
    one_of_them = ports.process(int(adders(system)[0].rpartition(":")[2]))
    assert one_of_them
    one_of_them.kill()
    assert wait_until(lambda: len(adders(system)) == 2)
    time.sleep(pause)
    system.fuge("scale", "adder_service", "1")


# When something breaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "said"),
    [("DNS_SUFFIX=srv.cluster.local", "adder-service.micro.srv.cluster.local"), ("DNS_PORT=9", "127.0.0.1:9")],
)
def test_wrong_settings_of_dns_are_a_page_and_a_clear_line_in_the_log(
    copy_of: Callable[[Recipe], Path], engine: str, setting: str, said: str
) -> None:
    folder = copy_of(RECIPE)
    change(folder, "fuge/fuge.yml", "  environment:\n", f"  environment:\n    - {setting}\n")
    with System(folder, RECIPE, engine) as running:
        answer = calculate(running)
        assert answer.status >= 500
        assert "Traceback" not in answer.text
        assert wait_until(lambda: said in running.fuge("logs", "webapp"))


def test_a_name_outside_the_system_is_not_answered(system: System) -> None:
    with pytest.raises(NoSuchName):
        found(system, "_main._tcp.nobody")
