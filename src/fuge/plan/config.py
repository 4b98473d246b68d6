"""From a fuge.yml to a System, or to one error that names all that is wrong with it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fuge.plan import dependencies, domain, entries, faults, names, places, readiness
from fuge.plan import ports as port_plan
from fuge.plan.faults import Broken
from fuge.plan.location import absolute
from fuge.plan.places import Document
from fuge.plan.ports import Claim
from fuge.plan.schema import GLOBAL, Inherited, Settings
from fuge.plan.system import TRACES_HOST, Service, System


def load(
    file: Path | str, environment: Mapping[str, str] = os.environ, ports: Mapping[str, int] | None = None
) -> System:
    """The system that `file` describes.

    `environment` is where ${NAME} is looked up. `ports` are numbers for this run only, by "SERVICE" (its first port)
    or "SERVICE.PORT". Raises ConfigError with a line for each fault of the file; then nothing of it is returned.
    """
    return read(file, environment, ports)[1]


def read(
    file: Path | str, environment: Mapping[str, str] = os.environ, ports: Mapping[str, int] | None = None
) -> tuple[Document, System]:
    """The same, beside the document, which knows where the file says what."""
    file = absolute(file)
    try:
        document = places.read(file, environment)
    except Broken as broken:
        raise faults.error([broken.fault], file) from None
    system = assemble(document, ports or {})
    if document.faults:
        raise faults.error(document.faults, file)
    return document, system


def assemble(document: Document, ports: Mapping[str, int]) -> System:
    """The System of a document; not to be used if that has faults then."""
    settings, found = entries.read(document)
    fields = {name: entries.fields(settings, entry) for name, entry in found.items()}
    names.check(document, found, {name: field.get("group", Service.group) for name, field in fields.items()})
    waits = dependencies.check(document, found)
    hosts = {name: field.get("host", Service.host) for name, field in fields.items()}
    others = reserved(settings)
    numbers = port_plan.settle(document, found, hosts, ports, settings.auto_port_start, others)
    shared = entries.environment(document, GLOBAL, settings, document.file.parent)
    services = {}
    for name, entry in found.items():
        path, problem = entries.folder(document, entry)
        own = entries.environment(document, name, entry, path or document.file.parent)
        services[name] = Service(
            name=name,
            path=path,
            problem=problem,
            environment=shared | own,
            ports=numbers[name],
            depends_on=waits[name],
            readiness=readiness.of(document, name, entry, numbers[name]),
            **fields[name],
        )
    moved = {claim.name: claim.number for claim in others}
    system = System(document.file, services, **of_the_system(settings) | moved)
    if not document.faults:
        domain.check(document, system)
    return system


def reserved(settings: Settings) -> list[Claim]:
    """The ports where fuge itself listens."""
    wanted = [
        (settings.dns_enabled, "dns_port", settings.dns_host, settings.dns_port),
        (settings.traces_enabled, "traces_port", TRACES_HOST, settings.traces_port),
    ]
    return [Claim(GLOBAL, name, (GLOBAL, name), host, number) for enabled, name, host, number in wanted if enabled]


def of_the_system(settings: Settings) -> dict[str, Any]:
    keys = settings.model_fields_set - Inherited.model_fields.keys() - {"auto_port_start"}
    return {key: getattr(settings, key) for key in keys}
