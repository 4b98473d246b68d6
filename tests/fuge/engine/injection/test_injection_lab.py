"""Faults in a running system: callers go by the proxies, and nobody else is disturbed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from fuge_project import Project, free_ports
from helpers import wait_until

from fuge import Engine, FugeError
from fuge.engine.injection.fault import Fault

DOWN, SLOW = Fault(down=True), Fault(latency=0.2)


@contextlib.asynccontextmanager
async def started(project: Project, *services: str, dns: bool = False) -> AsyncIterator[Engine]:
    settings = f"fuge_global: {{dns_enabled: true, dns_port: {free_ports(1)[0]}}}" if dns else ""
    project.configure_with(settings, *services)
    async with Engine(project.file) as engine:
        await engine.start()
        yield engine


def pids(engine: Engine) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in engine.ps()}


def number(engine: Engine, name: str) -> int:
    return engine.system.service(name).ports[0].number


def told(engine: Engine, caller: str, variable: str = "API_SERVICE_PORT") -> int:
    return int(engine.environment(engine.system.service(caller))[variable])


def srv(engine: Engine) -> set[int | None]:
    return {each.port for zone in engine.zones() for each in zone.records if each.type == "SRV"}


def answer(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        return connection.recv(100)


async def asked(port: int) -> bytes:
    return await asyncio.to_thread(answer, port)


async def test_callers_are_restarted_with_the_address_of_the_proxy_and_back(project: Project) -> None:
    async with started(project, project.server("api"), project.sleeper("caller")) as engine:
        before, plain = pids(engine), number(engine, "api")
        [outcome] = await engine.set_fault(["api"], SLOW)
        assert (outcome["service"], outcome["ok"]) == ("caller", True)
        [found] = engine.faults()
        assert found["service"] == "api"
        assert found["fault"] == "latency 200 ms"
        assert told(engine, "caller") == found["ports"]["http"] != plain
        assert told(engine, "api") == told(engine, "api", "SERVICE_PORT") == plain, "it listens where it did"
        assert pids(engine)["api"] == before["api"]
        assert pids(engine)["caller"] != before["caller"]
        assert await asked(found["ports"]["http"]) == b"TOKEN"
        assert await asked(plain) == b"TOKEN"

        between = pids(engine)
        assert await engine.set_fault(["api"], DOWN) == [], "they go that way already"
        assert pids(engine) == between
        with pytest.raises(ConnectionRefusedError):
            await asked(found["ports"]["http"])
        assert [each["service"] for each in await engine.clear_faults()] == ["caller"]
        assert told(engine, "caller") == plain
        assert engine.faults() == []
        with pytest.raises(ConnectionRefusedError):
            await asked(found["ports"]["http"])
        assert await engine.clear_faults() == []


async def test_what_does_not_run_is_not_started_by_a_fault(project: Project) -> None:
    project.configure_with(project.server("api"), project.sleeper("caller"))
    async with Engine(project.file) as engine:
        assert await engine.set_fault(["api"], SLOW) == []
        assert {row["status"] for row in engine.ps()} == {"stopped"}
        await engine.start(["caller"])
        assert told(engine, "caller") == engine.faults()[0]["ports"]["http"]


async def test_dns_knows_the_way_by_the_proxy(project: Project) -> None:
    async with started(project, project.server("api"), dns=True) as engine:
        plain = number(engine, "api")
        assert srv(engine) == {plain}
        await engine.set_fault(["api"], SLOW)
        assert srv(engine) == set(engine.faults()[0]["ports"].values())
        await engine.clear_faults(["api"])
        assert srv(engine) == {plain}


async def test_one_of_several_instances_has_a_fault(project: Project) -> None:
    async with started(project, project.server("api"), dns=True) as engine:
        await engine.scale("api", 3)
        await engine.set_fault(["api.2"], DOWN)
        [found] = engine.faults()
        assert found["service"] == "api.2"
        others = {number(engine, "api"), number(engine, "api.3")}
        assert srv(engine) == others | {found["ports"]["http"]}
        await engine.set_fault(["api"], SLOW)
        assert [each["fault"] for each in engine.faults()] == ["latency 200 ms"] * 3
        await engine.scale("api", 1)
        assert [each["service"] for each in engine.faults()] == ["api"]
        await engine.scale("api", 2)
        assert [each["service"] for each in engine.faults()] == ["api"], "a new one has none"


async def test_a_fault_outlives_a_restart_and_a_reload_that_moves_the_service(project: Project) -> None:
    api, caller = project.server("api"), project.sleeper("caller")
    async with started(project, api, caller) as engine:
        await engine.set_fault(["api"], SLOW)
        way = engine.faults()[0]["ports"]["http"]
        await engine.restart(["api"])
        assert await asked(way) == b"TOKEN"
        project.configure_with(project.server("api", port=free_ports(1)[0]), caller)
        done = await engine.reload()
        assert done["changed"] == ["api"]
        assert done["outdated"] == [], "the way is the same"
        assert told(engine, "caller") == way
        assert await asked(way) == b"TOKEN"
        project.configure_with(caller)
        await engine.reload()
        assert engine.faults() == []
        with pytest.raises(ConnectionRefusedError):
            await asked(way)


async def test_a_stopped_service_behind_a_fault_breaks_connections(project: Project) -> None:
    async with started(project, project.server("api"), project.sleeper("caller")) as engine:
        await engine.set_fault(["api"], SLOW)
        await engine.stop(["api"])
        with contextlib.suppress(ConnectionError):
            assert await asked(engine.faults()[0]["ports"]["http"]) == b""


async def test_a_fault_is_told_by_ps_why_and_events(project: Project) -> None:
    async with started(project, project.server("api"), project.sleeper("caller", "depends_on: [api]")) as engine:
        await engine.set_fault(["api"], SLOW)
        assert {row["name"]: row["fault"] for row in engine.ps()} == {"api": "latency 200 ms", "caller": ""}
        assert engine.why("caller")["depends_on"][0]["fault"] == "latency 200 ms"
        await engine.clear_faults()
        assert {row["fault"] for row in engine.ps()} == {""}
    told = [event["text"] for event in project.happened("api", "fault")]
    assert told == ["on the way to it from now on: latency 200 ms", "no fault any more"]


async def test_a_service_without_ports_can_have_none(project: Project) -> None:
    async with started(project, project.server("api"), project.sleeper("caller")) as engine:
        with pytest.raises(FugeError, match="caller: expected services with ports, found none"):
            await engine.set_fault(["all"], SLOW)
        with pytest.raises(FugeError, match="did you mean 'api'"):
            await engine.set_fault(["apu"], SLOW)
        assert engine.faults() == []


async def test_the_end_of_the_engine_closes_the_way(project: Project) -> None:
    async with started(project, project.server("api"), project.sleeper("caller")) as engine:
        await engine.set_fault(["api"], Fault(pause=True))
        way = engine.faults()[0]["ports"]["http"]
        connection = socket.create_connection(("127.0.0.1", way), 10)
    with contextlib.closing(connection), contextlib.suppress(ConnectionError):
        assert await asyncio.to_thread(connection.recv, 1) == b""
    assert wait_until(lambda: not project.marked())
