"""concordant: finds services by DNS, in a cluster and on a laptop alike.

from concordant import resolve

endpoints = await resolve("_main._tcp.mongo.micro.svc.cluster.local")
host, port = endpoints[0].host, endpoints[0].port

DNS_HOST (and DNS_PORT, 53053 if absent) say which server to ask; without them it is the system's resolver.
The package for asking, dnspython, is loaded when `resolve` is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from concordant.endpoint import Endpoint
from concordant.errors import (
    BadName,
    ConcordantError,
    NobodyAnswered,
    NoSuchName,
    NoSuchRecord,
    NotConfigured,
    NotInstalled,
    ServerFailed,
    ServerNotFound,
    ServerRefused,
)
from concordant.naming import host_name, label, srv_name

if TYPE_CHECKING:
    from concordant.resolving import resolve as resolve

__all__ = [
    "BadName",
    "ConcordantError",
    "Endpoint",
    "NoSuchName",
    "NoSuchRecord",
    "NobodyAnswered",
    "NotConfigured",
    "NotInstalled",
    "ServerFailed",
    "ServerNotFound",
    "ServerRefused",
    "host_name",
    "label",
    "resolve",
    "srv_name",
]


def __getattr__(name: str) -> Any:
    if name != "resolve":
        raise AttributeError(f"module 'concordant' has no {name!r}")
    try:
        return import_module("concordant.resolving").resolve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "dns":
            raise
        advice = 'install the extra dns (pip install "microservices-workbook[dns]")'
        raise NotInstalled(f"expected dnspython for concordant, found none: {advice}") from None
