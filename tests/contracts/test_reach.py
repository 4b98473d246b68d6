"""Who can reach the system of a step: this machine alone. From step 01 on."""

import socket

import psutil

from workbook import ports
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
