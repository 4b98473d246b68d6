"""How services are called in DNS, as in Kubernetes, and what can be a name there."""

import os
import re
import socket
from collections.abc import Mapping

from concordant.errors import BadName

SUFFIX = "svc.cluster.local"
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ASKED = re.compile(r"[A-Za-z0-9_-]+")  # what a label of a question may hold
LONGEST_LABEL, LONGEST_NAME = 63, 253  # octets


def label(name: str) -> str:
    """The DNS label of a service's name: `adder_service` is `adder-service` there. Raises BadName."""
    made = name.lower().replace("_", "-")
    if LABEL.fullmatch(made):
        return made
    expected = f"expected letters, digits, - and _, at most {LONGEST_LABEL}, with a letter or digit at both ends"
    raise BadName(f"a name for DNS: {expected}, found {name!r}: give the service another name")


def host_name(
    name: str,
    *,
    namespace: str | None = None,
    suffix: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """The name of a service's address: `mongo.micro.svc.cluster.local`. Raises BadName.

    `namespace` and `suffix` are DNS_NAMESPACE and DNS_SUFFIX if they are not given. Without a namespace the name
    stays short, and the resolver's search list completes it.
    """
    namespace, suffix = namespace_and_suffix(namespace, suffix, os.environ if environment is None else environment)
    return f"{label(name)}.{namespace}.{suffix}" if namespace else label(name)


def srv_name(
    name: str,
    port_name: str = "_main",
    protocol: str = "_tcp",
    *,
    namespace: str | None = None,
    suffix: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """The name of a service's named port: `_main._tcp.mongo.micro.svc.cluster.local`. Raises BadName.

    Port and protocol may be given with or without their leading underscore; for the rest see `host_name`.
    """
    host = host_name(name, namespace=namespace, suffix=suffix, environment=environment)
    return f"_{label(port_name.removeprefix('_'))}._{label(protocol.removeprefix('_'))}.{host}"


def namespace_and_suffix(namespace: str | None, suffix: str | None, environment: Mapping[str, str]) -> tuple[str, str]:
    """Of a service, each as given or by the environment; the suffix is empty if nothing tells it."""
    if namespace is None:
        namespace = environment.get("DNS_NAMESPACE", "")
    if suffix is None:
        suffix = environment.get("DNS_SUFFIX", "")
    namespace, suffix = namespace.strip("."), suffix.strip(".")
    return namespace, suffix or (SUFFIX if namespace else "")


def search_list(namespace: str, suffix: str) -> list[str]:
    """Where a pod of that namespace looks for a short name, in this order."""
    places = [f"{namespace}.{suffix}"] if namespace else []
    places += [suffix] if suffix else []
    return places + ([suffix.removeprefix("svc.")] if suffix.startswith("svc.") else [])


def names_port(name: str) -> bool:
    """Whether it is the name of a port, `_main._tcp.mongo`, for which SRV records are there."""
    return name.startswith("_")


def without_port(name: str) -> str:
    """The name of the address: `mongo` for `_main._tcp.mongo`."""
    labels = name.split(".")
    while labels[0].startswith("_") and len(labels) > 1:
        labels.pop(0)
    return ".".join(labels)


def port_variable(name: str) -> str:
    """The variable that tells a port's number: MONGO_SERVICE_PORT_MAIN for `_main._tcp.mongo.micro.svc.cluster.local`.

    It is Kubernetes' and fuge's; "" for what is not the name of a port.
    """
    labels = name.split(".")
    if not names_port(name) or len(labels) < 3:
        return ""
    port, service = (part.upper().replace("-", "_") for part in (labels[0].removeprefix("_"), labels[2]))
    return f"{service}_SERVICE_PORT_{port}"


def is_address(name: str) -> bool:
    """Whether it is an IPv4 or IPv6 address already."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except (OSError, ValueError):
            continue
        return True
    return False


def checked(name: str) -> str:
    """The name as it can be asked for, in ASCII, with its last dot if it has one. Raises BadName."""
    if not name.strip("."):
        raise bad(name, "which is empty")
    dot = "." if name.endswith(".") else ""
    labels = [ascii_of(part, name) for part in name.removesuffix(".").split(".")]
    whole = ".".join(labels)
    if len(whole) > LONGEST_NAME:
        raise bad(name, f"which has {len(whole)} characters, more than {LONGEST_NAME}")
    return whole + dot


def ascii_of(part: str, name: str) -> str:
    if not part:
        raise bad(name, "with nothing between two dots")
    try:
        text = part if part.isascii() else part.encode("idna").decode()
    except UnicodeError as error:
        raise bad(name, f"whose part {part!r} cannot be written in DNS ({error})") from None
    if len(text) > LONGEST_LABEL:
        raise bad(name, f"whose part {text!r} has {len(text)} characters, more than {LONGEST_LABEL}")
    if not ASKED.fullmatch(text):
        raise bad(name, f"whose part {part!r} has other characters than letters, digits, - and _")
    return text


def bad(name: str, found: str) -> BadName:
    advice = "without scheme, port and path (a port goes into the argument `port`)"
    return BadName(f"expected a name like _main._tcp.mongo.micro.svc.cluster.local, found {name!r}, {found}: {advice}")
