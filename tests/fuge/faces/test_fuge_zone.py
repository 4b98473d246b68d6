"""`fuge zone`: the table of names, and zone files for other servers."""

import socket
import subprocess
from pathlib import Path
from shutil import which

import pytest
from fuge_dns import DOMAIN
from fuge_project import Project, free_ports
from helpers import needed

LONG = "a_service_with_a_name_that_is_as_long_as_names_can_be_in_the_dns"[:60]


def with_dns(project: Project, *services: str) -> None:
    port = free_ports(1)[0]
    project.configure_with(
        f"fuge_global: {{dns_enabled: true, dns_namespace: micro, dns_suffix: svc.cluster.local, dns_port: {port}}}",
        *services,
    )


def test_zone_is_a_table_of_whole_names(project: Project) -> None:
    [port] = free_ports(1)
    with_dns(project, project.server(LONG, port=port))
    project.up()
    name = f"{LONG.replace('_', '-')}.{DOMAIN}"
    said = [line.split() for line in project.ok("zone").out.splitlines()]
    assert said == [
        ["type", "domain", "address", "port"],
        ["A", name, "127.0.0.1", "-"],
        ["SRV", f"_http._tcp.{name}", name, str(port)],
    ]
    address = {"type": "A", "domain": name, "address": "127.0.0.1", "port": None}
    srv = {"type": "SRV", "domain": f"_http._tcp.{name}", "address": name, "port": port, "priority": 0, "weight": 100}
    assert project.ok("zone", "--json").json == [address, srv]


def test_zone_follows_scale(project: Project) -> None:
    with_dns(project, project.server("adder_service"))
    project.up()
    project.ok("scale", "adder_service", "3")
    targets = [row["address"] for row in project.ok("zone", "--json").json if row["type"] == "SRV"]
    assert targets == [f"adder-service-{number}.adder-service.{DOMAIN}" for number in (1, 2, 3)]


def test_zone_of_a_system_that_does_not_run_says_so(project: Project) -> None:
    with_dns(project, project.server("adder_service"))
    done = project.fuge("zone")
    assert (done.code, done.out) == (1, "")
    assert "nothing runs for" in done.err


def test_up_names_who_holds_the_port_of_dns(project: Project) -> None:
    other, ours = free_ports(2)
    project.configure_with(
        f"fuge_global: {{dns_enabled: true, dns_port: {other}}}", project.server("adder_service", port=ours)
    )
    with socket.create_server(("127.0.0.1", other)):
        done = project.fuge("up", "-d", "--wait")
        assert done.code == 4
        assert f"port {other} (dns_port, tcp) is held by pid" in done.err
        moved = free_ports(1)[0]
        project.ok("-p", f"dns={moved}", "up", "-d", "--wait")
        assert f"DNS_PORT={moved}" in project.ok("env", "adder_service").out
        project.ok("down")


# Zone files -------------------------------------------------------------------------------------------------------


def check(file: Path, zone: str) -> None:
    needed(which("named-checkzone"), "named-checkzone (Debian's bind9-utils)")
    words = ["named-checkzone", "-i", "full", zone, str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_zone_file_is_one_that_bind_reads_and_needs_no_running_fuge(project: Project, tmp_path: Path) -> None:
    with_dns(project, project.server("adder_service"), project.server("mongo"))
    places = ["--address", "adder_service=10.96.0.10:8080", "--address", "mongo=[fd00::10]:27017"]
    said = project.ok("zone", "--bind", *places).out
    assert f"_http._tcp.adder-service.{DOMAIN}. IN SRV 0 100 8080 adder-service.{DOMAIN}.\n" in said
    assert f"adder-service.{DOMAIN}. IN A 10.96.0.10\n" in said
    assert f"mongo.{DOMAIN}. IN AAAA fd00::10\n" in said
    for zone in ("cluster.local", "0.96.10.in-addr.arpa", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa"):
        file = tmp_path / zone
        file.write_text(project.ok("zone", "--bind", zone, *places).out)
        check(file, zone)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--address", "adder_service=10.0.0.1"], 2, "it needs --bind"),
        (["--bind", "--address", "adder_service"], 2, "expected SERVICE=ADDRESS or SERVICE=ADDRESS:PORT"),
        (["--bind", "--address", "adder_servce=10.0.0.1"], 1, "did you mean 'adder_service'?"),
        (["--bind", "--address", "worker=10.0.0.1"], 1, "worker has no port in fuge.yml"),
        (["--bind", "example.com"], 1, "expected the name of a zone, one of cluster.local, 0.0.127.in-addr.arpa"),
    ],
)
def test_zone_file_that_cannot_be_made_is_a_clear_error(
    project: Project, words: list[str], code: int, said: str
) -> None:
    with_dns(project, project.server("adder_service"), project.sleeper("worker"))
    done = project.fuge("zone", *words)
    assert done.code == code
    assert said in done.err


def test_zone_file_needs_dns_and_a_namespace(project: Project) -> None:
    project.configure_with(project.server("adder_service"))
    assert "set dns_enabled: true in fuge_global" in project.fuge("zone", "--bind").err
    project.configure_with("fuge_global: {dns_enabled: true}", project.server("adder_service"))
    assert "set dns_namespace in fuge_global" in project.fuge("zone", "--bind").err
