"""Running a system: fuge against Node's fuge, honcho and plain spawning: python benchmarks/running.py [ROUNDS]

Three tables. How long N services take from the command that starts them until all answer, as a ratio to a plain spawn
of the same in the same round; how long they take to stop; and how long a saved change takes until the new code
answers. Every figure is a median; the peers take turns in each round.
"""

import contextlib
import math
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import goals
import psutil
from peers import node_program, python_program

from fuge import ports

COUNTS = (2, 10, 50)
NOTICED = 10.0  # seconds after which a saved change is one that was not noticed
START, STOP, MEMORY, SAVE = 1.1, 1.0, 60.0, 60.0  # goals: x plain spawn, seconds over a plain stop, MB, milliseconds
PYTHON_SERVICE = """
import asyncio, os, signal
async def main():
    async def answer(reader, writer):
        await reader.readline()
        writer.write(b"t0")
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ.get("SERVICE_PORT") or os.environ["PORT"]))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
asyncio.run(main())
"""
AIOHTTP_SERVICE = """
import os
from aiohttp import web
async def answer(request):
    return web.Response(text="t0")
app = web.Application()
app.router.add_get("/", answer)
web.run_app(app, host="127.0.0.1", port=int(os.environ["SERVICE_PORT"]), print=None)
"""
NODE_SERVICE = """
require('http').createServer((request, answer) => answer.end('t0')).listen(process.env.SERVICE_PORT, '127.0.0.1')
"""


class Service(NamedTuple):
    name: str
    port: int
    run: str  # its command line
    file: Path  # its source


class Runner(NamedTuple):
    """A program that runs services; `shell` says that it is told `start all` and `stop all` on its standard input."""

    name: str
    command: list[str]
    shell: bool
    interpreter: str


# Running ---------------------------------------------------------------------------------------------------------


def lay_out(folder: Path, count: int, source: str, interpreter: str) -> list[Service]:
    """Services in folders of their own, with a fuge.yml and a Procfile that both describe them."""
    services = []
    ending = "js" if interpreter == "node" else "py"
    for number, port in enumerate(ports.free(count)):
        file = folder / f"s{number}" / f"main.{ending}"
        file.parent.mkdir()
        file.write_text(source)
        services.append(Service(f"s{number}", port, f"{interpreter} main.{ending}", file))
    sections = [
        f"{s.name}:\n  type: process\n  path: ./{s.name}\n  run: '{s.run}'\n  ports:\n    - main={s.port}\n"
        for s in services
    ]
    (folder / "fuge.yml").write_text("fuge_global:\n  tail: true\n  monitor: true\n" + "".join(sections))
    lines = [f"{s.name}: cd {s.name} && exec env PORT={s.port} SERVICE_PORT={s.port} {s.run}\n" for s in services]
    (folder / "Procfile").write_text("".join(lines))
    return services


def answer_of(port: int) -> bytes:
    """What a service answers, or nothing if there is none."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while data := connection.recv(4096):
            answer += data
        return answer
    return b""


def wait_for(services: list[Service], token: bytes = b"t0", patience: float = 120.0) -> bool:
    """Whether all answered so within that many seconds."""
    waiting, until = list(services), time.monotonic() + patience
    while waiting and time.monotonic() < until:
        waiting = [service for service in waiting if token not in answer_of(service.port)]
        time.sleep(0.001)
    return not waiting


@contextlib.contextmanager
def running(runner: Runner, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        runner.command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin
    process.stdin.write(line + "\n")
    process.stdin.flush()


def start(runner: Runner, services: list[Service], process: "subprocess.Popen[str]") -> float:
    began = time.perf_counter()
    if runner.shell:
        say(process, "start all")
    wait_for(services)
    return time.perf_counter() - began


def children_of(process: "subprocess.Popen[str]", services: list[Service]) -> list[psutil.Process]:
    marks = {service.file.parent for service in services}
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if Path(child.cwd()) in marks:
                found.append(child)
    return found


def stop(runner: Runner, services: list[Service], process: "subprocess.Popen[str]") -> float:
    """Until the last process of a service has ended."""
    children = children_of(process, services)
    began = time.perf_counter()
    if runner.shell:
        say(process, "stop all")
    else:
        process.send_signal(signal.SIGTERM)
    psutil.wait_procs(children)
    return time.perf_counter() - began


def plain(folder: Path, services: list[Service]) -> tuple[float, float]:
    """Without any runner: start them all, wait until they answer, stop them all."""
    began = time.perf_counter()
    processes = [
        subprocess.Popen(
            [*service.run.split()],
            cwd=service.file.parent,
            env=os.environ | {"SERVICE_PORT": str(service.port)},
            stdout=subprocess.DEVNULL,
        )
        for service in services
    ]
    wait_for(services)
    started = time.perf_counter() - began
    began = time.perf_counter()
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
    return started, time.perf_counter() - began


# Measuring ---------------------------------------------------------------------------------------------------------


def memory_of(process: "subprocess.Popen[str]", services: list[Service]) -> tuple[float, float]:
    """MB of the runner itself, and of the warm process apart: each page counts by the share of those who have it."""
    own, warm = 0.0, 0.0
    served = {child.pid for child in children_of(process, services)}
    for each in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
        if each.pid in served:
            continue
        full = each.memory_full_info()
        size = getattr(full, "pss", full.rss) / 1e6  # pss: Linux only
        if "keeper.py" in " ".join(each.cmdline()) and "-S" not in each.cmdline():
            warm += size
        else:
            own += size
    return own, warm


def one_round(runner: Runner, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        services = lay_out(folder, count, PYTHON_SERVICE, runner.interpreter)
        if not runner.command:
            started, stopped = plain(folder, services)
            return {"start": started, "stop": stopped}
        with running(runner, folder) as process:
            if runner.shell:
                time.sleep(2)  # until its prompt is there
            started = start(runner, services, process)
            own, warm = memory_of(process, services)
            return {"start": started, "stop": stop(runner, services, process), "own": own, "warm": warm}


def save_to_answer(runner: Runner, source: str, saves: int) -> list[float]:
    """Seconds from the moment that a change is saved until the new code answers; infinite if it is not noticed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        services = lay_out(folder, 1, source, runner.interpreter)
        (service,) = services
        taken = []
        with running(runner, folder) as process:
            time.sleep(2)
            start(runner, services, process)
            for number in range(1, saves + 1):
                time.sleep(0.8)
                token = f"t{number}x"
                saved = service.file.with_suffix(".new")
                saved.write_text(source.replace("t0", token))
                began = time.perf_counter()
                saved.replace(service.file)
                noticed = wait_for(services, token.encode(), NOTICED)
                taken.append(time.perf_counter() - began if noticed else float("inf"))
        return taken


def main(rounds: int) -> None:
    ours = [sys.executable, "-m", "fuge", "shell", "fuge.yml"]
    runners = [
        Runner("plain spawn", [], False, "python3"),
        Runner("fuge, plain start", ours, True, "python3"),
        Runner("fuge, warm start", ours, True, "python"),
    ]
    node_fuge, honcho = node_program("fuge", "2.0.2"), python_program("honcho")
    if node_fuge:
        runners.append(Runner("Node fuge 2.0.2", [str(node_fuge), "shell", "fuge.yml"], True, "python3"))
    if honcho:
        runners.append(Runner("honcho", [str(honcho), "start"], False, "python3"))
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.pop("PORT", None)

    for count in COUNTS:
        taken: dict[str, list[dict[str, float]]] = {runner.name: [] for runner in runners}
        for _ in range(rounds):
            for runner in runners:
                taken[runner.name].append(one_round(runner, count))
        print(f"\n{count} services (a stdlib asyncio server each), median of {rounds} rounds")
        print(f"{'':20}{'start, s':>10}{'x plain':>10}{'stop, ms':>10}{'runner, MB':>12}{'warm, MB':>10}")
        for name, figures in taken.items():
            middle = {key: statistics.median(each[key] for each in figures) for key in figures[0]}
            ratio = starts_of(figures, taken["plain spawn"])
            memory = f"{middle['own']:12.0f}{middle['warm']:10.0f}" if "own" in middle else ""
            print(f"{name:20}{middle['start']:10.2f}{ratio:10.2f}{1000 * middle['stop']:10.0f}{memory}", flush=True)

        if count == max(COUNTS):
            print_goals(taken["fuge, warm start"], taken["plain spawn"])

    print(f"\nfrom a save to an answer by the new code, ms: median (from, to) of {8 * rounds} saves")
    cases: list[tuple[str, Runner, str]] = [
        ("fuge, aiohttp, warm", runners[2], AIOHTTP_SERVICE),
        ("fuge, aiohttp, plain", runners[1], AIOHTTP_SERVICE),
        ("fuge, Node", runners[1]._replace(interpreter="node"), NODE_SERVICE),
    ]
    if node_fuge:
        cases += [
            ("Node fuge, aiohttp", runners[3], AIOHTTP_SERVICE),
            ("Node fuge, Node", runners[3]._replace(interpreter="node"), NODE_SERVICE),
        ]
    for name, runner, source in cases:
        times = sorted(save_to_answer(runner, source, 8 * rounds))
        middle, first, last = 1000 * statistics.median(times), 1000 * times[0], 1000 * times[-1]
        lost = f"  not noticed: {times.count(float('inf'))}" if math.isinf(last) else ""
        print(f"{name:22}{middle:8.0f}  ({first:.0f}, {last:.0f}){lost}", flush=True)
        if name == "fuge, aiohttp, warm":
            goals.tell("from a save to an answer, ms (aiohttp, warm)", middle, at_most=SAVE)


def starts_of(figures: list[dict[str, float]], plain: list[dict[str, float]]) -> float:
    """As a ratio to a plain spawn, round by round."""
    return statistics.median(mine["start"] / base["start"] for mine, base in zip(figures, plain, strict=True))


def print_goals(ours: list[dict[str, float]], plain: list[dict[str, float]]) -> None:
    services = f"{max(COUNTS)} services"
    goals.tell(f"fuge: start of {services}, x plain spawn", starts_of(ours, plain), at_most=START)
    stop = statistics.median(mine["stop"] - base["stop"] for mine, base in zip(ours, plain, strict=True))
    goals.tell(f"fuge: stop of {services}, s more than by themselves", stop, at_most=STOP)
    own = statistics.median(mine["own"] for mine in ours)
    goals.tell(f"fuge: MB of the runner with {services}", own, at_most=MEMORY)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
