"""What a fuge.yml must keep to when its services are to be found by DNS."""

from concordant import BadName, label
from fuge.plan import external, zone
from fuge.plan.places import Document
from fuge.plan.schema import GLOBAL
from fuge.plan.system import Service, System


def check(document: Document, system: System) -> None:
    """Note the faults of names, hosts and external records; none if DNS is not enabled."""
    if not system.dns_enabled:
        return
    for service in system.services.values():
        check_service(document, service)
    for index, text in enumerate(system.dns_external):
        if expected := external.expected(text, zone.cluster_of(system)):
            document.complain((GLOBAL, "dns_external", index), expected, repr(text))
    if not document.faults:
        check_aliases(document, system)


def check_service(document: Document, service: Service) -> None:
    if service.ports and not zone.fits(service.host):
        where = (service.name, "host") if (service.name, "host") in document.values else (GLOBAL, "host")
        document.complain(where, "an address such as 127.0.0.1, since DNS is enabled", repr(service.host))
    check_names(document, service)


def check_names(document: Document, service: Service) -> None:
    """Note what of a service can have no name in DNS: itself, or its ports."""
    try:
        label(service.name)
    except BadName:
        expected = "a name for DNS: at most 63 letters, digits, - and _, with a letter or digit at the end"
        document.complain((service.name,), expected, repr(service.name), at_key=True)
        return
    for port in service.ports:
        try:
            label(port.name)
        except BadName:
            expected = "ports with names for DNS: letters, digits, - and _, a letter or digit at the end"
            document.complain((service.name, "ports"), expected, repr(port.name))


def check_aliases(document: Document, system: System) -> None:
    """A CNAME stands for all that could be asked of its name, so nothing else may be there."""
    names = [record.name for found in zone.zones(system) for record in found.records]
    for index, record in enumerate(external.records(system.dns_external)):
        if record.type == "CNAME" and names.count(record.name) > 1:
            where = (GLOBAL, "dns_external", index)
            document.complain(where, "a CNAME of a name that has no other record", repr(record.name))
