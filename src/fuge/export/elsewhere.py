"""A system that runs in containers of a network: where its services are then, and what they are told of each other."""

from collections.abc import Mapping
from dataclasses import replace

from concordant import host_name
from fuge.plan import discovery, domain, faults
from fuge.plan.places import Document
from fuge.plan.system import Port, Service, System
from fuge.services.servers import known

AUTO = 10_000  # in a container of its own, any number is free


def check(document: Document, system: System) -> None:
    """Every service, and every port, can have a name in DNS. Raises ConfigError."""
    for service in system.services.values():
        domain.check_names(document, service)
    if document.faults:
        raise faults.error(document.faults, document.file)


def moved(system: System) -> System:
    """The system with each service at its name in DNS, and at the ports on which it listens in its container.

    fuge is not there: nobody answers at its DNS server, or takes traces.
    """
    services = {name: at_its_name(system, service) for name, service in system.services.items()}
    return replace(system, services=services, dns_enabled=False, traces_enabled=False)


def at_its_name(system: System, service: Service) -> Service:
    if not runs_there(system, service):
        return service
    namespace, suffix = (system.dns_namespace, system.dns_suffix) if system.dns_enabled else ("", "")
    return replace(service, host=host_name(service.name, namespace=namespace, suffix=suffix), ports=listening(service))


def runs_there(system: System, service: Service) -> bool:
    """Whether it is the system's own, and not a container of somebody else."""
    return service.type == "process" or system.run_containers


def listening(service: Service) -> tuple[Port, ...]:
    server = known(service.image) if service.type == "container" else None
    ports = server.published(service).ports if server else service.ports
    taken = {port.target or port.number for port in ports if not port.auto}
    free = (number for number in range(AUTO, 65_536) if number not in taken)
    return tuple(
        Port(port.name, port.target or (next(free) if port.auto else port.number), auto=port.auto) for port in ports
    )


def environment(system: System, there: System, service: Service, dns: Mapping[str, str]) -> dict[str, str]:
    """What a service of `there`, the moved system, is given. `dns` is what its engine's DNS makes necessary."""
    generated = discovery.environment(there, service, {})
    if not service.auto_generate_environment:
        return generated
    names = (
        {"DNS_NAMESPACE": system.dns_namespace, "DNS_SUFFIX": system.dns_suffix, **dns} if system.dns_enabled else {}
    )
    return discovery.in_container(service, generated | names)
