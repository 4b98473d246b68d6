"""The environment that each service gets: Kubernetes' variables, and fuge's own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fuge.plan import discovery
from fuge.plan.system import Port, Service, System

BOOK = """\
fuge_global:
  tail: true
  monitor: true
  monitor_excludes:
    - '**/node_modules/**'
    - '**/.git/**'
    - '**/*.log'
adder_service:
  type: process
  path: ../adder_service
  run: 'python service.py'
  ports:
    - main=8080
webapp:
  type: process
  path: ../webapp
  run: 'python main.py'
  ports:
    - http=3000
"""
ANY = "0.0.0.0"  # noqa: S104


def lines(environment: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]


def system(*services: Service, **settings: object) -> System:
    return System(Path("/x/fuge.yml"), {service.name: service for service in services}, **settings)


def test_book_system(load: Callable[..., System], tmp_path: Path) -> None:
    found = load(BOOK)
    adder, webapp = found.services.values()
    assert (adder.run, adder.path, adder.ports) == (
        "python service.py",
        tmp_path.parent / "adder_service",
        (Port("main", 8080),),
    )
    assert adder.monitor_excludes == webapp.monitor_excludes == ("**/node_modules/**", "**/.git/**", "**/*.log")
    assert lines(discovery.environment(found, webapp)) == [
        "SERVICE_HOST=127.0.0.1",
        "SERVICE_PORT=3000",
        "ADDER_SERVICE_SERVICE_HOST=127.0.0.1",
        "ADDER_SERVICE_SERVICE_PORT=8080",
        "ADDER_SERVICE_SERVICE_PORT_MAIN=8080",
        "ADDER_SERVICE_PORT=tcp://127.0.0.1:8080",
        "ADDER_SERVICE_PORT_8080_TCP=tcp://127.0.0.1:8080",
        "ADDER_SERVICE_PORT_8080_TCP_PROTO=tcp",
        "ADDER_SERVICE_PORT_8080_TCP_PORT=8080",
        "ADDER_SERVICE_PORT_8080_TCP_ADDR=127.0.0.1",
        "WEBAPP_SERVICE_HOST=127.0.0.1",
        "WEBAPP_SERVICE_PORT=3000",
        "WEBAPP_SERVICE_PORT_HTTP=3000",
        "WEBAPP_PORT=tcp://127.0.0.1:3000",
        "WEBAPP_PORT_3000_TCP=tcp://127.0.0.1:3000",
        "WEBAPP_PORT_3000_TCP_PROTO=tcp",
        "WEBAPP_PORT_3000_TCP_PORT=3000",
        "WEBAPP_PORT_3000_TCP_ADDR=127.0.0.1",
    ]


def test_kubernetes_own_example() -> None:
    """The TCP port of the vector in the tests of kubelet's envvars."""
    service = Service("abc-123", host="5.6.7.8", ports=(Port("t-c-p", 8081),))
    assert lines(discovery.environment(system(service), Service("other"))) == [
        "ABC_123_SERVICE_HOST=5.6.7.8",
        "ABC_123_SERVICE_PORT=8081",
        "ABC_123_SERVICE_PORT_T_C_P=8081",
        "ABC_123_PORT=tcp://5.6.7.8:8081",
        "ABC_123_PORT_8081_TCP=tcp://5.6.7.8:8081",
        "ABC_123_PORT_8081_TCP_PROTO=tcp",
        "ABC_123_PORT_8081_TCP_PORT=8081",
        "ABC_123_PORT_8081_TCP_ADDR=5.6.7.8",
    ]


def test_ipv6_address_is_in_brackets_within_urls_only() -> None:
    service = Service("a", host="2001:DB8::", ports=(Port("main", 8084),))
    assert lines(discovery.environment(system(service), Service("other"))) == [
        "A_SERVICE_HOST=2001:DB8::",
        "A_SERVICE_PORT=8084",
        "A_SERVICE_PORT_MAIN=8084",
        "A_PORT=tcp://[2001:DB8::]:8084",
        "A_PORT_8084_TCP=tcp://[2001:DB8::]:8084",
        "A_PORT_8084_TCP_PROTO=tcp",
        "A_PORT_8084_TCP_PORT=8084",
        "A_PORT_8084_TCP_ADDR=2001:DB8::",
    ]


def test_several_ports_the_first_is_the_service_port_and_the_outer_number_counts() -> None:
    service = Service("mongo", "container", ports=(Port("main", 27017), Port("web-ui", 9000, 80)))
    found = discovery.environment(system(service), service)
    assert found == {
        "SERVICE_HOST": "127.0.0.1",
        "SERVICE_PORT": "27017",
        "MONGO_SERVICE_HOST": "127.0.0.1",
        "MONGO_SERVICE_PORT": "27017",
        "MONGO_SERVICE_PORT_MAIN": "27017",
        "MONGO_SERVICE_PORT_WEB_UI": "9000",
        "MONGO_PORT": "tcp://127.0.0.1:27017",
        "MONGO_PORT_27017_TCP": "tcp://127.0.0.1:27017",
        "MONGO_PORT_27017_TCP_PROTO": "tcp",
        "MONGO_PORT_27017_TCP_PORT": "27017",
        "MONGO_PORT_27017_TCP_ADDR": "127.0.0.1",
        "MONGO_PORT_9000_TCP": "tcp://127.0.0.1:9000",
        "MONGO_PORT_9000_TCP_PROTO": "tcp",
        "MONGO_PORT_9000_TCP_PORT": "9000",
        "MONGO_PORT_9000_TCP_ADDR": "127.0.0.1",
    }


def test_service_without_ports_is_told_of_others_and_they_not_of_it() -> None:
    worker, other = Service("worker"), Service("other", ports=(Port("main", 1),))
    names = discovery.environment(system(worker, other), worker).keys()
    assert "OTHER_SERVICE_PORT" in names
    assert not any(name.startswith(("WORKER", "SERVICE")) for name in names)


@pytest.mark.parametrize(
    "hidden",
    [
        Service("hidden", "container", ports=(Port("main", 1),)),
        Service("hidden", enabled=False, ports=(Port("main", 1),)),
        Service("hidden", auto_generate_environment=False, ports=(Port("main", 1),)),
        Service("hidden", problem="the folder /x does not exist", ports=(Port("main", 1),)),
    ],
)
def test_every_service_with_ports_is_told_of(hidden: Service) -> None:
    other = Service("other")
    found = discovery.environment(system(hidden, other, run_containers=False), other)
    assert found["HIDDEN_SERVICE_PORT"] == "1"


def test_service_that_wants_no_generated_variables_gets_its_own_only() -> None:
    service = Service("a", auto_generate_environment=False, environment={"A": "1"}, ports=(Port("main", 1),))
    assert discovery.environment(system(service, dns_enabled=True), service) == {"A": "1"}


def test_own_environment_wins_and_comes_last() -> None:
    service = Service("a", environment={"SERVICE_HOST": ANY, "MINE": "1"}, ports=(Port("main", 8080),))
    found = discovery.environment(system(service, dns_enabled=True), service)
    assert found["SERVICE_HOST"] == ANY
    assert lines(found)[-2:] == ["DNS_SUFFIX=", "MINE=1"]
    assert service.environment == {"SERVICE_HOST": ANY, "MINE": "1"}


@pytest.mark.parametrize(
    ("host", "told"), [(ANY, "127.0.0.1"), ("::", "::1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1")]
)
def test_dns_server_is_told_with_an_address_to_call(host: str, told: str) -> None:
    service = Service("a")
    found = discovery.environment(
        system(service, dns_enabled=True, dns_host=host, dns_namespace="micro", dns_suffix="svc.cluster.local"), service
    )
    assert lines(found) == [
        f"DNS_HOST={told}",
        "DNS_PORT=53053",
        "DNS_NAMESPACE=micro",
        "DNS_SUFFIX=svc.cluster.local",
    ]


def test_process_is_told_where_its_traces_and_metrics_go() -> None:
    service, known = Service("a-b.2", environment={"MINE": "1"}), {"traces_enabled": True, "traces_port": 9}
    assert lines(discovery.environment(system(service, **known), service, {})) == [
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "OTEL_SERVICE_NAME=a-b",
        "OTEL_RESOURCE_ATTRIBUTES=service.instance.id=a-b.2",
        "OTEL_BSP_SCHEDULE_DELAY=500",
        "OTEL_METRIC_EXPORT_INTERVAL=1000",
        "OTEL_METRICS_EXPORTER=otlp",
        "OTEL_METRICS_EXEMPLAR_FILTER=always_off",
        "OTEL_LOGS_EXPORTER=none",
        "MINE=1",
    ]


def test_instance_is_told_beside_what_is_inherited_of_it() -> None:
    service = Service("a")
    found = discovery.environment(
        system(service, traces_enabled=True), service, {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=dev"}
    )
    assert found["OTEL_RESOURCE_ATTRIBUTES"] == "deployment.environment=dev,service.instance.id=a"


ENDPOINT, OF_TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("service", "inherited", "settings"),
    [
        (Service("a"), {}, {}),
        (Service("a", type="container"), {}, {"traces_enabled": True}),
        (Service("a"), {ENDPOINT: "http://x"}, {"traces_enabled": True}),
        (Service("a"), {OF_TRACES: "http://x"}, {"traces_enabled": True}),
        (Service("a", environment={ENDPOINT: "http://x"}), {}, {"traces_enabled": True}),
        (Service("a", environment={OF_TRACES: "http://x"}), {}, {"traces_enabled": True}),
        (Service("a", auto_generate_environment=False), {}, {"traces_enabled": True}),
    ],
)
def test_nothing_is_said_of_traces_where_they_are_not_kept_or_go_elsewhere(
    service: Service, inherited: dict[str, str], settings: dict[str, bool]
) -> None:
    assert discovery.environment(system(service, **settings), service, inherited) == service.environment


def test_backend_that_is_empty_is_none_and_own_settings_win() -> None:
    service = Service("a", environment={"OTEL_SERVICE_NAME": "mine"})
    found = discovery.environment(system(service, traces_enabled=True), service, {ENDPOINT: ""})
    assert (found[ENDPOINT], found["OTEL_SERVICE_NAME"]) == ("http://127.0.0.1:4318", "mine")


def test_service_on_all_addresses_is_told_with_one_to_call_and_listens_on_all() -> None:
    service = Service("a", host=ANY, ports=(Port("main", 8080),))
    found = discovery.environment(system(service), service)
    assert (found["SERVICE_HOST"], found["A_SERVICE_HOST"]) == (ANY, "127.0.0.1")
    assert (found["A_PORT"], found["A_PORT_8080_TCP_ADDR"]) == ("tcp://127.0.0.1:8080", "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "part"), [("adder_service", "ADDER_SERVICE"), ("web-app", "WEB_APP"), ("a-b_C-1", "A_B_C_1")]
)
def test_variable_is_upper_case_with_underscores(name: str, part: str) -> None:
    assert discovery.variable(name) == part


def test_given_ports_are_told_of(load: Callable[..., System]) -> None:
    found = load(BOOK, ports={"adder_service": 9080, "webapp.http": 4000})
    environment = discovery.environment(found, found.services["webapp"])
    assert environment["SERVICE_PORT"] == "4000"
    assert environment["ADDER_SERVICE_SERVICE_PORT_MAIN"] == "9080"
    assert environment["ADDER_SERVICE_PORT_9080_TCP"] == "tcp://127.0.0.1:9080"


def test_number_in_whose_place_services_get_a_link_is_told() -> None:
    redis, api = Service("redis", ports=(Port("main", 6379),)), Service("api", ports=(Port("http", 8080),))
    inherited = {"REDIS_PORT": "6379", "API_PORT": "tcp://127.0.0.1:8080", "REDIS_SERVICE_PORT": "1", "HOME": "/"}
    link = {"REDIS_PORT": "tcp://127.0.0.1:6379"}
    assert discovery.replaced(system(redis, api), inherited) == link
    assert discovery.replaced(system(redis, api), {}) == {}
    own = {"REDIS_PORT": "6379"}
    assert discovery.replaced(system(replace(redis, environment=own), api), inherited) == link
    assert discovery.replaced(system(*(replace(each, environment=own) for each in (redis, api))), inherited) == {}
    without = [replace(each, auto_generate_environment=False) for each in (redis, api)]
    assert discovery.replaced(system(*without), inherited) == {}
