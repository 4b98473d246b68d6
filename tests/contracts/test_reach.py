"""Who can reach the system of a step, from step 01 on: this machine alone; and how much it may send."""

import contextlib
import socket

import psutil

from workbook import ports
from workbook.course import Recipe
from workbook.system import System

NEEDS = "adder_service"
LOOPBACK = ("127.", "::1")


def listeners(system: System) -> set[str]:
    """The addresses at which the launcher and all that it has started listen, by TCP and UDP."""
    launcher = psutil.Process(system.terminal.process.pid)
    found = set()
    for process in (launcher, *launcher.children(recursive=True)):
        for each in process.net_connections("inet"):
            if each.status == psutil.CONN_LISTEN or (each.type == socket.SOCK_DGRAM and not each.raddr):
                found.add(f"{each.laddr.ip} port {each.laddr.port}")
    return found


def own_addresses() -> list[str]:
    """Of this machine in its networks."""
    found = [each.address for addresses in psutil.net_if_addrs().values() for each in addresses]
    return [each for each in found if "." in each and not each.startswith("127.")]


def test_everything_listens_on_loopback_alone(system: System) -> None:
    found = listeners(system)
    assert len(found) >= 1
    assert {each for each in found if not each.startswith(LOOPBACK)} == set()


def test_nothing_is_reached_from_the_network(system: System) -> None:
    """Containers too, whose ports an engine opens that is no child of the launcher."""
    for service, port in system.ports.items():
        assert ports.answers(port), service
        for address in own_addresses():
            with socket.socket() as probe:
                probe.settimeout(2)
                assert probe.connect_ex((address, port)) != 0, f"{service} is reached at {address}:{port}"


HEAD = "{} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 999999999\r\n\r\n"
MEGABYTE = b"x" * (1 << 20)


def pour(port: int, line: str) -> None:
    """Up to 60 MB of a body that is said to be even longer, as far as the server lets us."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as client, contextlib.suppress(OSError):
        client.sendall(HEAD.format(line).encode())
        for _ in range(60):
            client.sendall(MEGABYTE)


def test_body_that_nobody_asked_for_takes_no_memory(recipe: Recipe, system: System) -> None:
    lines = {"webapp": ("POST /add/calculate", "POST /nowhere", "GET /"), "adder_service": ("GET /add/1/2", "POST /")}
    for service in system.ports.keys() & (lines if recipe.number <= "03" else {"webapp"}):  # then the adder speaks mu
        process = system.process(service)
        before = process.memory_info().rss
        for line in lines[service]:
            pour(system.ports[service], line)
        assert process.memory_info().rss - before < 32 << 20, service
        assert system.get(service, "/add" if service == "webapp" else "/add/1/2").status == 200
