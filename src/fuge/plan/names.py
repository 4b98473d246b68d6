"""What services may be called, so that each name means one thing on the command line and in the environment."""

import re
from collections.abc import Mapping

from fuge.plan.discovery import variable
from fuge.plan.fields import NAME
from fuge.plan.places import Document
from fuge.plan.schema import Entry

HIDDEN = {
    "SERVICE": "SERVICE_PORT, which tells each service its own port",
    "DNS": "DNS_PORT, which tells services where to ask",
}


def check(document: Document, entries: Mapping[str, Entry], groups: Mapping[str, str]) -> None:
    """Note the faults of the services' names; `groups` has the group of each service."""
    owners: dict[str, str] = {}
    for name in entries:
        if fault := fault_of(document, name, owners, groups):
            document.complain((name,), *fault, at_key=True)
        owners.setdefault(variable(name), name)
    for name, entry in entries.items():
        shorter = owners.get(variable(name).removesuffix("_SERVICE"), name)
        if shorter != name and entry.ports and entries[shorter].ports:
            found = f"{name!r}, whose {variable(name)}_PORT hides that of {shorter!r}"
            document.complain((name,), "another name", found, at_key=True)


def fault_of(
    document: Document, name: str, owners: Mapping[str, str], groups: Mapping[str, str]
) -> tuple[str, str] | None:
    """What was expected of a name, and what was found; `owners` has the prefixes of the services before."""
    prefix = variable(name)
    if not re.fullmatch(NAME, name):
        return "a service's name: a letter, then letters, digits, - and _", repr(name)
    if name == "all":
        return "another name ('all' stands for all services)", repr(name)
    if prefix in HIDDEN:
        return "another name", f"{name!r}, which would hide {HIDDEN[prefix]}"
    if prefix in owners:
        other = owners[prefix]
        position = document.position((other,), at_key=True)
        return "another name", f"{name!r}, whose variables {prefix}_... are those of {other!r} ({position}) as well"
    if member := next((other for other, group in groups.items() if group == name != other), None):
        return "another name", f"{name!r}, which is the group of {member!r} as well"
    return None
