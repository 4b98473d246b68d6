"""Ports: declared, given for a run, or the next free one."""

import socket
from collections.abc import Callable

import pytest

from fuge.plan.system import Port, System
from fuge.ports import is_free

Load = Callable[..., System]
Faults = Callable[..., list[str]]
FORMS = "PORT (1 to 65535), {0}PORT:CONTAINER_PORT or {0}auto"
ITEM, VALUE = "NAME=" + FORMS.format("NAME="), FORMS.format("")
A_NAME = "a port's name: a letter, then letters, digits, - and _"


def numbers(system: System) -> dict[str, int]:
    return {f"{name}.{port.name}": port.number for name, service in system.services.items() for port in service.ports}


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        ("[main=8080]", (Port("main", 8080),)),
        ("[main=8080:80, b-2_c=1]", (Port("main", 8080, 80), Port("b-2_c", 1))),
        ("[main=8080:8080]", (Port("main", 8080),)),
        ("{main: 8080, http: '65535', x: 81:8081}", (Port("main", 8080), Port("http", 65535), Port("x", 81, 8081))),
        ("[]", ()),
        ("{}", ()),
    ],
)
def test_ports_are_a_list_or_a_mapping(load: Load, written: str, ports: tuple[Port, ...]) -> None:
    assert load(f"a:\n  type: container\n  image: x\n  ports: {written}\n").services["a"].ports == ports


def test_service_without_ports_gets_none(load: Load) -> None:
    assert load("a: {type: process, run: x}\n").services["a"].ports == ()


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("main=8080", "4:10 a.ports: expected a list of NAME=PORT or a mapping of names to ports, found 'main=8080'"),
        ("8080", "4:10 a.ports: expected a list of NAME=PORT or a mapping of names to ports, found 8080"),
        ("", "4:3 a.ports: expected a list of NAME=PORT or a mapping of names to ports, found nothing"),
        ("[8080]", f"4:11 a.ports[0]: expected {ITEM}, found 8080"),
        ("['8080:80']", f"4:11 a.ports[0]: expected {ITEM}, found '8080:80'"),
        ("[main: 8080]", f"4:11 a.ports[0]: expected {ITEM}, found a mapping; write main=8080"),
        ("[a=1, main=0]", f"4:16 a.ports[1]: expected {ITEM}, found 'main=0'"),
        ("[main=65536]", f"4:11 a.ports[0]: expected {ITEM}, found 'main=65536'"),
        ("[main=80:65536]", f"4:11 a.ports[0]: expected {ITEM}, found 'main=80:65536'"),
        ("[main=-1]", f"4:11 a.ports[0]: expected {ITEM}, found 'main=-1'"),
        ("[main=x]", f"4:11 a.ports[0]: expected {ITEM}, found 'main=x'"),
        ("[main=٣]", f"4:11 a.ports[0]: expected {ITEM}, found 'main=٣'"),
        ("[main= 80]", f"4:11 a.ports[0]: expected {ITEM}, found 'main= 80'"),
        ("[main=]", f"4:11 a.ports[0]: expected {ITEM}, found 'main='"),
        ("[1a=80]", f"4:11 a.ports[0]: expected {ITEM}, found '1a=80'"),
        ("{main: 0}", f"4:17 a.ports.main: expected {VALUE}, found 0"),
        ("{main: 80.0}", f"4:17 a.ports.main: expected {VALUE}, found 80.0"),
        ("{main: true}", f"4:17 a.ports.main: expected {VALUE}, found true"),
        ("{main: }", f"4:11 a.ports.main: expected {VALUE}, found nothing"),
        ("{main: [80]}", f"4:17 a.ports.main: expected {VALUE}, found a list"),
        ("{1a: 80}", f"4:11 a.ports.1a: expected {A_NAME}, found '1a'"),
        ("[main=1, main=2]", "4:19 a.ports[1]: expected another name, found 'main' again"),
        ("[a-b=1, A_B=2]",
         "4:18 a.ports[1]: expected another name, found 'A_B', whose variable is that of 'a-b' as well"),
        ("{a-b: 1, a_b: 2}",
         "4:19 a.ports.a_b: expected another name, found 'a_b', whose variable is that of 'a-b' as well"),
        ("[a=1, b=1]",
         "4:16 a.ports[1]: expected a port of its own, found 1, which a.ports[0] (fuge.yml:4:11) has already"),
    ],
)  # fmt: skip
def test_fault_of_a_port_has_its_place(faults: Faults, written: str, fault: str) -> None:
    assert faults(f"a:\n  type: process\n  run: x\n  ports: {written}\n") == [f"fuge.yml:{fault}"]


TWO = """\
a: {type: process, run: x, ports: {main: 8080}}
b: {type: container, image: x, ports: [http=3000, main=8080], enabled: false}
"""
SYSTEM = TWO.replace("main=8080", "more=9000:90")


def test_port_taken_twice_names_both_places(faults: Faults) -> None:
    assert faults(TWO) == [
        "fuge.yml:2:51 b.ports[1]: expected a port of its own, found 8080, "
        "which a.ports.main (fuge.yml:1:42) has already"
    ]


def test_port_of_the_dns_server_is_taken(faults: Faults) -> None:
    service = "a: {type: process, run: x, ports: [main=53053]}\n"
    assert faults(service + "fuge_global: {dns_port: 53053}\n") == []
    assert faults(service + "fuge_global: {dns_enabled: true, dns_port: 53053}\n") == [
        "fuge.yml:1:36 a.ports[0]: expected a port of its own, found 53053, "
        "which fuge_global.dns_port (fuge.yml:2:44) has already"
    ]
    assert faults(service + "fuge_global: {dns_enabled: true}\n") == [
        "fuge.yml:1:36 a.ports[0]: expected a port of its own, found 53053, "
        "which fuge_global.dns_port (fuge.yml:2:14) has already"
    ]


def test_port_for_traces_is_taken(faults: Faults) -> None:
    service = "a: {type: process, run: x, ports: [main=4318]}\n"
    assert faults(service + "fuge_global: {traces_port: 4318}\n") == []
    assert faults(service + "fuge_global: {traces_enabled: true}\n") == [
        "fuge.yml:1:36 a.ports[0]: expected a port of its own, found 4318, "
        "which fuge_global.traces_port (fuge.yml:2:14) has already"
    ]
    assert faults(
        "fuge_global: {dns_enabled: true, dns_port: 4318, traces_enabled: true}\na: {type: process, run: x}\n"
    )


def test_ports_of_fuge_itself_can_be_given(load: Load) -> None:
    text = "fuge_global: {dns_enabled: true, traces_enabled: true}\na: {type: process, run: x, ports: [main=1]}\n"
    assert load(text, ports={"traces": 1111, "dns": 2222}).own_ports == {"dns": 2222, "traces": 1111}
    assert load(text).own_ports == {"dns": 53053, "traces": 4318}
    assert load("a: {type: process, run: x}\n").own_ports == {}
    off = load(text.replace(", traces_enabled: true", ""), ports={"traces": 1111})
    assert off.own_ports == {"dns": 53053}


def test_given_ports_replace_those_of_the_file(load: Load) -> None:
    assert numbers(load(SYSTEM, ports={"a": 1111, "b": 2222})) == {"a.main": 1111, "b.http": 2222, "b.more": 9000}
    assert numbers(load(SYSTEM, ports={"b.more": 3333})) == {"a.main": 8080, "b.http": 3000, "b.more": 3333}


def test_container_listens_on_the_same_port_inside_whatever_is_given(load: Load) -> None:
    system = load(SYSTEM, ports={"a": 1111, "b": 2222, "b.more": 3333})
    assert system.services["a"].ports == (Port("main", 1111),)
    assert system.services["b"].ports == (Port("http", 2222, 3000), Port("more", 3333, 90))
    assert load(SYSTEM, ports={"b": 3000}).services["b"].ports[0] == Port("http", 3000)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"c": 1}, "fuge.yml: expected the name of one of its ports (a.main, b.http or b.more), found 'c'"),
        (
            {"b.mroe": 1},
            "fuge.yml: expected the name of one of its ports (a.main, b.http or b.more), found 'b.mroe'; "
            "did you mean 'b.more'?",
        ),
        ({"a": 0}, "fuge.yml: expected a port from 1 to 65535 for a, found 0"),
        ({"b.http": 65536}, "fuge.yml: expected a port from 1 to 65535 for b.http, found 65536"),
        (
            {"a": 3000},
            "fuge.yml:2:40 b.ports[0]: expected a port of its own, found 3000, "
            "which a.ports.main (fuge.yml:1:42) has already, given for this run",
        ),
        (
            {"a": 7000, "b": 7000},
            "fuge.yml:2:40 b.ports[0]: expected a port of its own, found 7000, "
            "which a.ports.main (fuge.yml:1:42) has already, given for this run",
        ),
    ],
)
def test_fault_of_a_given_port(faults: Faults, given: dict[str, int], fault: str) -> None:
    assert faults(SYSTEM, ports=given) == [fault]


def test_given_ports_make_a_file_fine_that_takes_one_twice(load: Load) -> None:
    assert numbers(load(TWO, ports={"a": 1})) == {"a.main": 1, "b.http": 3000, "b.main": 8080}


def test_given_port_of_a_system_without_ports(faults: Faults) -> None:
    assert faults("a: {type: process, run: x}\n", ports={"a": 1}) == [
        "fuge.yml: expected ports in it, to set one, found 'a'"
    ]


def test_given_port_that_is_faulty_in_the_file_is_no_second_fault(faults: Faults) -> None:
    assert faults("a: {type: process, run: x, ports: main}\n", ports={"a": 1}) == [
        "fuge.yml:1:35 a.ports: expected a list of NAME=PORT or a mapping of names to ports, found 'main'"
    ]


AUTO = """\
fuge_global: {auto_port_start: %d}
a: {type: process, run: x, ports: [main=auto, debug=auto]}
b: {type: container, image: x, ports: {main: auto:27017, more: auto, fixed: %d}}
"""


def test_auto_takes_what_is_neither_declared_nor_in_use(load: Load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        used = server.getsockname()[1]
        found = numbers(load(AUTO % (used, used + 1)))
    automatic = [found[name] for name in ("a.main", "a.debug", "b.main", "b.more")]
    assert min(automatic) > used + 1
    assert automatic == sorted(set(automatic))
    assert found["b.fixed"] == used + 1


def test_auto_has_the_port_inside_that_is_said(load: Load) -> None:
    main, more, _ = load(AUTO % (20000, 1)).services["b"].ports
    assert (main.target, more.target) == (27017, None)


def test_auto_starts_at_10000(load: Load) -> None:
    assert numbers(load("a: {type: process, run: x, ports: [main=auto]}\n"))["a.main"] >= 10000


def test_given_port_replaces_auto(load: Load) -> None:
    found = load(AUTO % (20000, 1), ports={"a": 4000, "b": 4001})
    assert found.services["a"].ports[0] == Port("main", 4000, auto=True)
    assert found.services["b"].ports[0] == Port("main", 4001, 27017, auto=True)


def test_auto_without_a_free_port_is_a_fault(faults: Faults) -> None:
    text = "fuge_global: {auto_port_start: 65535}\na: {type: process, run: x, ports: [main=65535, more=auto]}\n"
    assert faults(text) == [
        "fuge.yml:2:48 a.ports[1]: expected a free port from 65535 (auto_port_start) on, found none"
    ]


def test_port_is_free_unless_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
    assert is_free(port, "192.0.2.1"), "a host that is not this machine"
