"""fuge's DNS server against others: python benchmarks/dns_server.py [--quick]

Each server has a core of its own and answers for one service; a client on another core keeps 64 questions under way,
then asks 1,000 in a second. Every figure is a median; the servers take turns in each round, and ratios are to unbound
within a round. `p99` is of the questions that came 1,000 in a second, in milliseconds.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dns.message
import goals
from mu_peers.pair import core
from peers import node_packages

from fuge import ports

PEERS = Path(__file__).with_name("dns_peers")
NAME = "adder-service.micro.svc.cluster.local"
QUESTIONS = {"A": NAME, "SRV": f"_main._tcp.{NAME}"}
BASE, NODE = "unbound", "Node fuge-dns 2.0.0"
GOALS = (("fuge, uvloop", BASE, 0.5), ("fuge, asyncio", NODE, 1.0))
RATE = 1000
PATIENCE = 20.0  # seconds for a server to answer first
UNBOUND = """
server:
  interface: 127.0.0.1@{port}
  port: {port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: "{folder}/log"
  module-config: "iterator"
  num-threads: 1
  local-zone: "cluster.local." static
  local-data: "{name}. 1 IN A 127.0.0.1"
  local-data: "_main._tcp.{name}. 1 IN SRV 0 100 8080 {name}."
remote-control:
  control-enable: no
"""


class Server(NamedTuple):
    name: str
    port: int
    command: list[str]
    modules: Path | None = None  # of Node


def servers(folder: Path) -> list[Server]:
    free = iter(ports.free(5))
    found = []
    for loop in ("asyncio", "uvloop"):
        port = next(free)
        found.append(Server(f"fuge, {loop}", port, [sys.executable, str(PEERS / "ours.py"), loop, str(port)]))
    port = next(free)
    found.append(Server("dnslib's DNSServer", port, [sys.executable, str(PEERS / "with_dnslib.py"), str(port)]))
    if modules := node_packages("fuge-dns@2.0.0"):
        port = next(free)
        found.append(Server(NODE, port, ["node", str(PEERS / "fuge_dns.js"), str(port)], modules))
    if program := shutil.which("unbound", path=f"{os.environ['PATH']}:/usr/sbin"):
        port = next(free)
        file = folder / "unbound.conf"
        file.write_text(UNBOUND.format(port=port, folder=folder, name=NAME))
        found.append(Server(BASE, port, [program, "-d", "-c", str(file)]))
    else:
        print("(unbound is not installed: no ratios; apt-get install unbound)")
    return found


@contextlib.contextmanager
def running(server: Server) -> Iterator[None]:
    environment = os.environ | ({"NODE_PATH": str(server.modules)} if server.modules else {})
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with core(0):
        process = subprocess.Popen(server.command, env=environment, **quiet)
    try:
        await_answer(server)
        yield
    finally:
        process.kill()
        process.wait()


def await_answer(server: Server) -> None:
    """Until it has the right answers."""
    deadline = time.monotonic() + PATIENCE
    for kind, name in QUESTIONS.items():
        while not answers(server.port, name, kind):
            if time.monotonic() > deadline:
                sys.exit(f"{server.name} does not answer: {' '.join(server.command)}")
            time.sleep(0.05)


def answers(port: int, name: str, kind: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        client.connect(("127.0.0.1", port))
        with contextlib.suppress(OSError):
            client.send(dns.message.make_query(name, kind).to_wire())
            return len(dns.message.from_wire(client.recv(512)).answer) == 1
    return False


def measure(server: Server, kind: str, seconds: float, rate: int) -> dict[str, float]:
    words = [str(server.port), QUESTIONS[kind], kind, str(seconds), str(rate)]
    with core(1):
        done = subprocess.run([sys.executable, str(PEERS / "asking.py"), *words], capture_output=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main(rounds: int, seconds: float) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        print("(server and client share the cores: the figures tell little)")
    taken: dict[str, list[dict[str, dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        all_of_them = servers(Path(folder))
        for _ in range(rounds):
            for server in all_of_them:
                with running(server):
                    figures = {}
                    for kind in QUESTIONS:
                        measure(server, kind, seconds / 4, 0)  # warms up
                        figures[kind] = measure(server, kind, seconds, 0)
                        figures[f"{kind} at rate"] = measure(server, kind, seconds, RATE)
                taken.setdefault(server.name, []).append(figures)
    print_table(taken)
    print_goals(taken)


def print_table(taken: dict[str, list[dict[str, dict[str, float]]]]) -> None:
    print(f"{'':22}" + "".join(f"{kind + '/s':>10}{'x ' + BASE:>11}{'p99, ms':>9}{'lost':>6}" for kind in QUESTIONS))
    for name, rounds in taken.items():
        cells = ""
        for kind in QUESTIONS:
            rate = statistics.median(each[kind]["rate"] for each in rounds)
            p99 = statistics.median(each[f"{kind} at rate"]["p99"] for each in rounds)
            lost = sum(each[k]["lost"] for each in rounds for k in (kind, f"{kind} at rate"))
            of_base = ratio(rounds, taken.get(BASE), kind)
            shown = "" if of_base is None else f"{of_base:.2f}"
            cells += f"{rate:10,.0f}{shown:>11}{1e3 * p99:9.2f}{lost:6.0f}"
        print(f"{name:22}{cells}")


def print_goals(taken: dict[str, list[dict[str, dict[str, float]]]]) -> None:
    for kind in QUESTIONS:
        for ours, peer, goal in GOALS:
            goals.tell(f"{ours}: {kind} x {peer}", ratio(taken[ours], taken.get(peer), kind), at_least=goal)


def ratio(
    rounds: list[dict[str, dict[str, float]]], base: list[dict[str, dict[str, float]]] | None, kind: str
) -> float | None:
    if not base:
        return None
    return statistics.median(a[kind]["rate"] / b[kind]["rate"] for a, b in zip(rounds, base, strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round")
    main(*((1, 1.0) if parser.parse_args().quick else (5, 4.0)))
