"""Replicas: so many instances of a service as are asked for, each at a place of its own."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator

import pytest
from fuge_project import Project, free_ports

from fuge import Engine, FugeError, ports
from fuge.engine.running import Running
from fuge.plan.system import MOST_INSTANCES

CRASHES = "import os, sys\nsys.exit(int(os.environ['SERVICE_PORT'] != os.environ['FIRST']))\n"


@contextlib.asynccontextmanager
async def engine(project: Project, isolated: bool = False) -> AsyncIterator[Engine]:
    async with Engine(project.file, isolated=isolated) as running:
        yield running


async def event(project: Project, service: str, name: str, count: int = 1) -> None:
    await asyncio.to_thread(project.await_event, service, name, count)


def states(engine: Engine) -> dict[str, str]:
    return {row["name"]: row["status"] for row in engine.ps()}


def pids(engine: Engine) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in engine.ps()}


def port(engine: Engine, name: str) -> int:
    return engine.system.service(name).ports[0].number


def answer(engine: Engine, name: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port(engine, name)), 10) as connection:
        return connection.recv(100)


@pytest.mark.parametrize("isolated", [False, True])
async def test_instances_come_and_go(project: Project, isolated: bool) -> None:
    project.configure_with(project.server("web"), project.sleeper("other"))
    async with engine(project, isolated) as running:
        await running.start()
        before = pids(running)
        up = await running.scale("web", 3)
        assert [(each["service"], each["status"], each["ok"]) for each in up] == [
            ("web", "running", True),
            ("web.2", "running", True),
            ("web.3", "running", True),
        ]
        assert states(running) == dict.fromkeys(["web", "web.2", "web.3", "other"], "running")
        assert len({port(running, name) for name in ("web", "web.2", "web.3")}) == 3
        assert [answer(running, name) for name in ("web", "web.2", "web.3")] == [b"TOKEN"] * 3
        assert running.counts(["web"]) == [{"service": "web", "instances": 3, "ready": 3}]
        second = pids(running)["web.2"]
        down = await running.scale("web", 2)
        assert [(each["service"], each["status"]) for each in down] == [
            ("web", "running"),
            ("web.2", "running"),
            ("web.3", "stopped"),
        ]
        assert pids(running) == before | {"web.2": second}
        await running.scale("web", 1)
        assert pids(running) == before
        assert len(project.marked()) == 2


async def test_replica_has_its_own_place_and_others_see_the_first(project: Project) -> None:
    project.configure_with(project.server("my-api"), project.sleeper("other"))
    async with engine(project) as running:
        await running.scale("my-api", 2)
        first, second = str(port(running, "my-api")), str(port(running, "my-api.2"))
        own = running.environment(running.system.service("my-api.2"))
        assert own == running.info("my-api.2")["environment"]
        assert own["SERVICE_PORT"] == own["MY_API_SERVICE_PORT"] == own["MY_API_SERVICE_PORT_HTTP"] == second
        assert own["MY_API_PORT"] == f"tcp://127.0.0.1:{second}"
        assert f"MY_API_PORT_{second}_TCP" in own
        assert f"MY_API_PORT_{first}_TCP" not in own
        assert not [name for name in own if ".2" in name or "MY_API_2" in name]
        for name in ("my-api", "other"):
            environment = running.environment(running.system.service(name))
            assert environment["MY_API_SERVICE_PORT"] == first
            assert f"MY_API_PORT_{second}_TCP" not in environment


async def test_scale_starts_what_does_not_run_with_what_it_needs(project: Project) -> None:
    project.configure_with(project.sleeper("web", "depends_on: [base]"), project.sleeper("base"))
    async with engine(project) as running:
        started = await running.scale("web", 2)
        assert [each["service"] for each in started] == ["base", "web", "web.2"]
        assert states(running) == dict.fromkeys(["web", "web.2", "base"], "running")


async def test_dependents_start_all_instances_and_end_before_them(project: Project) -> None:
    project.configure_with(project.sleeper("web", "depends_on: [base]"), project.sleeper("base"))
    async with engine(project) as running:
        await running.scale("base", 2)
        await running.stop()
        started = await running.start(["web"])
        assert [each["service"] for each in started] == ["base", "base.2", "web"]
    ends = [each["service"] for each in project.events() if each["event"] == "stopped"]
    assert ends[-3] == "web"
    assert {*ends[-2:]} == {"base", "base.2"}


async def test_name_of_a_service_means_all_its_instances_and_that_of_a_replica_one(project: Project) -> None:
    project.configure_with(project.sleeper("web"))
    async with engine(project) as running:
        await running.scale("web", 3)
        before = pids(running)
        await running.stop(["web.2"])
        assert states(running) == {"web": "running", "web.2": "stopped", "web.3": "running"}
        await running.start(["web.2"])
        await running.restart(["web"])
        after = pids(running)
        assert not {*after.values()} & {*before.values()}
        assert running.set_tail(["web"], on=False) == ["web", "web.2", "web.3"]
        assert running.set_watch(["web.3"], on=False) == ["web.3"]
        assert [row["watch"] for row in running.ps(["web"])] == [True, True, False]
        assert running.why("web.2")["status"] == "running"
        await running.restart(["web.2"])
        assert [name for name, pid in pids(running).items() if pid != after[name]] == ["web.2"]
        await running.stop(["web"])
        assert {*states(running).values()} == {"stopped"}


async def test_restart_lets_one_answer(project: Project) -> None:
    project.configure_with(project.server("web"))
    async with engine(project) as running:
        await running.scale("web", 3)
        fewest = 3

        def look() -> None:
            nonlocal fewest
            fewest = min(fewest, running.counts()[0]["ready"])

        running.supervisor.on_discovery.append(look)
        await running.restart(["web"])
        assert fewest == 2


async def test_instance_leaves_discovery_before_it_is_asked_to_stop(project: Project) -> None:
    """Whoever hears of the change finds the process still answering."""
    project.configure_with(project.server("web"))
    async with engine(project) as running:
        await running.scale("web", 2)
        leaving = running.supervisor.running["web.2"]
        last = port(running, "web.2")
        heard: list[tuple[int, str, bool]] = []

        def hear() -> None:
            names = [instance.name for instance in running.system.instances("web")]
            heard.append((len(names), leaving.state, ports.is_free(last)))

        running.supervisor.on_discovery.append(hear)
        await running.scale("web", 1)
        assert heard[0] == (1, "running", False)
        assert [row["name"] for row in running.ps()] == ["web"]


async def test_two_scales_at_once_end_with_the_second(project: Project) -> None:
    project.configure_with(project.server("web"))
    async with engine(project) as running:
        await asyncio.gather(running.scale("web", 4), running.scale("web", 2))
        assert states(running) == {"web": "running", "web.2": "running"}
        await asyncio.gather(*(running.scale("web", count) for count in (1, 3, 2, 4)))
        assert states(running) == dict.fromkeys(["web", "web.2", "web.3", "web.4"], "running")
        assert len(project.marked()) == 4


async def test_scale_while_the_service_starts(project: Project) -> None:
    project.configure_with(project.server("web", "delay_start: 0.3"))
    async with engine(project) as running:
        starting = asyncio.create_task(running.start())
        up = await running.scale("web", 2)
        await starting
        assert [each["status"] for each in up] == ["running", "running"]
        assert len(project.marked()) == 2


async def test_scale_that_nobody_waits_for_is_completed(project: Project) -> None:
    project.configure_with(
        project.process("web", "grace_period: 1", run="sh -c 'trap \"\" TERM; sleep 99 & wait' MARK")
    )
    (project.folder / "web").mkdir()
    async with engine(project) as running:
        await running.scale("web", 2)
        scaling = asyncio.create_task(running.scale("web", 1))
        await event(project, "web.2", "stopping")
        scaling.cancel()
        await asyncio.wait([scaling])
        await event(project, "web.2", "stopped")
        await running.scale("web", 1)
        assert states(running) == {"web": "running"}


async def test_killed_replica_restarts_as_its_policy_says(project: Project) -> None:
    project.configure_with(project.server("web", "restart: on-failure", "restart_delay: 0"))
    async with engine(project) as running:
        await running.scale("web", 2)
        before = pids(running)
        os.kill(before["web.2"], signal.SIGKILL)
        await event(project, "web.2", "ready", 2)
        assert running.supervisor.running["web.2"].life.restarts == 1
        assert pids(running)["web"] == before["web"]
        assert answer(running, "web.2") == b"TOKEN"


async def test_replica_that_fails_is_reported(project: Project) -> None:
    (first,) = free_ports(1)
    project.write(project.process("web", f"ports: [http={first}]", f"environment: [FIRST={first}]"), web=CRASHES)
    async with engine(project) as running:
        outcomes = await running.scale("web", 2)
        failed = {each["service"]: each for each in outcomes if not each["ok"]}
        assert failed["web.2"]["exit_code"] == 4
        assert failed["web.2"]["text"] == "web.2: ended with exit code 1"


async def test_replica_whose_port_is_taken_gets_another(project: Project) -> None:
    project.configure_with(
        project.server("web", "depends_on: [gate]"),
        project.process("gate", "readiness: {log: open}", run="cat gate.fifo MARK"),
    )
    (project.folder / "gate").mkdir()
    fifo = project.folder / "gate" / "gate.fifo"
    os.mkfifo(fifo)
    async with engine(project) as running:
        scaling = asyncio.create_task(running.scale("web", 2))
        await event(project, "gate", "starting")
        taken = port(running, "web.2")
        with socket.create_server(("127.0.0.1", taken)):
            with await asyncio.to_thread(fifo.open, "w") as gate:
                gate.write("open\n")
                gate.flush()
                outcomes = await scaling
            assert all(each["ok"] for each in outcomes if each["service"].startswith("web")), outcomes
            assert port(running, "web.2") != taken
            assert answer(running, "web.2") == b"TOKEN"


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [
        ("web", 0, "expected 1 to 100 instances of web, found 0; `fuge stop web` stops all of them"),
        ("web", -1, "expected 1 to 100 instances of web, found -1"),
        ("web", MOST_INSTANCES + 1, "expected 1 to 100 instances of web, found 101"),
        ("store", 2, "store cannot be scaled: it is a container, and a second one would be a server of its own"),
        ("nowhere", 2, "nowhere cannot be scaled: the folder .* does not exist"),
        ("wbe", 2, "no service or group is called 'wbe': did you mean 'web'?"),
        ("web.2", 3, "web.2 is an instance of web: `fuge scale web 3` is meant"),
    ],
)
async def test_what_cannot_be_scaled_is_explained(project: Project, name: str, count: int, said: str) -> None:
    store = "store:\n  type: container\n  image: mongo\n"
    nowhere = project.process("nowhere")
    project.configure_with(project.sleeper("web"), store, nowhere)
    async with engine(project) as running:
        await running.scale("web", 2)
        with pytest.raises(FugeError, match=said.replace("?", r"\?").replace("(", r"\(")):
            await running.scale(name, count)
        assert states(running) | {"store": "", "nowhere": ""} == {
            "web": "running",
            "web.2": "running",
            "store": "",
            "nowhere": "",
        }


async def test_save_restarts_the_instances_one_after_another(project: Project) -> None:
    project.configure_with(project.server("web"))
    async with engine(project) as running:
        await running.scale("web", 3)
        await running.supervisor.watcher.begun()
        fewest = 3

        def look() -> None:
            nonlocal fewest
            fewest = min(fewest, running.counts()[0]["ready"])

        running.supervisor.on_discovery.append(look)
        script = project.folder / "web" / "main.py"
        script.write_text(script.read_text().replace("TOKEN", "CHANGED"))
        for name in ("web", "web.2", "web.3"):
            await event(project, name, "ready", 2)
        assert fewest == 2
        assert [answer(running, name) for name in ("web", "web.2", "web.3")] == [b"CHANGED"] * 3


async def test_count_of_the_file_holds_until_another_is_asked_for(project: Project) -> None:
    number = free_ports(1)[0]
    project.configure_with(project.server("web", "replicas: 2", port=number), project.sleeper("x"))
    async with engine(project) as running:
        await running.start()
        assert states(running) == dict.fromkeys(["web", "web.2", "x"], "running")
        await running.scale("web", 3)
        before = pids(running)
        project.configure_with(project.server("web", "replicas: 2", port=number), project.sleeper("y"))
        assert await running.reload() == {
            "added": ["y"],
            "changed": [],
            "removed": ["x"],
            "outdated": [],
            "settings": [],
        }
        assert {name: pid for name, pid in pids(running).items() if name != "y"} == {
            name: pid for name, pid in before.items() if name != "x"
        }
        project.configure_with(project.server("web", "replicas: 1", port=number), project.sleeper("y"))
        assert (await running.reload())["removed"] == ["web.2", "web.3"]
        assert pids(running)["web"] == before["web"]


async def test_reload_restarts_replicas_of_a_changed_service_and_stops_those_of_a_removed_one(project: Project) -> None:
    number = free_ports(1)[0]
    project.configure_with(project.server("web", port=number), project.sleeper("old"))
    async with engine(project) as running:
        await running.start()
        await running.scale("web", 2)
        await running.scale("old", 2)
        before, second = pids(running), port(running, "web.2")
        project.configure_with(project.server("web", "environment: [A=b]", port=number))
        done = await running.reload()
        assert done["changed"] == ["web", "web.2"]
        assert done["removed"] == ["old", "old.2"]
        assert states(running) == {"web": "running", "web.2": "running"}
        assert not {*pids(running).values()} & {*before.values()}
        assert port(running, "web.2") == second
        assert running.environment(running.system.service("web.2"))["A"] == "b"
        assert len(project.marked()) == 2


async def test_run_runs_one_instance(project: Project) -> None:
    project.configure_with(project.process("job", "replicas: 2", run="sh -c 'echo done' MARK"))
    (project.folder / "job").mkdir()
    async with engine(project) as running:
        assert await running.run("job") == 0
        assert states(running) == {"job": "finished", "job.2": "stopped"}


async def test_every_change_of_state_is_told(project: Project) -> None:
    project.configure_with(project.sleeper("web"))
    async with engine(project) as running:
        told: list[str] = []
        watched: Running = running.supervisor.running["web"]
        running.supervisor.on_discovery.append(lambda: told.append(watched.state))
        await running.start()
        await running.stop()
        assert told == ["waiting", "starting", "running", "stopping", "stopped"]


async def test_instances_that_write_into_their_folder_do_not_restart_each_other_for_ever(project: Project) -> None:
    writes = "import os, time\nopen(f'{os.getpid()}.out', 'w').close()\nprint('up', flush=True)\ntime.sleep(600)\n"
    project.write(project.process("web", "replicas: 2"), web=writes)
    async with engine(project) as running:
        await running.start()
        (project.folder / "web" / "main.py").write_text(writes)
        await event(project, "web", "watch suspended")
        await event(project, "web.2", "watch suspended")
        await running.restart(["web"])
        assert states(running) == {"web": "running", "web.2": "running"}
