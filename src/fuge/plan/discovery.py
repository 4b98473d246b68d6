"""How services are told of each other: the environment variables that each one gets."""

import os
from collections.abc import Mapping

from fuge.plan.system import TRACES_HOST, Port, Service, System

ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - these are replaced, not bound
ANY = "0.0.0.0"  # noqa: S104 - in a container's own network, of which only its ports are published
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"
BACKENDS = (ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def environment(system: System, service: Service, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What fuge puts into a service's environment: its own place, all services', the DNS server's and that for traces,
    its own settings.

    The last win. A replica takes its own place for that of its service, so that the same code listens there; for all
    others it is the first instance's. A service with `auto_generate_environment: false` gets its own settings only.
    `inherited` is what it has from fuge's own environment besides.
    """
    if not service.auto_generate_environment:
        return dict(service.environment)
    generated = own_place(service)
    for name, first in system.services.items():
        known = service if name == service.origin else first
        generated |= service_variables(known) | link_variables(known)
    return generated | dns_variables(system) | traces_variables(system, service, inherited) | service.environment


def variable(name: str) -> str:
    """The part of a variable's name that stands for a service or port (Kubernetes: upper case, - becomes _)."""
    return name.upper().replace("-", "_")


def own_place(service: Service) -> dict[str, str]:
    """Where the service itself shall listen: SERVICE_HOST and SERVICE_PORT (Node's fuge; the first port)."""
    if not service.ports:
        return {}
    return {"SERVICE_HOST": service.host, "SERVICE_PORT": str(service.ports[0].number)}


def in_container(service: Service, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment, with the place where the service shall listen in a container of its own."""
    own = {}
    if service.ports and service.auto_generate_environment:
        own = {"SERVICE_HOST": ANY, "SERVICE_PORT": str(service.ports[0].target or service.ports[0].number)}
    return {**environment, **own, **service.environment}


def service_variables(service: Service) -> dict[str, str]:
    """{S}_SERVICE_HOST, {S}_SERVICE_PORT and {S}_SERVICE_PORT_{NAME} (Kubernetes, service variables)."""
    if not service.ports:
        return {}
    prefix = f"{variable(service.origin)}_SERVICE"
    found = {f"{prefix}_HOST": reachable(service.host), f"{prefix}_PORT": str(service.ports[0].number)}
    return found | {f"{prefix}_PORT_{variable(port.name)}": str(port.number) for port in service.ports}


def link_variables(service: Service) -> dict[str, str]:
    """{S}_PORT and {S}_PORT_{number}_TCP with _PROTO, _PORT, _ADDR (Kubernetes, as Docker's old links had them)."""
    if not service.ports:
        return {}
    prefix, host = f"{variable(service.origin)}_PORT", reachable(service.host)
    found = {prefix: url(host, service.ports[0])}
    for port in service.ports:
        link = f"{prefix}_{port.number}_TCP"
        found[link] = url(host, port)
        found |= {f"{link}_PROTO": "tcp", f"{link}_PORT": str(port.number), f"{link}_ADDR": host}
    return found


def replaced(system: System, inherited: Mapping[str, str]) -> dict[str, str]:
    """The numbers in an environment, such as REDIS_PORT=6379, in whose place services get a link: {name: link}.

    So it is in Kubernetes, too: whoever takes REDIS_PORT for a number fails beside a service that is called redis.
    """
    links = {name: link for service in system.services.values() for name, link in link_variables(service).items()}
    given = [environment(system, service) for service in system.services.values()]
    return {
        name: link
        for name, link in links.items()
        if "://" in link and inherited.get(name, "").isdecimal() and any(each.get(name) == link for each in given)
    }


def dns_variables(system: System) -> dict[str, str]:
    """DNS_HOST, DNS_PORT, DNS_NAMESPACE and DNS_SUFFIX (Node's fuge and concordant) if fuge answers DNS questions."""
    if not system.dns_enabled:
        return {}
    return {
        "DNS_HOST": reachable(system.dns_host),
        "DNS_PORT": str(system.dns_port),
        "DNS_NAMESPACE": system.dns_namespace,
        "DNS_SUFFIX": system.dns_suffix,
    }


def traces_variables(system: System, service: Service, inherited: Mapping[str, str]) -> dict[str, str]:
    """Where a process sends its traces and metrics (OpenTelemetry's variables), if fuge keeps them; no logs, as these
    are refused there.

    None if its own settings or `inherited` name another backend: then everything goes to that one.
    """
    given = {**inherited, **service.environment}
    if not system.traces_enabled or service.type != "process" or any(given.get(name) for name in BACKENDS):
        return {}
    return {
        ENDPOINT: f"http://{TRACES_HOST}:{system.traces_port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": service.origin,
        RESOURCE: ",".join(filter(None, (inherited.get(RESOURCE), f"service.instance.id={service.name}"))),
        "OTEL_BSP_SCHEDULE_DELAY": "500",  # milliseconds: whoever looks on does not wait for 5 s
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",  # nor for a minute
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_METRICS_EXEMPLAR_FILTER": "always_off",  # they are not kept, and cost each message something
        "OTEL_LOGS_EXPORTER": "none",
    }


def reachable(host: str) -> str:
    """The address to call for what listens on `host`, which may stand for all addresses of this machine."""
    return ANY_HOST.get(host, host)


def url(host: str, port: Port) -> str:
    """tcp://host:port, an IPv6 address in brackets (RFC 3986)."""
    return f"tcp://[{host}]:{port.number}" if ":" in host else f"tcp://{host}:{port.number}"
