"""The names that DNS knows of a system: the same places as in the environment, in Kubernetes' records."""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address

from concordant.naming import host_name, label, namespace_and_suffix, srv_name
from fuge.plan import external
from fuge.plan.discovery import reachable
from fuge.plan.records import Record, Zone, address, is_below
from fuge.plan.system import Service, System

SCHEMA = "1.1.0"  # the version of Kubernetes' DNS specification


def zones(system: System, is_ready: Callable[[Service], bool] = lambda service: True) -> list[Zone]:
    """All that DNS knows of a system: its own zone first, then those of addresses, then external ones.

    Of a service's instances those that are ready can be found; if none is, the first has its place nevertheless, so
    that a service can be asked for before it runs.
    """
    cluster = cluster_of(system)
    found = [record for name in system.services for record in of_service(system, ready(system, name, is_ready))]
    outside = external.records(system.dns_external)
    own = [record for record in outside if is_below(record.name, cluster)]
    server = join("ns.dns", cluster)
    made = [
        Zone(
            cluster,
            server,
            tuple(unique([*found, *own, *basics(system, cluster, server)])),
            empty_names(system, cluster),
        )
    ]
    made += by_apex(server, map(reverse, places(found)), network)
    return made + by_apex(server, (record for record in outside if record not in own), external.apex)


def listed(known: Iterable[Zone]) -> list[Record]:
    """The records that say where a service is: what people look at."""
    listed = ("A", "AAAA", "CNAME", "SRV")
    return [each for zone in known for each in zone.records if each.type in listed and each.name != zone.server]


def ready(system: System, name: str, is_ready: Callable[[Service], bool]) -> tuple[Service, ...]:
    instances = system.instances(name)
    return tuple(filter(is_ready, instances)) or instances[:1]


def of_service(system: System, instances: tuple[Service, ...]) -> Iterator[Record]:
    """An address at the service's name, and SRV for each port; several instances have names of their own below."""
    if not instances[0].ports:
        return
    weight = max(1, 100 // len(instances))
    for instance in instances:
        host = reachable(instance.host)
        target = service = name_of(system, instance)
        yield address(service, host)
        if len(instances) > 1:
            number = instance.name.partition(".")[2] or "1"
            target = f"{label(instance.origin)}-{number}.{service}"
            yield address(target, host)
        for port in instance.ports:
            yield Record(port_name_of(system, instance, port.name), "SRV", target, port.number, 0, weight)


def name_of(system: System, service: Service) -> str:
    return host_name(service.origin, namespace=system.dns_namespace, suffix=system.dns_suffix).lower()


def port_name_of(system: System, service: Service, port: str) -> str:
    return srv_name(service.origin, port, namespace=system.dns_namespace, suffix=system.dns_suffix).lower()


def cluster_of(system: System) -> str:
    """The zone of all services: `cluster.local`. It is "", the root, where names have no namespace."""
    namespace, suffix = namespace_and_suffix(system.dns_namespace, system.dns_suffix, {})
    return suffix.removeprefix("svc.").lower() if namespace else ""


def basics(system: System, cluster: str, server: str) -> Iterator[Record]:
    yield Record(join("dns-version", cluster), "TXT", SCHEMA)
    yield address(server, reachable(system.dns_host))


def empty_names(system: System, cluster: str) -> tuple[str, ...]:
    """Names that exist without records, whatever the services are."""
    namespace, suffix = namespace_and_suffix(system.dns_namespace, system.dns_suffix, {})
    return (f"{namespace}.{suffix}".lower(), join("pod", cluster)) if namespace else ()


def places(records: Iterable[Record]) -> list[Record]:
    """The addresses that stand for what they are found at: with several instances, those of the instances alone."""
    targets = {record.address for record in records if record.type == "SRV"}
    return [record for record in records if record.type in ("A", "AAAA") and record.name in targets]


def reverse(record: Record) -> Record:
    return Record(ip_address(record.address).reverse_pointer, "PTR", record.name)


def network(record: Record) -> str:
    """The zone of an address turned round: that of its network of 256 (IPv4), or of its /64 (IPv6)."""
    labels = record.name.split(".")
    return ".".join(labels[1:] if record.name.endswith("in-addr.arpa") else labels[16:])


def by_apex(server: str, records: Iterable[Record], apex_of: Callable[[Record], str]) -> list[Zone]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(apex_of(record), []).append(record)
    return [Zone(apex, server, tuple(unique(each))) for apex, each in found.items()]


def unique(records: Iterable[Record]) -> list[Record]:
    return list(dict.fromkeys(records))


def join(name: str, domain: str) -> str:
    return f"{name}.{domain}" if domain else name


def fits(host: str) -> bool:
    """Whether a service's host can stand in an address record."""
    try:
        ip_address(reachable(host))
    except ValueError:
        return False
    return True
