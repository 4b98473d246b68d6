"""How services are called in DNS, and what cannot be a name there."""

import pytest

from concordant import BadName, host_name, label, naming, srv_name

MICRO = {"DNS_NAMESPACE": "micro", "DNS_SUFFIX": "svc.cluster.local"}


@pytest.mark.parametrize(
    ("name", "made"),
    [("adder_service", "adder-service"), ("mongo", "mongo"), ("Web_App", "web-app"), ("a", "a"), ("a" * 63, "a" * 63)],
)
def test_label_is_what_kubernetes_allows(name: str, made: str) -> None:
    assert label(name) == made


@pytest.mark.parametrize("name", ["", "_a", "a_", "-a", "a.b", "a b", "é", "a" * 64, "a\n", "²"])
def test_label_of_what_cannot_be_one_says_so(name: str) -> None:
    with pytest.raises(BadName) as caught:
        label(name)
    assert str(caught.value) == (
        "a name for DNS: expected letters, digits, - and _, at most 63, with a letter or digit at both ends,"
        f" found {name!r}: give the service another name"
    )


def test_srv_name_is_that_of_kubernetes() -> None:
    assert srv_name("adder_service", environment=MICRO) == "_main._tcp.adder-service.micro.svc.cluster.local"


@pytest.mark.parametrize(("port", "protocol"), [("main", "tcp"), ("_main", "_tcp"), ("main", "_tcp")])
def test_srv_name_takes_port_and_protocol_with_or_without_underscore(port: str, protocol: str) -> None:
    assert srv_name("mongo", port, protocol, environment={}) == "_main._tcp.mongo"


@pytest.mark.parametrize(
    ("environment", "given", "name"),
    [
        ({}, {}, "mongo"),
        ({"DNS_NAMESPACE": ""}, {}, "mongo"),
        ({"DNS_SUFFIX": "svc.x"}, {}, "mongo"),
        ({"DNS_NAMESPACE": "micro"}, {}, "mongo.micro.svc.cluster.local"),
        ({"DNS_NAMESPACE": "micro", "DNS_SUFFIX": ""}, {}, "mongo.micro.svc.cluster.local"),
        ({"DNS_NAMESPACE": ".micro.", "DNS_SUFFIX": ".svc.x."}, {}, "mongo.micro.svc.x"),
        (MICRO, {"namespace": ""}, "mongo"),
        (MICRO, {"namespace": "other"}, "mongo.other.svc.cluster.local"),
        (MICRO, {"suffix": "lan"}, "mongo.micro.lan"),
        ({}, {"namespace": "other", "suffix": "lan"}, "mongo.other.lan"),
    ],
)
def test_host_name_gets_namespace_and_suffix(environment: dict[str, str], given: dict[str, str], name: str) -> None:
    assert host_name("mongo", **given, environment=environment) == name
    assert srv_name("mongo", **given, environment=environment) == f"_main._tcp.{name}"


def test_names_follow_the_environment_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNS_NAMESPACE", "one")
    assert host_name("mongo") == "mongo.one.svc.cluster.local"
    monkeypatch.setenv("DNS_NAMESPACE", "two")
    assert srv_name("mongo") == "_main._tcp.mongo.two.svc.cluster.local"


@pytest.mark.parametrize(
    ("namespace", "suffix", "places"),
    [
        ("micro", "svc.cluster.local", ["micro.svc.cluster.local", "svc.cluster.local", "cluster.local"]),
        ("micro", "lan", ["micro.lan", "lan"]),
        ("", "lan", ["lan"]),
        ("", "", []),
    ],
)
def test_search_list_is_that_of_a_pod(namespace: str, suffix: str, places: list[str]) -> None:
    assert naming.search_list(namespace, suffix) == places


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("_main._tcp.mongo.micro", "mongo.micro"),
        ("_main._tcp.mongo", "mongo"),
        ("_main.mongo.", "mongo."),
        ("mongo", "mongo"),
        ("_main", "_main"),
    ],
)
def test_the_host_of_a_port_is_its_name_without_port_and_protocol(name: str, host: str) -> None:
    assert naming.without_port(name) == host


def test_names_of_ports_are_told_from_names_of_services() -> None:
    assert naming.names_port("_main._tcp.mongo")
    assert not naming.names_port("mongo")
    assert not naming.names_port("mongo._tcp")


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "fd00::2"])
def test_addresses_are_told_from_names(name: str) -> None:
    assert naming.is_address(name)
    assert not naming.is_address(f"{name}.x")


@pytest.mark.parametrize("name", ["", "a\0", "127.0.0.1\0", "\ud800"])
def test_what_can_be_no_name_either_is_no_address(name: str) -> None:
    assert not naming.is_address(name)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("mongo", "mongo"),
        ("mongo.", "mongo."),
        ("_main._tcp.adder_service.Micro", "_main._tcp.adder_service.Micro"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a" * 63, "a" * 63),
        (".".join([*["a" * 63] * 3, "a" * 61]), ".".join([*["a" * 63] * 3, "a" * 61])),
    ],
)
def test_what_can_be_asked_for_is_taken(name: str, asked: str) -> None:
    assert naming.checked(name) == asked


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "which is empty"),
        (".", "which is empty"),
        ("a..b", "with nothing between two dots"),
        (".a", "with nothing between two dots"),
        ("mongo:27017", "whose part 'mongo:27017' has other characters than letters, digits, - and _"),
        ("http://mongo", "whose part 'http://mongo' has other characters than letters, digits, - and _"),
        ("a b", "whose part 'a b' has other characters than letters, digits, - and _"),
        ("a\n", "whose part 'a\\n' has other characters than letters, digits, - and _"),
        ("a" * 64, f"whose part '{'a' * 64}' has 64 characters, more than 63"),
        (".".join(["a" * 50] * 5), "which has 254 characters, more than 253"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(name: str, fault: str) -> None:
    with pytest.raises(BadName) as caught:
        naming.checked(name)
    assert str(caught.value) == (
        f"expected a name like _main._tcp.mongo.micro.svc.cluster.local, found {name!r}, {fault}:"
        " without scheme, port and path (a port goes into the argument `port`)"
    )


@pytest.mark.parametrize("name", ["é" * 60, "\ud800", "a\u2024b"])
def test_what_cannot_be_written_in_dns_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        naming.checked(name)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("_main._tcp.mongo.micro.svc.cluster.local", "MONGO_SERVICE_PORT_MAIN"),
        ("_t-c-p._tcp.abc-123", "ABC_123_SERVICE_PORT_T_C_P"),
        ("_main._tcp.Adder-Service.", "ADDER_SERVICE_SERVICE_PORT_MAIN"),
        ("mongo.micro.svc", ""),
        ("_main._tcp", ""),
        ("_main", ""),
    ],
)
def test_variable_of_a_port_is_that_of_kubernetes(name: str, variable: str) -> None:
    assert naming.port_variable(name) == variable
