"""The price of an engine: python benchmarks/engines.py [ROUNDS]

How long the servers of the images `mongo` and `redis` take from their start until they accept a connection, and to
stop: as plain programs (the limit, measured in the same round), by fuge from the wheel, and by fuge in Docker, where
an engine answers that has the images. Every figure is a median. The choice of the engine is part of each start.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.table import Table

import fuge
from fuge import ports
from fuge.plan.system import Port, Service
from fuge.services.engines import Engines
from fuge.services.servers import SERVERS, Server

ROUNDS = 10
Times = dict[tuple[str, str], list[tuple[float, float]]]  # {(image, way): [(start, stop), ...]} in milliseconds


def service(image: str, port: int) -> Service:
    return Service(image, "container", image=image, ports=(Port("main", port),))


async def usable(kind: str) -> str:
    """What that kind of engine is here; "" if it cannot run both images."""
    engines, title = Engines(environment=os.environ | {"FUGE_ENGINE": kind}), ""
    for server in SERVERS:
        found = [each.choice async for each in engines.survey(service(server.image, 1)) if each.was_asked]
        if not found[0] or "may pull" in found[0].why:
            title = ""
            break
        title = found[0].title
    engines.close()
    return title


async def plainly(server: Server, port: int) -> tuple[float, float]:
    """The limit: nothing but the program."""
    engines = Engines(environment={"FUGE_ENGINE": "wheel"})
    choice = await engines.choose(service(server.image, port), lambda text: None)
    assert choice.program
    with tempfile.TemporaryDirectory() as folder:
        argv = server.argv(choice.program, service(server.image, port), Path(folder))
        began = time.perf_counter()
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)  # noqa: ASYNC220  (it returns at once)
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.001)
        ready = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait()
        return 1000 * (ready - began), 1000 * (time.perf_counter() - ready)


async def by_fuge(engine: fuge.Engine, image: str) -> tuple[float, float]:
    began = time.perf_counter()
    [outcome] = await engine.start([image])
    assert outcome["ok"], outcome
    ready = time.perf_counter()
    await engine.stop([image])
    return 1000 * (ready - began), 1000 * (time.perf_counter() - ready)


async def measure(kind: str, rounds: int, times: Times) -> None:
    """Rounds of one engine, each beside the plain program."""
    os.environ["FUGE_ENGINE"] = kind
    with tempfile.TemporaryDirectory() as folder:
        numbers = dict(zip((server.image for server in SERVERS), ports.free(len(SERVERS)), strict=True))
        file = Path(folder) / "fuge.yml"
        line = "{0}: {{type: container, image: {0}, ports: [main={1}]}}\n"
        file.write_text("".join(line.format(*item) for item in numbers.items()))
        async with fuge.Engine(file) as engine:
            for image in numbers:
                await by_fuge(engine, image)  # what is loaded once only
            for _ in range(rounds):
                for server in SERVERS:
                    times.setdefault((server.image, "plain"), []).append(await plainly(server, numbers[server.image]))
                    times.setdefault((server.image, kind), []).append(await by_fuge(engine, server.image))


async def main(rounds: int) -> None:
    titles = {kind: await usable(kind) for kind in ("wheel", "docker")}
    times: Times = {}
    for kind, title in titles.items():
        if title:
            await measure(kind, rounds, times)
        else:
            print(f"left out: {kind} has not both images here")
    table = Table("image", "by", "start ms", "ratio", "stop ms", box=None, pad_edge=False)
    for (image, way), found in sorted(times.items(), key=lambda item: (item[0][0], item[0][1] != "plain")):
        start, stop = (statistics.median(each) for each in zip(*found, strict=True))
        limit = statistics.median(each for each, _ in times[image, "plain"])
        name = {"plain": "plain program", "wheel": "fuge, wheel", "docker": f"fuge, {titles['docker']}"}[way]
        table.add_row(image, name, f"{start:.0f}", f"{start / limit:.1f}", f"{stop:.0f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
